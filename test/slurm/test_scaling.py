"""scaling.sh: its table by itself, and as jobs of a Slurm that the test starts."""

import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "app"))
import harness
import test_chain

SCRIPT = os.path.join(harness.SOURCE, "jobscripts", "scaling.sh")

# "launch N program …": pretends to be a search on N - 1 workers that evaluates what it was told to.
LAUNCH = """
echo "$1 $5" >> "$FAKE/runs"
[ -z "$FAIL" ] || { echo "no such machine"; exit 1; }
cat > status.json <<END
{"name": "scaling",
 "done": 40,
 "best": {"id": 3, "objectives": {"value": 1.25}, "parameters": {"x1": 1.0}},
 "slots": $(($1 - 1)),
 "slot_seconds": {"evaluating": 90.0, "failed": 5.0, "waiting": 8.0, "lost": 2.0},
 "elapsed": 20.0,
 "late_asks": 7,
 "finished": true}
END
"""


class Script(harness.Case):
    def scale(self, *arguments, env=None):
        self.write("launch.sh", LAUNCH)
        done = subprocess.run(["sh", SCRIPT, *arguments], cwd=self.folder, capture_output=True,
                              text=True, timeout=60,
                              env=self.environment({"FAKE": self.folder, **(env or {})}))
        runs = self.path("runs")
        sizes = self.read(runs).split("\n")[:-1] if os.path.exists(runs) else []
        if sizes:
            os.unlink(runs)
        return done, sizes

    def launch(self):
        return "sh", self.path("launch.sh")

    def test_weak(self):
        done, sizes = self.scale("weak", "72", *self.launch())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sizes, [f"{workers + 1} search.max_evaluations={10 * workers}"
                                 for workers in (16, 32, 64, 71)])
        rows = [line.split() for line in done.stdout.splitlines()[2:]]
        self.assertEqual(rows[1], ["32", "32", "40", "20.0", "2.00", "90.00%", "7", "1.25"])
        self.assertEqual(sorted(os.listdir(self.folder)), ["launch.sh"])

    def test_strong(self):
        done, sizes = self.scale("strong", "33", *self.launch(),
                                 env={"DH_EACH": "5", "DH_SLOTS": "2", "DH_LEAST": "8"})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sizes, [f"{workers + 1} search.max_evaluations=320"
                                 for workers in (8, 16, 32)])

    def test_few_ranks(self):
        done, sizes = self.scale("weak", "4", *self.launch())
        self.assertEqual([size.split()[0] for size in sizes], ["4"])

    def test_failure_shows_what_was_said(self):
        done, sizes = self.scale("weak", "40", *self.launch(), env={"FAIL": "1"})
        self.assertEqual(done.returncode, 70)
        self.assertIn("no such machine", done.stderr)
        self.assertEqual(len(sizes), 1)

    def test_usage(self):
        for arguments in ((), ("weak",), ("feeble", "8", "mpiexec", "-n"), ("weak", "8"),
                          ("weak", "x", "mpiexec"), ("strong", "1", "mpiexec", "-n")):
            done, _ = self.scale(*arguments)
            self.assertEqual(done.returncode, 64, arguments)
            self.assertIn("usage", done.stderr)


def setUpModule():
    if not any("Script" in argument for argument in sys.argv):
        test_chain.setUpModule()


class Jobs(test_chain.Chain):
    ENVIRONMENT = {"DH_MPI": harness.DH_MPI, "DH_SECONDS": "0.2", "DH_EACH": "5", "DH_LEAST": "2"}

    def scale(self, script, *command, **lines):
        shutil.copy(SCRIPT, self.folder)
        self.write(script, test_chain.edited(script, **lines))
        test_chain.slurm.environment.update(self.ENVIRONMENT)
        self.submit(*command, script)
        return self.wait_for(self.table, 240, "a table of two rows")

    def logs(self):
        return [self.read(self.path(name)) for name in os.listdir(self.folder)
                if name.startswith("scaling") and ("log" in name or ".o" in name)]

    def table(self):
        rows = [line.split() for log in self.logs() for line in log.splitlines()]
        rows = [row for row in rows if len(row) == 8 and row[0].isdigit()]
        return rows if len(rows) == 2 else None

    def check(self, rows, evaluations):
        self.assertEqual([row[0] for row in rows], ["2", "4"])
        self.assertEqual([row[2] for row in rows], evaluations)

    def test_sbatch(self):
        rows = self.scale("scaling_slurm.sh", "sbatch", ntasks="5", time="00:05:00")
        self.check(rows, ["10", "20"])

    def test_qsub(self):
        rows = self.scale("scaling_pbs.sh", "qsub", "-V", "-v", "kind=strong,ranks=5", nodes="1:ppn=5",
                          pbs_time="00:05:00")
        self.check(rows, ["20", "20"])


if __name__ == "__main__":
    harness.main()
