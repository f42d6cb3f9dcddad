"""The problems: a declarative space and a function to minimise, each.

A parameter is a dict as it would stand in a dh_mpi configuration: name, type (real, int, ordinal,
categorical, bool), low, high, scale, values; and `when` = (parent, [values]) where it is
conditional. A function takes the dict of the active parameters and returns a number: free of
noise, the same in every process. Shifts and rotations come from fixed seeds, so that no optimum
lies at the centre or at a bound.
"""
import functools
import random
import warnings
from math import cos, e, exp, log, pi, sin, sqrt

import numpy as np

PROBLEMS = {}


class Problem:
    """`optimum`: the least value there is, where it is known; otherwise None."""

    def __init__(self, name, group, space, function, optimum):
        self.name, self.group, self.space, self.function = name, group, space, function
        self.optimum = optimum


def durations(name, seed, count):
    """How long a run's evaluations last: 0.5 to 1.5 units, by (problem, seed, number) alone."""
    clock = random.Random(f"{name} {seed}")
    return [clock.uniform(.5, 1.5) for _ in range(count)]


def problem(group, space, optimum=None):
    def keep(function):
        name = function.__name__
        PROBLEMS[name] = Problem(name, group, space, function, optimum)
        return function
    return keep


def real(name, low, high, scale="linear", when=None):
    return dict(name=name, type="real", low=float(low), high=float(high), scale=scale, when=when)


def integer(name, low, high, scale="linear", when=None):
    return dict(name=name, type="int", low=low, high=high, scale=scale, when=when)


def ordinal(name, values, when=None):
    return dict(name=name, type="ordinal", values=values, when=when)


def choice(name, values, when=None):
    return dict(name=name, type="categorical", values=values, when=when)


def boolean(name, when=None):
    return dict(name=name, type="bool", when=when)


def reals(count, low, high):
    return [real(f"x{i}", low, high) for i in range(count)]


def vector(p, count):
    return np.array([p[f"x{i}"] for i in range(count)])


@functools.lru_cache(None)
def rotation(seed, count):
    q, r = np.linalg.qr(np.random.RandomState(seed).randn(count, count))
    return q * np.sign(np.diag(r))


@functools.lru_cache(None)
def shift(seed, count):
    """Where the optimum goes: in units of half the range, 0.2 … 0.7 away from the centre."""
    rng = np.random.RandomState(seed)
    return rng.uniform(.2, .7, count) * rng.choice([-1, 1], count)


# -- continuous ---------------------------------------------------------------------------------

def ackley(x):
    return (-20 * exp(-.2 * sqrt(np.mean(x * x))) - exp(np.mean(np.cos(2 * pi * x)))) + 20 + e


def levy(x):
    w = 1 + (x - 1) / 4
    middle = np.sum((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(pi * w[:-1] + 1) ** 2))
    return (sin(pi * w[0]) ** 2 + middle
            + (w[-1] - 1) ** 2 * (1 + sin(2 * pi * w[-1]) ** 2))


@problem("continuous", [real("x0", -5, 10), real("x1", 0, 15)], .397887357)
def branin(p):
    x, y = p["x0"], p["x1"]
    return ((y - 5.1 / (4 * pi ** 2) * x * x + 5 / pi * x - 6) ** 2
            + 10 * (1 - 1 / (8 * pi)) * cos(x) + 10)


@problem("continuous", reals(4, -5.12, 5.12), 0.0)
def rastrigin4(p):
    z = vector(p, 4) - 5.12 * shift(4, 4)
    return 40 + float(np.sum(z * z - 10 * np.cos(2 * pi * z)))


@problem("continuous", reals(5, -32, 32), 0.0)
def ackley5(p):
    return ackley(rotation(5, 5) @ (vector(p, 5) - 32 * shift(5, 5)))


@problem("continuous", reals(6, -2, 2), 0.0)
def rosenbrock6(p):
    z = 1 + rotation(6, 6) @ (vector(p, 6) - 2 * shift(6, 6))
    return float(np.sum(100 * (z[1:] - z[:-1] ** 2) ** 2 + (1 - z[:-1]) ** 2))


HARTMANN_A = np.array([[10, 3, 17, 3.5, 1.7, 8], [.05, 10, 17, .1, 8, 14],
                       [3, 3.5, 1.7, 10, 17, 8], [17, 8, .05, 10, .1, 14]])
HARTMANN_P = 1e-4 * np.array([[1312, 1696, 5569, 124, 8283, 5886],
                              [2329, 4135, 8307, 3736, 1004, 9991],
                              [2348, 1451, 3522, 2883, 3047, 6650],
                              [4047, 8828, 8732, 5743, 1091, 381]])


@problem("continuous", reals(6, 0, 1), -3.322368012)
def hartmann6(p):
    inner = np.sum(HARTMANN_A * (vector(p, 6) - HARTMANN_P) ** 2, axis=1)
    return -float(np.array([1, 1.2, 3, 3.2]) @ np.exp(-inner))


@problem("continuous", reals(10, -10, 10), 0.0)
def levy10(p):
    return levy(1 + rotation(10, 10) @ (vector(p, 10) - 10 * shift(10, 10)))


@problem("continuous", reals(20, -10, 10), 0.0)
def dixonprice20(p):
    z = vector(p, 20) - 4 * shift(20, 20)
    i = np.arange(2, 21)
    return float((z[0] - 1) ** 2 + np.sum(i * (2 * z[1:] ** 2 - z[:-1]) ** 2))


# -- mixed and categorical ----------------------------------------------------------------------

def camel(x, y):
    return (4 - 2.1 * x * x + x ** 4 / 3) * x * x + x * y + (4 * y * y - 4) * y * y


def beale(x, y):
    return ((1.5 - x + x * y) ** 2 + (2.25 - x + x * y * y) ** 2 + (2.625 - x + x * y ** 3) ** 2)


@problem("mixed", [choice("first", ["bowl", "camel", "beale"]),
                   choice("second", ["bowl", "camel", "beale", "branin", "flat"])] + reals(2, -1, 1))
def two_functions(p):
    """Two categories choose the functions that are added, as in CoCaBO's Func-2C."""
    x, y = 2 * p["x0"], 2 * p["x1"]
    table = {"bowl": lambda: 2 * (x - .6) ** 2 + (y + .8) ** 2, "camel": lambda: camel(x, y),
             "beale": lambda: beale(x, y) / 20, "flat": lambda: 1.0,
             "branin": lambda: branin({"x0": 3.5 * x + 2.5, "x1": 3.5 * y + 7.5}) / 50}
    return float(table[p["first"]]() + table[p["second"]]())


@problem("mixed", [boolean(f"b{i}") for i in range(6)] + reals(4, -1, 1), 0.0)
def ackley_bool10(p):
    goal = np.array([1, 0, 0, 1, 1, 0])
    bits = np.array([float(p[f"b{i}"]) for i in range(6)]) - goal
    return ackley(np.concatenate([bits, 3 * (vector(p, 4) - shift(14, 4))]))


@problem("mixed", [integer("shell", 1, 99), integer("head", 1, 99),
                   real("radius", 10, 200), real("length", 10, 240)])
def pressure_vessel(p):
    """The welding design problem: sheet thickness in sixteenths of an inch; penalties on logs."""
    s, h, r, l = .0625 * p["shell"], .0625 * p["head"], p["radius"], p["length"]
    cost = .6224 * s * r * l + 1.7781 * h * r * r + 3.1661 * s * s * l + 19.84 * s * s * r
    broken = (max(0, .0193 * r - s) / s + max(0, .00954 * r - h) / h
              + max(0, 1296000 - pi * r * r * l - 4 / 3 * pi * r ** 3) / 1296000)
    return log(cost) + 3 * min(broken, 10)


@problem("mixed", [integer(f"n{i}", -6, 9) for i in range(3)]
         + [ordinal("o0", [1, 2, 4, 8, 16, 32]), ordinal("o1", [0.0, 0.1, 0.25, 0.5, 0.9])]
         + reals(3, -10, 10), 0.0)
def levy_steps8(p):
    steps = [p["n0"] - 2, p["n1"] + 3, p["n2"] - 5, 2 * (log(p["o0"], 2) - 3), 8 * (p["o1"] - .25)]
    return levy(1 + np.concatenate([steps, vector(p, 3) - 10 * shift(8, 3)]))


@functools.lru_cache(None)
def category_table(seed, count, levels):
    rng = np.random.RandomState(seed)
    return rng.rand(count, levels), rng.rand(count, count, levels, levels) ** 2


@problem("mixed", [choice(f"c{i}", ["a", "b", "c", "d", "e"]) for i in range(8)])
def categories8(p):
    """Only categories: a table of main effects and one of effects of neighbours."""
    main, pair = category_table(88, 8, 5)
    k = ["abcde".index(p[f"c{i}"]) for i in range(8)]
    return float(sum(main[i, k[i]] for i in range(8))
                 + sum(pair[i, (i + 1) % 8, k[i], k[(i + 1) % 8]] for i in range(8)))


@problem("mixed", [choice("act", ["relu", "tanh", "gelu", "elu"]), boolean("norm"),
                   ordinal("batch", [16, 32, 64, 128, 256]), integer("units", 8, 1024, "log"),
                   real("rate", 1e-5, 1, "log"), real("decay", 1e-7, 1e-1, "log"),
                   real("dropout", 0, .8)])
def like_training7(p):
    """A smooth caricature of a training: the best rate depends on batch, norm and activation."""
    offset = {"relu": 0, "tanh": .5, "gelu": -.3, "elu": .2}[p["act"]]
    rate = log(p["rate"], 10) + 2.6 - .25 * log(p["batch"] / 64, 2) - offset - .6 * p["norm"]
    units = log(p["units"] / 200, 2)
    drop = p["dropout"] - .12 - .05 * max(units, 0)
    return float(.5 * rate * rate + (2 if rate > 1 else 0) + .06 * units * units + 3 * drop * drop
                 + .03 * (log(p["decay"], 10) + 4 + drop) ** 2 + .15 * (1 - p["norm"])
                 + .08 * {"relu": 1, "tanh": 2, "gelu": 0, "elu": 1}[p["act"]]
                 + .02 * abs(log(p["batch"] / 64, 2)))


# -- conditional --------------------------------------------------------------------------------

@problem("conditional", [
    choice("kind", ["linear", "tree", "net"]),
    real("l1", 1e-6, 10, "log", ("kind", ["linear"])), real("l2", 1e-6, 10, "log", ("kind", ["linear"])),
    integer("depth", 1, 20, when=("kind", ["tree"])), integer("leaf", 1, 100, "log", ("kind", ["tree"])),
    choice("criterion", ["gini", "entropy", "loss"], ("kind", ["tree"])),
    real("rate", 1e-5, 1, "log", ("kind", ["net"])), integer("units", 4, 512, "log", ("kind", ["net"])),
    choice("solver", ["sgd", "adam"], ("kind", ["net"])),
    real("momentum", 0, 1, when=("solver", ["sgd"]))])
def branches(p):
    if p["kind"] == "linear":
        return float(.35 + .02 * (log(p["l1"], 10) + 2) ** 2 + .03 * (log(p["l2"], 10) + 3.3) ** 2)
    if p["kind"] == "tree":
        return float(.25 + .004 * (p["depth"] - 7) ** 2 + .05 * (log(p["leaf"], 10) - .9) ** 2
                     + {"gini": .05, "entropy": 0, "loss": .12}[p["criterion"]])
    adam = p["solver"] == "adam"
    rate = log(p["rate"], 10) + (3.1 if adam else 1.7 + p["momentum"])
    return float((.06 if adam else .4 * (p["momentum"] - .87) ** 2) + .09 * rate * rate
                 + .03 * (log(p["units"], 2) - 6.7) ** 2)


@problem("conditional", [ordinal("layers", [1, 2, 3, 4])]
         + [integer("units1", 4, 256, "log")]
         + [integer(f"units{k}", 4, 256, "log", ("layers", list(range(k, 5)))) for k in (2, 3, 4)]
         + [choice("act1", ["relu", "tanh", "id"])]
         + [choice(f"act{k}", ["relu", "tanh", "id"], ("layers", list(range(k, 5)))) for k in (2, 3, 4)]
         + [real("rate", 1e-5, 1e-1, "log")])
def layers10(p):
    """Units and activation for each of up to four layers; three are best, shrinking."""
    goal = [7.2, 6.1, 4.4, 3.0]
    cost = {1: 1.0, 2: .4, 3: .0, 4: .15}[p["layers"]]
    for k in range(1, p["layers"] + 1):
        cost += .05 * (log(p[f"units{k}"], 2) - goal[k - 1]) ** 2
        cost += [.0, .12, .5][["relu", "tanh", "id"].index(p[f"act{k}"])] if k != 2 else \
            [.15, .0, .4][["relu", "tanh", "id"].index(p[f"act{k}"])]
    return float(cost + .3 * (log(p["rate"], 10) + 3.3 - .2 * p["layers"]) ** 2)


# -- real trainings -----------------------------------------------------------------------------

@functools.lru_cache(None)
def data(name, rows):
    from sklearn import datasets
    from sklearn.preprocessing import StandardScaler
    x, y = getattr(datasets, "load_" + name)(return_X_y=True)
    order = np.random.RandomState(0).permutation(len(y))[:rows]
    x, y = x[order], y[order]
    return x, StandardScaler().fit_transform(x), y


@problem("training", [
    choice("kernel", ["rbf", "poly", "sigmoid", "linear"]), real("C", 1e-3, 1e3, "log"),
    real("gamma", 1e-5, 10, "log", ("kernel", ["rbf", "poly", "sigmoid"])),
    integer("degree", 2, 5, when=("kernel", ["poly"])),
    real("coef0", -1, 2, when=("kernel", ["poly", "sigmoid"])), boolean("scaled")])
def svm_digits(p):
    """Error of a support vector classifier, 3 folds of 900 digits."""
    from sklearn.model_selection import cross_val_score
    from sklearn.svm import SVC
    raw, scaled, y = data("digits", 900)
    model = SVC(kernel=p["kernel"], C=p["C"], gamma=p.get("gamma", 1.0), degree=p.get("degree", 3),
                coef0=p.get("coef0", 0.0), max_iter=2000)
    return 1 - float(cross_val_score(model, scaled if p["scaled"] else raw / 16, y, cv=3).mean())


@problem("training", [
    integer("trees", 5, 60, "log"), real("rate", 1e-3, 1, "log"), integer("depth", 1, 8),
    integer("leaf", 1, 60, "log"), real("rows", .2, 1), real("features", .1, 1),
    choice("loss", ["squared_error", "absolute_error", "huber"])])
def boosting_diabetes(p):
    """Mean squared error of gradient boosting over the variance, two folds."""
    from sklearn.ensemble import GradientBoostingRegressor
    from sklearn.model_selection import cross_val_predict
    raw, _, y = data("diabetes", 442)
    model = GradientBoostingRegressor(
        n_estimators=p["trees"], learning_rate=p["rate"], max_depth=p["depth"],
        min_samples_leaf=p["leaf"], subsample=p["rows"], max_features=p["features"],
        loss=p["loss"], random_state=0)
    guess = np.clip(cross_val_predict(model, raw, y, cv=2), -1e4, 1e4)
    return float(np.mean((guess - y) ** 2) / np.var(y))


@problem("training", [
    integer("units", 4, 128, "log"), choice("act", ["relu", "tanh", "logistic"]),
    choice("solver", ["sgd", "adam"]), real("rate", 1e-5, 1, "log"), real("decay", 1e-7, 10, "log"),
    ordinal("batch", [16, 32, 64, 128]), integer("epochs", 2, 30, "log"),
    real("momentum", 0, .99, when=("solver", ["sgd"]))])
def network_cancer(p):
    """Log loss of a small neural network on the breast-cancer data, half and half."""
    from sklearn.metrics import log_loss
    from sklearn.neural_network import MLPClassifier
    _, x, y = data("breast_cancer", 569)
    model = MLPClassifier((p["units"],), activation=p["act"], solver=p["solver"],
                          learning_rate_init=p["rate"], alpha=p["decay"], batch_size=p["batch"],
                          max_iter=p["epochs"], momentum=p.get("momentum", .9), random_state=0)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            model.fit(x[:284], y[:284])
            guess = np.nan_to_num(model.predict_proba(x[284:])[:, 1], nan=.5)
        except ValueError:  # the weights have become infinite
            return 3.0
    return min(3.0, float(log_loss(y[284:], np.clip(guess, 1e-4, 1 - 1e-4))))


def active(space, point):
    """Names of the active parameters of `point`, a dict in which all their parents stand."""
    names = set()
    for q in space:
        if q["when"] is None or (q["when"][0] in names and point[q["when"][0]] in q["when"][1]):
            names.add(q["name"])
    return names
