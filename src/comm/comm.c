/* The front of every transport: checks what the caller passes, then calls through the table.
 *
 * Nothing here waits. Callers that wait for a message poll dh_comm_receive with a dh_nap, so that
 * they can wait for other things (an evaluation, a signal, the time) in the same loop. */
#include "dh_mpi/comm.h"

#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"

int dh_comm_rank(const struct dh_comm *comm)
{
    return comm->ops->rank(comm);
}

int dh_comm_size(const struct dh_comm *comm)
{
    return comm->ops->size(comm);
}

dh_status dh_comm_send(struct dh_comm *comm, int peer, enum dh_tag tag,
                       const struct dh_buffer *payload, struct dh_error *err)
{
    int size = dh_comm_size(comm);
    if (peer < 0 || peer >= size)
        return dh_fail(err, DH_INTERNAL, "message %d to rank %d: there are ranks 0 to %d", (int)tag,
                       peer, size - 1);
    if (tag <= DH_TAG_NONE || tag >= DH_TAG_COUNT)
        return dh_fail(err, DH_INTERNAL, "message to rank %d has the unknown tag %d", peer,
                       (int)tag);
    return comm->ops->send(comm, peer, tag, payload ? payload->data : NULL,
                           payload ? payload->size : 0, err);
}

dh_status dh_comm_receive(struct dh_comm *comm, struct dh_message *out, struct dh_error *err)
{
    *out = (struct dh_message){.peer = -1, .tag = DH_TAG_NONE};
    dh_status status = comm->ops->receive(comm, out, err);
    if (status == DH_OK && (out->tag <= DH_TAG_NONE || out->tag >= DH_TAG_COUNT))
        return dh_fail(err, DH_COMM, "rank %d sent a message with the unknown tag %d", out->peer,
                       (int)out->tag);
    return status;
}

dh_status dh_comm_group(struct dh_comm *comm, const int32_t *ranks, int count, const void **out,
                        struct dh_error *err)
{
    if (comm->ops->group)
        return comm->ops->group(comm, ranks, count, out, err);
    return dh_fail(err, DH_COMM, "groups of ranks need MPI; this is the %s transport",
                   comm->ops->name);
}

dh_status dh_comm_close(struct dh_comm **comm, struct dh_error *err)
{
    if (!*comm)
        return DH_OK;
    dh_status status = (*comm)->ops->close(*comm, err);
    if (status == DH_OK)
        *comm = NULL;
    return status;
}

void dh_comm_leave(struct dh_comm **comm)
{
    struct dh_comm *leaving = *comm;
    *comm = NULL;
    leaving->ops->leave(leaving);
}

void dh_comm_abort(struct dh_comm **comm, int exit_code)
{
    struct dh_comm *ending = *comm;
    const struct dh_comm_ops *ops = ending->ops;
    *comm = NULL;
    ops->leave(ending);
    if (ops->abort)
        ops->abort(exit_code);
}

bool dh_comm_recovers(void)
{
    const char *value = getenv("OMPI_MCA_orte_enable_recovery");
    return value && strcmp(value, "1") == 0;
}

int dh_comm_launched(void)
{
    /* Each is set for every rank by one family of launchers. A batch system's own variables
     * (SLURM_PROCID, …) are not among them: they are also there in a plain batch script. */
    static const char *const variables[] = {
        "OMPI_COMM_WORLD_SIZE", /* Open MPI's mpiexec */
        "PMIX_RANK",            /* PMIx: Open MPI 5, srun --mpi=pmix */
        "PMI_RANK",             /* PMI: MPICH's hydra, srun --mpi=pmi2, Flux */
        "PMI_SIZE",
        "PMI_FD",
        "MPI_LOCALNRANKS",     /* MPICH and Intel MPI, hydra */
        "MV2_COMM_WORLD_SIZE", /* MVAPICH */
        "PALS_RANKID",         /* HPE Cray PALS */
        "ALPS_APP_PE",         /* Cray ALPS */
        "JSM_NAMESPACE_RANK",  /* IBM jsrun */
    };
    for (size_t i = 0; i < DH_COUNT_OF(variables); i++) {
        const char *value = getenv(variables[i]);
        if (value && *value)
            return 1;
    }
    return 0;
}

int dh_comm_started_tasks(const char **launcher, const char **advice)
{
    static const struct {
        const char *variable, *launcher, *advice;
    } rows[] = {
        /* not in a job's script, outside of steps; before PMI, which srun may bring */
        {"SLURM_STEP_NUM_TASKS", "srun", "`srun --mpi=list` says what --mpi can be"},
        {"OMPI_COMM_WORLD_SIZE", "the mpiexec of an Open MPI",
         "dh_mpi was built with another MPI: use its mpiexec"},
        {"PMI_SIZE", "the mpiexec of an MPICH or Intel MPI",
         "dh_mpi was built with another MPI: use its mpiexec"},
    };
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        const char *value = getenv(rows[i].variable);
        if (value && atoi(value) > 0) {
            *launcher = rows[i].launcher;
            *advice = rows[i].advice;
            return atoi(value);
        }
    }
    return 0;
}

dh_status dh_comm_window_open(struct dh_comm *comm, size_t words, bool *alone,
                              struct dh_window **out, struct dh_error *err)
{
    *out = NULL;
    *alone = false;
    if (!comm->ops->window_open)
        return dh_fail(err, DH_COMM, "the transport \"%s\" has no windows", comm->ops->name);
    return comm->ops->window_open(comm, words, alone, out, err);
}
