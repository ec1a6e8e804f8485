"""Long lists, deep and wide groups: FPT's own limits hold here too, and what is within them is answered by the
cache alone, from commits and from snapshots with an overlay."""

import sys
import pathlib

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "read"))
from readtest import FOREVER, IN_PROJECT, PROJECT, ReadTest, ids  # noqa: E402

import fptcache  # noqa: E402

MANY = 5000
DEEPEST = 265       # groups inside each other that FPT takes (fpt-api.md 3.4)


def group(operator, *conditions):
    return {"logical_operator": operator, "conditions": list(conditions)}


def api3_group(operator, *conditions):
    return {"filter_operator": {"and": "all", "or": "any"}[operator], "filters": list(conditions)}


def nested(depth, condition, make=group):
    """`depth` groups; `and` with what is true and `or` with what is false in turn: only the innermost decides."""
    for level in range(depth, 0, -1):
        if level % 2:
            condition = make("and", ["id", "greater_than", 0], condition)
        else:
            condition = make("or", ["id", "less_than", 0], condition)
    return condition


class Deep(ReadTest):
    site_options = {"rows": 1500, "seed": 5}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shots = [row for row in cls.site.rows("Shot") if row["project"]["id"] == PROJECT["id"]]
        cls.all = [row["id"] for row in cls.shots]

    def both(self):
        """A cache of commits, then the same with snapshots and an overlay over them."""
        cache = self.cache(max_age=FOREVER)
        for kind in ("Shot", "Sequence", "Asset"):
            cache.mirror_add(kind, PROJECT["id"])
        cache.sync()
        yield cache
        cache.compact()
        for row_id in self.all[::9]:
            self.site.touch("Shot", row_id, {"sg_cut_order": 7})
        cache = self.cache(max_age=FOREVER)     # opened anew: it starts from the snapshots
        cache.sync()
        part = next(each for each in cache.status()["partitions"] if each["partition"] == "project-101")
        self.assertGreater(part["base"], 0)
        self.assertGreater(part["commits_since_base"], 0)
        yield cache

    def check(self, filters, wanted):
        for cache in self.both():
            found = self.silently(cache.find, "Shot", filters, ["code"], mode="only-cache")
            self.assertEqual(ids(found), wanted)
            self.assertEqual(found.source, "cache")

    def test_many_ids(self):
        picked = self.all[::2]
        spread = picked + list(range(10_000_000, 10_000_000 + MANY - len(picked)))
        self.check([IN_PROJECT, ["id", "in", spread]], picked)
        self.check([IN_PROJECT, ["id", "not_in", spread]], self.all[1::2])

    def test_many_texts_and_links(self):
        code = self.shots[0]["code"]
        self.check([IN_PROJECT, ["code", "in", [code.upper(), *(f"no shot's {n}" for n in range(MANY))]]],
                   [row["id"] for row in self.shots if row["code"] == code])
        sequence = next(row["sg_sequence"] for row in self.shots if row["sg_sequence"])
        others = [{"type": kind, "id": 10_000_000 + n} for n in range(MANY // 2) for kind in ("Sequence", "Asset")]
        self.check([IN_PROJECT, ["sg_sequence", "in", [sequence, *others]]],
                   [row["id"] for row in self.shots if row["sg_sequence"] and row["sg_sequence"]["id"] == sequence["id"]])
        asset = next(row["assets"][0] for row in self.shots if row["assets"])
        self.check([IN_PROJECT, ["assets", "not_in", [asset, *others]]],
                   [row["id"] for row in self.shots if asset["id"] not in [each["id"] for each in row["assets"]]])

    def test_groups_nested_200_deep(self):
        two = self.all[3:5]
        self.check(group("and", IN_PROJECT, nested(199, ["id", "in", two])), two)
        self.check(api3_group("and", IN_PROJECT, nested(199, ["id", "in", two], api3_group)), two)

    def test_groups_nested_as_deep_as_fpt_takes(self):
        two = self.all[3:5]
        self.check(group("and", IN_PROJECT, nested(DEEPEST - 1, ["id", "in", two])), two)
        self.check([IN_PROJECT, nested(DEEPEST - 1, ["code", "is", "no such code"], api3_group)], [])

    def test_deeper_is_refused_before_any_request(self):
        cache = next(self.both())
        filters = group("and", IN_PROJECT, nested(DEEPEST, ["id", "in", self.all[3:5]]))
        for mode in (None, "only-cache", "refresh"):
            with self.assertRaises(fptcache.Fault) as raised:
                self.silently(cache.find, "Shot", filters, ["code"], mode=mode)
            self.assertEqual(raised.exception.name, "FPTC_EUSAGE")
            self.assertIn(str(DEEPEST), str(raised.exception))

    def test_many_siblings(self):
        last = self.all[-1]
        siblings = [["id", "is", 10_000_000 + n] for n in range(MANY - 1)]
        self.check(group("and", IN_PROJECT, group("or", *siblings, ["id", "is", last])), [last])
        self.check([IN_PROJECT, *([each[0], "is_not", each[2]] for each in siblings), ["id", "less_than", self.all[2]]],
                   self.all[:2])

    def test_deep_and_wide_at_once(self):
        condition = ["sg_sequence.Sequence.code", "is", "no such sequence"]
        for level in range(12):
            siblings = [["id", "is" if level % 2 else "is_not", 10_000_000 + n] for n in range(100)]
            condition = group("or" if level % 2 else "and", *siblings, condition, ["id", "is", self.all[1]])
        self.check(group("and", IN_PROJECT, condition), [self.all[1]])


if __name__ == "__main__":
    import unittest
    unittest.main()
