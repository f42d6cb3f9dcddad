"""The end of a search by a signal or a walltime: it drains, stops, and loses nothing."""

import os
import signal
import subprocess
import time

import harness

# Ten evaluations of `seconds` each, whose starts and ends leave marks.
CONFIG = """
search = {{ name = "end"; seed = 3; max_evaluations = 10; grace = "{grace}"; {search} }};
parameters = ( {{ name = "x"; type = "real"; low = 0.0; high = 1.0; }} );
optimizer = {{ method = "random"; }};
evaluator = {{ type = "command"; kill_after = "1s"; command = ("sh", "-c",
  "echo $DH_ID >> started; sleep {seconds}; echo $DH_ID >> ended; echo DH-OUTPUT: {{x}}"); }};
checkpoint = {{ file = "end.h5"; }};
"""

# squeue, as far as dh_mpi knows it.
SQUEUE = """#!/bin/sh
echo "$*" >> "{folder}/asked"
{answer}
"""


class Ending(harness.Case):
    def configure(self, seconds, grace, search=""):
        self.write("end.cfg", CONFIG.format(seconds=seconds, grace=grace, search=search))

    def lines(self, name):
        try:
            return self.read(self.path(name)).split("\n")[:-1]
        except FileNotFoundError:
            return []

    def begin(self, ranks, *arguments, env=None):
        """Start, and wait until every worker evaluates."""
        process = self.start(ranks, "end.cfg", *arguments, env=env)
        workers = max(1, ranks - 1)
        self.wait_for(lambda: len(self.lines("started")) >= workers, 30, "evaluations run")
        return process

    def manager(self, process, ranks):
        return self.ranks(process)[0] if ranks else process.pid

    def ok(self):
        return [t["id"] for t in self.trials("end.h5") if t["status"] == "ok"]

    def resume(self, ranks, *arguments):
        self.run_search(ranks, "--set", "evaluator.command=sh -c 'echo DH-OUTPUT: {x}'", "end.cfg",
                        *arguments)
        self.assert_complete("end.h5", 10)


class Signals(Ending):
    def test_what_runs_may_end(self):
        for ranks, number in ((0, signal.SIGINT), (0, signal.SIGUSR2), (3, signal.SIGTERM),
                              (3, signal.SIGUSR1)):
            with self.subTest(ranks=ranks, number=number):
                for name in os.listdir(self.folder):
                    os.unlink(self.path(name))
                self.configure(seconds=3, grace="60s")
                process = self.begin(ranks)
                os.kill(self.manager(process, ranks), number)
                self.assertEqual(process.wait(120), 75, self.output())
                self.assert_nothing_left()
                workers = max(1, ranks - 1)
                self.assertEqual(len(self.lines("started")), workers, self.output())
                self.assertEqual(len(self.ok()), workers)
                self.assertIn("may end within 1:00", self.read(self.stderr))
        self.resume(3)

    def test_what_does_not_end_in_time_stays_pending(self):
        self.configure(seconds=60, grace="1s")
        process = self.begin(3)
        began = time.monotonic()
        os.kill(self.manager(process, 3), signal.SIGTERM)
        self.assertEqual(process.wait(120), 75, self.output())
        self.assertGreater(time.monotonic() - began, 1)
        self.assert_nothing_left()
        self.assertEqual([t["status"] for t in self.trials("end.h5")][:2], ["pending"] * 2)
        self.assertIn("stopping 2 evaluations", self.read(self.stderr))
        self.resume(3)

    def test_what_fails_meanwhile_is_tried_again_by_the_next_run(self):
        for status, failure in (("failed", "sleep 1; exit 3"), ("timeout", "sleep 600")):
            with self.subTest(status=status):
                for name in os.listdir(self.folder):
                    os.unlink(self.path(name))
                self.configure(seconds=0, grace="60s")
                command = (f"echo $DH_ID >> started; [ $DH_RETRIES = 1 ] || {{{{ {failure}; }}}}; "
                           "echo DH-OUTPUT: {x}")
                settings = ("--set", "search.max_evaluations=2", "--set",
                            "evaluator={ type = \"command\"; retries = 1; timeout = 2; "
                            f"command = (\"sh\", \"-c\", \"{command}\"); }}")
                process = self.begin(0, "-v", *settings)
                os.kill(process.pid, signal.SIGUSR1)
                self.assertEqual(process.wait(120), 75, self.output())
                self.assertEqual([t["status"] for t in self.trials("end.h5")], ["pending"])
                self.assertIn("trial 0 is left to the next run", self.read(self.stderr))
                self.run_search(0, "end.cfg", *settings)
                resumed = self.trials("end.h5")
                self.run_search(0, "--fresh", "end.cfg", *settings)
                undisturbed = self.trials("end.h5")
                for key in ("id", "status", "seed", "retries", "parameters", "objectives"):
                    self.assertEqual([t[key] for t in resumed], [t[key] for t in undisturbed])
                self.assertEqual([t["status"] for t in resumed], ["ok"] * 2)

    def test_second_signal_stops_at_once(self):
        for ranks in (0, 3):
            with self.subTest(ranks=ranks):
                for name in os.listdir(self.folder):
                    os.unlink(self.path(name))
                self.configure(seconds=600, grace="300s")
                process = self.begin(ranks)
                os.kill(self.manager(process, ranks), signal.SIGINT)
                time.sleep(0.6)
                self.assertIsNone(process.poll())
                began = time.monotonic()
                os.kill(self.manager(process, ranks), signal.SIGINT)
                self.assertEqual(process.wait(120), 75, self.output())
                self.assertLess(time.monotonic() - began, 60)
                self.assert_nothing_left()
        self.resume(3)

    def signal_all(self, number):
        """As srun and scancel do it: to every process of the job."""
        for pid in harness.processes(self.marker):
            try:
                if not harness.name_of(pid).startswith(("mpiexec", "hydra_", "prte")):
                    os.kill(pid, number)
            except OSError:  # it ended meanwhile
                pass

    def test_a_warning_to_every_process(self):
        self.configure(seconds=3, grace="60s")
        process = self.begin(3)
        self.signal_all(signal.SIGUSR1)
        self.assertEqual(process.wait(120), 75, self.output())
        self.assertEqual(len(self.ok()), 2, self.output())

    def test_the_end_of_every_process_is_no_failed_evaluation(self):
        self.configure(seconds=60, grace="1s")
        process = self.begin(3)
        self.signal_all(signal.SIGTERM)
        self.assertEqual(process.wait(120), 75, self.output())
        self.assert_nothing_left()
        self.assertEqual({t["status"] for t in self.trials("end.h5")}, {"pending"})

    def test_nor_is_what_a_handler_makes_of_it(self):
        self.configure(seconds=60, grace="1s")
        self.write("handler.sh", "trap 'exit 1' TERM INT\necho $DH_ID >> started\n"
                                 "while :; do sleep 0.1; done\n")
        self.write("train.py", "import os, time\ndef run(job):\n"
                               "    print(job['job_id'], file=open('started', 'a'), flush=True)\n"
                               "    time.sleep(60)\n")
        for number, evaluator in (
                (signal.SIGTERM, '{ type = "command"; command = "sh handler.sh"; }'),
                (signal.SIGINT, '{ type = "command"; command = "sh handler.sh"; }'),
                (signal.SIGINT, '{ type = "python"; function = "train.run"; }')):
            with self.subTest(number=number, evaluator=evaluator):
                self.write("started", "")
                process = self.begin(3, "--fresh", "--set", "evaluator=" + evaluator)
                self.signal_all(number)
                self.assertEqual(process.wait(120), 75, self.output())
                self.assert_nothing_left()
                self.assertEqual({t["status"] for t in self.trials("end.h5")}, {"pending"})

    def test_a_code_behind_a_driver_script_may_save_its_work(self):
        """The script dies of the signal at once, and what it runs has got it, too."""
        self.configure(seconds=60, grace="30s")
        self.write("code.sh", "trap 'sleep 2; echo >> saved; exit 1' TERM\n"
                              "echo $DH_ID >> started\nwhile :; do sleep 0.1; done\n")
        self.write("driver.sh", "sh code.sh\necho DH-OUTPUT: 1\n")
        process = self.begin(3, "--set", 'evaluator.command="sh driver.sh"')
        self.signal_all(signal.SIGTERM)
        self.assertEqual(process.wait(120), 75, self.output())
        self.assert_nothing_left()
        self.assertEqual(len(self.lines("saved")), 2)
        self.assertEqual({t["status"] for t in self.trials("end.h5")}, {"pending"})

    def test_what_ends_well_after_the_signal_counts(self):
        """Whatever it leaves running."""
        self.configure(seconds=60, grace="300s")
        self.write("driver.sh", "trap '' TERM\nsetsid sleep 1000 &\necho $DH_ID >> started\n"
                                "sleep 2\necho DH-OUTPUT: 1\n")
        process = self.begin(3, "--set", 'evaluator.command="sh driver.sh"')
        self.signal_all(signal.SIGTERM)
        self.assertEqual(process.wait(120), 75, self.output())
        self.assert_nothing_left()
        self.assertEqual(len(self.ok()), 2, self.output())

    def test_a_suspended_job_takes_no_time_from_its_evaluations(self):
        self.configure(seconds=0, grace="1s")
        self.write("work.sh", "echo $DH_ID >> started\nfor i in $(seq 30); do sleep 0.1; done\n"
                              "echo DH-OUTPUT: 1\n")
        process = self.begin(3, "--set", 'evaluator.command="sh work.sh"', "--set",
                             "evaluator.timeout=6", "--set", "search.max_evaluations=2")
        self.signal_all(signal.SIGSTOP)
        time.sleep(8)
        self.signal_all(signal.SIGCONT)
        self.assertEqual(process.wait(120), 0, self.output())
        self.assertEqual([t["status"] for t in self.trials("end.h5")], ["ok", "ok"], self.output())

    def test_finished_by_what_still_ran(self):
        self.configure(seconds=3, grace="60s")
        process = self.begin(3, "--set", "search.max_evaluations=2")
        os.kill(self.manager(process, 3), signal.SIGTERM)
        self.assertEqual(process.wait(120), 0, self.output())


class Mpiexec(Ending):
    """Signals to mpiexec, as a batch system sends them."""

    def test_usr1_and_usr2_are_passed_on(self):
        """MPICH's dies of SIGUSR2, and returns 0 or the search's code as it happens."""
        for number in [signal.SIGUSR1] if harness.MPICH else [signal.SIGUSR1, signal.SIGUSR2]:
            with self.subTest(number=number):
                for name in os.listdir(self.folder):
                    os.unlink(self.path(name))
                self.configure(seconds=3, grace="60s")
                process = self.begin(3, env={"DH_EXIT_FILE": self.path("code")})
                os.kill(process.pid, number)
                self.assertIn(process.wait(120), (0, 75) if harness.MPICH else (75,), self.output())
                self.assertEqual(self.read(self.path("code")).strip(), "75")
                self.assertEqual(len(self.ok()), 2)
                self.assert_nothing_left()
        self.resume(3)

    def test_it_kills_its_ranks_soon_after_term_and_int(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number=number):
                for name in os.listdir(self.folder):
                    os.unlink(self.path(name))
                self.configure(seconds=0.3, grace="30s")
                process = self.begin(3)
                self.wait_for(lambda: len(self.lines("ended")) >= 3, 30, "evaluations end")
                os.kill(process.pid, number)
                process.wait(120)
                self.assert_nothing_left()
                # an evaluation may have ended that its worker could not report any more
                self.assertGreaterEqual(len(self.ok()), 2)
                self.assertLessEqual(len(self.ok()), len(self.lines("ended")))
                self.resume(3)


class Unread(Ending):
    """Where it writes there is nobody who reads: a full pipe, a terminal that is stopped."""

    def full_pipe(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.set_blocking(writer, False)
        try:
            while True:
                os.write(writer, bytes(4096))
        except BlockingIOError:
            os.set_blocking(writer, True)
        return writer

    def start_with(self, **streams):
        self.stdout, self.stderr = self.path("stdout"), self.path("stderr")
        with open(self.stdout, "w") as out, open(self.stderr, "w") as err:
            process = subprocess.Popen(
                self.command(0, ["-v", "end.cfg"]), cwd=self.folder, env=self.environment(),
                stdin=subprocess.DEVNULL, **{"stdout": out, "stderr": err, **streams})
        for stream in streams.values():
            os.close(stream)
        return process

    def test_log(self):
        self.configure(seconds=0.1, grace="0s")
        self.assertEqual(self.start_with(stderr=self.full_pipe()).wait(120), 0)
        self.assertIn("end: finished", self.read(self.stdout))
        self.assert_complete("end.h5", 10)

    def test_reader_gone(self):
        self.configure(seconds=0.1, grace="0s")
        reader, writer = os.pipe()
        os.close(reader)
        self.assertEqual(self.start_with(stderr=writer).wait(120), 0)
        self.assertIn("end: finished", self.read(self.stdout))
        self.assert_complete("end.h5", 10)

    def test_terminal(self):
        self.configure(seconds=0.5, grace="0s")
        keyboard, terminal = os.openpty()
        self.addCleanup(os.close, keyboard)
        os.write(keyboard, b"\x13")  # Ctrl-S
        self.assertEqual(self.start_with(stderr=terminal).wait(120), 0)
        self.assert_complete("end.h5", 10)

    def test_summary(self):
        self.configure(seconds=0.1, grace="0s")
        process = self.start_with(stdout=self.full_pipe())
        self.wait_for(lambda: os.path.exists(self.path("end.h5")) and len(self.ok()) == 10, 60,
                      "all evaluations are recorded")
        time.sleep(2)
        self.assertIsNone(process.poll(), "somebody may still read")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 74, self.output())
        self.assertIn("cannot write to standard output: nobody reads it", self.read(self.stderr))
        self.assert_complete("end.h5", 10)

    def test_summary_of_a_search_that_was_stopped(self):
        """A job script waits for its exit code, and no further signal comes."""
        for search in ("", 'max_time = "2s";'):
            with self.subTest(search=search):
                for name in os.listdir(self.folder):
                    os.unlink(self.path(name))
                self.configure(seconds=600, grace="0s", search=search)
                process = self.start_with(stdout=self.full_pipe())
                self.wait_for(lambda: self.lines("started"), 30, "an evaluation runs")
                began = time.monotonic()
                if not search:
                    process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(60), 75, self.output())
                self.assertGreater(time.monotonic() - began, 4, "somebody may still read")
                self.assertIn("cannot write to standard output: nobody reads it",
                              self.read(self.stderr))
                self.assert_nothing_left()
        self.resume(0)

    def unread_terminal(self, size):
        """With `size` bytes in it, or what it takes; returns that, too."""
        keyboard, terminal = os.openpty()
        self.addCleanup(os.close, keyboard)
        os.set_blocking(terminal, False)
        written, full = 0, 0
        while written < size and full < 5:
            try:
                written += os.write(terminal, b"x" * 10)
                full = 0
            except BlockingIOError:  # the kernel may still be moving some to the reader's end
                full += 1
                time.sleep(0.05)
        os.set_blocking(terminal, True)
        return terminal, written

    def test_terminal_with_a_little_room(self):
        """Less than a line: poll() tells of it, and a write would wait for more."""
        self.configure(seconds=0.5, grace="0s")
        terminal, room = self.unread_terminal(1 << 20)
        os.close(terminal)
        terminal, _ = self.unread_terminal(room - 30)
        self.assertEqual(self.start_with(stderr=terminal).wait(60), 0)
        self.assert_complete("end.h5", 10)

    def test_second_signal(self):
        self.configure(seconds=3, grace="1m")
        process = self.start_with(stdout=self.full_pipe(), stderr=self.full_pipe())
        self.wait_for(lambda: self.lines("started"), 30, "an evaluation runs")
        for _ in range(2):
            process.send_signal(signal.SIGTERM)
            time.sleep(2)
        self.assertEqual(process.wait(60), 75)
        self.assert_nothing_left()
        self.resume(0)


class Walltime(Ending):
    def batch(self, **variables):
        return {"PATH": self.folder + os.pathsep + os.environ["PATH"], **variables}

    def squeue(self, answer):
        path = self.write("squeue", SQUEUE.format(folder=self.folder, answer=answer))
        os.chmod(path, 0o755)

    def assert_ended_before(self, end):
        """The last that a search does; Open MPI's mpiexec may take 2 s more after a code like 75."""
        self.assertLess(os.path.getmtime(self.path("end.h5")), end)

    def test_nothing_is_started_that_would_not_end(self):
        self.configure(seconds=2, grace="0s", search='walltime_margin = "1s";')
        end = time.time() + 16
        _, log = self.run_search(2, "end.cfg", expect=75, env=self.batch(
            SLURM_JOB_ID="7", SLURM_JOB_START_TIME=str(int(time.time())),
            SLURM_JOB_END_TIME=str(int(end))))
        self.assert_ended_before(end)
        self.assertIn("Slurm ends this job in 0:", log)
        self.assertIn("not starting evaluations that take about 0:0", log)
        self.assertEqual(len(self.lines("started")), len(self.ok()), log)
        self.assertGreaterEqual(len(self.ok()), 1)
        self.assertNotIn("no evaluation ended", log)
        self.resume(2)

    def test_long_evaluations_are_stopped_in_time(self):
        self.configure(seconds=60, grace="1s", search='walltime_margin = "2s";')
        end = time.time() + 14
        _, log = self.run_search(3, "end.cfg", expect=75, env=self.batch(
            SLURM_JOB_ID="7", SLURM_JOB_END_TIME=str(int(end))))
        self.assert_ended_before(end)
        self.assertIn("stopping 2 evaluations", log)
        self.assertIn("no evaluation ended in this run of 0:", log)
        self.resume(3)

    def test_a_job_that_can_bring_nothing_ends_the_chain(self):
        """Jobs of that length never could, unlike one that its script has used up."""
        self.configure(seconds=60, grace="1s", search='\nwalltime_margin = "39s";')
        for ranks, start, end, code in ((0, 0, 39, 78), (3, 0, 39, 78), (0, -600, 30, 75),
                                        (0, None, 30, 75)):
            with self.subTest(ranks=ranks, start=start):
                now = int(time.time())
                variables = {"SLURM_JOB_ID": "7", "SLURM_JOB_END_TIME": str(now + end)}
                if start is not None:
                    variables["SLURM_JOB_START_TIME"] = str(now + start)
                _, log = self.run_search(ranks, "end.cfg", expect=code, env=self.batch(**variables))
                self.assertIn("leave nothing of that", log)
                said = "end.cfg:3: search: grace and walltime_margin leave nothing of a job of 0:39"
                self.assertEqual(said in log, code == 78, log)
        self.resume(0)
        self.run_search(0, "end.cfg", env=self.batch(  # there is nothing to do
            SLURM_JOB_ID="7", SLURM_JOB_START_TIME=str(now), SLURM_JOB_END_TIME=str(now + 39)))

    def test_squeue_is_asked_once(self):
        self.squeue('echo "0:07 0:10"')
        self.configure(seconds=60, grace="0s", search='walltime_margin = "2s";')
        _, log = self.run_search(3, "end.cfg", expect=75, env=self.batch(SLURM_JOB_ID="7"))
        self.assertIn("Slurm ends this job in 0:", log)
        self.assertEqual(self.lines("asked"), ["--noheader --format=%L %M --jobs 7"])

    def test_squeue_that_knows_nothing(self):
        self.configure(seconds=0.01, grace="0s")
        for answer, said in (('echo "UNLIMITED 0:10"', False), ("exit 1", True),
                             ("exec sleep 100", True)):
            with self.subTest(answer=answer):
                self.squeue(answer)
                _, log = self.run_search(0, "--fresh", "end.cfg", env=self.batch(SLURM_JOB_ID="7"))
                self.assertEqual("squeue does not say" in log, said, log)
                self.assert_nothing_left()

    def test_pbs_counts_from_the_start_of_the_job_script(self):
        self.configure(seconds=60, grace="0s", search='walltime_margin = "5s";')
        script = self.write("job.sh", 'sleep 4; "$@"; code=$?; echo done; exit $code\n')
        began = time.monotonic()
        with open(self.path("log"), "w") as log:
            done = subprocess.run(["sh", script, *self.command(2, ["end.cfg"])], cwd=self.folder,
                                  env=self.environment(self.batch(PBS_JOBID="1.x",
                                                                  PBS_WALLTIME="24")),
                                  stdout=log, stderr=log, timeout=60)
        self.assertEqual(done.returncode, 75, self.read(self.path("log")))
        self.assertLess(time.monotonic() - began, 24)
        self.assertRegex(self.read(self.path("log")), "PBS ends this job in 0:(0[0-9]|1[0-9]|20)")


if __name__ == "__main__":
    harness.main()
