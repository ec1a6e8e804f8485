"""Older never overwrites newer, whoever commits last: answers that were under way while somebody else
changed the rows, deleted or moved them, or asked for other fields."""

import json
import subprocess
import threading
import time

from readtest import COMMAND, IN_PROJECT, PROJECT, ReadTest, by_id, ids, in_project

SHOT = ["code", "description", "sg_status_list"]


class OlderNewer(ReadTest):
    site_options = {"rows": 1000}

    def slow_find(self, fields="code,description,sg_status_list", project=101, seconds=1.2, mode="refresh"):
        """A find of another process whose answer the site has made already but delivers later."""
        return self.late(["find", "Shot", "--filters", json.dumps([in_project(project)]), "--fields", fields,
                          "--mode", mode], seconds)

    def late(self, words, seconds=1.2):
        """A process whose first search the site has answered, but not delivered yet."""
        self.site.faults([{"kind": "late", "ms": int(seconds * 1000), "match": "Shot/_search", "times": 1}])
        process = self.start(*words)
        until = time.monotonic() + 5
        while self.site.control("GET", "/faults"):
            self.assertLess(time.monotonic(), until)
            time.sleep(0.01)
        time.sleep(0.15)
        self.assertIsNone(process.poll())
        return process

    def agrees(self, *caches, project=101):
        """Every row as the site has it, here and in another process, now and after compaction."""
        def check(found, what):
            truth = self.truth("Shot", project)
            self.assertEqual(ids(found), sorted(truth), what)
            for row in found:
                for field in SHOT:
                    self.assertEqual(row[field], truth[row["id"]][field], f"{what}: {row['id']} {field}")
        for cache in caches:
            check(cache.find("Shot", [in_project(project)], SHOT), "this process")
            check(self.find_elsewhere("Shot", [in_project(project)], ",".join(SHOT))["rows"], "another process")
            cache.compact()
            check(cache.find("Shot", [in_project(project)], SHOT), "compacted")
            check(self.find_elsewhere("Shot", [in_project(project)], ",".join(SHOT))["rows"], "compacted, elsewhere")

    def test_update_meets_an_older_answer(self):
        cache = self.cache()
        number = ids(cache.find("Shot", [IN_PROJECT], SHOT))[0]
        process = self.slow_find()
        cache.update("Shot", number, {"description": "newer"})
        self.finish(process)
        self.assertEqual(by_id(cache.find("Shot", [IN_PROJECT], SHOT))[number]["description"], "newer")
        self.agrees(cache)

    def test_two_updates_within_a_second(self):
        """updated_at counts whole seconds: it cannot tell the two apart."""
        cache = self.cache()
        number = ids(cache.find("Shot", [IN_PROJECT], SHOT))[0]
        self.site.clock("2026-06-01T12:00:00Z")
        self.addCleanup(self.site.clock, None)
        cache.update("Shot", number, {"description": "first"})
        process = self.slow_find()
        cache.update("Shot", number, {"description": "second"})
        self.finish(process)
        self.assertEqual(by_id(cache.find("Shot", [IN_PROJECT], SHOT))[number]["description"], "second")
        self.agrees(cache)

    def test_delete_meets_an_older_answer(self):
        cache = self.cache()
        number = ids(cache.find("Shot", [IN_PROJECT], SHOT))[1]
        process = self.slow_find()
        cache.delete("Shot", number)
        self.finish(process)
        self.assertNotIn(number, ids(cache.find("Shot", [IN_PROJECT], SHOT)))
        self.agrees(cache)

    def test_create_meets_an_older_answer(self):
        cache = self.cache()
        cache.find("Shot", [IN_PROJECT], SHOT)
        process = self.slow_find()
        number = cache.create("Shot", {"code": "made meanwhile", "project": PROJECT})[0]["id"]
        self.finish(process)
        self.assertIn(number, ids(cache.find("Shot", [IN_PROJECT], SHOT)))
        self.agrees(cache)

    def test_move_meets_an_older_answer(self):
        cache = self.cache()
        number = ids(cache.find("Shot", [IN_PROJECT], SHOT))[2]
        cache.find("Shot", [in_project(102)], SHOT)
        process = self.slow_find()
        cache.update("Shot", number, {"project": {"type": "Project", "id": 102}})
        self.finish(process)
        self.assertNotIn(number, ids(cache.find("Shot", [IN_PROJECT], SHOT)))
        self.assertIn(number, ids(cache.find("Shot", [in_project(102)], SHOT)))
        self.agrees(cache)
        self.agrees(cache, project=102)

    def test_catching_up_meets_an_older_answer(self):
        """The change was somebody else's, and this process has learnt of it while the other was waiting."""
        cache = self.cache()
        number = ids(cache.find("Shot", [IN_PROJECT], SHOT))[3]
        process = self.slow_find()
        self.site.touch("Shot", number, {"description": "by somebody"})
        self.assertEqual(by_id(cache.find("Shot", [IN_PROJECT], SHOT, max_age=0))[number]["description"], "by somebody")
        self.finish(process)
        self.agrees(cache)

    def test_silent_rewrite_within_a_second(self):
        """Nothing proves which of two states is newer: the row is suspect, and read again before it counts."""
        cache = self.cache()
        number = ids(cache.find("Shot", [IN_PROJECT], SHOT))[4]
        process = self.slow_find()
        self.site.control("POST", "/set", {"type": "Shot", "id": number, "fields": {"description": "unstamped"}})
        found, counts = self.visits(cache.find, "Shot", [IN_PROJECT, ["id", "is", number]], SHOT, mode="refresh")
        self.assertEqual(found[0]["description"], "unstamped")
        self.finish(process)
        found, counts = self.visits(cache.find, "Shot", [IN_PROJECT], SHOT)
        self.assertEqual(by_id(found)[number]["description"], "unstamped")
        self.assertLessEqual(counts.get("search", 0), 3)
        self.agrees(cache)
        self.silently(cache.find, "Shot", [IN_PROJECT], SHOT)

    def test_silent_rewrite_committed_last(self):
        """Of two answers that nothing tells apart the older is committed first: it must not stay."""
        cache = self.cache()
        number = ids(cache.find("Shot", [IN_PROJECT], SHOT))[5]
        older = self.slow_find(seconds=0.8)
        self.site.control("POST", "/set", {"type": "Shot", "id": number, "fields": {"description": "unstamped"}})
        newer = self.late(["find", "Shot", "--filters", json.dumps([IN_PROJECT, ["id", "is", number]]), "--fields",
                           ",".join(SHOT), "--mode", "refresh"], 1.6)
        self.site.control("POST", "/set", {"type": "Shot", "id": number, "fields": {"sg_status_list": "omt"}})
        third = self.late(["find", "Shot", "--filters", json.dumps([IN_PROJECT, ["id", "in", [number]]]), "--fields",
                           ",".join(SHOT), "--mode", "refresh", "--limit", 5], 1.6)
        for process in (older, newer, third):
            self.finish(process)
        found, counts = self.visits(cache.find, "Shot", [IN_PROJECT], SHOT)
        self.assertEqual((by_id(found)[number]["description"], by_id(found)[number]["sg_status_list"]),
                         ("unstamped", "omt"))
        self.assertGreater(counts.get("search", 0), 0)      # it was read again
        self.agrees(cache)
        self.silently(cache.find, "Shot", [IN_PROJECT], SHOT)

    def test_stored_query_meets_a_newer_write(self):
        """The ids of an answer that a write has overtaken are not believed."""
        cache = self.cache()
        wip = ["sg_status_list", "is", "ip"]
        cache.find("Shot", [IN_PROJECT, wip], SHOT)
        outside = next(number for number, row in self.truth("Shot").items() if row["sg_status_list"] != "ip")
        process = self.late(["find", "Shot", "--filters", json.dumps([IN_PROJECT, wip]), "--fields", ",".join(SHOT),
                             "--mode", "refresh"])
        cache.update("Shot", outside, {"sg_status_list": "ip"})
        self.finish(process)
        self.assertIn(outside, ids(cache.find("Shot", [IN_PROJECT, wip], SHOT)))
        self.assertIn(outside, ids(self.find_elsewhere("Shot", [IN_PROJECT, wip], ",".join(SHOT))["rows"]))

    def test_fewer_and_more_fields_at_once(self):
        """Two processes that keep different fields: no row ends up without a value it had."""
        cache = self.cache()
        cache.find("Shot", [IN_PROJECT, ["id", "greater_than", 0]], ["code"])
        process = self.slow_find(fields="code")
        cache.find("Shot", [IN_PROJECT], SHOT)
        self.finish(process)
        self.agrees(cache)

    def test_many_at_once(self):
        """Four processes ask and write for a while, each with delays of its own; then all agree with the site."""
        cache = self.cache()
        numbers = ids(cache.find("Shot", [IN_PROJECT], SHOT))[:6]
        self.site.faults([{"kind": "latency", "ms": 60, "match": "_search", "times": -1, "probability": 0.5},
                          {"kind": "late", "ms": 120, "match": "_search", "times": -1, "probability": 0.5}])
        until = time.monotonic() + 4

        def run(words):
            while time.monotonic() < until:
                subprocess.run(words(), env=self.environment(), stdout=subprocess.DEVNULL, check=True)

        count = iter(range(10**6))
        find = lambda: [str(COMMAND), "find", "Shot", "--project", "101", "--fields", ",".join(SHOT),  # noqa: E731
                        "--mode", "refresh"]
        write = lambda: [str(COMMAND), "update", "Shot", str(numbers[next(count) % 6]),  # noqa: E731
                         "--data", json.dumps({"description": f"d{next(count)}"})]
        fresh = lambda: [*find()[:-2], "--max-age", "0"]  # noqa: E731
        threads = [threading.Thread(target=run, args=(words,)) for words in (find, write, fresh, find)]
        for thread in threads:
            thread.start()
        while time.monotonic() < until:
            self.site.touch("Shot", numbers[next(count) % 6], {"sg_status_list": ("ip", "fin")[next(count) % 2]})
            time.sleep(0.05)
        for thread in threads:
            thread.join()
        self.site.clear_faults()
        cache.find("Shot", [IN_PROJECT], SHOT, max_age=0)
        self.agrees(cache)

