"""The change feed: every version once, in order, with tombstones and moved rows, for pages of any size,
across compactions, from several processes."""

import json
import threading
import time

import fptcache
from readtest import IN_PROJECT, PROJECT, ReadTest, by_id, ids, in_project


class Changes(ReadTest):
    site_options = {"rows": 1000}

    def walk(self, cache, kind="Shot", project=101, limit=1000, since=0):
        """All changes, page by page."""
        changes = []
        while True:
            page = cache.changes(kind, project, since, limit)
            if not page:
                return changes
            self.assertLessEqual(len(page), limit)
            changes += page
            since = page[-1].version

    def rebuilt(self, changes):
        """The rows that somebody has who took in these changes."""
        rows = {}
        for change in changes:
            if change.kind == "row":
                rows[change.id] = change.row
            else:
                rows.pop(change.id, None)
        return rows

    def in_order(self, changes):
        versions = [change.version for change in changes]
        self.assertEqual(versions, sorted(set(versions)))

    def history(self, cache):
        """Some of everything."""
        cache.find("Shot", [in_project(102)], ["code", "description"])
        cache.find("Shot", [IN_PROJECT], ["code", "description"])
        numbers = ids(cache.find("Shot", [IN_PROJECT], ["code"]))
        for n, number in enumerate(numbers[:6]):
            cache.update("Shot", number, {"description": f"v{n}"})
        made = [cache.create("Shot", {"code": f"c{n}", "project": PROJECT})[0]["id"] for n in range(3)]
        cache.delete("Shot", made[0])
        cache.delete("Shot", numbers[0])
        self.site.retire("Shot", numbers[1])
        self.site.move("Shot", numbers[2], 102)
        cache.find("Shot", [IN_PROJECT], ["code"], max_age=0)
        return numbers, made

    def test_pages_of_any_size(self):
        cache = self.cache()
        self.history(cache)
        whole = self.walk(cache)
        self.in_order(whole)
        for limit in (1, 2, 3, 7, 50, 999, 10000):
            self.assertEqual(self.walk(cache, limit=limit), whole, limit)
        cache.compact()
        self.assertEqual(self.walk(cache, limit=3), whole)
        cache = self.cache()                                    # this one begins with the snapshot
        for limit in (1, 3, 1000):
            self.assertEqual(self.walk(cache, limit=limit), whole, limit)
        cache.update("Shot", whole[-2].id if whole[-2].kind == "row" else ids(self.rows(cache))[-1], {"description": "x"})
        after = self.walk(cache, limit=4)
        self.in_order(after)
        self.assertEqual(len(after), len(whole))
        for limit in (1, 5, 1000):
            self.assertEqual(self.walk(cache, limit=limit), after, limit)

    def rows(self, cache):
        return cache.find("Shot", [IN_PROJECT], ["code", "description"])

    def test_tombstones_and_moves(self):
        cache = self.cache()
        numbers, made = self.history(cache)
        for compacted in (False, True):
            if compacted:
                cache.compact()
                cache = self.cache()                            # this one begins with the snapshot
            last = {change.id: change for change in self.walk(cache)}
            for number in (made[0], numbers[0], numbers[1]):
                self.assertEqual((last[number].kind, last[number].row), ("gone", None))
            self.assertEqual((last[numbers[2]].kind, last[numbers[2]].moved_to), ("moved", "project-102"))
            self.assertEqual(last[made[1]].row["code"], "c1")
            there = {change.id: change for change in self.walk(cache, project=102)}
            self.assertEqual(there[numbers[2]].kind, "row")
        self.site.revive("Shot", numbers[1])
        cache.find("Shot", [IN_PROJECT], ["code"], max_age=0)
        back = [change for change in self.walk(cache) if change.id == numbers[1]]
        self.assertEqual([change.kind for change in back], ["row"])
        cache.delete("Shot", numbers[1])
        cache.delete("Shot", numbers[3])
        last = [change for change in self.walk(cache) if change.id in (numbers[1], numbers[3])]
        self.assertEqual([(change.id, change.kind) for change in last], [(numbers[1], "gone"), (numbers[3], "gone")])

    def test_following(self):
        """Somebody who takes in page after page has what the site has, at every stop."""
        cache, follower = self.cache(), self.cache(mode="only-cache", refresh=0)
        rows, since = {}, 0
        seen = {}

        def follow(limit):
            nonlocal since
            while True:
                page = follower.changes("Shot", 101, since, limit)
                for change in page:
                    self.assertGreater(change.version, since)
                    self.assertNotEqual(seen.get(change.id), change.version)
                    since = seen[change.id] = change.version
                    rows[change.id] = change.row
                    if change.kind != "row":
                        del rows[change.id]
                if not page:
                    return

        cache.find("Shot", [IN_PROJECT], ["code", "description"])
        for n in range(12):
            follow((1, 3, 100)[n % 3])
            self.assertEqual({number: row["description"] for number, row in rows.items()},
                             {row["id"]: row["description"] for row in self.rows(cache)})
            number = ids(self.rows(cache))[n]
            if n % 4 == 3:
                self.site.retire("Shot", number)
                cache.find("Shot", [IN_PROJECT], ["code"], max_age=0)
            else:
                cache.update("Shot", number, {"description": f"step {n}"})
            if n % 5 == 2:
                cache.compact()
        follow(7)
        self.assertEqual(sorted(rows), sorted(self.truth("Shot")))

    def test_two_processes_while_others_write_and_compact(self):
        """Each follower meets each version once and in order; both end with what the site has."""
        cache = self.cache(grace=0)
        numbers = ids(cache.find("Shot", [IN_PROJECT], ["code", "description"]))
        done, problems, ends = threading.Event(), [], []

        def follow(limit):
            follower = fptcache.open(self.directory, mode="only-cache", refresh=0.02, hold="never")
            rows, since = {}, 0
            while True:
                last_round = done.is_set()
                page = follower.changes("Shot", 101, since, limit)
                versions = [change.version for change in page]
                if versions != sorted(set(versions)) or versions and versions[0] <= since:
                    problems.append((since, versions))
                for change in page:
                    since = change.version
                    rows[change.id] = change.row
                if not page and last_round:
                    break
                if not page:
                    time.sleep(0.01)
            follower.close()
            ends.append({number: row["description"] for number, row in rows.items() if row})

        def write(which):
            writer = self.cache()
            for n in range(12):
                writer.update("Shot", numbers[which + 2 * (n % 4)], {"description": f"{which} {n}"})
            writer.close()

        threads = [threading.Thread(target=follow, args=(limit,)) for limit in (2, 1000)]
        writers = [threading.Thread(target=write, args=(which,)) for which in (0, 1)]
        for thread in threads + writers:
            thread.start()
        while any(writer.is_alive() for writer in writers):
            cache.compact()
            self.elsewhere("compact")
        for writer in writers:
            writer.join()
        time.sleep(0.1)
        done.set()
        for thread in threads:
            thread.join()
        self.assertEqual(problems, [])
        truth = {number: row["description"] for number, row in self.truth("Shot").items()}
        self.assertEqual(ends, [truth, truth])

    def test_what_there_is_not(self):
        cache = self.cache()
        for kind in ("Shot", "NoSuchType"):
            with self.assertRaises(fptcache.ShotgunError):
                cache.changes(kind, 101)
        cache.find("Shot", [IN_PROJECT], ["code"])
        self.assertEqual(cache.changes("Shot", 101, self.walk(cache)[-1].version), [])
        with self.assertRaises(fptcache.ShotgunError):
            cache.changes("Shot", 102)
        for wrong in ({"since": -1}, {"limit": 10001}, {"limit": -1}):
            with self.assertRaises(fptcache.ShotgunError):
                cache.changes("Shot", 101, **wrong)

    def test_rows_are_whole(self):
        cache = self.cache()
        cache.mirror_add("Shot", 101)
        cache.sync()
        truth = self.truth("Shot")
        for change in self.walk(cache):
            for field in ("code", "description", "sg_cut_in", "sg_needs_retime"):
                self.assertEqual(change.row[field], truth[change.id][field])
        self.assertEqual(len(by_id(self.rows(cache))), len(truth))



