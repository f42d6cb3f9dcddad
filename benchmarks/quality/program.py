"""The program itself on a problem: `dh_mpi` with as many slots as there are workers, each a Python
process, and evaluations that take real time. quality.py's system "program".

DH_MPI and DHCTL name the binaries, DH_QUALITY_UNIT the seconds of a unit (2). Evaluations last as
long as in quality.py's virtual time. Functions compute for next to none of it, so two cores have
room for sixteen workers and the search.
"""
import json
import os
import subprocess
import sys
import tempfile
import time

from problems import PROBLEMS, durations
from systems import configuration
import held_out  # noqa: F401: more of PROBLEMS

HERE = os.path.dirname(os.path.abspath(__file__))
UNIT = float(os.environ.get("DH_QUALITY_UNIT", "2"))
EVALUATOR = """evaluator = {{ type = "python"; function = "program.evaluate"; python = "{python}";
              slots = {slots}; }};
checkpoint = {{ file = "played.h5"; }};
"""


def evaluate(job):
    """In a slot's process."""
    start = time.monotonic()
    name, number = os.environ["DH_QUALITY_PROBLEM"], job["job_id"]
    value = float(PROBLEMS[name].function(job.parameters))
    lasts = UNIT * durations(name, os.environ["DH_QUALITY_SEED"], number + 1)[number]
    time.sleep(max(start + lasts - time.monotonic(), 0))
    return value


def idle_seconds(trials):
    """A slot's mean time between an evaluation and the next."""
    ended, idle = {}, []
    for trial in sorted(trials, key=lambda trial: trial["started"]):
        if trial["slot"] in ended:
            idle.append(trial["started"] - ended[trial["slot"]])
        ended[trial["slot"]] = trial["ended"]
    return sum(idle) / len(idle) if idle else 0.0


def play(problem, workers, seed, count):
    """Values in the order in which they arrived, and the seconds that slots waited for their next
    trials, together."""
    environment = {**os.environ, "DH_QUALITY_PROBLEM": problem.name, "DH_QUALITY_SEED": str(seed),
                   "PYTHONPATH": HERE}
    with tempfile.TemporaryDirectory() as folder:
        path, history = os.path.join(folder, "played.cfg"), os.path.join(folder, "played.h5")
        with open(path, "w") as file:
            file.write(configuration(problem, seed,
                                     EVALUATOR.format(python=sys.executable, slots=workers)))
        done = subprocess.run([os.environ.get("DH_MPI", "dh_mpi"), "--quiet", "--set",
                               f"search.max_evaluations={count}", path], env=environment, cwd=folder,
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"dh_mpi ended with {done.returncode}: {done.stderr}")
        text = subprocess.run([os.environ.get("DHCTL", "dhctl"), "export", "--format", "json",
                               history], check=True, capture_output=True, text=True).stdout
    trials = json.loads(text)["trials"]
    values = [trial["objectives"]["value"] for trial in trials if trial["status"] == "ok"]
    if len(values) != count:
        raise RuntimeError(f"{len(values)} of {count} evaluations have a value")
    return values, idle_seconds(trials) * count
