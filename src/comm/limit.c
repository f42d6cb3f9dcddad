/* Limits on the calls of MPI that may never come back: see limit.h. */
#include "limit.h"

#include <signal.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "dh_mpi/comm.h"

/* Seconds that starting may take; thousands of ranks on a busy file system need minutes. */
#define START_PATIENCE 900
#define START_PATIENCE_TEXT "15 minutes"
/* … that opening a window may take. */
#define WINDOW_PATIENCE 120
#define WINDOW_PATIENCE_TEXT "2 minutes"
/* … that dh_comm_close may take, which itself waits for sends and for other ranks. */
#define END_PATIENCE 120
#define END_PATIENCE_TEXT "2 minutes"

/* Nothing but a write and the end is allowed in a signal's handler. */
static void give_up(const char *text, int exit_code)
{
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    _exit(written > 0 ? exit_code : EX_OSERR);
}

static void give_up_starting(int number)
{
    (void)number;
    give_up("dh_mpi: MPI_Init has not come back for " START_PATIENCE_TEXT
            ": a rank was lost while starting, or a network does not answer\n",
            EX_SOFTWARE);
}

static void give_up_opening(int number)
{
    (void)number;
    give_up("dh_mpi: not all ranks could open the window on rank 0 within " WINDOW_PATIENCE_TEXT
            ": one was lost meanwhile, or MPI hangs there (comm.window = \"off\" does without)\n",
            EX_SOFTWARE);
}

static void give_up_ending(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    give_up("dh_mpi: MPI_Finalize has not come back for " END_PATIENCE_TEXT
            "; ending without it, nothing is lost\n",
            info->si_value.sival_int);
}

void comm_limit_start(bool on)
{
    signal(SIGALRM, on ? give_up_starting : SIG_DFL);
    alarm(on ? START_PATIENCE : 0);
}

void comm_limit_window(bool on)
{
    signal(SIGALRM, on ? give_up_opening : SIG_DFL);
    alarm(on ? WINDOW_PATIENCE : 0);
}

/* MPICH 4.0 over UCX's TCP can wait there for ever. The timer carries the exit code. */
void dh_comm_limit_end(int exit_code)
{
    struct sigaction action = {.sa_sigaction = give_up_ending, .sa_flags = SA_SIGINFO};
    struct sigevent event = {
        .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM, .sigev_value.sival_int = exit_code};
    const struct itimerspec when = {.it_value.tv_sec = END_PATIENCE};
    timer_t timer;
    sigaction(SIGALRM, &action, NULL);
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
        timer_settime(timer, 0, &when, NULL);
}
