"""The numbers that tests/run.sh ends with are those of the tests, whatever way a test ends."""

import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import unittest

TESTS = pathlib.Path(os.environ["FPTC_SOURCE_DIR"], "tests")

CMOCKA_MIXED = """\
[==========] Running 4 test(s).
[ RUN      ] good
[       OK ] good
[ RUN      ] left_out
skipped: the data is not here
[  SKIPPED ] left_out
[ RUN      ] bad
[  ERROR   ] --- 1 != 2
[   LINE   ] --- x.c:9: error: Failure!
[  FAILED  ] bad
[ RUN      ] chatty
no newline here[       OK ] chatty
[==========] 4 test(s) run.
[  PASSED  ] 2 test(s).
[  SKIPPED ] 1 test(s), listed below:
[  SKIPPED ] left_out
[  FAILED  ] 1 test(s), listed below:
[  FAILED  ] bad
"""
CMOCKA_CRASH = "[==========] a: Running 3 test(s).\n[ RUN      ] good\n[       OK ] good\n[ RUN      ] dies\n"

PYTHON = """\
import unittest
class T(unittest.TestCase):
    def test_good(self): pass
    def test_bad(self): self.fail()
    def test_worse(self): raise OSError
    def test_left_out(self): self.skipTest("nobody is here")
    def test_parts(self):
        for part in range(3):
            with self.subTest(part): self.assertNotEqual(part, 1)
    @unittest.expectedFailure
    def test_surprise(self): pass
"""


class Count(unittest.TestCase):
    maxDiff = None

    def count(self, tests="", steps="", files=()):
        """Runs ctest on these add_test commands, adds up, and returns the lines and the status."""
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in files:
                (root / name).write_text(text)
            results = root / "results"
            results.mkdir()
            (results / "steps.txt").write_text(steps)
            if tests:
                (root / "CMakeLists.txt").write_text(
                    "cmake_minimum_required(VERSION 3.25)\nproject(x LANGUAGES NONE)\nenable_testing()\n"
                    f"set(python {sys.executable})\nset(run {TESTS}/run_unittest.py)\n" + tests)
                subprocess.run(["cmake", "-G", "Ninja", "-S", root, "-B", root / "b"], check=True,
                               stdout=subprocess.DEVNULL)
                subprocess.run(["ctest", "--test-dir", root / "b", "--output-junit", results / "run.xml",
                                "--test-output-size-passed", "100000"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
            done = subprocess.run([sys.executable, "-B", TESTS / "count.py", results], text=True,
                                  stdout=subprocess.PIPE)
            return done.stdout.splitlines(), done.returncode

    def test_cmocka_cases(self):
        self.assertEqual(self.count(
            "add_test(NAME mixed COMMAND sh -c \"cat mixed; exit 1\" WORKING_DIRECTORY ..)\n"
            "set_tests_properties(mixed PROPERTIES WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})\n",
            files=[("mixed", CMOCKA_MIXED)]),
            (["skipped: run/mixed/left_out: the data is not here", "failed: run/mixed/bad: x.c:9: error: Failure!",
              "2 passed, 1 failed, 1 skipped"], 1))

    def test_cmocka_crash(self):
        self.assertEqual(self.count(
            "add_test(NAME crash COMMAND sh -c \"cat ${CMAKE_SOURCE_DIR}/crash; kill -SEGV $$\")\n",
            files=[("crash", CMOCKA_CRASH)]),
            (["failed: run/crash/dies: did not finish", "1 passed, 1 failed, 0 skipped"], 1))

    def test_cmocka_failure_that_exits_well(self):
        lines, status = self.count(
            "add_test(NAME liar COMMAND sh -c \"cat ${CMAKE_SOURCE_DIR}/mixed\")\n",
            files=[("mixed", CMOCKA_MIXED)])
        self.assertEqual((lines[-1], status), ("2 passed, 2 failed, 1 skipped", 1))

    def test_python_cases(self):
        lines, status = self.count(
            "add_test(NAME py COMMAND ${python} -B ${run} ${CMAKE_SOURCE_DIR}/test_it.py)\n"
            "add_test(NAME none COMMAND ${python} -B ${run} ${CMAKE_SOURCE_DIR}/test_none.py)\n"
            "add_test(NAME broken COMMAND ${python} -B ${run} ${CMAKE_SOURCE_DIR}/test_broken.py)\n",
            files=[("test_it.py", PYTHON), ("test_none.py", ""), ("test_broken.py", "import nothing_such\n")])
        self.assertEqual(sorted(line.split(": ")[0:2] for line in lines[:-1]), sorted([
            ["skipped", "run/py/test_it.T.test_left_out"],
            ["failed", "run/py/test_it.T.test_bad"], ["failed", "run/py/test_it.T.test_worse"],
            ["failed", "run/py/test_it.T.test_parts"], ["failed", "run/py/test_it.T.test_surprise"],
            ["failed", "run/none/test_none"], ["failed", "run/broken"]]))
        self.assertIn("skipped: run/py/test_it.T.test_left_out: nobody is here", lines)
        self.assertEqual((lines[-1], status), ("1 passed, 6 failed, 1 skipped", 1))

    def test_python_file_that_skips_itself(self):
        lines, status = self.count(
            "add_test(NAME py COMMAND ${python} -B ${run} ${CMAKE_SOURCE_DIR}/test_it.py)\n"
            "add_test(NAME cls COMMAND ${python} -B ${run} ${CMAKE_SOURCE_DIR}/test_cls.py)\n"
            "add_test(NAME good COMMAND true)\n",
            files=[("test_it.py", "import unittest\nraise unittest.SkipTest('no data')\n"),
                   ("test_cls.py", textwrap.dedent("""\
                        import unittest
                        class T(unittest.TestCase):
                            @classmethod
                            def setUpClass(cls): raise unittest.SkipTest("no server")
                            def test_a(self): pass
                        """))])
        self.assertEqual((lines, status), ([
            "skipped: run/py/test_it: no data", "skipped: run/cls/setUpClass_(test_cls.T): no server",
            "1 passed, 0 failed, 2 skipped"], 0))

    def test_other_tests(self):
        lines, status = self.count(
            "add_test(NAME good COMMAND true)\n"
            "add_test(NAME bad COMMAND false)\n"
            "add_test(NAME absent COMMAND ${CMAKE_SOURCE_DIR}/no-such-program)\n"
            "add_test(NAME slow COMMAND sleep 5)\n"
            "set_tests_properties(slow PROPERTIES TIMEOUT 1)\n"
            "add_test(NAME off COMMAND true)\n"
            "set_tests_properties(off PROPERTIES DISABLED ON)\n"
            "add_test(NAME itself COMMAND sh -c \"echo skipped: no mount; exit 77\")\n"
            "set_tests_properties(itself PROPERTIES SKIP_RETURN_CODE 77)\n")
        self.assertEqual((lines[-1], status), ("1 passed, 3 failed, 2 skipped", 1))
        self.assertIn("skipped: run/off: disabled in its CMakeLists.txt", lines)
        self.assertIn("skipped: run/itself: no mount", lines)
        for name in ("bad", "absent", "slow"):
            self.assertTrue([line for line in lines if line.startswith(f"failed: run/{name}")], name)

    def test_steps(self):
        self.assertEqual(self.count(steps="passed format\nskipped tidy: --fast\nfailed build ci: see its log\n"),
                         (["skipped: tidy: --fast", "failed: build ci: see its log",
                           "1 passed, 1 failed, 1 skipped"], 1))
        self.assertEqual(self.count(steps="passed format\n"), (["1 passed, 0 failed, 0 skipped"], 0))

    def test_nothing_is_not_success(self):
        self.assertEqual(self.count(), (["0 passed, 0 failed, 0 skipped"], 1))
        self.assertEqual(self.count(steps="oops\n")[1], 1)
