"""Problems on which no default was chosen: played with --held-out, see README.md.

They are of the kinds of problems.py, and are written as those are.
"""
import functools
import warnings
from math import log, sqrt

import numpy as np

from problems import (PROBLEMS, boolean, choice, data, integer, ordinal, problem, real, reals,
                      rotation, shift, vector)

BEFORE = set(PROBLEMS)


# -- continuous ---------------------------------------------------------------------------------

@problem("continuous", reals(5, -20, 20), 0.0)
def griewank5(p):
    z = rotation(105, 5) @ (vector(p, 5) - 20 * shift(105, 5))
    return float(1 + np.sum(z * z) / 400 - np.prod(np.cos(z / np.sqrt(np.arange(1, 6)))))


@problem("continuous", reals(8, -5, 5), -39.16616570377142 * 8)
def styblinski8(p):
    z = vector(p, 8) - 2 * shift(108, 8)
    return float(np.sum(z ** 4 - 16 * z * z + 5 * z) / 2)


SHEKEL_C = np.array([[4, 4, 4, 4], [1, 1, 1, 1], [8, 8, 8, 8], [6, 6, 6, 6], [3, 7, 3, 7],
                     [2, 9, 2, 9], [5, 5, 3, 3], [8, 1, 8, 1], [6, 2, 6, 2], [7, 3.6, 7, 3.6]])
SHEKEL_B = np.array([.1, .2, .2, .4, .4, .6, .3, .7, .5, .5])


@problem("continuous", reals(4, 0, 10), -10.53640982)
def shekel4(p):
    return -float(np.sum(1 / (np.sum((vector(p, 4) - SHEKEL_C) ** 2, axis=1) + SHEKEL_B)))


@problem("continuous", reals(12, -10, 10), 0.0)
def zakharov12(p):
    z = vector(p, 12) - 10 * shift(112, 12)
    linear = float(np.sum(.5 * np.arange(1, 13) * z)) / 12
    return float(np.sum(z * z)) + linear ** 2 + linear ** 4


@problem("continuous", reals(60, -1, 1), 0.0)
def wide60(p):
    """A rotated valley of eight parameters among sixty; the others matter less."""
    z = vector(p, 60) - shift(160, 60)
    y = 1 + 2 * rotation(160, 8) @ z[:8]
    return float(np.sum(100 * (y[1:] - y[:-1] ** 2) ** 2 + (1 - y[:-1]) ** 2) / 100
                 + np.sum(z[8:] ** 2))


# -- mixed and categorical ----------------------------------------------------------------------

@problem("mixed", [integer("threads", 1, 64, "log"), ordinal("block", [8, 16, 32, 64, 128, 256, 512]),
                   ordinal("width", [1, 2, 4, 8]), integer("unroll", 1, 16),
                   choice("layout", ["rows", "columns", "tiles"]),
                   choice("schedule", ["static", "dynamic", "guided"]), boolean("prefetch")],
         .07401208861935157)
def kernel7(p):
    """Seconds of a numerical kernel, by a model of caches, vectors, threads and balance."""
    block, width, threads = p["block"], p["width"], p["threads"]
    miss = .02 + .3 / block + .4 * max(0, log(block / 96, 2)) ** 2 / 9
    miss *= {"rows": 1.3, "columns": 2.2, "tiles": 1.0}[p["layout"]] * (.8 if p["prefetch"] else 1)
    lanes = width ** (.9 if p["layout"] != "columns" else .4)
    registers = max(0, width * p["unroll"] - 32) / 32
    work = (1 + .8 / p["unroll"] + registers) / lanes
    imbalance = {"static": .25 * (1 - 1 / threads), "dynamic": .9 * threads / 16 / block ** .5,
                 "guided": .08 + .3 * threads / 64 / block ** .5}[p["schedule"]]
    memory = 6 * miss * max(1, threads / 14)
    return float((work + memory) * (1 + imbalance) / threads ** .92 + .0035 * threads)


@problem("mixed", [choice("where", ["a", "b", "c", "d"]), integer("n0", -5, 8), integer("n1", -5, 8),
                   ordinal("step", [0.1, 0.2, 0.5, 1.0, 2.0])] + reals(3, -5, 5))
def valleys7(p):
    """A rippled bowl whose bottom, and how far up it is, depend on a category."""
    rng = np.random.RandomState({"a": 1, "b": 2, "c": 3, "d": 4}[p["where"]])
    goal, height = rng.uniform(-3, 3, 6), rng.uniform(0, 3)
    z = np.append(vector(p, 3), [p["n0"] / 2, p["n1"] / 2, 2 * log(p["step"] / .5, 2)]) - goal
    return float(height + .3 * np.sum(z * z) + np.sum(1 - np.cos(2 * z)))


@functools.lru_cache(None)
def protein(seed):
    rng = np.random.RandomState(seed)
    return rng.randn(10, 6), rng.randn(6, 6)


@problem("mixed", [choice(f"s{i}", ["A", "C", "D", "E", "F", "G"]) for i in range(10)],
         -17.506112689581386)
def sequence10(p):
    """Ten letters: what each is worth at its place, and beside the next ones."""
    single, pair = protein(110)
    k = ["ACDEFG".index(p[f"s{i}"]) for i in range(10)]
    return float(sum(single[i, k[i]] for i in range(10))
                 + .7 * sum(pair[k[i], k[i + 1]] for i in range(9)))


@problem("mixed", [choice(f"act{i}", ["relu", "tanh", "gelu", "elu"]) for i in range(16)]
         + [integer(f"units{i}", 8, 512, "log") for i in range(16)]
         + [real(f"drop{i}", 0, .9) for i in range(16)], 0.0)
def stack48(p):
    """Sixteen layers of three parameters, each layer worth less than the one before."""
    rng, cost, before = np.random.RandomState(148), 0.0, 0.0
    for i in range(16):
        worth, units, drop = rng.rand(4), rng.uniform(4, 8), rng.uniform(.1, .8)
        act = ["relu", "tanh", "gelu", "elu"].index(p[f"act{i}"])
        off = p[f"drop{i}"] - drop
        cost += (worth[act] - min(worth) + (log(p[f"units{i}"], 2) - round(units)) ** 2 / 9
                 + 4 * off * off + 2 * off * before) / (1 + i)
        before = off
    return cost


# -- conditional --------------------------------------------------------------------------------

@problem("conditional", [
    choice("method", ["cg", "gmres", "multigrid"]),
    choice("preconditioner", ["none", "jacobi", "ilu"], ("method", ["cg", "gmres"])),
    integer("fill", 0, 20, when=("preconditioner", ["ilu"])),
    real("drop", 1e-8, 1e-1, "log", ("preconditioner", ["ilu"])),
    integer("restart", 5, 200, "log", ("method", ["gmres"])),
    choice("smoother", ["jacobi", "chebyshev"], ("method", ["multigrid"])),
    integer("sweeps", 1, 8, when=("method", ["multigrid"])),
    real("damping", .1, 1.5, when=("smoother", ["jacobi"])),
    real("coarsening", 0, .9, when=("method", ["multigrid"]))])
def solver9(p):
    """Logarithm of the seconds that a linear solver takes, by a model of it."""
    if p["method"] == "multigrid":
        rate = .5 + .25 * (p["coarsening"] - .35) ** 2
        rate += .02 if p["smoother"] == "chebyshev" else .6 * (p["damping"] - .72) ** 2
        rate **= sqrt(p["sweeps"])
        return float(log((1.2 + .8 * p["sweeps"]) / -log(min(rate, .999)), 10))
    cost, steps = 1.0, 300.0
    if p["preconditioner"] == "jacobi":
        cost, steps = 1.1, 170.0
    elif p["preconditioner"] == "ilu":
        good = 1 - .08 * (log(p["drop"], 10) + 4.2) ** 2 / 4
        steps = 170 / (1 + .5 * p["fill"] * max(good, .05))
        cost = 1.3 + .12 * p["fill"] + .05 * max(0, -4 - log(p["drop"], 10))
    if p["method"] == "gmres":
        cost += .01 * p["restart"]
        steps *= .8 * (1 + 8 / p["restart"])
    return float(log(steps * cost / 10, 10))


# -- real trainings -----------------------------------------------------------------------------

@problem("training", [
    choice("kernel", ["rbf", "poly", "sigmoid"]), real("C", 1e-2, 1e4, "log"),
    real("gamma", 1e-5, 10, "log"), real("epsilon", 1e-3, 100, "log"),
    integer("degree", 1, 4, when=("kernel", ["poly"]))])
def svr_diabetes(p):
    """Mean squared error of support vector regression over the variance, three folds."""
    from sklearn.model_selection import cross_val_predict
    from sklearn.svm import SVR
    _, scaled, y = data("diabetes", 442)
    model = SVR(kernel=p["kernel"], C=p["C"], gamma=p["gamma"], epsilon=p["epsilon"],
                degree=p.get("degree", 3), max_iter=5000)
    with warnings.catch_warnings():  # of iterations that did not converge
        warnings.simplefilter("ignore")
        guess = np.clip(cross_val_predict(model, scaled, y, cv=3), -1e4, 1e4)
    return float(np.mean((guess - y) ** 2) / np.var(y))


@problem("training", [
    integer("trees", 3, 40, "log"), integer("depth", 1, 20), integer("leaf", 1, 30, "log"),
    real("features", .05, 1), choice("criterion", ["gini", "entropy"]), boolean("bootstrap"),
    real("rows", .2, 1, when=("bootstrap", [True]))])
def forest_digits(p):
    """Log loss of a forest on 600 digits, half and half."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import log_loss
    x, _, y = data("digits", 600)
    model = RandomForestClassifier(
        p["trees"], criterion=p["criterion"], max_depth=p["depth"], min_samples_leaf=p["leaf"],
        max_features=p["features"], bootstrap=p["bootstrap"], max_samples=p.get("rows"),
        random_state=0)
    model.fit(x[:300], y[:300])
    guess = np.clip(model.predict_proba(x[300:]), 1e-3, 1)
    return float(log_loss(y[300:], guess / guess.sum(axis=1, keepdims=True)))


import held_out_trainings  # noqa: E402,F401: further ones, which it adds to PROBLEMS

HELD_OUT = [name for name in PROBLEMS if name not in BEFORE]
