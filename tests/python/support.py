"""What the Python tests share: a test site, a cache directory of its own for each test, another process."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["FPTC_SOURCE_DIR"])
sys.path.insert(0, str(SOURCE / "tests/site"))
import harness  # noqa: E402

import fptcache  # noqa: E402

PROJECT = {"type": "Project", "id": 101}
IN_PROJECT = ["project", "is", PROJECT]


class WithSite(unittest.TestCase):
    """One site for the class; its rows are those of the seed, plus what the class's tests write."""

    rows = 600

    @classmethod
    def setUpClass(cls):
        cls.site = harness.Site(rows=cls.rows)
        cls.site.start()
        cls.addClassCleanup(cls.site.__exit__, None, None, None)

    def setUp(self):
        self.site.clear_faults()
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.directory = os.path.join(self.folder, "cache")

    def shotgun(self, **options):
        options.setdefault("cache_dir", self.directory)
        options.setdefault("script_name", self.site.script_name)
        options.setdefault("api_key", self.site.script_key)
        sg = fptcache.Shotgun(self.site.url, **options)
        self.addCleanup(sg.close)
        return sg

    def cache(self, **options):
        options.setdefault("site", self.site.url)
        options.setdefault("script_name", self.site.script_name)
        options.setdefault("script_key", self.site.script_key)
        cache = fptcache.open(self.directory, **options)
        self.addCleanup(cache.close)
        return cache

    def visits(self, work):
        """What the work returned, and the site's own count of requests by kind, logging in not included."""
        self.site.reset_requests()
        result = work()
        counts = self.site.counts()
        counts.pop("auth", None)
        return result, counts

    def elsewhere(self, program, **options):
        """Runs Python in another process, where `sg` is a Shotgun of the same cache; what it printed."""
        options.setdefault("cache_dir", self.directory)
        text = f"import fptcache, json\nsg = fptcache.Shotgun({self.site.url!r}, {self.site.script_name!r}, " \
               f"{self.site.script_key!r}, **{options!r})\n{program}\nsg.close()\n"
        done = subprocess.run([sys.executable, "-B", "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def of_project(self, type_name, project=101):
        """The site's own rows of a type in a project, by id."""
        return {row["id"]: row for row in self.site.rows(type_name)
                if (row.get("project") or {}).get("id") == project}
