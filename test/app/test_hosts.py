"""Three hosts and TCP between them, quick or slow and lossy: searches that are whole, with claims by
message and through the board.

Open MPI 4.1 as it comes cannot open a window over plain TCP: it chooses its component ucx, which then
fails. With `--mca osc ^ucx`, and with MPICH 4.0, it can; then rank 0 has to help with each access,
which is worth it to nobody who does not ask for it. (With MPICH only what mpiexec and its proxies
say to each other is sure to take that network: UCX sees that it is one machine. Held to TCP by
UCX_TLS=tcp,self, UCX 1.13 often hangs in MPI_Finalize; ranks then end without it after 2 minutes.)
"""

import os

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
WINDOW = ("--set", 'comm.window="on"')
REFUSED = "MPI_Win_allocate: MPI_ERR_WIN"
HELPED = "one-sided access works here only with rank 0's help"


class Hosts(network.Hosts):
    def setUp(self):
        super().setUp()
        self.write("hosts.cfg", CONFIG.replace("WORK", self.write("work.sh", WORK)))

    def search(self, *arguments):
        """A whole search on all hosts; returns its log."""
        _, log = self.run_search(6, "-v", *arguments, "hosts.cfg")
        self.assert_nothing_left()
        trials = self.assert_complete("hosts.h5", EVALUATIONS)
        self.assertEqual([t for t in trials if t["status"] != "ok"], [])
        self.assertEqual({(t["metadata"]["host"], t["worker"]) for t in trials}, {
            ("node1", 1), ("node2", 2), ("node2", 3), ("node3", 4), ("node3", 5)})
        started = [int(number) for number in self.read(self.path("started")).split()]
        self.assertEqual(sorted(started), list(range(EVALUATIONS)))
        self.assertNotIn("lost", log)
        return log

    def by_message(self, why):
        said = [line for line in self.search().splitlines() if "(comm.window): " in line]
        self.assertEqual(len(said), 1, said)
        self.assertIn("claims go by message, not through rank 0's memory (comm.window): " + why, said[0])

    def through_the_board(self):
        self.assertEqual(self.search(*WINDOW).count("claims go through rank 0's memory: room for"), 1)

    def assert_lossy(self):
        carried, lost = self.traffic()
        print(f"{lost} of {carried} frames were lost", end=" ")
        self.assertGreater(lost, 0)

    def test_as_it_comes(self):
        self.connect()
        self.by_message(HELPED if harness.MPICH else REFUSED)

    def test_as_it_comes_slow(self):
        self.connect(**SLOW)
        self.by_message(HELPED if harness.MPICH else REFUSED)
        self.assert_lossy()

    def test_a_window_that_is_there(self):
        self.options = {"osc": "^ucx"}
        self.connect()
        self.through_the_board()

    def test_a_window_that_is_there_slow(self):
        self.options = {"osc": "^ucx"}
        self.connect(**SLOW)
        self.through_the_board()
        self.assert_lossy()

    def test_a_window_that_nobody_asks_for(self):
        self.options = {"osc": "^ucx"}
        self.connect()
        self.by_message(HELPED)

    def test_a_window_that_cannot_be(self):
        if harness.MPICH:
            self.skipTest("MPICH has windows everywhere")
        self.connect()
        _, log = self.run_search(6, *WINDOW, "hosts.cfg", expect=70)
        self.assertIn('comm.window = "on", but there can be no board here: ' + REFUSED, log)
        self.assert_nothing_left()
        self.assertFalse(os.path.exists(self.path("started")))


if __name__ == "__main__":
    harness.main()
