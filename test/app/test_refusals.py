"""What --check finds before a search starts, and which ends no job script may submit again."""

import json
import os
import subprocess

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

    def test_check_refuses_what_the_search_would(self):
        self.run_alone()
        other = "--set", 'objectives = ({ name = "loss"; goal = "minimize"; })'
        for arguments in ("--check", *other), other:
            self.refused(78, 'objective 1 was "objective" (maximize), now it is "loss"', *arguments)
        done = self.run_alone("--check", "--fresh", *other)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("new; the one there is moved aside", done.stdout)

    def test_patience_within_the_initial_points(self):
        said = "search.patience = 3 may end the search within its 10 initial points"
        for patience, method, words in (3, "ambs", said), (10, "ambs", ""), (3, "random", ""):
            done = self.run_alone("--check", "--set", f"search.patience={patience}", "--set",
                                  f"optimizer.method={method}")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual("search.patience" in done.stdout, words != "", done.stdout)
            self.assertIn(words, done.stdout)

    def test_names_that_are_taken(self):
        """What a search writes takes the place of no file of another."""
        good = CONFIG.replace('type = "command"; command = ("sh", "-c", "exit 3");',
                              'type = "builtin"; function = "sphere";')
        self.write("taken.cfg", good)
        self.run_search(0, "--set", "checkpoint.file=taken.h5", "taken.cfg")
        files = sorted(os.listdir(self.folder))
        for name, why in [("taken.cfg", "would take the place of the configuration"),
                          ("./status.json", "the search's status goes beside it"),
                          ("taken.h5-journal", "is for a file of the checkpoint"),
                          ("taken.h5.previous", "is for a file of the checkpoint")]:
            with self.subTest(name=name):
                said = self.run_search(0, "--fresh", "--set", f"checkpoint.file={name}", "taken.cfg",
                                       expect=78)[1]
                self.assertIn(f'file = "{name}": ', said)
                self.assertIn(why, said)
                self.dhctl("check", "--set", f"checkpoint.file={name}", "taken.cfg", expect=78)
        self.assertEqual(sorted(os.listdir(self.folder)), files)
        self.write("status.json", good)
        said = self.run_search(0, "--set", "checkpoint.file=other.h5", "taken.cfg", expect=78)[1]
        self.assertIn("status.json: not written: a configuration is there", said)
        os.unlink(self.path("status.json"))
        said = self.run_search(0, "--fresh", "taken.cfg", env={"DH_EXIT_FILE": "taken.cfg"})[1]
        self.assertIn("DH_EXIT_FILE: taken.cfg: not written: a configuration is there", said)
        self.assertEqual(self.read(self.path("taken.cfg")), good)

    def test_check_finds_a_program_that_is_the_same_for_all(self):
        """Named by the configuration's folder and by parameters of one value."""
        one = "parameters=({ name=\"x\"; type=\"%s\"; %s }, { name=\"n\"; type=\"int\"; low=0; high=9; })"
        constant, fixed, real = one % ("constant", 'value="v2";'), one % ("int", "low=2; high=2;"), ""
        self.write("v2.sh", "")
        for space, program, words in (
                (real, "{folder}/drive.sh", '/drive.sh'),
                (real, "{folder}/v2.sh", "/v2.sh: what is there cannot be executed (chmod +x?)"),
                (constant, "./{x}.sh", 'no executable "./v2.sh" in /'),
                (fixed, "v{x}.sh", 'no executable "v2.sh" in PATH nor in /')):
            self.refused(78, words, "--check", "--set", "initial=()", "--set",
                         f'evaluator.command=("{program}")', *(["--set", space] if space else []))
        done = self.run_alone("--check", "--set", 'evaluator.command=("{folder}/{n}.sh")')
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_file_to_read_is_named_with_the_setting(self):
        for setting in 'optimizer={ method = "list"; file = "gone.csv"; }', 'warm_start=["gone.csv"]':
            self.refused(74, f"--set {setting}: gone.csv: is not there", "--check",
                         "--set", "optimizer.method=ambs", "--set", setting)
        self.write("points.cfg", CONFIG + 'warm_start = ["gone.csv"];\n')
        done = subprocess.run([harness.DHCTL, "check", "--set", "optimizer.method=ambs",
                               "points.cfg"], cwd=self.folder, text=True, capture_output=True)
        self.assertIn("points.cfg:10: gone.csv: is not there", done.stderr)

    def test_results_of_another_objective_are_none(self):
        """What old results mean is said, or refused, and never learnt in the wrong direction."""
        learn = ("--fresh", "--set", "optimizer.method=ambs", "--set", "search.max_evaluations=3")
        now = 'objectives = ({ name = "%s"; goal = "%s"; })'
        for name, goal, code, words in (
                ("objective", "minimize", 0, "warning: old.h5: the goal of the objective objective "
                 "was maximize there and is minimize here"),
                ("loss", "maximize", 0, "\nold.h5: its objective objective is taken for loss\n"),
                ("loss", "minimize", 78, "no.cfg:10: old.h5: no results: it has nothing for the "
                 "objective loss (minimize); there are objective (maximize)")):
            with self.subTest(name=name, goal=goal):
                text = CONFIG[:CONFIG.index("evaluator")]
                text += 'evaluator = { type = "builtin"; function = "sphere"; };\n'
                self.write("old.cfg", text.replace('"no"', '"old"'))
                self.run_search(0, "--fresh", "--set", "search.max_evaluations=9", "old.cfg")
                self.write("no.cfg", text + 'warm_start = ["old.h5"];\n')
                _, log = self.run_search(0, *learn, "--set", now % (name, goal), "no.cfg",
                                         expect=code)
                self.assertIn(words, log)

    def test_parameters_of_one_variable(self):
        self.write("module.py", "def run(job):\n    return 1\n")
        text = CONFIG[:CONFIG.index("evaluator")]
        text = text.replace('name = "n"', 'name = "x_1"').replace('name = "x"', 'name = "x.1"')
        text = text.replace("initial = ( { x = 0.5; n = 3; } );", "")
        first, second = (1 + text[:text.index(f'"{name}"')].count("\n") for name in ("x.1", "x_1"))
        for evaluator, code in (('type = "command"; command = "echo {x.1}";', 78),
                                ('type = "command"; shell = true; command = "echo {x.1}";', 78),
                                ('type = "python"; function = "module.run";', 78),
                                ('type = "builtin"; function = "sphere";', 0)):
            self.write("names.cfg", text + f"evaluator = {{ {evaluator} }};\n")
            done = subprocess.run([harness.DH_MPI, "--check", "names.cfg"], cwd=self.folder, text=True,
                                  capture_output=True, env=self.environment(), timeout=120)
            self.assertEqual(done.returncode, code, done.stderr)
            if code:
                self.assertIn(f'names.cfg:{second}: the parameter "x_1" would be', done.stderr)
                self.assertIn("variable DH_PARAM_x_1", done.stderr)
                self.assertRegex(done.stderr, f'as is "x.1", at .*names.cfg:{first}: ')

    def test_messages_of_a_worker_have_the_lines_of_the_file(self):
        text = CONFIG[:CONFIG.index("evaluator")].replace("search", "# a comment\n\nsearch")
        self.write("no.cfg", text + 'evaluator = { type = "python"; function = "no.run"; };\n')
        done = subprocess.run([harness.DH_MPI, "no.cfg"], cwd=self.folder, text=True,
                              capture_output=True, env=self.environment(), timeout=120)
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertIn(f"no.cfg:{text.count(chr(10)) + 1}: evaluator: ", done.stderr)

    def test_failures_in_a_row_are_not_submitted_again(self):
        done = self.run_alone()
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertIn("too many failures in a row", done.stdout)
        self.assertEqual(len(self.trials("no.h5")), 5)

    def test_stdout_that_cannot_be_written(self):
        with open("/dev/full", "w") as full:
            self.refused(74, "standard output", "--check", stdout=full)
            self.refused(74, "standard output", "--set", "search.max_evaluations=1", stdout=full)
            self.refused(74, "standard output", "--help", stdout=full)
            self.refused(74, "standard output", "--version", stdout=full)
            self.refused(74, "standard output", "--probe-mpi", stdout=full)
        self.assertTrue(os.path.exists(self.path("no.h5")))

    def test_groups_and_the_window(self):
        """Found before a file is touched, whoever looks."""
        text = CONFIG[:CONFIG.index("evaluator")]
        line = 2 + text.count("\n")
        self.write("no.cfg", text + """evaluator = { type = "plugin"; library = "no.so"; isolate = false;
            ranks = 2; };
comm = { window = "on"; };
""")
        said = f'no.cfg:{line + 1}: comm: window = "on" does not go with evaluator.ranks'
        for ranks, arguments in ((0, ["--check"]), (3, ["--check"]), (0, []), (3, [])):
            with self.subTest(ranks=ranks, arguments=arguments):
                _, log = self.run_search(ranks, *arguments, "no.cfg", expect=78)
                self.assertIn(said, log)
                self.assertNotIn("new search", log)
        self.assertIn(said, self.dhctl("check", "no.cfg", expect=78))
        self.assertFalse([name for name in os.listdir(self.folder) if name.startswith("no.h5")])

    def test_programs_that_are_there_and_cannot_be_run(self):
        """Found by check, doctor and the search, and where the name depends on the evaluation, by it:
        in the same words."""
        programs = {
            "crlf.sh": ("#!/bin/sh\r\necho DH-OUTPUT: 1\r\n",
                        'there is no interpreter "/bin/sh\\r": the file has Windows line ends'),
            "noint.sh": ("#! /opt/none/bin/python -u\nprint(1)\n",
                         "the interpreter of its #! line, /opt/none/bin/python, is not there"),
            "nobang.sh": ('echo "DH-OUTPUT: 1"\n', "it is a text that has no #! line"),
            "empty": ("", "it is empty"),
        }
        for name, (text, why) in programs.items():
            with self.subTest(program=name):
                os.chmod(self.write(name, text), 0o755)
                command = f'evaluator.command=("./{name}")'
                said = f"{name} cannot be run: {why}"
                self.refused(78, said, "--set", command)
                self.assertIn(said, self.dhctl("check", "--set", command, "no.cfg", expect=78))
                findings = json.loads(subprocess.run(
                    [harness.DHCTL, "doctor", "--json", "--set", command, "no.cfg"], cwd=self.folder,
                    text=True, capture_output=True, timeout=60).stdout)
                self.assertEqual([said in f["text"] for f in findings if f["verdict"] == "BAD"], [True])
                stem, end = name[:1], name[1:]
                self.run_alone("--fresh", "--set", 'evaluator.command=("./{stem}%s")' % end, "--set",
                               'parameters=({ name = "stem"; type = "categorical"; '
                               'values = ("%s", "-"); })' % stem, "--set",
                               'initial=({ stem = "%s"; })' % stem, "--set",
                               "search.max_evaluations=1")
                trial, = self.trials("no.h5")
                self.assertEqual(trial["status"], "failed")
                self.assertIn(f"{name}: {why}", trial["reason"])

    def test_a_program_of_another_machine(self):
        """Only the system knows whether that can be run."""
        with open("/bin/true", "rb") as program:
            image = bytearray(program.read())
        image[18:20] = b"\xf7\x00"  # e_machine: BPF
        with open(self.path("other"), "wb") as out:
            out.write(image)
        os.chmod(self.path("other"), 0o755)
        self.refused(78, "other: it is no program for this machine", "--set",
                     'evaluator.command=("./other")')


if __name__ == "__main__":
    harness.main()
