"""Every test file in tests/ is built and known to ctest: none lies there unused."""

import json
import os
import pathlib
import subprocess
import unittest

SOURCE = pathlib.Path(os.environ["FPTC_SOURCE_DIR"]).resolve()
BUILD = pathlib.Path(os.environ["FPTCACHE_BIN_DIR"])


def unregistered(files, compiled, commands):
    """Those test files that no build command or no test command mentions."""
    missing = []
    for path in files:
        known = compiled if path.suffix == ".c" else commands
        if path not in known:
            missing.append(path.name)
    return missing


class Registered(unittest.TestCase):

    def test_every_test_file_is_run(self):
        files = [path for pattern in ("test_*.c", "test_*.py") for path in (SOURCE / "tests").rglob(pattern)]
        self.assertTrue(files)
        entries = json.loads((BUILD / "compile_commands.json").read_text())
        compiled = {pathlib.Path(entry["directory"], entry["file"]).resolve() for entry in entries}
        listing = subprocess.run(["ctest", "--test-dir", BUILD, "--show-only=json-v1"], check=True,
                                 stdout=subprocess.PIPE).stdout
        commands = {pathlib.Path(word).resolve() for test in json.loads(listing)["tests"]
                    for word in test.get("command", [])}
        self.assertEqual(unregistered(files, compiled, commands), [],
                         "list these in their folder's CMakeLists.txt")

    def test_it_can_fail(self):
        a, b = pathlib.Path("/t/test_a.c"), pathlib.Path("/t/test_b.py")
        self.assertEqual(unregistered([a, b], {a}, {b}), [])
        self.assertEqual(unregistered([a, b], {b}, {a}), ["test_a.c", "test_b.py"])
