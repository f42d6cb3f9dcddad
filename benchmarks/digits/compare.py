#!/usr/bin/env python3
"""Compare the best configuration of a search on digits with scikit-learn's default SVC.

    python3 benchmarks/digits/compare.py results.csv     # of dhctl export --format csv
    dhctl best --json digits.h5 | python3 benchmarks/digits/compare.py -

Both are measured in the same way, on the folds that the search used; then on divisions into folds
that it never saw, because the best of many measurements is partly luck. Exit code 1 if the default
is as good on the folds of the search.
"""

import csv
import io
import json
import math
import os
import sys

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

FRESH_SPLITS = (1, 2, 3)


def number(text):
    """A finite number, or None: of a failed trial there is "F_reason", "nan" or nothing."""
    try:
        return float(text) if math.isfinite(float(text)) else None
    except (TypeError, ValueError):
        return None


def value(text):
    """A parameter's text as train.py wants it."""
    if text in ("true", "True", "false", "False"):
        return text in ("true", "True")
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def from_csv(text):
    """(objective, parameters) of every successful row."""
    for row in csv.DictReader(io.StringIO(text)):
        objective = number(row["objective"])
        parameters = {key[2:]: value(text) for key, text in row.items()
                      if key.startswith("p:") and text != ""}
        if objective is not None:
            yield objective, parameters


def from_json(text):
    for trial in json.loads(text):
        objective = number(next(iter(trial["objectives"].values())))
        if trial["status"] == "ok" and objective is not None:
            yield objective, trial["parameters"]


def read_trials(name):
    if name == "-":
        text = sys.stdin.read()
    else:
        with open(name, newline="") as file:
            text = file.read()
    return list(from_json(text) if text.lstrip().startswith("[") else from_csv(text))


def main(arguments):
    if len(arguments) != 1 or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 64
    trials = read_trials(arguments[0])
    if not trials:
        print("compare.py: %s has no successful evaluation" % arguments[0], file=sys.stderr)
        return 1
    _, parameters = max(trials, key=lambda trial: trial[0])

    import numpy as np
    from sklearn.svm import SVC
    from train import build, score

    best, default = build(parameters), SVC()
    print("best found           %s" % ", ".join("%s = %s" % item for item in parameters.items()))
    print("scikit-learn default SVC()")
    print("%-22s %9s %9s" % ("accuracy", "best", "default"))
    wins = [np.mean(list(score(model))) for model in (best, default)]
    print("%-22s %9.4f %9.4f" % ("folds of the search", *wins))
    fresh = [np.mean([list(score(model, split)) for split in FRESH_SPLITS])
             for model in (best, default)]
    print("%-22s %9.4f %9.4f" % ("%d other divisions" % len(FRESH_SPLITS), *fresh))
    return 0 if wins[0] > wins[1] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
