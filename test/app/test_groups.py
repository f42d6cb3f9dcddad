"""Plugins that several ranks evaluate together, and what is said of ranks, cores and GPUs."""

import json
import os
import shutil
import signal
import subprocess
import time

import harness

CONFIG = """
search = {{ name = "groups"; seed = 7; max_evaluations = {evaluations}; }};
objectives = ( {{ name = "sum"; goal = "minimize"; }} );
parameters = ( {{ name = "x"; type = "real"; low = 1.0; high = 2.0; }} );
optimizer = {{ method = "random"; }};
evaluator = {{ {evaluator} }};
checkpoint = {{ file = "groups.h5"; interval = "1s"; }};
scheduler = {{ lost_after = "2s"; lost_in_rank = "20s"; lost_retries = 3; }};
"""

# Every rank adds its part; one of the group that gets trial 3 first does DEED before that.
SUMMING = """
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <dh_mpi/plugin.h>
int dh_evaluate(const dh_job *job, dh_result *result)
{
    MPI_Comm comm = *(const MPI_Comm *)job->communicator;
    int rank;
    double mine = dh_job_real(job, "x", 0), sum = 0;
    MPI_Comm_rank(comm, &rank);
    if (job->id == 3) {
        DEED
    }
    usleep(50000);
    MPI_Allreduce(&mine, &sum, 1, MPI_DOUBLE, MPI_SUM, comm);
    result->objective[0] = sum;
    return 0;
}
"""

# The second rank dies, once.
DEADLY = SUMMING.replace("DEED", """
        if (rank == 1 && access("dead", F_OK) != 0) {
            fclose(fopen("dead", "w"));
            raise(SIGKILL);
        }""")

# Points that make no sense are refused, by every rank alike; the others are solved together.
PICKY = """
#include <mpi.h>
#include <string.h>
#include <dh_mpi/plugin.h>
int dh_evaluate(const dh_job *job, dh_result *result)
{
    MPI_Comm comm = *(const MPI_Comm *)job->communicator;
    double x = dh_job_real(job, "x", 0), sum = 0;
    if (x < 1.5) {
        strcpy(result->reason, "x is too small");
        return 1;
    }
    MPI_Allreduce(&x, &sum, 1, MPI_DOUBLE, MPI_SUM, comm);
    result->objective[0] = sum;
    return 0;
}
"""

# Rank WHO ends its process in good order, as Fortran's STOP does; the others wait.
STOPPING = SUMMING.replace("DEED", "if (rank == WHO) exit(0);")

# Adds with a library of its own.
LINKED = """
#include <mpi.h>
#include <dh_mpi/plugin.h>
double from_helper(double x);
int dh_evaluate(const dh_job *job, dh_result *result)
{
    MPI_Comm comm = *(const MPI_Comm *)job->communicator;
    double mine = from_helper(dh_job_real(job, "x", 0));
    MPI_Allreduce(&mine, &result->objective[0], 1, MPI_DOUBLE, MPI_SUM, comm);
    return 0;
}
"""

# The leader has returned long before the others; each notes what it was called with, and heard.
UNEVEN = """
#include <mpi.h>
#include <stdio.h>
#include <unistd.h>
#include <dh_mpi/plugin.h>
int dh_evaluate(const dh_job *job, dh_result *result)
{
    MPI_Comm comm = *(const MPI_Comm *)job->communicator;
    int rank;
    long said = (long)job->id;
    char name[32];
    MPI_Comm_rank(comm, &rank);
    MPI_Bcast(&said, 1, MPI_LONG, 0, comm);
    usleep(rank * 50000);
    snprintf(name, sizeof name, "calls.%d", job->worker);
    FILE *calls = fopen(name, "a");
    fprintf(calls, "%ld %ld %.17g\\n", (long)job->id, said, dh_job_real(job, "x", 0));
    fclose(calls);
    result->objective[0] = dh_job_real(job, "x", 0);
    return 0;
}
"""

# One rank of the group that gets trial 3 first ends in it, when the others have long returned.
LAST = """
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include <dh_mpi/plugin.h>
int dh_evaluate(const dh_job *job, dh_result *result)
{
    int rank;
    MPI_Comm_rank(*(const MPI_Comm *)job->communicator, &rank);
    if (job->id == 3 && rank == RANK && access("dead", F_OK) != 0) {
        usleep(500000);
        fclose(fopen("dead", "w"));
        raise(SIGKILL);
    }
    usleep(50000);
    result->objective[0] = dh_job_real(job, "x", 0);
    return 0;
}
"""

# Trial 3 takes longer than anybody waits.
LONG = """
#include <unistd.h>
#include <dh_mpi/plugin.h>
int dh_evaluate(const dh_job *job, dh_result *result)
{
    sleep(job->id == 3 ? 600 : 0);
    result->objective[0] = dh_job_real(job, "x", 0);
    return 0;
}
"""

# Trial 3 reaches the target, while trial 1 goes on for SECONDS.
REACHED = """
#include <stdio.h>
#include <unistd.h>
#include <dh_mpi/plugin.h>
int dh_evaluate(const dh_job *job, dh_result *result)
{
    if (job->id == 1) {
        fclose(fopen("begun", "w"));
        sleep(SECONDS);
    }
    while (job->id == 3 && access("begun", F_OK) != 0)
        usleep(10000);
    result->objective[0] = job->id == 3 ? -1 : dh_job_real(job, "x", 0);
    return 0;
}
"""

# With -DRUDE it leaves nothing in the process as it was.
GUEST = """
#include <fenv.h>
#include <locale.h>
#include <sys/stat.h>
#include <unistd.h>
#include <dh_mpi/plugin.h>
int dh_evaluate(const dh_job *job, dh_result *result)
{
    double x = dh_job_real(job, "x", 0);
    result->objective[0] = (x - 1.37) * (x - 1.37);
#ifdef RUDE
    if (!setlocale(LC_ALL, "de_DE.UTF-8") || chdir("else") != 0)
        return 1;
    umask(0777);
    fesetround(FE_UPWARD);
#endif
    usleep(100000); /* other threads write meanwhile */
    job->report(job, 0.5, x);
    return 0;
}
"""

COMMAND = 'type = "command"; command = ("sh", "-c", "echo DH-OUTPUT: {x}");'


class Groups(harness.Case):
    def configure(self, evaluator, evaluations=20):
        self.write("groups.cfg", CONFIG.format(
            evaluator=evaluator, evaluations=evaluations))

    def plugin(self, more, text=DEADLY, *linked):
        if not shutil.which(harness.MPICC):
            self.skipTest(f"there is no {harness.MPICC}")
        source, library = self.write("plugin.c", text), self.path("plugin.so")
        subprocess.run([harness.MPICC, "-shared", "-fPIC", "-I", harness.SOURCE + "/include", "-o",
                        library, source, *linked], check=True)
        return f'type = "plugin"; library = "{library}"; {more}'

    def test_a_plugin_that_changes_the_process_it_is_called_in(self):
        """The search keeps its folder, file modes, point of numbers and rounding."""
        subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", self.path("de_DE.UTF-8")],
                       check=False, stderr=subprocess.DEVNULL)
        if not os.path.isdir(self.path("de_DE.UTF-8")):
            self.skipTest("there are no locales: Debian's package is `locales`")
        os.mkdir(self.path("else"))
        source, found = self.write("guest.c", GUEST), {}
        for kind in ([], ["-DRUDE"]):
            library = self.path("rude.so" if kind else "polite.so")
            subprocess.run(["cc", "-shared", "-fPIC", "-I", harness.SOURCE + "/include", *kind, "-o",
                            library, source], check=True)
            self.configure(f'type = "plugin"; library = "{library}"; isolate = false;')
            out, err = self.run_search(0, "--fresh", "--set", 'optimizer={ method = "ambs"; }',
                                       "--set", "checkpoint.interval=1", "groups.cfg",
                                       env={"LOCPATH": self.folder})
            self.assertNotIn("removed", err)
            self.assertRegex(out, r"x = 1\.\d+")
            trials = self.assert_complete("groups.h5", 20)
            self.assertEqual({t["status"] for t in trials}, {"ok"}, trials)
            self.assertRegex(self.dhctl("show", "groups.h5", "7"), r"\[\[0\.5, 1\.\d+\]\]")
            found[library] = [t["parameters"] for t in trials]
            with open(self.path("status.json"), encoding="utf-8") as status:
                self.assertEqual(json.load(status)["done"], 20)
            self.assertEqual(os.stat(self.path("groups.h5")).st_mode & 0o400, 0o400)
        polite, rude = found.values()
        self.assertEqual(rude, polite)
        self.assertEqual(os.listdir(self.path("else")), [])

    def test_a_partial_differential_equation(self):
        source = os.path.join(harness.BUILD, "benchmarks", "pde")
        for name in ("pde.cfg", "libdh_pde.so"):
            shutil.copy(os.path.join(source, name), self.folder)
        small = ("--set", "search.max_evaluations=16", "--set", "parameters.n.value=48",
                 "--set", 'parameters.measure.value="work"')
        _, err = self.run_search(5, *small, "pde.cfg", timeout=300)
        self.assert_nothing_left()
        self.assertIn("2 groups of 2 ranks", err)
        trials = self.assert_complete("pde.h5", 16)
        self.assertEqual([t for t in trials if t["status"] != "ok"], [])
        self.assertEqual({t["metadata"]["ranks"] for t in trials}, {2})
        # how the rows are divided changes nothing but the last digits and what SOR leaves out
        first = trials[0]["metadata"]["iterations"]
        self.run_search(5, *small, "--fresh", "--set", "evaluator.ranks=4",
                        "--set", "search.max_evaluations=1", "pde.cfg", timeout=300)
        alone = self.assert_complete("pde.h5", 1)[0]["metadata"]
        self.assertEqual(alone["ranks"], 4)
        self.assertLess(abs(alone["iterations"] - first), 0.05 * first)

    def test_a_call_that_only_some_points_make_together(self):
        self.configure(self.plugin("isolate = false; ranks = 2;", PICKY), evaluations=100)
        for seed in range(4):
            _, err = self.run_search(5, "--fresh", "--set", f"search.seed={seed}", "groups.cfg",
                                     timeout=30)
            self.assertNotIn("launcher", err)
            for trial in self.assert_complete("groups.h5", 100):
                x = trial["parameters"]["x"]
                self.assertEqual(trial["status"], "ok" if x >= 1.5 else "failed")
                self.assertEqual(trial["objectives"]["sum"] or 2 * x, 2 * x)
        self.assert_nothing_left()

    def test_every_rank_does_every_call(self):
        self.configure(self.plugin("isolate = false; ranks = 3;", UNEVEN))
        for rank in range(1, 7):  # a group may come when the others have done it all
            self.write(f"calls.{rank}", "")
        _, err = self.run_search(7, "groups.cfg", timeout=30)
        self.assertNotIn("dropped", err)
        trials = {t["id"]: t for t in self.assert_complete("groups.h5", 20)}
        calls = {rank: [line.split() for line in self.read(self.path(f"calls.{rank}")).splitlines()]
                 for rank in range(1, 7)}
        for leader in (1, 4):
            self.assertEqual([calls[leader + i] for i in range(3)], [calls[leader]] * 3)
        together = calls[1] + calls[4]
        self.assertEqual(sorted(int(call[0]) for call in together), list(range(20)))
        for number, said, x in together:
            trial = trials[int(number)]
            self.assertEqual(said, number, "another trial's broadcast")
            self.assertAlmostEqual(float(x), trial["parameters"]["x"])
        for row in self.exported("groups.h5"):  # an evaluation takes as long as its slowest rank
            self.assertGreater(float(row["m:timestamp_end"]) - float(row["m:timestamp_start"]), 0.1)

    @harness.outlived
    def test_a_rank_of_a_group_is_killed(self):
        self.recovery = True
        self.configure(self.plugin("isolate = false; ranks = 2;"))
        self.run_search(6, "groups.cfg")
        trials = self.assert_complete("groups.h5", 20)
        self.assertEqual([t for t in trials if t["status"] != "ok"], [])
        err = self.read(self.stderr)
        self.assertIn("idle: rank 5", err)
        self.assertRegex(err, r"process \d+ of this group has ended, and the plugin waits for it")
        self.assertRegex(err, r"lost \(rank \d of its group is\)")
        self.assertIn("lost on the way: 2 of 5", err)
        for trial in trials:
            self.assertAlmostEqual(trial["objectives"]["sum"], 2 * trial["parameters"]["x"])

    def test_a_rank_of_a_group_calls_exit(self):
        """Its trial has failed, whichever rank it was; the other group goes on to the end."""
        for who in 1, 0:
            with self.subTest(who=who):
                self.configure(self.plugin("isolate = false; ranks = 2;",
                                           STOPPING.replace("WHO", str(who))), evaluations=40)
                self.run_search(5, "--fresh", "--set", "search.grace=0", "--set",
                                "scheduler.lost_in_rank=1000", "groups.cfg")
                self.assert_nothing_left()
                trials = self.assert_complete("groups.h5", 40)
                self.assertEqual([t["id"] for t in trials if t["status"] != "ok"], [3])
                self.assertEqual(trials[3]["reason"], "the plugin called exit(0) instead of returning")

    @harness.outlived
    def test_a_rank_ends_in_a_call_that_the_others_are_back_from(self):
        self.recovery = True
        for rank in (1, 0):
            with self.subTest(rank=rank):
                for name in os.listdir(self.folder):
                    os.unlink(self.path(name))
                self.configure(self.plugin("isolate = false; ranks = 3;",
                                           LAST.replace("RANK", str(rank))))
                _, err = self.run_search(7, "-v", "--set", "scheduler.lost_in_rank=1000",
                                         "groups.cfg")
                self.assertEqual(err.count("cannot evaluate any more"), 1, err)
                self.assertRegex(err, r"process \d+ of its group has ended")
                self.assertRegex(err, r"trial 3 is tried again: worker \d was lost")
                trials = self.assert_complete("groups.h5", 20)
                self.assertEqual({t["status"] for t in trials}, {"ok"})

    def test_a_rank_of_a_group_cannot_load_the_plugin(self):
        """Its group evaluates nothing. One that is in no group is not asked to."""
        helper = self.write("helper.c", "double from_helper(double x) { return x; }\n")
        os.mkdir(self.path("lib"))
        subprocess.run(["cc", "-shared", "-fPIC", "-o", self.path("lib/libhelper.so"), helper],
                       check=True)
        evaluator = self.plugin("isolate = false; ranks = 2;", LINKED, "-L" + self.path("lib"),
                                "-lhelper")
        self.configure(evaluator)
        real = harness.DH_MPI
        self.addCleanup(setattr, harness, "DH_MPI", real)
        for rank, leaders in (3, {1}), (4, {1}), (5, {1, 3}):
            with self.subTest(rank=rank):
                harness.DH_MPI = self.write("lacking.sh", f'''#!/bin/sh
                    [ "${{OMPI_COMM_WORLD_RANK:-$PMI_RANK}}" = {rank} ] ||
                        export LD_LIBRARY_PATH="{self.path("lib")}:$LD_LIBRARY_PATH"
                    exec {real} "$@"
                    ''')
                os.chmod(harness.DH_MPI, 0o755)
                _, err = self.run_search(6, "--fresh", "--set", "scheduler.lost_retries=0",
                                         "groups.cfg")
                self.assert_nothing_left()
                trials = self.assert_complete("groups.h5", 20)
                self.assertEqual({t["status"] for t in trials}, {"ok"})
                self.assertLessEqual({t["worker"] for t in trials}, leaders)
                said = rf"error: rank {rank} \(\S+, process \d+\) cannot evaluate and is put aside: " \
                    r".*libhelper.so: cannot open"
                (self.assertRegex if rank < 5 else self.assertNotRegex)(err, said)

    def test_a_search_that_has_to_stop_does_not_wait_for_a_plugin(self):
        self.write("plugin.c", LONG)
        subprocess.run([harness.MPICC, "-shared", "-fPIC", "-I", harness.SOURCE + "/include", "-o",
                        self.path("plugin.so"), self.path("plugin.c")], check=True)
        self.configure(f'type = "plugin"; library = "{self.path("plugin.so")}"; isolate = false;')
        begun = time.monotonic()
        self.run_search(3, "--set", "search.max_time=3", "--set", "search.grace=1", "--set",
                        "scheduler.lost_after=500", "groups.cfg", expect=75, timeout=500)
        self.assertLess(time.monotonic() - begun, 300)
        self.assert_nothing_left()
        ended = [t for t in self.trials("groups.h5") if t["status"] != "pending"]
        self.assertEqual({t["status"] for t in ended}, {"ok"})
        self.assertEqual(len(ended), 19)
        self.assertIn("lost on the way: 1 of 2", self.read(self.stderr))

    def reach(self, seconds, grace):
        """A search that has reached its target, while a plugin goes on in a rank."""
        for name in os.listdir(self.folder):
            os.unlink(self.path(name))
        self.configure(self.plugin("isolate = false;", REACHED.replace("SECONDS", str(seconds))))
        process = self.start(3, "--set", "search.target=0", "--set", f"search.grace={grace}", "--set",
                             "scheduler={ lost_after = 500; }", "groups.cfg")
        self.wait_for(lambda: "stopping: target reached" in self.read(self.stderr), 60, "the target")
        return process, time.monotonic()

    def assert_reached(self, process, last):
        """Finished, and trial 1 has ended like that."""
        self.assertEqual(process.wait(400), 0, self.output())
        self.assert_nothing_left()
        self.assertIn("finished (target reached)", self.read(self.stdout))
        statuses = {t["id"]: t["status"] for t in self.trials("groups.h5")}
        self.assertEqual([statuses[i] for i in range(4)], ["ok", last, "ok", "ok"])
        self.assertFalse([s for s in statuses.values() if s not in ("ok", "cancelled")])

    def test_a_finished_search_does_not_wait_for_a_plugin(self):
        process, begun = self.reach(seconds=600, grace=1)
        self.assert_reached(process, "cancelled")
        self.assertLess(time.monotonic() - begun, 120)
        self.assertIn("lost on the way: 1 of 2", self.read(self.stderr))

    def test_a_finished_search_takes_what_still_comes(self):
        process, _ = self.reach(seconds=4, grace=300)
        self.assert_reached(process, "ok")
        self.assertNotIn("lost", self.read(self.stderr))

    def test_a_second_signal_ends_a_finished_search(self):
        process, begun = self.reach(seconds=600, grace=300)
        manager = self.ranks(process)[0]
        os.kill(manager, signal.SIGUSR1)
        self.wait_for(lambda: "a further signal" in self.read(self.stderr), 10, "the first signal")
        time.sleep(1)
        self.assertIsNone(process.poll())
        os.kill(manager, signal.SIGUSR1)
        self.assert_reached(process, "cancelled")
        self.assertLess(time.monotonic() - begun, 120)

    def test_what_cannot_be(self):
        cases = (("isolate = false; ranks = 3;", 3, r"groups.cfg:6: evaluator: ranks = 3, but there "
                  r"are 2 worker ranks; start at least 4 ranks \(mpiexec -n 4\)"),
                 ("isolate = false; ranks = 2;", 0, "groups.cfg:6: evaluator: ranks = 2, but there "
                  "is 1 worker rank"),
                 ("ranks = 2;", 0, "groups.cfg:6: evaluator: ranks = 2 needs isolate = false"))
        for more, ranks, message in cases:
            self.configure(self.plugin(more))
            _, err = self.run_search(ranks, "groups.cfg", expect=78)
            self.assertRegex(err, message)
        self.configure(COMMAND + " ranks = 2;")
        _, err = self.run_search(0, "groups.cfg", expect=78)
        self.assertIn('groups.cfg:6: evaluator: ranks is for type = "plugin"', err)
        self.assertEqual([name for name in os.listdir(self.folder) if ".h5" in name], [])

    def test_check_shows_where_ranks_are(self):
        self.configure(self.plugin("isolate = false; ranks = 2;"))
        out, _ = self.run_search(6, "--check", "groups.cfg")
        self.assertEqual(out.count("objective "), 1, "each rank describes the plan")
        self.assertIn("groups      2 groups of 2 ranks; idle: rank 5", out)
        self.assertRegex(out, r"node +\S+: \d+ cores, (GPUs \S+, )?ranks 0-5, 2 groups")
        self.configure(COMMAND + ' slots = 4096;'
                       ' resources = { CUDA_VISIBLE_DEVICES = [' + ", ".join(['"0"'] * 4096) + ']; };')
        out, _ = self.run_search(3, "--check", "groups.cfg",
                                 env={"CUDA_VISIBLE_DEVICES": "0,1,2"})
        self.assertRegex(out, r"warning .*ranks 1-2 run 8192 evaluations at once on \d+ cores? \(")
        self.assertRegex(out, r"warning .*GPUs 1, 2: no slot has them")
        self.assertIn("GPUs 0,1,2", out)

    def test_slots_beyond_cores(self):
        self.configure(COMMAND + " slots = 100;", evaluations=4)
        _, err = self.run_search(2, "groups.cfg")
        self.assertRegex(err, r"warning: .*rank 1 runs 100 evaluations at once on \d+ core")
        self.configure('type = "builtin"; function = "sphere"; duration = "10ms"; slots = 100;', 4)
        _, err = self.run_search(2, "--fresh", "groups.cfg")
        self.assertNotIn("warning", err, "an imitated evaluation takes no core")


if __name__ == "__main__":
    harness.main()
