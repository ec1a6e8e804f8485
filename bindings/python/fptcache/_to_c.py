"""Arguments on their way from Python to C."""

import contextlib
import json
import os
from typing import List

from . import _capi, _errors


def _text(value, what="text"):
    """Bytes for C; a NUL inside would silently end the text there."""
    if value is None:
        return None
    data = os.fsencode(value) if isinstance(value, os.PathLike) else str(value).encode("utf-8")
    if b"\0" in data:
        raise ValueError(f"{what} holds a NUL character")
    return data


def _milliseconds(seconds, what):
    if seconds is None:
        return 0
    if seconds < 0:
        raise ValueError(f"{what} must not be negative")
    return int(seconds * 1000) or _capi.ZERO_MS


def _choice(names, value, what):
    try:
        return names[value]
    except (KeyError, TypeError):
        raise ValueError(f"{what} is {value!r} instead of " +
                         ", ".join(name for name in names if name)) from None


def _json_text(value):
    if value is None or isinstance(value, str):
        return _text(value, "JSON")
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")


def _list_text(value, what):
    if value is None or isinstance(value, str):
        return _text(value, what)
    return _text(",".join(value), what)


@contextlib.contextmanager
def _caller(progress):
    """C's progress callback for one of Python, or None. Also without one: this is where Ctrl-C is noticed."""
    raised: List[BaseException] = []

    def call(what, done, total, _payload):
        try:
            return int(bool(progress and progress(what.decode("utf-8", "replace"), done, total)))
        except BaseException as error:  # nothing may escape into C; raised again below
            raised.append(error)
            return 1

    try:
        yield _capi.ProgressFn(call)
    except _errors.ShotgunError:
        if raised:
            raise raised[0] from None
        raise
    if raised:
        raise raised[0]
