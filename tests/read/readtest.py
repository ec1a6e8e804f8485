"""What the reading tests share: a site for the class, a cache directory for each test, this process
(through ctypes) and other processes (the command) that read and write it, and the site's own truth."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(os.environ["FPTC_SOURCE_DIR"])
COMMAND = pathlib.Path(os.environ["FPTCACHE_BIN_DIR"], "fptcache")
SHARED = pathlib.Path(os.environ.get("FPTC_SHARED", "/nowhere"))
LONG = bool(os.environ.get("FPTC_LONG"))
sys.path.insert(0, str(SOURCE / "tests/site"))
import harness  # noqa: E402

import fptcache  # noqa: E402

DONE, NOTHING, USAGE, NO_DATA, REFUSED, DAMAGED, DEADLINE, PENDING, CONFLICT, IO = range(10)
PROJECT = {"type": "Project", "id": 101}
IN_PROJECT = ["project", "is", PROJECT]
FOREVER = 3600.0
AGES = 0.4   # a max_age that a test can wait for


def in_project(number):
    return ["project", "is", {"type": "Project", "id": number}]


def environment(**more):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FPTCACHE_")}
    return {**clean, **more}


class ReadTest(unittest.TestCase):
    """Options of the class's site; every test has a new cache directory."""

    site_options = {"rows": 1500}

    @classmethod
    def setUpClass(cls):
        cls.site = harness.Site(**cls.site_options)
        cls.addClassCleanup(cls.site.__exit__, None, None, None)
        cls.site.start()

    def setUp(self):
        self.site.clear_faults()
        self.site.latency(0)
        self.folder = tempfile.mkdtemp(prefix="fptc-read-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.directory = os.path.join(self.folder, "cache")

    # -- this process

    def cache(self, **options):
        options.setdefault("site", self.site.url)
        options.setdefault("script_name", self.site.script_name)
        options.setdefault("script_key", self.site.script_key)
        options.setdefault("hold", "never")
        cache = fptcache.open(self.directory, **options)
        self.addCleanup(cache.close)
        return cache

    def visits(self, work, *arguments, **named):
        """What the work returned, and how many requests of each kind reached the site (no logins)."""
        self.site.reset_requests()
        result = work(*arguments, **named)
        counts = self.site.counts()
        counts.pop("auth", None)
        return result, counts

    def silently(self, work, *arguments, **named):
        """What the work returned, after checking that it made no request at all."""
        result, counts = self.visits(work, *arguments, **named)
        self.assertEqual(counts, {})
        return result

    # -- another process

    def environment(self, **more):
        key_file = pathlib.Path(self.folder, "key")
        if not key_file.exists():
            key_file.touch(0o600)
            key_file.write_text(self.site.script_key + "\n")
        given = {"FPTCACHE_DIR": self.directory, "FPTCACHE_SITE": self.site.url,
                 "FPTCACHE_SCRIPT_NAME": self.site.script_name, "FPTCACHE_SCRIPT_KEY_FILE": str(key_file), **more}
        return environment(**{name: value for name, value in given.items() if value is not None})

    def start(self, *words, **more):
        return subprocess.Popen([COMMAND, "--json", *map(str, words)], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env=self.environment(**more))

    def finish(self, process, expect=DONE):
        out, self.errors = process.communicate(timeout=120)
        self.assertEqual(process.returncode, expect, f"{process.args}\n{out}\n{self.errors}")
        return json.loads(out) if expect in (DONE, NOTHING) and out else None

    def elsewhere(self, *words, expect=DONE, **more):
        """The document that the command prints, run as a process of its own."""
        return self.finish(self.start(*words, **more), expect)

    def find_elsewhere(self, kind, filters=(), fields="", *words, expect=DONE, **more):
        words = ["find", kind, "--filters", json.dumps(list(filters)), *words]
        if fields:
            words += ["--fields", fields]
        return self.elsewhere(*words, expect=expect, **more)

    # -- the truth

    def truth(self, kind, project=101):
        """The site's own living rows of a type (in a project unless None), by id."""
        return {row["id"]: row for row in self.site.rows(kind)
                if project is None or (row.get("project") or {}).get("id") == project}

    def aged(self, seconds=AGES):
        """Waits until everything known now is older than `seconds`."""
        time.sleep(seconds + 0.05)

    @contextlib.contextmanager
    def takes(self, least, most):
        began = time.monotonic()
        yield
        self.assertGreaterEqual(time.monotonic() - began, least)
        self.assertLessEqual(time.monotonic() - began, most)


def ids(rows):
    return [row["id"] for row in rows]


def by_id(rows):
    return {row["id"]: row for row in rows}
