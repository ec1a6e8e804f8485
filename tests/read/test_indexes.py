"""What is asked often is indexed in the next snapshot, the answer stays the same, and the snapshot stays a
plain SQLite database that other programs are at home in."""

import os
import random
import shutil
import sqlite3
import subprocess
import unittest

from readtest import FOREVER, IN_PROJECT, ReadTest, ids

ASKED = 50
STANDARD = {("Shot", "sg_sequence link"), ("Version", "entity link"), ("Version", "sg_task link")}
SQLITE3 = shutil.which("sqlite3")


class Indexes(ReadTest):
    site_options = {"rows": 1500}

    def latest(self, partition="project-101"):
        return os.path.join(self.directory, "partitions", partition, "latest.sqlite")

    def stock(self, sql):
        """What Python's own sqlite3 says: it knows nothing of this project."""
        database = sqlite3.connect(f"file:{self.latest()}?immutable=1", uri=True)
        try:
            return database.execute(sql).fetchall()
        finally:
            database.close()

    def indexes(self, cache, partition="project-101"):
        """By type and wish, as the status shows them."""
        [entry] = [one for one in cache.status()["partitions"] if one["partition"] == partition]
        return {(one["type"], one["by"]): one for one in entry["indexes"]}

    def mirrored(self):
        cache = self.cache()
        for kind in ("Version", "Shot"):
            cache.mirror_add(kind, 101)
        cache.sync()
        return cache

    def questions(self):
        shot = next(row["entity"] for row in self.truth("Version").values()
                    if (row.get("entity") or {}).get("type") == "Shot")
        link = {"type": shot["type"], "id": shot["id"]}
        code = next(row["code"] for row in self.truth("Version").values() if row.get("code"))
        return [
            ("Version", [IN_PROJECT, ["entity", "is", link]], "-created_at", 10),
            ("Version", [IN_PROJECT, ["code", "is", code.swapcase()]], None, 0),
            ("Version", [IN_PROJECT, ["code", "contains", code[2:7].upper()]], None, 0),
        ]

    def ask(self, cache, times=1):
        answers = []
        for kind, filters, order, limit in self.questions():
            for _ in range(times):
                rows = cache.find(kind, filters, ["code", "created_at"], order=order, limit=limit,
                                  max_age=FOREVER)
            answers.append(ids(rows))
        return answers

    def asked_often(self):
        """A compacted cache, after every question was asked fifty times."""
        cache = self.mirrored()
        before = self.ask(cache, ASKED)
        self.assertTrue(all(before))
        cache = self.compacted(cache)
        self.assertEqual(self.ask(cache), before)
        return cache

    def compacted(self, cache):
        """The same cache after a compaction, with a new handle."""
        cache.close()
        self.elsewhere("compact")
        return self.cache()

    def test_follow_from_questions(self):
        cache = self.compacted(self.mirrored())
        self.assertEqual(set(self.indexes(cache)), STANDARD)
        before = self.ask(cache, ASKED)
        cache = self.compacted(cache)
        there = self.indexes(cache)
        self.assertEqual(there["Version", "entity link,created_at desc"]["uses"], ASKED)
        self.assertNotIn(("Version", "entity link"), there)   # the other one serves it
        self.assertEqual(there["Version", "code fold"]["uses"], ASKED)
        self.assertNotIn(("Version", "code scan"), there)     # so does this
        self.assertEqual(self.ask(cache), before)
        shot = next(row for row in self.truth("Shot").values() if row.get("code"))  # kept folded of Version only
        self.assertEqual(ids(cache.find("Shot", [IN_PROJECT, ["code", "is", shot["code"].swapcase()]], ["code"],
                                        max_age=FOREVER)), [shot["id"]])
        names = {name for name, in self.stock("SELECT name FROM sqlite_schema WHERE type='index'")}
        self.assertLessEqual({one["name"] for one in there.values()}, names)
        plan = str(self.stock("EXPLAIN QUERY PLAN SELECT * FROM Version WHERE entity__type='Shot' AND"
                              " entity__id=1 ORDER BY created_at DESC LIMIT 10"))
        self.assertIn(there["Version", "entity link,created_at desc"]["name"], plan)
        self.assertNotIn("TEMP B-TREE", plan)

    def test_explanations_and_streams_use_them(self):
        cache = self.compacted(self.mirrored())
        self.ask(cache, ASKED)
        cache = self.compacted(cache)
        cache.update("Version", ids(cache.find(*self.questions()[1][:2], ["code"], max_age=FOREVER))[0],
                     {"description": "in the overlay"})
        there = self.indexes(cache)
        by_entity = there["Version", "entity link,created_at desc"]["name"]
        by_code = there["Version", "code fold"]["name"]
        for (kind, filters, order, limit), index in zip(self.questions(), (by_entity, by_code)):
            question = (kind, filters, ["code", "created_at"], order or "", limit)
            with self.subTest(index=index):
                told = cache.explain(*question, max_age=FOREVER)
                found = cache.find(*question, max_age=FOREVER)
                self.assertIn(index, told["indexes"])
                self.assertEqual((told["answer"], told["rows"]), ("cache", len(found)))
                self.assertLess(told["rows_read"], len(self.truth("Version")) // 4)
                self.assertEqual("_fptc_fold_code" in told["sql"], index == by_code)
                self.assertEqual(list(cache.stream(*question, max_age=FOREVER)), found.rows)

    def test_one_question_is_no_reason(self):
        cache = self.compacted(self.mirrored())
        self.ask(cache)
        cache.update("Shot", next(iter(self.truth("Shot"))), {"description": "x"})
        self.ask(cache)
        self.assertEqual(set(self.indexes(self.compacted(cache))), STANDARD)

    def test_changes_keep_the_indexes_right(self):
        cache = self.asked_often()
        numbers = list(self.truth("Version"))
        dice = random.Random(7)
        for number in dice.sample(numbers, 12):
            cache.update("Version", number, {"code": dice.choice(["\u00c4ffchen", "SH \u00c9", "plain", None])})
        above = [ids(cache.find("Version", [IN_PROJECT, ["code", "is", text]], ["code"], max_age=FOREVER))
                 for text in ("\u00e4FFCHEN", "sh \u00e9", "PLAIN")]
        self.assertGreater(sum(map(len, above)), 3)
        cache = self.compacted(cache)
        self.assertEqual([ids(cache.find("Version", [IN_PROJECT, ["code", "is", text]], ["code"],
                                         max_age=FOREVER))
                          for text in ("\u00e4FFCHEN", "sh \u00e9", "PLAIN")], above)
        self.assertEqual(self.stock("PRAGMA integrity_check"), [("ok",)])

    def test_a_directory_that_cannot_be_written(self):
        cache = self.mirrored()
        cache.close()
        log = os.path.join(self.directory, "partitions", "project-101", "log")
        before = sorted(os.listdir(log))
        for folder, _, _ in os.walk(self.directory):
            os.chmod(folder, 0o555)
        try:
            if os.access(log, os.W_OK):
                self.skipTest("root writes anywhere")
            cache = self.cache()
            self.assertTrue(all(self.ask(cache, ASKED)))
            cache.close()
        finally:
            for folder, _, _ in os.walk(self.directory):
                os.chmod(folder, 0o755)
        self.assertEqual(sorted(os.listdir(log)), before)

    # -- other programs

    def test_python_reads_it(self):
        self.asked_often()
        self.assertEqual(self.stock("PRAGMA integrity_check"), [("ok",)])
        self.assertEqual(self.stock("PRAGMA quick_check"), [("ok",)])
        count = len(self.truth("Version"))
        self.assertEqual(self.stock("SELECT count(*) FROM Version"), [(count,)])
        self.assertEqual(len(self.stock("SELECT * FROM Version ORDER BY code, id")), count)
        self.assertEqual(self.stock("SELECT count(*) FROM Version WHERE lower(code) LIKE '%_%' OR code IS NULL"),
                         [(count,)])
        self.assertEqual(self.stock("SELECT count(*) FROM sqlite_schema WHERE sql LIKE '%fptc_fold(%'"), [(0,)])

    @unittest.skipUnless(SQLITE3, "needs the command sqlite3")
    def test_sqlite3_copies_and_changes_it(self):
        self.asked_often()
        copy = os.path.join(self.folder, "copy.sqlite")

        def run(database, *commands, **named):
            return subprocess.run([SQLITE3, "-bail", database, *commands], check=True, text=True,
                                  capture_output=True, **named).stdout

        run(f"file:{self.latest()}?immutable=1", f"VACUUM INTO '{copy}'")
        self.assertEqual(run(copy, "PRAGMA integrity_check"), "ok\n")
        run(copy, "UPDATE Version SET code='changed' WHERE id=(SELECT min(id) FROM Version); REINDEX; ANALYZE")
        dump = run(f"file:{self.latest()}?immutable=1", ".dump")
        again = os.path.join(self.folder, "again.sqlite")
        run(again, input=dump)
        self.assertEqual(run(again, "SELECT count(*) FROM Version"), f"{len(self.truth('Version'))}\n")


if __name__ == "__main__":
    unittest.main()
