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


if __name__ == "__main__":
    unittest.main()
