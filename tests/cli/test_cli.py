"""The command fptcache: exit codes, options, JSON, tables, messages, and no key where it can be seen."""

import csv
import io
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(os.environ["FPTC_SOURCE_DIR"])
COMMAND = pathlib.Path(os.environ["FPTCACHE_BIN_DIR"], "fptcache")
sys.path.insert(0, str(SOURCE / "tests/site"))
import harness  # noqa: E402

DONE, NOTHING, USAGE, NO_DATA, REFUSED, DAMAGED, DEADLINE, PENDING, CONFLICT, IO = range(10)
VERBS = ("init mirror sync find summarize explain sql export get search schema create update delete revive upload outbox compact maintain hold "
         "verify repair doctor pin drop status version help").split()
PROJECT = {"type": "Project", "id": 101}


def environment(**more):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FPTCACHE_")}
    return {**clean, **more}


class Cli(unittest.TestCase):

    def run_command(self, *words, stdin="", expect=DONE, env=None):
        """What the command printed, after checking its exit code; `self.errors` is its stderr."""
        done = subprocess.run([COMMAND, *map(str, words)], input=stdin, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=env if env is not None else environment())
        self.errors = done.stderr
        self.assertEqual(done.returncode, expect, f"{words}\n{done.stdout}\n{done.stderr}")
        if expect not in (DONE, NOTHING):
            self.assertTrue(done.stderr.startswith("fptcache: "), done.stderr)
        return done.stdout


class Arguments(Cli):

    def test_help(self):
        overview = self.run_command("help")
        for verb in VERBS:
            self.assertRegex(overview, rf"(?m)^  {verb} ")
            text = self.run_command("help", verb)
            self.assertIn(f"fptcache {verb}", text)
            self.assertEqual(self.run_command(verb, "--help"), text)
            self.assertEqual(self.run_command("-h", verb), text)
        self.assertEqual(self.run_command("--help"), overview)

    def test_manual_names_every_verb_and_option(self):
        manual = (SOURCE / "examples/cli/fptcache.1").read_text().replace("\\-", "-")
        for verb in VERBS:
            self.assertRegex(manual, rf"\b{verb}\b")
        for option in set(re.findall(r"--[a-z-]+", self.run_command("help"))):
            self.assertIn(option, manual)

    def test_version(self):
        header = (SOURCE / "include/fptcache/fptcache.h").read_text()
        version = re.search(r'FPTC_VERSION_STRING "(.*?)"', header).group(1)
        self.assertEqual(self.run_command("version"), f"fptcache {version}\n")
        self.assertEqual(self.run_command("--version"), f"fptcache {version}\n")
        self.assertEqual(json.loads(self.run_command("--json", "version")), {"version": version})

    def test_nearest_name(self):
        for words, nearest in ((["fnid"], "find"), (["statsu"], "status"), (["mirror", "ad"], "mirror add"),
                               (["find", "Shot", "--field", "a"], "--fields"), (["help", "synch"], "sync"),
                               (["--chache", "x", "status"], "--cache")):
            self.run_command(*words, expect=USAGE)
            self.assertIn(f"did you mean {nearest}?", self.errors.replace("`", ""))
        self.run_command("frobnicate", expect=USAGE)
        self.assertIn("fptcache help", self.errors)

    def test_wrong_arguments(self):
        for words in ([], ["find"], ["find", "Shot", "Asset"], ["get", "Shot"], ["get", "Shot", "abc"],
                      ["get", "Shot", "0"], ["get", "Shot", "99999999999999999999"], ["status", "--order", "a"],
                      ["find", "Shot", "--limit", "-1"], ["find", "Shot", "--limit", "1x"],
                      ["find", "Shot", "--page", "0"],
                      ["find", "Shot", "--mode", "cache"], ["find", "Shot", "--hold", "yes"],
                      ["find", "Shot", "--project", "x"], ["find", "Shot", "--json=1"], ["find", "Shot", "--fields"],
                      ["find", "Shot", "--limit", "1", "--limit", "2"], ["find", "Shot"], ["init"], ["init", "dir"],
                      ["init", "dir", "--cache", "dir", "--site", "https://a"], ["mirror"], ["mirror", "add"],
                      ["create", "Shot", "--cache", "x"], ["update", "Shot", "--data", "{}"]):
            with self.subTest(words):
                self.run_command(*words, expect=USAGE)

    def test_durations(self):
        for good in ("500ms", "30s", "5m", "2h", "1d", "0", "0s"):
            # A good one gets as far as the missing cache.
            self.run_command("status", "--cache", "/nowhere/cache", "--max-age", good, expect=IO)
        for bad in ("", "30", "s", "-5s", "1.5s", "5 m", "5w", "99999999999999999999s", "9223372036854775807d"):
            with self.subTest(bad):
                self.run_command("status", "--cache", "/nowhere/cache", "--max-age", bad, expect=USAGE)
                self.assertIn("500ms", self.errors)
        self.run_command("status", "--cache", "/nowhere/cache", "--deadline", "0", expect=USAGE)

    def test_missing_cache_says_the_next_step(self):
        self.run_command("status", expect=USAGE)
        self.assertIn("FPTCACHE_DIR", self.errors)
        self.run_command("status", "--cache", "/nowhere/cache", expect=IO)
        self.assertIn("/nowhere/cache", self.errors)
        self.assertIn("fptcache init", self.errors)
        self.run_command("status", env=environment(FPTCACHE_DIR="/nowhere/other"), expect=IO)
        self.assertIn("/nowhere/other", self.errors)

    def test_no_option_takes_a_key(self):
        for option in ("--key", "--script-key", "--password", "--api-key", "--token"):
            for words in ([f"{option}=hush_4711"], [option, "hush_4711"]):
                self.run_command("status", "--cache", "x", *words, expect=USAGE)
                self.assertNotIn("hush_4711", self.errors)
        self.assertNotRegex(self.run_command("help"), r"--(key|script-key|password|token) ")

    def test_full_output(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([COMMAND, "help"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, IO)
        self.assertIn("standard output", done.stderr)


class WithSite(Cli):
    rows = 600

    @classmethod
    def setUpClass(cls):
        cls.site = harness.Site(rows=cls.rows)
        cls.site.start()
        cls.addClassCleanup(cls.site.__exit__, None, None, None)
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)

    def setUp(self):
        self.site.clear_faults()
        self.directory = tempfile.mkdtemp(dir=self.folder) + "/cache"
        self.key_file = pathlib.Path(self.directory + ".key")
        self.key_file.write_text(self.site.script_key + "\n")
        self.key_file.chmod(0o600)
        self.environment = environment(FPTCACHE_DIR=self.directory, FPTCACHE_SCRIPT_NAME=self.site.script_name,
                                       FPTCACHE_SCRIPT_KEY_FILE=str(self.key_file))
        self.fptcache("init", self.directory, "--site", self.site.url)

    def fptcache(self, *words, **how):
        how.setdefault("env", self.environment)
        return self.run_command(*words, **how)

    def json(self, *words, **how):
        return json.loads(self.fptcache("--json", *words, **how))

    def visits(self, *words, **how):
        self.site.reset_requests()
        answer = self.json(*words, **how)
        counts = self.site.counts()
        counts.pop("auth", None)
        return answer, counts

    def of_project(self, type_name):
        return {row["id"]: row for row in self.site.rows(type_name) if (row.get("project") or {}).get("id") == 101}


class Finding(WithSite):

    def test_json_shape_and_visits(self):
        words = ("find", "Shot", "--project", "101", "--fields", "code,sg_sequence,created_at", "--max-age", "1h")
        answer, counts = self.visits(*words)
        self.assertEqual(counts.get("search"), 1)
        self.assertEqual(set(answer), {"rows", "pending", "source", "age_s", "complete", "warnings"})
        self.assertEqual((answer["source"], answer["warnings"]), ("upstream", []))
        rows = self.of_project("Shot")
        self.assertEqual([row["id"] for row in answer["rows"]], sorted(rows))
        for row in answer["rows"]:
            theirs = rows[row["id"]]
            self.assertEqual(row, {"type": "Shot", "id": row["id"], "code": theirs["code"],
                                   "sg_sequence": theirs["sg_sequence"], "created_at": theirs["created_at"]})
        again, counts = self.visits(*words)
        self.assertEqual((counts, again["source"], again["rows"]), ({}, "cache", answer["rows"]))

    def test_options_before_and_after_the_verb(self):
        words = ["--project", "101", "--fields", "code", "--limit=3"]
        after = self.json("find", "Shot", *words)
        self.assertEqual(len(after["rows"]), 3)
        for before in (["--json", *words, "find", "Shot"], [*words, "find", "--json", "Shot"],
                       ["find", *words, "Shot", "--json"]):
            self.assertEqual(json.loads(self.fptcache(*before))["rows"], after["rows"])

    def test_filters_order_limit_page(self):
        rows = self.of_project("Shot")
        some = sorted(rows)[:5]
        filters = json.dumps([["id", "in", some]])
        found = self.json("find", "Shot", "--project", "101", "--filters", filters, "--order", "-id")
        self.assertEqual([row["id"] for row in found["rows"]], some[::-1])
        page = self.json("find", "Shot", "--filters", filters, "--order", "-id", "--limit", "2", "--page", "2")
        self.assertEqual([row["id"] for row in page["rows"]], some[::-1][2:4])
        path = pathlib.Path(self.directory + ".json")
        path.write_text(filters)
        from_file = self.json("find", "Shot", "--filters", f"@{path}")
        from_stdin = self.json("find", "Shot", "--filters", "-", stdin=filters)
        self.assertEqual([row["id"] for row in from_file["rows"]], some)
        self.assertEqual(from_stdin["rows"], from_file["rows"])
        group = json.dumps({"filter_operator": "any", "filters": [["id", "is", some[0]], ["id", "is", some[1]]]})
        for project in ([], ["--project", "101"]):
            found = self.json("find", "Shot", "--filters", group, *project)
            self.assertEqual([row["id"] for row in found["rows"]], some[:2])
        # The project is a condition beside the user's, also when those are none or an or-group.
        self.assertEqual(self.json("find", "Shot", "--filters", group, "--project", "102", expect=NOTHING)["rows"], [])
        self.assertEqual(len(self.json("find", "Shot", "--filters", " [ ] ", "--project", "101")["rows"]), len(rows))

    def test_table(self):
        text = self.fptcache("find", "Shot", "--project", "101", "--fields", "code,sg_needs_retime,sg_sequence,assets",
                             "--order", "code")
        lines = text.splitlines()
        rows = self.of_project("Shot")
        self.assertEqual(lines[0].split(), ["id", "code", "sg_needs_retime", "sg_sequence", "assets"])
        self.assertEqual(len(lines), len(rows) + 2)
        start, retime = lines[0].index("code"), lines[0].index("sg_needs_retime")
        for line in lines[1:-1]:
            row = rows[int(line.split()[0])]
            self.assertTrue(line[start:].startswith(row["code"]), line)
            self.assertIn(row["sg_sequence"]["name"] if row["sg_sequence"] else " -", line)
            self.assertTrue(line[retime - 2:].startswith("  yes" if row["sg_needs_retime"] else "  no"), line)
        self.assertRegex(lines[-1], rf"^{len(rows)} rows from FPT, .* old, complete$")
        again = self.fptcache("find", "Shot", "--project", "101", "--fields", "code").splitlines()
        self.assertRegex(again[-1], r"rows from the cache, .* old, complete$")

    def test_schema(self):
        types, counts = self.visits("schema")
        self.assertEqual(counts, {"schema": 1})
        lines = self.fptcache("schema").splitlines()
        self.assertEqual(lines[0].split(), ["type", "name", "visible"])
        self.assertEqual([line.split()[0] for line in lines[1:]], list(types))
        fields, counts = self.visits("schema", "Shot")
        self.assertEqual(counts, {"schema": 1})
        lines = self.fptcache("schema", "Shot").splitlines()
        self.assertRegex(lines[0], "^field +data type +name +editable +holds$")
        self.assertEqual([line.split()[0] for line in lines[1:]], list(fields))
        self.assertRegex("\n".join(lines), r"(?m)^sg_sequence +entity +Sg Sequence +yes +Sequence$")
        self.assertRegex("\n".join(lines), r"(?m)^sg_shot_type +list .* VFX, Animation, CG, Matte$")
        one, counts = self.visits("schema", "Shot", "sg_shot_type")
        self.assertEqual((one, counts), ({"sg_shot_type": fields["sg_shot_type"]}, {}))
        text = self.fptcache("schema", "Shot", "sg_shot_type")
        self.assertRegex(text, r"(?m)^valid_values +VFX, Animation, CG, Matte$")
        self.assertRegex(text, r"(?m)^field +sg_shot_type$")
        self.assertRegex(text, r"(?m)^editable +yes$")

    def test_schema_of_a_project(self):
        self.site.control("POST", "/schema", {"project": 102, "hide": ["Shot.code"]})
        for project, want in (("101", True), ("102", False)):
            shown = self.json("schema", "Shot", "code", "--project", project)
            self.assertIs(shown["code"]["visible"]["value"], want)

    def test_schema_that_is_not_there(self):
        self.fptcache("schema", "Shott", expect=USAGE)
        self.assertIn('did you mean "shot"?', self.errors.lower())
        self.fptcache("schema", "Shot", "cod", expect=USAGE)
        self.assertIn('Did you mean "code"?', self.errors)
        self.fptcache("schema", "Task", "--mode", "only-cache", expect=NO_DATA)
        self.site.faults([{"kind": "503", "times": -1}])
        self.fptcache("schema", "Task", expect=NO_DATA)
        self.fptcache("schema", "Shot", "--max-age", "0")
        self.assertIn("note: this is old; FPT could not be asked", self.errors)

    def test_search(self):
        shots = self.of_project("Shot")
        code = shots[min(shots)]["code"]
        found, counts = self.visits("search", code)
        self.assertEqual(counts, {"text_search": 1})
        self.assertIn(min(shots), [match["id"] for match in found["matches"] if match["type"] == "Shot"])
        self.assertEqual({match["type"] for match in self.json("search", code, "--types", "Shot")["matches"]}, {"Shot"})
        several = self.json("search", "s", "--types", "Shot,Asset", "--project", "101")["matches"]
        assets = self.of_project("Asset")
        self.assertEqual({match["type"] for match in several}, {"Shot", "Asset"})
        self.assertTrue(all(match["id"] in (shots if match["type"] == "Shot" else assets) for match in several))
        first = self.json("search", "s", "--types", "Shot", "--limit", "3")["matches"]
        second = self.json("search", "s", "--types", "Shot", "--limit", "3", "--page", "2")["matches"]
        self.assertEqual(self.json("search", "s", "--types", "Shot", "--limit", "6")["matches"], first + second)
        types = json.dumps({"Shot": [["id", "is", min(shots)]]})
        for how in ({}, {"stdin": types}):
            words = ("search", code[:3], "--types", "-" if how else types)
            self.assertEqual([match["id"] for match in self.json(*words, **how)["matches"]], [min(shots)])
        lines = self.fptcache("search", code[:3], "--types", types).splitlines()
        self.assertEqual(lines[0].split(), ["type", "id", "name", "status", "linked", "to"])
        self.assertEqual(lines[1].split()[:2], ["Shot", str(min(shots))])
        self.assertIn(code, lines[1])
        self.assertEqual(lines[-1], "1 match from FPT")

    def test_search_without_an_answer(self):
        self.assertEqual(self.json("search", "qqzzqqzz", expect=NOTHING), {"matches": [], "source": "upstream"})
        self.assertEqual(self.fptcache("search", "qqzzqqzz", expect=NOTHING), "0 matches from FPT\n")
        self.fptcache("search", "sh", "--types", '{"Shot":[["cod","is","x"]]}', expect=USAGE)
        self.assertIn('Did you mean "code"?', self.errors)
        for words in (["sh", "--types", '{"Shot":[]}', "--project", "101"], ["sh", "--limit", "26"], ["sh", "--page", "0"],
                      [""], ["sh", "--types", "{"]):
            with self.subTest(words):
                self.fptcache("search", *words, expect=USAGE)
        self.fptcache("search", "sh", "--mode", "only-cache", expect=NO_DATA)
        self.fptcache("search", "sh", "--types", "Shott", expect=REFUSED)
        self.assertIn("Entity type 'Shott' does not exist.", self.errors)

    def test_nothing_found(self):
        filters = '[["code","is","no such shot"]]'
        found = self.json("find", "Shot", "--project", "101", "--filters", filters, expect=NOTHING)
        self.assertEqual(found["rows"], [])
        text = self.fptcache("find", "Shot", "--project", "101", "--filters", filters, expect=NOTHING)
        self.assertRegex(text, "^0 rows from ")
        self.fptcache("get", "Shot", "999999", expect=NOTHING)
        self.assertIn("there is no Shot 999999", self.errors)

    def test_get(self):
        shot = min(self.of_project("Shot"))
        code = self.of_project("Shot")[shot]["code"]
        self.assertRegex(self.fptcache("get", "Shot", shot), rf"(?m)^Shot +{shot}$[^$]*^code +{code}$")
        self.assertEqual(self.errors, "")
        row = self.json("get", "Shot", shot, "--fields", "code")["rows"]
        self.assertEqual(row, [{"type": "Shot", "id": shot, "code": code}])

    def test_notes_go_to_stderr(self):
        self.fptcache("find", "Shot", "--project", "101", "--fields", "code,no_such_field")
        self.assertIn("no_such_field", self.errors)

    def test_what_is_wrong_is_named(self):
        for words, name in ((["--filters", '[["no_such_field","is",1]]'], "no_such_field"),
                            (["--filters", '[["code","like","x"]]'], "like"), (["--filters", "[["], "JSON")):
            self.fptcache("find", "Shot", *words, expect=USAGE)
            self.assertIn(name, self.errors)
        self.fptcache("find", "NoSuchType", expect=USAGE)
        self.assertIn("NoSuchType", self.errors)
        self.fptcache("find", "Shot", "--filters", "@/nowhere/filters", expect=IO)

    def test_no_data(self):
        self.fptcache("find", "Shot", "--project", "101", "--mode", "only-cache", expect=NO_DATA)

    def test_site_down(self):
        words = ("find", "Asset", "--project", "101", "--fields", "code")
        rows = self.json(*words)["rows"]
        self.site.stop()
        try:
            stale = self.json(*words, "--max-age", "0")
            self.assertEqual((stale["source"], stale["rows"]), ("stale", rows))
            self.assertIn("STALE", self.fptcache(*words, "--max-age", "0"))
            self.assertEqual(self.json(*words, "--mode", "only-cache")["rows"], rows)
            self.fptcache("find", "Note", "--project", "101", expect=NO_DATA)
            self.fptcache("create", "Shot", "--project", "101", "--data", '{"code":"x"}', expect=NO_DATA)
        finally:
            self.site.start()

    def test_deadline(self):
        self.fptcache("find", "Step")
        self.site.latency(3000)
        try:
            began = time.monotonic()
            self.fptcache("find", "Note", "--project", "101", "--deadline", "300ms", expect=DEADLINE)
            self.assertLess(time.monotonic() - began, 2.5)
        finally:
            self.site.latency(0)


class Writing(WithSite):

    def test_create_update_delete(self):
        self.fptcache("find", "Shot", "--project", "101", "--fields", "code,sg_status_list")
        made, counts = self.visits("create", "Shot", "--project", "101", "--data", '{ "code" : "cli_010" }')
        self.assertEqual(counts.get("create"), 1)
        self.assertEqual(len(made["event_id"]), 32)
        row = made["rows"][0]
        self.assertEqual((row["code"], row["project"]["id"]), ("cli_010", 101))
        self.assertEqual(self.of_project("Shot")[row["id"]]["code"], "cli_010")
        text = self.fptcache("update", "Shot", row["id"], "--data", "-", stdin='{"sg_status_list":"fin"}')
        self.assertRegex(text, r"(?m)^sg_status_list +fin$")
        found, counts = self.visits("find", "Shot", "--project", "101", "--filters",
                                    json.dumps([["id", "is", row["id"]]]), "--fields", "code,sg_status_list")
        self.assertEqual((counts, found["rows"]), ({}, [{"type": "Shot", "id": row["id"], "code": "cli_010",
                                                       "sg_status_list": "fin"}]))
        assets = [{"type": "Asset", "id": each["id"]} for each in self.site.rows("Asset")][:2]
        for mode, links, left in (("add", assets, assets), ("remove", assets[:1], assets[1:])):
            data = json.dumps({"assets": {"multi_entity_update_mode": mode, "value": links}})
            changed = self.json("update", "Shot", row["id"], "--data", data)["rows"][0]["assets"]
            self.assertEqual([link["id"] for link in changed], [link["id"] for link in left])
        self.assertEqual(self.fptcache("delete", "Shot", row["id"]), f"Shot {row['id']}: deleted\n")
        self.assertNotIn(row["id"], self.of_project("Shot"))
        self.fptcache("delete", "Shot", row["id"], expect=NOTHING)
        revived, counts = self.visits("revive", "Shot", row["id"])
        self.assertEqual((revived["rows"][0]["code"], counts.get("revive")), ("cli_010", 1))
        self.assertIn(row["id"], self.of_project("Shot"))
        again, counts = self.visits("find", "Shot", "--project", "101", "--filters",
                                    json.dumps([["id", "is", row["id"]]]), "--fields", "code,sg_status_list")
        self.assertEqual((counts, again["rows"]), ({}, found["rows"]))
        self.fptcache("revive", "Shot", row["id"], expect=NOTHING)
        self.assertIn("was not retired", self.errors)
        self.fptcache("revive", "Shot", 987654321, expect=REFUSED)

    def test_project_of_the_data_goes_first(self):
        data = json.dumps({"code": "cli_020", "project": {"type": "Project", "id": 102}})
        row = self.json("create", "Shot", "--project", "101", "--data", data)["rows"][0]
        self.assertEqual(row["project"]["id"], 102)

    def test_outbox(self):
        self.assertEqual((self.fptcache("outbox", "ls"), self.json("outbox", "ls")),
                         ("none\n", {"writes": [], "more": False}))
        shot = min(self.of_project("Shot"))
        nobody = '{"sg_sequence":{"type":"Sequence","id":987654321}}'
        self.fptcache("update", "Shot", shot, "--data", nobody, expect=REFUSED)
        found, = self.json("outbox", "ls")["writes"]
        event = found["event"]
        self.assertEqual((found["state"], found["id"]), ("refused", shot))
        text = self.fptcache("outbox", "ls")
        self.assertRegex(text, rf"(?m)^{event} +refused +update +Shot +{shot} +script:\S+ +20\S+Z +1 +.*not legal")
        text = self.fptcache("outbox", "show", event)
        self.assertRegex(text, r"(?m)^state +refused$")
        self.assertRegex(text, r"(?m)^next +edit it")
        self.assertIn('\n  {"sg_sequence":{"type":"Sequence","id":987654321}}\n', text)
        shown, counts = self.visits("outbox", "show", event)
        self.assertEqual((shown["writes"], counts), ([found], {}))
        edited, = self.json("outbox", "edit", event, "--data", '{"description":"edited"}')["writes"]
        self.assertEqual((edited["state"], edited["data"]), ("pending", {"description": "edited"}))
        self.fptcache("outbox", "retry", event, expect=USAGE)
        self.assertIn("pending", self.errors)
        self.assertRegex(self.fptcache("outbox", "drop", event), r"(?m)^state +dropped$")
        self.assertEqual(self.fptcache("outbox", "ls"), "none\n")
        self.assertIn(event, self.fptcache("outbox", "ls", "--all"))
        for deed in ("show", "retry", "drop"):
            self.fptcache("outbox", deed, "0" * 32, expect=NOTHING)
            self.assertIn("no write", self.errors)

    def test_drop_all_refused(self):
        shots = sorted(self.of_project("Shot"))[:3]
        nobody = '{"sg_sequence":{"type":"Sequence","id":987654321}}'
        for shot in shots[:2]:
            self.fptcache("update", "Shot", shot, "--data", nobody, expect=REFUSED)
        self.site.faults([{"kind": "504-after-commit", "match": "PUT", "times": 1}])
        self.fptcache("update", "Shot", shots[2], "--data", '{"description":"lost"}', expect=PENDING)
        refused = [each["event"] for each in self.json("outbox", "ls")["writes"] if each["state"] == "refused"]
        self.assertEqual(len(refused), 2)
        self.assertEqual(self.fptcache("outbox", "drop", "--all-refused", "--before", "1h"), "0 dropped\n")
        text = self.fptcache("outbox", "drop", "--all-refused")
        for event in refused:
            self.assertRegex(text, rf"(?m)^{event} dropped: update Shot \d+ of 20\S+Z: .*not legal")
        self.assertTrue(text.endswith("\n2 dropped\n"), text)
        self.assertEqual([each["state"] for each in self.json("outbox", "ls")["writes"]], ["unknown"])
        self.fptcache("update", "Shot", shots[0], "--data", nobody, expect=REFUSED)
        event, = (each["event"] for each in self.json("outbox", "ls")["writes"] if each["state"] == "refused")
        dropped = json.loads(self.fptcache("outbox", "drop", "--all-refused", "--json"))
        self.assertEqual(dropped["event"], event)
        shown, = self.json("outbox", "show", event)["writes"]
        self.assertEqual(shown["state"], "dropped")
        requests = json.dumps([{"request_type": "update", "entity_type": "Shot", "entity_id": shot, "data": data} for
                               shot, data in ((shots[0], {"description": "x"}), (shots[1], json.loads(nobody)))])
        self.fptcache("batch", "-", stdin=requests, expect=REFUSED)
        self.assertRegex(self.fptcache("outbox", "drop", "--all-refused"), r"dropped: .*\n.*dropped: .*\n2 dropped\n$")

    def test_retry_all_refused(self):
        shots = sorted(self.of_project("Shot"))[:2]
        requests = json.dumps([{"request_type": "update", "entity_type": "Shot", "entity_id": shot, "data": {"description": "all"}}
                               for shot in shots])
        self.site.faults([{"kind": "html-403", "times": 2, "match": "^PUT|_batch$"}])
        self.fptcache("update", "Shot", shots[0], "--data", '{"description":"one"}', expect=REFUSED)
        self.fptcache("batch", "-", stdin=requests, expect=REFUSED)
        self.assertEqual(self.fptcache("outbox", "retry", "--all-refused", "--before", "1h"), "0 to be sent again\n")
        text = self.fptcache("outbox", "retry", "--all-refused")
        self.assertRegex(text, r"(?m)\A(\w{32} to be sent again: update Shot .*\n){3}3 to be sent again\n\Z")
        self.fptcache("maintain")
        self.assertEqual(self.json("outbox", "ls")["writes"], [])
        self.assertEqual([self.of_project("Shot")[shot]["description"] for shot in shots], ["all", "all"])

    def test_resolve(self):
        words = ("create", "Shot", "--project", "101", "--data", '{"code":"cli_035"}', "--event", "abcde" * 6 + "ab")
        row = self.json(*words)["rows"][0]
        provisional = -int("abcdeabcdeabc", 16)
        self.assertEqual(self.fptcache("resolve", provisional), f"{row['id']}\n")
        self.assertEqual(self.json("resolve", provisional), {"id": row["id"]})
        self.fptcache("resolve", provisional - 1, expect=NOTHING)
        for wrong in ("x", "-x", "0", "-0", "--5", "-"):
            self.fptcache("resolve", wrong, expect=USAGE)

    def test_marker_field(self):
        words = ("create", "Shot", "--project", "101", "--data", '{"code":"cli_036"}', "--event", "b" * 32)
        row = self.json(*words, "--marker-field", "description")["rows"][0]
        self.assertEqual(self.of_project("Shot")[row["id"]]["description"], "b" * 32)

    def test_batch(self):
        shots = sorted(self.of_project("Shot"))
        requests = [{"request_type": "create", "entity_type": "Shot",
                     "data": {"project": PROJECT, "code": "cli_060"}},
                    {"request_type": "update", "entity_type": "Shot", "entity_id": shots[0], "data": {"code": "cli_061"}},
                    {"request_type": "delete", "entity_type": "Shot", "entity_id": shots[1]}]
        path = os.path.join(self.folder, "requests.json")
        with open(path, "w") as stream:
            json.dump(requests, stream)
        done, counts = self.visits("batch", path, "--event", "d" * 32)
        self.assertEqual([(each["verb"], each["state"], each["type"]) for each in done],
                         [(verb, "settled", "Shot") for verb in ("create", "update", "delete")])
        self.assertEqual(counts.get("batch"), 1)
        theirs = self.of_project("Shot")
        self.assertEqual((theirs[done[0]["id"]]["code"], theirs[shots[0]]["code"]), ("cli_060", "cli_061"))
        self.assertNotIn(shots[1], theirs)
        again, counts = self.visits("batch", path, "--event", "d" * 32)
        self.assertEqual(([each["id"] for each in again], counts.get("batch", 0)), ([each["id"] for each in done], 0))
        requests[1]["data"] = {"code": "cli_062"}
        text = self.fptcache("batch", "-", stdin=json.dumps(requests[1:2]))
        self.assertRegex(text, rf"(?m)^update +Shot +{shots[0]} +settled +[0-9a-f]{{32}}$")
        self.fptcache("batch", "-", stdin=json.dumps(requests), expect=REFUSED)
        self.assertIn("does not exist", self.errors)
        self.assertEqual(sum(row["code"] == "cli_060" for row in self.of_project("Shot").values()), 1)

    def test_behind(self):
        self.fptcache("schema", "Shot")
        words = ("create", "Shot", "--project", "101", "--data", '{"code":"cli_070"}', "--write", "behind")
        made, counts = self.visits(*words, expect=PENDING)
        self.assertEqual(counts, {})
        self.assertRegex(self.errors, f"pending: event {made['event_id']}")
        provisional = made["rows"][0]["id"]
        self.assertLess(provisional, 0)
        self.assertEqual((made["pending"], made["source"], made["complete"]), ([provisional], "cache", False))
        self.fptcache("resolve", provisional, expect=PENDING)
        self.fptcache("upload", "Shot", provisional, __file__, expect=PENDING)
        text = self.fptcache("update", "Shot", provisional, "--data", '{"description":"soon"}', "--write", "behind",
                             "--on-conflict", "merge", expect=PENDING)
        self.assertRegex(text, r"(?m)^description +soon$")
        shot = min(self.of_project("Shot"))
        self.fptcache("delete", "Shot", shot, "--write", "behind", expect=PENDING)
        self.assertEqual([each["state"] for each in self.json("outbox", "ls")["writes"]], ["pending"] * 3)
        self.fptcache("maintain")
        theirs = self.of_project("Shot")
        row = theirs[int(self.fptcache("resolve", provisional))]
        with open(os.path.join(self.folder, "file.txt"), "w") as stream:
            stream.write("of a row that was made behind")
        self.assertEqual(self.json("upload", "Shot", provisional, stream.name)["id"], row["id"])
        self.fptcache("upload", "Shot", provisional - 1, stream.name, expect=USAGE)
        self.assertEqual((row["code"], row["description"]), ("cli_070", "soon"))
        self.assertNotIn(shot, theirs)
        requests = json.dumps([{"request_type": "update", "entity_type": "Shot", "entity_id": provisional,
                                "data": {"description": "later"}}])
        text = self.fptcache("batch", "-", "--write", "behind", stdin=requests, expect=PENDING)
        self.assertRegex(text, r"(?m)^update +Shot +-?\d+ +pending +[0-9a-f]{32}$")
        self.fptcache("maintain")
        self.assertEqual(self.of_project("Shot")[row["id"]]["description"], "later")

    def test_requests_of_a_batch_that_are_none(self):
        for requests, text in (("{}", "a list of requests"), ("[]", "empty"), ("[", "requests"),
                               ('[{"request_type":"revive"}]', "request 0 of the batch")):
            self.fptcache("batch", "-", stdin=requests, expect=USAGE)
            self.assertIn(text, self.errors)
        self.fptcache("batch", os.path.join(self.folder, "nowhere"), expect=IO)
        self.fptcache("update", "Shot", 1, "--data", "{}", "--on-conflict", "merge", expect=USAGE)
        self.assertIn("write through overwrites", self.errors)
        self.fptcache("update", "Shot", 1, "--data", "{}", "--on-conflict", "perhaps", expect=USAGE)
        self.fptcache("create", "Shot", "--data", "{}", "--on-conflict", "fail", expect=USAGE)

    def test_outbox_wrong_words(self):
        for words, help_text in ((["lst"], "did you mean"), (["ls", "x"], "takes no event id"),
                                 (["show"], "which write"), (["show", "abc"], "32 hexadecimal"),
                                 (["drop", "0" * 32, "--all"], "for `outbox ls`"),
                                 (["edit", "0" * 32], "--data JSON"),
                                 (["drop", "0" * 32, "--all-refused"], "drop --all-refused"),
                                 (["retry", "0" * 32, "--all-refused"], "retry|drop --all-refused"),
                                 (["drop", "0" * 32, "--before", "1h"], "drop --all-refused"),
                                 (["ls", "--all-refused"], "drop --all-refused"), (["retry", "0" * 32, "--data", "{}"], "outbox edit")):
            with self.subTest(words):
                self.fptcache("outbox", *words, expect=USAGE)
                self.assertIn(help_text, self.errors)

    def test_event_id_is_done_once(self):
        words = ("create", "Shot", "--project", "101", "--data", '{"code":"cli_030"}', "--event", "a" * 32)
        first = self.json(*words)
        again, counts = self.visits(*words)
        self.assertEqual((again["event_id"], counts.get("create", 0)), (first["event_id"], 0))

    def test_event_id_of_another_write_is_refused(self):
        self.json("create", "Shot", "--project", "101", "--data", '{"code":"cli_031"}', "--event", "b" * 32)
        for words in (("update", "Shot", "1", "--data", '{"code":"cli_032"}'),
                      ("create", "Sequence", "--project", "101", "--data", '{"code":"cli_032"}')):
            self.fptcache(*words, "--event", "b" * 32, expect=USAGE)
            self.assertIn("another write: create Shot", self.errors)

    def test_refused(self):
        self.fptcache("create", "Shot", "--data", '{"code":"cli_040"}', expect=REFUSED)
        self.assertIn("project", self.errors)
        self.fptcache("create", "Shot", "--data", "[]", expect=USAGE)
        self.fptcache("create", "Shot", "--data", "{", "--project", "101", expect=USAGE)
        self.key_file.write_text("wrong_key_4711\n")
        self.fptcache("create", "Shot", "--project", "101", "--data", '{"code":"x"}', expect=REFUSED)
        self.assertNotIn("wrong_key_4711", self.errors)
        self.assertIn("FPTCACHE_SCRIPT_KEY_FILE", self.errors)

    def test_answer_lost(self):
        self.site.faults([{"kind": "504-after-commit", "match": "POST .*/entity/[Ss]hots?$", "times": 1}])
        words = ("create", "Shot", "--project", "101", "--data", '{"code":"cli_050"}')
        self.fptcache(*words, expect=PENDING)
        event_id = re.search(r"--event ([0-9a-f]{32})", self.errors).group(1)
        self.fptcache(*words, "--event", event_id, expect=PENDING)
        self.assertEqual(sum(row["code"] == "cli_050" for row in self.of_project("Shot").values()), 1)

    def test_upload(self):
        version = self.site.create("Version", {"code": "v001", "project": PROJECT})["id"]
        path = os.path.join(self.folder, "v 001.mov")
        with open(path, "wb") as stream:
            stream.write(b"film")
        done = self.json("upload", "Version", version, path, "--field", "sg_uploaded_movie", "--name", 'Take "1"')
        came = self.site.uploads()["files"][-1]
        self.assertEqual((done["attachment"]["id"], done["bytes"]), (came["attachment"], 4))
        self.assertEqual((came["filename"], came["display_name"], came["id"]), ("v 001.mov", 'Take "1"', version))
        self.assertRegex(self.fptcache("upload", "Version", version, path), r"(?m)^bytes +4$")
        self.fptcache("upload", "Version", version, path, "--field", "code", expect=REFUSED)
        self.fptcache("upload", "Version", "v1", path, expect=USAGE)
        self.fptcache("upload", "Version", version, path + "x", expect=IO)
        self.site.faults([{"kind": "504-after-commit", "match": "POST .*/_upload$"}])
        self.fptcache("upload", "Version", version, path, expect=PENDING)
        self.assertIn("before you upload it again", self.errors)
        self.site.faults([{"kind": "latency", "match": "PUT /_storage", "ms": 3000}])
        self.fptcache("upload", "Version", version, path, "--deadline", "500ms", expect=DEADLINE)
        self.assertEqual(len([one for one in self.site.uploads()["files"] if one["id"] == version]), 3)


class Rows(WithSite):
    """sql, explain, export."""

    def setUp(self):
        super().setUp()
        self.fptcache("mirror", "add", "--project", 101, "--type", "Shot,Sequence")
        self.fptcache("sync")
        self.output = self.directory + ".out"

    def test_sql(self):
        truth = self.of_project("Shot")
        lines = self.fptcache("sql", "SELECT id, code FROM Shot ORDER BY id", "--project", 101, "--json").splitlines()
        self.assertEqual([json.loads(line) for line in lines],
                         [{"id": number, "code": row["code"]} for number, row in sorted(truth.items())])
        table = self.fptcache("sql", "-", "--project", 101, stdin="SELECT count(*) AS n, NULL AS empty FROM Shot")
        self.assertEqual(table.split(), ["n", "empty", str(len(truth)), "-"])
        self.assertEqual(self.fptcache("sql", "SELECT 1 AS one WHERE 0", "--project", 101, expect=NOTHING).split(), ["one"])
        self.fptcache("sql", "DELETE FROM Shot", "--project", 101, expect=USAGE)
        self.fptcache("sql", "SELECT code FROM Shto", "--project", 101, expect=USAGE)
        self.assertIn("there are Sequence Shot", self.errors)
        self.fptcache("sql", "SELECT json_extract('{', '$')", "--project", 101, expect=USAGE)
        self.assertIn("malformed JSON", self.errors)
        self.fptcache("sql", "SELECT 1", "--project", 999, expect=NO_DATA)
        endless = "WITH RECURSIVE c(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c"
        self.fptcache("sql", endless, "--project", 101, "--deadline", "300ms", expect=DEADLINE)

    def test_explain(self):
        question = ("explain", "Shot", "--project", 101, "--filters", '[["code","contains","1"]]', "--fields", "code")
        told, counts = self.visits(*question)
        self.assertEqual((told["answer"], counts), ("cache", {}))
        text = self.fptcache(*question)
        for line in (r"answer +cache", r"covered +Shot in project-101, [0-9.e-]+ s old", r'SQL +WITH .* SELECT .* FROM "Shot"',
                     r"plan +(SCAN|SEARCH) .*Shot", rf"here +{told['rows']} rows, {told['rows_read']} read"):
            self.assertRegex(text, f"(?m)^{line}")
        text = self.fptcache("explain", "Shot", "--project", 101, "--fields", "image")
        self.assertRegex(text, r"(?m)^answer +upstream\nbecause +.*never kept")
        self.fptcache("explain", "Shot", "--filters", '[["cod","is",1]]', expect=USAGE)

    def test_export_jsonl(self):
        truth = self.of_project("Shot")
        self.site.reset_requests()
        text = self.fptcache("export", "Shot", "--project", 101, "--format", "jsonl")
        self.assertNotIn("search", self.site.counts())
        rows = [json.loads(line) for line in text.splitlines()]
        self.assertEqual([row["id"] for row in rows], sorted(truth))
        for row in rows:
            for field in ("code", "description", "sg_cut_in", "sg_sequence", "sg_needs_retime"):
                self.assertEqual(row[field], truth[row["id"]][field])
        self.assertEqual(self.fptcache("export", "Shot", "--project", 101, "--format", "jsonl", "--output", self.output), "")
        self.assertEqual(pathlib.Path(self.output).read_text(), text)
        found = self.json("find", "Shot", "--project", 101, "--fields", "code,assets", "--order=-code", "--limit", 3)["rows"]
        some = self.fptcache("export", "Shot", "--project", 101, "--format", "jsonl", "--fields", "code,assets",
                             "--order=-code", "--limit", 3)
        self.assertEqual([json.loads(line) for line in some.splitlines()], found)

    def test_export_csv(self):
        numbers = sorted(self.of_project("Shot"))
        nasty = 'a "quoted", text\r\nof two lines; ü'
        lines = ["two\nlines", "a return\ralone"]
        for number, value in zip(numbers, (nasty, *lines)):
            self.fptcache("update", "Shot", number, "--data", json.dumps({"description": value}))
        self.fptcache("export", "Shot", "--project", 101, "--format", "csv", "--fields",
                      "code,description,sg_sequence,assets,sg_needs_retime", "--output", self.output)
        with open(self.output, newline="", encoding="utf-8") as file:
            text = file.read()
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        self.assertTrue(text.startswith("id,code,description,sg_sequence,assets,sg_needs_retime\r\n"))
        self.assertEqual([row[2] for row in rows[1:4]], [nasty, *lines])
        self.assertIn('"a ""quoted"", text', text)
        truth = self.of_project("Shot")
        for row in rows[1:]:
            shot = truth[int(row[0])]
            self.assertEqual(row[3], f"Sequence:{shot['sg_sequence']['id']}" if shot["sg_sequence"] else "")
            self.assertEqual(row[4], ";".join(f"{link['type']}:{link['id']}" for link in shot["assets"]))
            self.assertEqual(row[5], {True: "true", False: "false", None: ""}[shot["sg_needs_retime"]])
        self.assertEqual(len(rows) - 1, len(numbers))
        self.assertEqual(self.fptcache("export", "Shot", "--project", 101, "--format", "csv", "--fields", "code",
                                       "--filters", '[["code","is","no such"]]', expect=NOTHING), "id,code\n")

    def test_export_shows_progress_on_a_terminal(self):
        try:
            ours, theirs = pty.openpty()
        except OSError as error:  # a bare chroot
            self.skipTest(f"no pseudo-terminal: {error}")
        done = subprocess.run([COMMAND, "export", "Shot", "--project", "101", "--format", "csv", "--output", self.output],
                              stderr=theirs, env=self.environment)
        os.close(theirs)
        shown = os.read(ours, 100000).decode()
        os.close(ours)
        self.assertEqual(done.returncode, DONE)
        self.assertIn(f"Shot: 1 of {len(self.of_project('Shot'))} (", shown)
        self.fptcache("export", "Shot", "--project", 101, "--format", "csv", "--fields", "code", "--output", self.output)
        self.assertEqual(self.errors, "")

    def test_export_is_whole_or_not_there(self):
        for words, expect in ((("Shot", "--fields", "no_such_fild,code", "--filters", '[["nix","is",1]]'), USAGE),
                              (("Shot", "--filters", "["), USAGE), (("Task", "--mode", "only-cache"), NO_DATA)):
            self.fptcache("export", *words, "--project", 101, "--format", "jsonl", "--output", self.output, expect=expect)
        self.fptcache("export", "Shot", "--project", 101, expect=USAGE)
        self.fptcache("export", "Shot", "--project", 101, "--format", "xml", expect=USAGE)
        self.fptcache("export", "Shot", "--project", 101, "--format", "csv", "--output", "/no/such/folder/x", expect=IO)
        folder = pathlib.Path(self.output).parent
        self.assertEqual([path.name for path in folder.iterdir() if path.name.startswith("cache.out")], [])


class Upkeep(WithSite):

    def test_init(self):
        self.assertIn(self.site.url, self.fptcache("init", self.directory, "--site", self.site.url))
        made = json.loads(self.fptcache("init", "--cache", self.directory + "2", "--site", self.site.url, "--json"))
        self.assertEqual(made, {"cache": self.directory + "2", "site": self.site.url})
        self.fptcache("init", self.directory, "--site", "https://other.shotgrid.autodesk.com", expect=USAGE)
        self.fptcache("init", self.directory + "3", "--site", "http://studio.example.com", expect=USAGE)

    def test_mirror_sync_compact_status(self):
        self.fptcache("sync", expect=NO_DATA)
        self.assertEqual(self.fptcache("mirror", "ls"), "none\n")
        listed = self.fptcache("mirror", "add", "--project", "101", "--type", "Shot,Asset")
        self.assertRegex(listed, r"(?m)^ *project +type ")
        self.fptcache("mirror", "add", "--type", "Step", "--fields", "code")
        self.fptcache("mirror", "add", "--project", "101", "--type", "NoSuchType", expect=USAGE)
        self.assertEqual({(m["type"], m["project"] or 0) for m in self.json("mirror", "ls")},
                         {("Shot", 101), ("Asset", 101), ("Step", 0)})
        report = self.json("sync")
        self.assertEqual({t["type"]: t["rows"] for t in report["types"]},
                         {"Shot": len(self.of_project("Shot")), "Asset": len(self.of_project("Asset")),
                          "Step": len(self.site.rows("Step"))})
        self.assertRegex(self.fptcache("sync", "--project", "101"), r"(?m)^ *project +type +rows ")
        self.assertEqual(self.errors, "")
        found, counts = self.visits("find", "Asset", "--project", "101", "--fields", "code", "--max-age", "1h")
        self.assertEqual((counts, len(found["rows"])), ({}, len(self.of_project("Asset"))))
        self.assertIn("project-101", self.fptcache("compact"))
        self.assertEqual([p["partition"] for p in self.json("compact", "--partition", "site")], ["site"])
        self.fptcache("compact", "--partition", "project-999", expect=NOTHING)
        self.assertIsInstance(self.json("status"), dict)
        self.assertIn("project-101", self.fptcache("status"))
        self.fptcache("mirror", "rm", "--type", "Step")
        self.fptcache("mirror", "rm", "--type", "Step", expect=NOTHING)

    def test_maintain(self):
        self.fptcache("mirror", "add", "--type", "Shot", "--project", "101")
        self.fptcache("sync")
        self.site.touch("Shot", next(iter(self.of_project("Shot"))), {"description": "seen by maintain"})
        document = self.json("maintain")
        self.assertEqual({entry["held"] for entry in document["partitions"]}, {"by us"})
        fetched = {entry["partition"]: entry["fetched"] for entry in document["partitions"]}
        self.assertEqual(fetched["project-101"], 1)
        self.assertIs(document["deleting"], False)
        self.assertIn("by us", self.fptcache("maintain"))

    def holder(self):
        """The holder of the project's partition, as status shows it."""
        return {entry["partition"]: entry["holder"] for entry in self.json("status")["partitions"]}["project-101"]

    def test_hold_until_sigterm(self):
        self.fptcache("mirror", "add", "--type", "Shot", "--project", "101")
        holding = subprocess.Popen([COMMAND, "hold"], env=self.environment)
        try:
            until = time.monotonic() + 30
            while not self.holder() and time.monotonic() < until:
                time.sleep(0.1)
            self.assertEqual(self.holder()["pid"], holding.pid)
            holding.send_signal(signal.SIGTERM)
            self.assertEqual(holding.wait(30), DONE)
        finally:
            holding.kill()
            holding.wait()
        self.assertIsNone(self.holder())

    def test_pin_and_drop(self):
        self.fptcache("mirror", "add", "--project", "101", "--type", "Shot")
        self.fptcache("sync")
        self.assertEqual(self.fptcache("pin", "ls"), "none\n")
        pin = self.fptcache("pin", "add", "--project", "101", "--ttl", "2h").strip()
        self.assertRegex(pin, "^[0-9a-f]{32}$")
        entry, = self.json("pin", "ls")
        self.assertEqual((entry["id"], entry["ends_in_s"] > 7000), (pin, True))
        question = ("find", "Shot", "--project", "101", "--fields", "code", "--json")
        rows = json.loads(self.fptcache(*question))["rows"]
        self.fptcache("drop", "--project", "101", expect=USAGE)
        self.assertIn("--yes", self.errors)
        self.fptcache("drop", "--yes", expect=USAGE)
        self.assertIn("is dropped", self.fptcache("drop", "--project", "101", "--yes"))
        self.assertEqual(self.json("drop", "--project", "101", "--yes"), {"dropped": 101})
        self.fptcache("drop", "--project", "999", "--yes", expect=NOTHING)
        self.fptcache(*question, "--mode", "only-cache", expect=NO_DATA)
        self.assertIn("was dropped from this cache", self.errors)
        self.assertEqual(json.loads(self.fptcache(*question, "--pin", pin))["rows"], rows)
        self.fptcache("update", "Shot", str(rows[0]["id"]), "--data", '{"code":"x"}', "--pin", pin, expect=USAGE)
        self.assertIn("pinned", self.errors)
        self.fptcache("pin", "touch", pin)
        self.fptcache("pin", "rm", pin)
        self.fptcache("pin", "rm", pin, expect=NOTHING)
        self.fptcache("pin", "touch", expect=USAGE)
        self.fptcache("pin", "new", expect=USAGE)
        self.fptcache(*question, "--pin", pin, expect=NO_DATA)

    def test_progress_on_a_terminal_only(self):
        self.fptcache("mirror", "add", "--project", "101", "--type", "Shot")
        try:
            ours, theirs = pty.openpty()
        except OSError as error:  # a bare chroot
            self.skipTest(f"no pseudo-terminal: {error}")
        done = subprocess.run([COMMAND, "sync"], stdout=subprocess.PIPE, stderr=theirs, env=self.environment)
        os.close(theirs)
        shown = os.read(ours, 100000).decode()
        os.close(ours)
        self.assertEqual(done.returncode, DONE)
        self.assertRegex(shown, r"Shot in project.101: \d+")
        quiet = subprocess.run([COMMAND, "sync"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment)
        self.assertEqual(quiet.stderr, b"")

    def test_interrupt(self):
        self.fptcache("mirror", "add", "--project", "101", "--type", "Shot,Asset,Task,Version")
        self.site.latency(400)
        try:
            process = subprocess.Popen([COMMAND, "sync"], env=self.environment, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.PIPE, text=True)
            time.sleep(0.6)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            self.site.latency(0)
        self.assertEqual(process.returncode, DEADLINE, errors)
        self.assertIn("kept", errors)
        self.fptcache("sync")

    def test_no_key_in_the_process_list(self):
        self.site.latency(700)
        try:
            process = subprocess.Popen([COMMAND, "find", "Shot", "--project", "101"], env=self.environment,
                                       stdout=subprocess.DEVNULL)
            time.sleep(0.4)
            words = pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes()
            variables = pathlib.Path(f"/proc/{process.pid}/environ").read_bytes()
            process.wait(30)
        finally:
            self.site.latency(0)
        self.assertIn(b"find", words)
        self.assertNotIn(self.site.script_key.encode(), words + variables)

    def test_key_file_must_be_private(self):
        self.key_file.chmod(0o644)
        self.fptcache("find", "Shot", "--project", "101", expect=USAGE)
        self.assertIn("0600", self.errors)
        self.key_file.chmod(0o600)
        plain = {k: v for k, v in self.environment.items() if not k.startswith("FPTCACHE_SCRIPT")}
        self.fptcache("find", "Step", "--script", self.site.script_name, "--key-file", self.key_file, env=plain)


if __name__ == "__main__":
    unittest.main()
