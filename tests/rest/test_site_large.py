"""Large sites: what is copied must be as sound as what was made up, and a page must cost only itself."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("FPTC_SOURCE_DIR") or os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "site"))
import data  # noqa: E402
import schema as schemas  # noqa: E402
from query import Engine, Query  # noqa: E402
from rows import Store  # noqa: E402

BLOCK, ROWS = 1500, 5000


class Counting(dict):
    """A dict that counts what is taken out of it."""

    taken = 0

    def __getitem__(self, key):
        self.taken += 1
        return super().__getitem__(key)


class Large(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        kept, data.BLOCK = data.BLOCK, BLOCK
        try:
            cls.store = Store(schemas.builtin())
            cls.made = data.generate(cls.store, 7, ROWS, 3, "test_script")
        finally:
            data.BLOCK = kept

    def rows(self):
        for table in self.store.tables.values():
            yield from table.rows.values()

    def test_there_are_as_many_as_asked(self):
        self.assertEqual(sum(1 for _ in self.rows()), ROWS)
        self.assertEqual(self.made, ROWS)

    def test_the_indexes_hold_every_row(self):
        for name, table in self.store.tables.items():
            self.assertEqual(sorted(table.active + table.retired), sorted(table.rows), name)
            self.assertEqual((table.active, table.retired), (sorted(table.active), sorted(table.retired)), name)
            if table.type.has_project:
                self.assertEqual(sorted(i for ids in table.by_project.values() for i in ids), table.active, name)

    def test_copies_of_retired_rows_are_retired(self):
        table = self.store.tables["Version"]
        half = sorted(table.rows)[len(table.rows) // 2]
        self.assertGreater(sum(1 for row_id in table.retired if row_id > half), 3)
        self.assertTrue(all(table.rows[row_id].retired for row_id in table.retired))

    def test_every_link_leads_somewhere_and_back(self):
        links = 0
        for row in self.rows():
            for name, field in self.store.tables[row.type].type.fields.items():
                value = row.v.get(name)
                if field.type not in ("entity", "multi_entity") or not value:
                    continue
                for key in value if field.type == "multi_entity" else [value]:
                    other = self.store.any_row(key)
                    self.assertIsNotNone(other, (row.key, name, key))
                    back = self.store.schema.inverse.get((row.type, name), {}).get(key[0])
                    if back and field.type == "entity":
                        self.assertIn(row.key, other.v[back], (row.key, name, key))
                        links += 1
        self.assertGreater(links, ROWS / 2)

    def test_copies_have_codes_and_ids_of_their_own(self):
        shots = self.store.tables["Shot"].rows.values()
        codes = {row.v["code"] for row in shots}
        self.assertEqual(len(codes), len(shots))
        self.assertTrue(all(row.v["cached_display_name"] == row.v["code"] for row in shots))
        for row in self.store.tables["EventLogEntry"].rows.values():
            self.assertEqual(row.v["meta"]["entity_id"], row.v["entity"][1])
        for row in self.store.tables["Attachment"].rows.values():
            self.assertEqual(row.v["this_file"]["id"], row.id)

    def test_small_sites_are_as_they_were(self):
        stores = []
        for block in (data.BLOCK, 10 ** 9):
            kept, data.BLOCK = data.BLOCK, block
            try:
                store = Store(schemas.builtin())
                data.generate(store, 7, 900, 3, "test_script")
            finally:
                data.BLOCK = kept
            stores.append({row.key: row.v for table in store.tables.values() for row in table.rows.values()})
        self.assertEqual(stores[0], stores[1])

    def test_a_page_by_id_looks_at_its_own_rows_only(self):
        table, engine = self.store.tables["Task"], Engine(self.store)
        self.assertGreater(len(table.active), 1000)
        table.rows = Counting(table.rows)
        conditions = [["project", "is", {"type": "Project", "id": 101}]]
        for extra in ([], conditions):
            ids = table.by_project[101] if extra else table.active
            for at in (0, len(ids) // 2, len(ids) - 60):
                table.rows.taken = 0
                query = Query(table.type, [["id", "greater_than", ids[at]], *extra], "array", sort="id")
                found = engine.count_and_page(query, 0, 50)
                self.assertEqual([row.id for row in found], ids[at + 1:at + 51])
                self.assertLessEqual(table.rows.taken, 60, (extra, at))


if __name__ == "__main__":
    unittest.main()
