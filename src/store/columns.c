/* The layout that the writer and the reader of a checkpoint share: see checkpoint.h. */
#include <string.h>

#include "checkpoint.h"
#include "dh_mpi/alloc.h"

#define FIELD(label, form, member)                                                                 \
    .name = label, .kind = form, .offset = offsetof(struct dh_trial, member)

const struct dh_column dh_columns[] = {
    {FIELD("id", DH_COLUMN_U64, id)}, /* first: the reader counts the rows by it */
    {FIELD("status", DH_COLUMN_STATUS, outcome.status), .outcome = true},
    {FIELD("reason", DH_COLUMN_TEXT, outcome.reason), .outcome = true},
    {FIELD("worker", DH_COLUMN_I32, outcome.worker), .outcome = true},
    {FIELD("slot", DH_COLUMN_I32, outcome.slot), .outcome = true},
    {FIELD("proposed", DH_COLUMN_F64, proposed)},
    {FIELD("started", DH_COLUMN_F64, outcome.started), .outcome = true},
    {FIELD("ended", DH_COLUMN_F64, outcome.ended), .outcome = true},
    {FIELD("cpu_seconds", DH_COLUMN_F64, outcome.cpu_seconds), .outcome = true},
    {FIELD("peak_bytes", DH_COLUMN_U64, outcome.peak_bytes), .outcome = true},
    {FIELD("retries", DH_COLUMN_U32, outcome.retries), .outcome = true},
    {FIELD("metadata", DH_COLUMN_TEXT, outcome.metadata), .outcome = true},
    {FIELD("reports", DH_COLUMN_TEXT, outcome.reports), .outcome = true},
    {FIELD("stderr", DH_COLUMN_TEXT, outcome.stderr_tail), .outcome = true},
    {FIELD("seed", DH_COLUMN_U64, seed), .noisy = true},
    {FIELD("identity", DH_COLUMN_U64, identity), .noisy = true},
    {FIELD("cursor", DH_COLUMN_U64, cursor)},
    {FIELD("origin", DH_COLUMN_U32, origin)},
    {FIELD("level", DH_COLUMN_U32, level)},
    {FIELD("proposed_event", DH_COLUMN_U64, proposed_event)},
    {FIELD("ended_event", DH_COLUMN_U64, ended_event), .outcome = true},
};
const size_t dh_column_count = DH_COUNT_OF(dh_columns);

hid_t dh_checkpoint_fixed_text(size_t size)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, size);
    H5Tset_cset(type, H5T_CSET_UTF8);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    return type;
}

hid_t dh_checkpoint_free_text(void)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

bool dh_checkpoint_is_text(const struct dh_parameter *parameter)
{
    return parameter->choice_count && parameter->choices[0].kind != DH_CHOICE_NUMBER;
}

char *dh_checkpoint_choice_text(const struct dh_choice *choice)
{
    bool marked = choice->text[0] == '\0' || choice->text[0] == '"';
    return dh_strprintf("%s%s", marked ? "\"" : "", choice->text);
}

size_t dh_checkpoint_text_size(const struct dh_parameter *parameter)
{
    size_t size = 1;
    for (size_t i = 0; i < parameter->choice_count; i++) {
        size_t length = strlen(parameter->choices[i].text) + 1; /* the mark */
        size = length > size ? length : size;
    }
    return size;
}

char *dh_checkpoint_objective_name(size_t i, size_t n)
{
    return n == 1 ? dh_strdup("objective") : dh_strprintf("objective_%zu", i);
}
