"""Every operator of every data type, over four rows: what is expected is written out, from the fact sheet §3.

Rows: a ordinary values and zeros, b and c values at edges, n nothing at all.
"""

import json
import os
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("FPTC_SOURCE_DIR") or os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "site"))
import schema as schemas  # noqa: E402
from operators import RELATIONS  # noqa: E402
from sitetest import SiteTest  # noqa: E402

NOW = "2026-03-11T12:00:00Z"        # a Wednesday
ONE, TWO = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000B"
KIND = "CustomEntity02"
LINKED = {"entity": ["Sequence", "Asset"], "multi_entity": ["Sequence", "Asset"]}
CHOICES = {"list": ["Red", "Green", "Été"], "status_list": ["wtg", "ip", "fin"]}
ROWS = {
    "a": {"text": "Straße É", "number": 0, "float": 0.0, "duration": 0, "percent": 0, "timecode": 0, "currency": 0.0,
          "footage": 0, "date": "2026-03-11", "date_time": NOW, "checkbox": True, "list": "Red", "status_list": "ip",
          "entity_type": "Shot", "color": "1,2,3", "uuid": ONE, "image": "x/a.jpg", "jsonb": {"k": 1},
          "tag_list": ["blue"], "entity": "sq", "multi_entity": ["sq", "car"]},
    "b": {"text": "100%_\\x 🎬", "number": -2147483648, "float": -1.5, "duration": -60, "percent": -10, "timecode": -1,
          "currency": -9999999999999.99, "footage": -16, "date": "2026-03-01", "date_time": "2026-03-01T00:00:00Z",
          "checkbox": False, "list": "Green", "status_list": "fin", "entity_type": "Asset", "color": "255,0,0",
          "uuid": TWO.lower(), "jsonb": {"k": 2, "l": [1, {"m": True}]}, "tag_list": ["Blue sky", "red"],
          "entity": "car", "multi_entity": ["car"]},
    "c": {"text": "straße é 2", "number": 2147483647, "float": 0.000001, "duration": 480, "percent": 250,
          "timecode": 86400000, "currency": 0.01, "footage": 16, "date": "2026-04-11",
          "date_time": "2026-03-11T12:00:01Z", "list": "Été", "status_list": "wtg", "entity_type": "Task",
          "color": "0,0,0", "entity": "sq2", "multi_entity": ["sq2"]},
    "n": {"text": "  ", "status_list": None}}

# data type -> (operator, value, the rows that match)
TEXT = (
    ("is", "STRASSE É", ""), ("is", "STRAße é", "a"), ("is", "", "n"), ("is", None, "n"), ("is_not", "straße é", "bcn"),
    ("is_not", None, "abc"), ("is_not", "", "abc"), ("contains", "%_\\", "b"), ("contains", "🎬", "b"),
    ("contains", "É", "ac"), ("contains", "", "abc"), ("contains", "0_", ""), ("not_contains", "é", "bn"),
    ("not_contains", "", "n"), ("starts_with", "straße", "ac"), ("starts_with", "é", ""), ("ends_with", "2", "c"),
    ("ends_with", "É", "a"), ("in", ["straße é", "nothing"], "a"), ("in", ["nothing"], ""), ("in", [""], ""),
    ("not_in", ["straße é"], "bcn"), ("not_in", ["nothing"], "abcn"))


def numbers(low, zero, high, between):
    """The cells of a numeric type: b has the lowest value, a zero, c the highest."""
    return (("is", zero, "a"), ("is", None, "n"), ("is_not", zero, "bcn"), ("is_not", None, "abc"),
            ("greater_than", zero, "c"), ("greater_than", low, "ac"), ("less_than", high, "ab"),
            ("less_than", low, ""), ("between", [low, high], "abc"), ("between", [high, low], "abc"),
            ("between", [zero, zero], "a"), ("between", [zero, None], ""), ("between", between, "ac"),
            ("in", [zero, high], "ac"), ("in", [low], "b"), ("not_in", [zero], "bcn"), ("not_in", [zero, low], "cn"))


CHOICE = (("is", None, "n"), ("is_not", None, "abc"))
DATES = (("is", None, "n"), ("is_not", None, "abc"), ("in_last", [1, "DAY"], "a"), ("in_last", [2, "WEEK"], "ab"),
         ("in_last", [1, "YEAR"], "ab"), ("not_in_last", [1, "DAY"], "bcn"), ("in_next", [1, "YEAR"], "ac"),
         ("not_in_next", [1, "YEAR"], "bn"), ("in_calendar_day", 1, ""), ("in_calendar_week", 1, ""),
         ("in_calendar_week", [-1], ""), ("in_calendar_week", -2, "b"), ("in_calendar_month", -1, ""),
         ("in_calendar_year", -1, ""), ("in_calendar_year", 0, "abc"))
LINKS = (("is", None, "n"), ("is_not", None, "abc"), ("type_is", None, "n"), ("type_is_not", None, "abc"),
         ("name_contains", "Q", "ac"), ("name_not_contains", "q", "bn"), ("name_is", "SQ", "a"),
         ("name_is", "s", ""), ("name_contains", "nothing", ""))
CELLS = {
    "text": TEXT,
    "number": (*numbers(-2147483648, 0, 2147483647, [-1, 2147483647]), ("is", "0", "a")),
    "float": (*numbers(-1.5, 0.0, 0.000001, [-0.1, 0.1]), ("is", "1e-6", "c"), ("is", 0.0000004, "a")),
    "duration": (*numbers(-60, 0, 480, [-1, 480]), ("is", "480.6", "c"), ("is", 480.6, "c")),
    "percent": numbers(-10, 0, 250, [-9, 999]),
    "timecode": (*numbers(-1, 0, 86400000, [0, 86400000]), ("is", "86400000", "c")),
    "currency": (*numbers(-9999999999999.99, 0, 0.01, [-1, 1]), ("is", "0.01", "c")),
    "footage": (*numbers(-16, 0, 16, [-15, 16]), ("is", "16", "c")),
    "date": (*DATES, ("is", "2026-03-11", "a"), ("is", "", "n"), ("is_not", "2026-03-11", "bcn"),
             ("is_not", "", "abc"), ("greater_than", "2026-03-11", "c"), ("less_than", "2026-03-11", "b"),
             ("between", ["2026-03-11", "2026-03-01"], "ab"), ("in", ["2026-03-11", "2026-03-01"], "ab"),
             ("not_in", ["2026-03-11"], "bcn"), ("in_last", [1, "HOUR"], "a"), ("in_next", [31, "DAY"], "ac"),
             ("in_next", [1, "MONTH"], "ac"), ("in_next", [30, "DAY"], "a"), ("in_calendar_day", 0, "a"),
             ("in_calendar_week", 0, "a"), ("in_calendar_month", 0, "ab"), ("in_calendar_month", 1, "c")),
    "date_time": (*DATES, ("is", NOW, "a"), ("is", "2026-03-01", "b"), ("is", "2026-03-11", ""),
                  ("is", "2026-03-11T13:00:00.9+01:00", "a"), ("is_not", NOW, "bcn"), ("greater_than", NOW, "c"),
                  ("less_than", NOW, "b"), ("between", ["2026-03-11T12:00:01Z", NOW], "ac"), ("in", [NOW], "a"),
                  ("not_in", [NOW], "bcn"), ("in_last", [1, "HOUR"], "a"), ("in_last", [1, "MONTH"], "ab"),
                  ("in_next", [1, "HOUR"], "ac"), ("in_calendar_day", 0, "ac"), ("in_calendar_week", 0, "ac"),
                  ("in_calendar_month", 0, "abc")),
    "checkbox": (("is", True, "a"), ("is", False, "bcn"), ("is", "true", "a"), ("is_not", True, "bcn"),
                 ("is_not", "false", "a")),
    "list": (*CHOICE, ("is", "RED", "a"), ("is", "été", "c"), ("is_not", "red", "bcn"), ("in", ["red", "x"], "a"),
             ("not_in", ["red", "x"], "bcn"), ("is", "x", "")),
    "status_list": (*CHOICE, ("is", "ip", "a"), ("is", "In Progress", ""), ("is_not", "ip", "bcn"),
                    ("in", ["ip", "fin"], "ab"), ("not_in", ["ip", "fin"], "cn")),
    "entity_type": (*CHOICE, ("is", "Shot", "a"), ("is_not", "Shot", "bcn"), ("in", ["Shot", "Nonsense"], "a"),
                    ("not_in", ["Shot"], "bcn")),
    "color": (*CHOICE, ("is", "1,2,3", "a"), ("is_not", "1,2,3", "bcn"), ("in", ["0,0,0", "255,0,0"], "bc"),
              ("not_in", ["0,0,0"], "abn")),
    "uuid": (("is", ONE, "a"), ("is", TWO, "b"), ("is", "", "cn"), ("is_not", ONE, "bcn"), ("is_not", "", "ab"),
             ("in", [ONE, TWO], "ab"), ("not_in", [ONE], "bcn")),
    "entity": (*LINKS, ("is", "sq", "a"), ("is_not", "sq", "bcn"), ("in", ["sq", "car"], "ab"), ("in", "sq", "a"),
               ("in", ["sq", None], "an"), ("not_in", ["sq", "car"], "cn"), ("not_in", ["sq", None], "bc"),
               ("type_is", "Sequence", "ac"), ("type_is_not", "Sequence", "bn"), ("type_is", "Shot", "")),
    "multi_entity": (*LINKS, ("is", "car", "ab"), ("is_not", "car", "cn"), ("in", ["sq", "sq2"], "ac"),
                     ("in", ["car"], "ab"), ("not_in", ["car"], "cn"), ("not_in", ["car", "sq2"], "n"),
                     ("type_is", "Asset", "ab"), ("type_is_not", "Asset", "cn")),
    "image": (("is", None, "bcn"), ("is_not", None, "a")),
    "jsonb": (("is", {"k": 1}, "a"), ("is", None, "cn"), ("is_not", {"k": 1}, "bcn"), ("contains", {"k": 2}, "b"),
              ("contains", {"l": [{"m": True}]}, "b"), ("not_contains", {"k": 2}, "acn")),
    "tag_list": (("is", "BLUE", "a"), ("is", None, "cn"), ("is_not", "blue", "bcn"), ("is_not", None, "ab"),
                 ("name_contains", "blue", "ab"), ("name_not_contains", "SKY", "acn")),
}


def schema_file():
    """The built-in schema and a type with one field of each data type."""
    known = {name: {field.name: {"data_type": field.type, "editable": field.editable, "properties": field.properties}
                    for field in each.fields.values()} for name, each in schemas.builtin().types.items()}
    known[KIND] = {"code": {"data_type": "text"}, "project": {"data_type": "entity",
                                                              "properties": {"valid_types": ["Project"]}}}
    for data_type in CELLS:
        properties = {}
        if data_type in LINKED:
            properties["valid_types"] = LINKED[data_type]
        if data_type in CHOICES:
            properties["valid_values"] = CHOICES[data_type]
        known[KIND][f"sg_{data_type}"] = {"data_type": data_type, "properties": properties}
    stream = tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8", delete=False)
    with stream:
        json.dump(known, stream)
    return stream.name


class Operators(SiteTest):
    @classmethod
    def setUpClass(cls):
        cls.options = {"rows": 0, "schema": schema_file()}
        try:
            super().setUpClass()
        finally:
            os.unlink(cls.options["schema"])

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.site.clock(NOW)
        cls.targets = {name: cls.make(kind, code=name)
                       for kind, name in (("Sequence", "sq"), ("Sequence", "sq2"), ("Asset", "car"))}
        for code, values in ROWS.items():
            stored = {f"sg_{name}": values[name] for name in ("uuid", "image") if name in values}
            sent = {f"sg_{name}": cls.links(value) if name in LINKED else value for name, value in values.items()
                    if name not in ("uuid", "image")}
            row = cls.make(KIND, code=code, **sent)
            if stored:
                cls.site.control("POST", "/set", {**row, "fields": stored})

    @classmethod
    def links(cls, value):
        """Names of targets as the links they stand for."""
        if isinstance(value, list):
            return [cls.links(each) for each in value]
        return cls.targets[value] if value is not None else None

    def matching(self, data_type, relation, value):
        if data_type in LINKED and relation in ("is", "is_not", "in", "not_in"):
            value = self.links(value)
        return "".join(row["attributes"]["code"] for row in self.find(KIND, [[f"sg_{data_type}", relation, value]]))

    def test_every_cell_has_a_row_here(self):
        self.assertEqual({(kind, relation) for kind, cells in CELLS.items() for relation, _, _ in cells},
                         {(kind, relation) for kind, relations in RELATIONS.items() for relation in relations})

    def test_nothing_can_be_asked_of_these(self):
        for data_type in ("url", "serializable", "calculated", "summary", "password", "pivot_column", "url_template"):
            self.assertNotIn(data_type, RELATIONS)

    def test_list_values_and_linked_paths(self):
        path = "sg_multi_entity.Sequence.code"
        for condition, expected in (([path, "is", "sq"], "a"), ([path, "is_not", "sq"], "bcn"),
                                    ([path, "not_in", ["sq", "sq2"]], "bn"), ([path, "contains", "q"], "ac"),
                                    (["sg_entity.Asset.code", "is", "car"], "b"),
                                    (["sg_entity.Asset.code", "is_not", "car"], "acn"),
                                    (["sg_entity.Sequence.project.Project.id", "is", self.project["id"]], "ac")):
            found = "".join(row["attributes"]["code"] for row in self.find(KIND, [condition]))
            self.assertEqual(found, expected, condition)


def _cell_test(data_type):
    def test(self):
        for relation, value, expected in CELLS[data_type]:
            with self.subTest(relation=relation, value=value):
                self.assertEqual(self.matching(data_type, relation, value), expected)
    return test


for _data_type in CELLS:
    setattr(Operators, f"test_{_data_type}", _cell_test(_data_type))


if __name__ == "__main__":
    unittest.main()
