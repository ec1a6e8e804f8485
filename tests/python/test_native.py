"""fptcache.open(): answers with their source and age, changes, mirrors, upkeep, and a safe life."""

import gc
import os
import subprocess
import sys
import threading
import time
import unittest

import fptcache
from fptcache import native
from support import IN_PROJECT, PROJECT, WithSite


class Answers(WithSite):

    def test_source_age_complete(self):
        cache = self.cache(max_age=600)
        first = cache.find("Shot", [IN_PROJECT], "code,sg_status_list", "-code")
        self.assertEqual((first.source, first.warnings), ("upstream", []))
        self.assertTrue(first.complete)
        again = cache.find("Shot", [IN_PROJECT], ["code", "sg_status_list"], ["-code"])
        self.assertEqual((again.source, again.rows, len(again)), ("cache", first.rows, len(first)))
        self.assertGreaterEqual(again.age, 0)
        self.assertEqual(again[0], again.rows[0])
        self.assertIn("rows, cache", repr(again))

    def test_rows_as_json(self):
        cache = self.cache()
        row = cache.find("Shot", [IN_PROJECT], "created_at,sg_needs_retime,sg_cut_in,sg_sequence", limit=1)[0]
        theirs = self.of_project("Shot")[row["id"]]
        self.assertEqual({name: theirs[name] for name in row}, row)

    def test_unknown_field_is_reported(self):
        result = self.cache().find("Shot", [IN_PROJECT], "code,no_such_field")
        self.assertTrue(any("no_such_field" in line for line in result.warnings), result.warnings)

    def test_only_cache_after_refresh(self):
        cache = self.cache()
        with self.assertRaises(fptcache.NoData):
            cache.find("Shot", [IN_PROJECT], "code", mode="only-cache")
        cache.find("Shot", [IN_PROJECT], "code", mode="refresh")
        self.assertEqual(cache.find("Shot", [IN_PROJECT], "code", mode="only-cache").source, "cache")

    def test_deadline(self):
        cache = self.cache()
        cache.find("Step", None, "code")  # logged in, and the first schema is there
        self.site.latency(3000)
        self.addCleanup(self.site.latency, 0)
        began = time.monotonic()
        with self.assertRaises(fptcache.DeadlineExceeded) as caught:
            cache.find("Note", [IN_PROJECT], "subject", deadline=0.3)
        self.assertLess(time.monotonic() - began, 2)
        self.assertIsInstance(caught.exception, TimeoutError)

    def test_wrong_arguments(self):
        cache = self.cache()
        with self.assertRaisesRegex(ValueError, "NUL"):
            cache.find("Shot\0x")
        with self.assertRaises(fptcache.Fault):
            cache.find("Shot", "[[")
        with self.assertRaises(ValueError):
            cache.find("Shot", [["code", "is", float("nan")]])
        with self.assertRaises(ValueError):
            cache.find("Shot", mode="newest")
        with self.assertRaises(TypeError):
            fptcache.open(self.directory, cash_dir="x")

    def test_environment(self):
        self.cache()
        names = {"FPTCACHE_DIR": self.directory, "FPTCACHE_SCRIPT_NAME": self.site.script_name,
                 "FPTCACHE_SCRIPT_KEY": self.site.script_key}
        done = subprocess.run([sys.executable, "-B", "-c",
                               "import fptcache\nwith fptcache.open() as c: print(len(c.find('Step')))"],
                              env={**os.environ, **names}, stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual(int(done.stdout), len(self.site.rows("Step")))


class Mirrors(WithSite):

    def test_mirror_sync_changes(self):
        cache = self.cache(max_age=600)
        cache.mirror_add("Shot", 101)
        cache.mirror_add("Step", fields="code,short_name")
        cache.mirror_add("Sequence", 101, "code")  # the names of the links of shots
        self.assertEqual({(m["type"], m["project"] or 0) for m in cache.mirrors()},
                         {("Shot", 101), ("Step", 0), ("Sequence", 101)})
        seen = []
        report = cache.sync(progress=lambda what, done, total: seen.append((what, done, total)))
        shots = self.of_project("Shot")
        self.assertEqual({t["type"]: t["rows"] for t in report["types"]},
                         {"Shot": len(shots), "Step": len(self.site.rows("Step")),
                          "Sequence": len(self.of_project("Sequence"))})
        self.assertTrue(any("Shot" in what for what, _, _ in seen), seen)

        question = [IN_PROJECT, ["sg_status_list", "is_not", "fin"]]
        found, counts = self.visits(lambda: cache.find("Shot", question, "code,sg_sequence"))
        self.assertEqual((counts, found.source), ({}, "cache"))
        self.assertEqual({row["id"] for row in found},
                         {i for i in shots if shots[i]["sg_status_list"] != "fin"})

        with fptcache.open(self.directory, max_age=600) as fresh:  # which knows no schema yet
            again = fresh.find("Shot", question, "code,sg_sequence")
        self.assertEqual((again.rows, again.complete, again.warnings), (found.rows, True, []))

        changes, since = [], 0
        while True:
            page = cache.changes("Shot", 101, since, limit=7)
            if not page:
                break
            self.assertLessEqual(len(page), 7)
            changes += page
            since = page[-1].version
        self.assertEqual({change.id for change in changes}, set(shots))
        self.assertEqual([c.version for c in changes], sorted(c.version for c in changes))
        self.assertEqual(changes[0].row["code"], shots[changes[0].id]["code"])

        shot = min(shots)
        self.site.touch("Shot", shot, {"code": "renamed_elsewhere"})
        victim = max(shots)
        self.site.retire("Shot", victim)
        cache.sync()
        later = cache.changes("Shot", 101, since)
        self.assertEqual({(c.kind, c.id) for c in later}, {("row", shot), ("gone", victim)})
        self.assertEqual([c.row["code"] for c in later if c.kind == "row"], ["renamed_elsewhere"])
        self.assertEqual([c.row for c in later if c.kind == "gone"], [None])

        self.assertTrue(cache.mirror_remove("Step"))
        self.assertFalse(cache.mirror_remove("Step"))
        self.assertEqual({m["type"] for m in cache.mirrors()}, {"Shot", "Sequence"})

    def test_compact_and_status(self):
        cache = self.cache(max_age=600)
        cache.mirror_add("Shot", 101)
        cache.sync()
        before = cache.find("Shot", [IN_PROJECT], "code").rows
        report = cache.compact()
        self.assertIn("project-101", [p["partition"] for p in report])
        self.assertIsNone(cache.compact("project-999"))
        self.assertEqual(cache.find("Shot", [IN_PROJECT], "code").rows, before)
        self.assertIsInstance(cache.status(), dict)
        self.assertTrue(os.path.exists(os.path.join(self.directory, "partitions/project-101/latest.sqlite")))

    def test_maintain(self):
        cache = self.cache()
        cache.mirror_add("Shot", 101)
        document = cache.maintain()
        self.assertEqual({entry["held"] for entry in document["partitions"]}, {"by us"})
        self.assertEqual(cache.find("Shot", [IN_PROJECT], mode="only-cache").complete, True)

    def test_hold(self):
        cache, calls = self.cache(), []
        cache.mirror_add("Shot", 101)

        def progress(what, held, partitions):
            calls.append((what, held, partitions))
            return held == 2 or len(calls) > 100

        cache.hold(progress)
        self.assertEqual(calls[-1][1:], (2, 2))
        self.assertTrue(all(entry["holder"] is None for entry in cache.status()["partitions"]))

        def failing(*_):
            raise RuntimeError("enough")

        with self.assertRaisesRegex(RuntimeError, "enough"):
            cache.hold(failing)

    def test_stopping_a_sync(self):
        cache = self.cache()
        cache.mirror_add("Shot", 101)
        with self.assertRaises(fptcache.Cancelled):
            cache.sync(progress=lambda what, done, total: True)
        self.assertTrue(cache.sync()["types"])

    def test_what_a_callback_raises_comes_out(self):
        cache = self.cache()
        cache.mirror_add("Shot", 101)

        def fails(what, done, total):
            raise KeyError("mine")

        with self.assertRaisesRegex(KeyError, "mine"):
            cache.sync(progress=fails)

    def test_nothing_declared(self):
        with self.assertRaises(fptcache.NoData):
            self.cache().sync()


class Writes(WithSite):

    def test_event_id_is_done_once(self):
        cache = self.cache()
        event_id = "0123456789abcdef0123456789abcdef"
        data = {"project": PROJECT, "code": "once"}
        first = cache.create("Shot", data, event_id=event_id)
        self.assertEqual(first.event_id, event_id)
        again, counts = self.visits(lambda: cache.create("Shot", data, event_id=event_id))
        self.assertEqual((again.event_id, counts.get("create", 0)), (event_id, 0))
        self.assertEqual(sum(row["code"] == "once" for row in self.of_project("Shot").values()), 1)
        with self.assertRaises(fptcache.Fault):
            cache.create("Shot", data, event_id="short")

    def test_resolve(self):
        cache, data = self.cache(), {"project": PROJECT, "code": "resolved"}
        event_id = "0123456789abcabc0123456789abcdef"
        made = cache.create("Shot", data, event_id=event_id)[0]["id"]
        provisional = -int(event_id[:13], 16)
        for reader in (cache, self.cache(mode="only-cache")):
            self.assertEqual(self.visits(lambda: reader.resolve(provisional)), (made, {}))
        self.assertEqual(cache.resolve(made), made)
        for nobody in (-1, provisional - 1, provisional + 1, -(1 << 52), -(1 << 60)):
            self.assertIsNone(cache.resolve(nobody))
        with self.assertRaises(fptcache.Fault):
            cache.resolve(0)
        self.site.faults([{"kind": "504-after-commit", "match": "POST .*/entity/Shot$", "times": 1}])
        with self.assertRaises(fptcache.UnknownOutcome):
            cache.create("Shot", data, event_id="1" * 32)
        with self.assertRaisesRegex(fptcache.UnknownOutcome, "1" * 32):
            cache.resolve(-int("1" * 13, 16))
        with self.assertRaises(fptcache.Fault):
            cache.create("Shot", {**data, "sg_status_list": "no such status"}, event_id="2" * 32)
        with self.assertRaisesRegex(fptcache.Fault, "not a valid status"):
            cache.resolve(-int("2" * 13, 16))
        cache.outbox_retry("2" * 32)
        with self.assertRaisesRegex(fptcache.Pending, "2" * 32):
            cache.resolve(-int("2" * 13, 16))
        cache.outbox_drop("2" * 32)
        with self.assertRaisesRegex(fptcache.Fault, "was dropped"):
            cache.resolve(-int("2" * 13, 16))

    def test_requests_of_a_batch_that_are_none(self):
        cache, data = self.cache(), {"project": PROJECT, "code": "wrong"}
        good = {"request_type": "create", "entity_type": "Shot", "data": data}
        for wrong, text in (
                ({}, "no request_type"), ("delete", "it is a string"),
                ({**good, "request_type": "revive"}, '"create", "update" or "delete"'),
                ({**good, "entity_type": "Sh ot"}, "cannot be an entity type"),
                ({**good, "entity_id": 7}, "a create has no entity_id"), ({**good, "data": []}, "it is an array"),
                ({**good, "entity": 7}, '"entity" is no member'),
                ({"request_type": "update", "entity_type": "Shot", "data": data}, "needs the entity_id"),
                ({"request_type": "update", "entity_type": "Shot", "entity_id": 7}, "it is missing"),
                ({"request_type": "delete", "entity_type": "Shot", "entity_id": 7, "data": data}, "has no data"),
                ({"request_type": "update", "entity_type": "Shot", "entity_id": 7, "data": {"assets": []},
                  "multi_entity_update_modes": {"assets": "more"}}, "of assets is"),
                ({"request_type": "update", "entity_type": "Shot", "entity_id": 7, "data": {"code": "x"},
                  "multi_entity_update_modes": {"assets": "add"}}, "must be a list"),
                ({**good, "multi_entity_update_modes": {}}, "of an update")):
            with self.subTest(str(wrong)), self.assertRaisesRegex(fptcache.Fault, f"{text}.*request 1 of the batch"):
                cache.batch([good, wrong])
        with self.assertRaisesRegex(fptcache.Fault, "empty"):
            cache.batch([])
        with self.assertRaisesRegex(fptcache.Fault, "at most 1000"):
            cache.batch([good] * 1001)

    def test_wrong_ways_to_write(self):
        cache, data = self.cache(), {"code": "x"}
        for how in ({"write": "sideways"}, {"on_conflict": "shout"}):
            with self.assertRaisesRegex(ValueError, "through|fail"):
                cache.update("Shot", 1, data, **how)
        for policy in ("fail", "merge"):
            with self.assertRaisesRegex(fptcache.Fault, "a write through overwrites"):
                cache.update("Shot", 1, data, on_conflict=policy)


class Life(WithSite):
    rows = 200

    def test_close_waits_for_calls(self):
        cache = self.cache()
        cache.find("Step", None, "code")
        self.site.latency(500)
        self.addCleanup(self.site.latency, 0)
        found = []
        thread = threading.Thread(target=lambda: found.append(cache.find("Shot", [IN_PROJECT], "code")))
        thread.start()
        while not cache._n_calls and thread.is_alive():
            time.sleep(0.001)
        cache.close()
        self.assertTrue(found or thread.join(1) or found)
        self.assertTrue(cache.closed)
        with self.assertRaises(fptcache.Closed) as caught:
            cache.find("Shot")
        self.assertEqual(caught.exception.name, "FPTC_ESTATE")
        self.assertIsInstance(caught.exception, ValueError)

    def test_forgotten_handles_are_closed(self):
        closed = []
        real = native._lib.fptc_cache_close
        native._lib.fptc_cache_close = lambda pointer: (closed.append(1), real(pointer))
        try:
            cache = fptcache.open(self.directory, site=self.site.url)
            cache.status()
            del cache
            gc.collect()
        finally:
            native._lib.fptc_cache_close = real
        self.assertEqual(closed, [1])

    def test_forgotten_at_the_end(self):
        self.cache()
        done = subprocess.run([sys.executable, "-B", "-X", "dev", "-c",
                               f"import fptcache\nc = fptcache.open({self.directory!r})\nprint(len(c.mirrors()))"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual((done.stdout, done.returncode), ("0\n", 0))

    def test_fork(self):
        cache = self.cache()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                cache.status()
            except fptcache.Closed as error:
                cache.close()
                code = 0 if error.name == "FPTC_EFORK" else 2
            finally:
                os._exit(code)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        cache.status()

    def test_missing_directory(self):
        with self.assertRaises(fptcache.StoreError) as caught:
            fptcache.open(self.directory)
        self.assertEqual(caught.exception.name, "FPTC_ENOENT")
        self.assertIn(self.directory, str(caught.exception))

    def test_log(self):
        lines = []
        cache = self.cache(log=lambda level, text: lines.append((level, text)), log_level="debug")
        cache.find("Step", None, "code")
        cache.close()
        for level, text in lines:
            self.assertIn(level, (1, 2, 3, 4))
            self.assertNotIn(self.site.script_key, text)

    def test_a_failing_log_harms_nothing(self):
        def fails(level, text):
            raise RuntimeError("in the log")

        cache = self.cache(log=fails, log_level="debug")
        self.assertTrue(len(cache.find("Step", None, "code")))

    def test_no_key_in_the_directory(self):
        cache = self.cache()
        cache.create("Shot", {"project": PROJECT, "code": "k"})
        key = self.site.script_key.encode()
        for folder, _, names in os.walk(self.directory):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    with open(path, "rb") as stream:
                        self.assertNotIn(key, stream.read(), path)


if __name__ == "__main__":
    unittest.main()
