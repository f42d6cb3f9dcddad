/* Was this process started by an MPI launcher? */
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_variables)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
