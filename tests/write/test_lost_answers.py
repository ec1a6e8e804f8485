"""Creates whose answers are lost after FPT has made the row, or is still to make it: none is made twice, none is missing.

A quarter of them was not done at all, and a tenth has the values of another. FPTC_LONG=1: 1,000 of each kind.
"""

import collections
import os
import time
import unittest

import writetest  # noqa: F401  (puts tests/read on the path)
from writetest import WriteTest

import fptcache

N = 1000 if os.environ.get("FPTC_LONG") else 20
KINDS = ("504-after-commit", "reset-after-commit", "late-commit")
QUIET_S, LATE_MS = 1.5, [50, 700]       # all late ones come within the quiet period
BATCH = 10
REQUEST = "^POST .*/entity/([A-Za-z]+|_batch)$"


class LostAnswers(WriteTest):
    site_options = {"rows": 300}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.site.control("POST", "/schema", {"add": {"type": "Version", "name": "sg_event", "data_type": "text"}})

    def lose(self, kind):
        """Each answer is lost; of a quarter of the requests nothing is done, ever."""
        self.site.clear_faults()
        self.site.random_faults({kind: (0.75, LATE_MS), "504": 0.25}, REQUEST, seed=self.number)

    def wanted(self, name):
        """Code -> how many rows of it there are to be; the creates."""
        codes = [f"{name} {i if i % 10 else i + 1}" for i in range(N)]
        return collections.Counter(codes), [self.version(code) | {"code": code} for code in codes]

    def single(self, cache, creates):
        """The events of the creates."""
        events = []
        for data in creates:
            with self.assertRaises(fptcache.UnknownOutcome) as caught:
                cache.create("Version", data)
            events.append(caught.exception.event_id)
        return events

    def drain(self, cache):
        """Until every write has an end."""
        until = time.monotonic() + 60 + N / 4
        while cache.outbox("open", limit=10000):
            self.assertLess(time.monotonic(), until, cache.outbox("open", limit=3))
            time.sleep(QUIET_S / 5)
            cache.maintain()

    def round(self, way, marker):
        """Kind -> what its creates were settled by."""
        self.directory = os.path.join(self.folder, f"{way}-{marker}")
        cache = self.cache(marker_field=marker, quiet=QUIET_S)
        cache.find("Version", [writetest.IN_PROJECT], ["code"])
        wanted, fired, kinds = collections.Counter(), {}, {}
        for kind in KINDS:
            codes, creates = self.wanted(f"{way} {marker or 'unmarked'} {kind}")
            wanted += codes
            self.lose(kind)
            kinds.update(dict.fromkeys(getattr(self, way)(cache, creates), kind))
            fired[kind] = {each["kind"]: each["fired"] for each in self.site.control("GET", "/faults")}
        self.site.clear_faults()
        self.drain(cache)
        self.assertEqual(self.site.late_commits()["waiting"], 0)
        found = collections.Counter(row["code"] for row in self.site.rows("Version") + self.site.rows("Version", retired=True)
                                    if row["code"] in wanted)
        self.assertEqual(found, wanted)
        mutations = self.mutations(cache)
        self.assertEqual(set(mutations), set(kinds))
        self.assertEqual(len({each["id"] for each in mutations.values()}), len(mutations))
        by = {kind: collections.Counter() for kind in KINDS}
        for event, each in mutations.items():
            by[kinds[event]][each["outcome"]["by"]] += 1
        for kind in KINDS:
            print(f"{way}, marker {marker}: {N} creates, answers lost {fired[kind]}, settled by {dict(by[kind])}, "
                  "0 missing, 0 doubled", flush=True)
        cache.close()
        return by

    def every_kind(self, way):
        for marker, by in ((None, "match"), ("sg_event", "marker")):
            with self.subTest(way=way, marker=marker):
                for kind, found in self.round(way, marker).items():
                    self.assertGreaterEqual(found[by], N // 2, kind)
                    self.assertEqual(set(found) - {by, "answer"}, set(), kind)

    def test_single(self):
        self.every_kind("single")


if __name__ == "__main__":
    unittest.main()
