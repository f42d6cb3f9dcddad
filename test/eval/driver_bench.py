"""What the tests of src/eval/driver*.py share: a process of the driver, and the launcher's end of its
lines. The arguments of such a test begin with the driver's texts: START PART..."""

import json
import os
import select
import subprocess
import sys
import tempfile
import textwrap
import unittest

# The driver's texts: what starts it, and what it is.
START, *PARTS = [open(path).read() for path in sys.argv[1:] if path.endswith(".py")]
sys.argv[1:] = [name for name in sys.argv[1:] if not name.endswith(".py")]

# What the user wrote: one function a case.
USER = '''
import math, os, sys
from decimal import Decimal

imports = []
imports.append(1)

def lr(job): return job["lr"]
def number(job): return {"int": 3, "bool": True, "decimal": Decimal("0.25"), "nan": math.nan,
                         "inf": math.inf, "minus": -math.inf}[job["kind"]]
class Array:
    def __init__(self, values): self.values = values
    def tolist(self): return self.values
class Sparse:
    def tolist(self): raise RuntimeError("no values")
def value(job): return eval(job["text"])
def mapping(config):
    config = {**config}
    return config["lr"] + config.get("other", 1)
def attributes(job):
    copy = job.parameters.copy()
    copy["x"] = 1
    assert "x" not in job.parameters and "lr" in job and len(job) == 1 and list(job) == ["lr"]
    return {"objective": 1, "metadata": {"id": job.id, "number": job["job_id"], "seed": job.seed,
            "slot": job.slot, "worker": job.worker, "retries": job.retries,
            "type": type(job["lr"]).__name__}}
def records(job):
    for step in range(3):
        job.record(step, step / 2)
    job.record(3, math.nan)
    return job.objective
def until_stopped(job):
    import time
    steps = 0
    while not job.stopped():
        job.record(steps, 0.0)
        steps += 1
        time.sleep(0.01)
    return steps
async def asynchronous(job):
    import asyncio
    await asyncio.sleep(0)
    return job["lr"]
def leaves(job):
    if job["how"] == "exit": sys.exit(3)
    if job["how"] == "interrupt": raise KeyboardInterrupt
    if job["how"] == "deep":
        def down(): return down()
        return down()
    if job["how"] == "bad text":
        class Bad(Exception):
            def __str__(self): raise RuntimeError
        raise Bad
    return len(imports)
def forks(job):
    if os.fork() == 0:
        return 99.0
    os.wait()
    return 1.0
def surroundings(job):
    code = "import os; print(os.environ.get('GPU'))"
    import subprocess
    child = subprocess.check_output([sys.executable, "-c", code]).decode().strip()
    seen = [name for name in os.environ if name.startswith("DH_DRIVER")]
    return {"objective": 0, "metadata": {"cwd": os.getcwd(), "gpu": os.environ.get("GPU"),
                                         "child": child, "seen": seen}}
def noisy(job):
    print("to stdout"); sys.stderr.write("to stderr\\n")
    return 0
def greedy(job):
    block = bytearray(int(job["megabytes"]) << 20)
    return sum(range(2000000)) * 0.0 + len(block) * 0.0
def dequed(job, dequed=None): return len(dequed)
def stored(job):
    job.storage.store_job_metadata(job.id, "foo", 7)
    return 0.5
def pickled(job):
    import copy, pickle
    for twin in (pickle.loads(pickle.dumps(job)), copy.deepcopy(job)):
        twin.record(0, 0)
        assert twin["lr"] == job["lr"] and not twin.stopped()
    return 1
def changed_random(job):
    import random
    return random.random()

class Model:
    @staticmethod
    def fit(job): return job["lr"]
    def bound(self, job): return 2 * job["lr"]
model = Model()
not_callable = 3
'''


def bytewise(path):
    return os.fsencode(path).decode("latin-1")


class Launcher:
    """The other end of the driver's lines."""

    def __init__(self, function, folder, objectives=1, cwd=None, env=os.environ, **extra):
        to_driver, self.writer = os.pipe()
        self.reader, from_driver = os.pipe()
        env = dict(env, DH_DRIVER_IN=str(to_driver), DH_DRIVER_OUT=str(from_driver),
                   DH_DRIVER_GUARD=str(os.getpid()))
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-c", START, "".join(PARTS)], pass_fds=(to_driver, from_driver), env=env,
            cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.close(to_driver)
        os.close(from_driver)
        self.lines = os.fdopen(self.reader, "rb")
        self.send({"function": function, "path": [bytewise(folder)], "objectives": objectives,
                   "metadata_limit": 1 << 20, **extra})

    def send(self, message):
        os.write(self.writer, json.dumps(message).encode() + b"\n")

    def receive(self, seconds=20):
        if not self.lines.peek(1) and not select.select([self.reader], [], [], seconds)[0]:
            raise TimeoutError("no answer of the driver")
        line = self.lines.readline()
        if not line:
            raise EOFError(self.process.stderr.read().decode())
        return json.loads(line.decode())

    def ask(self, trial=0, parameters=None, **extra):
        self.send({"id": trial, "seed": 5, "retries": 0, "slot": 0, "worker": 1, "cwd": None,
                   "env": {}, "parameters": parameters or {"lr": 0.1}, **extra})

    def answer(self, *arguments, **extra):
        self.ask(*arguments, **extra)
        return self.receive()

    def close(self):
        if self.writer is not None:
            os.close(self.writer)
            self.writer = None
            self.out, self.err = self.process.communicate(timeout=20)
            self.lines.close()
        return self.process.returncode, self.out.decode(), self.err.decode()


class DriverCase(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="dh_driver_")
        self.write("user.py", USER)

    def tearDown(self):
        import shutil

        shutil.rmtree(self.folder)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(textwrap.dedent(text))

    def start(self, function, objectives=1, ready=True, **extra):
        launcher = Launcher(function, self.folder, objectives, **extra)
        self.addCleanup(launcher.close)
        if ready:
            self.assertEqual(launcher.receive(), {"ready": True})
        return launcher

    def fatal(self, function):
        launcher = self.start(function, ready=False)
        return launcher.receive()["fatal"]
