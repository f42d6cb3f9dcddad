/* A search whose state is a pure function of the number of events: see fixture.h. */
#include "fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/store/checkpoint.h"
#include "../../src/store/generation.h"

#define PARAMETERS_A                                                                               \
    "{ name = \"lr\"; type = \"real\"; low = 1e-5; high = 1e-1; scale = \"log\"; },"               \
    "{ name = \"units\"; type = \"int\"; low = 8; high = 512; scale = \"log\"; },"                 \
    "{ name = \"depth\"; type = \"ordinal\"; values = (1, 2, 4.5); },"
#define PARAMETERS_B                                                                               \
    "{ name = \"act\"; type = \"categorical\";"                                                    \
    "  values = (\"relu\", \"tänh, \\\"x\\\"\", \"\", \"\\\"\"); },"                              \
    "{ name = \"norm\"; type = \"bool\"; },"                                                       \
    "{ name = \"body[0].k.version\"; type = \"constant\"; value = \"v1\"; },"                      \
    "{ name = \"momentum\"; type = \"real\"; low = 0.0; high = 0.99; when = \"act == 'relu'\"; },"
#define PARAMETERS_C                                                                               \
    "{ name = \"steps\"; type = \"int\"; low = -3; high = 3; when = \"norm\"; },"                  \
    "{ name = \"kind\"; type = \"categorical\"; values = (\"a\", \"bb\");"                         \
    "  when = \"norm and depth > 1\"; }"
#define REST                                                                                       \
    "objectives = ( { name = \"accuracy\"; }, { name = \"size\"; goal = \"minimize\"; } );"        \
    "evaluator = { type = \"builtin\"; };"

const char fixture_config[] = "search = { name = \"sample\"; seed = 42; };"
                              "parameters = (" PARAMETERS_A PARAMETERS_B PARAMETERS_C ");" REST
                              "checkpoint = { sync = 0.0; };";
const char fixture_reordered[] = "search = { name = \"sample\"; seed = 42; max_evaluations = 9; };"
                                 "parameters = (" PARAMETERS_B PARAMETERS_A PARAMETERS_C ");" REST;

void fixture_open_config(struct fixture *f, const char *config)
{
    struct dh_error err = {0};
    *f = (struct fixture){0};
    if (dh_config_parse("t.cfg", config, &f->config, &err) != DH_OK ||
        dh_settings_unpack(f->config, &f->settings, &err) != DH_OK ||
        dh_space_create(&f->settings, &f->space, &err) != DH_OK)
        fail_msg("%s", err.text);
    const char *folder = getenv("DH_TEST_FOLDER");
    snprintf(f->folder, sizeof f->folder, "%.40s/dh_store_XXXXXX", folder ? folder : "/tmp");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/s.h5", f->folder);
}

void fixture_open(struct fixture *f)
{
    fixture_open_config(f, fixture_config);
}

void fixture_close(struct fixture *f)
{
    DIR *folder = opendir(f->folder);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", f->folder, entry->d_name);
        unlink(path);
    }
    if (folder)
        closedir(folder);
    assert_int_equal(rmdir(f->folder), 0);
    dh_space_destroy(&f->space);
    dh_settings_free(&f->settings);
    dh_config_destroy(&f->config);
}

const char *fixture_file(const struct fixture *f, const char *suffix, char out[160])
{
    snprintf(out, 160, "%s%s", f->path, suffix);
    return out;
}

dh_status fixture_checkpoint(const struct fixture *f, const char *path,
                             const struct dh_history *history, uint64_t mark, struct dh_error *err)
{
    const struct dh_usage usage = {0};
    struct dh_image image;
    dh_status status = dh_checkpoint_build(dh_config_text(f->config), &f->settings, f->space,
                                           history, mark, &usage, &image, err);
    if (status == DH_OK)
        status = dh_generation_write(path, &image, false, NULL, err);
    dh_image_free(&image);
    return status;
}

/* The outcome of trial `id`: every status, texts that are missing, empty, long or not ASCII,
 * numbers that are not finite. */
static struct dh_outcome make_outcome(uint64_t id)
{
    static const enum dh_trial_status statuses[] = {DH_TRIAL_SUCCEEDED, DH_TRIAL_SUCCEEDED,
                                                    DH_TRIAL_FAILED,    DH_TRIAL_TIMEOUT,
                                                    DH_TRIAL_PRUNED,    DH_TRIAL_CANCELLED};
    struct dh_random random = dh_random_at(7, DH_STREAM_TEST, id);
    struct dh_outcome outcome = {.status = statuses[id % 6]};
    bool ran = outcome.status != DH_TRIAL_CANCELLED;
    outcome.objectives = dh_alloc(2, sizeof(double));
    outcome.objectives[0] = id % 6 < 2 ? dh_random_uniform(&random) : (double)NAN;
    outcome.objectives[1] = id % 6 < 2 ? 1e6 * dh_random_uniform(&random) : (double)NAN;
    outcome.started = ran ? 1.7e9 + (double)id + 0.25 : (double)NAN;
    outcome.ended = ran ? 1.7e9 + (double)id + 0.75 : (double)NAN;
    outcome.cpu_seconds = id % 5 ? dh_random_uniform(&random) : (double)NAN;
    outcome.peak_bytes = id % 4 ? dh_random_u64(&random) >> 20 : 0;
    outcome.worker = ran ? (int32_t)(id % 7) : -1;
    outcome.slot = ran ? (int32_t)(id % 2) : -1;
    outcome.retries = id % 3 == 0;
    if (id % 6 >= 2)
        outcome.reason = dh_strdup(id % 6 == 2 ? "F_größer, \"zwei\"\nZeilen" : "signal 11 (SEGV)");
    if (id % 6 == 2)
        outcome.stderr_tail = dh_strdup("Traceback\n  line 1\n");
    if (id % 3 == 1)
        outcome.metadata = dh_strprintf("{\"epoch\": %d, \"seed\": \"s,%d\"}", (int)id, (int)id);
    if (id % 3 == 2)
        outcome.metadata = dh_strdup("");
    if (id % 9 == 0)
        outcome.reports = dh_strdup("[[1, 0.5], [2, 0.75]]");
    return outcome;
}

/* The trial to end: one that is still pending among the last ones. */
static uint64_t choose_pending(const struct dh_history *history, struct dh_random *random)
{
    uint64_t count = dh_history_count(history), found[16], n = 0;
    for (uint64_t id = count > 16 ? count - 16 : 0; id < count; id++)
        if (!dh_trial_ended_by(dh_history_trial(history, id), UINT64_MAX))
            found[n++] = id;
    if (n == 0)
        return UINT64_MAX;
    bool late = count >= 16 && found[0] == count - 16; /* it would fall out of reach */
    if (!late && dh_random_below(random, 2))
        return UINT64_MAX;
    return late ? found[0] : found[dh_random_below(random, n)];
}

struct dh_trial *fixture_step(const struct fixture *f, struct dh_history *history, bool *ended)
{
    struct dh_random random = dh_random_at(1, DH_STREAM_SIMULATE, dh_history_event(history) + 1);
    uint64_t id = choose_pending(history, &random);
    *ended = id != UINT64_MAX;
    if (*ended) {
        struct dh_outcome outcome = make_outcome(id);
        assert_int_equal(dh_history_end(history, id, &outcome, NULL), DH_OK);
        return dh_history_trial(history, id);
    }
    double point[64];
    id = dh_history_count(history);
    random = dh_random_at(2, DH_STREAM_SAMPLE, id);
    assert_int_equal(dh_space_sample(f->space, &random, point, NULL), DH_OK);
    struct dh_trial *trial = dh_history_propose(history, point);
    trial->identity = dh_space_identity(f->space, point);
    trial->seed = dh_random_u64(&random);
    trial->cursor = id * 3;
    trial->origin = (uint32_t)(id % 4);
    trial->level = (uint32_t)(id % 2);
    trial->proposed = 1.7e9 + (double)id;
    return trial;
}

struct dh_history *fixture_history(const struct fixture *f, uint64_t events)
{
    struct dh_history *history =
        dh_history_create(dh_space_count(f->space), f->settings.objective_count);
    bool ended;
    while (dh_history_event(history) < events)
        fixture_step(f, history, &ended);
    return history;
}

void fixture_record(const struct fixture *f, struct dh_history *history, struct dh_store *store)
{
    bool ended;
    const struct dh_trial *trial = fixture_step(f, history, &ended);
    if (ended)
        dh_store_ended(store, trial);
    else
        dh_store_proposed(store, trial);
}

static void same_number(double a, double b)
{
    if (!(isnan(a) && isnan(b)))
        assert_memory_equal(&a, &b, sizeof a);
}

static void same_text(const char *a, const char *b)
{
    assert_string_equal(a ? a : "", b ? b : "");
}

static void same_outcome(const struct dh_outcome *a, const struct dh_outcome *b, size_t objectives)
{
    assert_int_equal(a->status, b->status);
    for (size_t i = 0; i < objectives; i++)
        same_number(a->objectives[i], b->objectives[i]);
    same_text(a->reason, b->reason);
    same_text(a->stderr_tail, b->stderr_tail);
    same_text(a->metadata, b->metadata);
    same_text(a->reports, b->reports);
    same_number(a->started, b->started);
    same_number(a->ended, b->ended);
    same_number(a->cpu_seconds, b->cpu_seconds);
    assert_int_equal(a->peak_bytes, b->peak_bytes);
    assert_int_equal(a->worker, b->worker);
    assert_int_equal(a->slot, b->slot);
    assert_int_equal(a->retries, b->retries);
}

void fixture_same(const struct dh_space *space_a, const struct dh_history *a,
                  const struct dh_space *space_b, const struct dh_history *b)
{
    assert_int_equal(dh_history_event(a), dh_history_event(b));
    assert_int_equal(dh_history_count(a), dh_history_count(b));
    assert_int_equal(dh_history_ended(a), dh_history_ended(b));
    for (uint64_t id = 0; id < dh_history_count(a); id++) {
        struct dh_trial *x = dh_history_trial(a, id), *y = dh_history_trial(b, id);
        assert_int_equal(y->id, id);
        for (size_t i = 0; i < dh_space_count(space_a); i++) {
            int k = dh_space_find(space_b, dh_space_parameter(space_a, i)->name);
            assert_true(k >= 0);
            same_number(x->values[i], y->values[k]);
        }
        assert_int_equal(x->identity, y->identity);
        assert_int_equal(x->seed, y->seed);
        assert_int_equal(x->cursor, y->cursor);
        assert_int_equal(x->origin, y->origin);
        assert_int_equal(x->level, y->level);
        same_number(x->proposed, y->proposed);
        assert_int_equal(x->proposed_event, y->proposed_event);
        assert_int_equal(x->ended_event, y->ended_event);
        same_outcome(&x->outcome, &y->outcome, dh_history_objective_count(a));
    }
}

void fixture_read_file(const char *path, struct dh_buffer *out)
{
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    dh_buffer_clear(out);
    char block[65536];
    for (size_t size; (size = fread(block, 1, sizeof block, stream)) > 0;)
        dh_buffer_append(out, block, size);
    fclose(stream);
}

void fixture_write_file(const char *path, const void *data, size_t size)
{
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(data, 1, size, stream), size);
    assert_int_equal(fclose(stream), 0);
}

bool fixture_exists(const char *path)
{
    return access(path, F_OK) == 0;
}
