/* same_model CHECKPOINT: was every trial of it proposed by a model that knew exactly what had
 * been recorded?
 *
 * For each trial, a new search is told every earlier event of the file, in their order, and asked
 * for that trial: it has to propose the very same point. That search was never killed; the one
 * that wrote the file may have been, any number of times. With several workers a result can be
 * recorded while an ask that has not heard of it is under way: then it is left out. As
 * far back as it takes, one prefix of the results has to give the point. Prints how many trials
 * were compared and how many results were on their way at most. Returns 1 if one differs, 3 if the
 * machine was so slow that some trials are no model's (DH_ORIGIN_LATE): nothing can be said then.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/search.h"
#include "dh_mpi/store.h"

static struct dh_search *begin(const struct dh_search_context *context)
{
    struct dh_search *search;
    struct dh_error err;
    if (dh_search_create(context, &search, &err) == DH_OK)
        return search;
    fprintf(stderr, "%s\n", err.text);
    exit(2);
}

/* Every event before the proposal of trial `id`, but of the results only the first `results`. */
static void tell(struct dh_search *search, const struct dh_history *history, uint64_t id,
                 const uint64_t *order, uint64_t results)
{
    uint64_t next = 0;
    for (uint64_t trial = 0; trial <= id; trial++) {
        uint64_t event = dh_history_trial(history, trial)->proposed_event;
        for (; next < results; next++) {
            const struct dh_trial *ended = dh_history_trial(history, order[next]);
            if (!dh_trial_ended_by(ended, event))
                break;
            dh_search_tell(search, ended);
        }
        if (trial < id)
            dh_search_propose(search, dh_history_trial(history, trial));
    }
}

/* Does a search that knows so many results propose that trial? */
static bool proposes(const struct dh_search_context *context, const struct dh_history *history,
                     uint64_t id, const uint64_t *order, uint64_t results)
{
    struct dh_search *search = begin(context);
    struct dh_error err;
    double *point = dh_alloc(dh_space_count(context->space), sizeof *point);
    struct dh_proposal proposal = {.point = point, .budget = INFINITY};
    tell(search, history, id, order, results);
    bool same = dh_search_ask(search, id, &proposal, &err) == DH_OK &&
                dh_space_equal(context->space, point, dh_history_trial(history, id)->values);
    free(point);
    dh_search_destroy(&search);
    return same;
}

int main(int argc, char **argv)
{
    struct dh_store_image image;
    struct dh_error err;
    if (argc != 2 || dh_store_read(argv[1], &image, &err) != DH_OK) {
        fprintf(stderr, "usage: same_model CHECKPOINT\n%s\n", argc == 2 ? err.text : "");
        return 2;
    }
    struct dh_search_context context = {.space = image.space,
                                        .settings = &image.settings,
                                        .seed = (uint64_t)image.settings.search.seed};
    uint64_t ended, most = 0, late = 0, different = 0, known = 0;
    uint64_t overdue = dh_origin_count(image.history, DH_ORIGIN_LATE);
    if (overdue > 0) {
        printf("%llu proposals were overdue\n", (unsigned long long)overdue);
        dh_store_image_free(&image);
        return 3;
    }
    uint64_t *order = dh_history_ended_order(image.history, &ended);
    for (uint64_t id = 0; id < dh_history_count(image.history); id++) {
        uint64_t event = dh_history_trial(image.history, id)->proposed_event, missing = 0;
        while (known < ended &&
               dh_trial_ended_by(dh_history_trial(image.history, order[known]), event))
            known++;
        while (missing <= known && !proposes(&context, image.history, id, order, known - missing))
            missing++;
        bool found = missing <= known;
        most = found && missing > most ? missing : most;
        late += found && missing > 0;
        different += !found;
        if (!found)
            printf("trial %llu is not what the model proposes\n", (unsigned long long)id);
    }
    printf(
        "%llu trials, %llu asked while results were on their way (%llu at most), %llu different\n",
        (unsigned long long)dh_history_count(image.history), (unsigned long long)late,
        (unsigned long long)most, (unsigned long long)different);
    free(order);
    dh_store_image_free(&image);
    return different > 0;
}
