/* Was this process started by an MPI launcher, and with how many others? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "dh_mpi/comm.h"

static void test_variables(void **state)
{
    (void)state;
    clearenv();
    assert_false(dh_comm_launched());
    setenv("SLURM_PROCID", "0", 1); /* also there in a plain batch script */
    setenv("PMI_RANK", "", 1);
    assert_false(dh_comm_launched());
    static const char *const variables[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK",
                                            "PMI_SIZE", "MPI_LOCALNRANKS"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        setenv(variables[i], "1", 1);
        assert_true(dh_comm_launched());
        unsetenv(variables[i]);
        assert_false(dh_comm_launched());
    }
}

static void test_started_tasks(void **state)
{
    (void)state;
    const char *launcher, *advice;
    clearenv();
    assert_int_equal(dh_comm_started_tasks(&launcher, &advice), 0);
    setenv("PMI_SIZE", "3", 1);
    assert_int_equal(dh_comm_started_tasks(&launcher, &advice), 3);
    assert_string_equal(launcher, "the mpiexec of an MPICH or Intel MPI");
    setenv("SLURM_STEP_NUM_TASKS", "4", 1);
    assert_int_equal(dh_comm_started_tasks(&launcher, &advice), 4);
    assert_string_equal(launcher, "srun");
    clearenv();
    setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
    assert_int_equal(dh_comm_started_tasks(&launcher, &advice), 2);
    assert_string_equal(advice, "dh_mpi was built with another MPI: use its mpiexec");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_variables),
                                       cmocka_unit_test(test_started_tasks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
