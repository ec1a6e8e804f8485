"""Adds up what tests reported, names the failed and the skipped, and ends with the three numbers.

Usage: count.py FOLDER

Reads from FOLDER, in the order of their names:
  *.xml  results of a ctest run (--output-junit); a cmocka program and a Python script count by their
         cases, any other test as one
  *.txt  lines "passed NAME", "failed NAME: WHY", "skipped NAME: WHY" of the steps that are no tests
A test that fails without naming a failed case (a crash, a time limit) counts as one more failed.
The exit status is 1 when something failed or nothing passed.
"""

import pathlib
import re
import sys
import xml.etree.ElementTree

CMOCKA = re.compile(r"\[ *(RUN|OK|FAILED|SKIPPED|ERROR) *\] (\S+)$")
CASE = re.compile(r"^case (passed|failed|skipped) (\S+?)(?:: (.*))?$")
STEP = re.compile(r"^(passed|failed|skipped) ([^:]+)(?:: (.*))?$")
CMOCKA_OUTCOME = {"OK": "passed", "FAILED": "failed", "SKIPPED": "skipped", "ERROR": "failed"}


def python_cases(output):
    """Outcomes of the lines that run_unittest.py ends with."""
    cases = {}
    for line in output.splitlines():
        match = CASE.match(line)
        if match:
            cases[match.group(2)] = (match.group(1), match.group(3) or "")
    return cases


def cmocka_cases(output):
    """Outcomes of a cmocka program; the reason of one that did not pass is the last thing that it printed."""
    cases = {}
    said = ""
    for line in output.splitlines():
        match = CMOCKA.search(line)
        if not match:
            said = line.strip() or said
        elif match.group(1) == "RUN":
            said = ""
            cases[match.group(2)] = ("failed", "did not finish")
        elif cases.get(match.group(2), ("", ""))[1] == "did not finish":
            outcome = CMOCKA_OUTCOME[match.group(1)]
            reason = (said or "no reason given") if outcome != "passed" else ""
            reason = reason.removeprefix("skipped: ").removeprefix("[   LINE   ] --- ")
            cases[match.group(2)] = (outcome, reason)
    return cases


def ctest_results(path):
    """(outcome, name, reason) of every case in one ctest run."""
    run = path.stem
    for test in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        name, status = test.get("name"), test.get("status")
        output = test.findtext("system-out") or ""
        if status in ("notrun", "disabled"):
            yield not_run(f"{run}/{name}", test, status, output)
            continue
        cases = python_cases(output) or cmocka_cases(output)
        for case, (outcome, reason) in cases.items():
            yield outcome, f"{run}/{name}/{case}", reason
        if status == "fail" and all(outcome != "failed" for outcome, _ in cases.values()):
            failure = test.find("failure")
            reason = failure.get("message") if failure is not None else ""
            yield "failed", f"{run}/{name}", reason or "its exit status says so"
        elif status == "run" and not cases:
            yield "passed", f"{run}/{name}", ""
        elif status == "run" and any(outcome == "failed" for outcome, _ in cases.values()):
            yield "failed", f"{run}/{name}", "its exit status hides the failure above"


def not_run(name, test, status, output):
    """A test that ctest did not run, or that skipped itself by its exit status."""
    if status == "disabled":
        return "skipped", name, "disabled in its CMakeLists.txt"
    mark = test.find("skipped")
    message = mark.get("message") if mark is not None else ""
    if message.startswith("SKIP_"):
        said = [line.strip() for line in output.splitlines() if line.strip()]
        return "skipped", name, (said or ["no reason given"])[-1].removeprefix("skipped: ")
    return "failed", name, f"did not run: {message}"


def step_results(path):
    for line in path.read_text().splitlines():
        match = STEP.match(line)
        if match:
            yield match.group(1), match.group(2), match.group(3) or ""
        else:
            yield "failed", path.name, f"cannot read the line {line!r}"


def main(folder):
    totals = {"passed": 0, "failed": 0, "skipped": 0}
    lines = {"failed": [], "skipped": []}
    for path in sorted(pathlib.Path(folder).iterdir()):
        reader = {".xml": ctest_results, ".txt": step_results}.get(path.suffix)
        for outcome, name, reason in reader(path) if reader else ():
            totals[outcome] += 1
            if outcome != "passed":
                lines[outcome].append(f"{outcome}: {name}" + (f": {reason}" if reason else ""))
    for line in lines["skipped"] + lines["failed"]:
        print(line)
    print(", ".join(f"{number} {outcome}" for outcome, number in totals.items()))
    return 1 if totals["failed"] or not totals["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
