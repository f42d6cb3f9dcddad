/* The history as DeepHyper's results.csv.
 *
 * One row a trial that has ended, in the order in which they ended. Columns: p:NAME of every
 * parameter (empty: inactive), objective (objective_0, objective_1 … for several) as the
 * evaluation returned it or "F_reason", job_id, job_status (DONE or CANCELLED), and what is known
 * beside as m:…; times are seconds since the first proposal. Keys of the metadata become columns
 * m:KEY (m:metadata.KEY where dh_mpi has a column of that name), the first MOST_KEYS of them;
 * metadata that is no JSON object stands in m:metadata. Quoting is RFC 4180's.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/hash.h"
#include "dh_mpi/json.h"
#include "dh_mpi/store.h"
#include "dh_mpi/text.h"

#define MOST_KEYS 1000
#define LONGEST_REASON 100

struct table {
    const struct dh_space *space;
    const struct dh_history *history;
    const uint64_t *order;
    uint64_t count;
    double start;        /* wall clock of the first proposal */
    char **keys;         /* of the metadata */
    struct dh_map index; /* hash of a key to its place in `keys` */
    size_t key_count, key_capacity;
    bool raw; /* some metadata is no object */
    struct dh_buffer line;
};

/* One more field; the first of a line has no comma before it. */
static void put_field(struct table *table, const char *text)
{
    struct dh_buffer *line = &table->line;
    bool quoted = text[strcspn(text, ",\"\r\n")] != '\0';
    if (line->size)
        dh_buffer_text(line, ",");
    else if (*text == '\0')
        quoted = true; /* a line of one empty field is not an empty line */
    if (!quoted) {
        dh_buffer_text(line, text);
        return;
    }
    dh_buffer_text(line, "\"");
    for (const char *c = text; *c; c++)
        dh_buffer_append(line, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
    dh_buffer_text(line, "\"");
}

static void put_named(struct table *table, const char *prefix, const char *name)
{
    char *text = dh_strprintf("%s%s", prefix, name);
    put_field(table, text);
    free(text);
}

static void put_number(struct table *table, double value)
{
    struct dh_buffer text = {0};
    if (isfinite(value))
        dh_text_put_number(&text, value);
    put_field(table, text.data ? text.data : "");
    dh_buffer_free(&text);
}

static void put_integer(struct table *table, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    put_field(table, text);
}

static double since(const struct table *table, double when)
{
    return when - table->start;
}

static void put_submit(struct table *table, const struct dh_trial *trial)
{
    put_number(table, since(table, trial->proposed));
}

static void put_end(struct table *table, const struct dh_trial *trial)
{
    put_number(table, since(table, trial->outcome.ended));
}

static void put_start(struct table *table, const struct dh_trial *trial)
{
    put_number(table, since(table, trial->outcome.started));
}

static void put_status(struct table *table, const struct dh_trial *trial)
{
    put_field(table, dh_trial_status_text(trial->outcome.status));
}

static void put_reason(struct table *table, const struct dh_trial *trial)
{
    put_field(table, trial->outcome.reason ? trial->outcome.reason : "");
}

static void put_worker(struct table *table, const struct dh_trial *trial)
{
    put_number(table, trial->outcome.worker < 0 ? (double)NAN : trial->outcome.worker);
}

static void put_slot(struct table *table, const struct dh_trial *trial)
{
    put_number(table, trial->outcome.slot < 0 ? (double)NAN : trial->outcome.slot);
}

static void put_cpu(struct table *table, const struct dh_trial *trial)
{
    put_number(table, trial->outcome.cpu_seconds);
}

static void put_peak(struct table *table, const struct dh_trial *trial)
{
    if (trial->outcome.peak_bytes)
        put_integer(table, trial->outcome.peak_bytes);
    else
        put_field(table, "");
}

static void put_retries(struct table *table, const struct dh_trial *trial)
{
    put_integer(table, trial->outcome.retries);
}

static void put_seed(struct table *table, const struct dh_trial *trial)
{
    put_integer(table, trial->seed);
}

static const struct {
    const char *name;
    void (*put)(struct table *table, const struct dh_trial *trial);
} columns[] = {
    {"timestamp_submit", put_submit}, {"timestamp_gather", put_end},
    {"timestamp_start", put_start},   {"timestamp_end", put_end},
    {"status", put_status},           {"reason", put_reason},
    {"worker", put_worker},           {"slot", put_slot},
    {"cpu_seconds", put_cpu},         {"peak_bytes", put_peak},
    {"retries", put_retries},         {"seed", put_seed},
};

/* The metadata as an object, or NULL. */
static json_t *load_metadata(const struct dh_trial *trial)
{
    const char *text = trial->outcome.metadata;
    json_t *object = text ? json_loads(text, JSON_ALLOW_NUL, NULL) : NULL;
    if (object && !json_is_object(object)) {
        json_decref(object);
        object = NULL;
    }
    return object;
}

/* The columns that the metadata needs. */
static void collect_keys(struct table *table)
{
    for (uint64_t i = 0; i < table->count; i++) {
        const struct dh_trial *trial = dh_history_trial(table->history, table->order[i]);
        json_t *object = load_metadata(trial), *value;
        const char *key;
        table->raw |= trial->outcome.metadata && !object;
        json_object_foreach(object, key, value)
        {
            uint64_t hash = dh_hash_bytes(0, key, strlen(key));
            if (table->key_count == MOST_KEYS || dh_map_get(&table->index, hash, NULL))
                continue;
            dh_map_put(&table->index, hash, table->key_count);
            *DH_PUSH(table->keys, table->key_count, table->key_capacity) = dh_strdup(key);
        }
        json_decref(object);
    }
}

static bool own_column(const char *key)
{
    for (size_t i = 0; i < DH_COUNT_OF(columns); i++)
        if (strcmp(columns[i].name, key) == 0)
            return true;
    return strcmp(key, "metadata") == 0;
}

static void put_header(struct table *table)
{
    size_t objectives = dh_history_objective_count(table->history);
    for (size_t i = 0; i < dh_space_count(table->space); i++)
        put_named(table, "p:", dh_space_parameter(table->space, i)->name);
    for (size_t i = 0; i < objectives; i++) {
        char *name = objectives == 1 ? dh_strdup("objective") : dh_strprintf("objective_%zu", i);
        put_field(table, name);
        free(name);
    }
    put_field(table, "job_id");
    put_field(table, "job_status");
    for (size_t i = 0; i < DH_COUNT_OF(columns); i++)
        put_named(table, "m:", columns[i].name);
    for (size_t i = 0; i < table->key_count; i++)
        put_named(table, own_column(table->keys[i]) ? "m:metadata." : "m:", table->keys[i]);
    if (table->raw)
        put_field(table, "m:metadata");
}

/* "F_" and the reason, in characters that no reader minds. */
static void put_failure(struct table *table, const struct dh_outcome *outcome)
{
    const char *reason = outcome->reason && *outcome->reason
                             ? outcome->reason
                             : dh_trial_status_text(outcome->status);
    char text[LONGEST_REASON + 3] = "F_";
    size_t used = 2;
    for (const char *c = strncmp(reason, "F_", 2) == 0 ? reason + 2 : reason; *c; c++) {
        char letter = isalnum((unsigned char)*c) || *c == '.' || *c == '-' ? *c : '_';
        if (used < LONGEST_REASON && !(letter == '_' && text[used - 1] == '_'))
            text[used++] = letter;
    }
    while (used > 2 && text[used - 1] == '_')
        used--;
    text[used] = '\0';
    put_field(table, text);
}

/* A trial without a value in one objective has none in any, as in DeepHyper. */
static void put_objectives(struct table *table, const struct dh_outcome *outcome)
{
    size_t count = dh_history_objective_count(table->history);
    bool valued = outcome->status == DH_TRIAL_SUCCEEDED || outcome->status == DH_TRIAL_PRUNED;
    for (size_t i = 0; i < count; i++)
        valued = valued && isfinite(outcome->objectives[i]);
    for (size_t i = 0; i < count; i++)
        if (valued)
            put_number(table, outcome->objectives[i]);
        else
            put_failure(table, outcome);
}

static void put_metadata(struct table *table, const struct dh_trial *trial)
{
    json_t *object = load_metadata(trial);
    for (size_t i = 0; i < table->key_count; i++) {
        const json_t *value = json_object_get(object, table->keys[i]);
        const char *text = json_string_value(value);
        if (text && strlen(text) < json_string_length(value))
            text = NULL; /* NUL within it is an escape */
        struct dh_buffer dump = {0};
        if (value && !text && !json_is_null(value))
            dh_json_put(&dump, value);
        put_field(table, text ? text : dump.size ? dump.data : "");
        dh_buffer_free(&dump);
    }
    if (table->raw)
        put_field(table, trial->outcome.metadata && !object ? trial->outcome.metadata : "");
    json_decref(object);
}

static void put_row(struct table *table, const struct dh_trial *trial)
{
    for (size_t i = 0; i < dh_space_count(table->space); i++) {
        struct dh_buffer text = {0};
        dh_parameter_format(dh_space_parameter(table->space, i), trial->values[i], &text);
        put_field(table, text.data ? text.data : "");
        dh_buffer_free(&text);
    }
    put_objectives(table, &trial->outcome);
    put_integer(table, trial->id);
    put_field(table, trial->outcome.status == DH_TRIAL_CANCELLED ? "CANCELLED" : "DONE");
    for (size_t i = 0; i < DH_COUNT_OF(columns); i++)
        columns[i].put(table, trial);
    put_metadata(table, trial);
}

static dh_status write_line(FILE *out, struct table *table, struct dh_error *err)
{
    dh_buffer_text(&table->line, "\n");
    size_t written = fwrite(table->line.data, 1, table->line.size, out);
    bool whole = written == table->line.size;
    dh_buffer_clear(&table->line);
    return whole ? DH_OK : dh_fail(err, DH_IO, "cannot write the csv: %s", strerror(errno));
}

dh_status dh_export_csv(FILE *out, const struct dh_space *space, const struct dh_settings *settings,
                        const struct dh_history *history, struct dh_error *err)
{
    (void)settings; /* the columns of objectives have DeepHyper's names, not theirs */
    struct table table = {.space = space, .history = history};
    uint64_t *order = dh_history_ended_order(history, &table.count);
    table.order = order;
    table.start = table.count ? dh_history_trial(history, 0)->proposed : 0;
    collect_keys(&table);
    put_header(&table);
    dh_status status = write_line(out, &table, err);
    for (uint64_t i = 0; i < table.count && status == DH_OK; i++) {
        put_row(&table, dh_history_trial(history, order[i]));
        status = write_line(out, &table, err);
    }
    if (status == DH_OK && fflush(out) != 0)
        status = dh_fail(err, DH_IO, "cannot write the csv: %s", strerror(errno));
    for (size_t i = 0; i < table.key_count; i++)
        free(table.keys[i]);
    free(table.keys);
    dh_map_free(&table.index);
    dh_buffer_free(&table.line);
    free(order);
    return status;
}
