"""Handwritten digits: the cross-validated accuracy of a support vector classifier.

The 1,797 images of 8 x 8 pixels that come with scikit-learn, 5 stratified folds that are always
the same. `run` is the function that digits.cfg names; `score` is what it measures, also used by
compare.py for scikit-learn's default configuration.
"""

import time
import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

FOLDS = 5
ITERATIONS = 20000  # of the solver; a configuration that needs more is judged by what it has then
SCALERS = {"none": [], "standard": [StandardScaler], "minmax": [MinMaxScaler]}
warnings.simplefilter("ignore", ConvergenceWarning)  # the accuracy says what it is worth
IMAGES, DIGITS = load_digits(return_X_y=True)  # once a process, not once an evaluation


def build(parameters):
    """The classifier that a configuration means; inactive parameters are not in it."""
    settings = dict(parameters)
    steps = [scaler() for scaler in SCALERS[settings.pop("scaling")]]
    steps.append(PCA(settings.pop("components"), svd_solver="full"))
    return make_pipeline(*steps, SVC(max_iter=ITERATIONS, **settings))


def score(model, split=0):
    """Accuracy on each fold, one after another; `split` chooses another division into folds."""
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=split)
    for train, test in folds.split(IMAGES, DIGITS):
        model.fit(IMAGES[train], DIGITS[train])
        yield float(np.mean(model.predict(IMAGES[test]) == DIGITS[test]))


def run(job):
    start = time.perf_counter()
    model = build(job.parameters)
    accuracies = []
    for accuracy in score(model):
        accuracies.append(accuracy)
        job.record(len(accuracies), np.mean(accuracies))
        if job.stopped():
            break
    return {
        "objective": np.mean(accuracies),
        "metadata": {
            "fold_deviation": np.std(accuracies),
            "support_vectors": int(model[-1].n_support_.sum()),
            "train_seconds": round(time.perf_counter() - start, 4),
        },
    }
