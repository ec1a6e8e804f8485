"""The rules of the REST API that the test site must keep: tokens, reading, and the filter language."""

import base64
import gzip
import json
import os
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("FPTC_SOURCE_DIR") or os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "site"))
from sitetest import SiteTest  # noqa: E402

ARRAY, HASH = "application/vnd+shotgun.api3_array+json", "application/vnd+shotgun.api3_hash+json"
NOW = "2026-03-11T12:00:00Z"        # a Wednesday


class Authentication(SiteTest):
    def grant(self, **form):
        status, _, body = self.site.call("POST", "/api/v1/auth/access_token",
                                         "&".join(f"{k}={v}" for k, v in form.items()).encode(),
                                         {"Content-Type": "application/x-www-form-urlencoded"})
        return status, json.loads(body)

    def test_a_script_gets_a_token(self):
        status, answer = self.grant(grant_type="client_credentials", client_id="test_script",
                                    client_secret="test_key_0123456789")
        self.assertEqual((status, answer["token_type"], answer["expires_in"]), (200, "Bearer", 600))
        part = answer["access_token"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        self.assertEqual(sorted(claims), ["aud", "auth_type", "exp", "iat", "iss", "jti", "session_uuid",
                                          "sudo_as_login", "user"])
        self.assertEqual(claims["user"]["type"], "ApiUser")
        self.assertEqual(claims["exp"] - claims["iat"], 600)

    def test_parameters_may_be_in_the_query_string(self):
        status, _, _ = self.site.call("POST", "/api/v1/auth/access_token?grant_type=password&username=user1"
                                              "&password=password1", b"")
        self.assertEqual(status, 200)

    def test_refusals(self):
        script = {"grant_type": "client_credentials", "client_id": "test_script",
                  "client_secret": "test_key_0123456789"}
        for form, title in (
                ({"grant_type": "authorization_code"}, "Unsupported grant_type"),
                ({**script, "client_secret": "no"}, "Can't authenticate script 'test_script'"),
                ({"grant_type": "client_credentials"}, "Missing or invalid authentication arguments"),
                ({"grant_type": "password", "username": "user1", "password": "no"},
                 "Can't authenticate user 'user1'."),
                ({"grant_type": "session_token", "session_token": "some value"},
                 "Can't authenticate session token ending with 'alue'"),
                ({**script, "scope": "sudo_as_login:nobody"},
                 "Cannot 'sudo' - unknown or retired user: 'nobody'"),
                ({**script, "scope": "sudo_as_login:user6"}, "Cannot 'sudo' - inactive user account: 'user6'"),
                ({**script, "scope": "sudo_as_login:user5"},
                 "Cannot 'sudo' - user account has 'can_impersonate_this_user' turned off: 'user5'")):
            with self.subTest(form=form):
                status, answer = self.grant(**form)
                self.assertEqual((status, answer["errors"][0]["title"]), (400, title))

    def test_a_refresh_token_works_once(self):
        _, first = self.grant(grant_type="password", username="user1", password="password1")
        for name in ("refresh_token", "refresh"):
            status, second = self.grant(grant_type=name, refresh_token=first["refresh_token"])
            self.assertEqual(status, 200)
            status, answer = self.grant(grant_type=name, refresh_token=first["refresh_token"])
            self.assertEqual((status, answer["errors"][0]["code"], answer["errors"][0]["detail"]),
                             (401, 102, "Token invalid"))
            first = second

    def test_a_json_body_is_refused(self):
        status, _, body = self.site.call("POST", "/api/v1/auth/access_token", b"{}",
                                         {"Content-Type": "application/json"})
        self.assertEqual((status, json.loads(body)["errors"][0]["title"]),
                         (415, "Unsupported Content-Type 'application/json'"))

    def test_only_the_root_needs_no_token(self):
        self.assertEqual(self.site.call("GET", "/api/v1")[0], 200)
        for path in ("/api/v1/schema", "/api/v1/preferences", "/api/v1/entity/shots"):
            status, _, body = self.site.call("GET", path)
            self.assertEqual((status, json.loads(body)["errors"][0]["code"]), (401, 102))

    def test_tokens_expire(self):
        self.site.control("POST", "/token-seconds", {"seconds": 1})
        try:
            token = self.site.token()
            self.call(200, "GET", "/schema/Shot", token=token)
            time.sleep(1.1)
            error = self.error(401, "GET", "/schema/Shot", token=token)
        finally:
            self.site.control("POST", "/token-seconds", {"seconds": 600})
        self.assertEqual((error["code"], error["title"], error["detail"]), (102, "Unauthorized", "Token Expired"))

    def test_tokens_can_be_ended(self):
        token = self.site.token()
        self.site.expire_tokens()
        self.assertEqual(self.error(401, "GET", "/schema/Shot", token=token)["detail"], "Token Expired")
        type(self).site._token = None

    def test_acting_as_somebody(self):
        token = self.site.token(grant_type="client_credentials", client_id="test_script",
                                client_secret="test_key_0123456789", scope="sudo_as_login:user1")
        answer = self.call(201, "POST", "/entity/shots", {"project": self.project}, token=token)
        self.assertEqual(answer["data"]["relationships"]["created_by"]["data"]["type"], "HumanUser")


class Protocol(SiteTest):
    options = {"rows": 400}

    @classmethod
    def prepare(cls):
        cls.project = {"type": "Project", "id": 101}
        cls.total = len(cls.site.rows("Task"))

    def raw(self, method, path, body=None, **headers):
        headers = {"Authorization": f"Bearer {self.site.token()}",
                   **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.site.call(method, path, body, headers)

    def test_type_names_are_matched_loosely(self):
        for slug in ("Task", "task", "Tasks", "tasks"):
            answer = self.call(200, "GET", f"/entity/{slug}?fields=content&page[size]=1")
            self.assertRegex(answer["data"][0]["links"]["self"], r"\A/api/v1/entity/tasks/\d+\Z")
            self.assertTrue(answer["links"]["self"].startswith(f"/api/v1/entity/{slug}?"))
        for slug, name in (("event_log_entries", "EventLogEntry"), ("time_logs", "TimeLog"),
                           ("replies", "Reply"), ("statuses", "Status")):
            answer = self.call(200, "GET", f"/entity/{slug}?page[size]=1")
            self.assertEqual(answer["data"][0]["type"], name)
        error = self.error(404, "GET", "/entity/nonsense")
        self.assertEqual((error["code"], error["detail"]), (103, "Entity type 'nonsense' does not exist."))

    def test_both_prefixes(self):
        status, _, body = self.raw("GET", "/api/v1.1/entity/tasks?fields=project&page[size]=1")
        self.assertEqual(status, 200)
        row = json.loads(body)["data"][0]
        self.assertTrue(row["links"]["self"].startswith("/api/v1.1/entity/tasks/"))
        self.assertTrue(row["relationships"]["project"]["links"]["related"].startswith("/api/v1.1/entity/projects/"))
        self.assertEqual(self.raw("GET", "/api/v1.2/entity/tasks")[0], 404)
        self.assertEqual(self.raw("GET", "/api/v2")[0], 404)

    def test_content_types(self):
        error = self.error(415, "POST", "/entity/tasks/_search", {"filters": []})
        self.assertIn("api3_array+json', 'application/vnd+shotgun.api3_hash", error["source"]["content_type"])
        self.assertEqual(self.error(415, "POST", "/entity/shots", {}, HASH)["title"],
                         f"Unsupported Content-Type '{HASH}'")
        self.assertIn("Query is not an Hash",
                      self.error(400, "POST", "/entity/tasks/_search", {"filters": []}, HASH)["title"])
        self.assertIn("Query is not an Array",
                      self.error(400, "POST", "/entity/tasks/_search", {"filters": {}}, ARRAY)["title"])
        self.assertEqual(self.raw("GET", "/api/v1/entity/tasks", Accept=HASH)[0::2], (406, b""))

    def test_page_limits(self):
        for size, text in ((0, "size must be greater than 0"), (5001, "size must be less than 5000")):
            error = self.error(400, "GET", f"/entity/tasks?page[size]={size}")
            self.assertEqual(error["source"], {"page": {"size": [text]}})
        self.assertEqual(len(self.call(200, "GET", "/entity/tasks?page[size]=5000")["data"]), self.total)

    def test_links_of_pages(self):
        answer = self.call(200, "GET", "/entity/tasks?page[size]=10&fields=content")
        self.assertNotIn("prev", answer["links"])
        self.assertEqual(answer["links"]["next"],
                         "/api/v1/entity/tasks?fields=content&page%5Bnumber%5D=2&page%5Bsize%5D=10")
        answer = self.call(200, "GET", "/entity/tasks?page[size]=10&page[number]=99")
        self.assertEqual(answer["data"], [])
        self.assertIn("page%5Bnumber%5D=100", answer["links"]["next"])
        self.assertIn("page%5Bnumber%5D=98", answer["links"]["prev"])

    def test_pages_cover_everything_once(self):
        for sort in ("id", "-id", "content", "-content,id", "due_date", "-sg_status_list"):
            seen = []
            for number in range(1, 99):
                _, answer = self.site.search("tasks", [], "content", sort, page={"size": 17, "number": number})
                seen += [row["id"] for row in answer["data"]]
                if len(answer["data"]) < 17:
                    break
            self.assertEqual((len(seen), len(set(seen))), (self.total, self.total), sort)

    def test_id_paging(self):
        last, seen = 0, []
        while True:
            rows = self.find("tasks", [["project", "is", self.project], ["id", "greater_than", last]], "id", size=13)
            seen += [row["id"] for row in rows]
            if len(rows) < 13:
                break
            last = seen[-1]
        self.assertEqual(seen, [row["id"] for row in self.site.rows("Task") if row["project"]["id"] == 101])

    def test_silent_drops(self):
        row = self.call(200, "GET", "/entity/tasks?fields=content,nonsense,entity.Bogus.code,tags.Tag.name"
                                    "&sort=nonsense&page[size]=1&whatever=1")["data"][0]
        self.assertEqual((list(row["attributes"]), row["relationships"]), (["content"], {}))
        plain = [row["id"] for row in self.find("tasks", [], "content")]
        for sort in ("nonsense", "-tags", "open_notes_count", "splits"):
            self.assertEqual([row["id"] for row in self.find("tasks", [], "content", sort)], plain, sort)

    def test_sort_syntax(self):
        for sort, text in (("", "sort must be filled"), ("+id", "sort list is not valid"),
                           ("id desc", "sort list is not valid"), ([{"field_name": "id"}], "sort array is not valid")):
            status, answer = self.site.search("tasks", [], "content", sort)
            self.assertEqual((status, answer["errors"][0]["source"]), (400, {"sort": [text]}))
        self.assertEqual(self.error(400, "GET", "/entity/local_storages?sort=uuid")["code"], 104)

    def test_fields_as_text_list_or_star(self):
        for fields in ("content,project", ["content", "project"]):
            row = self.find("tasks", [], fields)[0]
            self.assertEqual((list(row["attributes"]), list(row["relationships"])), (["content"], ["project"]))
        row = self.find("tasks", [], "*")[0]
        self.assertEqual(len(row["attributes"]) + len(row["relationships"]),
                         len(self.call(200, "GET", "/schema/Task/fields")["data"]) - 1)

    def test_dotted_fields(self):
        rows = self.find("tasks", [["entity", "type_is", "Shot"]], "entity.Shot.code,entity.Asset.code,step.Step.code,"
                         "entity.Shot.sg_sequence.Sequence.code,entity.Task.content,entity.Shot.sg_sequence")
        shots = {row["id"]: row for row in self.site.rows("Shot")}
        tasks = {row["id"]: row for row in self.site.rows("Task")}
        for row in rows:
            shot = shots[tasks[row["id"]]["entity"]["id"]]
            names = row["attributes"]
            self.assertEqual(names["entity.Shot.code"], shot["code"])
            self.assertIsNone(names["entity.Asset.code"])
            self.assertNotIn("entity.Task.content", names)
            link = row["relationships"]["entity.Shot.sg_sequence"]["data"]
            self.assertEqual(link, shot["sg_sequence"])
            self.assertEqual(names["entity.Shot.sg_sequence.Sequence.code"], link and link["name"])

    def test_options_in_either_place(self):
        retired = len(self.site.rows("Version", retired=True))
        self.assertGreater(retired, 0)
        self.assertEqual(len(self.find("versions", [], options={"return_only": "retired"})), retired)
        status, answer = self.site.api("POST", "/entity/versions/_search?options[return_only]=retired&fields=code",
                                       {"filters": []}, ARRAY)
        self.assertEqual((status, len(answer["data"])), (200, retired))

    def test_archived_projects(self):
        self.site.control("POST", "/set", {"type": "Project", "id": 102, "fields": {"archived": True}})
        try:
            every = self.find("tasks", [])
            rest = self.find("tasks", [], options={"include_archived_projects": False})
        finally:
            self.site.control("POST", "/set", {"type": "Project", "id": 102, "fields": {"archived": False}})
        self.assertEqual(len(every), self.total)
        self.assertEqual(len(rest), len(self.find("tasks", [["project", "is_not", {"type": "Project", "id": 102}]])))

    def test_headers(self):
        status, headers, body = self.raw("GET", "/api/v1/entity/tasks?fields=content", Accept_Encoding="gzip")
        self.assertEqual((status, headers["Content-Encoding"], headers["Transfer-Encoding"]),
                         (200, "gzip", "chunked"))
        self.assertRegex(headers["ETag"], r'\AW/"[0-9a-f]{32}"\Z')
        self.assertRegex(headers["X-Request-Id"], r"\A[0-9a-f]{32}\Z")
        self.assertEqual(json.loads(gzip.decompress(body)),
                         json.loads(self.raw("GET", "/api/v1/entity/tasks?fields=content")[2]))
        _, headers, _ = self.raw("GET", "/api/v1/schema/Shot")
        self.assertRegex(headers["ETag"], r'\A"[0-9a-f]{32}"\Z')
        self.assertIn("Content-Length", headers)

    def test_the_clock(self):
        self.site.clock(NOW)
        try:
            _, headers, _ = self.raw("GET", "/api/v1")
            self.assertEqual(headers["Date"], "Wed, 11 Mar 2026 12:00:00 GMT")
            self.assertEqual(self.read(self.make("Shot"))["created_at"], NOW)
        finally:
            self.site.clock(None)

    def test_query_filters(self):
        first = self.site.rows("Task")[0]["id"]
        rows = self.call(200, "GET", f"/entity/tasks?filter[id]={first}")["data"]
        self.assertEqual([row["id"] for row in rows], [first])
        self.assertEqual(len(self.call(200, "GET", f"/entity/tasks?filter[id]={first + 1},{first}")["data"]), 2)
        rows = self.call(200, "GET", "/entity/tasks?filter[project.Project.id]=101&page[size]=5000")["data"]
        self.assertEqual(len(rows), len(self.find("tasks", [["project", "is", self.project]])))
        error = self.error(400, "GET", "/entity/tasks?filter[nonsense]=1")
        self.assertEqual(error["title"], "API read() Task.nonsense doesn't exist.")
        status, answer = self.site.api("POST", f"/entity/tasks/_search?filter[id]={first}", {"filters": []}, ARRAY)
        self.assertEqual((status, len(answer["data"])), (200, self.total))

    def test_schema(self):
        self.assertIn("Shot", self.call(200, "GET", "/schema")["data"])
        field = self.call(200, "GET", "/schema/shots/fields/sg_status_list")["data"]
        self.assertEqual(sorted(field), sorted([
            "name", "description", "custom_metadata", "entity_type", "data_type", "editable", "mandatory", "unique",
            "properties", "visible", "ui_value_displayable"]))
        self.assertEqual(field["properties"]["default_value"]["value"], "wtg")
        self.assertEqual(self.error(404, "GET", "/schema/DisplayColumn")["detail"],
                         "Entity type 'DisplayColumn' does not exist.")
        kinds = {each["data_type"]["value"] for name in ("Shot", "Asset", "Task", "Version", "Note")
                 for each in self.call(200, "GET", f"/schema/{name}/fields")["data"].values()}
        self.assertTrue({"text", "number", "float", "percent", "duration", "timecode", "currency", "date", "date_time",
                         "checkbox", "list", "status_list", "entity", "multi_entity", "image", "url", "color",
                         "serializable", "jsonb", "summary", "calculated", "pivot_column"} <= kinds)

    def test_relationships(self):
        task = next(row for row in self.site.rows("Task") if row["entity"] and row["task_assignees"])
        answer = self.call(200, "GET", f"/entity/tasks/{task['id']}/relationships/entity?page[size]=1")
        self.assertEqual(answer["data"], task["entity"])
        answer = self.call(200, "GET", f"/entity/tasks/{task['id']}/relationships/task_assignees")
        self.assertEqual(answer["data"], task["task_assignees"])
        self.assertEqual(self.error(400, "GET", f"/entity/tasks/{task['id']}/relationships/content")["title"],
                         "Field 'content' is not a relationship field")
        self.call(404, "POST", f"/entity/tasks/{task['id']}/relationships/entity", {})

    def test_404s(self):
        for method, path, detail, code in (
                ("GET", "/entity/Shot/1", "Shot: 1 not found", 104),
                ("PUT", "/entity/Shot/1", "Entity of type [Shot] with id=1 does not exist.", 104),
                ("DELETE", "/entity/Shot/1", "Entity of type [Shot] with id=1 does not exist.", 104),
                ("GET", "/entity/Shot/1/relationships/assets", "Shot: 1 not found", 103),
                ("GET", "/me", None, 103), ("PATCH", "/entity/Shot/1001", None, 103)):
            error = self.error(404, method, path, {} if method == "PUT" else None)
            self.assertEqual((error["code"], error["detail"]), (code, detail), path)


class Filters(SiteTest):
    """Every operator, over a few rows made for it."""

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.site.clock(NOW)
        cls.sequence = cls.make("Sequence", code="sq_one", description="First")
        cls.other = cls.make("Sequence", code="sq_two")
        cls.hero, cls.car = cls.make("Asset", code="Hero"), cls.make("Asset", code="Car")
        rows = (
            dict(code="a", description="Lighting of the Hall", sg_cut_in=10, sg_aspect_ratio=1.5,
                 sg_percentage_complete=50, sg_bid=480, sg_shot_costs=10.5, sg_turnover_date="2026-03-11",
                 sg_client_seen_at="2026-03-11T11:30:00Z", sg_needs_retime=True, sg_shot_type="VFX",
                 sg_status_list="ip", sg_sequence=cls.sequence, assets=[cls.hero, cls.car], sg_rec_tc_in=1000),
            dict(code="b", description="100%_done \\ É", sg_cut_in=0, sg_aspect_ratio=0.0, sg_percentage_complete=0,
                 sg_bid=0, sg_turnover_date="2026-03-06", sg_client_seen_at="2026-03-04T05:06:07Z",
                 sg_shot_type="CG", sg_status_list="fin", sg_sequence=cls.other, assets=[cls.hero]),
            dict(code="c", description="", sg_status_list=None, assets=[cls.car]),
            dict(code="d", sg_cut_in=-5, sg_aspect_ratio=1.23456789, sg_turnover_date="2026-02-28",
                 sg_client_seen_at="2026-03-12T00:00:00Z", sg_status_list="ip", sg_sequence=cls.sequence),
        )
        cls.shots = {row["code"]: cls.make("Shot", **row) for row in rows}

    def codes(self, *conditions, kind="Shot"):
        """The codes of the rows that match, as one word."""
        found = self.find(kind, [["project", "is", self.project], *conditions])
        return "".join(row["attributes"]["code"] for row in found)

    def table(self, rows):
        for path, relation, value, expected in rows:
            with self.subTest(path=path, relation=relation, value=value):
                self.assertEqual(self.codes([path, relation, value]), expected)

    def test_text(self):
        self.table((
            ("description", "is", "lighting OF the hall", "a"), ("description", "is", None, "cd"),
            ("description", "is", "", "cd"), ("description", "is_not", "lighting of the hall", "bcd"),
            ("description", "is_not", None, "ab"), ("description", "is_not", "", "ab"),
            ("description", "contains", "THE", "a"), ("description", "contains", "", "ab"),
            ("description", "contains", "%_", "b"), ("description", "contains", "\\", "b"),
            ("description", "contains", "é", "b"), ("description", "not_contains", "the", "bcd"),
            ("description", "starts_with", "light", "a"), ("description", "ends_with", "HALL", "a"),
            ("code", "in", ["A", "c", "nope"], "ac"), ("code", "in", "a", "a"), ("code", "not_in", ["a"], "bcd"),
            ("description", "not_in", ["lighting of the hall"], "bcd"), ("description", "in", [""], ""),
            ("code", "starts_with", "zzz", ""),
        ))
        error = self.refused("Shot", [["code", "in", [None]]])
        self.assertEqual((error["code"], error["title"]), (104, "Read failed for entity type [Shot]"))

    def test_numbers(self):
        self.table((
            ("sg_cut_in", "is", 10, "a"), ("sg_cut_in", "is", "10", "a"), ("sg_cut_in", "is", 0, "b"),
            ("sg_cut_in", "is", None, "c"), ("sg_cut_in", "is_not", 10, "bcd"), ("sg_cut_in", "is_not", None, "abd"),
            ("sg_cut_in", "greater_than", -5, "ab"), ("sg_cut_in", "less_than", 10, "bd"),
            ("sg_cut_in", "between", [0, 10], "ab"), ("sg_cut_in", "between", [10, 0], "ab"),
            ("sg_cut_in", "between", [0, None], ""), ("sg_cut_in", "in", [10, -5], "ad"),
            ("sg_cut_in", "not_in", [10], "bcd"),
            ("sg_aspect_ratio", "is", 1.5, "a"), ("sg_aspect_ratio", "is", "1.5", "a"),
            ("sg_aspect_ratio", "is", 1.5000004, "a"), ("sg_aspect_ratio", "is", 1.234568, "d"),
            ("sg_aspect_ratio", "greater_than", 0.0, "ad"), ("sg_aspect_ratio", "is", None, "c"),
            ("sg_aspect_ratio", "not_in", [1.5], "bcd"),
            ("sg_percentage_complete", "is", 0, "b"), ("sg_percentage_complete", "is_not", 50, "bcd"),
            ("sg_bid", "is", 480.6, "a"), ("sg_bid", "is", "480", "a"), ("sg_bid", "greater_than", -1, "ab"),
            ("sg_rec_tc_in", "is", 1000, "a"), ("sg_shot_costs", "is", 10.5, "a"),
        ))

    def test_choices_and_checkboxes(self):
        self.table((
            ("sg_shot_type", "is", "vfx", "a"), ("sg_shot_type", "is", "nonsense", ""),
            ("sg_shot_type", "not_in", ["VFX"], "bcd"), ("sg_status_list", "is", "ip", "ad"),
            ("sg_status_list", "is", None, "c"), ("sg_status_list", "is_not", "ip", "bc"),
            ("sg_status_list", "in", ["ip", "fin"], "abd"), ("sg_status_list", "is", "In Progress", ""),
            ("sg_needs_retime", "is", True, "a"), ("sg_needs_retime", "is", "false", "bcd"),
            ("sg_needs_retime", "is_not", True, "bcd"),
        ))

    def test_dates(self):
        self.table((
            ("sg_turnover_date", "is", "2026-03-11", "a"), ("sg_turnover_date", "is", "", "c"),
            ("sg_turnover_date", "is_not", "2026-03-11", "bcd"), ("sg_turnover_date", "less_than", "2026-03-06", "d"),
            ("sg_turnover_date", "between", ["2026-03-11", "2026-03-06"], "ab"),
            ("sg_turnover_date", "in", "2026-03-11", "a"),
            ("sg_turnover_date", "in_last", [10, "DAY"], "ab"), ("sg_turnover_date", "in_last", [2, "DAY"], "a"),
            ("sg_turnover_date", "in_last", [1, "HOUR"], "a"), ("sg_turnover_date", "in_last", [200, "HOUR"], "ab"),
            ("sg_turnover_date", "not_in_last", [10, "DAY"], "cd"), ("sg_turnover_date", "in_next", [1, "DAY"], "a"),
            ("sg_turnover_date", "not_in_next", [1, "DAY"], "bcd"),
            ("sg_turnover_date", "in_last", [1, "MONTH"], "abd"),
            ("sg_turnover_date", "in_calendar_day", 0, "a"), ("sg_turnover_date", "in_calendar_day", [-5], "b"),
            ("sg_turnover_date", "in_calendar_week", 0, "a"), ("sg_turnover_date", "in_calendar_week", -1, "b"),
            ("sg_turnover_date", "in_calendar_month", -1, "d"), ("sg_turnover_date", "in_calendar_year", 0, "abd"),
            ("sg_turnover_date", "in_calendar_year", 1, ""),
            ("sg_client_seen_at", "is", "2026-03-12", "d"), ("sg_client_seen_at", "is", "2026-03-04", ""),
            ("sg_client_seen_at", "is", "2026-03-04T10:06:07+05:00", "b"),
            ("sg_client_seen_at", "greater_than", "2026-03-11", "ad"),
            ("sg_client_seen_at", "in_last", [1, "HOUR"], "a"), ("sg_client_seen_at", "in_next", [1, "DAY"], "d"),
            ("sg_client_seen_at", "not_in_last", [1, "HOUR"], "bcd"), ("sg_client_seen_at", "in_calendar_day", 1, "d"),
        ))

    def test_single_links(self):
        nobody = {"type": "Sequence", "id": 99999}
        self.table((
            ("sg_sequence", "is", self.sequence, "ad"), ("sg_sequence", "is", None, "c"),
            ("sg_sequence", "is_not", self.sequence, "bc"), ("sg_sequence", "is_not", None, "abd"),
            ("sg_sequence", "in", [self.sequence, self.other], "abd"), ("sg_sequence", "in", self.other, "b"),
            ("sg_sequence", "not_in", [self.sequence], "bc"), ("sg_sequence", "is", nobody, ""),
            ("sg_sequence", "in", [self.other, None], "bc"), ("sg_sequence", "not_in", [self.other, None], "ad"),
            ("sg_sequence", "type_is", "Sequence", "abd"), ("sg_sequence", "type_is", None, "c"),
            ("sg_sequence", "type_is_not", "Sequence", "c"), ("sg_sequence", "type_is_not", None, "abd"),
            ("sg_sequence", "name_is", "SQ_ONE", "ad"), ("sg_sequence", "name_contains", "two", "b"),
            ("sg_sequence", "name_not_contains", "two", "acd"),
            ("sg_sequence.Sequence.code", "is", "sq_one", "ad"), ("sg_sequence.Sequence.code", "contains", "_", "abd"),
            ("sg_sequence.Sequence.description", "is_not", None, "ad"), ("sg_sequence.Asset.code", "is", "sq_one", ""),
            ("project.Project.id", "is", 0, ""),
        ))

    def test_multi_links(self):
        gone = {"type": "Asset", "id": 99999}
        self.table((
            ("assets", "is", self.hero, "ab"), ("assets", "is", None, "d"), ("assets", "is_not", None, "abc"),
            ("assets", "is_not", self.hero, "cd"), ("assets", "in", [self.hero], "ab"),
            ("assets", "in", [self.hero, self.car], "abc"), ("assets", "not_in", [self.hero], "cd"),
            ("assets", "not_in", [self.hero, self.car], "d"), ("assets", "type_is", "Asset", "abc"),
            ("assets", "type_is_not", "Asset", "d"), ("assets", "name_is", "hero", "ab"),
            ("assets", "name_contains", "ca", "ac"), ("assets", "name_not_contains", "ca", "bd"),
            ("assets", "is", gone, ""), ("assets", "in", [self.hero, gone], "ab"),
            ("assets.Asset.code", "is", "car", "ac"), ("assets.Asset.code", "is_not", "car", "bd"),
            ("assets.Asset.code", "not_contains", "e", "cd"),
            ("assets.Asset.project.Project.name", "is", "rules", "abc"),
        ))
        self.assertEqual(self.codes(["assets", "is", self.hero], ["assets", "is", self.car]), "a")

    def test_images_only_take_null(self):
        self.assertEqual(self.codes(["image", "is", None]), "abcd")
        self.assertEqual(self.codes(["image", "is_not", None]), "")
        self.assertIn("expects a nil value", self.refused("Shot", [["image", "is", "x"]])["title"])

    def test_jsonb(self):
        for name, meta in (("one", {"a": {"b": [1, 2, 3]}, "c": True}), ("two", {"a": 1}), ("none", None)):
            self.make("Note", subject=name, meta=meta)
        for relation, value, expected in (
                ("contains", {"a": {"b": [1]}}, ["one"]), ("is", {"a": 1}, ["two"]), ("is", None, ["none"]),
                ("not_contains", {"c": True}, ["two", "none"]), ("is_not", {"a": 1}, ["one", "none"])):
            rows = self.find("Note", [["project", "is", self.project], ["meta", relation, value]], "subject")
            self.assertEqual([row["attributes"]["subject"] for row in rows], expected, (relation, value))

    def test_the_event_log_ignores_audit_trail(self):
        every = len(self.find("EventLogEntry", []))
        for relation in ("is", "is_not"):
            self.assertEqual(len(self.find("EventLogEntry", [["audit_trail", relation, None]])), every)

    def test_groups(self):
        def group(operator, *conditions):
            return {"logical_operator": operator, "conditions": list(conditions)}

        inside = ["project", "is", self.project]
        either = group("or", ["code", "is", "a"], ["code", "is", "b"])
        for filters, expected in (
                (group("and", inside, either), "ab"),
                (group("and", inside, group("and", ["code", "is", "a"], ["code", "is", "b"])), ""),
                (group("and", inside, group("or", either, ["code", "is", "d"])), "abd"),
                (group("and", inside, group("or")), "abcd"), (group("and", inside, group("and")), "abcd")):
            self.assertEqual("".join(row["attributes"]["code"] for row in self.find("Shot", filters)), expected)
        deep = ["code", "is", "a"]
        for _ in range(264):
            deep = group("and", deep)
        self.assertEqual(len(self.find("Shot", group("and", deep))), 1)
        self.assertEqual(self.refused("Shot", group("and", group("and", deep)), 500)["title"], "Shotgun Server Error")
        wide = group("or", *[["code", "is", f"x{n}"] for n in range(5000)], ["code", "is", "a"])
        self.assertEqual(len(self.find("Shot", wide)), 1)

    def test_wrong_groups(self):
        for filters, title in (
                ({"logical_operator": "AND", "conditions": []}, "Invalid logical operator: AND"),
                ({"conditions": []}, "Missing logical operator"),
                ({"logical_operator": "or"}, "Missing conditions parameter"),
                ({"path": "id", "relation": "is", "values": [1]}, "Missing logical operator"),
                ([["id", "is", 1, "or"]], "Invalid condition"), ([["id", "is"]], "Invalid condition"),
                ([{"logical_operator": "or", "conditions": []}], "Expected array of basic condition arrays"),
                ([[["id", "is", 1], ["id", "is", 2]]], "Invalid condition")):
            with self.subTest(filters=filters):
                self.assertIn(title, self.refused("Shot", filters)["title"])

    def test_refused_conditions(self):
        strings = "expected [String, NilClass] data type(s) but got"
        for condition, title in (
                (["nonsense", "is", 1], "API read() Shot.nonsense doesn't exist."),
                (["sg_sequence.Bogus.code", "is", 1], "API read() Shot.sg_sequence.Bogus.code doesn't exist."),
                (["sg_sequence.Sequence.bogus", "is", 1], "API read() Shot.sg_sequence.Sequence.bogus doesn't exist."),
                (["code", "is", 1], f"API read() Shot.code {strings} Integer: 1"),
                (["code", "is", True], f"API read() Shot.code {strings} TrueClass: true"),
                (["code", "is", ["x", "y"]], "API read() 'is' 'relation' expects a 1-element array: [\"x\", \"y\"]"),
                (["code", "in", []], "API read() 'in' 'relation' expects at least a 1-element array: []"),
                (["sg_cut_in", "is", 2.5], "expected [String, Integer, NilClass] data type(s) but got Float: 2.5"),
                (["sg_cut_in", "is", "ten"], "Invalid data for 'number' data type. Value: ten"),
                (["sg_cut_in", "between", 5], "API read() 'between' 'relation' expects a 2-element array: [5]"),
                (["sg_cut_in", "not_between", [1, 2]], "doesn't support 'not_between' 'relation'"),
                (["sg_percentage_complete", "is", "50"],
                 "expected [Integer, NilClass] data type(s) but got String: \"50\""),
                (["sg_aspect_ratio", "is", 1],
                 "expected [String, BigDecimal, Float, NilClass] data type(s) but got Integer: 1"),
                (["sg_needs_retime", "is", None], "expected [String, FalseClass, TrueClass]"),
                (["sg_needs_retime", "is", 1], "but got Integer: 1"),
                (["sg_needs_retime", "is", "1"], "Invalid data for 'checkbox' data type. Value: 1"),
                (["sg_turnover_date", "is", "2026-03-11T00:00:00Z"], "Invalid date format: 2026-03-11T00:00:00Z."),
                (["sg_client_seen_at", "is", "2026-03-11 10:00:00 UTC"], "Invalid date time format"),
                (["sg_client_seen_at", "in_last", [1, "FORTNIGHT"]], "doesn't support the 'FORTNIGHT' time unit"),
                (["sg_client_seen_at", "in_last", [1, "day"]], "Valid time units: [\"HOUR\", \"DAY\""),
                (["sg_client_seen_at", "in_last", [0, "DAY"]], "expects at a positive Integer time unit"),
                (["sg_client_seen_at", "in_last", [1]], "expects a 2-element array: [1]"),
                (["sg_sequence", "is", 5], "data type(s) but got Integer: 5"),
                (["sg_sequence", "is", {"id": 5}], "invalid/missing entity hash string 'type': {\"id\" => 5}"),
                (["sg_sequence", "is", [self.sequence, self.other]], "'is' 'relation' expects a 1-element array"),
                (["sg_sequence", "name_is", None], "but got NilClass: nil"),
                (["assets", "in", [5]], "invalid/missing entity hash: 5"),
                (["sg_reference", "is", None], "Shot.sg_reference's 'url' data type cannot be used in a filter."),
                (["open_notes_count", "is", 0], "'summary' data type cannot be used in a filter.")):
            with self.subTest(condition=condition):
                self.assertIn(title, self.refused("Shot", [condition])["title"])

    def test_valid_relations_are_listed(self):
        for path, listed in (
                ("code", '["contains", "not_contains", "is", "is_not", "starts_with", "ends_with", "in", "not_in"]'),
                ("sg_cut_in", '["is", "is_not", "greater_than", "less_than", "between", "in", "not_in"]'),
                ("sg_needs_retime", '["is", "is_not"]'), ("image", '["is", "is_not"]'),
                ("sg_status_list", '["is", "is_not", "in", "not_in"]'),
                ("assets", '["is", "is_not", "name_contains", "name_not_contains", "name_is", "type_is", '
                           '"type_is_not", "in", "not_in"]'),
                ("created_at", '["is", "is_not", "greater_than", "less_than", "in_last", "not_in_last", "in_next", '
                               '"not_in_next", "in_calendar_week", "in_calendar_month", "in_calendar_day", '
                               '"in_calendar_year", "between", "in", "not_in"]')):
            error = self.refused("Shot", [[path, "nonsense", None]])
            self.assertIn("doesn't support 'nonsense' 'relation'", error["title"])
            self.assertTrue(error["source"][f"Shot.{path}"].endswith(f"Valid relations: {listed}"), error["source"])

    def test_order(self):
        def order(sort):
            return "".join(row["attributes"]["code"] for row in
                           self.find("Shot", [["project", "is", self.project]], "code", sort))

        for sort, expected in (("sg_cut_in", "dbac"), ("-sg_cut_in", "cabd"), ("-code", "dcba"),
                               ("sg_status_list", "badc"), ("sg_status_list,-id", "bdac"), ("-sg_status_list", "cadb"),
                               ("sg_sequence.Sequence.code,-code", "dabc"), ("-id", "dcba"), ("description", "bacd")):
            self.assertEqual(order(sort), expected, sort)
        ids = [self.shots[code]["id"] for code in "db"]
        self.assertEqual([row["id"] for row in self.find("Shot", [["id", "in", ids]])], sorted(ids))


if __name__ == "__main__":
    unittest.main()
