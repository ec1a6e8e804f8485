"""Every operator on every data type with null, empty, unicode and edge values: cells.tsv says what must come, in
words of the fact sheet. Each cell is asked as an array and as a group, answered by the cache alone."""

import calendar
import datetime
import json
import os
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "read"))
from readtest import FOREVER, IN_PROJECT, PROJECT, SOURCE, ReadTest  # noqa: E402

import fptcache  # noqa: E402

CELLS = ("null", "empty", "unicode", "edge")
STANDARD = {"null": None, "empty": "", "unicode": "ключ", "edge": []}
LETTERS = "abcuzn"
WINDOWS = ("in_last", "in_next")
TYPE = "Probe"


# -- the table

class Line:
    """One line of the table, for one data type and one operator."""

    def __init__(self, number, data_type, relation, cell, value, outcome, mark):
        self.number, self.data_type, self.relation, self.cell = number, data_type, relation, cell
        self.value, self.outcome, self.mark = value, outcome, mark

    def __str__(self):
        return (f"cells.tsv:{self.number} [{self.mark}] {self.data_type} {self.relation} "
                f"{json.dumps(self.value, ensure_ascii=False)}: wanted {self.outcome}")


class Table:
    """`taken`: {data type: operators it takes}; `relations`: all operators there are; `lines`."""

    def __init__(self, path):
        rows = [(number, line.split("\t")) for number, line in
                enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if line and line[0] != "#"]
        self.taken, self.lines = {}, []
        for _, columns in (row for row in rows if row[1][0] == "!"):
            relations = [] if columns[2] == "none" else columns[2].split()
            self.taken.update((data_type, relations) for data_type in columns[1].split(","))
        self.relations = sorted({each for relations in self.taken.values() for each in relations})
        self.unheard = self.taken.pop("nobody")
        for number, columns in rows:
            if columns[0] != "!":
                self._read(number, *columns)

    def _read(self, number, data_types, relations, cell, value, outcome, mark):
        for data_type in data_types.split(","):
            for relation in self._named(data_type, relations):
                if cell == "*":
                    self.lines += [Line(number, data_type, relation, each, STANDARD[each], outcome, mark)
                                   for each in CELLS]
                else:
                    self.lines.append(Line(number, data_type, relation, cell, json.loads(value), outcome, mark))

    def _named(self, data_type, relations):
        if relations == "all":
            return self.relations
        named = []
        for name in relations.split(","):
            named += [name] if name != "others" else [
                each for each in self.relations if each not in self.taken[data_type] and each not in self.unheard]
        return named

    def missing(self):
        there = {(line.data_type, line.relation, line.cell) for line in self.lines}
        return [cell for cell in ((data_type, relation, cell) for data_type in self.taken
                                  for relation in self.relations for cell in CELLS) if cell not in there]


# -- the rows

def bucket(today, unit, which):
    """The first and the last day of the day, week, month or year that is `which` after this one."""
    if unit == "day":
        first = last = today + datetime.timedelta(days=which)
    elif unit == "week":
        first = today + datetime.timedelta(days=7 * which - today.weekday())
        last = first + datetime.timedelta(days=6)
    elif unit == "month":
        year, month = divmod(12 * today.year + today.month - 1 + which, 12)
        first = datetime.date(year, month + 1, 1)
        last = first.replace(day=calendar.monthrange(year, month + 1)[1])
    else:
        first, last = datetime.date(today.year + which, 1, 1), datetime.date(today.year + which, 12, 31)
    return first, last


def calendar_value(now, data_type, unit, text):
    which, end = text.split()
    first, last = bucket(now.date(), unit, int(which))
    day = (first if end == "first" else last).isoformat()
    if data_type == "date":
        return day
    return f"{day}T{'00:00:00' if end == 'first' else '23:59:59'}Z"


def window_value(now, data_type, text):
    if data_type == "date":
        return (now + datetime.timedelta(days=int(text))).date().isoformat()
    half = datetime.timedelta(minutes=-30 if text[0] == "-" else 30)
    return (now + datetime.timedelta(days=int(text)) + half).strftime("%Y-%m-%dT%H:%M:%SZ")


def field_of(data_type, relation=""):
    """The field of Probe for a condition: relative operators have dates of their own."""
    positive = relation[4:] if relation.startswith("not_in_") else relation
    if data_type in ("date", "date_time") and (positive in WINDOWS or positive.startswith("in_calendar_")):
        return f"sg_{data_type}_{positive}"
    return f"sg_{data_type}"


def scalar_rows(rows, now):
    """{field: {letter: value}} of all scalar fields."""
    values = {}
    for data_type, by_letter in rows.items():
        if data_type not in ("entity", "multi_entity", "in_calendar", *WINDOWS):
            values[field_of(data_type)] = by_letter
    for data_type in ("date", "date_time"):
        for relation in WINDOWS:
            values[field_of(data_type, relation)] = {
                letter: text and window_value(now, data_type, text) for letter, text in rows[relation].items()}
        for unit in ("day", "week", "month", "year"):
            values[field_of(data_type, f"in_calendar_{unit}")] = {
                letter: text and calendar_value(now, data_type, unit, text)
                for letter, text in rows["in_calendar"].items()}
    return values


def dump_schema(data_types):
    """The built-in schema of the test site with Probe, which has a field of every data type."""
    sys.path.insert(0, str(SOURCE / "tests/site"))
    import schema
    dump = {name: {field.name: {"data_type": field.type, "name": field.label, "editable": field.editable,
                                "mandatory": field.mandatory, "properties": field.properties}
                   for field in entity_type.fields.values()}
            for name, entity_type in schema.builtin().types.items()}
    named = {"code": {"data_type": "text"}, "cached_display_name": {"data_type": "text"},
             "project": {"data_type": "entity", "properties": {"valid_types": ["Project"]}},
             "updated_at": {"data_type": "date_time"}, "created_at": {"data_type": "date_time"}}
    links = {"properties": {"valid_types": ["Thing", "Other"]}}
    probe = {field_of(data_type): {"data_type": data_type, **(links if "entity" in data_type.split("_") else {})}
             for data_type in data_types}
    for data_type in ("date", "date_time"):
        for relation in (*WINDOWS, *(f"in_calendar_{unit}" for unit in ("day", "week", "month", "year"))):
            probe[field_of(data_type, relation)] = {"data_type": data_type}
    dump.update({TYPE: {**named, **probe}, "Thing": dict(named), "Other": dict(named)})
    file = tempfile.NamedTemporaryFile("w", suffix=".json", delete=False)
    with file:
        json.dump(dump, file)
    return file.name


class Cells(ReadTest):
    @classmethod
    def setUpClass(cls):
        cls.table = Table(HERE / "cells.tsv")
        schema = dump_schema(cls.table.taken)
        cls.addClassCleanup(os.unlink, schema)
        cls.site_options = {"rows": 1, "schema": schema}
        super().setUpClass()
        cls.fill(json.loads((HERE / "cells_rows.json").read_text(encoding="utf-8")))

    @classmethod
    def fill(cls, rows):
        cls.now = datetime.datetime.now(datetime.timezone.utc)
        cls.links, cls.letters = {}, {}
        for name, kind, code in (("charA", "Thing", "charA"), ("charB", "Thing", "charB"), ("dead", "Thing", "charDead"),
                                 ("key", "Thing", "Ключ 😀"), ("other", "Other", "charA%")):
            row = cls.site.create(kind, {"code": code, "project": PROJECT})
            cls.links[name] = {"type": kind, "id": row["id"]}
        scalars = scalar_rows(rows, cls.now)
        for letter in LETTERS:
            link, links = rows["entity"][letter], rows["multi_entity"][letter]
            row = cls.site.create(TYPE, {"code": f"probe {letter}", "project": PROJECT,
                                         field_of("entity"): link and cls.links[link],
                                         field_of("multi_entity"): [cls.links[each] for each in links]})
            cls.letters[row["id"]] = letter
            cls.site.control("POST", "/set", {"type": TYPE, "id": row["id"], "fields": {
                name: values.get(letter) for name, values in scalars.items()}})
        cls.site.retire("Thing", cls.links["dead"]["id"])

    def mirror(self):
        cache = self.cache(max_age=FOREVER)
        for kind in (TYPE, "Thing", "Other"):
            cache.mirror_add(kind, PROJECT["id"])
        cache.mirror_add("Project")
        cache.sync()
        return cache

    # -- asking

    def given(self, value):
        """The value with "#name" replaced by the link of that name."""
        if isinstance(value, list):
            return [self.given(each) for each in value]
        if isinstance(value, str) and value.startswith("#"):
            return {**self.links[value[1:]], "name": "not looked at"}
        return value

    def answer(self, cache, filters, mode):
        """What came, as the table spells it."""
        try:
            found = cache.find(TYPE, filters, ["code"], mode=mode)
        except fptcache.NoData as error:
            return f"asks: {error}"
        except fptcache.Fault as error:
            return f"refused: {error}" if error.name == "FPTC_EUSAGE" else f"FPT refused: {error}"
        return "".join(self.letters[row["id"]] for row in found) or "-"

    @staticmethod
    def fits(outcome, came):
        kind, _, texts = outcome.partition(": ")
        if kind not in ("asks", "refused"):
            return sorted(came) == sorted(outcome)
        return came.startswith(kind) and (kind == "asks" or any(text in came for text in texts.split("|")))

    def check(self, cache, line):
        """The complaints about one line."""
        condition = [field_of(line.data_type, line.relation), line.relation, self.given(line.value)]
        spelled = {"array": [IN_PROJECT, condition],
                   "group": {"logical_operator": "and", "conditions": [IN_PROJECT, condition]},
                   "api3": {"filter_operator": "all", "filters": [IN_PROJECT, condition]}}
        wrong = []
        for name, filters in spelled.items():
            came = self.answer(cache, filters, "only-cache")
            if not self.fits(line.outcome, came):
                wrong.append(f"{line}\n    as {name} came {came}")
        if line.outcome.startswith("asks: "):
            came = self.answer(cache, spelled["group"], "refresh")
            if not any(came.startswith("FPT refused: ") and text in came for text in line.outcome[6:].split("|")):
                wrong.append(f"{line}\n    from FPT came {came}")
        return wrong

    # -- the tests

    def test_no_cell_is_missing(self):
        missing = self.table.missing()
        self.assertEqual(missing, [], f"{len(missing)} cells have no line")
        unknown = [str(line) for line in self.table.lines if line.cell not in CELLS]
        self.assertEqual(unknown, [])

    def test_cells(self):
        cache = self.mirror()
        wrong = [complaint for line in self.table.lines for complaint in self.check(cache, line)]
        cells = {(line.data_type, line.relation, line.cell) for line in self.table.lines}
        print(f"\n{len(cells)} cells of {len(self.table.taken)} data types and {len(self.table.relations)} operators, "
              f"{len(self.table.lines)} values, each spelled in three ways; {len(wrong)} wrong")
        if datetime.datetime.now(datetime.timezone.utc).date() != self.now.date():
            self.skipTest("midnight (UTC) passed: the relative dates are those of yesterday")
        self.assertEqual(wrong, [], f"{len(wrong)} wrong\n" + "\n".join(wrong[:60]))


if __name__ == "__main__":
    import unittest
    unittest.main()
