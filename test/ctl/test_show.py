"""dhctl show as its users meet it: who proposed a trial, and with how much effort."""

import json
import os
import subprocess
import tempfile

CONFIG = """
search     = { name = "shown"; seed = 2; max_evaluations = 12; };
parameters = ( { name = "x"; type = "real"; low = -1.0; high = 1.0; } );
initial    = ( { x = 0.5; } );
optimizer  = { method = "%s"; %s };
evaluator  = { type = "builtin"; function = "sphere"; };
"""


def run(program, *arguments):
    done = subprocess.run([os.environ[program], *arguments], capture_output=True, text=True,
                          timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


def search(folder, method, settings):
    """The texts and the JSON of all trials."""
    path = os.path.join(folder, "shown.cfg")
    with open(path, "w") as file:
        file.write(CONFIG % (method, settings))
    store = os.path.join(folder, method + ".h5")
    run("DH_MPI", "--fresh", "--set", f"checkpoint.file={store}", path)
    ids = [str(i) for i in range(12)]
    return ([run("DHCTL", "show", store, i) for i in ids],
            [json.loads(run("DHCTL", "show", "--json", store, i)) for i in ids])


def test_model(folder):
    for level in 0, 1:
        texts, trials = search(folder, "ambs", f"initial_points = 5; effort = {level};")
        for i in range(12):
            # one slot: the user's point, the design, then the model
            lead = "user" if i == 0 else "design" if i < 5 else f"method, level {level} of effort"
            assert f"\nproposed by  {lead}, seed {trials[i]['seed']}\n" in texts[i], texts[i]
            assert trials[i].get("level") == (level if i >= 5 else None), trials[i]


def test_method_without_levels(folder):
    texts, trials = search(folder, "random", "")
    assert "\nproposed by  method, seed " in texts[5], texts[5]
    assert not any("level" in trial for trial in trials), trials


def test_every_output_says_the_same(folder):
    texts, shown = search(folder, "random", "")
    store = os.path.join(folder, "random.h5")
    exported = json.loads(run("DHCTL", "export", "--format", "json", store))["trials"]
    listed = {trial["id"]: trial for trial in json.loads(run("DHCTL", "list", "--json", store))}
    for trial in exported:
        value = trial["objectives"]["objective"]
        text = texts[trial["id"]].split("\nobjective ", 1)[1].split("\n", 1)[0]
        assert float(text) == value, (text, value)
        for key in "objectives", "started", "ended", "cpu_seconds", "peak_bytes", "worker", "slot", "retries":
            for other in shown[trial["id"]], listed[trial["id"]]:
                assert other[key] == trial[key], (key, other, trial)
        assert trial["peak_bytes"] is None  # of a builtin function nothing is measured


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        for name, test in list(globals().items()):
            if name.startswith("test_"):
                test(scratch)
                print(name, "ok")
