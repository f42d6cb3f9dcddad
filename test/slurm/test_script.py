"""chain.sh by itself: what it does with each exit code and signal. No Slurm."""

import datetime
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "app"))
import harness
import test_chain

CHAIN = os.path.join(harness.SOURCE, "jobscripts", "chain.sh")

# Ends with the next of the codes in its arguments; "wait" waits for a signal first, "75:0" is a
# search that ends with 75 under a launcher that makes 0 of it, and "stays" under one that goes on.
COMMAND = """
cd "$(dirname -- "$0")" || exit
echo x >> runs
run=$(wc -l < runs)
shift $((run - 1))
case $1 in
*:*)
    echo "${1%:*}" > "$DH_EXIT_FILE"
    exit "${1#*:}"
    ;;
stays*)
    [ "$1" = stays ] || trap '' TERM
    echo 75 > "$DH_EXIT_FILE"
    exec sleep 300
    ;;
wait)
    trap 'echo $? >> told; exit 75' USR1
    echo ready > ready
    while :; do sleep 0.05; done
    ;;
*) exit "$1" ;;
esac
"""


class Script(harness.Case):
    def chain(self, *codes, link=1, links=3, again=None, cwd=None, env=None, script=CHAIN):
        self.write("command.sh", COMMAND)
        self.write("again it.sh",
                   f'[ "$1" = "$DH_LINK" ] && echo "$1" >> {self.path("submitted")}\n')
        again = again or ("sh", self.path("again it.sh"), "{link}")
        for name in ("runs", "submitted", "ready", "told"):
            if os.path.exists(self.path(name)):
                os.unlink(self.path(name))
        self.stdout, self.stderr = self.path("stdout"), self.path("stderr")
        with open(self.stdout, "w") as out, open(self.stderr, "w") as err:
            return subprocess.Popen(
                ["sh", script, str(link), str(links), *again, "--", "sh", self.path("command.sh"),
                 *map(str, codes)], cwd=cwd or self.folder, stdout=out, stderr=err,
                env=self.environment(env), start_new_session=True)

    def lines(self, name):
        return self.read(self.path(name)).split() if os.path.exists(self.path(name)) else []

    def check(self, process, code, runs, submitted):
        self.assertEqual(process.wait(60), code, self.output())
        self.assertEqual(len(self.lines("runs")), runs, self.output())
        self.assertEqual(self.lines("submitted"), submitted, self.output())

    def test_final_codes_end_it(self):
        for code in (0, 64, 74, 78):
            with self.subTest(code=code):
                self.check(self.chain(code), code, 1, [])

    def test_75_submits_the_next(self):
        self.check(self.chain(75), 0, 1, ["2"])
        self.check(self.chain(75, link=2), 0, 1, ["3"])

    def test_the_last_link(self):
        self.check(self.chain(75, link=3), 75, 1, [])
        self.assertIn("can be resumed", self.read(self.stderr))

    def hasty(self, *changes):
        with open(CHAIN) as script:
            text = script.read()
        for old, new in changes:
            self.assertIn(old, text)
            text = text.replace(old, new)
        return self.write("hasty.sh", text)

    def test_no_submission(self):
        script = self.hasty(("SUBMITS=20", "SUBMITS=3"), ("SUBMIT_GAP=30", "SUBMIT_GAP=0.1"))
        again = ["sh", "-c", f"echo x >> {self.path('submitted')}; false"]
        self.check(self.chain(75, again=again, script=script), 75, 1, 3 * ["x"])
        self.assertIn("cannot submit", self.read(self.stderr))

    def test_a_batch_system_that_is_away_for_a_while(self):
        script = self.hasty(("SUBMIT_GAP=30", "SUBMIT_GAP=0.5"))
        again = ["sh", "-c", f"[ -e {self.path('ready')} ] && echo $0 >> {self.path('submitted')}",
                 "{link}"]
        process = self.chain(75, again=again, script=script)
        self.wait_for(lambda: "attempt 3 of" in self.read(self.stderr), 30, "it tries again")
        self.write("ready", "")
        self.check(process, 0, 1, ["2"])

    def test_cancelled_while_it_cannot_submit(self):
        script = self.hasty(("SUBMIT_GAP=30", "SUBMIT_GAP=0.5"))
        process = self.chain(75, again=["false"], script=script)
        self.wait_for(lambda: "attempt 2 of" in self.read(self.stderr), 30, "it tries again")
        process.send_signal(signal.SIGTERM)
        self.check(process, 75, 1, [])
        self.assertIn("cancelled", self.read(self.stderr))

    def test_a_lost_rank_is_a_restart(self):
        self.check(self.chain(137, 1, 0), 0, 3, [])
        self.check(self.chain(137, 75), 0, 2, ["2"])

    def test_the_search_knows_better_than_its_launcher(self):
        self.check(self.chain("75:0"), 0, 1, ["2"])
        self.check(self.chain("0:0"), 0, 1, [])
        self.check(self.chain("78:0"), 78, 1, [])
        self.check(self.chain("0:1"), 0, 1, [])
        self.assertFalse([name for name in os.listdir(self.folder) if name.startswith(".")])

    def test_a_code_that_got_lost_is_no_0(self):
        self.check(self.chain(":0"), 74, 1, [])  # as a full disk leaves a file that is made anew
        self.assertIn("exit code is lost", self.read(self.stderr))
        self.check(self.chain("x:0"), 74, 1, [])
        self.check(self.chain(":1", "0:0"), 0, 2, [])
        self.check(self.chain(0), 0, 1, [])  # the environment did not come through
        self.assertIn("trusting its launcher's 0", self.read(self.stderr))

    def test_rank_0_killed_under_a_launcher_that_returns_0(self):
        self.check(self.chain("running:0", 0), 0, 2, [])  # what the first left does not count

    def test_a_launcher_that_stays(self):
        hasty = self.hasty(("STAY=150", "STAY=5"), ("STAY + 30", "STAY + 5"))
        for how in ("stays", "stays for ever"):
            with self.subTest(how=how):
                process = self.chain(how, script=hasty)
                self.check(process, 0, 1, ["2"])
                self.assertIn("launcher has not: ending it", self.read(self.stderr))
        self.assert_nothing_left()

    def test_restarts_are_limited(self):
        self.check(self.chain(*[139] * 9), 139, 6, [])

    def signalled(self, number, *codes):
        process = self.chain(*codes)
        self.wait_for(lambda: os.path.exists(self.path("ready")), 20, "the command runs")
        os.kill(process.pid, number)
        return process

    def test_usr1_goes_on_in_the_next_job(self):
        self.check(self.signalled(signal.SIGUSR1, "wait"), 0, 1, ["2"])

    def test_usr1_while_it_restarts(self):
        process = self.chain(1, "wait")
        self.wait_for(lambda: os.path.exists(self.path("ready")), 20, "the command runs again")
        os.kill(process.pid, signal.SIGUSR1)
        self.check(process, 0, 2, ["2"])

    def test_room_for_the_code_elsewhere(self):
        folder = self.tmpfs("200k")
        os.mkdir(self.path("elsewhere"))
        self.fill(folder, 0)
        for codes, code, runs in ((["75:0"], 0, 1), (["0:0"], 0, 1), ([1, "0:1"], 0, 2),
                                  ([0], 74, 1)):  # this one cannot be known to be true
            self.check(self.chain(*codes, cwd=folder, env={"TMPDIR": self.path("elsewhere")}), code,
                       runs, ["2"] if codes == ["75:0"] else [])
            self.assertIn("it goes to " + self.path("elsewhere"), self.read(self.stderr))
            self.assertFalse(os.listdir(self.path("elsewhere")))
        self.check(self.chain(0, cwd=folder, env={"TMPDIR": folder}), 74, 0, [])

    def test_term_before_the_search(self):
        """Here while the shell waits for what makes the file."""
        os.mkdir(self.path("bin"))
        mktemp = self.write("bin/mktemp", '#!/bin/sh\necho > ready; while ! [ -e go ]; do sleep 0.05;'
                                          ' done; exec /usr/bin/mktemp "$@"\n')
        os.chmod(mktemp, 0o755)
        process = self.chain(0, env={"PATH": self.path("bin") + os.pathsep + os.environ["PATH"]})
        self.wait_for(lambda: os.path.exists(self.path("ready")), 20, "it makes the file")
        os.kill(process.pid, signal.SIGTERM)
        self.write("go", "")
        self.check(process, 75, 0, [])

    def test_usr1_that_announces_an_end_that_the_search_knows(self):
        process = self.chain("wait", env={"job_end": str(int(time.time()) + 3600)})
        self.wait_for(lambda: os.path.exists(self.path("ready")), 20, "the command runs")
        os.kill(process.pid, signal.SIGUSR1)
        self.check(process, 0, 1, ["2"])
        process = self.chain("wait", env={"job_end": str(int(time.time()) + 180)})
        self.wait_for(lambda: os.path.exists(self.path("ready")), 20, "the command runs")
        os.kill(process.pid, signal.SIGUSR1)
        time.sleep(1)
        self.assertFalse(os.path.exists(self.path("told")), "it stops by itself, later")
        os.kill(process.pid, signal.SIGTERM)  # this one is meant
        self.check(process, 75, 1, [])
        self.assertTrue(os.path.exists(self.path("told")))

    def test_term_ends_the_chain(self):
        self.check(self.signalled(signal.SIGTERM, "wait"), 75, 1, [])


# What jobs find in their PATH; `load` stands for what a user has loaded there.
PROGRAMS = {
    "load": "echo ready > ready; while ! [ -e go ]; do sleep 0.05; done",
    "scontrol": 'echo "   Command=$PWD/slurm.sh"',
    "sbatch": 'echo "$@" > submitted',
    "qsub": 'echo "$@" > submitted',
}


class Jobs(harness.Case):
    """slurm.sh and pbs.sh, as a batch system would run them."""

    def job(self, script, programs=(), **variables):
        os.makedirs(self.path("bin"), exist_ok=True)
        for name, text in {**PROGRAMS, **dict(programs)}.items():
            os.chmod(self.write("bin/" + name, f"#!/bin/sh\n{text}\n"), 0o755)
        self.write("stop.sh", 'echo x >> runs; env > environment; exit 75\n')
        text = test_chain.edited(script, dh_mpi="stop.sh", launch="sh")
        self.write(script, text.replace("# module load openmpi", "load"))
        self.write("chain.sh", 'echo "${job_end:-}" > end\n' + self.read(CHAIN))
        for name in ("ready", "go", "runs", "submitted"):
            if os.path.exists(self.path(name)):
                os.unlink(self.path(name))
        env = {"PATH": self.path("bin") + os.pathsep + os.environ["PATH"], "SLURM_JOB_ID": "7",
               "PBS_O_WORKDIR": self.folder, **variables}
        self.stdout, self.stderr = self.path("stdout"), self.path("stderr")
        with open(self.stdout, "w") as out, open(self.stderr, "w") as err:
            return subprocess.Popen(["sh", script], cwd=self.folder, stdout=out, stderr=err,
                                    env=self.environment(env), start_new_session=True)

    def test_usr1_before_the_search(self):
        for script, submitted in (("slurm.sh", self.path("slurm.sh") + " 2\n"),
                                  ("pbs.sh", "-V -v DH_LINK pbs.sh\n")):
            with self.subTest(script=script):
                process = self.job(script)
                self.wait_for(lambda: os.path.exists(self.path("ready")), 20, "it loads")
                os.kill(process.pid, signal.SIGUSR1)
                self.write("go", "")
                self.assertEqual(process.wait(60), 0, self.output())
                self.assertEqual(self.read(self.path("runs")), "x\n", self.output())
                self.assertEqual(self.read(self.path("submitted")), submitted)

    def test_what_slurm_knows_of_the_script(self):
        for answer, code, submitted in (
                # a heterogeneous job; no answer; a script from a pipe
                ('echo "   Command=$PWD/my.sh"; echo "   Command=$PWD/my.sh"', 0, "my.sh 2\n"),
                ("exit 1", 0, "slurm.sh 2\n"), ('echo "   Command=(null)"', 64, None)):
            with self.subTest(answer=answer):
                process = self.job("slurm.sh", {"scontrol": answer})
                self.write("go", "")
                self.assertEqual(process.wait(60), code, self.output())
                self.assertEqual(os.path.exists(self.path("runs")), code == 0)
                if submitted:
                    self.assertEqual(self.read(self.path("submitted")), self.path(submitted))
                else:
                    self.assertIn("not from a pipe", self.read(self.stderr))

    def test_when_the_job_ends(self):
        end = datetime.datetime(2030, 1, 2, 3, 4, 5)
        for answer, said in (end.isoformat(), str(int(end.timestamp()))), ("Unknown", ""):
            with self.subTest(answer=answer):
                process = self.job("slurm.sh", {"sbatch": "env > next", "scontrol": (
                    f'echo "   StartTime=2030-01-01T00:00:00 EndTime={answer} Deadline=N/A"\n'
                    'echo "   Command=$PWD/slurm.sh"')})
                self.write("go", "")
                self.assertEqual(process.wait(60), 0, self.output())
                self.assertEqual(self.read(self.path("end")).strip(), said)
                told = re.findall("(?m)^SLURM_JOB_END_TIME=(.*)$",
                                  self.read(self.path("environment")))
                self.assertEqual(told, [said] if said else [])
                self.assertNotRegex(self.read(self.path("next")), "(?i)job_end",
                                    "the next job would inherit it")

    def test_an_array_is_no_chain(self):
        for script, variable in (("slurm.sh", "SLURM_ARRAY_JOB_ID"), ("pbs.sh", "PBS_ARRAYID"),
                                 ("pbs.sh", "PBS_ARRAY_INDEX")):
            with self.subTest(variable=variable):
                process = self.job(script, **{variable: "0"})
                self.write("go", "")
                self.assertEqual(process.wait(60), 64, self.output())
                self.assertIn("a job array is no chain", self.read(self.stderr))
                self.assertFalse(os.path.exists(self.path("runs")))
                self.assertFalse(os.path.exists(self.path("submitted")))


class Ranks(harness.Case):
    def configure(self, search):
        self.write("a.cfg", f"""
            search = {{ name = "a"; max_evaluations = 40; {search} }};
            parameters = ( {{ name = "x"; type = "real"; low = 0.0; high = 1.0; }} );
            optimizer = {{ method = "random"; }};
            evaluator = {{ type = "builtin"; function = "sphere"; duration = 0.2; }};
            checkpoint = {{ file = "a.h5"; }};""")

    def chain(self, search="", again=("false",), links=1, cwd=None):
        """A chain's job with a real search on three ranks."""
        self.configure(search)
        self.stdout, self.stderr = self.path("stdout"), self.path("stderr")
        with open(self.stdout, "w") as out, open(self.stderr, "w") as err:
            return subprocess.Popen(
                ["sh", CHAIN, "1", str(links), *again, "--", *self.command(3, [self.path("a.cfg")])],
                cwd=cwd or self.folder, stdout=out, stderr=err, env=self.environment(),
                start_new_session=True)

    @harness.outlived
    def test_out_of_time_under_a_launcher_that_returns_0(self):
        self.recovery = True  # Open MPI's mpiexec loses the code with it, if not always
        self.write("again.sh", 'echo "$DH_LINK" > submitted\n')
        chain = self.chain('max_time = "1s";', ["sh", "again.sh"], 2)
        self.assertEqual(chain.wait(60), 0, self.output())
        self.assertEqual(self.read(self.path("submitted")), "2\n", self.output())
        chain = self.chain()
        self.assertEqual(chain.wait(60), 0, self.output())
        self.assertIn("chain.sh: ended with 0", self.read(self.stderr))
        self.assert_complete("a.h5", 40)

    @harness.outlived
    def test_a_full_disk_under_a_launcher_that_returns_0(self):
        self.recovery = True
        folder = self.tmpfs("200k")
        self.fill(folder, 0)
        chain = self.chain(cwd=folder)
        self.assertEqual(chain.wait(60), 74, self.output())
        self.assertIn("No space left on device", self.read(self.stderr))
        os.unlink(folder + "/filler")
        chain = self.chain('max_time = "10s";', cwd=folder)
        self.wait_for(lambda: os.path.exists(folder + "/a.h5-journal"), 30, "a journal")
        self.fill(folder, 0)
        self.assertEqual(chain.wait(60), 74, self.output())
        self.assertIn("chain.sh: ended with 74", self.read(self.stderr))

    def test_the_code_is_written_over_what_is_there(self):
        """A disk that is full by then has room for that; no script sees what fills it up."""
        for ranks in 0, 3:
            with self.subTest(ranks=ranks):
                file = self.write("code", "what was there before\n")
                before = os.stat(file).st_ino
                self.configure('max_time = "3s";')
                process = self.start(ranks, "--fresh", "a.cfg", env={"DH_EXIT_FILE": file})
                self.wait_for(lambda: self.read(file) == "running\n", 30, "it runs")
                self.assertEqual(process.wait(60), 75, self.output())
                self.assertEqual(self.read(file).rstrip("\n"), "75")
                self.assertEqual(os.path.getsize(file), len("running\n"))
                self.assertEqual(os.stat(file).st_ino, before)

    def test_death_of_a_rank(self):
        chain = self.chain()
        self.wait_for(lambda: os.path.exists(self.path("a.h5-journal")), 30, "a journal")
        time.sleep(1)
        ranks = [pid for pid in harness.processes(self.marker)
                 if self.variable(pid, "OMPI_COMM_WORLD_RANK") == "2"]
        os.kill(min(ranks), signal.SIGKILL)
        self.assertEqual(chain.wait(60), 0, self.output())
        self.assertIn("restart 1 of 5", self.read(self.stderr))
        self.assertIn("resuming a.h5", self.read(self.stderr))
        self.assert_complete("a.h5", 40)

    def variable(self, pid, name):
        try:
            with open(f"/proc/{pid}/environ", "rb") as environ:
                for variable in environ.read().decode(errors="replace").split("\0"):
                    if variable.startswith(name + "="):
                        return variable.split("=", 1)[1]
        except OSError:
            pass
        return None


if __name__ == "__main__":
    harness.main()
