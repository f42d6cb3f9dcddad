"""Problems with what real evaluations have and the functions of textbooks have not: values of many
decades, penalties in place of failures, regions where evaluations fail. Played with --hurdles, see
README.md. A value of NaN is a trial that failed.

They are written as those of problems.py are.
"""
from math import exp, log2, log10, nan

import numpy as np

from problems import PROBLEMS, Problem, integer, problem, real, reals, vector

BEFORE = set(PROBLEMS)


@problem("decades", PROBLEMS["hartmann6"].space)
def decades6(p):
    """From 1 to 2e17."""
    return exp(12 * (PROBLEMS["hartmann6"].function(p) + 3.32236801))


def penalised(name, worst):
    """The problem of that name; what is worse than `worst` comes back as 1e4."""
    original = PROBLEMS[name]

    def function(p):
        value = original.function(p)
        return value if value < worst else 1e4
    PROBLEMS["penalty_" + name] = Problem("penalty_" + name, "penalty", original.space, function, None)


penalised("ackley5", 21.4)   # half of all random points
penalised("levy10", 101.0)   # four of five


def sloping(p, count, tilt):
    return float(vector(p, count) @ (1 + tilt * np.arange(count)))


def distance(p, count, center):
    return float(np.sum((vector(p, count) - center) ** 2 * np.arange(1, count + 1)))


@problem("failing", reals(4, 0, 1))
def edge4(p):
    """Three of ten fail, and the values lead there: the least lies at a slanted edge."""
    return nan if sloping(p, 4, 0) > 2.3 else distance(p, 4, [.77, .61, .77, .61])


@problem("failing", reals(6, 0, 1))
def edge6(p):
    """Four of ten fail, as above."""
    return nan if sloping(p, 6, .3) > 5.6 else distance(p, 6, .8)


@problem("failing", [integer("units", 8, 4096, "log"), integer("batch", 8, 1024, "log"),
                     integer("layers", 1, 12), real("rate", 1e-5, 1, "log")])
def memory4(p):
    """More is better, until the memory is full."""
    if p["units"] * p["batch"] * p["layers"] > 4e5:
        return nan
    rate = log10(p["rate"]) + 3 - .2 * log2(p["batch"] / 64)
    return (.3 * rate ** 2 + 2 / (1 + log2(p["units"] / 8)) + .5 / p["layers"] ** .5
            + .02 * abs(log2(p["batch"] / 128)))


@problem("failing", PROBLEMS["like_training7"].space)
def diverging7(p):
    """The training of problems.py, which diverges at high rates and does not fit into memory."""
    if p["rate"] > 2e-3 or p["units"] * p["batch"] > 60000:
        return nan
    return PROBLEMS["like_training7"].function(p)


HURDLES = [name for name in PROBLEMS if name not in BEFORE]
