/* The scheduler in virtual time, with workers that fail, vanish, repeat themselves and answer
 * late. A second bookkeeping, kept from the actions alone, is compared with the scheduler's after
 * each event: no trial on two slots, each ends once, the budget is exact, the use of time adds up
 * to slots × time, to the microsecond. */
#include "dh_mpi/random.h"
#include "stage.h"

enum kind { JOIN, OFFER, FINISH, LOSS, STOP };

struct event {
    double time;
    enum kind kind;
    int32_t worker, slot;
    uint64_t trial; /* FINISH; for OFFER how many */
    enum dh_trial_status status;
};

struct place {
    bool alive, busy;
    uint64_t trial;
};

struct plan {
    int32_t workers, slots;
    uint64_t budget;
    double failing, losing, repeating; /* probabilities of each result */
    double stop_at;                    /* a signal; INFINITY: none */
    bool kill;                         /* end without waiting for anything at stop_at */
};

struct play {
    struct stage stage;
    struct plan plan;
    struct dh_random random;
    struct event *heap;
    size_t events, capacity;
    struct place *places; /* worker × slots */
    size_t place_count, place_capacity;
    int32_t workers; /* that joined */
    uint64_t asked, running, alive;
    double opened;      /* when this run began */
    bool *runs, *ended; /* by trial */
    bool stopped, done;
    uint64_t ends;
};

/* ---- the heap of events ---- */

static void push(struct play *play, struct event event)
{
    size_t i = play->events;
    *DH_PUSH(play->heap, play->events, play->capacity) = event;
    for (; i > 0 && play->heap[(i - 1) / 2].time > event.time; i = (i - 1) / 2)
        play->heap[i] = play->heap[(i - 1) / 2];
    play->heap[i] = event;
}

static struct event pop(struct play *play)
{
    struct event first = play->heap[0], last = play->heap[--play->events];
    size_t i = 0, child;
    while ((child = 2 * i + 1) < play->events) {
        if (child + 1 < play->events && play->heap[child + 1].time < play->heap[child].time)
            child++;
        if (last.time <= play->heap[child].time)
            break;
        play->heap[i] = play->heap[child];
        i = child;
    }
    play->heap[i] = last;
    return first;
}

static double chance(struct play *play)
{
    return dh_random_uniform(&play->random);
}

/* ---- actions ---- */

static struct place *place_of(struct play *play, int32_t worker, int32_t slot)
{
    return &play->places[(size_t)worker * (size_t)play->plan.slots + (size_t)slot];
}

static void on_start(struct play *play, const struct dh_action *action)
{
    struct place *place = place_of(play, action->worker, action->slot);
    double roll = chance(play);
    assert_true(place->alive && !place->busy);
    assert_false(play->runs[action->trial] || play->ended[action->trial]);
    place->busy = play->runs[action->trial] = true;
    place->trial = action->trial;
    play->running++;
    push(play, (struct event){.time = play->stage.now + 0.5 + 20 * chance(play) * chance(play),
                              .kind = FINISH,
                              .worker = action->worker,
                              .slot = action->slot,
                              .trial = action->trial,
                              .status = roll < play->plan.failing / 2 ? DH_TRIAL_TIMEOUT
                                        : roll < play->plan.failing   ? DH_TRIAL_FAILED
                                        : roll > 0.95                 ? DH_TRIAL_PRUNED
                                                                      : DH_TRIAL_SUCCEEDED});
}

/* The cancel and the evaluation's own end race. */
static void on_cancel(struct play *play, const struct dh_action *action)
{
    const struct place *place = place_of(play, action->worker, action->slot);
    assert_true(place->busy && place->trial == action->trial);
    assert_true(play->stopped);
    push(play, (struct event){.time = play->stage.now + 10 * chance(play),
                              .kind = FINISH,
                              .worker = action->worker,
                              .slot = action->slot,
                              .trial = action->trial,
                              .status = DH_TRIAL_CANCELLED});
}

static void on_end(struct play *play, struct dh_action *action)
{
    assert_false(play->runs[action->trial]);
    assert_false(play->ended[action->trial]);
    play->ended[action->trial] = true;
    play->ends += action->outcome->status != DH_TRIAL_CANCELLED;
    assert_int_equal(dh_history_end(play->stage.history, action->trial, action->outcome, NULL),
                     DH_OK);
}

static void act(struct play *play)
{
    struct dh_action action;
    while (dh_sched_next(play->stage.sched, &action)) {
        assert_false(play->done);
        if (action.kind == DH_ACTION_START) {
            on_start(play, &action);
        } else if (action.kind == DH_ACTION_CANCEL) {
            on_cancel(play, &action);
        } else if (action.kind == DH_ACTION_END) {
            on_end(play, &action);
        } else if (action.kind == DH_ACTION_RETRY) {
            assert_false(play->runs[action.trial] || play->ended[action.trial]);
        } else if (action.kind == DH_ACTION_STOP) {
            assert_false(play->stopped);
            play->stopped = true;
        } else {
            assert_true(play->stopped && play->running == 0);
            play->done = true;
        }
    }
}

/* ---- events ---- */

static void join(struct play *play)
{
    int32_t worker = play->workers++;
    for (int32_t s = 0; s < play->plan.slots; s++)
        DH_PUSH(play->places, play->place_count, play->place_capacity)->alive = true;
    play->alive += (uint64_t)play->plan.slots;
    enter(&play->stage, worker, play->plan.slots);
}

static void arrive(struct play *play, uint64_t count)
{
    play->asked -= count;
    for (uint64_t i = 0; i < count && dh_sched_room(play->stage.sched) > 0; i++)
        offer(&play->stage, 1);
}

/* The slot has no trial any more. */
static void vacate(struct play *play, struct place *place)
{
    play->runs[place->trial] = place->busy = false;
    play->running--;
}

/* Times as a worker would say them, by a clock that may be wrong, or nonsense. */
static void stamp(struct play *play, const struct event *event, struct dh_outcome *outcome)
{
    double roll = chance(play), off = event->worker % 3 ? 50 * (chance(play) - 0.5) : 0;
    outcome->started = play->stage.now + off - 10 * chance(play);
    outcome->ended = outcome->started + 10 * chance(play);
    if (roll < 0.1)
        outcome->started = roll < 0.05 ? (double)NAN : (double)INFINITY;
    if (roll > 0.9)
        outcome->ended = roll > 0.95 ? -1e300 : 1e300;
}

static void finish(struct play *play, const struct event *event)
{
    struct place *place = place_of(play, event->worker, event->slot);
    bool awaited = place->alive && place->busy && place->trial == event->trial;
    double value = event->status == DH_TRIAL_SUCCEEDED ? chance(play) : (double)NAN;
    if (awaited)
        vacate(play, place);
    struct dh_outcome outcome = outcome_of(event->status, value, NULL);
    stamp(play, event, &outcome);
    bool taken = result(&play->stage, event->worker, event->slot, event->trial, outcome);
    assert_int_equal(taken, awaited);
    act(play);
    if (!place_of(play, event->worker, event->slot)->busy && chance(play) < play->plan.repeating)
        assert_false(result(&play->stage, event->worker, event->slot, event->trial,
                            outcome_of(DH_TRIAL_SUCCEEDED, 2, NULL)));
    if (awaited && chance(play) < play->plan.losing)
        push(play, (struct event){.time = play->stage.now + chance(play),
                                  .kind = LOSS,
                                  .worker = event->worker});
}

/* Its results may still come; another worker takes its place. */
static void lose(struct play *play, int32_t worker)
{
    if (!place_of(play, worker, 0)->alive)
        return;
    join(play);
    for (int32_t s = 0; s < play->plan.slots; s++) {
        struct place *place = place_of(play, worker, s);
        place->alive = false;
        if (place->busy)
            vacate(play, place);
    }
    play->alive -= (uint64_t)play->plan.slots;
    assert_true(dh_sched_lost(play->stage.sched, worker, play->stage.now));
    assert_false(dh_sched_lost(play->stage.sched, worker, play->stage.now));
}

static void happen(struct play *play, const struct event *event)
{
    switch (event->kind) {
    case JOIN:
        join(play);
        break;
    case OFFER:
        arrive(play, event->trial);
        break;
    case FINISH:
        finish(play, event);
        break;
    case LOSS:
        lose(play, event->worker);
        break;
    case STOP:
        dh_sched_stop(play->stage.sched, DH_STOP_SIGNAL, play->stage.now);
        dh_sched_cancel_running(play->stage.sched, play->stage.now);
        break;
    }
}

/* Ask for what is wanted and some more; it comes a little later. */
static void ask(struct play *play)
{
    uint64_t room = dh_sched_room(play->stage.sched);
    uint64_t want = dh_sched_short(play->stage.sched) + dh_random_below(&play->random, 3);
    uint64_t free_room = room > play->asked ? room - play->asked : 0;
    uint64_t missing = want > play->asked ? want - play->asked : 0;
    if (missing > free_room)
        missing = free_room;
    if (missing == 0)
        return;
    play->asked += missing;
    push(play, (struct event){
                   .time = play->stage.now + 0.1 * chance(play), .kind = OFFER, .trial = missing});
}

static void check(struct play *play)
{
    struct dh_sched_counts counts = counts_of(&play->stage);
    struct dh_usage usage;
    uint64_t cancelled = counts.by_status[DH_TRIAL_CANCELLED];
    uint64_t spent = dh_history_ended(play->stage.history) - cancelled;
    assert_int_equal(counts.running, play->running);
    assert_int_equal(counts.slots, play->alive);
    assert_int_equal(counts.ended_here, play->ends);
    assert_int_equal(counts.by_status[DH_TRIAL_PENDING], counts.ready + counts.running);
    assert_true(spent + counts.running <= play->plan.budget);
    dh_sched_usage(play->stage.sched, play->stage.now, &usage);
    int64_t elapsed = llround((play->stage.now - play->opened) * 1e6);
    assert_int_equal(dh_usage_total(&usage), elapsed * (int64_t)play->place_count);
    for (int use = 0; use < DH_USE_COUNT; use++)
        assert_true(usage.by_use[use] >= 0);
    assert_true(usage.failed >= 0 && usage.failed <= usage.by_use[DH_USE_EVALUATING]);
}

/* ---- a run ---- */

static void open_run(struct play *play, const struct dh_sched_settings *settings)
{
    play->plan.budget = settings->max_evaluations;
    play->stopped = play->done = false;
    play->ends = play->asked = play->running = play->alive = 0;
    play->events = play->place_count = 0;
    play->workers = 0;
    play->opened = play->stage.now;
    memset(play->runs, 0, play->plan.budget * 8);
    free(play->places);
    play->places = NULL;
    play->place_capacity = 0;
    stage_reopen(&play->stage, *settings);
    for (int32_t w = 0; w < play->plan.workers; w++)
        push(play, (struct event){.time = play->stage.now + 2 * chance(play), .kind = JOIN});
    if (isfinite(play->plan.stop_at))
        push(play, (struct event){.time = play->stage.now + play->plan.stop_at, .kind = STOP});
}

/* Until nothing happens any more, or the kill. */
static void run(struct play *play, const struct dh_sched_settings *settings)
{
    open_run(play, settings);
    act(play);
    while (play->events > 0) {
        struct event event = pop(play);
        if (event.kind == STOP && play->plan.kill)
            return;
        play->stage.now = event.time;
        happen(play, &event);
        act(play);
        check(play);
        if (!play->done)
            ask(play);
    }
    assert_true(play->done);
}

static void check_complete(struct play *play, uint64_t budget)
{
    uint64_t spent = 0, count = dh_history_count(play->stage.history);
    for (uint64_t id = 0; id < count; id++) {
        enum dh_trial_status status = dh_history_trial(play->stage.history, id)->outcome.status;
        assert_int_equal(play->ended[id], status != DH_TRIAL_PENDING);
        spent += status != DH_TRIAL_PENDING && status != DH_TRIAL_CANCELLED;
    }
    assert_int_equal(spent, budget);
    assert_int_equal(count, budget); /* nothing was proposed in vain */
    assert_int_equal(counts_of(&play->stage).stop, DH_STOP_BUDGET);
}

/* Run by `plan`, and once more to the end if it is stopped. */
static void simulate(struct plan plan, uint64_t seed)
{
    struct play play = {.plan = plan, .random = dh_random_at(seed, DH_STREAM_TEST, 0)};
    struct dh_sched_settings settings = plain_settings();
    settings.max_evaluations = plan.budget;
    settings.retries = 2;
    settings.lost_retries = 2;
    play.runs = dh_alloc(plan.budget * 8, sizeof *play.runs);
    play.ended = dh_alloc(plan.budget * 8, sizeof *play.ended);
    run(&play, &settings);
    if (isfinite(plan.stop_at)) {
        play.plan.stop_at = INFINITY;
        play.plan.workers = 1 + plan.workers / 2;
        run(&play, &settings);
    }
    check_complete(&play, plan.budget);
    free(play.heap);
    free(play.places);
    free(play.runs);
    free(play.ended);
    stage_close(&play.stage);
}

static void test_one_worker(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++)
        simulate((struct plan){.workers = 1, .slots = 1, .budget = 40, .stop_at = INFINITY}, seed);
}

static void test_small_and_hostile(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++)
        simulate((struct plan){.workers = 3,
                               .slots = 1 + (int32_t)(seed % 3),
                               .budget = 1 + seed,
                               .failing = 0.3,
                               .losing = 0.1,
                               .repeating = 0.3,
                               .stop_at = INFINITY},
                 seed);
}

static void test_stopped_and_resumed(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++)
        simulate((struct plan){.workers = 5,
                               .slots = 2,
                               .budget = 100,
                               .failing = 0.2,
                               .losing = 0.05,
                               .repeating = 0.2,
                               .stop_at = (double)seed / 4,
                               .kill = seed % 2},
                 seed);
}

static void test_64_workers(void **state)
{
    (void)state;
    simulate((struct plan){.workers = 64,
                           .slots = 4,
                           .budget = 20000,
                           .failing = 0.1,
                           .losing = 0.01,
                           .repeating = 0.1,
                           .stop_at = INFINITY},
             1);
}

static void test_4096_workers(void **state)
{
    (void)state;
    simulate((struct plan){.workers = 4096,
                           .slots = 4,
                           .budget = 100000,
                           .failing = 0.1,
                           .losing = 0.001,
                           .repeating = 0.1,
                           .stop_at = INFINITY},
             2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_worker),          cmocka_unit_test(test_small_and_hostile),
        cmocka_unit_test(test_stopped_and_resumed), cmocka_unit_test(test_64_workers),
        cmocka_unit_test(test_4096_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
