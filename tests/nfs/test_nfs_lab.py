"""Several kernels on one NFS server: the short form, or with FPTC_LONG the campaign, in nfslab.

The lab is the program that FPTC_NFSLAB names, else ../shared/nfslab/lab. It needs root and /dev/net/tun.
"""

import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import hosts  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = pathlib.Path(os.environ["FPTCACHE_BIN_DIR"], "tests/nfs/nfs_load")
KEEP = pathlib.Path(os.environ["FPTCACHE_BIN_DIR"], "nfs")
LONG = bool(os.environ.get("FPTC_LONG"))
SHORT = ("contention", "writer_cut", "old_base")
INSTALLED = pathlib.Path(os.environ.get("LAB_CACHE", "/var/cache/nfslab"), "initramfs-uml.gz")


def why_not():
    lab, reason = hosts.find_lab(HERE.parents[1])
    if lab and not INSTALLED.exists():
        done = subprocess.run([lab, "install"], capture_output=True, check=False)
        if done.returncode:
            return None, "lab install failed: " + done.stderr.decode(errors="replace")[-300:]
    return lab, reason


class InTheLab(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.lab, reason = why_not()
        if not cls.lab:
            print(f"\n*** NO TEST ON REAL NFS IS RUN: {reason} ***\n", flush=True)
            raise unittest.SkipTest("no test on real NFS: " + reason)
        cls.runs = {version: cls.start(version) for version in ("4.2", "3")}

    @classmethod
    def start(cls, version):
        """Both versions at the same time: a lab mostly waits."""
        words = [sys.executable, "-B", HERE / "run.py", "--lab", cls.lab, "--vers", version,
                 "--program", PROGRAM, "--keep", KEEP]
        words += ["--runs", "5", "--rounds", "4"] if LONG else [f"--scenario={name}" for name in SHORT]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    @classmethod
    def tearDownClass(cls):
        for run in cls.runs.values():
            if run.returncode is None:
                run.terminate()
                run.communicate()

    def judge(self, version):
        text = self.runs[version].communicate()[0].decode(errors="replace")
        print(text, flush=True)
        if self.runs[version].returncode:
            failed = [line for line in text.splitlines() if line.startswith("failed")]
            self.fail("\n".join(failed or text.splitlines()[-5:]))

    def test_nfs_4_2(self):
        self.judge("4.2")

    def test_nfs_3(self):
        self.judge("3")


if __name__ == "__main__":
    unittest.main()
