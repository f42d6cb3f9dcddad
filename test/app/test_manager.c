/* The whole manager in one process: real scheduler, search and protocol on the loop transport,
 * simulated workers, a virtual clock. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/app/manager.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/lanes.h"

static const char config_text[] =
    "search = { max_evaluations = %d; %s };\n"
    "objectives = ( { name = \"value\"; goal = \"minimize\"; } );\n"
    "parameters = ( { name = \"x\"; %s },\n"
    "               { name = \"n\"; type = \"int\"; low = 1; high = %d; } );\n"
    "optimizer = { method = \"%s\"; };\n"
    "evaluator = { type = \"builtin\"; function = \"sphere\"; };\n";

/* A worker of one slot that "evaluates" by letting virtual time pass. */
struct worker {
    struct dh_comm *comm;
    uint64_t trial;
    double x;
    double ends; /* INFINITY: idle */
    bool done;
    bool dead; /* does and says nothing */
};

struct simulation {
    struct dh_app_setup setup;
    struct dh_history *history;
    struct dh_search *search;
    struct dh_manager *manager;
    struct dh_comm **ends;
    struct worker *workers;
    int worker_count;
    struct dh_random random;
    double time;
    double failing; /* share of evaluations that fail */
    double
        lost_after; /* of the configuration; then the living send heartbeats. 0: nobody is lost */
    uint64_t evaluations, answers;  /* answers to heartbeats */
    const char *method;             /* NULL: random */
    bool together;                  /* evaluations take the same time */
    const struct dh_groups *groups; /* one of all workers, the first of which leads */
    const char *x;                  /* the parameter; NULL: real, from 0 to 1 */
    const double *old;              /* points of warm_start */
    size_t old_count;
};

static double virtual_now(void *context)
{
    return ((struct simulation *)context)->time;
}

static void send(struct worker *worker, enum dh_tag tag, struct dh_buffer *payload)
{
    struct dh_error err;
    assert_int_equal(dh_comm_send(worker->comm, 0, tag, payload, &err), DH_OK);
    dh_buffer_free(payload);
}

/* `slots`: 0 of a group's rank that does not lead. */
static void join(struct worker *worker, struct dh_comm *comm, int32_t slots)
{
    struct dh_buffer payload = {0};
    struct dh_hello hello = {
        .version = DH_WIRE_VERSION, .slots = slots, .silent = slots == 0, .host = "simulated"};
    *worker = (struct worker){.comm = comm, .ends = INFINITY};
    dh_hello_pack(&hello, &payload);
    send(worker, DH_TAG_HELLO, &payload);
    dh_slot_pack(0, 0, &payload);
    if (slots > 0)
        send(worker, DH_TAG_CLAIM, &payload);
    dh_buffer_free(&payload);
}

static void start_simulation(struct simulation *s, int workers, int evaluations, int largest_n,
                             const char *more, const struct dh_clock *clock)
{
    struct dh_error err;
    const char *x = s->x ? s->x : "type = \"real\"; low = 0.0; high = 1.0;";
    char *text = dh_strprintf(config_text, evaluations, more, x, largest_n,
                              s->method ? s->method : "random");
    assert_int_equal(dh_app_setup_parse("test.cfg", text, &s->setup, &err), DH_OK);
    free(text);
    s->setup.settings.scheduler.lost_after = s->lost_after > 0 ? s->lost_after : 1e9;
    s->history = dh_history_create(2, 1);
    struct dh_search_context context = {.space = s->setup.space,
                                        .settings = &s->setup.settings,
                                        .seed = 5,
                                        .clock = clock,
                                        .warm_points = s->old,
                                        .warm_count = s->old_count};
    assert_int_equal(dh_search_create(&context, &s->search, &err), DH_OK);
    s->worker_count = workers;
    s->ends = dh_alloc((size_t)workers + 1, sizeof(struct dh_comm *));
    s->workers = dh_alloc((size_t)workers, sizeof *s->workers);
    dh_comm_loop_create(workers + 1, s->ends);
    struct dh_manager_parts parts = {.setup = &s->setup,
                                     .comm = s->ends[0],
                                     .history = s->history,
                                     .search = s->search,
                                     .clock = clock,
                                     .groups = s->groups,
                                     .retries = 1};
    s->manager = dh_manager_create(&parts);
    for (int i = 0; i < workers; i++)
        join(&s->workers[i], s->ends[i + 1], !s->groups || i == 0);
}

static void end_simulation(struct simulation *s)
{
    struct dh_error err;
    dh_manager_destroy(&s->manager);
    for (int i = 0; i <= s->worker_count; i++)
        dh_comm_close(&s->ends[i], &err);
    dh_search_destroy(&s->search);
    dh_history_destroy(&s->history);
    dh_app_setup_free(&s->setup);
    free(s->ends);
    free(s->workers);
}

static void on_message(struct simulation *s, struct worker *worker,
                       const struct dh_message *message)
{
    if (message->tag == DH_TAG_TASK) {
        struct dh_task task;
        assert_true(dh_task_unpack(message, 2, &task));
        assert_true(isinf(worker->ends)); /* one trial at a time */
        worker->trial = task.trial;
        worker->x = task.values[0];
        double spread = s->together ? 0 : 20;
        worker->ends = s->time + 60 + spread * (dh_random_uniform(&s->random) - 0.5);
        free(task.values);
        s->evaluations++;
    } else if (message->tag == DH_TAG_HEARTBEAT) {
        s->answers++;
    } else if (message->tag == DH_TAG_CANCEL) {
        worker->ends = s->time;
    } else {
        struct dh_buffer nothing = {0};
        assert_int_equal(message->tag, DH_TAG_SHUTDOWN);
        send(worker, DH_TAG_BYE, &nothing);
        worker->done = true;
    }
}

static void finish(struct simulation *s, struct worker *worker)
{
    struct dh_buffer payload = {0};
    double value = worker->x, none = NAN;
    bool fails = dh_random_uniform(&s->random) < s->failing;
    struct dh_outcome outcome = {.status = fails ? DH_TRIAL_FAILED : DH_TRIAL_SUCCEEDED,
                                 .objectives = fails ? &none : &value,
                                 .reason = fails ? "F_test" : NULL,
                                 .started = worker->ends - 60,
                                 .ended = worker->ends,
                                 .cpu_seconds = NAN};
    dh_result_pack(0, worker->trial, &outcome, 1, &payload);
    send(worker, DH_TAG_RESULT, &payload);
    worker->ends = INFINITY;
}

static bool serve_workers(struct simulation *s)
{
    struct dh_message message;
    struct dh_error err;
    bool busy = false;
    for (int i = 0; i < s->worker_count; i++) {
        struct worker *worker = &s->workers[i];
        while (!worker->dead && !worker->done &&
               dh_comm_receive(worker->comm, &message, &err) == DH_OK) {
            on_message(s, worker, &message);
            busy = true;
        }
        if (!worker->dead && worker->ends <= s->time) {
            finish(s, worker);
            busy = true;
        }
    }
    return busy;
}

static double beat(struct simulation *s)
{
    if (s->lost_after <= 0)
        return INFINITY;
    struct dh_buffer nothing = {0};
    for (int i = 0; i < s->worker_count; i++)
        if (!s->workers[i].dead && !s->workers[i].done)
            send(&s->workers[i], DH_TAG_HEARTBEAT, &nothing);
    return s->time + s->lost_after / 16;
}

/* Until the search is over, or `until`. */
static void run_until(struct simulation *s, double until)
{
    struct dh_error err;
    for (int round = 0; !dh_manager_done(s->manager) && s->time < until; round++) {
        assert_true(round < 1000000);
        bool busy;
        assert_int_equal(dh_manager_step(s->manager, &busy, &err), DH_OK);
        if (serve_workers(s) || busy)
            continue;
        double next = fmin(dh_manager_next_time(s->manager), dh_manager_next_answer(s->manager));
        for (int i = 0; i < s->worker_count; i++)
            if (!s->workers[i].dead)
                next = fmin(next, s->workers[i].ends);
        next = fmin(next, beat(s));
        assert_true(next > s->time && isfinite(next)); /* otherwise nothing would ever happen */
        s->time = next;
    }
}

static void run(struct simulation *s)
{
    run_until(s, INFINITY);
}

static struct dh_sched_counts counts_of(const struct simulation *s)
{
    struct dh_sched_counts counts;
    dh_sched_counts(dh_manager_sched(s->manager), &counts);
    return counts;
}

static void check_usage(const struct simulation *s)
{
    struct dh_usage usage;
    dh_sched_usage(dh_manager_sched(s->manager), s->time, &usage);
    assert_int_equal(dh_usage_total(&usage), llround(s->time * 1e6) * s->worker_count);
}

static void budget_is_exact(void **state)
{
    (void)state;
    static const int worker_counts[] = {1, 3, 64, 1000};
    for (size_t i = 0; i < DH_COUNT_OF(worker_counts); i++) {
        struct simulation s = {.random = dh_random_at(i, DH_STREAM_TEST, 0), .failing = 0.2};
        struct dh_clock clock = {virtual_now, &s};
        start_simulation(&s, worker_counts[i], 700, 100, "", &clock);
        run(&s);
        struct dh_sched_counts counts = counts_of(&s);
        assert_int_equal(counts.stop, DH_STOP_BUDGET);
        assert_int_equal(dh_history_count(s.history), 700);
        assert_int_equal(dh_history_ended(s.history), 700);
        assert_int_equal(counts.by_status[DH_TRIAL_SUCCEEDED] + counts.by_status[DH_TRIAL_FAILED],
                         700);
        assert_true(counts.by_status[DH_TRIAL_FAILED] < 70); /* 4 % fail twice */
        assert_int_equal(s.evaluations, 700 + counts.retried);
        check_usage(&s);
        end_simulation(&s);
    }
}

static void trials_do_not_depend_on_the_workers(void **state)
{
    (void)state;
    struct simulation one = {.random = dh_random_at(1, DH_STREAM_TEST, 0)};
    struct simulation many = {.random = dh_random_at(2, DH_STREAM_TEST, 0)};
    struct dh_clock one_clock = {virtual_now, &one}, many_clock = {virtual_now, &many};
    start_simulation(&one, 1, 100, 9, "", &one_clock);
    start_simulation(&many, 37, 100, 9, "", &many_clock);
    run(&one);
    run(&many);
    for (uint64_t id = 0; id < 100; id++)
        assert_memory_equal(dh_history_trial(one.history, id)->values,
                            dh_history_trial(many.history, id)->values, 2 * sizeof(double));
    end_simulation(&one);
    end_simulation(&many);
}

static void target_cancels_what_runs(void **state)
{
    (void)state;
    struct simulation s = {.random = dh_random_at(3, DH_STREAM_TEST, 0)};
    struct dh_clock clock = {virtual_now, &s};
    start_simulation(&s, 20, 10000, 100, "target = 0.05;", &clock);
    run(&s);
    struct dh_sched_counts counts = counts_of(&s);
    assert_int_equal(counts.stop, DH_STOP_TARGET);
    double best = dh_history_trial(s.history, counts.incumbent)->outcome.objectives[0];
    assert_true(best <= 0.05);
    assert_int_equal(counts.by_status[DH_TRIAL_PENDING], 0);
    end_simulation(&s);
}

static void time_limit_leaves_the_rest_pending(void **state)
{
    (void)state;
    struct simulation s = {.random = dh_random_at(4, DH_STREAM_TEST, 0)};
    struct dh_clock clock = {virtual_now, &s};
    start_simulation(&s, 20, 10000, 100, "max_time = 600;", &clock);
    run(&s);
    struct dh_sched_counts counts = counts_of(&s);
    assert_int_equal(counts.stop, DH_STOP_TIME);
    assert_true(s.time >= 600 && s.time < 600 + 80);
    assert_true(counts.by_status[DH_TRIAL_SUCCEEDED] > 100);
    check_usage(&s);
    end_simulation(&s);
}

static void exhausted_space_ends_the_search(void **state)
{
    (void)state;
    struct simulation s = {.random = dh_random_at(6, DH_STREAM_TEST, 0)};
    struct dh_clock clock = {virtual_now, &s};
    struct dh_error err;
    s.worker_count = 0;
    char *text = dh_strprintf(config_text, 0, "", "type = \"bool\";", 5, "random");
    char *cut = strstr(text, "{ name = \"x\"");
    memset(cut, ' ', (size_t)(strstr(cut, "},") + 2 - cut)); /* only n = 1 … 5 is left */
    assert_int_equal(dh_app_setup_parse("test.cfg", text, &s.setup, &err), DH_OK);
    free(text);
    s.setup.settings.scheduler.lost_after = 1e9; /* time goes by while the thread is waited for */
    s.history = dh_history_create(1, 1);
    struct dh_search_context context = {.space = s.setup.space, .settings = &s.setup.settings};
    assert_int_equal(dh_search_create(&context, &s.search, &err), DH_OK);
    s.ends = dh_alloc(2, sizeof(struct dh_comm *));
    dh_comm_loop_create(2, s.ends);
    struct dh_manager_parts parts = {.setup = &s.setup,
                                     .comm = s.ends[0],
                                     .history = s.history,
                                     .search = s.search,
                                     .clock = &clock,
                                     .threaded = true};
    s.manager = dh_manager_create(&parts);
    struct worker worker;
    join(&worker, s.ends[1], 1);
    int told = 0;
    while (!dh_manager_done(s.manager)) {
        bool busy;
        struct dh_message message;
        assert_int_equal(dh_manager_step(s.manager, &busy, &err), DH_OK);
        s.time += 0.001;
        if (dh_comm_receive(worker.comm, &message, &err) != DH_OK)
            continue;
        struct dh_buffer payload = {0};
        struct dh_task task;
        if (message.tag == DH_TAG_SHUTDOWN) {
            send(&worker, DH_TAG_BYE, &payload);
            continue;
        }
        assert_true(dh_task_unpack(&message, 1, &task));
        worker.trial = task.trial;
        worker.ends = s.time;
        free(task.values);
        finish(&s, &worker);
        told++;
    }
    assert_int_equal(told, 5);
    assert_int_equal(counts_of(&s).stop, DH_STOP_EXHAUSTED);
    dh_comm_close(&s.ends[1], &err);
    end_simulation(&s);
}

/* Silent workers are given up, and what they ran goes to the others; one comes back later, with a
 * result that is no longer wanted, and is told to end. */
static void silent_workers_are_lost(void **state)
{
    (void)state;
    struct simulation s = {.random = dh_random_at(7, DH_STREAM_TEST, 0), .lost_after = 30};
    struct dh_clock clock = {virtual_now, &s};
    start_simulation(&s, 6, 60, 100, "", &clock);
    run_until(&s, 100);
    s.workers[1].dead = s.workers[4].dead = true;
    run_until(&s, 125);
    assert_int_equal(counts_of(&s).workers, 6);
    run_until(&s, 140);
    assert_int_equal(counts_of(&s).workers, 4);
    assert_int_equal(counts_of(&s).lost, 2);
    s.workers[4].dead = false;
    run_until(&s, 300);
    assert_true(s.workers[4].done);
    run(&s);
    assert_int_equal(counts_of(&s).stop, DH_STOP_BUDGET);
    assert_int_equal(dh_history_ended(s.history), 60);
    assert_true(s.answers > 0);
    assert_false(dh_manager_leave(s.manager));
    end_simulation(&s);
}

/* Hours in which the manager itself was away say nothing of the workers. */
static void nobody_is_lost_while_the_manager_sleeps(void **state)
{
    (void)state;
    struct simulation s = {.random = dh_random_at(8, DH_STREAM_TEST, 0), .lost_after = 30};
    struct dh_clock clock = {virtual_now, &s};
    start_simulation(&s, 5, 40, 100, "", &clock);
    for (int i = 0; i < 3; i++) {
        run_until(&s, s.time + 20);
        s.time += 36000;
        struct dh_error err;
        bool busy;
        assert_int_equal(dh_manager_step(s.manager, &busy, &err), DH_OK);
    }
    run(&s);
    assert_int_equal(counts_of(&s).lost, 0);
    assert_int_equal(counts_of(&s).workers, 5);
    assert_true(dh_manager_leave(s.manager));
    end_simulation(&s);
}

/* A rank that is silent in a group's calls, which take longer than others may be silent, is heard
 * of when they end. */
static void a_group_is_heard_of_by_its_results(void **state)
{
    (void)state;
    int32_t members[] = {1, 2}, leader[] = {-1, 1, 1};
    struct dh_groups groups = {
        .size = 3, .ranks = 2, .count = 1, .members = members, .leader = leader};
    struct simulation s = {
        .random = dh_random_at(15, DH_STREAM_TEST, 0), .lost_after = 30, .groups = &groups};
    struct dh_clock clock = {virtual_now, &s};
    start_simulation(&s, 2, 5, 100, "", &clock);
    s.workers[1].dead = true; /* not a word after its hello */
    run_until(&s, 1);
    for (int i = 1; i <= 3; i++) {
        struct dh_error err;
        bool busy;
        assert_true(s.workers[0].ends > s.time + 30 && isfinite(s.workers[0].ends));
        run_until(&s, s.workers[0].ends);
        finish(&s, &s.workers[0]);
        s.time += 1.5; /* the manager looks for lost ranks in the step that takes the result */
        assert_int_equal(dh_manager_step(s.manager, &busy, &err), DH_OK);
        assert_int_equal(dh_history_ended(s.history), i);
        assert_int_equal(counts_of(&s).lost, 0);
        run_until(&s, s.time + 1);
    }
    end_simulation(&s);
}

/* Two of three ranks never say hello: the third goes on; when it is lost too, that is the end. */
static void ranks_that_never_start_are_lost(void **state)
{
    (void)state;
    struct simulation s = {.random = dh_random_at(9, DH_STREAM_TEST, 0), .lost_after = 30};
    struct dh_clock clock = {virtual_now, &s};
    struct dh_message ignored;
    struct dh_error err;
    start_simulation(&s, 3, 1000, 100, "", &clock);
    dh_manager_destroy(&s.manager);
    while (dh_comm_receive(s.ends[0], &ignored, &err) == DH_OK)
        continue;
    struct dh_manager_parts parts = {.setup = &s.setup,
                                     .comm = s.ends[0],
                                     .history = s.history,
                                     .search = s.search,
                                     .clock = &clock};
    s.manager = dh_manager_create(&parts);
    s.workers[0].dead = s.workers[1].dead = true;
    join(&s.workers[2], s.ends[3], 1);
    run_until(&s, 200);
    assert_int_equal(counts_of(&s).stop, DH_STOP_NONE);
    assert_int_equal(counts_of(&s).workers, 1);
    s.workers[2].dead = true;
    run(&s);
    assert_int_equal(counts_of(&s).stop, DH_STOP_LOST);
    end_simulation(&s);
}

/* The search as a thread that takes half a second for an ask, without a thread. */
struct slow {
    struct simulation *simulation;
    double free_at;
    bool asking;
    struct dh_clock clock;
    struct dh_lanes lanes;
};

static double slow_now(void *context)
{
    const struct slow *slow = context;
    return slow->asking ? slow->free_at : slow->simulation->time;
}

static void slow_enter(void *context, enum dh_work work)
{
    struct slow *slow = context;
    if (work == DH_WORK_ASK) {
        slow->free_at = fmax(slow->free_at, slow->simulation->time) + 0.5;
        slow->asking = true;
    }
}

static void slow_leave(void *context)
{
    ((struct slow *)context)->asking = false;
}

/* Play a simulation with such a search; `slow` lives as long as it. */
static void run_slowly(struct simulation *s, struct slow *slow, int workers, int evaluations,
                       int largest_n)
{
    *slow = (struct slow){
        .simulation = s,
        .clock = {slow_now, slow},
        .lanes = {.enter = slow_enter, .leave = slow_leave, .context = slow},
    };
    start_simulation(s, workers, evaluations, largest_n, "", &slow->clock);
    dh_manager_destroy(&s->manager);
    struct dh_manager_parts parts = {.setup = &s->setup,
                                     .comm = s->ends[0],
                                     .history = s->history,
                                     .search = s->search,
                                     .clock = &slow->clock,
                                     .lanes = &slow->lanes,
                                     .threaded = true};
    s->manager = dh_manager_create(&parts);
    run(s);
}

/* A slot waits no longer than it should: the main thread proposes then, and what the search
 * answers in the end is used, too. */
static void late_asks_are_replaced(void **state)
{
    (void)state;
    struct simulation s = {.random = dh_random_at(10, DH_STREAM_TEST, 0)};
    struct slow slow;
    run_slowly(&s, &slow, 200, 2000, 100);
    assert_int_equal(counts_of(&s).stop, DH_STOP_BUDGET);
    assert_int_equal(dh_history_count(s.history), 2000);
    uint64_t late = dh_origin_count(s.history, DH_ORIGIN_LATE);
    assert_int_equal(late, dh_manager_demand(s.manager)->late);
    assert_true(late > 500 && late < 2000);
    struct dh_usage usage;
    dh_sched_usage(dh_manager_sched(s.manager), s.time, &usage);
    assert_true(dh_usage_share(&usage, DH_USE_WAITING) < 0.01);
    end_simulation(&s);
}

/* When all slots become free at once, the model answers the first of them with less effort than the
 * last ones, so that none waits for long. */
static void many_asks_at_once_take_less_effort(void **state)
{
    (void)state;
    struct simulation s = {
        .random = dh_random_at(14, DH_STREAM_TEST, 0), .method = "ambs", .together = true};
    struct dh_clock clock = {virtual_now, &s};
    start_simulation(&s, 16, 32, 100, "", &clock);
    run(&s);
    assert_int_equal(dh_history_count(s.history), 32);
    const struct dh_trial *trial = NULL;
    for (uint64_t id = 16; id < 32; id++) {
        uint32_t before = trial ? trial->level : 0;
        trial = dh_history_trial(s.history, id);
        assert_int_equal(trial->origin, DH_ORIGIN_METHOD);
        assert_true(trial->level >= before);
    }
    /* of the 0.3 s they may take together each has a share: a 16th, a 10th, all */
    assert_int_equal(dh_history_trial(s.history, 16)->level, 1);
    assert_int_equal(dh_history_trial(s.history, 22)->level, 2);
    assert_int_equal(dh_history_trial(s.history, 31)->level, 3);
    end_simulation(&s);
}

/* One slot waits as long as it takes. */
static void one_slot_has_no_late_asks(void **state)
{
    (void)state;
    struct simulation s = {.random = dh_random_at(13, DH_STREAM_TEST, 0)};
    struct slow slow;
    run_slowly(&s, &slow, 1, 20, 100);
    assert_int_equal(dh_history_count(s.history), 20);
    assert_int_equal(dh_manager_demand(s.manager)->asks, 20);
    assert_int_equal(dh_manager_demand(s.manager)->late, 0);
    assert_int_equal(dh_origin_count(s.history, DH_ORIGIN_LATE), 0);
    end_simulation(&s);
}

/* Nor are old points tried again, whoever proposes: 700 of 1000 are known. */
static void old_points_are_not_replacements(void **state)
{
    (void)state;
    double old[700][2];
    for (size_t i = 0; i < DH_COUNT_OF(old); i++) { /* those of the best x among them */
        old[i][0] = (double)(i / 25);
        old[i][1] = (double)(1 + i % 25);
    }
    struct simulation s = {.random = dh_random_at(12, DH_STREAM_TEST, 0),
                           .x = "type = \"int\"; low = 0; high = 39;",
                           .old = old[0],
                           .old_count = DH_COUNT_OF(old)};
    struct slow slow;
    run_slowly(&s, &slow, 200, 250, 25);
    assert_int_equal(dh_history_count(s.history), 250);
    assert_true(dh_origin_count(s.history, DH_ORIGIN_LATE) > 50);
    for (uint64_t id = 0; id < 250; id++)
        assert_true(dh_history_trial(s.history, id)->values[0] >= 28);
    end_simulation(&s);
}

static void say_fatal(struct worker *worker, dh_status status)
{
    struct dh_buffer payload = {0};
    dh_put_u32(&payload, status);
    dh_put_text(&payload, "no space left");
    send(worker, DH_TAG_FATAL, &payload);
}

/* A search of three workers, one evaluation running on each, with a store of its own. */
struct kept {
    struct simulation s;
    struct dh_clock clock;
    char folder[40];
    char *path, *journal;
    struct dh_store *store;
};

static void start_kept(struct kept *k)
{
    struct dh_error err;
    *k = (struct kept){.s.random = dh_random_at(11, DH_STREAM_TEST, 0),
                       .folder = "/tmp/dh_test_manager_XXXXXX"};
    k->clock = (struct dh_clock){virtual_now, &k->s};
    start_simulation(&k->s, 3, 100, 100, "", &k->clock);
    dh_manager_destroy(&k->s.manager);
    assert_non_null(mkdtemp(k->folder));
    k->path = dh_strprintf("%s/manager.h5", k->folder);
    k->journal = dh_strprintf("%s-journal", k->path);
    assert_int_equal(dh_store_open(k->path, &k->s.setup.settings, k->s.setup.space, k->s.history,
                                   NULL, &k->store, NULL, &err),
                     DH_OK);
    struct dh_manager_parts parts = {.setup = &k->s.setup,
                                     .comm = k->s.ends[0],
                                     .history = k->s.history,
                                     .search = k->s.search,
                                     .store = k->store,
                                     .clock = &k->clock};
    k->s.manager = dh_manager_create(&parts);
    run_until(&k->s, 1);
    assert_int_equal(k->s.evaluations, 3);
}

/* Results that a reader sees in the journal alone. */
static uint64_t count_kept(const struct kept *k)
{
    struct dh_store_image image;
    struct dh_error err;
    assert_int_equal(dh_store_read(k->path, &image, &err), DH_OK);
    uint64_t ended = dh_history_ended(image.history);
    dh_store_image_free(&image);
    return ended;
}

static void end_kept(struct kept *k)
{
    struct dh_error err;
    assert_int_equal(dh_store_close(&k->store, &err), DH_OK);
    char *command = dh_strprintf("rm -rf '%s'", k->folder);
    assert_int_equal(system(command), 0);
    free(command);
    free(k->path);
    free(k->journal);
    end_simulation(&k->s);
}

/* Results behind an error, too: those that came before it in the same step, and those that the
 * others send before they have heard of it. Nothing starts any more. */
static void an_error_loses_no_result(void **state)
{
    (void)state;
    struct kept k;
    struct dh_error err;
    bool busy;
    start_kept(&k);
    finish(&k.s, &k.s.workers[0]);
    say_fatal(&k.s.workers[1], DH_IO);
    assert_int_equal(dh_manager_step(k.s.manager, &busy, &err), DH_IO);
    assert_int_equal(dh_history_ended(k.s.history), 1);
    dh_manager_abandon(k.s.manager);
    finish(&k.s, &k.s.workers[2]);
    while (!dh_manager_done(k.s.manager)) {
        assert_int_equal(dh_manager_step(k.s.manager, &busy, &err), DH_OK);
        serve_workers(&k.s);
    }
    assert_int_equal(dh_history_ended(k.s.history), 2);
    assert_int_equal(k.s.evaluations, 3);
    assert_int_equal(count_kept(&k), 2);
    end_kept(&k);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

/* A result that cannot be written, and those that come after it: they are written as soon as there
 * is room, while the workers go. */
static void a_full_disk_loses_no_result(void **state)
{
    (void)state;
    struct kept k;
    struct dh_error err;
    struct stat info;
    bool busy;
    start_kept(&k);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(stat(k.journal, &info), 0);
    limit_files((rlim_t)info.st_size + 9); /* also less than a record */
    finish(&k.s, &k.s.workers[0]);
    assert_int_equal(dh_manager_step(k.s.manager, &busy, &err), DH_IO);
    assert_non_null(strstr(err.text, "manager.h5-journal: cannot write"));
    dh_manager_abandon(k.s.manager);
    finish(&k.s, &k.s.workers[1]);
    assert_int_equal(dh_manager_step(k.s.manager, &busy, &err), DH_OK);
    assert_int_equal(dh_history_ended(k.s.history), 2);
    assert_int_equal(count_kept(&k), 0);
    limit_files(RLIM_INFINITY);
    finish(&k.s, &k.s.workers[2]);
    while (!dh_manager_done(k.s.manager)) {
        assert_int_equal(dh_manager_step(k.s.manager, &busy, &err), DH_OK);
        serve_workers(&k.s);
    }
    assert_int_equal(dh_history_ended(k.s.history), 3);
    assert_int_equal(count_kept(&k), 3);
    end_kept(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(budget_is_exact),
        cmocka_unit_test(trials_do_not_depend_on_the_workers),
        cmocka_unit_test(target_cancels_what_runs),
        cmocka_unit_test(time_limit_leaves_the_rest_pending),
        cmocka_unit_test(exhausted_space_ends_the_search),
        cmocka_unit_test(silent_workers_are_lost),
        cmocka_unit_test(nobody_is_lost_while_the_manager_sleeps),
        cmocka_unit_test(a_group_is_heard_of_by_its_results),
        cmocka_unit_test(ranks_that_never_start_are_lost),
        cmocka_unit_test(late_asks_are_replaced),
        cmocka_unit_test(many_asks_at_once_take_less_effort),
        cmocka_unit_test(one_slot_has_no_late_asks),
        cmocka_unit_test(old_points_are_not_replacements),
        cmocka_unit_test(an_error_loses_no_result),
        cmocka_unit_test(a_full_disk_loses_no_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
