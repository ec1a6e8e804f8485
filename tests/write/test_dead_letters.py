"""Writes that wait for a person: what a look-up could not tell, and decisions beside those who send."""

import threading
import unittest

import fptcache
from writetest import IN_PROJECT, WriteTest

ROUNDS = 16


class DeadLetters(WriteTest):

    def setUp(self):
        super().setUp()
        self.writer = self.cache()
        self.writer.find("Version", [IN_PROJECT], ["code", "description"])   # from now on both are kept
        self.row = self.writer.create("Version", self.version(description="before")).rows[0]["id"]

    def description(self):
        return {row["id"]: row["description"] for row in self.site.rows("Version")}.get(self.row)

    def only(self, event, cache=None):
        found, = (cache or self.writer).outbox(event=event)
        return found

    def conflict(self):
        event = self.lost(self.writer.update, "Version", self.row, {"description": "after"})
        self.site.touch("Version", self.row, {"description": "by an artist"})
        self.quiet()
        self.writer.maintain()
        return event

    def test_a_conflict_is_shown_and_overwritten(self):
        event = self.conflict()
        found = self.only(event)
        self.assertEqual((found["state"], found["said"]["http_status"]), ("conflict", 0))
        self.assertIn("description of Version", found["said"]["text"])
        self.assertIn("others have written", found["next"])
        self.assertEqual(self.writer.outbox("refused"), [found])
        self.elsewhere("outbox", "retry", event)
        self.writer.maintain()
        self.assertEqual((self.only(event)["state"], self.description()), ("settled", "after"))

    def test_a_conflict_is_dropped(self):
        event = self.conflict()
        self.writer.outbox_drop(event)
        self.writer.maintain()
        self.assertEqual((self.only(event)["state"], self.description()), ("dropped", "by an artist"))
        self.writer.update("Version", self.row, {"description": "new"})   # nothing waits for it
        self.assertEqual(self.description(), "new")

    def test_an_uncertain_create(self):
        """A person says that the row is not it: another is made, and that one is known for certain."""
        data = self.version("twice", description="as sent")
        event = self.lost(self.writer.create, "Version", data)
        row, = self.at_site(data["code"])
        self.site.touch("Version", row, {"description": "by somebody else"})
        self.quiet()
        self.writer.maintain()
        found = self.only(event)
        self.assertEqual((found["state"], found["id"]), ("uncertain", None))
        self.assertIn(f"Version {row};", found["said"]["text"])
        self.writer.outbox_retry(event)
        self.writer.maintain()
        found = self.only(event)
        self.assertEqual(found["state"], "settled")
        self.assertEqual(self.at_site(data["code"]), [row, found["id"]])

    def test_a_revive_whose_answer_is_lost(self):
        self.writer.delete("Version", self.row)
        event = self.lost(self.writer.revive, "Version", self.row)
        self.assertEqual(self.only(event)["state"], "unknown")
        self.quiet()
        self.writes()
        self.assertTrue(self.writer.revive("Version", self.row, event_id=event))
        self.assertEqual((self.writes(), self.only(event)["state"]), (0, "settled"))
        found, = self.silently(self.writer.find, "Version", [IN_PROJECT, ["id", "is", self.row]], ["description"])
        self.assertEqual(found["description"], "before")

    def test_dropped_while_it_is_sent(self):
        """Whoever comes first: dropped and not sent, or sent and not dropped."""
        ends = []
        other = self.cache()
        for number in range(ROUNDS):
            with self.assertRaises(fptcache.Fault) as refusal:
                self.writer.update("Version", self.row, {"entity": {"type": "Shot", "id": 987654321}})
            event = refusal.exception.event_id
            self.writer.outbox_edit(event, {"description": f"edited {number}"})
            sender = threading.Thread(target=other.maintain)
            if number > 0:   # the first is dropped before, the last after
                sender.start()
                sender.join(0.005 * number if number < ROUNDS - 1 else None)
            try:
                self.writer.outbox_drop(event)
            except fptcache.ShotgunError as error:
                self.assertRegex(str(error), "unknown|settled|sent again meanwhile")
            if number > 0:
                sender.join()
            ends.append(self.only(event)["state"])
            self.assertEqual(ends[-1] == "settled", self.description() == f"edited {number}", ends)
        print(f"ends: {ends}", flush=True)
        self.assertEqual(set(ends), {"dropped", "settled"})


if __name__ == "__main__":
    unittest.main()
