/* dhctl best: the best trials, the best one ready to paste. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "dh_mpi/text.h"
#include "verb.h"

static const struct option options[] = {
    {"number", required_argument, NULL, 'n'}, {"json", no_argument, NULL, 'j'}, {0}};

static void print_incumbent(const struct dh_store_image *image, uint64_t id)
{
    struct dh_buffer text = {0}, plain = {0};
    const struct dh_trial *trial = dh_history_trial(image->history, id);
    dh_space_format_config(image->space, trial->values, &text);
    dh_text_put_plain(&plain, text.data);
    printf("\nbest configuration (trial %" PRIu64 "), ready to paste into `initial`:\n%s\n", id,
           plain.data ? plain.data : "");
    dh_buffer_free(&text);
    dh_buffer_free(&plain);
}

static dh_status print_best(const char *path, uint64_t most, bool json, struct dh_error *err)
{
    struct dh_store_image image;
    dh_status status = verb_read(path, &image, err);
    if (status == DH_OK) {
        uint64_t count, *ids = verb_ranking(&image, &count);
        uint64_t shown = count < most ? count : most;
        if (json)
            verb_print_json(&image, ids, shown);
        else if (count == 0)
            puts("no trial has succeeded yet");
        else
            verb_print_table(&image, ids, shown);
        if (!json && shown > 0)
            print_incumbent(&image, ids[0]);
        free(ids);
    }
    dh_store_image_free(&image);
    return status;
}

static dh_status run(int argc, char **argv, struct dh_error *err)
{
    uint64_t most = 10;
    bool json = false;
    dh_status status = DH_OK;
    for (int option;
         status == DH_OK && (option = verb_option(argc, argv, "n:j", options, err)) != -1;) {
        if (option == 'n')
            status = verb_number("-n", optarg, &most, err);
        else if (option == 'j')
            json = true;
        else
            status = DH_USAGE;
    }
    if (status == DH_OK)
        status = verb_operands(argc, 1, "a checkpoint or configuration", err);
    return status == DH_OK ? print_best(argv[optind], most, json, err) : status;
}

const struct verb verb_best = {
    .name = "best",
    .arguments = "[-n COUNT] [--json] FILE",
    .summary = "Print the best trials, best first by the first objective",
    .help = "  -n, --number COUNT   so many (default 10)\n"
            "  -j, --json           a JSON array, one trial a line\n\n"
            "Example: dhctl best -n 3 digits.h5\n",
    .run = run,
};
