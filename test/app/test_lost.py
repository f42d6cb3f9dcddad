"""Ranks and launchers that are killed: their trials go back to the queue, the rest goes on.

With --enable-recovery, Open MPI 4.1's mpiexec returns 0 whatever its ranks returned: what became of
the search is seen in its files. A cut network is in test_network.py; many kills at random moments are in kill_storm.py.
"""

import os
import re
import signal
import subprocess
import time

import harness

CONFIG = """
search = {{ name = "lost"; seed = 7; max_evaluations = {evaluations}; }};
objectives = ( {{ name = "value"; goal = "minimize"; }} );
parameters = ( {{ name = "x"; type = "real"; low = -5.0; high = 5.0; }} );
evaluator = {{ {evaluator} }};
checkpoint = {{ file = "lost.h5"; interval = "1s"; }};
scheduler = {{ lost_after = "{lost_after}"; lost_retries = {lost_retries};
              lost_in_rank = "{lost_in_rank}"; }};
"""

COMMAND = 'type = "command"; command = ("sh", "-c", "sleep 0.2; echo DH-OUTPUT: $1", "sh", "{x}");'

PLUGIN = """
#include <dh_mpi/plugin.h>
#include <time.h>
int dh_evaluate(const dh_job *job, dh_result *result)
{
    struct timespec nap = {.tv_sec = 4}; /* longer than lost_after, and the rank is silent */
    nanosleep(&nap, 0);
    result->objective[0] = dh_job_real(job, "x", 0);
    return 0;
}
"""

# Ends the rank in which it runs, for one trial only.
DEADLY = """
#include <dh_mpi/plugin.h>
#include <signal.h>
int dh_evaluate(const dh_job *job, dh_result *result)
{
    if (job->id == 3)
        raise(SIGKILL);
    result->objective[0] = dh_job_real(job, "x", 0);
    return 0;
}
"""

# Ends in every fifth trial as Fortran's STOP does.
STOPPING = """
#include <dh_mpi/plugin.h>
#include <stdlib.h>
int dh_evaluate(const dh_job *job, dh_result *result)
{
    if (job->id % 5 == REST)
        exit(0);
    result->objective[0] = dh_job_real(job, "x", 0);
    return 0;
}
"""

# Kills the launcher above it (evaluation ← guard ← launcher ← nursery), for one trial only.
ASSASSIN = """
import os, signal, sys, time
trial, x = sys.argv[1:]
if trial == "3":
    pid = os.getpid()
    while open(f"/proc/{pid}/comm").read().strip() != "dh_nursery":
        launcher = pid
        pid = int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1])
    os.kill(launcher, signal.SIGKILL)
    time.sleep(60)
print("DH-OUTPUT:", x)
"""


# Only worker 3's machine lacks a library, which is noticed late.
LIBRARY = """
import os, time
if os.environ["DH_WORKER"] == "3":
    time.sleep(2)
    raise ImportError("libcuda.so.1: cannot open shared object file")
def run(job):
    time.sleep(0.2)
    return job["x"]
"""

# Only the machines of workers WORKERS lack a module, and REASON says so.
MODULE = """
import os, time
if os.environ["DH_WORKER"] in "WORKERS":
    raise ImportError("no jaxlib" REASON)
def run(job):
    time.sleep(0.2)
    return job["x"]
"""

# Needs a library of its own.
LINKED = """
#include <dh_mpi/plugin.h>
double from_helper(double x);
int dh_evaluate(const dh_job *job, dh_result *result)
{
    result->objective[0] = from_helper(dh_job_real(job, "x", 0));
    return 0;
}
"""

# Only worker 3's machine has a Python that cannot start, which is noticed late.
INTERPRETER = f"""#!/bin/sh
if [ "$DH_WORKER" = 3 ]; then
    sleep 2
    echo "libpython3.so: cannot open shared object file" >&2
    exit 127
fi
exec {harness.PYTHON} "$@"
"""

QUICK = """
import time
def run(job):
    time.sleep(0.2)
    return job["x"]
"""


class Lost(harness.Case):
    recovery = True

    def configure(self, evaluator=COMMAND, evaluations=40, lost_after="2s",
                  lost_retries=3, lost_in_rank="0s"):
        self.write("lost.cfg", CONFIG.format(evaluator=evaluator, evaluations=evaluations,
                                             lost_after=lost_after, lost_retries=lost_retries,
                                             lost_in_rank=lost_in_rank))

    def begin(self, ranks, ended=3):
        """A search that has begun to evaluate: the process and its ranks."""
        process = self.start(ranks, "lost.cfg")
        self.wait_for(lambda: self.ended() >= ended, 60, "evaluations")
        return process, self.ranks(process)

    def ended(self):
        return len([t for t in self.trials("lost.h5") if t["status"] != "pending"]) \
            if any(name.startswith("lost.h5") for name in os.listdir(self.folder)) else 0

    def finish(self, process, expect=0, timeout=240):
        self.assertEqual(process.wait(timeout), expect, self.output())
        self.assert_nothing_left()

    def child(self, parent, name):
        """The child of `parent` that is called so, or None."""
        for pid in harness.processes(self.marker):
            try:
                if harness.parent(pid) == parent and harness.name_of(pid) == name:
                    return pid
            except OSError:
                continue
        return None

    def launcher(self, rank):
        nursery = self.child(rank, "dh_nursery")
        return nursery and self.child(nursery, "dh_launcher")

    @harness.outlived
    def test_a_worker(self):
        self.configure()
        process, ranks = self.begin(4)
        os.kill(ranks[2], signal.SIGKILL)
        self.finish(process)
        self.assert_complete("lost.h5", 40)
        log = self.read(self.stderr)
        self.assertRegex(log, r"lost \(.*\): rank 2 \(.*, process \d+\); it ran trial \d+")
        self.assertIn("lost on the way: 1 of 3: rank 2", log)
        self.assertRegex(log, r"search is over \(exit code 0\); should mpiexec not end by itself")

    @harness.outlived
    def test_two_at_once(self):
        self.configure()
        process, ranks = self.begin(5)
        for rank in (1, 3):
            os.kill(ranks[rank], signal.SIGKILL)
        self.finish(process)
        self.assert_complete("lost.h5", 40)
        self.assertIn("lost on the way: 2 of 4: rank 1", self.read(self.stderr))

    @harness.outlived
    def test_all_workers(self):
        self.configure()
        process, ranks = self.begin(3)
        for rank in (1, 2):
            os.kill(ranks[rank], signal.SIGKILL)
        # Open MPI 4.1 sometimes fails to hear of the last code ("PMIX ERROR: BAD-PARAM") and gives 0
        self.assertIn(process.wait(240), (75, 0), self.output())
        self.assert_nothing_left()
        self.assertIn("stopped early (no worker left)", self.read(self.stdout))
        self.recovery = False
        self.run_search(3, "lost.cfg")
        self.assert_complete("lost.h5", 40)

    def test_a_launcher(self):
        self.configure()
        process, ranks = self.begin(3)
        for kills in range(1, 4):
            launcher = self.wait_for(lambda: self.launcher(ranks[1]), 10, "a launcher")
            os.kill(launcher, signal.SIGKILL)
            self.wait_for(lambda: self.read(self.stderr).count("there is a new one") == kills, 30,
                          "a new launcher")
        self.finish(process)
        self.assert_complete("lost.h5", 40)
        log = self.read(self.stderr)
        self.assertEqual(log.count("the launcher was killed; there is a new one"), 3, log)
        self.assertNotIn("lost on the way", log)
        workers = {t["worker"] for t in self.trials("lost.h5")[-10:]}
        self.assertEqual(workers, {1, 2}, "both ranks evaluate to the end")

    def test_a_launcher_and_what_could_replace_it(self):
        self.configure()
        process, ranks = self.begin(3)
        os.kill(self.child(ranks[1], "dh_nursery"), signal.SIGKILL)
        self.finish(process)
        self.assert_complete("lost.h5", 40)
        self.assertIn("rank 1 cannot evaluate any more", self.read(self.stderr))

    def test_a_rank_that_comes_back(self):
        self.configure(evaluations=160)
        process, ranks = self.begin(4)
        os.kill(ranks[3], signal.SIGSTOP)
        self.wait_for(lambda: "lost (" in self.read(self.stderr), 20, "loss of rank 3")
        os.kill(ranks[3], signal.SIGCONT)
        self.finish(process)
        self.assert_complete("lost.h5", 160)
        self.assertEqual(self.read(self.stderr).count("rank 3 is back"), 1, self.output())

    def test_the_manager(self):
        self.configure(lost_after="0.5s", evaluations=60)
        process, ranks = self.begin(3)
        os.kill(ranks[0], signal.SIGKILL)
        process.wait(240)  # its code is Open MPI's affair: see test_all_workers
        self.assert_nothing_left()
        before = {t["id"]: t for t in self.trials("lost.h5") if t["status"] != "pending"}
        self.recovery = False
        self.run_search(3, "lost.cfg")
        after = {t["id"]: t for t in self.assert_complete("lost.h5", 60)}
        self.assertEqual({n: after[n] for n in before}, before)

    @harness.outlived
    def test_a_rank_that_never_starts(self):
        """The others wait for it in MPI_Init, and mpiexec returns 0 when they have given up."""
        program = self.write("absent.sh", f'#!/bin/sh\n[ "$OMPI_COMM_WORLD_RANK" = 2 ] && exit 3\n'
                                          f'exec {harness.DH_MPI} "$@"\n')
        os.chmod(program, 0o755)
        real, harness.DH_MPI = harness.DH_MPI, program
        self.addCleanup(setattr, harness, "DH_MPI", real)
        self.configure()
        process = self.start(3, "lost.cfg", env={"DH_EXIT_FILE": self.path("code")})
        self.wait_for(lambda: os.path.exists(self.path("code")), 20, "rank 0")
        time.sleep(2)
        for pid in self.ranks(process).values():
            os.kill(pid, signal.SIGALRM)  # as after 15 minutes
        process.wait(60)
        self.assert_nothing_left()
        self.assertIn("MPI_Init has not come back", self.read(self.stderr))
        self.assertEqual(self.read(self.path("code")), "running\n")

    def test_without_recovery_the_job_dies_resumably(self):
        self.configure()
        self.recovery = False
        process, ranks = self.begin(3)
        os.kill(ranks[1], signal.SIGKILL)
        self.assertNotEqual(process.wait(240), 0)
        self.assert_nothing_left()
        self.run_search(3, "lost.cfg")
        self.assert_complete("lost.h5", 40)

    def test_a_trial_that_kills_its_launcher_is_put_aside(self):
        self.write("assassin.py", ASSASSIN)
        self.configure('type = "command"; command = ("/usr/bin/python3", '
                       f'"{self.path("assassin.py")}", "{{id}}", "{{x}}");', 20, lost_retries=2)
        self.recovery = False  # all ranks live
        self.run_search(3, "lost.cfg")
        trials = self.assert_complete("lost.h5", 20)
        self.assertEqual([t["id"] for t in trials if t["status"] != "ok"], [3])
        self.assertEqual(trials[3]["status"], "failed")
        self.assertEqual(trials[3]["reason"], "given up by its worker 3 times")

    def sicken(self, ranks, how="export TMPDIR=/nonexist"):
        """These ranks can make no temporary file, or whatever `how` says."""
        program = self.write("sick.sh", f"""#!/bin/sh
            case ${{OMPI_COMM_WORLD_RANK:-$PMI_RANK}} in
            {"|".join(map(str, ranks))}) {how} ;;
            esac
            exec {harness.DH_MPI} "$@"
            """)
        os.chmod(program, 0o755)
        real, harness.DH_MPI = harness.DH_MPI, program
        self.addCleanup(setattr, harness, "DH_MPI", real)
        self.recovery = False  # all ranks live

    def test_sick_nodes_are_put_aside(self):
        self.sicken([3, 4])
        self.configure()
        _, log = self.run_search(5, "lost.cfg")
        trials = self.assert_complete("lost.h5", 40)
        self.assertEqual({t["status"] for t in trials}, {"ok"})
        self.assertEqual({t["worker"] for t in trials}, {1, 2})
        for rank in (3, 4):
            self.assertRegex(log, rf"error: rank {rank} cannot evaluate any more, on \S+: 3 "
                                  "evaluations in a row could not begin: cannot make a file in "
                                  r"/nonexist \(TMPDIR\): No such file")
        self.assertEqual(log.count("/nonexist"), 2, log)

    def test_only_sick_nodes(self):
        self.sicken([1, 2])
        self.configure()
        _, log = self.run_search(3, "lost.cfg", expect=74)
        self.assertRegex(log, r"error: no worker can evaluate; the last was rank [12] on \S+: 3 "
                              "evaluations in a row could not begin: cannot make a file in /nonexist "
                              r"\(TMPDIR\)")
        self.assertEqual({t["status"] for t in self.trials("lost.h5")}, {"pending"})

    def test_a_node_on_which_everything_fails_is_told_of(self):
        self.configure('type = "command"; command = ("sh", "-c", "test $DH_WORKER = $1 && exit 3; '
                       'sleep 0.1; echo DH-OUTPUT: $2", "sh", "3", "{x}"); retries = 1;',
                       evaluations=120)
        self.recovery = False  # all ranks live
        for window in ("auto", "off"):
            _, log = self.run_search(4, "--fresh", "--set", f"comm.window={window}", "lost.cfg")
            told = re.findall(r"warning: the last \d+ evaluations of rank (\d) \(.*, process \d+\) "
                              r"failed, and others' succeed meanwhile: .* \(the last: exit code 3\)", log)
            self.assertEqual(told, ["3"], log)
        _, log = self.run_search(4, "--fresh", "--set", 'evaluator.command=("sh", "-c", "exit 3")',
                                 "lost.cfg")
        self.assertNotIn("others' succeed", log)

    def test_a_node_without_a_library_is_put_aside(self):
        self.write("library.py", LIBRARY)
        self.configure(f'type = "python"; function = "library.run"; python = "{harness.PYTHON}";')
        self.recovery = False  # all ranks live
        _, log = self.run_search(4, "lost.cfg")
        trials = self.assert_complete("lost.h5", 40)
        self.assertEqual({t["status"] for t in trials}, {"ok"})
        self.assertEqual({t["worker"] for t in trials}, {1, 2})
        self.assertRegex(log, r"error: rank 3 \(\S+, process \d+\) cannot evaluate and is put aside: "
                              ".*libcuda.so.1")

    def test_a_node_whose_python_cannot_start_is_put_aside(self):
        self.write("quick.py", QUICK)
        os.chmod(self.write("interpreter", INTERPRETER), 0o755)
        self.configure('type = "python"; function = "quick.run"; python = "./interpreter";')
        self.recovery = False  # all ranks live
        _, log = self.run_search(4, "lost.cfg")
        trials = self.assert_complete("lost.h5", 40)
        self.assertEqual({t["status"] for t in trials}, {"ok"})
        self.assertEqual({t["worker"] for t in trials}, {1, 2})
        self.assertRegex(log, r"error: rank 3 \(\S+, process \d+\) cannot evaluate and is put aside: "
                              r".*/interpreter ended before it could evaluate \(exit code 127\)")
        self.assertIn("libpython3.so: cannot open", log)

    def lack(self, workers, reason=""):
        self.write("module.py", MODULE.replace("WORKERS", workers).replace("REASON", reason))
        self.configure(f'type = "python"; function = "module.run"; python = "{harness.PYTHON}";',
                       lost_retries=0)
        self.recovery = False  # all ranks live

    def assert_aside(self, log, ranks, workers, reason):
        """These and no others evaluated nothing, which is said once, and again at the end."""
        trials = self.assert_complete("lost.h5", 40)
        self.assertEqual({t["status"] for t in trials}, {"ok"})
        self.assertEqual({t["worker"] for t in trials}, set(range(1, workers + 1)) - set(ranks))
        name = r"rank \d \(\S+, process \d+\)"
        names = ", ".join(len(ranks) * [name])
        are = "is" if len(ranks) == 1 else "are"
        told = re.findall(f"error: ({names}) cannot evaluate and {are} put aside: .*{reason}", log)
        again = re.findall(f"warning: put aside, since they could not evaluate: {len(ranks)} of "
                           f"{workers}: ({names})\n", log)
        for found in told, again:
            self.assertEqual(len(found), 1, log)
            self.assertEqual(sorted(re.findall(r"rank (\d)", found[0])), list(map(str, ranks)))
        self.assertEqual(log.count("put aside"), 2, log)

    def test_a_node_that_lacks_a_module_from_the_start_is_put_aside(self):
        for window in "auto", "off":
            for workers in [3], [1, 2]:
                with self.subTest(window=window, workers=workers):
                    self.lack("".join(map(str, workers)))
                    _, log = self.run_search(5, "--fresh", "--set", f"comm.window={window}",
                                             "lost.cfg")
                    self.assert_aside(log, workers, 4, "no jaxlib")
                    self.assert_nothing_left()

    def test_all_nodes_lack_a_module(self):
        """No trial is to blame, and the next run goes on."""
        self.lack("1234", "+ ' here' * (os.environ['DH_WORKER'] == '2')")
        _, log = self.run_search(5, "lost.cfg", expect=78)
        self.assertRegex(log, r"error: no worker can evaluate; the last was rank \d on \S+: .*"
                              "ImportError: no jaxlib")
        self.assertRegex(log, "error: rank .* put aside: .*ImportError: no jaxlib")
        self.assertEqual(log.count("cannot import"), 2, log)  # one of either reason
        self.assertEqual(log.count("put aside"), 1, log)
        self.assertEqual({t["status"] for t in self.trials("lost.h5")}, {"pending"})
        self.assert_nothing_left()
        self.lack("4")
        _, log = self.run_search(5, "lost.cfg")
        self.assert_aside(log, [4], 4, "no jaxlib")

    def test_a_node_that_lacks_the_program_is_put_aside(self):
        os.chmod(self.write("simulate", "#!/bin/sh\nsleep 0.2\necho DH-OUTPUT: $1\n"), 0o755)
        os.mkdir(self.path("bin"))
        os.rename(self.path("simulate"), self.path("bin/simulate"))
        self.sicken([0, 1, 3], f'export PATH="{self.path("bin")}:$PATH"')
        self.configure('type = "command"; command = ("simulate", "{x}");', lost_retries=0)
        _, log = self.run_search(4, "lost.cfg")
        self.assert_aside(log, [2], 3, 'no executable "simulate"')

    def test_a_node_without_a_program_of_one_place_is_put_aside(self):
        os.mkdir(self.path("tools"))
        os.chmod(self.write("tools/simulate", "#!/bin/sh\nsleep 0.2\necho DH-OUTPUT: $1\n"), 0o755)
        self.write("hide", "mount -t tmpfs tmpfs \"$1\" && shift && exec \"$@\"\n")
        hide = ["unshare", "-m", "sh", self.path("hide"), self.path("tools")]
        if subprocess.run(hide + ["true"], capture_output=True).returncode:
            self.skipTest("nothing can be mounted here")
        self.sicken([2], "exec " + " ".join(hide) + f' {harness.DH_MPI} "$@"')
        self.configure('type = "command"; command = ("{folder}/tools/simulate", "{x}");',
                       lost_retries=0)
        _, log = self.run_search(4, "lost.cfg")
        self.assert_aside(log, [2], 3, 'no executable .*/tools/simulate')

    def test_a_node_on_which_the_plugin_cannot_be_loaded_is_put_aside(self):
        """In a process of its own, and in the rank, which then has no pool to join with."""
        helper = self.write("helper.c", "double from_helper(double x) { return x; }\n")
        os.mkdir(self.path("lib"))
        subprocess.run(["cc", "-shared", "-fPIC", "-o", self.path("lib/libhelper.so"), helper],
                       check=True)
        source, library = self.write("plugin.c", LINKED), self.path("plugin.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-I", harness.SOURCE + "/include", "-o", library,
                        source, "-L" + self.path("lib"), "-lhelper"], check=True)
        self.sicken([0, 1, 3], f'export LD_LIBRARY_PATH="{self.path("lib")}:$LD_LIBRARY_PATH"')
        for isolate in "true", "false":
            with self.subTest(isolate=isolate):
                self.configure(f'type = "plugin"; library = "{library}"; isolate = {isolate};',
                               lost_retries=0)
                _, log = self.run_search(4, "--fresh", "lost.cfg")
                self.assert_aside(log, [2], 3, "libhelper.so: cannot open")

    def plugin(self, text):
        """The evaluator that runs this source in its rank."""
        source, library = self.write("plugin.c", text), self.path("plugin.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-I", harness.SOURCE + "/include", "-o", library,
                        source], check=True)
        return f'type = "plugin"; library = "{library}"; isolate = false;'

    @harness.outlived
    def test_a_trial_that_kills_its_rank_is_put_aside(self):
        self.configure(self.plugin(DEADLY), 20, "1s", lost_retries=1, lost_in_rank="1s")
        self.run_search(5, "lost.cfg")
        trials = self.assert_complete("lost.h5", 20)
        self.assertEqual([t["id"] for t in trials if t["status"] != "ok"], [3])
        self.assertEqual(trials[3]["reason"], "lost with its worker 2 times")
        self.assertIn("lost on the way: 2 of 4", self.read(self.stderr))

    def test_a_plugin_that_calls_exit_ends_no_search_in_silence(self):
        """Its trial has failed for good, and the rank is put aside: no run is caught in it."""
        self.configure(self.plugin(STOPPING.replace("REST", "3")), 10, lost_retries=0)
        _, log = self.run_search(0, "lost.cfg", expect=75)
        self.assertRegex(log, r"rank 1 cannot evaluate any more.*the plugin called exit\(0\) in trial 3")
        self.run_search(0, "lost.cfg", expect=75)
        self.run_search(0, "lost.cfg")
        trials = self.assert_complete("lost.h5", 10)
        self.assertEqual([t["id"] for t in trials if t["status"] != "ok"], [3, 8])
        self.assertEqual({t["status"] for t in trials}, {"ok", "failed"})
        self.assertEqual(trials[3]["reason"], "the plugin called exit(0) instead of returning")
        self.configure(self.plugin(STOPPING.replace("REST", "0")), 1000, lost_retries=0)
        _, log = self.run_search(0, "--fresh", "lost.cfg", expect=78)  # the first call
        self.assertRegex(log, r"the plugin called exit\(0\) in trial 0")

    def test_ranks_go_on_without_one_whose_plugin_calls_exit(self):
        self.configure(self.plugin(STOPPING.replace("% 5 == REST", "== 13")), 60)
        self.recovery = False
        self.run_search(3, "lost.cfg")
        trials = self.assert_complete("lost.h5", 60)
        self.assertEqual([t["id"] for t in trials if t["status"] != "ok"], [13])
        self.assertIn("put aside, since they could not evaluate: 1 of 2", self.read(self.stderr))

    def test_a_plugin_in_the_rank_may_be_silent(self):
        self.configure(self.plugin(PLUGIN), 4, "1s")
        self.run_search(3, "lost.cfg")
        self.assert_complete("lost.h5", 4)
        self.assertNotIn("lost", re.sub(r"lost\.(h5|cfg)|search lost|lost: ", "",
                                        self.read(self.stderr)))


if __name__ == "__main__":
    harness.main()
