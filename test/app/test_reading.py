"""Reading a checkpoint with other programs while the search replaces it, and with dhctl."""

import json
import os
import shutil
import signal
import subprocess
import time

import h5py
import harness
import pandas

CONFIG = """
search = { name = "read"; max_evaluations = 3000; };
objectives = ( { name = "value"; goal = "minimize"; } );
parameters = (
  { name = "x"; type = "real"; low = -5.0; high = 5.0; },
  { name = "k"; type = "categorical"; values = ("left", "right"); },
  { name = "n"; type = "int"; low = 1; high = 9; when = "k == 'left'"; }
);
optimizer = { method = "random"; };
evaluator = { type = "builtin"; function = "sphere"; duration = 0.004; };
checkpoint = { file = "read.h5"; interval = "1s"; };
"""


# Every type, conditional ones among them. The function says what it was given.
TYPES = """
search = { name = "digits"; max_evaluations = 40; seed = 1; };
objectives = ( { name = "accuracy"; } );
parameters = (
  { name = "x"; type = "real"; low = 0.0; high = 3.0; step = 1.0; },
  { name = "skip"; type = "bool"; },
  { name = "depth"; type = "ordinal"; values = (1, 2, 4); },
  { name = "drop"; type = "ordinal"; values = (0.0, 0.5, 1.0); },
  { name = "norm"; type = "categorical"; values = (true, false, "auto"); },
  { name = "units"; type = "int"; low = 8; high = 64; when = "skip"; },
  { name = "wide"; type = "bool"; when = "depth >= 2"; },
  { name = "kernel"; type = "ordinal"; values = (3, 5); when = "not skip"; }
);
optimizer = { method = "random"; };
evaluator = { type = "python"; function = "typed.run"; python = "%s"; };
"""
TYPED = """
def run(job):
    if job.id == "0.3":
        raise ValueError("no accuracy")
    return {"objective": job.seed % 1000, "metadata": {"given": repr(sorted(job.parameters.items()))}}
"""


def recipe(page, heading):
    """The first lines of Python below a heading, as they are printed there."""
    with open(os.path.join(harness.SOURCE, page)) as file:
        return file.read().split(heading, 1)[1].split("```python\n", 1)[1].split("```", 1)[0]


class Reading(harness.Case):
    def test_the_recipes_of_the_readme(self):
        self.write("typed.py", TYPED)
        self.write("read.cfg", TYPES % harness.PYTHON)
        self.run_search(3, "read.cfg")
        self.dhctl("export", "--format", "json", "-o", "digits.json", "digits.h5")
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        seen = {}
        exec(recipe("README.md", "### In pandas"), seen)
        best = max(filter(lambda t: t["status"] == "ok", seen["trials"]),
                   key=lambda t: t["objectives"]["accuracy"])
        self.assertEqual(repr(sorted(seen["best"].items())), best["metadata"]["given"])
        rows = seen["table"].sort_index()[seen["parameters"]]
        self.assertEqual(seen["table"]["status"].value_counts().to_dict(), {"ok": 39, "failed": 1})
        for (_, row), trial in zip(rows.iterrows(), seen["trials"]):
            if trial["status"] == "ok":
                self.assertEqual(repr(sorted(row.dropna().to_dict().items())),
                                 trial["metadata"]["given"])
        columns = {}
        exec(recipe("src/store/README.md", "## Inside the checkpoint"), columns)
        self.assertEqual(set(columns["table"]["skip"]), {"true", "false"})
        self.assertEqual(len(columns["table"]), 40)

    def test_an_objective_of_optuna(self):
        """It runs as it is behind the class that the page shows; what it does not ask for is inactive."""
        self.write("typed.py", recipe("benchmarks/digits/README.md", "## From Optuna"))
        self.write("mine.py", """
def objective(trial):
    x = trial.suggest_float("x", 0.0, 3.0, step=1.0)
    if trial.suggest_categorical("skip", [True, False]) is True:
        x += trial.suggest_int("units", 8, 64, log=True)
    trial.report(x, step=1)
    return x if not trial.should_prune() else trial.number
""")
        self.write("read.cfg", TYPES % harness.PYTHON)
        self.run_search(3, "read.cfg")
        for trial in self.assert_complete("digits.h5", 40):
            given = trial["parameters"]
            value = given["x"] + given.get("units", 0)
            self.assertEqual((trial["status"], trial["objectives"]["accuracy"]), ("ok", value), trial)
            self.assertEqual(trial["reports"], [[1, value]])

    def read_all(self):
        """The trials as a table, every column of the same length."""
        with h5py.File(self.path("read.h5"), "r") as file:
            trials = file["trials"]
            columns = {name: trials[name][()] for name in ("id", "status", "objective")}
            columns.update({name: data[()] for name, data in trials["parameters"].items()})
            self.assertIn("max_evaluations", file["config"][()].decode())
            self.assertIn("version", file.attrs)
        return pandas.DataFrame(columns)

    def test_read_in_a_loop(self):
        self.write("read.cfg", CONFIG)
        process = self.start(3, "read.cfg")
        self.wait_for(lambda: self.read_if_there() is not None, 30, "a checkpoint")
        sizes, reads = [], 0
        while process.poll() is None:
            sizes.append(len(self.read_all()))
            reads += 1
        self.assertEqual(process.returncode, 0, self.output())
        table = self.read_all()
        self.assertEqual(sizes, sorted(sizes))
        self.assertGreater(reads, 10)
        self.assertEqual(list(table["id"]), list(range(3000)))
        self.assertEqual(set(table["status"]), {b"ok"})
        right = table["k"] == b"right"
        self.assertTrue(table["n"][right].isna().all())
        self.assertTrue(table["n"][~right].between(1, 9).all())

    def read_if_there(self):
        try:
            return self.read_all()
        except FileNotFoundError:
            return None

    def test_results_csv_has_deephypers_columns(self):
        self.write("read.cfg", CONFIG)
        self.run_search(2, "--set", "search.max_evaluations=25", "--set", "evaluator.duration=0.0",
                        "read.cfg")
        rows = self.exported("read.h5")
        self.assertEqual(len(rows), 25)
        for column in ("p:x", "p:k", "p:n", "objective", "job_id", "job_status",
                       "m:timestamp_submit", "m:timestamp_gather"):
            self.assertIn(column, rows[0])
        table = pandas.read_csv(pandas.io.common.StringIO(
            self.dhctl("export", "--format", "csv", "read.h5")))
        self.assertTrue((table["m:timestamp_gather"] >= table["m:timestamp_submit"]).all())
        self.assertTrue(table["objective"].between(0, 200).all())

    def export(self, path, expect=0, **keywords):
        done = subprocess.run([harness.DHCTL, "export", "-o", path, "read.h5"], cwd=self.folder,
                              text=True, stderr=subprocess.PIPE, timeout=60, **keywords)
        self.assertEqual(done.returncode, expect, done.stderr)
        return done.stderr

    def small_search(self):
        """Its results, as they are exported."""
        self.write("read.cfg", CONFIG)
        self.run_search(0, "--set", "search.max_evaluations=200", "--set", "evaluator.duration=0.0",
                        "read.cfg")
        return self.dhctl("export", "read.h5")

    def test_an_export_is_whole_or_the_file_stays(self):
        self.small_search()
        folder = self.tmpfs("200k")
        with open(folder + "/old.csv", "w") as file:
            file.write("good")
        for leave in 0, 4096:
            self.fill(folder, leave)
            for name in "new.csv", "old.csv":
                with self.subTest(leave=leave, name=name):
                    said = self.export(f"{folder}/{name}", expect=74)
                    self.assertIn(f"{folder}/{name}", said)
                    self.assertIn("No space left on device", said)
                    self.assertEqual(self.read(folder + "/old.csv"), "good")
                    self.assertEqual(sorted(os.listdir(folder)), ["filler", "old.csv"])
        os.unlink(folder + "/filler")
        self.export(folder + "/old.csv")
        self.assertEqual(self.read(folder + "/old.csv"), self.dhctl("export", "read.h5"))

    def test_an_export_to_what_is_no_file_of_its_own(self):
        whole = self.small_search()
        self.write("file", "old")
        os.chmod(self.path("file"), 0o640)
        for link, target in (("link", "file"), ("dangling", "other"), ("far", self.path("link"))):
            os.symlink(target, self.path(link))
        for link, target in (("link", "file"), ("dangling", "other"), ("far", "file")):
            self.export(link)
            self.assertTrue(os.path.islink(self.path(link)))
            self.assertEqual(self.read(self.path(target)), whole)
        self.assertEqual(os.stat(self.path("file")).st_mode & 0o777, 0o640)
        self.write("hard", "old")
        os.link(self.path("hard"), self.path("second"))
        self.export("hard")
        self.assertEqual(self.read(self.path("second")), whole)
        with open(self.path("file"), "w") as file:
            self.export("/dev/stdout", stdout=file)
            self.assertEqual(os.fstat(file.fileno()).st_nlink, 1)  # still the file with that name
        self.assertEqual(self.read(self.path("file")), whole)
        os.mkfifo(self.path("pipe"))
        reader = subprocess.Popen(["cat", "pipe"], cwd=self.folder, stdout=subprocess.PIPE, text=True)
        self.export("pipe")
        self.assertEqual(reader.communicate(timeout=60)[0], whole)
        piped = subprocess.run([harness.DHCTL, "export", "-o", "/dev/stdout", "read.h5"], text=True,
                               cwd=self.folder, stdout=subprocess.PIPE, timeout=60)
        self.assertEqual(piped.stdout, whole)
        self.assertIn("/dev/full", self.export("/dev/full", expect=74))
        self.assertIn("nowhere/a.csv", self.export("nowhere/a.csv", expect=74))
        self.assertIn("Is a directory", self.export(self.folder, expect=74))

    def journal(self):
        """One of a search that was killed."""
        process = self.start(0, "--set", "checkpoint.file=killed.h5", "read.cfg")
        journal = self.path("killed.h5-journal")
        self.wait_for(lambda: os.path.exists(journal) and os.path.getsize(journal) > 0, 30, "a journal")
        process.send_signal(signal.SIGKILL)
        process.wait()
        return journal

    def contents(self):
        return {name: self.read(self.path(name)) for name in os.listdir(self.folder)
                if os.path.isfile(self.path(name))}

    def test_an_export_spares_what_searches_write_and_read(self):
        whole = self.small_search()
        self.write("broken.cfg", "evaluator = { type = ;\nparameters\n = (")
        with open(self.path("other.hdf5"), "wb") as file:
            file.write(b"\0" * 1024 + b"\x89HDF\r\n\x1a\n")
        shutil.copy(self.path("read.h5"), self.path("copy.h5"))
        shutil.copy(self.journal(), self.path("read.h5.previous.kept"))
        self.write("read.h5-journal.kept", "")
        os.mkdir(self.path("far"))
        for link, target in ("soft", "read.h5"), ("far/soft", "../soft"), ("dangling", "read.h5.tmp"):
            os.symlink(target, self.path(link))
        os.link(self.path("read.h5"), self.path("hard"))
        os.link(self.path("read.cfg"), self.path("hard.cfg"))
        there = self.contents()
        for name, why in [("read.h5", "the checkpoint read.h5"), ("./read.h5", "the checkpoint"),
                          (self.path("read.h5"), "the checkpoint"), ("far/soft", "the checkpoint"),
                          ("soft", "the checkpoint"), ("hard", "the checkpoint"),
                          ("dangling", "the checkpoint"), ("read.h5.previous", "the checkpoint"),
                          ("read.h5-journal", "the checkpoint"), ("read.h5-journal.7", "the checkpoint"),
                          ("read.h5-lock", "the checkpoint"), ("read.cfg", "a configuration"),
                          ("hard.cfg", "a configuration"), ("broken.cfg", "a configuration"),
                          ("other.hdf5", "an HDF5 file"), ("copy.h5", "a checkpoint"),
                          ("copy.h5-journal.3", "the checkpoint"), ("read.h5-journal.kept", "a file of"),
                          ("read.h5.previous.kept", "a journal")]:
            with self.subTest(name=name):
                said = self.export(name, expect=64)
                self.assertIn(f"{name}: not written", said)
                self.assertIn(why, said)
        with self.subTest("behind what is there, by the shell"), open(self.path("hard"), "a") as end:
            said = self.export("/dev/stdout", expect=64, stdout=end)
            self.assertIn("the checkpoint", said)
        self.assertEqual(there, self.contents())
        for name in "read.h5.csv", "read.h5-journals.csv", "my-read.h5":
            self.export(name)
            self.export(name)  # over an export there is no question
            self.assertEqual(self.read(self.path(name)), whole)

    def test_a_killed_search_is_not_called_running(self):
        self.write("read.cfg", CONFIG)
        process = self.start(0, "read.cfg")
        self.wait_for(lambda: self.read_if_there() is not None, 30, "a checkpoint")
        self.wait_for(lambda: "running" in self.dhctl("status", "read.h5"), 30, "it runs")
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertIn("it no longer runs", self.dhctl("status", "read.h5"))

    def test_a_search_of_another_container_may_run(self):
        """Hosts and containers may share a name; process ids then say nothing."""
        self.small_search()
        with open(self.path("status.json")) as file:
            status = json.load(file)
        here = status["machine"]
        status |= {"finished": False, "pid": 2 ** 22 + 1}  # more than there can be
        for machine, words in (here, "it no longer runs"), (here ^ 1, "running"), (None, "it no longer runs"):
            with self.subTest(machine=machine):
                status |= {"machine": machine, "wall_time": time.time()}
                if machine is None:
                    del status["machine"]  # as older programs wrote it
                self.write("status.json", json.dumps(status))
                self.assertIn(words, self.dhctl("status", "read.h5").splitlines()[-1])

    def test_a_status_that_the_checkpoint_has_overtaken(self):
        """As where status.json is somebody else's and cannot be replaced."""
        self.small_search()
        shutil.copy2(self.path("status.json"), self.path("old.json"))
        time.sleep(1.1)
        self.run_search(0, "--set", "search.max_evaluations=300", "--set", "evaluator.duration=0.0",
                        "read.cfg")
        self.assertIn("300/300 done", self.dhctl("status", "read.h5"))
        shutil.copy2(self.path("old.json"), self.path("status.json"))
        said = self.dhctl("status", "read.h5")
        self.assertIn("300/300 done", said)
        self.assertIn("not running\nstatus.json is of an earlier moment, with 200 done\n", said)
        self.assertEqual(json.loads(self.dhctl("status", "--json", "read.h5"))["done"], 300)
        process = self.start(0, "--set", "search.max_evaluations=3000", "read.cfg")
        self.wait_for(lambda: os.path.exists(self.path("read.h5-lock")), 30, "it runs")
        self.wait_for(lambda: self.status_while(shutil.copy2), 30, "the older status")
        process.send_signal(signal.SIGKILL)
        process.wait()

    def status_while(self, copy):
        """Does it say that the search runs, by the lock? (Which writes its own status every second.)"""
        copy(self.path("old.json"), self.path("status.json"))
        said = self.dhctl("status", "read.h5")
        return "\nrunning\nstatus.json is of an earlier moment, with 200 done\n" in said

    def test_list_says_why_trials_failed(self):
        self.write("read.cfg", CONFIG)
        arguments = "--set", "search.max_evaluations=3", "read.cfg"
        self.run_search(0, "--set", "evaluator.duration=0.0", *arguments)
        self.assertNotIn("reason", self.dhctl("list", "read.h5"))
        self.run_search(0, "--fresh", "--set",
                        'evaluator={ type = "command"; command = "sh -c false"; }', *arguments)
        head, *rows = self.dhctl("list", "--status", "failed", "read.h5").splitlines()
        self.assertTrue(head.endswith("reason"))
        self.assertEqual([row.split("  ")[-1].strip() for row in rows], ["exit code 1"] * 3)


if __name__ == "__main__":
    harness.main()
