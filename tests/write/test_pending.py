"""Writes behind in answers, before FPT has them: from covered rows, from stored ids, from FPT itself."""

import json
import os
import subprocess
import threading
import unittest

import writetest  # noqa: F401  (finds fptcache)
import fptcache
from writetest import PROJECT

ROUNDS = 200 if os.environ.get("FPTC_LONG") else 8
IN_PROJECT = [["project", "is", PROJECT]]
COUNT = [{"field": "id", "type": "count"}]


class Pending(writetest.WriteTest):
    def setUp(self):
        super().setUp()
        self.writer = self.cache(refresh=0.0)
        self.reader = self.cache(refresh=0.0)
        for type in ("Version", "Shot", "Task"):
            self.writer.schema(type)
        self.ids = [self.writer.create("Version", self.version(f"old{i}", description=text))[0]["id"]
                    for i, text in enumerate(("one", "two", "three"))]

    def behind(self, verb, *arguments):
        return getattr(self.writer, verb)(*arguments, write="behind")[0]["id"]

    def write_all(self):
        self.new = self.behind("create", "Version", self.version("new", description="one"))
        self.behind("update", "Version", self.ids[0], {"description": "moved"})
        self.behind("update", "Version", self.ids[1], {"description": "one"})
        self.writer.delete("Version", self.ids[2], write="behind")

    def found(self, cache, *conditions, **how):
        rows = cache.find("Version", IN_PROJECT + [["code", "ends_with", self.code("")]] + list(conditions),
                          ["code", "description"], order="description", **how)
        return [(row["id"], row["description"]) for row in rows], sorted(rows.pending_ids), rows

    def check_all(self, cache, source):
        one = ["description", "is", "one"]
        rows, pending, answer = self.found(cache)
        self.assertEqual(rows, [(self.ids[0], "moved"), (self.new, "one"), (self.ids[1], "one")])
        self.assertEqual((pending, answer.source), (sorted([self.new, *self.ids[:2]]), source))
        self.assertEqual(self.found(cache, one)[0], [(self.new, "one"), (self.ids[1], "one")])
        self.assertEqual(self.found(cache, ["id", "is", self.new])[0], [(self.new, "one")])
        rows, pending, _ = self.found(cache, hide_pending=True)
        self.assertEqual((rows, pending), ([(self.ids[0], "one"), (self.ids[2], "three"), (self.ids[1], "two")], []))

    def check_settled(self, cache):
        """Under FPT's id, whichever it is asked for by."""
        self.writer.maintain()
        made = self.writer.resolve(self.new)
        want = [(self.ids[0], "moved"), (self.ids[1], "one"), (made, "one")]
        rows, pending, _ = self.found(cache)
        self.assertEqual((rows, pending), (want, []))
        for by in (made, self.new):
            self.assertEqual(self.found(cache, ["id", "is", by])[0], [(made, "one")])

    def cover(self, cache):
        cache.find("Version", IN_PROJECT, ["code", "description"])

    def test_from_covered(self):
        self.cover(self.reader)
        self.write_all()
        self.check_all(self.reader, "cache")
        self.check_all(self.writer, "cache")
        self.check_settled(self.reader)
        self.check_settled(self.writer)

    def test_from_fpt(self):
        self.write_all()
        self.site.reset_requests()
        self.check_all(self.reader, "upstream")
        self.check_all(self.reader, "cache")  # its stored ids
        self.check_settled(self.reader)

    def test_page_of_fpt(self):
        """Each row is on one page, whatever pending writes take out of one or put into it."""
        self.write_all()
        for _ in range(2):  # from FPT, then from its stored ids
            found = self.found(self.reader, limit=2)[0]
            self.assertEqual(found, [(self.ids[0], "moved"), (self.new, "one")])
            self.assertEqual(self.found(self.reader, limit=2, page=2)[0], [(self.ids[1], "one")])

    def test_first_row_of_fpt(self):
        """Deleted behind: the next one is the first now."""
        question = IN_PROJECT + [["code", "ends_with", self.code("")]]
        with self.cache(refresh=0.0) as away:
            self.assertEqual(len(away.find("Version", question, ["code"], order="code", limit=1)), 1)
            self.writer.delete("Version", self.ids[0], write="behind")
            for source in ("upstream", "cache"):
                answer = self.reader.find("Version", question, ["code"], order="code", limit=1)
                self.assertEqual(([row["id"] for row in answer], answer.source), ([self.ids[1]], source))
                self.assertEqual((answer.complete, answer.warnings), (True, []))

    def test_page_without_fpt(self):
        """What was stored of a page alone does not tell what has moved into it: said so."""
        question = IN_PROJECT + [["code", "ends_with", self.code("")]]
        self.assertEqual(len(self.reader.find("Version", question, ["code"], order="code", limit=1)), 1)
        self.writer.delete("Version", self.ids[0], write="behind")
        answer = self.reader.find("Version", question, ["code"], order="code", limit=1, mode="only-cache")
        self.assertEqual((len(answer), answer.complete), (0, False))
        self.assertIn("from one page to another", " ".join(answer.warnings))

    def test_site_is_down(self):
        self.cover(self.reader)
        self.write_all()
        self.site.faults([{"kind": "502", "match": ".", "times": -1}])
        rows, pending, answer = self.found(self.reader, max_age=0.0, deadline=2.0)
        self.assertEqual((len(rows), len(pending), answer.source), (3, 3, "stale"))

    def test_what_cannot_be_told(self):
        """Said, where only FPT can answer."""
        self.write_all()
        answer = self.reader.summarize("Version", IN_PROJECT + [["code", "ends_with", self.code("")]],
                                       COUNT)
        self.assertEqual(answer["summaries"], {"id": 3})
        self.assertIn("pending writes to Version are not in it", " ".join(answer["warnings"]))
        self.cover(self.reader)
        answer = self.reader.summarize("Version", IN_PROJECT + [["code", "ends_with", self.code("")]],
                                       COUNT)
        self.assertEqual((answer["summaries"], answer["warnings"]), ({"id": 3}, []))

    def test_never_neither_nor_both(self):
        """Another reads all the time while creates are made and settled: each is seen once, whatever its id, and by
        any of its ids."""
        self.cover(self.reader)
        stop, seen, ids = threading.Event(), [], []

        def read():
            while not stop.is_set():
                least = len(ids)
                rows = [row for row, _ in self.found(self.reader, ["description", "is", "race"])[0]]
                seen.append(least <= len(rows) <= len(ids) + 1 and len(set(rows)) == len(rows))
                for provisional in ids[:least]:
                    seen.append(len(self.found(self.reader, ["id", "is", provisional])[0]) == 1)

        thread = threading.Thread(target=read)
        thread.start()
        try:
            for i in range(ROUNDS):
                ids.append(self.behind("create", "Version", self.version(f"r{i}", description="race")))
                self.writer.maintain()
        finally:
            stop.set()
            thread.join()
        self.assertEqual(seen.count(False), 0, f"of {len(seen)} looks")
        self.assertGreater(len(seen), ROUNDS)

    def test_field_that_is_not_kept(self):
        """What a pending write leaves alone is FPT's to tell, where the cache never asked for it."""
        kept = [self.site.create("Version", self.version(f"kept{i}", frame_count=70 + i))["id"] for i in range(2)]
        question = IN_PROJECT + [["id", "in", kept]]
        self.assertEqual(len(self.reader.find("Version", question, ["code"])), 2)
        self.behind("update", "Version", kept[0], {"description": "moved"})
        for condition, rows in ((["frame_count", "is_not", 70], kept[1:]), (["frame_count", "is", None], []),
                                (["frame_count", "is", 70], kept[:1])):
            for source in ("upstream", "cache"):
                answer = self.reader.find("Version", question + [condition], ["description"])
                self.assertEqual(([row["id"] for row in answer], answer.source), (rows, source))

    def test_field_that_is_not_kept_of_stored(self):
        """The question was asked before, its answer is stored; the row that is written now was not among it."""
        kept = [self.site.create("Version", self.version(f"kept{i}", user=None))["id"] for i in range(2)]
        question = IN_PROJECT + [["id", "in", kept]]
        self.assertEqual(len(self.reader.find("Version", question, ["code"])), 2)
        self.assertEqual(len(self.reader.find("Version", question + [["sg_path_to_frames", "is", "x"]], [])), 0)
        self.behind("update", "Version", kept[0], {"description": "moved"})
        answer = self.reader.find("Version", question + [["sg_path_to_frames", "is", "x"]], [], mode="only-cache")
        self.assertEqual((len(answer), answer.complete), (0, False))
        self.assertIn("does not have all that is asked", " ".join(answer.warnings))
        answer = self.reader.find("Version", question + [["sg_path_to_frames", "is", "x"]], [])
        self.assertEqual((len(answer), answer.complete, answer.source), (0, True, "upstream"))

    def test_through_link_that_is_not_kept(self):
        """Whether such a row belongs to an answer only FPT can tell: its own stays, and that is said."""
        shot = self.site.create("Shot", {"project": PROJECT, "code": self.code("shot"), "description": "far"})["id"]
        version = self.site.create("Version", self.version("v", entity={"type": "Shot", "id": shot}))["id"]
        question = IN_PROJECT + [["code", "is", self.code("v")]]
        self.assertEqual(len(self.reader.find("Version", question, ["entity"])), 1)
        self.behind("update", "Version", version, {"description": "x"})
        for fields in (["code"], ["description"]):  # what is kept of other Shots
            self.reader.find("Shot", IN_PROJECT + [["id", "less_than", shot]], fields)
            answer = self.reader.find("Version", question + [["entity.Shot.description", "is", "far"]], ["code"])
            self.assertEqual([row["id"] for row in answer], [version])
            self.assertIn("pending writes to Version are not in it", " ".join(answer.warnings))

    def test_shown_through_link(self):
        """As far as the cache has it, and it does not decide whether the row is there."""
        shot = self.site.create("Shot", {"project": PROJECT, "code": self.code("shot")})["id"]
        self.reader.find("Shot", IN_PROJECT + [["id", "is", shot]], ["code"])
        self.new = self.behind("create", "Version", self.version("v", entity={"type": "Shot", "id": shot}))
        question = IN_PROJECT + [["code", "is", self.code("v")]]
        row, = self.reader.find("Version", question, ["code", "entity.Shot.code"])
        self.assertEqual((row["id"], row["entity.Shot.code"]), (self.new, self.code("shot")))
        answer = self.reader.find("Version", question, ["code", "entity.Shot.sg_head_in"])
        self.assertIn("pending writes to Version are not in it", " ".join(answer.warnings))

    def test_counted_once(self):
        """By the id that it was made under, while it gets FPT's."""
        self.writer = self.cache(refresh=0.0, quiet=20.0)  # a slow machine sends in time, too
        self.cover(self.reader)
        stop, seen, ids = threading.Event(), [], []

        def count():
            while not stop.is_set():
                for provisional in ids[-1:]:
                    answer = self.reader.summarize("Version", IN_PROJECT + [["id", "is", provisional]], COUNT)
                    seen.append(answer["summaries"]["id"])

        thread = threading.Thread(target=count)
        thread.start()
        try:
            for i in range(2 * ROUNDS):
                ids.append(self.behind("create", "Version", self.version(f"c{i}")))
                self.writer.maintain()
        finally:
            stop.set()
            thread.join()
        self.assertEqual(set(seen), {1}, f"of {len(seen)} counts")

    def test_drop_in(self):
        """What cannot be read of a row that is written does not make the write look as if it had failed."""
        options = {"script_name": "test_script", "api_key": "test_key_0123456789", "cache_dir": self.directory,
                   "hold": "never"}
        self.site.faults([{"kind": "502", "match": "_search|GET .*/entity/", "times": -1}])
        for mode in ("behind", "through"):
            with self.subTest(mode), fptcache.Shotgun(self.site.url, write=mode, **options) as sg:
                row = sg.create("Version", self.version(mode), return_fields=["code", "frame_count"])
                self.assertEqual(row["code"], self.code(mode))

    def test_command(self):
        self.cover(self.reader)
        self.write_all()
        command = [os.path.join(os.environ["FPTCACHE_BIN_DIR"], "fptcache"), "find", "Version", "--json", "--cache",
                   str(self.directory), "--mode", "only-cache", "--order", "description", "--filters",
                   json.dumps(IN_PROJECT + [["code", "ends_with", self.code("")]])]
        for option, ids, pending in (([], [self.ids[0], self.new, self.ids[1]], [self.ids[0], self.new, self.ids[1]]),
                                     (["--hide-pending"], [self.ids[0], self.ids[2], self.ids[1]], [])):
            answer = json.loads(subprocess.run(command + option, stdout=subprocess.PIPE, check=True).stdout)
            self.assertEqual(([row["id"] for row in answer["rows"]], answer["pending"]), (ids, pending))

    def test_links(self):
        """To a row that is not made yet: by its id, its name, and its fields; then by FPT's id."""
        shot = self.behind("create", "Shot", {"project": PROJECT, "code": self.code("shot")})
        link = {"type": "Shot", "id": shot}
        version = self.behind("create", "Version", self.version("v", entity=link))
        for type in ("Version", "Shot"):
            self.reader.find(type, IN_PROJECT, ["code"])
        for filters in ([["entity", "is", link]], [["entity.Shot.code", "is", self.code("shot")]]):
            row, = self.reader.find("Version", IN_PROJECT + filters, ["entity", "entity.Shot.code"])
            self.assertEqual((row["id"], row["entity"]), (version, {"type": "Shot", "id": shot, "name": self.code("shot")}))
            self.assertEqual(row["entity.Shot.code"], self.code("shot"))
        self.writer.maintain()
        made = self.writer.resolve(shot)
        row, = self.reader.find("Version", IN_PROJECT + [["entity", "is", link]], ["entity"])
        self.assertEqual((row["id"], row["entity"]["id"]), (self.writer.resolve(version), made))


if __name__ == "__main__":
    unittest.main()
