"""Forests and boosting against scikit-learn on the same data: compare_forest.py FOREST_PREDICT

R² on new points has to be, on the average over problems, that of the same kind there (which sees
categories as numbers), and the predicted deviation has to be of the size of the error.
"""

import subprocess
import sys

try:
    import numpy as np
    from sklearn.ensemble import (BaggingRegressor, ExtraTreesRegressor,
                                  GradientBoostingRegressor, RandomForestRegressor)
    from sklearn.metrics import r2_score
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

TREES = 100


def friedman(x):
    return (10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - .5) ** 2
            + 10 * x[:, 3] + 5 * x[:, 4]) / 5


def rosenbrock(x):
    z = 4 * x - 2
    return np.log1p((100 * (z[:, 1:] - z[:, :-1] ** 2) ** 2 + (1 - z[:, :-1]) ** 2).sum(1))


def mixed(x):
    kind = x[:, 0]
    return np.where(kind == 1, np.sin(6 * x[:, 1]), np.where(kind == 3, x[:, 2], -x[:, 1])) \
        + .5 * (x[:, 3] == 2)


PROBLEMS = [("friedman", "n" * 8, friedman, .2), ("rosenbrock", "n" * 5, rosenbrock, 0),
            ("mixed", "5nn4", mixed, .05)]
KINDS = [
    ("et", ExtraTreesRegressor(TREES, random_state=1), 1),
    ("rf", RandomForestRegressor(TREES, random_state=1, max_features=.75), .75),
    ("bagging", BaggingRegressor(n_estimators=TREES, random_state=1), 1),
    ("subspace", BaggingRegressor(n_estimators=TREES, bootstrap=False, max_features=.5,
                                  random_state=1), .5),
    ("gbrt", GradientBoostingRegressor(loss="quantile", alpha=.5, max_depth=4, n_estimators=80,
                                       min_samples_leaf=3, random_state=1), 1),
]


def draw(columns, count, random):
    return np.column_stack([random.random(count) if letter == "n"
                            else random.integers(0, int(letter), count) for letter in columns])


def ours(program, kind, share, columns, x, y, points):
    rows = [" ".join(map(repr, map(float, (*row, value)))) for row, value in zip(x, y)]
    rows += [" ".join(map(repr, map(float, row))) + " nan" for row in points]
    trees = 80 if kind == "gbrt" else TREES
    answer = subprocess.run([program, kind, columns, str(trees), "0", str(share)],
                            input="\n".join(rows) + "\n", text=True, check=True,
                            stdout=subprocess.PIPE).stdout
    return np.array([line.split() for line in answer.splitlines()], dtype=float)


def main(program):
    random = np.random.default_rng(7)
    behind = {kind: [] for kind, _, _ in KINDS}
    for name, columns, function, noise in PROBLEMS:
        for count in (100, 1000):
            x, points = draw(columns, count, random), draw(columns, 2000, random)
            truth = function(points)
            y = function(x) + noise * random.standard_normal(count)
            for kind, peer, share in KINDS:
                got = ours(program, kind, share, columns, x, y, points)
                mine = r2_score(truth, got[:, 0])
                theirs = r2_score(truth, peer.fit(x, y).predict(points))
                behind[kind].append(theirs - mine)
                ratio = np.sqrt(np.mean((got[:, 0] - truth) ** 2 + noise ** 2)
                                / np.mean(got[:, 1] + got[:, 2]))
                print(f"{name:10} n = {count:4} {kind:9} R2 {mine:.3f}, scikit-learn {theirs:.3f};"
                      f" error / predicted deviation {ratio:.2f}")
                assert .4 < ratio < 2.5, "the deviation says nothing about the error"
    for kind, values in behind.items():
        assert max(values) < .1, f"{kind}: R2 is {max(values):.3f} below scikit-learn's"
        assert np.mean(values) < .01, f"{kind}: on the average {np.mean(values):.3f} below"


main(sys.argv[1])
