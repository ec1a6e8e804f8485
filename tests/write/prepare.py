"""Before the campaign: the cache is made, and keeps what is written to. Told as worker.py is."""

import json
import sys

import fptcache

IN_PROJECT = ["project", "is", {"type": "Project", "id": 101}]


def main():
    how = json.loads(sys.argv[1])
    with fptcache.open(how["directory"], site=how["site"], script_name=how["script_name"], script_key=how["script_key"],
                       hold="never", environment=False) as cache:
        for kind in ("Shot", "Version"):
            cache.find(kind, [IN_PROJECT], ["code", "description"])


if __name__ == "__main__":
    main()
