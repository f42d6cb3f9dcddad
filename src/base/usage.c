/* The account of the slots' time: see usage.h. */
#include "dh_mpi/usage.h"

static const struct {
    const char *key, *text;
} uses[] = {
#define USE_ROW(name, key, text) [DH_USE_##name] = {key, text},
    DH_USE_MAP(USE_ROW)
#undef USE_ROW
};

const char *dh_use_key(enum dh_use use)
{
    return uses[use].key;
}

const char *dh_use_text(enum dh_use use)
{
    return uses[use].text;
}

int64_t dh_usage_total(const struct dh_usage *usage)
{
    int64_t total = 0;
    for (int use = 0; use < DH_USE_COUNT; use++)
        total += usage->by_use[use];
    return total;
}

double dh_usage_seconds(const struct dh_usage *usage, enum dh_use use)
{
    return (double)usage->by_use[use] / DH_TICKS;
}

double dh_usage_share(const struct dh_usage *usage, enum dh_use use)
{
    int64_t total = dh_usage_total(usage);
    return total > 0 ? (double)usage->by_use[use] / (double)total : 0;
}

void dh_usage_add(struct dh_usage *to, const struct dh_usage *usage)
{
    for (int use = 0; use < DH_USE_COUNT; use++)
        to->by_use[use] += usage->by_use[use];
    to->failed += usage->failed;
}
