"""threads.c against the test site. This script loads no library: every sanitizer build runs it."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["FPTCACHE_BIN_DIR"])
sys.path.insert(0, str(pathlib.Path(os.environ["FPTC_SOURCE_DIR"], "tests/site")))
import harness  # noqa: E402

SLOW = bool(os.environ.get("FPTC_SANITIZE"))


class Threads(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.site = harness.Site(rows=600)
        cls.addClassCleanup(cls.site.__exit__, None, None, None)
        cls.site.start()

    def setUp(self):
        self.site.clear_faults()
        self.site.latency(0)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.directory = f"{folder.name}/cache"
        self.key = pathlib.Path(folder.name, "key")
        self.key.touch(0o600)
        self.key.write_text(self.site.script_key)
        self.command("init", self.directory, "--site", self.site.url)

    def command(self, *words):
        environment = {**os.environ, "FPTCACHE_DIR": self.directory, "FPTCACHE_SCRIPT_NAME": self.site.script_name,
                       "FPTCACHE_SCRIPT_KEY_FILE": str(self.key)}
        if words[0] == "init":
            del environment["FPTCACHE_DIR"]
        return subprocess.run([BUILD / "fptcache", *words], check=True, capture_output=True, text=True,
                              env=environment).stdout

    def run_threads(self, how, *more):
        self.site.reset_requests()
        done = subprocess.run([BUILD / "tests/read/read_threads", how, self.directory, self.site.script_name,
                               self.site.script_key, *more], capture_output=True, text=True, timeout=300)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout), self.site.counts()

    def test_everything_at_once(self):
        self.command("mirror", "add", "--type", "Shot", "--project", "101")
        self.command("sync")
        served, _ = self.run_threads("mixed", "6" if SLOW else "3")
        self.assertGreater(served["cache"], 10)
        self.assertGreater(served["upstream"], 1)

    def test_the_same_question_from_eight_threads(self):
        self.site.latency(100)
        served, counts = self.run_threads("same")
        self.assertEqual(sum(served.values()), 8)
        self.assertEqual(counts["search"], 1)

    def test_eight_threads_refresh(self):
        """Each is answered, with rows: a flight of another that was waited for is no answer of one's own."""
        self.site.latency(50)
        served, _ = self.run_threads("refresh")
        self.assertEqual(served["upstream"], 8)

    def test_deadlines_and_closing_behind_them(self):
        self.command("find", "Shot", "--project", "101", "--fields", "code")
        self.site.latency(1500)
        served, _ = self.run_threads("deadlines")
        self.assertGreaterEqual(served["stale"], 1)

    def test_fork(self):
        self.command("find", "Shot", "--project", "101", "--fields", "code")
        self.run_threads("fork")


if __name__ == "__main__":
    unittest.main()
