/* The results of simulations as text: see simulate_print.h. */
#include "simulate_print.h"

#include <inttypes.h>
#include <math.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"

static const char *const work_names[DH_WORK_COUNT] = {
    [DH_WORK_MANAGE] = "manage",
    [DH_WORK_ASK] = "ask",
    [DH_WORK_TELL] = "tell",
    [DH_WORK_FIT] = "fit",
};

/* Share of the elapsed time in percent. */
static double percent(const struct dh_simulated *result, double seconds)
{
    return result->elapsed > 0 ? 100 * seconds / result->elapsed : 0;
}

void simulate_put_head(struct dh_buffer *out)
{
    dh_buffer_printf(out, "%8s %8s %12s %7s %9s %11s %9s   rank 0: %6s %6s %6s %6s %9s\n",
                     "workers", "slots", "evaluations", "busy", "late asks", "best", "ms an ask",
                     "manage", "ask", "tell", "fit", "KiB/slot");
}

void simulate_put_row(const struct dh_simulated *result, struct dh_buffer *out)
{
    dh_buffer_printf(out,
                     "%8" PRId32 " %8" PRIu64 " %12" PRIu64 " %6.2f%% %9" PRIu64 " %11.5g %9.3g",
                     result->workers, result->slots, result->counts.ended_here, 100 * result->busy,
                     result->late_asks, result->best, 1e3 * result->ask_seconds);
    dh_buffer_text(out, "           ");
    for (int work = 0; work < DH_WORK_COUNT; work++)
        dh_buffer_printf(out, " %5.1f%%", percent(result, result->spent[work]));
    if (isnan(result->bytes_a_slot))
        dh_buffer_printf(out, " %9s\n", "-");
    else
        dh_buffer_printf(out, " %9.2f\n", result->bytes_a_slot / 1024);
}

static void put_usage(const struct dh_usage *usage, struct dh_buffer *out)
{
    dh_buffer_text(out, "slot time  ");
    for (int use = 0; use < DH_USE_COUNT; use++)
        if (use == DH_USE_EVALUATING || usage->by_use[use] > 0)
            dh_buffer_printf(out, "%s %s %.2f%%", use ? "," : "", dh_use_text(use),
                             100 * dh_usage_share(usage, use));
    dh_buffer_text(out, "\n");
}

/* A line for each of rank 0's threads: how busy it is, and with what. */
static void put_threads(const struct dh_simulated *result, struct dh_buffer *out)
{
    static const struct {
        const char *name;
        enum dh_work first, last;
    } threads[] = {{"main thread", DH_WORK_MANAGE, DH_WORK_MANAGE},
                   {"proposer", DH_WORK_ASK, DH_WORK_TELL},
                   {"model", DH_WORK_FIT, DH_WORK_FIT}};
    dh_buffer_text(out, "rank 0\n");
    for (size_t i = 0; i < DH_COUNT_OF(threads); i++) {
        double sum = 0;
        for (int work = (int)threads[i].first; work <= (int)threads[i].last; work++)
            sum += result->spent[work];
        dh_buffer_printf(out, "  %-12s %5.1f%% busy:", threads[i].name, percent(result, sum));
        for (int work = (int)threads[i].first; work <= (int)threads[i].last; work++) {
            uint64_t times = result->done[work];
            dh_buffer_printf(
                out, "%s %" PRIu64 " %s%s, %.3g ms each", work > (int)threads[i].first ? ";" : "",
                times, work == DH_WORK_MANAGE ? "step" : work_names[work], times == 1 ? "" : "s",
                times ? 1e3 * result->spent[work] / (double)times : 0);
        }
        dh_buffer_text(out, "\n");
    }
    if (!isnan(result->bytes_a_slot))
        dh_buffer_printf(out, "  memory       %.2f KiB a slot\n", result->bytes_a_slot / 1024);
}

void simulate_put_details(const struct dh_simulated *result, struct dh_buffer *out)
{
    enum dh_stop stop = result->counts.stop;
    dh_buffer_printf(out, "%" PRId32 " worker%s, %" PRIu64 " slot%s, ", result->workers,
                     result->workers == 1 ? "" : "s", result->slots, result->slots == 1 ? "" : "s");
    dh_text_put_duration(out, result->elapsed);
    dh_buffer_printf(out, " simulated (%.1f s of CPU time)%s%s\n", result->cpu_seconds,
                     stop == DH_STOP_NONE ? "" : "; the search ended: ",
                     stop == DH_STOP_NONE ? "" : dh_stop_text(stop));
    dh_buffer_printf(out, "busy        %.2f%%\n", 100 * result->busy);
    put_usage(&result->usage, out);
    dh_buffer_printf(out, "evaluations %" PRIu64 " done, %.1f a second\n",
                     result->counts.ended_here,
                     result->elapsed > 0 ? (double)result->counts.ended_here / result->elapsed : 0);
    dh_buffer_text(out, "best        ");
    dh_text_put_number(out, result->best);
    dh_buffer_printf(out, "\nlate asks   %" PRIu64 " of %" PRIu64, result->late_asks, result->asks);
    if (result->replaced > 0)
        dh_buffer_printf(out, "; %" PRIu64 " slots got a variation of a good point instead",
                         result->replaced);
    dh_buffer_text(out, "\n");
    put_threads(result, out);
}

void simulate_put_json(const struct dh_simulated *result, struct dh_buffer *out)
{
    dh_buffer_printf(out,
                     "{\"workers\": %" PRId32 ", \"slots\": %" PRIu64 ", \"evaluations\": %" PRIu64
                     ", \"started\": %" PRIu64 ", \"late_asks\": %" PRIu64 ", \"asks\": %" PRIu64
                     ", \"replaced\": %" PRIu64,
                     result->workers, result->slots, result->counts.ended_here, result->started,
                     result->late_asks, result->asks, result->replaced);
    dh_text_put_json_number_member(out, "elapsed", result->elapsed);
    dh_text_put_json_number_member(out, "busy", result->busy);
    dh_text_put_json_number_member(out, "best", result->best);
    dh_text_put_json_number_member(out, "ask_seconds", result->ask_seconds);
    dh_text_put_json_number_member(out, "bytes_a_slot", result->bytes_a_slot);
    dh_text_put_json_number_member(out, "cpu_seconds", result->cpu_seconds);
    dh_text_put_json_text_member(out, "stop", dh_stop_text(result->counts.stop));
    dh_buffer_text(out, ", \"slot_seconds\": {");
    for (int use = 0; use < DH_USE_COUNT; use++)
        dh_buffer_printf(out, "%s\"%s\": %.6f", use ? ", " : "", dh_use_key(use),
                         dh_usage_seconds(&result->usage, use));
    dh_buffer_text(out, "}, \"rank_0\": {");
    for (int work = 0; work < DH_WORK_COUNT; work++)
        dh_buffer_printf(out, "%s\"%s\": {\"seconds\": %.6f, \"times\": %" PRIu64 "}",
                         work ? ", " : "", work_names[work], result->spent[work],
                         result->done[work]);
    dh_buffer_text(out, "}}");
}
