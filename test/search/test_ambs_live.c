/* The model that is kept current: what it is told of trials that are running, that what they come
 * to takes the place of that, and what failures and the scale of the values do to it. */
#include "ambs_stage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"

#define OPTIMIZER "optimizer = { method = \"ambs\"; trees = 10; };"
#define RESULTS 24

static struct ambs_live *fit(struct stage *stage, const char *const *kinds, size_t count)
{
    struct ambs_fit fit = {.options = &stage->ambs->options,
                           .data = &stage->ambs->data,
                           .count = RESULTS,
                           .seed = 5,
                           .threads = 1};
    for (size_t k = 0; k < count; k++)
        fit.plan.members[fit.plan.member_count++].kind = dh_model_find(kinds[k]);
    if (fit.options->failures == AMBS_FAILED_AUTO)
        fit.plan.failing = dh_model_find(count > 1 ? kinds[0] : "et");
    ambs_fit_run(&fit);
    if (!fit.live)
        fail_msg("%s", fit.error.text);
    return fit.live;
}

/* Two models of the same structure: `told` hears everything, `meant` is what that should come to.
 */
struct twins {
    struct stage stage;
    struct ambs_live *told, *meant;
};

static void twins_open(struct twins *twins, int liar, int failures, const char *const *kinds,
                       size_t count)
{
    stage_open(&twins->stage, SQUARE OPTIMIZER);
    twins->stage.ambs->options.liar = liar;
    twins->stage.ambs->options.failures = failures;
    stage_results(&twins->stage, RESULTS);
    twins->told = fit(&twins->stage, kinds, count);
    twins->meant = fit(&twins->stage, kinds, count);
}

static void twins_close(struct twins *twins)
{
    ambs_live_destroy(&twins->told);
    ambs_live_destroy(&twins->meant);
    stage_close(&twins->stage);
}

static void propose(struct twins *twins, uint64_t id)
{
    double x[STAGE_WIDTH];
    struct ambs_event event;
    stage_row(&twins->stage, id, x);
    assert_true(ambs_data_propose(&twins->stage.ambs->data, id, x, &event));
    ambs_live_hear(twins->told, &event);
}

/* The other model hears of a result as if it had never been pending. */
static void end(struct twins *twins, uint64_t id, enum ambs_event_kind kind, double y)
{
    struct ambs_event event;
    ambs_data_end(&twins->stage.ambs->data, id, kind, NULL, y, &event);
    ambs_live_hear(twins->told, &event);
    event.slot = AMBS_NO_SLOT;
    if (kind == AMBS_ENDED)
        ambs_live_hear(twins->meant, &event);
}

/* ---- lies ---- */

static void what_comes_of_trials(struct twins *twins)
{
    for (uint64_t id = 100; id < 106; id++)
        propose(twins, id);
    end(twins, 102, AMBS_ENDED, stage_value(&twins->stage, 102));
    end(twins, 100, AMBS_GONE, NAN);
    end(twins, 103, AMBS_ENDED, NAN);
    end(twins, 101, AMBS_ENDED, -3);
    propose(twins, 106); /* in a slot that another had */
    end(twins, 105, AMBS_ENDED, 4);
    end(twins, 106, AMBS_GONE, NAN);
    end(twins, 104, AMBS_ENDED, stage_value(&twins->stage, 104));
}

/* In the end a model knows the results and nothing of the lies, whatever they were, and whether it
 * was told all of them or two at a time. */
static void results_take_the_place_of_lies(void **unused)
{
    (void)unused;
    static const char *const kinds[] = {"et", "rf", "bagging", "gbrt", "gp", "dummy"};
    static const int failures[] = {AMBS_FAILED_WORST, AMBS_FAILED_IGNORE};
    for (size_t k = 0; k < DH_COUNT_OF(kinds); k++)
        for (int c = 0; c < 2 * (AMBS_LIE_BELIEF + 1); c++) {
            struct twins twins;
            int liar = c / 2;
            twins_open(&twins, liar, failures[liar % 2], &kinds[k], 1);
            if (c % 2)
                ambs_member_limit(&twins.told->members[0], 2, 0);
            what_comes_of_trials(&twins);
            double apart = stage_apart(&twins.stage, twins.told, twins.meant);
            if (!(apart < (strcmp(kinds[k], "gp") ? 1e-9 : 1e-6)))
                fail_msg("%s, liar %d, %zu lies: %g apart", kinds[k], liar,
                         twins.told->members[0].recent.most, apart);
            twins_close(&twins);
        }
}

/* A member that has room for two holds those of the newest proposals that are pending; one that was
 * taken back before its value came takes none away then. */
static void the_newest_lies_are_held(void **unused)
{
    (void)unused;
    static const struct {
        size_t most, passed_over, added, held, ended; /* ended: held after trials 0, 3 and 4 have */
    } cases[] = {
        {0, 0, 5, 5, 2}, {2, 0, 5, 2, 0}, {2, 3, 2, 2, 0}, {3, 0, 5, 3, 1}, {3, 1, 4, 3, 1}};
    for (size_t c = 0; c < DH_COUNT_OF(cases); c++) {
        struct stage stage;
        struct fake fake = {.mean = fake_zero, .epistemic = 1};
        stage_open(&stage, SQUARE "optimizer = { method = \"ambs\"; };");
        struct ambs_live *live = stage_fakes(&stage, &fake, 1);
        if (cases[c].most > 0)
            ambs_member_limit(&live->members[0], cases[c].most, cases[c].passed_over);
        for (int i = 0; i < 5; i++)
            stage_propose(&stage);
        assert_int_equal(fake.added, cases[c].added);
        assert_int_equal(fake.added - fake.removed, cases[c].held);
        const uint64_t ended[] = {4, 0, 3};
        for (size_t i = 0; i < DH_COUNT_OF(ended); i++)
            stage_end(&stage, ended[i], DH_TRIAL_SUCCEEDED, 0.5, 3);
        assert_int_equal(fake.added - fake.removed, cases[c].ended + DH_COUNT_OF(ended));
        stage_close(&stage);
    }
}

/* A limited member takes in so many results; of those after them it knows the best value. */
static void results_beyond_the_room_are_not_learnt(void **unused)
{
    (void)unused;
    struct stage stage;
    struct fake fakes[2] = {{.mean = fake_zero, .epistemic = 1},
                            {.mean = fake_zero, .epistemic = 1}};
    stage_open(&stage, SQUARE "optimizer = { method = \"ambs\"; };");
    struct ambs_live *live = stage_fakes(&stage, fakes, 2);
    ambs_member_limit(&live->members[0], 2, 0);
    for (size_t i = 0; i < AMBS_ROOM; i++)
        stage_end(&stage, stage_propose(&stage), DH_TRIAL_SUCCEEDED, 0.5, 3);
    assert_int_equal(fakes[0].added - fakes[0].removed, AMBS_ROOM);
    for (size_t i = 0; i < 10; i++)
        stage_end(&stage, stage_propose(&stage), DH_TRIAL_SUCCEEDED, i == 5 ? -3 : 0.5, 3);
    assert_int_equal(fakes[0].added - fakes[0].removed, AMBS_ROOM);
    assert_int_equal(fakes[1].added - fakes[1].removed, AMBS_ROOM + 10);
    assert_true(live->members[0].scale.best == -3);
    stage_close(&stage);
}

/* While a trial runs, each model knows its lie as if it were a result. */
static void lies_are_told(void **unused)
{
    (void)unused;
    static const char *const kinds[] = {"gp", "et", "gbrt"};
    for (int liar = AMBS_LIE_AUTO; liar <= AMBS_LIE_BELIEF; liar++) {
        struct twins twins;
        double x[STAGE_WIDTH];
        twins_open(&twins, liar, AMBS_FAILED_WORST, kinds, 3);
        const struct ambs_live *m = twins.meant;
        propose(&twins, 100);
        assert_true(stage_apart(&twins.stage, twins.told, m) > 1e-6);
        stage_row(&twins.stage, 100, x);
        for (size_t k = 0; k < m->member_count; k++) {
            double belief, deviation;
            ambs_live_predict(m, k, x, 1, true, &belief, &deviation);
            const struct ambs_scale *s = &m->members[k].scale;
            const double lies[] = {belief, s->low, s->mean, s->high, belief};
            m->members[k].model->kind->add(m->members[k].model, x, lies[liar]);
        }
        double apart = stage_apart(&twins.stage, twins.told, m);
        if (!(apart < 1e-9))
            fail_msg("liar %d: %g apart", liar, apart);
        twins_close(&twins);
    }
}

static double far_above(const double *x)
{
    return 7 + x[0];
}

static double far_below(const double *x)
{
    return -9 + x[0];
}

static double in_between(const double *x)
{
    (void)x;
    return 0.75;
}

/* A belief is no better than the best value, and no worse than the worst. */
static void each_liar_has_its_own_lie(void **unused)
{
    (void)unused;
    static const struct {
        int liar;
        double (*belief)(const double *x);
        double lie;
    } cases[] = {
        {AMBS_LIE_MIN, far_above, -1},     {AMBS_LIE_MEAN, far_above, 0.25},
        {AMBS_LIE_MAX, far_below, 1},      {AMBS_LIE_BELIEF, in_between, 0.75},
        {AMBS_LIE_BELIEF, far_above, 1},   {AMBS_LIE_BELIEF, far_below, -1},
        {AMBS_LIE_AUTO, in_between, 0.75},
    };
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        struct stage stage;
        struct fake fake = {.mean = cases[i].belief};
        stage_open(&stage, SQUARE OPTIMIZER);
        stage.ambs->options.liar = cases[i].liar;
        stage_fakes(&stage, &fake, 1)->members[0].scale.mean = 0.25;
        stage_propose(&stage);
        assert_int_equal(fake.added, 1);
        if (fake.last != cases[i].lie)
            fail_msg("case %zu: lie %g", i, fake.last);
        stage_close(&stage);
    }
}

/* ---- failures ---- */

/* What a failure is worth to a model that hears of it; and its lie is taken back in any case. */
static void a_failure_is_worth_what_the_options_say(void **unused)
{
    (void)unused;
    static const struct {
        int failures;
        bool learnt;
        double value;
    } cases[] = {{AMBS_FAILED_AUTO, false, 0},
                 {AMBS_FAILED_WORST, true, 1},
                 {AMBS_FAILED_MEAN, true, 0.25},
                 {AMBS_FAILED_IGNORE, false, 0}};
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        struct stage stage;
        struct fake fake = {.mean = fake_zero};
        stage_open(&stage, SQUARE OPTIMIZER);
        stage.ambs->options.failures = cases[i].failures;
        stage_fakes(&stage, &fake, 1)->members[0].scale.mean = 0.25;
        stage_end(&stage, stage_propose(&stage), DH_TRIAL_FAILED, NAN, 3);
        assert_int_equal(fake.removed, 1);
        assert_int_equal(fake.added, cases[i].learnt ? 2 : 1);
        assert_true(!cases[i].learnt || fake.last == cases[i].value);
        stage_end(&stage, 99, DH_TRIAL_FAILED, NAN, 3); /* it never was pending: no lie */
        assert_int_equal(fake.removed, 1);
        stage_close(&stage);
    }
}

/* Every third of the results failed. */
static void fail_a_third(struct stage *stage)
{
    for (size_t i = 0; i < RESULTS; i++) {
        uint64_t id = stage_propose(stage);
        bool fails = i % 3 == 2;
        stage_end(stage, id, fails ? DH_TRIAL_FAILED : DH_TRIAL_SUCCEEDED, stage_value(stage, id),
                  3);
    }
}

/* The same model from rows made by hand. */
static struct dh_model *fit_by_hand(const struct stage *stage, int failures)
{
    const struct ambs_features *features = &stage->ambs->features;
    double x[RESULTS * STAGE_WIDTH], y[RESULTS], good[RESULTS], sum = 0, worst = -INFINITY;
    size_t count = 0, known = 0;
    for (uint64_t id = 0; id < RESULTS; id++)
        if (id % 3 != 2)
            good[known++] = stage_value(stage, id);
    struct ambs_transform transform;
    ambs_transform_fit(&transform, AMBS_SCALING_POWER, 0, good, known);
    for (size_t i = 0; i < known; i++) {
        sum += good[i] = ambs_transform_apply(&transform, good[i]);
        worst = fmax(worst, good[i]);
    }
    double value = failures == AMBS_FAILED_MEAN ? sum / (double)known : worst;
    for (uint64_t id = 0, next = 0; id < RESULTS; id++) {
        bool failed = id % 3 == 2;
        if (failed && failures != AMBS_FAILED_MEAN && failures != AMBS_FAILED_WORST)
            continue;
        stage_row(stage, id, x + count * features->count);
        y[count++] = failed ? value : good[next++];
    }
    ambs_transform_free(&transform);
    struct dh_model_setup setup = {features->list, features->count, 5, 1, .tune.trees = 10};
    struct dh_model *model = NULL;
    struct dh_error err = {0};
    if (dh_model_find("et")->fit(&setup, &(struct dh_rows){x, y, count}, &model, &err))
        fail_msg("%s", err.text);
    return model;
}

static void a_fit_takes_failures_as_the_options_say(void **unused)
{
    (void)unused;
    static const char *const kind = "et";
    for (int failures = AMBS_FAILED_AUTO; failures <= AMBS_FAILED_IGNORE; failures++) {
        struct stage stage;
        stage_open(&stage, SQUARE OPTIMIZER);
        stage.ambs->options.failures = failures;
        fail_a_third(&stage);
        struct ambs_live *live = fit(&stage, &kind, 1);
        assert_int_equal(live->failing != NULL, failures == AMBS_FAILED_AUTO);
        dh_model_destroy(&live->failing);
        struct ambs_live by_hand = {.features = live->features,
                                    .members = {{.model = fit_by_hand(&stage, failures)}},
                                    .member_count = 1};
        double apart = stage_apart(&stage, live, &by_hand);
        if (!(apart < 1e-9))
            fail_msg("failures %d: %g apart", failures, apart);
        dh_model_destroy(&by_hand.members[0].model);
        ambs_live_destroy(&live);
        stage_close(&stage);
    }
}

static double share_failing(const struct stage *stage, const struct ambs_live *live, uint64_t id)
{
    double x[STAGE_WIDTH], share;
    stage_row(stage, id, x);
    live->failing->kind->predict(live->failing, x, 1, &(struct dh_prediction){.mean = &share});
    return share;
}

/* The forest of what fails hears of every result, and of nothing else. */
static void where_trials_fail_is_kept_current(void **unused)
{
    (void)unused;
    static const char *const kind = "et";
    struct twins twins;
    stage_open(&twins.stage, SQUARE OPTIMIZER);
    fail_a_third(&twins.stage);
    twins.told = fit(&twins.stage, &kind, 1);
    twins.meant = fit(&twins.stage, &kind, 1);
    static const struct {
        enum ambs_event_kind kind;
        double y;
        double share; /* at the point, in the end; NaN: as it was */
    } cases[] = {{AMBS_ENDED, NAN, 1}, {AMBS_ENDED, 2, 0}, {AMBS_GONE, NAN, NAN}};
    uint64_t id = 100;
    for (size_t c = 0; c < DH_COUNT_OF(cases); c++)
        for (int i = 0; i < 20; i++, id++) {
            double before = share_failing(&twins.stage, twins.told, id);
            propose(&twins, id);
            assert_true(share_failing(&twins.stage, twins.told, id) == before);
            end(&twins, id, cases[c].kind, cases[c].y);
            double after = share_failing(&twins.stage, twins.told, id);
            bool nearer = fabs(after - cases[c].share) < fabs(before - cases[c].share);
            bool there = before == cases[c].share && after == before;
            assert_true(isnan(cases[c].share) ? after == before : nearer || there);
        }
    assert_true(stage_apart(&twins.stage, twins.told, twins.meant) < 1e-9);
    twins_close(&twins);
}

/* Beside a limited Gaussian process, one of what fails takes in as many results as it does: a burst
 * of thousands would stop the search for minutes. A forest takes in all of them. */
static void failures_beyond_the_room_are_not_learnt(void **unused)
{
    (void)unused;
    static const char *const kinds[] = {"gp", "et"};
    for (size_t k = 0; k < DH_COUNT_OF(kinds); k++) {
        struct stage stage;
        stage_open(&stage, SQUARE OPTIMIZER);
        fail_a_third(&stage);
        struct ambs_fit fit = {.options = &stage.ambs->options,
                               .data = &stage.ambs->data,
                               .plan = {.members = {{.kind = dh_model_find("gp"), .most_lies = 2}},
                                        .member_count = 1,
                                        .failing = dh_model_find(kinds[k])},
                               .count = RESULTS,
                               .threads = 1};
        ambs_fit_run(&fit);
        bool learnt = true;
        for (uint64_t id = 100; id < 100 + AMBS_ROOM + 2; id++) {
            double x[STAGE_WIDTH], before = share_failing(&stage, fit.live, id);
            struct ambs_event event;
            stage_row(&stage, id, x);
            ambs_data_end(&stage.ambs->data, id, AMBS_ENDED, x, before > 0.5 ? 1 : NAN, &event);
            ambs_live_hear(fit.live, &event);
            learnt = share_failing(&stage, fit.live, id) != before;
            assert_true(learnt || id >= 100 + AMBS_ROOM);
        }
        assert_int_equal(learnt, k == 1);
        ambs_live_destroy(&fit.live);
        stage_close(&stage);
    }
}

/* ---- what the model says ---- */

static double quarter(const double *x)
{
    return x[0] < 2 ? 0.25 : 1.5;
}

/* Few rows and many; with and without noise; where a point fails as likely as not. */
static void predictions(void **unused)
{
    (void)unused;
    struct stage stage;
    struct fake fake = {.mean = in_between, .aleatoric = 3, .epistemic = 1};
    struct fake failing = {.mean = quarter, .width = 2};
    stage_open(&stage, SQUARE OPTIMIZER);
    struct ambs_live *live = stage_fakes(&stage, &fake, 1);
    double x[2 * 40] = {[2] = 2}, mean[40], deviation[40];
    for (size_t count = 2; count <= 40; count += 38)
        for (int failures = 0; failures < 2; failures++) {
            live->failing = failures ? fake_model(&failing) : NULL;
            live->members[0].scale.mean = -0.25;
            for (int epistemic = 0; epistemic < 2; epistemic++) {
                ambs_live_predict(live, 0, x, count, epistemic, mean, deviation);
                double whole = epistemic ? 1 : 2;
                assert_true(mean[0] == (failures ? 0.5 : 0.75));
                assert_true(deviation[0] == (failures ? 0.75 * whole : whole));
                assert_true(mean[1] == (failures ? -0.25 : 0.75));
                assert_true(deviation[1] == (failures ? 0 : whole));
                assert_true(mean[count - 1] == mean[count > 2 ? 0 : 1]);
            }
            dh_model_destroy(&live->failing);
        }
    stage_close(&stage);
}

/* A Gaussian process, which has a gradient, is not trusted with how unsure it is at bounds. */
static void unsure_near_bounds(void **unused)
{
    (void)unused;
    for (int process = 0; process < 2; process++) {
        struct stage stage;
        struct fake fake = {.mean = fake_zero, .aleatoric = 3, .epistemic = 1};
        fake.differentiable = process;
        stage_open(&stage, SQUARE OPTIMIZER);
        struct ambs_live *live = stage_fakes(&stage, &fake, 1);
        const double x[] = {0.5, 0.5, 0, 0.5, 1, 0};
        double mean[3], deviation[3];
        for (int epistemic = 0; epistemic < 2; epistemic++) {
            double noise = epistemic ? 0 : 3;
            ambs_live_predict(live, 0, x, 3, epistemic, mean, deviation);
            assert_true(fabs(deviation[0] - sqrt(1 + noise)) < 1e-12);
            assert_true(fabs(deviation[1] - sqrt((process ? 0.5 : 1) + noise)) < 1e-12);
            assert_true(fabs(deviation[2] - sqrt((process ? 0.25 : 1) + noise)) < 1e-12);
        }
        stage_close(&stage);
    }
}

/* The first of a few values is no bound beyond which nothing is. */
static void few_values_have_no_bounds(void **unused)
{
    (void)unused;
    struct stage stage;
    struct fake fake = {.mean = fake_zero, .epistemic = 1, .differentiable = true};
    stage_open(&stage, "parameters = ( { name = \"n\"; type = \"int\"; low = 1; high = 7; },"
                       "{ name = \"m\"; type = \"int\"; low = 1; high = 8; },"
                       "{ name = \"c\"; type = \"bool\"; },"
                       "{ name = \"o\"; type = \"ordinal\"; values = (1, 2); } );"
                       "objectives = ( { name = \"f\"; goal = \"minimize\"; } );" OPTIMIZER);
    struct ambs_live *live = stage_fakes(&stage, &fake, 1);
    const double x[] = {0, 0.5, 0, 0.25, 0.5, 0, 1, 0.75};
    double mean[2], deviation[2];
    ambs_live_predict(live, 0, x, 2, true, mean, deviation);
    assert_true(fabs(deviation[0] - 1) < 1e-12);
    assert_true(fabs(deviation[1] - sqrt(0.5)) < 1e-12);
    stage_close(&stage);
}

static void the_best_value_is_kept(void **unused)
{
    (void)unused;
    struct stage stage;
    struct fake fake = {.mean = fake_zero};
    stage_open(&stage, SQUARE OPTIMIZER);
    struct ambs_live *live = stage_fakes(&stage, &fake, 1);
    static const double y[] = {-0.5, -1.5, NAN, -1.25}, best[] = {-1, -1.5, -1.5, -1.5};
    for (size_t i = 0; i < DH_COUNT_OF(y); i++) {
        stage_end(&stage, stage_propose(&stage), DH_TRIAL_SUCCEEDED, y[i], 3);
        assert_true(live->members[0].scale.best == best[i]);
    }
    stage_close(&stage);
}

/* ---- the scale of the values ---- */

#define VALUES 200

static double skewness(const double *v)
{
    double mean = 0, second = 0, third = 0;
    for (size_t i = 0; i < VALUES; i++)
        mean += v[i] / VALUES;
    for (size_t i = 0; i < VALUES; i++) {
        second += pow(v[i] - mean, 2) / VALUES;
        third += pow(v[i] - mean, 3) / VALUES;
    }
    return third / pow(second, 1.5);
}

/* "auto" takes the skew out of values, to whichever side they lean. */
static void the_power_fits_the_values(void **unused)
{
    (void)unused;
    static const struct {
        double lean, low, high; /* bounds of the exponent */
    } cases[] = {{1, -4, 0.5}, {-1, 1.5, 4}, {0, 0.5, 1.5}};
    for (size_t c = 0; c < DH_COUNT_OF(cases); c++) {
        double y[VALUES], out[VALUES];
        for (size_t i = 0; i < VALUES; i++) {
            double u = (0.5 + (double)i) / VALUES, z = 0.5 * log(u / (1 - u));
            y[i] = cases[c].lean != 0 ? cases[c].lean * exp(cases[c].lean * z) : u;
        }
        struct ambs_transform transform;
        ambs_transform_fit(&transform, AMBS_SCALING_POWER, 0, y, VALUES);
        for (size_t i = 0; i < VALUES; i++)
            out[i] = ambs_transform_apply(&transform, y[i]);
        bool power = transform.lambda > cases[c].low && transform.lambda < cases[c].high;
        if (!power || !(fabs(skewness(out)) < 0.4))
            fail_msg("case %zu: exponent %g, skewness %g", c, transform.lambda, skewness(out));
        ambs_transform_free(&transform);
    }
}

/* What a fit notes of the values it learnt from. */
static void a_fit_knows_its_values(void **unused)
{
    (void)unused;
    static const char *const kind = "dummy";
    struct stage stage;
    stage_open(&stage, SQUARE OPTIMIZER);
    fail_a_third(&stage);
    struct ambs_live *live = fit(&stage, &kind, 1);
    double low = INFINITY, high = -INFINITY;
    for (uint64_t id = 0; id < RESULTS; id++) {
        low = id % 3 == 2 ? low : fmin(low, stage_value(&stage, id));
        high = id % 3 == 2 ? high : fmax(high, stage_value(&stage, id));
    }
    const struct ambs_scale *scale = &live->members[0].scale;
    assert_true(scale->low == ambs_transform_apply(&scale->transform, low));
    assert_true(scale->high == ambs_transform_apply(&scale->transform, high));
    assert_true(fabs(scale->mean) < 1e-9);
    assert_true(scale->best == scale->low && scale->low < scale->high);
    assert_int_equal(live->fitted, RESULTS);
    ambs_live_destroy(&live);
    stage_close(&stage);
}

/* ---- which transform ---- */

static double constant(const double *x)
{
    (void)x;
    return 5;
}

/* Values that have nothing to do with the point: only how they are distributed can tell. */
static double normal(const double *x)
{
    struct dh_random random = dh_random_at(3, DH_STREAM_TEST, (uint64_t)(1e9 * x[0]));
    return dh_random_normal(&random);
}

static double log_normal(const double *x)
{
    return exp(2 * normal(x));
}

static struct ambs_live *fit_electing(const struct stage *stage, const char *kind, bool elects)
{
    struct ambs_fit fit = {
        .options = &stage->ambs->options,
        .data = &stage->ambs->data,
        .plan = {.members = {{.kind = dh_model_find(kind), .elects = elects}}, .member_count = 1},
        .count = RESULTS,
        .threads = 1};
    ambs_fit_run(&fit);
    assert_int_equal(fit.live->member_count, 1);
    return fit.live;
}

/* A Gaussian process that may elect takes the transform under which the values are likeliest; no
 * other kind does, and none where the options name one. */
static void values_elect_their_transform(void **unused)
{
    (void)unused;
    static const struct {
        double (*value)(const double *x);
        const char *kind;
        bool elects;
        int wanted;
        enum ambs_scaling expected;
    } cases[] = {
        {stage_smooth, "gp", true, AMBS_SCALING_AUTO, AMBS_SCALING_POWER},
        {normal, "gp", true, AMBS_SCALING_AUTO, AMBS_SCALING_POWER},
        {stage_steep, "gp", true, AMBS_SCALING_AUTO, AMBS_SCALING_LOG},
        {log_normal, "gp", true, AMBS_SCALING_AUTO, AMBS_SCALING_LOG},
        {stage_steep, "gp", false, AMBS_SCALING_AUTO, AMBS_SCALING_POWER},
        {stage_steep, "et", true, AMBS_SCALING_AUTO, AMBS_SCALING_POWER},
        {stage_steep, "gp", true, AMBS_SCALING_POWER, AMBS_SCALING_POWER},
        {stage_smooth, "gp", true, AMBS_SCALING_LOG, AMBS_SCALING_LOG},
        {constant, "gp", true, AMBS_SCALING_AUTO, AMBS_SCALING_POWER},
    };
    for (size_t c = 0; c < DH_COUNT_OF(cases); c++) {
        struct stage stage;
        stage_open(&stage, SQUARE OPTIMIZER);
        stage.ambs->options.scaling = cases[c].wanted;
        stage_results_of(&stage, RESULTS, cases[c].value);
        struct ambs_live *live = fit_electing(&stage, cases[c].kind, cases[c].elects);
        const struct ambs_transform *transform = &live->members[0].scale.transform;
        if (transform->scaling != cases[c].expected)
            fail_msg("case %zu: transform %d", c, transform->scaling);
        assert_true(cases[c].wanted != AMBS_SCALING_LOG || transform->share == 0.01);
        bool elected = cases[c].elects && strcmp(cases[c].kind, "gp") == 0 &&
                       cases[c].wanted == AMBS_SCALING_AUTO && cases[c].value != constant;
        assert_int_equal(live->members[0].scale.elected, elected);
        ambs_live_destroy(&live);
        stage_close(&stage);
    }
}

/* Ten successes are needed, and failures must not have been given values. */
static void who_may_elect(void **unused)
{
    (void)unused;
    static const struct {
        size_t successes;
        int failures;
        enum ambs_scaling expected;
    } cases[] = {{9, AMBS_FAILED_AUTO, AMBS_SCALING_POWER},
                 {10, AMBS_FAILED_AUTO, AMBS_SCALING_LOG},
                 {10, AMBS_FAILED_IGNORE, AMBS_SCALING_LOG},
                 {10, AMBS_FAILED_MEAN, AMBS_SCALING_POWER},
                 {10, AMBS_FAILED_WORST, AMBS_SCALING_POWER}};
    for (size_t c = 0; c < DH_COUNT_OF(cases); c++) {
        struct stage stage;
        static const char *const kind = "gp";
        stage_open(&stage, SQUARE OPTIMIZER);
        stage.ambs->options.failures = cases[c].failures;
        for (size_t i = 0; i < RESULTS - cases[c].successes; i++)
            stage_end(&stage, stage_propose(&stage), DH_TRIAL_FAILED, NAN, 3);
        stage_results_of(&stage, cases[c].successes, stage_steep);
        struct ambs_live *live = fit_electing(&stage, kind, true);
        if (live->members[0].scale.transform.scaling != cases[c].expected)
            fail_msg("case %zu: transform %d", c, live->members[0].scale.transform.scaling);
        ambs_live_destroy(&live);
        stage_close(&stage);
    }
}

/* Two members; to the second, values are a tenth of what they are to the first. */
static struct ambs_live *two_scales(struct stage *stage, struct fake *fakes)
{
    static const double wider[] = {-10, 10};
    stage_open(stage, SQUARE OPTIMIZER);
    struct ambs_live *live = stage_fakes(stage, fakes, 2);
    struct ambs_scale *second = &live->members[1].scale;
    ambs_transform_free(&second->transform);
    ambs_transform_fit(&second->transform, AMBS_SCALING_MINMAX, 0, wider, 2);
    live->members[0].scale.mean = 0.5;
    *second = (struct ambs_scale){second->transform, -0.1, -0.1, 0.05, 0.1, false};
    return live;
}

/* Lies and what failures are worth: each member's by its own scale. */
static void members_hear_by_their_own_scale(void **unused)
{
    (void)unused;
    static const struct {
        int liar, failures;
        double lies[2], failed[2], expected[2];
    } cases[] = {
        {AMBS_LIE_MIN, AMBS_FAILED_WORST, {-1, -0.1}, {1, 0.1}, {0.5, 0.05}},
        {AMBS_LIE_MEAN, AMBS_FAILED_MEAN, {0.5, 0.05}, {0.5, 0.05}, {0.5, 0.05}},
        {AMBS_LIE_MAX, AMBS_FAILED_WORST, {1, 0.1}, {1, 0.1}, {0.5, 0.05}},
        {AMBS_LIE_BELIEF, AMBS_FAILED_WORST, {1, 0.1}, {1, 0.1}, {0.5, 0.05}},
    };
    for (size_t c = 0; c < DH_COUNT_OF(cases); c++) {
        struct stage stage;
        struct fake fakes[2] = {{.mean = far_above}, {.mean = far_above}},
                    fails = {.mean = constant, .width = 2};
        struct ambs_live *live = two_scales(&stage, fakes);
        stage.ambs->options.liar = cases[c].liar;
        stage.ambs->options.failures = cases[c].failures;
        uint64_t id = stage_propose(&stage);
        for (size_t k = 0; k < 2; k++)
            assert_true(fabs(fakes[k].last - cases[c].lies[k]) < 1e-12);
        stage_end(&stage, id, DH_TRIAL_FAILED, NAN, 3);
        for (size_t k = 0; k < 2; k++)
            assert_true(fabs(fakes[k].last - cases[c].failed[k]) < 1e-12);
        live->failing = fake_model(&fails); /* for certain: a middling result */
        for (size_t k = 0; k < 2; k++) {
            double x[STAGE_WIDTH] = {0.5, 0.5}, mean, deviation;
            ambs_live_predict(live, k, x, 1, true, &mean, &deviation);
            assert_true(fabs(mean - cases[c].expected[k]) < 1e-12 && deviation == 0);
        }
        stage_close(&stage);
    }
}

/* Each member is told values by its own transform, and has its own best. */
static void members_have_their_own_best(void **unused)
{
    (void)unused;
    struct stage stage;
    struct fake fakes[2] = {{.mean = fake_zero}, {.mean = fake_zero}};
    struct ambs_live *live = two_scales(&stage, fakes);
    stage_end(&stage, stage_propose(&stage), DH_TRIAL_SUCCEEDED, -20, 3);
    assert_true(fabs(fakes[0].last + 20) < 1e-12);
    assert_true(fabs(fakes[1].last + 2) < 1e-12);
    assert_true(live->members[0].scale.best == fakes[0].last &&
                live->members[1].scale.best == fakes[1].last);
    for (uint64_t id = 0; id < 2; id++) {
        struct ambs_ask ask = stage_ask(&stage, id, 3);
        ask.view = (size_t)id;
        ambs_judge_by(&ask);
        assert_true(ask.acquisition.best == fakes[id].last);
    }
    stage_close(&stage);
}

static dh_status fit_nothing(const struct dh_model_setup *setup, const struct dh_rows *rows,
                             struct dh_model **out, struct dh_error *err)
{
    (void)setup;
    (void)out;
    return dh_fail(err, DH_INTERNAL, "no model of %zu rows", rows->count);
}

/* Where no kind can be fitted there is no model, and events are no matter. */
static void a_fit_without_a_model(void **unused)
{
    (void)unused;
    static const struct dh_model_kind cannot = {.name = "cannot", .fit = fit_nothing};
    struct stage stage;
    stage_open(&stage, SQUARE OPTIMIZER);
    stage_results(&stage, 1);
    stage_propose(&stage);
    struct ambs_fit fit = {
        .options = &stage.ambs->options,
        .data = &stage.ambs->data,
        .plan = {.members = {{.kind = &cannot}, {.kind = &cannot}}, .member_count = 2},
        .count = 1,
        .threads = 1};
    atomic_init(&fit.events, stage.ambs->data.since.count);
    ambs_fit_run(&fit);
    assert_null(fit.live);
    assert_string_equal(fit.error.text, "no model of 1 rows");
    ambs_fit_follow(&fit);
    assert_true(ambs_fit_hear(&fit, 0) && fit.heard == 1);
    stage_close(&stage);
}

/* Nothing has failed: nothing to learn of that. */
static void no_failures_no_forest_of_them(void **unused)
{
    (void)unused;
    struct twins twins;
    static const char *const kind = "et";
    twins_open(&twins, AMBS_LIE_AUTO, AMBS_FAILED_AUTO, &kind, 1);
    assert_null(twins.told->failing);
    twins_close(&twins);
}

/* Of two Gaussian processes one may be told to take results at their word. */
static void each_kind_has_its_bound_of_noise(void **unused)
{
    (void)unused;
    struct stage stage;
    stage_open(&stage, SQUARE OPTIMIZER);
    struct dh_random random = dh_random_at(1, DH_STREAM_TEST, 0);
    for (size_t i = 0; i < RESULTS; i++) {
        double x[STAGE_WIDTH];
        stage_row(&stage, i, x);
        double y = 3 * x[0] + 0.5 * dh_random_normal(&random);
        stage_end(&stage, stage_propose(&stage), DH_TRIAL_SUCCEEDED, y, 3);
    }
    const struct dh_model_kind *gp = dh_model_find("gp");
    struct ambs_fit fit = {
        .options = &stage.ambs->options,
        .data = &stage.ambs->data,
        .plan = {.members = {{.kind = gp}, {.kind = gp, .most_noise = 1e-5}}, .member_count = 2},
        .count = RESULTS,
        .threads = 1};
    ambs_fit_run(&fit);
    assert_int_equal(fit.live->member_count, 2);
    double noise[2], x[STAGE_WIDTH] = {0.5, 0.5};
    for (size_t k = 0; k < 2; k++) {
        const struct dh_model *model = fit.live->members[k].model;
        model->kind->predict(model, x, 1, &(struct dh_prediction){.aleatoric = &noise[k]});
    }
    if (!(noise[0] > 0.01 && noise[1] < 1e-4))
        fail_msg("noise %g and %g", noise[0], noise[1]);
    ambs_live_destroy(&fit.live);
    stage_close(&stage);
}

/* What a fit was given. */
static struct {
    double x[RESULTS * STAGE_WIDTH], y[RESULTS];
    size_t count;
} given;

static dh_status take_rows(const struct dh_model_setup *setup, const struct dh_rows *rows,
                           struct dh_model **out, struct dh_error *err)
{
    (void)out;
    memcpy(given.x, rows->x, rows->count * setup->feature_count * sizeof *given.x);
    memcpy(given.y, rows->y, rows->count * sizeof *given.y);
    given.count = rows->count;
    return dh_fail(err, DH_INTERNAL, "was only to look");
}

static int descending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x < *y) - (*x > *y);
}

/* Of a part of the results half are the best, the others come from all the rest, and none comes
 * twice; failures are in none where they are left out. */
static void a_part_of_the_results_has_the_best(void **unused)
{
    (void)unused;
    static const struct dh_model_kind looks = {.name = "looks", .fit = take_rows};
    struct stage stage;
    stage_open(&stage, SQUARE "optimizer = { method = \"ambs\"; transform = \"identity\"; };");
    stage_results(&stage, RESULTS - 1);
    stage_end(&stage, stage_propose(&stage), DH_TRIAL_FAILED, NAN, 3);
    struct ambs_fit fit = {.options = &stage.ambs->options,
                           .data = &stage.ambs->data,
                           .plan = {.members = {{.kind = &looks}}, .member_count = 1},
                           .count = RESULTS,
                           .threads = 1};
    ambs_fit_run(&fit);
    assert_null(fit.live);
    assert_int_equal(given.count, RESULTS - 1); /* all that did not fail */
    double all[RESULTS];
    memcpy(all, given.y, sizeof all);
    qsort(all, RESULTS - 1, sizeof *all, descending);
    for (fit.seed = 0; fit.seed < 20; fit.seed++) {
        fit.plan.members[0].most = 10;
        ambs_fit_run(&fit);
        assert_in_range(given.count, 9, 10); /* the failure may be picked, and left out then */
        qsort(given.y, given.count, sizeof *given.y, descending);
        for (size_t i = 0; i < 5; i++)
            assert_true(given.y[given.count - 1 - i] == all[RESULTS - 2 - i]);
        for (size_t i = 1; i < given.count; i++)
            assert_true(given.y[i] < given.y[i - 1]);
    }
    fit.plan.members[0].most = RESULTS;
    ambs_fit_run(&fit);
    assert_int_equal(given.count, RESULTS - 1);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_take_the_place_of_lies),
        cmocka_unit_test(the_newest_lies_are_held),
        cmocka_unit_test(results_beyond_the_room_are_not_learnt),
        cmocka_unit_test(lies_are_told),
        cmocka_unit_test(each_liar_has_its_own_lie),
        cmocka_unit_test(a_failure_is_worth_what_the_options_say),
        cmocka_unit_test(a_fit_takes_failures_as_the_options_say),
        cmocka_unit_test(where_trials_fail_is_kept_current),
        cmocka_unit_test(failures_beyond_the_room_are_not_learnt),
        cmocka_unit_test(predictions),
        cmocka_unit_test(unsure_near_bounds),
        cmocka_unit_test(few_values_have_no_bounds),
        cmocka_unit_test(the_best_value_is_kept),
        cmocka_unit_test(the_power_fits_the_values),
        cmocka_unit_test(a_fit_knows_its_values),
        cmocka_unit_test(values_elect_their_transform),
        cmocka_unit_test(a_part_of_the_results_has_the_best),
        cmocka_unit_test(who_may_elect),
        cmocka_unit_test(members_hear_by_their_own_scale),
        cmocka_unit_test(members_have_their_own_best),
        cmocka_unit_test(a_fit_without_a_model),
        cmocka_unit_test(no_failures_no_forest_of_them),
        cmocka_unit_test(each_kind_has_its_bound_of_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
