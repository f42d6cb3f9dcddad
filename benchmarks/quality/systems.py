"""The systems, each behind the same two methods:

    ask() -> (handle, point)      the point: a dict of the active parameters
    tell(handle, value)

made by `SYSTEMS[name](problem, seed, workers, budget)`. Several points may be asked for before the
first is told. All minimise. A value of NaN says that the evaluation failed. A system whose package is missing raises ImportError when made.
"""
import json
import math
import os
import subprocess
import tempfile
import warnings

import numpy as np

from problems import active

ASK_TELL = os.environ.get("DH_ASK_TELL", "dh_ask_tell")


def plain(value):
    return value.item() if hasattr(value, "item") else value


class Random:
    def __init__(self, problem, seed, workers, budget):
        self.space, self.rng = problem.space, np.random.RandomState(seed)

    def draw(self, q):
        rng = self.rng
        if q["type"] == "bool":
            return bool(rng.randint(2))
        if "values" in q:
            return q["values"][rng.randint(len(q["values"]))]
        low, high, whole = q["low"], q["high"], q["type"] == "int"
        if whole:
            low, high = low - .5, high + .5
        if q["scale"] == "log":
            value = math.exp(rng.uniform(math.log(low), math.log(high)))
        else:
            value = rng.uniform(low, high)
        return min(max(round(value), q["low"]), q["high"]) if whole else value

    def ask(self):
        point = {q["name"]: self.draw(q) for q in self.space}
        names = active(self.space, point)
        return None, {name: value for name, value in point.items() if name in names}

    def tell(self, handle, value):
        pass


# -- dh_mpi -------------------------------------------------------------------------------------

def cfg_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value)


def cfg_parameter(q):
    fields = [f'name = "{q["name"]}"; type = "{q["type"]}";']
    if "low" in q:
        fields.append(f'low = {q["low"]!r}; high = {q["high"]!r}; scale = "{q["scale"]}";')
    if "values" in q:
        fields.append("values = (" + ", ".join(cfg_value(v) for v in q["values"]) + ");")
    if q["when"]:
        parent, values = q["when"]
        texts = ", ".join(f"'{v}'" if isinstance(v, str) else cfg_value(v) for v in values)
        fields.append(f'when = "{parent} in ({texts})";')
    return "  { " + " ".join(fields) + " }"


IMITATION = 'evaluator = { type = "builtin"; function = "sphere"; };\n'


def configuration(problem, seed, evaluator=IMITATION):
    return (f'search = {{ name = "{problem.name}"; seed = {seed}; }};\n'
            'objectives = ( { name = "value"; goal = "minimize"; } );\n'
            "parameters = (\n" + ",\n".join(map(cfg_parameter, problem.space)) + "\n);\n"
            'optimizer = { method = "ambs"; };\n' + evaluator)


class DhMpi:
    """`settings`: overrides, as with --set."""

    def __init__(self, problem, seed, workers, budget, settings=()):
        with tempfile.NamedTemporaryFile("w", suffix=".cfg") as file:
            file.write(configuration(problem, seed))
            file.flush()
            self.process = subprocess.Popen([ASK_TELL, file.name, *settings], text=True,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self.budget = budget
            self.waiting = self.say(f"ask {budget}")  # once it answers, the file has been read

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"dh_ask_tell ended ({self.process.wait()}) at: {line}")
        return json.loads(answer)

    def ask(self):
        answer, self.waiting = self.waiting or self.say(f"ask {self.budget}"), None
        if "end" in answer:
            raise StopIteration
        return answer["id"], answer["point"]

    def tell(self, handle, value):
        self.say(f"tell {handle} {'F_failed' if math.isnan(value) else repr(value)}")

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


# -- Optuna -------------------------------------------------------------------------------------

class Optuna:
    def __init__(self, problem, seed, workers, budget, sampler=None):
        import optuna
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore")
        self.space, self.failed = problem.space, optuna.trial.TrialState.FAIL
        self.study = optuna.create_study(sampler=sampler(optuna.samplers, seed))

    def suggest(self, trial, q):
        if q["type"] == "real":
            return trial.suggest_float(q["name"], q["low"], q["high"], log=q["scale"] == "log")
        if q["type"] == "int":
            return trial.suggest_int(q["name"], q["low"], q["high"], log=q["scale"] == "log")
        if q["type"] == "ordinal":  # an index keeps the order
            return q["values"][trial.suggest_int(q["name"], 0, len(q["values"]) - 1)]
        return trial.suggest_categorical(q["name"], q.get("values", [False, True]))

    def ask(self):
        trial, point = self.study.ask(), {}
        for q in self.space:
            if q["when"] is None or point.get(q["when"][0], self) in q["when"][1]:
                point[q["name"]] = self.suggest(trial, q)
        return trial, point

    def tell(self, handle, value):
        if math.isnan(value):
            self.study.tell(handle, state=self.failed)
        else:
            self.study.tell(handle, value)


def optuna_tpe(problem, seed, workers, budget):
    return Optuna(problem, seed, workers, budget, lambda samplers, seed: samplers.TPESampler(
        seed=seed, multivariate=True, group=True, constant_liar=workers > 1))


def optuna_gp(problem, seed, workers, budget):
    return Optuna(problem, seed, workers, budget, lambda samplers, seed: samplers.GPSampler(
        seed=seed, deterministic_objective=True))


def optuna_cmaes(problem, seed, workers, budget):
    return Optuna(problem, seed, workers, budget, lambda samplers, seed: samplers.CmaEsSampler(
        seed=seed))


# -- ConfigSpace: DeepHyper and SMAC ------------------------------------------------------------

def configspace(problem, seed):
    import ConfigSpace as cs
    space, made = cs.ConfigurationSpace(seed=seed), {}
    for q in problem.space:
        name = q["name"]
        if q["type"] == "real":
            made[name] = cs.Float(name, (q["low"], q["high"]), log=q["scale"] == "log")
        elif q["type"] == "int":
            made[name] = cs.Integer(name, (q["low"], q["high"]), log=q["scale"] == "log")
        elif q["type"] == "ordinal":
            made[name] = cs.OrdinalHyperparameter(name, q["values"])
        else:
            made[name] = cs.Categorical(name, q.get("values", [False, True]))
    space.add(list(made.values()))
    space.add([cs.InCondition(made[q["name"]], made[q["when"][0]], q["when"][1])
               for q in problem.space if q["when"]])
    return space


def point_of(problem, raw):
    """What is active, as plain values: DeepHyper gives inactive parameters a value, too."""
    point = {name: plain(value) for name, value in dict(raw).items()}
    for q in problem.space:
        if q["type"] == "bool" and q["name"] in point:
            point[q["name"]] = str(point[q["name"]]) == "True"
    names = active(problem.space, point)
    return {name: value for name, value in point.items() if name in names}


class DeepHyper:
    def __init__(self, problem, seed, workers, budget):
        from deephyper.hpo import CBO, HpProblem
        warnings.simplefilter("ignore")
        self.problem, self.folder = problem, tempfile.TemporaryDirectory()
        hp = HpProblem()
        hp._space = configspace(problem, seed)
        self.search = CBO(hp, random_state=seed, log_dir=self.folder.name, verbose=0,
                          checkpoint_history_to_csv=False)

    def ask(self):
        raw = self.search.ask(1)[0]
        return raw, point_of(self.problem, raw)

    def tell(self, handle, value):
        self.search.tell([(handle, "F_failed" if math.isnan(value) else -value)])

    def close(self):
        self.folder.cleanup()


class Smac:
    def __init__(self, problem, seed, workers, budget):
        from smac import HyperparameterOptimizationFacade, Scenario
        warnings.simplefilter("ignore")  # of its forest's jobs, in every ask
        self.problem, self.folder = problem, tempfile.TemporaryDirectory()
        scenario = Scenario(configspace(problem, seed), deterministic=True, n_trials=200, seed=seed,
                            output_directory=self.folder.name, n_workers=1)
        self.search = HyperparameterOptimizationFacade(
            scenario, lambda config, seed=0: 0.0, overwrite=True, logging_level=40)

    def ask(self):
        info = self.search.ask()
        return info, point_of(self.problem, info.config)

    def tell(self, handle, value):
        from smac.runhistory import StatusType, TrialValue
        failed = math.isnan(value)
        self.search.tell(handle, TrialValue(
            cost=math.inf if failed else value, time=1.0,
            status=StatusType.CRASHED if failed else StatusType.SUCCESS))

    def close(self):
        self.folder.cleanup()


SYSTEMS = {"dh_mpi": DhMpi, "optuna-gp": optuna_gp, "optuna-tpe": optuna_tpe,
           "optuna-cmaes": optuna_cmaes, "deephyper": DeepHyper, "smac": Smac, "random": Random}
PROGRAM = "program"  # played by program.py, in real time; only when it is named
