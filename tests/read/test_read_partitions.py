"""Questions whose rows live in several partitions: without a project, or over several. Answered without
FPT when every partition is covered, in FPT's order, and only then."""

import fptcache
from readtest import AGES, FOREVER, IN_PROJECT, NO_DATA, PROJECT, ReadTest, harness, ids, in_project

FIELDS = ["code", "sg_status_list", "sg_cut_in", "description", "project"]
WIP = ["sg_status_list", "is", "ip"]
BOTH = ["project", "in", [{"type": "Project", "id": 101}, {"type": "Project", "id": 102}]]


class Partitions(ReadTest):
    site_options = {"rows": 1500, "projects": 3}

    def mirrored(self, *projects, kinds=("Shot",)):
        cache = self.cache()
        cache.mirror_add("Project")
        for project in projects:
            for kind in kinds:
                cache.mirror_add(kind, project)
        cache.sync()
        return cache

    def everywhere(self, **more):
        """A cache that knows every project's shots, and that there are none without a project."""
        cache = self.mirrored(*sorted(self.truth("Project", None)), **more)
        for kind in more.get("kinds", ("Shot",)):
            cache.find(kind, [], ["code"])
        return cache

    def wanted(self, *filters, order=None, limit=0, page=0):
        """The site's own answer, through a cache that has nothing yet."""
        fresh = fptcache.open(f"{self.folder}/fresh", site=self.site.url, script_name=self.site.script_name,
                              script_key=self.site.script_key)
        with fresh:
            found = fresh.find("Shot", list(filters), FIELDS, order, limit, page, mode="refresh")
            self.assertEqual(found.source, "upstream")
            return found.rows

    def test_named_projects(self):
        cache = self.mirrored(101, 102)
        truth = {**self.truth("Shot", 101), **self.truth("Shot", 102)}
        for _ in range(2):
            found = self.silently(cache.find, "Shot", [BOTH], FIELDS)
            self.assertEqual((found.source, ids(found)), ("cache", sorted(truth)))
        found = self.silently(cache.find, "Shot", [BOTH, WIP], FIELDS)
        self.assertEqual(found.rows, self.wanted(BOTH, WIP))
        self.assertEqual(ids(self.silently(cache.find, "Shot", [IN_PROJECT, WIP], FIELDS)),
                         [row["id"] for row in found if row["project"]["id"] == 101])

    def test_any_project(self):
        cache = self.mirrored(*sorted(self.truth("Project", None)))
        found, counts = self.visits(cache.find, "Shot", [WIP], FIELDS)
        self.assertEqual(counts, {"search": 1})         # whether shots without a project exist
        self.assertEqual((found.source, found.rows), ("cache", self.wanted(WIP)))
        for _ in range(2):
            again = self.silently(cache.find, "Shot", [WIP], FIELDS)
            self.assertEqual((again.source, again.rows), ("cache", found.rows))
        found = self.silently(cache.find, "Shot", [], FIELDS)
        self.assertEqual(ids(found), sorted(self.truth("Shot", None)))
        other = self.silently(self.find_elsewhere, "Shot", [["sg_cut_in", "greater_than", 1010]], ",".join(FIELDS))
        self.assertEqual(other["rows"], self.wanted(["sg_cut_in", "greater_than", 1010]))

    def test_order_limit_and_page(self):
        cache = self.everywhere()
        for order in ("code", "-code", "sg_cut_in", "-sg_cut_in", "sg_status_list,-sg_cut_in", "-description,code", "-id"):
            for limit, page in ((0, 0), (7, 0), (7, 1), (7, 3), (5000, 1), (7, 5000)):
                for filters in ([], [BOTH]):
                    with self.subTest(order=order, limit=limit, page=page, filters=filters):
                        found = self.silently(cache.find, "Shot", filters, FIELDS, order, limit, page,
                                              max_age=FOREVER)
                        self.assertEqual(ids(found), ids(self.wanted(*filters, order=order, limit=limit, page=page)))

    def test_one_project_is_not_covered(self):
        cache = self.mirrored(101, 102)
        found, counts = self.visits(cache.find, "Shot", [WIP], FIELDS)
        self.assertEqual((found.source, counts), ("upstream", {"search": 1}))
        self.assertEqual(found.rows, self.wanted(WIP))
        three = ["project", "in", [{"type": "Project", "id": number} for number in (101, 102, 103)]]
        found, counts = self.visits(cache.find, "Shot", [three, WIP], FIELDS)
        self.assertEqual((found.source, counts), ("upstream", {"search": 1}))
        with self.assertRaises(fptcache.ShotgunError):
            cache.find("Shot", [three, ["code", "contains", "1"]], FIELDS, mode="only-cache")
        self.silently(cache.find, "Shot", [BOTH, WIP], FIELDS)

    def test_projects_are_not_covered(self):
        cache = self.cache()
        for project in sorted(self.truth("Project", None)):
            cache.mirror_add("Shot", project)
        cache.sync()
        found, counts = self.visits(cache.find, "Shot", [WIP], FIELDS)
        self.assertEqual((found.source, counts), ("upstream", {"search": 1}))
        self.silently(cache.find, "Shot", [BOTH, WIP], FIELDS)

    def test_a_new_project(self):
        cache = self.everywhere()
        made = self.site.create("Project", {"name": "new", "archived": True})["id"]
        self.addCleanup(self.site.retire, "Project", made)
        self.site.create("Shot", {"code": "in the new one", "project": {"type": "Project", "id": made}})
        self.silently(cache.find, "Shot", [["code", "is", "in the new one"]], FIELDS, max_age=FOREVER)
        self.aged()
        cache.find("Project", [], ["name"], max_age=AGES)
        found, counts = self.visits(cache.find, "Shot", [["code", "is", "in the new one"]], FIELDS)
        self.assertEqual((len(found), found.source, counts), (1, "upstream", {"search": 1}))

    def test_rows_without_a_project(self):
        made = self.site.create("Shot", {"code": "nowhere", "sg_cut_in": 5, "project": PROJECT})["id"]
        self.addCleanup(self.site.retire, "Shot", made)
        self.site.touch("Shot", made, {"project": None})
        cache = self.everywhere()
        found = self.silently(cache.find, "Shot", [["sg_cut_in", "less_than", 1005]], FIELDS, "-code")
        self.assertIn(made, ids(found))
        self.assertEqual(ids(found), ids(self.wanted(["sg_cut_in", "less_than", 1005], order="-code")))
        self.assertNotIn(made, ids(self.silently(cache.find, "Shot", [BOTH], FIELDS)))

    def test_what_changes_is_seen(self):
        cache = self.everywhere()
        number = next(iter(self.truth("Shot", 102)))
        cache.update("Shot", number, {"description": "by ourselves"})
        found = self.silently(cache.find, "Shot", [["description", "is", "by ourselves"]], FIELDS)
        self.assertEqual(ids(found), [number])
        self.site.touch("Shot", number, {"description": "by somebody else"})
        self.aged()
        found = cache.find("Shot", [["description", "is", "by somebody else"]], FIELDS, max_age=AGES)
        self.assertEqual((found.source, ids(found)), ("upstream", [number]))

    def test_moved(self):
        """A row that one partition has taken in and the other has not let go of is not shown twice."""
        cache = self.everywhere()
        number = next(iter(self.truth("Shot", 101)))
        self.site.move("Shot", number, 102)
        self.aged()
        cache.find("Shot", [in_project(102)], ["code"], max_age=AGES)
        found = cache.find("Shot", [BOTH], FIELDS)
        self.assertEqual(ids(found).count(number), 1)
        self.assertEqual(next(row for row in found if row["id"] == number)["project"]["id"], 102)
        cache.find("Shot", [IN_PROJECT], ["code"], max_age=AGES)

    def test_links_of_each_project(self):
        cache = self.everywhere(kinds=("Shot", "Sequence"))
        code = next(row["code"] for row in self.truth("Sequence", 101).values())
        question = ["sg_sequence.Sequence.code", "is", code]
        found = self.silently(cache.find, "Shot", [question], FIELDS + ["sg_sequence.Sequence.code"])
        self.assertEqual(ids(found), ids(self.wanted(question)))
        self.assertTrue(len(found) > 0)
        self.assertEqual({row["sg_sequence.Sequence.code"] for row in found}, {code})
        number, there = ids(found)[0], next(iter(self.truth("Sequence", 102)))
        self.site.touch("Shot", number, {"sg_sequence": {"type": "Sequence", "id": there}})
        self.aged()
        cache.find("Shot", [IN_PROJECT], ["code"], max_age=AGES)
        asked, counts = self.visits(cache.find, "Shot", [question], FIELDS)
        self.assertEqual((asked.source, counts), ("upstream", {"search": 1}))

    def test_rows_of_a_retired_project_are_not_forgotten(self):
        site = self.site
        with harness.Site(**self.site_options) as self.site:
            cache = self.everywhere()
            self.silently(cache.find, "Shot", [], FIELDS)
            cache.delete("Project", 103)
            partly = self.silently(cache.find, "Shot", [], FIELDS, mode="only-cache")
            self.assertFalse(partly.complete)
            found = cache.find("Shot", [], FIELDS)
            self.assertGreater(len(found), len(partly))
            self.assertEqual((found.source, ids(found)), ("upstream", sorted(self.truth("Shot", None))))
        self.site = site

    def test_fpt_is_away(self):
        cache = self.everywhere()
        wanted = self.wanted(WIP)
        self.aged()
        self.site.stop()
        self.addCleanup(self.site.start)
        found = cache.find("Shot", [WIP], FIELDS, max_age=AGES)
        self.assertEqual((found.source, found.rows), ("stale", wanted))
        self.assertGreater(found.age, AGES)
        self.find_elsewhere("Shot", [["project", "in", [{"type": "Project", "id": 999}]]], "code", "--mode",
                            "only-cache", expect=NO_DATA)
