"""What the slots' time was used for: in status.json, dhctl status and the summary, and over the runs
of a chain in the checkpoint."""

import json

import h5py

import harness

CONFIG = """
search = {{ name = "accounts"; seed = 7; max_evaluations = {evaluations}; }};
objectives = ( {{ name = "value"; goal = "minimize"; }} );
parameters = ( {{ name = "x"; type = "real"; low = -5.0; high = 5.0; }} );
optimizer = {{ method = "random"; }};
evaluator = {{ type = "builtin"; function = "sphere"; duration = "20ms"; slots = 8; }};
checkpoint = {{ file = "accounts.h5"; }};
"""

USES = ("evaluating", "waiting", "starting", "reporting", "draining", "lost")


class Accounts(harness.Case):
    def configure(self, evaluations):
        self.write("accounts.cfg", CONFIG.format(evaluations=evaluations))

    def kept(self):
        """Microseconds by use, as the checkpoint has them."""
        with h5py.File(self.path("accounts.h5")) as file:
            attributes = file["slot_microseconds"].attrs
            self.assertLessEqual(attributes["failed"], attributes["evaluating"])
            return {use: int(attributes[use]) for use in USES}

    def shown(self, key):
        with open(self.path("status.json")) as status:
            seconds = json.load(status)[key]
        return {use: round(1e6 * seconds[use]) for use in USES}

    def test_a_chain_of_runs(self):
        self.configure(200)
        out, _ = self.run_search(4, "accounts.cfg")
        self.assertRegex(out, r"worker time 24 slots, .*evaluating [\d.]+%")
        self.assertNotIn("all runs", out)
        first = self.kept()
        # 24 slots in one time: the sum is exact, whatever happened
        self.assertEqual(sum(first.values()) % 24, 0)
        self.assertGreaterEqual(first["evaluating"], 200 * 20000)
        self.assertEqual(first["lost"], 0)
        self.assertEqual(set(self.shown("slot_seconds_before").values()), {0})
        self.configure(400)
        out, _ = self.run_search(3, "accounts.cfg")
        self.assertRegex(out, r"all runs  .*evaluating")
        both, second = self.kept(), self.shown("slot_seconds")
        self.assertEqual(self.shown("slot_seconds_before"), first)
        self.assertEqual(both, {use: first[use] + second[use] for use in USES})
        self.assertEqual(sum(second.values()) % 16, 0)
        self.assertRegex(self.dhctl("status", "accounts.h5"), r"slot time: evaluating [\d.]+%, ")

    def test_one_process(self):
        self.configure(50)
        self.run_search(0, "accounts.cfg")
        self.assertEqual(sum(self.kept().values()) % 8, 0)


if __name__ == "__main__":
    harness.main()
