"""The outbox as people see it: what waits, what FPT refused and why, and what is decided about it."""

import unittest

import fptcache
from support import PROJECT, WithSite

NOBODY = {"type": "Sequence", "id": 987654321}


class Outbox(WithSite):

    def refused(self, cache, number=0):
        """The event id of an update that FPT does not take, and its row."""
        row = sorted(row["id"] for row in self.site.rows("Shot"))[number]
        with self.assertRaises(fptcache.Fault) as refusal:
            cache.update("Shot", row, {"sg_sequence": NOBODY})
        return refusal.exception.event_id, row

    def only(self, cache, event):
        found, = cache.outbox(event=event)
        return found

    def test_a_refused_write_waits_for_a_person(self):
        cache = self.cache()
        self.assertEqual(cache.outbox(), [])
        event, row = self.refused(cache)
        for reader in (cache, self.cache(mode="only-cache")):
            (found,), counts = self.visits(reader.outbox)
            self.assertEqual(counts, {})
        self.assertEqual((found["event"], found["state"], found["verb"], found["type"], found["id"]),
                         (event, "refused", "update", "Shot", row))
        self.assertEqual((found["data"], found["attempts"], found["mine"]), ({"sg_sequence": NOBODY}, 1, True))
        self.assertEqual(found["said"]["http_status"], 400)
        self.assertIn("Value is not legal", found["said"]["text"])
        self.assertEqual(found["who"], f"script:{self.site.script_name}")
        for when in ("when", "last_attempt"):
            self.assertRegex(found[when], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertIn("edit it", found["next"])
        self.assertIsNone(found["decided"])
        self.assertEqual((cache.outbox("refused"), cache.outbox("all")), ([found], [found]))
        self.assertEqual(self.only(cache, event), found)
        self.assertEqual(cache.outbox(event="0" * 32), [])

    def test_retry_edit_drop(self):
        cache = self.cache()
        event, row = self.refused(cache)
        _, counts = self.visits(lambda: self.assertTrue(cache.outbox_edit(event, {"description": "edited"})))
        self.assertEqual(counts, {})
        found = self.only(cache, event)
        self.assertEqual((found["state"], found["data"]), ("pending", {"description": "edited"}))
        self.assertEqual((found["decided"]["verdict"], found["decided"]["who"]), ("retry", found["who"]))
        self.assertIn("Value is not legal", found["said"]["text"])   # what it was about
        with self.assertRaisesRegex(fptcache.ShotgunError, "pending"):
            cache.outbox_retry(event)
        self.assertTrue(cache.outbox_drop(event))
        self.assertEqual((cache.outbox(), self.only(cache, event)["state"]), ([], "dropped"))
        with self.assertRaisesRegex(fptcache.Fault, "was dropped.*not legal"):
            cache.update("Shot", row, {"sg_sequence": NOBODY}, event_id=event)
        for decide in (cache.outbox_retry, cache.outbox_drop):
            with self.assertRaisesRegex(fptcache.ShotgunError, "dropped"):
                decide(event)
            self.assertIs(decide("0" * 32), False)

    def test_all_that_is_refused_is_dropped(self):
        cache = self.cache()
        events = {self.refused(cache, number)[0] for number in range(3)}
        with fptcache.open(self.directory, environment=False) as nobody:
            self.assertEqual(nobody.outbox_drop_refused(), [])   # another's
        self.assertEqual(cache.outbox_drop_refused(older_than=3600), [])
        dropped, counts = self.visits(cache.outbox_drop_refused)
        self.assertEqual(({each["event"] for each in dropped}, counts, cache.outbox()), (events, {}, []))
        self.assertEqual({each["state"] for each in cache.outbox("all")}, {"dropped"})
        self.assertEqual(cache.outbox_drop_refused(), [])

    def test_all_that_is_refused_is_sent_again(self):
        cache = self.cache(hold="never")
        row, = sorted(row["id"] for row in self.site.rows("Shot"))[:1]
        self.site.faults([{"kind": "html-403", "match": "PUT", "times": 2}])     # a right that was taken away for a while
        for number in range(2):
            with self.assertRaises(fptcache.Fault):
                cache.update("Shot", row, {"description": f"refused {number}"})
        again, _ = self.refused(cache)
        self.assertEqual(cache.outbox_retry_refused(older_than=3600), [])
        retried, counts = self.visits(cache.outbox_retry_refused)
        self.assertEqual((len(retried), counts), (3, {}))
        cache.maintain()
        self.assertEqual([(each["event"], each["state"]) for each in cache.outbox()], [(again, "refused")])
        self.assertEqual({each["id"]: each["description"] for each in self.site.rows("Shot")}[row], "refused 1")

    def test_a_refused_batch_is_dropped_as_one(self):
        cache = self.cache(hold="never")
        rows = sorted(row["id"] for row in self.site.rows("Shot"))[:2]
        update = {"request_type": "update", "entity_type": "Shot", "entity_id": rows[0]}
        with self.assertRaises(fptcache.Fault):
            cache.batch([{**update, "data": {"description": "x"}}, {**update, "data": {"sg_sequence": NOBODY}}])
        listed = cache.outbox()
        self.assertEqual([(each["state"], each["behind"]) for each in listed], [("refused", False)] * 2)
        self.assertEqual(len({each["batch"] for each in listed}), 1)
        self.refused(cache)
        pending = cache.create("Shot", {"project": PROJECT, "code": "waits"}, write="behind")
        dropped = cache.outbox_drop_refused()
        self.assertEqual(sorted(each["event"] for each in dropped if each["batch"]), sorted(each["event"] for each in listed))
        self.assertEqual(len(dropped), 3)
        left, = cache.outbox()
        self.assertEqual((left["event"], left["state"], left["behind"], left["batch"], left["id"]),
                         (pending.event_id, "pending", True, None, pending[0]["id"]))

    def test_an_edited_write_is_sent(self):
        cache = self.cache()
        sent = {"description": "edited", "sg_aspect_ratio": 2.0}   # FPT refuses 2 for a float
        for send in (lambda event, row: cache.maintain(),
                     lambda event, row: cache.update("Shot", row, {"sg_sequence": NOBODY}, event_id=event)):
            event, row = self.refused(cache)
            with self.assertRaisesRegex(fptcache.ShotgunError, "sg_aspect_ration.*sg_aspect_ratio"):
                cache.outbox_edit(event, {"sg_aspect_ration": 2.0})
            self.assertEqual(self.only(cache, event)["state"], "refused")
            cache.outbox_edit(event, sent)
            self.site.reset_requests()
            send(event, row)
            self.assertEqual(self.site.counts().get("update"), 1)
            self.assertEqual(self.only(cache, event)["state"], "settled")
            theirs, = (each for each in self.site.rows("Shot") if each["id"] == row)
            self.assertEqual((theirs["description"], float(theirs["sg_aspect_ratio"])), ("edited", 2.0))
            found, = cache.find("Shot", [["id", "is", row]], ["description"])
            self.assertEqual(found["description"], "edited")

    def test_a_retry_that_is_refused_again(self):
        cache = self.cache()
        event, _ = self.refused(cache)
        cache.outbox_retry(event)
        cache.maintain()
        found = self.only(cache, event)
        self.assertEqual((found["state"], found["attempts"]), ("refused", 2))
        self.assertIn("not legal", found["said"]["text"])
        self.assertIsNone(found["decided"])   # it was about the attempt before

    def test_what_is_done_or_under_way_is_not_decided(self):
        cache = self.cache()
        done = cache.create("Shot", {"project": PROJECT, "code": "done"})
        self.site.faults([{"kind": "504-after-commit", "match": "POST .*/entity/Shot$", "times": 1}])
        with self.assertRaises(fptcache.UnknownOutcome) as lost:
            cache.create("Shot", {"project": PROJECT, "code": "lost"})
        found = self.only(cache, lost.exception.event_id)
        self.assertEqual((found["state"], found["id"], found["data"]["code"]), ("unknown", None, "lost"))
        self.assertEqual(cache.outbox(), [found])
        settled = self.only(cache, done.event_id)
        self.assertEqual((settled["state"], settled["id"], settled["data"], settled["next"]),
                         ("settled", done[0]["id"], None, None))
        self.assertEqual([each["state"] for each in cache.outbox("all")], ["unknown", "settled"])
        self.assertEqual([each["state"] for each in cache.outbox("all", limit=1)], ["unknown"])
        for event in (found["event"], settled["event"]):
            for decide in (cache.outbox_retry, cache.outbox_drop):
                with self.assertRaisesRegex(fptcache.ShotgunError, "unknown|settled"):
                    decide(event)

    def test_others_writes_are_shown_and_not_decided(self):
        cache = self.cache()
        event, _ = self.refused(cache)
        with fptcache.open(self.directory, environment=False) as nobody:
            found, = nobody.outbox()
            self.assertEqual((found["event"], found["mine"]), (event, False))
            for decide in (nobody.outbox_retry, nobody.outbox_drop):
                with self.assertRaisesRegex(fptcache.AuthenticationFault, f"script:{self.site.script_name}"):
                    decide(event)
        with fptcache.open(self.directory, environment=False, script_name="other", script_key="x") as other:
            with self.assertRaisesRegex(fptcache.ShotgunError, "another identity"):
                other.outbox()
        self.assertEqual(self.only(cache, event)["state"], "refused")

    def test_wrong_words(self):
        cache = self.cache()
        for how, words in ((dict(state="done"), "open"), (dict(event="abc"), "32 hexadecimal"),
                           (dict(limit=0), "from 1 to"), (dict(limit=10001), "from 1 to")):
            with self.assertRaisesRegex(fptcache.ShotgunError, words):
                cache.outbox(**how)
        event, _ = self.refused(cache)
        with self.assertRaisesRegex(fptcache.ShotgunError, "must be an object"):
            cache.outbox_edit(event, [1])

    def test_folded_it_says_the_same(self):
        cache = self.cache()
        first, _ = self.refused(cache)
        second, _ = self.refused(cache, 1)
        before = cache.outbox()
        cache.compact("outbox")
        with fptcache.open(self.directory, environment=False) as reader:
            self.assertEqual([{**each, "mine": True} for each in reader.outbox()], before)
        cache.outbox_drop(first)
        self.assertEqual([each["event"] for each in cache.outbox()], [second])
        with fptcache.open(self.directory, environment=False) as reader:
            self.assertEqual([each["state"] for each in reader.outbox("all")], ["refused", "dropped"])


if __name__ == "__main__":
    unittest.main()
