/* The table of trials: see history.h.
 *
 * Trials lie in chunks that are allocated once and never move, each with one block for all its
 * values and one for its objectives: about 340 bytes a trial of 20 parameters. Chunks are found
 * through a directory of two levels, both of fixed size, so that the directory does not move under
 * a reader on another thread either: an entry is written before the count that covers it is
 * released, and never again. The directory ends at DIRECTORY_LIMIT (4.3e9) trials, far beyond what
 * memory holds.
 */
#include "dh_mpi/history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"

#define CHUNK_TRIALS 1024u
#define PAGE_CHUNKS 4096u
#define DIRECTORY_PAGES 1024u
#define DIRECTORY_LIMIT ((uint64_t)CHUNK_TRIALS * PAGE_CHUNKS * DIRECTORY_PAGES)

struct chunk {
    double *values;     /* CHUNK_TRIALS × parameter_count */
    double *objectives; /* CHUNK_TRIALS × objective_count */
    struct dh_trial trials[CHUNK_TRIALS];
};

struct page {
    struct chunk *chunks[PAGE_CHUNKS];
};

struct dh_history {
    size_t parameter_count, objective_count;
    _Atomic uint64_t count; /* released after the trial it covers was laid out */
    _Atomic uint64_t ended, event;
    struct page *pages[DIRECTORY_PAGES];
};

static const char *const status_texts[] = {
#define STATUS_TEXT(name, text) [DH_TRIAL_##name] = text,
    DH_TRIAL_STATUS_MAP(STATUS_TEXT)
#undef STATUS_TEXT
};

const char *dh_trial_status_text(enum dh_trial_status status)
{
    return status_texts[status];
}

int dh_trial_status_parse(const char *text)
{
    for (int i = 0; i < DH_TRIAL_STATUS_COUNT; i++)
        if (strcmp(text, status_texts[i]) == 0)
            return i;
    return -1;
}

static void free_texts(struct dh_outcome *outcome)
{
    free(outcome->reason);
    free(outcome->stderr_tail);
    free(outcome->metadata);
    free(outcome->reports);
}

void dh_outcome_free(struct dh_outcome *outcome)
{
    free_texts(outcome);
    free(outcome->objectives);
    *outcome = (struct dh_outcome){0};
}

void dh_outcome_pack(const struct dh_outcome *outcome, size_t objective_count,
                     struct dh_buffer *out)
{
    dh_put_u8(out, (uint8_t)outcome->status);
    for (size_t i = 0; i < objective_count; i++)
        dh_put_f64(out, outcome->objectives ? outcome->objectives[i] : (double)NAN);
    dh_put_text(out, outcome->reason);
    dh_put_text(out, outcome->stderr_tail);
    dh_put_text(out, outcome->metadata);
    dh_put_text(out, outcome->reports);
    dh_put_f64(out, outcome->started);
    dh_put_f64(out, outcome->ended);
    dh_put_f64(out, outcome->cpu_seconds);
    dh_put_u64(out, outcome->peak_bytes);
    dh_put_u32(out, (uint32_t)outcome->worker);
    dh_put_u32(out, (uint32_t)outcome->slot);
    dh_put_u32(out, outcome->retries);
}

bool dh_outcome_unpack(struct dh_reader *reader, size_t objective_count, struct dh_outcome *out)
{
    *out = (struct dh_outcome){0};
    uint8_t status = dh_get_u8(reader);
    out->objectives = dh_alloc(objective_count, sizeof *out->objectives);
    dh_get_f64s(reader, out->objectives, objective_count);
    out->reason = dh_get_text(reader);
    out->stderr_tail = dh_get_text(reader);
    out->metadata = dh_get_text(reader);
    out->reports = dh_get_text(reader);
    out->started = dh_get_f64(reader);
    out->ended = dh_get_f64(reader);
    out->cpu_seconds = dh_get_f64(reader);
    out->peak_bytes = dh_get_u64(reader);
    out->worker = (int32_t)dh_get_u32(reader);
    out->slot = (int32_t)dh_get_u32(reader);
    out->retries = dh_get_u32(reader);
    if (reader->failed || status >= DH_TRIAL_STATUS_COUNT) {
        dh_outcome_free(out);
        return false;
    }
    out->status = (enum dh_trial_status)status;
    return true;
}

struct dh_history *dh_history_create(size_t parameter_count, size_t objective_count)
{
    struct dh_history *history = dh_alloc(1, sizeof *history);
    history->parameter_count = parameter_count;
    history->objective_count = objective_count;
    return history;
}

static void free_chunk(struct chunk *chunk)
{
    for (size_t i = 0; i < CHUNK_TRIALS; i++)
        free_texts(&chunk->trials[i].outcome);
    free(chunk->values);
    free(chunk->objectives);
    free(chunk);
}

void dh_history_clear(struct dh_history *history)
{
    for (size_t p = 0; p < DIRECTORY_PAGES && history->pages[p]; p++) {
        struct page *page = history->pages[p];
        for (size_t c = 0; c < PAGE_CHUNKS && page->chunks[c]; c++)
            free_chunk(page->chunks[c]);
        free(page);
        history->pages[p] = NULL;
    }
    history->count = history->ended = history->event = 0;
}

void dh_history_destroy(struct dh_history **history)
{
    if (!*history)
        return;
    dh_history_clear(*history);
    free(*history);
    *history = NULL;
}

size_t dh_history_parameter_count(const struct dh_history *history)
{
    return history->parameter_count;
}

size_t dh_history_objective_count(const struct dh_history *history)
{
    return history->objective_count;
}

uint64_t dh_history_count(const struct dh_history *history)
{
    return atomic_load_explicit(&history->count, memory_order_acquire);
}

uint64_t dh_history_ended(const struct dh_history *history)
{
    return atomic_load_explicit(&history->ended, memory_order_relaxed);
}

uint64_t dh_history_event(const struct dh_history *history)
{
    return atomic_load_explicit(&history->event, memory_order_relaxed);
}

uint64_t dh_history_cancelled(const struct dh_history *history)
{
    uint64_t cancelled = 0;
    for (uint64_t id = 0; id < dh_history_count(history); id++)
        cancelled += dh_trial_cancelled(dh_history_trial(history, id));
    return cancelled;
}

/* The directory entry of trial `id`; its page must be there. */
static struct chunk **chunk_place(const struct dh_history *history, uint64_t id)
{
    uint64_t chunk = id / CHUNK_TRIALS;
    return &history->pages[chunk / PAGE_CHUNKS]->chunks[chunk % PAGE_CHUNKS];
}

struct dh_trial *dh_history_trial(const struct dh_history *history, uint64_t id)
{
    return &(*chunk_place(history, id))->trials[id % CHUNK_TRIALS];
}

/* Make room for trial `id`, the first of a new chunk. */
static void add_chunk(struct dh_history *history, uint64_t id)
{
    size_t page = (size_t)(id / CHUNK_TRIALS / PAGE_CHUNKS);
    if (id >= DIRECTORY_LIMIT)
        abort(); /* over a terabyte of trials */
    if (!history->pages[page])
        history->pages[page] = dh_alloc(1, sizeof *history->pages[page]);
    struct chunk *chunk = dh_alloc(1, sizeof *chunk);
    chunk->values = dh_alloc(CHUNK_TRIALS * history->parameter_count, sizeof(double));
    chunk->objectives = dh_alloc(CHUNK_TRIALS * history->objective_count, sizeof(double));
    *chunk_place(history, id) = chunk;
}

static uint64_t next_event(struct dh_history *history)
{
    uint64_t event = dh_history_event(history) + 1;
    atomic_store_explicit(&history->event, event, memory_order_relaxed);
    return event;
}

struct dh_trial *dh_history_propose(struct dh_history *history, const double *values)
{
    uint64_t id = dh_history_count(history);
    if (id % CHUNK_TRIALS == 0)
        add_chunk(history, id);
    struct chunk *chunk = *chunk_place(history, id);
    struct dh_trial *trial = &chunk->trials[id % CHUNK_TRIALS];
    trial->id = id;
    trial->values = chunk->values + (id % CHUNK_TRIALS) * history->parameter_count;
    if (history->parameter_count)
        memcpy(trial->values, values, history->parameter_count * sizeof *values);
    double *objectives = chunk->objectives + (id % CHUNK_TRIALS) * history->objective_count;
    for (size_t i = 0; i < history->objective_count; i++)
        objectives[i] = NAN;
    trial->outcome = (struct dh_outcome){.objectives = objectives,
                                         .started = NAN,
                                         .ended = NAN,
                                         .cpu_seconds = NAN,
                                         .worker = -1,
                                         .slot = -1};
    trial->proposed_event = next_event(history);
    atomic_store_explicit(&history->count, id + 1, memory_order_release);
    return trial;
}

static bool has_ended(const struct dh_trial *trial)
{
    return dh_trial_ended_by(trial, UINT64_MAX);
}

dh_status dh_history_end(struct dh_history *history, uint64_t id, struct dh_outcome *outcome,
                         struct dh_error *err)
{
    if (id >= dh_history_count(history))
        return dh_fail(err, DH_INTERNAL, "trial %llu ended, but only %llu were proposed",
                       (unsigned long long)id, (unsigned long long)dh_history_count(history));
    struct dh_trial *trial = dh_history_trial(history, id);
    if (has_ended(trial))
        return dh_fail(err, DH_INTERNAL, "trial %llu ended twice", (unsigned long long)id);
    if (outcome->status == DH_TRIAL_PENDING)
        return dh_fail(err, DH_INTERNAL, "trial %llu ended without a final status",
                       (unsigned long long)id);
    double *objectives = trial->outcome.objectives;
    if (outcome->objectives && history->objective_count)
        memcpy(objectives, outcome->objectives, history->objective_count * sizeof *objectives);
    free(outcome->objectives);
    trial->outcome = *outcome;
    trial->outcome.objectives = objectives;
    *outcome = (struct dh_outcome){0};
    atomic_fetch_add_explicit(&history->ended, 1, memory_order_relaxed);
    atomic_store_explicit(&trial->ended_event, next_event(history), memory_order_release);
    return DH_OK;
}

void dh_history_set_events(struct dh_history *history, struct dh_trial *trial,
                           uint64_t proposed_event, uint64_t ended_event)
{
    uint64_t event = dh_history_event(history);
    uint64_t ended_before = atomic_load_explicit(&trial->ended_event, memory_order_relaxed);
    /* Numbers that propose and end gave on the way are taken back. */
    if (ended_before && ended_before == event)
        event--;
    if (trial->proposed_event == event)
        event--;
    trial->proposed_event = proposed_event;
    if (ended_event && !ended_before)
        atomic_fetch_add_explicit(&history->ended, 1, memory_order_relaxed);
    if (!ended_event && ended_before)
        atomic_fetch_sub_explicit(&history->ended, 1, memory_order_relaxed);
    uint64_t newest = proposed_event > ended_event ? proposed_event : ended_event;
    atomic_store_explicit(&history->event, newest > event ? newest : event, memory_order_relaxed);
    atomic_store_explicit(&trial->ended_event, ended_event, memory_order_release);
}

struct ending {
    uint64_t event, id;
};

static int compare_endings(const void *a, const void *b)
{
    const struct ending *x = a, *y = b;
    return (x->event > y->event) - (x->event < y->event);
}

uint64_t *dh_history_ended_order(const struct dh_history *history, uint64_t *count)
{
    uint64_t total = dh_history_count(history), ended = dh_history_ended(history), n = 0;
    struct ending *endings = dh_alloc(ended, sizeof *endings);
    for (uint64_t id = 0; id < total && n < ended; id++) {
        const struct dh_trial *trial = dh_history_trial(history, id);
        if (has_ended(trial))
            endings[n++] = (struct ending){
                atomic_load_explicit(&trial->ended_event, memory_order_relaxed), id};
    }
    qsort(endings, n, sizeof *endings, compare_endings);
    uint64_t *order = dh_alloc(n, sizeof *order);
    for (uint64_t i = 0; i < n; i++)
        order[i] = endings[i].id;
    free(endings);
    *count = n;
    return order;
}
