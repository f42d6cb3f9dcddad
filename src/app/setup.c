/* A configuration made ready for use. */
#include "dh_mpi/app.h"

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
    return status == DH_OK ? prepare(out, err) : status;
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
