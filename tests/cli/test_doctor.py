"""fptcache doctor: exit codes, two processes as two hosts, nothing left behind; fptcache.doctor().

Seen to fail: exit code 0 with a bad check; a directory that stays behind; a host that waits for one that is done.
"""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import fptcache

COMMAND = pathlib.Path(os.environ["FPTCACHE_BIN_DIR"], "fptcache")
DONE, USAGE, DEADLINE, IO = 0, 2, 6, 9


class Doctor(unittest.TestCase):

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="fptc_doctor_")
        self.addCleanup(lambda: subprocess.run(["rm", "-rf", self.directory], check=True))

    def start(self, *words, **more):
        return subprocess.Popen([COMMAND, *words], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)

    def see(self, *words, expect=DONE):
        process = self.start("doctor", *words)
        out, self.errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, expect, out + self.errors)
        return out

    def nothing_left(self):
        self.assertEqual([name for name in os.listdir(self.directory) if name.startswith("doctor-")], [])

    def checks(self, text):
        document = json.loads(text)
        return document["safe"], {check["name"]: check for check in document["checks"]}

    def test_plain_directory(self):
        safe, checks = self.checks(self.see(self.directory, "--json"))
        self.assertTrue(safe)
        self.assertEqual(checks["exclusive link"]["verdict"], "ok")
        self.assertGreater(checks["append"]["value"], 0)
        self.assertEqual(checks["append"]["unit"], "ms")
        self.nothing_left()
        self.assertIn("exclusive link", self.see("--cache", self.directory))

    def test_exit_codes(self):
        self.see(self.directory + "/none", expect=IO)
        self.assertIn("does not exist", self.errors)
        self.see("/proc", expect=IO)
        self.assertIn("not safe", self.errors)
        self.see(expect=USAGE)
        self.see(self.directory, "--peer", "../up", expect=USAGE)
        self.see(self.directory, "--peer", "x", "--deadline", "200ms", expect=DEADLINE)
        self.nothing_left()

    def test_two_hosts(self):
        both = [self.start("doctor", self.directory, "--peer", "pair", "--json", "--deadline", "120s") for _ in range(2)]
        for process in both:
            out, errors = process.communicate(timeout=90)
            self.assertEqual(process.returncode, DONE, out + errors)
            safe, checks = self.checks(out)
            self.assertTrue(safe)
            self.assertEqual(checks["exclusive link between hosts"]["verdict"], "ok")
            self.assertEqual(checks["symlink swap between hosts"]["verdict"], "ok")
            self.assertEqual(checks["visibility of new names"]["unit"], "ms")
        self.nothing_left()

    def test_python(self):
        document = fptcache.doctor(self.directory)
        self.assertTrue(document["safe"])
        self.nothing_left()
        with self.assertRaises(fptcache.Error):
            fptcache.doctor(self.directory + "/none")


if __name__ == "__main__":
    unittest.main()
