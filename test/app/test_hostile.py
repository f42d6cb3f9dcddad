"""Evaluations that crash, hang, flood or lie: each a recorded failure, and nothing is left."""

import json
import os
import struct
import subprocess
import zlib

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

READER = """
#include <dh_mpi/plugin.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
static void *wait_for_line(void *stream)
{
    char line[80];
    return fgets(line, sizeof line, stream);
}
int dh_evaluate(const dh_job *job, dh_result *result)
{
    pthread_t thread;
    pthread_create(&thread, NULL, wait_for_line, popen("sleep 1000", "r"));
    usleep(100000);
    result->objective[0] = dh_job_real(job, "x", 0);
    return 0;
}
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

HEAP = """
#include <dh_mpi/plugin.h>
#include <stdlib.h>
#include <string.h>
int dh_evaluate(const dh_job *job, dh_result *result)
{
    char *volatile small = malloc(24), *volatile other = malloc(24);
    switch (dh_job_int(job, "k", 0)) {
    case 0: /* the heap behind a block, then use of it */
        memset(small, 'A', 4096);
        free(other);
        free(small);
        free(malloc(100000));
        break;
    case 1: /* twice */
        free(small);
        free(small);
        break;
    case 2: /* the result's neighbours, and no end of its texts */
        memset(result, 0xC3, sizeof *result);
        return 1;
    case 3: /* the stack */
        memset(__builtin_frame_address(0), 'A', 512);
        break;
    case 4: /* not what it was given */
        memset((void *)job->arguments, 'A', sizeof *job->arguments);
        result->objective[0] = 1;
        return 0;
    }
    result->objective[0] = dh_job_real(job, "x", 0);
    return 0;
}
"""

LIAR = """
import json, os

def run(job):
    for answer in ({"id": 99999, "objective": 1e9}, {"id": -1, "objective": 1e9}, {"id": None},
                   {"report": [1, 2, 3]}, {"ready": True}, [[]], "DH", {"objective": 1e9}):
        for fd in range(3, 64):
            try:
                os.write(fd, (json.dumps(answer) + "\\n").encode())
            except OSError:
                pass
    return job["x"]
"""

LARGE = """
def run(job):
    if job["k"] == 0:
        raise ValueError("x" * 10000000)
    if job["k"] == 1:
        return "F_" + "y" * 10000000
    return {"objective": job["x"], "metadata": {"text": "z" * 10000000}}
"""

# What json.dumps writes and readers of JSON refuse.
REFUSED = """
def run(job):
    if job["k"] == 0:
        open("/nonexistent/caf\\udce9")
    if job["k"] == 1:
        return "F_a\\0b\\udce9"
    metadata = {"hash": 2**63, "file": "caf\\udce9", "nul": "x\\0y"}
    return {"objective": job["x"], "metadata": metadata}
"""

# The same of commands, and what is kept.
REFUSED_OF_COMMANDS = (
    (b'{"hash": 18446744073709551615}', {"hash": "18446744073709551615"}),
    (b'{"a": 1e999, "b": 2}', {"a": "1e999", "b": 2}),
    (b'{"a": "x\\u0000y"}', {"a": "x\0y"}),
    (b'{"a": "caf\xe9"}', {"a": "caf\ufffd"}),
    (b'{"a": {"b": 1, "b": 2}}', {"a": {"b": 2}}),
    (b'{"a": "\\ud83d"}', {"a": "\\ud83d"}))

# A bomb with an end: 511 shells at most, which the limit of 50 never lets come about.
BOMB = """bomb() { [ $1 -gt 0 ] && { bomb $(($1 - 1)) & bomb $(($1 - 1)) & }; sleep 100; }
bomb 8
"""

LABELS = ["$(touch pwned)", "`touch pwned`", "'; touch pwned; '", '\\"; touch pwned; \\"',
          "a\\nb; touch pwned\\n", "../../pwned", "| touch pwned", "&& touch pwned", "-n", "%s%n"]


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

    def compile(self, name, text, *options):
        self.write(f"{name}.c", text)
        subprocess.run(["cc", *options, "-shared", "-fPIC", "-pthread", "-I",
                        os.path.join(harness.SOURCE, "include"), "-o", f"{name}.so", f"{name}.c"],
                       cwd=self.folder, check=True)

    def all_failed(self, trials, status, reason):
        for trial in trials:
            self.assertEqual(trial["status"], status)
            self.assertIn(reason, trial["reason"])
            self.assertIsNone(trial["objectives"]["value"])

    def test_plugin_that_segfaults(self):
        self.compile("crash", SEGFAULT)
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

    def test_plugin_that_hangs_when_it_has_returned(self):
        self.compile("reader", READER)
        trials = self.search("reader", 'type = "plugin"; library = "reader.so"; timeout = "2s";',
                             evaluations=3)
        self.all_failed(trials, "timeout", "timeout")

    def test_command_that_dies_of_sigterm(self):
        trials = self.shell("term", 'echo once >>"$DH_FOLDER/calls"\necho why >&2\nkill -TERM $$\n',
                            evaluations=2)
        self.all_failed(trials, "failed", "signal 15 (Terminated)")
        self.assertEqual({t["stderr"] for t in trials}, {"why\n"})
        self.assertEqual(self.read(self.path("calls")), "once\n" * 2)

    def test_command_that_prints_100_megabytes(self):
        trials = self.shell("flood", "head -c 100000000 /dev/zero | tr '\\0' 'x'\n"
                            "head -c 1000000 /dev/urandom >&2\necho\necho DH-OUTPUT: $1\n",
                            evaluations=3)
        for trial in trials:
            self.assertEqual(trial["status"], "ok", trial)
            self.assertEqual(trial["objectives"]["value"], trial["parameters"]["x"])

    def test_command_that_prints_a_gigabyte(self):
        """On stdout and stderr alike; DH_TEST_BYTES=1000000000 for the whole of it."""
        half = int(os.environ.get("DH_TEST_BYTES", "200000000")) // 2
        trials = self.shell("giga", f"head -c {half} /dev/zero >&2 &\nhead -c {half} /dev/zero\n"
                            "wait\necho\necho DH-OUTPUT: $1\n", evaluations=2,
                            evaluator='runs = "runs"; output_limit = "1M";')
        for trial in trials:
            self.assertEqual(trial["objectives"]["value"], trial["parameters"]["x"])
            for name in ("stdout", "stderr"):
                kept = self.path(f"runs/{trial['id']}/{name}")
                self.assertLess(os.path.getsize(kept), 1100000)
                with open(kept, "rb") as text:
                    self.assertIn(b"output_limit reached", text.read())

    def test_binary_output_and_invalid_utf8(self):
        trials = self.shell("binary", "printf 'DH-OUTPUT: \\377\\376\\000\\355\\240\\200\\n'\n"
                            "printf '\\303( \\033[2J\\000bad\\n' >&2\n", evaluations=3)
        self.all_failed(trials, "failed", "DH-OUTPUT is not a number: \"\ufffd\ufffd")
        self.assertIn("\ufffd( ", trials[0]["stderr"])
        for verb in ("list", "show", "best"):
            self.assertNotIn("\033[2J", subprocess.run(
                [harness.DHCTL, verb, "binary.h5"] + (["0"] if verb == "show" else []),
                cwd=self.folder, capture_output=True, text=True, timeout=60).stdout)

    def test_fork_bomb_under_a_process_limit(self):
        trials = self.shell("bomb", BOMB, evaluations=2, ranks=2,
                            evaluator='process_limit = 50; timeout = "60s";')
        self.all_failed(trials, "failed", "process limit 50 exceeded")

    def test_memory_hog(self):
        trials = self.shell("hog", "{ head -c 400000000 /dev/zero; sleep 600; } | tail\n"
                            "echo DH-OUTPUT: 1\n",
                            evaluations=2, evaluator='memory_limit = "64M"; timeout = "60s";')
        self.all_failed(trials, "failed", "memory limit 64 MiB exceeded")

    def test_python_that_keeps_too_much_memory_goes_with_its_evaluation(self):
        """It stops when it is told, a little over the limit, and could go on with the next."""
        self.write("keeps.py", "import time\nkept = []\ndef run(job):\n"
                               "    if int(job.id.split('.')[1]) == 2:\n"
                               "        kept.append(b'x' * (195 << 20))\n"
                               "    for _ in range(10):\n"
                               "        if not job.stopped(): time.sleep(0.05)\n"
                               "    return job['x']\n")
        trials = self.search("keeps", 'type = "python"; function = "keeps.run"; '
                             f'memory_limit = "200M"; python = "{harness.PYTHON}";', ranks=2)
        self.assertEqual([t["id"] for t in trials if t["status"] != "ok"], [2])
        self.assertEqual(trials[2]["reason"], "memory limit 200 MiB exceeded")

    def test_large_metadata_is_limited_and_said(self):
        trials = self.shell("meta", "printf 'DH-OUTPUT: {\"objective\": %s, \"text\": \"' $1\n"
                            "head -c 10000000 /dev/zero | tr '\\0' x\necho '\"}'\n", evaluations=2)
        for trial in trials:
            self.assertEqual(trial["objectives"]["value"], trial["parameters"]["x"])
            self.assertIn("over metadata_limit", trial["metadata"]["metadata_dropped"])

    def test_large_texts_of_python(self):
        self.write("large.py", LARGE)
        trials = self.search("large", 'type = "python"; function = "large.run"; '
                             f'python = "{harness.PYTHON}";', evaluations=12)
        for trial in trials:
            k, text = trial["parameters"]["k"], json.dumps(trial)
            self.assertLess(len(text), 30000, text[:500])
            self.assertEqual(trial["status"], "failed" if k < 2 else "ok")
            if k >= 2:
                self.assertIn("dropped", json.dumps(trial["metadata"]))

    def test_metadata_that_readers_of_json_refuse(self):
        for k, (text, _) in enumerate(REFUSED_OF_COMMANDS):
            with open(self.path(f"metadata{k}"), "wb") as out:
                out.write(text)
        trials = self.shell("refused", "printf 'DH-OUTPUT: {\"objective\": %s, \"metadata\": ' $1\n"
                            "cat metadata$DH_PARAM_k\necho '}'\n", evaluations=24)
        for trial in trials:
            self.assertEqual(trial["status"], "ok", trial)
            self.assertEqual(trial["objectives"]["value"], trial["parameters"]["x"])
            self.assertEqual(trial["metadata"], REFUSED_OF_COMMANDS[trial["parameters"]["k"]][1])
        exported = json.loads(self.dhctl("export", "--format", "json", "refused.h5"))["trials"]
        self.assertEqual({t["id"]: t["metadata"] for t in exported},
                         {t["id"]: t["metadata"] for t in trials})

    def test_texts_of_python_that_readers_of_json_refuse(self):
        """None is waited for, of an evaluation or of the import."""
        self.write("refused.py", REFUSED)
        trials = self.search("texts", 'type = "python"; function = "refused.run"; '
                             f'python = "{harness.PYTHON}";', evaluations=24)
        for trial in trials:
            k = trial["parameters"]["k"]
            self.assertEqual(trial["status"], "failed" if k < 2 else "ok", trial)
            if k == 0:
                self.assertIn("/nonexistent/caf", trial["reason"])
            elif k == 1:
                self.assertEqual(trial["reason"], "F_a\\x00b\\udce9")
            else:
                self.assertEqual(trial["metadata"], {
                    "hash": str(2**63), "file": "caf\\udce9", "nul": "x\\x00y"})
        self.write("latin.py", "raise ValueError('no file caf\\udce9')\n")
        self.write("latin.cfg", SPACE.format(
            name="latin", goal="minimize", evaluations=10,
            evaluator=f'type = "python"; function = "latin.run"; python = "{harness.PYTHON}";'))
        err = self.run_search(3, "latin.cfg", expect=78)[1]
        self.assertIn('cannot import "latin.run": ValueError: no file caf\\udce9\n', err)

    def test_answers_for_another_evaluation(self):
        self.write("liar.py", LIAR)
        trials = self.search("liar", 'type = "python"; function = "liar.run"; slots = 2; '
                             f'python = "{harness.PYTHON}";', evaluations=12)
        for trial in trials:
            self.assertEqual(trial["status"], "ok", trial)
            self.assertEqual(trial["objectives"]["value"], trial["parameters"]["x"])

    def test_plugin_that_corrupts_memory(self):
        self.compile("heap", HEAP, "-w")
        trials = self.search("heap", 'type = "plugin"; library = "heap.so"; timeout = "20s";',
                             evaluations=30)
        for trial in trials:
            k, x = trial["parameters"]["k"], trial["parameters"]["x"]
            if k == 5:
                self.assertEqual(trial["objectives"]["value"], x)
            elif k == 2:
                self.assertEqual(trial["status"], "failed")
                self.assertTrue(trial["reason"])
            elif k < 2:
                self.assertEqual(trial["status"], "failed", trial)
                self.assertIn("signal", trial["reason"])

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
        self.assertRegex(log, r"error: no worker can evaluate; the last was rank [12] on \S+: ")
        self.assertEqual(log.count("cannot import"), 1, log)
        self.assert_nothing_left()

    def test_python_that_cannot_start_is_one_message(self):
        self.write("fine.py", "def run(job):\n    return job['x']\n")
        self.write("mute.cfg", SPACE.format(
            name="mute", evaluations=10, goal="minimize",
            evaluator=f'type = "python"; function = "fine.run"; python = "{harness.PYTHON}"; '
                      'environment = { PYTHONHOME = "/nonexistent"; };'))
        for arguments, reason in (([], "'encodings'"),
                                  (["--set", "evaluator.python=/bin/false"],
                                   "/bin/false ended before it could evaluate (exit code 1)")):
            for ranks in 0, 3:
                with self.subTest(reason=reason, ranks=ranks):
                    log = self.run_search(ranks, *arguments, "mute.cfg", expect=78)[1]
                    self.assertEqual(log.count("ended before it could evaluate"), 1, log)
                    self.assertIn("no worker can evaluate" if ranks else "cannot evaluate: ", log)
                    self.assertIn(reason, log)
                    self.assertEqual({t["status"] for t in self.trials("mute.h5")}, {"pending"})
                    self.assert_nothing_left()

    def test_python_that_is_not_ready_in_time_fails_no_trial(self):
        self.write("slow.py", "import time\ntime.sleep(1000)\ndef run(job):\n    return 1\n")
        self.write("slow.cfg", SPACE.format(
            name="slow", evaluations=10, goal="minimize",
            evaluator='type = "python"; function = "slow.run"; slots = 2; startup = "1s";'))
        log = self.run_search(0, "slow.cfg", expect=74)[1]
        self.assertIn("not ready to evaluate after 1 s, the limit of imports that "
                      "evaluator.startup sets", log)
        self.assertEqual({t["status"] for t in self.trials("slow.h5")}, {"pending"})
        self.assert_nothing_left()

    def test_values_never_reach_a_shell(self):
        trials = self.search(
            "quote", 'type = "command"; command = ("sh", "-c", "echo DH-OUTPUT: $(echo $1 | wc -w)",'
            ' "sh", "{x}; touch pwned; {k}");')
        self.assertEqual({t["objectives"]["value"] for t in trials}, {4.0})
        self.assertFalse(os.path.exists(self.path("pwned")))

    def test_labels_never_reach_a_shell(self):
        """As argument, in the environment, in a template of a shell's program, in the JSON file."""
        labels = ", ".join(f'"{label}"' for label in LABELS)
        self.write("labels.cfg", """
search = { name = "labels"; max_evaluations = 30; };
parameters = ( { name = "l[0].x.v"; type = "categorical"; values = (%s); },
               { name = "x"; type = "real"; low = 0.0; high = 1.0; } );
optimizer = { method = "random"; };
evaluator = { type = "command"; shell = true; runs = "runs";
    command = "test \\"$DH_PARAM_l_0__x_v\\" = {l[0].x.v} && printf '%%s' {l[0].x.v} >label && echo DH-OUTPUT: 1"; };
""" % labels)
        self.run_search(2, "labels.cfg")
        self.assert_nothing_left()
        found = set()
        for trial in self.assert_complete("labels.h5", 30):
            self.assertEqual(trial["status"], "ok", trial)
            with open(self.path(f"runs/{trial['id']}/label"), newline="") as label:
                self.assertEqual(label.read(), trial["parameters"]["l[0].x.v"])
            found.add(trial["parameters"]["l[0].x.v"])
        self.assertGreater(len(found), 5)
        self.assertFalse([name for folder in os.walk(self.folder) for name in folder[2] + folder[1]
                          if name == "pwned"])
        self.assertEqual(sorted(os.listdir(self.path("runs")), key=int), [str(i) for i in range(30)])

    def test_files_have_the_umask_and_links_are_not_followed(self):
        self.write("victim", "untouched")
        os.makedirs(self.path("runs/0"))
        for name in ("runs/0/parameters.json", "runs/0/stdout", "mask.h5.tmp",
                     "status.json.mask.h5.tmp"):
            os.symlink(self.path("victim"), self.path(name))
        os.makedirs(self.path("elsewhere"))
        os.symlink(self.path("elsewhere"), self.path("runs/1"))
        old = os.umask(0o077)
        try:
            trials = self.shell("mask", "stat -c %a \"$DH_PARAMETERS\" >&2\necho DH-OUTPUT: $1\n",
                                evaluations=4, ranks=2, evaluator='runs = "runs";')
        finally:
            os.umask(old)
        self.assertTrue(os.path.islink(self.path("runs/0.1/stdout")))  # moved aside, links and all
        self.assertTrue(os.path.islink(self.path("runs/1.1")))
        self.assertEqual({t["status"] for t in trials}, {"ok"})
        self.assertEqual(self.read(self.path("victim")), "untouched")
        self.assertEqual(os.listdir(self.path("elsewhere")), [])
        for name in ("mask.h5", "status.json", "runs/2/parameters.json", "runs/2/stdout"):
            self.assertEqual(os.stat(self.path(name)).st_mode & 0o077, 0, name)

    def test_closed_streams_are_no_way_into_the_program(self):
        # a socket that became fd 1 or 2 would be sent what is printed and logged
        text = SPACE.format(name="closed", goal="minimize", evaluations=2,
                            evaluator='type = "command"; slots = 2; command = ("sh", "-c", '
                                      '"echo >>starts; sleep 3; echo DH-OUTPUT: 1");')
        for closed in "0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-":
            with self.subTest(closed=closed):
                self.write("closed.cfg", text)
                self.write("starts", "")
                shell = ["sh", "-c", f'exec "$0" "$@" {closed}', harness.DH_MPI, "-v", "--fresh",
                         "closed.cfg"]
                done = subprocess.run(shell, cwd=self.folder, env=self.environment(), timeout=120,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                expected = 74 if "1>" in closed else 0  # the summary could not be printed
                self.assertEqual(done.returncode, expected, done.stderr)
                self.assert_nothing_left()
                for trial in self.assert_complete("closed.h5", 2):
                    self.assertEqual(trial["status"], "ok", trial)
                self.assertEqual(self.read(self.path("starts")), 2 * "\n", "each once")
                shell[3:] = [harness.DHCTL, "verify", "closed.h5"]
                done = subprocess.run(shell, cwd=self.folder, timeout=120,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                self.assertEqual(done.returncode, expected)

    def limited(self, limit, *arguments, expect):
        shell = ["sh", "-c", f'{limit} && exec "$0" "$@"', harness.DH_MPI, *arguments]
        done = subprocess.run(shell, cwd=self.folder, env=self.environment(), timeout=120,
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, expect, done.stderr)
        self.assert_nothing_left()
        return done.stderr

    def test_slots_beyond_the_limit_of_open_files(self):
        self.write("open.py", "import resource\n"
                   "def run(job):\n    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]\n")
        # all at once; an evaluation has the limit that it would have without dh_mpi
        evaluators = {
            "command": 'type = "command"; command = ("sh", "-c", '
                       '"sleep 0.5; echo DH-OUTPUT: $(ulimit -Sn)");',
            "python": f'type = "python"; function = "open.run"; python = "{harness.PYTHON}";'}
        for name, evaluator in evaluators.items():
            with self.subTest(evaluator=name):
                self.write(f"{name}.cfg", SPACE.format(
                    name=name, goal="minimize", evaluations=48,
                    evaluator=f"slots = 24; runs = \"runs\"; {evaluator}"))
                for arguments in ["--check", f"{name}.cfg"], [f"{name}.cfg"]:
                    log = self.limited("ulimit -n 64", *arguments, expect=78)
                    self.assertRegex(log, "cfg:[0-9]+: evaluator: slots = 24 need [0-9]+ open files")
                    self.assertIn("no more than 64", log)
                self.assertFalse(os.path.exists(self.path(f"{name}.h5")))
                self.limited("ulimit -Sn 64", f"{name}.cfg", expect=0)
                for trial in self.assert_complete(f"{name}.h5", 48):
                    self.assertEqual(trial["status"], "ok", trial)
                    self.assertEqual(trial["objectives"]["value"], 64)

    def test_checkpoint_of_somebody_else(self):
        """dhctl runs nothing that its configuration names, and opens no file that it includes."""
        self.shell("own", "echo DH-OUTPUT: $1\ntouch ran\n", evaluations=2, ranks=2)
        os.remove(self.path("ran"))
        for verb in (["best", "own.h5"], ["list", "own.h5"], ["show", "own.h5", "0"],
                     ["export", "--format", "csv", "own.h5"]):
            self.dhctl(*verb)
        self.assertFalse(os.path.exists(self.path("ran")))
        self.write("victim", "secret = = 1;\n")
        with open(self.path("own.h5-journal.1"), "rb") as journal:
            records = journal.read()
        end = 8 + struct.unpack_from("<I", records)[0]
        start = next(at for at in range(8, end) if
                     at + 4 + struct.unpack_from("<I", records, at)[0] == end)
        text = b'@include "victim"\n' + records[start + 4:end]
        header = records[8:start] + struct.pack("<I", len(text)) + text
        with open(self.path("evil.h5-journal"), "wb") as journal:
            journal.write(struct.pack("<II", len(header), zlib.crc32(header)) + header +
                          records[end:])
        said = self.dhctl("list", "evil.h5", expect=78)
        self.assertIn("an @include counts in a file only", said)
        self.assertNotIn("victim", said)

    def test_no_mpi_variables_and_own_folder(self):
        """But the user's own, and what mpiexec makes of its option --oversubscribe."""
        script = ('env | grep -oE "^(OMPI|PMIX|PMI|PRTE|ORTE|MPI|MPIR|HYDI)_[^=]*" >&2\n'
                  'test -f parameters.json || exit 2\necho DH-OUTPUT: $DH_ID\n')
        self.write("env.sh", "#!/bin/sh\n" + script)
        os.chmod(self.path("env.sh"), 0o755)
        trials = self.search("env", f'type = "command"; command = ("{self.path("env.sh")}"); '
                             'runs = "runs";')
        for trial in trials:
            self.assertEqual(trial["objectives"]["value"], trial["id"], trial)
            folder = os.path.join(self.folder, "runs", str(trial["id"]))
            self.assertEqual(sorted(os.listdir(folder)), ["parameters.json", "stderr", "stdout"])
            seen = set(self.read(folder + "/stderr").split())
            self.assertLessEqual({"OMPI_MCA_rmaps_base_oversubscribe"} & set(os.environ), seen)
            self.assertLessEqual(seen - {"OMPI_MCA_rmaps_base_oversubscribe"}, set(os.environ))

    def test_resources_go_to_slots(self):
        trials = self.shell("gpu", "echo DH-OUTPUT: $GPU$DH_SLOT\n", evaluations=24, evaluator=
                            'slots = 3; resources = { GPU = ["4", "5", "6"]; };')
        self.assertEqual({t["objectives"]["value"] for t in trials}, {40.0, 51.0, 62.0})
        for trial in trials:
            self.assertEqual(trial["objectives"]["value"] % 10, trial["slot"])


if __name__ == "__main__":
    harness.main()
