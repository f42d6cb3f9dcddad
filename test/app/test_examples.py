"""The shipped examples, on real input, with small budgets, and what `meson install` leaves."""

import os
import shutil
import subprocess

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

    def test_command_with_files(self):
        """A code that has input and output files, behind a driver script: it gives what the awk
        script gives."""
        if not shutil.which("gfortran"):
            self.skipTest("gfortran is not installed")
        source = os.path.join(harness.SOURCE, "benchmarks", "command")
        for name in os.listdir(source):
            shutil.copy(os.path.join(source, name), self.folder)
        subprocess.run(["gfortran", "-O2", "-o", "epidemic", "epidemic.f90"], cwd=self.folder,
                       check=True)
        self.run_search(4, "--set", "search.max_evaluations=20", "code.cfg")
        self.assert_nothing_left()
        self.run_search(4, "--set", "search.max_evaluations=20", "command.cfg")
        models = set()
        for code, script in zip(self.assert_complete("code.h5", 20), self.trials("epidemic.h5")):
            self.assertEqual(code["parameters"], script["parameters"])
            models.add(code["parameters"]["model"])
            if script["metadata"]["never_infected"] > 500:
                self.assertEqual(code["reason"], "F_no_outbreak")
                continue
            self.assertEqual(code["status"], "ok", code)
            self.assertAlmostEqual(code["objectives"]["error"], script["objectives"]["error"], 4)
        self.assertEqual(models, {"sir", "seir"})


    def test_driver_for_any_text(self):
        """Copied to another code: texts arrive as they are, and nothing goes wrong unnoticed."""
        source = os.path.join(harness.SOURCE, "benchmarks", "command", "driver.sh")
        shutil.copy(source, self.folder)
        texts = ["k&e", "a|b", "c\\d", "{n}", "{none}", "a/b", "two  blanks ", "$(id)", "'\"`", "ü"]
        values = ", ".join('"' + t.replace("\\", "\\\\").replace('"', '\\"') + '"' for t in texts)
        self.write("driver.cfg", f"""
search = {{ name = "driver"; max_evaluations = {len(texts)}; }};
parameters = ( {{ name = "text"; type = "categorical"; values = ({values}); }},
               {{ name = "n"; type = "constant"; value = 7; }} );
optimizer = {{ method = "grid"; }};
evaluator = {{ type = "command"; command = ("{{folder}}/driver.sh", "{{folder}}"); runs = "runs"; }};
""")
        self.write("params.template", "n={n} text={text}{n}\nleft out {gone}\nlast & line\\\n")
        os.chmod(self.write("epidemic", "#!/bin/sh\nprintf 'error 1\\nnever_infected 2\\n' >results.out\n"),
                 0o755)
        self.run_search(0, "driver.cfg")
        for trial in self.assert_complete("driver.h5", len(texts)):
            self.assertEqual(trial["status"], "ok", trial)
            self.assertEqual(self.read(self.path(f"runs/{trial['id']}/params.in")),
                             f"n=7 text={trial['parameters']['text']}7\nlast & line\\\n")
        self.write("epidemic", "#!/bin/sh\necho error 1 >results.out\n")
        self.run_search(0, "--fresh", "driver.cfg")
        for trial in self.assert_complete("driver.h5", len(texts)):
            self.assertEqual(trial["status"], "failed", trial)
            self.assertIn("exit code", trial["reason"])
            self.assertIn("left: is not in results.out", trial["stderr"])
        os.unlink(self.path("params.template"))
        self.run_search(0, "--fresh", "driver.cfg")
        for trial in self.assert_complete("driver.h5", len(texts)):
            self.assertEqual(trial["status"], "failed", trial)
            self.assertIn("exit code", trial["reason"])
            self.assertIn("params.template", trial["stderr"])


class Installed(harness.Case):
    def test_a_plugin_and_a_search(self):
        """With the installed files alone: what a user sees where dh_mpi is a module."""
        root = self.path("root")
        subprocess.run(["meson", "install", "-C", harness.BUILD, "--no-rebuild", "--quiet"],
                       env=os.environ | {"DESTDIR": root}, check=True, timeout=120)
        files = {name: os.path.join(folder, name)
                 for folder, _, names in os.walk(root) for name in names}
        self.assertEqual(set(files), {"dh_mpi", "dhctl", "plugin.h"})

        include = files["plugin.h"].removesuffix("/dh_mpi/plugin.h")
        evaluator = self.nap("plugin", 0.001, include)
        self.write("test.cfg", f"""search = {{ name = "installed"; max_evaluations = 12; }};
{harness.PARAMETERS}
evaluator = {{ {evaluator} }};
checkpoint = {{ file = "test.h5"; }};
""")
        run = subprocess.run([files["dh_mpi"], "test.cfg"], cwd=self.folder, env=self.environment(),
                             capture_output=True, text=True, timeout=120, check=True)
        self.assertIn("x = ", run.stdout)
        self.assert_complete("test.h5", 12)
        best = subprocess.run([files["dhctl"], "best", "test.h5"], cwd=self.folder,
                              capture_output=True, text=True, timeout=60, check=True)
        self.assertIn("x = ", best.stdout)


if __name__ == "__main__":
    harness.main()
