/* Plugins that cannot be used; LOADING chooses the way. */
#include <dh_mpi/plugin.h>

#include <signal.h>

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
#else
static void __attribute__((constructor)) crash(void)
{
    raise(SIGSEGV);
}
#endif
