"""Results: what C's hold, as Python has it, and rows one after the other."""

import ctypes
import json
import os
import threading
import weakref
from collections.abc import Sequence
from typing import Any, Dict, NamedTuple, Optional

from . import _capi, _errors

_lib = _capi.load()

_SOURCES = {0: "", 1: "cache", 2: "upstream", 3: "stale"}
_CHANGES = {1: "row", 2: "gone", 3: "moved"}


class Change(NamedTuple):
    """What happened to a row: kind is "row" (created or changed), "gone" (deleted) or "moved"."""

    version: int
    kind: str
    type: str
    id: int
    row: Optional[Dict[str, Any]]
    moved_to: Optional[str]


class Result(Sequence):
    """Rows, and what is known about them as an answer.

    source: "cache", "upstream" (FPT, just now) or "stale" (older than asked for: FPT could not be asked)
    age: seconds since it was provably what FPT would have said
    complete: whether it is all that FPT would have said at that time
    warnings: what FPT would have dropped or done silently, sentence by sentence
    event_id: of a write: repeats it safely
    pending: of a write behind: it is durable, and FPT does not have it yet
    pending_ids: of rows that are not, or not like this, in FPT yet
    """

    def __init__(self, rows, source="", age=0.0, complete=False, warnings=(), event_id=None):
        self.rows = rows
        self.source = source
        self.age = age
        self.complete = complete
        self.warnings = list(warnings)
        self.event_id = event_id
        self.pending = False
        self.pending_ids = []

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return self.rows[index]

    def __repr__(self):
        state = "complete" if self.complete else "not complete"
        return f"<fptcache.Result: {len(self.rows)} rows, {self.source or 'no source'}, {self.age:.1f} s old, {state}>"


class Rows:
    """Rows one after the other, in memory that does not grow with their number: an iterator, to be read
    once. It holds the state of the cache as it was when it was asked for, and outlives close().

    source, age, complete: as of a Result; warnings: what is known so far
    columns: names of the fields, in order
    """

    def __init__(self, result):
        self._pointer = result
        self._pid = os.getpid()
        self._finalizer = weakref.finalize(self, _free_result, result, self._pid)
        self._turn = threading.Lock()
        self.source = _SOURCES.get(_lib.fptc_result_source(result), "")
        self.age = _lib.fptc_result_age_ms(result) / 1000
        self.complete = _lib.fptc_result_is_complete(result) == 1
        self.warnings = _warnings(result)
        self.columns = [_lib.fptc_result_field(result, at).decode()
                        for at in range(_lib.fptc_result_n_fields(result))]

    def __iter__(self):
        return self

    def __next__(self):
        if os.getpid() != self._pid:
            raise _errors.from_status("FPTC_EFORK", _capi.STATUS["FPTC_EFORK"],
                                      "these rows belong to the parent of this process")
        with self._turn:
            if not self._finalizer.alive:
                raise StopIteration
            status = _lib.fptc_result_next(self._pointer)
            if status == _capi.STATUS["FPTC_OK"]:
                return copy_json(_lib.fptc_result_row_json, self._pointer)
            self.warnings = _warnings(self._pointer)
            self._finalizer()
        if status == _capi.STATUS["FPTC_END"]:
            raise StopIteration
        why = self.warnings[-1] if self.warnings else "the rows could not be read"
        raise _errors.from_status(_capi.status_name(status), status, why)

    def close(self):
        """Stops reading. May be done again."""
        if os.getpid() == self._pid:
            with self._turn:
                self._finalizer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _free_result(pointer, owner_pid):
    if os.getpid() == owner_pid:
        _lib.fptc_result_free(pointer)


def _warnings(result):
    text = (_lib.fptc_result_warnings(result) or b"").decode("utf-8", "replace")
    return [line for line in text.split("\n") if line]


def copy_json(function, result):
    length = ctypes.c_size_t(0)
    text = function(result, ctypes.byref(length))
    if not text:
        raise MemoryError("libfptcache had no memory for the JSON of a result")
    return json.loads(ctypes.string_at(text, length.value).decode("utf-8"))


def copy_rows(result, pending_ids):
    rows = []
    while _lib.fptc_result_next(result) == 0:
        rows.append(copy_json(_lib.fptc_result_row_json, result))
        if _lib.fptc_result_is_pending(result):
            pending_ids.append(_lib.fptc_result_id(result))
    return rows


def copy_result(result):
    event_id = (_lib.fptc_result_event_id(result) or b"").decode()
    pending_ids = []
    copy = Result(copy_rows(result, pending_ids), _SOURCES.get(_lib.fptc_result_source(result), ""),
                  _lib.fptc_result_age_ms(result) / 1000, _lib.fptc_result_is_complete(result) == 1,
                  _warnings(result), event_id or None)
    copy.pending_ids = pending_ids
    return copy


def copy_changes(result):
    changes = []
    while _lib.fptc_result_next(result) == 0:
        kind = _CHANGES.get(_lib.fptc_result_change(result), "row")
        moved_to = _lib.fptc_result_text(result, b"moved_to") if kind == "moved" else None
        row = copy_json(_lib.fptc_result_row_json, result) if kind == "row" else None
        changes.append(Change(_lib.fptc_result_version(result), kind, _lib.fptc_result_type(result).decode(),
                              _lib.fptc_result_id(result), row, moved_to.decode() if moved_to else None))
    return changes


def copy_document(result):
    return copy_json(_lib.fptc_result_json, result)


class Output:
    """A pointer that a call fills, freed whatever happens then."""

    def __init__(self, pointer_type, free):
        self.pointer = pointer_type()
        self.free = free

    def __enter__(self):
        return self.pointer

    def __exit__(self, *_):
        self.free(self.pointer)


def new():
    return Output(_capi.R, _lib.fptc_result_free)
