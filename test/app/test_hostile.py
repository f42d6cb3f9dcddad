"""Evaluations that crash, hang, flood or lie: each a recorded failure, and nothing is left."""

import os
import subprocess
import unittest

import harness

SPACE = """
search = {{ name = "{name}"; max_evaluations = {evaluations}; seed = 3; }};
objectives = ( {{ name = "value"; goal = "{goal}"; }} );
parameters = ( {{ name = "x"; type = "real"; low = 0.0; high = 1.0; }},
               {{ name = "k"; type = "int"; low = 0; high = 5; }} );
optimizer = {{ method = "random"; }};
evaluator = {{ {evaluator} }};
"""

DEEPHYPER = """
def run(job):
    kind = job["k"]
    if kind < 2:
        return job["x"]
    if kind == 2:
        return "F_nan"
    if kind == 3:
        return {"objective": job.parameters["x"], "metadata": {"epochs": 3, "note": "fine, so far"}}
    if kind == 4:
        return float("nan")
    raise ValueError("five is too many")
"""

PAIR = """
def run(job):
    return job["x"], float(job["k"])
"""

SEGFAULT = """
#include <dh_mpi/plugin.h>
#include <signal.h>
int dh_evaluate(const dh_job *job, dh_result *result)
{
    if (dh_job_int(job, "k", 0) % 3 == 0)
        raise(SIGSEGV);
    result->objective[0] = dh_job_real(job, "x", 0);
    return 0;
}
"""


class Hostile(harness.Case):
    def search(self, name, evaluator, evaluations=8, goal="minimize", ranks=3, **options):
        self.write(f"{name}.cfg", SPACE.format(name=name, evaluator=evaluator, goal=goal,
                                               evaluations=evaluations))
        self.run_search(ranks, f"{name}.cfg", **options)
        self.assert_nothing_left()
        return self.assert_complete(f"{name}.h5", evaluations)

    def shell(self, name, script, **options):
        self.write(f"{name}.sh", "#!/bin/sh\n" + script)
        os.chmod(self.path(f"{name}.sh"), 0o755)
        extra = options.pop("evaluator", "")
        return self.search(name, f'type = "command"; command = ("./{name}.sh", "{{x}}"); {extra}',
                           **options)

    def all_failed(self, trials, status, reason):
        for trial in trials:
            self.assertEqual(trial["status"], status)
            self.assertIn(reason, trial["reason"])
            self.assertIsNone(trial["objectives"]["value"])

    def test_plugin_that_segfaults(self):
        self.write("crash.c", SEGFAULT)
        subprocess.run(["cc", "-shared", "-fPIC", "-I", os.path.join(harness.SOURCE, "include"),
                        "-o", "crash.so", "crash.c"], cwd=self.folder, check=True)
        trials = self.search("crash", 'type = "plugin"; library = "crash.so";', evaluations=30)
        for trial in trials:
            crashes = trial["parameters"]["k"] % 3 == 0
            self.assertEqual(trial["status"], "failed" if crashes else "ok")
            if crashes:
                self.assertIn("signal 11", trial["reason"])
        self.assertGreater(len({t["status"] for t in trials}), 1)

    def test_command_that_hangs(self):
        trials = self.shell("hang", "trap '' TERM INT HUP\nwhile :; do sleep 1; done\n",
                            evaluations=3, evaluator='timeout = "1s"; kill_after = "1s";')
        self.all_failed(trials, "timeout", "timeout")

    def test_command_that_prints_100_megabytes(self):
        trials = self.shell("flood", "head -c 100000000 /dev/zero | tr '\\0' 'x'\n"
                            "head -c 1000000 /dev/urandom >&2\necho\necho DH-OUTPUT: $1\n",
                            evaluations=3)
        for trial in trials:
            self.assertEqual(trial["status"], "ok", trial)
            self.assertEqual(trial["objectives"]["value"], trial["parameters"]["x"])

    def test_command_that_forks_children_and_exits(self):
        trials = self.shell("fork", "sleep 1000 &\nsetsid sh -c 'sleep 1000 & sleep 1000' &\n"
                            "(setsid sleep 1000 >/dev/null 2>&1 &)\necho DH-OUTPUT: $1\n")
        self.assertEqual({t["status"] for t in trials}, {"ok"})

    def test_nan_is_never_a_good_value(self):
        for goal in ("minimize", "maximize"):
            trials = self.shell(f"nan_{goal}", "echo DH-OUTPUT: nan\n", goal=goal)
            self.all_failed(trials, "failed", "nan")
            self.assertIn("no trial", self.dhctl("best", f"nan_{goal}.h5"))

    def test_missing_output(self):
        trials = self.shell("silent", "echo this is why >&2\n")
        self.all_failed(trials, "failed", "DH-OUTPUT")
        self.assertIn("this is why", trials[0]["stderr"])

    def test_exit_code_and_retries(self):
        trials = self.shell("exit", "echo DH-OUTPUT: 1\nexit 3\n", evaluator="retries = 2;")
        self.all_failed(trials, "failed", "exit code 3")
        self.assertEqual({t["retries"] for t in trials}, {2})

    def test_deephyper_run_function(self):
        self.write("deep.py", DEEPHYPER)
        trials = self.search("deep", 'type = "python"; function = "deep.run"; '
                             f'python = "{harness.PYTHON}";', evaluations=40)
        for trial in trials:
            k, x, status = trial["parameters"]["k"], trial["parameters"]["x"], trial["status"]
            self.assertEqual(status, "ok" if k in (0, 1, 3) else "failed")
            if status == "ok":
                self.assertEqual(trial["objectives"]["value"], x)
            expected = {2: "F_nan", 4: "nan", 5: "five is too many"}.get(k)
            if expected:
                self.assertIn(expected, trial["reason"])
            if k == 3:
                self.assertEqual(trial["metadata"], {"epochs": 3, "note": "fine, so far"})

    def test_deephyper_tuple(self):
        self.write("pair.py", PAIR)
        self.write("pair.cfg", SPACE.format(
            name="pair", evaluations=10, goal="minimize",
            evaluator=f'type = "python"; function = "pair.run"; python = "{harness.PYTHON}";')
            .replace('= ( { name = "value"; goal = "minimize"; } )',
                     '= ( { name = "u"; goal = "minimize"; }, { name = "v"; goal = "maximize"; } )'))
        self.run_search(3, "pair.cfg")
        for trial in self.assert_complete("pair.h5", 10):
            self.assertEqual(trial["objectives"], {"u": trial["parameters"]["x"],
                                                   "v": float(trial["parameters"]["k"])})
        self.assertIn("objective_1", self.exported("pair.h5")[0])

    def test_module_that_cannot_be_imported_is_one_message(self):
        self.write("broken.py", "import no_such_module_anywhere\n")
        self.write("broken.cfg", SPACE.format(
            name="broken", evaluations=10, goal="minimize",
            evaluator=f'type = "python"; function = "broken.run"; python = "{harness.PYTHON}";'))
        _, log = self.run_search(3, "broken.cfg", expect=78)
        self.assertIn("no_such_module_anywhere", log)
        self.assert_nothing_left()

    def test_values_never_reach_a_shell(self):
        trials = self.search(
            "quote", 'type = "command"; command = ("sh", "-c", "echo DH-OUTPUT: $(echo $1 | wc -w)",'
            ' "sh", "{x}; touch pwned; {k}");')
        self.assertEqual({t["objectives"]["value"] for t in trials}, {4.0})
        self.assertFalse(os.path.exists(self.path("pwned")))

    def test_no_mpi_variables_and_own_folder(self):
        script = ('env | grep -E "^(OMPI|PMIX|PMI|PRTE)_" | grep -v ALLOW_RUN_AS_ROOT && exit 1\n'
                  'test -f parameters.json || exit 2\necho DH-OUTPUT: $DH_ID\n')
        self.write("env.sh", "#!/bin/sh\n" + script)
        os.chmod(self.path("env.sh"), 0o755)
        trials = self.search("env", f'type = "command"; command = ("{self.path("env.sh")}"); '
                             'runs = "runs";')
        for trial in trials:
            self.assertEqual(trial["objectives"]["value"], trial["id"], trial)
            folder = os.path.join(self.folder, "runs", str(trial["id"]))
            self.assertEqual(sorted(os.listdir(folder)), ["parameters.json", "stderr", "stdout"])

    def test_resources_go_to_slots(self):
        trials = self.shell("gpu", "echo DH-OUTPUT: $GPU$DH_SLOT\n", evaluations=24, evaluator=
                            'slots = 3; resources = { GPU = ["4", "5", "6"]; };')
        self.assertEqual({t["objectives"]["value"] for t in trials}, {40.0, 51.0, 62.0})
        for trial in trials:
            self.assertEqual(trial["objectives"]["value"] % 10, trial["slot"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
