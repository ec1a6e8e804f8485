"""What the campaign found, each by itself: failed before the line that mends it was there."""

import unittest

import writetest  # noqa: F401  (finds fptcache)
import fptcache
from writetest import IN_PROJECT, PROJECT, SETTLED, WriteTest

BATCH = "POST .*/entity/_batch$"


class Found(WriteTest):
    def setUp(self):
        super().setUp()
        self.writer = self.cache()
        for kind in ("Shot", "Version"):
            self.writer.find(kind, [IN_PROJECT], ["code", "description"])

    def behind(self, kind, **data):
        """The provisional id of a row that is created behind."""
        return self.writer.create(kind, {"project": PROJECT, **data}, write="behind").rows[0]["id"]

    def states(self):
        return {each["state"] for each in self.writer.outbox("all")}

    def rows(self, kind, code):
        return [row for row in self.site.rows(kind) if row["code"] == code]

    def test_two_types_in_one_batch(self):
        """group.c read_back(): the second type's rows were looked for among the first's, and told as made by nobody."""
        for kind in ("Version", "Shot", "Version", "Shot"):
            self.behind(kind, code=self.code(kind))
        self.assertEqual(self.visits(self.writer.maintain)[1]["batch"], 1)
        self.assertEqual(self.states(), {"settled"})

    def test_a_link_to_what_is_not_made(self):
        """outcome.c: with its answer lost it was looked for with the provisional id in it, not found, and made twice."""
        shot = self.behind("Shot", code=self.code("shot"))
        self.writer.maintain()
        version = self.behind("Version", code=self.code(), entity={"type": "Shot", "id": shot})
        self.lose()
        self.writer.maintain()
        self.quiet()
        self.writer.maintain()
        self.writer.maintain()
        found, = self.rows("Version", self.code())
        self.assertEqual((self.writer.resolve(version), found["entity"]["id"]), (found["id"], self.writer.resolve(shot)))

    def test_an_update_after_one_that_is_not_known(self):
        """conflict.c put_off(): it was compared before the one that it was written on had an end."""
        row = self.writer.create("Version", self.version(description="0")).rows[0]["id"]
        events = [self.writer.update("Version", row, {"description": str(n)}, write="behind").event_id for n in (1, 2)]
        self.lose("504", match="PUT |POST .*_batch")
        self.writer.maintain()
        with self.assertRaises(fptcache.Pending):
            self.writer.update("Version", row, {"description": "3"})
        self.quiet()
        self.writer.maintain()
        self.writer.maintain()
        found = self.mutations(self.writer)
        self.assertEqual([found[event]["state"] for event in events], [SETTLED] * 2)
        self.assertEqual(self.rows("Version", self.code())[0]["description"], "2")

    def test_a_batch_waits_for_what_is_behind(self):
        """party.c: a batch through that names the row by its own id overtook an update that names it by the other."""
        other = self.behind("Version", code=self.code())
        self.writer.update("Version", other, {"description": "first"}, write="behind")
        self.lose("504", match="PUT |POST .*_batch")
        self.writer.maintain()
        requests = [{"request_type": "update", "entity_type": "Version", "entity_id": self.writer.resolve(other),
                     "data": {"description": "second"}}]
        with self.assertRaises(fptcache.Pending):
            self.writer.batch(requests)
        self.quiet()
        self.writer.maintain()
        self.writer.batch(requests)
        self.writer.maintain()
        self.assertEqual((self.states(), self.rows("Version", self.code())[0]["description"]), ({"settled"}, "second"))


if __name__ == "__main__":
    unittest.main()
