"""Mirrors: declared, brought up to date, widened, withdrawn, cancelled, and synced while the site changes."""

import threading
import time

import fptcache
from readtest import AGES, FOREVER, IN_PROJECT, LONG, NO_DATA, PROJECT, ReadTest, by_id, ids

FIELDS = "code,description,sg_status_list"


class Mirrors(ReadTest):

    def equal_to_site(self, cache, kind, fields, project=101, **how):
        truth = self.truth(kind, project)
        found = cache.find(kind, [IN_PROJECT] if project else [], fields, **how)
        self.assertEqual(ids(found), sorted(truth))
        for row in found:
            self.assertEqual({name: row[name] for name in fields}, {name: truth[row["id"]][name] for name in fields})
        return found

    def test_declaring_makes_one_request_and_syncing_few(self):
        cache = self.cache()
        _, counts = self.visits(cache.mirror_add, "Shot", 101, FIELDS)
        self.assertEqual(counts, {"schema": 1})
        self.assertEqual([(entry["project"], entry["type"], entry["as_of_age_s"]) for entry in cache.mirrors()],
                         [(101, "Shot", None)])
        done, counts = self.visits(cache.sync)
        self.assertEqual(counts, {"search": 1})
        self.assertEqual(done["types"][0]["rows"], len(self.truth("Shot")))
        self.silently(self.equal_to_site, cache, "Shot", FIELDS.split(","))
        _, counts = self.visits(cache.sync)
        self.assertEqual(counts, {"search": 2})
        with self.assertRaises(fptcache.ShotgunError):
            cache.mirror_add("Shot")                        # belongs to projects
        for fields in ("no_such_field", "image"):
            with self.assertRaises(fptcache.ShotgunError):
                cache.mirror_add("Shot", 101, fields)

    def test_nothing_new_makes_no_new_version(self):
        cache = self.cache()
        cache.mirror_add("Shot", 101)
        cache.sync()
        last = cache.changes("Shot", 101)[-1].version
        for _ in range(2):
            cache.sync()
            cache.find("Shot", [IN_PROJECT], ["code"], mode="refresh")
        self.assertEqual(cache.changes("Shot", 101, last), [])

    def test_widening_walks_again(self):
        cache = self.cache()
        cache.mirror_add("Shot", 101, "code")
        cache.sync()
        with self.assertRaises(fptcache.ShotgunError):
            cache.find("Shot", [IN_PROJECT], ["sg_cut_in"], mode="only-cache")
        cache.mirror_add("Shot", 101, "code,sg_cut_in")
        done, counts = self.visits(cache.sync)
        self.assertEqual((counts, done["types"][0]["rows"]), ({"search": 1}, len(self.truth("Shot"))))
        self.silently(self.equal_to_site, cache, "Shot", ["code", "sg_cut_in"])
        number = next(iter(self.truth("Shot")))
        self.site.touch("Shot", number, {"sg_cut_in": 4711})
        self.aged()
        self.assertEqual(by_id(self.equal_to_site(cache, "Shot", ["sg_cut_in"], max_age=AGES))[number]["sg_cut_in"], 4711)

    def test_a_field_more_in_a_find(self):
        """A find for a field that the mirror lacks asks FPT, and leaves the mirrored fields covered."""
        cache = self.cache()
        cache.mirror_add("Shot", 101, "code")
        cache.sync()
        _, counts = self.visits(cache.find, "Shot", [IN_PROJECT, ["sg_cut_in", "greater_than", 1]], ["sg_cut_out"])
        self.assertEqual(counts, {"search": 1})
        self.silently(self.equal_to_site, cache, "Shot", ["code"])
        self.aged()
        self.site.touch("Shot", next(iter(self.truth("Shot"))), {"code": "another"})
        self.equal_to_site(cache, "Shot", ["code"], max_age=AGES)
        cache.sync()
        self.silently(self.equal_to_site, cache, "Shot", ["code", "sg_cut_in", "sg_cut_out"])

    def test_withdrawing(self):
        cache = self.cache()
        for kind in ("Shot", "Asset"):
            cache.mirror_add(kind, 101, "code")
        cache.sync()
        self.assertTrue(cache.mirror_remove("Shot", 101))
        self.assertFalse(cache.mirror_remove("Shot", 101))
        self.assertEqual([entry["type"] for entry in cache.mirrors()], ["Asset"])
        self.assertEqual([entry["type"] for entry in cache.sync()["types"]], ["Asset"])
        self.assertTrue(self.silently(cache.find, "Shot", [IN_PROJECT], ["code"], max_age=FOREVER))
        self.assertTrue(cache.mirror_remove("Asset", 101))
        self.elsewhere("sync", expect=NO_DATA)

    def test_types_without_updated_at(self):
        """TaskDependency can only be walked again: what came, what changed and what went is all seen."""
        cache = self.cache()
        cache.mirror_add("TaskDependency")
        cache.sync()
        fields = ["dependency_type", "offset_days"]
        self.equal_to_site(cache, "TaskDependency", fields, None)
        rows = sorted(self.truth("TaskDependency", None))
        self.site.touch("TaskDependency", rows[0], {"offset_days": 77})
        self.site.retire("TaskDependency", rows[1])
        tasks = sorted(self.truth("Task"))
        self.site.create("TaskDependency", {"task": {"type": "Task", "id": tasks[0]},
                                            "dependent_task": {"type": "Task", "id": tasks[-1]}})
        self.aged()
        self.equal_to_site(cache, "TaskDependency", fields, None, max_age=AGES)
        self.site.retire("TaskDependency", rows[2])
        cache.sync()
        self.silently(self.equal_to_site, cache, "TaskDependency", fields, None)

    def test_every_kind_at_once(self):
        cache = self.cache()
        for kind in ("Shot", "Task", "Version", "Asset", "Sequence", "Note", "Playlist", "PublishedFile"):
            cache.mirror_add(kind, 101)
        for kind in ("HumanUser", "Step", "Status", "Tag"):
            cache.mirror_add(kind)
        cache.sync()
        for kind, name in (("Shot", "code"), ("Task", "content"), ("Note", "subject"), ("Playlist", "code")):
            self.silently(self.equal_to_site, cache, kind, [name])
        self.silently(self.equal_to_site, cache, "Tag", ["name"], None)


class Large(ReadTest):
    """A project of several pages: 10,000 rows."""
    site_options = {"rows": 30000 if LONG else 14000, "projects": 1}

    def test_first_load(self):
        cache, truth = self.cache(), self.truth("Task")
        self.assertGreater(len(truth), 3000)
        cache.mirror_add("Task", 101, "content,sg_status_list")
        seen = []
        done = cache.sync(progress=lambda what, number, total: seen.append((what, number)) and None)
        self.assertEqual(done["types"][0]["rows"], len(truth))
        self.assertEqual({what for what, _ in seen}, {"Task in project 101"})
        self.assertEqual([number for _, number in seen], sorted(number for _, number in seen))
        self.assertEqual(seen[-1][1], len(truth))
        found = self.silently(cache.find, "Task", [IN_PROJECT], ["content"])
        self.assertEqual({row["id"]: row["content"] for row in found},
                         {number: row["content"] for number, row in truth.items()})

    def test_cancelled_and_resumed(self):
        cache, truth = self.cache(), self.truth("Task")
        cache.mirror_add("Task", 101, "content")
        with self.assertRaises(fptcache.ShotgunError):
            cache.sync(progress=lambda what, number, total: number >= 2000)
        with self.assertRaises(fptcache.ShotgunError):
            cache.find("Task", [IN_PROJECT], ["content"], mode="only-cache")    # not complete: not shown
        self.assertGreater(len(cache.changes("Task", 101)), 900)                # but kept
        number = sorted(truth)[0]
        self.site.touch("Task", number, {"content": "changed between the two"})
        cache.sync()
        found = self.silently(cache.find, "Task", [IN_PROJECT], ["content"])
        self.assertEqual(ids(found), sorted(truth))
        self.assertEqual(found[0]["content"], "changed between the two")

    def test_a_whole_walk_of_several_pages_covers(self):
        cache, truth = self.cache(), self.truth("Task")
        pages = len(truth) // 1000 + 1
        _, counts = self.visits(cache.find, "Task", [IN_PROJECT], ["content"])
        self.assertEqual(counts, {"schema": 1, "search": pages + 2})    # and what changed between the pages
        found = self.silently(cache.find, "Task", [IN_PROJECT], ["content"])
        self.assertEqual((ids(found), found.source), (sorted(truth), "cache"))
        self.aged()
        _, counts = self.visits(cache.find, "Task", [IN_PROJECT, ["id", "is", 1]], ["content"], max_age=AGES)
        self.assertEqual(counts, {"search": 2})

    def test_synced_while_the_site_changes(self):
        """Rows are changed, made, retired, revived and moved all the time; afterwards every row agrees."""
        self.site.latency(20)
        cache, stop = self.cache(), threading.Event()
        numbers = sorted(self.truth("Task"))
        counter, gone = iter(range(10**9)), []

        def change():
            while not stop.is_set():
                n = next(counter)
                number = numbers[(n * 7919) % len(numbers)]
                if n % 10 == 3:
                    numbers.append(self.site.create("Task", {"content": f"new {n}", "project": PROJECT})["id"])
                elif n % 10 == 6 and number not in gone:
                    self.site.retire("Task", number)
                    gone.append(number)
                elif n % 20 == 9 and gone:
                    self.site.revive("Task", gone.pop())
                elif number not in gone:
                    self.site.touch("Task", number, {"content": f"changed {n}"})

        cache.mirror_add("Task", 101, "content")
        thread = threading.Thread(target=change)
        thread.start()
        try:
            for _ in range(2):
                cache.sync()
                self.elsewhere("sync")
        finally:
            stop.set()
            thread.join()
        self.site.latency(0)
        self.assertGreater(next(counter), 20)
        cache.sync()
        found = self.silently(cache.find, "Task", [IN_PROJECT], ["content"])
        truth = self.truth("Task")
        self.assertEqual({row["id"]: row["content"] for row in found},
                         {number: row["content"] for number, row in truth.items()})



