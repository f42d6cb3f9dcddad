"""Further real trainings on which no default was chosen; held_out.py collects them.

Trainings differ more from each other than functions do, so there are more of them. Each takes a
few hundredths of a second at most, and gives 3.0 where it cannot be trained.
"""
import functools
import warnings

import numpy as np

from problems import boolean, choice, data, integer, problem, real

UNTRAINED = 3.0  # and the worst value of those whose loss has no bound


def training(space):
    """A problem whose warnings, overflows and failures are part of what is searched."""
    def keep(function):
        @functools.wraps(function)
        def quiet(p):
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                try:
                    return min(UNTRAINED, float(function(p)))
                except (ValueError, np.linalg.LinAlgError) as error:  # infinite weights, and alike
                    if isinstance(error, TypeError):  # what scikit-learn says of wrong parameters
                        raise
                    return UNTRAINED
        return problem("training", space)(quiet)
    return keep


def log_loss(model, x, y):
    from sklearn.metrics import log_loss as loss
    guess = model.predict_proba(x)
    guess = np.clip(np.nan_to_num(guess, nan=1 / guess.shape[1]), 1e-3, 1)
    return loss(y, guess / guess.sum(axis=1, keepdims=True))


def square_error(model, x, y):
    return np.mean((np.nan_to_num(np.clip(model.predict(x), -10, 10)) - y) ** 2)


def standardised(y):
    return (y - y.mean()) / y.std()


@training([
    choice("loss", ["hinge", "log_loss", "modified_huber", "perceptron"]),
    choice("penalty", ["l2", "l1", "elasticnet"]), real("alpha", 1e-7, 1, "log"),
    real("l1_ratio", 0, 1, when=("penalty", ["elasticnet"])),
    choice("schedule", ["constant", "optimal", "invscaling"]), real("rate", 1e-5, 10, "log"),
    real("power", .05, 1, when=("schedule", ["invscaling"])), integer("epochs", 1, 30, "log")])
def descent_digits(p):
    """Error of a linear classifier by stochastic gradient descent, 400 of 900 digits learnt."""
    from sklearn.linear_model import SGDClassifier
    _, x, y = data("digits", 900)
    model = SGDClassifier(
        loss=p["loss"], penalty=p["penalty"], alpha=p["alpha"], l1_ratio=p.get("l1_ratio", .15),
        learning_rate=p["schedule"], eta0=p["rate"], power_t=p.get("power", .5),
        max_iter=p["epochs"], tol=None, random_state=0)
    return 1 - model.fit(x[:400], y[:400]).score(x[400:], y[400:])


@training([
    integer("units", 4, 64, "log"), integer("layers", 1, 3),
    choice("act", ["relu", "tanh", "logistic"]), real("rate", 1e-5, 1, "log"),
    real("decay", 1e-7, 10, "log"), integer("batch", 8, 128, "log"),
    integer("epochs", 2, 15, "log")])
def network_wine(p):
    """Log loss of a neural network on the wine data, a third of it learnt."""
    from sklearn.neural_network import MLPClassifier
    _, x, y = data("wine", 178)
    model = MLPClassifier(
        hidden_layer_sizes=(p["units"],) * p["layers"], activation=p["act"],
        learning_rate_init=p["rate"], alpha=p["decay"], batch_size=p["batch"],
        max_iter=p["epochs"], random_state=0)
    return log_loss(model.fit(x[:60], y[:60]), x[60:], y[60:])


@training([
    integer("units", 4, 64, "log"), choice("act", ["relu", "tanh", "identity"]),
    choice("solver", ["sgd", "adam"]), real("rate", 1e-5, 1, "log"),
    real("decay", 1e-6, 100, "log"), integer("batch", 8, 128, "log"),
    integer("epochs", 2, 20, "log"), real("momentum", 0, .99, when=("solver", ["sgd"])),
    boolean("nesterov", when=("solver", ["sgd"]))])
def network_diabetes(p):
    """Mean squared error of a neural network over the variance, half and half."""
    from sklearn.neural_network import MLPRegressor
    _, x, y = data("diabetes", 442)
    y = standardised(y)
    model = MLPRegressor(
        hidden_layer_sizes=(p["units"],), activation=p["act"], solver=p["solver"],
        learning_rate_init=p["rate"], alpha=p["decay"], batch_size=p["batch"],
        max_iter=p["epochs"], momentum=p.get("momentum", .9),
        nesterovs_momentum=p.get("nesterov", True), random_state=0)
    return square_error(model.fit(x[:220], y[:220]), x[220:], y[220:])


@training([
    integer("trees", 5, 40, "log"), real("rate", 1e-3, 1, "log"), integer("depth", 1, 8),
    integer("leaf", 1, 60, "log"), real("rows", .2, 1), real("features", .1, 1),
    choice("criterion", ["friedman_mse", "squared_error"])])
def boosting_cancer(p):
    """Log loss of gradient boosting on the breast-cancer data, 200 of 569 learnt."""
    from sklearn.ensemble import GradientBoostingClassifier
    x, _, y = data("breast_cancer", 569)
    model = GradientBoostingClassifier(
        n_estimators=p["trees"], learning_rate=p["rate"], max_depth=p["depth"],
        min_samples_leaf=p["leaf"], subsample=p["rows"], max_features=p["features"],
        criterion=p["criterion"], random_state=0)
    return log_loss(model.fit(x[:200], y[:200]), x[200:], y[200:])


@training([
    integer("trees", 3, 40, "log"), integer("depth", 1, 20), integer("leaf", 1, 30, "log"),
    integer("split", 2, 40, "log"), real("features", .05, 1),
    choice("criterion", ["squared_error", "absolute_error"]), boolean("bootstrap"),
    real("rows", .2, 1, when=("bootstrap", [True]))])
def trees_diabetes(p):
    """Mean squared error of randomised trees over the variance, 200 rows, half and half."""
    from sklearn.ensemble import ExtraTreesRegressor
    x, _, y = data("diabetes", 200)
    y = standardised(y)
    model = ExtraTreesRegressor(
        p["trees"], max_depth=p["depth"], min_samples_leaf=p["leaf"],
        min_samples_split=p["split"], max_features=p["features"], criterion=p["criterion"],
        bootstrap=p["bootstrap"], max_samples=p.get("rows"), random_state=0)
    return square_error(model.fit(x[:100], y[:100]), x[100:], y[100:])


@training([
    choice("kernel", ["rbf", "poly", "sigmoid", "linear"]), real("C", 1e-4, 1e4, "log"),
    real("gamma", 1e-6, 10, "log", ("kernel", ["rbf", "poly", "sigmoid"])),
    integer("degree", 2, 5, when=("kernel", ["poly"])),
    real("coef0", -1, 2, when=("kernel", ["poly", "sigmoid"])), boolean("balanced"),
    boolean("scaled")])
def svm_cancer(p):
    """Error of a support vector classifier on the breast-cancer data, 3 folds."""
    from sklearn.model_selection import cross_val_score
    from sklearn.svm import SVC
    raw, scaled, y = data("breast_cancer", 569)
    model = SVC(kernel=p["kernel"], C=p["C"], gamma=p.get("gamma", 1.0),
                degree=p.get("degree", 3), coef0=p.get("coef0", 0.0),
                class_weight="balanced" if p["balanced"] else None, max_iter=2000)
    return 1 - cross_val_score(model, scaled if p["scaled"] else raw / 100, y, cv=3).mean()


@functools.lru_cache(None)
def friedman():
    from sklearn.datasets import make_friedman1
    x, y = make_friedman1(200, n_features=7, noise=1.0, random_state=0)
    return x, standardised(y)


@training([
    choice("kernel", ["rbf", "poly", "laplacian", "sigmoid", "linear"]),
    real("alpha", 1e-8, 1e3, "log"),
    real("gamma", 1e-5, 1e2, "log", ("kernel", ["rbf", "poly", "laplacian", "sigmoid"])),
    integer("degree", 1, 6, when=("kernel", ["poly"])),
    real("coef0", -2, 3, when=("kernel", ["poly", "sigmoid"])), choice("power", [.5, 1, 2])])
def ridge_friedman(p):
    """Mean squared error of kernel ridge regression over the variance, 120 of 200 learnt."""
    from sklearn.kernel_ridge import KernelRidge
    x, y = friedman()
    x = x ** p["power"]
    model = KernelRidge(kernel=p["kernel"], alpha=p["alpha"], gamma=p.get("gamma"),
                        degree=p.get("degree", 3), coef0=p.get("coef0", 1.0))
    return square_error(model.fit(x[:120], y[:120]), x[120:], y[120:])


def classifier_of(p):
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.tree import DecisionTreeClassifier
    make = {
        "knn": lambda: KNeighborsClassifier(p["k"], weights=p["weights"], p=p["norm"]),
        "logistic": lambda: LogisticRegression(C=p["C"], max_iter=30),
        "tree": lambda: DecisionTreeClassifier(max_depth=p["depth"], min_samples_leaf=p["leaf"],
                                               criterion=p["criterion"], random_state=0),
        "bayes": lambda: GaussianNB(var_smoothing=p["smooth"]),
    }
    return make[p["model"]]()


@training([
    choice("scaler", ["none", "standard", "minmax", "quantile"]),
    choice("reduce", ["none", "pca", "kbest"]),
    integer("components", 2, 40, "log", ("reduce", ["pca", "kbest"])),
    choice("model", ["knn", "logistic", "tree", "bayes"]),
    integer("k", 1, 30, "log", ("model", ["knn"])),
    choice("weights", ["uniform", "distance"], ("model", ["knn"])),
    real("norm", 1, 4, when=("model", ["knn"])),
    real("C", 1e-4, 1e3, "log", ("model", ["logistic"])),
    integer("depth", 1, 20, when=("model", ["tree"])),
    integer("leaf", 1, 30, "log", ("model", ["tree"])),
    choice("criterion", ["gini", "entropy"], ("model", ["tree"])),
    real("smooth", 1e-10, 1, "log", ("model", ["bayes"]))])
def pipeline_digits(p):
    """Log loss of a scaler, a reduction and one of four classifiers, 200 of 500 digits learnt."""
    from sklearn import preprocessing
    from sklearn.decomposition import PCA
    from sklearn.feature_selection import SelectKBest
    from sklearn.pipeline import make_pipeline
    scaler = {"none": lambda: None, "standard": preprocessing.StandardScaler,
              "minmax": preprocessing.MinMaxScaler,
              "quantile": lambda: preprocessing.QuantileTransformer(n_quantiles=50)}
    reduction = {"none": lambda: None, "pca": lambda: PCA(p["components"], random_state=0),
                 "kbest": lambda: SelectKBest(k=p["components"])}
    steps = [scaler[p["scaler"]](), reduction[p["reduce"]](), classifier_of(p)]
    x, _, y = data("digits", 500)
    model = make_pipeline(*(step for step in steps if step is not None))
    return log_loss(model.fit(x[:200], y[:200]), x[200:], y[200:])
