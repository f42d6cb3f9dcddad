"""A node that is cut off: one of three hosts loses its link.

What Open MPI 4.1 does then: the ranks that are left go on to the end of the search, and everything is
on disk. mpiexec itself may go on waiting for the daemon of the cut node, until its TCP gives up or
somebody ends it; where it aborts the job instead, a resume has to be exact.
"""

import os
import re
import subprocess

import harness
import network

CONFIG = """
search = { name = "cut"; seed = 7; max_evaluations = 100; };
objectives = ( { name = "value"; goal = "minimize"; } );
parameters = ( { name = "x"; type = "real"; low = -5.0; high = 5.0; } );
evaluator = { type = "command"; command = ("sh", "-c", "sleep 0.2; echo DH-OUTPUT: $1", "sh", "{x}"); };
checkpoint = { file = "cut.h5"; interval = "1s"; };
scheduler = { lost_after = "2s"; };
"""


class Cut(network.Hosts):
    recovery = True
    ranks_on = {"node1": 1, "node2": 2, "node3": 2}
    options = {"btl": "tcp,self", "oob_tcp_keepalive_time": "3", "oob_tcp_keepalive_intvl": "1",
               "oob_tcp_keepalive_probes": "2"}

    @harness.outlived
    def test_a_node_is_cut_off(self):
        self.connect()
        self.write("cut.cfg", CONFIG)
        process = self.start(5, "cut.cfg")
        self.wait_for(lambda: os.path.exists(self.path("cut.h5")) and
                      len(self.finished()) > 5, 60, "evaluations")
        self.cut("node3")
        self.wait_for(lambda: process.poll() is not None or
                      "lost on the way" in self.read(self.stderr), 60, "the end of the search")
        try:
            how = f"returned {process.wait(5)}"
        except subprocess.TimeoutExpired:
            how = "still waits for the cut node's daemon"
        before = self.finished()
        log = self.read(self.stderr)
        print(f"{len(before)} evaluations; mpiexec {how}")
        if "lost on the way" in log:
            self.assertEqual(len(before), 100, self.output())
            self.assertEqual(len(re.findall(r"lost \(.*rank [34] \(node3,", log)), 2, log)
        self.disconnect()  # also ends what was left of it all
        process.wait(20)
        self.assert_nothing_left()
        self.run_again()
        after = {t["id"]: t for t in self.assert_complete("cut.h5", 100)}
        self.assertGreater(len(before), 5)
        self.assertEqual({number: after[number] for number in before}, before)

    def finished(self):
        return {t["id"]: t for t in self.trials("cut.h5") if t["status"] in harness.FINISHED}

    def run_again(self):
        """On this machine alone."""
        launch = [*harness.launch(3), harness.DH_MPI, "cut.cfg"]
        done = subprocess.run(launch, cwd=self.folder, env=self.environment(), timeout=120,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    harness.main()
