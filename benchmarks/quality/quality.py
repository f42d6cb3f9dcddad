"""Plays the systems on the problems and keeps what they found: see README.md.

    quality.py run [--systems …] [--problems … | --held-out | --hurdles] [--seeds N [--first-seed 1]]
                   [--workers 1 16] [-n 200] [--jobs 2] [--results FILE]
                   [--dh NAME:SETTING,SETTING …] [--time-limit S]
    quality.py run --systems program …      dh_mpi itself, in real time: see program.py
    quality.py reference        measure references.json: best known value, random search's median
    quality.py report [--systems …] [--at N …] [--results FILE] [--plot FILE]

A run of one system on one problem with one seed is one job; its rows are written when it has
ended, and a job whose rows are there is not played again.
"""
import argparse
import csv
import heapq
import json
import multiprocessing
import os
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from problems import PROBLEMS, durations
from held_out import HELD_OUT
from hurdles import HURDLES
from systems import PROGRAM, SYSTEMS, DhMpi, Random
import program
import report

HERE = os.path.dirname(os.path.abspath(__file__))
FIELDS = ["system", "problem", "group", "workers", "seed", "n", "best", "ask_seconds"]
# Seconds an ask of dh_mpi may take: with one worker any; a second with 16, whose evaluations last
# some minutes; with a crowd a minute's share.
BUDGET = {1: "inf", 16: "1"}
CROWD_BUDGET = 60.0


def play(system, problem, workers, seed, count):
    """Values in the order in which they arrive, and the seconds spent in ask and tell. Time is
    virtual."""
    lasts = durations(problem.name, seed, count)
    running, values, asked, spent, now = [], [], 0, 0.0, 0.0
    while len(values) < count:
        while asked < count and len(running) < workers:
            start = time.perf_counter()
            handle, point = system.ask()
            spent += time.perf_counter() - start
            heapq.heappush(running, (now + lasts[asked], asked, handle, point))
            asked += 1
        now, _, handle, point = heapq.heappop(running)
        value = float(problem.function(point))
        values.append(value)
        start = time.perf_counter()
        system.tell(handle, value)
        spent += time.perf_counter() - start
    return values, spent


def play_system(name, settings, problem, workers, seed, count):
    if name == PROGRAM:
        return program.play(problem, workers, seed, count)
    system = make(name, settings, problem, seed, workers)
    values, spent = play(system, problem, workers, seed, count)
    if hasattr(system, "close"):
        system.close()
    return values, spent


def make(name, settings, problem, seed, workers):
    budget = BUDGET.get(workers) or f"{CROWD_BUDGET / workers:.4g}"
    if settings is not None:
        return DhMpi(problem, seed, workers, budget, settings)
    return SYSTEMS[name](problem, seed, workers, budget)


def job(task):
    name, settings, problem_name, workers, seed, count = task
    problem = PROBLEMS[problem_name]
    try:
        values, spent = play_system(name, settings, problem, workers, seed, count)
    except ImportError as error:
        return task, None, f"skipped: {error}"
    except Exception as error:  # a system that cannot play a problem is no reason to end
        return task, None, f"failed: {type(error).__name__}: {error}"
    rows, best = [], float("inf")
    for i, value in enumerate(values, 1):
        best = min(best, value)
        if i % 10 == 0 or i == count:
            rows.append([name, problem_name, problem.group, workers, seed, i, repr(best),
                         f"{spent / count:.5f}"])
    return task, rows, None


def finished(path, count):
    if not os.path.exists(path):
        return set()
    with open(path) as file:
        return {(r["system"], r["problem"], int(r["workers"]), int(r["seed"]))
                for r in csv.DictReader(file) if int(r["n"]) >= count}


def tasks_of(options):
    systems = {name: None for name in options.systems}
    for entry in options.dh:
        name, _, settings = entry.partition(":")
        systems[name] = [s for s in settings.split(",") if s]
    done = finished(options.results, options.n)
    # Seeds outside: a run that is broken off has every system and problem with as many seeds.
    return [(name, settings, problem, workers, seed, options.n)
            for seed in range(options.first_seed, options.first_seed + options.seeds)
            for workers in options.workers
            for problem in options.problems for name, settings in systems.items()
            if (name, problem, workers, seed) not in done]


def run(options):
    tasks, end = tasks_of(options), time.monotonic() + options.time_limit
    new = not os.path.exists(options.results)
    dead = set()
    with open(options.results, "a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(FIELDS)
        with multiprocessing.Pool(options.jobs, maxtasksperchild=20) as pool:
            results = pool.imap(job, tasks)
            for i in range(1, len(tasks) + 1):
                try:
                    task, rows, error = results.next(min(end - time.monotonic(), 1e6))
                except multiprocessing.TimeoutError:
                    print(f"out of time after {i - 1} of {len(tasks)} runs", file=sys.stderr)
                    break  # leaving the pool ends what runs in it
                if error and (task[0], error) not in dead:
                    dead.add((task[0], error))
                    print(f"{task[0]} on {task[2]}, {task[3]} workers: {error}", file=sys.stderr)
                writer.writerows(rows or [])
                file.flush()
                if options.verbose:
                    print(f"{i}/{len(tasks)} {task[0]} {task[2]} {task[3]} {task[4]}: "
                          f"{rows[-1][6] if rows else error}", file=sys.stderr)


def reference_of(name):
    problem = PROBLEMS[name]
    seeds = 5 if problem.group == "training" else 101
    runs, best = [], float("inf") if problem.optimum is None else problem.optimum
    for seed in range(1000, 1000 + seeds):
        values, _ = play(Random(problem, seed, 1, 0), problem, 1, seed, 200)
        runs.append([min(values[:n]) for n in range(10, 201, 10)])
        best = min(best, min(values))
    medians = [sorted(column)[seeds // 2] for column in zip(*runs)]
    return name, {"best": best, "random": dict(zip(map(str, range(10, 201, 10)), medians))}


def reference(options):
    with multiprocessing.Pool(options.jobs) as pool:
        table = dict(pool.imap(reference_of, options.problems))
    report.write_references({**report.read_references(), **table})


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["run", "reference", "report"])
    parser.add_argument("--systems", nargs="*", default=list(SYSTEMS))
    parser.add_argument("--dh", nargs="*", default=[], help="dh_mpi under a name with overrides")
    parser.add_argument("--problems", nargs="*")
    parser.add_argument("--held-out", action="store_true", help="the problems of held_out.py")
    parser.add_argument("--hurdles", action="store_true", help="the problems of hurdles.py")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--workers", nargs="*", type=int, default=[1, 16])
    parser.add_argument("-n", type=int, default=200)
    parser.add_argument("--at", nargs="*", type=int, default=[100, 200])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--time-limit", type=float, default=float("inf"))
    parser.add_argument("--results", default=os.path.join(HERE, "results.csv"))
    parser.add_argument("--plot", help="a picture of regret over evaluations")
    parser.add_argument("-v", "--verbose", action="store_true")
    options = parser.parse_args()
    if options.problems is None:
        apart = {*HELD_OUT, *HURDLES}
        options.problems = HELD_OUT if options.held_out else HURDLES if options.hurdles else \
            [name for name in PROBLEMS if name not in apart]
    {"run": run, "reference": reference, "report": report.report}[options.verb](options)


if __name__ == "__main__":
    main()
