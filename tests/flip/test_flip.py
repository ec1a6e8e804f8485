"""A byte or bit flipped, a file cut short, a block of zeros, in each kind of file: what the library then says is right
or an error, verify tells of it or it was harmless, and repair brings service back.

FPTC_FLIPS: runs of each kind (12, under sanitizers 5; with FPTC_LONG 1000). A failure names its kind and number: FPTC_FLIP="commit 17"
repeats it.

A pin is judged by two handles that read by it, one opened before the flip and one after it, before and after others have
written, compacted and deleted.

Seen to fail: pins that verify does not look at; readers that go on believing coverage after a hole (a row is missing from a complete answer); no checksum in
fptcache.json; verify without page checksums; repair that publishes a base under the damaged one's number.
"""

import os
import subprocess
import unittest

import fptcache
from damage import COUNT, IN_PROJECT, TYPES, Damaged, damage, dice_for, rows_of

LONG = os.environ.get("FPTC_LONG") == "1"
RUNS = int(os.environ.get("FPTC_FLIPS", 1000 if LONG else 5 if os.environ.get("FPTC_SANITIZE") else 12))
ONLY = os.environ.get("FPTC_FLIP", "").split()


class Flips(Damaged):

    def prepare(self, kind):
        """What a sound cache need not have: pins, and links of who holds."""
        if kind == "holder":
            for partition in (self.directory / "partitions").iterdir():
                (partition / "holder").symlink_to("4f2b.4026531836:4711:0123456789abcdef:farm12:17")
        if kind == "pin":
            with self.open() as cache:
                self.pin = cache.pin(101)

    def look_pinned(self, told):
        """By the pin, opened before the flip or after it, while others go on and delete: right, or an error."""
        refused = 0
        for type_name, fields in TYPES.items():
            for cache in self.pinned:
                try:
                    got = rows_of(cache.find(type_name, [IN_PROJECT], fields))
                except (fptcache.Error, OSError):
                    refused += 1
                    continue
                self.assertEqual(got, self.expected["find", type_name], told)
        return refused

    def open_pinned(self):
        try:
            self.pinned.append(self.open(mode="only-cache", pin=self.pin))
            return 0
        except (fptcache.Error, OSError):
            return 1

    def go_on(self):
        """Another tool writes, compacts, and deletes without any grace."""
        with self.open() as cache:
            for n in range(3):
                cache.create("Shot", {"code": f"later {n}", "project": {"type": "Project", "id": 101}})
                cache.compact()
            cache.maintain()

    def run_pin(self, number):
        dice = dice_for("pin", number)
        self.fresh_copy()
        self.prepare("pin")
        self.pinned = []
        self.addCleanup(lambda caches: [cache.close() for cache in caches], self.pinned)
        self.open_pinned()
        told = f"FPTC_FLIP='pin {number}': {damage(self.directory / 'pins' / self.pin, dice)}"
        refused = self.open_pinned()
        found = bool(self.verify())
        self.assertGreaterEqual(found, bool(refused), f"{told}: refused, and verify finds nothing")
        refused += self.look_pinned(told)
        self.go_on()
        refused += self.look_pinned(told)
        for cache in self.pinned:
            cache.close()
        return bool(refused), found, False

    def look(self):
        """(name of the answer, whether it is right or an error) of every answer, each by a handle of its own."""
        wrong, errors = [], 0
        for name in self.expected:
            try:
                with self.open(mode="only-cache") as cache:
                    if name == "changes":
                        got = {change.id: change.kind for change in cache.changes("Shot", 101)}
                    elif name == "summarize":
                        got = cache.summarize("Version", [IN_PROJECT], COUNT)["summaries"]
                    else:
                        got = cache.find(name[1], [IN_PROJECT], TYPES[name[1]])
                        if got.complete < self.complete[name[1]]:
                            errors += 1
                            continue
                        got = rows_of(got)
            except (fptcache.Error, OSError):
                errors += 1
                continue
            if got != self.expected[name]:
                wrong.append((name, got, self.expected[name]))
        return wrong, errors

    def verify(self):
        """Problems found, or 1 when not even opening works."""
        try:
            with self.open() as cache:
                return cache.verify()["problems"]
        except (fptcache.Error, OSError) as error:
            return [str(error)]

    def mend(self, told):
        document = fptcache.repair(self.directory, site=self.site.url, script_name=self.site.script_name,
                                   script_key=self.site.script_key, environment=False)
        self.assertEqual(self.verify(), [], f"{told}\n{document}")
        again = fptcache.repair(self.directory, script_name=self.site.script_name, script_key=self.site.script_key,
                                environment=False)
        self.assertEqual((again["rebuilt"], again["lost"]), ([], []), told)
        with self.open() as cache:
            for type_name, fields in TYPES.items():
                got = cache.find(type_name, [IN_PROJECT], fields)
                self.assertEqual(rows_of(got), self.expected["find", type_name], told)
        return document

    def run_one(self, kind, number):
        dice = dice_for(kind, number)
        self.fresh_copy()
        self.prepare(kind)
        told = f"FPTC_FLIP='{kind} {number}': {damage(dice.choice(self.files(kind)), dice)}"
        wrong, errors = self.look()
        self.assertEqual(wrong, [], told)
        problems = self.verify()
        if errors:
            self.assertTrue(problems, f"{told}: an error, and verify finds nothing")
        document = self.mend(told)
        return bool(errors), bool(problems), bool(document["lost"])

    def campaign(self, kind):
        self.fresh_copy()
        self.prepare(kind)
        self.assertTrue(self.files(kind), f"the template has no {kind}")
        runs = RUNS if LONG or kind not in ("pin", "holder") else min(RUNS, 6)    # some seconds each
        numbers = range(runs) if not ONLY else [int(ONLY[1])] if ONLY[0] == kind else []
        outcomes = [self.run_pin(number) if kind == "pin" else self.run_one(kind, number) for number in numbers]
        if not outcomes:
            return
        told = [sum(column) for column in zip(*outcomes)]
        print(f"flip: {kind}: {len(outcomes)} runs, {told[0]} refused an answer, {told[1]} found by verify, "
              f"{told[2]} lost something, 0 wrong answers", flush=True)
        if kind in ("commit", "manifest", "snapshot", "rollup") and not ONLY:
            self.assertEqual(told[1], len(outcomes), f"{kind}: verify must find every change")

    def test_commit(self):
        self.campaign("commit")

    def test_manifest(self):
        self.campaign("manifest")

    def test_snapshot(self):
        self.campaign("snapshot")

    def test_rollup(self):
        self.campaign("rollup")

    def test_fptcache_json(self):
        self.campaign("fptcache.json")

    def test_realm_json(self):
        self.campaign("realm.json")

    def test_holder(self):
        self.campaign("holder")

    def test_pin(self):
        self.campaign("pin")

    def test_link(self):
        self.campaign("link")


if __name__ == "__main__":
    unittest.main()
