/* Ranks that cannot evaluate: see unfit.h. */
#include "unfit.h"

#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"

#define MOST_NAMES 16

static void forget(struct dh_unfit *unfit)
{
    for (size_t i = 0; i < unfit->count; i++) {
        free(unfit->kinds[i].text);
        dh_buffer_free(&unfit->kinds[i].names);
    }
    unfit->count = 0;
}

void dh_unfit_close(struct dh_unfit *unfit)
{
    forget(unfit);
    free(unfit->kinds);
    *unfit = (struct dh_unfit){0};
}

/* Where a number that begins with 0x is at `text`, its end; else `text`. */
static const char *skip_address(const char *text)
{
    bool there = text[0] == '0' && text[1] == 'x';
    return there ? text + 2 + strspn(text + 2, "0123456789abcdef") : text;
}

/* Addresses in memory, as Python tells them when it dies, do not matter. */
static bool same(const char *a, const char *b)
{
    while (*a && *a == *b) {
        const char *next_a = skip_address(a), *next_b = skip_address(b);
        bool addresses = next_a > a && next_b > b;
        a = addresses ? next_a : a + 1;
        b = addresses ? next_b : b + 1;
    }
    return *a == *b;
}

static struct dh_unfit_kind *kind_of(struct dh_unfit *unfit, const char *text)
{
    for (size_t i = 0; i < unfit->count; i++)
        if (same(unfit->kinds[i].text, text))
            return &unfit->kinds[i];
    struct dh_unfit_kind *kind = DH_PUSH(unfit->kinds, unfit->count, unfit->capacity);
    *kind = (struct dh_unfit_kind){.text = dh_strdup(text)};
    return kind;
}

void dh_unfit_add(struct dh_unfit *unfit, const struct dh_peers *peers, int rank, const char *text,
                  double now)
{
    if (unfit->count == 0)
        unfit->since = now;
    struct dh_unfit_kind *kind = kind_of(unfit, text);
    if (kind->count < MOST_NAMES) {
        dh_buffer_text(&kind->names, kind->count ? ", " : "");
        dh_peers_name(peers, rank, &kind->names);
    }
    kind->count++;
}

bool dh_unfit_due(const struct dh_unfit *unfit, bool works, double now)
{
    return unfit->count > 0 && (works || now - unfit->since >= DH_UNFIT_PATIENCE);
}

void dh_unfit_tell(struct dh_unfit *unfit, const char *but, const struct dh_log *log)
{
    for (size_t i = 0; i < unfit->count; i++) {
        struct dh_unfit_kind *kind = &unfit->kinds[i];
        if (but && same(kind->text, but))
            continue;
        if (kind->count > MOST_NAMES)
            dh_buffer_printf(&kind->names, ", … (%d ranks)", kind->count);
        dh_log_error(log, "%s cannot evaluate and %s put aside: %s", (const char *)kind->names.data,
                     kind->count == 1 ? "is" : "are", kind->text);
    }
    forget(unfit);
}
