/* The roles of a process: manager, worker, or both in one. */
#include <math.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "conduct.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/streams.h"
#include "dh_mpi/text.h"
#include "manager.h"
#include "meeting.h"
#include "muster.h"
#include "placement.h"
#include "session.h"
#include "worker.h"

/* The time of a run that has none left. */
#define SOONEST 1e-3
/* How long a worker waits for rank 0 to begin, which it may have died over (mpiexec
 * --enable-recovery). Reading a checkpoint of gigabytes and watching another search's lock take
 * minutes, and giving up too early costs the whole run, so this is much more. */
#define SETUP_PATIENCE 1800.0
/* How long --check waits for the next rank to say where it is. */
#define CHECK_PATIENCE 10.0

/* Where all ranks are; without a launcher (or with one rank) this process evaluates by itself. */
static dh_status find_places(struct dh_comm *comm, struct dh_place **places, int *size,
                             struct dh_error *err)
{
    bool alone = !comm || dh_comm_size(comm) == 1;
    *size = alone ? 2 : dh_comm_size(comm);
    *places = dh_alloc((size_t)*size, sizeof **places);
    if (!alone)
        return dh_muster_gather(comm, CHECK_PATIENCE, *places, err);
    dh_place_here(&(*places)[0]);
    (*places)[1] = (*places)[0];
    return DH_OK;
}

int dh_app_check(const struct dh_app_options *options, struct dh_comm *comm,
                 struct dh_launcher *launcher, const struct dh_log *log)
{
    struct dh_app_setup setup;
    struct dh_error err;
    struct dh_buffer plan = {0};
    struct dh_place *places = NULL;
    int size = 0;
    if (comm && dh_comm_rank(comm) > 0)
        return dh_muster_place(comm, &err) == DH_OK ? 0 : dh_app_fail(log, &err);
    dh_status status = dh_app_setup_read(options->config_path, options->overrides,
                                         options->override_count, &setup, &err);
    if (status == DH_OK)
        status = find_places(comm, &places, &size, &err);
    if (status == DH_OK && comm)
        status = dh_muster_check(&setup.settings, size - 1, &err);
    if (status == DH_OK)
        status = dh_app_plan(&setup, options->fresh, launcher, places, size, &plan, &err);
    free(places);
    if (status == DH_OK)
        status = dh_streams_print(plan.data, plan.size, INFINITY, -1, &err);
    dh_buffer_free(&plan);
    dh_app_setup_free(&setup);
    return status == DH_OK ? 0 : dh_app_fail(log, &err);
}

/* One running search on this process: the manager, and the worker where it is alone. */
struct run {
    struct dh_session session;
    struct dh_board *board; /* NULL: none */
    struct dh_manager *manager;
    struct dh_worker *worker; /* NULL under MPI */
    const struct dh_log *log;
    int signals;
    const struct dh_walltime *walltime;
    struct dh_place *places; /* by rank */
    struct dh_groups groups; /* count 0: every rank evaluates by itself */
    int wakeup;              /* epoll of all descriptors that matter; -1 under MPI */
};

/* Seconds that the job leaves this run until it has to stop, and leaves any run from the job's
 * start to the last evaluation's end; 0: not known. */
static void measure_job(const struct run *run, double *left, double *span)
{
    const struct dh_search_settings *search = &run->session.setup.settings.search;
    const struct dh_walltime *walltime = run->walltime;
    *left = *span = 0;
    if (!walltime->source)
        return;
    double ends_in = walltime->end - dh_wall_time();
    double spare = ends_in - search->grace - search->walltime_margin;
    struct dh_buffer text = {0};
    dh_text_put_duration(&text, fmax(ends_in, 0));
    if (spare > 0) {
        dh_buffer_text(&text, ", the search stops in ");
        dh_text_put_duration(&text, spare);
        dh_log_info(run->log, "%s ends this job in %s", walltime->source, text.data);
    } else {
        dh_log_warn(run->log,
                    "%s ends this job in %s, and search.grace and search.walltime_margin leave "
                    "nothing of that",
                    walltime->source, text.data);
    }
    dh_buffer_free(&text);
    *left = fmax(spare, SOONEST);
    *span = fmax(walltime->end - walltime->start - search->walltime_margin, 0);
}

static struct dh_manager *create_manager(struct run *run, struct dh_comm *comm)
{
    struct dh_manager_parts parts = {
        .setup = &run->session.setup,
        .comm = comm,
        .history = run->session.history,
        .search = run->session.search,
        .store = run->session.store,
        .board = run->board,
        .clock = &dh_clock_monotonic,
        .log = run->log,
        .plan = &run->session.plan,
        .places = run->places,
        .groups = run->groups.count ? &run->groups : NULL,
        .retries = run->session.plan.retries,
        .threaded = dh_search_slow(run->session.search),
    };
    measure_job(run, &parts.job_time, &parts.job_span);
    return dh_manager_create(&parts);
}

static int close_store(struct run *run, int code)
{
    struct dh_error err;
    if (dh_store_close(&run->session.store, &err) != DH_OK && code == 0)
        code = dh_app_fail(run->log, &err);
    return code;
}

static int close_session(struct run *run, int code)
{
    struct dh_error err;
    bool was_open = run->session.store != NULL;
    if (dh_session_close(&run->session, &err) != DH_OK && was_open && code == 0)
        code = dh_app_fail(run->log, &err);
    return code;
}

/* Path and text of the configuration to the workers, or nothing where there will be no search. One
 * that cannot be reached is lost; the manager will find out. */
static void send_setup(const struct dh_app_setup *setup, bool good, struct dh_comm *comm)
{
    struct dh_buffer buffer = {0};
    if (good) {
        char *path = realpath(dh_config_path(setup->config), NULL);
        dh_put_text(&buffer, path ? path : dh_config_path(setup->config));
        dh_put_text(&buffer, dh_config_text(setup->config));
        free(path);
    }
    for (int peer = 1; peer < dh_comm_size(comm); peer++)
        dh_comm_send(comm, peer, DH_TAG_SETUP, &buffer, NULL);
    dh_buffer_free(&buffer);
}

static void open_places(struct run *run, int size)
{
    run->places = dh_alloc((size_t)size, sizeof *run->places);
    dh_place_here(&run->places[0]);
}

static void close_places(struct run *run)
{
    free(run->places);
    dh_groups_free(&run->groups);
}

/* The ranks' groups, where evaluations take several. Where they cannot be made, there is nothing to
 * do for anybody. */
static dh_status make_groups(struct run *run, struct dh_comm *comm, struct dh_error *err)
{
    if (run->session.plan.ranks == 1)
        return DH_OK;
    return dh_muster_hold(&run->session.setup, comm, run->log, run->places, &run->groups, err);
}

static struct dh_conduct_parts parts_of(struct run *run)
{
    return (struct dh_conduct_parts){.session = &run->session,
                                     .manager = run->manager,
                                     .worker = run->worker,
                                     .wakeup = run->wakeup,
                                     .signals = run->signals,
                                     .walltime = run->walltime,
                                     .log = run->log};
}

static int conduct(struct run *run)
{
    struct dh_conduct_parts parts = parts_of(run);
    return dh_conduct(&parts);
}

/* The search cannot begin. */
static int refuse(struct run *run, const struct dh_error *err)
{
    struct dh_conduct_parts parts = parts_of(run);
    dh_conduct_abandon(&parts);
    return dh_app_fail(run->log, err);
}

struct dh_app_end dh_app_manage(const struct dh_app_options *options, struct dh_comm *comm,
                                struct dh_launcher **launcher, int signals,
                                const struct dh_walltime *walltime, const struct dh_log *log)
{
    struct run run = {.log = log, .signals = signals, .walltime = walltime, .wakeup = -1};
    struct dh_error err;
    int workers = dh_comm_size(comm) - 1;
    dh_status status = dh_session_open(options, workers, *launcher, log, &run.session, &err);
    dh_launcher_stop(launcher);
    struct dh_app_end end = {.code = status == DH_OK ? 0 : dh_app_fail(log, &err),
                             .conducts = true};
    send_setup(&run.session.setup, status == DH_OK, comm);
    if (status == DH_OK) {
        open_places(&run, workers + 1);
        status = make_groups(&run, comm, &err);
        if (status == DH_OK)
            status = dh_meeting_hold(&run.session.setup, comm, &run.session.plan, run.places, log,
                                     &run.board, &err);
        run.manager = create_manager(&run, comm);
        end.code = close_store(&run, status == DH_OK ? conduct(&run) : refuse(&run, &err));
        end.alone = !dh_manager_leave(run.manager); /* when all is done: MPI may end us with them */
        dh_manager_destroy(&run.manager);
        dh_board_destroy(&run.board);
        close_places(&run);
    }
    end.code = close_session(&run, end.code);
    return end;
}

/* Rank 0's configuration; DH_EMPTY if there will be no search. */
static dh_status receive_setup(struct dh_comm *comm, struct dh_app_setup *setup,
                               struct dh_error *err)
{
    struct dh_message message;
    *setup = (struct dh_app_setup){0};
    dh_status status = dh_muster_hear(comm, SETUP_PATIENCE, &message, err);
    if (status == DH_OK && message.tag == DH_TAG_SETUP && message.size == 0)
        return DH_EMPTY;
    if (status == DH_OK) {
        struct dh_reader reader = dh_reader_of(message.data, message.size);
        char *path = dh_get_text(&reader), *text = dh_get_text(&reader);
        status = path && text ? dh_app_setup_parse(path, text, setup, err)
                              : dh_fail(err, DH_COMM, "rank 0 sent a damaged configuration");
        free(path);
        free(text);
    }
    return status;
}

static dh_status work_on(struct dh_worker *worker, struct dh_error *err)
{
    struct dh_nap nap = {.longest = DH_NAP_LONGEST, .patient = DH_WORKER_NAP};
    dh_status status = DH_OK;
    while (status == DH_OK && !dh_worker_done(worker)) {
        bool busy;
        status = dh_worker_step(worker, &busy, err);
        if (busy)
            dh_nap_reset(&nap);
        else
            dh_nap_wait_until(&nap, dh_worker_fd(worker),
                              dh_worker_next_time(worker) - dh_clock_now(&dh_clock_monotonic));
    }
    return status;
}

struct dh_app_end dh_app_work(struct dh_comm *comm, struct dh_launcher *launcher,
                              const void *communicator, const struct dh_log *log)
{
    struct dh_app_end end = {0};
    struct dh_app_setup setup;
    struct dh_error err;
    struct dh_team *team = NULL;
    struct dh_board *board = NULL;
    uint32_t threads = 0;
    dh_status status = receive_setup(comm, &setup, &err);
    if (status == DH_OK)
        status = dh_muster_attend(&setup, comm, log, &team, &err);
    if (status == DH_OK)
        status = dh_meeting_attend(&setup, comm, &board, &threads, &err);
    if (status == DH_OK) {
        struct dh_worker *worker =
            dh_worker_create(&setup, comm, board, launcher, threads, communicator, team, log);
        status = work_on(worker, &err);
        end.alone = !dh_worker_together(worker);
        dh_worker_destroy(&worker);
    }
    dh_board_destroy(&board);
    dh_team_free(&team);
    dh_app_setup_free(&setup);
    if (status == DH_OK || status == DH_EMPTY)
        return end;
    /* An error here is this rank's, whatever it is: with mpiexec --enable-recovery the others go
     * on, and otherwise MPI ends the job. */
    return (struct dh_app_end){.code = dh_app_fail(log, &err), .alone = true};
}

static void watch_descriptor(int set, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    if (fd >= 0)
        epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

static void warn_of_strangers(const struct dh_log *log)
{
    const char *launcher, *advice;
    int tasks = dh_comm_started_tasks(&launcher, &advice);
    if (tasks > 1)
        dh_log_warn(log,
                    "%s started %d tasks, but MPI does not connect this one to the others: each is "
                    "a search of its own (%s)",
                    launcher, tasks, advice);
}

int dh_app_alone(const struct dh_app_options *options, struct dh_launcher *launcher, int signals,
                 const struct dh_walltime *walltime, const struct dh_log *log)
{
    struct run run = {.log = log,
                      .signals = signals,
                      .walltime = walltime,
                      .wakeup = epoll_create1(EPOLL_CLOEXEC)};
    struct dh_error err;
    warn_of_strangers(log);
    dh_status status = dh_session_open(options, 1, launcher, log, &run.session, &err);
    int code = status == DH_OK ? 0 : dh_app_fail(log, &err);
    if (status == DH_OK) {
        struct dh_comm *ends[2];
        dh_comm_loop_create(2, ends);
        open_places(&run, 2);
        run.places[1] = run.places[0];
        dh_placement_log_threads(run.places, 2, &run.session.plan, log);
        run.manager = create_manager(&run, ends[0]);
        run.worker =
            dh_worker_create(&run.session.setup, ends[1], NULL, launcher, 0, NULL, NULL, log);
        watch_descriptor(run.wakeup, run.signals);
        watch_descriptor(run.wakeup, dh_manager_fd(run.manager));
        watch_descriptor(run.wakeup, dh_worker_fd(run.worker));
        code = conduct(&run);
        dh_worker_destroy(&run.worker);
        dh_manager_destroy(&run.manager);
        dh_comm_close(&ends[0], &err);
        dh_comm_close(&ends[1], &err);
        close_places(&run);
    }
    close(run.wakeup);
    return close_session(&run, code);
}
