"""Part of the driver: what this process uses, its signals, and the processes below it."""

import os
import resource
import signal
import sys
import threading
from _signal import getsignal  # signal's makes an enumeration of every number, which takes longer

PATIENCE = 5  # seconds that executors have to end
EXECUTORS = (
    "multiprocessing.forkserver",
    "joblib.externals.loky.reusable_executor",
    "loky.reusable_executor",
)


def cpu_seconds():
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def reset_peak():
    """Set the kernel's mark of peak memory back to what is in use now; False if it refuses."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        return True
    except OSError:
        return False


def peak_bytes():
    """Peak resident memory since reset_peak; 0 if not known."""
    try:
        with open("/proc/self/status") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return 0


TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)


def timers_that_run():
    return [timer for timer in TIMERS if signal.getitimer(timer)[0]]


def end_timers(spared):
    for timer in TIMERS:
        if timer not in spared:
            signal.setitimer(timer, 0)


def ignore(number, frame):
    pass


def put_handlers_aside(handlers):
    """Move the user's handlers of signals to {number: handler}: they are for his function alone. A
    late alarm is no matter of what comes after it. An interrupt is, if he left that alone."""
    spared = (ignore, signal.default_int_handler)
    for number in range(1, signal.NSIG):
        handler = getsignal(number)
        if callable(handler) and not any(handler is one for one in spared):
            handlers[number] = handler
            signal.signal(number, ignore)


def put_handlers_back(handlers):
    while handlers:
        signal.signal(*handlers.popitem())


def look_at(process):
    """(parent, start) of a living process, or None."""
    try:
        with open("/proc/%d/stat" % process, "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return None if fields[0] in (b"Z", b"X") else (int(fields[1]), int(fields[19]))
    except (ValueError, IndexError, OSError):
        return None  # it has just ended


def started_so_far(guard):
    """{process: start} of all that is below the guard: this process, those that started it and wait
    for it, where the interpreter is a script that does, and what all these started, also what made
    itself a daemon: the guard gathers those."""
    try:
        names = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return {}
    seen = {name: look for name in names for look in [look_at(name)] if look}
    found = [guard]
    for above in found:
        found += [process for process, (parent, _) in seen.items() if parent == above]
    return {process: seen[process][1] for process in found[1:]}


def still_there(helpers):
    """Those of {process: start} that have not ended; numbers are given again."""
    return [name for name, start in helpers.items() if (look_at(name) or (0, None))[1] == start]


def trackers():
    """The processes by which Python's (and loky's) multiprocessing cleans up after itself: they run
    nobody's code, end with this process, and are not to be missing in the next evaluation."""
    places = [
        ("multiprocessing.resource_tracker", "_resource_tracker"),
        ("multiprocessing.semaphore_tracker", "_semaphore_tracker"),
        ("joblib.externals.loky.backend.resource_tracker", "_resource_tracker"),
        ("loky.backend.resource_tracker", "_resource_tracker"),
    ]
    found = [getattr(sys.modules.get(name), attribute, None) for name, attribute in places]
    return [tracker._pid for tracker in found if isinstance(getattr(tracker, "_pid", None), int)]


def end_executors():
    """End the workers that joblib (scikit-learn's n_jobs) keeps for its next call, and the server
    that multiprocessing may fork from: new ones are started then, but that they were killed would
    not be noticed. What does not end in time is killed, and this process replaced."""
    ending = threading.Thread(target=end_executors_now, daemon=True)
    ending.start()
    ending.join(PATIENCE)


def end_executors_now():
    server = getattr(sys.modules.get("multiprocessing.forkserver"), "_forkserver", None)
    try:
        if getattr(server, "_forkserver_pid", None) is not None:
            server._stop()
    except BaseException:
        pass
    for name in EXECUTORS[1:]:
        executor = getattr(sys.modules.get(name), "_executor", None)
        try:
            if hasattr(executor, "terminate"):  # joblib's, which removes its temporary files
                executor.terminate(kill_workers=True)
            elif executor is not None:
                executor.shutdown(wait=True, kill_workers=True)
        except BaseException:
            pass
