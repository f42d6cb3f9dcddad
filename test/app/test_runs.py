"""Run folders: an attempt begins in an empty one, and what was there is moved aside."""

import json
import os
import shutil
import signal
import subprocess

import harness

CONFIG = """
search = {{ name = "s"; max_evaluations = {evaluations}; seed = 1; }};
objectives = ( {{ name = "o"; goal = "minimize"; }} );
parameters = ( {{ name = "x"; type = "real"; low = 0.0; high = 1.0; }} );
optimizer = {{ method = "random"; }};
evaluator = {{ type = "command"; command = ("sh", "{{folder}}/drive.sh"); runs = "runs"; {evaluator} }};
"""

# A simulation that leaves its result in a file, or, broken, does not; and its driver.
STALE = """[ "$MODE" = broken ] || echo "$DH_PARAM_x" >results.out
echo "DH-OUTPUT: $(cat results.out)"
"""

# Continues from the restart file of the attempt before; the first attempt of each trial fails.
RESTART = """ls >before
if [ -n "$DH_PREVIOUS_FOLDER" ]; then
    echo "DH-OUTPUT: $(cat "$DH_PREVIOUS_FOLDER/restart")"
    exit
fi
echo "$DH_PARAM_x" >restart
exit 3
"""

# As many steps as it gets, until there is a restart file.
LONG = """if [ -n "$DH_PREVIOUS_FOLDER" ]; then
    echo "DH-OUTPUT: $(cat "$DH_PREVIOUS_FOLDER/restart")"
    exit
fi
echo "$DH_PARAM_x" >restart
touch "{folder}/begun"
sleep 600
"""

# To be preloaded: all files seem another user's, as a colleague's or on some file systems; and what
# is in a sticky folder can so be renamed by nobody.
STRANGER = """#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
uid_t geteuid(void) { return 4242; }
int rename(const char *from, const char *to)
{
    if (getenv("STICKY") && strstr(from, "/runs/")) {
        errno = EPERM;
        return -1;
    }
    return (int)syscall(SYS_renameat2, -100 /* AT_FDCWD */, from, -100, to, 0);
}
"""

# Its parameters are still its own when it has waited.
SLOW = """touch "{folder}/begun"
while [ ! -e "{folder}/end" ]; do sleep 0.1; done
echo "DH-OUTPUT: $(sed 's/.*"x": \\([^}}]*\\)}}.*/\\1/' parameters.json)"
"""


class RunFolders(harness.Case):
    def configure(self, script, evaluations=3, evaluator=""):
        self.write("drive.sh", script)
        self.write("s.cfg", CONFIG.format(evaluations=evaluations, evaluator=evaluator))

    def runs(self):
        return sorted(os.listdir(self.path("runs")))

    def values(self):
        return {str(t["id"]): t["parameters"]["x"] for t in self.trials("s.h5")}

    def begin_and_kill(self):
        """A search whose only trial has left its restart file."""
        self.configure(LONG.format(folder=self.folder), evaluations=1)
        process = self.start(2, "s.cfg")
        self.wait_for(lambda: os.path.exists(self.path("begun")), 30, "it runs")
        os.kill(self.ranks(process)[0], signal.SIGKILL)
        process.wait(60 * harness.PATIENCE)
        self.assert_nothing_left()

    def go_on(self, env=None):
        """The trial is evaluated again, from that file."""
        self.run_search(2, "s.cfg", env=env)
        trial = self.assert_complete("s.h5", 1)[0]
        self.assertEqual((trial["status"], trial["objectives"]["o"]), ("ok", trial["parameters"]["x"]))

    def test_results_of_an_earlier_search_are_not_found(self):
        self.configure(STALE)
        self.run_search(3, "s.cfg")
        before = self.values()
        self.run_search(3, "--fresh", "--set", "search.seed=2", "s.cfg", env={"MODE": "broken"})
        self.assertEqual({t["status"] for t in self.trials("s.h5")}, {"failed"})
        self.assertEqual(self.runs(), ["0", "0.1", "1", "1.1", "2", "2.1"])
        for trial, x in before.items():  # nothing is lost
            self.assertEqual(float(self.read(self.path(f"runs/{trial}.1/results.out"))), x)
        self.run_search(3, "--fresh", "s.cfg")
        self.assertEqual(self.values(), before)
        for trial in before:
            names = os.listdir(self.path(f"runs/{trial}.2"))
            self.assertEqual(sorted(names), ["parameters.json", "stderr", "stdout"])
        self.assertIn("run folder   runs/2\n", self.dhctl("show", "s.h5", "2"))
        self.assertIn("run folder   runs/2.1\n", self.dhctl("show", "s.h5.1", "2"))

    def test_another_attempt_is_told_of_the_one_before(self):
        self.configure(RESTART, evaluator="retries = 1; slots = 2;")
        for ranks in (0, 3):
            self.run_search(ranks, "--fresh", "s.cfg")  # of the same seed: and yet another search
            for trial in self.assert_complete("s.h5", 3):
                with self.subTest(ranks=ranks, trial=trial["id"]):
                    self.assertEqual(trial["status"], "ok", trial)
                    self.assertEqual(trial["retries"], 1)
                    self.assertEqual(trial["objectives"]["o"], trial["parameters"]["x"])
                    folder = self.path(f"runs/{trial['id']}")
                    self.assertEqual(self.read(folder + "/before").split(),
                                     ["before", "parameters.json", "stderr", "stdout"])
                    with open(folder + "/parameters.json") as text:
                        previous = json.load(text)["previous"]
                    self.assertEqual(os.path.realpath(previous),
                                     os.path.realpath(folder + (".1" if ranks == 0 else ".3")))
        self.assertNotIn("DH_PREVIOUS_FOLDER", os.environ)

    def test_what_a_stop_cut_short_is_told_of_it_too(self):
        self.begin_and_kill()
        # neither is an outer search's variable the evaluation's
        self.go_on(env={"DH_PREVIOUS_FOLDER": "/nowhere"})
        self.assertEqual(self.runs(), ["0", "0.1"])

    def test_a_restart_file_is_found_behind_attempts_that_came_to_nothing(self):
        """A full disk or a node that can begin nothing leaves folders of no use."""
        self.begin_and_kill()
        os.rename(self.path("runs/0"), self.path("runs/0.1"))
        os.mkdir(self.path("runs/0.2"))  # it did not begin; of the next not even that was written
        shutil.copy(self.path("runs/0.1/parameters.json"), self.path("runs/0.2"))
        os.mkdir(self.path("runs/0"))
        self.write("runs/0/parameters.json", "")
        self.go_on()
        self.assertEqual(self.runs(), ["0", "0.1", "0.2", "0.3"])

    def test_two_searches_at_once_need_two_folders(self):
        self.configure(SLOW.format(folder=self.folder), evaluations=2)
        other = [harness.DH_MPI, "--set", "search.name=other", "s.cfg"]
        first = self.start(2, "s.cfg")
        self.wait_for(lambda: os.path.exists(self.path("begun")), 30, "it runs")
        second = subprocess.run(other, cwd=self.folder, env=self.environment(), text=True,
                                capture_output=True, timeout=60 * harness.PATIENCE)
        self.assertEqual(second.returncode, 74, second.stderr)
        self.assertIn("runs/0 is in use by another search", second.stderr)
        self.write("end", "")
        self.assertEqual(first.wait(60 * harness.PATIENCE), 0, self.output())
        for trial in self.assert_complete("s.h5", 2):
            self.assertEqual(trial["objectives"]["o"], trial["parameters"]["x"])
        subprocess.run(other, cwd=self.folder, env=self.environment(), check=True,
                       stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       timeout=60 * harness.PATIENCE)
        self.assertEqual(self.runs(), ["0", "0.1", "1", "1.1"])

    def test_an_outer_search_is_not_its_own(self):
        self.configure("echo DH-OUTPUT: ${#DH_PREVIOUS_FOLDER}\n", evaluations=1)
        self.run_search(0, "s.cfg", env={"DH_PREVIOUS_FOLDER": "/nowhere"})
        self.assertEqual(self.trials("s.h5")[0]["objectives"]["o"], 0)

    def test_python_is_told_and_forgets(self):
        self.write("train.py", "import os\ndef run(job):\n"
                               "    before = os.environ.get('DH_PREVIOUS_FOLDER')\n"
                               "    if int(job.id.split('.')[1]) % 2 == 0 and job.retries == 0:\n"
                               "        return 'F_again'\n"
                               "    assert bool(before) == (job.retries == 1), before\n"
                               "    return job['x']\n")
        self.configure("", evaluations=4)
        self.run_search(0, "--set", 'evaluator={ type = "python"; function = "train.run"; retries = 1; '
                        f'runs = "runs"; python = "{harness.PYTHON}"; }}', "s.cfg")
        self.assertEqual([t["status"] for t in self.assert_complete("s.h5", 4)], 4 * ["ok"])
        self.assertEqual(self.runs(), ["0", "0.1", "1", "2", "2.1", "3"])

    def as_stranger(self):
        source = self.write("stranger.c", STRANGER)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", self.path("stranger.so"), source], check=True)
        return {"LD_PRELOAD": self.path("stranger.so")}

    def test_a_colleague_goes_on_with_what_was_running(self):
        self.begin_and_kill()
        self.run_search(0, "s.cfg", env=self.as_stranger())
        trial = self.assert_complete("s.h5", 1)[0]
        self.assertEqual((trial["status"], trial["objectives"]["o"]), ("ok", trial["parameters"]["x"]))
        self.assertEqual(self.runs(), ["0", "0.1"])

    def test_a_file_system_that_shows_another_owner(self):
        self.configure(STALE)
        os.makedirs(self.path("runs/1"))  # somebody else's could be written to by somebody else
        for _ in range(2):
            self.run_search(0, "--fresh", "s.cfg", env=self.as_stranger())
            self.assertEqual([t["status"] for t in self.assert_complete("s.h5", 3)], 3 * ["ok"])
        self.assertEqual(self.runs(), ["0", "0.1", "1", "1.1", "1.2", "2", "2.1"])

    def test_what_cannot_be_renamed_fails_no_trial(self):
        self.configure(STALE)
        self.run_search(0, "s.cfg")
        _, err = self.run_search(0, "--fresh", "s.cfg", expect=74,
                                 env={**self.as_stranger(), "STICKY": "1"})
        self.assertRegex(err, r"runs/0 was there before and cannot be renamed to .*runs/0\.1: "
                              "Operation not permitted")
        self.assertEqual([t for t in self.trials("s.h5") if t["status"] != "pending"], [])
        self.run_search(0, "s.cfg")
        self.assertEqual([t["status"] for t in self.assert_complete("s.h5", 3)], 3 * ["ok"])
        self.assertEqual(self.runs(), ["0", "0.1", "1", "1.1", "2", "2.1"])

    def test_a_mount_point_in_the_way_fails_no_trial(self):
        self.configure(STALE, evaluations=1)
        os.makedirs(self.path("runs/0"))
        mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", self.path("runs/0")],
                                 capture_output=True)
        if mounted.returncode:
            self.skipTest("a tmpfs cannot be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.path("runs/0")])
        self.write("runs/0/old", "")
        _, err = self.run_search(2, "s.cfg", expect=74)
        self.assertRegex(err, r"runs/0 was there before and cannot be renamed to .*runs/0\.1: .*busy")
        self.assertEqual(self.runs(), ["0"])
        self.assertEqual([t for t in self.trials("s.h5") if t["status"] != "pending"], [])

    def test_what_is_in_the_way(self):
        """An empty folder is taken; a link, which is not followed, and a file are moved aside."""
        self.configure(STALE, evaluations=4)
        os.makedirs(self.path("runs/0"))
        os.makedirs(self.path("elsewhere"))
        os.symlink(self.path("elsewhere"), self.path("runs/1"))
        self.write("runs/2", "precious")
        os.symlink(self.path("nowhere"), self.path("runs/3"))
        inode = os.stat(self.path("runs/0")).st_ino
        self.run_search(2, "s.cfg")
        self.assertEqual([t["status"] for t in self.assert_complete("s.h5", 4)], 4 * ["ok"])
        self.assertEqual(os.stat(self.path("runs/0")).st_ino, inode)
        self.assertEqual(self.runs(), ["0", "1", "1.1", "2", "2.1", "3", "3.1"])
        self.assertEqual(self.read(self.path("runs/2.1")), "precious")
        self.assertEqual(os.listdir(self.path("elsewhere")), [])


if __name__ == "__main__":
    harness.main()
