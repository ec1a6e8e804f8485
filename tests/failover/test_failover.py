"""docs/failover.md: every block is run exactly as it is printed, against a cache that is being written to, and shows its rows.
pandas and DuckDB come from tests/packages.sh; the blocks that need them are skipped by name when they are not there.

Seen to fail: a block with another table; latest.sqlite that leads nowhere; a snapshot that stock SQLite cannot open.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

SOURCE = pathlib.Path(os.environ["FPTC_SOURCE_DIR"])
BUILD = pathlib.Path(os.environ["FPTCACHE_BIN_DIR"])
PACKAGES = SOURCE / "build/python-analysis"
sys.path.insert(0, str(SOURCE / "tests/site"))
import harness  # noqa: E402

import fptcache  # noqa: E402

GUIDE = (SOURCE / "docs/failover.md").read_text()


class Failover(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.site = harness.Site(rows=600)
        cls.site.start()
        cls.addClassCleanup(cls.site.__exit__, None, None, None)
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.directory = os.path.join(cls.folder, "cache")
        cls.cache = fptcache.open(cls.directory, site=cls.site.url, script_name=cls.site.script_name,
                                  script_key=cls.site.script_key, hold="never", environment=False)
        cls.addClassCleanup(cls.cache.close)
        for type_name in ("Shot", "Asset"):
            cls.cache.mirror_add(type_name, 101)
        cls.cache.sync()
        cls.cache.compact()
        clean = {name: value for name, value in os.environ.items()
                 if not name.startswith("FPTCACHE_") and name != "LD_PRELOAD"}
        cls.environment = {**clean, "FPTCACHE_DIR": cls.directory, "PYTHONPATH": str(PACKAGES),
                           "PATH": f"{BUILD}:{clean['PATH']}"}

    def run_block(self, language, text):
        program = ["bash", "-e", "-c", text] if language == "sh" else [sys.executable, "-c", text]
        done = subprocess.run(program, cwd=self.folder, env=self.environment, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, f"{text}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def test_blocks(self):
        shots = {row["code"]: row for row in self.cache.find("Shot", [["project", "is", {"type": "Project", "id": 101}]],
                                                             ["code", "sg_status_list"])}
        first = min(shots)
        blocks = re.findall(r"^```(sh|python)\n(.*?)^```$", GUIDE, re.S | re.M)
        self.assertEqual(len(blocks), 7)
        stop = threading.Event()

        def write():
            while not stop.wait(0.05):
                self.cache.create("Note", {"subject": "live", "project": {"type": "Project", "id": 101}})
        writer = threading.Thread(target=write)
        writer.start()
        try:
            for language, text in blocks:
                needed = [name for name in ("pandas", "duckdb") if re.search(rf"\b{name}\b", text)]
                missing = [name for name in needed if not (PACKAGES / name).is_dir()]
                with self.subTest(text.splitlines()[-1]):
                    if missing:
                        self.skipTest(f"{', '.join(missing)} not installed: see tests/packages.sh")
                    shown = self.run_block(language, text)
                    if "LIMIT 5" in text and "Shot ORDER BY code" in text:
                        self.assertIn(first, shown)
                        self.assertEqual(len(shown.splitlines()), 5)
                    elif "complete_as_of" in text:
                        self.assertRegex(shown, r"Shot\|20\d\d-")
                    elif "parquet" in text:
                        self.assertTrue({"Shot.parquet", "Shot__assets.parquet", "Asset.parquet"}
                                        <= set(os.listdir(os.path.join(self.folder, "parquet"))))
                        self.assertIn("count", shown)
                    elif "export" in text:
                        lines = pathlib.Path(self.folder, "shots.jsonl").read_text().splitlines()
                        self.assertEqual({json.loads(line)["code"] for line in lines}, set(shots))
                    else:
                        self.assertTrue(shown.strip(), text)
        finally:
            stop.set()
            writer.join()

    def test_readme_leads_there(self):
        self.assertIn("docs/failover.md", (SOURCE / "README.md").read_text())


if __name__ == "__main__":
    unittest.main()
