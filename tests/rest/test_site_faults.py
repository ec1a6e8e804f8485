"""The test site's own promises: faults on demand, counts, control calls, restarts."""

import http.client
import os
import socket
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("FPTC_SOURCE_DIR") or os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "site"))
import harness  # noqa: E402
from sitetest import SiteTest  # noqa: E402

ARRAY = "application/vnd+shotgun.api3_array+json"


class Faults(SiteTest):
    options = {"rows": 60}

    def setUp(self):
        self.site.token()
        self.site.clear_faults()
        self.site.reset_requests()

    def shots(self):
        return self.site.search("shots", [], "code")[0]

    def test_statuses(self):
        for kind, status, body in (("429", 429, "Too Many"), ("502", 502, "<h1>502 Bad Gateway"),
                                   ("503", 503, "too busy"), ("504", 504, "504 Gateway Time"),
                                   ("html-403", 403, "blocked"), ("html-503", 503, "<!DOCTYPE html>")):
            self.site.faults([{"kind": kind, "times": 2, "match": "_search", "retry_after": 7}])
            self.assertEqual(self.site.api("GET", "/schema")[0], 200)
            token = self.site.token()
            for _ in range(2):
                found, headers, text = self.site.call("POST", "/api/v1/entity/shots/_search", b'{"filters":[]}', {
                    "Authorization": f"Bearer {token}", "Content-Type": ARRAY})
                self.assertEqual((found, headers["Retry-After"]), (status, "7"))
                self.assertIn(body, text.decode())
            self.assertEqual(self.shots(), 200)

    def test_committed_or_not(self):
        def exists(code):
            return len(self.find("Shot", [["code", "is", code]])) == 1

        project = {"type": "Project", "id": 101}
        for kind, committed in (("504", False), ("504-after-commit", True), ("reset", False),
                                ("reset-after-commit", True), ("truncate", True)):
            self.site.faults([{"kind": kind, "match": "^POST /api/v1/entity/shots$"}])
            try:
                status, _ = self.site.api("POST", "/entity/shots", {"project": project, "code": f"w{kind}"})
            except (OSError, http.client.HTTPException):
                status = "broken"
            self.assertEqual(status, 504 if kind.startswith("504") else "broken")
            self.assertEqual(exists(f"w{kind}"), committed, kind)

    def test_committed_or_not_in_batches(self):
        def exists(code):
            return len(self.find("Shot", [["code", "is", code]])) == 2

        project = {"type": "Project", "id": 101}
        for kind, status, committed in (
                ("429", 429, False), ("502", 502, False), ("503", 503, False), ("html-503", 503, False),
                ("504", 504, False), ("reset", "broken", False), ("hang", "broken", False),
                ("expire-token", 401, False), ("504-after-commit", 504, True), ("reset-after-commit", "broken", True),
                ("truncate", "broken", True), ("late", 200, True)):
            self.site._token = None
            self.site.faults([{"kind": kind, "match": "^POST .*/entity/_batch$", "ms": [10, 20]}])
            requests = [{"request_type": "create", "entity": "Shot", "data": {"project": project, "code": f"b{kind}"}}] * 2
            try:
                found, _ = self.site.api("POST", "/entity/_batch", {"requests": requests})
            except (OSError, http.client.HTTPException):
                found = "broken"
            self.assertEqual(found, status, kind)
            self.site._token = None
            self.assertEqual(exists(f"b{kind}"), committed, kind)

    def test_late_commits(self):
        """Answered with a 504 or a reset, and done some time after it."""
        project, shots = {"type": "Project", "id": 101}, "^POST .*/entity/(shots|_batch)$"
        single = "/entity/shots", {"project": project, "code": "late"}
        batch = "/entity/_batch", {"requests": [{"request_type": "create", "entity": "Shot", "data": single[1]}] * 2}
        self.site.faults([{"kind": "late-commit", "match": shots, "ms": 400, "times": 2},
                          {"kind": "late-commit-reset", "match": shots, "ms": 200}])
        started = time.monotonic()
        self.assertEqual([self.site.api("POST", *single)[0], self.site.api("POST", *batch)[0]], [504, 504])
        with self.assertRaises((OSError, http.client.HTTPException)):
            self.site.api("POST", *single)
        if time.monotonic() - started < 0.2:
            self.assertEqual(self.find("Shot", [["code", "is", "late"]]), [])
        while self.site.late_commits()["waiting"]:
            time.sleep(0.01)
        self.assertGreater(time.monotonic() - started, 0.39)
        self.assertEqual(len(self.find("Shot", [["code", "is", "late"]])), 4)
        self.assertEqual(self.site.late_commits(), {"waiting": 0, "done": 3})

    def test_rates(self):
        """Each kind strikes its share; the same seed strikes the same requests."""
        seen = []
        for seed in (1, 1, 2):
            self.site.clear_faults()
            self.site.random_faults({"502": 0.3, "503": 0.3, "latency": (0.5, [0, 1])}, "_search", seed, retry_after=2)
            seen.append([self.shots() for _ in range(80)])
        self.assertEqual(seen[0], seen[1])
        self.assertNotEqual(seen[0], seen[2])
        for status in (200, 502, 503):
            self.assertTrue(40 < sum(each.count(status) for each in seen) < 150, seen)

    def test_a_batch_takes_longer_for_each_request(self):
        self.site.latency(0, batch_ms=30)
        create = {"request_type": "create", "entity": "Shot", "data": {"project": {"type": "Project", "id": 101}}}
        started = time.monotonic()
        self.assertEqual(self.site.api("POST", "/entity/_batch", {"requests": [create] * 5})[0], 200)
        self.site.latency(0)
        self.assertGreater(time.monotonic() - started, 0.149)

    def test_a_truncated_page(self):
        self.site.faults([{"kind": "truncate", "match": "_search"}])
        with self.assertRaises((OSError, http.client.HTTPException)):
            self.shots()

    def test_a_token_that_ends_between_pages(self):
        self.assertEqual(self.shots(), 200)
        self.site.faults([{"kind": "expire-token", "match": "_search"}])
        self.assertEqual([self.shots(), self.shots()], [401, 401])
        self.site._token = None
        self.assertEqual(self.shots(), 200)

    def test_waiting(self):
        self.site.faults([{"kind": "latency", "ms": 200, "match": "_search"}, {"kind": "502", "match": "_search"}])
        started = time.monotonic()
        self.assertEqual(self.shots(), 502)
        self.assertGreater(time.monotonic() - started, 0.19)
        self.site.latency(150)
        started = time.monotonic()
        self.assertEqual(self.shots(), 200)
        self.site.latency(0)
        self.assertGreater(time.monotonic() - started, 0.14)

    def test_hanging(self):
        self.site.faults([{"kind": "hang", "ms": 300, "match": "_search"}])
        with self.assertRaises((OSError, http.client.HTTPException)):
            self.shots()

    def test_every_time_until_cleared(self):
        self.site.faults([{"kind": "503", "times": -1, "match": "_search", "probability": 1.0}])
        self.assertEqual([self.shots() for _ in range(4)], [503] * 4)
        self.site.clear_faults()
        self.assertEqual(self.shots(), 200)

    def test_unknown_faults_are_refused(self):
        for spec in ({"kind": "earthquake"}, {"kind": "502", "tmes": 1}):
            with self.assertRaises(harness.Refused):
                self.site.faults([spec])

    def test_counts(self):
        self.site._token = None
        self.shots()
        self.site.api("GET", "/entity/shots/1001?fields=code")
        self.site.api("POST", "/entity/shots", {})
        self.site.api("GET", "/schema/Shot")
        self.site.faults([{"kind": "502", "match": "_search"}])
        self.shots()
        self.assertEqual(self.site.counts(), {"auth": 1, "search": 2, "read": 1, "create": 1, "schema": 1})
        seen = self.site.requests()
        self.assertEqual((seen["total"], len(seen["log"])), (6, 6))
        entry = seen["log"][1]
        self.assertEqual((entry["n"], entry["method"], entry["path"], entry["status"], entry["kind"]),
                         (2, "POST", "/api/v1/entity/shots/_search", 200, "search"))
        self.assertEqual(entry["rows"], len(self.site.rows("Shot")))
        self.assertEqual([entry["status"] for entry in seen["log"]], [200, 200, 200, 400, 200, 502])


class Steering(SiteTest):
    options = {"rows": 200}

    @classmethod
    def prepare(cls):
        cls.project = {"type": "Project", "id": 101}

    def test_somebody_else(self):
        shot = next(row for row in self.site.rows("Shot") if row["project"]["id"] == 101)
        events = len(self.site.rows("EventLogEntry"))
        row = self.site.touch("Shot", shot["id"], {"description": "theirs"})
        self.assertEqual((row["description"], row["updated_by"]["type"]), ("theirs", "HumanUser"))
        self.assertGreater(row["updated_at"], shot["updated_at"])
        self.assertEqual(len(self.site.rows("EventLogEntry")), events + 1)
        self.site.move("Shot", shot["id"], 102, silent=True)
        self.assertEqual(len(self.site.rows("EventLogEntry")), events + 1)
        key = {"type": "Shot", "id": shot["id"]}
        self.assertEqual(self.read(key)["project"]["id"], 102)
        self.assertEqual(self.find("Shot", [["project", "is", self.project], ["id", "is", shot["id"]]]), [])
        self.assertEqual(len(self.find("Shot", [["project.Project.id", "is", 102], ["id", "is", shot["id"]]])), 1)
        self.site.retire("Shot", shot["id"])
        self.call(404, "GET", f"/entity/shots/{shot['id']}")
        self.assertIn(shot["id"], [row["id"] for row in self.site.rows("Shot", retired=True)])
        self.site.revive("Shot", shot["id"])
        self.assertEqual(self.read(key)["description"], "theirs")

    def test_a_restart_keeps_the_rows(self):
        shot = self.make("Shot", code="kept")
        port, before = self.site.port, self.read(shot)
        self.site.stop()
        with self.assertRaises(OSError):
            socket.create_connection(("127.0.0.1", port), 1)
        self.site.start()
        self.assertEqual((self.site.port, self.read(shot)), (port, before))
        self.assertEqual(self.make("Shot")["id"], shot["id"] + 1)

    def test_the_same_seed_gives_the_same_rows(self):
        with harness.Site(rows=200, seed=3) as one, harness.Site(rows=200, seed=3) as two, \
                harness.Site(rows=200, seed=4) as three:
            rows = [site.rows("PublishedFile") for site in (one, two, three)]
        self.assertEqual(rows[0], rows[1])
        self.assertNotEqual(rows[0], rows[2])


if __name__ == "__main__":
    unittest.main()
