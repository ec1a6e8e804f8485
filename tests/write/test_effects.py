"""What FPT changes by itself when it carries out a write: other rows, of which its answer does not tell."""

import json
import subprocess
import sys
import unittest

from writetest import IN_PROJECT, PROJECT, WriteTest  # finds fptcache
import fptcache

FOREVER = 3600
# A write is sent within half the quiet period or never: a busy machine needs more than tests of look-ups can wait for.
PATIENT = 600
DATES = "content,start_date,due_date,entity"


class Effects(WriteTest):

    def mirrored(self, *types, **options):
        """A cache that has the types, and believes what it has for an hour."""
        options.setdefault("quiet", PATIENT)
        cache = self.cache(max_age=FOREVER, **options)
        for kind, project, fields in types:
            cache.mirror_add(kind, project, fields)
        for project in {project for _, project, _ in types}:
            cache.sync(project)
        return cache

    def asked(self, cache, kind, filters, fields):
        """The rows, and how many times FPT was asked for rows."""
        self.site.reset_requests()
        rows = cache.find(kind, filters, fields, "id").rows
        return rows, self.site.counts().get("search", 0)

    def assertAsked(self, cache, kind, filters, fields):
        """FPT is asked for what changed, once for all; the answer then is FPT's."""
        rows, n = self.asked(cache, kind, filters, fields)
        self.assertIn(n, (1, 2), "what lives, and what is retired")
        self.assertEqual(self.asked(cache, kind, filters, fields), (rows, 0))
        return rows

    def other(self, *arguments):
        """What another process finds in the cache without asking FPT for anything but what changed."""
        text = (f"import fptcache, json\nwith fptcache.open({self.directory!r}, script_name={self.site.script_name!r}, "
                f"script_key={self.site.script_key!r}, max_age={FOREVER}) as cache:\n"
                f"    print(json.dumps(cache.find(*{arguments!r}).rows))")
        done = subprocess.run([sys.executable, "-B", "-c", text], stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout)

    def template(self, *contents):
        made = self.site.create("TaskTemplate", {"code": self.code("t"), "entity_type": "Shot"})["id"]
        for content in contents:
            self.site.create("Task", {"content": content, "task_template": {"type": "TaskTemplate", "id": made},
                                      "project": {"type": "Project", "id": 102}})
        return {"type": "TaskTemplate", "id": made}

    def test_the_tasks_of_a_template(self):
        template = self.template("anim", "light")
        cache = self.mirrored(("Task", 101, DATES), ("Shot", 101, "code"))
        shot = cache.create("Shot", {"project": PROJECT, "code": self.code(), "task_template": template})[0]
        of_shot = [IN_PROJECT, ["entity", "is", {"type": "Shot", "id": shot["id"]}]]
        rows = self.assertAsked(cache, "Task", of_shot, "content")
        self.assertEqual(sorted(row["content"] for row in rows), ["anim", "light"])
        self.assertEqual(self.asked(cache, "Shot", [IN_PROJECT], "code")[1], 0)   # nothing else is asked for

    def test_another_process_is_told_too(self):
        template = self.template("comp")
        cache = self.mirrored(("Task", 101, DATES), ("Shot", 101, "code"))
        shot = cache.create("Shot", {"project": PROJECT, "code": self.code(), "task_template": template})[0]
        rows = self.other("Task", [IN_PROJECT, ["entity", "is", {"type": "Shot", "id": shot["id"]}]], "content")
        self.assertEqual([row["content"] for row in rows], ["comp"])
        self.assertEqual(self.asked(cache, "Task", [IN_PROJECT], "content")[1], 0)   # it has caught up for all

    def test_writes_that_are_sent_together(self):
        template = self.template("matte")
        cache = self.mirrored(("Task", 101, DATES), ("Shot", 101, "code"))
        data = {"project": PROJECT, "code": self.code(), "task_template": template}
        made = [cache.create("Shot", data, write="behind")[0]["id"] for _ in range(2)]
        cache.maintain()
        cache.batch([{"request_type": "create", "entity_type": "Shot", "data": data}])
        shots = [{"type": "Shot", "id": cache.resolve(shot)} for shot in made]
        of_shots = [IN_PROJECT, ["entity", "in", shots]]
        self.assertEqual(len(self.assertAsked(cache, "Task", of_shots, "content")), 2)
        self.assertEqual(len(cache.find("Task", [IN_PROJECT, ["content", "is", "matte"]], "content", mode="only-cache")), 3)

    def test_a_stored_answer_is_of_before(self):
        template = self.template("roto")
        cache = self.cache(max_age=FOREVER, quiet=PATIENT)
        by_content = [IN_PROJECT, ["content", "is", "roto"]]
        self.assertEqual(self.asked(cache, "Task", by_content, "content"), ([], 1))
        self.assertEqual(self.asked(cache, "Task", by_content, "content"), ([], 0))
        cache.create("Shot", {"project": PROJECT, "code": self.code(), "task_template": template})
        self.assertEqual(len(self.assertAsked(cache, "Task", by_content, "content")), 1)

    def test_dates_move_the_tasks_that_wait(self):
        first, second, third = (self.site.create("Task", {
            "project": PROJECT, "content": self.code(name), "start_date": "2026-03-02", "due_date": "2026-03-03"})["id"]
            for name in ("a", "b", "c"))
        cache = self.mirrored(("Task", 101, DATES))
        for task, waits_for in ((second, first), (third, second)):
            cache.update("Task", task, {"upstream_tasks": [{"type": "Task", "id": waits_for}]})
        ids = [IN_PROJECT, ["id", "in", [first, second, third]]]
        self.assertAsked(cache, "Task", ids, DATES)
        cache.update("Task", first, {"due_date": "2026-03-06"})
        rows = {row["id"]: row for row in self.assertAsked(cache, "Task", ids, DATES)}
        theirs = {row["id"]: row for row in self.site.rows("Task")}
        for task in (first, second, third):
            self.assertEqual([rows[task][name] for name in ("start_date", "due_date")],
                             [theirs[task][name] for name in ("start_date", "due_date")])
        self.assertGreater(rows[third]["start_date"], "2026-03-06")
        cache.update("Task", first, {"content": self.code("renamed")})   # moves nothing
        self.assertEqual(self.asked(cache, "Task", ids, DATES)[1], 0)

    def test_versions_retire_with_their_shot(self):
        shot = self.site.create("Shot", {"project": PROJECT, "code": self.code()})["id"]
        version = self.site.create("Version", self.version(entity={"type": "Shot", "id": shot}))["id"]
        cache = self.mirrored(("Shot", 101, "code"), ("Version", 101, "code,entity"))
        self.assertEqual(len(cache.find("Version", [IN_PROJECT, ["id", "is", version]], "code")), 1)
        cache.delete("Shot", shot)
        self.assertEqual(self.assertAsked(cache, "Version", [IN_PROJECT, ["id", "is", version]], "code"), [])

    def test_dependencies_retire_with_their_task(self):
        first, second = (self.site.create("Task", {"project": PROJECT, "content": self.code(name)})["id"]
                         for name in ("a", "b"))
        cache = self.mirrored(("TaskDependency", 0, "task,dependent_task"), ("Task", 101, "content"))
        cache.update("Task", second, {"upstream_tasks": [{"type": "Task", "id": first}]})
        of_task = [["dependent_task", "is", {"type": "Task", "id": first}]]
        self.assertEqual(len(self.assertAsked(cache, "TaskDependency", of_task, "task")), 1)
        cache.delete("Task", first)
        found = cache.find("TaskDependency", None, "dependent_task", max_age=FOREVER).rows
        self.assertNotIn(first, [(row["dependent_task"] or {}).get("id") for row in found])
        theirs = {row["id"] for row in self.site.rows("TaskDependency")}
        self.assertEqual({row["id"] for row in found}, theirs)

    def test_replies_that_a_list_leaves_out(self):
        note = self.site.create("Note", {"project": PROJECT, "subject": self.code()})["id"]
        cache = self.cache(max_age=FOREVER, quiet=PATIENT)
        replies = [cache.create("Reply", {"entity": {"type": "Note", "id": note}, "content": text})[0]["id"]
                   for text in ("one", "two")]
        cache.mirror_add("Reply", 0, "content,entity")
        cache.sync(0)
        of_note = [["id", "in", replies]]
        self.assertEqual(len(cache.find("Reply", of_note, "content")), 2)
        cache.update("Note", note, {"replies": [{"type": "Reply", "id": replies[0]}]})
        self.assertEqual([row["content"] for row in self.assertAsked(cache, "Reply", of_note, "content")], ["one"])

    def test_what_is_not_caught_up_is_not_called_complete(self):
        shot = self.site.create("Shot", {"project": PROJECT, "code": self.code()})["id"]
        cache = self.mirrored(("Shot", 101, "code"), ("Version", 101, "code"))
        cache.delete("Shot", shot)
        found = cache.find("Version", [IN_PROJECT], "code", mode="only-cache")
        self.assertFalse(found.complete)
        why = str(cache.explain("Version", [IN_PROJECT], "code"))
        self.assertIn("a write changed rows of Version at FPT", why)
        cache.compact("project-101")   # the snapshot says so, too
        self.assertFalse(cache.find("Version", [IN_PROJECT], "code", mode="only-cache").complete)
        cache.find("Version", [IN_PROJECT], "code")
        self.assertTrue(cache.find("Version", [IN_PROJECT], "code", mode="only-cache").complete)
        self.assertNotIn("a write changed", str(cache.explain("Version", [IN_PROJECT], "code")))

    def test_a_write_whose_answer_was_lost(self):
        template = self.template("fx")
        cache = self.mirrored(("Task", 101, DATES), ("Shot", 101, "code"))
        data = {"project": PROJECT, "code": self.code(), "task_template": template}
        event = self.lost(cache.create, "Shot", data)
        self.quiet()
        shot = self.cache().create("Shot", data, event_id=event)[0]
        of_shot = [IN_PROJECT, ["entity", "is", {"type": "Shot", "id": shot["id"]}]]
        self.assertEqual([row["content"] for row in self.assertAsked(cache, "Task", of_shot, "content")], ["fx"])


class Lists(WriteTest):
    """Lists of links that are added to, removed from, or set."""

    def setUp(self):
        super().setUp()
        self.links = [{"type": "Asset", "id": row["id"]} for row in self.site.rows("Asset")
                      if (row["project"] or {}).get("id") == 101][:4]
        self.shot = self.site.create("Shot", {"project": PROJECT, "code": self.code(), "assets": self.links[:2]})["id"]
        self.held = self.cache(max_age=FOREVER, quiet=PATIENT, refresh=0)
        self.held.mirror_add("Shot", 101, "code,assets")
        self.held.mirror_add("Asset", 101, "code")
        self.held.sync(101)

    def delta(self, mode, *numbers):
        return {"assets": {"multi_entity_update_mode": mode, "value": [self.links[i] for i in numbers]}}

    def assertLists(self, *numbers, cache=None):
        """The cache and FPT have these, and FPT is not asked for it."""
        expected = sorted(self.links[i]["id"] for i in numbers)
        theirs, = (row for row in self.site.rows("Shot") if row["id"] == self.shot)
        self.assertEqual(sorted(link["id"] for link in theirs["assets"]), expected)
        self.site.reset_requests()
        found, = (cache or self.held).find("Shot", [IN_PROJECT, ["id", "is", self.shot]], "assets").rows
        self.assertEqual((sorted(link["id"] for link in found["assets"]), self.site.counts().get("search", 0)),
                         (expected, 0))

    def test_add_remove_set(self):
        for mode, numbers, expected in (("add", [2], [0, 1, 2]), ("add", [2, 3], [0, 1, 2, 3]), ("remove", [0, 2], [1, 3]),
                                        ("remove", [0], [1, 3]), ("set", [0], [0])):
            with self.subTest(mode):
                row = self.held.update("Shot", self.shot, self.delta(mode, *numbers))[0]
                self.assertEqual(sorted(link["id"] for link in row["assets"]),
                                 sorted(self.links[i]["id"] for i in expected))
                self.assertLists(*expected)
        self.held.update("Shot", self.shot, {"assets": []})
        self.assertLists()

    def test_what_was_added_meanwhile_stays(self):
        """The cache does not know what another tool has added; FPT keeps it, and the cache learns of it."""
        self.site.touch("Shot", self.shot, {"assets": self.links[:3]})
        self.held.update("Shot", self.shot, self.delta("add", 3))
        self.assertLists(0, 1, 2, 3)
        self.held.update("Shot", self.shot, self.delta("remove", 0))
        self.assertLists(1, 2, 3)

    def test_an_answer_that_was_lost(self):
        for kind, sent in (("504-after-commit", 1), ("504", 2)):
            for mode, number, expected in (("add", 3, [0, 1, 3]), ("remove", 3, [0, 1])):
                with self.subTest(kind=kind, mode=mode):
                    self.site.reset_requests()
                    data = self.delta(mode, number)
                    event = self.lost(self.held.update, "Shot", self.shot, data, kind=kind)
                    self.quiet()
                    self.cache().update("Shot", self.shot, data, event_id=event)
                    self.assertEqual(self.site.counts().get("update"), sent)
                    self.assertLists(*expected)

    def test_what_is_refused_changes_nothing(self):
        for wrong, text in (({"multi_entity_update_mode": "more", "value": []}, "multi_entity_update_mode"),
                            ({"multi_entity_update_mode": "add"}, "value"),
                            ({"multi_entity_update_mode": "add", "value": [{"type": "Asset", "id": 987654321}]}, "legal")):
            with self.assertRaisesRegex(fptcache.Fault, text):
                self.held.update("Shot", self.shot, {"assets": wrong})
        self.assertLists(0, 1)

    def test_behind(self):
        shown = self.held.update("Shot", self.shot, self.delta("add", 2), write="behind")
        self.assertTrue(shown.pending)
        self.assertEqual({link["id"] for link in shown[0]["assets"]}, {link["id"] for link in self.links[:3]})
        made = self.held.create("Asset", {"project": PROJECT, "code": self.code("a")}, write="behind")[0]["id"]
        self.held.update("Shot", self.shot, {"assets": {"multi_entity_update_mode": "add", "value": [
            {"type": "Asset", "id": made}]}}, write="behind")
        shown = self.held.update("Shot", self.shot, self.delta("remove", 0), write="behind")
        self.assertEqual({link["id"] for link in shown[0]["assets"]}, {*(link["id"] for link in self.links[1:3]), made})
        nobody = self.site.create("Shot", {"project": PROJECT, "code": self.code("unknown")})["id"]   # nobody has read it
        shown = self.held.update("Shot", nobody, self.delta("add", 0), write="behind")
        self.assertNotIn("assets", shown[0])
        shown = self.held.update("Shot", nobody, self.delta("set", 1), write="behind")
        self.assertEqual([link["id"] for link in shown[0]["assets"]], [self.links[1]["id"]])
        self.held.maintain()
        self.links.append({"type": "Asset", "id": self.held.resolve(made)})
        self.assertLists(1, 2, 4)


if __name__ == "__main__":
    unittest.main()
