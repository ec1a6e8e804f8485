"""Which rows a question sees besides its filters: the trash, and rows of archived projects; and questions
that name rows of the trash."""

import time
import unittest

from fptcache import _capi, _results, native
from readtest import FOREVER, IN_PROJECT, ReadTest, ids

PREFER, ONLY_CACHE = 1, 2
SETTLE = 0.1   # the site counts a request after it has answered it


def find(cache, kind, filters, fields, retired=False, archived=True, mode=PREFER):
    error = _capi.ErrorInfo()
    with _results.Output(_capi.Q, native._lib.fptc_query_free) as query, _results.new() as result:
        native._lib.fptc_query_new(kind.encode(), query, error)
        native._lib.fptc_query_set_filters(query, native._json_text(filters), error)
        native._lib.fptc_query_set_fields(query, fields.encode(), error)
        native._lib.fptc_query_set_scope(query, retired, archived, error)
        native._lib.fptc_query_set_freshness(query, mode, int(FOREVER * 1000), 0, error)
        cache._call(native._lib.fptc_cache_find, query, result)
        time.sleep(SETTLE)
        return _results.copy_result(result)


class Retired(ReadTest):

    def test_the_trash_is_never_kept(self):
        cache = self.cache(max_age=FOREVER)
        cache.mirror_add("Shot", 101)
        cache.sync()
        living = ids(self.silently(cache.find, "Shot", [IN_PROJECT], ["code"]))
        self.assertGreater(len(living), 5)
        for number in living[:2]:
            self.site.retire("Shot", number)
        for _ in range(2):
            found, counts = self.visits(find, cache, "Shot", [IN_PROJECT], "code,sg_sequence", retired=True)
            self.assertEqual(ids(found), living[:2])
            self.assertEqual((found.source, counts), ("upstream", {"search": 1}))
            self.assertTrue(all(row["code"] for row in found))
        # What is kept knows nothing of it yet: neither more rows than before nor fewer.
        self.assertEqual(ids(self.silently(cache.find, "Shot", [IN_PROJECT], ["code"])), living)
        cache.sync()
        self.assertEqual(ids(self.silently(cache.find, "Shot", [IN_PROJECT], ["code"])), living[2:])
        find(cache, "Shot", [IN_PROJECT], "code", retired=True)
        self.assertEqual(ids(self.silently(cache.find, "Shot", [IN_PROJECT], ["code"])), living[2:])

    def test_only_cache_says_why(self):
        cache = self.cache()
        cache.mirror_add("Shot", 101)
        cache.sync()
        with self.assertRaisesRegex(native._errors.ShotgunError, "retired rows") as caught:
            find(cache, "Shot", [IN_PROJECT], "code", retired=True, mode=ONLY_CACHE)
        self.assertEqual(caught.exception.status, _capi.STATUS["FPTC_ENODATA"])


class Archived(ReadTest):

    def setUp(self):
        super().setUp()
        self.addCleanup(self.site.touch, "Project", 101, {"archived": False})

    def test_asked_of_fpt_until_projects_are_covered(self):
        cache, shots = self.cache(max_age=FOREVER), sorted(self.truth("Shot"))
        cache.mirror_add("Shot", 101)
        cache.sync()
        found, counts = self.visits(find, cache, "Shot", [IN_PROJECT], "code", archived=False)
        self.assertEqual((ids(found), found.source, counts.get("search")), (shots, "upstream", 1))
        cache.mirror_add("Project")
        cache.sync()
        found = self.silently(find, cache, "Shot", [IN_PROJECT, ["id", "greater_than", 0]], "code", archived=False)
        self.assertEqual((ids(found), found.source), (shots, "cache"))
        self.site.touch("Project", 101, {"archived": True})
        cache.sync()
        self.assertEqual(ids(self.silently(find, cache, "Shot", [IN_PROJECT, ["id", "greater_than", 1]], "code",
                                           archived=False)), [])
        self.assertEqual(ids(self.silently(cache.find, "Shot", [IN_PROJECT], ["code"])), shots)

    def test_an_answer_without_them_is_no_whole_one(self):
        self.site.touch("Project", 101, {"archived": True})
        cache, shots = self.cache(max_age=FOREVER), sorted(self.truth("Shot"))
        self.assertEqual(ids(find(cache, "Shot", [IN_PROJECT], "code", archived=False)), [])
        found, counts = self.visits(cache.find, "Shot", [IN_PROJECT], ["code"])
        self.assertEqual((ids(found), counts.get("search")), (shots, 1))


class DeadLinks(ReadTest):

    def test_only_fpt_knows_what_lists_of_dead_ids_match(self):
        cache = self.cache(max_age=FOREVER)
        for kind in ("Shot", "Asset"):
            cache.mirror_add(kind, 101)
        cache.sync()
        shot = next(row for row in self.truth("Shot").values() if len(row["assets"]) > 1)
        dead, living = ({"type": "Asset", "id": link["id"]} for link in shot["assets"][:2])
        self.site.retire("Asset", dead["id"])
        cache.sync()
        for filters, expected in (([["assets", "in", [dead, living]]], {}), ([["assets", "is", dead]], {}),
                                  ([["assets", "in", [dead]]], {"search": 1}),
                                  ([["assets", "not_in", [dead]]], {"search": 1})):
            self.site.reset_requests()
            found = find(cache, "Shot", [IN_PROJECT, *filters], "code")
            counts = self.site.counts()
            counts.pop("auth", None)
            self.assertEqual((counts, found.source), (expected, "upstream" if expected else "cache"), filters)


if __name__ == "__main__":
    unittest.main()
