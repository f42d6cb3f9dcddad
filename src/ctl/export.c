/* dhctl export: the history for other programs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"
#include "output.h"
#include "verb.h"

static const struct format {
    const char *name;
    dh_status (*write)(FILE *out, const struct dh_space *space, const struct dh_settings *settings,
                       const struct dh_history *history, struct dh_error *err);
} formats[] = {{"csv", dh_export_csv}, {"json", dh_export_json}};

static const struct option options[] = {
    {"format", required_argument, NULL, 'f'}, {"output", required_argument, NULL, 'o'}, {0}};

static dh_status find_format(const char *name, const struct format **out, struct dh_error *err)
{
    for (size_t i = 0; i < DH_COUNT_OF(formats); i++)
        if (strcmp(formats[i].name, name) == 0) {
            *out = &formats[i];
            return DH_OK;
        }
    return dh_fail(err, DH_USAGE, "--format: expected csv or json, found '%s'", name);
}

static dh_status write_image(const struct format *format, const struct dh_store_image *image,
                             const char *output, struct dh_error *err)
{
    struct output out;
    dh_status status = output_open(output, &out, err);
    if (status != DH_OK)
        return status;
    status = format->write(out.stream, image->space, &image->settings, image->history, err);
    return output_close(&out, status, err);
}

/* What is written must not be what the history is in. */
static dh_status spare_history(const char *operand, const char *output, struct dh_error *err)
{
    char *checkpoint;
    dh_status status = verb_checkpoint_path(operand, &checkpoint, err);
    if (status == DH_OK)
        status = dh_store_spare(output, checkpoint, err);
    free(checkpoint);
    return status;
}

static dh_status run(int argc, char **argv, struct dh_error *err)
{
    const struct format *format = &formats[0];
    const char *output = NULL;
    dh_status status = DH_OK;
    for (int option;
         status == DH_OK && (option = verb_option(argc, argv, "f:o:", options, err)) != -1;) {
        if (option == 'f')
            status = find_format(optarg, &format, err);
        else if (option == 'o')
            output = optarg;
        else
            status = DH_USAGE;
    }
    if (status == DH_OK)
        status = verb_operands(argc, 1, "a checkpoint or configuration", err);
    if (status != DH_OK)
        return status;
    struct dh_store_image image = {0};
    status = spare_history(argv[optind], output ? output : "/dev/stdout", err);
    if (status == DH_OK)
        status = verb_read(argv[optind], &image, err);
    if (status == DH_OK)
        status = write_image(format, &image, output, err);
    dh_store_image_free(&image);
    return status;
}

const struct verb verb_export = {
    .name = "export",
    .arguments = "[--format csv|json] [-o OUTPUT] FILE",
    .summary = "Write the history for other programs",
    .help =
        "  -f, --format FORMAT   csv: the columns of DeepHyper's results.csv (default)\n"
        "                        json: one object with settings and all trials\n"
        "  -o, --output OUTPUT   to a file instead of standard output; one that is there stays\n"
        "                        as it was unless all of it can be written; none of a search's "
        "own\n"
        "                        files, another HDF5 file or a configuration\n\n"
        "Example: dhctl export --format csv -o results.csv digits.h5\n",
    .run = run,
};
