/* Which variables of a rank's environment are no evaluation's business: see job.h. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"
#include "job.h"

extern char **environ;

/* What a launcher sets for the ranks that it starts. Everything else is the user's and stays, such
 * as the job's own SLURM_... and OMPI_MCA_rmaps_base_oversubscribe. A `*` at the end stands for any
 * further letters. Found by comparing the environments outside and inside (Open MPI 4.1 on one host
 * with all its options and on three, MPICH 4.0, Intel MPI 2021, Slurm 22.05 with --mpi none, pmi2
 * and pmix_v4) and among the names in libopen-rte. */
static const struct {
    const char *names[16];
    const char *why; /* it is there, and may not stay */
} launcher_variables[] = {
    {{"OMPI_APP_CTX_NUM_PROCS", "OMPI_ARGV", "OMPI_COMMAND", "OMPI_COMM_WORLD_*",
      "OMPI_FILE_LOCATION", "OMPI_FIRST_RANKS", "OMPI_NUM_APP_CTX", "OMPI_UNIVERSE_SIZE",
      "HFI_NO_BACKTRACE", "IPATH_NO_BACKTRACE"},
     "Open MPI: who and where a rank is, what was started, and two settings of every rank"},
    {{"OMPI_MCA_orte_*", "ORTE_*", "PRTE_LAUNCHED", "PRTE_SHARED_FS", "OMPI_MCA_ess",
      "OMPI_MCA_ess_*", "OMPI_MCA_pubsub_orte_server", "OMPI_MCA_initial_wdir"},
     "Open MPI's runtime: addresses, session, rank; and mpiexec's options for what it started "
     "(--enable-recovery, --output-filename), which arrive as settings of orte. PRTE_MCA_... are "
     "settings"},
    {{"OMPI_MCA_routed", "OMPI_MCA_pmix", "OMPI_MCA_shmem_RUNTIME_QUERY_hint",
      "OMPI_MCA_mpi_oversubscribe"},
     "chosen by Open MPI's daemons for their ranks, so that a process looks for a daemon"},
    {{"OMPI_MCA_rmaps_base_mapping_policy", "OMPI_MCA_rmaps_base_ranking_policy",
      "OMPI_MCA_rmaps_base_cpus_per_rank", "OMPI_MCA_rmaps_base_display_map",
      "OMPI_MCA_mca_base_env_list*"},
     "mpiexec's --map-by, --rank-by, --cpus-per-proc, --display-map and -x: an inner mpiexec would "
     "ask for the same places. --bind-to, --oversubscribe and --mca stay, since those cannot be "
     "told from what the user exported, and do no harm there"},
    {{"PMIX_BFROP_*", "PMIX_DSTORE_*", "PMIX_GDS_*", "PMIX_HOSTNAME", "PMIX_ID", "PMIX_NAMESPACE",
      "PMIX_RANK", "PMIX_SECURITY_MODE", "PMIX_SERVER_*", "PMIX_SYSTEM_TMPDIR", "PMIX_VERSION",
      "PMIX_PTL_*", "PMIX_KEEPALIVE_*", "PMIX_MCA_mca_base_component_show_load_errors"},
     "PMIx: rank, and the server to ask; other PMIX_MCA_... are settings, like OMPI_MCA_..."},
    {{"PMI_*", "FLUX_PMI*", "HYDI_*", "MPI_LOCAL*", "MPIR_CVAR_CH3_INTERFACE_HOSTNAME"},
     "PMI: MPICH's and Intel's hydra, srun --mpi=pmi2, Flux; other HYDRA_..., MPIEXEC_... and "
     "I_MPI_... are settings"},
    {{"I_MPI_HYDRA_UUID", "I_MPI_INFO_*", "I_MPI_PIN_INFO", "I_MPI_PIN_MAPPING", "HYDRA_BSTRAP_*",
      "HYDRA_LAUNCH_TYPE", "HYDRA_IP_VERSION"},
     "Intel's hydra: its job, what it found out of the node, the cores of its ranks, and its tree "
     "of proxies, which an inner mpiexec finds out anew"},
    {{"MPIRUN_*", "MV2_COMM_*", "PALS_*", "ALPS_APP*", "JSM_*"},
     "MVAPICH, HPE Cray, IBM jsrun (not tried)"},
    {{"SLURM_PMI_FD", "SLURM_PMI2_*", "SLURM_PMIXP_*", "SLURM_PMIX_MAPPING_SERV", "SLURM_STEPID",
      "SLURM_STEP_*", "SLURM_CPU_BIND*", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID",
      "SLURM_GTIDS", "SLURM_SRUN_COMM*", "SLURM_TASK_PID", "SLURM_LAUNCH_*"},
     "srun: the step, the task in it, its cores, and how PMI is reached. SLURM_MPI_TYPE, which it "
     "sets too, is but the name of a plugin, with which an inner srun goes on"},
    {{"SLURM_NTASKS*", "SLURM_NPROCS"},
     "how many tasks the search has, by which PyTorch Lightning and others take an evaluation for "
     "one of them, and wait for the rest; an inner srun, too, would start as many. What is of the "
     "job stays, with SLURM_TASKS_PER_NODE, which Open MPI's mpiexec cannot do without there. (So "
     "does PBS_TASKNUM with PBS_NODENUM: PBS starts nothing for a process that has lost them)"},
    {{"DH_EXIT_FILE", "DH_PREVIOUS_FOLDER"},
     "of a search or evaluation: one within an evaluation is another"},
};

/* Is `name`, of so many characters, `pattern`? */
static bool matches(const char *pattern, const char *name, size_t size)
{
    size_t fixed = strcspn(pattern, "*");
    return strncmp(pattern, name, fixed < size ? fixed : size) == 0 &&
           (pattern[fixed] ? size >= fixed : size == fixed);
}

static bool of_launcher(const char *name, size_t size)
{
    for (size_t i = 0; i < DH_COUNT_OF(launcher_variables); i++)
        for (const char *const *pattern = launcher_variables[i].names; *pattern; pattern++)
            if (matches(*pattern, name, size))
                return true;
    return false;
}

void eval_job_scrub_environment(void)
{
    for (char **variable = environ; variable && *variable;) {
        size_t size = strcspn(*variable, "=");
        if (!of_launcher(*variable, size)) {
            variable++;
            continue;
        }
        char *name = dh_strndup(*variable, size);
        unsetenv(name);
        free(name);
        variable = environ; /* unsetenv may have moved it */
    }
}
