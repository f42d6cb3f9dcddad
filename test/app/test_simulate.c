/* Simulated searches: what must hold however fast the machine is. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/app/crowd.h"
#include "../../src/app/duration.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/simulate.h"

#define BUILTIN "type = \"builtin\"; function = \"sphere\";"

static const char config_text[] =
    "search = { seed = 3; %s };\n"
    "objectives = ( { name = \"value\"; goal = \"minimize\"; } );\n"
    "parameters = ( { name = \"x\"; type = \"real\"; low = -1.0; high = 1.0; },\n"
    "               { name = \"y\"; type = \"real\"; low = -1.0; high = 1.0; } );\n"
    "optimizer = { method = \"%s\"; };\n"
    "evaluator = { %s };\n";

static void read_setup(struct dh_app_setup *setup, const char *search, const char *method,
                       const char *evaluator)
{
    struct dh_error err;
    char *text = dh_strprintf(config_text, search, method, evaluator);
    assert_int_equal(dh_app_setup_parse("test.cfg", text, setup, &err), DH_OK);
    free(text);
}

static struct dh_duration parsed(const char *text)
{
    struct dh_duration duration;
    struct dh_error err;
    assert_int_equal(dh_duration_parse(text, &duration, &err), DH_OK);
    return duration;
}

static struct dh_simulated simulate(const struct dh_simulation *simulation)
{
    struct dh_simulated result;
    struct dh_error err = {0};
    if (dh_simulate(simulation, &result, &err) != DH_OK)
        fail_msg("%s", err.text);
    assert_true(dh_usage_total(&result.usage) ==
                llround(result.elapsed * 1e6) * (int64_t)result.slots);
    return result;
}

static void refuse(const struct dh_simulation *simulation, const char *what)
{
    struct dh_simulated result;
    struct dh_error err = {0};
    assert_int_not_equal(dh_simulate(simulation, &result, &err), DH_OK);
    if (!strstr(err.text, what))
        fail_msg("'%s' does not say '%s'", err.text, what);
}

static void durations_are_read(void **state)
{
    (void)state;
    static const char *const bad[] = {"",         "60",        "normal",        "normal:60",
                                      "normal:,", "fixed:1,2", "uniform:3,2",   "norm:1,2",
                                      "fixed:-1", "fixed:x",   "lognormal:0,1", "normal:1,2,3"};
    struct dh_duration duration;
    struct dh_error err;
    for (size_t i = 0; i < DH_COUNT_OF(bad); i++)
        assert_int_equal(dh_duration_parse(bad[i], &duration, &err), DH_USAGE);
    duration = parsed("normal:1m,20s");
    assert_int_equal(duration.kind, DH_DURATION_NORMAL);
    assert_true(duration.a == 60 && duration.b == 20);
}

/* Each distribution has the mean and the deviation that it was asked for. */
static void durations_have_their_moments(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double mean, deviation;
    } cases[] = {{"fixed:60", 60, 0},
                 {"uniform:30,90", 60, 17.32},
                 {"normal:60,10", 60, 10},
                 {"lognormal:60,20", 60, 20},
                 {"exponential:60", 60, 60}};
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++) {
        struct dh_duration duration = parsed(cases[i].text);
        struct dh_random random = dh_random_at(i, DH_STREAM_TEST, 0);
        double sum = 0, squares = 0, count = 20000;
        for (int n = 0; n < (int)count; n++) {
            double x = dh_duration_draw(&duration, &random);
            assert_true(x >= 0);
            sum += x;
            squares += x * x;
        }
        double mean = sum / count, deviation = sqrt(fmax(squares / count - mean * mean, 0));
        assert_true(fabs(mean - cases[i].mean) < 2);
        assert_true(fabs(deviation - cases[i].deviation) < 2);
    }
}

static void naps_end_after_what_they_wait_for(void **state)
{
    (void)state;
    for (double event = 0; event < 0.02; event += 3.7e-6) {
        double noticed = dh_crowd_notices(0, event, 0);
        assert_true(noticed >= event && noticed <= event + 1.2e-3);
    }
    assert_true(dh_crowd_notices(5, 5, 0) < 5 + 1e-4); /* who is busy looks at once */
}

static void budget_is_exact(void **state)
{
    (void)state;
    struct dh_app_setup setup;
    read_setup(&setup, "max_evaluations = 500;", "random", BUILTIN "slots = 3;");
    struct dh_simulation simulation = {
        .setup = &setup, .workers = 20, .duration = parsed("normal:60,20"), .latency = 1e-5};
    struct dh_simulated result = simulate(&simulation);
    assert_int_equal(result.slots, 60);
    assert_int_equal(result.counts.stop, DH_STOP_BUDGET);
    assert_int_equal(result.counts.ended_here, 500);
    assert_int_equal(result.started, 500);
    assert_true(result.elapsed > 60 * 500 / 60 && result.elapsed < 3600);
    assert_true(result.best >= 0 && result.best < 0.1);
    dh_app_setup_free(&setup);
}

/* With a latency, what is lost can be said beforehand: a task and a result on their way. (What
 * still runs at the end counts as evaluating until its result says otherwise.) */
static void latency_costs_what_it_must(void **state)
{
    (void)state;
    struct dh_app_setup setup;
    read_setup(&setup, "", "random", BUILTIN);
    struct dh_simulation simulation = {
        .setup = &setup, .workers = 8, .duration = parsed("fixed:10"), .time = 400, .latency = 5};
    struct dh_simulated result = simulate(&simulation);
    assert_int_equal(result.elapsed, 400);
    assert_true(result.busy <= 0.55 && result.busy > 0.25);
    assert_true(result.counts.ended_here <= 8 * 20);
    simulation.latency = 0;
    assert_true(simulate(&simulation).busy > result.busy);
    dh_app_setup_free(&setup);
}

/* The method's thread, and its fits, have clocks of their own. */
static void the_model_takes_its_time(void **state)
{
    (void)state;
    struct dh_app_setup setup;
    read_setup(&setup, "max_evaluations = 150;", "ambs", BUILTIN);
    struct dh_simulation simulation = {
        .setup = &setup, .workers = 30, .duration = parsed("normal:2,1"), .latency = 1e-5};
    struct dh_simulated result = simulate(&simulation);
    assert_int_equal(result.counts.ended_here, 150);
    /* Where the machine is slow, some slots do not wait for the method. */
    assert_true(result.done[DH_WORK_ASK] + result.replaced >= 150);
    assert_true(result.done[DH_WORK_ASK] > 0);
    assert_true(result.done[DH_WORK_TELL] >= 150);
    assert_true(result.spent[DH_WORK_ASK] > 0 && result.spent[DH_WORK_MANAGE] > 0);
    assert_true(result.ask_seconds > 0);
    assert_true(result.best < 0.2);
    dh_app_setup_free(&setup);
}

static void time_limit_and_target_end_it(void **state)
{
    (void)state;
    struct dh_app_setup setup;
    read_setup(&setup, "max_time = 100; grace = 30;", "random", BUILTIN);
    struct dh_simulation simulation = {
        .setup = &setup, .workers = 10, .duration = parsed("uniform:5,50")};
    struct dh_simulated result = simulate(&simulation);
    assert_int_equal(result.counts.stop, DH_STOP_TIME);
    assert_true(result.elapsed >= 100 && result.elapsed < 131);
    dh_app_setup_free(&setup);
    read_setup(&setup, "target = 0.01; max_time = 100000;", "random", BUILTIN);
    result = simulate(&simulation);
    assert_int_equal(result.counts.stop, DH_STOP_TARGET);
    assert_true(result.best <= 0.01);
    dh_app_setup_free(&setup);
}

static char *write_history(const char *text)
{
    char *path = dh_strdup("/tmp/dh_test_simulate.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static void an_old_history_evaluates(void **state)
{
    (void)state;
    struct dh_app_setup setup;
    char *path = write_history("p:x,p:y,objective\n0.5,0.5,7\n-0.5,-0.5,3\n0.5,-0.5,5\n"
                               "-0.5,0.5,4\n0,0,F_failed\n");
    read_setup(&setup, "max_evaluations = 50;", "random",
               "type = \"command\"; command = [\"true\"];");
    struct dh_simulation simulation = {.setup = &setup, .workers = 5, .history = path};
    refuse(&simulation, "--duration");
    simulation.duration = parsed("fixed:1");
    struct dh_simulated result = simulate(&simulation);
    assert_int_equal(result.counts.ended_here, 50);
    assert_true(result.best >= 3 && result.best < 5);
    simulation.history = NULL;
    refuse(&simulation, "--history");
    simulation.history = "/nonexistent/old.csv";
    refuse(&simulation, "old.csv");
    unlink(path);
    free(path);
    dh_app_setup_free(&setup);
}

static void what_cannot_be_simulated_is_refused(void **state)
{
    (void)state;
    struct dh_app_setup setup;
    read_setup(&setup, "", "random", BUILTIN);
    struct dh_simulation simulation = {.setup = &setup, .workers = 2};
    refuse(&simulation, "--time");
    simulation.workers = 0;
    refuse(&simulation, "worker");
    dh_app_setup_free(&setup);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read),
        cmocka_unit_test(durations_have_their_moments),
        cmocka_unit_test(naps_end_after_what_they_wait_for),
        cmocka_unit_test(budget_is_exact),
        cmocka_unit_test(latency_costs_what_it_must),
        cmocka_unit_test(the_model_takes_its_time),
        cmocka_unit_test(time_limit_and_target_end_it),
        cmocka_unit_test(an_old_history_evaluates),
        cmocka_unit_test(what_cannot_be_simulated_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
