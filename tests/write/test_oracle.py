"""The oracle of the campaigns: it passes a sound end, and finds each kind of damage done to rows or journal."""

import copy
import os
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import oracle  # noqa: E402

MEMBERS = oracle.MEMBERS


def link(kind, row_id):
    return {"type": kind, "id": row_id}


class World:
    """A site in a few lines, and the journal of those who wrote to it."""

    def __init__(self):
        self.journal, self.log, self.rows, self.retired = [], [], {}, set()
        self.n_calls = 0

    def call(self, event, verb, kind, row_id=None, data=None, **more):
        self.n_calls += 1
        self.journal.append({"w": "w", "c": self.n_calls, "k": "call", "event": event, "verb": verb, "type": kind,
                             "id": row_id, "data": data, "mode": "through", **more})
        return self.n_calls

    def answer(self, call, outcome, row_id=None, **more):
        self.journal.append({"w": "w", "c": call, "k": "answer", "outcome": outcome, "id": row_id, **more})

    def verdict(self, event, state, row_id=None, **more):
        self.journal.append({"k": "verdict", "event": event, "state": state, "id": row_id, **more})

    def entry(self, key, what, name=None, **meta):
        self.log.append({"id": len(self.log) + 1, "event_type": f"Shotgun_{key[0]}_{what}", "attribute_name": name,
                         "meta": {"entity_type": key[0], "entity_id": key[1], **meta}})

    def make(self, kind, row_id, data):
        links = oracle.links_of(data.get(MEMBERS))
        self.rows[kind, row_id] = {"id": row_id, **data, MEMBERS: links}
        self.entry((kind, row_id), "New")
        self.entry((kind, row_id), "Change", oracle.TRACE, in_create=True, new_value=data.get(oracle.TRACE))

    def change(self, kind, row_id, data):
        row = self.rows[kind, row_id]
        for name, value in data.items():
            if name == MEMBERS:
                before = {each["id"] for each in row[MEMBERS]}
                new = {each["id"] for each in oracle.links_of(value)}
                after = {"add": before | new, "remove": before - new, "set": new}[value["multi_entity_update_mode"]]
                self.entry((kind, row_id), "Change", MEMBERS, added=[link("Asset", i) for i in after - before],
                           removed=[link("Asset", i) for i in before - after])
                row[MEMBERS] = [link("Asset", i) for i in sorted(after)]
            else:
                row[name] = value
                if name == oracle.TRACE:
                    self.entry((kind, row_id), "Change", name, new_value=value)

    def retire(self, kind, row_id, is_gone=True):
        self.entry((kind, row_id), "Retirement" if is_gone else "Revival")
        (self.retired.add if is_gone else self.retired.discard)((kind, row_id))

    def judged(self):
        rows = {"EventLogEntry": (self.log, [])}
        for (kind, row_id), row in self.rows.items():
            rows.setdefault(kind, ([], []))[(kind, row_id) in self.retired].append(row)
        judge = oracle.Oracle(copy.deepcopy(self.journal), copy.deepcopy(rows))
        return {kind for kind, _ in judge.judge()}, judge


def sound():
    """One of everything, as it should end."""
    w = World()
    shot = {"code": "mark s", "description": "mark s", MEMBERS: [link("Asset", 1)]}
    call = w.call("s", "create", "Shot", data=shot, mode="behind")
    w.answer(call, "pending", -7)
    version = {"code": "mark v", "description": "mark v", "entity": link("Shot", -7)}
    call = w.call("v", "create", "Version", data=version)
    w.answer(call, "unknown")
    w.make("Shot", 10, shot)
    w.make("Version", 20, {**version, "entity": link("Shot", 10)})
    for n, (row_id, members) in enumerate(((-7, [link("Asset", 2)]), (10, [link("Asset", 3)]))):
        data = {"description": f"mark u{n}", "frame_count": n,
                MEMBERS: {"multi_entity_update_mode": "add", "value": members}}
        call = w.call(f"u{n}", "update", "Shot", row_id, data, mode="behind")
        w.answer(call, "pending", row_id)
        w.change("Shot", 10, data)
    for n, verb in enumerate(("delete", "revive", "delete")):
        call = w.call(f"d{n}", verb, "Version", 20)
        w.answer(call, "settled", 20)
        w.retire("Version", 20, verb == "delete")
    requests = [{"verb": "create", "type": "Shot", "code": "mark b", "data": {"code": "mark b"}},
                {"verb": "update", "type": "Shot", "id": 10, "data": {"description": "mark bu"}}]
    call = w.call("b", "batch", None, requests=requests)
    w.answer(call, "settled", members=[{"outcome": "settled", "id": 11}, {"outcome": "settled", "id": 10}])
    w.make("Shot", 11, {"code": "mark b"})
    w.change("Shot", 10, {"description": "mark bu"})
    for n in range(2):
        call = w.call(f"t{n}", "create", "Version", data={"code": "mark twins"})
        w.answer(call, "settled" if n else "unknown", 31 if n else None)
        w.make("Version", 30 + n, {"code": "mark twins"})
    call = w.call("p", "create", "Version", data={"code": "mark p"}, poison=True)
    w.answer(call, "refused")
    call = w.call("k", "create", "Version", data={"code": "mark k"})        # killed before it was in the outbox
    shared = []
    for n in range(2):
        shared.append(w.call(f"c{n}", "update", "Version", 99, {"description": f"mark c{n}"}, shared=True))
    w.rows["Version", 99] = {"id": 99, "code": "shared"}
    for n in (1, 0):
        w.change("Version", 99, {"description": f"mark c{n}"})
        w.answer(shared[n], "settled", 99)
    for event, row_id in {"s": 10, "v": 20, "u0": 10, "u1": 10, "d0": 20, "d1": 20, "d2": 20, "t0": 30, "t1": 31, "c0": 99,
                          "c1": 99, oracle.member_event("b", 0): 11, oracle.member_event("b", 1): 10}.items():
        w.verdict(event, "settled", row_id, by="answer")
    w.verdict("p", "refused")
    w.journal.append({"k": "complete"})
    return w


class Sound(unittest.TestCase):
    def test_nothing_is_found(self):
        kinds, judge = sound().judged()
        self.assertEqual(judge.problems, [], kinds)
        counts = judge.report()["counts"]
        self.assertEqual((counts["mutations"], counts["unknown, in the end settled"],
                          counts["no answer, in the end never in the outbox"]), (15, 2, 1))


class Damaged(unittest.TestCase):
    """Each test does one thing that must not happen, and names what it is."""

    def expect(self, kind, harm):
        world = sound()
        harm(world)
        kinds, judge = world.judged()
        self.assertIn(kind, kinds, judge.problems)

    def drop_entries(self, w, **wanted):
        w.log = [entry for entry in w.log if not all((entry | entry["meta"]).get(name) == value
                                                     for name, value in wanted.items())]

    def verdict(self, w, event):
        return next(line for line in w.journal if line["k"] == "verdict" and line["event"] == event)

    def answer(self, w, event):
        call = next(line for line in w.journal if line["k"] == "call" and line["event"] == event)
        return next(line for line in w.journal if line["k"] == "answer" and line["c"] == call["c"])

    def test_lost(self):
        def row(w):
            del w.rows["Version", 20]
        self.expect("lost", row)
        self.expect("lost", lambda w: w.rows.pop(("Version", 30)))                      # one of the twins
        self.expect("lost", lambda w: self.drop_entries(w, new_value="mark u0"))
        self.expect("lost", lambda w: w.journal.remove(self.verdict(w, "u1")))        # accepted, and forgotten

    def test_one_row_for_two(self):
        self.expect("lost", lambda w: (w.rows.pop(("Version", 30)), self.verdict(w, "t0").update(id=31)))

    def test_doubled(self):
        self.expect("doubled", lambda w: w.make("Shot", 12, {"code": "mark s"}))
        self.expect("doubled", lambda w: w.make("Version", 33, {"code": "mark twins"}))
        self.expect("doubled", lambda w: (w.make("Version", 34, {"code": "mark v"}), w.retire("Version", 34)))

        def again(w):
            w.change("Shot", 10, {"description": "mark u0"})
            w.change("Shot", 10, {"description": "mark bu"})
        self.expect("doubled", again)

    def test_reordered(self):
        def swap(w, one, other):
            a, b = ([e for e in w.log if e["meta"].get("new_value") == text and not e["meta"].get("in_create")][0]
                    for text in (one, other))
            a["id"], b["id"] = b["id"], a["id"]
        self.expect("reordered", lambda w: swap(w, "mark u1", "mark bu"))

        def later(w):       # c1 is called after c0 was answered, and done before it
            lines = [line for line in w.journal if line.get("event") == "c1" and line["k"] == "call"]
            w.journal.remove(lines[0])
            at = w.journal.index(self.answer(w, "c0"))
            w.journal.insert(at + 1, lines[0])
            answer = next(line for line in w.journal if line["k"] == "answer" and line["c"] == lines[0]["c"])
            w.journal.remove(answer)
            w.journal.insert(at + 2, answer)
        self.expect("reordered", later)

    def test_retired_once_too_often(self):
        self.expect("wrong history", lambda w: w.retire("Version", 20, False))
        self.expect("wrong history", lambda w: (w.retire("Version", 20, False), w.retire("Version", 20)))

    def test_members(self):
        def one_less(w):
            w.rows["Shot", 10][MEMBERS].pop()
        self.expect("wrong values", one_less)

        def replaced(w):                                # "add" done as "set"
            entry = [e for e in w.log if e["attribute_name"] == MEMBERS][-1]
            entry["meta"]["removed"] = [link("Asset", 1)]
            w.rows["Shot", 10][MEMBERS] = [link("Asset", 2), link("Asset", 3)]
        self.expect("reordered", replaced)

    def test_values(self):
        self.expect("wrong values", lambda w: w.rows["Shot", 10].update(frame_count=0))
        self.expect("wrong values", lambda w: w.rows["Version", 99].update(description="mark c1"))

    def test_links(self):
        def elsewhere(w):
            w.rows["Version", 20]["entity"] = link("Shot", 11)
        self.expect("wrong values", elsewhere)

    def test_done_though_refused(self):
        self.expect("done though refused", lambda w: w.make("Version", 40, {"code": "mark p"}))
        self.expect("done though refused", lambda w: w.make("Version", 41, {"code": "mark k"}))     # before it was durable
        self.expect("done though refused", lambda w: self.verdict(w, "u1").update(state="dropped"))

    def test_half_a_batch(self):
        def half(w):
            self.drop_entries(w, new_value="mark bu")
            w.rows["Shot", 10]["description"] = "mark u1"
            self.verdict(w, oracle.member_event("b", 1)).update(state="refused")
        self.expect("half a batch", half)

    def test_from_nowhere(self):
        self.expect("from nowhere", lambda w: w.make("Shot", 50, {"code": "mark x"}))
        self.expect("from nowhere", lambda w: w.change("Version", 99, {"description": "mark y"}))

    def test_changed_its_mind(self):
        self.expect("changed its mind", lambda w: self.verdict(w, "t1").update(id=30))
        self.expect("changed its mind", lambda w: self.verdict(w, "d0").update(state="refused"))

    def test_without_cause(self):
        self.expect("refused without cause", lambda w: self.verdict(w, "t0").update(
            state="refused", said={"http_status": 400}))
        self.expect("refused without cause", lambda w: self.verdict(w, "u1").update(state="refused", said={"http_status": 429}))
        self.expect("conflict without cause", lambda w: self.verdict(w, "u1").update(state="conflict"))
        self.expect("uncertain without cause", lambda w: self.verdict(w, "v").update(state="uncertain"))
        self.expect("without an end", lambda w: self.verdict(w, "u1").update(state="pending"))

    def test_repeated(self):
        """Whose first answer says nothing has its place at the first or at a later call, and nowhere else."""
        for at, places, problems in ((1, (0, 2), set()), (0, (0, 2), set()), (1, (0,), {"reordered"})):
            w = World()
            w.make("Shot", 10, {"code": "mark s"})
            call = w.call("s", "create", "Shot", data={"code": "mark s"})
            w.answer(call, "settled", 10)
            for place, event in enumerate(("a", "b", "a")):
                if event == "b" or place in places:
                    call = w.call(event, "update", "Shot", 10, {"description": f"mark {event}"})
                    w.answer(call, "settled" if event == "b" else "unknown", 10)
            for event in ("ab", "ba")[at]:
                w.change("Shot", 10, {"description": f"mark {event}"})
            for event in "sab":
                w.verdict(event, "settled", 10)
            w.journal.append({"k": "complete"})
            self.assertEqual(w.judged()[0], problems, (at, places))

    def test_causes(self):
        """What leans on a refused create, or is in its batch, is refused with it."""
        w = sound()
        call = w.call("q", "create", "Shot", data={"code": "mark q"}, poison=True, mode="behind")
        w.answer(call, "pending", -9)
        call = w.call("r", "create", "Version", data={"code": "mark r", "entity": link("Shot", -9)}, mode="behind")
        w.answer(call, "pending", -10)
        w.call("z", "batch", None, requests=[{"verb": "create", "type": "Shot", "code": "mark z", "data": {"code": "mark z"}}],
               poison=True)
        for event in ("q", "r", oracle.member_event("z", 0)):
            w.verdict(event, "refused")
        self.assertEqual(w.judged()[1].problems, [])


if __name__ == "__main__":
    os.environ.setdefault("FPTC_SOURCE_DIR", str(HERE.parents[1]))
    unittest.main()
