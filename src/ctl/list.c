/* dhctl list: all trials, or those of one status. */
#include <stdio.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/history.h"
#include "verb.h"

struct choice {
    int status; /* -1: all */
    uint64_t most;
    bool json;
};

static const struct option options[] = {{"status", required_argument, NULL, 's'},
                                        {"number", required_argument, NULL, 'n'},
                                        {"json", no_argument, NULL, 'j'},
                                        {0}};

/* The newest `most` trials of the status, in order of id. */
static uint64_t *choose(const struct dh_history *history, const struct choice *choice,
                        uint64_t *count)
{
    uint64_t total = dh_history_count(history), found = 0;
    uint64_t *ids = dh_alloc(total, sizeof *ids);
    for (uint64_t id = total; id-- > 0 && found < choice->most;) {
        int status = (int)dh_history_trial(history, id)->outcome.status;
        if (choice->status < 0 || status == choice->status)
            ids[found++] = id;
    }
    for (uint64_t i = 0; i < found / 2; i++) {
        uint64_t swap = ids[i];
        ids[i] = ids[found - 1 - i];
        ids[found - 1 - i] = swap;
    }
    *count = found;
    return ids;
}

static dh_status print_list(const char *path, const struct choice *choice, struct dh_error *err)
{
    struct dh_store_image image;
    dh_status status = verb_read(path, &image, err);
    if (status == DH_OK) {
        uint64_t count, *ids = choose(image.history, choice, &count);
        if (choice->json)
            verb_print_json(&image, ids, count);
        else
            verb_print_table(&image, ids, count);
        free(ids);
    }
    dh_store_image_free(&image);
    return status;
}

static dh_status parse_status(const char *text, int *out, struct dh_error *err)
{
    *out = dh_trial_status_parse(text);
    if (*out >= 0)
        return DH_OK;
    struct dh_buffer known = {0};
    for (int s = 0; s < DH_TRIAL_STATUS_COUNT; s++)
        dh_buffer_printf(&known, "%s%s", s ? ", " : "", dh_trial_status_text(s));
    dh_fail(err, DH_USAGE, "--status: expected one of %s; found '%s'", known.data, text);
    dh_buffer_free(&known);
    return DH_USAGE;
}

static dh_status run(int argc, char **argv, struct dh_error *err)
{
    struct choice choice = {.status = -1, .most = UINT64_MAX};
    dh_status status = DH_OK;
    for (int option;
         status == DH_OK && (option = verb_option(argc, argv, "s:n:j", options, err)) != -1;) {
        if (option == 's')
            status = parse_status(optarg, &choice.status, err);
        else if (option == 'n')
            status = verb_number("-n", optarg, &choice.most, err);
        else if (option == 'j')
            choice.json = true;
        else
            status = DH_USAGE;
    }
    if (status == DH_OK)
        status = verb_operands(argc, 1, "a checkpoint or configuration", err);
    return status == DH_OK ? print_list(argv[optind], &choice, err) : status;
}

const struct verb verb_list = {
    .name = "list",
    .arguments = "[--status STATUS] [-n COUNT] [--json] FILE",
    .summary = "List trials in order of id",
    .help = "  -s, --status STATUS   only pending, ok, failed, timeout, pruned or cancelled ones\n"
            "  -n, --number COUNT    only the newest COUNT\n"
            "  -j, --json            a JSON array, one trial a line\n\n"
            "Example: dhctl list --status failed digits.h5\n",
    .run = run,
};
