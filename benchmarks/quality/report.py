"""Tables and a plot from the rows that quality.py keeps.

Normalised regret of a run: (best value - best known) / (median of random search's best values at
the same number of evaluations, at most 200, - best known): 0 is the best known, 1 is random search.
What a system's seeds gave on one problem is averaged; systems are ranked by that on each problem,
and the ranks averaged over problems. The spread (±) is the standard deviation of both under
resampling of the seeds; with one seed there is none to show. Problems that some system has not
played are left out of the means.
"""
import csv
import json
import os
import sys

import numpy as np

from systems import PROGRAM, SYSTEMS

HERE = os.path.dirname(os.path.abspath(__file__))
REFERENCES = os.path.join(HERE, "references.json")
RESAMPLES = 200
STEP = 10  # evaluations between the rows that quality.py keeps
MARGIN = 0.015  # of regret: what is worth a word on a single problem
OURS = "dh_mpi"
GROUPS = ["continuous", "mixed", "conditional", "training"]


def read_references():
    if not os.path.exists(REFERENCES):
        return {}
    with open(REFERENCES) as file:
        return json.load(file)


def write_references(table):
    with open(REFERENCES, "w") as file:
        json.dump(table, file, indent=1)
        file.write("\n")


def read_results(path):
    """(system, problem, workers, n) -> {seed: best}; problem -> group; system -> ask seconds."""
    table, groups, seconds = {}, {}, {}
    with open(path) as file:
        for r in csv.DictReader(file):
            key = r["system"], r["problem"], int(r["workers"]), int(r["n"])
            table.setdefault(key, {})[int(r["seed"])] = float(r["best"])
            groups[r["problem"]] = r["group"]
            seconds.setdefault((r["system"], key[2]), []).append(float(r["ask_seconds"]))
    return table, groups, seconds


def better_than_known(table, references):
    """The problems on which somebody found more than references.json knows, with the value."""
    better = {}
    for (_, problem, _, _), runs in table.items():
        least = min(runs.values())
        if problem in references and least < better.get(problem, references[problem]["best"]):
            better[problem] = least
    return better


def regrets(table, references, systems, problems, workers, n, scale_at=None):
    """systems × problems: an array of the regrets of the seeds; None where nothing was played.
    `scale_at`: the evaluations of random search that are regret 1, if not n."""
    out = {}
    for problem in problems:
        entry = references[problem]
        counts = [int(key) for key in entry["random"]]
        at_random = entry["random"][str(min(scale_at or n, max(counts)))]
        scale = max(at_random - entry["best"], 1e-12)
        for system in systems:
            runs = table.get((system, problem, workers, n))
            if runs:
                values = np.array([runs[seed] for seed in sorted(runs)])
                out[system, problem] = (values - entry["best"]) / scale
    return out


def rank(values):
    """Ranks from 1; equals share the mean of theirs."""
    values = np.round(values, 9)
    return np.array([1 + np.sum(values < v) + (np.sum(values == v) - 1) / 2 for v in values])


def score(regret, systems, problems, rng=None):
    """Mean regret and mean rank of each system, once (rng None) or with the seeds resampled."""
    means = np.array([[regret[s, p].mean() if rng is None else rng.choice(
        regret[s, p], len(regret[s, p])).mean() for p in problems] for s in systems])
    ranks = np.array([rank(column) for column in means.T]).T
    return means.mean(axis=1), ranks.mean(axis=1)


def print_table(title, regret, systems, groups):
    systems = [s for s in systems if any(key[0] == s for key in regret)]
    played = sorted({p for _, p in regret if all((s, p) in regret for s in systems)})
    if not played:
        return
    print(f"\n{title}\n")
    parts = [("all", played)] + [(g, [p for p in played if groups[p] == g]) for g in GROUPS]
    parts = [(name, problems) for name, problems in parts if problems]
    print("| system | " + " | ".join(f"{name} ({len(ps)})" for name, ps in parts) + " |")
    print("| --- |" + " --- |" * len(parts))
    cells = {s: [] for s in systems}
    for _, problems in parts:
        rng = np.random.RandomState(1)
        draws = [score(regret, systems, problems, rng) for _ in range(RESAMPLES)]
        spread = np.std(draws, axis=0)
        mean, ranks = score(regret, systems, problems)
        for i, s in enumerate(systems):
            single = any(len(regret[s, p]) < 2 for p in problems)
            cells[s].append(f"{mean[i]:.2f}, rank {ranks[i]:.1f}" if single else
                            f"{mean[i]:.2f} ±{spread[0][i]:.2f}, rank {ranks[i]:.1f} "
                            f"±{spread[1][i]:.1f}")
    overall = dict(zip(systems, score(regret, systems, played)[1]))
    for s in sorted(systems, key=overall.get):
        print(f"| {s} | " + " | ".join(cells[s]) + " |")


def print_problems(regret, systems, problems):
    print("\n| problem | " + " | ".join(systems) + " |")
    print("| --- |" + " --- |" * len(systems))
    for p in problems:
        cells = [f"{regret[s, p].mean():.2f}" if (s, p) in regret else "" for s in systems]
        print(f"| {p} | " + " | ".join(cells) + " |")


def print_behind(regret, systems, problems):
    """The problems on which another system has less regret than dh_mpi by more than a trifle."""
    lines = []
    for p in problems:
        ours = regret[OURS, p].mean() if (OURS, p) in regret else -np.inf
        better = [f"{s} {regret[s, p].mean():.2f}" for s in systems
                  if (s, p) in regret and regret[s, p].mean() < ours - MARGIN]
        if better:
            lines.append(f"{p} {ours:.2f} ({', '.join(better)})")
    if any((OURS, p) in regret for p in problems) and len(systems) > 1:
        print(f"\n{OURS} is behind another by more than {MARGIN} on: {'; '.join(lines) or 'none'}")


def earlier(table, references, system, problems, n, pending):
    """The mean regret, by problem, that one worker had `pending` evaluations before the n-th, on the
    scale of n; between the counts that were kept (multiples of 10) by a line. {} if they were not."""
    share = pending % STEP / STEP
    below, above = ({problem: regret.mean() for (_, problem), regret in regrets(
        table, references, [system], problems, 1, count, n).items()}
        for count in (n - pending - STEP + pending % STEP, n - pending + pending % STEP))
    return {p: share * below[p] + (1 - share) * above[p] for p in below if p in above}


def print_crowd(table, references, systems, problems, groups, workers, n):
    """The mean regret of each number of workers: of all problems, of the trainings, of the rest. And
    for comparison with each crowd, what one worker had as many evaluations earlier as a crowd's
    proposal does not know yet."""
    trainings = [p for p in problems if groups[p] == "training"]
    parts = {"all": problems, "trainings": trainings,
             "the rest": [p for p in problems if p not in trainings]}

    def text(means):
        return " / ".join(f"{np.mean([means[p] for p in part]) if part else np.nan:.3f}"
                          for part in parts.values())

    for s in systems:
        cells = {}
        for w in workers:
            regret = regrets(table, references, [s], problems, w, n)
            if len(regret) == len(problems):
                cells[f"{w} workers"] = text({p: regret[s, p].mean() for p in problems})
            before = earlier(table, references, s, problems, n, w - 1) if w > 1 else {}
            if len(before) == len(problems):
                cells[f"1 worker {w - 1} evaluations before"] = text(before)
        if len(cells) > 1:
            print(f"{s}, {n} evaluations, {' / '.join(parts)}: " + "; ".join(
                f"{name} {cell}" for name, cell in cells.items()))


def plot(path, table, references, systems, problems, workers):
    try:
        import matplotlib
    except ImportError:
        print(f"no plot: matplotlib is not there ({path} not written)")
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(1, len(workers), figsize=(6 * len(workers), 4), squeeze=False)
    for axis, w in zip(axes[0], workers):
        for s in systems:
            points = []
            for n in range(10, 201, 10):
                r = regrets(table, references, [s], problems, w, n)
                if len(r) == len(problems):
                    points.append((n, np.mean([v.mean() for v in r.values()])))
            if points:
                axis.plot(*zip(*points), label=s)
        axis.set(title=f"{w} worker{'s' if w > 1 else ''}", xlabel="evaluations",
                 ylabel="mean normalised regret", ylim=(0, 1.2))
        axis.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path)


def print_values(table, systems, problems, workers, n):
    """Problems without a reference: the median of what was found."""
    print(f"\n**{workers} worker{'s' if workers > 1 else ''}, {n} evaluations**: median of the best "
          "values (seeds)\n")
    print("| problem | " + " | ".join(systems) + " |")
    print("| --- |" + " --- |" * len(systems))
    for p in problems:
        found = [list(table.get((s, p, workers, n), {}).values()) for s in systems]
        print(f"| {p} | " + " | ".join(f"{np.median(v):.4g} ({len(v)})" if v else "" for v in found)
              + " |")


def report(options):
    table, groups, seconds = read_results(options.results)
    references = read_references()
    for problem, value in better_than_known(table, references).items():
        print(f"{problem}: {value!r} is better than the best known", file=sys.stderr)
    systems = [s for s in dict.fromkeys(key[0] for key in table)
               if s in options.systems or s not in [*SYSTEMS, PROGRAM]]
    workers = sorted({key[2] for key in table})
    problems = [p for p in options.problems if p in groups and p in references]
    others = [p for p in options.problems if p in groups and p not in references]
    for w in workers if others else []:
        for n in options.at:
            print_values(table, systems, others, w, n)
    for w in workers if problems else []:
        for n in options.at:
            regret = regrets(table, references, systems, problems, w, n)
            seeds = sorted({len(v) for v in regret.values()})
            if not seeds:
                continue
            print_table(f"**{w} worker{'s' if w > 1 else ''}, {n} evaluations** "
                        f"({seeds[0]} to {seeds[-1]} seeds): normalised regret and mean rank",
                        regret, systems, groups)
            print_problems(regret, systems, problems)
            print_behind(regret, systems, problems)
    if problems:
        print("\nWorkers against each other:\n")
        for n in options.at:
            print_crowd(table, references, systems, problems, groups, workers, n)
    print("\nSeconds of ask and tell an evaluation: " + "; ".join(
        f"{s}, {w} workers: {np.mean(v):.4f}" for (s, w), v in sorted(seconds.items())))
    if options.plot:
        plot(options.plot, table, references, systems, problems, workers)
