"""How busy many workers are kept: simulated, real, and one against the other. See README.md.

    python3 scaling.py study|null|slots|validate [options]
"""

import argparse
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
ACKLEY = os.path.join(HERE, "ackley.cfg")
SURVIVABLE = (0, 75)  # a search's exit codes: finished, or out of time


def program(options, name):
    path = os.path.join(options.build, name)
    if not os.access(path, os.X_OK):
        sys.exit(f"scaling.py: no {path}; build first, or name another build folder by --build")
    return path


def settings(pairs):
    return [word for pair in pairs for word in ("--set", pair)]


def simulate(options, workers, *arguments):
    """One simulation as dhctl's JSON object."""
    command = [program(options, "src/ctl/dhctl"), "simulate", "--json", "--workers", str(workers),
               *arguments, ACKLEY]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"scaling.py: {' '.join(command)} ended with {done.returncode}")
    return json.loads(done.stdout)[0]


def mpi_environment():
    env = dict(os.environ, OMPI_MCA_rmaps_base_oversubscribe="1")
    if os.geteuid() == 0:  # containers
        env.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    return env


def search(options, workers, *arguments):
    """A real search on so many worker ranks: its last status.json."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["mpiexec", "-n", str(workers + 1), program(options, "src/app/dh_mpi"), "-q",
                   *arguments, ACKLEY]
        done = subprocess.run(command, cwd=folder, env=mpi_environment(), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode not in SURVIVABLE:
            sys.exit(f"scaling.py: {' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
        with open(os.path.join(folder, "status.json")) as file:
            return json.load(file)


def busy(status):
    seconds = status["slot_seconds"]
    parts = [value for key, value in seconds.items() if isinstance(value, (int, float))
             and key != "failed"]  # a part of evaluating
    return seconds["evaluating"] / sum(parts)


# ---- the study ----

def published():
    with open(os.path.join(HERE, "deephyper.csv")) as file:
        return {int(row["workers"]): row for row in csv.DictReader(file)}


# duration of an evaluation, time simulated, workers: DeepHyper's study, and shorter evaluations
STUDY = [("normal:60,20", "30m", 16384), ("normal:60,20", "30m", 4096),
         ("normal:60,20", "30m", 1024), ("normal:60,20", "30m", 512),
         ("normal:60,20", "30m", 128), ("normal:10,3", "5m", 4096), ("normal:1,0.3", "1m", 4096)]


def read_results(path):
    """Rows of earlier runs by what they are of."""
    if not path or not os.path.exists(path):
        return {}
    with open(path) as file:
        rows = [json.loads(line) for line in file]
    return {(row["duration"], row["time"], row["workers"]): row for row in rows}


def study_rows(options):
    known = read_results(options.results)
    for duration, time, workers in STUDY:
        row = known.get((duration, time, workers))
        if not row and workers <= options.largest:
            extra = settings([f"optimizer.method={options.method}"] if options.method else [])
            row = simulate(options, workers, "--duration", duration, "--time", time, *extra)
            row.update(duration=duration, time=time)
            if options.results:
                with open(options.results, "a") as file:
                    file.write(json.dumps(row) + "\n")
            print(f"{duration}, {workers} workers: {100 * row['busy']:.2f} % busy "
                  f"({row['cpu_seconds']:.0f} s)", file=sys.stderr)
        if row:
            yield row


def print_study(rows):
    theirs = published()
    print(f"{'duration':13} {'workers':>8} {'evaluations':>12} {'busy':>7} {'best':>9} {'late':>7}"
          f" {'KiB/slot':>9}   rank 0: {'main':>6} {'asks':>6} {'fits':>6}"
          f"   DeepHyper: {'evaluations':>12} {'busy':>7} {'best':>6}")
    for row in sorted(rows, key=lambda row: (row["duration"] != "normal:60,20", row["workers"])):
        spent = {key: 100 * work["seconds"] / row["elapsed"] for key, work in row["rank_0"].items()}
        memory = row["bytes_a_slot"]
        line = (f"{row['duration']:13} {row['workers']:8} {row['evaluations']:12}"
                f" {100 * row['busy']:6.2f}% {row['best']:9.4g} {row['late_asks']:7}"
                f" {memory / 1024 if memory else float('nan'):9.2f}           "
                f"{spent['manage']:5.1f}% {spent['ask'] + spent['tell']:5.1f}% {spent['fit']:5.1f}%")
        other = theirs.get(row["workers"]) if row["duration"] == "normal:60,20" else None
        if other:
            line += (f"              {other['evaluations']:>12} {100 * float(other['busy']):6.1f}%"
                     f" {other['best']:>6}")
        print(line)


PLOT = """
set terminal svg size 900,360 font "sans,11"
set output "{folder}/study.svg"
set multiplot layout 1,2
set logscale x 2
set key bottom left
set xlabel "workers"
set ylabel "busy"
set yrange [0:1.02]
plot "{folder}/ours.dat" using 1:3 with linespoints title "dh_mpi (simulated)", \\
     "{folder}/theirs.dat" using 1:3 with linespoints title "DeepHyper (published)"
set ylabel "evaluations in 30 minutes"
set autoscale y
set logscale y
set key top left
plot "{folder}/ours.dat" using 1:2 with linespoints title "dh_mpi (simulated)", \\
     "{folder}/theirs.dat" using 1:2 with linespoints title "DeepHyper (published)"
"""


def plot_study(rows, target):
    if not shutil.which("gnuplot"):
        print("scaling.py: no gnuplot, no plot", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "ours.dat"), "w") as file:
            for row in sorted(rows, key=lambda row: row["workers"]):
                if row["duration"] == "normal:60,20":
                    file.write(f"{row['workers']} {row['evaluations']} {row['busy']}\n")
        with open(os.path.join(folder, "theirs.dat"), "w") as file:
            for row in published().values():
                file.write(f"{row['workers']} {row['evaluations']} {row['busy']}\n")
        subprocess.run(["gnuplot"], input=PLOT.format(folder=folder), text=True, check=True)
        shutil.copy(os.path.join(folder, "study.svg"), target)


def study(options):
    rows = list(study_rows(options))
    print_study(rows)
    if options.plot:
        plot_study(rows, options.plot)


# ---- evaluations that do nothing ----

def null(options):
    """benchmarks/dispatch at several numbers of ranks."""
    names = {"dh_mpi": "dh_mpi, random", "futures": "mpi4py.futures", "bare": "bare MPI loop, 1"}
    print(f"{'ranks':>6} {'dh_mpi':>10} {'mpi4py.futures':>15} {'bare MPI loop':>14}   dh_mpi is")
    for ranks in options.ranks:
        env = dict(mpi_environment(), DH_BUILD=options.build, DH_ROUNDS=str(options.rounds),
                   DH_EVALUATIONS=str(options.evaluations))
        done = subprocess.run(["sh", os.path.join(ROOT, "benchmarks/dispatch/run.sh"), str(ranks)],
                              env=env, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"scaling.py: benchmarks/dispatch/run.sh {ranks} ended with {done.returncode}")
        rate = {}
        for line in done.stdout.splitlines():
            for key, name in names.items():
                if line.startswith(name):
                    rate[key] = float(line[34:].split()[0])
        print(f"{ranks:6} {rate['dh_mpi']:10.0f} {rate['futures']:15.0f} {rate['bare']:14.0f}   "
              f"{rate['dh_mpi'] / rate['futures']:.1f} x futures, "
              f"{rate['dh_mpi'] / rate['bare']:.2f} of the loop", flush=True)


# ---- real slots, and the simulation against them ----

def case(workers, slots, duration, time):
    """Settings of a search whose evaluations pretend to take about `duration` seconds."""
    return settings([f"evaluator.slots={slots}", f"evaluator.duration={duration}",
                     "evaluator.duration_spread=0.3", f"search.max_time={time}"])


def slots(options):
    print(f"{'ranks x slots':14} {'seconds each':>13} {'evaluations':>12} {'a second':>9} {'busy':>7}"
          f" {'waiting':>8} {'late':>7} {'best':>9}")
    for duration in (1, 10):
        status = search(options, 16, *case(16, 256, duration, options.time))
        seconds = status["slot_seconds"]
        print(f"{'16 x 256':14} {duration:13} {status['ended_here']:12}"
              f" {status['ended_here'] / status['elapsed']:9.0f} {100 * busy(status):6.2f}%"
              f" {100 * seconds['waiting'] / sum(seconds.values()):7.2f}% {status['late_asks']:7}"
              f" {next(iter(status['best']['objectives'].values())):9.4g}", flush=True)


# workers, slots, seconds an evaluation
CASES = [(8, 1, 0.5), (16, 1, 0.5), (64, 1, 1), (16, 256, 10), (16, 256, 2)]


def validate(options):
    print(f"{'workers':>7} {'slots':>6} {'seconds each':>13} {'measured':>9} {'predicted':>10}"
          f" {'points':>7}")
    worst = 0
    for workers, slot_count, duration in CASES:
        if workers * slot_count > options.largest:
            continue
        arguments = case(workers, slot_count, duration, options.time)
        if options.method:
            arguments += ["--set", f"optimizer.method={options.method}"]
        measured = statistics.median(busy(search(options, workers, *arguments))
                                     for _ in range(options.rounds))
        predicted = simulate(options, workers, *arguments)["busy"]
        points = 100 * (predicted - measured)
        worst = max(worst, abs(points))
        print(f"{workers:7} {slot_count:6} {duration:13} {100 * measured:8.2f}%"
              f" {100 * predicted:9.2f}% {points:+7.2f}", flush=True)
    if worst > 2:
        sys.exit(f"scaling.py: {worst:.1f} points apart: more than 2")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.environ.get("DH_BUILD", os.path.join(ROOT, "build")))
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("study", help="simulated, beside DeepHyper's published columns")
    verb.add_argument("--largest", type=int, default=16384, help="number of workers")
    verb.add_argument("--results", metavar="FILE", help="append to it; what is in it is not run")
    verb.add_argument("--method", help="another than the model-based one")
    verb.add_argument("--plot", metavar="FILE.svg")
    verb.set_defaults(run=study)
    verb = verbs.add_parser("null", help="evaluations that do nothing, by ranks")
    verb.add_argument("--ranks", type=int, nargs="+", default=[2, 4, 8, 16, 32, 64])
    verb.add_argument("--rounds", type=int, default=3)
    verb.add_argument("--evaluations", type=int, default=200000)
    verb.set_defaults(run=null)
    verb = verbs.add_parser("slots", help="real, 16 ranks of 256 slots")
    verb.add_argument("--time", default="5m")
    verb.set_defaults(run=slots)
    verb = verbs.add_parser("validate", help="the simulation against real searches")
    verb.add_argument("--time", default="1m")
    verb.add_argument("--largest", type=int, default=4096, help="number of slots")
    verb.add_argument("--rounds", type=int, default=1)
    verb.add_argument("--method", help="another than the model-based one")
    verb.set_defaults(run=validate)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
