"""One process of the campaign: writes of all kinds through the cache, each told to the journal before and after.

    worker.py '{"directory", "site", "journal": port, "name", "seed", "quiet", "deadline", "kinds", "marker"}'

With "count" it ends after so many calls, with "pause_s" it waits between them, with "reads" it asks for what it has
just written, too; its last word is then {"write_ms": [...], "read_ms": [...], "unread": how often it was not there}.

Rows that it makes are its own: it alone writes to them, one write after the other, until it dies and another adopts them.
Some Versions are everybody's. What became of a write that is not known it asks again later, with the event id.
"""

import json
import os
import random
import socket
import sys
import time
import uuid

import fptcache

PROJECT = {"type": "Project", "id": 101}
NOWHERE = {"type": "Shot", "id": 99999999}
TWINS = 40              # creates of one and the same values come from all processes
OWN_MAX = 12
LATER_S = 0.5           # before the end of a write is asked for again


class Journal:
    """Lines to the collector; each is safe when say() returns. What comes back says whether to go on."""

    def __init__(self, port, name):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.socket.makefile("rb")
        self.name = name

    def say(self, **line):
        self.socket.sendall(json.dumps({"w": self.name, **line}).encode() + b"\n")
        answer = self.stream.readline()
        if not answer:
            raise ConnectionError("the journal has gone")
        return json.loads(answer)


class Row:
    """A row of ours. `doubt`: events whose end is not known, and their verbs."""

    def __init__(self, kind, row_id, alive=True):
        self.kind, self.id, self.alive, self.doubt = kind, row_id, alive, {}

    def is_sure(self, doubt):
        """Whether it may be written to; with `doubt` also beside updates whose end is not known."""
        return not self.doubt or (doubt and set(self.doubt.values()) == {"update"})

    @property
    def link(self):
        return {"type": self.kind, "id": self.id}


class Worker:
    def __init__(self, how):
        self.how, self.random = how, random.Random(how["seed"])
        self.journal = Journal(how["journal"], how["name"])
        self.cache = fptcache.open(how["directory"], site=how["site"], script_name=how["script_name"],
                                   script_key=how["script_key"], hold="never", quiet=how["quiet"],
                                   deadline=how["deadline"], marker_field=how.get("marker"), environment=False)
        self.kinds, self.n_calls, self.own, self.later, self.go_on = how["kinds"], 0, [], [], True
        self.shared, self.members = [], []
        self.took = {"write_ms": [], "read_ms": [], "unread": 0}

    # -- one write

    def call(self, work, line, row=None, event=None):
        """Tells the journal, writes, tells it the answer; (outcome, answer)."""
        is_new, event = event is None, event or uuid.uuid4().hex
        line = line(event) if callable(line) else line
        self.n_calls += 1
        number = self.n_calls
        self.go_on = self.journal.say(k="call", c=number, event=event, **line)["go_on"]
        answer, outcome, text = None, None, ""
        began = time.monotonic()
        try:
            answer = work(event, line)
            outcome = "pending" if line["mode"] == "behind" else "settled"
        except fptcache.Pending as error:
            outcome, text = "held", str(error)
        except fptcache.UnknownOutcome as error:
            outcome, text = "unknown", str(error)
        except (fptcache.NetworkError, fptcache.ProtocolError, fptcache.AuthenticationFault) as error:
            outcome, text = "unsent", str(error)
        except fptcache.Fault as error:
            outcome, text = "refused", str(error)
        except fptcache.ShotgunError as error:
            outcome, text = "error", f"{error.name}: {error}"
        self.took["write_ms"].append((time.monotonic() - began) * 1000)
        told = {"outcome": outcome, "text": text[:400], **self.identity(answer, outcome)}
        self.journal.say(k="answer", c=number, **told)
        self.remember(work, line, row, event, outcome, is_new)
        return outcome, told

    @staticmethod
    def identity(answer, outcome):
        """What the answer names: the row's id, or what became of each member of a batch."""
        if isinstance(answer, list):
            return {"members": [{"outcome": each["state"], **{name: each.get(name) for name in ("verb", "type", "id")}}
                                for each in answer]}
        rows = getattr(answer, "rows", None)
        return {"id": rows[0]["id"]} if rows and "id" in rows[0] else {}

    def remember(self, work, line, row, event, outcome, is_new):
        """Whose end is not known is asked again some time; its row is doubtful until then."""
        if outcome in ("held", "unknown", "error"):
            self.later.append((time.monotonic() + LATER_S * self.random.uniform(1, 6), work, line, row, event))
            if row:
                row.doubt[event] = line["verb"]
        elif row and not is_new:
            row.doubt.pop(event, None)

    def again(self):
        """Asks for one whose time has come. True: it did."""
        now = time.monotonic()
        due = [each for each in self.later if each[0] <= now]
        if not due:
            return False
        entry = self.random.choice(due)
        self.later.remove(entry)
        _, work, line, row, event = entry
        outcome, told = self.call(work, {**line, "repeat": True}, row, event)
        if outcome in ("settled", "pending") and row:
            self.settle(row, line["verb"])
        if outcome in ("settled", "pending") and row is None and line["verb"] == "create" and told.get("id"):
            self.adopt(line["type"], told["id"])
        return True

    def settle(self, row, verb):
        if verb in ("delete", "revive"):
            row.alive = verb == "revive"

    def adopt(self, kind, row_id, alive=True):
        self.own.append(Row(kind, row_id, alive))
        if len(self.own) > OWN_MAX:
            self.own.pop(self.random.randrange(len(self.own)))

    # -- what there is to write

    def mode(self):
        return self.random.choice([each for each in self.kinds if each != "batch"])

    def how_to(self, line):
        """Named arguments of a write."""
        how = {"write": line["mode"]} if "behind" in self.kinds else {}
        return {**how, **({"on_conflict": line["policy"]} if line.get("policy") else {})}

    def pick(self, kind=None, alive=True, doubt=False):
        rows = [row for row in self.own if row.alive == alive and kind in (None, row.kind) and row.is_sure(doubt)]
        return self.random.choice(rows) if rows else None

    def new_data(self, kind, mark):
        data = {"project": PROJECT, "code": mark, "description": mark}
        if kind == "Shot" and self.random.random() < 0.4:
            data["assets"] = self.some_members()
        if kind == "Version":
            shot = self.pick("Shot", doubt=True)
            data.update({"entity": shot.link} if shot else {}, frame_count=self.random.randrange(1000))
        return data

    def some_members(self):
        return [{"type": "Asset", "id": row_id} for row_id in self.random.sample(self.members, self.random.randint(1, 3))]

    def changes(self, kind, mark):
        data = {"description": mark}
        if kind == "Version":
            data.update(self.random.choice(({}, {"frame_count": self.random.randrange(1000)},
                                            {"client_approved": self.random.random() < 0.5})))
        elif self.random.random() < 0.5:
            mode = self.random.choice(("add", "add", "remove", "set"))
            data["assets"] = {"multi_entity_update_mode": mode, "value": self.some_members()}
        return data

    def create(self, kind=None, twin=False, poison=False):
        kind, mode = kind or self.random.choice(("Shot", "Version", "Version")), self.mode()

        def line(event):
            mark = f"mark {event}"
            data = self.new_data(kind, mark)
            if twin:
                mark = f"mark twin {self.random.randrange(TWINS)}"
                data = {"project": PROJECT, "code": mark, "description": mark}
            if poison:
                data.update({"entity": NOWHERE} if kind == "Version" else {"assets": [{**NOWHERE, "type": "Asset"}]})
            return {"verb": "create", "mode": mode, "type": kind, "data": data, "code": mark, "poison": poison}

        outcome, told = self.call(lambda event, said: self.cache.create(
            said["type"], said["data"], event_id=event, **self.how_to(said)), line)
        if outcome in ("settled", "pending") and not twin and not poison and told.get("id"):
            self.adopt(kind, told["id"])

    def update(self, row, poison=False, shared=False):
        mode = self.mode()

        def line(event):
            data = {"entity": NOWHERE, "description": f"mark {event}"} if poison else self.changes(row.kind, f"mark {event}")
            if shared:
                data = {"description": f"mark {event}"}
            policy = {"policy": self.random.choice(("fail", "overwrite", "merge"))} if mode == "behind" and shared else {}
            return {"verb": "update", "mode": mode, "type": row.kind, "id": row.id, "data": data, "poison": poison,
                    "shared": shared, **policy}

        self.call(lambda event, said: self.cache.update(
            said["type"], said["id"], said["data"], event_id=event, **self.how_to(said)), line, None if shared else row)

    def retire(self, row):
        """Takes it away, or back."""
        verb = "delete" if row.alive else "revive"
        line = {"verb": verb, "mode": self.mode(), "type": row.kind, "id": row.id}
        outcome, _ = self.call(lambda event, said: getattr(self.cache, verb)(
            said["type"], said["id"], event_id=event, **self.how_to(said)), line, row)
        if outcome in ("settled", "pending"):
            self.settle(row, verb)

    def batch(self, poison=False):
        rows = self.random.sample([row for row in self.own if row.alive and not row.doubt],
                                  min(4, sum(row.alive and not row.doubt for row in self.own)))

        def line(event):
            requests = []
            for i in range(self.random.randint(1, 6)):
                kind, mark = self.random.choice(("Shot", "Version")), f"mark {event} {i}"
                requests.append({"verb": "create", "type": kind, "data": self.new_data(kind, mark), "code": mark})
            for i, row in enumerate(rows):
                requests.append({"verb": "update", "type": row.kind, "id": row.id,
                                 "data": self.changes(row.kind, f"mark {event} u{i}")})
            if poison:
                requests.append({"verb": "create", "type": "Version", "code": f"mark {event} p",
                                 "data": {"project": PROJECT, "code": f"mark {event} p", "entity": NOWHERE}})
            self.random.shuffle(requests)
            return {"verb": "batch", "mode": self.mode(), "requests": requests, "poison": poison}

        outcome, told = self.call(self.send_batch, line)
        if outcome in ("held", "unknown", "error"):
            for row in rows:
                self.own.remove(row)        # it is not known which of its writes there are
        for member in told.get("members", ()):
            if member["outcome"] in ("settled", "pending") and member["verb"] == "create" and not poison:
                self.adopt(member["type"], member["id"])

    def send_batch(self, event, said):
        return self.cache.batch([{"request_type": each["verb"], "entity_type": each["type"],
                                  **({"entity_id": each["id"]} if each.get("id") else {}), "data": each["data"]}
                                 for each in said["requests"]], event_id=event, **self.how_to(said))

    # -- all of it

    def plain_step(self):
        """What people do: a row, or a change of one."""
        row = self.pick()
        if row is None or self.random.random() < 0.5:
            self.create()
        else:
            self.update(row)

    def step(self):
        if self.how.get("plain"):
            self.plain_step()
            return
        chance = self.random.random()
        row = self.pick(doubt=self.random.random() < 0.3)
        if self.random.random() < 0.35 and self.again():
            return
        if chance < 0.30 or row is None:
            self.create(poison=self.random.random() < 0.06)
        elif chance < 0.34:
            self.create("Version", twin=True)
        elif chance < 0.42:
            self.update(self.random.choice(self.shared), shared=True)
        elif chance < 0.44:
            version = self.pick("Version")
            if version:
                self.update(version, poison=True)
        elif chance < 0.56:
            version = self.pick("Version", alive=self.random.random() < 0.4) or self.pick("Version")
            if version:
                self.retire(version)
        elif chance < 0.72 and "batch" in self.kinds:
            self.batch(poison=self.random.random() < 0.15)
        else:
            self.update(row)

    def read(self):
        """Asks for the row that it made last."""
        if not self.own:
            return
        row, began = self.own[-1], time.monotonic()
        found = self.cache.find(row.kind, [["project", "is", PROJECT], ["id", "is", row.id]], ["code", "description"]).rows
        self.took["read_ms"].append((time.monotonic() - began) * 1000)
        self.took["unread"] += row.alive and not row.doubt and len(found) != 1

    def run(self):
        hello = self.journal.say(k="hello", pid=os.getpid())
        self.shared = [Row("Version", row_id) for row_id in hello["shared"]]
        self.members = hello["members"]
        for each in hello["adopted"]:
            self.adopt(each["type"], each["id"], each["alive"])
        while self.go_on and self.n_calls < self.how.get("count", 10**9):
            self.step()
            if self.how.get("reads"):
                self.read()
            time.sleep(self.how.get("pause_s", 0) * self.random.uniform(0.5, 1.5))
        self.journal.say(k="bye")
        if "count" in self.how or self.how.get("reads"):
            print(json.dumps(self.took), flush=True)
        self.cache.close()


if __name__ == "__main__":
    Worker(json.loads(sys.argv[1])).run()
