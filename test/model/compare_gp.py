"""The Gaussian process against scikit-learn's (numbers only) and against its definition written
with numpy (categories, inactive values), with the same parameters.

Usage: compare_gp.py PATH_OF_gp_predict
"""
import json
import subprocess
import sys
import unittest

try:
    import numpy as np
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

PROGRAM = sys.argv[1]


def ask(features, parameters, x, y, queries):
    """What gp_predict answers. `features`: (levels, optional) each."""
    numbers = [len(features), len(x), len(queries)]
    numbers += [value for feature in features for value in feature]
    numbers += list(parameters) + list(np.column_stack([x, y]).ravel()) + list(queries.ravel())
    text = " ".join(repr(float(number)) for number in numbers)
    answer = subprocess.run([PROGRAM], input=text, capture_output=True, text=True, check=True)
    return {key: np.array(value) for key, value in json.loads(answer.stdout).items()}


def least_squares_mean(k, y):
    ones = np.linalg.solve(k, np.ones(len(y)))
    return ones @ y / ones.sum()


def scikit(signal, noise, lengths):
    kernel = (ConstantKernel(signal, (1e-9, 1e9)) * Matern(lengths, (1e-9, 1e9), nu=2.5)
              + WhiteKernel(noise, (1e-12, 1e9)))
    return GaussianProcessRegressor(kernel, alpha=0, optimizer=None)


def close(test, ours, theirs, tolerance=1e-8):
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


class AgainstScikitLearn(unittest.TestCase):
    def check(self, rows, dimension, seed, noise):
        rng = np.random.default_rng(seed)
        x, queries = rng.random((rows, dimension)), rng.random((70, dimension))
        y = np.sin(5 * x).sum(1) + 0.1 * rng.standard_normal(rows)
        signal, lengths = 1.7, rng.uniform(0.3, 3, dimension)
        parameters = np.log([signal, noise, *lengths])
        ours = ask([(0, 0)] * dimension, parameters, x, y, queries)
        self.check_likelihood(ours, signal, noise, lengths, x, y)
        self.check_predictions(ours, signal, noise, lengths, x, y, queries)

    def check_likelihood(self, ours, signal, noise, lengths, x, y):
        model = scikit(signal, noise, lengths).fit(x, y)
        y = y - least_squares_mean(model.kernel_(x), y)
        model = model.fit(x, y)
        value, gradient = model.log_marginal_likelihood(model.kernel_.theta, eval_gradient=True)
        close(self, ours["likelihood"], value)
        # scikit-learn's order: signal, length scales, noise.
        close(self, ours["gradient"], [gradient[0], gradient[-1], *gradient[1:-1]])

    def check_predictions(self, ours, signal, noise, lengths, x, y, queries):
        square = float(ours["scale"]) ** 2
        close(self, square, np.var(y))
        model = scikit(square * signal, square * noise, lengths).fit(x, y)
        mean = least_squares_mean(model.kernel_(x), y)
        expected, deviation = model.fit(x, y - mean).predict(queries, return_std=True)
        close(self, ours["evidence"], model.log_marginal_likelihood(model.kernel_.theta))
        close(self, ours["mean"], expected + mean)
        close(self, ours["aleatoric"], np.full(len(queries), square * noise))
        # Theirs is that of an observation: with the noise.
        close(self, ours["epistemic"] + ours["aleatoric"], deviation ** 2)

    def test_one_dimension(self):
        self.check(12, 1, 1, 1e-2)

    def test_several(self):
        self.check(90, 5, 2, 1e-3)

    def test_little_noise(self):
        self.check(60, 3, 3, 1e-5)

    def test_more_than_a_block(self):
        self.check(300, 4, 4, 1e-1)


class AgainstDefinition(unittest.TestCase):
    """Number, optional number, category, optional category."""
    features = [(0, 0), (0, 1), (3, 0), (4, 1)]
    lengths, weights = np.array([0.7, 1.3, 0.9]), np.array([0.4, 1.1])
    signal, noise = 1.4, 1e-2

    def draw(self, rng, rows):
        x = np.column_stack([rng.random(rows), rng.random(rows), rng.integers(0, 3, rows),
                             rng.integers(0, 4, rows)])
        x[rng.random(rows) < 0.3, 1] = np.nan
        x[rng.random(rows) < 0.3, 3] = np.nan
        return x

    def covariance(self, a, b):
        def numbers(x):
            idle = np.isnan(x[:, 1])
            return np.column_stack([x[:, 0], np.where(idle, 0.5, x[:, 1]), ~idle]) / self.lengths
        def classes(x):
            return np.nan_to_num(x[:, 2:], nan=-1)
        r = np.sqrt(((numbers(a)[:, None] - numbers(b)[None]) ** 2).sum(-1))
        differ = classes(a)[:, None] != classes(b)[None]
        s = np.sqrt(5) * r
        return self.signal * (1 + s + s * s / 3) * np.exp(-s) * np.exp(-(differ @ self.weights))

    def test_mixed(self):
        rng = np.random.default_rng(5)
        x, queries = self.draw(rng, 80), self.draw(rng, 30)
        y = rng.standard_normal(80)
        parameters = np.log([self.signal, self.noise, *self.lengths, *self.weights])
        ours = ask(self.features, parameters, x, y, queries)
        k = self.covariance(x, x) + self.noise * np.eye(80)
        across = self.covariance(queries, x)
        mean = least_squares_mean(k, y)
        close(self, ours["mean"], mean + across @ np.linalg.solve(k, y - mean))
        known = (across * np.linalg.solve(k, across.T).T).sum(1)
        close(self, ours["epistemic"], np.var(y) * (self.signal - known))
        fit = (y - mean) @ np.linalg.solve(k, y - mean)
        value = -0.5 * (fit + np.linalg.slogdet(k)[1] + 80 * np.log(2 * np.pi))
        close(self, ours["likelihood"], value)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
