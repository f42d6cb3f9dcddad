"""A search as a chain of jobs, under a real Slurm (see cluster.py) and the scripts of jobscripts/.

The search needs three jobs or more. In CI each is a job of a minute of which most is kept as
margin; with DH_JOB_MINUTES=2 they are jobs of two minutes with the default margins:

    DH_JOB_MINUTES=2 meson test -C build -t 3 --verbose chain_mpiexec chain_srun chain_qsub
"""

import atexit
import os
import re
import shutil
import signal
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "app"))
import cluster
import harness

MINUTES = int(os.environ.get("DH_JOB_MINUTES", "0"))
TASKS = 4
SECONDS = 8 if MINUTES else 3  # of an evaluation
PER_JOB = MINUTES * 60 - 60 - 5 if MINUTES else 14  # seconds in which evaluations may start and end
# more than two jobs can do, also when one more of each worker ends within search.grace
EVALUATIONS = (TASKS - 1) * (2 * (PER_JOB // SECONDS + 2) + (5 if MINUTES else 1))
MARGINS = "" if MINUTES else f'grace = "1s"; walltime_margin = "{60 - PER_JOB - 5}s";'

CONFIG = """
search = {{ name = "chain"; seed = 5; max_evaluations = {evaluations}; {margins} }};
parameters = ( {{ name = "x"; type = "real"; low = 0.0; high = 1.0; }} );
optimizer = {{ method = "random"; }};
evaluator = {{ type = "command"; command = ("sh", "-c",
  "echo $DH_ID >> started; sleep {seconds}; echo DH-OUTPUT: {{x}}"); }};
checkpoint = {{ file = "chain.h5"; }};
"""


def edited(script, **lines):
    """The script as its user would edit it."""
    with open(os.path.join(harness.SOURCE, "jobscripts", script)) as text:
        content = text.read()
    for name, value in lines.items():
        pattern = {"ntasks": r"(#SBATCH --ntasks=)\S+", "time": r"(#SBATCH --time=)\S+",
                   "signal": r"(#SBATCH --signal=)\S+", "nodes": r"(#PBS -l nodes=)\S+",
                   "pbs_time": r"(#PBS -l walltime=)\S+"}.get(name, rf"(?m)^({name}=)\S.*$")
        content, count = re.subn(pattern, lambda match: match.group(1) + value, content)
        assert count == 1, f"{script} has no line {name}"
    return content


def setUpModule():
    global slurm
    folder = tempfile.mkdtemp(prefix="dh_slurm_")
    unittest.addModuleCleanup(shutil.rmtree, folder, ignore_errors=True)
    slurm = None
    try:
        slurm = cluster.Cluster(folder)
        unittest.addModuleCleanup(slurm.stop)
        atexit.register(slurm.stop)  # where a time limit ends us
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
        slurm.start()
    except cluster.Missing as why:
        raise unittest.SkipTest(f"no Slurm here: {why}") from None


class Chain(harness.Case):
    def tearDown(self):
        for job in slurm.jobs():
            slurm.run("scancel", job, check=False)
        self.wait_for(lambda: not self.process_left(), 30, "all processes are gone")

    def process_left(self):
        return harness.processes(self.marker)

    def prepare(self, script, evaluations=EVALUATIONS, seconds=SECONDS, margins=MARGINS, **lines):
        minutes = f"00:0{MINUTES or 1}:00"
        times = {"slurm.sh": {"ntasks": str(TASKS), "time": minutes, "signal": "B:USR1@10"},
                 "pbs.sh": {"nodes": f"1:ppn={TASKS}", "pbs_time": minutes, "walltime": minutes}}
        self.write("chain.cfg", CONFIG.format(evaluations=evaluations, seconds=seconds,
                                              margins=margins))
        lines = {"dh_mpi": harness.DH_MPI, "config": "chain.cfg", **times[script], **lines}
        self.write(script, edited(script, **lines))
        shutil.copy(os.path.join(harness.SOURCE, "jobscripts", "chain.sh"), self.folder)

    def submit(self, *command):
        key, value = self.marker.split("=")
        env = dict(slurm.environment, **{key: value})
        keep, slurm.environment = slurm.environment, env
        try:
            return re.search(r"\d+", slurm.run(*command, cwd=self.folder)).group()
        finally:
            slurm.environment = keep

    def logs(self):
        """What the jobs said, in their order."""
        texts = {}
        for name in sorted(os.listdir(self.folder)):
            found = re.fullmatch(r"(?:search-(\d+)\.log|(?:search|pbs\.sh)\.[oe](\d+))", name)
            if found:
                job = int(found.group(1) or found.group(2))
                texts[job] = texts.get(job, "") + self.read(self.path(name))
        return [texts[job] for job in sorted(texts)]

    def output(self):
        return "\n--------\n".join(self.logs()) + slurm.logs()

    def wait_for_text(self, text, seconds, job=-1):
        return self.wait_for(lambda: self.logs() and text in self.logs()[job], seconds, text)

    def finish(self):
        """Wait until the chain has finished its search, and look at what it did."""
        self.wait_for(lambda: any("chain.sh: ended with " in log for log in self.logs()),
                      240 if not MINUTES else 600, "the chain has ended")
        jobs = self.logs()
        self.assertIn("chain.sh: ended with 0", jobs[-1], self.output())
        self.assertGreaterEqual(len(jobs), 3, self.output())
        self.assert_complete("chain.h5", EVALUATIONS)
        for number, log in enumerate(jobs, 1):
            self.assertIn(f"chain.sh: job {number} of at most", log)
            self.assertRegex(log, "(Slurm|PBS) ends this job in", log)
        started = len(self.read(self.path("started")).splitlines())
        print(f"{self.id().rsplit('.', 1)[1]}: {EVALUATIONS} evaluations of {SECONDS} s in "
              f"{len(jobs)} jobs of {MINUTES or 1} min, {started - EVALUATIONS} repeated",
              file=sys.stderr)


class Finishes(Chain):
    """In CI each takes about a minute."""

    def test_mpiexec(self):
        self.prepare("slurm.sh", launch="'mpiexec'")
        self.submit("sbatch", "slurm.sh")
        self.finish()

    def test_srun(self):
        self.prepare("slurm.sh", launch="'srun --mpi=pmix_v4'")
        self.submit("sbatch", "slurm.sh")
        self.finish()

    def test_qsub(self):
        self.prepare("pbs.sh")
        self.submit("qsub", "pbs.sh")
        self.finish()


class Stops(Chain):
    def long_job(self, launch, grace="1s", **lines):
        """A job whose evaluations take for ever; its id once they run."""
        self.prepare("slurm.sh", launch=f"'{launch}'", seconds=1000,
                     margins=f'grace = "{grace}"; walltime_margin = "5s";', **lines)
        job = self.submit("sbatch", "slurm.sh")
        self.wait_for(lambda: os.path.exists(self.path("started")), 30, "evaluations run")
        return job

    def test_the_last_link_is_the_last(self):
        """Whatever the batch system does with the environment, and wherever the script is."""
        os.mkdir(self.path("a b"))
        self.folder = self.path("a b")
        self.write("stop.sh", "exit 75\n")
        for script, command in (("slurm.sh", ["sbatch", "--export=NONE"]), ("pbs.sh", ["qsub"])):
            with self.subTest(script=script):
                self.prepare(script, dh_mpi="stop.sh", launch="sh", links="2")
                if script == "slurm.sh":
                    text = self.read(self.path(script)).replace(
                        "#SBATCH --ntasks", "#SBATCH --export=NONE\n#SBATCH --ntasks", 1)
                    self.write(script, text)
                self.submit(*command, script)
                self.wait_for_text("this was job 2 of 2", 60)
                self.assertEqual(len(self.logs()), 2, self.output())
                for name in os.listdir(self.folder):
                    if re.match(r"search[-.]|pbs\.sh\.", name):
                        os.unlink(self.path(name))

    def test_early_signal_goes_on_in_the_next_job(self):
        job = self.long_job("srun --mpi=pmix_v4", time="00:10:00")
        slurm.run("scancel", "--batch", "--signal=USR1", job)
        self.wait_for(lambda: len(self.logs()) == 2, 30, "a second job")
        self.assertIn("stopping: stopped by a signal", self.logs()[0])
        self.wait_for_text("resuming chain.h5: 0 evaluations done", 30)

    def test_scancel_ends_the_chain(self):
        for launch in ("mpiexec", "srun --mpi=pmix_v4"):
            with self.subTest(launch=launch):
                for name in os.listdir(self.folder):
                    os.unlink(self.path(name))
                job = self.long_job(launch)
                slurm.run("scancel", job)
                self.wait_for(lambda: job not in slurm.jobs(), 30, "the job is gone")
                self.wait_for(lambda: not self.process_left(), 30, "its processes are gone")
                self.assertEqual(len(self.logs()), 1)
                self.assertNotIn("submitted", self.logs()[0])
                self.assertIn("pending", {t["status"] for t in self.trials("chain.h5")})

    def test_lost_rank_restarts_within_the_job(self):
        for launch in ("mpiexec", "srun --mpi=pmix_v4"):
            with self.subTest(launch=launch):
                for name in os.listdir(self.folder):
                    os.unlink(self.path(name))
                job = self.long_job(launch)
                os.kill(self.rank(2), signal.SIGKILL)
                self.wait_for_text("restart 1 of 5 from the checkpoint", 30)
                self.wait_for_text("resuming chain.h5", 30)
                self.assertEqual(len(self.logs()), 1)
                slurm.run("scancel", job)
                self.wait_for(lambda: not self.process_left(), 30, "its processes are gone")

    def rank(self, number):
        """Process of a rank, which is not one of its children."""
        found = []
        for pid in self.process_left():
            with open(f"/proc/{pid}/environ", "rb") as environ:
                ours = f"PMIX_RANK={number}".encode() in environ.read().split(b"\0")
            with open(f"/proc/{pid}/comm") as name:
                if ours and name.read().strip() == "dh_mpi":
                    found.append(pid)
        return min(found)


if __name__ == "__main__":
    harness.main()
