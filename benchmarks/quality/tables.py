#!/usr/bin/env python3
"""tables.py: put the tables that `quality.py report` prints of measured.csv into README.md, in place
of those that stand under its headings. Run it with the Python of quality-venv.
"""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
README = os.path.join(HERE, "README.md")
FIRST = ["dh_mpi", "smac", "optuna-gp", "optuna-tpe", "optuna-cmaes", "random"]
HELD_OUT_200 = ["dh_mpi", "optuna-tpe", "optuna-cmaes", "random"]
BESIDE = ["dh_mpi", "deephyper", "optuna-gp", "optuna-tpe", "smac"]  # at 100 evaluations
BESIDE_200 = ["dh_mpi", "deephyper", "optuna-cmaes", "optuna-tpe"]
TRAININGS = ["svm_digits", "boosting_diabetes", "network_cancer"]
GAP = re.compile(r"\n\s*\n")


def report(systems, at, *more):
    """{"1 worker, 100": [table of systems, table of problems]} of what the report prints."""
    text = subprocess.run([sys.executable, "quality.py", "report", "--results", "measured.csv",
                           "--systems", *systems, "--at", *at, *more],
                          cwd=HERE, text=True, stdout=subprocess.PIPE, check=True).stdout
    found = {}
    for part in re.split(r"\n(?=\*\*\d+ workers?, \d+ evaluations\*\*)", text)[1:]:
        name = re.match(r"\*\*(.*?) evaluations", part).group(1)
        found[name] = [block.strip() for block in GAP.split(part) if block.strip()[:1] == "|"]
    return found


def under_heading(text, heading, tables):
    """`tables` in place of those between the heading and the next; other text stays behind them."""
    begin = text.index("\n", text.index(heading)) + 1
    end = begin + re.search(r"^###? ", text[begin:], re.M).start()
    rest = [block for block in GAP.split(text[begin:end])
            if block.strip() and block.strip()[0] != "|"]
    return text[:begin] + "\n" + "\n\n".join(tables + rest) + "\n\n" + text[end:]


def after(text, line, table):
    begin = text.index("|", text.index("\n" + line))
    return text[:begin] + table + text[text.index("\n\n", begin):]


def column(table, name):
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.split("\n")]
    return {row[0]: row[rows[0].index(name)] for row in rows[2:]}


def beside_deephyper(text):
    from problems import PROBLEMS
    no_trainings = [p for p in PROBLEMS if p not in TRAININGS]
    tables = {
        100: report(BESIDE, ["100"])["1 worker, 100"],
        200: report(BESIDE_200, ["200"], "--problems", *no_trainings)["1 worker, 200"],
    }
    crowd = report(BESIDE, ["100"], "--problems", *[p for p in PROBLEMS if p != "svm_digits"])
    text = after(text, "1 worker, 100 evaluations:", tables[100][0])
    text = after(text, "1 worker, 200 evaluations (without", tables[200][0])
    text = after(text, "16 workers, 100 evaluations (DeepHyper", crowd["16 workers, 100"][0])
    cells = [column(tables[n][1], system) for n in (100, 200) for system in ("dh_mpi", "deephyper")]
    heading = "| problem | dh_mpi, 100 | deephyper, 100 | dh_mpi, 200 | deephyper, 200 |"
    rows = [heading, "| --- | --- | --- | --- | --- |"]
    rows += [f"| {p} | " + " | ".join(c.get(p, "") for c in cells) + " |" for p in cells[0]]
    return after(text, heading, "\n".join(rows))


def main():
    with open(README) as file:
        text = file.read()
    ours = report(FIRST, ["100", "200"])
    held_out = {**report(FIRST, ["100"], "--held-out"), **report(HELD_OUT_200, ["200"], "--held-out")}
    for heading in re.findall(r"^### .*", text, re.M):
        match = re.match(r"### (Held-out problems, )?(\d+ workers?, \d+) evaluations", heading)
        if match:
            text = under_heading(text, heading, (held_out if match.group(1) else ours)[match.group(2)])
    text = beside_deephyper(text)
    with open(README, "w") as file:
        file.write(text)


if __name__ == "__main__":
    main()
