"""What goes wrong on demand, and the count of what was asked."""

import collections
import heapq
import itertools
import json
import random
import re
import threading
import time
import typing

KINDS = ("latency", "429", "502", "503", "504", "504-after-commit", "reset", "reset-after-commit", "truncate",
         "expire-token", "html-403", "html-503", "hang", "late", "late-commit", "late-commit-reset")
KNOWN = {"kind", "times", "match", "ms", "retry_after", "probability"}


class Fault:
    def __init__(self, spec):
        if not isinstance(spec, dict) or spec.get("kind") not in KINDS:
            raise ValueError(f"unknown fault {json.dumps(spec)}; kinds: {', '.join(KINDS)}")
        unknown = set(spec) - KNOWN
        if unknown:
            raise ValueError(f"unknown keys in a fault: {', '.join(sorted(unknown))}; "
                             f"known: {', '.join(sorted(KNOWN))}")
        self.kind = spec["kind"]
        self.left = int(spec.get("times", 1))
        self.match = re.compile(spec.get("match") or "")
        ms = spec.get("ms", 60000 if self.kind == "hang" else 0)
        self.least, self.most = (each / 1000 for each in (ms if isinstance(ms, list) else (ms, ms)))
        self.retry_after = spec.get("retry_after")
        self.probability = float(spec.get("probability", 1.0))
        self.fired = 0

    def shown(self):
        return {"kind": self.kind, "left": self.left, "match": self.match.pattern, "fired": self.fired}


class Struck(typing.NamedTuple):
    """One fault as it strikes one request."""
    kind: str
    seconds: float
    retry_after: object


class Faults:
    """The armed faults. A request gets every matching latency, and the first matching other one."""

    def __init__(self, seed):
        self._faults = []
        self._lock = threading.Lock()
        self._random = random.Random(seed)

    def arm(self, specs):
        faults = [Fault(spec) for spec in specs]
        with self._lock:
            self._faults += faults

    def clear(self):
        with self._lock:
            self._faults = []

    def seed(self, number):
        with self._lock:
            self._random = random.Random(number)

    def shown(self):
        with self._lock:
            return [fault.shown() for fault in self._faults]

    def of(self, method, target):
        """(seconds to wait, the other fault of this request (Struck) or None)."""
        if not self._faults:
            return 0, None
        wait, other, line = 0, None, f"{method} {target}"
        with self._lock:
            for fault in self._faults:
                if fault.left == 0 or not fault.match.search(line):
                    continue
                if fault.kind != "latency" and other is not None:
                    continue
                if fault.probability < 1 and self._random.random() >= fault.probability:
                    continue
                fault.left -= fault.left > 0
                fault.fired += 1
                seconds = self._random.uniform(fault.least, fault.most)
                if fault.kind == "latency":
                    wait += seconds
                else:
                    other = Struck(fault.kind, seconds, fault.retry_after)
            self._faults = [fault for fault in self._faults if fault.left != 0]
        return wait, other


class Later:
    """What is done some time after its caller was answered, by a thread of its own."""

    def __init__(self):
        self._heap, self._order = [], itertools.count()
        self._change = threading.Condition()
        self._done, self._under_way, self._thread = 0, 0, None

    def after(self, seconds, work):
        with self._change:
            heapq.heappush(self._heap, (time.monotonic() + seconds, next(self._order), work))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
            self._change.notify()

    def _run(self):
        while True:
            with self._change:
                while not self._heap or self._heap[0][0] > time.monotonic():
                    self._change.wait(self._heap[0][0] - time.monotonic() if self._heap else None)
                work = heapq.heappop(self._heap)[2]
                self._under_way = 1
            work()
            with self._change:
                self._done, self._under_way = self._done + 1, 0

    def shown(self):
        with self._change:
            return {"waiting": len(self._heap) + self._under_way, "done": self._done}


class Journal:
    """Counts requests by kind, keeps the last thousand, and writes each to a file if there is one."""

    def __init__(self, path=None):
        self._lock = threading.Lock()
        self._stream = open(path, "a", encoding="utf-8", buffering=1) if path else None
        self.reset()

    def reset(self):
        with self._lock:
            self.total = 0
            self.by_kind = collections.Counter()
            self.log = collections.deque(maxlen=1000)

    def add(self, kind, method, path, status, rows, started):
        """Counts a request before it is answered: who has its reply finds it here."""
        with self._lock:
            self.total += 1
            self.by_kind[kind] += 1
            entry = {"n": self.total, "method": method, "path": path, "status": status, "kind": kind, "rows": rows,
                     "at": round(started, 3), "ms": round((time.time() - started) * 1000, 1), "bytes": 0}
            self.log.append(entry)
            return entry

    def end(self, entry, status, size):
        """What became of the reply."""
        with self._lock:
            entry.update(status=status, bytes=size, ms=round((time.time() - entry["at"]) * 1000, 1))
            if self._stream:
                self._stream.write(json.dumps(entry) + "\n")

    def shown(self):
        with self._lock:
            return {"total": self.total, "by_kind": dict(self.by_kind), "log": list(self.log)}
