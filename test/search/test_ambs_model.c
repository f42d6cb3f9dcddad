/* When there is a new model: at once where an ask waits for it; under load from a thread, while the
 * old one goes on answering, after which the new one knows everything that happened meanwhile.
 * Nothing here depends on how long a fit takes. */
#include "ambs_stage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"

#define OPTIMIZER "optimizer = { method = \"ambs\"; trees = 10; surrogate = \"%s\"; };"
#define RESULTS 40
#define RUNNING 40
#define HURRIED 0 /* levels of effort */
#define PATIENT 3
#define MOST_CATCH_UP 40 /* events that one ask may play to a new model */

/* A model of RESULTS results, and RUNNING trials that are pending. */
static void open_with_model(struct stage *stage, const char *surrogate)
{
    char *text = dh_strprintf(SQUARE OPTIMIZER, surrogate);
    stage_open(stage, text);
    free(text);
    stage_results(stage, RESULTS);
    ambs_model_refresh(stage->ambs, PATIENT);
    assert_non_null(stage->ambs->live);
    assert_null(stage->ambs->task);
    for (int i = 0; i < RUNNING; i++)
        stage_propose(stage);
}

/* The same, and a fit has begun that was due. */
static void open_with_fit(struct stage *stage, const char *surrogate)
{
    open_with_model(stage, surrogate);
    stage_results(stage, RESULTS / 2);
    ambs_model_refresh(stage->ambs, HURRIED);
    assert_non_null(stage->ambs->task);
}

/* Wait until the fit's thread has nothing more to do. */
static void await_thread(const struct ambs *ambs)
{
    struct dh_nap nap = {.longest = 0.01};
    while (!atomic_load_explicit(&ambs->task->fit.done, memory_order_acquire))
        dh_nap_wait(&nap, -1);
}

/* Asks go on until the model of the fit, whose thread has ended, has taken over. */
static void ask_until_taken(struct ambs *ambs)
{
    const struct ambs_live *before = ambs->live;
    for (size_t asks = 0; ambs->live == before; asks++) {
        if (asks > 1000)
            fail_msg("a fit that has ended is never collected");
        ambs_model_refresh(ambs, HURRIED);
    }
}

/* A little of everything: the first of those pending end, others come. */
static void go_on(struct stage *stage, uint64_t first, size_t count)
{
    for (uint64_t id = first; id < first + count; id++) {
        bool good = id % 5 != 4;
        stage_end(stage, id,
                  id % 7 == 3 ? DH_TRIAL_CANCELLED
                  : good      ? DH_TRIAL_SUCCEEDED
                              : DH_TRIAL_FAILED,
                  good ? stage_value(stage, id) : NAN, 3);
        stage_propose(stage);
    }
}

/* After evaluator.timeout was raised nobody knows what became of them. */
static void what_timed_out_teaches_until_the_limit_is_raised(void **unused)
{
    (void)unused;
    struct stage stage;
    stage_open(&stage, SQUARE);
    for (size_t told = 1; told <= 3; told++) {
        static const double limits[] = {0, 60, 90}; /* of which the first is not known */
        stage.bench.context.timeout = limits[told - 1];
        stage_time_out(&stage, stage_propose(&stage), 60);
        assert_int_equal(stage.ambs->data.results.count, told == 3 ? 2 : told);
    }
    assert_int_equal(stage.ambs->source_count, 2);
    stage_close(&stage);
}

/* ---- when ---- */

static void under_load_a_fit_begins_when_results_have_grown(void **unused)
{
    (void)unused;
    struct stage stage;
    open_with_model(&stage, "et");
    for (size_t results = RESULTS + 1; results <= 47; results++) {
        stage_results(&stage, 1);
        ambs_model_refresh(stage.ambs, HURRIED);
        assert_true(results == 46 || (stage.ambs->task != NULL) == (results == 47));
        assert_int_equal(stage.ambs->live->fitted, RESULTS);
        assert_false(results < 46 && stage.ambs->data.hold);
    }
    assert_true(stage.ambs->data.hold);
    stage_close(&stage); /* … with the fit under way */
}

static void a_patient_ask_fits_at_once(void **unused)
{
    (void)unused;
    struct stage stage;
    open_with_model(&stage, "et");
    for (unsigned level = 2; level <= PATIENT; level++) {
        stage_results(&stage, 1);
        ambs_model_refresh(stage.ambs, level);
        assert_null(stage.ambs->task);
        assert_int_equal(stage.ambs->live->fitted, stage.ambs->data.results.count);
    }
    stage.ambs->options.effort = HURRIED; /* fixed: what is asked next must not depend on time */
    stage_results(&stage, 1);
    ambs_model_refresh(stage.ambs, HURRIED);
    assert_null(stage.ambs->task);
    assert_int_equal(stage.ambs->live->fitted, stage.ambs->data.results.count);
    stage_close(&stage);
}

static void a_patient_ask_waits_for_a_fit_under_way(void **unused)
{
    (void)unused;
    struct stage stage;
    open_with_fit(&stage, "et");
    go_on(&stage, RESULTS, 20);
    ambs_model_refresh(stage.ambs, PATIENT);
    assert_null(stage.ambs->task);
    assert_null(stage.ambs->retired);
    assert_false(stage.ambs->data.hold);
    assert_int_equal(stage.ambs->live->fitted, stage.ambs->data.results.count);
    stage_close(&stage);
}

/* A fit that takes for ever. */
static void a_hurried_ask_does_not_wait(void **unused)
{
    (void)unused;
    struct stage stage;
    open_with_model(&stage, "et");
    struct ambs *ambs = stage.ambs;
    const struct ambs_live *before = ambs->live;
    struct ambs_task *task = ambs->task = dh_alloc(1, sizeof *task);
    task->fit =
        (struct ambs_fit){.options = &ambs->options,
                          .data = &ambs->data,
                          .plan = {.members = {{.kind = dh_model_find("et")}}, .member_count = 1},
                          .count = ambs->data.mark,
                          .threads = 1};
    for (int asks = 0; asks < 3; asks++) {
        ambs_model_refresh(ambs, HURRIED);
        assert_true(ambs->task == task && ambs->live == before);
        stage_propose(&stage);
    }
    ambs_fit_run(&task->fit); /* … but now it has ended, and there was no thread to join */
    task->joined = true;
    ask_until_taken(ambs);
    stage_close(&stage);
}

/* ---- the swap ---- */

static void a_finished_fit_takes_over(void **unused)
{
    (void)unused;
    struct stage stage;
    open_with_fit(&stage, "et");
    struct ambs *ambs = stage.ambs;
    uint64_t seed = 0;
    for (int round = 0; round < 3; round++) {
        struct ambs_live *before = ambs->live;
        size_t count = ambs->task->fit.count;
        assert_true(ambs->task->fit.seed != seed);
        seed = ambs->task->fit.seed;
        assert_true(count > before->fitted && count == ambs->data.mark);
        stage_results(&stage, 5);
        assert_true(ambs->live == before && ambs->data.mark == count); /* the fit needs the mark */
        await_thread(ambs);
        assert_null(ambs->task->old); /* the one before last has been destroyed */
        assert_null(ambs->retired);
        ask_until_taken(ambs);
        assert_true(ambs->task == NULL && ambs->retired == before);
        assert_int_equal(ambs->live->fitted, count);
        assert_false(ambs->data.hold);
        assert_int_equal(ambs->data.mark, ambs->data.results.count);
        stage_results(&stage, count / 2);
        ambs_model_refresh(ambs, HURRIED); /* due again */
        assert_non_null(ambs->task);
    }
    stage_close(&stage);
}

/* The model before is kept until the next fit, whose thread destroys it. */
static void a_thread_destroys_the_retired_model(void **unused)
{
    (void)unused;
    struct stage stage;
    struct fake fake = {.mean = fake_zero};
    open_with_model(&stage, "et");
    struct ambs *ambs = stage.ambs;
    stage_fakes(&stage, &fake, 1)->fitted = RESULTS / 2;
    for (size_t fits = 0; fits < 2; fits++) {
        ambs_model_refresh(ambs, HURRIED);
        assert_non_null(ambs->task);
        await_thread(ambs);
        assert_int_equal(fake.destroyed, fits);
        ask_until_taken(ambs);
        assert_int_equal(fake.destroyed, fits);
        stage_results(&stage, RESULTS / 2);
    }
    stage_close(&stage);
}

/* An ask plays a few events, not all that there are, and the model takes over with the last. */
static void asks_share_the_catching_up(void **unused)
{
    (void)unused;
    struct stage stage;
    open_with_fit(&stage, "et");
    struct ambs *ambs = stage.ambs;
    const struct ambs_live *before = ambs->live;
    await_thread(ambs);
    for (int i = 0; i < 100; i++)
        stage_propose(&stage);
    size_t heard = ambs->task->fit.heard, events = ambs->data.since.count;
    assert_true(heard + 100 <= events);
    for (;;) {
        ambs_model_refresh(ambs, HURRIED);
        if (ambs->live != before)
            break;
        assert_true(ambs->task->fit.heard > heard &&
                    ambs->task->fit.heard <= heard + MOST_CATCH_UP);
        heard = ambs->task->fit.heard;
    }
    assert_true(heard < events && events <= heard + MOST_CATCH_UP);
    stage_close(&stage);
}

/* ---- what the new model knows ---- */

/* What a fit learns from and hears, kept for a second one. */
struct record {
    struct ambs_fit fit;
    struct ambs_event *events;
    size_t count;
};

static void note_fit(struct record *record, const struct ambs *ambs)
{
    const struct ambs_fit *fit = &ambs->task->fit;
    *record = (struct record){.fit = {.options = fit->options,
                                      .data = fit->data,
                                      .plan = fit->plan,
                                      .count = fit->count,
                                      .seed = fit->seed,
                                      .threads = 1}};
}

static void note_events(struct record *record, const struct ambs *ambs)
{
    free(record->events);
    record->count = ambs->data.since.count;
    record->events = dh_alloc(record->count, sizeof *record->events);
    for (size_t i = 0; i < record->count; i++)
        record->events[i] = *(const struct ambs_event *)ambs_array_at(&ambs->data.since, i);
}

/* The model that has taken over is the one that is fitted here and hears the same. */
static void check_model(struct record *record, const struct stage *stage)
{
    ambs_fit_run(&record->fit);
    struct ambs_live *live = record->fit.live;
    assert_non_null(live);
    assert_true(stage_apart(stage, live, stage->ambs->live) > 1e-6);
    for (size_t i = 0; i < record->count; i++)
        ambs_live_hear(live, &record->events[i]);
    double apart = stage_apart(stage, live, stage->ambs->live);
    if (!(apart < 1e-9))
        fail_msg("%s: %g apart", live->members[0].model->kind->name, apart);
    ambs_live_destroy(&record->fit.live);
    free(record->events);
}

/* A fit has begun, and what it learns from is noted. */
static void open_with_record(struct stage *stage, struct record *record, const char *surrogate)
{
    open_with_fit(stage, surrogate);
    note_fit(record, stage->ambs);
}

static void take_over_and_check(struct stage *stage, struct record *record)
{
    ask_until_taken(stage->ambs);
    check_model(record, stage);
    stage_close(stage);
}

static void the_new_model_knows_what_happened_meanwhile(void **unused)
{
    (void)unused;
    static const char *const surrogates[] = {"et", "gbrt", "gp"};
    for (size_t s = 0; s < DH_COUNT_OF(surrogates); s++) {
        struct stage stage;
        struct record record;
        open_with_record(&stage, &record, surrogates[s]);
        go_on(&stage, RESULTS, 20);
        await_thread(stage.ambs);
        go_on(&stage, RESULTS + 20, 20);
        ambs_model_refresh(stage.ambs, HURRIED); /* plays a part */
        assert_non_null(stage.ambs->task);
        stage_propose(&stage);
        note_events(&record, stage.ambs);
        assert_true(record.count >= RUNNING + 81);
        take_over_and_check(&stage, &record);
    }
}

/* What was pending when it began, also when nothing happens meanwhile. */
static void the_new_model_knows_what_is_pending(void **unused)
{
    (void)unused;
    struct stage stage;
    struct record record;
    open_with_record(&stage, &record, "et");
    note_events(&record, stage.ambs);
    assert_int_equal(record.count, RUNNING);
    await_thread(stage.ambs);
    take_over_and_check(&stage, &record);
}

/* Fitted at once, or by a thread: it is the same model. */
static void a_patient_fit_is_the_same(void **unused)
{
    (void)unused;
    struct stage stage;
    struct record record;
    open_with_record(&stage, &record, "et");
    note_events(&record, stage.ambs);
    await_thread(stage.ambs);
    ask_until_taken(stage.ambs);
    ambs_live_destroy(&stage.ambs->live);
    ambs_model_refresh(stage.ambs, PATIENT);
    assert_int_equal(stage.ambs->live->fitted, record.fit.count);
    check_model(&record, &stage);
    stage_close(&stage);
}

/* And goes on hearing: results replace lies that it was told before it took over. */
static void the_new_model_goes_on_hearing(void **unused)
{
    (void)unused;
    struct stage stage;
    struct record record;
    open_with_record(&stage, &record, "et");
    await_thread(stage.ambs);
    stage_propose(&stage);
    note_events(&record, stage.ambs);
    ask_until_taken(stage.ambs);
    struct ambs_event event;
    for (uint64_t id = RESULTS; id < RESULTS + RUNNING; id++) {
        ambs_data_end(&stage.ambs->data, id, AMBS_ENDED, NULL, stage_value(&stage, id), &event);
        ambs_model_hear(stage.ambs, &event);
        record.events = dh_realloc(record.events, (record.count + 1) * sizeof event);
        record.events[record.count++] = event;
    }
    check_model(&record, &stage);
    stage_close(&stage);
}

/* The old one hears of everything, too, for as long as it answers. */
static void the_old_model_goes_on_hearing(void **unused)
{
    (void)unused;
    struct stage stage, other;
    open_with_fit(&stage, "et");
    open_with_model(&other, "et");
    stage_results(&other, RESULTS / 2);
    assert_true(stage_apart(&stage, stage.ambs->live, other.ambs->live) == 0);
    go_on(&stage, RESULTS, 10);
    assert_true(stage_apart(&stage, stage.ambs->live, other.ambs->live) > 1e-6);
    go_on(&other, RESULTS, 10);
    assert_true(stage_apart(&stage, stage.ambs->live, other.ambs->live) == 0);
    stage_close(&stage);
    stage_close(&other);
}

/* ---- what the thread and the asks do, one step at a time ---- */

static void following_plays_all_but_a_few(void **unused)
{
    (void)unused;
    struct stage stage;
    open_with_model(&stage, "et");
    struct ambs *ambs = stage.ambs;
    go_on(&stage, RESULTS, 1); /* a mark, and all that are pending behind it */
    for (int i = 0; i < 60; i++)
        stage_propose(&stage);
    struct ambs_fit fits[2];
    for (int i = 0; i < 2; i++) {
        fits[i] = (struct ambs_fit){
            .options = &ambs->options,
            .data = &ambs->data,
            .plan = {.members = {{.kind = dh_model_find("et")}}, .member_count = 1},
            .count = ambs->data.mark,
            .threads = 1};
        atomic_init(&fits[i].events, ambs->data.since.count);
        ambs_fit_run(&fits[i]);
        assert_false(atomic_load(&fits[i].done));
    }
    size_t events = ambs->data.since.count;
    ambs_fit_follow(&fits[0]);
    assert_true(atomic_load(&fits[0].done) && fits[0].heard + 16 >= events);
    for (size_t heard = 7; !ambs_fit_hear(&fits[1], 7); heard += 7)
        assert_int_equal(fits[1].heard, heard);
    assert_true(ambs_fit_hear(&fits[0], SIZE_MAX));
    assert_true(fits[0].heard == events && fits[1].heard == events);
    struct ambs_live *live = fits[1].live;
    assert_true(stage_apart(&stage, fits[0].live, live) == 0);
    assert_int_equal(live->lie_count, ambs->data.pending.slot_count);
    ambs_live_destroy(&fits[0].live);
    ambs_live_destroy(&fits[1].live);
    stage_close(&stage);
}

/* ---- which ---- */

/* Members by level and crowd. */
static void kinds_follow_time_and_crowd(void **unused)
{
    (void)unused;
    static const struct {
        const char *space, *surrogate;
        unsigned level;
        size_t crowd;
        const char *kinds[AMBS_MEMBERS + 1];
        double budget; /* of the ask */
    } cases[] = {
        {SQUARE, "auto", 1, 0, {"gp"}, INFINITY},
        {SQUARE, "auto", 2, 0, {"gp", "gp"}, INFINITY},
        {SQUARE, "auto", 3, 0, {"gp", "gp"}, INFINITY},
        {MIXED, "auto", 3, 0, {"gp", "gp", "et"}, INFINITY},
        {SQUARE, "auto", 3, 1000, {"gp", "gp"}, INFINITY},
        {MIXED, "auto", 1, 1000, {"gp"}, INFINITY},
        {SQUARE, "auto", 0, 380, {"gp"}, INFINITY},
        {SQUARE, "auto", 0, 381, {"et"}, INFINITY},
        {SQUARE, "gp", 3, 1000, {"gp"}, INFINITY},
        {SQUARE, "gp", 3, 3000, {"et"}, INFINITY},
        {SQUARE, "rf", 3, 0, {"rf"}, INFINITY},
        {SQUARE, "forest", 3, 3000, {"et"}, INFINITY},
        {SQUARE, "auto", 1, 1000, {"et"}, 4e-3},
        {SQUARE, "auto", 1, 1000, {"gp"}, 6e-3},
        {SQUARE, "auto", 1, 100, {"gp"}, 4e-3},
        {SQUARE, "auto", 2, 1000, {"gp", "gp"}, 4e-3},
    };
    for (size_t c = 0; c < DH_COUNT_OF(cases); c++) {
        struct stage stage;
        char *text = dh_strprintf("%s" OPTIMIZER, cases[c].space, cases[c].surrogate);
        stage_open(&stage, text);
        free(text);
        stage_results(&stage, 20);
        stage.ambs->data.crowd = cases[c].crowd;
        stage.ambs->budget = cases[c].budget;
        ambs_model_refresh(stage.ambs, cases[c].level);
        const struct ambs_live *live = stage.ambs->live;
        for (size_t k = 0; k < live->member_count; k++)
            assert_string_equal(live->members[k].model->kind->name, cases[c].kinds[k]);
        assert_null(cases[c].kinds[live->member_count]);
        stage_close(&stage);
    }
}

/* 24 results, while so many were pending as the last one came, and another number afterwards; that
 * must not count, or a search that was resumed between would fit another model. */
static void open_crowd(struct stage *stage, const char *surrogate, size_t pending,
                       double (*value)(const double *x))
{
    char *text = dh_strprintf(SQUARE OPTIMIZER, surrogate);
    stage_open(stage, text);
    free(text);
    for (size_t i = 0; i < pending; i++)
        stage_propose(stage);
    stage_results_of(stage, 24, value);
    if (pending < 3)
        stage_propose(stage);
    else
        stage_end(stage, 0, DH_TRIAL_CANCELLED, NAN, 3);
}

static enum ambs_scaling transform_in_crowd(const char *surrogate, size_t pending, unsigned level,
                                            size_t member)
{
    struct stage stage;
    open_crowd(&stage, surrogate, pending, stage_steep);
    ambs_model_refresh(stage.ambs, level);
    assert_true(member < stage.ambs->live->member_count);
    enum ambs_scaling scaling = stage.ambs->live->members[member].scale.transform.scaling;
    stage_close(&stage);
    return scaling;
}

/* With values of which logarithms are likeliest by far: after 24 results, six rounds of three
 * trials that run and one that ends. */
static void a_crowd_elects_a_transform(void **unused)
{
    (void)unused;
    assert_int_equal(transform_in_crowd("auto", 3, 3, 0), AMBS_SCALING_LOG);
    assert_int_equal(transform_in_crowd("auto", 3, 2, 0), AMBS_SCALING_LOG);
    assert_int_equal(transform_in_crowd("auto", 3, 3, 1), AMBS_SCALING_POWER);
    assert_int_equal(transform_in_crowd("auto", 2, 3, 0), AMBS_SCALING_POWER);
    assert_int_equal(transform_in_crowd("auto", 3, 1, 0), AMBS_SCALING_POWER);
    assert_int_equal(transform_in_crowd("gp", 3, 3, 0), AMBS_SCALING_POWER);
}

static void the_log_says_what_was_elected(void **unused)
{
    (void)unused;
    static const struct {
        const char *surrogate;
        double (*value)(const double *x);
        const char *expected; /* NULL: nothing was elected */
    } cases[] = {{"auto", stage_steep, "24 results are likeliest under a logarithm, with 0."},
                 {"auto", stage_smooth, "24 results are likeliest under a power transform"},
                 {"gp", stage_steep, NULL}};
    for (size_t c = 0; c < DH_COUNT_OF(cases); c++) {
        struct stage stage;
        struct dh_log log = bench_log();
        open_crowd(&stage, cases[c].surrogate, 3, cases[c].value);
        stage.bench.context.log = &log;
        ambs_model_refresh(stage.ambs, PATIENT);
        char *text = bench_log_text(&log);
        if (cases[c].expected ? !strstr(text, cases[c].expected)
                              : strstr(text, "likeliest") != NULL)
            fail_msg("case %zu: %s", c, text);
        free(text);
        stage_close(&stage);
    }
}

static void the_log_names_all_models(void **unused)
{
    (void)unused;
    static const struct {
        const char *space;
        size_t results;
        const char *expected;
    } cases[] = {{SQUARE, 60, "surrogate gp, gp from 60 results\n"},
                 {MIXED, 60, "surrogate gp, gp, et from 60 results\n"},
                 {SQUARE, 440, "surrogate gp, gp from 400 of 440 results\n"}};
    for (size_t c = 0; c < DH_COUNT_OF(cases); c++) {
        struct stage stage;
        struct dh_log log = bench_log();
        char *text =
            dh_strprintf("%soptimizer = { method = \"ambs\"; trees = 5; };", cases[c].space);
        stage_open(&stage, text);
        free(text);
        stage.bench.context.log = &log;
        stage_results(&stage, cases[c].results);
        stage.ambs->data.mark = cases[c].results;
        stage.ambs->data.crowd = 0;
        ambs_model_refresh(stage.ambs, PATIENT);
        text = bench_log_text(&log);
        if (!strstr(text, cases[c].expected))
            fail_msg("case %zu: %s", c, text);
        free(text);
        stage_close(&stage);
    }
}

/* The stage's model is of so many results, which have just grown by that. */
static void model_of(struct stage *stage, size_t results, unsigned level)
{
    stage_open(stage, SQUARE "optimizer = { method = \"ambs\"; trees = 5; };");
    stage_results(stage, results);
    stage->ambs->data.mark = results;
    stage->ambs->data.crowd = 0;
    ambs_model_refresh(stage->ambs, level);
    assert_int_equal(stage->ambs->live->fitted, results);
}

/* One that has taken in many results is replaced also before they have grown by a share, or each
 * prediction would cost more and more. */
static void a_process_is_outgrown(void **unused)
{
    (void)unused;
    struct stage stage;
    model_of(&stage, 1000, PATIENT);
    struct ambs *ambs = stage.ambs;
    assert_int_equal(ambs->live->learnt, 400);
    stage_results(&stage, 100);
    ambs_model_refresh(ambs, HURRIED);
    assert_null(ambs->task);
    stage_results(&stage, 25);
    ambs_model_refresh(ambs, HURRIED);
    assert_non_null(ambs->task);
    await_thread(ambs);
    ask_until_taken(ambs);
    assert_string_equal(ambs->live->members[0].model->kind->name, "et"); /* there is no time */
    stage_results(&stage, 125);
    ambs_model_refresh(ambs, HURRIED);
    assert_null(ambs->task);
    stage_close(&stage);
}

/* Of many results a Gaussian process learns a part, whoever is pending; of more than a few none is
 * made where asks are in the greatest hurry. */
static void of_many_results_a_process_learns_a_part(void **unused)
{
    (void)unused;
    static const struct {
        size_t results;
        unsigned level;
        size_t learnt; /* 0: no process */
    } cases[] = {{399, 3, 399}, {440, 3, 400}, {440, 2, 400}, {440, 1, 400},
                 {440, 0, 0},   {150, 0, 150}, {151, 0, 0},   {8400, 3, 400}};
    for (size_t c = 0; c < DH_COUNT_OF(cases); c++) {
        struct stage stage;
        model_of(&stage, cases[c].results, cases[c].level);
        const struct ambs_live *live = stage.ambs->live;
        assert_string_equal(live->members[0].model->kind->name, cases[c].learnt ? "gp" : "et");
        assert_int_equal(live->learnt, cases[c].learnt ? cases[c].learnt : cases[c].results);
        stage_close(&stage);
    }
}

/* Results grow by a share from mark to mark, and never by more than there is room for. */
static void a_mark_is_never_far(void **unused)
{
    (void)unused;
    static const struct {
        size_t mark, gap;
    } cases[] = {{0, 1}, {39, 1}, {80, 2}, {3999, 99}, {4000, 100}, {1000000, 100}};
    for (size_t c = 0; c < DH_COUNT_OF(cases); c++)
        assert_int_equal(ambs_data_gap(&(struct ambs_data){.mark = cases[c].mark}), cases[c].gap);
}

/* Of trials that are pending each Gaussian process holds as many lies as leave it quick, a forest
 * all. */
static void a_process_holds_so_many_lies(void **unused)
{
    (void)unused;
    static const struct {
        size_t results, pending;
        unsigned level;
        size_t most, passed_over;
    } cases[] = {{20, 0, 3, 636, 0},    {20, 700, 3, 636, 64},   {500, 256, 3, 256, 0},
                 {500, 257, 2, 256, 1}, {500, 300, 1, 128, 172}, {20, 300, 0, 380, 0}};
    for (size_t c = 0; c < DH_COUNT_OF(cases); c++) {
        struct stage stage;
        stage_open(&stage, MIXED "optimizer = { method = \"ambs\"; trees = 5; };");
        struct ambs *ambs = stage.ambs;
        stage_results(&stage, cases[c].results);
        while (ambs->data.mark < ambs->data.results.count)
            stage_results(&stage, 1);
        ambs->data.pending_then = ambs->data.crowd = cases[c].pending;
        ambs->data.hold = true; /* no mark but this one */
        for (size_t i = 0; i < cases[c].pending; i++)
            stage_propose(&stage);
        ambs_model_refresh(ambs, cases[c].level);
        const struct ambs_live *live = ambs->live;
        assert_string_equal(live->members[0].model->kind->name, "gp");
        for (size_t k = 0; k < live->member_count; k++) {
            bool process = strcmp(live->members[k].model->kind->name, "gp") == 0;
            assert_int_equal(live->members[k].recent.most, process ? cases[c].most : 0);
            assert_int_equal(live->members[k].recent.passed_over, 0);
            if (process) /* as many places taken as lies were told: the newest */
                assert_int_equal(live->members[k].recent.next,
                                 (cases[c].pending - cases[c].passed_over) % cases[c].most);
        }
        stage_close(&stage);
    }
}

/* ---- in a simulation ---- */

/* One thread, and a clock that only moves where the test says. */
struct lane {
    double now;
    size_t entered, left;
    struct dh_clock clock;
    struct dh_lanes lanes;
};

static double lane_now(void *context)
{
    return ((struct lane *)context)->now;
}

static void lane_enter(void *context, enum dh_work work)
{
    struct lane *lane = context;
    assert_int_equal(work, DH_WORK_FIT);
    lane->entered++;
    lane->now += 10; /* a fit's clock is ahead by so much when it ends */
}

static void lane_leave(void *context)
{
    struct lane *lane = context;
    lane->left++;
    lane->now -= 10;
}

static void lane_wait(void *context, double until)
{
    struct lane *lane = context;
    lane->now = fmax(lane->now, until);
}

static void lane_open(struct lane *lane, struct stage *stage)
{
    *lane = (struct lane){.clock = {lane_now, lane},
                          .lanes = {lane_enter, lane_leave, lane_wait, lane}};
    open_with_model(stage, "et");
    stage->bench.context.clock = &lane->clock;
    stage->bench.context.lanes = &lane->lanes;
    stage_results(stage, RESULTS / 2);
    ambs_model_refresh(stage->ambs, HURRIED);
    assert_non_null(stage->ambs->task);
    assert_true(lane->entered == 1 && lane->left == 1);
}

/* The fit is seen when its time has come, and then that for the events of that time. */
static void a_lane_holds_the_fit_back(void **unused)
{
    (void)unused;
    struct stage stage;
    struct lane lane;
    struct record record;
    lane_open(&lane, &stage);
    note_fit(&record, stage.ambs);
    go_on(&stage, RESULTS, 5);
    note_events(&record, stage.ambs);
    static const double times[] = {0, 9.9, 10, 15, 19.9};
    for (size_t i = 0; i < DH_COUNT_OF(times); i++) {
        lane.now = times[i];
        ambs_model_refresh(stage.ambs, HURRIED);
        assert_non_null(stage.ambs->task);
        assert_int_equal(lane.entered, times[i] < 10 ? 1 : 2);
    }
    lane.now = 20;
    ambs_model_refresh(stage.ambs, HURRIED);
    assert_null(stage.ambs->task);
    assert_int_equal(lane.left, 2);
    check_model(&record, &stage);
    stage_close(&stage);
}

static void a_patient_ask_waits_for_the_lane(void **unused)
{
    (void)unused;
    struct stage stage;
    struct lane lane;
    lane_open(&lane, &stage);
    ambs_model_refresh(stage.ambs, PATIENT);
    assert_null(stage.ambs->task);
    assert_true(lane.now == 10);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_timed_out_teaches_until_the_limit_is_raised),
        cmocka_unit_test(under_load_a_fit_begins_when_results_have_grown),
        cmocka_unit_test(a_patient_ask_fits_at_once),
        cmocka_unit_test(a_patient_ask_waits_for_a_fit_under_way),
        cmocka_unit_test(a_hurried_ask_does_not_wait),
        cmocka_unit_test(a_finished_fit_takes_over),
        cmocka_unit_test(a_thread_destroys_the_retired_model),
        cmocka_unit_test(asks_share_the_catching_up),
        cmocka_unit_test(the_new_model_knows_what_happened_meanwhile),
        cmocka_unit_test(the_new_model_knows_what_is_pending),
        cmocka_unit_test(a_patient_fit_is_the_same),
        cmocka_unit_test(the_new_model_goes_on_hearing),
        cmocka_unit_test(the_old_model_goes_on_hearing),
        cmocka_unit_test(following_plays_all_but_a_few),
        cmocka_unit_test(kinds_follow_time_and_crowd),
        cmocka_unit_test(a_crowd_elects_a_transform),
        cmocka_unit_test(the_log_says_what_was_elected),
        cmocka_unit_test(the_log_names_all_models),
        cmocka_unit_test(a_process_is_outgrown),
        cmocka_unit_test(of_many_results_a_process_learns_a_part),
        cmocka_unit_test(a_mark_is_never_far),
        cmocka_unit_test(a_process_holds_so_many_lies),
        cmocka_unit_test(a_lane_holds_the_fit_back),
        cmocka_unit_test(a_patient_ask_waits_for_the_lane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
