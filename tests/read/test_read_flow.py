"""A find from its question to its answer: from where, after how many requests, how fresh, and how it
fails. The requests are those that the site counted."""

import json
import time

import fptcache
from readtest import (AGES, DEADLINE, DONE, FOREVER, IN_PROJECT, NO_DATA, PROJECT, ReadTest, by_id, ids,
                      in_project)

SHOT = ["code", "sg_status_list", "sg_cut_in", "description", "sg_sequence"]
WIP = ["sg_status_list", "is", "ip"]
SOURCES = {"502", "503", "504", "429", "html-503", "reset", "truncate"}


class Visits(ReadTest):

    def test_first_and_second_time(self):
        cache = self.cache()
        wanted = sorted(number for number, row in self.truth("Shot").items() if row["sg_status_list"] == "ip")
        self.assertGreater(len(wanted), 3)
        first, counts = self.visits(cache.find, "Shot", [IN_PROJECT, WIP], SHOT)
        self.assertEqual(counts, {"schema": 1, "search": 1})
        self.assertEqual((first.source, first.complete, ids(first)), ("upstream", True, wanted))
        again = self.silently(cache.find, "Shot", [IN_PROJECT, WIP], SHOT)
        self.assertEqual((again.source, again.rows), ("cache", first.rows))
        other = self.silently(self.find_elsewhere, "Shot", [IN_PROJECT, WIP], ",".join(SHOT))
        self.assertEqual((other["source"], other["rows"]), ("cache", first.rows))
        # Another spelling of the same question is the same question.
        self.silently(cache.find, "Shot", {"filter_operator": "all", "filters": [WIP, IN_PROJECT]}, SHOT)
        # Fewer fields are there too; one more is a new question, once.
        self.silently(cache.find, "Shot", [IN_PROJECT, WIP], ["code"])
        _, counts = self.visits(cache.find, "Shot", [IN_PROJECT, WIP], SHOT + ["sg_cut_out"])
        self.assertEqual(counts, {"search": 1})
        self.silently(cache.find, "Shot", [IN_PROJECT, WIP], SHOT + ["sg_cut_out"])

    def test_a_whole_walk_covers_every_question(self):
        cache, truth = self.cache(), self.truth("Shot")
        _, counts = self.visits(cache.find, "Shot", [IN_PROJECT], SHOT)
        self.assertEqual(counts, {"schema": 1, "search": 1})
        for filters, test in (([WIP], lambda row: row["sg_status_list"] == "ip"),
                              ([["sg_cut_in", "greater_than", 1010]], lambda row: (row["sg_cut_in"] or 0) > 1010),
                              ([["description", "is", None]], lambda row: row["description"] is None)):
            found = self.silently(cache.find, "Shot", [IN_PROJECT, *filters], ["code"])
            self.assertEqual(ids(found), sorted(number for number, row in truth.items() if test(row)))
            self.assertEqual((found.source, found.complete), ("cache", True))
        self.assertEqual(len(self.silently(self.find_elsewhere, "Shot", [IN_PROJECT], "code")["rows"]), len(truth))

    def test_a_list_that_is_not_covered_is_not_taken_for_one_that_is(self):
        """Only some rows have the second list: coverage with the first says nothing of it."""
        cache, truth = self.cache(), self.truth("Shot")
        tags = {number: ids(row["tags"]) for number, row in truth.items()}
        tagged = [number for number in truth if tags[number]]
        self.assertGreater(len(tagged), 3)
        cache.find("Shot", [IN_PROJECT], ["code", "assets"])
        cache.find("Shot", [IN_PROJECT, ["id", "is", tagged[0]]], ["tags"])
        for fields in (["assets"], ["id"]):
            for _ in range(3):   # what decides is remembered from the second time on
                self.silently(cache.find, "Shot", [IN_PROJECT], fields)
        found, counts = self.visits(cache.find, "Shot", [IN_PROJECT], ["tags"])
        self.assertEqual(counts, {"search": 1})
        self.assertEqual({row["id"]: ids(row["tags"]) for row in found}, tags)

    def test_a_whole_walk_in_another_order_covers_too_and_is_followed(self):
        cache = self.cache()
        cache.find("Shot", [IN_PROJECT], ["code"], "-code")
        self.silently(cache.find, "Shot", [IN_PROJECT], ["code"])
        self.aged()
        _, counts = self.visits(cache.find, "Shot", [IN_PROJECT], ["code"], max_age=AGES)
        self.assertEqual(counts, {"search": 2})

    def test_a_whole_walk_drops_what_it_did_not_meet(self):
        """Rows cached earlier that were retired or moved unseen are not part of the new coverage."""
        self.site.clock("2020-01-01T00:00:00Z")   # long before any sweep looks
        self.addCleanup(self.site.clock, None)
        cache, other = self.cache(), self.site.create("Shot", {"code": "ghost", "project": PROJECT})
        moved = self.site.create("Shot", {"code": "ghost", "project": PROJECT})
        self.assertEqual(ids(cache.find("Shot", [IN_PROJECT, ["code", "is", "ghost"]], ["code"])),
                         [other["id"], moved["id"]])
        self.site.retire("Shot", other["id"])
        self.site.move("Shot", moved["id"], 102)
        self.site.clock(None)
        cache.find("Shot", [IN_PROJECT], ["code"])
        found = self.silently(cache.find, "Shot", [IN_PROJECT], ["code"])
        self.assertEqual(ids(found), sorted(self.truth("Shot")))
        self.assertEqual(found.source, "cache")

    def test_expiry_costs_two_requests(self):
        cache = self.cache()
        cache.find("Shot", [IN_PROJECT], SHOT)
        for _ in range(2):
            self.aged()
            found, counts = self.visits(cache.find, "Shot", [IN_PROJECT, WIP], SHOT, max_age=AGES)
            self.assertEqual(counts, {"search": 2})
            self.assertEqual(found.source, "cache")
            self.assertLess(found.age, AGES)
            self.silently(cache.find, "Shot", [IN_PROJECT, WIP], SHOT, max_age=AGES)
            self.silently(self.find_elsewhere, "Shot", [IN_PROJECT, WIP], "code", "--max-age", "5s")

    def test_always_asking_for_changes_first(self):
        cache = self.cache()
        cache.find("Shot", [IN_PROJECT], SHOT)
        for _ in range(3):
            found, counts = self.visits(cache.find, "Shot", [IN_PROJECT, WIP], SHOT, max_age=0)
            self.assertEqual(counts, {"search": 2})
            self.assertEqual(found.source, "cache")

    def test_catching_up_for_longer_than_max_age(self):
        cache = self.cache()
        cache.find("Shot", [IN_PROJECT], SHOT)
        self.aged(0.2)
        self.site.latency(300)
        found, counts = self.visits(cache.find, "Shot", [IN_PROJECT, WIP], SHOT, max_age=0.2)
        self.assertEqual(counts, {"search": 2})
        self.assertEqual(found.source, "cache")

    def test_after_sync(self):
        cache = self.cache()
        cache.mirror_add("Shot", 101)
        cache.mirror_add("HumanUser")
        _, counts = self.visits(cache.sync)
        self.assertLessEqual(counts["search"], 2)
        found = self.silently(cache.find, "Shot", [IN_PROJECT], SHOT)
        self.assertEqual((found.source, ids(found)), ("cache", sorted(self.truth("Shot"))))
        self.silently(cache.find, "HumanUser", [], ["name"])
        self.silently(cache.changes, "Shot", 101)

    def test_without_a_project(self):
        cache = self.cache()
        wanted = sorted(number for number, row in self.truth("Shot", None).items() if row["sg_status_list"] == "ip")
        first, counts = self.visits(cache.find, "Shot", [WIP], SHOT)
        self.assertEqual(counts, {"schema": 1, "search": 1})
        self.assertEqual(ids(first), wanted)
        again = self.silently(cache.find, "Shot", [WIP], SHOT)
        self.assertEqual(again.rows, first.rows)
        self.assertEqual(self.silently(self.find_elsewhere, "Shot", [WIP], ",".join(SHOT))["rows"], first.rows)

    def test_site_types(self):
        cache = self.cache()
        _, counts = self.visits(cache.find, "HumanUser", [], ["name", "login"])
        self.assertEqual(counts, {"schema": 1, "search": 1})
        found = self.silently(cache.find, "HumanUser", [["login", "is", "user1"]], ["name"])
        self.assertEqual(len(found), 1)
        self.assertEqual(len(self.silently(self.find_elsewhere, "HumanUser", [], "name")["rows"]),
                         len(self.truth("HumanUser", None)))


class ByOthers(ReadTest):
    """What somebody else does at the site is seen as soon as max_age has passed, and only once."""

    def setUp(self):
        super().setUp()
        self.reader = self.cache()
        for number in (101, 102):
            self.reader.find("Shot", [in_project(number)], SHOT)

    def shots(self, number=101, *filters):
        return self.reader.find("Shot", [in_project(number), *filters], SHOT, max_age=AGES)

    def agrees(self):
        for number in (101, 102):
            truth = self.truth("Shot", number)
            found = by_id(self.shots(number))
            self.assertEqual(sorted(found), sorted(truth))
            for key, row in found.items():
                for field in ("code", "sg_status_list", "sg_cut_in", "description"):
                    self.assertEqual(row[field], truth[key][field])

    def test_changed(self):
        number = ids(self.shots())[3]
        self.site.touch("Shot", number, {"description": "by somebody else", "sg_status_list": "omt"})
        self.aged()
        self.assertEqual(by_id(self.shots())[number]["description"], "by somebody else")
        self.assertIn(number, ids(self.shots(101, ["sg_status_list", "is", "omt"])))
        self.agrees()

    def test_created_retired_revived(self):
        made = self.site.create("Shot", {"code": "new one", "project": PROJECT})["id"]
        self.aged()
        self.assertIn(made, ids(self.shots()))
        self.site.retire("Shot", made)
        self.aged()
        self.assertNotIn(made, ids(self.shots()))
        self.site.revive("Shot", made)
        self.aged()
        self.assertIn(made, ids(self.shots()))
        self.agrees()

    def test_moved(self):
        there, back = ids(self.shots())[:2], ids(self.shots(102))[0]
        for order in ((101, 102), (102, 101)):
            number = there.pop()
            self.site.move("Shot", number, 102)
            self.aged()
            found = {project: ids(self.shots(project)) for project in order}
            self.assertNotIn(number, found[101])
            self.assertIn(number, found[102])
        self.site.move("Shot", back, 101)
        self.aged()
        self.assertNotIn(back, ids(self.shots(102)))
        self.assertIn(back, ids(self.shots(101)))
        self.agrees()
        moved = [change for change in self.reader.changes("Shot", 102) if change.kind == "moved"]
        self.assertEqual([(change.id, change.moved_to) for change in moved], [(back, "project-101")])

    def test_moved_and_home_again(self):
        number = ids(self.shots())[5]
        for project in (102, 101, 102, 101):
            self.site.move("Shot", number, project)
            self.aged()
            found = {each: number in ids(self.shots(each)) for each in (101, 102)}
            self.assertEqual(found, {101: project == 101, 102: project == 102})

    def test_silently(self):
        """A change that leaves no event is seen all the same: it moves updated_at."""
        number = ids(self.shots())[7]
        self.site.touch("Shot", number, {"description": "no event"}, silent=True)
        self.aged()
        self.assertEqual(by_id(self.shots())[number]["description"], "no event")

    def test_retired_targets_and_renamed_ones(self):
        cache = self.reader
        fields = ["code", "sg_sequence", "assets", "created_by"]
        read = lambda: by_id(cache.find("Shot", [IN_PROJECT], fields))  # noqa: E731
        for kind in ("Sequence", "Asset"):
            cache.find(kind, [IN_PROJECT], ["code"])
        cache.find("HumanUser", [], ["name"])
        shots = read()
        shot = next(row for row in shots.values() if row["sg_sequence"] and len(row["assets"]) > 1)
        sequence, gone, stays = shot["sg_sequence"]["id"], shot["assets"][0]["id"], shot["assets"][1]["id"]
        person = shot["created_by"]["id"]
        self.site.retire("Sequence", sequence)
        self.site.retire("Asset", gone)
        self.site.touch("Asset", stays, {"code": "another name"})
        self.site.touch("HumanUser", person, {"name": "Married Name"})
        self.aged()
        for kind, filters in (("Sequence", [IN_PROJECT]), ("Asset", [IN_PROJECT]), ("HumanUser", [])):
            cache.find(kind, filters, ["id"], max_age=AGES)
        found = self.silently(read)[shot["id"]]
        self.assertIsNone(found["sg_sequence"])
        self.assertNotIn(gone, ids(found["assets"]))
        self.assertEqual([asset["name"] for asset in found["assets"] if asset["id"] == stays], ["another name"])
        if found["created_by"]["type"] == "HumanUser":
            self.assertEqual(found["created_by"]["name"], "Married Name")
        self.assertEqual(self.silently(cache.find, "Shot", [IN_PROJECT, ["sg_sequence", "is", None],
                                                            ["id", "is", shot["id"]]], ["code"])[0]["id"], shot["id"])
        self.site.revive("Sequence", sequence)
        self.aged()
        cache.find("Sequence", [IN_PROJECT], ["id"], max_age=AGES)
        self.assertEqual(read()[shot["id"]]["sg_sequence"]["id"], sequence)


class Claims(ReadTest):
    """What is not known is not claimed."""

    def test_a_link_into_another_project(self):
        """The linked row lies in no partition of this project: only FPT can follow such a link."""
        cache = self.cache()
        number, there = next(iter(self.truth("Shot"))), next(iter(self.truth("Sequence", 102).values()))
        self.site.touch("Shot", number, {"sg_sequence": {"type": "Sequence", "id": there["id"]}})
        for kind in ("Shot", "Sequence"):
            cache.find(kind, [IN_PROJECT], ["code", "sg_sequence"])
        asked = cache.find("Shot", [IN_PROJECT, ["id", "is", number]], ["sg_sequence.Sequence.code"])
        self.assertEqual(asked[0]["sg_sequence.Sequence.code"], there["code"])
        found = cache.find("Shot", [IN_PROJECT, ["sg_sequence.Sequence.id", "is", there["id"]],
                                    ["sg_sequence.Sequence.code", "is", there["code"]]], ["code"])
        self.assertIn(number, ids(found))
        with self.assertRaises(fptcache.ShotgunError):
            cache.find("Shot", [IN_PROJECT, ["sg_sequence.Sequence.code", "is", "x"]], ["code"], mode="only-cache")
        plain = self.silently(cache.find, "Shot", [IN_PROJECT, ["id", "is", number]], ["sg_sequence"])
        self.assertEqual(plain[0]["sg_sequence"]["name"], there["code"])

    def test_lists_whose_other_side_changes(self):
        """A new Task stands in Shot.tasks, but does not move the Shot's updated_at."""
        cache = self.cache()
        number = next(iter(self.truth("Shot")))
        for kind in ("Shot", "Task"):
            cache.mirror_add(kind, 101)
        cache.sync()
        self.assertTrue(cache.find("Shot", [IN_PROJECT], ["tasks"]).complete)
        self.aged()
        cache.find("Task", [IN_PROJECT], ["content"], max_age=AGES)
        found = cache.find("Shot", [IN_PROJECT], ["tasks"], max_age=AGES)
        self.assertFalse(found.complete)
        self.assertIn("lists of links", " ".join(found.warnings))
        self.assertTrue(cache.find("Shot", [IN_PROJECT], ["code"], max_age=AGES).complete)
        made = self.site.create("Task", {"content": "x", "project": PROJECT, "entity": {"type": "Shot", "id": number}})
        asked = cache.find("Shot", [IN_PROJECT], ["tasks"], mode="refresh")
        self.assertIn(made["id"], ids(by_id(asked)[number]["tasks"]))
        found = self.silently(cache.find, "Shot", [IN_PROJECT], ["tasks"])
        self.assertIn(made["id"], ids(by_id(found)[number]["tasks"]))

    def test_lists_after_a_write(self):
        """Our own new Task, within max_age: nobody has read the Shot's list since. Each of these tests has
        its own project: what changed seconds before a list was read counts as later."""
        cache, there = self.cache(), in_project(102)
        for kind in ("Shot", "Task"):
            cache.mirror_add(kind, 102)
        cache.sync()
        number = next(iter(self.truth("Shot", 102)))
        self.assertTrue(self.silently(cache.find, "Shot", [there], ["tasks"]).complete)
        made = cache.create("Task", {"content": "ours", "project": there[2], "entity": {"type": "Shot", "id": number}})[0]
        found = self.silently(cache.find, "Shot", [there], ["tasks"])
        self.assertFalse(found.complete)
        self.assertIn("lists of links", " ".join(found.warnings))
        self.assertTrue(self.silently(cache.find, "Shot", [there], ["code"]).complete)
        has_it = ["tasks", "is", {"type": "Task", "id": made["id"]}]
        found, counts = self.visits(cache.find, "Shot", [there, has_it], ["code"])
        self.assertEqual((ids(found), found.source, counts), ([number], "upstream", {"search": 1}))
        other = self.find_elsewhere("Shot", [there, ["tasks", "is_not", has_it[2]]], "code")
        self.assertNotIn(number, ids(other["rows"]))

    def test_lists_after_a_write_elsewhere(self):
        """A Task that another tool made, taken in with the Tasks, and a Shot's list not read since."""
        cache, there = self.cache(), in_project(103)
        for kind in ("Shot", "Task"):
            cache.mirror_add(kind, 103)
        cache.sync()
        number = next(iter(self.truth("Shot", 103)))
        made = self.site.create("Task", {"content": "x", "project": there[2], "entity": {"type": "Shot", "id": number}})
        self.assertTrue(self.silently(cache.find, "Shot", [there], ["tasks"]).complete)
        self.aged()
        cache.find("Task", [there], ["content"], max_age=AGES)
        for reader in (cache, self.cache()):
            found = self.silently(reader.find, "Shot", [there], ["tasks"])
            self.assertFalse(found.complete)
        has_it = ["tasks", "is", {"type": "Task", "id": made["id"]}]
        found, counts = self.visits(cache.find, "Shot", [there, has_it], ["code"])
        self.assertEqual((ids(found), counts), ([number], {"search": 1}))
        cache.sync()

    def test_lists_in_a_stored_query(self):
        cache, there = self.cache(), in_project(103)
        number = next(iter(self.truth("Shot", 103)))
        has_tasks = ["tasks", "is_not", None]
        empty = self.site.create("Shot", {"code": "empty", "project": there[2]})["id"]
        cache.find("Shot", [there, has_tasks], ["code"])
        self.assertNotIn(empty, ids(self.silently(cache.find, "Shot", [there, has_tasks], ["code"])))
        cache.create("Task", {"content": "ours", "project": there[2], "entity": {"type": "Shot", "id": empty}})
        found, counts = self.visits(cache.find, "Shot", [there, has_tasks], ["code"])
        self.assertEqual(counts, {"search": 1})
        self.assertIn(empty, ids(found))
        self.assertIn(number, ids(found))

    def test_names_as_old_as_their_type(self):
        cache = self.cache()
        for kind in ("Shot", "Sequence"):
            cache.find(kind, [IN_PROJECT], ["code", "sg_sequence"])
        self.assertTrue(cache.find("Shot", [IN_PROJECT], ["sg_sequence"]).complete)
        self.aged()
        found = cache.find("Shot", [IN_PROJECT], ["sg_sequence"], max_age=AGES)
        self.assertEqual((found.source, found.complete), ("cache", False))
        cache.find("Sequence", [IN_PROJECT], ["id"], max_age=AGES)
        self.assertTrue(cache.find("Shot", [IN_PROJECT], ["sg_sequence"], max_age=FOREVER).complete)


class OwnWrites(ReadTest):

    def codes(self, cache, *filters, **how):
        return {row["code"] for row in cache.find("Shot", [IN_PROJECT, *filters], ["code", "sg_status_list"], **how)}

    def check(self, reader, writer, seen):
        """Creates, updates and deletes with `writer`; `seen(test)` waits as long as it may until it holds."""
        name = f"mine {time.monotonic()}"
        made = writer.create("Shot", {"code": name, "project": PROJECT, "sg_status_list": "wtg"})[0]["id"]
        seen(lambda: name in self.codes(reader))
        writer.update("Shot", made, {"sg_status_list": "fin"})
        seen(lambda: name in self.codes(reader, ["sg_status_list", "is", "fin"]))
        seen(lambda: name not in self.codes(reader, ["sg_status_list", "is", "wtg"]))
        writer.delete("Shot", made)
        seen(lambda: name not in self.codes(reader))

    def within(self, seconds):
        def seen(test):
            until = time.monotonic() + seconds
            while not test():
                self.assertLess(time.monotonic(), until)
                time.sleep(0.02)
        return seen

    def test_same_handle_covered(self):
        cache = self.cache()
        cache.find("Shot", [IN_PROJECT], ["code", "sg_status_list"])
        _, counts = self.visits(self.check, cache, cache, self.assertTrueNow)
        self.assertLessEqual(counts.pop("search", 0), 1)     # a create may answer thinly
        self.assertEqual(counts, {"create": 1, "update": 1, "delete": 1})

    def assertTrueNow(self, test):
        self.assertTrue(test())

    def test_same_handle_not_covered(self):
        cache = self.cache()
        for status in ("wtg", "fin"):
            self.codes(cache, ["sg_status_list", "is", status])
        self.check(cache, cache, self.assertTrueNow)

    def test_another_handle(self):
        reader, writer = self.cache(), self.cache()
        reader.find("Shot", [IN_PROJECT], ["code", "sg_status_list"])
        self.check(reader, writer, self.within(1.1))

    def test_another_process(self):
        cache = self.cache()
        cache.find("Shot", [IN_PROJECT], ["code", "sg_status_list"])
        made = self.elsewhere("create", "Shot", "--data", json.dumps({"code": "from the shell", "project": PROJECT}))
        made = made["rows"][0]["id"]
        self.within(1.1)(lambda: "from the shell" in self.codes(cache))
        cache.update("Shot", made, {"code": "renamed here"})
        rows = self.silently(self.find_elsewhere, "Shot", [IN_PROJECT, ["id", "is", made]], "code")["rows"]
        self.assertEqual(rows[0]["code"], "renamed here")
        self.elsewhere("delete", "Shot", made)
        self.within(1.1)(lambda: "renamed here" not in self.codes(cache))

    def test_stored_query(self):
        cache = self.cache()
        ask = lambda: cache.find("Shot", [IN_PROJECT, WIP], ["code"])  # noqa: E731
        before = ids(ask())
        self.silently(ask)
        number = next(key for key in self.truth("Shot") if key not in before)
        cache.update("Shot", number, {"sg_status_list": "ip"})
        self.assertEqual(ids(ask()), sorted([*before, number]))
        cache.update("Shot", number, {"sg_status_list": "omt"})
        self.assertEqual(ids(ask()), before)
        self.silently(ask)
        self.elsewhere("update", "Shot", number, "--data", '{"sg_status_list":"ip"}')
        self.within(1.1)(lambda: ids(ask()) == sorted([*before, number]))

    def test_stored_query_over_all_projects(self):
        cache = self.cache()
        ask = lambda: cache.find("Shot", [WIP], ["code"])  # noqa: E731
        before = ids(ask())
        self.silently(ask)
        number = next(key for key in self.truth("Shot") if key not in before)
        cache.update("Shot", number, {"sg_status_list": "ip"})
        self.assertEqual(ids(ask()), sorted([*before, number]))
        self.silently(ask)
        cache.update("Shot", number, {"sg_status_list": "omt"})
        self.assertEqual(ids(ask()), before)
        made = cache.create("Shot", {"code": "x", "project": {"type": "Project", "id": 102}, "sg_status_list": "ip"})
        self.assertEqual(ids(ask()), sorted([*before, made[0]["id"]]))
        ask()
        self.elsewhere("update", "Shot", number, "--data", '{"sg_status_list":"ip"}')
        self.within(1.1)(lambda: number in ids(ask()))

    def test_stored_query_through_a_type_of_the_site(self):
        cache = self.cache()
        task = next(row for row in self.truth("Task").values()
                    if row["task_assignees"] and row["task_assignees"][0]["type"] == "HumanUser")
        person = task["task_assignees"][0]["id"]
        ask = lambda name: ids(cache.find(  # noqa: E731
            "Task", [IN_PROJECT, ["task_assignees.HumanUser.email", "is", name]], ["content"]))
        self.assertEqual(ask("new@example.com"), [])
        self.silently(ask, "new@example.com")
        cache.update("HumanUser", person, {"email": "new@example.com"})
        self.assertIn(task["id"], ask("new@example.com"))
        self.silently(ask, "new@example.com")
        self.elsewhere("update", "HumanUser", person, "--data", '{"email":"newer@example.com"}')
        self.within(1.1)(lambda: task["id"] not in ask("new@example.com"))

    def test_a_type_of_the_site_seen_from_a_project(self):
        cache = self.cache()
        cache.find("Task", [IN_PROJECT], ["content", "created_by"])
        cache.find("HumanUser", [], ["name", "email"])
        task = next(row for row in self.truth("Task").values() if row["created_by"]["type"] == "HumanUser")
        ask = lambda name: self.silently(cache.find, "Task", [  # noqa: E731
            IN_PROJECT, ["created_by.HumanUser.email", "is", name]], ["created_by"])
        for name in ("a@example.com", "b@example.com"):
            self.assertEqual(ask(name).rows, [])
            cache.update("HumanUser", task["created_by"]["id"], {"email": name, "name": name})
            self.assertEqual(by_id(ask(name))[task["id"]]["created_by"]["name"], name)

    def test_a_write_moves_a_row(self):
        cache = self.cache()
        for number in (101, 102):
            cache.find("Shot", [in_project(number)], ["code"])
        number = next(iter(self.truth("Shot")))
        cache.update("Shot", number, {"project": {"type": "Project", "id": 102}})
        self.assertNotIn(number, ids(cache.find("Shot", [in_project(101)], ["code"])))
        self.assertIn(number, ids(cache.find("Shot", [in_project(102)], ["code"])))
        self.assertIn(number, ids(self.find_elsewhere("Shot", [in_project(102)], "code")["rows"]))


class Modes(ReadTest):

    def test_only_cache(self):
        cache = self.cache(mode="only-cache")
        with self.assertRaises(fptcache.ShotgunError):
            self.silently(cache.find, "Shot", [IN_PROJECT], ["code"])
        asker = self.cache()
        asker.find("Shot", [IN_PROJECT], ["code"])
        asker.find("Version", [IN_PROJECT, ["sg_status_list", "is", "rev"]], ["code"])
        self.aged()
        found = self.silently(cache.find, "Shot", [IN_PROJECT], ["code"], max_age=0.1)
        self.assertEqual(ids(found), sorted(self.truth("Shot")))
        self.assertEqual(found.source, "cache")
        self.assertGreater(found.age, AGES)
        self.silently(cache.find, "Version", [IN_PROJECT, ["sg_status_list", "is", "rev"]], ["code"])
        for filters in ([IN_PROJECT], [IN_PROJECT, ["sg_status_list", "is", "vwd"]]):
            with self.assertRaises(fptcache.ShotgunError):
                self.silently(cache.find, "Version", filters, ["code"])
        self.silently(self.find_elsewhere, "Version", [IN_PROJECT], "code", "--mode", "only-cache", expect=NO_DATA)

    def test_refresh(self):
        cache = self.cache()
        cache.find("Shot", [IN_PROJECT], SHOT)
        number = next(iter(self.truth("Shot")))
        self.site.touch("Shot", number, {"description": "behind the back"})
        self.assertNotEqual(by_id(cache.find("Shot", [IN_PROJECT], SHOT))[number]["description"], "behind the back")
        found, counts = self.visits(cache.find, "Shot", [IN_PROJECT, ["id", "is", number]], SHOT, mode="refresh")
        self.assertEqual((counts, found.source, found[0]["description"]), ({"search": 1}, "upstream", "behind the back"))
        kept = self.silently(cache.find, "Shot", [IN_PROJECT], SHOT)
        self.assertEqual(by_id(kept)[number]["description"], "behind the back")


class Outages(ReadTest):

    def setUp(self):
        super().setUp()
        self.addCleanup(lambda: self.site.process or self.site.start())

    def test_site_down(self):
        cache, truth = self.cache(), sorted(self.truth("Shot"))
        cache.find("Shot", [IN_PROJECT], SHOT)
        cache.find("Version", [IN_PROJECT, ["sg_status_list", "is", "rev"]], ["code"])
        self.aged(1.0)
        self.site.stop()
        found = cache.find("Shot", [IN_PROJECT], SHOT, max_age=AGES)
        self.assertEqual((found.source, ids(found)), ("stale", truth))
        self.assertGreater(found.age, 1.0)
        self.assertIn("could not be asked", " ".join(found.warnings))
        stored = cache.find("Version", [IN_PROJECT, ["sg_status_list", "is", "rev"]], ["code"], max_age=AGES)
        self.assertEqual(stored.source, "stale")
        other = self.find_elsewhere("Shot", [IN_PROJECT], "code", "--max-age", "500ms")
        self.assertEqual((other["source"], ids(other["rows"])), ("stale", truth))
        self.find_elsewhere("Version", [IN_PROJECT], "code", expect=NO_DATA)
        fresh = cache.find("Shot", [IN_PROJECT], SHOT)
        self.assertEqual(fresh.source, "cache")       # fresh enough: nobody need be asked
        self.site.start()
        for max_age in (0, AGES):       # the first insists, though FPT has just not answered
            found = cache.find("Shot", [IN_PROJECT], SHOT, max_age=max_age)
            self.assertEqual(found.source, "cache")

    def test_stale_answers_have_a_bound(self):
        patient, strict = self.cache(stale_max=FOREVER), self.cache(stale_max=1.5)
        patient.find("Shot", [IN_PROJECT], SHOT)
        patient.find("Version", [IN_PROJECT, ["sg_status_list", "is", "rev"]], ["code"])
        self.site.faults([{"kind": "504", "times": -1, "match": "_search"}])
        self.aged(0.2)
        questions = (("Shot", [IN_PROJECT], SHOT), ("Version", [IN_PROJECT, ["sg_status_list", "is", "rev"]], ["code"]))
        self.assertEqual(strict.find(*questions[0], max_age=0.2, deadline=0.3).source, "stale")
        self.aged(1.5)
        for question in questions:
            self.assertEqual(patient.find(*question, max_age=0.2, deadline=1).source, "stale")
            with self.assertRaises(fptcache.ShotgunError):
                strict.find(*question, max_age=0.2, deadline=1)

    def test_asked_once_in_a_while(self):
        """FPT that did not answer is not asked again at once for what the cache can tell, and by whoever insists."""
        cache, stored = self.cache(), ("Version", [IN_PROJECT, ["sg_status_list", "is", "rev"]], ["code"])
        cache.find("Shot", [IN_PROJECT], SHOT)
        cache.find(*stored)
        self.aged(0.1)
        self.site.faults([{"kind": "503", "times": -1, "match": "_search"}])
        self.assertEqual(cache.find("Shot", [IN_PROJECT], SHOT, max_age=0.1).source, "stale")
        self.site.reset_requests()
        for question in (("Shot", [IN_PROJECT], SHOT), stored):
            found = cache.find(*question, max_age=0.1)
            self.assertEqual(found.source, "stale")
            self.assertIn("could not be asked", " ".join(found.warnings))
        self.assertEqual(self.site.counts(), {})
        with self.assertRaises(fptcache.ShotgunError):      # the cache has nothing of it
            cache.find("Asset", [IN_PROJECT], ["code"])
        for insists in ({"mode": "refresh"}, {"max_age": 0}):
            self.site.reset_requests()
            self.assertEqual(cache.find("Shot", [IN_PROJECT], SHOT, **insists).source, "stale")
            self.assertGreater(self.site.counts()["search"], 0)
        self.site.clear_faults()
        self.assertEqual(cache.find("Shot", [IN_PROJECT], SHOT, max_age=0.1).source, "stale")
        cache.find("Shot", [IN_PROJECT], SHOT, max_age=0)   # FPT is there: everybody asks again
        self.aged(0.1)
        self.assertNotEqual(cache.find(*stored, max_age=0.1).source, "stale")

    def test_passing_faults(self):
        for kind in sorted(SOURCES):
            with self.subTest(kind):
                self.setUpDirectory(kind)
                cache, wanted = self.cache(), sorted(self.truth("Shot"))
                self.site.faults([{"kind": kind, "times": 1, "match": "_search"}])
                self.assertEqual(ids(cache.find("Shot", [IN_PROJECT], SHOT)), wanted)
                cache.mirror_add("Version", 101)
                self.site.faults([{"kind": kind, "times": 2, "match": "_search"}])
                cache.sync()
                found = self.silently(cache.find, "Version", [IN_PROJECT], ["code"])
                self.assertEqual(ids(found), sorted(self.truth("Version")))
                self.site.touch("Shot", wanted[0], {"description": kind})
                self.aged(0.1)
                self.site.faults([{"kind": kind, "times": 1, "match": "_search"}])
                found = cache.find("Shot", [IN_PROJECT], SHOT, max_age=0.1)
                self.assertEqual(by_id(found)[wanted[0]]["description"], kind)

    def setUpDirectory(self, name):
        self.site.clear_faults()
        self.directory = f"{self.folder}/{name}"

    def test_lasting_faults(self):
        """A fault that lasts: with an older answer that, without one a clear error, and never half a list."""
        for kind in sorted(SOURCES):
            with self.subTest(kind):
                self.setUpDirectory(kind)
                cache, wanted = self.cache(), sorted(self.truth("Shot"))
                cache.find("Shot", [IN_PROJECT], SHOT)
                self.aged(0.1)
                self.site.faults([{"kind": kind, "times": -1, "match": "_search"}])
                found = cache.find("Shot", [IN_PROJECT], SHOT, max_age=0.1, deadline=0.6)
                self.assertEqual((found.source, ids(found)), ("stale", wanted))
                with self.assertRaises(fptcache.ShotgunError):
                    cache.find("Version", [IN_PROJECT], ["code"], deadline=0.6)
                self.site.clear_faults()
                self.assertEqual(ids(cache.find("Version", [IN_PROJECT], ["code"])), sorted(self.truth("Version")))

    def test_tokens_expire_during_a_sync(self):
        cache = self.cache()
        for kind in ("Shot", "Task", "Version", "Asset"):
            cache.mirror_add(kind, 101)
        self.site.faults([{"kind": "expire-token", "times": 1, "match": f"{kind}/_search"}
                          for kind in ("Shot", "Task", "Version", "Asset")])
        cache.sync()
        self.assertGreater(self.site.counts()["auth"], 4)
        for kind in ("Shot", "Task", "Version", "Asset"):
            found = self.silently(cache.find, kind, [IN_PROJECT], ["id"])
            self.assertEqual(ids(found), sorted(self.truth(kind)))
        self.site.expire_tokens()
        self.assertEqual(len(cache.find("Shot", [IN_PROJECT], ["id"], max_age=0)), len(self.truth("Shot")))


class Deadlines(ReadTest):

    def test_slow_site(self):
        cache = self.cache()
        cache.find("Shot", [IN_PROJECT], SHOT)
        self.aged()
        for how in ("latency", "hang"):
            if how == "latency":
                self.site.latency(3000)
            else:
                self.site.latency(0)
                self.site.faults([{"kind": "hang", "ms": 3000, "times": -1, "match": "_search"}])
            with self.subTest(how):
                with self.takes(0, 1.3):
                    found = cache.find("Shot", [IN_PROJECT, WIP], ["code"], max_age=AGES, deadline=1)
                self.assertEqual(found.source, "stale")
                with self.takes(0, 1.5):
                    other = self.find_elsewhere("Shot", [IN_PROJECT], "code", "--max-age", "100ms", "--deadline", "1s")
                self.assertEqual(other["source"], "stale")
                with self.takes(0.5, 1.3), self.assertRaises(fptcache.ShotgunError):
                    cache.find("Version", [IN_PROJECT], ["code"], deadline=1)
                with self.takes(0.5, 1.5):
                    self.find_elsewhere("Version", [IN_PROJECT], "code", "--deadline", "1s", expect=DEADLINE)
                with self.takes(0, 0.3):
                    self.assertEqual(cache.find("Shot", [IN_PROJECT], ["code"], deadline=1).source, "cache")
        self.site.clear_faults()

    def test_short_deadlines(self):
        cache = self.cache()
        cache.find("Shot", [IN_PROJECT], SHOT)
        began = time.monotonic()
        for _ in range(3):
            cache.find("Shot", [IN_PROJECT], ["code"], mode="only-cache")
        own = (time.monotonic() - began) / 3        # what it takes without FPT, on this machine now
        self.aged()
        self.site.latency(3000)
        for deadline in (0.02, 0.05, 0.1, 0.3, 1.0):
            with self.subTest(deadline), self.takes(0, deadline + 0.3):
                try:
                    self.assertEqual(cache.find("Shot", [IN_PROJECT], ["code"], max_age=AGES,
                                                deadline=deadline).source, "stale")
                except fptcache.ShotgunError:
                    self.assertLess(deadline, max(0.1, 10 * own))



