"""The process of the python evaluator: imports the user's function once, then calls it per trial.

Embedded in the program, behind driver_values.py and driver_processes.py, as one text, which
driver_start.py runs. Standard library only, Python 3.6 or later, ASCII only (an old Python in the C
locale cannot take other text from its command line). What it uses of the standard library at all
times is imported at the top, before sys.path leads to the user's modules, which may have any name.
It talks with the launcher in JSON lines over two descriptors of its own (their numbers are in
DH_DRIVER_IN and DH_DRIVER_OUT), so that stdin, stdout and stderr stay the user's. DH_DRIVER_GUARD is
the process above all that belong to it.

  launcher: {"function": "train.run", "path": ["/folder", ...], "objectives": 1, "reals": ["lr", ...],
             "metadata_limit": 1048576}
  driver:   {"ready": true}  or  {"fatal": "ModuleNotFoundError: ..."}
  launcher: {"id": 7, "seed": 123, "retries": 0, "slot": 0, "worker": 1, "cwd": null,
             "env": {"CUDA_VISIBLE_DEVICES": "1"}, "parameters": {"lr": 0.1, "act": "relu"}}
  driver:   {"report": [step, value], "attempt": [7, 0]}     for every job.record: id and retries
            {"id": 7, "objective": O, "metadata": {...}, "cpu_seconds": ..., "peak_bytes": ..., "keep": [...]}
        or  {"id": 7, "error": "ValueError: ...", "traceback": "...", "cpu_seconds": ..., "peak_bytes": ..., "keep": [...]}
  launcher: {"stop": [7, 0]}       while that attempt runs: job.stopped() is true from then on,
                                   and after half of kill_after SIGTERM comes

Whatever else an evaluation started is killed after its answer, but for the processes in "keep"; if
any below this one were, it is replaced. O is a number, a text ("F_reason", or "nan", "inf", "-inf",
which JSON cannot write as numbers), or a list of such numbers. "reals" names the parameters that are
floats even where JSON wrote 1. Paths and variables ("path", "cwd", "env") come byte by byte, one
character each: they need not be UTF-8.
End of input ends the process. Whatever the function does (raise, exit, return nonsense) is the
outcome of that evaluation; the process lives on. The user's random state is never touched.
"""

import collections.abc
import importlib
import inspect
import json
import os
import select
import stat
import sys
import threading


class Channel:
    """JSON lines to and from the launcher. Only the process that opened it may read.

    While an evaluation runs, any thread may report and ask for a stop, for `attempt` alone: a
    thread that goes on after its evaluation finds the line cut. Only the main thread waits, and
    only while there is no attempt, so that nobody else reads then. What is sent meanwhile is short
    enough for one write. The lock is for a handler of signals, too, which may find it taken.
    """

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.owner = os.getpid()
        self.received = b""
        self.lock = threading.RLock()
        self.closed = False
        self.attempt = None  # [id, retries]; compared by identity

    def begin(self, attempt):
        self.attempt = attempt
        return attempt

    def end(self):
        """Cut off the evaluation: when this returns, no thread of its own sends or reads."""
        with self.lock:
            self.attempt = None

    def send(self, message):
        data = json.dumps(message, allow_nan=False).encode() + b"\n"
        while data:
            data = data[os.write(self.writer, data) :]

    def report(self, attempt, step, value):
        if os.getpid() != self.owner:  # a forked child: who holds the lock may not be in it
            self.lock = threading.RLock()
        with self.lock:
            if attempt is self.attempt:
                self.send({"report": [step, value], "attempt": attempt})

    def fill(self):
        """Read what is there (waits for it); at the end of input `closed` becomes true."""
        data = os.read(self.reader, 65536)
        self.received += data
        self.closed = not data

    def take(self):
        """The next whole line that has arrived, or None."""
        line, newline, rest = self.received.partition(b"\n")
        if not newline:
            return None
        self.received = rest
        return json.loads(line.decode())

    def wait(self):
        """The next message, or None at the end of input."""
        while True:
            message = self.take()
            if message is not None or self.closed:
                return message
            self.fill()

    def stop_arrived(self, attempt):
        """Is this attempt to stop (or over, or the input at its end)? Does not wait."""
        if attempt is not self.attempt:
            return True
        if os.getpid() != self.owner:
            return False
        with self.lock:
            if attempt is not self.attempt:
                return True
            while not self.closed and select.select([self.reader], [], [], 0)[0]:
                self.fill()
            messages = iter(self.take, None)
            return any(message.get("stop") == attempt for message in messages) or self.closed


class Storage:
    """As much of DeepHyper's storage as a run-function calls: metadata of its own job."""

    def __init__(self, job):
        self.job = job

    def store_job_metadata(self, job_id, key, value):
        self.job.metadata[key] = value

    def load_metadata_from_all_jobs(self, search_id, key):
        return [self.job.metadata[key]] if key in self.job.metadata else []


class Job(collections.abc.MutableMapping):
    """What the function receives: DeepHyper's RunningJob, a mapping of the parameters.

    `id` is DeepHyper's text "SEARCH.NUMBER" with search 0; `job["job_id"]` is the number, which is
    the trial's id everywhere else in dh_mpi.
    """

    def __init__(self, request, channel):
        self.id = "0.%d" % request["id"]
        self.parameters = request.get("parameters") or {}
        self.seed = request.get("seed", 0)
        self.retries = request.get("retries", 0)
        self.slot = request.get("slot", 0)
        self.worker = request.get("worker", 0)
        self.metadata = {}
        self.objective = None  # the last value recorded
        self.status = "RUNNING"
        self._channel = channel
        self._attempt = channel.begin([request["id"], self.retries])
        self._stopped = False

    @property
    def storage(self):
        return Storage(self)

    def record(self, budget, objective):
        """Report an intermediate result: `objective` after `budget` (epochs, seconds, ...). Does
        nothing once the evaluation is over."""
        self.objective = objective
        if self._channel is not None:
            step, value = number(alone(budget)), number(alone(objective))
            self._channel.report(self._attempt, step, value)

    def stopped(self):
        """Should the function end now and return what it has? True for what outlives it."""
        if not self._stopped and self._channel is not None:
            if self._channel.stop_arrived(self._attempt):  # another thread may have seen it
                self._stopped = True
        return self._stopped

    def __getitem__(self, key):
        if key == "job_id":
            return int(self.id.split(".")[-1])
        return self.parameters[key]

    def __setitem__(self, key, value):
        if key == "job_id":
            raise KeyError("the 'job_id' of a running job cannot be changed")
        self.parameters[key] = value

    def __delitem__(self, key):
        del self.parameters[key]

    def __iter__(self):
        return iter(self.parameters)

    def __len__(self):
        return len(self.parameters)

    def __repr__(self):
        return "Job(id=%s, parameters=%s)" % (self.id, self.parameters)

    def __getstate__(self):
        """A copy (deepcopy, for a forked process) has the parameters but no line to the launcher. A
        spawned process cannot find this class: it is given job.parameters."""
        state = dict(self.__dict__)
        state["_channel"] = None
        return state


def native(text):
    """The system's text (a path, a variable) whose bytes are the characters of `text`."""
    return os.fsdecode(text.encode("latin-1"))


def find_module(parts):
    """Import the longest prefix of a dotted name that is a module: (module, names left)."""
    for length in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:length])
        try:
            return importlib.import_module(name), parts[length:]
        except ModuleNotFoundError as error:
            missing = error.name or ""
            if length == 1 or not (missing == name or name.startswith(missing + ".")):
                raise
    raise ImportError("expected MODULE.FUNCTION")


def load_function(dotted, path):
    """The callable named `dotted` ("train.run", "package.module.Class.method"), in the folders
    `path` or on PYTHONPATH; what is relative there is so to the folder we are in now."""
    path = [native(folder) for folder in path]
    rest = [entry for entry in sys.path if entry not in ("", *path)]
    sys.path[:] = path + [os.path.abspath(name) if os.path.exists(name) else name for name in rest]
    target, names = find_module(dotted.split("."))
    for name in names:
        if not hasattr(target, name):
            import difflib

            near = difflib.get_close_matches(name, dir(target), 1)
            hint = "; did you mean '%s'?" % near[0] if near else ""
            place = getattr(target, "__file__", None) or dotted
            raise AttributeError("there is no '%s' in %s%s" % (name, place, hint))
        target = getattr(target, name)
    if not callable(target):
        raise TypeError("'%s' is %s, not a function" % (dotted, describe(target)))
    return target


def check_signature(dotted, function):
    """A function that cannot be called with a job would fail in every evaluation alike."""
    try:  # of what is called, not of what a decorator wraps
        signature = inspect.signature(function, follow_wrapped=False)
    except Exception:
        return  # not to be known
    extra = {"dequed": []} if takes_dequed(function) else {}
    try:
        signature.bind(None, **extra)
    except TypeError as error:
        raise TypeError(
            "'%s%s' cannot be called with a job: %s" % (dotted, signature, error)
        ) from None


def takes_dequed(function):
    """Does it take DeepHyper's `dequed` (the resources of @queued) as an argument?"""
    try:
        return "dequed" in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def call(function, job, resources):
    """Call it, and run what it returns where it is `async def`."""
    result = function(job, dequed=resources) if takes_dequed(function) else function(job)
    if hasattr(result, "__await__"):
        import asyncio

        async def finish():
            return await result

        loop = asyncio.new_event_loop()
        try:
            asyncio.set_event_loop(loop)
            return loop.run_until_complete(finish())
        finally:
            asyncio.set_event_loop(None)
            loop.close()
    return result


def set_environment(values):
    """Set variables (None: remove) and return those they replaced, in the same form."""
    before = {name: os.environ.get(name) for name in values}
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    return before


def flush():
    for stream in (sys.stdout, sys.stderr):
        whatever_happens(stream.flush)


def whatever_happens(step, *arguments):
    """What the step returns; None if it fails: a result that is there is not lost for that."""
    try:
        return step(*arguments)
    except BaseException:
        return None


def prepare(request, settings):
    """Enter the folder of the evaluation; returns the resources it is given."""
    if request.get("cwd"):
        os.chdir(native(request["cwd"]))
    for name in settings.get("reals") or ():
        if name in request["parameters"]:
            request["parameters"][name] = float(request["parameters"][name])
    variables = request.get("env") or {}
    return [native(variables[name]) for name in variables if not name.startswith("DH_")]


def end(channel, settings):
    """The function has returned or raised: what it left running is cut off."""
    if os.getpid() != channel.owner:
        os._exit(0)  # a child that the function forked fell out of it: the parent answers
    channel.end()
    put_handlers_aside(settings["handlers"])
    end_timers(settings["timers"])


class Call:
    """One call of the function, and what came of it. Whatever a handler of signals raises, at any
    moment until the handlers are put aside, is a failure of a function that has not returned, and
    nothing else."""

    def __init__(self, function, request, channel, settings):
        self.function, self.request = function, request
        self.channel, self.settings = channel, settings
        self.begun = self.returned = False
        self.job = self.value = self.failure = None

    def proceed(self):
        """Call the function, unless that was begun before, and end what it left."""
        if not self.begun:
            self.begun = True
            resources = prepare(self.request, self.settings)
            self.job = Job(self.request, self.channel)
            put_handlers_back(self.settings["handlers"])
            self.value = call(self.function, self.job, resources)
            self.returned = True
        end(self.channel, self.settings)

    def keep(self, error):
        if self.failure is None:
            self.failure = error

    def finish(self):
        """Proceed until that is through. What cuts it short may also come between two attempts, so
        there are attempts around the attempts."""
        try:
            try:
                for _ in range(100):
                    try:
                        return self.proceed()
                    except BaseException as error:  # also SystemExit and KeyboardInterrupt
                        self.keep(error)
            except BaseException as error:
                self.keep(error)
            self.proceed()
        except BaseException as error:
            self.keep(error)
            self.proceed()


def outcome(function, request, channel, settings):
    """Call the function and say what came of it. Raises only where alarms come faster than they can
    be put aside."""
    one = Call(function, request, channel, settings)
    one.finish()
    try:
        if not one.returned:
            return error_message(one.failure)
        objective, metadata = standard_result(one.value, settings.get("objectives", 1))
        metadata = metadata_of({**one.job.metadata, **metadata}, settings["metadata_limit"])
        return {"objective": objective, "metadata": metadata}
    except BaseException as error:
        return error_message(error)
    finally:
        one.failure = None  # its traceback holds this frame, and all that the function held


def evaluate(function, request, channel, settings):
    """One evaluation, in its folder and environment, which are put back afterwards."""
    variables = request.get("env") or {}
    before = set_environment({name: native(text) for name, text in variables.items()})
    measured = reset_peak()
    start = cpu_seconds()
    answer = outcome(function, request, channel, settings)
    if any(name in sys.modules for name in EXECUTORS):
        whatever_happens(end_executors)
    flush()
    answer["id"] = request["id"]
    answer["cpu_seconds"] = round(cpu_seconds() - start, 6)
    answer["peak_bytes"] = peak_bytes() if measured else 0
    answer["keep"] = still_there(settings["helpers"]) + trackers()
    set_environment(before)
    whatever_happens(os.chdir, settings["home"])  # it may be gone
    return answer


def open_channel():
    """(channel, guard). What evaluator.python names may be a script that starts the interpreter."""
    advice = "; it may name an environment's own bin/python instead"
    try:
        names = ["DH_DRIVER_IN", "DH_DRIVER_OUT", "DH_DRIVER_GUARD"]
        *descriptors, guard = [int(os.environ.pop(name)) for name in names]
    except KeyError as missing:
        sys.exit("what evaluator.python names has to pass its environment on to Python (%s is not "
                 "in it)%s" % (missing.args[0], advice))
    try:
        for descriptor in descriptors:
            if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
                raise OSError("not a pipe")
            os.set_inheritable(descriptor, False)
    except OSError as error:
        sys.exit("what evaluator.python names has to pass its open files on to Python (descriptor "
                 "%d: %s)%s" % (descriptor, error, advice))
    return Channel(*descriptors), guard


def main():
    channel, guard = open_channel()
    settings = channel.wait()
    if settings is None:
        return
    try:
        function = load_function(settings["function"], settings.get("path") or [])
        check_signature(settings["function"], function)
    except BaseException as error:
        message = error_message(error)
        channel.send({"fatal": message["error"] + "\n" + message["traceback"]})
        return
    flush()
    settings["helpers"] = started_so_far(guard)
    settings["home"] = whatever_happens(os.getcwd) or "/"
    settings["timers"], settings["handlers"] = timers_that_run(), {}
    put_handlers_aside(settings["handlers"])
    channel.send({"ready": True})
    while True:
        request = channel.wait()
        if request is None:
            return
        if "id" in request:  # a stop for an evaluation that has just ended has none to stop
            channel.send(evaluate(function, request, channel, settings))


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        pass  # the launcher is gone, and with it everything that could use an answer
    except OSError as error:  # without a line to the launcher, a thread must not keep it waiting
        os.write(2, b"the function closed files that are not its own: no result can be sent (%s)\n"
                 % str(error).encode())
        os._exit(1)
