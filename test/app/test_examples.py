"""The shipped examples, on real input, with small budgets."""

import os
import shutil
import unittest

import harness


class Examples(harness.Case):
    def run_example(self, folder, evaluations, *more):
        source = os.path.join(harness.SOURCE, "benchmarks", folder)
        for name in os.listdir(source):
            if os.path.isfile(os.path.join(source, name)):
                shutil.copy(os.path.join(source, name), self.folder)
        checkpoint = f"{folder}.h5"
        self.run_search(4, "--set", f"search.max_evaluations={evaluations}",
                        "--set", f"checkpoint.file={checkpoint}", *more, f"{folder}.cfg",
                        timeout=300)
        self.assert_nothing_left()
        trials = self.assert_complete(checkpoint, evaluations)
        failed = [t for t in trials if t["status"] != "ok"]
        self.assertEqual(failed, [])
        return trials

    def test_digits(self):
        trials = self.run_example("digits", 12)
        scores = [t["objectives"]["accuracy"] for t in trials]
        self.assertGreater(max(scores), 0.9)
        self.assertGreater(len({len(t["parameters"]) for t in trials}), 1, "nothing conditional")

    def test_xgboost(self):
        library = os.path.join(harness.BUILD, "benchmarks", "xgboost", "libdh_xgboost.so")
        if not os.path.exists(library):
            self.skipTest("libxgboost-dev is not installed")
        self.run_example("xgboost", 12, "--set", f"evaluator.library={library}")

    def test_command(self):
        self.run_example("command", 20)


if __name__ == "__main__":
    unittest.main(verbosity=2)
