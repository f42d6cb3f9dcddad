/* Plugins that do something odd when they are loaded; LOADING chooses what. */
#if LOADING == 5 /* declares its function by itself, as cgo does */
#define DH_PLUGIN_NO_PROTOTYPE
#endif
#include <dh_mpi/plugin.h>

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if LOADING == 1
const uint32_t dh_plugin_version = DH_PLUGIN_VERSION + 1;
int dh_evaluate(const dh_job *job, dh_result *result)
{
    (void)job;
    (void)result;
    return 0;
}
#elif LOADING == 2
int dh_evaluates(void);
int dh_evaluates(void)
{
    return 0;
}
#elif LOADING == 3
static void __attribute__((constructor)) crash(void)
{
    raise(SIGSEGV);
}
#elif LOADING == 5
/* The user's locale, as a toolkit's start takes it: 1 if a number's text has a point all the same,
 * and 2 if, besides, the function goes by that locale. */
static void __attribute__((constructor)) localize(void)
{
    setlocale(LC_ALL, "");
}

int dh_evaluate(dh_job *job, dh_result *result);
int dh_evaluate(dh_job *job, dh_result *result)
{
    char half[16];
    const char *text = dh_job_text(job, "lr", "?");
    snprintf(half, sizeof half, "%.1f", 0.5);
    snprintf(result->reason, sizeof result->reason, "%s", text);
    result->objective[0] = half[1] == ',' ? 2 : 1;
    return strcmp(text, "0.25") != 0;
}
#elif LOADING == 6
static void __attribute__((constructor)) leave(void)
{
    exit(0);
}

int dh_evaluate(const dh_job *job, dh_result *result)
{
    (void)job;
    (void)result;
    return 0;
}
#else
/* A helper that stays, with every descriptor that it finds open but the streams'. */
static void __attribute__((constructor)) help(void)
{
    if (fork() == 0) {
        for (int fd = 0; fd < 3; fd++)
            close(fd);
        sleep(10);
        _exit(0);
    }
}

int dh_evaluate(const dh_job *job, dh_result *result)
{
    (void)job;
    result->objective[0] = 1;
    return 0;
}
#endif
