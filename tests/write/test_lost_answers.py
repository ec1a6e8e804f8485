"""Creates whose answers are lost after FPT has made the row, or is still to make it: none is made twice, none is missing.

A quarter of them was not done at all, and a tenth has the values of another. FPTC_LONG=1: 1,000 of each kind.
"""

import collections
import itertools
import os
import time
import unittest

import oracle
import writetest
from writetest import WriteTest

import fptcache

N = 1000 if os.environ.get("FPTC_LONG") else 20
KINDS = ("504-after-commit", "reset-after-commit", "late-commit")
QUIET_S, LATE_MS = 1.5, [50, 700]       # all late ones come within the quiet period
BATCH = 10
WAYS = ["single", "batch", "merged"]
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

    def batch(self, cache, creates):
        """Batches of their caller."""
        events = []
        for at in range(0, len(creates), BATCH):
            requests = [{"request_type": "create", "entity_type": "Version", "data": data} for data in creates[at:at + BATCH]]
            with self.assertRaises(fptcache.UnknownOutcome) as caught:
                cache.batch(requests)
            events += [oracle.member_event(caught.exception.event_id, i) for i in range(len(requests))]
        return events

    def merged(self, cache, creates):
        """Creates behind, which the holder sends together, a few at a time."""
        events = []
        for at in range(0, len(creates), BATCH):
            events += [cache.create("Version", data, write="behind").event_id for data in creates[at:at + BATCH]]
            cache.maintain()
        return events

    def drain(self, cache):
        """Until every write has an end."""
        until = time.monotonic() + 60 + N / 4
        while cache.outbox("open", limit=10000):
            self.assertLess(time.monotonic(), until, cache.outbox("open", limit=3))
            time.sleep(QUIET_S / 5)
            cache.maintain()

    def round(self, ways, kinds_lost, marker):
        """(way, kind) -> what its creates were settled by."""
        self.directory = os.path.join(self.folder, f"{ways[0]}-{kinds_lost[0]}-{marker}")
        cache = self.cache(marker_field=marker, quiet=QUIET_S)
        cache.find("Version", [writetest.IN_PROJECT], ["code"])
        wanted, fired, kinds = collections.Counter(), {}, {}
        for way, kind in itertools.product(ways, kinds_lost):
            codes, creates = self.wanted(f"{way} {marker or 'unmarked'} {kind}")
            wanted += codes
            self.lose(kind)
            kinds.update(dict.fromkeys(getattr(self, way)(cache, creates), (way, kind)))
            fired[way, kind] = {each["kind"]: each["fired"] for each in self.site.control("GET", "/faults")}
        self.site.clear_faults()
        self.drain(cache)
        self.assertEqual(self.site.late_commits()["waiting"], 0)
        found = collections.Counter(row["code"] for row in self.site.rows("Version") + self.site.rows("Version", retired=True)
                                    if row["code"] in wanted)
        self.assertEqual(found, wanted)
        mutations = self.mutations(cache)
        self.assertEqual(set(mutations), set(kinds))
        self.assertEqual(len({each["id"] for each in mutations.values()}), len(mutations))
        by = {name: collections.Counter() for name in fired}
        for event, each in mutations.items():
            by[kinds[event]][each["outcome"]["by"]] += 1
        for name, found in by.items():
            print(f"{' '.join(name)}, marker {marker}: {N} creates, answers lost {fired[name]}, settled by {dict(found)}, "
                  "0 missing, 0 doubled", flush=True)
        cache.close()
        return by

    def test_creates(self):
        """All in one cache, or each way and kind in its own when there are many."""
        for ways, kinds in [([way], [kind]) for way in WAYS for kind in KINDS] if N > 20 else [(WAYS, KINDS)]:
            for marker, by in ((None, "match"), ("sg_event", "marker")):
                with self.subTest(ways=ways, kinds=kinds, marker=marker):
                    found = self.round(ways, kinds, marker)
                    self.assertGreaterEqual(sum(each[by] for each in found.values()), len(found) * N // 2)
                    for name, each in found.items():
                        self.assertEqual(set(each) - {by, "answer"}, set(), name)


if __name__ == "__main__":
    unittest.main()
