"""The same as ask_speed for Optuna's TPE with its defaults: optuna_tpe.py PENDING N [N …].

Prints lines of the same fields; 10 to 40 steps a size, since one takes so long.
"""
import math
import os
import random
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
        start = time.perf_counter()
        study.tell(trial, value)
        middle = time.perf_counter()
        running.append(study.ask(SPACE))
        tells.append(1e3 * (middle - start))
        asks.append(1e3 * (time.perf_counter() - middle))
    mean = (sum(asks) + sum(tells)) / steps
    asks.sort()
    tells.sort()
    late = steps * 99 // 100
    print("optuna-tpe", known, pending, steps, *(f"{x:.4f}" for x in (
        mean, asks[steps // 2], asks[late], tells[steps // 2], tells[late])), flush=True)


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for size in sys.argv[2:]:
        measure(int(size), int(sys.argv[1]))
