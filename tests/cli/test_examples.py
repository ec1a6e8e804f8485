"""The example programs do what their first lines say."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["FPTC_SOURCE_DIR"])
BUILD = pathlib.Path(os.environ["FPTCACHE_BIN_DIR"])
sys.path.insert(0, str(SOURCE / "tests/site"))
import harness  # noqa: E402


class Examples(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.site = harness.Site(rows=600)
        cls.site.start()
        cls.addClassCleanup(cls.site.__exit__, None, None, None)

    def setUp(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("FPTCACHE_")}
        self.environment = {**clean, "FPTCACHE_DIR": folder + "/cache", "FPTCACHE_SCRIPT_NAME": self.site.script_name,
                            "FPTCACHE_SCRIPT_KEY": self.site.script_key}
        self.run_program(BUILD / "fptcache", "init", folder + "/cache", "--site", self.site.url)

    def run_program(self, program, *words, expect=0):
        done = subprocess.run([program, *map(str, words)], env=self.environment, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        self.errors = done.stderr
        return done.stdout

    def example(self, name, *words, **how):
        return self.run_program(BUILD / "examples" / name, *words, **how)

    def shots(self):
        return {row["id"]: row for row in self.site.rows("Shot") if row["project"] and row["project"]["id"] == 101}

    def test_find(self):
        codes = [row["code"] for row in self.shots().values() if row["sg_status_list"] == "ip"]
        self.assertTrue(codes)
        for source in ("from FPT", "from the cache"):
            text = self.example("find", 101)
            self.assertIn(f"{len(codes)} shots, {source}, ", text)
            for code in codes:
                self.assertIn(code, text)

    def test_write(self):
        shot = min(self.shots())
        row = json.loads(self.example("write", shot, "hld"))
        self.assertEqual((row["id"], row["sg_status_list"]), (shot, "hld"))
        self.assertEqual(self.shots()[shot]["sg_status_list"], "hld")
        self.example("write", shot, "no_status", expect=1)
        self.assertIn("no_status", self.errors)

    def test_progress_and_changes(self):
        self.assertIn("stopped", self.example("progress", 101, 1))
        self.assertIn("Shot", self.errors)
        report = json.loads(self.example("progress", 101))
        self.assertEqual([entry["type"] for entry in report["types"]], ["Shot"])
        lines = self.example("changes", 101, 0).splitlines()
        self.assertEqual({int(line.split()[2]) for line in lines[:-1]}, set(self.shots()))
        last = lines[-1].split()[-1]
        self.assertEqual(self.example("changes", 101, last), f"next time: changes 101 {last}\n")
        shot = max(self.shots())
        self.run_program(BUILD / "fptcache", "delete", "Shot", shot)
        self.assertIn(f"Shot {shot} (gone)", self.example("changes", 101, last))

    def test_without_a_cache(self):
        self.environment["FPTCACHE_DIR"] = "/nowhere/cache"
        for words in (("find",), ("write", 1, "ip"), ("changes",), ("progress",)):
            self.example(*words, expect=1)
            self.assertIn("/nowhere/cache", self.errors)


if __name__ == "__main__":
    unittest.main()
