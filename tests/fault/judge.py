"""Reads a partition again and again without the library, for points.c: check_store.py behind a pipe.

Each line of the input is the directory of a partition. The answer: "key NAME" for each config key (as often as it is
there; the library's own, which have a ':', may be written again and count once), "problem TEXT" for whatever is wrong, "end".
"""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(os.environ["FPTC_SOURCE_DIR"]) / "tests/multi"))
import check_store  # noqa: E402


DROPPED = 11


class Checker(check_store.Checker):
    def visit_record(self, kind, body):
        if kind == DROPPED:
            self.keys.clear()


def judge(partition):
    """(keys with repetitions, problems)"""
    if not (partition / "log").is_dir() or not (partition / "bases").is_dir():
        return [], []   # its maker died while making it
    checker = Checker(partition)
    try:
        base, prev = checker.load_base()
        checker.load_log(base, prev)
    except Exception as error:  # whatever it is, the store cannot be read
        checker.problem(f"damaged: {type(error).__name__}: {error}")
    link = partition / "latest.sqlite"
    if link.is_symlink() and not link.exists():
        checker.problem(f"latest.sqlite leads nowhere: {os.readlink(link)}")
    checker.keys.pop("dropped", None)   # what the tables say of a drop
    keys = [key for key, found in sorted(checker.keys.items()) for _ in (found if ":" not in key else found[:1])]
    return keys, checker.problems


def main():
    for line in sys.stdin:
        keys, problems = judge(pathlib.Path(line.rstrip("\n")))
        for key in keys:
            print("key", key)
        for text in problems:
            print("problem", " ".join(str(text).split()))
        print("end", flush=True)


if __name__ == "__main__":
    main()
