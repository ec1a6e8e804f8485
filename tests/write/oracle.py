"""Judges what many processes wrote, by nothing but what they were answered and the rows that FPT has in the end.

The journal is a list of lines in the order of their arrival, each taken down before its process went on:

    {"w": process, "c": its call, "k": "call", "event", "verb", "mode", "type", "id", "data", "poison", "shared"}
    {"w", "c", "k": "call", "verb": "batch", "event", "mode", "requests": [{"verb", "type", "id", "data"}], "poison"}
    {"w", "c", "k": "answer", "outcome", "id", "members"}
    {"k": "verdict", "event", "state", "id", "by", "attempts", "said"}: what the outbox says of an event in the end
    {"k": "complete"}: an event without a verdict was never in the outbox

Outcomes are settled, pending (accepted), refused, unsent (FPT could not be asked), held (an earlier write to the row
has no end: not accepted), unknown, error. A write leaves a trace of its own in FPT's rows: a create its code, an update
its description (both hold the event), and all of them entries of the event log, which is rows, too. What must, may or
must not be there follows from the answers; then the traces are looked for.
"""

import collections
import hashlib
import itertools
import math

MUST, MAY, NEVER = "must", "may", "never"
TRACE = "description"
MEMBERS = "assets"
DEAD = ("refused", "dropped", "conflict", "uncertain")     # what waits for a person, or for nobody
KINDS = ("lost", "doubled", "reordered", "done though refused", "half a batch", "from nowhere", "wrong values",
         "wrong history", "changed its mind", "refused without cause", "conflict without cause", "uncertain without cause",
         "without an end")


def member_event(event, number):
    """The event id of a member of a caller's batch."""
    return hashlib.sha256(f"{event}:{number}".encode()).hexdigest()[:32]


class Deed:
    """One mutation: what was asked, and what was answered."""

    def __init__(self, event, verb, type_name, row_id, data, line):
        self.event, self.verb, self.type, self.id = event, verb, type_name, row_id
        self.data = data or {}
        self.mode, self.policy = line.get("mode", "through"), line.get("policy")
        self.poison, self.shared, self.batch = bool(line.get("poison")), bool(line.get("shared")), None
        self.code = line.get("code") or (self.data.get("code") if verb == "create" else None)
        self.places, self.answered = [line["t"]], math.inf     # calls that may have brought it in; accepted by then
        self.answers = []           # (outcome, id)
        self.verdict = None
        self.rows = []              # of a create: the rows that carry its code
        self.entity = None          # the key of the row it is about: of its create's event, or (type, id)

    @property
    def called(self):
        return self.places[0]

    def repeat(self, t):
        """It is asked for again, and nobody was told so far that it is in the outbox."""
        if self.answers and all(outcome in ("held", "unsent") for outcome, _ in self.answers):
            self.places = [t]
        elif self.answered == math.inf:
            self.places.append(t)

    def take(self, t, outcome, row_id):
        self.answers.append((outcome, row_id))
        if outcome in ("settled", "pending"):
            self.answered = min(self.answered, t)

    def said(self, *outcomes):
        return [row_id for outcome, row_id in self.answers if outcome in outcomes]

    @property
    def was_accepted(self):
        """Somebody was told that it is done, or will be."""
        return bool(self.said("settled")) or (self.mode == "behind" and bool(self.said("pending")))

    @property
    def token(self):
        return self.data.get(TRACE)

    def __repr__(self):
        return f"{self.mode} {self.verb} {self.type} {self.id or ''} {self.event} {self.answers} {self.verdict}"


class Oracle:
    """`journal`: the lines, in order. `rows`: {type: (living rows, retired rows)}, EventLogEntry among the types."""

    def __init__(self, journal, rows):
        self.problems = []
        self.deeds, self.batches = {}, {}
        self.provisional = {}           # id -> event of the create that was answered with it
        self.complete = False
        self.counts = collections.Counter()
        self.about = collections.defaultdict(list)
        self.rows = {(kind, row["id"]): row for kind, lists in rows.items() for some in lists for row in some
                     if kind != "EventLogEntry"}
        self.retired = {(kind, row["id"]) for kind, lists in rows.items() for row in lists[1]}
        self.history = self.read_history(rows.get("EventLogEntry", ((), ())))
        self.read_journal(journal)

    def problem(self, kind, text):
        assert kind in KINDS, kind
        self.problems.append((kind, text))

    # -- reading

    def read_journal(self, journal):
        calls = {}
        for t, line in enumerate(journal):
            line = {**line, "t": t}
            if line["k"] == "call":
                calls[line["w"], line["c"]] = self.take_call(line)
            elif line["k"] == "answer":
                self.take_answer(t, line, calls[line["w"], line["c"]])
            elif line["k"] == "verdict":
                if line["event"] in self.deeds:
                    self.deeds[line["event"]].verdict = line
            elif line["k"] == "complete":
                self.complete = True

    def take_call(self, line):
        if line["verb"] == "batch":
            deeds = [self.deed_of(member_event(line["event"], i), each, line) for i, each in enumerate(line["requests"])]
            for deed in deeds:
                deed.batch = line["event"]
            self.batches[line["event"]] = deeds
            return deeds
        return [self.deed_of(line["event"], line, line)]

    def deed_of(self, event, what, line):
        deed = self.deeds.get(event)
        if deed is not None:
            deed.repeat(line["t"])
        else:
            self.counts["mutations"] += 1
            self.counts[f"{line.get('mode', 'through')} {'batched ' if what is not line else ''}{what['verb']}"] += 1
            self.deeds[event] = Deed(event, what["verb"], what["type"], what.get("id"), what.get("data"),
                                     {**line, "code": what.get("code"), "shared": what.get("shared", line.get("shared"))})
        return self.deeds[event]

    def take_answer(self, t, line, deeds):
        members = line.get("members") or [line] * len(deeds)
        for deed, member in zip(deeds, members):
            row_id = member.get("id")
            deed.take(t, member["outcome"], row_id)
            self.counts[f"answered {member['outcome']}"] += 1
            if deed.verb == "create" and isinstance(row_id, int) and row_id < 0:
                if self.provisional.setdefault(row_id, deed.event) != deed.event:
                    self.problem("changed its mind", f"provisional id {row_id} of two creates: {deed}")

    @staticmethod
    def read_history(lists):
        """(type, id) -> what FPT did to the row, in order: ("new",), ("set", text), ("multi", added, removed) ..."""
        history = collections.defaultdict(list)
        for entry in sorted(itertools.chain(*lists), key=lambda row: row["id"]):
            meta = entry.get("meta") or {}
            kind, _, what = entry["event_type"].removeprefix("Shotgun_").rpartition("_")
            key = (kind, meta.get("entity_id"))
            if meta.get("in_create") or "actual_attribute_changed" in meta:
                continue
            if what in ("New", "Retirement", "Revival"):
                history[key].append((what.lower(),))
            elif what == "Change" and entry.get("attribute_name") == TRACE:
                history[key].append(("set", meta.get("new_value")))
            elif what == "Change" and entry.get("attribute_name") == MEMBERS:
                history[key].append(("multi", *(frozenset(each["id"] for each in meta[name])
                                                for name in ("added", "removed"))))
        return history

    # -- what the answers imply

    def fate(self, deed):
        """Whether FPT must, may or must not have it, once."""
        state = (deed.verdict or {}).get("state")
        if state == "settled":
            return MUST
        if state == "uncertain":
            return MAY
        if state == "conflict":     # found when it was looked up after an attempt, that may have done it, or before one
            return MAY if deed.verdict.get("attempts") else NEVER
        if state in ("refused", "dropped") or (state == "pending" and not deed.verdict.get("attempts")):
            return NEVER
        if deed.was_accepted:
            return MUST
        if deed.said("refused", "unsent") and state is None:
            return NEVER
        return NEVER if state is None and self.complete else MAY

    def judge_words(self, deed):
        """What was said of one write at several times must agree."""
        ids = {row_id for row_id in deed.said("settled") if isinstance(row_id, int) and row_id > 0}
        verdict = deed.verdict or {}
        state = verdict.get("state")
        if state == "settled" and deed.verb == "create" and verdict.get("id"):
            ids.add(verdict["id"])
        if len(ids) > 1:
            self.problem("changed its mind", f"ids {sorted(ids)} of one create: {deed}")
        if deed.said("settled") and self.complete and state != "settled":
            self.problem("changed its mind", f"told as settled: {deed}")
        if self.complete and state is None and deed.was_accepted and not deed.said("settled"):
            self.problem("lost", f"accepted, and not in the outbox: {deed}")
        if state == "pending" and not verdict.get("attempts") and self.is_held(deed):
            self.counts["held by a refused create"] += 1
        elif state in ("pending", "unknown"):
            self.problem("without an end", repr(deed))

    def cause(self, deed):
        """Why FPT could refuse a write: it was made to be, it leans on one that was, or its batch has such a one."""
        waiting, met = [deed], set()
        while waiting:
            each = waiting.pop()
            if each.poison or each.said("unsent"):
                return True
            if each.event not in met:
                met.add(each.event)
                others = [self.deeds[event] for event in self.leans_on(each)]
                others += [one for one in self.batches.get(each.batch, ()) if one is not each]
                waiting += [one for one in others if self.fate(one) != MUST]
        return False

    def leans_on(self, deed):
        """Events of the creates whose provisional ids it names."""
        ids = [deed.id] if isinstance(deed.id, int) and deed.id < 0 else []
        for value in deed.data.values():
            for each in links_of(value):
                ids += [each["id"]] if each["id"] < 0 else []
        return [self.provisional[row_id] for row_id in ids if row_id in self.provisional]

    def judge_end(self, deed):
        """Dead letters and what is not known must have a reason."""
        state = (deed.verdict or {}).get("state")
        said = (deed.verdict or {}).get("said")
        if state == "refused" and self.is_given_up(deed):
            self.counts["given up unsent, and its caller did not hear of it"] += not deed.said("unsent")
        elif state == "refused" and not self.cause(deed):
            self.problem("refused without cause", f"{deed} {said}")
        if state is None and deed.said("refused") and not self.cause(deed):
            self.problem("refused without cause", repr(deed))
        if state == "conflict" and not deed.shared:
            if any(self.follows_refused(each) or each.shared for each in self.batches.get(deed.batch, [deed])):
                self.counts["conflicts after a refused one of the same row"] += 1
            else:
                self.problem("conflict without cause", f"{deed} {said}")
        if state == "uncertain":
            equal = sum(each.code == deed.code for each in self.deeds.values()) if deed.code else 0
            self.counts["uncertain in the end"] += 1
            if equal < 2 and not deed.shared:
                self.problem("uncertain without cause", f"{deed} {said}")

    @staticmethod
    def is_given_up(deed):
        """Whether it never came to FPT: then a write that somebody waits for has ended, as documented."""
        status = (deed.verdict.get("said") or {}).get("http_status", 0)
        return deed.mode == "through" and not deed.was_accepted and status in (0, 401, 429)

    def is_held(self, deed):
        """Whether it waits for a create that FPT refused, as does its batch, and what comes after it to its row."""
        waiting, met = [deed], set()
        while waiting:
            each = waiting.pop()
            if each.event in met:
                continue
            met.add(each.event)
            leans = [self.deeds[event] for event in self.leans_on(each)]
            if any((one.verdict or {}).get("state") in DEAD for one in leans):
                return True
            waiting += [*leans, *self.batches.get(each.batch, ())]
            waiting += [one for one in self.others_of(each)
                        if one.called < each.called and (one.verdict or {}).get("state") == "pending"]
        return False

    def follows_refused(self, deed):
        """Whether it was written on top of a pending one of its row that FPT did not take."""
        return deed.mode == "behind" and any(
            each.called < deed.called and self.fate(each) != MUST and each.was_accepted and set(each.data) & set(deed.data)
            for each in self.others_of(deed))

    def others_of(self, deed):
        """The writes to its row, but for the create."""
        if not self.about:
            for each in self.deeds.values():
                if each.verb != "create":
                    self.about[self.row_of(each.type, each.id) or each.id].append(each)
        return self.about[self.row_of(deed.type, deed.id) or deed.id] if deed.verb != "create" else []

    # -- creates

    def judge_creates(self):
        by_code = collections.defaultdict(list)
        for key, row in self.rows.items():
            by_code[key[0], row.get("code")].append(key)
        groups = collections.defaultdict(list)
        for deed in self.deeds.values():
            if deed.verb == "create":
                groups[deed.type, deed.code].append(deed)
        for name, deeds in groups.items():
            self.judge_group(name, deeds, sorted(by_code.get(name, ())))
        known = set(groups)
        for name, keys in by_code.items():
            if str(name[1]).startswith("mark ") and name not in known:
                self.problem("from nowhere", f"{name}: {keys}")

    def judge_group(self, name, deeds, keys):
        """Creates of one code (twins have the same one): as many rows as were made."""
        fates = collections.Counter(self.fate(deed) for deed in deeds)
        if len(keys) < fates[MUST]:
            self.problem("lost", f"{fates[MUST]} rows of {name} must be there, {keys} are: {deeds}")
        if len(keys) > fates[MUST] + fates[MAY]:
            kind = "doubled" if fates[MUST] + fates[MAY] else "done though refused"
            self.problem(kind, f"{dict(fates)} of {name}, rows {keys}: {deeds}")
        told = collections.Counter()
        for deed in deeds:
            ids = {row_id for row_id in deed.said("settled") if isinstance(row_id, int) and row_id > 0}
            ids |= {(deed.verdict or {}).get("id")} if (deed.verdict or {}).get("state") == "settled" else set()
            ids -= {None, 0}
            deed.rows = [(deed.type, row_id) for row_id in ids]
            told.update(deed.rows)
            if any(key not in keys for key in deed.rows):
                self.problem("lost", f"settled as {deed.rows}, FPT has {keys}: {deed}")
        for key, n in told.items():
            if n > 1:
                self.problem("lost", f"{n} creates were settled with {key}")
        left = [key for key in keys if key not in told]
        for deed in deeds:
            if not deed.rows and self.fate(deed) != NEVER and left:
                deed.rows = [left.pop(0)]

    def row_of(self, type_name, row_id):
        """(type, real id) of a row that a call named by any of its ids; None: there is none."""
        if isinstance(row_id, int) and row_id < 0:
            deed = self.deeds.get(self.provisional.get(row_id))
            return deed.rows[0] if deed and deed.rows else None
        return (type_name, row_id)

    # -- what was done to each row

    def judge_rows(self):
        about = collections.defaultdict(list)
        for deed in self.deeds.values():
            key = (deed.rows[0] if deed.rows else None) if deed.verb == "create" else self.row_of(deed.type, deed.id)
            if key is not None:
                about[key].append(deed)
            elif self.fate(deed) == MUST and deed.verb != "create":
                self.problem("lost", f"done to a row that is not there: {deed}")
        for key, deeds in about.items():
            self.judge_tokens(key, deeds)
            if any(deed.shared for deed in deeds) or not any(deed.verb == "create" for deed in deeds):
                self.judge_overtaking(key, deeds)
            elif not self.judge_history(key, deeds):
                self.judge_overtaking(key, deeds)
        for deed in self.deeds.values():
            if deed.verb == "create" and deed.rows and deed.rows[0] in self.rows:
                self.judge_links(deed)

    def judge_tokens(self, key, deeds):
        """Each update that must be there is, once; none that must not."""
        seen = collections.Counter(text for kind, text, *_ in
                                   (each + (None,) for each in self.history.get(key, ())) if kind == "set")
        known = {deed.token: deed for deed in deeds if deed.verb == "update" and deed.token}
        for token, deed in known.items():
            fate, n = self.fate(deed), seen.get(token, 0)
            if n > 1:
                self.problem("doubled", f"{n} times done to {key}: {deed}")
            if n == 0 and fate == MUST and not (deed.verdict or {}).get("partly"):
                self.problem("lost", f"not done to {key}: {deed}")
            if n and fate == NEVER:
                self.problem("done though refused", f"{key}: {deed}")
        for token in seen:
            if str(token).startswith("mark ") and token not in known:
                self.problem("from nowhere", f"{token} in {key}")

    def judge_overtaking(self, key, deeds):
        """Whoever was accepted before another was asked for comes before it."""
        known = {deed.token: deed for deed in deeds if deed.token}
        order = [known[text] for kind, *rest in self.history.get(key, ()) if kind == "set"
                 for text in rest if text in known]
        earliest, by = math.inf, None
        for deed in reversed(order):
            if earliest < deed.called:
                self.problem("reordered", f"{key}: {deed} was done before {by}")
            if deed.answered < earliest:
                earliest, by = deed.answered, deed
        if order and key in self.rows:
            self.judge_values(key, [deed for deed in deeds if deed.verb == "create"] + order)

    def judge_values(self, key, order):
        """The row has the plain values that were written last."""
        expected = {}
        for deed in order:
            expected.update({name: value for name, value in deed.data.items() if not isinstance(value, (dict, list))})
        expected.pop("code", None)
        texts = [text for kind, *rest in self.history.get(key, ()) if kind == "set" for text in rest]
        expected.update({TRACE: texts[-1]} if texts else {})     # maybe somebody else's
        wrong = {name: (value, self.rows[key].get(name)) for name, value in expected.items()
                 if self.rows[key].get(name) != value}
        if wrong and all(each.answered < math.inf or not each.shared for each in order):
            self.problem("wrong values", f"{key}: (written, there) {wrong}")

    def judge_links(self, deed):
        """Single links of a create lead where they were meant to."""
        for name, value in deed.data.items():
            if not isinstance(value, dict) or "id" not in value or name == "project":
                continue
            row, there = self.rows[deed.rows[0]], self.row_of(value["type"], value["id"])
            found = row.get(name)
            if there in self.retired and found is None:
                continue
            if not found or there != (found["type"], found["id"]):
                self.problem("wrong values", f"{name} of {deed.rows[0]} is {found}, not {there}: {deed}")

    # -- one row, all of its writes in the order of its one writer

    def judge_history(self, key, deeds):
        """FPT's history of the row is one that the answers allow. False: the order may be another's, too."""
        observed = self.history.get(key, [])
        states, places = {(0, False, frozenset(), frozenset())}, []
        for deed in deeds:
            places += [(t, deed.event, t == deed.places[-1]) for t in deed.places]
        for _, event, is_last in sorted(places):
            states = {after for state in states for after in self.after(self.deeds[event], state, observed, is_last)}
            if not states:
                self.problem(self.kind_of(deeds), f"{key}: {observed}\n    breaks at {self.deeds[event]}\n    of {deeds}")
                return False
        ends = {members for at, alive, members, _ in states
                if at == len(observed) and alive == (key not in self.retired)}
        if not ends:
            self.problem("wrong history", f"{key}: {observed}, retired {key in self.retired}: {deeds}")
            return False
        found = frozenset(each["id"] for each in self.rows.get(key, {}).get(MEMBERS) or ())
        if key in self.rows and key not in self.retired and found not in ends:
            self.problem("wrong values", f"{MEMBERS} of {key}: {sorted(found)}, not {[sorted(each) for each in ends]}")
        tokens = [text for kind, *rest in observed if kind == "set" for text in rest]
        known = {deed.token: deed for deed in deeds if deed.token}
        order = [deed for deed in deeds if deed.verb == "create"] + [known[each] for each in tokens if each in known]
        self.judge_values(key, order)
        return True

    def kind_of(self, deeds):
        """A broken history whose parts are all there is another order."""
        whole = {"lost", "doubled", "done though refused", "from nowhere"}
        events = [deed.event for deed in deeds]
        is_partial = any(kind in whole and any(event in text for event in events) for kind, text in self.problems)
        return "wrong history" if is_partial else "reordered"

    def after(self, deed, state, observed, is_last):
        """The states that one write may lead to, at one of its places: (entries of the history used, is alive, members,
        events that were done at their first place and have another)."""
        *row, early = state
        fate = self.fate(deed)
        if deed.event in early:
            yield (*row, early - {deed.event} if is_last else early)
            return
        if fate != MUST or not is_last:
            yield state
        if fate != NEVER:
            for after in self.done(deed, row, observed):
                yield (*after, early if is_last else early | {deed.event})

    def done(self, deed, state, observed):
        at, alive, members = state

        def comes(*entries):
            return tuple(observed[at:at + len(entries)]) == entries

        if deed.verb == "create":
            if comes(("new",)):
                yield at + 1, True, self.ids_of(links_of(deed.data.get(MEMBERS)))
        elif deed.verb in ("delete", "revive"):
            entry, wanted = (("retirement",), False) if deed.verb == "delete" else (("revival",), True)
            if alive == wanted:
                yield at, alive, members
            elif comes(entry):
                yield at + 1, wanted, members
        elif alive:
            entries, there = self.entries_of(deed, members)
            if comes(*entries):
                yield at + len(entries), True, there

    def entries_of(self, deed, members):
        """What an update leaves in the log, in the order of its fields, and the members after it."""
        entries = []
        for name, value in deed.data.items():
            if name == TRACE:
                entries.append(("set", value))
            if name == MEMBERS:
                mode, new = ("set", value) if isinstance(value, list) else (value["multi_entity_update_mode"],
                                                                             value["value"])
                new = self.ids_of(new)
                there = {"add": members | new, "remove": members - new, "set": new}[mode]
                if there != members:
                    entries.append(("multi", there - members, members - there))
                members = there
        return entries, members

    def ids_of(self, links):
        keys = [self.row_of(each["type"], each["id"]) for each in links]
        return frozenset(key[1] for key in keys if key)

    # -- batches

    def judge_batches(self):
        """A caller's batch is done or not."""
        for event, deeds in self.batches.items():
            done = {deed.event: self.is_done(deed) for deed in deeds}
            told = {self.fate(deed) for deed in deeds} - {MAY}
            if len(set(done.values()) - {None}) > 1 or len(told) > 1:
                self.problem("half a batch", f"{event}: {done} {deeds}")

    def is_done(self, deed):
        """Whether FPT did it; None where its rows do not tell."""
        if deed.verb == "create":
            return bool(deed.rows) if self.fate(deed) != MAY else None
        if deed.verb == "update" and deed.token:
            key = self.row_of(deed.type, deed.id)
            return ("set", deed.token) in self.history.get(key, ()) if key else False
        return None

    # -- all of it

    def judge(self):
        """The problems, as (kind, text)."""
        self.judge_creates()
        for deed in self.deeds.values():
            self.judge_words(deed)
            self.judge_end(deed)
            self.count_end(deed)
        self.judge_rows()
        self.judge_batches()
        return self.problems

    def count_end(self, deed):
        state = (deed.verdict or {}).get("state") or ("never in the outbox" if self.complete else "no verdict")
        last = deed.answers[-1][0] if deed.answers else "no answer"
        self.counts[f"in the end {state}"] += 1
        if not deed.was_accepted and last in ("unknown", "no answer", "pending"):
            self.counts[f"{last}, in the end {state}"] += 1
        self.counts[f"by {(deed.verdict or {}).get('by')}"] += state == "settled"

    def report(self):
        """{"problems": {kind: how many}, "counts": …}"""
        kinds = collections.Counter(kind for kind, _ in self.problems)
        return {"problems": dict(kinds), "counts": {name: n for name, n in sorted(self.counts.items()) if n}}


def links_of(value):
    """The entity hashes in a value."""
    if isinstance(value, dict):
        if "multi_entity_update_mode" in value:
            return links_of(value["value"])
        return [value] if isinstance(value.get("id"), int) else []
    return [each for part in value for each in links_of(part)] if isinstance(value, list) else []
