"""kill_storm.py [KILLS [SEED]]: kill -9 at random moments, of rank 0, of workers and of launchers.

Short searches of all four evaluator kinds are killed and resumed until each is finished. After each
run what its files hold is read; every later run has to keep each of those finished evaluations
unchanged, and at the end the ids are without a gap, the budget exact, no point there twice. After
each run no process and no temporary file may be left behind. (A result that was under way to the journal when rank 0 was
killed is evaluated again; it does not count as finished. Kills begin when all ranks are through
MPI_Init.) Ends with "KILLS kills: L evaluations lost, D doubled, P processes and F files left" and
code 0 if those are all 0. The suite runs a dozen; the figures of test/README.md are from 300:

    DH_MPI=… DHCTL=… DH_SOURCE=. DH_BUILD=build python3 test/app/kill_storm.py 300
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import harness

CONFIG = """
search = {{ name = "storm"; seed = {seed}; max_evaluations = {evaluations}; }};
objectives = ( {{ name = "value"; goal = "minimize"; }} );
parameters = (
  {{ name = "x"; type = "real"; low = -5.0; high = 5.0; }},
  {{ name = "n"; type = "int"; low = 1; high = 1000; }}
);
evaluator = {{ {evaluator} slots = 2; }};
checkpoint = {{ file = "storm.h5"; interval = "1s"; }};
scheduler = {{ lost_after = "0.5s"; lost_retries = 100; }};
"""

EVALUATIONS = 200
RANKS = 4


class Storm(harness.Case):
    """One search after the other, until enough was killed."""

    def runTest(self):
        pass

    def setUp(self):
        super().setUp()
        self.kills = dict.fromkeys(("manager", "worker", "launcher"), 0)
        self.searches = self.lost = self.doubled = self.left = self.files = 0
        os.mkdir(self.path("tmp"))

    def victims(self, process, kind):
        ranks = self.ranks(process)
        if kind == "manager":
            return [ranks[0]] if 0 in ranks else []
        if kind == "worker":
            return [pid for rank, pid in ranks.items() if rank > 0]
        found = []
        for pid in harness.processes(self.marker):
            try:
                if (harness.name_of(pid) == "dh_launcher" and
                        harness.name_of(harness.parent(pid)) == "dh_nursery"):
                    found.append(pid)
            except OSError:
                pass
        return found

    def started(self, process):
        """Wait until all ranks are through MPI_Init, which no MPI lets its ranks survive."""
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if "storm.h5" in self.read(self.stderr):  # new search, or resuming
                time.sleep(0.3)
                return
            time.sleep(0.02)

    def strike(self, process, chance):
        """One kill at a random moment; False if the search was over before."""
        kind = chance.choice(sorted(self.kills))
        delay = time.monotonic() + chance.uniform(0.02, 1.0)
        while time.monotonic() < delay:
            if process.poll() is not None:
                return False
            time.sleep(0.01)
        victims = self.victims(process, kind)
        if not victims:
            return process.poll() is None
        try:
            os.kill(chance.choice(victims), signal.SIGKILL)
        except OSError:
            return True
        self.kills[kind] += 1
        return kind != "manager"

    def finished(self):
        """Finished trials of the journal and checkpoint, as a resume would find them."""
        if not os.path.exists(self.path("storm.h5")):
            return {}
        trials = self.trials("storm.h5")
        return {t["id"]: t for t in trials if t["status"] in harness.FINISHED}

    def wait_end(self, process):
        try:
            process.wait(120)
        except subprocess.TimeoutExpired:
            self.fail(f"no end after 120 s\n{self.output()}")
        deadline = time.monotonic() + 20
        while harness.processes(self.marker) and time.monotonic() < deadline:
            time.sleep(0.05)
        left = harness.processes(self.marker)
        files = [name for name in os.listdir(self.path("tmp")) if name.startswith("dh_mpi")]
        for name in files:
            os.unlink(self.path("tmp/" + name))
        self.files += len(files)
        if left:
            print("left:", [(pid, harness.name_of(pid)) for pid in left], flush=True)
        self.left += len(left)
        self.sweep()
        self.assertNotIn(process.returncode, (64, 70, 74, 78), self.output())

    def compare(self, before):
        now = self.finished()
        for number, trial in before.items():
            if now.get(number) != trial:
                print(f"trial {number}: {trial} became {now.get(number)}", flush=True)
                self.lost += 1
        return now

    def one_search(self, kind, chance, wanted):
        for name in os.listdir(self.folder):
            if name.startswith("storm.h5"):
                os.unlink(self.path(name))
        self.write("storm.cfg", CONFIG.format(seed=chance.randrange(1000), evaluations=EVALUATIONS,
                                              evaluator=self.nap(kind, 0.1)))
        before, left = {}, wanted
        for _ in range(100):
            self.recovery = chance.random() < 0.5 and not harness.MPICH
            process = self.start(RANKS, "storm.cfg", env={"TMPDIR": self.path("tmp")})
            if left > 0:
                self.started(process)
            while left > 0 and process.poll() is None:
                already = sum(self.kills.values())
                alive = self.strike(process, chance)
                left -= sum(self.kills.values()) - already
                if not alive:
                    break
            self.wait_end(process)
            before = self.compare(before)
            if len(before) >= EVALUATIONS:
                break
        trials = self.trials("storm.h5")
        points = {(t["parameters"]["x"], t["parameters"]["n"]) for t in trials}
        self.doubled += len(trials) - len(points) + max(0, len(before) - EVALUATIONS)
        self.assertEqual([t["id"] for t in trials], list(range(len(trials))))
        self.assertEqual(len(before), EVALUATIONS, self.output())
        self.searches += 1

    def storm(self, kills, seed):
        chance = random.Random(seed)
        kinds = sorted(harness.NAPS)
        while sum(self.kills.values()) < kills:
            wanted = min(3 if kills < 50 else 8, kills - sum(self.kills.values()))
            self.one_search(kinds[self.searches % len(kinds)], chance, wanted)
            print(f"{self.searches} searches, kills {self.kills}: {self.lost} lost, "
                  f"{self.doubled} doubled, {self.left} processes and {self.files} files left",
                  flush=True)


def main():
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20261121
    storm = Storm()
    storm.setUp()
    try:
        storm.storm(kills, seed)
    except AssertionError as error:
        print(error)
        storm.lost += 1
    finally:
        storm.sweep()
        shutil.rmtree(storm.folder, ignore_errors=True)
    print(f"{sum(storm.kills.values())} kills: {storm.lost} evaluations lost, "
          f"{storm.doubled} doubled, {storm.left} processes and {storm.files} files left")
    return 1 if storm.lost or storm.doubled or storm.left or storm.files else 0


if __name__ == "__main__":
    sys.exit(main())
