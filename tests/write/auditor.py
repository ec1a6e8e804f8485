"""After the campaign: finishes what is open, then tells the journal what the outbox says of every write.

Told as worker.py is, with "patience_s". Its last word is "open N": writes without an end.
"""

import contextlib
import json
import pathlib
import sqlite3
import sys
import time

import fptcache
from worker import Journal

OPEN = ("pending", "unknown")


def ways(cache, directory):
    """event -> what it was settled by. Only to be counted."""
    cache.compact("outbox")
    path = pathlib.Path(directory, "partitions/outbox/latest.sqlite")
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as db:
        return {event: json.loads(outcome or "{}").get("by")
                for event, outcome in db.execute("SELECT event, outcome FROM _fptc_mutation")}


def drain(cache, quiet, patience_s):
    """How many writes have no end when it gives up."""
    end, last = time.monotonic() + patience_s, None
    while True:
        cache.maintain()
        waits = [(each["event"], each["attempts"]) for each in cache.outbox("open", limit=10000) if each["state"] in OPEN]
        if waits != last:
            last, still = waits, time.monotonic() + max(4 * quiet, 5)
        if not waits or time.monotonic() > min(end, still):
            return len(waits)
        time.sleep(quiet / 4)


def main():
    how = json.loads(sys.argv[1])
    cache = fptcache.open(how["directory"], site=how["site"], script_name=how["script_name"], script_key=how["script_key"],
                          hold="never", quiet=how["quiet"], marker_field=how.get("marker"), environment=False)
    n_open = drain(cache, how["quiet"], how["patience_s"])
    journal, by = Journal(how["journal"], "auditor"), ways(cache, how["directory"])
    for event in journal.say(k="events")["events"]:
        for each in cache.outbox(event=event):
            journal.say(k="verdict", event=event, state=each["state"], id=each.get("id"), by=by.get(event),
                        attempts=each.get("attempts"), said=each.get("said"))
    journal.say(k="complete")
    print("open", n_open, flush=True)


if __name__ == "__main__":
    main()
