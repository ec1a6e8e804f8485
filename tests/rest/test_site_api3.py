"""The older JSON-RPC API of the test site, by its wire shapes: what the official client sends and expects."""

import json
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("FPTC_SOURCE_DIR") or os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "site"))
from sitetest import SiteTest  # noqa: E402

SCRIPT = {"script_name": "test_script", "script_key": "test_key_0123456789"}


def condition(path, relation, *values):
    return {"path": path, "relation": relation, "values": list(values)}


class Api3Test(SiteTest):
    def rpc(self, method, params=None, credential=SCRIPT):
        """(status, whole reply) of one call."""
        body = {"method_name": method, "params": [each for each in (credential, params) if each is not None]}
        status, _, content = self.site.call("POST", "/api3/json", json.dumps(body).encode(),
                                            {"Content-Type": "application/json; charset=utf-8"})
        return status, json.loads(content) if content.startswith(b"{") else content

    def results(self, method, params=None, credential=SCRIPT):
        status, reply = self.rpc(method, params, credential)
        self.assertEqual((status, list(reply)), (200, ["results"]), reply)
        return reply["results"]

    def fault(self, method, params=None, credential=SCRIPT):
        """(error_code, message) of a call that fails, which it does with status 200."""
        status, reply = self.rpc(method, params, credential)
        self.assertEqual((status, sorted(reply)), (200, ["error_code", "exception", "message"]), reply)
        self.assertIs(reply["exception"], True)
        return reply["error_code"], reply["message"]

    def read_all(self, kind, *conditions, fields=("id",), **more):
        params = {"type": kind, "return_fields": list(fields), "return_only": "active",
                  "filters": {"logical_operator": "and", "conditions": list(conditions)},
                  "paging": {"entities_per_page": 500, "current_page": 1}, **more}
        return self.results("read", params)

    def entities(self, kind, *conditions, **more):
        return self.read_all(kind, *conditions, **more)["entities"]

    @staticmethod
    def fields(**values):
        return [{"field_name": name, "value": value} for name, value in values.items()]


class Envelope(Api3Test):
    def test_info_needs_no_credential(self):
        info = self.results("info", credential=None)
        self.assertEqual(info["version"], [8, 26, 0])
        for name in ("full_version", "user_authentication_method", "s3_direct_uploads_enabled",
                     "s3_enabled_upload_types"):
            self.assertIn(name, info)

    def test_credentials(self):
        token = self.results("get_session_token")["session_id"]
        for credential in (SCRIPT, {"user_login": "user1", "user_password": "password1"},
                           {"session_token": token, "reject_if_expired": True},
                           {**SCRIPT, "sudo_as_login": "user1"}):
            with self.subTest(credential=credential):
                self.assertIn("hours_per_day", self.results("preferences_read", {"prefs": []}, credential))

    def test_refused_credentials(self):
        user = {"user_login": "user1", "user_password": "password1"}
        for credential, message in (
                ({"script_name": "nobody", "script_key": "x"}, "Can't authenticate script 'nobody'"),
                ({**SCRIPT, "script_key": "x"}, "Can't authenticate script 'test_script'"),
                ({**user, "user_password": "x"}, "Can't authenticate user 'user1'."),
                ({"session_token": "not known"}, "Can't authenticate session token ending with 'nown'"),
                ({**SCRIPT, "sudo_as_login": "user6"}, "Cannot 'sudo' - inactive user account: 'user6'"),
                ({**user, "sudo_as_login": "user2"}, "The user does not have permission to 'sudo': 'user1'"),
                (None, "Missing or invalid authentication arguments")):
            with self.subTest(credential=credential):
                self.assertEqual(self.fault("preferences_read", None, credential), (102, message))

    def test_a_session_token_ends_with_the_others(self):
        token = self.results("get_session_token")["session_id"]
        self.site.expire_tokens()
        type(self).site._token = None
        self.assertEqual(self.fault("preferences_read", None, {"session_token": token})[0], 102)

    def test_what_is_no_call(self):
        self.assertEqual(self.fault("no_such_method")[1], "API no_such_method() is not a method of this site.")
        self.assertIn("invalid/missing string entity 'type'", self.fault("read", {"type": "Nonsense"})[1])
        self.assertIn("invalid parameters", self.fault("read", [1])[1])
        self.assertIn("invalid parameters", self.fault("batch", {"request_type": "create"})[1])
        for body in (b"", b"[]", b'"read"', b"{", b"null"):
            status, _, content = self.site.call("POST", "/api3/json", body)
            self.assertEqual((status, json.loads(content)["message"]), (200, "Invalid JSON body"), body)

    def test_calls_are_counted_as_those_of_the_rest_api(self):
        self.site.reset_requests()
        self.results("info", credential=None)
        self.entities("Project")
        self.results("schema_entity_read")
        self.results("summarize", {"type": "Project", "summaries": [{"field": "id", "type": "count"}],
                                   "filters": {"logical_operator": "and", "conditions": []}})
        self.results("query_display_name_cache", {"text": "xyz", "entity_types": {}})
        self.assertEqual(self.site.counts(), {"info": 1, "search": 1, "schema": 1, "summarize": 1, "text_search": 1})
        log = self.site.requests()["log"]
        self.assertEqual([entry["path"] for entry in log][:2], ["/api3/json info", "/api3/json read"])
        self.assertEqual(log[1]["rows"], 1)

    def test_faults_strike_here_too(self):
        self.site.faults([{"kind": "502", "match": "POST /api3/json read"}, {"kind": "503", "match": "/api3/json cre"}])
        self.assertEqual(self.rpc("info", credential=None)[0], 200)
        self.assertEqual(self.rpc("read", {"type": "Project"})[0], 502)
        self.assertEqual(self.rpc("create", {"type": "Project"})[0], 503)
        self.site.faults([{"kind": "reset", "match": "/api3/json"}])
        with self.assertRaises(OSError):
            self.rpc("info", credential=None)
        self.site.faults([{"kind": "504-after-commit", "match": "/api3/json create"}])
        before = len(self.entities("Tag"))
        self.assertEqual(self.rpc("create", {"type": "Tag", "fields": self.fields(name="twice")})[0], 504)
        self.assertEqual(len(self.entities("Tag")), before + 1)


class Reading(Api3Test):
    @classmethod
    def prepare(cls):
        super().prepare()
        cls.sequence = cls.make("Sequence", code="sq", description="the first")
        cls.shots = [cls.make("Shot", code=code, sg_cut_in=cut_in, sg_aspect_ratio=ratio, sg_sequence=sequence)
                     for code, cut_in, ratio, sequence in (("a", 3, 1.5, cls.sequence), ("b", None, None, None),
                                                           ("c", 1, 2.0, None))]
        cls.inside = condition("project", "is", cls.project)

    def codes(self, *conditions, **more):
        found = self.entities("Shot", self.inside, *conditions, fields=["code"], **more)
        return "".join(row["code"] for row in found)

    def test_a_row_is_one_flat_hash(self):
        row = self.entities("Shot", condition("id", "is", self.shots[0]["id"]), fields=[
            "code", "sg_cut_in", "sg_aspect_ratio", "sg_sequence", "assets", "sg_needs_retime", "description",
            "sg_sequence.Sequence.description", "no_such_field", "assets.Asset.code", "project"])[0]
        self.assertEqual(row, {
            "type": "Shot", "id": self.shots[0]["id"], "code": "a", "sg_cut_in": 3, "sg_aspect_ratio": 1.5,
            "sg_sequence": {**self.sequence, "name": "sq"}, "assets": [], "sg_needs_retime": False,
            "description": None, "sg_sequence.Sequence.description": "the first",
            "project": {**self.project, "name": "Rules"}})

    def test_conditions_and_groups(self):
        either = {"logical_operator": "or", "conditions": [condition("code", "is", "A"), condition("sg_cut_in", "is", 1)]}
        for wanted, expected in ((condition("code", "in", "a", "b"), "ab"), (either, "ac"),
                                 (condition("sg_cut_in", "between", 3, 1), "ac"),
                                 (condition("sg_cut_in", "is_not", None), "ac"),
                                 (condition("sg_cut_in", "not_in", 3), "bc"),
                                 (condition("sg_sequence", "in", self.sequence, None), "abc"),
                                 (condition("sg_sequence.Sequence.code", "contains", "q"), "a"),
                                 (condition("created_at", "in_last", 1, "DAY"), "abc"),
                                 (condition("created_at", "in_calendar_year", 5), "")):
            with self.subTest(wanted=wanted):
                self.assertEqual(self.codes(wanted), expected)

    def test_faults_of_filters(self):
        def message(*conditions):
            return self.fault("read", {"type": "Shot", "filters": {"logical_operator": "and",
                                                                   "conditions": list(conditions)}})
        self.assertEqual(message(condition("nonsense", "is", 1)), (103, "API read() Shot.nonsense doesn't exist."))
        self.assertIn("doesn't support 'between' 'relation'", message(condition("code", "between", 1, 2))[1])
        self.assertIn("invalid condition", message(["code", "is", "a"])[1])
        self.assertIn("expected [String, NilClass]", message(condition("code", "is", 5))[1])

    def test_order(self):
        for sorts, expected in (([{"field_name": "sg_cut_in", "direction": "asc"}], "cab"),
                                ([{"field_name": "code", "direction": "desc"}], "cba"),
                                ([{"field_name": "no such", "direction": "desc"}], "abc")):
            self.assertEqual(self.codes(sorts=sorts), expected)

    def test_paging(self):
        def page(size, number, **flags):
            return self.read_all("Shot", self.inside, paging={"entities_per_page": size, "current_page": number},
                                 **flags)
        first = page(2, 1, return_paging_info_without_counts=True)
        self.assertEqual((len(first["entities"]), first["paging_info"]["has_next_page"]), (2, True))
        second = page(2, 2, return_paging_info_without_counts=True)
        self.assertEqual((len(second["entities"]), second["paging_info"]["has_next_page"]), (1, False))
        self.assertFalse(page(3, 1, return_paging_info_without_counts=True)["paging_info"]["has_next_page"])
        self.assertEqual(page(2, 1, return_paging_info=True)["paging_info"]["entity_count"], 3)
        self.assertNotIn("paging_info", page(2, 1, return_paging_info_without_counts=False))
        self.assertIn("invalid 'paging'", self.fault("read", {
            "type": "Shot", "filters": {"logical_operator": "and", "conditions": []},
            "paging": {"entities_per_page": 0, "current_page": 1}})[1])

    def test_retired_and_archived(self):
        gone = self.make("Shot", code="gone")
        self.assertIs(self.results("delete", gone), True)
        self.assertEqual(self.codes(return_only="retired"), "gone")
        self.assertEqual(self.codes(), "abc")
        self.site.control("POST", "/set", {**self.project, "fields": {"archived": True}})
        try:
            self.assertEqual((self.codes(), self.codes(include_archived_projects=False)), ("abc", ""))
        finally:
            self.site.control("POST", "/set", {**self.project, "fields": {"archived": False}})

    def test_the_latest_of_each_link(self):
        for code, entity, created in (("v1", 0, "01"), ("v2", 0, "03"), ("v3", 0, "02"), ("v4", 2, "01")):
            self.make("Version", code=code, entity=self.shots[entity], created_at=f"2026-01-{created}T00:00:00Z")

        def latest(*presets):
            return {"type": "Version", "return_fields": ["code"], "additional_filter_presets": list(presets),
                    "filters": {"logical_operator": "and", "conditions": []}}
        good = {"preset_name": "LATEST", "latest_by": "ENTITIES_CREATED_AT"}
        found = self.results("read", latest(good))["entities"]
        self.assertEqual([row["code"] for row in found], ["v2", "v4"])
        for bad in ((good, good), ({},), (3,), ({"preset_name": "LATEST", "latest_by": "NONSENSE"},)):
            self.assertEqual(self.fault("read", latest(*bad))[0], 103, bad)

    def test_summaries(self):
        found = self.results("summarize", {
            "type": "Shot", "filters": {"logical_operator": "and", "conditions": [self.inside]},
            "summaries": [{"field": "id", "type": "count"}, {"field": "sg_cut_in", "type": "sum"}],
            "grouping": [{"field": "sg_sequence", "type": "exact", "direction": "asc"}]})
        self.assertEqual(found, {"summaries": {"id": 3, "sg_cut_in": 4}, "groups": [
            {"group_name": "sq", "group_value": {**self.sequence, "name": "sq", "valid": "valid"},
             "summaries": {"id": 1, "sg_cut_in": 3}},
            {"group_name": "", "group_value": None, "summaries": {"id": 2, "sg_cut_in": 1}}]})

    def test_text_search(self):
        for code in ("Findable thing", "findable"):
            self.make("Asset", code=code)
        asked = {"text": "FIND able", "project_ids": [], "max_results": 10,
                 "entity_types": {"Asset": {"logical_operator": "and", "conditions": []}}}
        found = self.results("query_display_name_cache", asked)
        self.assertEqual(found["terms"], ["find", "able"])
        self.assertEqual([match["name"] for match in found["matches"]], ["findable", "Findable thing"])
        self.assertEqual(sorted(found["matches"][0]), ["id", "image", "links", "name", "project_id", "status", "type"])
        self.assertEqual(found["matches"][0]["project_id"], self.project["id"])
        self.assertEqual(len(self.results("query_display_name_cache", {**asked, "max_results": 1})["matches"]), 1)
        self.assertEqual(self.results("query_display_name_cache", {**asked, "project_ids": [1]})["matches"], [])
        asked["entity_types"]["Asset"]["conditions"] = [condition("code", "ends_with", "thing")]
        self.assertEqual(len(self.results("query_display_name_cache", asked)["matches"]), 1)

    def test_an_artist_sees_their_projects_only(self):
        user = {"user_login": "user4", "user_password": "password4"}
        found = self.results("read", {"type": "Shot", "filters": {"logical_operator": "and", "conditions": []}}, user)
        self.assertEqual(found["entities"], [])


class Writing(Api3Test):
    def test_create_update_delete_revive(self):
        made = self.results("create", {"type": "Shot", "fields": self.fields(code=" one ", project=self.project),
                                       "return_fields": ["id", "sg_status_list", "created_by"]})
        self.assertEqual((made["type"], made["code"], made["sg_status_list"], made["created_by"]["type"]),
                         ("Shot", "one", "wtg", "ApiUser"))
        self.assertEqual(made["project"], {**self.project, "name": "Rules"})
        key = {"type": "Shot", "id": made["id"]}
        self.assertEqual(self.results("update", {**key, "fields": self.fields(code="two", sg_cut_in=4)}),
                         {**key, "code": "two", "sg_cut_in": 4})
        self.assertEqual([self.results(verb, key) for verb in ("delete", "delete", "revive", "revive")],
                         [True, False, True, False])
        for verb in ("delete", "revive"):
            self.assertEqual(self.fault(verb, {"type": "Shot", "id": 99999}),
                             (104, "Entity of type [Shot] with id=99999 does not exist."))
        self.assertEqual(self.fault("create", {"type": "Shot", "fields": self.fields(code="x")})[0], 103)
        self.assertEqual(self.fault("update", {**key, "fields": self.fields(nonsense=1)})[1],
                         "API update() Shot.nonsense doesn't exist.")

    def test_update_modes_of_multi_links(self):
        hero, car = (self.make("Asset", code=code) for code in ("hero", "car"))
        shot = self.make("Shot", code="s", assets=[hero])
        for mode, links, expected in (("add", [car], ["car", "hero"]), ("remove", [hero], ["car"]),
                                      ("set", [hero], ["hero"])):
            fields = [{"field_name": "assets", "value": links, "multi_entity_update_mode": mode}]
            found = self.results("update", {**shot, "fields": fields})["assets"]
            self.assertEqual([link["name"] for link in found], expected)

    def test_a_batch_is_whole_or_nothing(self):
        shot = self.make("Shot", code="batched")
        create = {"request_type": "create", "type": "Shot", "return_fields": ["id"],
                  "fields": self.fields(code="by batch", project=self.project)}
        update = {"request_type": "update", **shot, "fields": self.fields(code="renamed")}
        made, updated = self.results("batch", [create, update])
        self.assertEqual((made["code"], updated), ("by batch", {**shot, "code": "renamed"}))
        self.assertEqual(self.results("batch", [{"request_type": "delete", "type": "Shot", "id": made["id"]}]), [True])
        self.assertEqual(self.results("batch", []), [])
        self.fault("batch", [{**update, "fields": self.fields(code="lost")},
                             {"request_type": "delete", "type": "Shot", "id": 99999}])
        self.assertEqual(self.read(shot, "code")["code"], "renamed")
        self.assertIn("'request_type'", self.fault("batch", [{"request_type": "revive", **shot}])[1])

    def test_acting_as_somebody(self):
        made = self.results("create", {"type": "Shot", "fields": self.fields(project=self.project),
                                       "return_fields": ["created_by"]}, {**SCRIPT, "sudo_as_login": "user1"})
        self.assertEqual(made["created_by"]["type"], "HumanUser")

    def test_followers(self):
        user, shot = {"type": "HumanUser", "id": 21}, self.make("Shot", code="followed")
        pair = {"user": user, "entity": shot}
        self.assertIs(self.results("follow", pair)["followed"], True)
        self.assertEqual([each["id"] for each in self.results("followers", {"entity": shot})], [21])
        for more, expected in (({}, 1), ({"entity_type": "Shot"}, 1), ({"entity_type": "Task"}, 0),
                               ({"project": self.project}, 1), ({"project": {"type": "Project", "id": 1}}, 0)):
            self.assertEqual(len(self.results("following", {"user": user, **more})), expected, more)
        self.assertIs(self.results("unfollow", pair)["unfollowed"], True)
        self.assertEqual(self.results("followers", {"entity": shot}), [])


class Schema(Api3Test):
    def test_reading_it(self):
        self.assertEqual(self.results("schema_entity_read")["Shot"]["name"], {"value": "Shot", "editable": False})
        self.assertEqual(self.results("schema_read")["Shot"]["code"]["data_type"], {"value": "text", "editable": False})
        fields = self.results("schema_field_read", {"type": "Shot"})
        self.assertEqual(self.results("schema_field_read", {"type": "Shot", "field_name": "code"}),
                         {"code": fields["code"]})
        self.assertIn("doesn't exist", self.fault("schema_field_read", {"type": "Shot", "field_name": "x"})[1])

    def test_a_field_comes_and_goes(self):
        asked = {"type": "Asset", "data_type": "number",
                 "properties": [{"property_name": "name", "value": "Monkey Count"},
                                {"property_name": "description", "value": "how many"}]}
        name = self.results("schema_field_create", asked)
        self.assertEqual((name, self.results("schema_field_create", asked)), ("sg_monkey_count", "sg_monkey_count_1"))
        asset = self.make("Asset", code="zoo", sg_monkey_count=3)
        row = {"type": "Asset", "id": asset["id"]}
        by_count = condition(name, "greater_than", 2)
        self.assertEqual(self.entities("Asset", by_count, fields=[name]), [{**row, name: 3}])
        field = {"type": "Asset", "field_name": name}
        self.assertIs(self.results("schema_field_update", {**field, "properties": [
            {"property_name": "name", "value": "Monkeys"}]}), True)
        described = self.results("schema_field_read", field)[name]
        self.assertEqual((described["name"]["value"], described["description"]["value"]), ("Monkeys", "how many"))
        self.assertIs(self.results("schema_field_delete", field), True)
        self.assertEqual(self.entities("Asset", fields=[name])[-1], row)
        self.assertEqual(self.results("schema_field_create", asked), "sg_monkey_count_2")
        self.assertIn("cannot be deleted", self.fault("schema_field_delete", {"type": "Asset", "field_name": "code"})[1])
        self.assertIn("'data_type'", self.fault("schema_field_create", {**asked, "data_type": "nonsense"})[1])

    def test_visible_in_one_project_only(self):
        field = {"type": "Asset", "field_name": "sg_keep"}
        hide = {**field, "properties": [{"property_name": "visible", "value": False}]}
        self.assertIn("needs a project", self.fault("schema_field_update", hide)[1])
        self.results("schema_field_update", {**hide, "project": self.project})
        for more, shown in (({}, True), ({"project": {"type": "Project", "id": 1}}, True),
                            ({"project": self.project}, False)):
            found = self.results("schema_field_read", {**field, **more})["sg_keep"]["visible"]
            self.assertEqual(found, {"value": shown, "editable": True}, more)


if __name__ == "__main__":
    unittest.main()
