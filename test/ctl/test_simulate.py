"""dhctl simulate as its users meet it: a table, JSON, and what is wrong with a command line."""

import json
import os
import subprocess
import tempfile

CONFIG = """
search     = { name = "simulated"; seed = 2; };
objectives = ( { name = "value"; goal = "minimize"; } );
parameters = ( { name = "x"; type = "real"; low = -1.0; high = 1.0; } );
optimizer  = { method = "random"; };
evaluator  = { type = "builtin"; function = "sphere"; duration = "5s"; };
"""


def run(*arguments):
    done = subprocess.run([os.environ["DHCTL"], "simulate", *arguments],
                          capture_output=True, text=True, timeout=100)
    return done.returncode, done.stdout, done.stderr


def test_table(config):
    code, out, err = run("--workers", "4,40,400", "--duration", "normal:10,2", "--time", "2m", config)
    assert code == 0, err
    rows = [line.split() for line in out.splitlines()]
    assert [row[0] for row in rows] == ["workers", "4", "40", "400"], out
    assert int(rows[3][2]) > 5 * int(rows[2][2]) > 0, out


def test_json(config):
    code, out, err = run("--workers", "3,5", "--json", "--time", "100", config)
    assert code == 0, err
    results = json.loads(out)
    assert [result["slots"] for result in results] == [3, 5]
    for result in results:
        assert result["elapsed"] == 100
        assert 0 < result["busy"] <= 1
        assert abs(sum(result["slot_seconds"].values()) - 100 * result["slots"]) < 1e-3
        assert result["evaluations"] <= 20 * result["slots"]  # the builtin's own 5 s


def test_details(config):
    code, out, err = run("--workers", "2", "--set", "search.max_evaluations=11", config)
    assert code == 0, err
    assert "evaluations 11 done" in out and "all evaluations done" in out, out
    assert "main thread" in out and "late asks" in out, out


def test_stdout_that_cannot_be_written(config):
    for arguments in [], ["--json"]:
        for workers in "4", "4,5":
            with open("/dev/full", "w") as full:
                done = subprocess.run([os.environ["DHCTL"], "simulate", "--workers", workers, "--time",
                                       "1m", *arguments, config], stdout=full,
                                      stderr=subprocess.PIPE, text=True, timeout=100)
            assert done.returncode == 74 and "standard output" in done.stderr, done


def test_refusals(config):
    for arguments, code, text in (
        (["--time", "5m", config], 64, "--workers"),
        (["--workers", "4x", "--time", "5m", config], 64, "4x"),
        (["--workers", "0", "--time", "5m", config], 64, "1 to"),
        (["--workers", "4", "--time", "soon", config], 64, "soon"),
        (["--workers", "4", "--duration", "normal:1", config], 64, "normal:MEAN,DEVIATION"),
        (["--workers", "4", "--latency", "-3", config], 64, "microseconds"),
        (["--workers", "4", config], 64, "--time"),
        (["--workers", "4"], 64, "a configuration"),
        (["--workers", "4", "--time", "1m", "/nonexistent.cfg"], 74, "nonexistent.cfg"),
        (["--workers", "4", "--time", "1m", "--set", 'evaluator.function="spere"', config], 78,
         "sphere"),
    ):
        got, out, err = run(*arguments)
        assert got == code and text in err and not out, (arguments, got, out, err)


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "simulated.cfg")
    with open(path, "w") as file:
        file.write(CONFIG)
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test(path)
    assert os.listdir(folder) == ["simulated.cfg"]  # it leaves nothing behind
