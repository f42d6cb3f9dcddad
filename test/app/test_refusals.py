"""What --check finds before a search starts, and which ends no job script may submit again."""

import os
import subprocess
import unittest

import harness

CONFIG = """
search = { name = "no"; max_evaluations = 40; max_failures = 5; };
parameters = (
  { name = "x"; type = "real"; low = 0.0; high = 1.0; },
  { name = "n"; type = "int"; low = 0; high = 9; }
);
initial = ( { x = 0.5; n = 3; } );
optimizer = { method = "random"; };
evaluator = { type = "command"; command = ("sh", "-c", "exit 3"); };
"""


class Refusals(harness.Case):
    def run_alone(self, *arguments, stdout=subprocess.PIPE):
        self.write("no.cfg", CONFIG)
        return subprocess.run([harness.DH_MPI, *arguments, "no.cfg"], cwd=self.folder, text=True,
                              stdout=stdout, stderr=subprocess.PIPE, env=self.environment(),
                              timeout=120)

    def refused(self, code, words, *arguments, **keywords):
        done = self.run_alone(*arguments, **keywords)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(words, done.stderr)

    def test_check_finds_constraints_that_never_hold(self):
        for method in "random", "sobol", "lhs":
            self.refused(78, "the constraints held at none", "--check", "--set",
                         f"optimizer.method={method}", "--set", 'constraints = ("x < 0 or n > 9")',
                         "--set", "initial = ()")
        done = self.run_alone("--check", "--set", 'constraints = ("x > 0.2 and n == 3")')
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_check_finds_a_folder_that_is_not_there(self):
        self.refused(74, "nowhere", "--check", "--set", "checkpoint.file=nowhere/no.h5")

    def test_failures_in_a_row_are_not_submitted_again(self):
        done = self.run_alone()
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertIn("too many failures in a row", done.stdout)
        self.assertEqual(len(self.trials("no.h5")), 5)

    def test_stdout_that_cannot_be_written(self):
        with open("/dev/full", "w") as full:
            self.refused(74, "standard output", "--check", stdout=full)
            self.refused(74, "standard output", "--set", "search.max_evaluations=1", stdout=full)
        self.assertTrue(os.path.exists(self.path("no.h5")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
