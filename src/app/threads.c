/* Virtual time of rank 0's threads: see threads.h. */
#include "threads.h"

#include <math.h>

/* Which thread does it: asking and telling are the proposer's. */
static const enum dh_work lane_of[DH_WORK_COUNT] = {
    [DH_WORK_MANAGE] = DH_WORK_MANAGE,
    [DH_WORK_ASK] = DH_WORK_ASK,
    [DH_WORK_TELL] = DH_WORK_ASK,
    [DH_WORK_FIT] = DH_WORK_FIT,
};

/* Bring the present lane's clock up to date. */
static void pass(struct dh_threads *threads)
{
    double cpu = dh_clock_now(&dh_clock_processor), spent = cpu - threads->mark;
    threads->time += spent;
    threads->spent[threads->work] += spent;
    threads->mark = cpu;
}

static double now(void *context)
{
    struct dh_threads *threads = context;
    return isnan(threads->mark)
               ? threads->time
               : threads->time + (dh_clock_now(&dh_clock_processor) - threads->mark);
}

static void enter(void *context, enum dh_work work)
{
    struct dh_threads *threads = context;
    if (!isnan(threads->mark))
        pass(threads);
    threads->outer[threads->depth].work = threads->work;
    threads->outer[threads->depth++].time = threads->time;
    threads->work = work;
    threads->time = fmax(threads->time, threads->free_at[lane_of[work]]);
    threads->done[work]++;
    threads->mark = dh_clock_now(&dh_clock_processor);
}

static void leave(void *context)
{
    struct dh_threads *threads = context;
    pass(threads);
    threads->free_at[lane_of[threads->work]] = threads->time;
    threads->work = threads->outer[--threads->depth].work;
    threads->time = threads->outer[threads->depth].time;
}

static void wait(void *context, double until)
{
    struct dh_threads *threads = context;
    if (!isnan(threads->mark))
        pass(threads);
    threads->time = fmax(threads->time, until);
}

void dh_threads_open(struct dh_threads *threads)
{
    *threads = (struct dh_threads){
        .clock = {now, threads},
        .lanes = {enter, leave, wait, threads},
        .mark = NAN,
    };
}

void dh_threads_begin(struct dh_threads *threads, double now_on)
{
    threads->work = DH_WORK_MANAGE;
    threads->time = now_on;
    threads->done[DH_WORK_MANAGE]++;
    threads->mark = dh_clock_now(&dh_clock_processor);
}

double dh_threads_end(struct dh_threads *threads)
{
    pass(threads);
    threads->mark = NAN;
    return threads->time;
}

void dh_threads_charge(struct dh_threads *threads, double seconds)
{
    threads->time += seconds;
    threads->spent[threads->work] += seconds;
}
