/* The interface of evaluator plugins: the one header that users compile against.
 *
 *     #include <dh_mpi/plugin.h>
 *     int dh_evaluate(const dh_job *job, dh_result *result)
 *     {
 *         double lr = dh_job_real(job, "lr", 1e-3);
 *         result->objective[0] = train(lr);
 *         return 0;                                  // anything else: the evaluation failed
 *     }
 *
 *     cc -shared -fPIC -o train.so train.c
 *     evaluator = { type = "plugin"; library = "train.so"; };      // in the configuration
 *
 * Plain C99 (and C++), self-contained. By default each call runs in a process of its own: a crash
 * is a failed evaluation, memory need not be freed.
 */
#ifndef DH_MPI_PLUGIN_H
#define DH_MPI_PLUGIN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DH_PLUGIN_VERSION 1
#define DH_PLUGIN_OBJECTIVES 16

typedef enum dh_kind { DH_KIND_REAL = 1, DH_KIND_INT, DH_KIND_TEXT, DH_KIND_BOOL } dh_kind;

/* A parameter of the configuration to evaluate. Inactive parameters are not listed. */
typedef struct dh_argument {
    const char *name;
    dh_kind kind;
    double real;      /* REAL, INT and BOOL as a number; of a TEXT NaN */
    int64_t integer;  /* INT, and BOOL as 0 or 1; otherwise 0 */
    const char *text; /* the value as text, for every kind */
} dh_argument;

typedef struct dh_job dh_job;
struct dh_job {
    uint32_t version; /* DH_PLUGIN_VERSION of the program */
    uint32_t retries; /* attempts before this one */
    uint64_t id;      /* of the trial */
    uint64_t seed;    /* for the evaluation's own random numbers */
    int32_t worker, slot;
    size_t argument_count;
    const dh_argument *arguments;
    size_t objective_count;
    /* isolate = false: a `const MPI_Comm *` of the ranks that evaluate this job together, for their
     * use alone: `ranks` of them, or one. Its errors are returned. Otherwise NULL. With several
     * ranks, each calls dh_evaluate with the same job (but for `worker`), and what rank 0 of the
     * communicator returns and reports counts; no rank is called again before all have returned.
     * MPI is initialised with MPI_THREAD_FUNNELED. */
    const void *communicator;
    /* Report an intermediate result; non-zero means: stop. Time is up, or the evaluation was
     * cancelled: SIGTERM follows after half of kill_after, and what is returned does not count.
     * With isolate = false it is always 0: while it is in the call, the rank hears and says
     * nothing. What was reported is passed on afterwards, and an end that is asked for meanwhile
     * does not reach it. */
    int (*report)(const dh_job *job, double step, double value);
    void *reserved;
};

typedef struct dh_result {
    double objective[DH_PLUGIN_OBJECTIVES]; /* preset to NaN; fill objective_count of them */
    char reason[256];                       /* why it failed, if it did; "" */
    char metadata[4096];                    /* a JSON object, or "" */
} dh_result;

/* What a plugin defines. Returns 0, or anything else for a failure. It may also define
 *     const uint32_t dh_plugin_version = DH_PLUGIN_VERSION;
 * (in C++ as extern "C") so that a program of another version refuses it.
 *
 * Define DH_PLUGIN_NO_PROTOTYPE before the #include where another tool declares dh_evaluate,
 * without const: cgo does for `//export dh_evaluate` (func dh_evaluate(job *C.dh_job, result
 * *C.dh_result) C.int). */
#ifndef DH_PLUGIN_NO_PROTOTYPE
int dh_evaluate(const dh_job *job, dh_result *result);
#endif

static inline const dh_argument *dh_job_find(const dh_job *job, const char *name)
{
    size_t i;
    for (i = 0; i < job->argument_count; i++)
        if (strcmp(job->arguments[i].name, name) == 0)
            return &job->arguments[i];
    return NULL;
}

/* Values by name; `fallback` where the parameter is inactive or unknown. Of a TEXT, dh_job_real is
 * NaN and dh_job_int the fallback, as it is of a REAL that no int64_t can hold. */
static inline double dh_job_real(const dh_job *job, const char *name, double fallback)
{
    const dh_argument *argument = dh_job_find(job, name);
    return argument ? argument->real : fallback;
}

static inline int64_t dh_job_int(const dh_job *job, const char *name, int64_t fallback)
{
    const dh_argument *argument = dh_job_find(job, name);
    if (!argument || argument->kind == DH_KIND_TEXT)
        return fallback;
    if (argument->kind != DH_KIND_REAL)
        return argument->integer;
    return argument->real >= -9223372036854775808.0 && argument->real < 9223372036854775808.0
               ? (int64_t)argument->real
               : fallback;
}

static inline const char *dh_job_text(const dh_job *job, const char *name, const char *fallback)
{
    const dh_argument *argument = dh_job_find(job, name);
    return argument ? argument->text : fallback;
}

#ifdef __cplusplus
}
#endif

#endif
