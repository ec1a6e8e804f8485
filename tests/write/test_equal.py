"""Equal creates whose rows FPT cannot tell apart: each call that is told that it is done has a row of its own."""

import threading
import time
import unittest

import fptcache
from writetest import WriteTest, CREATE


class Equal(WriteTest):

    def test_an_answer_that_comes_after_its_row_was_taken(self):
        """The answer to one is late; meanwhile the other, of which nothing came, is settled with that row."""
        cache, data, outcome = self.cache(), self.version(), []

        def write():
            try:
                outcome.append(cache.create("Version", data)[0]["id"])
            except fptcache.UnknownOutcome as error:
                outcome.append(error)

        cache.create("Version", self.version("warm"))
        self.site.faults([{"kind": "late", "ms": 3000, "match": CREATE}])
        late = threading.Thread(target=write)
        late.start()
        while not self.at_site(data["code"]):
            time.sleep(0.02)
        event = self.lost(cache.create, "Version", data, kind="504")
        self.quiet()
        other = cache.create("Version", data, event_id=event)[0]["id"]
        late.join()
        self.assertEqual(self.at_site(data["code"]), [other])
        self.assertIsInstance(outcome[0], fptcache.UnknownOutcome)
        self.assertIn(event, str(outcome[0]))
        own = cache.create("Version", data, event_id=outcome[0].event_id)[0]["id"]
        self.assertNotEqual(own, other)
        self.assertEqual(sorted(self.at_site(data["code"])), sorted([own, other]))

    def test_rows_of_a_batch_are_taken(self):
        """Its answer is late, and two of its rows are taken meanwhile: it makes two others, each by itself."""
        cache, rows, outcome = self.cache(), [self.version("b0"), self.version("b1")], []
        row = cache.create("Version", self.version("warm"))[0]["id"]
        requests = [{"request_type": "create", "entity_type": "Version", "data": data} for data in rows]
        requests.append({"request_type": "update", "entity_type": "Version", "entity_id": row,
                         "data": {"description": "in a batch"}})

        def write():
            with self.assertRaises(fptcache.UnknownOutcome):
                cache.batch(requests, event_id="67" * 16)
            outcome.append("unknown")

        self.site.faults([{"kind": "late", "ms": 3000, "match": "POST .*_batch"}])
        late = threading.Thread(target=write)
        late.start()
        while not self.at_site(rows[1]["code"]):
            time.sleep(0.02)
        events = [self.lost(cache.create, "Version", data, kind="504") for data in rows]
        self.quiet()
        others = [cache.create("Version", data, event_id=event)[0]["id"] for data, event in zip(rows, events)]
        late.join()
        self.assertEqual(outcome, ["unknown"])
        self.quiet()
        cache.maintain()
        answers = cache.batch(requests, event_id="67" * 16)
        self.assertEqual([answer["state"] for answer in answers], ["settled"] * 3)
        for data, other, answer in zip(rows, others, answers):
            self.assertEqual(sorted(self.at_site(data["code"])), sorted([other, answer["id"]]))


if __name__ == "__main__":
    unittest.main()
