"""Batches of one caller: all of it is done, or none; whatever becomes of the answer."""

import pathlib
import shutil
import unittest

import writetest
import fptcache
from writetest import DROPPED, INTENT, PROJECT, REFUSED, SETTLED


class Batch(writetest.WriteTest):
    def requests(self, *rows, more=()):
        """Two creates, an update and a delete of the rows."""
        return [{"request_type": "create", "entity_type": "Version", "data": self.version("b0")},
                {"request_type": "create", "entity_type": "Shot", "data": self.version("b1")},
                {"request_type": "update", "entity_type": "Version", "entity_id": rows[0],
                 "data": {"description": "in a batch"}},
                {"request_type": "delete", "entity_type": "Version", "entity_id": rows[1]}, *more]

    def rows(self, cache, n=2):
        return [cache.create("Version", self.version(f"r{i}"))[0]["id"] for i in range(n)]

    def row(self, id, retired=False):
        return next((row for row in self.site.rows("Version", retired=retired) if row["id"] == id), None)

    def is_done(self, rows):
        """Whether all of it is done; fails when it is a part."""
        done = [len(self.at_site(self.code("b0"))) == 1, self.row(rows[0])["description"] == "in a batch",
                self.row(rows[1]) is None]
        self.assertEqual(len(set(done)), 1, done)
        return done[0]

    def states(self, cache):
        """Of the writes in batches."""
        own = {answer["event"] for answer in self.answers}
        return {line["state"] for event, line in self.mutations(cache).items() if event in own}

    def finished(self, cache):
        return next(p["finished"] for p in cache.maintain()["partitions"] if p["partition"] == "outbox")

    def test_through(self):
        cache = self.cache()
        rows = self.rows(cache)
        self.site.reset_requests()
        event = "ab" * 16
        self.answers = cache.batch(self.requests(*rows), event_id=event)
        counts = self.site.counts()
        self.assertEqual((counts.get("batch"), counts.get("create"), counts.get("update")), (1, None, None))
        self.assertTrue(self.is_done(rows))
        self.assertEqual([answer["state"] for answer in self.answers], ["settled"] * 4)
        self.assertEqual(self.answers[0]["row"]["code"], self.code("b0"))
        self.assertEqual(self.answers[2]["row"]["description"], "in a batch")
        self.site.reset_requests()
        again = cache.batch(self.requests(*rows), event_id=event)
        self.assertEqual([answer["id"] for answer in again], [answer["id"] for answer in self.answers])
        self.assertEqual(self.site.total(), 0)
        self.assertEqual(self.states(cache), {SETTLED})

    def test_refused(self):
        """For one of its requests: none is done, and it is not taken apart."""
        cache = self.cache()
        rows = self.rows(cache)
        self.site.reset_requests()
        with self.assertRaises(fptcache.Fault):
            cache.batch(self.requests(*rows, more=[
                {"request_type": "update", "entity_type": "Version", "entity_id": 987654, "data": {"code": "x"}}]))
        self.assertEqual(self.site.counts().get("batch"), 1)
        self.assertFalse(self.is_done(rows))
        with self.assertRaises(fptcache.ShotgunError):
            cache.batch([{"request_type": "create", "entity_type": "Version", "data": {"code": "no project"}}])
        self.site.reset_requests()
        with self.assertRaises(fptcache.ShotgunError):
            cache.batch([{"request_type": "create", "entity_type": "Version",
                          "data": {"code": "no project", "project": None}}])
        self.assertEqual(self.site.counts().get("batch"), None)

    def test_behind(self):
        """It waits as a whole, and goes as a whole, two writes to one row in their order."""
        cache = self.cache()
        rows = self.rows(cache)
        other = cache.create("Version", self.version("other"), write="behind")
        self.answers = cache.batch(self.requests(*rows, more=[
            {"request_type": "update", "entity_type": "Version", "entity_id": rows[0], "data": {"code": "last"}}]),
            write="behind")
        self.assertEqual([answer["state"] for answer in self.answers], ["pending"] * 5)
        self.assertLess(self.answers[0]["id"], 0)
        self.assertEqual(self.states(cache), {INTENT})
        self.site.reset_requests()
        self.assertEqual(self.finished(cache), 6)
        self.assertTrue(self.is_done(rows))
        self.assertEqual(self.row(rows[0])["code"], "last")
        self.assertEqual(cache.find("Version", [["id", "is", rows[0]]], ["code"])[0]["code"], "last")
        self.assertEqual(self.site.counts().get("batch"), 1)  # the other went by itself
        self.assertEqual(cache.resolve(self.answers[0]["id"]), self.at_site(self.code("b0"))[0])
        self.assertEqual(cache.resolve(other[0]["id"]), self.at_site(self.code("other"))[0])

    def lose_batch(self, cache, rows, kind):
        self.lose(kind, match="^POST .*_batch")
        with self.assertRaises(fptcache.UnknownOutcome) as caught:
            cache.batch(self.requests(*rows), event_id="cd" * 16)
        self.site.clear_faults()
        return caught.exception.event_id

    def test_lost(self):
        """Its answer is lost: all of it is found, or all of it is sent again; by a repeat, and by others."""
        for kind in ("504-after-commit", "reset-after-commit", "504", "truncate"):
            for by in ("repeat", "maintain"):
                with self.subTest(kind=kind, by=by):
                    self.number = getattr(type(self), "number", 0) + 1
                    type(self).number = self.number
                    cache = self.cache()
                    rows = self.rows(cache)
                    self.lose(kind, match="^POST .*_batch")
                    event = f"{self.number:032x}"
                    with self.assertRaises(fptcache.UnknownOutcome):
                        cache.batch(self.requests(*rows), event_id=event)
                    self.site.clear_faults()
                    with self.assertRaises((fptcache.UnknownOutcome, fptcache.Pending)):
                        cache.batch(self.requests(*rows), event_id=event)
                    self.quiet()
                    if by == "maintain":
                        self.assertEqual(self.finished(self.cache()), 4)
                    self.answers = cache.batch(self.requests(*rows), event_id=event)
                    self.assertEqual([answer["state"] for answer in self.answers], ["settled"] * 4)
                    self.assertTrue(self.is_done(rows))
                    self.assertEqual(self.states(cache), {SETTLED})
                    self.assertEqual(self.answers[0]["id"], self.at_site(self.code("b0"))[0])

    def test_conflict(self):
        """One of its updates is in somebody else's way: none is done."""
        cache = self.cache()
        cache.find("Version", [["project", "is", PROJECT]], ["code", "description"])
        rows = self.rows(cache)
        self.answers = cache.batch(self.requests(*rows), write="behind")
        self.site.touch("Version", rows[0], {"description": "theirs"})
        self.assertEqual(self.finished(cache), 4)
        self.assertEqual(self.states(cache), {REFUSED})
        self.assertEqual(self.row(rows[0])["description"], "theirs")
        self.assertEqual(self.at_site(self.code("b0")), [])
        self.assertIsNotNone(self.row(rows[1]))

    def test_decided(self):
        """What is decided about one of it is decided about all."""
        cache = self.cache()
        rows = self.rows(cache)
        bad = {"request_type": "update", "entity_type": "Version", "entity_id": 987654, "data": {"code": "x"}}
        with self.assertRaises(fptcache.Fault):
            cache.batch([*self.requests(*rows), bad])
        self.answers = cache.outbox("refused")
        self.assertEqual(len(self.answers), 5)
        cache.outbox_retry(self.answers[2]["event"])
        self.assertEqual(self.states(cache), {INTENT})
        self.site.reset_requests()
        self.assertEqual(self.finished(cache), 5)
        self.assertEqual((self.site.counts().get("batch"), self.states(cache)), (1, {REFUSED}))
        wrong = next(write["event"] for write in self.answers if write["id"] == 987654)
        cache.outbox_retry(wrong)
        cache.outbox_drop(self.answers[0]["event"])
        self.assertEqual(self.states(cache), {DROPPED})
        self.assertEqual(self.finished(cache), 0)
        self.assertFalse(self.is_done(rows))

    def test_known_with_other_requests(self):
        """An event id is that of one batch: more requests with it are an error, and none of them is done."""
        cache = self.cache()
        create = {"request_type": "create", "entity_type": "Version", "data": self.version("b0")}
        for write in ("behind", "through"):
            event = {"behind": "ef", "through": "01"}[write] * 16
            cache.batch([create], event_id=event, write=write)
            with self.assertRaises(fptcache.Fault):
                cache.batch([create, {**create, "data": self.version("b1")}], event_id=event, write=write)
        cache.maintain()
        self.assertEqual(len(self.at_site(self.code("b0"))), 2)
        self.assertEqual(self.at_site(self.code("b1")), [])

    def test_row_of_another(self):
        """An equal row that may be that of another create is no proof that the batch was done: its update is not lost."""
        cache = self.cache()
        row = self.rows(cache, 1)[0]
        create = {"request_type": "create", "entity_type": "Version", "data": self.version("b0")}
        update = {"request_type": "update", "entity_type": "Version", "entity_id": row,
                  "data": {"description": "in a batch"}}
        self.lose("504", match="^POST .*_batch")
        with self.assertRaises(fptcache.UnknownOutcome):
            cache.batch([create, update], event_id="23" * 16)
        self.site.clear_faults()
        self.lost(cache.create, "Version", self.version("b0"))
        self.quiet()
        with self.assertRaises(fptcache.UnknownOutcome):
            cache.batch([create, update], event_id="23" * 16)
        self.assertEqual({write["state"] for write in cache.outbox("refused")}, {"uncertain"})

    def test_one_of_it(self):
        """A later write to a row of it finishes no part of it: what became of it is asked of all together."""
        cache = self.cache()
        cache.find("Version", [["project", "is", PROJECT]], ["code", "description"])
        rows = self.rows(cache)
        event = self.lose_batch(cache, rows, "504")
        self.site.touch("Version", rows[0], {"description": "theirs"})
        self.quiet()
        with self.assertRaises(fptcache.Pending):
            cache.update("Version", rows[0], {"code": "later"})
        self.assertEqual([write["state"] for write in cache.outbox("open")], ["unknown"] * 4)
        self.assertEqual([answer["state"] for answer in cache.batch(self.requests(*rows), event_id=event)],
                         ["settled"] * 4)
        self.assertTrue(self.is_done(rows))
        cache.update("Version", rows[0], {"code": "later"})
        self.assertEqual(self.row(rows[0])["code"], "later")

    def test_row_twice(self):
        """Of two updates of a row only the last values show, and a deleted row shows no update."""
        cache = self.cache()
        rows = self.rows(cache)
        requests = [{"request_type": "update", "entity_type": "Version", "entity_id": row, "data": {"code": code}}
                    for row, code in ((rows[0], "first"), (rows[0], "second"), (rows[1], "third"))]
        requests.append({"request_type": "delete", "entity_type": "Version", "entity_id": rows[1]})
        self.lose("504-after-commit", match="^POST .*_batch")
        with self.assertRaises(fptcache.UnknownOutcome):
            cache.batch(requests, event_id="45" * 16)
        self.site.clear_faults()
        self.quiet()
        self.assertEqual([answer["state"] for answer in cache.batch(requests, event_id="45" * 16)], ["settled"] * 4)

    def test_projects(self):
        """Of more projects than a process works with at once: none of it is recorded, and it says what to do."""
        cache = self.cache()
        cache.schema("Version")
        requests = [{"request_type": "create", "entity_type": "Version",
                     "data": {"project": {"type": "Project", "id": 5000 + i}, "code": self.code()}} for i in range(20)]
        with self.assertRaisesRegex(fptcache.ShotgunError, "20 projects.*several batches"):
            cache.batch(requests, write="behind")
        self.assertEqual(cache.outbox(), [])

    def test_projects_that_are_not_known(self):
        """Recorded before it was known how many projects its rows are of: it is done all the same, once."""
        directory, rows = self.directory, []
        self.directory += "-other"
        for i in range(17):
            with self.cache() as other:
                project = other.create("Project", {"name": self.code(f"wide{i}")})[0]["id"]
                rows.append(other.create("Version", {"project": {"type": "Project", "id": project},
                                                     "code": self.code(f"w{i}")})[0]["id"])
        self.directory = directory
        cache = self.cache()
        self.answers = cache.batch([{"request_type": "update", "entity_type": "Version", "entity_id": row,
                                     "data": {"description": "wide"}} for row in rows], write="behind")
        self.site.reset_requests()
        self.assertEqual(self.finished(cache), 17)
        self.assertEqual(self.site.counts().get("batch"), 1)
        self.assertEqual(self.states(cache), {SETTLED})
        self.assertEqual({self.row(row)["description"] for row in rows}, {"wide"})

    def test_identity(self):
        """What became of a batch is found out by those whose it is, and not under other credentials."""
        cache = self.cache()
        rows = self.rows(cache)
        self.lose("504", match="^POST .*_batch")
        with self.assertRaises(fptcache.UnknownOutcome):
            cache.batch(self.requests(*rows), event_id="cd" * 16)
        self.site.clear_faults()
        self.quiet()
        cache.close()
        outbox = pathlib.Path(self.directory, "partitions/outbox")
        self.directory += "-theirs"
        stranger = self.cache(script_name=None, script_key=None, user_login="user1", user_password="password1")
        shutil.copytree(outbox, pathlib.Path(self.directory, "partitions/outbox"), symlinks=True)
        with self.assertRaisesRegex(fptcache.UnknownOutcome, "is a write of"):
            stranger.batch(self.requests(*rows), event_id="cd" * 16)
        self.assertFalse(self.is_done(rows))


if __name__ == "__main__":
    unittest.main()
