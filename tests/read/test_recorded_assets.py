"""123 recorded real Assets with 47 fields through mapping, commit, snapshot and back, field by field."""

import json
import os
import pathlib
import shutil
import sqlite3
import tempfile
import unittest

from readtest import NO_DATA, SHARED, ReadTest

RECORDED = SHARED / "data/fpt-recorded-rest.jsonl"
if not RECORDED.exists():
    raise unittest.SkipTest(f"recorded data is not there: {RECORDED}")

import fptcache  # noqa: E402
from replay import Recording, Replay  # noqa: E402

RECORDING = Recording(RECORDED)
TYPES = {name: field["data_type"]["value"] for name, field in RECORDING.fields.items()}
SIGNED = {name for name, kind in TYPES.items() if kind in ("image", "url")}         # A 9.8: never stored
COMPUTED = {name for name, kind in TYPES.items() if kind in ("summary", "pivot_column")}
PLAIN = set(TYPES) - SIGNED - COMPUTED - {"id"}


def recorded_value(row, field):
    """A recorded value in the shape of find: links as {type, id, name}."""
    if field in row["relationships"]:
        data = row["relationships"][field]["data"]
        return [link(each) for each in data] if isinstance(data, list) else data and link(data)
    return row["attributes"][field]


def link(data):
    return {"type": data["type"], "id": data["id"], "name": data["name"]}


def expected(fields):
    return {row["id"]: {"type": "Asset", "id": row["id"], **{field: recorded_value(row, field) for field in fields}}
            for row in RECORDING.rows}


class RecordedAssets(ReadTest):

    @classmethod
    def setUpClass(cls):
        pass

    def setUp(self):
        self.site = Replay(RECORDING)
        self.addCleanup(self.site.close)
        self.site.script_name, self.site.script_key = "reader", "a_key_0123456789"
        self.folder = tempfile.mkdtemp(prefix="fptc-recorded-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.directory = os.path.join(self.folder, "cache")
        self.projects = sorted({row["relationships"]["project"]["data"]["id"] for row in RECORDING.rows})

    def visits(self, work, *arguments, **named):
        self.site.counts.clear()
        return work(*arguments, **named), dict(self.site.counts)

    def compare(self, rows, fields, what, names=True):
        """Every field of every row, one by one; the differences by field."""
        wanted, differences = expected(fields), {}
        self.assertEqual(sorted(row["id"] for row in rows), sorted(wanted), what)
        for row in rows:
            self.assertEqual(set(row), set(wanted[row["id"]]), what)
            for field in fields:
                if row[field] != wanted[row["id"]][field] or type(row[field]) is not type(wanted[row["id"]][field]):
                    differences.setdefault(field, []).append((row["id"], wanted[row["id"]][field], row[field]))
        self.assertEqual(differences, {}, what)

    def test_the_recording_is_what_is_said_of_it(self):
        self.assertEqual(len(RECORDING.rows), 123)
        self.assertEqual(len(TYPES), 47)
        self.assertEqual(self.projects, [70, 72, 87, 122])
        for row in RECORDING.rows:
            self.assertEqual(set(row["attributes"]) | set(row["relationships"]) | {"id"}, set(TYPES))
        self.assertEqual(SIGNED, {"image", "filmstrip_image", "sg_creative_brief"})
        print(f"\nnot stored (A 9.8): {sorted(SIGNED)}"
              f"\nstored, but moving without updated_at, so answered only from a fresh stored query: {sorted(COMPUTED)}"
              f"\nround trip: {len(PLAIN)} fields and id")

    def find_all(self, find, fields):
        rows = []
        for project in self.projects:
            rows += find("Asset", [["project", "is", {"type": "Project", "id": project}]], fields)
        return rows

    def find_command(self, *words):
        return lambda kind, filters, fields: self.find_elsewhere(kind, filters, ",".join(fields), *words)["rows"]

    def test_whole_site_list_byte_for_byte(self):
        """The recorded bytes answer one find over all projects; each row lands in its project's partition."""
        cache = self.cache()
        everything = sorted(set(TYPES) - {"id"})
        found, counts = self.visits(cache.find, "Asset", [], everything)
        self.assertEqual(counts, {"schema": 1, "search": 1})
        self.assertEqual((found.source, found.complete), ("upstream", True))
        self.compare(found.rows, everything, "straight from the site, image and all")
        again, counts = self.visits(cache.find, "Asset", [], sorted(PLAIN | COMPUTED))
        self.assertEqual(counts, {})
        self.assertEqual(again.source, "cache")
        self.compare(again.rows, sorted(PLAIN | COMPUTED), "from the stored query")
        _, counts = self.visits(self.find_command(), "Asset", [], sorted(PLAIN | COMPUTED))
        self.assertEqual(counts, {})
        self.compare(self.find_elsewhere("Asset", [], ",".join(sorted(PLAIN | COMPUTED)), "--mode", "only-cache")["rows"],
                     sorted(PLAIN | COMPUTED), "another process, only-cache")
        self.assertEqual(sorted(entry["partition"] for entry in cache.compact()),
                         ["project-122", "project-70", "project-72", "project-87", "site"])
        self.compare(self.find_elsewhere("Asset", [], ",".join(sorted(PLAIN | COMPUTED)), "--mode", "only-cache")["rows"],
                     sorted(PLAIN | COMPUTED), "another process, only-cache, from snapshots")
        self.compare(self.rows_of_snapshots(), sorted(PLAIN), "sqlite3 on latest.sqlite")

    def mirror(self):
        cache = self.cache()
        for project in self.projects:
            cache.mirror_add("Asset", project)
        done, counts = self.visits(cache.sync)
        self.assertEqual(counts, {"search": len(self.projects)})
        self.assertEqual(sum(entry["rows"] for entry in done["types"]), 123)
        return cache

    def test_mirrored(self):
        """Each project mirrored whole: read back from commits, from snapshots, elsewhere, and offline."""
        cache, plain = self.mirror(), sorted(PLAIN)
        rows, counts = self.visits(self.find_all, cache.find, plain)
        self.assertEqual(counts, {})
        self.compare(rows, plain, "overlay, this process")
        self.compare(self.find_all(self.find_command("--mode", "only-cache"), plain), plain, "overlay, another process")
        cache.compact()
        self.compare(self.find_all(cache.find, plain), plain, "snapshot, this process")
        self.compare(self.find_all(self.find_command("--mode", "only-cache"), plain), plain, "snapshot, another process")
        self.compare(self.rows_of_snapshots(), plain, "sqlite3 on latest.sqlite")
        self.site.close()
        self.compare(self.find_all(self.find_command(), plain), plain, "site down, another process")
        changes = [change.row for project in self.projects for change in cache.changes("Asset", project)]
        self.compare(changes, plain, "changes")

    def test_computed_and_signed(self):
        """What is kept of the rest: computed values with the query that asked for them, signed ones never."""
        cache = self.mirror()
        for field in sorted(COMPUTED):
            with self.assertRaises(fptcache.ShotgunError, msg=field):
                cache.find("Asset", [["project", "is", {"type": "Project", "id": 70}]], [field], mode="only-cache")
        computed = sorted(COMPUTED)
        rows, counts = self.visits(self.find_all, cache.find, computed)
        self.assertEqual(counts, {"search": len(self.projects)})
        self.compare(rows, computed, "asked")
        rows, counts = self.visits(self.find_all, cache.find, computed)
        self.assertEqual(counts, {}, "fresh stored query")
        self.compare(rows, computed, "stored")
        self.compare(self.find_all(self.find_command("--mode", "only-cache"), computed), computed, "stored, elsewhere")
        for field in sorted(SIGNED):
            rows, counts = self.visits(self.find_all, cache.find, ["code", field])
            self.assertEqual(counts, {"search": len(self.projects)}, field)
            self.compare(rows, ["code", field], "asked")
            rows, counts = self.visits(self.find_all, cache.find, ["code", field])
            self.assertEqual(counts, {"search": len(self.projects)}, f"{field}: asked every time")
            self.elsewhere("find", "Asset", "--project", 70, "--fields", f"code,{field}", "--mode", "only-cache",
                           expect=NO_DATA)
        cache.compact()
        signed = [part for row in RECORDING.rows for field in SIGNED for part in [row["attributes"][field]] if part]
        self.assertGreater(len(signed), 50)
        for path in pathlib.Path(self.directory).rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                for mark in (b"X-Amz-", b"amazonaws", b"a_key_0123456789"):
                    self.assertNotIn(mark, data, path)

    # -- without the library

    def rows_of_snapshots(self):
        rows = []
        for project in self.projects:
            path = f"{self.directory}/partitions/project-{project}/latest.sqlite"
            database = sqlite3.connect(f"file:{path}?immutable=1", uri=True)
            database.row_factory = sqlite3.Row
            rows += [self.from_sql(database, row) for row in database.execute('SELECT * FROM "Asset"')]
            database.close()
        return rows

    def from_sql(self, database, row):
        names = {(kind, number): name for kind, number, name in
                 database.execute("SELECT type, id, name FROM _fptc_name WHERE NOT is_gone")}
        found = {"type": "Asset", "id": row["id"]}

        def target(kind, number):
            return {"type": kind, "id": number, "name": names[kind, number]}

        for field in PLAIN:
            if TYPES[field] == "entity":
                kind, number = row[field + "__type"], row[field + "__id"]
                found[field] = target(kind, number) if kind else None
            elif TYPES[field] == "multi_entity":
                found[field] = [target(kind, number) for kind, number in database.execute(
                    f'SELECT link_type, link_id FROM "Asset__{field}" WHERE id = ? ORDER BY pos', (row["id"],))]
            elif TYPES[field] == "checkbox":
                found[field] = None if row[field] is None else bool(row[field])
            else:
                found[field] = row[field]
        return found


if __name__ == "__main__":
    print(json.dumps(sorted(TYPES)))
