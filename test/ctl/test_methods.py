"""dhctl check --methods: every search method with its options, as a reader of the help needs them."""

import os
import re
import subprocess


def check(*arguments):
    done = subprocess.run([os.environ["DHCTL"], "check", *arguments], capture_output=True,
                          text=True, timeout=100)
    return done.returncode, done.stdout, done.stderr


def test_all_are_there():
    code, out, err = check("--methods")
    assert code == 0 and not err, err
    heads = re.findall(r"^  (\w+) +\S.*$", out, re.M)
    assert heads[:8] == ["ambs", "random", "sobol", "halton", "hammersley", "lhs", "grid", "list"]
    assert heads[8:] == ["et", "rf", "bagging", "subspace", "gbrt", "gp", "dummy"]
    options = re.findall(r"^    (\w+) +(\S.*)\n {20}(\S.*)$", out, re.M)
    assert len(options) == 15 + 1 + 2 + 2 + 1, options  # of ambs, hammersley, lhs, grid, list
    takes = {name: (help, what) for name, help, what in options}
    assert takes["kappa"] == ("weight of the deviation in ucb",
                              "number between 0 and 1000000; default 1.96")
    assert takes["schedule"][1] == '"constant", "decay", "bandit"; default "constant"'
    assert takes["effort"][1] == "integer between -1 and 3; default -1"
    assert takes["file"][1] == "text; required"
    assert all(help and ("; default " in what or what.endswith("; required"))
               for help, what in takes.values()), takes


def test_wrong_usage():
    code, out, err = check("--methods", "some.cfg")
    assert code == 64 and "nothing beside --methods" in err and not out, (code, out, err)
    code, out, err = check()
    assert code == 64 and "a configuration" in err and not out, (code, out, err)


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print(name, "ok")
