"""Summaries: the same question answered from the cache and by the site's own _summarize, without one
difference; where each comes from, how fresh it is, and what passes through because nobody knows FPT's answer."""

import json
import random
import time
import unittest

import fptcache
import test_agreement
from questions import Questions
from readtest import AGES, FOREVER, IN_PROJECT, LONG, PROJECT, ReadTest

COUNT = [{"field": "id", "type": "count"}]
BY_STATUS = [{"field": "sg_status_list", "type": "exact", "direction": "asc"}]
# What the cache answers itself: summary types and groupings by data type.
LOCAL = {"number": ("record_count", "count", "sum", "maximum", "minimum", "average"),
         "duration": ("record_count", "count", "sum", "maximum", "minimum"),
         "timecode": ("count", "sum", "maximum", "minimum"), "percent": ("count", "record_count"),
         "text": ("count", "record_count"), "status_list": ("count",), "list": ("count",), "entity": ("count",),
         "date": ("count", "earliest", "latest"), "date_time": ("count",), "float": ("count",),
         "checkbox": ("checked", "unchecked", "record_count")}
GROUPED = ("text", "status_list", "list", "checkbox", "entity")
# Some that it leaves to FPT.
FOREIGN = {"number": ("percentage",), "status_list": ("status_list",), "date_time": ("latest",),
           "float": ("sum",), "percent": ("average",)}


def site_summary(site, kind, filters, summaries, grouping):
    """What the site answers, without the project's code anywhere near it."""
    body = {"filters": filters, "summary_fields": summaries, "grouping": grouping}
    kind_of = "hash" if isinstance(filters, dict) else "array"
    return site.api("POST", f"/entity/{kind}/_summarize", body, f"application/vnd+shotgun.api3_{kind_of}+json")


class SummaryQuestions(Questions):
    """Random summaries beside the random filters; every fifth has something that only FPT answers."""

    def summary(self, kind):
        known = FOREIGN if self.random.random() < 0.2 else LOCAL
        entries = []
        for _ in range(self.random.choice((1, 1, 2, 3))):
            path, data_type = self.field(kind, known)
            entries.append({"field": path, "type": self.random.choice(known[data_type])})
        return entries

    def grouping(self, kind):
        entries = []
        for _ in range(self.random.choice((0, 1, 1, 2, 3))):
            path, _ = self.field(kind, GROUPED)
            direction = self.random.choice(("asc", "asc", "desc"))
            entries.append({"field": path, "type": "exact", "direction": direction})
        return entries

    def field(self, kind, data_types):
        """(path, data type), one in six behind a link."""
        hops = [(name, target) for name, (data_type, valid) in sorted(self.fields[kind].items())
                if data_type == "entity" for target in valid if target in self.targets]
        prefix = ""
        if hops and self.random.random() < 1 / 6:
            link, kind = self.random.choice(hops)
            prefix = f"{link}.{kind}."
        by_type = {}
        for name, (data_type, _) in sorted(self.fields[kind].items()):
            if data_type in data_types and not name.startswith("image"):
                by_type.setdefault(data_type, []).append(name)
        data_type = self.random.choice(sorted(by_type))
        return prefix + self.random.choice(by_type[data_type]), data_type


class Agreement(test_agreement.Agreement):
    """Uses that test's site and mirrors, not its questions."""

    test_from_commits = test_from_snapshots_and_overlay = None

    def run_summaries(self, cache, seed, number):
        questions = SummaryQuestions(seed, self.fields, self.rows, test_agreement.TARGETS)
        n_local, n_groups, why_not, differences = 0, 0, {}, []
        for _ in range(number):
            kind = questions.random.choice(test_agreement.KINDS)
            filters = questions.question(kind, PROJECT["id"])[0] if questions.random.random() < 0.6 else [IN_PROJECT]
            asked = (kind, filters, questions.summary(kind), questions.grouping(kind))
            status, wanted = site_summary(self.site, *asked)
            self.assertEqual(status, 200, (asked, wanted))
            try:
                found = cache.summarize(*asked, mode="only-cache")
                n_local += 1
                n_groups += len(found["groups"])
            except fptcache.NoData as error:
                reason = str(error).split("(only-cache)")[-1].lstrip(": ").split(":")[0]
                why_not[reason] = why_not.get(reason, 0) + 1
                found = cache.summarize(*asked)
                self.assertEqual(found["source"], "upstream")
            if {name: found[name] for name in ("summaries", "groups")} != wanted["data"]:
                differences.append(f"\n{json.dumps(asked)}\n  site  {json.dumps(wanted['data'])[:700]}"
                                   f"\n  cache {json.dumps(found)[:700]}")
        print(f"\n{number} summaries, {n_local} answered locally with {n_groups} groups; the others: {why_not}")
        self.assertEqual(differences, [], f"{len(differences)} differences" + "".join(differences[:10]))
        self.assertGreater(n_local, number // 4)
        self.assertGreater(n_groups, number)

    def test_summaries_from_commits(self):
        self.run_summaries(self.mirror(), 3, 1500 if LONG else 200)

    def test_summaries_from_snapshots_and_overlay(self):
        self.mirror().compact()
        cache = self.cache(max_age=FOREVER)  # a handle that was open keeps reading the commits it has
        statuses = random.Random(5)
        for kind in ("Shot", "Task", "Version"):
            valid = [row["sg_status_list"] for row in self.rows[kind] if row["sg_status_list"]]
            for row in self.rows[kind][::5]:
                self.site.touch(kind, row["id"], {"sg_status_list": statuses.choice([*valid, None])})
        for row in self.rows["Note"][::5]:
            self.site.retire("Note", row["id"])
        cache.sync()
        self.run_summaries(cache, 4, 1500 if LONG else 200)
        cache.compact()
        self.run_summaries(self.cache(max_age=FOREVER), 5, 1500 if LONG else 100)


class Flow(ReadTest):
    """Where a summary comes from."""

    site_options = {"rows": 900}

    def mirrored(self, *kinds, **options):
        cache = self.cache(**options)
        for kind in kinds:
            cache.mirror_add(kind, 101)
        cache.sync()
        return cache

    def asks(self, expected, work, *arguments, **named):
        """What the work returned, after checking its requests; the site counts one once it is answered."""
        found, counts = self.visits(work, *arguments, **named)
        until = time.monotonic() + 2
        while counts != expected and time.monotonic() < until:
            counts = self.site.counts()
            counts.pop("auth", None)
        self.assertEqual(counts, expected)
        return found

    def own_count(self):
        """{status: number} of the project's shots, counted here."""
        counts = {}
        for row in self.truth("Shot").values():
            counts[row["sg_status_list"]] = counts.get(row["sg_status_list"], 0) + 1
        return counts

    def counts_of(self, found):
        return {group["group_value"]: group["summaries"]["id"] for group in found["groups"]}

    def test_uncovered_is_one_request(self):
        cache = self.cache(max_age=FOREVER)
        for expected in ({"schema": 1, "summarize": 1}, {"summarize": 1}):  # nothing of the answer is kept
            found = self.asks(expected, cache.summarize, "Shot", [IN_PROJECT], COUNT, BY_STATUS)
            self.assertEqual((found["source"], found["complete"]), ("upstream", True))
            self.assertEqual(self.counts_of(found), self.own_count())
        with self.assertRaises(fptcache.NoData):
            self.silently(cache.summarize, "Shot", [IN_PROJECT], COUNT, mode="only-cache")

    def test_covered_is_no_request(self):
        cache = self.mirrored("Shot", max_age=FOREVER)
        found = self.silently(cache.summarize, "Shot", [IN_PROJECT], COUNT, BY_STATUS)
        self.assertEqual((found["source"], found["complete"]), ("cache", True))
        self.assertEqual(self.counts_of(found), self.own_count())
        self.assertEqual(found["summaries"], {"id": len(self.truth("Shot"))})
        found = self.asks({"summarize": 1}, cache.summarize, "Shot", [IN_PROJECT], COUNT, mode="refresh")
        self.assertEqual(found["source"], "upstream")

    def test_covered_but_old_is_caught_up(self):
        cache = self.mirrored("Shot", max_age=AGES)
        before = self.own_count()
        row = next(row for row in self.truth("Shot").values() if row["sg_status_list"] != "fin")
        self.aged()
        self.site.touch("Shot", row["id"], {"sg_status_list": "fin"})
        found, counts = self.visits(cache.summarize, "Shot", [IN_PROJECT], COUNT, BY_STATUS)
        self.assertEqual(set(counts), {"search"})
        self.assertEqual(found["source"], "cache")
        after = self.counts_of(found)
        self.assertEqual(after, self.own_count())
        self.assertEqual(after["fin"], before.get("fin", 0) + 1)

    def test_outage(self):
        cache = self.mirrored("Shot", max_age=AGES)
        expected = self.own_count()
        self.aged()
        self.site.faults([{"kind": "503", "times": -1}])
        found = cache.summarize("Shot", [IN_PROJECT], COUNT, BY_STATUS)
        self.assertEqual(found["source"], "stale")
        self.assertEqual(self.counts_of(found), expected)
        self.assertTrue(any("could not be asked" in line for line in found["warnings"]), found["warnings"])
        with self.assertRaises(fptcache.NoData):
            cache.summarize("Shot", [IN_PROJECT], [{"field": "sg_status_list", "type": "status_list"}])

    def test_reads_are_repeated(self):
        cache = self.cache(max_age=FOREVER)
        cache.summarize("Shot", [IN_PROJECT], COUNT)  # the schema and the token are there
        self.site.faults([{"match": "_summarize", "kind": "502", "times": 1}])
        found = self.asks({"summarize": 2}, cache.summarize, "Shot", [IN_PROJECT], COUNT)
        self.assertEqual(found["summaries"], {"id": len(self.truth("Shot"))})

    def test_own_write_shows(self):
        cache = self.mirrored("Shot", max_age=FOREVER)
        before = self.silently(cache.summarize, "Shot", [IN_PROJECT], COUNT)["summaries"]["id"]
        shot = cache.create("Shot", {"project": PROJECT, "code": "summed"})[0]
        self.assertEqual(cache.summarize("Shot", [IN_PROJECT], COUNT)["summaries"]["id"], before + 1)
        cache.delete("Shot", shot["id"])
        self.assertEqual(cache.summarize("Shot", [IN_PROJECT], COUNT)["summaries"]["id"], before)

    def test_what_nobody_knows_is_asked(self):
        """Rows decide: each of these could be answered from other rows."""
        cache = self.mirrored("Shot", max_age=FOREVER)
        first, second = sorted(self.truth("Shot"))[:2]
        self.site.touch("Shot", first, {"code": "CaseTwin", "sg_cut_in": 1, "sg_turnover_date": None})
        self.site.touch("Shot", second, {"code": "casetwin", "sg_cut_in": 2, "sg_turnover_date": None})
        self.site.touch("Shot", sorted(self.truth("Shot"))[2], {"sg_cut_in": 2})
        cache.sync()
        twins = [IN_PROJECT, ["id", "in", sorted(self.truth("Shot"))[:3]]]
        for summaries, grouping, why in (
                (COUNT, [{"field": "code", "type": "exact"}], "case"),
                ([{"field": "sg_cut_in", "type": "average"}], None, "rounding"),
                ([{"field": "sg_turnover_date", "type": "latest"}], None, "no dates")):
            with self.subTest(why):
                filters = twins if why != "no dates" else [IN_PROJECT, ["id", "in", [first, second]]]
                with self.assertRaisesRegex(fptcache.NoData, why):
                    cache.summarize("Shot", filters, summaries, grouping, mode="only-cache")
                found = self.asks({"summarize": 1}, cache.summarize, "Shot", filters, summaries, grouping)
                self.assertEqual(found["source"], "upstream")
        exact = cache.summarize("Shot", [IN_PROJECT, ["id", "in", [first, second]]],
                                [{"field": "sg_cut_in", "type": "average"}], mode="only-cache")
        self.assertEqual(exact["summaries"], {"sg_cut_in": 1.5})

    def test_command(self):
        self.mirrored("Shot", "Sequence")
        found = self.elsewhere("summarize", "Shot", "--project", 101, "--summaries", "id:count,sg_cut_in:maximum",
                               "--group", "sg_sequence,-sg_status_list", "--mode", "only-cache")
        rows = self.truth("Shot").values()
        self.assertEqual(found["summaries"], {"id": len(rows), "sg_cut_in": max(r["sg_cut_in"] or 0 for r in rows)})
        first = found["groups"][0]
        self.assertEqual(first["group_value"]["valid"], "valid")
        mine = [row for row in rows if (row["sg_sequence"] or {}).get("id") == first["group_value"]["id"]]
        self.assertEqual(sum(group["summaries"]["id"] for group in first["groups"]), len(mine))
        self.assertEqual(self.elsewhere("summarize", "Shot", "--project", 101)["summaries"], {"id": len(rows)})
        self.elsewhere("summarize", "Shot", "--summaries", "id:cuont", expect=2)
        self.assertIn("type must be one of: record_count", self.errors)
        self.elsewhere("summarize", "Shot", "--group", "sg_status_lst", expect=2)
        self.assertIn("Did you mean \"sg_status_list\"", self.errors)

    def test_complaints_before_any_request(self):
        cache = self.mirrored("Shot", max_age=FOREVER)
        for summaries, grouping, message in (
                ([], None, "at least one"),
                ([{"field": "id"}], None, "type must be one of: record_count"),
                ([{"field": "id", "type": "single_record"}], None, "type must be one of"),
                ([{"field": "sg_cut_inn", "type": "sum"}], None,
                 r"API summarize\(\) Shot.sg_cut_inn doesn't exist. Did you mean \"sg_cut_in\""),
                (COUNT, [{"field": "code", "type": "first"}], "type must be one of: exact, tens"),
                (COUNT, [{"field": "code", "type": "exact", "direction": "up"}], "asc or desc"),
                (COUNT, [{"field": "codes", "type": "exact"}], "Did you mean \"code\""),
                (COUNT, {"field": "code"}, "must be an array")):
            with self.subTest(message), self.assertRaisesRegex(fptcache.Fault, message):
                self.silently(cache.summarize, "Shot", [IN_PROJECT], summaries, grouping)
        with self.assertRaisesRegex(fptcache.Fault, r"API summarize\(\) Shot.sg_cut_in expected"):
            self.silently(cache.summarize, "Shot", [IN_PROJECT, ["sg_cut_in", "is", 1.5]], COUNT)


if __name__ == "__main__":
    unittest.main()
