"""Dropping a project: who has it open, who asks afterwards, and mirroring it again."""

import pathlib
import unittest

import fptcache
from support import IN_PROJECT, PROJECT, WithSite


class Drops(WithSite):

    def filled(self, **options):
        cache = self.cache(max_age=600, **options)
        cache.mirror_add("Shot", 101)
        cache.sync()
        cache.compact()
        return cache

    def partition(self, cache):
        return next(p for p in cache.status()["partitions"] if p["partition"] == "project-101")

    def log(self):
        return pathlib.Path(self.directory, "partitions/project-101/log")

    def test_who_has_it_open_sees_it_empty(self):
        cache = self.filled()
        other = self.cache(refresh=0, mode="only-cache")
        shots = other.find("Shot", [IN_PROJECT], "code")
        self.assertEqual(len(shots), len(self.of_project("Shot")))
        latest = pathlib.Path(self.directory, "partitions/project-101/latest.sqlite")
        self.assertTrue(latest.is_symlink())
        self.assertTrue(cache.drop_project(101))
        self.assertFalse(latest.is_symlink())
        with self.assertRaisesRegex(fptcache.NoData, "project-101 was dropped from this cache on 20"):
            other.find("Shot", [IN_PROJECT], "code")
        with self.assertRaises(fptcache.ShotgunError):
            list(other.sql("SELECT id FROM Shot", 101))
        state = self.partition(other)
        self.assertEqual((state["dropped"], state["coverage"]), (state["head"], []))
        self.assertEqual([m for m in cache.mirrors() if m["project"] == 101], [])
        self.assertTrue(cache.drop_project(101))  # nothing came since
        self.assertEqual(self.partition(other)["head"], state["head"])

    def test_fpt_is_asked_again_and_says_so(self):
        cache = self.filled()
        cache.drop_project(101)
        answer, asked = self.visits(lambda: cache.find("Shot", [IN_PROJECT], "code"))
        self.assertEqual(len(answer), len(self.of_project("Shot")))
        self.assertEqual(answer.source, "upstream")
        self.assertTrue(any("was dropped" in line for line in answer.warnings), answer.warnings)
        self.assertGreater(sum(asked.values()), 0)
        again = cache.find("Shot", [IN_PROJECT], "code")
        self.assertEqual((again.source, again.warnings, again.rows), ("cache", [], answer.rows))

    def test_numbers_go_on(self):
        cache = self.filled()
        seen = max(change.version for change in cache.all_changes("Shot", 101))
        head = self.partition(cache)["head"]
        cache.drop_project(101)
        with self.assertRaisesRegex(fptcache.ShotgunError, "start again with version 0"):
            cache.changes("Shot", 101, since=seen)
        cache.mirror_add("Shot", 101)
        cache.sync()
        state = self.partition(cache)
        self.assertGreater(state["head"], head + 1)
        self.assertEqual(state["coverage"][0]["rows"], len(self.of_project("Shot")))
        with self.assertRaisesRegex(fptcache.ShotgunError, "start again with version 0"):
            cache.changes("Shot", 101, since=seen)
        changes = list(cache.all_changes("Shot", 101))
        self.assertEqual(len(changes), len(self.of_project("Shot")))
        self.assertTrue(all(change.version >> 20 > head for change in changes))
        answer, asked = self.visits(lambda: cache.find("Shot", [IN_PROJECT], "code"))
        self.assertTrue(answer.complete)
        self.assertEqual(asked.get("search", 0), 0)

    def test_a_stored_answer_over_projects_does_not_lose_rows(self):
        cache = self.filled()
        both = [["project", "in", [PROJECT, {"type": "Project", "id": 102}]]]
        first = cache.find("Shot", both, "code", limit=20)
        cache.drop_project(101)
        self.assertEqual(cache.find("Shot", both, "code", limit=20).rows, first.rows)

    def test_files_go_after_the_grace(self):
        cache = self.filled(grace=0)
        cache.drop_project(101)
        cache.compact()
        self.assertEqual(list(self.log().iterdir()), [])
        self.assertEqual(len(list((self.log().parent / "bases").iterdir())), 1)
        self.assertEqual(cache.verify()["problems"], [])

    def test_a_pin_outlives_it(self):
        cache = self.filled(grace=0)
        pinned = self.cache(pin=cache.pin(101))
        cache.drop_project(101)
        cache.compact()
        self.assertEqual(len(pinned.find("Shot", [IN_PROJECT], "code")), len(self.of_project("Shot")))
        with self.assertRaisesRegex(fptcache.ShotgunError, "pinned"):
            pinned.drop_project(101)

    def test_refused_while_a_write_has_no_end(self):
        cache = self.filled()
        shot = min(self.of_project("Shot"))
        self.site.faults([{"kind": "504-after-commit", "match": "PUT .*/entity/[Ss]hots?/", "times": 1}])
        with self.assertRaises(fptcache.ShotgunError) as caught:
            cache.update("Shot", shot, {"description": "unknown end"}, deadline=5)
        event = caught.exception.event_id
        self.site.clear_faults()
        with self.assertRaisesRegex(fptcache.ShotgunError, event):
            cache.drop_project(101)
        self.assertEqual(self.partition(cache)["dropped"], 0)
        self.assertEqual(self.cache().drop_project(102), False)  # never had any of it

    def test_wrong_projects(self):
        cache = self.filled()
        for project in (0, -1):
            with self.assertRaises(fptcache.ShotgunError):
                cache.drop_project(project)


if __name__ == "__main__":
    unittest.main()
