"""What goes to FPT and what comes back: dates, links, filters, order, as the official client has them."""

import copy
import datetime
import os
import pickle
import time
import unittest

from fptcache import ShotgunError, shotgun

UTC = datetime.timezone.utc
MOMENT = datetime.datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
TEXT = "2026-03-04T05:06:07Z"


class InZone(unittest.TestCase):
    """Runs in a zone that is not UTC and has daylight saving time."""

    zone = "Europe/Berlin"

    def setUp(self):
        before = os.environ.get("TZ")

        def restore():
            if before is None:
                os.environ.pop("TZ", None)
            else:
                os.environ["TZ"] = before
            time.tzset()

        self.addCleanup(restore)
        os.environ["TZ"] = self.zone
        time.tzset()
        if time.localtime(0).tm_gmtoff == 0:
            os.environ["TZ"] = "CET-1CEST,M3.5.0,M10.5.0/3"  # without the zone files of the system
            time.tzset()


class Outbound(InZone):

    def test_moment_without_zone_is_local(self):
        self.assertEqual(shotgun.to_site(datetime.datetime(2026, 3, 4, 6, 6, 7)), TEXT)
        self.assertEqual(shotgun.to_site(datetime.datetime(2026, 7, 4, 7, 6, 7)), "2026-07-04T05:06:07Z")

    def test_moment_with_zone(self):
        self.assertEqual(shotgun.to_site(MOMENT), TEXT)
        tokyo = datetime.timezone(datetime.timedelta(hours=9))
        self.assertEqual(shotgun.to_site(datetime.datetime(2026, 3, 4, 14, 6, 7, tzinfo=tokyo)), TEXT)

    def test_nothing_is_converted_on_request(self):
        self.assertEqual(shotgun.to_site(datetime.datetime(2026, 3, 4, 6, 6, 7), is_utc=False),
                         "2026-03-04T06:06:07Z")
        self.assertEqual(shotgun.from_site(TEXT, is_utc=False), datetime.datetime(2026, 3, 4, 5, 6, 7))

    def test_date_and_time(self):
        self.assertEqual(shotgun.to_site(datetime.date(2026, 3, 4)), "2026-03-04")
        today = datetime.datetime.now().replace(hour=12, minute=30, second=5, microsecond=0)
        self.assertEqual(shotgun.to_site(datetime.time(12, 30, 5)),
                         today.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))

    def test_everything_inside(self):
        data = {"a": [MOMENT, {"b": (datetime.date(2026, 1, 2), 3)}], "c": None, "d": "x"}
        self.assertEqual(shotgun.to_site(data), {"a": [TEXT, {"b": ["2026-01-02", 3]}], "c": None, "d": "x"})


class Inbound(InZone):

    def test_local_zone(self):
        found = shotgun.from_site(TEXT)
        self.assertEqual(found, MOMENT)
        self.assertEqual((found.hour, found.utcoffset()), (6, datetime.timedelta(hours=1)))
        summer = shotgun.from_site("2026-07-04T05:06:07Z")
        self.assertEqual((summer.hour, summer.dst(), summer.tzname()), (7, datetime.timedelta(hours=1), "CEST"))
        # In the same zone all year: half a year later it is the same hour on the clock.
        self.assertEqual((found + datetime.timedelta(days=122)).utcoffset(), datetime.timedelta(hours=2))

    def test_the_hour_that_comes_twice(self):
        first = shotgun.from_site("2026-10-25T00:30:00Z")
        second = shotgun.from_site("2026-10-25T01:30:00Z")
        self.assertEqual((first.hour, second.hour), (2, 2))
        self.assertEqual((first.fold, second.fold), (0, 1))
        self.assertEqual([shotgun.to_site(moment) for moment in (first, second)],
                         ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"])

    def test_any_field_that_looks_like_one(self):
        row = {"code": TEXT, "list": [TEXT, "x"], "link": {"name": TEXT}, "n": 1, "none": None}
        self.assertEqual(shotgun.from_site(row), {"code": MOMENT, "list": [MOMENT, "x"], "link": {"name": MOMENT},
                                                  "n": 1, "none": None})

    def test_what_only_resembles_one_stays(self):
        for text in ("2026-03-04", "2026-02-31T05:06:07Z", "2026-03-04T05:06:07+", TEXT + " ", "2026-03-04 05:06:07Z",
                     "x" * 20, ""):
            self.assertEqual(shotgun.from_site(text), text)

    def test_zone_can_be_stored(self):
        found = shotgun.from_site(TEXT)
        self.assertEqual(pickle.loads(pickle.dumps(found)), MOMENT)
        self.assertEqual(copy.deepcopy(found).utcoffset(), found.utcoffset())


class Filters(unittest.TestCase):

    def translated(self, *conditions, operator=None):
        group = shotgun.translate_filters(list(conditions), operator)
        self.assertEqual(group["logical_operator"], shotgun._LOGICAL[operator or "all"])
        return group["conditions"]

    def test_values_with_and_without_a_list(self):
        for given, expected in (
                (["id", "in", 1, 2], ["id", "in", [1, 2]]),
                (["id", "in", [1, 2]], ["id", "in", [1, 2]]),
                (["id", "in", 5], ["id", "in", [5]]),
                (("code", "is", "x"), ["code", "is", "x"]),
                (["code", "is", ["x"]], ["code", "is", "x"]),
                (["code", "is", None], ["code", "is", None]),
                (["d", "in_last", 1, "DAY"], ["d", "in_last", [1, "DAY"]]),
                (["n", "between", 1, 2], ["n", "between", [1, 2]]),
                (["d", "in_calendar_day", 0], ["d", "in_calendar_day", 0]),
                (["f", "is", False], ["f", "is", False])):
            with self.subTest(given):
                self.assertEqual(self.translated(given), [expected])

    def test_links_are_type_and_id(self):
        shot = {"type": "Shot", "id": 1, "name": "a", "code": "b"}
        link = {"type": "Shot", "id": 1}
        self.assertEqual(self.translated(["entity", "is", shot], ["entity", "in", [shot, None]]),
                         [["entity", "is", link], ["entity", "in", [link, None]]])

    def test_groups(self):
        nested = {"filter_operator": "any", "filters": [["a", "is", 1], {"filter_operator": "all",
                                                                         "filters": [["b", "is", 2]]}]}
        inside = {"logical_operator": "or", "conditions": [
            ["a", "is", 1], {"logical_operator": "and", "conditions": [["b", "is", 2]]}]}
        self.assertEqual(self.translated(nested, ["c", "is", 3], operator="any"), [inside, ["c", "is", 3]])
        self.assertEqual(shotgun.translate_filters(nested), inside)
        raw = {"logical_operator": "or", "conditions": [{"path": "a", "relation": "in", "values": [1, 2]}]}
        self.assertEqual(shotgun.translate_filters(raw),
                         {"logical_operator": "or", "conditions": [["a", "in", [1, 2]]]})

    def test_wrong_ones(self):
        for filters, operator in (([["a", "is"]], None), (["a"], None), (5, None), (None, None), ([], "xor"),
                                  ({"filters": []}, None), ({"filter_operator": "all", "filters": []}, "any")):
            with self.subTest(filters=filters, operator=operator), self.assertRaises(ShotgunError):
                shotgun.translate_filters(filters, operator)

    def test_order(self):
        self.assertEqual(shotgun.translate_order([{"field_name": "a", "direction": "desc"}, {"field_name": "b"},
                                                  {"column": "c", "direction": "asc"}]), ["-a", "b", "c"])
        self.assertEqual(shotgun.translate_order(None), [])
        with self.assertRaises(ShotgunError):
            shotgun.translate_order([{"field_name": "a", "direction": "down"}])


class Arguments(unittest.TestCase):
    """What is refused before anything is opened."""

    def test_credentials(self):
        for given in ({"script_name": "s"}, {"api_key": "k"}, {"login": "l"}, {"password": "p"},
                      {"script_name": "s", "api_key": "k", "login": "l", "password": "p"},
                      {"session_token": "t", "script_name": "s", "api_key": "k"},
                      {"session_token": "t", "login": "l", "password": "p"}):
            with self.subTest(given), self.assertRaises(ValueError):
                shotgun.Shotgun("http://127.0.0.1:1", cache_dir="/nowhere", connect=False, **given)

    def test_options(self):
        for given in ({"mode": "cache"}, {"hold": True}, {"write": "later"}, {"max_age": -1}):
            with self.subTest(given), self.assertRaises(ValueError):
                shotgun.Shotgun("http://127.0.0.1:1", "s", "k", cache_dir="/nowhere", connect=False, **given)

    def test_no_directory(self):
        before = os.environ.pop("FPTCACHE_DIR", None)
        try:
            with self.assertRaisesRegex(ValueError, "FPTCACHE_DIR"):
                shotgun.Shotgun("http://127.0.0.1:1", "s", "k")
        finally:
            if before is not None:
                os.environ["FPTCACHE_DIR"] = before


if __name__ == "__main__":
    unittest.main()
