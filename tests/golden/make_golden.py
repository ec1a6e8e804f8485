#!/usr/bin/env python3
"""Writes golden caches, byte by byte from lib/FORMAT.md, without the library.

Usage: make_golden.py NAME...    into tests/golden/NAME.tar.gz

A file that is there is never written again: what a version once wrote stays as it is. A new case gets a new name,
and its outcome is written down by: FPTC_GOLDEN_WRITE=1 python3 tests/golden/test_golden.py (look at it before it is kept).
"""

import gzip
import io
import json
import pathlib
import sqlite3
import struct
import sys
import tarfile
import tempfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent
ROWS, GONE, MUTATE, ATTEMPT, SETTLE, REFUSE, COVER, QUERY, CONFIG, BASE, USAGE, LOST = 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 14
DECIDE = 15
ASOF = 1763781234567
TYPES = {"code": "text", "sg_cut_in": "number", "updated_at": "date_time"}
EVENT = "0123456789abcdef0123456789abcdef"


def checksum(data):
    return zlib.crc32(data) << 32 | zlib.adler32(data)


def seal(data):
    return data + struct.pack("<Q", checksum(data))


def frame(kind, body, flags=0, deflate=False):
    plain = json.dumps(body, separators=(",", ":")).encode()
    stored = zlib.compress(plain) if deflate else plain
    return struct.pack("<HHIII", kind, flags | deflate, len(stored), len(plain), zlib.crc32(stored)) + stored


def commit(number, records, prev=0, partition="project-101", version=1, features=0, header=256):
    """One file in commit format; records are bytes from frame()."""
    payload = b"".join(records)
    head = struct.pack("<8sHHIQQqIIQ64s68s64s", b"FPTCLOG1", version, header, features, number, prev, 4711,
                       len(records), 0, len(payload), partition.encode(), b"golden", b"golden.example")
    head += struct.pack("<I", zlib.crc32(head))
    return seal(head + bytes(header - 256) + payload)


def rows(*ids, seen=0, code="sh"):
    return frame(ROWS, {"type": "Shot", "seen": seen, "asof": ASOF, "types": TYPES,
                        "rows": [{"id": n, "code": f"{code}{n:03d}", "sg_cut_in": 1000 + n,
                                  "updated_at": "2026-01-01T00:00:00Z"} for n in ids]})


def cover(**more):
    return frame(COVER, {"type": "Shot", "types": TYPES, "asof": ASOF, "mark": "2026-01-02T00:00:00Z", "max_id": 9,
                         "audited": ASOF, **more})


def field(data_type):
    return {"name": {"value": "x", "editable": True}, "data_type": {"value": data_type, "editable": False},
            "editable": {"value": True, "editable": False}, "properties": {}}


# Believed for a long time, so that nothing has to be asked.
SCHEMA = [frame(CONFIG, {"key": "schema", "value": {"Shot": {"name": {"value": "Shot"}, "visible": {"value": True}}},
                         "asof": 4102444800000}),
          frame(CONFIG, {"key": "schema:Shot", "value": {**{name: field(kind) for name, kind in TYPES.items()},
                                                         "id": field("number"), "project": field("entity")},
                         "asof": 4102444800000})]


class Cache:
    def __init__(self, info=None):
        info = info or {"format": 1, "site": "https://golden.example", "realm": "script:golden"}
        self.files = {"fptcache.json": (json.dumps(info, separators=(",", ":")) + "\n").encode()}
        self.last = {}

    def put(self, path, data):
        self.files[path] = data

    def append(self, *records, partition="project-101", **how):
        number = self.last.get(partition, (0, 0))[0] + 1
        data = commit(number, records, self.last.get(partition, (0, 0))[1], partition, **how)
        self.put(f"partitions/{partition}/log/{number:016d}", data)
        self.last[partition] = number, struct.unpack("<Q", data[-8:])[0]
        return number

    def base(self, number, snapshot=None, rollups=(), prev=0, **how):
        body = {"upto": number, "snapshot": snapshot, "rollups": list(rollups), "asof": ASOF, "prev": f"{prev:016x}"}
        self.put(f"partitions/project-101/bases/{number:016d}", commit(number, [frame(BASE, body)], prev, **how))

    def file(self, name, data, **members):
        self.put(f"partitions/project-101/files/{name}", data)
        return {"name": name, "bytes": len(data), "checksum": f"{checksum(data):016x}", **members}

    def log(self, number):
        return self.files[f"partitions/project-101/log/{number:016d}"]

    def write(self, name):
        path = HERE / f"{name}.tar.gz"
        with open(path, "xb") as stream, gzip.GzipFile("", "wb", 9, stream, 0) as packed, \
                tarfile.open(fileobj=packed, mode="w") as tar:
            for member, data in sorted(self.files.items()):
                info = tarfile.TarInfo(member)
                if isinstance(data, str):
                    info.type, info.linkname, data = tarfile.SYMTYPE, data, b""
                info.size, info.mtime, info.mode = len(data), ASOF // 1000, 0o644
                tar.addfile(info, io.BytesIO(data))
        print(path, path.stat().st_size)


# --- a snapshot by any SQLite: pages of 8192 bytes with 8 reserved ones

TABLES = """
CREATE TABLE _fptc_format(format INTEGER NOT NULL, partition TEXT NOT NULL, upto INTEGER NOT NULL);
CREATE TABLE _fptc_field(type TEXT NOT NULL, field TEXT NOT NULL, data_type TEXT NOT NULL, PRIMARY KEY(type, field)) WITHOUT ROWID;
CREATE TABLE _fptc_fieldset(no INTEGER PRIMARY KEY, type TEXT NOT NULL, fields TEXT NOT NULL);
CREATE TABLE _fptc_cover(type TEXT PRIMARY KEY, fieldset INTEGER, asof INTEGER, mark TEXT, max_id INTEGER, audited INTEGER, commit_no INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE _fptc_query(hash TEXT PRIMARY KEY, text TEXT, type TEXT, touches TEXT, fieldset INTEGER, ids TEXT, asof INTEGER, commit_no INTEGER NOT NULL);
CREATE TABLE _fptc_config(key TEXT PRIMARY KEY, value TEXT, asof INTEGER, commit_no INTEGER NOT NULL);
CREATE TABLE _fptc_touched(type TEXT PRIMARY KEY, commit_no INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE _fptc_suspect(type TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY(type, id)) WITHOUT ROWID;
CREATE TABLE _fptc_name(type TEXT NOT NULL, id INTEGER NOT NULL, name TEXT, is_gone INTEGER NOT NULL, commit_no INTEGER NOT NULL, PRIMARY KEY(type, id)) WITHOUT ROWID;
CREATE TABLE _fptc_gone(type TEXT NOT NULL, id INTEGER NOT NULL, version INTEGER NOT NULL, updated_at TEXT, moved_to TEXT, PRIMARY KEY(type, id), UNIQUE(type, version)) WITHOUT ROWID;
CREATE TABLE _fptc_event(event TEXT PRIMARY KEY, type TEXT NOT NULL, id INTEGER NOT NULL, version INTEGER) WITHOUT ROWID;
CREATE TABLE _fptc_mutation(event TEXT PRIMARY KEY, version INTEGER NOT NULL, state INTEGER NOT NULL, verb TEXT, type TEXT, id INTEGER, body TEXT, attempts INTEGER NOT NULL, attempt_asof INTEGER, attempt_writer TEXT, outcome TEXT);
CREATE TABLE _fptc_usage(type TEXT NOT NULL, wish TEXT NOT NULL, batch TEXT NOT NULL, uses INTEGER NOT NULL, PRIMARY KEY(type, wish, batch)) WITHOUT ROWID;
CREATE TABLE _fptc_index(name TEXT PRIMARY KEY, type TEXT NOT NULL, wish TEXT NOT NULL, uses INTEGER NOT NULL, bytes INTEGER NOT NULL, is_fixed INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE Shot(id INTEGER PRIMARY KEY, _fptc_version INTEGER, _fptc_fieldset INTEGER, code TEXT, sg_cut_in INTEGER, updated_at TEXT);
CREATE UNIQUE INDEX _fptc_v_Shot ON Shot(_fptc_version);
"""


def snapshot(upto, ids, more=""):
    """The state after commits 1 to upto: Shots that commit 1 brought."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "s.sqlite")
        db = sqlite3.connect(path)
        db.executescript("PRAGMA page_size=8192; PRAGMA application_id=0x46505443; PRAGMA user_version=1; VACUUM")
        db.close()
        empty = bytearray(path.read_bytes())
        empty[20] = 8    # reserved bytes; the only page is empty, so its content begins below them
        struct.pack_into(">H", empty, 105, 8184)
        path.write_bytes(empty)
        db = sqlite3.connect(path)
        db.executescript(TABLES + more)
        db.execute("INSERT INTO _fptc_format VALUES(1, 'project-101', ?)", (upto,))
        db.executemany("INSERT INTO _fptc_field VALUES('Shot', ?, ?)", TYPES.items())
        db.execute("INSERT INTO _fptc_fieldset VALUES(1, 'Shot', ?)", (json.dumps(sorted(TYPES), separators=(",", ":")),))
        db.execute("INSERT INTO _fptc_touched VALUES('Shot', 1)")
        for at, n in enumerate(ids):
            db.execute("INSERT INTO _fptc_name VALUES('Shot', ?, ?, 0, 1)", (n, f"sh{n:03d}"))
            db.execute("INSERT INTO Shot VALUES(?, ?, 1, ?, ?, '2026-01-01T00:00:00Z')",
                       (n, 1 << 20 | at, f"sh{n:03d}", 1000 + n))
        db.commit()
        db.close()
        data = bytearray(path.read_bytes())
    for page in range(len(data) // 8192):
        at = page * 8192
        struct.pack_into("<I4s", data, at + 8184, zlib.crc32(data[at:at + 8184], page + 1), b"FPTp")
    return bytes(data)


# --- the cases

def every_kind():
    c = Cache()
    c.append(rows(1, 2, 3), cover())
    c.append(frame(GONE, {"type": "Shot", "seen": 1, "asof": ASOF, "rows": [{"id": 2, "moved_to": "project-102"}, {"id": 3}]}))
    c.append(frame(CONFIG, {"key": "mirror:Shot", "value": None, "asof": ASOF}),
             frame(USAGE, {"batch": EVENT, "wishes": [{"type": "Shot", "wish": "equal code", "uses": 5}], "asof": ASOF}))
    c.append(frame(QUERY, {"hash": EVENT, "text": "q", "type": "Shot", "touches": ["Shot"], "types": TYPES, "seen": 3,
                           "ids": [1], "asof": ASOF}))
    c.append(frame(ROWS, {"type": "Shot", "seen": 4, "asof": ASOF, "types": TYPES, "rows": [
        {"id": n, "code": "x" * 40, "sg_cut_in": n, "updated_at": None} for n in range(10, 40)]}, deflate=True))
    c.append(frame(MUTATE, {"event": EVENT, "verb": "update", "type": "Shot", "id": 1, "data": {"code": "a"},
                            "who": "script:golden", "host": "h", "pid": 1, "asof": ASOF}),
             frame(ATTEMPT, {"events": [EVENT], "no": 1, "writer": "golden", "asof": ASOF}), partition="outbox")
    c.append(frame(SETTLE, {"event": EVENT, "id": 1, "partition": "project-101", "asof": ASOF}), partition="outbox")
    c.append(frame(MUTATE, {"event": EVENT[::-1], "verb": "delete", "type": "Shot", "id": 9, "data": {}, "asof": ASOF}),
             frame(REFUSE, {"event": EVENT[::-1], "status": 404, "text": "no", "asof": ASOF}), partition="outbox")
    return c


def dead_letters():
    """Three refused writes: one is sent again, one is dropped, one waits."""
    c = Cache()
    events = [digit * 32 for digit in "abc"]
    for event in events:
        c.append(frame(MUTATE, {"event": event, "verb": "update", "type": "Shot", "id": 1, "data": {"code": "a"},
                                "who": "script:golden", "host": "h", "pid": 1, "asof": ASOF}),
                 frame(ATTEMPT, {"events": [event], "no": 1, "writer": "golden", "asof": ASOF}),
                 frame(REFUSE, {"event": event, "status": 400, "text": "no", "asof": ASOF}), partition="outbox")
    for event, verdict in zip(events, ("retry", "drop")):
        c.append(frame(DECIDE, {"event": event, "verdict": verdict, "no": 1, "data": {"code": "b"},
                                "who": "script:golden", "asof": ASOF + 1}), partition="outbox")
    return c


def two(**how):
    """Two commits to be read, before one that may not be."""
    c = Cache()
    c.append(*SCHEMA, partition="site")
    c.append(rows(1, 2))
    c.append(rows(3, seen=1), frame(CONFIG, {"key": "mirror:Shot", "value": {"fields": None}, "asof": ASOF}))
    return c


def third(*records, **how):
    c = two()
    c.append(*(records or (rows(4, seen=2),)), **how)
    c.append(rows(5, seen=3))
    return c


def with_base(**how):
    c = two()
    data = snapshot(1, (1, 2), how.pop("more", ""))
    c.put("partitions/project-101/latest.sqlite", "files/1-00000000deadbeef.sqlite")
    c.base(1, c.file("1-00000000deadbeef.sqlite", data, rows=2), prev=checksum_of(c, 1), **how)
    return c


def checksum_of(c, number):
    return struct.unpack("<Q", c.log(number)[-8:])[0]


def rolled_up(leave_out=()):
    c = third()
    data = b"".join(c.log(n) for n in range(1, 4) if n not in leave_out)
    c.base(3, None, [c.file("1-3-00000000deadbeef.rollup", data, **{"from": 1, "to": 3})], checksum_of(c, 3))
    for number in leave_out:
        del c.files[f"partitions/project-101/log/{number:016d}"]
    return c


def damaged(number=3):
    c = third()
    data = bytearray(c.log(number))
    data[300] ^= 1
    c.put(f"partitions/project-101/log/{number:016d}", bytes(data))
    return c


def without(number=3):
    c = third()
    del c.files[f"partitions/project-101/log/{number:016d}"]
    return c


def foreign():
    c = third()
    c.put("partitions/project-101/log/0000000000000003", commit(3, [rows(4)], partition="project-102"))
    return c


CASES = {
    "every-kind": every_kind,
    "dead-letters": dead_letters,
    "base": with_base,
    "rollup": rolled_up,
    "rollup-with-a-hole": lambda: rolled_up(leave_out=(2,)),
    "long-header": lambda: third(header=512),
    "lost": lambda: third(frame(LOST, {"upto": 3, "commits": "2", "asof": ASOF}), rows(7)),
    "hole": damaged,
    "missing-number": without,
    "foreign-commit": foreign,
    "feature-bit": lambda: third(features=1),
    "greater-format": lambda: third(version=2),
    "unknown-kind": lambda: third(frame(99, {"a": 1})),
    "unknown-flag": lambda: third(frame(CONFIG, {"key": "a", "value": 1}, flags=4)),
    "feature-bit-in-manifest": lambda: with_base(features=2),
    "snapshot-with-a-view": lambda: with_base(more="CREATE VIEW Bad AS SELECT 1;"),
    "greater-format-of-directory": lambda: Cache({"format": 2, "site": "https://golden.example", "realm": ""}),
    "directory-fails-checksum": lambda: Cache({"format": 1, "site": "https://golden.example", "realm": "r",
                                               "checksum": "0123456789abcdef"}),
    "directory-with-checksum": lambda: Cache({"format": 1, "site": "https://golden.example", "realm": "r", "checksum":
                                              f"{checksum(b'1' + chr(10).encode() + b'https://golden.example' + chr(10).encode() + b'r'):016x}"}),
}

if __name__ == "__main__":
    for name in sys.argv[1:] or [name for name in CASES if not (HERE / f"{name}.tar.gz").exists()]:
        CASES[name]().write(name)
