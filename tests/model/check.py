"""Runs the models of this folder with SPIN: with every rule in place they must hold, and with any one taken
out they must fail. Of each failure the shortest way there is printed, step by step.

    python3 tests/model/check.py [-v] [Models.test_log_writer__NO_APPEND ...]

FPTC_LONG=1: more numbers and more processes, up to some hundred million states.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
LONG = os.environ.get("FPTC_LONG") == "1"
MEMORY_MIB = 6000 if LONG else 2000

ONLY_LONG = ("log_torn_reader", "log_late_reader", "files_two_rollups")

# (instance, model, processes and bounds, what is added or replaced with FPTC_LONG)
INSTANCES = [
    ("log_reader", "log", {"READERS": 1, "NUMBERS": 3}, {"NUMBERS": 5}),
    ("log_writer", "log", {"WRITERS": 1, "NUMBERS": 3}, {"NUMBERS": 5}),
    ("log_compactor", "log", {"COMPACTORS": 1, "NUMBERS": 4}, {"NUMBERS": 5}),
    ("log_drop", "log", {"DROPPERS": 1, "NUMBERS": 3}, {"WRITERS": 1}),
    ("log_writer_and_reader", "log", {"WRITERS": 1, "READERS": 1, "NUMBERS": 2}, {"NUMBERS": 4}),
    ("log_two_writers", "log", {"WRITERS": 2, "NUMBERS": 2}, {"NUMBERS": 4}),
    ("log_torn_writer", "log", {"TORN": 1, "WRITERS": 1, "NUMBERS": 3}, {"NUMBERS": 5}),
    ("log_torn_reader", "log", {"TORN": 1, "READERS": 1, "NUMBERS": 3}, {"NUMBERS": 5}),
    ("log_late_writer", "log", {"BEHIND": 1, "WRITERS": 1, "NUMBERS": 3}, {"NUMBERS": 5}),
    ("log_late_reader", "log", {"BEHIND": 1, "READERS": 1, "NUMBERS": 3}, {"NUMBERS": 5}),
    ("log_dropped", "log", {"DROPS": 1, "BEHIND": 1, "WRITERS": 1, "NUMBERS": 2}, {"NUMBERS": 4}),
    ("files_rollup", "files", {"ROLLERS": 1, "DELETERS": 1, "NUMBERS": 4}, {"NUMBERS": 5}),
    ("files_two", "files", {"ROLLERS": 1, "REWRITERS": 1, "DELETERS": 1, "NUMBERS": 3}, {"NUMBERS": 4}),
    ("files_two_rollups", "files", {"ROLLERS": 2, "DELETERS": 1, "NUMBERS": 3}, {"NUMBERS": 4}),
    ("files_two_deleters", "files", {"ROLLERS": 1, "DELETERS": 2, "NUMBERS": 3}, {"NUMBERS": 4}),
    ("files_passed", "files", {"PASSED": 1, "REWRITERS": 1, "DELETERS": 1, "NUMBERS": 4}, {"NUMBERS": 5}),
    ("files_pin", "files", {"PINNERS": 1, "REWRITERS": 1, "DELETERS": 1, "NUMBERS": 3}, {"NUMBERS": 4}),
    ("writes_marker", "writes", {"TRIES": 3, "STRANGERS": 1, "DELETIONS": 1, "RETRIES": 1}, {"SENDERS": 3}),
    ("writes_marker_two", "writes", {"EVENTS": 2}, {"STRANGERS": 1, "DELETIONS": 1, "RETRIES": 1}),
    ("writes_match", "writes", {"MATCH": 1, "TRIES": 3, "DELETIONS": 1, "RETRIES": 1}, {"SENDERS": 3}),
    ("writes_match_two", "writes", {"MATCH": 1, "EVENTS": 2, "RETRIES": 1}, {"SENDERS": 3, "DELETIONS": 1}),
]

# (instance, what is taken out, in words, bounds if others are needed)
TAKEN_OUT = [
    ("log_reader", "NO_BASES", "the base is the one that was published last, not the greatest", {}),
    ("log_reader", "NO_PASS", "a reader does not list bases/ again behind what it read", {}),
    ("log_reader", "WEAK_PASS", "it compares that with the last number read, not with the one it knew", {}),
    ("log_writer", "NO_APPEND", "a writer does not list bases/ behind its link", {}),
    ("log_writer", "CHECK_FIRST", "it lists bases/ before its link instead", {}),
    ("log_writer", "NO_SEARCH", "after an unclear end it appends again and does not look for its commit", {}),
    ("log_writer", "OVERWRITE", "a commit overwrites its number: no put-if-absent", {}),
    ("log_writer", "RESTART", "a drop removes the directory, and numbers begin again", {}),
    ("log_compactor", "NO_PASS", "a compactor folds, or rolls up, what no pass vouched for", {}),
    ("log_drop", "NO_PROOF", "a drop publishes its base without looking whether its commit is a ghost",
     {"NUMBERS": 4}),
    ("log_torn_writer", "NO_GRACE", "a name in bases/ may go as soon as newer ones are there, and a listing is torn",
     {"NUMBERS": 4}),
    ("log_torn_reader", "NO_GRACE", "the same, for a reader",
     {"NUMBERS": 4}),
    ("log_late_writer", "NEWEST", "numbers up to the newest base are deleted, and a listing is one change late",
     {"NUMBERS": 4}),
    ("log_late_reader", "NEWEST", "the same, for a reader",
     {"NUMBERS": 4}),
    ("log_dropped", "DROP_AT_ONCE", "commits below a drop go although bases/ is as its base left it", {"NUMBERS": 3}),
    ("files_rollup", "NO_CHECK", "a roll-up does not look at bases/ once its manifest is in tmp/", {}),
    ("files_rollup", "CHECK_LISTED", "it looks only whether its base is still there, not whether it is the greatest", {}),
    ("files_rollup", "NO_TEMPS", "the deletion leaves manifests in tmp/", {}),
    ("files_rollup", "NO_SECOND_LOOK", "it removes files although a newer base came while it removed temps",
     {"NUMBERS": 5}),
    ("files_rollup", "NO_NUMBER", "it removes files of numbers above the second greatest base", {}),
    ("files_rollup", "FILES_FIRST", "it removes files before the names that name them", {}),
    ("files_passed", "NO_OWN_NAME", "a rewrite that was passed is named by the file name of its own number", {}),
    ("files_pin", "NO_RECHECK", "who pins does not look at bases/ once the pin is written", {}),
    ("files_pin", "PIN_LISTED", "he looks only whether the base is still there, not whether it is the greatest", {}),
    ("files_pin", "PINS_FIRST", "the deletion lists pins before it lists bases/", {}),
    ("files_pin", "OVERWRITE", "a base overwrites its number: no put-if-absent", {}),
    ("writes_marker", "NO_CLAIM", "two senders may have begun to send the same write", {}),
    ("writes_marker", "NO_NEXT", "an attempt after a look-up does not ask whether another has begun since", {}),
    ("writes_marker", "NO_QUIET", "a look-up counts while FPT may still be at work", {}),
    ("writes_marker", "NO_WINDOW", "a sender sends however long after its attempt", {}),
    ("writes_marker", "NO_RETIRED", "a look-up does not see rows that somebody deleted since", {}),
    ("writes_marker", "LATE_REFUSAL", "a refusal counts though a later attempt has begun", {}),
    ("writes_marker", "MATCH", "no marker, and somebody writes the same past the cache", {}),
    ("writes_marker", "GAP", "assumed: no host stops between its last check and the wire", {}),
    ("writes_marker", "SLOW", "assumed: FPT ends a request before the quiet period is over", {}),
    ("writes_match", "NO_QUIET", "the same, without a marker", {}),
    ("writes_match", "NO_KNOWN", "a look-up takes rows that were there before the intent", {}),
    ("writes_match_two", "NO_UNIQUE", "a settle does not look whether another names its row", {}),
    ("writes_match_two", "TOLD_FIRST", "who wrote is told the row of the answer although another's settle names it", {}),
    ("writes_match_two", "NO_LAST", "a look-up settles although a later attempt has begun", {}),
]


def run(command, folder):
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False).stdout


class Models(unittest.TestCase):
    def explore(self, model, flags):
        """Returns (states, error or None, the steps to it)."""
        folder = tempfile.mkdtemp(prefix="fptc-model-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        shutil.copy(os.path.join(HERE, model + ".pml"), folder)
        defines = [f"-D{name}={value}" for name, value in flags.items()]
        said = run(["spin", "-a", *defines, model + ".pml"], folder)
        self.assertNotIn("rror", said)
        # breadth first: the counter-example is the shortest
        level = "-O2" if LONG or flags.get("NUMBERS", 0) >= 5 else "-O0"   # most are explored sooner than optimised
        said = run(["gcc", "-w", level, "-DSAFETY", "-DBFS", f"-DMEMLIM={MEMORY_MIB}", "-o", "pan",
                    "pan.c"], folder)
        self.assertEqual(said, "")
        said = run(["./pan", "-E", "-n", "-m1000000"], folder)
        states = re.search(r"(\d+) states, stored", said)
        self.assertTrue(states, said)
        self.assertNotIn("out of memory", said)
        if "errors: 0" in said:
            self.assertNotIn("Search not completed", said)
        error = re.search(r"pan:1: (.*) \(at depth", said)
        self.assertEqual(bool(error), "errors: 0" not in said, said)
        steps = []
        if error:
            self.assertIn("assertion violated", error.group(1))
            trail = run(["spin", "-t", "-T", "-B", *defines, model + ".pml"], folder)
            steps = re.split(r"\nspin: ", trail)[0].splitlines()
        return int(states.group(1)), error and error.group(1), steps


def holds(name, model, flags):
    def test(self):
        states, error, steps = self.explore(model, flags)
        print(f"{name} {flags}: {states:,} states", file=sys.stderr)
        self.assertIsNone(error, "\n".join(steps))
    return test


def fails(name, model, flags, flag, words):
    def test(self):
        states, error, steps = self.explore(model, {**flags, flag: 1})
        self.assertTrue(error, f"without it the model still holds ({states:,} states): {words}")
        print(f"{name} -D{flag}: {words}: {states:,} states to", *("    " + s for s in steps),
              "    then: " + error, sep="\n", file=sys.stderr)
    return test


def add_tests():
    of = {}
    for name, model, flags, longer in INSTANCES:
        if name in ONLY_LONG and not LONG:
            continue
        of[name] = (model, flags)
        setattr(Models, "test_" + name, holds(name, model, {**flags, **longer} if LONG else flags))
    for name, flag, words, bounds in TAKEN_OUT:
        if name not in of:
            continue
        model, flags = of[name]
        setattr(Models, f"test_{name}__{flag}", fails(name, model, {**flags, **bounds}, flag, words))


add_tests()
if not shutil.which("spin"):
    Models = unittest.skip("spin is not installed: see tests/packages.sh")(Models)

if __name__ == "__main__":
    unittest.main()
