/* What an evaluation prints or sends: marked lines in pieces of any size, values, JSON, and the
 * outcome that comes from a plugin's process. */
#include "fuzz.h"

#include <jansson.h>

#include "dh_mpi/history.h"
#include "eval/output.h"
#include "eval/value.h"
#include "eval/wire.h"

#define METADATA 64

static void check(struct dh_outcome *outcome, size_t objectives)
{
    bool finite = true;
    for (size_t i = 0; i < objectives; i++)
        finite = finite && isfinite(outcome->objectives[i]);
    promise((outcome->status == DH_TRIAL_SUCCEEDED) == finite, "a success has values");
    promise(outcome->status == DH_TRIAL_SUCCEEDED || outcome->reason, "a failure has a reason");
    promise(!outcome->metadata || strlen(outcome->metadata) < METADATA + 80, "metadata is limited");
    dh_outcome_free(outcome);
}

static void take_line(void *context, const char *line, size_t size)
{
    size_t objectives = *(const size_t *)context;
    struct dh_outcome outcome = {0};
    promise(strlen(line) == size && strncmp(line, "DH-", 3) == 0, "a line is marked");
    eval_value_text(&outcome, objectives, METADATA, line + 3, size - 3);
    check(&outcome, objectives);
}

/* As the launcher reads a plugin's answer. */
static void take_frames(const uint8_t *data, size_t size, size_t objectives)
{
    struct dh_buffer in = {0};
    dh_buffer_append(&in, data, size);
    size_t offset = 0;
    struct eval_frame frame;
    while (eval_wire_next(&in, &offset, &frame)) {
        promise(offset <= in.size, "a frame is within its buffer");
        struct dh_reader reader = dh_reader_of(frame.data, frame.size);
        struct dh_outcome outcome;
        if (dh_outcome_unpack(&reader, objectives, &outcome)) {
            eval_value_trust(&outcome, objectives, METADATA);
            check(&outcome, objectives);
        }
    }
    dh_buffer_free(&in);
}

static void take_lines(const char *text, size_t size, size_t piece, size_t objectives)
{
    struct eval_lines lines = {0};
    struct eval_tail tail = {0};
    for (size_t at = 0; at < size; at += piece) {
        size_t part = size - at < piece ? size - at : piece;
        eval_lines_feed(&lines, text + at, part, take_line, &objectives);
        eval_tail_feed(&tail, text + at, part);
    }
    eval_lines_end(&lines, take_line, &objectives);
    free(eval_tail_text(&tail));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t piece = data[0] % 61 + 1, objectives = data[1] % 3 + 1;
    const char *text = (const char *)data + 2;
    struct dh_outcome outcome = {0};
    eval_value_text(&outcome, objectives, METADATA, text, size - 2);
    check(&outcome, objectives);
    take_lines(text, size - 2, piece, objectives);
    take_frames(data + 2, size - 2, objectives);
    return 0;
}
