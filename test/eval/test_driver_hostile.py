"""Tests of src/eval/driver*.py on functions and surroundings that are hard on it: see driver_bench.py.
"""

import os
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True

from driver_bench import START, DriverCase, Launcher, bytewise  # noqa: E402


class HostileTest(DriverCase):
    def test_threads_that_outlive_their_evaluation(self):
        """They are told to stop and report nothing; requests are the main thread's alone."""
        self.write("late.py", '''
            import copy, threading, time
            threads, told = [], []
            def follow(job):
                twin = copy.copy(job)
                for step in range(10**9):
                    job.record(step, job["lr"])
                    twin.record(step, 77.0)
                    if job.stopped():
                        break
                told.append(job["job_id"])
                for step in range(100):
                    job.record(step, 99.0)
            def run(job):
                threads.append([threading.Thread(target=follow, args=(job,)) for i in range(3)])
                for thread in threads[-1]: thread.start()
                time.sleep(0.01 * (job["job_id"] % 3))
                if job["job_id"] % 4 == 0: raise ValueError("late")
                return job["lr"]
            def check(job):
                for group in threads:
                    for thread in group: thread.join(10)
                return {"objective": 0, "metadata": {"told": sorted(told)}}
            def turn(job): return check(job) if job["job_id"] == 1000 else run(job)
            ''')
        launcher = self.start("late.turn")
        for trial in range(60):
            launcher.ask(trial, {"lr": trial})
            message = launcher.receive()
            while "report" in message:
                self.assertEqual((message["report"][1], message["attempt"]), (trial, [trial, 0]))
                message = launcher.receive()
            self.assertEqual(message["id"], trial)
            self.assertEqual("error" in message, trial % 4 == 0, message)
        told = launcher.answer(1000)["metadata"]["told"]
        self.assertEqual(told, sorted(3 * list(range(60))))

    def test_threads_of_one_evaluation_share_the_line(self):
        """Several that ask and report at once: no message is split, each hears the stop."""
        self.write("team.py", '''
            import threading
            def follow(job, heard):
                step = 0
                while not job.stopped():
                    job.record(step, 0.5)
                    step += 1
                heard.append(1)
            def run(job):
                heard = []
                team = [threading.Thread(target=follow, args=(job, heard)) for i in range(6)]
                for thread in team: thread.start()
                for thread in team: thread.join()
                return len(heard)
            ''')
        launcher = self.start("team.run")
        for trial in range(10):
            launcher.ask(trial)
            for _ in range(300):
                self.assertEqual(launcher.receive()["report"][1], 0.5)
            launcher.send({"stop": [trial, 0]})
            message = launcher.receive()
            while "report" in message:
                message = launcher.receive()
            self.assertEqual((message["id"], message["objective"]), (trial, 6))

    def test_a_forked_child_reports_for_its_evaluation(self):
        self.write("child.py", '''
            import os, threading
            def spin(job):
                while not job.stopped(): pass
            def run(job):
                threading.Thread(target=spin, args=(job,), daemon=True).start()
                for child in range(10):
                    pid = os.fork()
                    if pid == 0:
                        job.record(child, 0.5)
                        os._exit(job.stopped())
                    assert os.waitpid(pid, 0)[1] == 0
                return 1
            ''')
        launcher = self.start("child.run")
        launcher.ask(3)
        for child in range(10):
            self.assertEqual(launcher.receive(), {"report": [child, 0.5], "attempt": [3, 0]})
        self.assertEqual(launcher.receive()["objective"], 1)

    def test_files_in_the_working_directory_are_not_the_standard_library(self):
        """Nor are they beside the configuration, for what the driver itself needs."""
        for name in ("json", "resource", "select", "token", "code", "types", "inspect"):
            self.write(name + ".py", "raise ImportError('the wrong %s')" % name)
        launcher = self.start("user.value", cwd=self.folder)
        self.assertEqual(launcher.answer(0, {"text": "0.5"})["objective"], 0.5)
        seen = launcher.answer(1, {"text": "{'objective': 0, 'metadata': {"
                                   "'path': sys.path, 'argv': sys.argv}}"})["metadata"]
        self.assertEqual(seen["argv"], ["-c"])
        self.assertEqual(seen["path"][0], self.folder)
        self.assertNotIn("", seen["path"])

    def test_names_in_another_encoding(self):
        """The folder, the run folder and variables, in any locale."""
        self.write("mod.py", '''
            import os
            def run(job):
                import lazy, part
                assert os.environb[b"GPU"] == b"caf\\xe9 \\xc3\\xa9"
                assert os.getcwdb().endswith(b"r\\xe9n")
                return lazy.value + part.value
            ''')
        self.write("lazy.py", "value = 2")
        self.write("lib/part.py", "value = 3")
        for name in (b"caf\xe9", "caf\xe9".encode(), b"\xff\xfe \"'\\"):
            folder = os.path.join(os.fsencode(self.folder), name)
            run = os.path.join(folder, b"r\xe9n")
            os.makedirs(run)
            for file in ("mod.py", "lazy.py"):
                os.link(os.path.join(self.folder, file), os.path.join(folder, os.fsencode(file)))
            for locale in ("C", "C.UTF-8"):
                launcher = Launcher("mod.run", folder, cwd=self.folder, env=dict(
                    os.environ, LC_ALL=locale, PYTHONPATH="lib", PYTHONCOERCECLOCALE="0"))
                self.addCleanup(launcher.close)
                self.assertEqual(launcher.receive(), {"ready": True})
                answer = launcher.answer(0, cwd=bytewise(run),
                                         env={"GPU": bytewise(b"caf\xe9 \xc3\xa9")})
                self.assertEqual(answer.get("objective"), 5, answer)

    def test_start_on_an_old_python(self):
        """Python 2 understands it (no newer syntax), and says what is wrong."""
        old = "import sys\nsys.version_info, sys.version = (3, 5, 9), '3.5.9 (x)'\n" + START
        done = subprocess.run([sys.executable, "-c", old, "syntax error"], stderr=subprocess.PIPE)
        self.assertEqual((done.returncode, done.stderr),
                         (1, b"dh_mpi needs Python 3.6 or later, this is 3.5.9\n"))
        import glob
        import shutil
        pyenv = glob.glob(os.path.expanduser("~/.pyenv/versions/2*/bin/python"))
        for python in filter(None, [shutil.which("python2"), *pyenv]):
            if subprocess.call([python, "-c", ""], stderr=subprocess.DEVNULL) == 0:
                done = subprocess.run([python, "-c", START, "x = *1"], stderr=subprocess.PIPE)
                self.assertIn(b"needs Python 3.6 or later, this is 2.", done.stderr)

    def test_executors_that_do_not_end(self):
        """The answer does not wait for them for ever."""
        self.write("stuck.py", '''
            import sys, threading, types
            class Executor:
                def shutdown(self, **how):
                    threading.Event().wait()
            sys.modules["loky.reusable_executor"] = types.SimpleNamespace(_executor=Executor())
            def run(job):
                return 3.0
            ''')
        self.assertEqual(self.start("stuck.run").answer(0)["objective"], 3.0)

    def test_leaving_is_an_error_of_that_evaluation(self):
        launcher = self.start("user.leaves")
        for how, expected in (("exit", "SystemExit: 3"), ("interrupt", "KeyboardInterrupt"),
                              ("deep", "RecursionError"), ("bad text", "Bad")):
            answer = launcher.answer(1, {"how": how})
            self.assertTrue(answer["error"].startswith(expected), answer)
            self.assertLessEqual(len(answer["traceback"]), 8000)
        self.assertEqual(launcher.answer(2, {"how": "stay"})["objective"], 1)

    def test_forked_child_does_not_answer(self):
        launcher = self.start("user.forks")
        for trial in range(3):
            answer = launcher.answer(trial)
            self.assertEqual((answer["id"], answer["objective"]), (trial, 1))

    def test_alarms_that_come_late(self):
        """What goes off after the return changes nothing, nor in the next evaluation."""
        self.write("alarm.py", '''
            import os, signal, time
            class Late(Exception): pass
            def late(*arguments): raise Late("late alarm")
            signal.signal(signal.SIGALRM, late)
            def run(job):
                if job["number"] % 10 == 9:
                    assert signal.getsignal(signal.SIGALRM) is late
                    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
                    time.sleep(0.1)
                    signal.setitimer(signal.ITIMER_REAL, 0.01)
                    time.sleep(20)
                many = {str(i): [i] * 10 for i in range(3000)}
                signal.setitimer(signal.ITIMER_REAL, 3e-4 * job["number"], 1e-3)
                return {"objective": job["number"], "metadata": many}
            ''')
        launcher = self.start("alarm.run")
        in_time = 0
        for number in range(1, 50):
            answer = launcher.answer(number, {"number": number})
            if number % 10 == 9:
                self.assertEqual(answer["error"], "Late: late alarm")
            elif answer.get("error") == "Late: late alarm":
                in_time += 1  # before the return: rare, unless the machine is busy
            else:
                self.assertEqual(answer.get("objective"), number, answer)
                self.assertEqual(answer["metadata"]["2999"], [2999] * 10)
        self.assertLess(in_time, 20)

    def test_what_raises_anything_is_no_loss(self):
        self.write("raises.py", '''
            import sys
            class Rude:
                def __repr__(self): raise KeyboardInterrupt
                __str__ = flush = write = __repr__
            class RudeError(Exception):
                def __str__(self): raise SystemExit(3)
            def run(job):
                if job["way"] == "raise": raise RudeError
                if job["way"] == "return": return Rude()
                if job["way"] == "stdout": sys.stdout = Rude()
                return {"objective": 1, "metadata": {"x": Rude() if job["way"] == "keep" else 2}}
            ''')
        launcher = self.start("raises.run")
        self.assertEqual(launcher.answer(0, {"way": "raise"})["error"], "RudeError")
        self.assertIn("returned Rude", launcher.answer(1, {"way": "return"})["error"])
        answer = launcher.answer(2, {"way": "keep"})
        self.assertEqual(answer["objective"], 1)
        self.assertIn("KeyboardInterrupt", answer["metadata"]["x"])
        for trial in (3, 4):
            self.assertEqual(launcher.answer(trial, {"way": "stdout"})["objective"], 1)

    def test_a_working_directory_that_is_removed(self):
        self.write("removes.py", '''
            import os, shutil
            def run(job):
                shutil.rmtree(job["folder"], ignore_errors=True)
                return 1
            ''')
        home = os.path.join(self.folder, "home")
        os.mkdir(home)
        launcher = self.start("removes.run", cwd=home)
        self.assertEqual(launcher.answer(0, {"folder": home}).get("objective"), 1)
        self.assertEqual(launcher.answer(1, {"folder": home}).get("objective"), 1)
        self.assertEqual(launcher.answer(2, {"folder": "x"}, cwd=self.folder).get("objective"), 1)

    def test_a_function_that_closes_the_line(self):
        """The process ends, though a thread would keep it, and says why."""
        self.write("closes.py", '''
            import os, threading, time
            def run(job):
                threading.Thread(target=time.sleep, args=(1000,)).start()
                os.closerange(3, 100)
                return 1
            ''')
        launcher = self.start("closes.run")
        launcher.ask(0)
        self.assertEqual(launcher.process.wait(20), 1)
        self.assertIn("no result can be sent", launcher.close()[2])

    def test_what_a_failure_held_is_given_back(self):
        """As soon as the evaluation is over, with no help of the garbage collector."""
        self.write("holds.py", '''
            import gc, weakref
            gc.disable()
            class Large: pass
            seen = []
            def run(job):
                if job["way"] == "look": return sum(one() is not None for one in seen)
                large = Large()
                seen.append(weakref.ref(large))
                raise ValueError("large")
            ''')
        launcher = self.start("holds.run")
        self.assertIn("ValueError", launcher.answer(0, {"way": "fail"})["error"])
        self.assertEqual(launcher.answer(1, {"way": "look"})["objective"], 0)


if __name__ == "__main__":
    unittest.main()
