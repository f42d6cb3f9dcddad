"""Reading a checkpoint with other programs while the search replaces it, and with dhctl."""

import signal
import unittest

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


class Reading(harness.Case):
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

    def test_a_killed_search_is_not_called_running(self):
        self.write("read.cfg", CONFIG)
        process = self.start(0, "read.cfg")
        self.wait_for(lambda: self.read_if_there() is not None, 30, "a checkpoint")
        self.wait_for(lambda: "running" in self.dhctl("status", "read.h5"), 30, "it runs")
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertIn("it no longer runs", self.dhctl("status", "read.h5"))

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
    unittest.main(verbosity=2)
