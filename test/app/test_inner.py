"""Evaluations that are MPI programs of their own, within ranks that an mpiexec started."""

import os
import subprocess
import unittest

import harness

SUM = """
#include <mpi.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    int rank, size, total;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    rank++;
    MPI_Allreduce(&rank, &total, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (rank == 1)
        printf("DH-OUTPUT: {\\"objective\\": %d, \\"metadata\\": {\\"ranks\\": %d}}\\n", total, size);
    return MPI_Finalize();
}
"""

CONFIG = """
search = { name = "inner"; max_evaluations = 4; };
objectives = ( { name = "total"; goal = "maximize"; } );
parameters = ( { name = "ranks"; type = "int"; low = 1; high = 2; },
               { name = "x"; type = "real"; low = 0.0; high = 1.0; } );
initial = ( { ranks = 1; x = 0.0; }, { ranks = 2; x = 0.0; } );
optimizer = { method = "random"; };
evaluator = { type = "command"; command = ("sh", "evaluate.sh", "{ranks}"); };
"""

# By itself (a singleton), or on more ranks than there are cores, which only the user's own setting
# allows Open MPI.
EVALUATE = """
[ "$USERS" = "$OMPI_MCA_rmaps_base_oversubscribe $OMPI_MCA_btl_base_warn_component_unused" ] || exit 9
if [ $1 = 1 ]; then exec FOLDER/sum; fi
exec MPIEXEC -n CORES FOLDER/sum
"""


class Inner(harness.Case):
    options = []  # of the outer mpiexec

    def command(self, ranks, arguments):
        start = harness.launch(ranks, self.recovery)
        return start[:1] + self.options + start[1:] + [harness.DH_MPI, *arguments]

    def evaluate(self):
        cores = os.cpu_count() + 2
        subprocess.run([harness.MPICC, self.write("sum.c", SUM), "-o", self.path("sum")], check=True)
        self.write("inner.cfg", CONFIG.replace("evaluate.sh", self.write("evaluate.sh", EVALUATE.replace(
            "FOLDER", self.folder).replace("MPIEXEC", harness.MPIEXEC).replace("CORES", str(cores)))))
        self.run_search(3, "--fresh", "inner.cfg", env={
            "OMPI_MCA_rmaps_base_oversubscribe": "1", "USERS": "1 0",
            "OMPI_MCA_btl_base_warn_component_unused": "0", "MPIEXEC_TIMEOUT": "300"})
        self.assert_nothing_left()
        for trial in self.assert_complete("inner.h5", 4):
            ranks = 1 if trial["parameters"]["ranks"] == 1 else cores
            self.assertEqual((trial["status"], trial["objectives"]), ("ok", {
                "total": ranks * (ranks + 1) / 2}), trial)
            self.assertEqual(trial["metadata"], {"ranks": ranks})

    def test_mpi_programs(self):
        self.evaluate()

    @unittest.skipIf(harness.MPICH, "options of Open MPI's mpiexec")
    def test_the_options_of_the_outer_mpiexec_are_its_own(self):
        self.recovery = True
        self.options = ["--map-by", "ppr:3:node", "--tag-output"]
        self.evaluate()


if __name__ == "__main__":
    harness.main()
