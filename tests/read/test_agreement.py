"""Generated questions, answered from the cache and by the site itself: the same rows, the same values, in the same
order, without one difference; and every operator of every data type often enough with an answer that shows it."""

import datetime
import json
import os
import unittest

import fptcache
from insite import InSite
from questions import OPERATORS, PAIRS, WAYS, Questions, as_api3
from readtest import FOREVER, LONG, PROJECT, ReadTest, ids

SEED = int(os.environ.get("FPTC_SEED", "20261122"))
NUMBER = 20000 if LONG else 1600
ENOUGH = 20
KINDS = ("Shot", "Task", "Version", "Asset", "Sequence", "Note", "PublishedFile", "Playlist")
SITE_KINDS = ("HumanUser", "Step", "Group", "Project", "Status", "Department")
ASKED = (*KINDS, "Step", "HumanUser", "Project")
TARGETS = ("Shot", "Asset", "Sequence", "Version", "Task", "HumanUser", "Step", "Project")
LOCAL_WAYS = WAYS
PER_CALLER = ("viewed_by_current_user", "read_by_current_user", "current_user_favorite",
              "last_accessed_by_current_user")
AUTHORED = ("created_at", "updated_at")


def near_now(store):
    """Dates around today, that relative operators may find something; and no Turkish dotted I: it has two
    characters in lower case, and what FPT makes of it nobody knows."""
    now = datetime.datetime.now(datetime.timezone.utc)
    for table in store.tables.values():
        moved = [field for field in table.type.fields.values()
                 if field.type in ("date", "date_time") and field.name not in AUTHORED]
        for row in table.rows.values():
            for field in moved if row.id % 3 else ():
                move(row, field, now, 24 if row.id % 3 == 1 else 800)
            for name, value in row.v.items():
                if isinstance(value, str) and "İ" in value:
                    row.v[name] = value.replace("İ", "I")


def move(row, field, now, days):
    """To a day around now; an hour stays what it is."""
    value = row.v.get(field.name)
    if value:
        old = datetime.date.fromisoformat(value[:10])
        new = now.date() + datetime.timedelta(days=old.toordinal() * 7 % days - days // 2)
        row.v[field.name] = new.isoformat() + value[10:]


class Agreement(ReadTest):
    n_asked = 0

    @classmethod
    def setUpClass(cls):
        cls.site = InSite(near_now, rows=2500, seed=11, token_seconds=100000)
        cls.addClassCleanup(cls.site.__exit__)
        cls.site.start()
        types = cls.site.store.schema.types
        cls.fields = {kind: {name: (field.type, field.valid_types) for name, field in types[kind].fields.items()
                             if name not in PER_CALLER and name != "id"} for kind in (*KINDS, *SITE_KINDS)}
        cls.living = {kind: cls.site.rows_of(kind, cls.project_of(kind)) for kind in cls.fields}
        cls.rows = {kind: [cls.site.flat(row) for row in rows] for kind, rows in cls.living.items()}
        cls.questions = Questions(SEED, cls.fields, cls.rows, ASKED, TARGETS, cls.divides)

    @staticmethod
    def project_of(kind):
        return PROJECT["id"] if kind in KINDS else None

    @classmethod
    def divides(cls, kind, condition):
        number = cls.site.n_fitting(kind, {"logical_operator": "and", "conditions": [condition]}, cls.living[kind])
        return number is not None and 0 < number < len(cls.living[kind])

    # -- the site's answer

    def shape(self, kind, record, fields):
        """A record of the REST API in the shape of find."""
        row = {"type": kind, "id": record["id"]}
        for name in fields:
            if name in record["relationships"]:
                data = record["relationships"][name]["data"]
                row[name] = [self.link(each) for each in data] if isinstance(data, list) else data and self.link(data)
            elif name in record["attributes"]:
                row[name] = record["attributes"][name]
                if row[name] is not None and self.data_type(kind, name) in ("float", "currency"):
                    row[name] = round(float(row[name]), 6)
        return row

    @staticmethod
    def link(data):
        return {"type": data["type"], "id": data["id"], "name": data["name"]}

    def data_type(self, kind, path):
        parts = path.split(".")
        return self.fields[parts[-2] if len(parts) > 1 else kind][parts[-1]][0]

    def ask_site(self, q):
        records = self.site.records(q.kind, q.filters, q.fields, ",".join(q.order) or "id", q.limit or 5000, q.page or 1)
        return [self.shape(q.kind, record, q.fields) for record in records]

    # -- both

    def mirror(self):
        cache = self.cache(max_age=FOREVER)
        for kind in KINDS:
            cache.mirror_add(kind, 101)
        for kind in SITE_KINDS:
            cache.mirror_add(kind)
        cache.sync()
        return cache

    def ask(self, cache, q):
        """(rows, "" or why the cache alone could not answer); every third question in shotgun_api3's spelling."""
        self.n_asked += 1
        filters = q.filters if self.n_asked % 3 else as_api3(q.filters)
        try:
            return cache.find(q.kind, filters, q.fields, q.order, q.limit, q.page, mode="only-cache").rows, ""
        except fptcache.NoData as error:
            why_not = str(error).split("(only-cache)")[-1].lstrip(": ").split(":")[0]
            return cache.find(q.kind, filters, q.fields, q.order, q.limit, q.page).rows, why_not

    def count(self, q):
        """What an answer of the cache's own shows, if it is neither empty nor everything."""
        number = self.site.n_fitting(q.kind, q.filters, self.living[q.kind])
        if 0 < number < len(self.living[q.kind]):
            for pair in q.pairs:
                self.questions.used[pair] += 1
            for way in q.ways:
                self.questions.used_ways[way] += 1

    def lacking(self):
        """Operators and paths that were not shown often enough."""
        used = {**self.questions.used, **{way: self.questions.used_ways[way] for way in LOCAL_WAYS}}
        return {what: n for what, n in used.items() if n < ENOUGH}

    def run_round(self, cache, least, most):
        """`least` questions, and up to `most` while something is lacking."""
        n_local, n_rows, why_not, differences, number = 0, 0, {}, [], 0
        while number < least or (number < most and self.lacking()):
            number += 1
            q = self.questions.question(self.project_of)
            wanted = self.ask_site(q)
            try:
                found, reason = self.ask(cache, q)
            except fptcache.ShotgunError as error:
                differences.append(f"\n{q.kind} {json.dumps(q.__dict__)}\n   {error}")
                continue
            n_rows += len(wanted)
            if reason:
                why_not[reason] = why_not.get(reason, 0) + 1
            else:
                n_local += 1
                self.count(q)
            if found != wanted:
                differences.append(self.describe(q, wanted, found))
        print(f"\nseed {SEED}: {number} questions, {n_rows} rows, {n_local} answered by the cache alone; the others: "
              f"{why_not}; {len(differences)} differences")
        self.assertEqual(differences, [], f"{len(differences)} differences" + "".join(differences[:40]))
        self.assertGreater(n_local, number // 2)

    @staticmethod
    def describe(q, wanted, found):
        if ids(wanted) != ids(found):
            what = f"site {ids(wanted)[:20]}, cache {ids(found)[:20]}"
        else:
            what = "; ".join(f"{a['id']} {name}: site {a[name]!r}, cache {b.get(name)!r}"
                             for a, b in zip(wanted, found) for name in a if a[name] != b.get(name))[:600]
        question = json.dumps([q.filters, q.fields, q.order, q.limit, q.page])
        return f"\n{q.kind} {question[:3000]}\n   {what}"

    # -- the tests, in the order of their names

    def test_1_from_commits(self):
        self.run_round(self.mirror(), NUMBER // 2, NUMBER // 2)

    def test_2_from_snapshots_and_overlay(self):
        """Rows in snapshots, some of them replaced since, some retired."""
        self.mirror().compact()
        for kind in ("Shot", "Task", "Version"):
            for row in self.living[kind][::7]:
                self.site.touch(kind, row.id, {"description" if kind != "Task" else "sg_description": "Touché"})
        for row in self.living["Note"][::5]:
            self.site.retire("Note", row.id)
        type(self).living["Note"] = self.site.rows_of("Note", PROJECT["id"])
        cache = self.cache(max_age=FOREVER)
        cache.sync()
        part = next(each for each in cache.status()["partitions"] if each["partition"] == "project-101")
        self.assertTrue(part["base"] and part["commits_since_base"], part)
        self.run_round(cache, NUMBER - NUMBER // 2, 2 * NUMBER)

    def test_3_every_operator_was_shown(self):
        """Each operator of each data type, in an answer that is neither empty nor everything."""
        used = self.questions.used
        for data_type in sorted(OPERATORS):
            print(f"\n  {data_type:12}", ", ".join(
                f"{relation} {used[data_type, relation]}" for relation in OPERATORS[data_type]), end="")
        print(f"\n{len(PAIRS)} operators of data types, the rarest {min(used.values())} times; "
              f"paths: {self.questions.used_ways}")
        self.assertEqual(self.lacking(), {}, f"fewer than {ENOUGH} times")


if __name__ == "__main__":
    unittest.main()
