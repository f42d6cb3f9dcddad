"""Part of the driver: what a function returns or raises, as the launcher's JSON can carry it.

Texts of values and exceptions are the user's code, too, which may raise anything, as SystemExit.
"""

import collections.abc
import json
import math
import traceback

TRACEBACK_LIMIT = 8000  # characters kept of a traceback (its end)
ERROR_LIMIT = 1000  # characters kept of an exception's text
DROPPED_NAMES = 20  # of metadata over the limit, that the note about it has
DEPTH_LIMIT = 20  # of nesting in metadata; deeper (or cyclic) values become text


def plain(value):
    """numpy, torch, pandas and tensorflow values as Python's own, without importing any."""
    if hasattr(value, "numpy") and not hasattr(value, "tolist"):
        value = value.numpy()
    return value.tolist() if hasattr(value, "tolist") else value


def alone(value):
    """As plain; and an array of one value, of whatever shape, is that value, as its item()."""
    inner = plain(value)
    while inner is not value and isinstance(inner, list) and len(inner) == 1:
        inner = inner[0]
    return inner


def number(value):
    """A number as JSON can carry it: a finite float, or "nan", "inf", "-inf"."""
    if isinstance(value, (str, bytes)) or not hasattr(value, "__float__"):
        raise TypeError("expected a number, got %s" % describe(value))
    value = float(value)
    return value if math.isfinite(value) else str(value)


def clean(text):
    """A text that every reader of JSON takes: NUL and lone surrogates (which names of files in
    another encoding have) are written out, as "\\udce9"."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def describe(value):
    """A value for a message: its type, and how it begins."""
    if value is None:
        return "None"
    try:
        text = repr(value)
    except BaseException:
        text = "..."
    return "%s %s" % (type(value).__name__, text if len(text) <= 80 else text[:80] + "...")


def failure_text(value):
    """The text of a returned failure: "F_reason". DeepHyper takes any text that begins with F."""
    if not value.startswith("F"):
        raise TypeError("returned the text %r, expected a number or \"F_reason\"" % value[:80])
    return clean(value if value.startswith("F_") else "F_" + value)[:ERROR_LIMIT]


def objectives_of(value, count):
    """The returned objective(s) as the launcher expects them; raises if they are none."""
    value = alone(value)
    if value is None:
        raise TypeError("returned None, expected %s" % wanted(count))
    if isinstance(value, str):
        return failure_text(value)
    if isinstance(value, (list, tuple)):
        values = [alone(item) for item in value]
        failures = [item for item in values if isinstance(item, str)]
        if failures:
            return failure_text(failures[0])
        if len(values) != count:
            raise TypeError("returned %d values, expected %s" % (len(values), wanted(count)))
        return [number(item) for item in values]
    if not hasattr(value, "__float__"):
        raise TypeError("returned %s, expected %s" % (describe(value), wanted(count)))
    if count != 1:
        raise TypeError("returned one value, expected %s" % wanted(count))
    return number(value)


def wanted(count):
    return "a number" if count == 1 else "%d numbers, one for each objective" % count


def standard_result(value, count):
    """Split a return value of DeepHyper's standard into objective(s) and metadata."""
    metadata = {}
    for key in ("output", "objective"):  # "output" is what DeepHyper's @profile wraps around
        if isinstance(value, collections.abc.Mapping):
            extra = value.get("metadata")
            if isinstance(extra, collections.abc.Mapping):
                metadata.update(extra)
            elif extra is not None:
                raise TypeError("returned metadata that is %s, not a dict" % describe(extra))
            if key in value:
                value = value[key]
            elif key == "objective":
                keys = ", ".join(str(name) for name in value) or "nothing"
                raise TypeError("returned a dict without 'objective' (it has: %s)" % keys[:200])
    return objectives_of(value, count), metadata


def jsonable(value, depth=0):
    """Any value as JSON; what JSON cannot say becomes text, as do integers beyond 64 bits. What
    cannot be asked for its values (a sparse tensor) costs nothing beside it."""
    try:
        return form_of(value, depth)
    except BaseException as error:
        return "a %s without a plain value (%s)" % (type(value).__name__, error_text(error)[:200])


def form_of(value, depth):
    value = plain(value) if not isinstance(value, type) else value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or type(value) in (bool, float):
        return value
    if type(value) is int and -(2**63) <= value < 2**63:
        return value
    if depth < DEPTH_LIMIT and isinstance(value, collections.abc.Mapping):
        return {clean(str(key)): jsonable(item, depth + 1) for key, item in value.items()}
    if depth < DEPTH_LIMIT and isinstance(value, (list, tuple)):
        return [jsonable(item, depth + 1) for item in value]
    try:
        return clean(str(value))
    except BaseException as error:
        return "a %s whose text failed: %s" % (type(value).__name__, type(error).__name__)


def metadata_of(values, limit):
    """Metadata ready to send; what cannot be sent is replaced by a note, never the result's loss."""
    try:
        return within({clean(str(key)): jsonable(item, 1) for key, item in values.items()}, limit)
    except BaseException as error:
        return {"metadata_dropped": error_text(error)}


def bytes_of(values):
    text = json.dumps(values, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    return len(text.encode("utf-8", "replace"))


def within(metadata, limit):
    """Of more than `limit` bytes the largest entries are left out, and named: as in metadata.c."""
    size, dropped = bytes_of(metadata), []
    if size <= limit:
        return metadata
    sizes = {key: bytes_of({key: item}) - 1 for key, item in metadata.items()}
    for key in sorted(sizes, key=lambda key: (-sizes[key], key)):
        if size + bytes_of(note_of(dropped, sizes)) <= limit:
            break
        size -= sizes[key]
        dropped.append(key)
    gone = set(dropped)
    kept = {key: item for key, item in metadata.items() if key not in gone}
    return {**kept, **note_of(dropped, sizes)}


def note_of(dropped, sizes):
    texts = ["%s (%d bytes)" % (key if len(key) <= 80 else key[:80] + "...", sizes[key])
             for key in dropped[:DROPPED_NAMES]]
    if len(dropped) > DROPPED_NAMES:
        texts.append("and %d more" % (len(dropped) - DROPPED_NAMES))
    return {"metadata_dropped": "over metadata_limit: " + ", ".join(texts)}


def error_text(error):
    try:
        text = str(error)
    except BaseException:
        text = ""
    name = type(error).__name__
    return clean("%s: %s" % (name, text) if text else name)[:ERROR_LIMIT]


def error_message(error):
    """The two fields that describe an exception, without the driver's own frames."""
    try:
        frames = error.__traceback__
        while frames and frames.tb_frame.f_code.co_filename == error_message.__code__.co_filename:
            frames = frames.tb_next
        lines = traceback.format_exception(type(error), error, frames)
        tail = clean("".join(lines))[-TRACEBACK_LIMIT:]
    except BaseException:
        tail = ""
    return {"error": error_text(error), "traceback": tail}
