"""Tests of src/eval/driver*.py on what users' functions take and return: see driver_bench.py."""

import json
import math
import os
import sys
import unittest

sys.dont_write_bytecode = True

from driver_bench import DriverCase  # noqa: E402


class DriverTest(DriverCase):
    # Loading

    def test_missing_module(self):
        self.assertIn("ModuleNotFoundError: No module named 'nowhere'", self.fatal("nowhere.run"))

    def test_missing_dependency_is_named(self):
        self.write("needs.py", "import not_installed_anywhere\n")
        text = self.fatal("needs.run")
        self.assertIn("not_installed_anywhere", text.splitlines()[0])
        self.assertIn("needs.py", text)

    def test_missing_dependency_below_a_package(self):
        self.write("package/__init__.py", "")
        self.write("package/inner.py", "import package.not_there\n")
        self.assertIn("package.not_there", self.fatal("package.inner.run").splitlines()[0])

    def test_missing_function_names_the_nearest(self):
        self.assertIn("did you mean 'mapping'", self.fatal("user.maping"))

    def test_not_callable(self):
        self.assertIn("not a function", self.fatal("user.not_callable"))

    def test_signature(self):
        self.write("two.py", "def run(job, extra): return 1.0\ndef none(): return 1.0\n"
                   "def fine(job, extra=0, *rest, **more): return 2.0\n")
        self.assertIn("'two.run(job, extra)' cannot be called with a job: missing a required "
                      "argument: 'extra'", self.fatal("two.run"))
        self.assertIn("too many positional arguments", self.fatal("two.none"))
        self.assertEqual(self.start("two.fine").answer(0)["objective"], 2.0)
        self.write("wrap.py", '''
            import functools
            def spread(inner):
                @functools.wraps(inner)
                def outer(job):
                    return inner(**job.parameters, scale=2)
                return outer
            @spread
            def run(x, scale):
                return x * scale
            ''')
        answer = self.start("wrap.run").answer(0, parameters={"x": 4.0})
        self.assertEqual(answer["objective"], 8.0)

    def test_module_alone(self):
        self.assertIn("expected MODULE.FUNCTION", self.fatal("user"))

    def test_syntax_error_and_exit_while_importing(self):
        self.write("broken.py", "def run(job:\n")
        self.assertIn("SyntaxError", self.fatal("broken.run"))
        self.write("exits.py", "raise SystemExit(2)\n")
        self.assertIn("SystemExit: 2", self.fatal("exits.run"))

    def test_dotted_names(self):
        self.write("package/__init__.py", "")
        self.write("package/inner.py", "class Net:\n    @classmethod\n    def run(cls, job): return 4\n")
        for name, expected in (("user.Model.fit", 0.1), ("user.model.bound", 0.2),
                               ("package.inner.Net.run", 4)):
            self.assertEqual(self.start(name).answer()["objective"], expected, name)

    # Values

    def test_numbers(self):
        launcher = self.start("user.number")
        for kind, expected in (("int", 3), ("bool", 1), ("decimal", 0.25), ("nan", "nan"),
                               ("inf", "inf"), ("minus", "-inf")):
            self.assertEqual(launcher.answer(1, {"kind": kind})["objective"], expected, kind)

    def test_return_values(self):
        launcher = self.start("user.value")
        cases = (
            ("0.5", 0.5, {}),
            ("(0.5,)", [0.5], {}),
            ("Array([[0.5]])", 0.5, {}),
            ("(Array([[0.5]]),)", [0.5], {}),
            ("'F_nan'", "F_nan", {}),
            ("'Failed'", "F_Failed", {}),
            ("{'objective': 2}", 2, {}),
            ("{'objective': 2, 'metadata': {'a': 1}}", 2, {"a": 1}),
            ("{'objective': 'F_x', 'metadata': {'a': [1, None]}}", "F_x", {"a": [1, None]}),
            ("{'output': {'objective': 2, 'metadata': {'a': 1}}, 'metadata': {'b': 2}}", 2,
             {"a": 1, "b": 2}),
            ("{'output': 3, 'metadata': {'b': 2}}", 3, {"b": 2}),
            ("{'objective': 2, 'metadata': {'f': math.nan, 1: {2}, 'c': 1j}}", 2,
             {"f": "nan", "1": "{2}", "c": "1j"}),
        )
        for text, objective, metadata in cases:
            answer = launcher.answer(1, {"text": text})
            self.assertEqual(answer.get("objective"), objective, (text, answer))
            self.assertEqual(answer["metadata"], metadata, text)

    def test_bad_return_values(self):
        launcher = self.start("user.value")
        for text, expected in (
            ("None", "returned None, expected a number"),
            ("'abc'", "returned the text 'abc'"),
            ("''", "returned the text ''"),
            ("(1, 2)", "returned 2 values, expected a number"),
            ("[]", "returned 0 values"),
            ("{}", "returned a dict without 'objective' (it has: nothing)"),
            ("{'loss': 1}", "it has: loss"),
            ("{'objective': None}", "returned None"),
            ("{'objective': 1, 'metadata': 3}", "returned metadata that is int 3"),
            ("object", "returned type"),
            ("1j", "complex"),
            ("10 ** 400", "OverflowError"),
            ("[[1]]", "expected a number, got list"),
            ("Array([[1, 2]])", "returned 2 values"),
            ("Array([[1], [2]])", "returned 2 values"),
            ("Array([])", "returned 0 values"),
        ):
            answer = launcher.answer(1, {"text": text})
            self.assertIn(expected, answer.get("error", ""), (text, answer))

    def test_several_objectives(self):
        launcher = self.start("user.value", objectives=2)
        self.assertEqual(launcher.answer(1, {"text": "(1, math.nan)"})["objective"], [1, "nan"])
        self.assertEqual(launcher.answer(1, {"text": "[1, 'F_b']"})["objective"], "F_b")
        for text in ("1.0", "(1, 2, 3)"):
            answer = launcher.answer(1, {"text": text})
            self.assertIn("expected 2 numbers", answer["error"])

    def test_numpy(self):
        try:
            import numpy  # noqa: F401
        except ImportError:
            self.skipTest("no numpy")
        launcher = self.start("user.value")
        for text, expected in (("float32(0.5)", 0.5), ("int64(3)", 3), ("bool_(True)", 1),
                               ("array(0.25)", 0.25), ("array([0.25])", 0.25), ("array([[0.25]])", 0.25),
                               ("nan", "nan")):
            answer = launcher.answer(1, {"text": "__import__('numpy')." + text})
            self.assertEqual(answer.get("objective"), expected, (text, answer))
        text = "{'objective': 1, 'metadata': {'n': __import__('numpy').arange(3)}}"
        self.assertEqual(launcher.answer(1, {"text": text})["metadata"], {"n": [0, 1, 2]})

    def test_metadata_that_cannot_be_sent(self):
        launcher = self.start("user.value")
        answer = launcher.answer(1, {"text": "{'objective': 1, 'metadata': {'x': 'y' * 2000000}}"})
        self.assertEqual(answer["objective"], 1)
        self.assertEqual(answer["metadata"],
                         {"metadata_dropped": "over metadata_limit: x (2000007 bytes)"})
        cyclic = "(lambda a: [a.append(a), {'objective': 1, 'metadata': {'a': a}}][1])([])"
        self.assertEqual(launcher.answer(2, {"text": cyclic})["objective"], 1)

    def test_one_entry_of_metadata_costs_no_other(self):
        launcher = self.start("user.value", metadata_limit=1000)
        answer = launcher.answer(1, {"text": "{'objective': 1, 'metadata': {'a': 0.5, 'b': Sparse(), "
                                             "'c': [1, Sparse()], 'd': 'y' * 900, 'e': 'z' * 50}}"})
        metadata = answer["metadata"]
        text = "a Sparse without a plain value (RuntimeError: no values)"
        self.assertEqual({name: metadata.get(name) for name in "abcde"}, {
            "a": 0.5, "b": text, "c": [1, text], "d": None, "e": "z" * 50})
        self.assertEqual(metadata["metadata_dropped"], "over metadata_limit: d (907 bytes)")
        many = "{'objective': 1, 'metadata': dict({str(i): i for i in range(2000)}, last='z' * 500)}"
        metadata = launcher.answer(2, {"text": many})["metadata"]
        self.assertLessEqual(len(json.dumps(metadata, separators=(",", ":"))), 1000)
        self.assertTrue(metadata["metadata_dropped"].startswith("over metadata_limit: last (510 "))
        self.assertRegex(metadata["metadata_dropped"], r", and \d+ more$")
        self.assertEqual(metadata["0"], 0)
        wide = "{'objective': 1, 'metadata': {'a': '\\u0436' * 450}}"  # 900 bytes of UTF-8
        self.assertEqual(launcher.answer(3, {"text": wide})["metadata"], {"a": "\u0436" * 450})

    def assert_every_reader_takes(self, message):
        """Jansson, say: integers of 64 bits, and texts that UTF-8 can carry, without NUL."""
        if isinstance(message, dict):
            for item in [*message, *message.values()]:
                self.assert_every_reader_takes(item)
        elif isinstance(message, list):
            for item in message:
                self.assert_every_reader_takes(item)
        elif isinstance(message, int):
            self.assertTrue(-2**63 <= message < 2**63, message)
        elif isinstance(message, str):
            self.assertNotIn("\0", message)
            message.encode()

    def test_what_readers_of_json_refuse(self):
        launcher = self.start("user.value")
        cases = (
            ("[2**63 - 1, -2**63, 2**63, -2**63 - 1, True]",
             [2**63 - 1, -2**63, str(2**63), str(-2**63 - 1), True]),
            ("{2**64: 'caf\\udce9', 'caf\\udce9\\0': ['\\0']}",
             {str(2**64): "caf\\udce9", "caf\\udce9\\x00": ["\\x00"]}),
            ("'caf\\xe9 \\U0001f600'", "caf\xe9 \U0001f600"),
            ("type('Name', (str,), {})('\\udce9')", "\\udce9"),
        )
        for text, kept in cases:
            text = "{'objective': 2**70, 'metadata': {'m': %s}}" % text
            answer = launcher.answer(1, {"text": text})
            self.assert_every_reader_takes(answer)
            self.assertEqual(answer["objective"], 2.0**70)
            self.assertEqual(answer["metadata"]["m"], kept, text)
        answer = launcher.answer(1, {"text": "'F_a\\0b\\udce9'"})
        self.assertEqual(answer["objective"], "F_a\\x00b\\udce9")
        for text in ("open('/nonexistent/caf\\udce9')",
                     "(_ for _ in ()).throw(ValueError('a\\0\\udce9'))",
                     "{'objective': 1, 'metadata': 'caf\\udce9'}"):
            answer = launcher.answer(1, {"text": text})
            self.assert_every_reader_takes(answer)
            self.assertIn("udce9", answer["error"])
        launcher.ask(1, {"text": "[job.record(Array([1]), Array([[2.0]])), 1][-1:]"})
        self.assertEqual(launcher.receive()["report"], [1, 2])
        self.assertEqual(launcher.receive()["objective"], [1])
        launcher.ask(1, {"text": "[job.record(2**63, 2**64), job.record(-2**70, math.inf), 1][-1:]"})
        for expected in ([2.0**63, 2.0**64], [-2.0**70, "inf"]):
            message = launcher.receive()
            self.assertEqual(message, {"report": expected, "attempt": [1, 0]})
            self.assertIsInstance(message["report"][0], float)
        self.assertEqual(launcher.receive()["objective"], [1])
        answer = launcher.answer(1, {"text": "job.record(1, 'caf\\udce9')"})
        self.assert_every_reader_takes(answer)
        self.assertIn("expected a number", answer["error"])

    def test_import_error_with_a_name_of_another_encoding(self):
        self.write("latin.py", "raise ValueError('no file caf\\udce9')\n")
        text = self.fatal("latin.run")
        self.assert_every_reader_takes(text)
        self.assertIn("ValueError: no file caf\\udce9\n", text)

    # The job

    def test_job(self):
        answer = self.start("user.attributes").answer(7, retries=2, slot=3)
        self.assertEqual(answer["id"], 7)
        self.assertEqual(answer["metadata"], {"id": "0.7", "number": 7, "seed": 5, "slot": 3,
                                              "worker": 1, "retries": 2, "type": "float"})

    def test_plain_mapping(self):
        self.assertEqual(self.start("user.mapping").answer(0, {"lr": 2})["objective"], 3)

    def test_reals_are_floats(self):
        launcher = self.start("user.attributes", reals=["lr", "absent"])
        self.assertEqual(launcher.answer(0, {"lr": 1})["metadata"]["type"], "float")
        launcher = self.start("user.attributes")
        self.assertEqual(launcher.answer(0, {"lr": 1})["metadata"]["type"], "int")

    def test_records(self):
        launcher = self.start("user.records")
        launcher.ask(4)
        for step, value in ((0, 0), (1, 0.5), (2, 1), (3, "nan")):
            self.assertEqual(launcher.receive()["report"], [step, value])
        self.assertEqual(launcher.receive()["objective"], "nan")

    def test_stop(self):
        launcher = self.start("user.until_stopped")
        launcher.ask(4)
        self.assertEqual(launcher.receive()["report"], [0, 0])
        launcher.send({"stop": [4, 0]})
        while True:
            message = launcher.receive()
            if "report" not in message:
                break
        self.assertEqual(message["id"], 4)
        # A stop that comes too late does not stop the next one, nor does another's.
        launcher.send({"stop": [4, 0]})
        launcher.ask(5, retries=1)
        self.assertEqual(launcher.receive(), {"report": [0, 0], "attempt": [5, 1]})
        launcher.send({"stop": [5, 0]})
        launcher.send({"stop": [4, 1]})
        for step in range(1, 20):
            self.assertEqual(launcher.receive(), {"report": [step, 0], "attempt": [5, 1]})
        launcher.send({"stop": [5, 1]})
        message = launcher.receive()
        while "report" in message:
            message = launcher.receive()
        self.assertEqual(message["id"], 5)

    def test_end_of_input_stops_a_polite_function(self):
        launcher = self.start("user.until_stopped")
        launcher.ask(4)
        launcher.receive()
        self.assertEqual(launcher.close()[0], 0)

    def test_asynchronous(self):
        launcher = self.start("user.asynchronous")
        for trial in range(2):
            self.assertEqual(launcher.answer(trial)["objective"], 0.1)

    def test_dequed(self):
        launcher = self.start("user.dequed")
        answer = launcher.answer(env={"CUDA_VISIBLE_DEVICES": "1", "DH_ID": "0"})
        self.assertEqual(answer["objective"], 1)

    def test_storage_metadata(self):
        self.assertEqual(self.start("user.stored").answer()["metadata"], {"foo": 7})

    def test_copies(self):
        self.assertEqual(self.start("user.pickled").answer().get("objective"), 1)

    # Surroundings

    def test_traceback_names_the_users_line(self):
        answer = self.start("user.lr").answer(1, {"act": "relu"})
        self.assertEqual(answer["error"], "KeyError: 'lr'")
        self.assertIn("user.py", answer["traceback"])

    def test_surroundings_are_put_back(self):
        launcher = self.start("user.surroundings")
        place = os.path.realpath(self.folder)
        seen = launcher.answer(0, cwd=place, env={"GPU": "2"})["metadata"]
        self.assertEqual(seen, {"cwd": place, "gpu": "2", "child": "2", "seen": []})
        after = launcher.answer(1)["metadata"]
        self.assertEqual((after["cwd"], after["gpu"]), (os.getcwd(), None))
        answer = launcher.answer(2, cwd="/nowhere/at/all")
        self.assertIn("/nowhere/at/all", answer["error"])

    def test_output_stays_the_users(self):
        launcher = self.start("user.noisy")
        self.assertEqual(launcher.answer()["objective"], 0)
        code, out, err = launcher.close()
        self.assertEqual((code, out, err), (0, "to stdout\n", "to stderr\n"))

    def test_measures(self):
        launcher = self.start("user.greedy")
        large = launcher.answer(0, {"megabytes": 200})
        small = launcher.answer(1, {"megabytes": 1})
        self.assertGreater(large["cpu_seconds"], 0)
        if large["peak_bytes"]:
            self.assertGreater(large["peak_bytes"], 200 << 20)
            self.assertLess(small["peak_bytes"], 150 << 20)

    def test_random_state_is_the_users(self):
        launcher = self.start("user.changed_random")
        self.assertNotEqual(launcher.answer(0)["objective"], launcher.answer(0)["objective"])


if __name__ == "__main__":
    unittest.main()
