/* A configuration made ready for use. */
#include "dh_mpi/app.h"

#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/report.h"
#include "dh_mpi/store.h"
#include "muster.h"

/* What is right in each of two groups, and wrong in both together. */
static dh_status check_window(const struct dh_settings *settings, struct dh_error *err)
{
    const struct dh_node *comm = dh_node_child(dh_config_root(settings->config), "comm");
    if (settings->comm.window != DH_WINDOW_ON || dh_muster_ranks(settings) == 1)
        return DH_OK;
    return dh_node_fail(
        err, dh_node_child(comm, "window"),
        "comm: window = \"on\" does not go with evaluator.ranks: expected \"auto\" or \"off\"");
}

/* The setting that names the checkpoint; where there is none, the whole. */
static dh_status refuse_name(const struct dh_app_setup *setup, const char *why,
                             struct dh_error *err)
{
    const struct dh_node *root = dh_config_root(setup->config);
    const struct dh_node *file = dh_node_child(dh_node_child(root, "checkpoint"), "file");
    return dh_node_fail(err, file ? file : root, "checkpoint: file = \"%s\": %s",
                        setup->settings.checkpoint.file, why);
}

/* A search writes its checkpoint's files and the status beside them: none may be anything else. */
static dh_status check_names(const struct dh_app_setup *setup, struct dh_error *err)
{
    struct dh_error why;
    const char *checkpoint = setup->settings.checkpoint.file,
               *config = dh_config_path(setup->config);
    char *status = dh_report_status_path(checkpoint), *stem = dh_store_stem(checkpoint);
    char *text = NULL;
    if (dh_store_holds(checkpoint, config))
        text = dh_strprintf("it would take the place of the configuration %s", config);
    else if (stem)
        text = dh_strprintf("that name is for a file of the checkpoint %s", stem);
    else if (dh_store_spare(status, checkpoint, &why) != DH_OK)
        text = dh_strprintf("the search's status goes beside it: %s", why.text);
    dh_status result = text ? refuse_name(setup, text, err) : DH_OK;
    free(text);
    free(status);
    free(stem);
    return result;
}

static dh_status prepare(struct dh_app_setup *setup, struct dh_error *err)
{
    dh_status status = dh_settings_unpack(setup->config, &setup->settings, err);
    if (status == DH_OK)
        status = check_window(&setup->settings, err);
    if (status == DH_OK)
        status = dh_space_create(&setup->settings, &setup->space, err);
    return status;
}

dh_status dh_app_setup_read(const char *path, const char *const *overrides, size_t count,
                            struct dh_app_setup *out, struct dh_error *err)
{
    *out = (struct dh_app_setup){0};
    dh_status status = dh_config_read(path, overrides, count, &out->config, err);
    if (status == DH_OK)
        status = prepare(out, err);
    return status == DH_OK ? check_names(out, err) : status;
}

dh_status dh_app_setup_parse(const char *path, const char *text, struct dh_app_setup *out,
                             struct dh_error *err)
{
    *out = (struct dh_app_setup){0};
    dh_status status = dh_config_parse(path, text, &out->config, err);
    return status == DH_OK ? prepare(out, err) : status;
}

void dh_app_setup_free(struct dh_app_setup *setup)
{
    dh_space_destroy(&setup->space);
    dh_settings_free(&setup->settings);
    dh_config_destroy(&setup->config);
}
