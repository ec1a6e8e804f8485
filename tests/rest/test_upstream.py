"""lib/upstream against the bundled test site: what FPT gives, and what its bad days do to it."""

import time
import unittest

from upstream_case import SLACK_MS, Case
import harness

KEY = "s1te-key/for+the=driver"
PAGE = {"type": "Shot", "fields": "code"}
SEARCH = "_search"
CREATE = "POST .*/entity/[A-Za-z]+$"
READ_FAULTS = ["429", "502", "503", "504", "reset", "reset-after-commit", "truncate", "html-503"]


class OnSite(Case):
    """One site for all; every test starts with its counts at zero and no fault."""

    @classmethod
    def setUpClass(cls):
        cls.site = harness.Site(rows=2000, script_key=KEY).start()
        cls.project = cls.site.rows("Project")[0]["id"]

    @classmethod
    def tearDownClass(cls):
        cls.site.__exit__()

    def setUp(self):
        super().setUp()
        self.site.clear_faults()
        self.site.latency(0)
        self.site.reset_requests()

    def tearDown(self):
        for driver in self.drivers:
            self.assertFalse([line for line in driver.printed if KEY in line])
        super().tearDown()

    def on_site(self, **more):
        return self.driver(site_url=self.site.url, script_name=self.site.script_name, script_key=KEY, **more)

    def fault(self, kind, match=SEARCH, times=1, **more):
        self.site.faults([{"kind": kind, "match": match, "times": times, **more}])

    def assertCounts(self, expected):
        """The site's own counts; it adds a request after it has sent the answer, so wait a little."""
        end = time.monotonic() + 2
        while self.site.counts() != expected and time.monotonic() < end:
            time.sleep(0.01)
        self.assertEqual(self.site.counts(), expected)

    def shot(self, code, **more):
        return {"code": code, "project": {"type": "Project", "id": self.project}, **more}

    def named(self, code):
        return [row for row in self.site.rows("Shot") if row["code"] == code]


class Reads(OnSite):

    def test_rows_have_the_shape_of_the_official_client(self):
        d = self.on_site()
        got = d.search(type="Shot", fields="code,project,assets,created_at,sg_sequence.Sequence.code", page_size=50)
        self.assertStatus(got, "OK")
        theirs = {row["id"]: row for row in self.site.rows("Shot")}
        for row in got["rows"]:
            self.assertEqual(set(row["project"]), {"type", "id", "name"})
            self.assertEqual(row["code"], theirs[row["id"]]["code"])
            self.assertEqual(row["type"], "Shot")
            self.assertIsInstance(row["assets"], list)
            self.assertNotIn("attributes", row)
            self.assertIn("sg_sequence.Sequence.code", row)
        self.assertTrue(any(row["assets"] for row in got["rows"]))
        self.assertLess(abs(got["date_ms"] / 1000 - time.time()), 5)

    def test_a_walk_ends_on_a_short_page(self):
        d = self.on_site()
        ids, number = [], 0
        while True:
            number += 1
            page = d.search(**PAGE, page_size=100, page_number=number)
            self.assertStatus(page, "OK")
            ids += [row["id"] for row in page["rows"]]
            if page["is_last"]:
                break
        self.assertEqual(ids, sorted(row["id"] for row in self.site.rows("Shot")))
        self.assertEqual(number, len(ids) // 100 + 1)

    def test_a_full_page_is_never_the_last(self):
        d = self.on_site()
        whole = len(self.site.rows("Project"))
        self.assertFalse(d.search(type="Project", fields="name", page_size=whole)["is_last"])
        after = d.search(type="Project", fields="name", page_size=whole, page_number=2)
        self.assertEqual((after["rows"], after["is_last"]), ([], True))

    def test_filters_sort_and_the_trash(self):
        gone = self.site.create("Shot", self.shot("gone one"))
        self.site.retire("Shot", gone["id"])
        d = self.on_site()
        by_code = {"logical_operator": "and", "conditions": [["code", "is", "gone one"]]}
        self.assertEqual(d.search(**PAGE, filters=by_code)["rows"], [])
        trash = d.search(**PAGE, filters=by_code, is_retired=True)["rows"]
        self.assertEqual([row["id"] for row in trash], [gone["id"]])
        ids = [row["id"] for row in d.search(**PAGE, sort="-id", page_size=5)["rows"]]
        self.assertEqual(ids, sorted(ids, reverse=True))

    def test_the_schema(self):
        d = self.on_site()
        fields = d.schema(type="Shot")
        self.assertStatus(fields, "OK")
        self.assertEqual(fields["got"]["code"]["data_type"]["value"], "text")
        self.assertStatus(d.schema(type="Nothing"), "EUSAGE", "Entity type 'Nothing' does not exist.")

    def test_the_list_of_types(self):
        d = self.on_site()
        types = d.schema()
        self.assertStatus(types, "OK")
        self.assertEqual(types["got"], self.site.api("GET", "/schema")[1]["data"])
        self.assertCounts({"auth": 2, "schema": 2})

    def test_a_schema_as_a_project_shows_it(self):
        self.site.control("POST", "/schema", {"project": 102, "hide": ["Asset", "Shot.code"]})
        d = self.on_site()
        for project, is_visible in ((0, True), (101, True), (102, False)):
            types, fields = d.schema(project_id=project), d.schema(type="Shot", project_id=project)
            self.assertIs(types["got"]["Asset"]["visible"]["value"], is_visible)
            self.assertIs(fields["got"]["code"]["visible"]["value"], is_visible)

    def test_the_schema_of_a_type_spelled_loosely_is_none(self):
        d = self.on_site()
        self.assertEqual(self.site.api("GET", "/schema/shots/fields")[0], 200)   # FPT itself is not so strict
        self.assertStatus(d.schema(type="shots"), "EUSAGE", "Entity type 'shots' does not exist.")

    def test_text_search(self):
        d = self.on_site()
        code = self.site.rows("Shot")[0]["code"]
        one = {"type": "Shot", "id": self.site.rows("Shot")[0]["id"]}
        order = {"text": code, "page_size": 25, "page_number": 1}
        group = {"logical_operator": "or", "conditions": [["id", "is", one["id"]], ["id", "is", 0]]}
        for types, has_groups in (({"Shot": [["id", "is", one["id"]]]}, False), ({"Shot": group}, True)):
            found = d.text_search(**order, entity_types=types, has_groups=has_groups)
            self.assertStatus(found, "OK")
            self.assertEqual(len(found["got"]), 1)
            self.assertEqual(set(found["got"][0]), {"type", "id", "name", "links", "status"})
            self.assertEqual({key: found["got"][0][key] for key in one}, one)
            # Each shape of filters has its own content type.
            self.assertStatus(d.text_search(**order, entity_types=types, has_groups=not has_groups), "EREFUSED")
        self.assertStatus(d.text_search(**{**order, "page_size": 26}, entity_types={"Shot": []}), "EREFUSED",
                          "less than or equal to 25")
        self.assertEqual(d.counts()["text_search"], 5)

    def test_a_text_search_is_repeated(self):
        d = self.on_site()
        for kind in READ_FAULTS:
            with self.subTest(kind):
                self.fault(kind, "_text_search")
                found = d.text_search(text="s", entity_types={"Shot": []}, page_size=25, page_number=1)
                self.assertStatus(found, "OK")
                self.assertEqual(len(found["got"]), 25)

    def test_errors_keep_the_text_of_FPT(self):
        d = self.on_site()
        wrong = {"logical_operator": "and", "conditions": [["nope", "is", 1]]}
        got = d.search(**PAGE, filters=wrong)
        self.assertStatus(got, "EREFUSED", "search Shot", "400", "API read() Shot.nope doesn't exist.")
        self.assertEqual(got["http_status"], 400)
        wrong = {"logical_operator": "and", "conditions": [["code", "resembles", "x"]]}
        self.assertStatus(d.search(**PAGE, filters=wrong), "EREFUSED", "resembles")
        self.assertStatus(d.search(type="Nothing", fields="code"), "EREFUSED", "'Nothing' does not exist")
        self.assertCounts({"auth": 1, "search": 3})

    def test_wrong_arguments_never_leave(self):
        d = self.on_site()
        for order in ({"type": "Shot/../x"}, {"type": ""}, {"type": "Shot", "page_size": 5001},
                      {"type": "Shot", "page_number": -1}, {"type": "Shot", "filters": []}):
            self.assertStatus(d.search(**order), "EUSAGE")
        self.assertStatus(d.update(type="Shot", id=0, data={}), "EUSAGE")
        self.assertStatus(d.delete(type="Shot", id=-4), "EUSAGE")
        self.assertStatus(d.create(type="Shot", data=[]), "EUSAGE", "an array")
        self.assertEqual(self.site.total(), 0)


class BadDays(OnSite):

    def test_a_read_comes_through_after_one_failure(self):
        for kind in READ_FAULTS:
            with self.subTest(kind):
                self.site.reset_requests()
                self.fault(kind)
                d = self.on_site()
                self.assertStatus(d.search(**PAGE), "OK")
                counts = d.counts()
                self.assertEqual((counts["search"], counts["retried"]), (2, 1))
                self.assertCounts({"auth": 1, "search": 2})

    def test_a_read_gives_up_after_its_attempts(self):
        expected = {"429": "EBUSY", "html-503": "EBUSY", "502": "ESERVER", "truncate": "ENET"}
        for kind, status in expected.items():
            with self.subTest(kind):
                self.site.reset_requests()
                self.fault(kind, times=-1)
                d = self.on_site()
                self.assertStatus(d.search(**PAGE), status, "search Shot")
                self.site.clear_faults()
                self.assertCounts({"auth": 1, "search": 4})

    def test_html_is_told_in_words(self):
        self.fault("html-503", times=-1)
        message = self.on_site().search(**PAGE, deadline_ms=400)["message"]
        self.assertNotIn("<", message)
        self.assertIn("maintenance", message.lower())

    def test_retry_after_is_kept(self):
        self.fault("429", retry_after=1)
        got = self.on_site().search(**PAGE)
        self.assertStatus(got, "OK")
        self.assertGreaterEqual(got["ms"], 1000)

    def test_retry_after_beyond_the_deadline_is_not_waited_for(self):
        self.fault("429", retry_after=30, times=-1)
        got = self.on_site().search(**PAGE, deadline_ms=3000)
        self.assertStatus(got, "EBUSY")
        self.assertLess(got["ms"], 500 + SLACK_MS)
        self.assertCounts({"auth": 1, "search": 1})

    def test_a_write_is_sent_once_whatever_comes(self):
        stored = {"504-after-commit", "reset-after-commit", "truncate"}
        for kind in READ_FAULTS + ["504-after-commit"]:
            with self.subTest(kind):
                self.site.reset_requests()
                self.fault(kind, CREATE)
                d = self.on_site()
                d.search(**PAGE, page_size=1)   # leaves a connection that could be reused
                got = d.create(type="Shot", data=self.shot(f"once {kind}"))
                self.assertStatus(got, "EBUSY" if kind == "429" else "UNKNOWN", "create Shot")
                self.assertCounts({"auth": 1, "search": 1, "create": 1})
                self.assertEqual(d.counts()["create"], 1)
                self.assertEqual(len(self.named(f"once {kind}")), 1 if kind in stored else 0)

    def test_updates_and_deletes_are_sent_once_too(self):
        d = self.on_site()
        row = self.site.create("Shot", self.shot("to change"))
        self.site.reset_requests()
        self.fault("reset-after-commit", "PUT")
        self.fault("reset-after-commit", "DELETE")
        self.assertStatus(d.update(type="Shot", id=row["id"], data={"code": "changed"}), "UNKNOWN",
                          f"update Shot {row['id']}")
        self.assertEqual(len(self.named("changed")), 1)
        self.assertStatus(d.delete(type="Shot", id=row["id"]), "UNKNOWN")
        self.assertEqual(self.named("changed"), [])
        self.fault("reset-after-commit", f"POST /api/v1.1/entity/Shot/{row['id']}")
        self.assertStatus(d.revive(type="Shot", id=row["id"]), "UNKNOWN")
        self.assertEqual(len(self.named("changed")), 1)
        self.assertCounts({"auth": 1, "update": 1, "delete": 1, "revive": 1})


class Deadlines(OnSite):
    """Their abandoned requests end, and are counted, seconds later: hence a site of their own."""

    def test_the_deadline_is_kept(self):
        for order, status in (("search", "EDEADLINE"), ("create", "UNKNOWN")):
            for deadline_ms in (300, 1000):
                with self.subTest(order, deadline_ms=deadline_ms):
                    d = self.on_site()
                    d.search(**PAGE, page_size=1)
                    self.fault("hang", "POST .*/entity/", ms=3000)
                    got = getattr(d, order)(type="Shot", data=self.shot("late"), deadline_ms=deadline_ms)
                    self.assertStatus(got, status)
                    self.assertGreaterEqual(got["ms"], deadline_ms - 25)
                    self.assertLessEqual(got["ms"], deadline_ms + SLACK_MS)
                    self.site.clear_faults()

    def test_the_deadline_bounds_the_login_and_proves_it(self):
        self.site.latency(3000)
        got = self.on_site().create(type="Shot", data=self.shot("late"), deadline_ms=400)
        self.assertStatus(got, "EDEADLINE", "not sent")
        self.assertLessEqual(got["ms"], 400 + SLACK_MS)

    def test_a_write_is_sent_in_its_window_or_never(self):
        self.fault("latency", "auth", ms=600)
        got = self.on_site().create(type="Shot", data=self.shot("window"), send_by_ms=300)
        self.assertStatus(got, "EDEADLINE", "not sent", "send window of this write")
        self.assertEqual(self.named("window"), [])
        self.assertStatus(self.on_site().search(**PAGE, send_by_ms=1), "OK")   # reads have no window
        self.assertStatus(self.on_site().create(type="Shot", data=self.shot("window"), send_by_ms=5000), "OK")

    def test_the_deadline_bounds_back_off(self):
        self.fault("502", times=-1)
        got = self.on_site().search(**PAGE, deadline_ms=500)
        self.assertStatus(got, "ESERVER")
        self.assertLessEqual(got["ms"], 500 + SLACK_MS)

    def test_cancelling(self):
        d = self.on_site()
        d.search(**PAGE, page_size=1)
        self.site.latency(3000)
        got = d.search(**PAGE, cancel_after_ms=300)
        self.assertStatus(got, "ECANCELLED")
        self.assertLessEqual(got["ms"], 300 + SLACK_MS)
        got = d.create(type="Shot", data=self.shot("cancelled"), cancel_after_ms=300)
        self.assertStatus(got, "UNKNOWN")
        self.assertLessEqual(got["ms"], 300 + SLACK_MS)
        self.site.latency(0)

    def test_cancelling_while_it_waits_to_try_again(self):
        self.fault("429", retry_after=20, times=-1)
        got = self.on_site().search(**PAGE, cancel_after_ms=300)
        self.assertStatus(got, "ECANCELLED")
        self.assertLessEqual(got["ms"], 300 + SLACK_MS)


class Writes(OnSite):

    def test_create_update_delete(self):
        d = self.on_site()
        made = d.create(type="Shot", data=self.shot("new one", description="é \" \\ \n 漢"))
        self.assertStatus(made, "OK")
        row = made["got"]
        self.assertEqual((row["type"], row["code"]), ("Shot", "new one"))
        self.assertRegex(row["created_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        changed = d.update(type="Shot", id=row["id"], data={"code": "newer one"})["got"]
        self.assertEqual((changed["id"], changed["code"]), (row["id"], "newer one"))
        self.assertEqual(changed["description"], "é \" \\ \n 漢")
        self.assertStatus(d.delete(type="Shot", id=row["id"]), "OK")
        self.assertStatus(d.delete(type="Shot", id=row["id"]), "MISS", "does not exist")
        self.assertStatus(d.update(type="Shot", id=row["id"], data={"code": "x"}), "EREFUSED", "does not exist")
        self.assertStatus(d.revive(type="Shot", id=row["id"]), "OK")
        self.assertStatus(d.revive(type="Shot", id=row["id"]), "MISS", "was not retired")
        self.assertStatus(d.revive(type="Shot", id=987654321), "EREFUSED", "does not exist")
        self.assertStatus(d.delete(type="Nothing", id=1), "EREFUSED", "'Nothing' does not exist")

    def test_a_refusal_has_done_nothing(self):
        d = self.on_site()
        got = d.create(type="Shot", data=self.shot("refused", nope=1))
        self.assertStatus(got, "EREFUSED", "create Shot", "API create() Shot.nope doesn't exist.")
        self.assertEqual(self.named("refused"), [])

    def test_counts_are_those_of_the_site(self):
        d = self.on_site()
        row = d.create(type="Shot", data=self.shot("counted"))["got"]
        d.search(**PAGE)
        d.schema(type="Shot")
        d.text_search(text="counted", entity_types={"Shot": []}, page_size=25, page_number=1)
        d.update(type="Shot", id=row["id"], data={"code": "c"})
        self.site.expire_tokens()
        d.search(**PAGE)
        d.delete(type="Shot", id=row["id"])
        d.revive(type="Shot", id=row["id"])
        ours = d.counts()
        self.assertCounts({kind: ours[kind] for kind in ("auth", "schema", "search", "text_search", "create", "update",
                                                        "delete", "revive")})
        self.assertEqual((ours["auth"], ours["search"]), (2, 3))
        self.assertGreater(ours["bytes_received"], 1000)


class Batches(OnSite):

    BATCH = "POST .*/entity/_batch"

    def make(self, code, **more):
        return {"kind": 1, "type": "Shot", "data": self.shot(code, **more)}

    def test_the_rows_come_in_the_order_of_the_requests(self):
        old, gone = (self.site.create("Shot", self.shot(code)) for code in ("b old", "b gone"))
        d = self.on_site()
        got = d.batch(requests=[
            {"kind": 2, "type": "Shot", "id": old["id"], "data": {"code": "b newer", "description": "é \" \\ 漢"}},
            self.make("b new"), {"kind": 3, "type": "Shot", "id": gone["id"]}, self.make("b second")])
        self.assertStatus(got, "OK")
        updated, made, deleted, second = got["got"]
        self.assertEqual((updated["id"], updated["code"], updated["description"]),
                         (old["id"], "b newer", "é \" \\ 漢"))
        self.assertEqual((made["type"], made["code"], second["code"]), ("Shot", "b new", "b second"))
        self.assertRegex(made["created_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertIs(deleted, True)
        self.assertEqual([len(self.named(code)) for code in ("b newer", "b new", "b second", "b old", "b gone")],
                         [1, 1, 1, 0, 0])
        self.assertCounts({"auth": 1, "batch": 1})
        self.assertEqual(d.counts()["batch"], 1)

    def test_all_or_none(self):
        d = self.on_site()
        gone = self.site.create("Shot", self.shot("b twice"))
        self.site.retire("Shot", gone["id"])
        for last, http, text in ((self.make("b none", nope=1), 400, "API create() Shot.nope doesn't exist."),
                                 ({"kind": 3, "type": "Shot", "id": gone["id"]}, 404, "does not exist")):
            got = d.batch(requests=[self.make("b none"), last])
            self.assertStatus(got, "EREFUSED", "batch of 2", text)
            self.assertEqual(got["http_status"], http)
            self.assertEqual(self.named("b none"), [])

    def test_it_is_sent_once_whatever_comes(self):
        stored = {"504-after-commit", "reset-after-commit", "truncate"}
        for kind in READ_FAULTS + ["504-after-commit"]:
            with self.subTest(kind):
                self.site.reset_requests()
                self.fault(kind, self.BATCH)
                d = self.on_site()
                d.search(**PAGE, page_size=1)   # leaves a connection that could be reused
                got = d.batch(requests=[self.make(f"b {kind}"), self.make(f"b {kind}")])
                self.assertStatus(got, "EBUSY" if kind == "429" else "UNKNOWN", "batch of 2")
                self.assertCounts({"auth": 1, "search": 1, "batch": 1})
                self.assertEqual(len(self.named(f"b {kind}")), 2 if kind in stored else 0)

    def test_an_expired_token_does_nothing_twice(self):
        d = self.on_site()
        d.search(**PAGE, page_size=1)
        self.site.expire_tokens()
        self.assertStatus(d.batch(requests=[self.make("b token")]), "OK")
        self.assertEqual(len(self.named("b token")), 1)

    def test_wrong_requests_never_leave(self):
        d = self.on_site()
        good = self.make("b wrong")
        for wrong in ({"kind": 4, "type": "Shot", "id": 1}, {"kind": 1, "type": "Sh\"ot", "data": {}},
                      {"kind": 2, "type": "Shot", "id": 0, "data": {}}, {"kind": 2, "type": "Shot", "id": 1},
                      {"kind": 3, "type": "Shot", "id": -5}, {"kind": 1, "type": "Shot", "data": []}):
            with self.subTest(str(wrong)):
                self.assertStatus(d.batch(requests=[good, wrong]), "EUSAGE", "batch", "request 1")
        self.assertStatus(d.batch(requests=[]), "EUSAGE", "no requests")
        self.assertEqual(self.site.total(), 0)

    def test_how_long_FPT_wants_to_be_left_alone(self):
        d = self.on_site()
        self.assertEqual(d.retry_after()["left_ms"], 0)
        self.fault("429", self.BATCH, retry_after=30)
        self.assertStatus(d.batch(requests=[self.make("b busy")]), "EBUSY")
        self.assertLess(20000, d.retry_after()["left_ms"])
        self.assertGreaterEqual(30000, d.retry_after()["left_ms"])
        d = self.on_site()
        self.fault("503", CREATE, retry_after=1)
        self.assertStatus(d.create(type="Shot", data=self.shot("b busy")), "UNKNOWN")
        self.assertLess(0, d.retry_after()["left_ms"])
        time.sleep(1)
        self.assertEqual(d.retry_after()["left_ms"], 0)
        self.fault("429", CREATE, retry_after=10**8)
        self.assertStatus(d.create(type="Shot", data=self.shot("b busy")), "EBUSY")
        self.assertGreaterEqual(600000, d.retry_after()["left_ms"])


class Tokens(OnSite):

    def test_a_token_that_ends_in_the_middle_of_a_walk(self):
        d = self.on_site()
        for number in (1, 2, 3):
            self.site.expire_tokens()
            self.assertStatus(d.search(**PAGE, page_size=50, page_number=number), "OK")
        self.assertCounts({"auth": 3, "search": 5})
        self.assertEqual(d.counts()["retried"], 2)

    def test_a_token_that_ends_before_a_write(self):
        d = self.on_site()
        d.search(**PAGE, page_size=1)
        self.site.expire_tokens()
        self.assertStatus(d.create(type="Shot", data=self.shot("after the end")), "OK")
        self.assertEqual(len(self.named("after the end")), 1)

    def test_a_token_is_refused_only_once_a_request(self):
        self.fault("expire-token", times=-1)
        d = self.on_site()
        self.assertStatus(d.search(**PAGE), "EAUTH", "401")
        self.assertCounts({"auth": 2, "search": 2})

    def test_short_tokens_are_renewed_in_time(self):
        self.site.control("POST", "/token-seconds", {"seconds": 2})
        try:
            d = self.on_site()
            for _ in range(8):
                self.assertStatus(d.search(**PAGE, page_size=1), "OK")
                time.sleep(0.3)
        finally:
            self.site.control("POST", "/token-seconds", {"seconds": 600})
        self.assertNotIn(401, [entry["status"] for entry in self.site.requests()["log"]])
        self.assertIn(self.site.counts()["auth"], (2, 3, 4))

    def test_wrong_credentials(self):
        url, name = self.site.url, self.site.script_name
        d = self.driver(site_url=url, script_name=name, script_key="wr0ng key/+")
        got = d.search(**PAGE)
        self.assertStatus(got, "EAUTH", url, name, f"Can't authenticate script '{name}'")
        self.assertNotIn("wr0ng", "".join(d.printed))
        self.assertStatus(d.create(type="Shot", data=self.shot("x")), "EAUTH", "not sent")
        d = self.driver(site_url=url, user_login="nobody", user_password="wr0ng")
        self.assertStatus(d.search(**PAGE), "EAUTH", "Can't authenticate user 'nobody'.")
        d = self.driver(site_url=url, session_token="wr0ng_session_1234")
        self.assertStatus(d.search(**PAGE), "EAUTH", "Can't authenticate session token")
        d = self.on_site(sudo_as_login="nobody")
        self.assertStatus(d.search(**PAGE), "EAUTH", "Cannot 'sudo' - unknown or retired user: 'nobody'")
        self.assertNotIn("search", self.site.counts())

    def test_without_credentials(self):
        d = self.driver(site_url=self.site.url)
        self.assertEqual(self.opened["identity"], "")
        self.assertStatus(d.search(**PAGE), "EAUTH", "script_name")
        self.assertEqual(self.site.total(), 0)

    def test_people_and_sessions(self):
        user = next(row for row in self.site.rows("HumanUser") if row["sg_status_list"] == "act")
        d = self.driver(site_url=self.site.url, session_token=f"session_{user['login']}")
        self.assertRegex(self.opened["identity"], "^session:[0-9a-f]{16}$")
        self.assertStatus(d.search(**PAGE, page_size=1), "OK")

    def test_eight_threads_share_one_client(self):
        d = self.on_site()
        got = d.threads(n=8, times=10, **PAGE, page_size=20)
        self.assertEqual({status for each in got["statuses"] for status in each}, {"OK"})
        self.assertEqual(got["n"], 8 * 10 * 20)
        self.assertCounts({"auth": 1, "search": 80})
        self.site.expire_tokens()
        got = d.threads(n=8, times=3, **PAGE, page_size=20)
        self.assertEqual({status for each in got["statuses"] for status in each}, {"OK"})
        counts = d.counts()
        self.assertCounts({kind: counts[kind] for kind in ("auth", "search")})
        self.assertEqual(counts["auth"], 2, "one renewal for all")


if __name__ == "__main__":
    unittest.main()
