"""The campaign of campaign.py on one machine: a small one, with everything that goes wrong in the big one.

FPTC_LONG=1: 20,000 mutations of 16 processes. Seen to fail, by what the oracle said: see docs/writing-campaign.md.
"""

import os
import pathlib
import sys
import unittest

SOURCE = pathlib.Path(os.environ["FPTC_SOURCE_DIR"])
sys.path.insert(0, str(SOURCE / "tests/write"))
import campaign  # noqa: E402
import draining  # noqa: E402

LONG = bool(os.environ.get("FPTC_LONG"))
KINDS = "through,behind,batch"
SHORT = ["--mutations", "300", "--writers", "6", "--quiet", "1.5", "--late-ms", "300", "--deadline", "0.8", "--kill-host-s", "2",
         "--kill-writer-s", "1", "--kill-holder-s", "1"]


class InOneMachine(unittest.TestCase):
    def test_campaign(self):
        size = ["--mutations", "20000", "--seconds", "3000"] if LONG else SHORT
        a = campaign.arguments(["--build", os.environ["FPTCACHE_BIN_DIR"], "--kinds", KINDS,
                                "--keep", os.path.join(os.environ["FPTCACHE_BIN_DIR"], "writing"), *size])
        problems, report = campaign.Campaign(a).run()
        print(f"seed {a.seed}: {report}", flush=True)
        self.assertEqual(problems, [], f"seed {a.seed}")
        counts = report["counts"]
        self.assertGreaterEqual(counts["mutations"] - counts.get("answered held", 0), a.mutations * 0.9)
        for kind in KINDS.split(","):
            self.assertTrue(any(name.startswith(kind) or kind in name for name in counts), kind)

    def drained(self, *words):
        """The report of draining.py, small."""
        a = draining.arguments([*words, "--build", os.environ["FPTCACHE_BIN_DIR"], "--quiet", "1"])
        run = draining.Draining(a)
        try:
            problems, report = getattr(run, a.what)()
        finally:
            run.end()
        self.assertEqual(problems, [])
        return report

    def test_burst(self):
        """What several processes write behind goes with a few requests."""
        report = self.drained("burst", "--processes", "5", "--each", "10")
        self.assertLess(report["writing requests"], 25)

    def test_fpt_away(self):
        """Everybody goes on writing, and reads what they wrote; then it goes to FPT, in order."""
        report = self.drained("outage", "--processes", "3", "--seconds", "2")
        self.assertGreater(report["written meanwhile"], 3)
        self.assertEqual(report["took"]["unread"], 0)
        self.assertLessEqual(report["at once, at most"], 4)


if __name__ == "__main__":
    unittest.main()
