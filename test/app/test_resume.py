"""A search that is killed and goes on: nothing lost, nothing twice, the budget exact."""

import json
import os
import random
import re
import signal
import time

import harness

CONFIG = """
search = {{ name = "kill"; seed = 7; max_evaluations = {evaluations}; }};
objectives = ( {{ name = "value"; goal = "minimize"; }} );
{parameters}
optimizer = {{ method = "random"; }};
evaluator = {{ {evaluator} }};
checkpoint = {{ file = "kill.h5"; interval = "1s"; }};
"""


class Case(harness.Case):
    def configure(self, evaluations, kind="builtin"):
        self.write("kill.cfg", CONFIG.format(evaluations=evaluations, parameters=harness.PARAMETERS,
                                             evaluator=self.nap(kind, 0.02)))


class Killed(Case):
    def kill_and_finish(self, kind, ranks_before, ranks_after, delay, evaluations=120):
        self.configure(evaluations, kind)
        process = self.start(ranks_before, "kill.cfg")
        self.wait_for(lambda: os.path.exists(self.path("kill.h5-journal")), 30, "a journal")
        time.sleep(delay)
        rank = self.ranks(process).get(0)
        if rank:
            os.kill(rank, signal.SIGKILL)
        process.wait(120)
        self.assert_nothing_left()
        trials = self.trials("kill.h5")
        before = {t["id"]: t for t in trials if t["status"] != "pending"}
        _, log = self.run_search(ranks_after, "kill.cfg")
        ours = [line for line in log.splitlines() if re.match(harness.STAMP, line)]
        # MPI may have said something before; without a trial there is nothing to resume
        self.assertIn("resuming kill.h5" if trials else "new search", ours[0])
        after = {t["id"]: t for t in self.assert_complete("kill.h5", evaluations)}
        for number, trial in before.items():
            self.assertEqual(after[number], trial, "a finished trial changed")

    def test_random_moments(self):
        moments = random.Random(20261121)
        for kind in ("builtin", "command", "python"):
            for _ in range(2):
                with self.subTest(kind=kind):
                    for name in os.listdir(self.folder):
                        if name.startswith("kill.h5"):
                            os.unlink(self.path(name))
                    self.kill_and_finish(kind, 4, 4, moments.uniform(0.05, 1.0))

    def test_two_ranks_then_five(self):
        self.kill_and_finish("builtin", 2, 5, 0.5)

    def test_finished_search_evaluates_nothing_more(self):
        self.configure(20)
        self.run_search(3, "kill.cfg")
        first = self.trials("kill.h5")
        out, _ = self.run_search(3, "kill.cfg")
        self.assertIn("best", out)
        self.assertEqual(self.trials("kill.h5"), first)

    def test_longer_budget(self):
        self.configure(20)
        self.run_search(3, "kill.cfg")
        first = self.trials("kill.h5")
        self.run_search(2, "--set", "search.max_evaluations=30", "kill.cfg")
        self.assertEqual(self.assert_complete("kill.h5", 30)[:20], first)

    def reach_a_target(self):
        """One of six points has a value, the others' evaluations wait for the file `open`."""
        self.write("target.cfg", """
search = { name = "target"; max_evaluations = 20; target = 5.0; };
objectives = ( { name = "value"; goal = "maximize"; } );
parameters = ( { name = "x"; type = "int"; low = 0; high = 5; } );
optimizer = { method = "grid"; levels = 10; order = "sorted"; };
evaluator = { type = "command"; slots = 4; command = ("sh", "-c",
  "if [ {x} != 0 ]; then [ -e open ] || sleep 60; fi; echo DH-OUTPUT: 9"); };
checkpoint = { file = "target.h5"; };
""")
        self.run_search(0, "target.cfg")
        self.assertEqual([t["status"] for t in self.trials("target.h5")],
                         ["ok"] + ["cancelled"] * 3)

    def test_a_higher_target_evaluates_what_was_cancelled(self):
        self.reach_a_target()
        report = json.loads(self.dhctl("verify", "--json", "target.h5"))["resume"]
        self.assertEqual((report["trials"], report["ended"], report["cancelled"],
                          report["pending"]), (4, 1, 3, 0))
        self.assertIn("4 trials: 1 ended, 3 cancelled, 0 to evaluate again",
                      self.dhctl("verify", "target.h5"))
        self.write("open", "")
        out, err = self.run_search(0, "--set", "search.target=1000.0", "target.cfg")
        self.assertIn("1 evaluations done, 0 to evaluate again", err)
        self.assertIn("6 evaluations", out)
        done = [t["parameters"]["x"] for t in self.trials("target.h5") if t["status"] == "ok"]
        self.assertEqual(sorted(done), list(range(6)))

    def test_what_was_cancelled_is_no_old_result(self):
        self.reach_a_target()
        self.write("open", "")
        self.write("old.csv", self.dhctl("export", "--format", "csv", "target.h5"))
        config = self.read(self.path("target.cfg")).replace("target.h5", "again.h5") \
            .replace("target = 5.0", "target = 1000.0")
        for old in "target.h5", "old.csv":
            for method, expected, said in (
                    (f'"ambs"; }}; warm_start = [ "{old}" ]', [1, 2, 3, 4, 5], 1),
                    (f'"list"; file = "{old}"; }}', [0, 1, 2, 3], 0)):  # it is to evaluate them
                with self.subTest(old=old, method=method):
                    self.write("again.cfg", config.replace(
                        '"grid"; levels = 10; order = "sorted"; }', method))
                    _, log = self.run_search(0, "--fresh", "again.cfg")
                    trials = self.assert_complete("again.h5", len(expected))
                    self.assertEqual(sorted(t["parameters"]["x"] for t in trials), expected)
                    self.assertEqual(log.count(f"{old}: 3 cancelled or pruned, left out"), said, log)

    def test_initial_points_that_are_not_evaluated_are_named(self):
        config = self.write("first.cfg", """
search = { name = "first"; max_evaluations = 4; max_failures = 2; };
parameters = ( { name = "x"; type = "int"; low = 0; high = 99; } );
initial = ( { x = 3; }, { x = 5; } );
optimizer = { method = "ambs"; initial_points = 2; };
evaluator = { type = "command"; command = ("sh", "-c", "test -e mended && echo DH-OUTPUT: 1"); };
""")
        said = "initial: 2 of 2 points failed in an earlier run, so not evaluated again"
        out, err = self.run_search(0, config, expect=78)
        self.assertIn("what failed stays failed (--fresh starts anew)", out + err)
        self.assertNotIn("initial:", err)
        self.write("mended", "")
        _, err = self.run_search(0, "-q", "--set", "search.max_evaluations=3", config)
        self.assertIn(said, err)
        self.write("old.csv", "x,objective\n5,2\n")
        _, err = self.run_search(0, "-q", "--fresh", "--set", 'warm_start=("old.csv")', config)
        self.assertIn("initial: 1 of 2 points are among those of warm_start, so not evaluated again", err)
        self.assertNotIn(5, [t["parameters"]["x"] for t in self.trials("first.h5")])
        _, err = self.run_search(0, "--fresh", config)
        self.assertNotIn("initial:", err)

    def test_another_space_is_refused(self):
        self.configure(10)
        self.run_search(2, "kill.cfg")
        _, log = self.run_search(2, "--set", "parameters.n.high=50", "kill.cfg", expect=78)
        self.assertIn("n: high was", log)
        self.assertIn("learns from it by warm_start", log)
        self.assert_complete("kill.h5", 10)
        old = ("--set", "optimizer={}", "--set", 'warm_start=["kill.h5"]')
        _, log = self.run_search(2, "--set", "parameters.n.high=50", "--set",
                                 "checkpoint.file=wider.h5", *old, "kill.cfg")
        self.assertNotIn("own checkpoint", log)
        self.assert_complete("wider.h5", 10)
        _, log = self.run_search(2, *old, "kill.cfg")
        self.assertIn("kill.h5 is this search's own checkpoint", log)
        self.run_search(2, "--fresh", "--set", "parameters.n.high=50", "kill.cfg")
        self.assert_complete("kill.h5", 10)
        self.assert_complete("kill.h5.1", 10)

    def test_same_trials_as_without_a_kill(self):
        self.configure(60)
        self.run_search(2, "--set", "checkpoint.file=whole.h5", "kill.cfg")
        whole = [t["parameters"] for t in self.trials("whole.h5")]
        process = self.start(2, "kill.cfg")
        self.wait_for(lambda: os.path.exists(self.path("kill.h5-journal")), 30, "a journal")
        time.sleep(0.4)
        os.kill(self.ranks(process)[0], signal.SIGKILL)
        process.wait(120)
        self.run_search(4, "kill.cfg")
        self.assertEqual([t["parameters"] for t in self.trials("kill.h5")], whole)


class Stopped(Case):
    def test_signal_stops_resumably(self):
        self.configure(200)
        process = self.start(3, "kill.cfg")
        self.wait_for(lambda: os.path.exists(self.path("kill.h5-journal")), 30, "a journal")
        time.sleep(0.5)
        os.kill(self.ranks(process)[0], signal.SIGTERM)
        self.assertEqual(process.wait(120), 75, self.output())
        self.assert_nothing_left()
        self.run_search(3, "kill.cfg")
        self.assert_complete("kill.h5", 200)

    def test_max_time_stops_resumably(self):
        self.configure(100000)
        self.run_search(3, "--set", "search.max_time=1s", "kill.cfg", expect=75)
        ended = [t for t in self.trials("kill.h5") if t["status"] == "ok"]
        self.assertGreater(len(ended), 0)
        self.run_search(3, "--set", f"search.max_evaluations={len(ended) + 50}", "kill.cfg")
        self.assert_complete("kill.h5", len(ended) + 50)


if __name__ == "__main__":
    harness.main()
