"""schema_read, schema_entity_read, schema_field_read and text_search as the official client has them."""

import datetime
import unittest.mock

import fptcache
from support import PROJECT, WithSite


class Schema(WithSite):

    def of_site(self, path="", query=""):
        status, body = self.site.api("GET", "/schema" + path + query)
        self.assertEqual(status, 200)
        return body["data"]

    def setUp(self):
        super().setUp()
        self.site.control("POST", "/schema", {"project": 101, "hide": ["Asset", "Shot.sg_cut_in"]})

    def test_types(self):
        sg = self.shotgun()
        types = sg.schema_entity_read()
        self.assertEqual(types, self.of_site())
        self.assertEqual(set(types["Shot"]), {"name", "visible"})
        self.assertEqual(set(types["Shot"]["name"]), {"value", "editable"})
        for project in (PROJECT, {"type": "Project", "id": 101, "name": "whatever"}):
            self.assertIs(sg.schema_entity_read(project)["Asset"]["visible"]["value"], False)
        self.assertIs(sg.schema_entity_read({"type": "Project", "id": 102})["Asset"]["visible"]["value"], True)

    def test_fields(self):
        sg = self.shotgun()
        fields = sg.schema_field_read("Shot")
        self.assertEqual(fields, self.of_site("/Shot/fields"))
        self.assertEqual(fields["assets"]["properties"]["valid_types"]["value"], ["Asset"])
        one = sg.schema_field_read("Shot", "sg_cut_in")
        self.assertEqual(one, {"sg_cut_in": fields["sg_cut_in"]})
        self.assertIs(one["sg_cut_in"]["visible"]["value"], True)
        hidden = sg.schema_field_read("Shot", "sg_cut_in", PROJECT)
        self.assertIs(hidden["sg_cut_in"]["visible"]["value"], False)
        self.assertEqual(sg.schema_field_read("Shot", field_name=None, project_entity=None), fields)

    def test_everything(self):
        sg = self.shotgun()
        whole, counts = self.visits(sg.schema_read)
        self.assertEqual(list(whole), list(self.of_site()))
        self.assertEqual(counts, {"schema": 1 + len(whole)})
        for name in ("Shot", "Task", "HumanUser"):
            self.assertEqual(whole[name], self.of_site(f"/{name}/fields"))
        again, counts = self.visits(sg.schema_read)
        self.assertEqual((again, counts), (whole, {}))
        program = "print(json.dumps(sg.schema_read()))"
        elsewhere, counts = self.visits(lambda: self.elsewhere(program))
        self.assertEqual((elsewhere, counts), (whole, {}))
        self.assertIs(sg.schema_read(PROJECT)["Shot"]["sg_cut_in"]["visible"]["value"], False)

    def test_date_times_become_datetimes_as_everywhere(self):
        sg = self.shotgun()
        fields = {"sg_when": {"properties": {"default_value": {"value": "2026-03-04T05:06:07Z", "editable": True}}}}
        with unittest.mock.patch.object(sg.cache, "schema", return_value=fields):
            value = sg.schema_field_read("Shot")["sg_when"]["properties"]["default_value"]["value"]
        self.assertEqual(value, datetime.datetime(2026, 3, 4, 5, 6, 7, tzinfo=datetime.timezone.utc))

    def test_mistakes(self):
        sg = self.shotgun()
        with self.assertRaisesRegex(fptcache.Fault, "Entity type 'Shott' does not exist.*Shot"):
            sg.schema_field_read("Shott")
        with self.assertRaisesRegex(fptcache.Fault, "Shot.cod doesn't exist.*code"):
            sg.schema_field_read("Shot", "cod")
        for wrong in ({"type": "Shot", "id": 1}, 101, "101"):
            with self.subTest(wrong), self.assertRaises(ValueError):
                sg.schema_read(wrong)
        with self.assertRaises(fptcache.NoData):
            self.shotgun(mode="only-cache").schema_field_read("Playlist")


class TextSearch(WithSite):

    def setUp(self):
        super().setUp()
        self.shots = {row["id"]: row for row in self.site.rows("Shot")}
        self.code = self.of_project("Shot")[min(self.of_project("Shot"))]["code"]

    def test_a_match(self):
        found = self.shotgun().text_search(self.code, {"Shot": []})
        self.assertEqual(set(found), {"matches", "terms"})
        self.assertEqual(found["terms"], self.code.split())
        self.assertTrue(found["matches"])
        for match in found["matches"]:
            shot = self.shots[match["id"]]
            self.assertEqual(match, {"type": "Shot", "id": shot["id"], "name": shot["code"], "image": None,
                                     "project_id": shot["project"]["id"], "status": shot["sg_status_list"],
                                     "links": ["Sequence", shot["sg_sequence"]["name"]] if shot["sg_sequence"]
                                     else ["", ""]})

    def test_projects(self):
        sg = self.shotgun()
        word = "s" + self.code[1:3]
        for projects in ([101], [102], (101, 102)):
            found = sg.text_search(word, {"Shot": [], "Asset": [], "Project": []}, projects, 200)["matches"]
            self.assertLessEqual({match["project_id"] for match in found if match["type"] != "Project"}, set(projects))
        self.assertGreater(len(found), 25)
        everywhere = sg.text_search(word, {"Shot": [], "Asset": []}, limit=1000)["matches"]
        self.assertLess({101, 102}, {match["project_id"] for match in everywhere} | {0})
        # A type without projects.
        user = self.site.rows("HumanUser")[0]
        found = sg.text_search(user["name"], {"HumanUser": []})["matches"]
        self.assertIn((user["id"], None), [(match["id"], match["project_id"]) for match in found])

    def test_limit(self):
        sg = self.shotgun()
        types = {"Task": [], "Shot": [], "Asset": [], "Version": []}
        whole = sg.text_search("001", types, limit=1000)["matches"]
        named = {(name, row["id"]) for name, field in (("Task", "content"), ("Shot", "code"), ("Asset", "code"))
                 for row in self.site.rows(name) if "001" in row[field]}
        self.assertLessEqual(named, {(match["type"], match["id"]) for match in whole})
        self.assertGreater(len(whole), 50)
        for limit in (1, 24, 25, 26, 49, 50, 1000):
            found, counts = self.visits(lambda: sg.text_search("001", types, limit=limit)["matches"])
            self.assertEqual(found, whole[:limit])
            wanted = len(whole) // 25 + 1 if limit == 1000 else -(-limit // 25)
            self.assertEqual(counts["text_search"], wanted, (limit, counts))
        self.assertEqual(sg.text_search("001", types)["matches"], whole[:25])

    def test_filters(self):
        sg = self.shotgun()
        after = datetime.datetime(2001, 1, 1, tzinfo=datetime.timezone.utc)
        found = sg.text_search(self.code, {"Shot": [["created_at", "greater_than", after],
                                                    ["sg_status_list", "in", "ip", "fin", "wtg"]]})["matches"]
        self.assertLessEqual({match["status"] for match in found}, {"ip", "fin", "wtg"})
        self.assertEqual(sg.text_search(self.code, {"Shot": [["created_at", "less_than", after]]})["matches"], [])

    def test_mistakes(self):
        sg = self.shotgun()
        for text in ("", "sh", " sh "):
            with self.subTest(text), self.assertRaisesRegex(fptcache.Fault, "3 characters"):
                sg.text_search(text, {"Shot": []})
        for types in ([], {"Shot": {}}, {"Shot": None}, "Shot"):
            with self.subTest(types), self.assertRaises(ValueError):
                sg.text_search("ship", types)
        with self.assertRaises(fptcache.Fault):
            sg.text_search("ship", {"Shott": []})


if __name__ == "__main__":
    unittest.main()
