"""Writes whose answer was lost: repeated with their event ids, or finished by whoever keeps the cache up.

Each was seen to fail with its line taken out; which one, the test says.
"""

import pathlib
import shutil
import threading
import time
import unittest

import writetest
from writetest import ATTEMPTED, INTENT, IN_PROJECT, PROJECT, QUIET, REFUSED, SETTLED, WriteTest

import fptcache


class Creates(WriteTest):
    def test_found(self):
        """After a 504, a reset or half a reply that came after the commit the row is found and settled."""
        cache = self.cache()
        for kind in ("504-after-commit", "reset-after-commit", "truncate"):
            with self.subTest(kind):
                data = self.version(kind)
                event = self.lost(cache.create, "Version", data, kind=kind)
                ids = self.at_site(data["code"])
                self.assertEqual(len(ids), 1)
                self.writes()
                self.quiet()
                row = cache.create("Version", data, event_id=event).rows[0]
                self.assertEqual(self.writes(), 0)      # looked up, not sent
                self.assertEqual((row["id"], row["code"]), (ids[0], data["code"]))
                self.assertEqual(self.at_site(data["code"]), ids)
                found = self.mutations(cache)[event]
                self.assertEqual((found["state"], found["id"], found["outcome"]["by"]), (SETTLED, ids[0], "match"))
                again, counts = self.visits(cache.create, "Version", data, event_id=event)
                self.assertEqual((again.rows[0]["id"], counts), (ids[0], {}))
                self.assertIn(ids[0], [row["id"] for row in cache.find(
                    "Version", [["code", "is", data["code"]], IN_PROJECT], ["code"]).rows])

    def test_not_done(self):
        """Nothing was done: it is sent again, once the quiet period is over and not before."""
        cache = self.cache(quiet=1.2)
        for kind in ("504", "reset"):
            with self.subTest(kind):
                data = self.version(kind)
                event = self.lost(cache.create, "Version", data, kind=kind)
                self.writes()
                with self.assertRaisesRegex(fptcache.UnknownOutcome, "can be found out in"):
                    cache.create("Version", data, event_id=event)
                self.assertEqual(self.writes(), 0)
                time.sleep(1.25)
                row = cache.create("Version", data, event_id=event).rows[0]
                self.assertEqual(self.at_site(data["code"]), [row["id"]])
                found = self.mutations(cache)[event]
                self.assertEqual((found["attempts"], found["outcome"]["by"]), (2, "answer"))

    def test_late_commit(self):
        """FPT commits after the caller has gone, within the quiet period: there is one row."""
        cache = self.cache(quiet=2.0)
        data = self.version()
        self.site.faults([{"kind": "latency", "ms": 1200, "match": writetest.CREATE}])
        with self.assertRaises(fptcache.UnknownOutcome) as caught:
            cache.create("Version", data, deadline=0.4)
        self.assertEqual(self.at_site(data["code"]), [])
        event = caught.exception.event_id
        with self.assertRaises(fptcache.UnknownOutcome):
            cache.create("Version", data, event_id=event)
        time.sleep(2.1)
        ids = self.at_site(data["code"])
        self.assertEqual(len(ids), 1)
        self.assertEqual(cache.create("Version", data, event_id=event).rows[0]["id"], ids[0])
        self.assertEqual(self.at_site(data["code"]), ids)

    def test_as_fpt_keeps_it(self):
        """The row is found though FPT has trimmed, rounded and ordered what was written."""
        cache = self.cache()
        shots = [{"type": "Shot", "id": row["id"]} for row in sorted(
            self.site.rows("Shot"), key=lambda row: row["id"]) if row["project"]["id"] == 101][:3]
        asset = {"project": PROJECT, "code": "  " + self.code("asset") + " ", "description": "", "shots": shots[::-1]}
        event = self.lost(cache.create, "Asset", asset)
        self.quiet()
        found = cache.create("Asset", asset, event_id=event).rows[0]
        self.assertEqual(found["code"], self.code("asset"))
        self.assertEqual(len([row for row in self.site.rows("Asset") if row["code"] == self.code("asset")]), 1)

    def test_every_kind(self):
        """Values of every kind of field are found again."""
        cache = self.cache()
        kinds = {"description": "  two  words \n", "sg_status_list": "rev", "frame_count": 24, "sg_movie_aspect_ratio": 1.77777777,
                 "sg_render_cost": 12.5, "sg_render_time": 90, "sg_quality": 50, "sg_shoot_date": "2026-03-01",
                 "client_approved": True, "client_approved_at": "2026-03-01T10:20:30Z", "sg_path_to_movie": "",
                 "user": {"type": "HumanUser", "id": self.site.rows("HumanUser")[0]["id"]}, "sg_department": None}
        data = self.version(**kinds)
        event = self.lost(cache.create, "Version", data)
        self.quiet()
        self.writes()
        cache.create("Version", data, event_id=event)
        self.assertEqual(self.writes(), 0)
        self.assertEqual(self.mutations(cache)[event]["state"], SETTLED)
        row = self.at_site(data["code"])[0]
        changes = {**kinds, "sg_movie_aspect_ratio": 2.0, "sg_render_cost": 3, "client_approved": False, "user": None}
        event = self.lost(cache.update, "Version", row, changes)
        self.quiet()
        self.writes()
        cache.update("Version", row, changes, event_id=event)
        self.assertEqual(self.writes(), 0)

    def test_retired_meanwhile(self):
        """The row was made and has been retired since: done, and in the cache it is gone."""
        cache = self.cache()
        data = self.version()
        event = self.lost(cache.create, "Version", data)
        row_id = self.at_site(data["code"])[0]
        self.site.retire("Version", row_id)
        self.quiet()
        self.assertEqual(cache.create("Version", data, event_id=event).rows[0]["id"], row_id)
        self.assertEqual(self.at_site(data["code"]), [])
        self.assertEqual(self.mutations(cache)[event]["state"], SETTLED)

    def test_changed_meanwhile(self):
        """Somebody has changed the row since: it resembles what was written, and a person decides."""
        cache = self.cache()
        data = self.version(description="as sent")
        event = self.lost(cache.create, "Version", data)
        row_id = self.at_site(data["code"])[0]
        self.site.touch("Version", row_id, {"description": "by somebody else"})
        self.quiet()
        self.writes()
        for _ in range(2):
            with self.assertRaisesRegex(fptcache.UnknownOutcome, f"Version {row_id};"):
                cache.create("Version", data, event_id=event)
        self.assertEqual(self.writes(), 0)
        found = self.mutations(cache)[event]
        self.assertEqual((found["state"], found["outcome"]["why"]), (REFUSED, "uncertain"))

    def test_made_by_another(self):
        """A row of the same values that somebody else made is not ours."""
        cache = self.cache()
        data = self.version()
        event = self.lost(cache.create, "Version", data, kind="504")
        theirs = self.site.create("Version", data)
        self.quiet()
        mine = cache.create("Version", data, event_id=event).rows[0]["id"]
        self.assertEqual(len(self.at_site(data["code"])), 2)
        self.assertNotEqual(mine, theirs)

    def test_equal_ones(self):
        """Two tools create the same, both answers are lost, one was done: two rows in the end, one each."""
        cache = self.cache()
        data = self.version()
        for kinds in (("504-after-commit", "504"), ("504", "504-after-commit"), ("504-after-commit",) * 2,
                      ("504",) * 2):
            with self.subTest(kinds):
                data = self.version("_".join(kinds))
                events = [self.lost(cache.create, "Version", data, kind=kind) for kind in kinds]
                self.quiet()
                ids = [cache.create("Version", data, event_id=event).rows[0]["id"] for event in events]
                self.assertEqual(len(set(ids)), 2)
                self.assertEqual(sorted(ids), sorted(self.at_site(data["code"])))

    def test_equal_ones_apart(self):
        """Between two equal ones another was made and settled: the first row can only be the first's."""
        cache = self.cache()
        data = self.version()
        events = [self.lost(cache.create, "Version", data)]
        cache.create("Version", self.version("between"))
        events.append(self.lost(cache.create, "Version", data))
        self.quiet()
        self.assertEqual([cache.create("Version", data, event_id=event).rows[0]["id"] for event in events],
                         sorted(self.at_site(data["code"])))

    def test_equal_one_under_way(self):
        """While another create of the same values is on its way, whose a row is cannot be told."""
        cache = self.cache(quiet=1.2)
        data = self.version()
        mine = self.lost(cache.create, "Version", data, kind="504")
        time.sleep(1.25)
        theirs = self.lost(cache.create, "Version", data)
        with self.assertRaisesRegex(fptcache.UnknownOutcome, "under way"):
            cache.create("Version", data, event_id=mine)
        self.assertEqual(len(self.at_site(data["code"])), 1)
        time.sleep(1.25)
        ids = {cache.create("Version", data, event_id=event).rows[0]["id"] for event in (theirs, mine)}
        self.assertEqual(ids, set(self.at_site(data["code"])))
        self.assertEqual(len(ids), 2)

    def test_several(self):
        """Two rows match one create: both are named, nothing is sent, a person decides."""
        cache = self.cache()
        data = self.version()
        event = self.lost(cache.create, "Version", data)
        token = self.site.token()
        status, _ = self.site.api("POST", "/entity/Version", data, token=token)
        self.assertEqual(status, 201)
        ids = sorted(self.at_site(data["code"]))
        self.assertEqual(len(ids), 2)
        self.quiet()
        self.writes()
        with self.assertRaisesRegex(fptcache.UnknownOutcome, f"2 rows match .* {ids[0]}, {ids[1]}"):
            cache.create("Version", data, event_id=event)
        self.assertEqual(self.writes(), 0)
        self.assertEqual(self.mutations(cache)[event]["outcome"]["why"], "uncertain")

    def test_refused_when_sent_again(self):
        """What FPT refuses ends as refused, and is never sent a third time."""
        cache = self.cache()
        data = self.version(entity={"type": "Shot", "id": 999999})
        event = self.lost(cache.create, "Version", data, kind="504")
        self.quiet()
        for _ in range(2):
            with self.assertRaises(fptcache.Fault):
                cache.create("Version", data, event_id=event)
        self.assertEqual(self.mutations(cache)[event]["state"], REFUSED)
        self.assertEqual(self.mutations(cache)[event]["attempts"], 2)

    def test_finished_at_once_by_many(self):
        """Eight handles repeat one lost create at once: one row."""
        caches = [self.cache() for _ in range(8)]
        for kind in ("504", "504-after-commit"):
            data = self.version(kind)
            event = self.lost(caches[0].create, "Version", data, kind=kind)
            self.quiet()
            self.site.latency(150)  # so that all have looked before the first has sent
            found, start = [], threading.Barrier(len(caches))

            def repeat(cache, data=data, event=event, found=found, start=start):
                start.wait()
                try:
                    found.append(cache.create("Version", data, event_id=event).rows[0]["id"])
                except fptcache.Unsettled:
                    found.append(None)

            threads = [threading.Thread(target=repeat, args=(cache,)) for cache in caches]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.site.latency(0)
            ids = self.at_site(data["code"])
            self.assertEqual(len(ids), 1, (kind, found))
            self.assertEqual(set(found) - {None}, set(ids))


class Marked(WriteTest):
    """A field that takes the event id."""

    def setUp(self):
        super().setUp()
        self.site.control("POST", "/schema", {"add": {"type": "Version", "name": "sg_event", "data_type": "text"}})

    def test_found(self):
        """Also when somebody has changed every other field; and never another row, however equal."""
        cache = self.cache(marker_field="sg_event")
        data = self.version()
        event = self.lost(cache.create, "Version", data)
        row_id = self.at_site(data["code"])[0]
        self.site.touch("Version", row_id, {"code": self.code("renamed")})
        self.quiet()
        row = cache.create("Version", data, event_id=event).rows[0]
        self.assertEqual((row["id"], row["code"]), (row_id, self.code("renamed")))
        self.assertEqual(self.mutations(cache)[event]["outcome"]["by"], "marker")

    def test_not_done(self):
        cache = self.cache(marker_field="sg_event")
        data = self.version()
        event = self.lost(cache.create, "Version", data, kind="504")
        self.site.api("POST", "/entity/Version", data)
        self.quiet()
        row_id = cache.create("Version", data, event_id=event).rows[0]["id"]
        marks = {row["id"]: row["sg_event"] for row in self.site.rows("Version") if row["code"] == data["code"]}
        self.assertEqual(len(marks), 2)
        self.assertEqual(marks[row_id], event)

    def test_doubled(self):
        """A host that stood still sends after everybody has given it up: both rows are told."""
        cache = self.cache(marker_field="sg_event")
        event = self.lost(cache.create, "Version", self.version(), kind="504")
        self.quiet()
        self.assertEqual(self.outbox(cache)["doubled"], [])
        made = cache.create("Version", self.version(), event_id=event)[0]["id"]
        late = self.site.create("Version", {**self.version(), "sg_event": event})
        self.assertEqual(self.outbox(cache)["doubled"],
                         [{"type": "Version", "event": event, "ids": sorted([made, late["id"]])}])

    def outbox(self, cache):
        return next(p for p in cache.maintain()["partitions"] if p["partition"] == "outbox")

    def test_type_without_it(self):
        cache = self.cache(marker_field="sg_event")
        shot = cache.create("Shot", {"project": PROJECT, "code": self.code("shot")}).rows[0]
        self.assertNotIn("sg_event", shot)


class Updates(WriteTest):
    def setUp(self):
        super().setUp()
        self.writer = self.cache()
        self.writer.find("Version", [IN_PROJECT], ["code", "description"])     # from now on both are kept
        self.row = self.writer.create("Version", self.version(description="before")).rows[0]["id"]

    def description(self):
        return {row["id"]: row["description"] for row in self.site.rows("Version")}.get(self.row)

    def test_done(self):
        event = self.lost(self.writer.update, "Version", self.row, {"description": " after "})
        self.quiet()
        self.writes()
        found = self.writer.update("Version", self.row, {"description": " after "}, event_id=event)
        self.assertEqual((found.rows[0]["description"], self.writes()), ("after", 0))
        self.assertEqual(self.mutations(self.writer)[event]["outcome"]["by"], "state")
        self.assertEqual(self.mutations(self.writer)[event]["outcome"]["fields"], ["description"])

    def test_not_done(self):
        event = self.lost(self.writer.update, "Version", self.row, {"description": "after"}, kind="504")
        self.quiet()
        self.writer.update("Version", self.row, {"description": "after"}, event_id=event)
        self.assertEqual(self.description(), "after")
        self.assertEqual(self.mutations(self.writer)[event]["attempts"], 2)

    def test_changed_by_another(self):
        """W7: done, answer lost, then an artist changes the field: what they wrote stays."""
        event = self.lost(self.writer.update, "Version", self.row, {"description": "after"})
        self.site.touch("Version", self.row, {"description": "by an artist"})
        self.quiet()
        for _ in range(2):
            with self.assertRaisesRegex(fptcache.ShotgunError, "description of Version") as caught:
                self.writer.update("Version", self.row, {"description": "after"}, event_id=event)
            self.assertEqual(caught.exception.name, "FPTC_ECONFLICT")
        self.assertEqual(self.description(), "by an artist")
        self.assertEqual(self.mutations(self.writer)[event]["outcome"]["why"], "conflict")

    def test_retired_meanwhile(self):
        event = self.lost(self.writer.update, "Version", self.row, {"description": "after"}, kind="504")
        self.site.retire("Version", self.row)
        self.quiet()
        with self.assertRaisesRegex(fptcache.ShotgunError, "was retired"):
            self.writer.update("Version", self.row, {"description": "after"}, event_id=event)

    def test_order(self):
        """A later write finishes an earlier one of the row first; before that is possible, it waits."""
        other = self.cache()
        first = self.lost(self.writer.update, "Version", self.row, {"description": "first"}, kind="504")
        with self.assertRaises(fptcache.Pending):
            self.cache(quiet=60.0).update("Version", self.row, {"description": "second"})
        self.quiet()
        self.site.reset_requests()
        other.update("Version", self.row, {"description": "second"})
        self.assertEqual(self.description(), "second")
        self.assertEqual(self.mutations(other)[first]["state"], SETTLED)
        self.assertEqual(self.site.counts().get("update"), 2)
        self.writer.update("Version", self.row, {"description": "first"}, event_id=first)
        self.assertEqual(self.description(), "second")

    def test_delete(self):
        for kind in ("504", "504-after-commit"):
            row = self.writer.create("Version", self.version(kind)).rows[0]["id"]
            event = self.lost(self.writer.delete, "Version", row, kind=kind)
            self.quiet()
            self.writes()
            self.assertTrue(self.writer.delete("Version", row, event_id=event))
            self.assertEqual(self.writes(), int(kind == "504"))
            self.assertEqual(self.at_site(self.code(kind)), [])
            self.assertEqual(self.mutations(self.writer)[event]["state"], SETTLED)


    def test_revive(self):
        self.writer.delete("Version", self.row)
        for kind in ("504", "504-after-commit"):
            event = self.lost(self.writer.revive, "Version", self.row, kind=kind)
            self.quiet()
            self.writes()
            self.assertTrue(self.writer.revive("Version", self.row, event_id=event))
            self.assertEqual(self.writes(), int(kind == "504"))
            self.assertEqual(self.description(), "before")
            self.writer.delete("Version", self.row)


class ByOthers(WriteTest):
    def test_maintain(self):
        """What a process left behind another of the same identity finishes, in order."""
        cache = self.cache()
        row = cache.create("Version", self.version("row")).rows[0]["id"]
        events = [self.lost(cache.create, "Version", self.version("a"), kind="504"),
                  self.lost(cache.create, "Version", self.version("b")),
                  self.lost(cache.update, "Version", row, {"description": "changed"}, kind="504")]
        cache.close()
        keeper = self.cache()
        self.assertEqual(self.finished(self.cache(quiet=60.0)), 0)
        self.quiet()
        self.assertEqual(self.finished(keeper), 3)
        self.assertEqual([self.mutations(keeper)[event]["state"] for event in events], [SETTLED] * 3)
        self.assertEqual([len(self.at_site(self.code(name))) for name in "ab"], [1, 1])
        _, counts = self.visits(keeper.maintain)
        self.assertEqual(counts, {})

    def finished(self, cache):
        return sum(entry["finished"] for entry in cache.maintain()["partitions"] if entry["partition"] == "outbox")

    def test_poison(self):
        """One that FPT refuses keeps none of the others from being finished."""
        cache = self.cache()
        bad = self.lost(cache.create, "Version", self.version("bad", entity={"type": "Shot", "id": 999999}), kind="504")
        good = self.lost(cache.create, "Version", self.version("good"), kind="504")
        self.quiet()
        self.assertEqual(self.finished(cache), 2)
        found = self.mutations(cache)
        self.assertEqual((found[bad]["state"], found[good]["state"]), (REFUSED, SETTLED))

    def test_decided(self):
        """What a person wants sent again, as it was or edited, the next round sends."""
        cache = self.cache()
        shot = {"type": "Shot", "id": 999999}
        events = []
        for name in "ab":
            with self.assertRaises(fptcache.Fault) as caught:
                cache.create("Version", self.version(name, entity=shot))
            events.append(caught.exception.event_id)
        self.assertEqual(self.finished(cache), 0)
        cache.outbox_retry(events[0])
        cache.outbox_edit(events[1], self.version("b"))
        self.assertEqual(self.finished(cache), 2)
        found = self.mutations(cache)
        self.assertEqual([(found[event]["state"], found[event]["attempts"]) for event in events],
                         [(REFUSED, 2), (SETTLED, 2)])
        self.assertEqual([len(self.at_site(self.code(name))) for name in "ab"], [0, 1])

    def test_uncertain_decided(self):
        """Two rows that may be it: a person says that neither is."""
        cache = self.cache()
        data = self.version(description="as sent")
        event = self.lost(cache.create, "Version", data)
        self.site.touch("Version", self.at_site(data["code"])[0], {"description": "by somebody else"})
        self.quiet()
        with self.assertRaises(fptcache.UnknownOutcome):
            cache.create("Version", data, event_id=event)
        cache.outbox_retry(event)
        self.assertEqual(self.finished(cache), 1)
        self.assertEqual(len(self.at_site(data["code"])), 2)

    def test_site_down(self):
        """Nothing is lost while FPT cannot be asked: the next round finishes it."""
        cache = self.cache()
        event = self.lost(cache.create, "Version", self.version(), kind="504")
        self.quiet()
        self.site.faults([{"kind": "reset", "times": -1}])
        with self.assertRaises(fptcache.UnknownOutcome):
            cache.create("Version", self.version(), event_id=event, deadline=1.0)
        self.site.clear_faults()
        self.assertEqual(self.mutations(cache)[event]["state"], ATTEMPTED)
        self.assertEqual(self.finished(cache), 1)
        self.assertEqual(len(self.at_site(self.code())), 1)

    def test_too_busy(self):
        """FPT took nothing when it was sent again: it stays in the outbox for the next round."""
        cache = self.cache()
        event = self.lost(cache.create, "Version", self.version(), kind="504")
        self.quiet()
        self.lose("429", times=-1)
        with self.assertRaises(fptcache.Pending):
            cache.create("Version", self.version(), event_id=event, deadline=5.0)
        self.site.clear_faults()
        self.assertEqual(self.mutations(cache)[event]["state"], INTENT)
        self.assertEqual(self.finished(cache), 1)
        self.assertEqual(self.mutations(cache)[event]["attempts"], 3)
        self.assertEqual(len(self.at_site(self.code())), 1)

    def test_holder(self):
        cache = self.cache()
        self.lost(cache.create, "Version", self.version(), kind="504")
        self.quiet()
        holder = self.cache(hold="always", max_age=0.2)
        until = time.monotonic() + 30
        while not self.at_site(self.code()) and time.monotonic() < until:
            time.sleep(0.05)
        self.assertEqual(len(self.at_site(self.code())), 1)
        holder.close()

    def test_another_identity(self):
        """W9: nobody sends a write of somebody else, whatever the outbox says."""
        cache = self.cache()
        event = self.lost(cache.create, "Version", self.version(), kind="504")
        cache.close()
        outbox = pathlib.Path(self.directory, "partitions/outbox")
        self.directory += "-theirs"
        stranger = self.cache(script_name=None, script_key=None, user_login="user1", user_password="password1")
        shutil.copytree(outbox, pathlib.Path(self.directory, "partitions/outbox"), symlinks=True)
        self.quiet()
        self.writes()
        self.assertEqual(self.finished(stranger), 0)
        with self.assertRaisesRegex(fptcache.UnknownOutcome, "script:test_script"):
            stranger.create("Version", self.version(), event_id=event)
        self.assertEqual(self.writes(), 0)


if __name__ == "__main__":
    unittest.main()
