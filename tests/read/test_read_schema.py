"""The schema: one visit for everybody, believed for a while, asked again, as a project shows it, and
answered while FPT is down. And the text search, which is FPT's own each time."""

import concurrent.futures
import unittest
import urllib.parse

import fptcache
from readtest import DONE, FOREVER, IN_PROJECT, NO_DATA, NOTHING, PROJECT, REFUSED, USAGE, ReadTest


class SchemaTest(ReadTest):

    site_options = {"rows": 600}

    def setUp(self):
        super().setUp()
        self.site.control("POST", "/schema", {"project": 101, "hide": []})

    def fails(self, error, work, *arguments, text="", visits=None):
        """It raises that error with that text, after that many requests; none unless told."""
        self.site.reset_requests()
        with self.assertRaisesRegex(error, text):
            work(*arguments)
        counts = self.site.counts()
        counts.pop("auth", None)
        self.assertEqual(counts, visits or {})

    def of_site(self, path="", **query):
        """FPT's own words."""
        status, body = self.site.api("GET", "/schema" + path + ("?" + urllib.parse.urlencode(query) if query else ""))
        self.assertEqual(status, 200)
        return body["data"]


class Answers(SchemaTest):

    def test_types(self):
        first, counts = self.visits(self.cache().schema)
        self.assertEqual(counts, {"schema": 1})
        self.assertEqual(first, self.of_site())
        self.assertIn("Shot", first)
        self.assertEqual(self.silently(self.elsewhere, "schema"), first)

    def test_fields(self):
        first, counts = self.visits(self.cache().schema, "Shot")
        self.assertEqual(counts, {"schema": 1})
        self.assertEqual(first, self.of_site("/Shot/fields"))
        self.assertEqual(first["sg_status_list"]["data_type"], {"value": "status_list", "editable": False})
        self.assertEqual(self.silently(self.elsewhere, "schema", "Shot"), first)

    def test_one_field_comes_with_the_others(self):
        cache = self.cache()
        first, counts = self.visits(cache.schema, "Task", "entity")
        self.assertEqual(counts, {"schema": 1})
        self.assertEqual(first, {"entity": self.of_site("/Task/fields/entity")})
        self.assertIn("step", self.silently(cache.schema, "Task"))
        self.assertEqual(list(self.silently(self.elsewhere, "schema", "Task", "step")), ["step"])

    def test_finds_and_schemas_share(self):
        cache = self.cache()
        cache.find("Shot", [IN_PROJECT], ["code"])
        self.assertIn("code", self.silently(cache.schema, "Shot"))
        cache.schema("Asset")
        _, counts = self.visits(cache.find, "Asset", [IN_PROJECT], ["code"])
        self.assertEqual(counts, {"search": 1})

    def test_as_a_project_shows_it(self):
        self.site.control("POST", "/schema", {"project": 101, "hide": ["Asset", "Shot.sg_cut_in"]})
        cache = self.cache()
        types, counts = self.visits(cache.schema, None, None, 101)
        self.assertEqual(counts, {"schema": 1})
        self.assertEqual(types, self.of_site("", project_id=101))
        self.assertEqual((types["Asset"]["visible"]["value"], types["Shot"]["visible"]["value"]), (False, True))
        self.assertIs(cache.schema()["Asset"]["visible"]["value"], True)
        fields = cache.schema("Shot", project=101)
        self.assertEqual(fields, self.of_site("/Shot/fields", project_id=101))
        self.assertIs(fields["sg_cut_in"]["visible"]["value"], False)
        self.assertIs(cache.schema("Shot", "sg_cut_in")["sg_cut_in"]["visible"]["value"], True)
        self.assertIs(cache.schema("Shot", "sg_cut_in", 102)["sg_cut_in"]["visible"]["value"], True)
        for words, want in ((["schema", "--project", 101], types), (["schema", "Shot", "--project", 101], fields)):
            self.assertEqual(self.silently(self.elsewhere, *words), want)
        # What one project hides hides nothing of finds.
        self.assertIn("sg_cut_in", cache.find("Shot", [IN_PROJECT], ["sg_cut_in"], limit=1)[0])

    def test_many_that_ask_at_once_make_one_visit(self):
        cache = self.cache()
        self.site.latency(200)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers, counts = self.visits(lambda: list(pool.map(lambda _: cache.schema("Version"), range(8))))
        self.assertEqual(counts, {"schema": 1})
        self.assertTrue(all(answer == answers[0] for answer in answers))
        self.site.latency(200)
        processes = []
        self.site.reset_requests()
        for _ in range(4):
            processes.append(self.start("schema", "Playlist"))
        for process in processes:
            self.finish(process)
        self.assertEqual(self.site.counts().get("schema"), 1)


class Ages(SchemaTest):

    def test_believed_longer_than_rows(self):
        self.cache(max_age=0.01).schema("Shot")
        self.aged(0.1)
        self.silently(self.cache(max_age=0.01).schema, "Shot")

    def test_asked_again_when_it_has_to_be_new(self):
        self.cache().schema("Shot")
        for options in ({"max_age": 0}, {"mode": "refresh"}):
            cache = self.cache(**options)
            for _ in range(2):
                _, counts = self.visits(cache.schema, "Shot")
                self.assertEqual(counts, {"schema": 1}, options)

    def test_a_new_field_is_known_to_finds_once_the_schema_was_asked(self):
        cache = self.cache()
        cache.find("Note", [IN_PROJECT], ["subject"])
        self.site.control("POST", "/schema", {"add": {"type": "Note", "name": "sg_added", "data_type": "text"}})
        self.assertNotIn("sg_added", self.silently(cache.schema, "Note"))
        fresh = self.cache(mode="refresh")
        with self.assertRaises(fptcache.Fault):
            fresh.find("Note", [IN_PROJECT, ["sg_added", "is", "x"]])
        self.assertIn("sg_added", fresh.schema("Note"))
        self.assertEqual(len(fresh.find("Note", [IN_PROJECT, ["sg_added", "is", "x"]])), 0)
        # The others are told as soon as they look.
        self.assertIn("sg_added", self.silently(self.elsewhere, "schema", "Note"))

    def test_a_new_field_is_found_by_handles_that_are_open(self):
        """What a plan or a write does not know is looked for in a younger schema, once."""
        finds, writes = self.cache(max_age=0.01), self.cache(max_age=0.01)
        row = finds.find("Task", [IN_PROJECT], ["content"], limit=1)[0]
        writes.update("Task", row["id"], {"content": "before"})
        self.site.control("POST", "/schema", {"add": {"type": "Task", "name": "sg_fresh", "data_type": "text"}})
        writes.update("Task", row["id"], {"sg_fresh": "yes"})
        self.assertEqual([each["id"] for each in finds.find("Task", [IN_PROJECT, ["sg_fresh", "is", "yes"]],
                                                            ["content"])], [row["id"]])
        self.assertEqual(self.cache(max_age=0.01).find("Task", [["id", "is", row["id"]]], ["sg_fresh"])[0]["sg_fresh"],
                         "yes")
        patient = self.cache(max_age=FOREVER)
        visits = self.site.counts()
        for _ in range(3):
            with self.assertRaisesRegex(fptcache.Fault, "doesn't exist"):
                patient.find("Task", [IN_PROJECT, ["sg_nowhere", "is", 1]])
        self.assertEqual(self.site.counts(), visits)  # it has just been looked at

    def test_a_site_that_is_silent_is_not_asked_again_and_again(self):
        """A field that nobody knows, and no schema comes: half of the time of the first who asks is spent on one
        look for it, nothing of the others'. All are answered from what is covered."""
        self.cache().mirror_add("Task", PROJECT["id"])
        self.cache().sync()
        cache = self.cache(max_age=0.01, deadline=8)
        self.site.faults([{"kind": "hang", "ms": 10000, "times": -1, "match": "/schema"}])
        for _ in range(3):
            with self.takes(0, 7):
                found = cache.find("Task", [IN_PROJECT], ["content", "sg_nowhere"], max_age=FOREVER)
            self.assertEqual(found.source, "cache")
            self.assertTrue(any("doesn't exist" in each for each in found.warnings), found.warnings)
        # The site counts a request when it ends: these do not.
        self.assertEqual([each["fired"] for each in self.site.control("GET", "/faults")], [1])

    def test_only_cache_never_asks(self):
        cache = self.cache(mode="only-cache")
        for arguments in ((), ("Shot",), ("Shot", "code"), ("Shot", None, 101)):
            with self.subTest(arguments):
                self.fails(fptcache.NoData, cache.schema, *arguments)
        whole = self.cache().schema("Shot")
        self.assertEqual(self.silently(self.cache(mode="only-cache", max_age=0).schema, "Shot"), whole)
        self.silently(self.elsewhere, "schema", "Asset", "--mode", "only-cache", expect=NO_DATA)

    def test_fpt_is_down(self):
        cache = self.cache(max_age=0)
        fields, types = cache.schema("Shot"), cache.schema()
        self.site.faults([{"kind": "503", "times": -1}])
        self.assertEqual(cache.schema("Shot"), fields)
        self.assertEqual(cache.schema(), types)
        self.assertEqual(self.elsewhere("schema", "Shot", "--max-age", 0), fields)
        self.assertIn("FPT could not be asked", self.errors)
        with self.assertRaisesRegex(fptcache.NoData, "FPT could not be asked"):
            cache.schema("Asset")
        strict = self.cache(max_age=0, stale_max=0.001)
        self.aged(0.1)
        with self.assertRaises(fptcache.NoData):
            strict.schema("Shot")

    def test_another_identity_keeps_nothing(self):
        self.cache().find("Shot", [IN_PROJECT], ["code"])
        other = fptcache.open(self.directory, script_name="silent_script", script_key="silent_key_0123456789",
                              hold="never")
        self.addCleanup(other.close)
        for project in (0, 101):
            _, counts = self.visits(other.schema, "Step", None, project)
            self.assertEqual(counts, {"schema": 1})
        _, counts = self.visits(other.text_search, "sh", {"Shot": []})
        self.assertEqual(counts, {"text_search": 1})
        _, counts = self.visits(self.cache().schema, "Step")
        self.assertEqual(counts, {"schema": 1})


class Mistakes(SchemaTest):

    def test_unknown_type(self):
        cache = self.cache()
        # The type is asked for, then the list of types; after that it is known to be none.
        self.fails(fptcache.Fault, cache.schema, "Shott", visits={"schema": 2},
                   text="^Entity type 'Shott' does not exist. Did you mean \"Shot\"\\?$")
        for wrong, near in (("Shott", "Shot"), ("shots", "Shot"), ("asset", "Asset"), ("Versoin", "Version")):
            text = f"^Entity type '{wrong}' does not exist. Did you mean \"{near}\"\\?$"
            self.fails(fptcache.Fault, cache.schema, wrong, text=text)
            self.fails(fptcache.Fault, cache.schema, wrong, "code", 101, text=text)
            self.fails(fptcache.Fault, cache.find, wrong, [IN_PROJECT], text=text)
        self.fails(fptcache.Fault, cache.schema, "Zebra", text=r"^Entity type 'Zebra' does not exist\.$")
        self.elsewhere("schema", "Shott", expect=USAGE)
        self.assertEqual(self.find_elsewhere("shots", expect=USAGE), None)

    def test_a_type_spelled_as_fpt_would_take_it_in_a_path(self):
        self.fails(fptcache.Fault, self.cache().schema, "shots", visits={"schema": 2}, text="Did you mean \"Shot\"")
        self.assertIn("code", self.cache().schema("Shot"))

    def test_unknown_type_when_the_list_is_not_to_be_had(self):
        self.site.faults([{"kind": "503", "times": -1, "match": "/schema$"}])
        with self.assertRaisesRegex(fptcache.Fault, "Entity type 'Shott' does not exist."):
            self.cache().schema("Shott")

    def test_unknown_field(self):
        cache = self.cache()
        cache.schema("Shot")
        self.fails(fptcache.Fault, cache.schema, "Shot", "cod", text="Shot.cod doesn't exist. Did you mean \"code\"?")
        self.fails(fptcache.Fault, cache.schema, "Shot", "qqqqqqqq", 0, text=r"Shot.qqqqqqqq doesn't exist\.$")

    def test_arguments(self):
        cache = self.cache()
        for arguments in (("",), ("No Type",), ("Shot'",), (None, "code"), ("Shot", ""), ("Shot", None, -1)):
            with self.subTest(arguments):
                self.fails(fptcache.Fault, cache.schema, *arguments)


class Search(SchemaTest):

    def setUp(self):
        super().setUp()
        self.shots = self.truth("Shot")
        self.code = next(row["code"] for row in self.shots.values())

    def named(self, word, kind="Shot"):
        return {row["id"] for row in self.site.rows(kind) if word.lower() in row["code"].lower()
                or word.lower() in ((row.get("sg_sequence") or {}).get("name") or "").lower()}

    def test_fpt_is_asked_each_time(self):
        cache = self.cache(max_age=FOREVER)
        for _ in range(2):
            found, counts = self.visits(cache.text_search, self.code, {"Shot": []})
            self.assertEqual(counts, {"text_search": 1})
            self.assertLessEqual({match["id"] for match in found}, self.named(self.code))
            self.assertEqual(found[0]["name"], self.code)
            self.assertEqual(set(found[0]), {"type", "id", "name", "links", "status"})

    def test_filters(self):
        cache = self.cache()
        mine = {row_id for row_id, row in self.shots.items() if row["sg_status_list"] == "ip"}
        either = {row_id for row_id, row in self.shots.items() if row["sg_status_list"] in ("ip", "fin")}
        word = self.code[:2]
        for filters, want in (([["sg_status_list", "is", "ip"]], mine),
                              ({"filter_operator": "any", "filters": [["sg_status_list", "is", "ip"],
                                                                      ["sg_status_list", "is", "fin"]]}, either),
                              ({"logical_operator": "or", "conditions": [["sg_status_list", "in", ["ip", "fin"]]]}, either)):
            found = set()
            for page in range(1, 100):
                matches = cache.text_search(word, {"Shot": filters, "Department": []}, 20, page)
                found |= {match["id"] for match in matches if match["type"] == "Shot"}
                if len(matches) < 20:
                    break
            of_all = {row["id"] for row in self.site.rows("Shot") if row["sg_status_list"] in
                      (("ip",) if want is mine else ("ip", "fin"))}
            self.assertEqual(found, of_all & self.named(word))
            self.assertTrue(found)

    def test_a_float_stays_one(self):
        self.cache().text_search(self.code, {"Shot": [["sg_aspect_ratio", "is_not", 1.0]]})

    def test_pages(self):
        cache, types = self.cache(), {"Shot": [], "Asset": [], "Task": []}
        whole = [cache.text_search("s", types, 0, page) for page in (1, 2)]
        self.assertEqual([len(page) for page in whole], [25, 25])
        few = [cache.text_search("s", types, 5, page) for page in range(1, 11)]
        self.assertEqual(sum(few, []), sum(whole, []))
        for wrong in (-1, 26):
            self.fails(fptcache.Fault, cache.text_search, "s", types, wrong)
        self.fails(fptcache.Fault, cache.text_search, "s", types, 0, -1)

    def test_wrong_questions(self):
        cache = self.cache()
        cache.schema("Shot")
        for text, types in (("", {"Shot": []}), ("  ", {"Shot": []}), ("sh", {}), ("sh", []), ("sh", {"Sh ot": []}),
                            ("sh", {"Shot": 5}), ("sh", {"Shot": ["code", "is", "x"]})):
            with self.subTest((text, types)):
                self.fails(fptcache.Fault, cache.text_search, text, types)
        self.fails(fptcache.Fault, cache.text_search, "sh", {"Shot": [["cod", "is", "x"]]}, text="Did you mean \"code\"")
        with self.assertRaisesRegex(fptcache.Fault, "Entity type 'Shott' does not exist."):
            cache.text_search("sh", {"Shott": []})

    def test_nobody_to_ask(self):
        cache = self.cache(mode="only-cache")
        self.fails(fptcache.NoData, cache.text_search, "sh", {"Shot": []})
        self.site.faults([{"kind": "503", "times": -1, "match": "_text_search"}])
        with self.assertRaises(fptcache.ProtocolError):
            self.cache().text_search("sh", {"Shot": []})
        self.elsewhere("search", "sh", "--types", "Shott", expect=NO_DATA)
        self.site.clear_faults()
        self.elsewhere("search", "sh", "--types", "Shott", expect=REFUSED)
        self.assertEqual(self.elsewhere("search", "zzzzqqqq", expect=NOTHING)["matches"], [])
        self.assertEqual(self.elsewhere("search", self.code, "--types", "Shot", expect=DONE)["source"], "upstream")

    def test_a_read_is_repeated(self):
        self.site.faults([{"kind": "502", "match": "_text_search"}])
        self.assertTrue(self.cache().text_search(self.code, {"Shot": []}))


if __name__ == "__main__":
    unittest.main()
