"""Every summary and every grouping type of _summarize (fact sheet §1.7), what is expected written out."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("FPTC_SOURCE_DIR") or os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "site"))
from sitetest import SiteTest  # noqa: E402
from summarize import GROUPINGS, SUMMARIES  # noqa: E402

ARRAY = "application/vnd+shotgun.api3_array+json"
ROWS = (
    dict(code="alpha", sg_cut_in=5, sg_status_list="ip", sg_turnover_date="2026-01-05", sg_needs_retime=True,
         sg_aspect_ratio=0.5, sg_client_seen_at="2026-01-05T23:59:59Z"),
    dict(code="Beta", sg_cut_in=15, sg_status_list="ip", sg_turnover_date="2026-01-11", sg_aspect_ratio=1.0),
    dict(code="avid", sg_cut_in=123456, sg_status_list="fin", sg_turnover_date="2026-05-20"),
    dict(code="9x", sg_status_list=None))

# summary type -> (field, more of the entry, expected over all four rows, expected over none)
SUMMED = {
    "record_count": ("id", {}, 4, 0), "count": ("sg_cut_in", {}, 3, 0), "sum": ("sg_cut_in", {}, 123476, 0),
    "maximum": ("sg_cut_in", {}, 123456, 0), "minimum": ("sg_cut_in", {}, 5, 0),
    "average": ("sg_aspect_ratio", {}, 0.75, 0.0), "earliest": ("sg_turnover_date", {}, "2026-01-05", None),
    "latest": ("sg_turnover_date", {}, "2026-05-20", None), "percentage": ("sg_needs_retime", {}, 25, 0),
    "status_percentage": ("sg_status_list", {"value": "ip"}, 50, 0),
    "status_percentage_as_float": ("sg_status_list", {"value": "fin"}, 25.0, 0.0),
    "status_list": ("sg_status_list", {}, "ip", None), "checked": ("sg_needs_retime", {}, 1, 0),
    "unchecked": ("sg_needs_retime", {}, 3, 0)}

# grouping type -> (field, [(group_name, rows in it)…] in ascending order; what has no value comes last)
GROUPED = {
    "exact": ("sg_status_list", [("ip", 2), ("fin", 1), ("", 1)]),
    "tens": ("sg_cut_in", [("0-9", 1), ("10-19", 1), ("123450-123459", 1), ("", 1)]),
    "hundreds": ("sg_cut_in", [("0-99", 2), ("123400-123499", 1), ("", 1)]),
    "thousands": ("sg_cut_in", [("0-999", 2), ("123000-123999", 1), ("", 1)]),
    "tensofthousands": ("sg_cut_in", [("0-9999", 2), ("120000-129999", 1), ("", 1)]),
    "hundredsofthousands": ("sg_cut_in", [("0-99999", 2), ("100000-199999", 1), ("", 1)]),
    "millions": ("sg_cut_in", [("0-999999", 3), ("", 1)]),
    "day": ("sg_turnover_date", [("2026-01-05", 1), ("2026-01-11", 1), ("2026-05-20", 1), ("", 1)]),
    "week": ("sg_turnover_date", [("2026-01-05", 2), ("2026-05-18", 1), ("", 1)]),
    "month": ("sg_turnover_date", [("2026-01-01", 2), ("2026-05-01", 1), ("", 1)]),
    "quarter": ("sg_turnover_date", [("2026-01-01", 2), ("2026-04-01", 1), ("", 1)]),
    "year": ("sg_turnover_date", [("2026-01-01", 3), ("", 1)]),
    "clustered_date": ("sg_turnover_date", [("2026-01-01", 2), ("2026-05-01", 1), ("", 1)]),
    "oneday": ("sg_client_seen_at", [("2026-01-05", 1), ("", 3)]),
    "fivedays": ("sg_turnover_date", [("2026-01-04", 1), ("2026-01-09", 1), ("2026-05-19", 1), ("", 1)]),
    "entitytype": ("project", [("Project", 4)]),
    "firstletter": ("code", [("9", 1), ("A", 2), ("B", 1)])}


class Summaries(SiteTest):
    @classmethod
    def prepare(cls):
        super().prepare()
        for row in ROWS:
            cls.make("Shot", **row)

    def ask(self, summaries, grouping=None, filters=()):
        body = {"filters": list(filters), "summary_fields": summaries, "grouping": grouping or []}
        return self.call(200, "POST", "/entity/shots/_summarize", body, ARRAY)["data"]

    def test_every_type_is_here(self):
        self.assertEqual((set(SUMMED), set(GROUPED)), (set(SUMMARIES), set(GROUPINGS)))

    def test_summaries(self):
        for kind, (field, more, every, none) in SUMMED.items():
            with self.subTest(kind=kind):
                entry = {"field": field, "type": kind, **more}
                self.assertEqual(self.ask([entry])["summaries"], {field: every})
                self.assertEqual(self.ask([entry], filters=[["code", "is", "nothing"]])["summaries"], {field: none})

    def test_one_status_rolls_up_to_itself(self):
        entry = {"field": "sg_status_list", "type": "status_list"}
        for status in ("fin", "ip"):
            found = self.ask([entry], filters=[["sg_status_list", "is", status]])
            self.assertEqual(found["summaries"], {"sg_status_list": status})

    def test_groupings(self):
        for kind, (field, expected) in GROUPED.items():
            for direction in ("asc", "desc"):
                with self.subTest(kind=kind, direction=direction):
                    groups = self.ask([{"field": "id", "type": "count"}],
                                      [{"field": field, "type": kind, "direction": direction}])["groups"]
                    found = [(group["group_name"], group["summaries"]["id"]) for group in groups]
                    self.assertEqual(found, expected if direction == "asc" else expected[::-1])

    def test_groups_inside_groups(self):
        groups = self.ask([{"field": "sg_cut_in", "type": "sum"}],
                          [{"field": "sg_needs_retime", "type": "exact"}, {"field": "sg_status_list", "type": "exact"}])
        self.assertEqual(groups["groups"], [
            {"group_name": "[ ]", "group_value": False, "summaries": {"sg_cut_in": 123471}, "groups": [
                {"group_name": "ip", "group_value": "ip", "summaries": {"sg_cut_in": 15}},
                {"group_name": "fin", "group_value": "fin", "summaries": {"sg_cut_in": 123456}},
                {"group_name": "", "group_value": None, "summaries": {"sg_cut_in": 0}}]},
            {"group_name": "[X]", "group_value": True, "summaries": {"sg_cut_in": 5}, "groups": [
                {"group_name": "ip", "group_value": "ip", "summaries": {"sg_cut_in": 5}}]}])

    def test_retired_and_archived(self):
        gone = self.make("Shot", code="gone")
        self.call(204, "DELETE", f"/entity/shots/{gone['id']}")
        count = {"filters": [], "summary_fields": [{"field": "id", "type": "count"}]}
        self.site.control("POST", "/set", {**self.project, "fields": {"archived": True}})
        try:
            for options, expected in (({}, 4), ({"return_only": "retired"}, 1), ({"include_archived_projects": False}, 0)):
                answer = self.call(200, "POST", "/entity/shots/_summarize", {**count, "options": options}, ARRAY)
                self.assertEqual(answer["data"]["summaries"], {"id": expected}, options)
        finally:
            self.site.control("POST", "/set", {**self.project, "fields": {"archived": False}})

    def test_text_search_pages(self):
        for number in range(30):
            self.make("Asset", code=f"hay {number:02d}")
        answer = self.call(200, "POST", "/entity/_text_search", {"text": "HAY", "entity_types": {"Asset": []}}, ARRAY)
        self.assertEqual((len(answer["data"]), "links" in answer), (25, False))
        body = {"text": "hay", "entity_types": {"Asset": [["code", "not_contains", "1"]]}, "page": {"size": 10, "number": 2}}
        names = [row["attributes"]["name"] for row in
                 self.call(200, "POST", "/entity/_text_search", body, ARRAY)["data"]]
        self.assertEqual(names, ["hay 22", "hay 23", "hay 24", "hay 25", "hay 26", "hay 27", "hay 28", "hay 29"])
        error = self.error(400, "POST", "/entity/_text_search", {**body, "page": {"size": 26}}, ARRAY)
        self.assertEqual(error["source"], {"page": {"size": ["size must be less than or equal to 25"]}})


if __name__ == "__main__":
    unittest.main()
