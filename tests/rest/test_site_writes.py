"""The rules of the REST API that the test site must keep: writing, events, summaries, permissions."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("FPTC_SOURCE_DIR") or os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "site"))
from sitetest import SiteTest  # noqa: E402

ARRAY = "application/vnd+shotgun.api3_array+json"


class Writing(SiteTest):
    @classmethod
    def prepare(cls):
        super().prepare()
        cls.asset = cls.make("Asset", code="Hero")

    def put(self, key, status=200, **body):
        return self.call(status, "PUT", f"/entity/{key['type']}/{key['id']}", body)

    def test_create_invents_and_defaults(self):
        answer = self.call(201, "POST", "/entity/shots?fields=code", {"project": self.project, "sg_cut_in": "7"})
        data = answer["data"]
        self.assertEqual(list(answer), ["data"])
        self.assertEqual(sorted(data["attributes"]), ["cached_display_name", "code", "created_at", "open_notes_count",
                                                      "sg_cut_in", "sg_status_list", "updated_at"])
        self.assertEqual(data["attributes"]["code"], f"New Shot {data['id']}")
        self.assertEqual((data["attributes"]["sg_cut_in"], data["attributes"]["sg_status_list"]), (7, "wtg"))
        self.assertRegex(data["attributes"]["created_at"], r"\A\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\Z")
        self.assertNotIn("sg_sequence", data["relationships"])
        self.assertEqual(data["relationships"]["assets"]["data"], [])
        read = self.read({"type": "Shot", "id": data["id"]})
        self.assertRegex(read["created_at"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
        self.assertIs(read["sg_needs_retime"], False)
        task = self.call(201, "POST", "/entity/tasks", {"project": self.project})["data"]["attributes"]
        self.assertRegex(task["created_at"], r"T\d\d:\d\d:\d\dZ\Z")

    def test_refused_creates(self):
        for body, title in (
                ({"code": "x"}, "API create() missing 'project' attribute: {\"code\" => \"x\"}"),
                ({"nonsense": 1}, "API create() Shot.nonsense doesn't exist."),
                ({"project": self.project, "assets": [5]}, "invalid/missing entity hash: 5"),
                ({"project": self.asset}, "Project expected, got Asset"),
                ({"project": self.project, "sg_sequence": {"type": "Sequence", "id": 99999}}, "Value is not legal.")):
            self.assertIn(title, self.error(400, "POST", "/entity/shots", body)["title"])

    def test_values_as_they_are_kept(self):
        shot = self.make("Shot")
        for name, sent, kept in (
                ("description", "  padded  ", "padded"), ("description", "   ", None), ("description", "", None),
                ("description", "line1\nline2", "line1\nline2"), ("description", "héllo ✨ 漢字", "héllo ✨ 漢字"),
                ("sg_cut_in", "42", 42), ("sg_cut_in", None, None), ("sg_bid", 90.9, 90), ("sg_bid", -90.6, -90),
                ("sg_aspect_ratio", 2.5, "2.5"), ("sg_aspect_ratio", "25", "25.0"), ("sg_aspect_ratio", 1e-9, "0.0"),
                ("sg_aspect_ratio", 1.23456789, "1.234568"), ("sg_percentage_complete", 101, 101),
                ("sg_turnover_date", "2026-02-28", "2026-02-28"), ("sg_turnover_date", "", None),
                ("sg_client_seen_at", "2026-03-04T05:06:07+05:00", "2026-03-04T00:06:07Z"),
                ("sg_client_seen_at", "2026-03-04T05:06:07.9", "2026-03-04T05:06:07Z"),
                ("sg_client_seen_at", "2026-03-04", "2026-03-04T00:00:00Z"), ("sg_needs_retime", "true", True),
                ("sg_status_list", "fin", "fin"), ("sg_status_list", "", None), ("sg_shot_type", "CG", "CG")):
            with self.subTest(name=name, sent=sent):
                self.put(shot, **{name: sent})
                self.assertEqual(self.read(shot)[name], kept)

    def test_refused_values(self):
        shot, task = self.make("Shot", description="old"), self.make("Task")
        for key, name, sent, title in (
                (shot, "description", 5, "API update() Shot.description expected [String, NilClass]"),
                (shot, "sg_cut_in", 2.5, "but got Float: 2.5"), (shot, "sg_cut_in", 2 ** 31, "Invalid statement."),
                (shot, "sg_aspect_ratio", 2, "but got Integer: 2"),
                (shot, "sg_aspect_ratio", "abc", "Invalid data for 'float' data type"),
                (shot, "sg_percentage_complete", "42", "[Integer, NilClass]"),
                (shot, "sg_turnover_date", "2026-02-30", "Invalid date format: 2026-02-30."),
                (shot, "sg_client_seen_at", "", "Invalid date time format: ."),
                (shot, "sg_needs_retime", None, "but got NilClass: nil"),
                (shot, "sg_status_list", "Final", "'Final' is not a valid status. Valid statuses: 'wtg', 'rdy'"),
                (shot, "sg_shot_type", "vfx", "is not a valid value"),
                (shot, "sg_sequence", 5, "but got Integer: 5"), (shot, "assets", None, "[Array, Hash]"),
                (shot, "image", "http://x", "data type(s) but got String"),
                (shot, "created_at", "2020-01-01T00:00:00Z", "is editable on create only."),
                (shot, "updated_at", "2020-01-01T00:00:00Z", "is editable on create only."),
                (shot, "open_notes", [], "is read only."), (shot, "nonsense", 1, "Shot.nonsense doesn't exist."),
                (task, "color", None, "Value cannot be nil for Task.color."),
                (task, "color", "#ff8000", "Value is not a valid color token")):
            with self.subTest(name=name, sent=sent):
                error = self.error(400, "PUT", f"/entity/{key['type']}/{key['id']}", {"description": "new", name: sent}
                                   if key is shot and name != "description" else {name: sent})
                self.assertIn(title, error["title"])
        self.assertEqual(self.read(shot)["description"], "old")

    def test_update_is_partial_and_answers_all(self):
        shot = self.make("Shot", code="u", description="kept")
        answer = self.put(shot, code="v")
        self.assertEqual((answer["links"], answer["status"]), ({}, "successful"))
        self.assertEqual(answer["data"]["attributes"]["description"], "kept")
        self.assertEqual(answer["data"]["attributes"]["cached_display_name"], "v")
        before = self.read(shot)
        self.put(shot)
        self.put(shot, cached_display_name="ignored")
        self.assertEqual(self.read(shot), before)

    def test_multi_links_and_their_modes(self):
        shot = self.make("Shot")
        a, b = (self.make("Asset", code=code) for code in ("aa", "bb"))
        for value, expected in (
                ([b], [b]), ({"multi_entity_update_mode": "add", "value": [a]}, [a, b]),
                ({"multi_entity_update_mode": "add", "value": [a]}, [a, b]),
                ({"multi_entity_update_mode": "remove", "value": [b]}, [a]),
                ({"multi_entity_update_mode": "set", "value": [b]}, [b]), ([a, a], [a]), ([], [])):
            self.put(shot, assets=value)
            self.assertEqual(self.read(shot)["assets"], expected)
            self.assertEqual(self.read(a)["shots"], [shot] if a in expected else [])

    def test_links_have_two_sides(self):
        one, two = self.make("Sequence", code="s1"), self.make("Sequence", code="s2")
        shot = self.make("Shot", sg_sequence=one)
        self.assertEqual(self.read(one)["shots"], [shot])
        self.put(two, shots=[shot])
        self.assertEqual((self.read(one)["shots"], self.read(shot)["sg_sequence"]), ([], two))
        self.put(two, shots=[])
        self.assertIsNone(self.read(shot)["sg_sequence"])
        task = self.make("Task", entity=shot)
        version = self.make("Version", entity=shot, sg_task=task)
        published = self.make("PublishedFile", entity=shot, version=version)
        note = self.make("Note", note_links=[shot, version], tasks=[task])
        read = self.read(shot)
        self.assertEqual((read["tasks"], read["sg_versions"], read["sg_published_files"], read["notes"]),
                         ([task], [version], [published], [note]))
        self.assertEqual((read["open_notes"], read["open_notes_count"]), ([note], 1))
        self.assertEqual(self.read(task)["notes"], [note])
        self.put(note, sg_status_list="clsd")
        self.assertEqual(self.read(shot)["open_notes_count"], 0)
        playlist = self.make("Playlist", versions=[version])
        self.assertEqual(self.read(version)["playlists"], [playlist])
        reply = self.make("Reply", content="x", entity=note)
        self.assertEqual(self.read(note)["replies"], [reply])
        self.put(note, replies=[])
        self.call(404, "GET", f"/entity/replies/{reply['id']}")

    def test_names_of_links_follow(self):
        shot = self.make("Shot", code="before")
        task = self.make("Task", entity=shot)
        self.put(shot, code="after")
        link = self.call(200, "GET", f"/entity/tasks/{task['id']}?fields=entity")["data"]["relationships"]["entity"]
        self.assertEqual(link["data"]["name"], "after")

    def test_retire_and_revive(self):
        shot = self.make("Shot", code="doomed")
        task, version = self.make("Task", entity=shot), self.make("Version", entity=shot)
        playlist = self.make("Playlist", versions=[version])
        self.call(204, "DELETE", f"/entity/shots/{shot['id']}")
        self.call(404, "GET", f"/entity/shots/{shot['id']}")
        self.call(404, "DELETE", f"/entity/shots/{shot['id']}")
        self.call(404, "GET", f"/entity/versions/{version['id']}")
        self.assertIsNone(self.read(task)["entity"])
        self.assertEqual(self.read(playlist)["versions"], [])
        self.assertEqual(self.find("Task", [["entity", "is", shot]]), [])
        retired = self.call(200, "GET", f"/entity/shots/{shot['id']}?options[return_only]=retired&fields=code")
        self.assertEqual(retired["data"]["attributes"], {"code": "doomed"})
        self.assertIn("revive is missing", str(self.error(400, "POST", f"/entity/shots/{shot['id']}")))
        answer = self.call(200, "POST", f"/entity/shots/{shot['id']}?revive=1")
        self.assertEqual((answer["data"], answer["meta"]), (shot, {"did_revive": True}))
        answer = self.call(200, "POST", f"/entity/shots/{shot['id']}?revive=yes")
        self.assertEqual(answer["meta"], {"did_revive": False})
        self.assertEqual(self.read(task)["entity"], shot)
        self.call(404, "GET", f"/entity/versions/{version['id']}")

    def test_times(self):
        old = "2001-02-03T04:05:06Z"
        shot = self.make("Shot", created_at=old, updated_at=old)
        self.assertEqual([self.read(shot)[name] for name in ("created_at", "updated_at")], [old, old])
        self.site.clock("2030-01-01T00:00:00Z")
        try:
            self.put(shot, description="x")
            self.assertEqual(self.read(shot)["updated_at"], "2030-01-01T00:00:00Z")
            self.site.clock("2030-01-02T00:00:00Z")
            self.put(shot)
            self.assertEqual(self.read(shot)["updated_at"], "2030-01-01T00:00:00Z")
            self.call(204, "DELETE", f"/entity/shots/{shot['id']}")
            self.call(200, "POST", f"/entity/shots/{shot['id']}?revive=1")
            self.assertEqual(self.read(shot)["updated_at"], "2030-01-02T00:00:00Z")
        finally:
            self.site.clock(None)

    def test_urls(self):
        shot = self.make("Shot")
        self.put(shot, sg_reference={"url": "https://example.invalid/a.mov", "name": "a"})
        value = self.read(shot)["sg_reference"]
        self.assertEqual((value["url"], value["link_type"], value["type"]),
                         ("https://example.invalid/a.mov", "web", "Attachment"))
        self.assertEqual(self.read({"type": "Attachment", "id": value["id"]})["display_name"], "a")
        self.assertIn("invalid/missing url hash string 'url'",
                      self.error(400, "PUT", f"/entity/shots/{shot['id']}", {"sg_reference": {}})["title"])

    def test_task_dates(self):
        up = self.make("Task", start_date="2026-03-02", duration=960)
        self.assertEqual(self.read(up)["due_date"], "2026-03-03")
        down = self.make("Task", start_date="2026-03-02", due_date="2026-03-03")
        edge = self.make("TaskDependency", task=down, dependent_task=up)
        self.assertEqual(self.read(edge)["dependency_type"], "finish-to-start-next-day")
        self.assertEqual(self.read(down)["upstream_tasks"], [up])
        self.assertEqual(self.read(up)["downstream_tasks"], [down])
        self.assertEqual([self.read(down)[name] for name in ("start_date", "due_date")], ["2026-03-04", "2026-03-05"])
        self.put(up, due_date="2026-03-05")
        self.assertEqual(self.read(up)["duration"], 4 * 480)
        self.assertEqual([self.read(down)[name] for name in ("start_date", "due_date")], ["2026-03-06", "2026-03-09"])
        self.assertIn("causes a loop", self.error(400, "POST", "/entity/task_dependencies",
                                                  {"task": up, "dependent_task": down})["title"])
        self.call(204, "DELETE", f"/entity/tasks/{up['id']}")
        self.call(404, "GET", f"/entity/task_dependencies/{edge['id']}")
        self.assertEqual(self.read(down)["upstream_tasks"], [])


class Batches(SiteTest):
    def batch(self, status, *requests):
        return self.call(status, "POST", "/entity/_batch", {"requests": list(requests)})

    def test_one_answer_for_each_request(self):
        shot, other = self.make("Shot"), self.make("Shot")
        answer = self.batch(
            200, {"request_type": "create", "entity": "Shot", "data": {"project": self.project, "code": "new"}},
            {"request_type": "update", "entity": "Shot", "record_id": shot["id"], "data": {"code": "changed"}},
            {"request_type": "delete", "entity": "Shot", "record_id": other["id"]})["data"]
        self.assertEqual(answer[0]["data"]["attributes"]["code"], "new")
        self.assertEqual((answer[1]["data"]["attributes"]["code"], answer[1]["status"]), ("changed", "successful"))
        self.assertEqual((answer[2]["did_delete"], answer[2]["id"]), (True, other["id"]))
        self.assertEqual(self.batch(200), {"data": []})

    def test_all_or_nothing(self):
        shot, sequence = self.make("Shot", code="kept"), self.make("Sequence")
        events = len(self.site.rows("EventLogEntry"))
        good = [{"request_type": "create", "entity": "Shot",
                 "data": {"project": self.project, "code": "ghost", "sg_sequence": sequence}},
                {"request_type": "update", "entity": "Shot", "record_id": shot["id"],
                 "data": {"code": "lost", "sg_sequence": sequence}},
                {"request_type": "delete", "entity": "Shot", "record_id": shot["id"]}]
        for status, bad in ((404, {"request_type": "delete", "entity": "Shot", "record_id": 999999}),
                            (404, good[2]),
                            (400, {"request_type": "create", "entity": "Shot",
                                   "data": {"project": self.project, "sg_cut_in": 2.5}})):
            before = self.read(shot), self.read(sequence)
            self.batch(status, *good, bad)
            self.assertEqual((self.read(shot), self.read(sequence)), before)
            self.assertEqual(self.find("Shot", [["code", "is", "ghost"]]), [])
        self.assertEqual(len(self.site.rows("EventLogEntry")), events)

    def create(self, kind="Shot", **data):
        return {"request_type": "create", "entity": kind, "data": {"project": self.project, **data}}

    def test_the_answers_are_those_of_the_requests(self):
        """Thin for a create, whole for an update; a delete says what it was."""
        task, shot, other = self.make("Task"), self.make("Shot", description="as it was"), self.make("Shot")
        made, updated, deleted = self.batch(
            200, self.create("Task", content="t"),
            {"request_type": "update", "entity": "Shot", "record_id": shot["id"], "data": {"code": "c"}},
            {"request_type": "delete", "entity": "Shot", "record_id": other["id"]})["data"]
        self.assertEqual((list(made), made["data"]["attributes"]["content"]), (["data"], "t"))
        self.assertGreater(made["data"]["id"], task["id"])
        self.assertNotIn("description", self.batch(200, self.create())["data"][0]["data"]["attributes"])
        self.assertEqual(set(updated), {"data", "links", "status"})
        self.assertEqual(updated["data"]["attributes"]["description"], "as it was")
        self.assertEqual(set(deleted), {"request_type", "type", "id", "uuid", "did_delete"})
        self.assertEqual((deleted["request_type"], deleted["type"]), ("delete", "Shot"))

    def test_nothing_names_what_the_same_batch_makes(self):
        sequence = self.make("Sequence")["id"]
        next_one = {"type": "Sequence", "id": sequence + 1}
        answer = self.error(400, "POST", "/entity/_batch", {"requests": [
            self.create("Sequence"), self.create("Shot", sg_sequence=next_one)]})
        self.assertIn("[1 - Create failed for [Shot.sg_sequence]: Value is not legal.]", answer["title"])
        for kind in ("update", "delete"):
            self.batch(404, self.create("Sequence"), {"request_type": kind, "entity": "Sequence", "data": {},
                                                      "record_id": next_one["id"] + 1})
        self.assertEqual([row["id"] for row in self.site.rows("Sequence") if row["id"] > sequence], [])
        self.batch(200, self.create("Sequence"))
        newest = max(row["id"] for row in self.site.rows("Sequence"))
        self.batch(200, self.create("Shot", sg_sequence={"type": "Sequence", "id": newest}))

    def test_what_follows_from_a_request_is_undone_with_it(self):
        """A Shot's Versions retire with it, and are back when the batch fails."""
        shot = self.make("Shot")
        version = self.make("Version", entity=shot)
        delete = {"request_type": "delete", "entity": "Shot", "record_id": shot["id"]}
        self.batch(404, delete, {"request_type": "delete", "entity": "Version", "record_id": version["id"]})
        self.assertEqual(self.read(version)["entity"], shot)
        self.batch(200, delete)
        self.call(404, "GET", f"/entity/versions/{version['id']}")

    def test_counts(self):
        self.site.reset_requests()
        self.batch(200, self.create(), self.create())
        self.batch(400, self.create(sg_cut_in=2.5))
        self.assertEqual(self.site.counts(), {"batch": 2})
        self.assertEqual([entry["rows"] for entry in self.site.requests()["log"]], [2, 0])

    def test_wrong_shapes(self):
        self.assertEqual(self.error(400, "POST", "/entity/_batch", {"data": []})["source"],
                         {"requests": ["requests is missing"]})
        shot = self.make("Shot")["id"]
        update = {"request_type": "update", "entity": "Shot", "record_id": shot, "data": {}}
        for requests, says in (([], None), ({}, "must be an array"), (["x"], "must be a hash"),
                               ([{**update, "request_type": None}], "request_type is missing"),
                               ([{**update, "record_id": None}], "must be an integer"),
                               ([update, {**update, "record_id": str(shot)}], "must be an integer"),
                               ([{**update, "data": []}], "data must be a hash"),
                               ([{"request_type": "delete", "entity": "Shot"}], "record_id is missing"),
                               ([{"request_type": "create", "data": {}}], "entity is missing"),
                               ([{**update, "request_type": "revive"}], "must be one of")):
            with self.subTest(says=says):
                status, answer = self.site.api("POST", "/entity/_batch", {"requests": requests})
                self.assertEqual(status, 400 if says else 200)
                if says:
                    self.assertEqual(answer["errors"][0]["title"], "Request Parameters invalid.")
                    self.assertIn(says, str(answer["errors"][0]["source"]["requests"]))
        self.assertIn("must be one of: create, update, delete",
                      str(self.batch(400, {"request_type": "read", "entity": "Shot"})))
        self.assertIn("entity type [] does not exist",
                      str(self.batch(400, {"request_type": "create", "entity": "shots", "data": {}})))

    def test_a_create_without_project_is_only_pretended(self):
        made = self.batch(200, {"request_type": "create", "entity": "Shot", "data": {"code": "nowhere"}})["data"][0]
        self.call(404, "GET", f"/entity/shots/{made['data']['id']}")
        self.assertEqual(self.find("Shot", [["code", "is", "nowhere"]]), [])


class Events(SiteTest):
    def since(self, last):
        return [row for row in self.site.rows("EventLogEntry") if row["id"] > last]

    def last(self):
        return max([row["id"] for row in self.site.rows("EventLogEntry")] or [0])

    def test_what_a_write_leaves(self):
        sequence, last = self.make("Sequence", code="s"), self.last()
        shot = self.make("Shot", code="e", sg_sequence=sequence)
        self.call(200, "PUT", f"/entity/shots/{shot['id']}", {"description": "x"})
        self.call(204, "DELETE", f"/entity/shots/{shot['id']}")
        found = self.since(last)
        kinds = [(event["event_type"], event["attribute_name"]) for event in found]
        for expected in (("Shotgun_Shot_New", None), ("Shotgun_Shot_Change", "code"),
                         ("Shotgun_Shot_Change", "sg_sequence"), ("Shotgun_Sequence_Change", "shots"),
                         ("Shotgun_Shot_Change", "description"), ("Shotgun_Shot_Retirement", None),
                         ("Shotgun_Shot_Change", "retirement_date")):
            self.assertIn(expected, kinds)
        reverse = next(event for event in found if event["attribute_name"] == "shots")
        self.assertEqual((reverse["entity"]["type"], reverse["meta"]["entity_type"], reverse["meta"]["entity_id"]),
                         ("Sequence", "Shot", shot["id"]))
        self.assertEqual(reverse["meta"]["actual_attribute_changed"], "Shot.sg_sequence")
        change = next(event for event in found if event["attribute_name"] == "description")
        self.assertEqual((change["meta"]["old_value"], change["meta"]["new_value"]), (None, "x"))
        self.assertEqual({event["entity"] and event["entity"]["id"] for event in found
                          if event["event_type"].startswith("Shotgun_Shot_")}, {None})

    def test_ids_have_gaps(self):
        last = self.last()
        for _ in range(30):
            self.make("Shot")
        ids = [row["id"] for row in self.since(last)]
        self.assertGreater(ids[-1] - ids[0] + 1, len(ids))

    def test_a_silent_script_leaves_nothing(self):
        last = self.last()
        token = self.site.token(grant_type="client_credentials", client_id="silent_script",
                                client_secret="silent_key_0123456789")
        self.call(201, "POST", "/entity/shots", {"project": self.project}, token=token)
        self.assertEqual(self.since(last), [])

    def test_events_can_come_late(self):
        last = self.last()
        self.site.hold_events()
        self.make("Shot")
        self.assertEqual(self.since(last), [])
        self.site.hold_events(False)
        self.assertEqual(self.since(last)[0]["event_type"], "Shotgun_Shot_New")

    def test_events_cannot_be_changed(self):
        event = self.last()
        self.assertEqual(self.error(400, "DELETE", f"/entity/EventLogEntry/{event}")["code"], 104)
        self.assertEqual(self.error(400, "PUT", f"/entity/EventLogEntry/{event}", {"description": "x"})["code"], 104)


class Summaries(SiteTest):
    @classmethod
    def prepare(cls):
        super().prepare()
        for code, status, cut in (("sh one", "ip", 4), ("sh two", "ip", None), ("other", "fin", 8)):
            cls.make("Shot", code=code, sg_status_list=status, sg_cut_in=cut)

    def summarize(self, status, summaries, grouping=None):
        body = {"filters": [["project", "is", self.project]], "summary_fields": summaries}
        return self.call(status, "POST", "/entity/shots/_summarize", {**body, "grouping": grouping} if grouping
                         else body, ARRAY)

    def test_summaries(self):
        for field, kind, expected in (("id", "record_count", 3), ("sg_cut_in", "count", 2), ("sg_cut_in", "sum", 12),
                                      ("sg_cut_in", "maximum", 8), ("sg_cut_in", "minimum", 4),
                                      ("sg_cut_in", "average", 6.0), ("sg_status_list", "status_list", "ip"),
                                      ("sg_needs_retime", "unchecked", 3)):
            answer = self.summarize(200, [{"field": field, "type": kind}])
            self.assertEqual(answer, {"data": {"summaries": {field: expected}, "groups": []}}, kind)
        answer = self.summarize(200, [{"field": "id", "type": "count"}, {"field": "id", "type": "record_count"}])
        self.assertEqual(answer["data"]["summaries"], {"id": 3})
        error = self.summarize(400, [{"field": "id", "type": "nonsense"}])["errors"][0]
        self.assertIn("type must be one of: record_count, count,", error["source"]["summary_fields"]["0"]["type"][0])

    def test_groups(self):
        groups = self.summarize(200, [{"field": "id", "type": "count"}],
                                [{"field": "sg_status_list", "type": "exact", "direction": "asc"}])["data"]["groups"]
        self.assertEqual([(group["group_name"], group["summaries"]["id"]) for group in groups], [("ip", 2), ("fin", 1)])
        groups = self.summarize(200, [{"field": "id", "type": "count"}],
                                [{"field": "project", "type": "exact"}])["data"]["groups"]
        self.assertEqual(groups[0]["group_value"], {**self.project, "name": "Rules", "valid": "valid"})

    def test_text_search(self):
        answer = self.call(200, "POST", "/entity/_text_search", {"text": "SH o", "entity_types": {"Shot": []}}, ARRAY)
        self.assertEqual(list(answer), ["data"])
        self.assertEqual([row["attributes"] for row in answer["data"]],
                         [{"name": name, "links": ["", ""], "status": "ip"} for name in ("sh one", "sh two")])
        self.assertEqual(self.error(400, "POST", "/entity/_text_search", {"text": "", "entity_types": {}}, ARRAY)
                         ["source"], {"text": ["text must be filled"]})
        self.assertEqual(self.error(400, "POST", "/entity/_text_search", {"text": "x"}, ARRAY)["source"],
                         {"entity_types": ["entity_types is missing"]})


class Permissions(SiteTest):
    options = {"rows": 400}

    @classmethod
    def prepare(cls):
        cls.project = {"type": "Project", "id": 101}

    def test_an_artist_sees_some_projects(self):
        token = self.site.token(grant_type="password", username="user3", password="password3")
        for kind in ("Shot", "Task", "Version"):
            status, answer = self.site.search(kind, [], "project", token=token)
            self.assertEqual(status, 200)
            self.assertEqual({row["relationships"]["project"]["data"]["id"] for row in answer["data"]}, {102})
        status, answer = self.site.search("Project", [], "name", token=token)
        self.assertEqual([row["id"] for row in answer["data"]], [102])
        task = next(row for row in self.site.rows("Task") if row["project"]["id"] == 101)
        self.call(404, "GET", f"/entity/tasks/{task['id']}", token=token)
        self.call(404, "PUT", f"/entity/tasks/{task['id']}", {"content": "x"}, token=token)
        error = self.error(400, "GET", "/entity/api_users", token=token)
        self.assertEqual((error["code"], error["title"]),
                         (104, "Entity of type ApiUser can not be accessed by this user. Rule: Artist"))
        self.assertEqual(len(self.call(200, "GET", "/schema/Shot/fields", token=token)["data"]),
                         len(self.call(200, "GET", "/schema/Shot/fields")["data"]))

    def test_a_new_artist(self):
        rules = next(row for row in self.site.rows("PermissionRuleSet") if row["code"] == "artist")
        self.make("HumanUser", login="nina", password_proxy="secret", firstname="Nina", lastname="Ö",
                  permission_rule_set={"type": rules["type"], "id": rules["id"]},
                  projects=[{"type": "Project", "id": 103}])
        token = self.site.token(grant_type="password", username="nina", password="secret")
        _, answer = self.site.search("Task", [], "project", token=token)
        self.assertEqual({row["relationships"]["project"]["data"]["id"] for row in answer["data"]}, {103})


if __name__ == "__main__":
    unittest.main()
