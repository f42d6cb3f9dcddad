/* Plugins that do something odd when they are loaded; LOADING chooses what. */
#include <dh_mpi/plugin.h>

#include <signal.h>
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
