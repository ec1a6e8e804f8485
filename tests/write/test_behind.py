"""Writes behind: durable at once, sent later, in order, together; rows that go by other ids until then."""

import contextlib
import time
import unittest

import writetest  # noqa: F401  (finds fptcache)
import fptcache
from writetest import INTENT, PROJECT, REFUSED, SETTLED


class Behind(writetest.WriteTest):
    def kinds(self):
        counts = self.site.counts()
        self.site.reset_requests()
        return {kind: counts[kind] for kind in ("create", "update", "delete", "batch", "search") if counts.get(kind)}

    def finished(self, cache):
        return next(p["finished"] for p in cache.maintain()["partitions"] if p["partition"] == "outbox")

    def one(self, cache, verb, *arguments, **named):
        """The answer of a write behind."""
        return getattr(cache, verb)(*arguments, write="behind", **named)

    def test_create(self):
        """Nothing is asked of FPT; the row goes by an id below 0 until it is sent, and for ever after."""
        cache = self.cache()
        cache.schema("Version")
        self.site.reset_requests()
        answer = self.one(cache, "create", "Version", self.version())
        self.assertTrue(answer.pending)
        self.assertLess(answer[0]["id"], 0)
        self.assertEqual(answer[0]["code"], self.code())
        self.assertEqual(self.kinds(), {})
        self.assertEqual(self.mutations(cache)[answer.event_id]["state"], INTENT)
        again = self.one(cache, "create", "Version", self.version(), event_id=answer.event_id)
        self.assertEqual(again[0]["id"], answer[0]["id"])
        self.assertRaises(fptcache.Pending, cache.resolve, answer[0]["id"])
        self.assertEqual(self.finished(cache), 1)
        self.assertEqual(self.kinds(), {"create": 1, "search": 1})
        made, = self.at_site(self.code())
        self.assertEqual(cache.resolve(answer[0]["id"]), made)
        again = self.one(cache, "create", "Version", self.version(), event_id=answer.event_id)
        self.assertEqual((again[0]["id"], again.pending), (made, False))
        self.assertEqual(self.kinds(), {})

    def test_together(self):
        """What waits goes with one request, and is read back with one."""
        cache = self.cache()
        cache.schema("Version")
        self.site.reset_requests()
        for i in range(10):
            self.one(cache, "create", "Version", self.version(f"v{i}"))
        self.assertEqual(self.finished(cache), 10)
        self.assertEqual(self.kinds(), {"batch": 1, "search": 1})
        for i in range(10):
            self.assertEqual(len(self.at_site(self.code(f"v{i}"))), 1)

    def test_names(self):
        """A row that is not made yet is named by its id, in links and as the row of another write."""
        cache = self.cache()
        for type in ("Version", "Shot", "Task"):
            cache.schema(type)
        self.site.reset_requests()
        shot = self.one(cache, "create", "Shot", self.version("s"))[0]["id"]
        link = {"type": "Shot", "id": shot}
        version = self.one(cache, "create", "Version", self.version("v", entity=link))[0]["id"]
        self.one(cache, "update", "Version", version, {"description": "first"})
        self.one(cache, "update", "Version", version, {"description": "second"})
        self.one(cache, "create", "Task", {"project": PROJECT, "content": self.code("t"), "entity": link})
        self.assertEqual(self.finished(cache), 5)
        made = cache.resolve(version)
        row = next(row for row in self.site.rows("Version") if row["id"] == made)
        self.assertEqual((row["entity"]["id"], row["description"]), (cache.resolve(shot), "second"))
        task = next(row for row in self.site.rows("Task") if row["content"] == self.code("t"))
        self.assertEqual(task["entity"]["id"], cache.resolve(shot))
        with self.assertRaises(fptcache.ShotgunError):
            self.one(cache, "update", "Version", -12345, {"description": "nobody"})

    def test_named_by_a_write_through(self):
        """It is made first, then."""
        cache = self.cache()
        cache.schema("Shot")
        shot = self.one(cache, "create", "Shot", self.version("s"))[0]["id"]
        version = cache.create("Version", self.version("v", entity={"type": "Shot", "id": shot}))
        self.assertEqual(version[0]["entity"]["id"], cache.resolve(shot))
        cache.update("Shot", shot, {"description": "by the id that it went by"})
        row = next(row for row in self.site.rows("Shot") if row["id"] == cache.resolve(shot))
        self.assertEqual(row["description"], "by the id that it went by")

    def test_named_by_many(self):
        """As many as it names are made first; none is asked for twice."""
        cache = self.cache()
        cache.schema("Playlist")
        cache.schema("Version")
        requests = [{"request_type": "create", "entity_type": "Version", "data": self.version(f"m{i}")}
                    for i in range(18)]
        links = []
        for request in requests:
            links.append({"type": "Version", "id": self.one(cache, "create", "Version", request["data"])[0]["id"]})
        made = cache.create("Playlist", {"project": PROJECT, "code": self.code(), "versions": links})
        row = next(row for row in self.site.rows("Playlist") if row["id"] == made[0]["id"])
        self.assertEqual({link["id"] for link in row["versions"]}, {cache.resolve(link["id"]) for link in links})

    def test_named_in_a_row(self):
        """Rows that name each other deeper than one write goes wait for whoever keeps the outbox; nothing is lost."""
        cache = self.cache()
        cache.schema("Version")
        above = self.one(cache, "create", "Version", self.version("d0"))[0]["id"]
        for i in range(1, 18):
            link = {"type": "Version", "id": above}
            above = self.one(cache, "create", "Version", self.version(f"d{i}", entity=link))[0]["id"]
        with self.assertRaisesRegex(fptcache.Pending, "nothing was sent"):
            cache.update("Version", above, {"description": "too deep"})

    def test_given_up(self):
        """Its Shot is refused: what names it says what to decide first. It is dropped: so is refused what names it."""
        cache = self.cache()
        cache.schema("Version")
        row = cache.create("Version", self.version())[0]["id"]
        shot = self.one(cache, "create", "Shot", self.version("s", sg_sequence={"type": "Sequence", "id": 987654}))
        link = {"entity": {"type": "Shot", "id": shot[0]["id"]}}
        event = self.one(cache, "update", "Version", row, link).event_id
        batch = cache.batch([{"request_type": "update", "entity_type": "Version", "entity_id": row, "data": data}
                             for data in ({"description": "x"}, link)], write="behind")
        cache.maintain()
        line, = cache.outbox(event=event)
        self.assertEqual(line["state"], "pending")
        self.assertIn(shot.event_id, line["next"])
        cache.outbox_drop(shot.event_id)
        cache.maintain()
        for each in (event, *(answer["event"] for answer in batch)):
            line, = cache.outbox(event=each)
            self.assertEqual((line["state"], shot.event_id in line["said"]["text"]), ("refused", True))
        cache.update("Version", row, {"description": "through"})

    def test_edited_names(self):
        """A refused create cannot be edited to name itself, one that waits for it, or one that nobody knows."""
        cache = self.cache()
        cache.schema("Version")
        missing = {"type": "Shot", "id": 987654}
        first = self.one(cache, "create", "Version", self.version("e0", entity=missing))
        own = {"type": "Version", "id": first[0]["id"]}
        second = self.one(cache, "create", "Version", self.version("e1", entity=own))[0]["id"]
        cache.maintain()
        for id in (own["id"], second):
            with self.assertRaisesRegex(fptcache.ShotgunError, "neither that row nor"):
                cache.outbox_edit(first.event_id, self.version("e0", entity={"type": "Version", "id": id}))
        with self.assertRaisesRegex(fptcache.ShotgunError, "no create"):
            cache.outbox_edit(first.event_id, self.version("e0", entity={"type": "Version", "id": -12345}))
        cache.outbox_edit(first.event_id, self.version("e0"))
        self.assertEqual(self.finished(cache), 2)

    def test_what_names(self):
        """A link is a field's value or stands in its list; what is deeper is the user's own JSON."""
        cache = self.cache()
        for type in ("Project", "Playlist", "Version"):
            cache.schema(type)
        kept = {"mine": {"type": "anything", "id": -3}}
        cache.update("Project", PROJECT["id"], {"tracking_settings": kept})
        pending = {"type": "Version", "id": self.one(cache, "create", "Version", self.version())[0]["id"]}
        with self.assertRaises(fptcache.ShotgunError):  # also behind one that is only not made yet
            self.one(cache, "create", "Playlist", {"project": PROJECT, "code": self.code(), "versions": [
                pending, {"type": "Version", "id": -12345}]})
        made = cache.create("Playlist", {"project": PROJECT, "code": self.code()})[0]["id"]
        cache.update("Playlist", made, {"versions": {"multi_entity_update_mode": "add", "value": [pending]}})
        row = next(row for row in self.site.rows("Playlist") if row["id"] == made)
        self.assertEqual([link["id"] for link in row["versions"]], [cache.resolve(pending["id"])])

    def test_needs_one_under_way(self):
        """What became of the row that it names is not known: nothing of this one was sent, so it is not unknown."""
        cache = self.cache(quiet=3600.0)
        cache.schema("Version")
        shot = self.one(cache, "create", "Shot", self.version("s"))
        self.lose(match="^POST .*/entity/[Ss]hots?$")
        cache.maintain()
        self.site.clear_faults()
        with self.assertRaisesRegex(fptcache.Pending, "nothing was sent"):
            cache.create("Version", self.version("v", entity={"type": "Shot", "id": shot[0]["id"]}))

    def test_order(self):
        """A write through to a row waits for what was written behind before: that goes first."""
        cache = self.cache()
        row = cache.create("Version", self.version())[0]["id"]
        self.one(cache, "update", "Version", row, {"description": "behind", "code": self.code("x")})
        cache.update("Version", row, {"description": "through"})
        made = next(each for each in self.site.rows("Version") if each["id"] == row)
        self.assertEqual((made["description"], made["code"]), ("through", self.code("x")))

    def test_culprit(self):
        """FPT refuses the whole request for one of its writes: the others are done all the same (W5)."""
        cache = self.cache()
        gone = cache.create("Version", self.version("gone"))[0]["id"]
        answers = [self.one(cache, "create", "Version", self.version(f"v{i}")) for i in range(7)]
        bad = self.one(cache, "update", "Version", gone, {"description": "too late"})
        self.assertTrue(self.one(cache, "delete", "Version", 987654))
        self.site.retire("Version", gone)
        self.assertEqual(self.finished(cache), 9)
        states = {event: line["state"] for event, line in self.mutations(cache).items()}
        self.assertEqual([states[answer.event_id] for answer in answers], [SETTLED] * 7)
        self.assertEqual(states[bad.event_id], REFUSED)
        self.assertEqual(sorted(states.values()), [SETTLED] * 9 + [REFUSED])
        for i in range(7):
            self.assertEqual(len(self.at_site(self.code(f"v{i}"))), 1)

    def test_holder(self):
        """Whoever holds sends what others leave; and what a handle leaves that holds when nobody else does."""
        cache, holder = self.cache(), self.cache(hold="always")
        self.one(cache, "create", "Version", self.version())
        self.until(lambda: self.at_site(self.code()))
        holder.close()
        auto = self.cache(hold="auto")
        self.one(auto, "create", "Version", self.version("auto"))
        self.until(lambda: self.at_site(self.code("auto")))

    def until(self, done, seconds=30):
        end = time.monotonic() + seconds
        while not done() and time.monotonic() < end:
            time.sleep(0.05)
        self.assertTrue(done())

    def test_down(self):
        """FPT cannot be asked: everything waits, in order; nothing of it was sent, so nothing is unknown."""
        cache = self.cache()
        cache.schema("Version")
        row = cache.create("Version", self.version())[0]["id"]
        self.lose("429", match="^(POST|PUT) .*/entity/(?!.*_search)", times=-1)
        for i in range(5):
            self.one(cache, "update", "Version", row, {"description": f"{i}"})
        self.one(cache, "create", "Version", self.version("w"))
        self.assertRaises(fptcache.ShotgunError, cache.maintain)
        self.assertEqual([line["state"] for line in self.mutations(cache).values()].count(INTENT), 6)
        self.site.clear_faults()
        self.assertEqual(self.finished(cache), 6)
        made = next(each for each in self.site.rows("Version") if each["id"] == row)
        self.assertEqual((made["description"], len(self.at_site(self.code("w")))), ("4", 1))


class Conflicts(writetest.WriteTest):
    def known(self, **fields):
        """A cache that has all Versions, and a new row of them."""
        cache = self.cache()
        cache.find("Version", [["project", "is", PROJECT]], ["code", "description", "sg_status_list"])
        return cache, cache.create("Version", self.version(**fields))[0]["id"]

    def changed(self, on_conflict, **theirs):
        """An update behind of what somebody else changes before it is sent."""
        cache, row = self.known(description="old", sg_status_list="rev")
        update = cache.update("Version", row, {"description": "mine", "sg_status_list": "apr"}, write="behind",
                              on_conflict=on_conflict)
        self.site.touch("Version", row, theirs)
        cache.maintain()
        made = next(each for each in self.site.rows("Version") if each["id"] == row)
        return self.mutations(cache)[update.event_id], (made["description"], made["sg_status_list"])

    def test_fail(self):
        line, row = self.changed("fail", description="theirs")
        self.assertEqual((line["state"], line["outcome"]["why"], row), (REFUSED, "conflict", ("theirs", "rev")))
        self.assertIn("description", line["outcome"]["text"])
        self.assertNotIn("sg_status_list", line["outcome"]["text"])

    def test_retried(self):
        """Who has seen the conflict and wants it sent again overwrites."""
        cache, row = self.known(description="old")
        event = cache.update("Version", row, {"description": "mine"}, write="behind").event_id
        self.site.touch("Version", row, {"description": "theirs"})
        cache.maintain()
        self.assertEqual(self.mutations(cache)[event]["state"], REFUSED)
        cache.outbox_retry(event)
        cache.maintain()
        made = next(each for each in self.site.rows("Version") if each["id"] == row)
        self.assertEqual((self.mutations(cache)[event]["state"], made["description"]), (SETTLED, "mine"))

    def test_merged_and_lost(self):
        """What was left out of an update is not looked for when its answer is lost."""
        cache, row = self.known(description="old", sg_status_list="rev")
        event = cache.update("Version", row, {"description": "mine", "sg_status_list": "apr"}, write="behind",
                             on_conflict="merge").event_id
        self.site.touch("Version", row, {"description": "theirs"})
        self.lose("504-after-commit")
        cache.maintain()
        self.site.clear_faults()
        self.quiet()
        cache.maintain()
        line = self.mutations(cache)[event]
        self.assertEqual((line["state"], line["outcome"].get("left")), (SETTLED, ["description"]))

    def test_merged_and_edited(self):
        """What a person writes in place of it is sent whole, whatever an attempt before has left out."""
        cache, row = self.known(description="old", sg_status_list="rev")
        event = cache.update("Version", row, {"description": "mine", "sg_status_list": "no such"}, write="behind",
                             on_conflict="merge").event_id
        self.site.touch("Version", row, {"description": "theirs"})
        cache.maintain()
        self.assertEqual(self.mutations(cache)[event]["state"], REFUSED)
        cache.outbox_edit(event, {"description": "edited"})
        cache.maintain()
        line = self.mutations(cache)[event]
        self.assertEqual((line["state"], line["outcome"].get("why")), (REFUSED, "conflict"))
        cache.outbox_retry(event)
        cache.maintain()
        made = next(each for each in self.site.rows("Version") if each["id"] == row)
        self.assertEqual((self.mutations(cache)[event]["state"], made["description"]), (SETTLED, "edited"))

    def test_same(self):
        """Others wrote another field, or what was to be written: no conflict."""
        self.assertEqual(self.changed("fail", code="theirs")[1], ("mine", "apr"))
        self.assertEqual(self.changed("fail", description="mine")[1], ("mine", "apr"))

    def test_overwrite(self):
        line, row = self.changed("overwrite", description="theirs")
        self.assertEqual((line["state"], row), (SETTLED, ("mine", "apr")))

    def test_merge(self):
        line, row = self.changed("merge", description="theirs")
        self.assertEqual((line["state"], row), (SETTLED, ("theirs", "apr")))
        self.assertEqual((line["outcome"]["fields"], line["outcome"]["left"]), (["sg_status_list"], ["description"]))

    def test_given_up(self):
        """What an earlier one was to write, and FPT refused, was seen by the writers of the next ones only."""
        cache, row = self.known(description="old")
        for i in range(3):
            cache.update("Version", row, {"description": f"{i}", "sg_status_list": "no such" if i < 2 else "rev"},
                         write="behind")
        cache.maintain()
        made = next(each for each in self.site.rows("Version") if each["id"] == row)
        self.assertEqual((made["description"], made["sg_status_list"]), ("2", "rev"))

    def test_not_readable(self):
        """A type whose rows FPT does not let us read any more: its updates wait, and nothing else does."""
        cache = self.cache()
        cache.find("Version", [["project", "is", PROJECT]], ["code", "description"])
        row = cache.create("Version", self.version(description="old"))[0]["id"]
        event = cache.update("Version", row, {"description": "mine"}, write="behind").event_id
        other = cache.create("Shot", self.version("other"), write="behind").event_id
        self.site.faults([{"kind": "html-403", "times": 100, "match": "POST .*/entity/[Vv]ersions?/_search"}])
        with contextlib.suppress(fptcache.ShotgunError):
            cache.maintain()
        self.site.clear_faults()
        mutations = self.mutations(cache)
        self.assertEqual((mutations[event]["state"], mutations[other]["state"]), (INTENT, SETTLED))
        cache.maintain()
        self.assertEqual(self.mutations(cache)[event]["state"], SETTLED)

    def test_own(self):
        """What the same tool left before is no conflict, nor is what was created behind."""
        cache = self.cache()
        row = cache.create("Version", self.version(), write="behind")[0]["id"]
        for i in range(3):
            cache.update("Version", row, {"description": f"{i}"}, write="behind")
        cache.maintain()
        made = next(each for each in self.site.rows("Version") if each["id"] == cache.resolve(row))
        self.assertEqual(made["description"], "2")
        self.assertEqual({line["state"] for line in self.mutations(cache).values()}, {SETTLED})


if __name__ == "__main__":
    unittest.main()
