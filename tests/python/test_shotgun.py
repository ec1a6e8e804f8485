"""fptcache.Shotgun against the test site: results as the official client gives them, and few visits."""

import datetime
import os
import threading
import unittest.mock

import fptcache
from support import IN_PROJECT, PROJECT, WithSite

FIELDS = ["code", "sg_status_list", "description", "created_at", "sg_cut_in", "sg_sequence", "assets", "created_by"]


def as_text(value):
    """A datetime as FPT writes it."""
    if isinstance(value, datetime.datetime):
        assert value.tzinfo is not None
        return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value


def by_id(links):
    return sorted(links, key=lambda link: (link["type"], link["id"]))


class Reading(WithSite):

    def test_rows_are_those_of_the_site(self):
        sg = self.shotgun()
        expected = self.of_project("Shot")
        for attempt in ("first", "again"):
            found = sg.find("Shot", [IN_PROJECT], FIELDS)
            self.assertEqual([row["id"] for row in found], sorted(expected), attempt)
            for row in found:
                self.assertEqual(set(row), {"type", "id", *FIELDS})
                self.assertIsInstance(row["created_at"], datetime.datetime)
                for name in FIELDS:
                    want, have = expected[row["id"]][name], as_text(row[name])
                    if name == "assets":
                        want, have = by_id(want), by_id(have)
                    self.assertEqual(have, want, (attempt, row["id"], name))

    def test_default_fields(self):
        sg = self.shotgun()
        first = min(self.of_project("Shot"))
        for fields in (None, [], ["id"], ["id", "type"]):
            self.assertEqual(sg.find("Shot", [IN_PROJECT], fields)[0], {"type": "Shot", "id": first})

    def test_visits(self):
        sg = self.shotgun(max_age=600)
        question = ("Shot", [IN_PROJECT, ["sg_status_list", "is", "ip"]], ["code"])
        first, counts = self.visits(lambda: sg.find(*question))
        self.assertEqual(counts.get("search"), 1, counts)
        again, counts = self.visits(lambda: sg.find(*question))
        self.assertEqual(counts, {})
        self.assertEqual(again, first)
        program = f"print(json.dumps(sg.find(*{question!r})))"
        elsewhere, counts = self.visits(lambda: self.elsewhere(program, max_age=600))
        self.assertEqual(counts, {})
        self.assertEqual(elsewhere, first)

    def test_find_one(self):
        sg = self.shotgun()
        self.assertIsNone(sg.find_one("Shot", [IN_PROJECT, ["code", "is", "no such shot"]]))
        self.assertIsNone(sg.find_one("Shot", [["id", "is", 999999]]))
        last = max(self.of_project("Shot").values(), key=lambda row: (row["code"].lower(), -row["id"]))
        found = sg.find_one("Shot", [IN_PROJECT], ["code"], [{"field_name": "code", "direction": "desc"}])
        self.assertEqual(found["code"], last["code"])

    def test_order_limit_page(self):
        sg = self.shotgun()
        order = [{"field_name": "sg_cut_in", "direction": "desc"}, {"field_name": "id", "direction": "asc"}]
        filters = [IN_PROJECT, ["sg_cut_in", "is_not", None]]
        ids = [row["id"] for row in sg.find("Shot", filters, ["sg_cut_in"], order)]
        rows = self.of_project("Shot")
        self.assertEqual(ids, sorted((i for i in rows if rows[i]["sg_cut_in"] is not None),
                                     key=lambda i: (-rows[i]["sg_cut_in"], i)))
        self.assertGreater(len(ids), 6)
        self.assertEqual([row["id"] for row in sg.find("Shot", filters, [], order, limit=4)], ids[:4])
        self.assertEqual([row["id"] for row in sg.find("Shot", filters, [], order, limit=2, page=3)], ids[4:6])
        self.assertEqual(sg.find("Shot", filters, [], order, limit=2, page=1000), [])
        self.assertEqual(len(sg.find("Shot", filters, [], order, page=1)), len(ids))

    def test_pages_are_never_above_500_rows(self):
        sg = self.shotgun()
        for given, asked in (((0, 0), (0, 0)), ((7, 0), (7, 0)), ((7, 2), (7, 2)), ((600, 0), (600, 0)),
                             ((600, 2), (500, 2)), ((0, 3), (500, 3))):
            with unittest.mock.patch.object(sg.cache, "find", return_value=[]) as find:
                sg.find("Shot", [], limit=given[0], page=given[1])
            self.assertEqual(find.call_args[0][4:6], asked)

    def test_retired_only(self):
        sg = self.shotgun(max_age=600)
        new = [self.site.create("Shot", {"code": f"retired {n}", "project": PROJECT})["id"] for n in range(3)]
        mine = ["code", "starts_with", "retired "]
        for row_id in new[:2]:
            self.site.retire("Shot", row_id)
        self.assertEqual([row["id"] for row in sg.find("Shot", [IN_PROJECT, mine])], new[2:])
        for _ in range(2):   # FPT knows its trash, the cache does not
            trash, counts = self.visits(lambda: sg.find("Shot", [IN_PROJECT, mine], ["code"], retired_only=True))
            self.assertEqual(trash, [{"type": "Shot", "id": row_id, "code": f"retired {n}"}
                                     for n, row_id in enumerate(new[:2])])
            self.assertEqual(counts, {"search": 1})
        self.assertEqual(sg.find_one("Shot", [["id", "is", new[1]]], ["code"], retired_only=True)["code"], "retired 1")
        self.assertIsNone(sg.find_one("Shot", [["id", "is", new[1]]]))
        self.assertIsNone(sg.find_one("Shot", [["id", "is", new[2]]], retired_only=True))

    def test_archived_projects(self):
        sg = self.shotgun(max_age=0)
        project = self.site.create("Project", {"name": "put away"})
        link = {"type": "Project", "id": project["id"]}
        shot = self.site.create("Shot", {"code": "of old", "project": link})["id"]
        question = ("Shot", [["code", "is", "of old"]])
        for archived in (False, True):
            self.site.touch("Project", project["id"], {"archived": archived})
            self.assertEqual([row["id"] for row in sg.find(*question)], [shot])
            wanted = [] if archived else [shot]
            self.assertEqual([row["id"] for row in sg.find(*question, include_archived_projects=False)], wanted)
            self.assertEqual(sg.find_one(*question, include_archived_projects=False) is None, archived)
            counted = sg.summarize(*question, [{"field": "id", "type": "count"}], include_archived_projects=False)
            self.assertEqual(counted["summaries"], {"id": len(wanted)})

    def test_filters(self):
        sg = self.shotgun()
        rows = self.of_project("Shot")

        def ids(*filters, **options):
            return {row["id"] for row in sg.find("Shot", list(filters), **options)}

        some = sorted(rows)[:3]
        self.assertEqual(ids(["id", "in", *some]), set(some))
        self.assertEqual(ids(IN_PROJECT, {"filter_operator": "any", "filters": [["id", "is", some[0]],
                                                                              ["id", "is", some[2]]]}),
                         {some[0], some[2]})
        self.assertEqual(ids(["id", "is", some[0]], ["id", "is", some[1]], filter_operator="any"), set(some[:2]))
        middle = sorted(row["created_at"] for row in rows.values())[len(rows) // 2]
        moment = datetime.datetime.strptime(middle, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
        self.assertEqual(ids(IN_PROJECT, ["created_at", "greater_than", moment.astimezone().replace(tzinfo=None)]),
                         {i for i in rows if rows[i]["created_at"] > middle})
        sequence = next(row["sg_sequence"] for row in rows.values() if row["sg_sequence"])
        # A whole row of an earlier answer serves as the link.
        self.assertEqual(ids(IN_PROJECT, ["sg_sequence", "is", {**sequence, "code": "x", "created_at": moment}]),
                         {i for i in rows if rows[i]["sg_sequence"] and rows[i]["sg_sequence"]["id"] == sequence["id"]})

    def test_linked_field(self):
        sg = self.shotgun()
        rows = self.of_project("Shot")
        sequences = {row["id"]: row for row in self.site.rows("Sequence")}
        for row in sg.find("Shot", [IN_PROJECT], ["sg_sequence.Sequence.code"]):
            link = rows[row["id"]]["sg_sequence"]
            self.assertEqual(row["sg_sequence.Sequence.code"], sequences[link["id"]]["code"] if link else None)

    def test_naive_datetimes_on_request(self):
        sg = self.shotgun(convert_datetimes_to_utc=False)
        row = sg.find_one("Shot", [IN_PROJECT], ["created_at"])
        self.assertIsNone(row["created_at"].tzinfo)
        self.assertEqual(row["created_at"].strftime("%Y-%m-%dT%H:%M:%SZ"),
                         self.of_project("Shot")[row["id"]]["created_at"])

    def test_summarize(self):
        sg = self.shotgun(max_age=600)
        rows = self.of_project("Shot").values()
        sg.cache.mirror_add("Shot", 101)
        sg.cache.mirror_add("Sequence", 101)
        sg.cache.sync()
        count = [{"field": "id", "type": "count"}, {"field": "sg_cut_in", "type": "maximum"}]
        grouping = [{"field": "sg_sequence", "type": "exact", "direction": "asc"}]
        found, visits = self.visits(lambda: sg.summarize("Shot", [IN_PROJECT], count, grouping=grouping))
        self.assertEqual(visits, {})
        self.assertEqual(set(found), {"groups", "summaries"})  # as shotgun_api3 returns it
        self.assertEqual(found["summaries"], {"id": len(rows), "sg_cut_in": max(row["sg_cut_in"] or 0 for row in rows)})
        sequences = {(row["sg_sequence"] or {}).get("id") for row in rows}
        self.assertEqual({(group["group_value"] or {}).get("id") for group in found["groups"]}, sequences)
        self.assertEqual(found["groups"][0]["group_value"]["valid"], "valid")
        self.assertEqual(found["groups"][0]["group_name"], found["groups"][0]["group_value"]["name"])
        self.assertEqual(sum(group["summaries"]["id"] for group in found["groups"]), len(rows))
        first = min(row["id"] for row in rows)
        some = sg.summarize("Shot", [["id", "is", first], ["id", "is", first + 1]], count[:1], "any")
        self.assertEqual(some, {"groups": [], "summaries": {"id": 2}})
        # What only FPT can answer, and a moment of its own spelling.
        roll_up, visits = self.visits(
            lambda: sg.summarize("Shot", [IN_PROJECT], [{"field": "sg_status_list", "type": "status_list"},
                                                        {"field": "created_at", "type": "latest"}]))
        self.assertEqual(visits, {"summarize": 1})
        self.assertEqual(roll_up["summaries"]["sg_status_list"], "ip")
        self.assertEqual(as_text(roll_up["summaries"]["created_at"]), max(row["created_at"] for row in rows))
        with self.assertRaises(ValueError):
            sg.summarize("Shot", [], count, grouping={"field": "code"})
        with self.assertRaisesRegex(fptcache.Fault, "type must be one of"):
            sg.summarize("Shot", [], [{"field": "id", "type": "median"}])

    def test_many_threads(self):
        sg = self.shotgun()
        expected = len(self.of_project("Task"))
        counts = []

        def ask():
            counts.append(len(sg.find("Task", [IN_PROJECT], ["content"])))

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(counts, [expected] * 6)


class Failing(WithSite):

    def test_faults(self):
        sg = self.shotgun()
        with self.assertRaisesRegex(fptcache.Fault, "no_such_field"):
            sg.find("Shot", [["no_such_field", "is", 1]])
        with self.assertRaisesRegex(fptcache.Fault, "NoSuchType"):
            sg.find("NoSuchType", [])
        with self.assertRaisesRegex(fptcache.Fault, "starts_like"):
            sg.find("Shot", [["code", "starts_like", "x"]])

    def test_wrong_key(self):
        sg = self.shotgun(api_key="wrong_key_42")
        with self.assertRaises(fptcache.AuthenticationFault) as caught:
            sg.find("Shot", [IN_PROJECT])
        self.assertIsInstance(caught.exception, fptcache.Fault)
        self.assertEqual(caught.exception.name, "FPTC_EAUTH")
        self.assertNotIn("wrong_key_42", str(caught.exception))

    def test_what_is_not_supported_says_so(self):
        sg = self.shotgun()
        presets = [{"preset_name": "LATEST", "latest_by": "ENTITIES_CREATED_AT"}]
        for find in (sg.find, sg.find_one):
            with self.assertRaisesRegex(NotImplementedError, "additional_filter_presets.*shotgun_api3"):
                find("Version", [], additional_filter_presets=presets)
            find("Version", [IN_PROJECT], additional_filter_presets=None)
        with self.assertRaisesRegex(AttributeError, "shotgun_api3"):
            sg.follow(PROJECT, PROJECT)
        self.assertFalse(hasattr(sg, "follow"))
        with self.assertRaises(fptcache.NotSupported):
            self.shotgun(script_name=None, api_key=None, login="a", password="b", auth_token="c")

    def test_no_data(self):
        self.shotgun()
        sg = self.shotgun(mode="only-cache", script_name=None, api_key=None)
        _, counts = self.visits(lambda: self.assertRaises(fptcache.NoData, sg.find, "Shot", [IN_PROJECT]))
        self.assertEqual(counts, {})

    def test_directory_of_another_site(self):
        self.shotgun()
        with self.assertRaises(fptcache.StoreError) as caught:
            fptcache.Shotgun("http://127.0.0.1:1", "s", "k", cache_dir=self.directory)
        self.assertEqual(caught.exception.name, "FPTC_EEXIST")
        self.assertIsInstance(caught.exception, OSError)

    def test_closed(self):
        with self.shotgun() as sg:
            sg.find("Shot", [IN_PROJECT])
        sg.close()
        with self.assertRaises(fptcache.Closed):
            sg.find("Shot", [IN_PROJECT])
        sg = self.shotgun(connect=False)
        sg.close()
        with self.assertRaises(fptcache.Closed):
            sg.find("Shot", [IN_PROJECT])

    def test_fork(self):
        sg = self.shotgun()
        sg.find("Shot", [IN_PROJECT])
        child = os.fork()
        if child == 0:
            code = 1
            try:
                sg.find("Shot", [IN_PROJECT])
            except fptcache.Closed as error:
                sg.close()
                code = 0 if error.name == "FPTC_EFORK" else 2
            finally:
                os._exit(code)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertTrue(sg.find("Shot", [IN_PROJECT]))


class Writing(WithSite):

    def test_create_update_delete(self):
        sg = self.shotgun()
        sg.find("Shot", [IN_PROJECT], ["code", "sg_status_list", "sg_turnover_date", "sg_client_seen_at"])
        moment = datetime.datetime(2026, 5, 6, 7, 8, 9, tzinfo=datetime.timezone.utc)
        data = {"project": PROJECT, "code": "fresh_010", "sg_turnover_date": datetime.date(2026, 5, 6),
                "sg_client_seen_at": moment}
        shot, counts = self.visits(lambda: sg.create("Shot", data))
        self.assertEqual(counts.get("create"), 1, counts)
        self.assertEqual(set(shot), {"type", "id", *data})
        self.assertEqual((shot["type"], shot["code"]), ("Shot", "fresh_010"))
        self.assertEqual((shot["project"]["type"], shot["project"]["id"]), ("Project", 101))
        self.assertEqual((shot["sg_turnover_date"], shot["sg_client_seen_at"]), ("2026-05-06", moment))
        theirs = self.of_project("Shot")[shot["id"]]
        self.assertEqual((theirs["code"], theirs["sg_client_seen_at"]), ("fresh_010", "2026-05-06T07:08:09Z"))

        link = {"type": "Shot", "id": shot["id"]}
        mine = [IN_PROJECT, ["id", "is", shot["id"]]]
        read = f"print(json.dumps(sg.find_one('Shot', {mine!r}, ['code', 'sg_status_list'])))"
        found, counts = self.visits(lambda: sg.find_one("Shot", mine, ["code"]))
        self.assertEqual((found, counts), ({**link, "code": "fresh_010"}, {}))
        self.assertEqual(self.elsewhere(read)["code"], "fresh_010")

        updated, counts = self.visits(lambda: sg.update("Shot", shot["id"], {"sg_status_list": "fin"}))
        self.assertEqual((updated, counts.get("update")), ({**link, "sg_status_list": "fin"}, 1))
        self.assertEqual(self.of_project("Shot")[shot["id"]]["sg_status_list"], "fin")
        self.assertEqual(sg.find_one("Shot", mine, ["sg_status_list"])["sg_status_list"], "fin")
        self.assertEqual(self.elsewhere(read), {**link, "code": "fresh_010", "sg_status_list": "fin"})
        self.assertEqual(sg.update("Shot", shot["id"], {}), link)

        deleted, counts = self.visits(lambda: sg.delete("Shot", shot["id"]))
        self.assertEqual((deleted, counts.get("delete")), (True, 1))
        self.assertNotIn(shot["id"], self.of_project("Shot"))
        self.assertIsNone(sg.find_one("Shot", mine))
        self.assertIsNone(sg.find_one("Shot", mine[1:]))
        self.assertIsNone(self.elsewhere(read))
        self.assertIs(sg.delete("Shot", shot["id"]), False)

        revived, counts = self.visits(lambda: sg.revive("Shot", shot["id"]))
        self.assertEqual((revived, counts.get("revive")), (True, 1), counts)
        self.assertIn(shot["id"], self.of_project("Shot"))
        again, counts = self.visits(lambda: sg.find_one("Shot", mine, ["code", "sg_status_list"]))
        self.assertEqual((again, counts), ({**link, "code": "fresh_010", "sg_status_list": "fin"}, {}))
        self.assertEqual(self.elsewhere(read), again)
        self.assertIs(sg.revive("Shot", shot["id"]), False)
        with self.assertRaisesRegex(fptcache.Fault, "does not exist"):
            sg.revive("Shot", 987654321)

    def test_return_fields(self):
        sg = self.shotgun()
        shot = sg.create("Shot", {"project": PROJECT, "code": "fresh_020"}, ["sg_status_list", "created_at", "id"])
        self.assertEqual(set(shot), {"type", "id", "project", "code", "sg_status_list", "created_at"})
        theirs = self.of_project("Shot")[shot["id"]]
        self.assertEqual((shot["sg_status_list"], as_text(shot["created_at"])),
                         (theirs["sg_status_list"], theirs["created_at"]))

    def test_what_was_sent_comes_back_though_it_is_not_kept(self):
        sg = self.shotgun()
        sg.cache.mirror_add("Shot", 101, "sg_cut_in")
        sg.cache.sync()
        moment = datetime.datetime(2026, 5, 6, 7, 8, 9, tzinfo=datetime.timezone.utc)
        shot = sg.create("Shot", {"project": PROJECT, "code": "fresh_025", "sg_client_seen_at": moment})
        self.assertEqual((shot["code"], shot["sg_client_seen_at"]), ("fresh_025", moment))
        self.assertEqual(sg.update("Shot", shot["id"], {"code": "fresh_026"})["code"], "fresh_026")

    def test_update_from_a_process_that_never_saw_the_row(self):
        sg = self.shotgun(max_age=600)
        sg.cache.mirror_add("Shot", 101)
        sg.cache.sync()
        shot = min(self.of_project("Shot"))
        code = self.of_project("Shot")[shot]["code"]
        self.elsewhere(f"print(json.dumps(sg.update('Shot', {shot}, {{'sg_status_list': 'hld'}})))")
        mine = [IN_PROJECT, ["id", "is", shot]]
        read = f"print(json.dumps(sg.find_one('Shot', {mine!r}, ['code', 'sg_status_list'])))"
        found, counts = self.visits(lambda: self.elsewhere(read, mode="only-cache"))
        self.assertEqual((found, counts), ({"type": "Shot", "id": shot, "code": code, "sg_status_list": "hld"}, {}))

    def test_floats(self):
        """A whole float is sent as one: FPT refuses an Integer there."""
        sg = self.shotgun()
        row = sg.create("Shot", {"code": "float", "project": PROJECT, "sg_aspect_ratio": 24.0})
        self.assertEqual(row["sg_aspect_ratio"], 24.0)
        self.assertEqual(sg.update("Shot", row["id"], {"sg_aspect_ratio": 2.0})["sg_aspect_ratio"], 2.0)
        with self.assertRaisesRegex(fptcache.Fault, "Float"):
            sg.update("Shot", row["id"], {"sg_aspect_ratio": 2})

    def test_links(self):
        sg = self.shotgun()
        assets = sorted(self.of_project("Asset"))[:2]
        links = [{"type": "Asset", "id": i, "name": "not sent", "code": "not sent"} for i in assets]
        shot = sg.create("Shot", {"project": PROJECT, "code": "fresh_030", "assets": links[:1]})
        self.assertEqual([link["id"] for link in shot["assets"]], assets[:1])
        self.assertEqual(set(shot["assets"][0]) - {"name"}, {"type", "id"})
        shot = sg.update("Shot", shot["id"], {"assets": links[1:]}, multi_entity_update_modes={"assets": "add"})
        self.assertEqual(sorted(link["id"] for link in shot["assets"]), assets)
        theirs = self.of_project("Shot")[shot["id"]]
        self.assertEqual(sorted(link["id"] for link in theirs["assets"]), assets)

    def test_batch(self):
        sg = self.shotgun()
        self.assertEqual(sg.batch([]), [])
        assets = [{"type": "Asset", "id": i, "name": "not sent"} for i in sorted(self.of_project("Asset"))[:2]]
        old, gone = (sg.create("Shot", {"project": PROJECT, "code": code, "assets": assets[:1]})["id"]
                     for code in ("batch_old", "batch_gone"))
        moment = datetime.datetime(2026, 5, 6, 7, 8, 9, tzinfo=datetime.timezone.utc)
        requests = [
            {"request_type": "create", "entity_type": "Shot", "return_fields": ["sg_status_list"],
             "data": {"project": PROJECT, "code": "batch_new", "sg_client_seen_at": moment}},
            {"request_type": "update", "entity_type": "Shot", "entity_id": old, "data": {"assets": assets[1:]},
             "multi_entity_update_modes": {"assets": "add", "tags": "add"}},
            {"request_type": "delete", "entity_type": "Shot", "entity_id": gone}]
        (made, updated, deleted), counts = self.visits(lambda: sg.batch(requests))
        self.assertEqual((counts.get("batch"), deleted), (1, True))
        theirs = self.of_project("Shot")
        self.assertEqual((made["type"], made["code"], made["sg_client_seen_at"]), ("Shot", "batch_new", moment))
        self.assertEqual(set(made), {"type", "id", "project", "code", "sg_client_seen_at", "sg_status_list"})
        self.assertEqual(made["sg_status_list"], theirs[made["id"]]["sg_status_list"])
        self.assertEqual(sorted(link["id"] for link in updated["assets"]), [each["id"] for each in assets])
        self.assertEqual(set(updated), {"type", "id", "assets"})
        self.assertNotIn(gone, theirs)
        found, counts = self.visits(lambda: sg.find_one("Shot", [IN_PROJECT, ["id", "is", made["id"]]], ["code"]))
        self.assertEqual(found["code"], "batch_new")
        with self.assertRaisesRegex(fptcache.Fault, "no_such_field"):
            sg.batch([requests[0], {"request_type": "update", "entity_type": "Shot", "entity_id": old,
                                    "data": {"no_such_field": 1}}])
        with self.assertRaisesRegex(fptcache.Fault, "does not exist"):
            sg.batch([requests[0], requests[2]])
        self.assertEqual(sum(row["code"] == "batch_new" for row in self.of_project("Shot").values()), 1)
        for wrong, text in (({}, "list"), ([{}], "request_type"), ([{"request_type": "create"}], "entity_type"),
                            ([{"request_type": "create", "entity_type": "Shot"}], "data"),
                            ([{"request_type": "update", "entity_type": "Shot", "data": {}}], "entity_id"),
                            ([{"request_type": "read", "entity_type": "Shot"}], "instead of create")):
            with self.assertRaisesRegex(fptcache.ShotgunError, text):
                sg.batch(wrong)

    def test_behind(self):
        sg = self.shotgun(write="behind", hold="never")
        sg.schema_read()   # it was fetched once: FPT is asked nothing more
        self.site.reset_requests()
        shot = sg.create("Shot", {"project": PROJECT, "code": "behind_1"}, return_fields=["code"])
        self.assertLess(shot["id"], 0)
        self.assertEqual(shot, {"type": "Shot", "id": shot["id"], "project": shot["project"], "code": "behind_1"})
        version, deleted = sg.batch([
            {"request_type": "create", "entity_type": "Version",
             "data": {"project": PROJECT, "code": "behind_v", "entity": shot}},
            {"request_type": "delete", "entity_type": "Shot", "entity_id": min(self.of_project("Shot"))}])
        self.assertEqual((version["code"], deleted), ("behind_v", True))
        self.assertLess(version["id"], 0)
        changed = sg.update("Shot", shot["id"], {"description": "soon"})
        self.assertEqual(changed, {"type": "Shot", "id": shot["id"], "description": "soon"})
        assets = [{"type": "Asset", "id": i} for i in sorted(self.of_project("Asset"))[:2]]
        for links in (assets[:1], assets[1:]):
            changed = sg.update("Shot", shot["id"], {"assets": links}, multi_entity_update_modes={"assets": "add"})
        self.assertEqual([link["id"] for link in changed["assets"]], [each["id"] for each in assets])
        self.assertIs(sg.delete("Shot", max(self.of_project("Shot"))), True)
        counts = self.site.counts()
        self.assertEqual([counts.get(kind, 0) for kind in ("create", "update", "delete", "batch")], [0] * 4)
        with self.assertRaises(fptcache.Pending):
            sg.upload("Shot", shot["id"], __file__)
        with self.assertRaisesRegex(fptcache.NotSupported, "picture"):
            sg.create("Shot", {"project": PROJECT, "code": "behind_2", "image": __file__})
        sg.cache.maintain()
        theirs = self.of_project("Version")[sg.cache.resolve(version["id"])]
        self.assertEqual(theirs["entity"]["id"], sg.cache.resolve(shot["id"]))
        self.assertEqual(self.of_project("Shot")[sg.cache.resolve(shot["id"])]["description"], "soon")
        self.assertEqual(sum(row["code"].startswith("behind") for row in self.of_project("Shot").values()), 1)
        self.assertTrue(sg.upload("Shot", shot["id"], __file__))

    def test_refused(self):
        sg = self.shotgun()
        before = len(self.of_project("Shot"))
        with self.assertRaises(fptcache.Fault):
            sg.create("Shot", {"project": PROJECT, "no_such_field": 1})
        with self.assertRaises(fptcache.Fault) as caught:
            sg.create("Shot", {"code": "without project"})
        self.assertTrue(caught.exception.event_id)
        self.assertEqual(len(self.of_project("Shot")), before)

    def test_answer_lost(self):
        sg = self.shotgun()
        self.site.faults([{"kind": "504-after-commit", "match": "POST .*/entity/[Ss]hots?$", "times": 1}])
        with self.assertRaises(fptcache.UnknownOutcome) as caught:
            sg.create("Shot", {"project": PROJECT, "code": "fresh_040"})
        self.assertIsInstance(caught.exception, fptcache.Unsettled)
        self.assertEqual(len(caught.exception.event_id), 32)
        count = sum(row["code"] == "fresh_040" for row in self.of_project("Shot").values())
        self.assertEqual(count, 1)
        with self.assertRaises(fptcache.Unsettled):
            sg.cache.create("Shot", {"project": PROJECT, "code": "fresh_040"}, event_id=caught.exception.event_id)
        count = sum(row["code"] == "fresh_040" for row in self.of_project("Shot").values())
        self.assertEqual(count, 1)


class SiteDown(WithSite):

    def test_reading_goes_on(self):
        sg = self.shotgun(max_age=0)
        rows = sg.find("Asset", [IN_PROJECT], ["code"])
        self.assertTrue(rows)
        self.site.stop()
        try:
            self.assertEqual(sg.find("Asset", [IN_PROJECT], ["code"]), rows)
            with self.assertRaises(fptcache.NoData):
                sg.find("Note", [IN_PROJECT], ["subject"])
            with self.assertRaises(fptcache.NetworkError) as caught:
                sg.create("Shot", {"project": PROJECT, "code": "never"})
            self.assertIsInstance(caught.exception, ConnectionError)
        finally:
            self.site.start()
        self.assertTrue(sg.find("Note", [IN_PROJECT], ["subject"]))
