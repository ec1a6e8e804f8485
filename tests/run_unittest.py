"""Runs one unittest script and says in plain lines what became of each of its cases.

Usage: run_unittest.py SCRIPT

tests/count.py adds these lines up:  "case passed NAME", "case failed NAME: ERROR",
"case skipped NAME: REASON". The exit status is 1 when a case failed or when there was none.
"""

import importlib.util
import pathlib
import sys
import unittest

MOST_OF_A_REASON = 600


class Result(unittest.TextTestResult):
    """A result that remembers one outcome per case, the worst one when it has parts."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.outcomes = {}

    def note(self, test, outcome, reason=""):
        name = test.id().replace(" ", "_")  # "setUpClass (module.Class)" stands for a whole class
        if self.outcomes.get(name, ("",))[0] != "failed":
            self.outcomes[name] = (outcome, " ".join(reason.split())[:MOST_OF_A_REASON])

    def note_failure(self, test, err):
        self.note(test, "failed", f"{err[0].__name__}: {err[1]}")

    def addSuccess(self, test):
        super().addSuccess(test)
        self.note(test, "passed")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.note_failure(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.note_failure(test, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note(test, "skipped", reason)

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.note(test, "passed")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.note(test, "failed")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.note_failure(test, err)


def main(script):
    path = pathlib.Path(script).resolve()
    sys.path.insert(0, str(path.parent))
    sys.argv = [str(path)]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except unittest.SkipTest as skip:
        print(f"case skipped {path.stem}: {skip}")
        return 0
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result)
    result = runner.run(suite)
    print()
    for name, (outcome, reason) in result.outcomes.items():
        print(f"case {outcome} {name}" + (f": {reason}" if reason else ""))
    if not result.outcomes:
        print(f"case failed {path.stem}: no test was found in it")
        return 1
    return 0 if all(outcome != "failed" for outcome, _ in result.outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
