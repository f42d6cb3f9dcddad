"""The checkpoint as h5py and pandas see it, against the same trials in JSON.

read_sample.py WRITE_SAMPLE; exit 77 (skipped) without h5py or pandas."""
import json
import math
import subprocess
import sys
import tempfile

try:
    import h5py
    import pandas
except ImportError as missing:
    print(missing)
    sys.exit(77)


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def frame(file):
    """All of /trials as one table."""
    columns = {}
    for name, data in file["trials"].items():
        if name == "parameters":
            columns.update({"p:" + key: values[:] for key, values in data.items()})
        else:
            columns[name] = data[:]
    table = pandas.DataFrame(columns)
    for name in table.columns[table.dtypes == object]:
        table[name] = table[name].map(text)
    return table


def same(found, expected):
    """None is NaN, or an empty text."""
    if expected is None:
        return found == "" or found == 0 or found == -1 or math.isnan(found)
    if isinstance(expected, bool):
        return found == str(expected).lower()
    return found == expected


def check_trial(row, trial):
    for key in ("status", "reason", "worker", "slot", "proposed", "started", "ended",
                "cpu_seconds", "peak_bytes", "retries", "seed", "stderr"):
        assert same(row[key], trial[key]), (trial["id"], key, row[key], trial[key])
    for i, value in enumerate(trial["objectives"].values()):
        assert same(row["objective_%d" % i], value), (trial["id"], i)
    for name, value in trial["parameters"].items():
        found = row["p:" + name]
        if isinstance(value, str) and value[:1] in ("", '"'):
            value = '"' + value
        assert same(found, value), (trial["id"], name, found, value)
    inactive = {n[2:] for n in row.index if n.startswith("p:")} - set(trial["parameters"])
    assert all(same(row["p:" + name], None) for name in inactive), trial["id"]
    if isinstance(trial["metadata"], dict):
        assert json.loads(row["metadata"]) == trial["metadata"]


def check(writer, folder, events):
    subprocess.run([writer, folder, str(events)], check=True)
    with open(folder + "/s.json", encoding="utf-8") as stream:
        expected = json.load(stream)
    with h5py.File(folder + "/s.h5", "r") as file:
        assert file.attrs["format"] == "dh_mpi checkpoint"
        assert file.attrs["event"] == events and file.attrs["seed"] == 42
        assert file.attrs["search"] == "sample"
        assert file["config"].asstr()[()] == expected["config"]
        table = frame(file)
        assert file["trials/parameters/units"].dtype == "int64"
        assert file["trials/parameters/lr"].dtype == "float64"
    assert list(table["id"]) == list(range(len(table)))
    ended = table[table["status"] != "pending"]
    assert len(ended) == len(expected["trials"])
    assert (table[table["status"] == "pending"]["objective_0"].isna()).all()
    for trial in expected["trials"]:
        check_trial(table.loc[trial["id"]], trial)
    if len(table) > 100:  # what a user would do
        best = table.sort_values("objective_0", ascending=False).iloc[0]
        assert best["objective_0"] == table["objective_0"].max()
        assert set(table.groupby("p:norm")["objective_0"].mean().index) == {"true", "false"}


for count in (0, 1, 2, 40, 500, 5000):
    with tempfile.TemporaryDirectory() as scratch:
        check(sys.argv[1], scratch, count)
