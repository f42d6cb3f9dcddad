/* The history as one JSON object, written trial by trial:
 *
 *   {"search": NAME, "objectives": [{"name", "goal"}, …], "config": TEXT, "trials": [{"id",
 *    "status", "objectives": {NAME: VALUE}, "parameters": {the active ones}, "reason", "worker",
 *    "slot", "proposed", "started", "ended" (seconds since 1970), "cpu_seconds", "peak_bytes",
 *    "retries", "seed", "metadata", "reports", "stderr"}, …]}
 *
 * Only trials that have ended, in the order in which they did. What is not known is null. Metadata
 * and reports are embedded as the JSON they are; as a string if they are none.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/json.h"
#include "dh_mpi/store.h"
#include "dh_mpi/text.h"

static void put_trial(struct dh_buffer *out, const struct dh_space *space,
                      const struct dh_settings *settings, const struct dh_trial *trial)
{
    const struct dh_outcome *outcome = &trial->outcome;
    dh_buffer_printf(out, "{\"id\": %" PRIu64 ", \"status\": \"%s\", \"objectives\": ", trial->id,
                     dh_trial_status_text(outcome->status));
    dh_objectives_format_json(settings, outcome->objectives, out);
    dh_buffer_text(out, ", \"parameters\": ");
    dh_space_format_json(space, trial->values, out);
    dh_text_put_json_text_member(out, "reason", outcome->reason);
    dh_text_put_json_number_member(out, "proposed", trial->proposed);
    dh_outcome_put_json_run(outcome, out);
    dh_buffer_printf(out, ", \"seed\": %" PRIu64, trial->seed);
    dh_json_put_embedded_member(out, "metadata", outcome->metadata);
    dh_json_put_embedded_member(out, "reports", outcome->reports);
    dh_text_put_json_text_member(out, "stderr", outcome->stderr_tail);
    dh_buffer_text(out, "}");
}

static void put_lead(struct dh_buffer *out, const struct dh_settings *settings)
{
    dh_buffer_text(out, "{\"search\": ");
    dh_text_put_json(out, settings->search.name);
    dh_buffer_text(out, ",\n \"objectives\": [");
    for (size_t i = 0; i < settings->objective_count; i++) {
        dh_buffer_text(out, i ? ", {\"name\": " : "{\"name\": ");
        dh_text_put_json(out, settings->objectives[i].name);
        dh_buffer_printf(out, ", \"goal\": \"%s\"}", dh_objective_goal(&settings->objectives[i]));
    }
    dh_buffer_text(out, "],\n \"config\": ");
    dh_text_put_json(out, settings->config ? dh_config_text(settings->config) : NULL);
    dh_buffer_text(out, ",\n \"trials\": [");
}

/* Hand `text` on and empty it. */
static bool flush(FILE *out, struct dh_buffer *text)
{
    bool whole = text->size == 0 || fwrite(text->data, 1, text->size, out) == text->size;
    dh_buffer_clear(text);
    return whole;
}

dh_status dh_export_json(FILE *out, const struct dh_space *space,
                         const struct dh_settings *settings, const struct dh_history *history,
                         struct dh_error *err)
{
    struct dh_buffer text = {0};
    uint64_t count;
    uint64_t *order = dh_history_ended_order(history, &count);
    put_lead(&text, settings);
    bool whole = true;
    for (uint64_t i = 0; i < count && whole; i++) {
        dh_buffer_text(&text, i ? ",\n  " : "\n  ");
        put_trial(&text, space, settings, dh_history_trial(history, order[i]));
        whole = flush(out, &text);
    }
    dh_buffer_text(&text, "\n ]}\n");
    whole = whole && flush(out, &text) && fflush(out) == 0;
    int failure = errno;
    dh_buffer_free(&text);
    free(order);
    return whole ? DH_OK : dh_fail(err, DH_IO, "cannot write the json: %s", strerror(failure));
}
