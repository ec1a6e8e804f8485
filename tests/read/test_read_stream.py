"""Rows one after the other: the same as a find's, standing still while others write, compact and delete,
in memory that does not grow; SQL that cannot write; explain."""

import gc
import glob
import itertools
import os
import pathlib
import shutil
import subprocess
import time
import unittest

import fptcache
from fptcache import _results, native
from readtest import FOREVER, IN_PROJECT, ReadTest, ids, in_project

FIELDS = ["code", "description", "sg_sequence", "assets", "sg_sequence.Sequence.code", "sg_cut_in", "created_at"]
DATASET = pathlib.Path(os.environ["FPTCACHE_BIN_DIR"], "tests/bench/bench_dataset")


def in_projects(*numbers):
    return ["project", "in", [{"type": "Project", "id": number} for number in numbers]]


def private_kib():
    """Of this process, the memory that nobody else has."""
    for line in pathlib.Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Private_Dirty:"):
            return int(line.split()[1])
    raise AssertionError("no Private_Dirty")


class Streams(ReadTest):
    site_options = {"rows": 1500}

    def mirrored(self, **options):
        cache = self.cache(**options)
        for kind in ("Shot", "Sequence", "Asset"):
            cache.mirror_add(kind, 101)
        cache.sync()
        return cache

    def test_as_find(self):
        cache = self.mirrored()
        for compacted in (False, True):
            if compacted:
                cache.compact()
                cache.update("Shot", ids(cache.find("Shot", [IN_PROJECT]))[3], {"description": "overlay"})
                cache = self.cache(max_age=FOREVER)
            for filters, order, limit, page in (([], "", 0, 0), ([["code", "contains", "1"]], "-code", 0, 0),
                                                ([["assets", "is_not", None]], "sg_cut_in,-id", 7, 2),
                                                ([["code", "is", "no such"]], "", 0, 0)):
                with self.subTest(filters=filters, compacted=compacted):
                    question = ("Shot", [IN_PROJECT, *filters], FIELDS, order, limit, page)
                    found = cache.find(*question)
                    stream = self.silently(cache.stream, *question)
                    self.assertEqual((stream.source, stream.complete, stream.warnings),
                                     (found.source, found.complete, found.warnings))
                    self.assertEqual(stream.columns, FIELDS)
                    self.assertEqual(list(stream), found.rows)
                    self.assertEqual(list(stream), [])

    def test_from_fpt_in_memory(self):
        cache = self.cache()
        question = ("Shot", [IN_PROJECT], ["code"])
        stream, counts = self.visits(cache.stream, *question)
        self.assertEqual((stream.source, counts.get("search", 0) > 0), ("upstream", True))
        self.assertEqual(list(stream), cache.find(*question).rows)
        with self.assertRaises(fptcache.ShotgunError):
            cache.stream("Shot", [["no_such_field", "is", 1]])
        with self.assertRaises(fptcache.NoData):
            self.cache(mode="only-cache").stream("Asset", [in_project(102)], ["code"])

    def test_from_several_projects_in_memory(self):
        cache = self.cache(max_age=FOREVER)
        for project in (101, 102):
            cache.mirror_add("Shot", project)
        cache.sync()
        question = ("Shot", [in_projects(101, 102)], ["code", "project"], "-code,id", 400)
        found = cache.find(*question)
        self.assertEqual((found.source, len({row["project"]["id"] for row in found.rows})), ("cache", 2))
        stream, counts = self.visits(cache.stream, *question)
        self.assertEqual((stream.source, stream.complete, counts), ("cache", found.complete, {}))
        self.assertEqual(list(stream), found.rows)
        told = self.silently(cache.explain, *question)
        self.assertEqual((told["answer"], told["why_not"], "plan" in told), ("cache", "", False))
        self.assertEqual([entry["partition"] for entry in told["covered"]], ["project-101", "project-102"])
        self.assertIn('FROM "Shot"', told["sql"])

    def test_stands_still(self):
        """What comes after the first row is of the same state, whatever others do meanwhile."""
        cache = self.mirrored(grace=0, max_age=FOREVER)
        cache.compact()
        before = cache.find("Shot", [IN_PROJECT], ["code", "description", "assets"]).rows
        stream = cache.stream("Shot", [IN_PROJECT], ["code", "description", "assets"])
        rows = [next(stream)]
        files = set(glob.glob(os.path.join(self.directory, "partitions/project-101/files/*")))
        for path in files:                       # a file that no base names is kept for ten minutes
            os.utime(path, (time.time() - 3600,) * 2)
        for n in range(10):                      # as many as bases are kept, and more
            cache.update("Shot", before[-1 - n]["id"], {"description": f"later {n}", "assets": []})
            cache.delete("Shot", before[-20 - n]["id"])
            cache.compact()
        self.assertFalse(files & set(glob.glob(os.path.join(self.directory, "partitions/project-101/files/*"))),
                         "the snapshot that is read was to be deleted")
        rows += stream
        self.assertEqual(rows, before)
        self.assertNotEqual(cache.find("Shot", [IN_PROJECT], ["code", "description", "assets"]).rows, before)

    def test_outlives_the_handle_and_the_directory(self):
        cache = self.mirrored()
        cache.compact()
        cache = self.cache(max_age=FOREVER)
        before = cache.find("Shot", [IN_PROJECT], FIELDS).rows
        stream = cache.stream("Shot", [IN_PROJECT], FIELDS)
        sql = cache.sql("SELECT id FROM Shot ORDER BY id", 101)
        first = next(stream)
        cache.close()
        del cache
        gc.collect()
        shutil.rmtree(self.directory)
        self.assertEqual([first, *stream], before)
        self.assertEqual([row["id"] for row in sql], ids(before))

    def test_damage_is_told_not_skipped(self):
        """A page that fails its check ends the stream; the rows before it were sound."""
        cache = self.mirrored()
        cache.compact()
        cache.close()
        snapshot = max(glob.glob(os.path.join(self.directory, "partitions/project-101/files/*")), key=os.path.getsize)
        cache = self.cache(max_age=FOREVER)
        expected = cache.find("Shot", [IN_PROJECT], FIELDS).rows
        cache.close()
        cache = self.cache(max_age=FOREVER)
        stream = cache.stream("Shot", [IN_PROJECT], FIELDS)
        with open(snapshot, "r+b") as file:      # every page but the first two
            os.chmod(snapshot, 0o600)
            size = os.path.getsize(snapshot)
            for page in range(2, size // 8192):
                file.seek(page * 8192 + 100)
                file.write(b"\xff" * 64)
        rows = []
        with self.assertRaisesRegex(fptcache.StoreError, os.path.basename(snapshot)):
            for row in stream:
                rows.append(row)
        self.assertEqual(rows, expected[:len(rows)])
        self.assertLess(len(rows), len(expected))
        self.assertIn(os.path.basename(snapshot), stream.warnings[-1])
        self.assertEqual(list(stream), [])

    def test_deadline_bounds_the_reading(self):
        cache = self.mirrored()
        cache = self.cache(max_age=FOREVER)
        stream = cache.stream("Shot", [IN_PROJECT], ["code"], deadline=1.5)
        next(stream)
        time.sleep(1.6)
        with self.assertRaises(fptcache.DeadlineExceeded):
            next(stream)
        self.assertEqual(list(stream), [])

    def test_a_child_of_fork_leaves_it_alone(self):
        cache = self.mirrored()
        expected = cache.find("Shot", [IN_PROJECT], ["code"]).rows
        stream = cache.stream("Shot", [IN_PROJECT], ["code"])
        first = next(stream)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                next(stream)
            except fptcache.ShotgunError:
                code = 0
            finally:
                os._exit(code)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        self.assertEqual([first, *stream], expected)


class Sql(ReadTest):
    site_options = {"rows": 800}

    def setUp(self):
        super().setUp()
        self.held = self.cache()
        for kind in ("Shot", "Sequence"):
            self.held.mirror_add(kind, 101)
        self.held.mirror_add("HumanUser")
        self.held.sync()

    def sql(self, statement, **how):
        return list(self.held.sql(statement, 101, **how))

    def test_rows(self):
        truth = self.truth("Shot")
        for compacted in (False, True):
            if compacted:
                self.held.compact()
                number = min(truth)
                self.held.update("Shot", number, {"description": "new"})
                truth[number]["description"] = "new"
            self.assertEqual(self.sql("SELECT count(*) AS n FROM Shot"), [{"n": len(truth)}])
            self.assertEqual({row["id"]: row["description"] for row in self.sql("SELECT id, description FROM Shot")},
                             {number: row["description"] for number, row in truth.items()})
            self.assertEqual(
                {row["id"]: row["code"] for row in self.sql(
                    "SELECT s.id, q.code FROM Shot s JOIN Sequence q ON q.id = s.sg_sequence__id "
                    "WHERE s.sg_sequence__type = 'Sequence'")},
                {number: row["sg_sequence"]["name"] for number, row in truth.items() if row["sg_sequence"]})
            self.assertEqual(
                self.sql("SELECT id, count(*) AS n FROM Shot__assets GROUP BY id ORDER BY id"),
                [{"id": number, "n": len(row["assets"])} for number, row in sorted(truth.items()) if row["assets"]])
            self.assertEqual(self.sql("SELECT count(*) AS n FROM HumanUser"), [{"n": len(self.truth("HumanUser", None))}])

    def test_kinds_and_names(self):
        rows = self.held.sql("SELECT 1 AS a, 2 AS a, 1.5 AS f, 'ü' AS t, NULL AS n, x'00ff' AS b, 9e999 AS i, "
                             "CAST(x'ff41' AS TEXT) AS w, 9007199254740993 AS big", 101)
        self.assertEqual(rows.columns, ["a", "a:1", "f", "t", "n", "b", "i", "w", "big"])
        self.assertEqual(list(rows), [{"a": 1, "a:1": 2, "f": 1.5, "t": "ü", "n": None, "b": "00ff", "i": float("inf"),
                                       "w": "ff41", "big": 9007199254740993}])
        self.assertEqual(self.sql("SELECT 1 AS one WHERE 0"), [])
        self.assertEqual(self.sql("VALUES (1), (2) ; -- the end"), [{"column1": 1}, {"column1": 2}])

    def test_writes_are_refused(self):
        def files():
            return {path: os.stat(path).st_mtime_ns for path, _, names in os.walk(self.directory)
                    for path in [path, *(os.path.join(path, name) for name in names)] if "/tmp" not in path}
        outside = os.path.join(self.folder, "outside")
        before = files()
        for statement in (
                "DELETE FROM Shot", "UPDATE Shot SET code = 'x'", "INSERT INTO Shot(id) VALUES (1)", "DROP VIEW Shot",
                "DELETE FROM home_delta.Shot", "UPDATE home_delta.Shot SET code = 'x'", "DROP TABLE home_delta.Shot",
                "DELETE FROM site_delta._fptc_config", "CREATE TABLE t(x)", "CREATE TEMP TABLE t(x)",
                "CREATE TEMP VIEW v AS SELECT 1", "CREATE TEMP TRIGGER t INSTEAD OF INSERT ON Shot BEGIN SELECT 1; END",
                "CREATE VIRTUAL TABLE temp.t USING fts5(x)", "CREATE INDEX home_delta.i ON Shot(code)",
                f"ATTACH '{outside}' AS x", f"VACUUM INTO '{outside}'", "VACUUM", "DETACH home_delta", "REINDEX", "ANALYZE",
                "BEGIN", "COMMIT", "SAVEPOINT s", "PRAGMA writable_schema = 1", "PRAGMA query_only", "PRAGMA table_info(Shot)",
                "PRAGMA temp_store_directory = '/tmp'", "SELECT * FROM pragma_journal_mode('off')",
                "SELECT load_extension('/tmp/x.so')", "SELECT fts3_tokenizer('simple')",
                "SELECT fts3_tokenizer('x', x'4141414141414141')", "SELECT fptc_alive(0, 0)",
                "SELECT * FROM home_delta.Shot", "SELECT * FROM home_delta._fptc_config", "SELECT code FROM site_delta.Shot",
                "WITH x AS (SELECT * FROM home_delta.sqlite_master) SELECT * FROM x",
                "WITH x AS (SELECT 1) DELETE FROM Shot", "EXPLAIN DELETE FROM home_delta.Shot",
                "SELECT 1; DELETE FROM Shot", "SELECT 1; SELECT 2", "SELECT ?", "SELECT :a", "", ";", "-- nothing", "SELEC",
                "SELECT nothing FROM Shot", "SELECT * FROM NoSuchType", "SELECT zeroblob(2000000000)",
                "SELECT " + "(" * 2000 + "1" + ")" * 2000, "SELECT 1 -- " + "x" * 2000000):
            with self.subTest(statement=statement[:80]):
                with self.assertRaises(fptcache.Fault):
                    self.sql(statement)
        self.assertEqual(files(), before)
        self.assertFalse(os.path.exists(outside))
        with self.assertRaisesRegex(fptcache.Fault, "no such table: Nix; there are .*Shot"):
            self.sql("SELECT * FROM Nix")

    def test_time_limit(self):
        endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
        for statement in (endless + "SELECT count(*) FROM c", endless + "SELECT x FROM c WHERE x < 0",
                          "SELECT count(*) FROM Shot a, Shot b, Shot c, Shot d, Shot e, Shot f"):
            with self.subTest(statement=statement), self.takes(0.25, 20), self.assertRaises(fptcache.DeadlineExceeded):
                self.sql(statement, deadline=0.3)
        rows = self.held.sql(endless + "SELECT x FROM c", 101, deadline=0.5)
        with self.takes(0.2, 20), self.assertRaises(fptcache.DeadlineExceeded):
            for _ in rows:
                pass
        rows = self.held.sql(endless + "SELECT x FROM c", 101)    # no limit: one stops oneself
        self.assertEqual([row["x"] for row in itertools.islice(rows, 5)], [1, 2, 3, 4, 5])
        rows.close()
        self.assertEqual(list(rows), [])

    def test_what_there_is_not(self):
        with self.assertRaises(fptcache.NoData):
            self.held.sql("SELECT 1", 999)
        self.assertFalse(os.path.exists(os.path.join(self.directory, "partitions/project-999")))
        with self.assertRaises(fptcache.ShotgunError):
            self.held.sql("SELECT 1", -1)


class Explain(ReadTest):
    site_options = {"rows": 800}

    def test_answers(self):
        cache = self.cache()
        cache.mirror_add("Shot", 101, ["code", "sg_sequence"])
        cache.sync()
        told = self.silently(cache.explain, "Shot", [IN_PROJECT, ["code", "contains", "1"]], ["code"])
        found = cache.find("Shot", [IN_PROJECT, ["code", "contains", "1"]], ["code"])
        self.assertEqual((told["answer"], told["why_not"], told["local"]), ("cache", "", True))
        self.assertEqual(told["rows"], len(found))
        self.assertGreaterEqual(told["rows_read"], len(self.truth("Shot")))
        self.assertEqual([(entry["type"], entry["partition"], entry["fields_missing"]) for entry in told["covered"]],
                         [("Shot", "project-101", [])])
        self.assertIn('FROM "Shot"', told["sql"])
        self.assertIn("1", told["params"])
        self.assertTrue(any("Shot" in line for line in told["plan"]))
        told = cache.explain("Shot", [IN_PROJECT, ["id", "is", found[0]["id"]]], ["code"])
        self.assertEqual((told["indexes"], told["rows"], told["rows_read"]), (["rowid"], 1, 1))

    def test_why_not(self):
        cache = self.cache()
        cache.mirror_add("Shot", 101, ["code", "sg_sequence"])
        cache.sync()
        for why, arguments in (
                ("without the field description", ("Shot", [IN_PROJECT, ["description", "is", "x"]], ["code"])),
                ("Task is not kept whole in project-101", ("Task", [IN_PROJECT], ["content"])),
                ("not every project's Shot", ("Shot", [["code", "is", "x"]], ["code"])),
                ("nothing of project-102", ("Shot", [in_projects(101, 102)], ["code"])),
                ("never kept", ("Shot", [IN_PROJECT], ["code", "image"]))):
            with self.subTest(why=why):
                told = cache.explain(*arguments)
                self.assertEqual(told["answer"], "upstream")
                self.assertIn(why, told["why_not"])
        self.assertEqual(cache.explain("Shot", [IN_PROJECT, ["description", "is", "x"]])["covered"][0]["fields_missing"],
                         ["description"])
        self.aged()
        told, counts = self.visits(cache.explain, "Shot", [IN_PROJECT], ["code"], max_age=0.1)
        self.assertEqual((told["answer"], counts), ("upstream", {}))
        self.assertIn("older than max_age", told["why_not"])
        self.assertEqual(cache.explain("Shot", [IN_PROJECT], ["code"], mode="only-cache", max_age=0.1)["answer"], "cache")
        self.assertEqual(cache.explain("Task", [IN_PROJECT], ["content"], mode="only-cache")["answer"], "none")
        self.assertIn("refresh", cache.explain("Shot", [IN_PROJECT], ["code"], mode="refresh")["why_not"])
        cache.find("Shot", [IN_PROJECT, ["description", "is_not", None]], ["code", "description"])
        told = cache.explain("Shot", [IN_PROJECT, ["description", "is_not", None]], ["code", "description"])
        self.assertIn(told["answer"], ("stored query", "cache"))
        with self.assertRaises(fptcache.ShotgunError):
            cache.explain("Shot", [["no_such_field", "is", 1]])


class Changes(ReadTest):
    site_options = {"rows": 800}

    def test_the_same_list_while_others_compact(self):
        cache = self.cache(grace=0)
        cache.mirror_add("Shot", 101)
        cache.sync()
        numbers = ids(cache.find("Shot", [IN_PROJECT], ["code"]))
        for n, number in enumerate(numbers[:30]):
            if n == 15:
                cache.compact()                  # what follows replaces rows of a snapshot
            if n % 3 == 2:
                cache.delete("Shot", number)
            else:
                cache.update("Shot", number, {"description": f"v{n}"})
        whole = list(cache.all_changes("Shot", 101))
        self.assertEqual(len({change.id for change in whole}), len(whole))
        self.assertEqual(sum(change.kind == "gone" for change in whole), 10)
        follower, seen = self.cache(mode="only-cache", refresh=0), []
        for n, change in enumerate(follower.all_changes("Shot", 101, page=7)):
            if n % 20 == 10:
                self.elsewhere("compact", "--partition", "project-101")
            seen.append(change)
        self.assertEqual(seen, whole)
        self.assertEqual(list(self.cache().all_changes("Shot", 101, page=3)), whole)

    def test_fields_that_came_later(self):
        """Rows of the snapshot have none of the fields that only the overlay knows, and the other way round."""
        cache = self.cache()
        cache.find("Shot", [IN_PROJECT], ["code"])
        cache.compact()
        number = ids(cache.find("Shot", [IN_PROJECT], ["code"]))[0]
        cache.find("Shot", [IN_PROJECT, ["id", "is", number]], ["code", "sg_cut_in"])
        changes = list(cache.all_changes("Shot", 101))
        self.assertEqual([change.id for change in changes][-1], number)
        self.assertEqual(changes[-1].row["sg_cut_in"], self.truth("Shot")[number]["sg_cut_in"])
        self.assertEqual([change.row["sg_cut_in"] for change in changes[:-1]], [None] * (len(changes) - 1))
        self.assertTrue(all(change.row["code"] for change in changes))

    def test_lost_history_says_start_again(self):
        cache = self.cache()
        cache.find("Shot", [IN_PROJECT], ["code"])
        backup = os.path.join(self.folder, "backup")
        cache.close()
        shutil.copytree(self.directory, backup, symlinks=True)
        cache = self.cache()
        since = list(cache.all_changes("Shot", 101))[-1].version
        for n, number in enumerate(ids(cache.find("Shot", [IN_PROJECT], ["code"]))[:3]):
            cache.update("Shot", number, {"description": f"lost {n}"})
        later = list(cache.all_changes("Shot", 101))[-1].version
        self.assertGreater(later, since)
        self.assertEqual(list(cache.all_changes("Shot", 101, later)), [])
        cache.close()
        shutil.rmtree(self.directory)
        shutil.copytree(backup, self.directory, symlinks=True)
        cache = self.cache()
        self.assertEqual(list(cache.all_changes("Shot", 101, since)), [])
        with self.assertRaisesRegex(fptcache.ShotgunError, "start again"):
            cache.changes("Shot", 101, later)
        with self.assertRaisesRegex(fptcache.ShotgunError, "start again"):
            cache.changes("Shot", 101, 1 << 60)


@unittest.skipUnless(DATASET.exists(), "bench_dataset is not built")
class Memory(ReadTest):
    """Two hundred thousand rows, in a snapshot made without a site."""

    ROWS = 222300                                   # of which nine in ten are Versions and Tasks
    BOUND_KIB = 10 * 1024

    @unittest.skipIf(os.environ.get("FPTC_SANITIZE"), "a sanitizer keeps what was freed")
    def test_does_not_grow(self):
        subprocess.run([DATASET, self.directory, str(self.ROWS)], check=True, stdout=subprocess.DEVNULL)
        cache = fptcache.open(self.directory, mode="only-cache", hold="never")
        self.addCleanup(cache.close)

        def walk(results):
            least, most, n = None, 0, 0
            for result in results:
                while native._lib.fptc_result_next(result) == 0:
                    self.assertTrue(native._lib.fptc_result_row_json(result, None))
                    n += 1
                    if n == 100:
                        least = private_kib()
                    if n % 5000 == 0:
                        most = max(most, private_kib())
            return n, most - least

        def streams(fields, order):
            for kind in ("Version", "Task"):
                rows = cache.stream(kind, [IN_PROJECT], fields, order)
                yield rows._pointer

        def pages():
            for kind in (b"Version", b"Task"):
                version, n = 0, 1000
                while n == 1000:
                    with _results.new() as result:
                        cache._call(native._lib.fptc_cache_changes, kind, 101, version, 1000, result)
                        n = native._lib.fptc_result_count(result)
                        while native._lib.fptc_result_next(result) == 0:
                            version = native._lib.fptc_result_version(result)
                        native._lib.fptc_result_rewind(result)
                        yield result

        for what, results in (
                ("stream", streams(["*"], None)),
                ("sorted", streams(["description", "entity"], "description")),
                ("sql", (rows._pointer for rows in [
                    cache.sql("SELECT a.* FROM Version a, (VALUES (1), (2)) b", 101)])),
                ("changes", pages())):
            with self.subTest(what=what):
                n, growth = walk(results)
                self.assertGreaterEqual(n, 200000)
                self.assertLess(growth, self.BOUND_KIB, f"{what}: {growth} KiB for {n} rows")
