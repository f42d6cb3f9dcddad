"""The program as its users meet it: arguments, messages, exit codes, one process or several."""

import json
import os
import pty
import subprocess

import harness

CONFIG = """
search = { name = "ui"; max_evaluations = 30; };
objectives = ( { name = "score"; goal = "maximize"; } );
parameters = (
  { name = "a"; type = "real"; low = 0.0; high = 1.0; },
  { name = "b"; type = "ordinal"; values = (1, 2, 4); },
  { name = "c"; type = "bool"; }
);
initial = ( { a = 0.5; b = 2; c = true; } );
evaluator = { type = "builtin"; function = "sphere"; };
"""


# Preloaded: tells of what a process begins after MPI_Init.
WATCH = '''
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <spawn.h>
#include <unistd.h>
static pid_t rank;
static void tell(const char *what)
{
    FILE *file = getpid() == rank ? fopen(getenv("DH_TEST_WATCH"), "a") : 0;
    if (file)
        fprintf(file, "%s\\n", what), fclose(file);
}
#define WATCHED(type, name, parameters, arguments, before, after) \\
    type name parameters \\
    { \\
        type (*real) parameters = (type (*) parameters)dlsym(RTLD_NEXT, #name); \\
        before; \\
        type result = real arguments; \\
        after; \\
        return result; \\
    }
WATCHED(int, MPI_Init_thread, (int *argc, char ***argv, int wanted, int *given),
        (argc, argv, wanted, given), , (rank = getpid(), tell("init")))
WATCHED(pid_t, fork, (void), (), tell("fork"), )
WATCHED(int, system, (const char *command), (command), tell("system"), )
WATCHED(FILE *, popen, (const char *command, const char *mode), (command, mode), tell("popen"), )
#define SPAWN(name) \\
    WATCHED(int, name, (pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, \\
                        const posix_spawnattr_t *attributes, char *const *argv, char *const *envp), \\
            (pid, path, actions, attributes, argv, envp), tell(#name), )
SPAWN(posix_spawn)
SPAWN(posix_spawnp)
'''


class Program(harness.Case):
    def setUp(self):
        super().setUp()
        self.write("ui.cfg", CONFIG)

    def test_one_process_without_mpiexec(self):
        out, log = self.run_search(0, "ui.cfg")
        self.assertIn("new search ui", log)
        self.assertIn("best", out)
        trials = self.assert_complete("ui.h5", 30)
        self.assertEqual(trials[0]["parameters"], {"a": 0.5, "b": 2, "c": True})

    def test_budget_is_exact_under_many_workers(self):
        self.run_search(12, "ui.cfg")
        self.assert_complete("ui.h5", 30)

    def test_slots(self):
        self.run_search(3, "--set", "evaluator.slots=8", "--set", "evaluator.duration=0.02",
                        "ui.cfg")
        trials = self.assert_complete("ui.h5", 30)
        self.assertGreater(len({(t["worker"], t["slot"]) for t in trials}), 4)

    def test_claims_through_the_window_and_by_message(self):
        for use in ("on", "off", "auto"):
            _, log = self.run_search(4, "-v", "--fresh", "--set", f'comm.window="{use}"', "--set",
                                     "evaluator.slots=3", "--set", "evaluator.duration=0.01",
                                     "ui.cfg")
            self.assert_complete("ui.h5", 30)
            self.assertEqual("through rank 0's memory: room" in log, use == "on" or
                             (use == "auto" and "by message" not in log), log)
        _, log = self.run_search(0, "--check", "--set", 'comm.window="yes"', "ui.cfg", expect=78)
        self.assertIn("auto", log)
        out, _ = self.run_search(0, "--check", "--set", 'comm.window="off"', "ui.cfg")
        self.assertIn("claims      by message", out)

    def test_a_rank_never_forks_once_mpi_is_there(self):
        """Its fabric's memory may not survive that: a launcher, forked before, starts everything."""
        source, library = self.write("watch.c", WATCH), self.path("watch.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        program = self.write("watched.sh", f'#!/bin/sh\nexport LD_PRELOAD="{library}"\n'
                                           f'exec {harness.DH_MPI} "$@"\n')
        os.chmod(program, 0o755)
        real, harness.DH_MPI = harness.DH_MPI, program
        self.addCleanup(setattr, harness, "DH_MPI", real)
        in_rank = self.nap("plugin", 0.01) + " isolate = false;"
        for evaluator in *(self.nap(kind, 0.01) for kind in harness.NAPS), in_rank:
            for arguments in ["--check"], ["--fresh"]:
                with self.subTest(evaluator=evaluator, arguments=arguments):
                    self.write("told", "")
                    self.write("watched.cfg", f'''search = {{ max_evaluations = 6; }};
                        {harness.PARAMETERS} evaluator = {{ {evaluator} }};''')
                    self.run_search(3, *arguments, "watched.cfg",
                                    env={"DH_TEST_WATCH": self.path("told")})
                    self.assertEqual(self.read(self.path("told")).split(), 3 * ["init"])

    def test_tasks_of_srun_that_mpi_does_not_connect(self):
        for ranks, tasks, said in (0, 3, True), (0, 1, False), (3, 3, False):
            with self.subTest(ranks=ranks, tasks=tasks):
                _, log = self.run_search(ranks, "--fresh", "ui.cfg",
                                         env={"SLURM_STEP_NUM_TASKS": str(tasks)})
                self.assertEqual("srun started 3 tasks, but MPI does not connect" in log, said, log)

    def test_finite_space_ends_when_exhausted(self):
        self.run_search(4, "--set", "parameters.a.step=0.5", "--set", "search.max_evaluations=0",
                        "ui.cfg")
        self.assert_complete("ui.h5", 3 * 3 * 2)

    def test_target(self):
        _, log = self.run_search(3, "--set", "search.target=-1000.0", "ui.cfg")
        self.assertIn("target", log)

    def test_check(self):
        out, _ = self.run_search(0, "--check", "ui.cfg")
        for word in ("ui", "maximize score", "a", "ambs", "builtin", "30 evaluations", "(new)"):
            self.assertIn(word, out)
        self.assertFalse(os.path.exists(self.path("ui.h5")))
        # dhctl may run on a login node: it says nothing of this machine
        lines = [line for line in out.splitlines() if not line.startswith("node  ")]
        self.assertEqual(len(lines), len(out.splitlines()) - 1, out)
        self.assertEqual(lines, self.dhctl("check", "ui.cfg").splitlines())

    def test_bad_configurations_name_file_and_line(self):
        cases = {
            "a = 1;": ["ui.cfg:11", "a"],
            "serach = { };": ["ui.cfg:11", "serach", "search"],
        }
        for line, words in cases.items():
            self.write("ui.cfg", CONFIG + line + "\n")
            for ranks in (0, 3):
                _, log = self.run_search(ranks, "ui.cfg", expect=78)
                for word in words:
                    self.assertIn(word, log)

    def test_bad_override(self):
        _, log = self.run_search(0, "--set", "search.max_evaluations=many", "ui.cfg", expect=78)
        self.assertIn("--set search.max_evaluations=many", log)

    def test_usage(self):
        self.run_search(0, expect=64)
        self.run_search(0, "--nonsense", "ui.cfg", expect=64)
        self.run_search(0, "missing.cfg", expect=74)
        out, _ = self.run_search(0, "--help")
        self.assertIn("Example", out)

    def test_unwritable_folder(self):
        _, log = self.run_search(2, "--set", "checkpoint.file=/nowhere/x.h5", "ui.cfg", expect=74)
        self.assertIn("/nowhere/x.h5", log)

    def test_second_search_on_one_checkpoint_is_refused(self):
        slow = ["--set", "evaluator.duration=0.1", "ui.cfg"]
        process = self.start(2, *slow)
        self.wait_for(lambda: os.path.exists(self.path("ui.h5-journal")), 30, "a journal")
        first = self.stdout, self.stderr
        second = subprocess.run(self.command(0, slow), cwd=self.folder, env=self.environment(),
                                capture_output=True, text=True, timeout=60)
        self.stdout, self.stderr = first
        self.assertNotEqual(second.returncode, 0)
        self.assertIn("ui.h5", second.stderr)
        self.assertEqual(process.wait(60), 0, self.output())
        self.assert_complete("ui.h5", 30)

    def test_log_lines_replace_the_progress_line_of_a_terminal(self):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [harness.DH_MPI, "--set", "evaluator.duration=0.1", "ui.cfg"], cwd=self.folder,
            env=self.environment(), stdout=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux: nobody holds the other end any more
                break
            if not part:
                break
            shown += part
        os.close(ours)
        self.assertEqual(process.wait(), 0, shown)
        pieces = shown.decode().split("\r\033[K")
        self.assertTrue([piece for piece in pieces if "/30 done" in piece])
        for piece in pieces:
            if "stopping" in piece:
                self.assertRegex(piece, "^" + harness.STAMP + "stopping")

    def test_status_file(self):
        self.run_search(3, "ui.cfg")
        with open(self.path("status.json")) as text:
            status = json.load(text)
        self.assertTrue(status["finished"])
        self.assertIn("30", self.dhctl("status", "ui.h5"))
        self.assertEqual(json.loads(self.dhctl("status", "--json", "ui.h5")), status)
        os.unlink(self.path("status.json"))
        self.assertIn("30", self.dhctl("status", "ui.h5"))
        bare = json.loads(self.dhctl("status", "--json", "ui.h5"))
        self.assertEqual((bare["stop"], bare["done"]), ("not running", 30))

    def test_dhctl_verbs(self):
        self.run_search(2, "ui.cfg")
        best = json.loads(self.dhctl("best", "-n", "5", "--json", "ui.h5"))
        scores = [t["objectives"]["score"] for t in best]
        self.assertEqual(scores, sorted(scores, reverse=True))
        self.assertEqual(scores[0], max(t["objectives"]["score"] for t in self.trials("ui.h5")))
        self.assertIn("ready to paste", self.dhctl("best", "ui.cfg"))
        self.assertIn("a = 0.5;", self.dhctl("show", "ui.h5", "0"))
        self.assertEqual(json.loads(self.dhctl("show", "--json", "ui.h5", "0")),
                         self.trials("ui.h5")[0])
        self.assertIn("no trial 99", self.dhctl("show", "ui.h5", "99", expect=64))
        self.assertIn("'best'", self.dhctl("bets", "ui.h5", expect=64))
        self.assertIn("nothing.h5", self.dhctl("list", "nothing.h5", expect=74))
        self.assertEqual(json.loads(self.dhctl("list", "--status", "failed", "--json", "ui.h5")), [])
        points = self.dhctl("sample", "-n", "4", "--json", "ui.cfg").splitlines()
        self.assertEqual([sorted(json.loads(p)) for p in points], [["a", "b", "c"]] * 4)
        whole = json.loads(self.dhctl("export", "--format", "json", "ui.h5"))
        self.assertEqual(len(whole["trials"]), 30)

    def test_every_verb_has_help_with_an_example(self):
        verbs = [line.split()[0] for line in self.dhctl("--help").splitlines()
                 if line.startswith("  ")]
        self.assertGreaterEqual(len(verbs), 7)
        for verb in verbs:
            self.assertIn(f"Example: dhctl {verb}", self.dhctl(verb, "--help"))

    def test_doctor(self):
        os.mkdir(self.path("bin"))  # the mpiexec that it finds is the one of its MPI
        program = self.write("bin/mpiexec", f'#!/bin/sh\nexec {harness.MPIEXEC} "$@"\n')
        os.chmod(program, 0o755)
        findings = json.loads(self.dhctl("doctor", "--mpi", "--json", "ui.cfg", env={
            "PATH": self.path("bin") + os.pathsep + os.environ["PATH"]}))
        subjects = {finding["subject"] for finding in findings}
        self.assertEqual(subjects, {"evaluator", "file system", "cores", "gpus", "walltime", "mpi"})
        self.assertFalse([f for f in findings if f["verdict"] == "BAD"])
        mpi = [f["text"] for f in findings if f["subject"] == "mpi"]
        self.assertTrue(any("gave 2 ranks" in text for text in mpi), mpi)
        self.assertEqual([name for name in os.listdir(self.folder) if "doctor" in name], [])

    def test_doctor_names_what_is_bad_and_the_fix(self):
        self.write("mod.py", "import no_such_module_anywhere\n")
        bad = {"checkpoint.file=/nowhere/x.h5": "cannot be created",
               'evaluator={ type = "python"; function = "mod.run"; python = "/usr/bin/python3"; }':
               "no_such_module_anywhere",
               'evaluator={ type = "command"; command = ("no-such-program-anywhere"); }':
               "no-such-program-anywhere"}
        for override, word in bad.items():
            done = subprocess.run([harness.DHCTL, "doctor", "--json", "--set", override, "ui.cfg"],
                                  cwd=self.folder, capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 78, done.stdout + done.stderr)
            found = [f for f in json.loads(done.stdout) if f["verdict"] == "BAD"]
            self.assertEqual(len(found), 1, found)
            self.assertIn(word, found[0]["text"])
            self.assertTrue(found[0]["fix"])

    def test_doctor_starts_python_as_a_search_does(self):
        """Where the search would end with 78, so does it, with the reason."""
        os.mkdir(self.path("cfgs"))
        for name, text in (
                ("good", "def run(job): return 1"), ("job", "def run(): return 1"),
                ("exits", "import sys; sys.exit(0)"), ("gone", "import os; os._exit(0)"),
                ("killed", "import os; os.kill(os.getpid(), 9)"),
                ("slow", "import time; time.sleep(1000)"),
                ("term", "import os; os.kill(os.getpid(), 15)")):
            self.write("cfgs/%s.py" % name, text + "\n")
        self.write("here.py", "def run(job): return 1\n")
        self.write("resource.py", "raise ImportError('the wrong one')\n")
        self.write("cfgs/old", "#!/bin/sh\necho 'cannot import: too old' >&2\nexit 1\n")
        os.chmod(self.path("cfgs/old"), 0o755)
        with open(self.path("ui.cfg")) as file:
            self.write("cfgs/ui.cfg", file.read())
        for function, more, word, imports in (  # is the import what fails?
                ("good.run", "", None, False), ("good.run", 'runs = "runs";', None, False),
                ("here.run", "", "No module named 'here'", True),
                ("job.run", "", "cannot be called with a job", True),
                ("exits.run", "", "SystemExit: 0", True),
                ("gone.run", "", "(exit code 0)", False),
                ("killed.run", "", "(signal 9 (Killed))", False),
                ("term.run", "", "(signal 15 (Terminated))", False),
                ("slow.run", "startup = 0.5; kill_after = 1;", "not ready to evaluate after 0.5 s",
                 False),
                ("good.run", 'python = "./old";', "its stderr ends with: cannot import: too old",
                 False)):
            evaluator = ('evaluator={ type = "python"; function = "%s"; %s %s }' % (
                function, more, "" if "python" in more else 'python = "/usr/bin/python3";'))
            done = subprocess.run([harness.DHCTL, "doctor", "--json", "--set", evaluator,
                                   "cfgs/ui.cfg"], cwd=self.folder, capture_output=True, text=True,
                                  timeout=60)
            found = [f for f in json.loads(done.stdout) if f["verdict"] == "BAD"]
            self.assertEqual((done.returncode, len(found)), (78, 1) if word else (0, 0), found)
            if found:
                self.assertIn(word, found[0]["text"])
                self.assertEqual("evaluator.python" in found[0]["fix"], imports, found)
        self.assertFalse(os.path.exists(self.path("runs")))

    def test_doctor_looks_at_temporary_files(self):
        for evaluator, code in (('{ type = "command"; command = "true"; }', 78),
                                ('{ type = "command"; command = "true"; runs = "r"; }', 0),
                                ('{ type = "builtin"; function = "sphere"; }', 0)):
            done = subprocess.run(
                [harness.DHCTL, "doctor", "--set", "evaluator=" + evaluator, "ui.cfg"],
                cwd=self.folder, capture_output=True, text=True, timeout=60,
                env=dict(os.environ, TMPDIR="/nonexistent"))
            self.assertEqual(done.returncode, code, done.stdout)
            self.assertRegex(done.stdout, ("BAD " if code else "note") + " .*/nonexistent .TMPDIR.")

    def test_without_proc(self):
        """None, or only that of another PID namespace; nothing takes longer for that."""
        hidings = (["unshare", "-m", "sh", "-c", "umount -l /proc && exec \"$@\"", "--"],
                   ["unshare", "--pid", "--fork"])
        command = 'evaluator={ type = "command"; command = ("echo", "DH-OUTPUT: {a}"); }'
        programs = (([harness.DH_MPI, "--fresh", "--set", command], 0),
                    ([harness.DHCTL, "doctor", "--set", command], 78))
        for hide in hidings:
            if subprocess.run([*hide, "true"], capture_output=True).returncode != 0:
                self.skipTest("no right to " + " ".join(hide))
            for arguments, code in programs:
                done = subprocess.run(
                    [*hide, *arguments, "ui.cfg"], cwd=self.folder, text=True, timeout=25,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                self.assertEqual(done.returncode, code, done.stdout)
                self.assertEqual(done.stdout.count("/proc is not there"), 1, done.stdout)

    def test_list_method_replays_a_results_csv(self):
        self.run_search(2, "ui.cfg")
        self.dhctl("export", "-o", "old.csv", "ui.h5")
        self.run_search(3, "--set", "search.name=again", "--set", "optimizer.method=list",
                        "--set", "optimizer.file=old.csv", "--set", "search.max_evaluations=0",
                        "ui.cfg")
        old = [t["parameters"] for t in self.trials("ui.h5")]
        again = [t["parameters"] for t in self.assert_complete("again.h5", 30)]
        key = lambda p: json.dumps(p, sort_keys=True)
        self.assertEqual(sorted(map(key, old)), sorted(map(key, again)))

    def test_values_that_their_range_has_no_digits_for(self):
        """They are evaluated as something else, so that is said, by check and by the search."""
        self.write("digits.cfg", """search = { name = "digits"; max_evaluations = 3; };
parameters = ( { name = "conc"; type = "real"; low = 0.0; high = 1e6; default = 1e-9; },
               { name = "t"; type = "real"; low = 1.0; high = 1e15; default = 1.0; },
               { name = "k"; type = "real"; low = 1e-9; high = 1e6; scale = "log"; } );
initial = ( { conc = 2.5e-7; k = 2.5e-7; },
            { conc = 0.1234567; t = 300.5; },
            { conc = 999999.12345; t = 1e15; } );
optimizer = { method = "random"; };
evaluator = { type = "builtin"; function = "sphere"; };
""")
        said = ['digits.cfg:2: conc = 1e-09 becomes 0: a real has 13 digits of its range; with scale '
                '= "log", and low above 0, it has 13 of its value',
                "digits.cfg:5: conc = 2.5e-07 becomes 0: a real",
                "digits.cfg:6: conc = 0.1234567 becomes 0.123457: a real",
                "digits.cfg:6: t = 300.5 becomes 1: a real has 13 digits of its range; with scale "
                '= "log" it has 13 of its value']
        _, log = self.run_search(0, "-q", "digits.cfg")
        for text, mark in ((self.dhctl("check", "digits.cfg"), "  warning   "), (log, "warning: ")):
            for line in said:
                self.assertIn(mark + line, text)
            self.assertEqual(text.count(mark), len(said), text)
        self.assertEqual([t["parameters"]["conc"] for t in self.trials("digits.h5")],
                         [0, 0.123457, 999999.12345])
        self.write("list.csv", "conc,t,k\n1,1,1\n1,1,1\n2.5e-7,1,1\n3,300.5,1\n")
        _, log = self.run_search(0, "--fresh", "--set", 'optimizer={ method = "list"; file = "list.csv"; }',
                                 "--set", "search.max_evaluations=0", "digits.cfg")
        self.assertIn("warning: list.csv:4: conc = 2.5e-07 becomes 0: ", log)
        self.assertIn("list.csv: 1 more become others", log)
        self.assertIn("list: 1 of them are there before: no point is evaluated twice", log)
        self.assert_complete("digits.h5", 6)

    def test_what_looks_like_a_shell_or_a_placeholder(self):
        self.write("shell.cfg", """search = { name = "shell"; max_evaluations = 1; };
parameters = ( { name = "x-y"; type = "real"; low = 0.0; high = 1.0; } );
optimizer = { method = "random"; };
evaluator = { type = "command"; command = "echo DH-OUTPUT: 1 '|' 2>&1 > out && rm $X"; environment = {
  X = "{x-y}";
  Y = "{nothing}";
  Z = "a{id}"; }; };
""")
        out = self.dhctl("check", "shell.cfg")
        for word in ("2>&1", ">", "&&", "$X"):
            self.assertIn(f"shell.cfg:4: command: {word} is an argument of the program", out)
        self.assertIn('shell.cfg:5: environment: X = "{x-y}" is passed as it stands: {x-y} is put into '
                      "`command` alone; evaluations find it in the variable DH_PARAM_x_y", out)
        self.assertIn("shell.cfg:7: environment: Z", out)
        self.assertIn("in the variable DH_ID", out)
        self.assertEqual(out.count("  warning   "), 6)
        out = self.dhctl("check", "--set", "evaluator.shell=true", "--set", "evaluator.environment={}",
                         "shell.cfg")
        self.assertNotIn("warning", out)


THREADS = """search = { max_evaluations = 6; };
parameters = ( { name = "x"; type = "real"; low = 0.0; high = 1.0; } );
optimizer = { method = "random"; };
evaluator = { type = "python"; function = "told.run"; python = "PYTHON"; };
"""

TOLD = """import os, time
def run(job):
    time.sleep(0.2)
    return {"objective": 1, "metadata": {"threads": os.environ.get("OMP_NUM_THREADS")}}
"""


class Threads(harness.Case):
    """Evaluations that share cores are told how many threads to use; others, and where the user has
    told them, are not."""

    def environment(self, extra=None):
        env = super().environment()
        del env["OMP_NUM_THREADS"]
        return {**env, **(extra or {})}

    def command(self, ranks, arguments):
        unbound = [] if harness.MPICH or not ranks else ["--bind-to", "none"]
        command = super().command(ranks, arguments)
        return command[:1] + unbound + command[1:] if ranks else command

    def test_threads(self):
        self.write("told.py", TOLD)
        self.write("told.cfg", THREADS.replace("PYTHON", harness.PYTHON))
        cores = len(os.sched_getaffinity(0))
        two, four = str(max(1, cores // 2)), str(max(1, cores // 4))
        slots = ["--set", "evaluator.slots=2"]
        own = ["--set", 'evaluator.environment={ OMP_NUM_THREADS = "8"; }']
        for ranks, arguments, env, threads in (
                (0, [], {}, None), (0, slots, {}, two), (2, [], {}, None), (2, slots, {}, two),
                (3, [], {}, two), (3, slots, {}, four), (3, ["--set", "comm.window=off"], {}, two),
                (3, slots, {"OMP_NUM_THREADS": "7"}, "7"), (3, slots + own, {}, "8")):
            with self.subTest(ranks=ranks, arguments=arguments, env=env):
                _, log = self.run_search(ranks, "--fresh", *arguments, "told.cfg", env=env)
                seen = {t["metadata"]["threads"] for t in self.assert_complete("told.h5", 6)}
                self.assertEqual(seen, {threads}, log)
                ours = threads and not env and own[1] not in arguments
                self.assertEqual(f"evaluations have OMP_NUM_THREADS = {threads}\n" in log, bool(ours),
                                 log)
        self.recovery = True
        self.run_search(3, "--fresh", "told.cfg")
        self.assertEqual(self.trials("told.h5")[0]["metadata"]["threads"], two)

    def test_check(self):
        self.write("told.py", TOLD)
        self.write("told.cfg", THREADS.replace("PYTHON", harness.PYTHON))
        out, _ = self.run_search(3, "--check", "told.cfg")
        self.assertRegex(out, r"\nthreads     ranks 1-2: \d+ cores? for 2 slots: evaluations have "
                              r"OMP_NUM_THREADS = \d+\n")
        out, _ = self.run_search(0, "--check", "told.cfg", env={"OMP_NUM_THREADS": "3"})
        self.assertRegex(out, r"\nthreads     \d+ cores? for 1 slot; OMP_NUM_THREADS is left as it is\n")


if __name__ == "__main__":
    harness.main()
