"""Death at crash points of the real program, the same search resumed by every method, and places
that a search cannot work in: locked, read-only, full, or gone.

DH_LONG=1 in the environment dies at more points.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess

import harness

CRASHING = os.environ["DH_MPI_CRASH"]  # dh_mpi with crash points
SAME_MODEL = os.environ["DH_SAME_MODEL"]
LONG = bool(os.environ.get("DH_LONG"))

CONFIG = """
search = {{ name = "crash"; seed = 11; max_evaluations = {evaluations}; }};
objectives = ( {{ name = "value"; goal = "minimize"; }} );
{parameters}
optimizer = {{ {optimizer} }};
evaluator = {{ type = "builtin"; function = "sphere"; duration = {duration}; }};
checkpoint = {{ file = "{file}"; interval = "{interval}"; }};
"""


class Case(harness.Case):
    def configure(self, evaluations=60, optimizer='method = "random";', duration=0.01,
                  file="crash.h5", interval="1s"):
        return self.write("crash.cfg", CONFIG.format(
            evaluations=evaluations, parameters=harness.PARAMETERS, optimizer=optimizer,
            duration=duration, file=file, interval=interval))

    def die(self, ranks, point, *arguments):
        """Run with crash points until death at one of them. Was it reached?"""
        program = harness.DH_MPI
        harness.DH_MPI = CRASHING
        try:
            process = self.start(ranks, *arguments, "crash.cfg", env={"DH_CRASH": point})
        finally:
            harness.DH_MPI = program
        code = process.wait(240)
        self.assert_nothing_left()
        return code != 0

    def wipe(self):
        for name in os.listdir(self.folder):
            if name.startswith("crash.h5"):
                os.unlink(self.path(name))

    def finished(self, checkpoint):
        return {t["id"]: t for t in self.trials(checkpoint) if t["status"] in harness.FINISHED}

    def verify(self, checkpoint, expect):
        done = subprocess.run([harness.DHCTL, "verify", "--json", checkpoint], cwd=self.folder,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return json.loads(done.stdout)


class Points(Case):
    POINTS = ["journal.half:9", "journal.written:20", "rotate.sealed:2", "rotate.half:3",
              "checkpoint.half:2", "checkpoint.renamed:2", "previous.removed:1",
              "obsolete.removed:1", "close.remove:1", "lock.created:1"]
    MORE = ["journal.write:1", "journal.synced:1", "seal.sync:2", "rotate.create:1",
            "rotate.created:2", "rotate.header:2", "rotate.started:1", "checkpoint.begin:1",
            "checkpoint.created:1", "checkpoint.written:1", "checkpoint.synced:2",
            "previous.linked:1", "checkpoint.durable:1", "close.removed:1", "lock.owned:1",
            "lock.release:1", "lock.released:1", "open.swept:1", "folder.synced:1"]

    def test_under_mpi(self):
        for point in self.POINTS + (self.MORE if LONG else []):
            with self.subTest(point=point):
                self.wipe()
                self.configure(duration=0.1)
                self.assertTrue(self.die(3, point), f"{point} was not reached\n{self.output()}")
                there = any(n.startswith("crash.h5") and n != "crash.h5-lock"
                            and not n.endswith(".new") for n in os.listdir(self.folder))
                before = self.finished("crash.h5") if there else {}
                self.run_search(3, "crash.cfg")
                after = {t["id"]: t for t in self.assert_complete("crash.h5", 60)}
                for number, trial in before.items():
                    self.assertEqual(after[number], trial, "a finished trial changed")

    def test_not_in_the_release(self):
        for program in (harness.DH_MPI, harness.DHCTL):
            with open(program, "rb") as binary:
                self.assertNotIn(b"DH_CRASH", binary.read())
        with open(CRASHING, "rb") as binary:
            self.assertIn(b"DH_CRASH", binary.read())


class Same(Case):
    """One worker, a fixed seed: killed several times, exactly the trials of one never killed."""

    EVALUATIONS = 40

    def methods(self):
        self.configure(optimizer='method = "nosuchmethod";')
        error = self.dhctl("check", "crash.cfg", expect=78)
        return re.search(r"there are ([a-z0-9_, -]+)", error).group(1).replace(",", "").split()

    def proposals(self, checkpoint):
        return [(t["id"], t["parameters"], t["seed"], t["objectives"])
                for t in self.trials(checkpoint)]

    def compare(self, method, ranks, deaths):
        optimizer = f'method = "{method}";'
        if method == "list":
            optimizer += ' file = "points.csv";'
        self.configure(evaluations=self.EVALUATIONS, optimizer=optimizer, duration=0)
        self.run_search(ranks, "--set", "checkpoint.file=whole.h5", "--fresh", "crash.cfg")
        self.wipe()
        for point in deaths:
            self.assertTrue(self.die(ranks, point), f"{point} was not reached\n{self.output()}")
        self.run_search(ranks, "crash.cfg")
        self.assertEqual(self.proposals("crash.h5"), self.proposals("whole.h5"))
        self.assert_complete("crash.h5", self.EVALUATIONS)

    def test_every_method(self):
        methods = self.methods()
        self.assertIn("random", methods)
        self.configure(evaluations=self.EVALUATIONS, duration=0, file="points.h5")
        self.run_search(0, "crash.cfg")
        self.dhctl("export", "--format", "csv", "-o", "points.csv", "points.h5")
        deaths = ["journal.written:8", "journal.half:14", "journal.write:9", "journal.written:21"]
        for method in methods:
            with self.subTest(method=method):
                self.compare(method, 0, deaths)

    def test_model_under_mpi(self):
        self.compare("ambs", 2, ["journal.written:31", "journal.half:9", "rotate.sealed:1"])

    def test_model_with_many_workers(self):
        """Results come in any order, trials are pending all the time: what is proposed before and
        after each death is what a search proposes that was told the same events and never died.
        """
        for surrogate in ("auto", "et"):
            with self.subTest(surrogate=surrogate):
                for _ in range(10):  # a busy machine may be late, see same_model.c
                    done = self.die_and_compare(surrogate)
                    if done.returncode != 3:
                        break
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertIn("60 trials", done.stdout)

    def die_and_compare(self, surrogate):
        self.wipe()
        self.configure(evaluations=60, duration=0.15,
                       optimizer=f'method = "ambs"; surrogate = "{surrogate}"; effort = 2;')
        pending = 0
        for point in ("journal.written:20", "journal.half:8", "journal.written:6"):
            self.assertTrue(self.die(4, point), f"{point} was not reached")
            pending += sum(t["status"] == "pending" for t in self.trials("crash.h5"))
        self.assertGreater(pending, 0)
        self.run_search(4, "crash.cfg")
        self.assert_complete("crash.h5", 60)
        return subprocess.run([SAME_MODEL, "crash.h5"], cwd=self.folder, text=True,
                              capture_output=True, timeout=300)


class Places(Case):
    def test_two_searches(self):
        self.configure(evaluations=2000, duration=0.02)
        first = self.start(0, "crash.cfg")
        self.wait_for(lambda: os.path.exists(self.path("crash.h5-journal")), 30, "a journal")
        second = subprocess.run([harness.DH_MPI, "crash.cfg"], cwd=self.folder, text=True,
                                env=self.environment(), capture_output=True, timeout=60)
        self.assertEqual(second.returncode, 74, second.stderr)
        self.assertIn("another search works on this checkpoint", second.stderr)
        self.assertIn(f"process {first.pid} on {socket.gethostname()} since ", second.stderr)
        self.assertIn(f"process {first.pid}", self.verify("crash.h5", 0)["running"])
        os.kill(first.pid, signal.SIGKILL)  # a dead owner does not hold it
        first.wait(30)
        before = self.finished("crash.h5")
        self.run_search(0, "--set", f"search.max_evaluations={len(before) + 5}", "crash.cfg")
        self.assert_complete("crash.h5", len(before) + 5)

    def content(self, folder):
        content = {}
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as file:
                content[name] = file.read()
        return content

    def test_read_only_folder(self):
        folder = self.tmpfs("8m")
        self.configure(evaluations=20, file=folder + "/crash.h5")
        self.run_search(0, "crash.cfg")
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        before = self.content(folder)
        for arguments in ([], ["--fresh"]):
            _, log = self.run_search(0, *arguments, "--set", "search.max_evaluations=30",
                                     "crash.cfg", expect=74)
            self.assertIn(folder + "/crash.h5-lock", log)
            self.assertIn("Read-only file system", log)
        self.assertEqual(self.content(folder), before)
        self.assertEqual(len(self.trials(folder + "/crash.h5")), 20)  # dhctl needs no more
        self.assertEqual(self.verify(folder + "/crash.h5", 0)["verdict"], "sound")

    def assert_counted(self, out, log, saved):
        """The results that the search had and the files have not are the last thing it says."""
        done = re.search(r"(?m)^evaluations +ok (\d+)", out)
        unsaved = int(done.group(1)) - saved if done else 0
        said = re.findall(r"(\d+) results? could not be saved and will be evaluated again: .*"
                          "No space left on device", log)
        self.assertEqual(said, [str(unsaved)] if unsaved else [], out + log)
        if unsaved:
            ours = [line for line in log.splitlines() if re.match(harness.STAMP, line)]
            self.assertIn("could not be saved", ours[-1], log)

    def full_disk(self, ranks, leave):
        folder = self.tmpfs("2m")
        self.configure(evaluations=3000, duration=0, file=folder + "/crash.h5", interval="1h")
        self.run_search(ranks, "--set", "search.max_evaluations=200", "crash.cfg")
        self.fill(folder, leave)
        out, log = self.run_search(ranks, "crash.cfg", expect=74)
        self.assertIn("No space left on device", log)
        self.assertIn(folder + "/crash.h5", log)
        self.assertEqual(self.verify(folder + "/crash.h5", 0)["verdict"], "sound")
        before = self.finished(folder + "/crash.h5")
        self.assertGreaterEqual(len(before), 200)
        self.assert_counted(out, log, len(before))
        os.unlink(folder + "/filler")
        self.run_search(ranks, "crash.cfg")
        after = {t["id"]: t for t in self.assert_complete(folder + "/crash.h5", 3000)}
        for number, trial in before.items():
            self.assertEqual(after[number], trial)
        return before

    def test_disk_fills_up(self):
        self.assertGreater(len(self.full_disk(3, 64 << 10)), 250)

    def test_disk_fills_up_in_one_process(self):
        self.assertGreater(len(self.full_disk(0, 64 << 10)), 250)

    def test_disk_is_full(self):
        self.full_disk(0, 0)

    def test_run_folders_cannot_be_made(self):
        """Said once; no trial is to blame, and all are evaluated when the folder can be used."""
        folder = self.tmpfs("1m")
        self.configure(evaluations=12)
        evaluator = f'type = "command"; command = "echo DH-OUTPUT: {{x}}"; runs = "{folder}/runs";'
        self.write("crash.cfg", re.sub("(?m)^evaluator.*$", "evaluator = { %s };" % evaluator,
                                       self.read(self.path("crash.cfg"))))
        self.fill(folder, 0)
        _, log = self.run_search(3, "crash.cfg", expect=74)
        self.assertEqual(log.count("No space left on device"), 1, log)
        self.assertIn(folder + "/runs", log)
        self.assertEqual({t["status"] for t in self.trials("crash.h5")}, {"pending"})
        os.unlink(folder + "/filler")
        shutil.rmtree(folder + "/runs")
        self.write("mount/runs", "a file")
        _, log = self.run_search(3, "crash.cfg", expect=74)
        self.assertEqual(log.count("cannot make the folder"), 1, log)
        os.unlink(folder + "/runs")
        self.run_search(3, "crash.cfg")
        self.assertEqual({t["status"] for t in self.assert_complete("crash.h5", 12)}, {"ok"})

    def test_journal_is_removed(self):
        self.configure(evaluations=300, duration=0.02, interval="2s")
        process = self.start(3, "crash.cfg")
        self.wait_for(lambda: os.path.exists(self.path("crash.h5")), 30, "a checkpoint")
        os.unlink(self.path("crash.h5-journal"))
        self.assertEqual(process.wait(240), 0, self.output())
        self.assertEqual(self.output().count("crash.h5-journal was removed by somebody else"), 1)
        self.assert_complete("crash.h5", 300)

    def test_folder_vanishes(self):
        os.mkdir(self.path("data"))
        self.configure(evaluations=100000, duration=0.01, file="data/crash.h5", interval="1s")
        process = self.start(3, "crash.cfg")
        self.wait_for(lambda: os.path.exists(self.path("data/crash.h5-journal")), 30, "a journal")
        while os.path.exists(self.path("data")):  # the search may make a file meanwhile
            shutil.rmtree(self.path("data"), ignore_errors=True)
        self.assertEqual(process.wait(240), 74, self.output())
        self.assertIn("data/crash.h5", self.output())
        self.assertIn("No such file or directory", self.output())
        self.assert_nothing_left()


class Verify(Case):
    def setUp(self):
        super().setUp()
        self.configure(evaluations=60, interval="1h")
        self.die(0, "journal.written:70")  # 60 evaluations are twice as many events

    def damage(self, name, at):
        with open(self.path(name), "r+b") as file:
            size = os.path.getsize(self.path(name))
            file.seek(at % size)
            byte = file.read(1)
            file.seek(at % size)
            file.write(bytes([byte[0] ^ 0x10]))

    def test_after_a_kill(self):
        report = self.verify("crash.h5", 0)
        trials = self.trials("crash.h5")
        self.assertEqual(report["verdict"], "sound")
        self.assertEqual(report["resume"]["trials"], len(trials))
        self.assertEqual(report["resume"]["ended"], len(self.finished("crash.h5")))
        self.assertIsNone(report["running"])
        self.assertIn("verdict  sound", self.dhctl("verify", "crash.cfg"))

    def test_torn_record(self):
        os.truncate(self.path("crash.h5-journal"),
                    os.path.getsize(self.path("crash.h5-journal")) - 5)
        report = self.verify("crash.h5", 0)
        self.assertGreater(report["files"][-1]["torn_bytes"], 0)

    def test_damage_and_what_is_lost(self):
        size = os.path.getsize(self.path("crash.h5-journal"))
        whole = self.verify("crash.h5", 0)["resume"]["event"]
        self.damage("crash.h5-journal", size - 1500)
        report = self.verify("crash.h5", 74)
        self.assertEqual(report["verdict"], "events lost")
        self.assertEqual(report["resume"]["event"] + report["lost_events"], whole)
        _, log = self.run_search(0, "crash.cfg")
        self.assertIn("crash.h5-journal.damaged keeps it", log)
        self.assert_complete("crash.h5", 60)

    def test_previous_serves(self):
        for evaluations in (60, 70):
            self.run_search(0, "--set", f"search.max_evaluations={evaluations}", "crash.cfg")
        self.damage("crash.h5", os.path.getsize(self.path("crash.h5")) // 2)
        report = self.verify("crash.h5", 74)
        self.assertEqual(report["verdict"], "damaged, nothing lost")
        self.assertTrue(report["resume"]["used_previous"])
        self.assertEqual(report["resume"]["ended"], 70)
        _, log = self.run_search(0, "--set", "search.max_evaluations=80", "crash.cfg")
        self.assertIn("crash.h5.previous is used", log)
        self.assert_complete("crash.h5", 80)
        self.assertEqual(self.verify("crash.h5", 0)["verdict"], "sound")

    def test_nothing_there(self):
        self.assertIn("no checkpoint", self.dhctl("verify", "nowhere.h5", expect=74))
        self.assertIn("Example", self.dhctl("verify", "--help"))


if __name__ == "__main__":
    harness.main()
