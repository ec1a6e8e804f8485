#!/usr/bin/env python3
"""Checks a partition without the library: its own parser, Python's sqlite3.

Usage: check_store.py PARTITION_DIRECTORY ACKNOWLEDGED...

ACKNOWLEDGED files hold lines "KEY NUMBER": the config keys that writers were told are durable, and the
commit (0: "was there already"). Fails when one is lost, is there twice, or is in another commit than
was said; when a commit above the base is damaged, missing in the sequence or does not follow from its
predecessor; when the manifest, a roll-up or the snapshot is not what it should be. Written from
lib/FORMAT.md only. tests/nfs checks more of the same with a subclass.
"""

import json
import pathlib
import re
import sqlite3
import struct
import sys
import zlib

HEADER = struct.Struct("<8sHHIQQqIIQ64s68s64sI")
FRAME = struct.Struct("<HHIII")
KIND_CONFIG, KIND_DROPPED, KIND_BASE = 10, 11, 12
NAME = re.compile(r"[0-9]{16,19}")


class Damaged(Exception):
    pass


def checksum(data):
    return zlib.crc32(data) << 32 | zlib.adler32(data)


def need(condition, text):
    if not condition:
        raise Damaged(text)


class Commit:
    """One file in commit format, decoded and checked."""

    def __init__(self, data, number):
        need(len(data) >= HEADER.size + 8, "too short")
        (magic, version, header_len, features, self.number, self.prev, self.pid, count, _, payload,
         partition, writer, host, crc) = HEADER.unpack_from(data)
        need(magic == b"FPTCLOG1" and version == 1 and features == 0, "not format 1")
        need(crc == zlib.crc32(data[:HEADER.size - 4]), "header checksum")
        self.checksum, = struct.unpack("<Q", data[-8:])
        need(self.checksum == checksum(data[:-8]), "file checksum")
        need(number in (None, self.number), "number is not the name")
        need(payload == len(data) - 8 - header_len, "payload length")
        self.partition, self.writer, self.host = (
            text.rstrip(b"\0").decode() for text in (partition, writer, host))
        self.records = list(self.frames(data[header_len:-8]))
        need(len(self.records) == count, "record count")

    @staticmethod
    def frames(data):
        at = 0
        while at < len(data):
            kind, flags, stored, plain, crc = FRAME.unpack_from(data, at)
            body = data[at + FRAME.size:at + FRAME.size + stored]
            need(len(body) == stored and crc == zlib.crc32(body), "record checksum")
            need(flags in (0, 1), "record flags")
            body = zlib.decompress(body) if flags else body
            need(len(body) == plain, "record length")
            yield kind, json.loads(body)
            at += FRAME.size + stored


def read_commit(directory, number):
    return Commit((directory / f"{number:016d}").read_bytes(), number)


def split_rollup(data):
    """The commits of a roll-up: each says how long it is."""
    while data:
        need(len(data) >= HEADER.size, "rest of a roll-up")
        fields = HEADER.unpack_from(data)
        length = fields[2] + fields[9] + 8
        yield Commit(data[:length], None)
        data = data[length:]


def numbers(directory):
    return sorted(int(p.name) for p in directory.iterdir() if NAME.fullmatch(p.name))


class Checker:
    def __init__(self, partition):
        self.partition = partition
        self.problems = []
        self.n_rolled = 0
        self.dropped = 0  # the last drop that was met
        self.keys = {}  # key -> [commit, ...]; None: in a snapshot that does not say

    def problem(self, text):
        self.problems.append(text)

    def add(self, key, number):
        self.keys.setdefault(key, []).append(number)

    def forget(self, number):
        """Commit `number` dropped the partition."""
        self.keys = {}
        self.dropped = number

    def visit_snapshot(self, db):
        """For subclasses that check more than keys."""

    def visit_record(self, kind, body):
        """The same: every record above the snapshot, in order."""

    def read_part(self, part):
        """A file that the manifest names."""
        path = self.partition / "files" / part["name"]
        data = path.read_bytes()
        need(len(data) == part["bytes"], f"{path}: size")
        need(path.suffix == ".json" or f"{checksum(data):016x}" == part["checksum"],
             f"{path}: checksum")
        return path, data

    def load_snapshot(self, snapshot):
        path, data = self.read_part(snapshot)
        if path.suffix == ".json":
            for key in json.loads(data):
                self.add(key, None)
            return
        db = sqlite3.connect(f"file:{path}?immutable=1", uri=True)
        need(db.execute("PRAGMA integrity_check").fetchone() == ("ok",), f"{path}: integrity")
        for key, number in db.execute("SELECT key, commit_no FROM _fptc_config"):
            if key == "dropped":
                self.dropped = number
            else:
                self.add(key, number)
        self.visit_snapshot(db)
        db.close()

    def load_commit(self, commit):
        need(commit.partition == self.partition.name,
             f"commit {commit.number} belongs to {commit.partition}")
        for kind, body in commit.records:
            if kind == KIND_DROPPED:
                need(len(commit.records) == 1, f"commit {commit.number}: a drop is not alone")
                self.forget(commit.number)
            if kind == KIND_CONFIG:
                self.add(body["key"], commit.number)
            self.visit_record(kind, body)

    def load_rollup(self, rollup, above, prev):
        """Its commits from `above` + 1 on; the checksum of the last one. Holes are not expected."""
        path, data = self.read_part(rollup)
        number = rollup["from"] - 1
        for commit in split_rollup(data):
            need(commit.number == number + 1, f"{path}: {commit.number} after {number}")
            number = commit.number
            if number > above:
                need(not commit.prev or not prev or commit.prev == prev,
                     f"{path}: commit {number} does not follow from its predecessor")
                self.load_commit(commit)
                prev = commit.checksum
        need(number == rollup["to"], f"{path}: ends with {number}")
        self.n_rolled += number - max(above, rollup["from"] - 1)
        return prev

    def load_rollups(self, rollups, upto):
        """Those of a base whose snapshot is of `upto`: without gaps, the first may begin below."""
        prev = 0
        for i, rollup in enumerate(rollups):
            need(rollup["from"] <= upto + 1 if i == 0 else rollup["from"] == rollups[i - 1]["to"] + 1,
                 f"roll-up {rollup['name']} leaves a gap")
            prev = self.load_rollup(rollup, upto, prev)
        return prev

    def load_base(self):
        """The greatest name in bases/; its number and the checksum of that commit."""
        base = max(numbers(self.partition / "bases"), default=0)
        if base == 0:
            return 0, 0
        commit = read_commit(self.partition / "bases", base)
        need(commit.partition == self.partition.name, "base of another partition")
        [(kind, body)] = commit.records
        need(kind == KIND_BASE and body["upto"] == base, "manifest")
        rollups = body["rollups"]
        upto = rollups[0]["from"] - 1 if rollups else base
        if not body["snapshot"]:
            self.forget(upto)
        if body["snapshot"]:
            upto = body["snapshot"].get("upto", base)
            self.load_snapshot(body["snapshot"])
        last = self.load_rollups(rollups, upto)
        need((rollups[-1]["to"] if rollups else upto) == base, f"base {base} does not end there")
        prev = int(body["prev"], 16)
        need(not prev or not last or prev == last, f"base {base}: checksum of its last commit")
        return base, prev

    def load_log(self, base, prev):
        log = self.partition / "log"
        live = [n for n in numbers(log) if n > base]
        if live != list(range(base + 1, base + 1 + len(live))):
            self.problem(f"lost: numbers above base {base} have gaps: {live}")
        for number in live:
            commit = read_commit(log, number)
            if commit.prev and prev and commit.prev != prev:
                self.problem(f"damaged: commit {number} does not follow from its predecessor")
            prev = commit.checksum
            self.load_commit(commit)
        return len(live)

    def judge(self, acknowledged):
        for key, number in acknowledged.items():
            found = self.keys.get(key, [])
            if number and number < self.dropped:
                if found:
                    self.problem(f"back: {key} of commit {number}, dropped by {self.dropped}")
            elif not found:
                self.problem(f"lost: {key}, acknowledged in commit {number}")
            elif number and found != [number] and found != [None]:
                self.problem(f"twice: {key} was acknowledged in commit {number} and is in {found}")
        for key, found in self.keys.items():
            if len(found) > 1:
                self.problem(f"twice: there {len(found)} times: {key} in {found}")

    def run(self, acknowledged):
        """All of it; the base and the number of commits above it."""
        base = live = 0
        try:
            base, prev = self.load_base()
            live = self.load_log(base, prev)
        except (Damaged, ValueError, KeyError, OSError, struct.error, zlib.error,
                sqlite3.Error) as error:
            self.problem(f"damaged: {error}")
        self.judge(acknowledged)
        return base, live


def read_acknowledged(paths):
    acknowledged = {}
    for path in paths:
        for line in pathlib.Path(path).read_text().splitlines():
            key, number = line.split()
            acknowledged[key] = int(number)
    return acknowledged


def main(arguments):
    checker = Checker(pathlib.Path(arguments[0]))
    acknowledged = read_acknowledged(arguments[1:])
    base, live = checker.run(acknowledged)
    for text in checker.problems[:20]:
        print(text)
    print(f"check_store: base {base}, {checker.n_rolled} of it in roll-ups, {live} commits above it, "
          f"{len(checker.keys)} keys, {len(acknowledged)} acknowledged, {len(checker.problems)} problems")
    return 1 if checker.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
