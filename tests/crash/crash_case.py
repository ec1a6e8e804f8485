"""What the tests of crashes share: a site, the writer program, and a look at the cache from outside.

The judge does not use the library: commits are decoded by tests/multi/check_store.py, snapshots read by
Python's sqlite3, and FPT's side by the test site. The library's own words (status, changes, find) are
then compared with that.
"""

import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(os.environ["FPTC_SOURCE_DIR"])
BUILD = pathlib.Path(os.environ["FPTCACHE_BIN_DIR"])
WRITER = BUILD / "tests/crash/crash_writer"
FAULTS = BUILD / "tests/crash/crash_faults"
COMMAND = BUILD / "fptcache"
LONG = os.environ.get("FPTC_LONG") == "1"
SANITIZE = os.environ.get("FPTC_SANITIZE", "")
# A kill costs several times as much there, and finds nothing that the plain build does not show sooner or later.
SHARE = 3 if SANITIZE else 1
SEED = int(os.environ.get("FPTC_SEED", random.SystemRandom().randrange(10**6)))

sys.path.insert(0, str(SOURCE / "tests/site"))
sys.path.insert(0, str(SOURCE / "tests/multi"))
import check_store  # noqa: E402
import harness  # noqa: E402

ROWS, GONE, MUTATE, ATTEMPT, SETTLE, REFUSE = 1, 2, 3, 4, 5, 6
INTENT, ATTEMPTED, SETTLED, REFUSED = 0, 1, 2, 3

# Where one directory sees many processes, a call has the same number in each only while no roll-up is due and as
# many names are listed in bases/: those are kept by compacting so many times first, and after every few processes.
BASES = 9
COMPACT_EVERY = 4


class Run:
    """What one process printed before its end."""

    def __init__(self, text, returncode):
        self.text, self.returncode = text, returncode
        self.tried, self.acked, self.refused, self.documents = {}, {}, {}, []
        self.calls, self.trace, self.failed, self.logs, self.local = 0, [], None, [], []
        *lines, torn = self.text.split("\n")
        for line in lines:
            word, _, rest = line.partition(" ")
            if word == "try":
                event, what = rest.split(" ", 1)
                self.tried[event] = what
            elif word == "ack":
                event, row_id, _ = rest.split(" ", 2)
                self.acked[event] = int(row_id)
            elif word == "nak":
                status, event, message = rest.split(" ", 2)
                self.refused[event] = (int(status), message)
            elif word in ("find", "changes", "status"):
                source, document = rest.split(" ", 1)
                self.documents.append((word, int(source), json.loads(document)))
            elif word == "calls":
                self.calls = int(rest)
            elif word == "trace":
                self.trace = rest.split()
            elif word == "fail":
                self.failed = rest
            elif word == "local":
                self.local.append(rest)
            elif word == "log":
                self.logs.append(rest)
        assert not torn or self.was_killed, self.text

    @property
    def was_killed(self):
        return self.returncode == -signal.SIGKILL

    def document(self, word, at=-1):
        return [found for found in self.documents if found[0] == word][at][2]


decoded = {}    # what a file was when it was last read, and what is in it


def commit(directory, number):
    """A commit, decoded once as long as its file is the same."""
    path = directory / f"{number:016d}"
    now = path.stat()
    key = (now.st_ino, now.st_mtime_ns, now.st_size)
    if decoded.get(path, (None,))[0] != key:
        decoded[path] = (key, decode(directory, number))
    return decoded[path][1]


decode, check_store.read_commit = check_store.read_commit, commit


class Partition(check_store.Checker):
    """A partition whose records and snapshot a store takes in."""

    def __init__(self, store, directory):
        super().__init__(directory)
        self.store = store

    def visit_snapshot(self, db):
        self.store.read_snapshot(self.partition.name, db)

    def visit_record(self, kind, body):
        self.store.apply(self.partition.name, kind, body)


class Store:
    """A cache directory, read without the library."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.problems = []
        self.mutations = {}     # event -> {"state", "verb", "id"}
        self.versions = {}      # id -> row of project 101
        self.gone = set()
        self.n_commits = 0
        partitions = self.directory / "partitions"
        for name in sorted(os.listdir(partitions)) if partitions.is_dir() else []:
            self.read(partitions / name)

    def read(self, partition):
        if not (partition / "log").is_dir() or not (partition / "bases").is_dir():
            return  # its maker died while making it
        checker = Partition(self, partition)
        try:
            base, prev = checker.load_base()
            self.n_commits += checker.load_log(base, prev)
        except Exception as error:      # whatever it is, the store cannot be read
            checker.problem(f"damaged: {type(error).__name__}: {error}")
        self.problems += [f"{partition.name}: {text}" for text in checker.problems]

    def read_snapshot(self, partition, db):
        if partition == "outbox":
            for event, state, verb, row_id, outcome in db.execute(
                    "SELECT event, state, verb, id, outcome FROM _fptc_mutation"):
                row_id = json.loads(outcome or "{}").get("id", row_id)
                self.mutations[event] = {"state": state, "verb": verb, "id": row_id}
        if partition == "project-101" and \
                db.execute("SELECT 1 FROM sqlite_master WHERE name = 'Version'").fetchone():
            db.row_factory = sqlite3.Row
            self.versions = {row["id"]: dict(row) for row in db.execute("SELECT * FROM Version")}

    def apply(self, partition, kind, body):
        if kind == MUTATE:
            self.mutations.setdefault(body["event"], {"state": INTENT, "verb": body["verb"], "id": body["id"]})
        elif kind == ATTEMPT:
            for event in body["events"]:
                self.mutations[event]["state"] = max(self.mutations[event]["state"], ATTEMPTED)
                self.mutations[event]["no"] = body["no"]
        elif kind == REFUSE and body.get("why") == "unsent":
            found = self.mutations[body["event"]]
            if found["state"] == ATTEMPTED and body["no"] == found.get("no"):
                found["state"] = INTENT
        elif kind in (SETTLE, REFUSE):
            found = self.mutations[body["event"]]
            if found["state"] < SETTLED:
                found["state"] = SETTLED if kind == SETTLE else REFUSED
                found["id"] = body.get("id", found["id"])
        elif kind == ROWS and partition == "project-101" and body["type"] == "Version":
            for row in body["rows"]:
                self.versions[row["id"]] = row
                self.gone.discard(row["id"])
        elif kind == GONE and partition == "project-101" and body["type"] == "Version":
            for row in body["rows"]:
                self.versions.pop(row["id"], None)
                self.gone.add(row["id"])

    def unknown(self):
        return {event for event, found in self.mutations.items() if found["state"] in (INTENT, ATTEMPTED)}


class Case(unittest.TestCase):
    rows = 120

    @classmethod
    def setUpClass(cls):
        cls.site = harness.Site(rows=cls.rows)
        cls.site.start()
        cls.addClassCleanup(cls.site.__exit__, None, None, None)
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None    # fsync costs nothing there
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="fptc-crash-", dir=memory))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.environment = {name: value for name, value in os.environ.items()
                           if name != "LD_PRELOAD" and not name.startswith("FPTCACHE_")}
        cls.environment.update(FPTCACHE_SCRIPT_NAME=cls.site.script_name, FPTCACHE_SCRIPT_KEY=cls.site.script_key)
        cls.number = 0

    def setUp(self):
        self.started = time.monotonic()
        self.site.clear_faults()
        self.random = random.Random(SEED)
        self.acked = {}     # code -> id: creates that were acknowledged
        self.events = {}    # code -> event: creates that were begun
        self.points = {}
        self.n_left = 0     # directories that compactors left on local disk when they were killed

    def say(self, text):
        print(f"\n    {self.id().split('.')[-1]}: {text}, {time.monotonic() - self.started:.1f} s, seed {SEED}", flush=True)

    # -- running

    def directory(self, template=None):
        type(self).number += 1
        directory = self.folder / str(self.number)
        if template is None:
            directory.mkdir()
        else:
            shutil.copytree(template, directory, symlinks=True)
        return directory

    def start(self, directory, mode, k, *operations):
        process = subprocess.Popen([WRITER, directory, self.site.url, mode, str(k), *operations], text=True,
                                   env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)   # first of the three
        return process

    def end(self, process, *before):
        """The Run of a process that comes to its end; `before`: what was read of it already."""
        text = process.stdout.read()
        process.wait()
        return self.remember(Run("".join(before) + text, process.returncode))

    def run_writer(self, directory, mode, k, *operations):
        run = self.end(self.start(directory, mode, k, *operations))
        wanted = (0, -signal.SIGKILL) if mode != "count" else (0,)
        self.assertIn(run.returncode, wanted, f"{mode} {k} {operations}\n{run.text[-3000:]}")
        return run

    def remember(self, run):
        for path in run.local:
            self.n_left += os.path.isdir(path)
            shutil.rmtree(path, ignore_errors=True)
        for event, what in run.tried.items():
            if "." in what and ":" not in what:
                self.events[what] = event
                if event in run.acked:
                    self.acked[what] = run.acked[event]
        return run

    def work(self, directory, *operations):
        """A process that is not killed and in which nothing may fail."""
        return self.run_writer(directory, "count", 0, *operations)

    def changing(self, trace):
        """The numbers of the calls that change something, here or at FPT."""
        return [k for k, name in enumerate(trace, 1) if name.endswith("!")]

    def steps(self, trace, share=1):
        """(mode, k) where to kill: before and after every call that changes something. Between the others nothing
        happens that anybody could see later, so of them a quarter is tried. `share`: 1/n of all these."""
        changing = set(self.changing(trace))
        points = []
        for k in range(1, len(trace) + 1):
            if k in changing:
                points += [("before", k), ("after", k)]
            elif LONG or self.random.randrange(4) == 0:
                points.append(("before", k))
        return self.some(points, share)

    def some(self, points, share):
        """1/share of the points, other ones in each run (FPTC_SEED repeats them); a third of that under sanitizers."""
        share *= SHARE
        return points if LONG else points[self.random.randrange(share)::share]

    # -- judging

    def at_site(self, prefix):
        """code -> [row, ...] of the active rows whose code starts so."""
        status, body = self.site.search("Version", [["code", "starts_with", prefix]], fields="code,description")
        self.assertEqual(status, 200, body)
        found = {}
        for row in body["data"]:
            found.setdefault(row["attributes"]["code"], []).append(row["id"])
        return found

    def check_writes(self, directory, prefix, where):
        """Creates whose codes start with prefix: the site, the cache directory and the acknowledgements agree."""
        store = Store(directory)
        self.assertEqual(store.problems, [], where)
        site = self.at_site(prefix)
        states = {code: store.mutations.get(event, {"state": None})["state"] for code, event in self.events.items()}
        for code, ids in site.items():
            self.assertEqual(len(ids), 1, f"{where}: {code} is twice at the site")
            self.assertIsNotNone(states[code], f"{where}: {code} was sent before its intent was durable")
        for code, state in states.items():
            if not code.startswith(prefix):
                continue
            self.assertNotEqual(state, INTENT, f"{where}: {code} has an intent without an attempt")
            self.assertNotEqual(state, REFUSED, f"{where}: {code} was refused")
            if code in self.acked:
                self.assertEqual(state, SETTLED, f"{where}: acknowledged {code} in the outbox")
                self.assertEqual(site.get(code), [self.acked[code]], f"{where}: acknowledged {code} at the site")
            if state == SETTLED:
                row_id = store.mutations[self.events[code]]["id"]
                self.assertEqual(site.get(code), [row_id], f"{where}: settled {code} at the site")
                self.assertIn(row_id, store.versions, f"{where}: settled {code} in the cache")
                self.assertIn(store.versions[row_id].get("code", code), (code, None), where)
        return store

    def check_alive(self, directory, prefix, where, *more):
        """A fresh process opens the store, finds work, and says what the judge says."""
        self.work_number = getattr(self, "work_number", 0) + 1
        run = self.work(directory, f"create={prefix}alive{self.work_number}:1", "changes=Version", "status", *more)
        store = self.check_writes(directory, prefix, where)
        self.assertEqual(run.document("status")["outbox"], {"unknown": len(store.unknown()), "refused": 0}, where)
        for partition in run.document("status")["partitions"]:
            self.assertEqual(partition["damaged"], 0, where)
        seen = [row["id"] for row in run.document("changes")["rows"]]
        self.assertEqual(len(seen), len(set(seen)), f"{where}: the change feed has a row twice")
        for code, row_id in self.acked.items():
            if code.startswith(prefix):
                self.assertIn(row_id, seen, f"{where}: {code} in the change feed")
        return run

    def project_rows(self):
        """id -> (code, description) of the Versions of project 101, as the site has them."""
        return {row["id"]: (row["code"], row["description"]) for row in self.site.rows("Version")
                if row["project"] and row["project"]["id"] == 101}

    def check_same_rows(self, run, where, at=-1):
        found = {row["id"]: (row["code"], row["description"]) for row in run.document("find", at)["rows"]}
        self.assertEqual(len(found), len(run.document("find", at)["rows"]), f"{where}: a row is there twice")
        self.assertEqual(found, self.project_rows(), where)

    def find_by_command(self, directory, code):
        """The ids that the command finds in the cache alone."""
        filters = json.dumps([["code", "is", code]])
        done = subprocess.run([COMMAND, "--json", "find", "Version", "--project", "101", "--mode", "only-cache", "--cache",
                               directory, "--fields", "code", "--filters", filters], env=self.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return [row["id"] for row in json.loads(done.stdout)["rows"]]

    def note(self, store, run):
        """Counts in which state the write of a dead process was left behind."""
        for event in run.tried:
            if event in run.acked:
                continue
            state = store.mutations.get(event, {"state": -1})["state"]
            name = ("nothing written", "intent", "attempted", "settled", "refused")[state + 1]
            self.points[name] = self.points.get(name, 0) + 1
