"""Three hosts and TCP between them, quick or slow and lossy: searches that are whole, with claims by
message and through the board.

Open MPI 4.1 as it comes cannot open a window over plain TCP (it chooses its component ucx, which
then fails); with `--mca osc ^ucx` it can, but then rank 0 has to help with each access.
"""

import json
import unittest

import harness
import network

EVALUATIONS = 60

WORK = """
echo $DH_ID >> started
sleep 0.2
echo 'DH-OUTPUT: {"objective": '$1', "metadata": {"host": "'$(hostname)'"}}'
"""

CONFIG = """
search = { name = "hosts"; seed = 7; max_evaluations = %d; };
objectives = ( { name = "value"; goal = "minimize"; } );
parameters = ( { name = "x"; type = "real"; low = -5.0; high = 5.0; } );
evaluator = { type = "command"; slots = 2; command = ("sh", "WORK", "{x}"); };
checkpoint = { file = "hosts.h5"; };
""" % EVALUATIONS

SLOW = {"latency": 0.02, "loss": 0.01}


class Hosts(network.Hosts):
    def search(self, *arguments):
        """A whole search on all hosts; returns its log."""
        self.write("hosts.cfg", CONFIG.replace("WORK", self.write("work.sh", WORK)))
        _, log = self.run_search(6, "-v", *arguments, "hosts.cfg", timeout=60)
        print(log)
        self.assert_nothing_left()
        trials = self.assert_complete("hosts.h5", EVALUATIONS)
        self.assertEqual([t for t in trials if t["status"] != "ok"], [])
        self.assertEqual({t["worker"] for t in trials}, set(range(1, 6)))
        self.assertEqual({(t["metadata"]["host"], t["worker"]) for t in trials}, {
            ("node1", 1), ("node2", 2), ("node2", 3), ("node3", 4), ("node3", 5)})
        started = [int(number) for number in self.read(self.path("started")).split()]
        self.assertEqual(sorted(started), list(range(EVALUATIONS)))
        return log

    def assert_slow(self):
        carried, lost = self.traffic()
        print(f"{lost} of {carried} frames were lost")
        self.assertGreater(lost, 0)


    def test_x(self):
        self.connect()
        self.search()


if __name__ == "__main__":
    unittest.main(verbosity=2)
