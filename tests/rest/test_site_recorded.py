"""Replays recorded exchanges with a real FPT site against the test site.

One test per recorded case (a case is a few requests in a row). Compared are the status, the shape of
the body (keys and JSON types), the kind of ETag, and for rows that the test site loaded from the
recording also their values. Ids of rows made during the replay are mapped to the recorded ones.
"""

import http.client
import itertools
import json
import os
import re
import sys
import unittest
from urllib.parse import parse_qsl, urlencode, urlsplit

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("FPTC_SOURCE_DIR") or os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "site"))
import harness  # noqa: E402

SHARED = os.environ.get("FPTC_SHARED") or os.path.join(ROOT, "..", "shared")
RECORDED = os.path.join(SHARED, "data", "fpt-recorded-rest.jsonl")
SCHEMA = os.path.join(SHARED, "data", "fpt-schema.json")
SCRIPT = "<SCRIPT_NAME>"
VOLATILE = {"image", "filmstrip_image", "created_at", "updated_at", "created_by", "updated_by"}


def load():
    with open(RECORDED, encoding="utf-8") as stream:
        return [json.loads(line) for line in stream if line.strip()]


def shape(value):
    """Keys and JSON types, with the elements of a list merged into one."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return ["list", sorted({json.dumps(shape(item), sort_keys=True) for item in value})]
    if isinstance(value, bool):
        return "bool"
    if value is None:
        return "null"
    return "number" if isinstance(value, (int, float)) else "text"


def without(row, names):
    """A row without the named attributes and relationships."""
    return {**row, "attributes": {key: value for key, value in row["attributes"].items() if key not in names},
            "relationships": {key: value for key, value in row["relationships"].items() if key not in names}}


def kind_of_tag(tag):
    return "none" if not tag else "weak" if tag.startswith("W/") else "strong"


@unittest.skipUnless(os.path.exists(RECORDED) and os.path.exists(SCHEMA), f"no recorded exchanges in {SHARED}")
class Recorded(unittest.TestCase):
    maxDiff = 3000

    @classmethod
    def setUpClass(cls):
        cls.site = harness.Site(script_name=SCRIPT, rows=0, schema=SCHEMA, load_recorded=RECORDED).start()
        cls.connection = http.client.HTTPConnection("127.0.0.1", cls.site.port)
        cls.token = cls.site.token()

    @classmethod
    def tearDownClass(cls):
        cls.connection.close()
        cls.site.__exit__(None, None, None)

    def setUp(self):
        self.ids = {}       # recorded id of a row made in this case -> its id here

    def tearDown(self):
        # Some cases leave what they made: the next ones expect the site as it was.
        for here in self.ids.values():
            self.site.api("DELETE", f"/entity/Asset/{here}", token=self.token)

    # -- replaying

    def replay(self, exchanges):
        for number, exchange in exchanges:
            request, recorded = exchange["request"], exchange["response"]
            with self.subTest(exchange=number, request=f"{request['method']} {self.target(request)}"):
                status, headers, body = self.send(request)
                self.assertEqual(status, recorded["status"], body[:500])
                self.compare(request, recorded, headers, body)

    def target(self, request):
        parts = urlsplit(request["uri"])
        path, query = parts.path, parts.query
        if path.endswith("/auth/access_token"):
            return f"{path}?{urlencode(self.credentials(dict(parse_qsl(query))))}"
        for recorded, here in self.ids.items():
            path = re.sub(rf"/{recorded}\b", f"/{here}", path)
            query = re.sub(rf"(?<==){recorded}\b", str(here), query)
        return path + ("?" + query if query else "")

    def credentials(self, form):
        """The recorded credentials were blanked: those of this site take their place."""
        if form["grant_type"] == "password":
            return {**form, "username": "user1", "password": "password1"}
        return {**form, "client_id": self.site.script_name, "client_secret": self.site.script_key}

    def send(self, request):
        headers = {name: values[0] for name, values in request["headers"].items()
                   if name in ("Accept", "Content-Type")}
        headers["Authorization"] = f"Bearer {self.token}"
        self.connection.request(request["method"].upper(), self.target(request),
                                request["body"].encode() or None, headers)
        reply = self.connection.getresponse()
        return reply.status, reply.headers, reply.read().decode()

    # -- comparing

    def compare(self, request, recorded, headers, body):
        self.assertEqual(kind_of_tag(headers.get("ETag")), kind_of_tag((recorded["headers"].get("etag") or [""])[0]))
        if not recorded["body"]:
            self.assertEqual(body, "")
            return
        expected, found = json.loads(recorded["body"]), json.loads(body)
        if recorded["status"] == 201:
            self.ids[expected["data"]["id"]] = found["data"]["id"]
        if "errors" in expected:
            self.compare_error(expected["errors"][0], found["errors"][0])
        elif isinstance(expected.get("data"), list):
            self.compare_rows(request, expected, found)
        else:
            self.compare_one(expected, found)

    def compare_error(self, expected, found):
        self.assertEqual(sorted(found), sorted(expected))
        for name in ("status", "code", "title", "detail"):
            self.assertEqual(found[name], expected[name])
        self.assertEqual(type(found["source"]), type(expected["source"]))
        if expected["source"]:
            self.assertEqual(sorted(found["source"]), sorted(expected["source"]))

    def compare_rows(self, request, expected, found):
        self.assertEqual(sorted(found), sorted(expected))
        self.assertEqual(sorted(found["links"]), sorted(expected["links"]))
        for name, link in expected["links"].items():
            self.assertEqual(found["links"][name], self.here(link))
        if "retired" in json.dumps(request):
            # The trash also holds what other cases threw away, before and after.
            known = {row["id"]: row for row in found["data"]}
            for row in expected["data"]:
                if row["id"] < 1473 or row["id"] in self.ids:
                    self.compare_row(row, known[self.ids.get(row["id"], row["id"])])
            return
        self.assertEqual([row["id"] for row in found["data"]],
                         [self.ids.get(row["id"], row["id"]) for row in expected["data"]])
        for row, here in zip(expected["data"], found["data"]):
            self.compare_row(row, here)

    def here(self, text):
        for recorded, here in self.ids.items():
            text = re.sub(rf"\b{recorded}\b", str(here), text)
        return text

    def compare_row(self, expected, found):
        self.assertEqual(sorted(found), sorted(expected))
        self.assertEqual(sorted(found["attributes"]), sorted(expected["attributes"]))
        self.assertEqual(sorted(found["relationships"]), sorted(expected["relationships"]))
        if expected["id"] in self.ids:
            self.assertEqual(shape(without(found, {"image"})), shape(without(expected, {"image"})))
        else:
            self.assertEqual(without(found, VOLATILE - {"created_at"}), without(expected, VOLATILE - {"created_at"}))

    def compare_one(self, expected, found):
        self.assertEqual(sorted(found), sorted(expected))
        if "attributes" in (expected["data"] if isinstance(expected.get("data"), dict) else {}):
            self.compare_row(expected["data"], found["data"])
            return
        self.assertEqual(shape(found), shape(expected))
        if "summaries" in expected.get("data", ()):
            self.assertEqual(found, expected)


def _add_tests():
    if not os.path.exists(RECORDED):
        Recorded.test_recorded_exchanges = lambda self: None      # skipped, by name
        return
    numbered = list(enumerate(load()))
    for case, group in itertools.groupby(numbered, key=lambda item: item[1]["case"]):
        name = re.sub(r"\W+", "_", case.replace("ShotgridApiRuby_", ""))
        exchanges = list(group)

        def test(self, exchanges=exchanges):
            self.replay(exchanges)

        name = f"test_{exchanges[0][0]:02d}_{name}"
        test.__name__ = name
        test.__doc__ = f"{len(exchanges)} exchange(s)"
        setattr(Recorded, name, test)


_add_tests()

if __name__ == "__main__":
    unittest.main()
