"""Runs dh_mpi as a user would, in a folder of its own, and looks at what it left.

Every process started carries a marker in its environment, so that a test can ask whether any
of them is still there. Processes are ended by the ids found that way only.
"""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

DH_MPI = os.environ["DH_MPI"]  # the programs under test, from meson
DHCTL = os.environ["DHCTL"]
SOURCE = os.environ["DH_SOURCE"]
BUILD = os.environ["DH_BUILD"]
PYTHON = "/usr/bin/python3"
MPIEXEC = os.environ.get("DH_MPIEXEC", "mpiexec")  # of the MPI that they were built with
MPICC = os.environ.get("DH_MPICC", "mpicc")
MPICH = os.environ.get("DH_MPICH") == "1"  # otherwise Open MPI

# With -disable-auto-cleanup it sends SIGUSR1 to the ranks that are left, and that stops a search.
outlived = unittest.skipIf(MPICH, "MPICH's mpiexec ends a search when a rank dies")

STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d "  # before every line of the log

PATIENCE = 4  # waits may take so many times longer than usual: machines are busy

# A parameter of each type, one of them conditional.
PARAMETERS = """parameters = (
  { name = "x"; type = "real"; low = -5.0; high = 5.0; },
  { name = "n"; type = "int"; low = 1; high = 100; },
  { name = "kind"; type = "categorical"; values = ("a", "b"); },
  { name = "y"; type = "real"; low = 1e-4; high = 1.0; scale = "log"; when = "kind == 'b'"; }
);"""

# By kind, evaluators that nap for SECONDS and then make a number of the parameter x: see Case.nap.
NAPS = {
    "builtin": 'type = "builtin"; function = "sphere"; duration = SECONDS;',
    "command": 'type = "command"; command = ("sh", "-c", "sleep SECONDS; echo DH-OUTPUT: $1", "sh", "{x}");',
    "python": 'type = "python"; function = "nap.run"; python = "/usr/bin/python3";',
    "plugin": 'type = "plugin"; library = "library.so";',
}

NAP_PYTHON = """
import time
def run(job):
    time.sleep(SECONDS)
    return job["x"] ** 2
"""

NAP_PLUGIN = """
#include <dh_mpi/plugin.h>
#include <time.h>
int dh_evaluate(const dh_job *job, dh_result *result)
{
    struct timespec nap = {.tv_nsec = (long)(SECONDS * 1e9)};
    nanosleep(&nap, 0);
    result->objective[0] = dh_job_real(job, "x", 0);
    return 0;
}
"""

FINISHED = {"ok", "failed", "timeout", "pruned"}


def processes(marker):
    """Ids of the processes that carry the marker."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as environ:
                if marker.encode() in environ.read():
                    found.append(int(name))
        except OSError:
            pass
    return found


def stat_of(pid):
    """Fields of /proc/PID/stat after the command's name."""
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()


def name_of(pid):
    with open(f"/proc/{pid}/comm") as comm:
        return comm.read().strip()


def parent(pid):
    return int(stat_of(pid)[1])


def launch(ranks, recovery=False):
    """Start of a command that runs so many ranks; with recovery they outlive one another."""
    options = (["-disable-auto-cleanup"] if recovery else []) if MPICH else \
        ["--oversubscribe"] + (["--enable-recovery"] if recovery else [])
    # By name: called by a path, Open MPI puts its folder first in PATH, before what a test put there.
    return [os.path.basename(MPIEXEC), *options, "-n", str(ranks)]


class Case(unittest.TestCase):
    """A test in a folder of its own, with nothing left behind at its end."""

    recovery = False  # see launch

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="dh_test_")
        self.marker = "DH_TEST_MARKER=" + uuid.uuid4().hex
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(self.sweep)

    def sweep(self):
        for pid in processes(self.marker):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w") as out:
            out.write(text)
        return self.path(name)

    def nap(self, kind, seconds, include=SOURCE + "/include"):
        """What an evaluator of that kind is in a configuration, each evaluation taking `seconds`
        (less than one)."""
        self.write("nap.py", NAP_PYTHON.replace("SECONDS", str(seconds)))
        if kind == "plugin":
            source = self.write("library.c", NAP_PLUGIN.replace("SECONDS", str(seconds)))
            subprocess.run(["cc", "-shared", "-fPIC", "-I", include, "-o",
                            self.path("library.so"), source], check=True)
        return NAPS[kind].replace("SECONDS", str(seconds))

    def tmpfs(self, size):
        """A small file system of its own, or the test is skipped."""
        folder = self.path("mount")
        os.mkdir(folder)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder],
                              capture_output=True, text=True)
        if done.returncode:
            self.skipTest("a tmpfs cannot be mounted here: " + done.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", "-l", folder])
        return folder

    def fill(self, folder, leave):
        filler = os.open(folder + "/filler", os.O_WRONLY | os.O_CREAT)
        try:
            while True:
                os.write(filler, bytes(4096))
        except OSError:
            os.close(filler)
        os.truncate(folder + "/filler", os.path.getsize(folder + "/filler") - leave)

    def environment(self, extra=None):
        env = dict(os.environ)
        key, value = self.marker.split("=")
        env[key] = value
        env["OMP_NUM_THREADS"] = "1"
        env.update(extra or {})
        return env

    def command(self, ranks, arguments):
        return (launch(ranks, self.recovery) if ranks else []) + [DH_MPI] + list(arguments)

    def start(self, ranks, *arguments, env=None):
        self.stdout, self.stderr = self.path("stdout"), self.path("stderr")
        with open(self.stdout, "w") as out, open(self.stderr, "w") as err:
            return subprocess.Popen(
                self.command(ranks, arguments), cwd=self.folder, env=self.environment(env),
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True)

    def run_search(self, ranks, *arguments, expect=0, timeout=120, env=None):
        """Run to the end; the exit code must be `expect`. Returns (stdout, stderr)."""
        process = self.start(ranks, *arguments, env=env)
        try:
            code = process.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            self.sweep()
            process.wait()
            self.fail(f"no end after {timeout * PATIENCE} s\n{self.output()}")
        self.assertEqual(code, expect, self.output())
        return self.read(self.stdout), self.read(self.stderr)

    def read(self, path):
        with open(path, errors="replace") as text:
            return text.read()

    def output(self):
        return f"stdout:\n{self.read(self.stdout)}\nstderr:\n{self.read(self.stderr)}"

    def dhctl(self, *arguments, expect=0, env=None):
        done = subprocess.run([DHCTL, *arguments], cwd=self.folder, capture_output=True, text=True,
                              timeout=60, env={**os.environ, **(env or {})})
        self.assertEqual(done.returncode, expect, done.stderr + done.stdout)
        return done.stdout if expect == 0 else done.stderr

    def trials(self, checkpoint):
        return json.loads(self.dhctl("list", "--json", checkpoint))

    def exported(self, checkpoint):
        return list(csv.DictReader(self.dhctl("export", "--format", "csv", checkpoint).splitlines()))

    def ranks(self, process):
        """Process ids of the ranks of a running mpiexec, by rank."""
        found = {}
        name = b"PMI_RANK=" if MPICH else b"OMPI_COMM_WORLD_RANK="
        for pid in processes(self.marker):
            try:
                starter = parent(pid)
                if MPICH:  # Hydra has a proxy on each node
                    starter = parent(starter)
                if starter != process.pid:
                    continue
                with open(f"/proc/{pid}/environ", "rb") as environ:
                    variables = environ.read().split(b"\0")
            except OSError:
                continue
            for variable in variables:
                if variable.startswith(name):
                    found[int(variable.split(b"=")[1])] = pid
        return found

    def wait_for(self, condition, seconds, what):
        seconds *= PATIENCE
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            result = condition()
            if result:
                return result
            time.sleep(0.02)
        self.fail(f"not after {seconds} s: {what}\n{self.output()}")

    def assert_nothing_left(self, seconds=10):
        self.wait_for(lambda: not processes(self.marker), seconds, "all processes have ended")

    def assert_complete(self, checkpoint, evaluations):
        """Exactly so many finished trials, ids without gap, none twice."""
        trials = self.trials(checkpoint)
        self.assertEqual([t["id"] for t in trials], list(range(len(trials))))
        finished = [t for t in trials if t["status"] in FINISHED]
        self.assertEqual(len(finished), evaluations)
        self.assertFalse([t for t in trials if t["status"] == "pending"])
        points = [json.dumps(t["parameters"], sort_keys=True) for t in trials]
        self.assertEqual(len(set(points)), len(points), "a point was proposed twice")
        return trials


def main():
    """The tests of the program that was started; 77 tells meson that all were skipped."""
    result = unittest.main(verbosity=2, exit=False).result
    nothing_ran = result.skipped and result.testsRun <= len(result.skipped)
    sys.exit(77 if nothing_ran and result.wasSuccessful() else not result.wasSuccessful())
