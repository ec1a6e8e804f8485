"""The harness of the multi-host tests, with processes of this machine as hosts: the scenarios that need
no network, and that the checker and the readers see what they are there to see."""

import os
import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import case as case_module  # noqa: E402
import hosts  # noqa: E402
import run  # noqa: E402
import scenarios  # noqa: E402

PROGRAM = pathlib.Path(os.environ["FPTCACHE_BIN_DIR"], "tests/nfs/nfs_load")


class Folder(unittest.TestCase):

    def setUp(self):
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fptc_nfs_", dir=base))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "shared").mkdir()
        self.hosts = hosts.Local(str(self.folder / "shared"))
        self.campaign = run.Campaign(self.hosts, PROGRAM, self.folder / "keep", 1.5)
        self.addCleanup(os.remove, self.campaign.remote)
        self.addCleanup(self.campaign.tsv.close)
        self.campaign.up("?")


class Scenarios(Folder):

    def play(self, name):
        row = self.campaign.run(getattr(scenarios, name), 1)
        self.assertEqual(row["result"], "passed", row["problems"])
        self.assertGreater(row["acknowledged"], 50)
        self.assertGreater(row["answers"], 5)

    def test_contention(self):
        self.play("contention")

    def test_writer_cut(self):
        self.play("writer_cut")

    def test_compactor_cut(self):
        self.play("compactor_cut")

    def test_pause(self):
        self.play("pause")

    def test_old_base(self):
        self.play("old_base")

    def test_a_scenario_without_its_trigger_fails(self):
        self.hosts.hooks["clock"] = ""  # sets no clock
        row = self.campaign.run(scenarios.clocks, 0)
        self.assertEqual(row["result"], "failed")
        self.assertIn("trigger: not so: clocks differ by", row["problems"])


class Checker(Folder):
    """What is done to a sound store, and what the checker says."""

    def setUp(self):
        super().setUp()
        self.case = self.campaign.new_case("store", 0)
        writer = self.case.start("a", "append", "w1", count=40)
        self.case.must(writer, 30)
        self.case.must(self.case.start("b", "compact", "c1", count=1), 30)
        self.case.must(self.case.start("a", "append", "w1", count=9, first=40), 30)
        self.acknowledged = {f"w1-{i:06d}": 0 for i in range(49)}
        self.partition = pathlib.Path(self.case.dir, case_module.PARTITION)

    def problems(self):
        checker = case_module.Ledger(self.partition)
        checker.run(self.acknowledged)
        checker.judge_rows()
        return sorted({problem.split(":")[0] for problem in checker.problems})

    def last(self):
        return max((self.partition / "log").iterdir())

    def test_a_sound_store(self):
        self.assertEqual(self.problems(), [])

    def test_a_key_that_was_never_written(self):
        self.acknowledged["w1-000049"] = 60
        self.assertEqual(self.problems(), ["lost"])

    def test_the_last_commit_gone(self):
        self.last().unlink()
        self.assertIn("lost", self.problems())

    def test_a_commit_in_the_middle_gone(self):
        (self.partition / "log" / f"{int(self.last().name) - 3:016d}").unlink()
        self.assertIn("lost", self.problems())

    def test_one_byte_of_a_commit(self):
        data = bytearray(self.last().read_bytes())
        data[-100] ^= 1
        self.last().write_bytes(data)
        self.assertIn("damaged", self.problems())

    def test_another_number_than_was_said(self):
        self.acknowledged["w1-000041"] = 44
        self.assertEqual(self.problems(), ["twice"])

    def test_the_same_key_again(self):
        case_module.check_store.Checker.add(checker := case_module.Ledger(self.partition),
                                            "w1-000048", 7)
        checker.run(self.acknowledged)
        self.assertTrue(any(problem.startswith("twice") for problem in checker.problems))

    def test_half_a_commit_in_a_snapshot(self):
        checker = case_module.Ledger(self.partition)
        checker.run(self.acknowledged)
        checker.rows[1000001] -= 1
        del checker.rows[1001020]
        checker.judge_rows()
        self.assertEqual({p.split(":")[0] for p in checker.problems}, {"torn"})


class Readers(Folder):

    def read(self, **options):
        """What a reader says of twenty commits and one more."""
        case = self.campaign.new_case("store", 0)
        case.must(case.start("a", "append", "w1", count=20), 30)
        case.must(case.start("b", "append", "w1", count=1, **options), 30)
        reader = case.start("c", "read", "r", count=1)
        status = reader.job.wait(30)
        return status, [text for _, text in reader.job.lines if text.startswith("torn")]

    def test_whole_commits(self):
        self.assertEqual(self.read(first=20), (0, []))

    def test_half_a_commit(self):
        status, said = self.read(first=20, batch=3)
        self.assertEqual((status, len(said)), (1, 1))

    def test_a_commit_that_is_missing(self):
        status, said = self.read(first=21)
        self.assertEqual((status, len(said)), (1, 1))


if __name__ == "__main__":
    unittest.main()
