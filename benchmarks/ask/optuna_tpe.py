"""The same as ask_speed for Optuna's TPE with its defaults: optuna_tpe.py PENDING N [N …].

Prints lines of the same fields; 10 to 40 steps a size, since one takes so long.
"""
import math
import os
import random
import resource
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

SPACE = {"r0": FloatDistribution(0, 1), "r1": FloatDistribution(0, 1),
         "r2": FloatDistribution(1e-5, 1, log=True), "r3": FloatDistribution(1e-5, 1, log=True),
         "i0": IntDistribution(1, 100), "i1": IntDistribution(8, 1024, log=True),
         "c0": CategoricalDistribution(["a", "b", "c"]),
         "c1": CategoricalDistribution(["a", "b", "c", "d", "e"]),
         "b0": CategoricalDistribution([False, True]), "o0": IntDistribution(0, 3)}


def draw(rng, d):
    if isinstance(d, CategoricalDistribution):
        return rng.choice(d.choices)
    value = (math.exp(rng.uniform(math.log(d.low), math.log(d.high))) if d.log
             else rng.uniform(d.low, d.high))
    return value if isinstance(d, FloatDistribution) else round(value)


def value_of(params):
    total = 0.0
    for i, (name, d) in enumerate(SPACE.items()):
        if isinstance(d, CategoricalDistribution):
            u = (d.choices.index(params[name]) + .5) / len(d.choices)
        elif d.log:
            u = math.log(params[name] / d.low) / math.log(d.high / d.low)
        else:
            u = (params[name] - d.low) / (d.high - d.low)
        total += (u - .3) ** 2 * (i + 1) + .1 * math.cos(20 * u)
    return total


def clocks():
    return time.perf_counter(), time.thread_time()


def costs(pairs):
    """The five numbers of ask_speed, in milliseconds, of (wall, processor) times."""
    wall, work = (sorted(1e3 * x for x in column) for column in zip(*pairs))
    late = len(wall) * 99 // 100
    return wall[len(wall) // 2], wall[late], wall[-1], work[late], work[-1]


def measure(known, pending):
    rng = random.Random(7)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    for _ in range(known):
        params = {name: draw(rng, d) for name, d in SPACE.items()}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=SPACE,
                                                  value=value_of(params)))
    # What is pending was drawn at random: only the cost of knowing it matters here.
    running = []
    sampler, study.sampler = study.sampler, optuna.samplers.RandomSampler(seed=2)
    for _ in range(pending):
        running.append(study.ask(SPACE))
    study.sampler = sampler
    steps = 40 if known <= 1000 else 10
    asks, tells = [], []
    for _ in range(steps):
        trial = running.pop(0)
        value = value_of(trial.params)
        start = clocks()
        study.tell(trial, value)
        told = clocks()
        running.append(study.ask(SPACE))
        asked = clocks()
        tells.append((told[0] - start[0], told[1] - start[1]))
        asks.append((asked[0] - told[0], asked[1] - told[1]))
    mean, work = (1e3 * sum(column) / steps for column in zip(*asks, *tells))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    numbers = (mean, work, *costs(asks), *costs(tells))
    print("optuna-tpe", known, pending, 1, steps, *(f"{x:.4f}" for x in numbers), memory,
          flush=True)


if __name__ == "__main__":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for size in sys.argv[2:]:
        measure(int(size), int(sys.argv[1]))
