"""Golden caches, as they were written once by hand-made bytes (make_golden.py): each is read or refused as its .txt says,
and a build that does not know a part of one appends nothing.

Seen to fail: a reader that takes an unknown feature bit for damage; an append behind a number of a greater format.
"""

import os
import pathlib
import shutil
import tarfile
import tempfile
import unittest

import fptcache

HERE = pathlib.Path(__file__).resolve().parent
WRITE = os.environ.get("FPTC_GOLDEN_WRITE") == "1"


def tell(work):
    """What the work gives, or its failure, as lines. Paths are not the same for ever."""
    try:
        return work()
    except (fptcache.Error, OSError) as error:
        return [f"{getattr(error, 'name', type(error).__name__)}"]


class Golden(unittest.TestCase):

    def ask(self, directory):
        def opened(work):
            with fptcache.open(directory, environment=False, hold="never", mode="only-cache", script_name="golden",
                               script_key="never sent") as cache:
                return work(cache)

        def changes(cache):
            return [f"{c.version >> 20}.{c.version & 0xfffff} {c.kind} {c.type} {c.id}"
                    + (f" {c.row['code']} {c.row['sg_cut_in']}" if c.row else "")
                    + (f" {c.moved_to}" if c.moved_to else "") for c in cache.changes("Shot", 101)]

        def status(cache):
            document = cache.status()
            return [" ".join(f"{key}={entry[key]}" for key in ("partition", "head", "base", "damaged"))
                    + "".join(f" covered={cover['type']}" for cover in entry["coverage"])
                    for entry in document["partitions"]] + [f"outbox {document['outbox']}"]

        def verify(cache):
            return [f"{problem['kind']} {os.path.relpath(problem['file'], directory)}"
                    for problem in cache.verify()["problems"]]

        def append(cache):
            before = self.numbers(directory)
            try:
                cache.mirror_remove("Shot", 101)
            finally:
                more = self.numbers(directory) - before
                lines.append(f"new files: {' '.join(sorted(more)) or 'none'}")
            return ["done"]

        lines = []
        for work in (changes, status, verify, append):
            outcome = tell(lambda: opened(work))
            lines += [f"{work.__name__}: {line}" for line in outcome or ["nothing"]]
        return "\n".join(lines) + "\n"

    @staticmethod
    def numbers(directory):
        return {str(path.relative_to(directory)) for sub in ("log", "bases") for path in directory.glob(f"partitions/*/{sub}/*")}

    def test_all(self):
        archives = sorted(HERE.glob("*.tar.gz"))
        self.assertGreater(len(archives), 15)
        for archive in archives:
            name = archive.name[:-len(".tar.gz")]
            with self.subTest(name):
                folder = tempfile.mkdtemp()
                self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
                directory = pathlib.Path(folder, "cache")
                with tarfile.open(archive) as tar:
                    tar.extractall(directory)
                (directory / "partitions").mkdir(exist_ok=True)
                text = self.ask(directory)
                expected = HERE / f"{name}.txt"
                if WRITE and not expected.exists():
                    expected.write_text(text)
                self.assertEqual(text, expected.read_text(), name)
        print(f"golden: {len(archives)} caches read or refused as before", flush=True)


if __name__ == "__main__":
    unittest.main()
