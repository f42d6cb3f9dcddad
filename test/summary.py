#!/usr/bin/env python3
"""summary.py NAMES FOLDER…: the last lines of test/run.sh.

Reads what the builds and meson left in each build folder, prints the output of whatever failed
and the counts. A test skipped because Python has not what it imports has failed: install.sh has
installed that. NAMES is how many tests were asked for by name; exit code 1 if anything failed, or
if they were asked for and none ran.
"""

import json
import os
import sys

LONGEST_OUTPUT = 20000
SKIPPED = ("SKIP",)
PASSED = ("OK", "EXPECTEDFAIL")
NOT_INSTALLED = "No module named"  # as a ModuleNotFoundError says


def results(folder):
    """(name, result, output) of the build, then of each test that ran."""
    with open(os.path.join(folder, "build.result")) as file:
        result = file.read().strip()
    with open(os.path.join(folder, "build.log"), errors="replace") as file:
        yield "build", result, file.read()
    log = os.path.join(folder, "meson-logs", "testlog.json")
    if os.path.exists(log):
        with open(log, errors="replace") as file:
            for line in file:
                test = json.loads(line)
                yield (test["name"], test["result"],
                       (test.get("stdout") or "") + (test.get("stderr") or ""))


def main(arguments):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    tests = 0
    for folder in arguments[1:]:
        for name, result, output in results(folder):
            kind = ("passed" if result in PASSED else
                    "skipped" if result in SKIPPED and NOT_INSTALLED not in output else "failed")
            counts[kind] += 1
            tests += name != "build"
            if kind == "failed":
                print("\n=== %s in %s: %s\n%s" % (name, os.path.basename(folder), result,
                                                output[-LONGEST_OUTPUT:].rstrip()))
    if tests == 0 and counts["failed"] == 0:
        print("\nNo test ran%s." % (": no such name" if arguments[0] != "0" else ""))
        counts["failed"] += 1
    line = "%d passed, %d failed" % (counts["passed"], counts["failed"])
    if counts["skipped"]:
        line += ", %d skipped" % counts["skipped"]
    print("\n" + line)
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
