/* A search opened for running: see session.h. */
#include "session.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "muster.h"

static dh_status open_search(struct dh_session *session, const struct dh_log *log,
                             struct dh_error *err)
{
    session->context = (struct dh_search_context){
        .space = session->setup.space,
        .settings = &session->setup.settings,
        .seed = (uint64_t)session->setup.settings.search.seed,
        .log = log,
        .timeout = session->plan.timeout > 0 ? session->plan.timeout : INFINITY,
    };
    dh_status status =
        dh_imports_read(&session->setup, log, &session->imports, &session->context, err);
    return status == DH_OK ? dh_search_create(&session->context, &session->search, err) : status;
}

static void say_cut_short(const struct dh_session *session, const struct dh_log *log)
{
    uint64_t count = 0;
    for (uint64_t id = 0; id < dh_history_count(session->history); id++)
        count +=
            dh_trial_cut_short(dh_history_trial(session->history, id), session->context.timeout);
    if (count)
        dh_log_info(log,
                    "%" PRIu64 " evaluations had timed out sooner than evaluator.timeout would let "
                    "them now: they teach nothing, and their points are not tried again",
                    count);
}

static void announce(const struct dh_session *session, const struct dh_store_image *found,
                     const struct dh_log *log)
{
    const struct dh_settings *settings = &session->setup.settings;
    uint64_t count = dh_history_count(session->history);
    uint64_t ended = dh_history_ended(session->history);
    if (count == 0)
        dh_log_info(log, "new search %s in %s", settings->search.name, settings->checkpoint.file);
    else
        dh_log_info(log, "resuming %s: %" PRIu64 " evaluations done, %" PRIu64 " to evaluate again",
                    settings->checkpoint.file, ended - dh_history_cancelled(session->history),
                    count - ended);
    if (found->notes && found->notes[0])
        dh_log_warn(log, "%s", found->notes);
    say_cut_short(session, log);
}

static dh_status set_aside(const struct dh_session *session, const struct dh_log *log,
                           struct dh_error *err)
{
    char *moved_to = NULL;
    const char *file = session->setup.settings.checkpoint.file;
    dh_status status = dh_store_set_aside(file, &moved_to, err);
    if (status == DH_OK && moved_to)
        dh_log_info(log, "--fresh: %s is now %s", file, moved_to);
    free(moved_to);
    return status;
}

static dh_status open_store(struct dh_session *session, const struct dh_log *log,
                            struct dh_error *err)
{
    const struct dh_app_setup *setup = &session->setup;
    session->history =
        dh_history_create(dh_space_count(setup->space), setup->settings.objective_count);
    struct dh_store_image found = {0};
    dh_status status =
        dh_store_open(setup->settings.checkpoint.file, &setup->settings, setup->space,
                      session->history, log, &session->store, &found, err);
    if (status == DH_OK)
        announce(session, &found, log);
    session->usage_before = found.usage;
    dh_store_image_free(&found);
    return status;
}

static void warn(const struct dh_app_setup *setup, const struct dh_log *log)
{
    struct dh_buffer lines = {0};
    dh_app_warnings(setup, &lines);
    dh_log_warn_lines(log, lines.data);
    dh_buffer_free(&lines);
}

dh_status dh_session_open(const struct dh_app_options *options, int workers,
                          struct dh_launcher *launcher, const struct dh_log *log,
                          struct dh_session *session, struct dh_error *err)
{
    *session = (struct dh_session){0};
    struct dh_app_setup *setup = &session->setup;
    dh_status status = dh_app_setup_read(options->config_path, options->overrides,
                                         options->override_count, setup, err);
    if (status == DH_OK)
        status = dh_eval_check(&setup->settings, setup->space, launcher, &session->plan, err);
    if (status == DH_OK)
        status = dh_muster_check(&setup->settings, workers, err);
    if (status == DH_OK) /* everything that can be wrong before a file is touched */
        status = open_search(session, log, err);
    if (status == DH_OK)
        warn(setup, log);
    if (status == DH_OK && options->fresh)
        status = set_aside(session, log, err);
    if (status == DH_OK)
        status = open_store(session, log, err);
    if (status == DH_OK)
        dh_search_replay(session->search, session->history);
    return status;
}

dh_status dh_session_close(struct dh_session *session, struct dh_error *err)
{
    dh_status status = session->store ? dh_store_close(&session->store, err) : DH_OK;
    dh_search_destroy(&session->search);
    dh_history_destroy(&session->history);
    dh_imports_free(&session->imports);
    dh_app_setup_free(&session->setup);
    return status;
}
