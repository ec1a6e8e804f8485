"""Random questions in FPT's filter language over what a site holds: same seed, same questions. Operators that have
not been asked often enough come first."""

import random

OPERATORS = {
    "text": ("is", "is_not", "contains", "not_contains", "starts_with", "ends_with", "in", "not_in"),
    "number": ("is", "is_not", "greater_than", "less_than", "between", "in", "not_in"),
    "date": ("is", "is_not", "greater_than", "less_than", "between", "in", "not_in", "in_last", "not_in_last",
             "in_next", "not_in_next", "in_calendar_day", "in_calendar_week", "in_calendar_month",
             "in_calendar_year"),
    "checkbox": ("is", "is_not"),
    "status_list": ("is", "is_not", "in", "not_in"),
    "entity": ("is", "is_not", "in", "not_in", "type_is", "type_is_not", "name_is", "name_contains",
               "name_not_contains"),
}
for _like, _others in (("number", ("float", "percent", "duration", "timecode", "currency")), ("date", ("date_time",)),
                       ("status_list", ("list", "entity_type", "color")), ("entity", ("multi_entity",))):
    OPERATORS.update((other, OPERATORS[_like]) for other in _others)
PAIRS = tuple((data_type, relation) for data_type, relations in OPERATORS.items() for relation in relations)
RELATIVE = ("in_last", "not_in_last", "in_next", "not_in_next")
LINKS = ("entity", "multi_entity")
WHOLE = ("number", "percent", "duration", "timecode")
SORTABLE = set(OPERATORS) - set(LINKS)
WAYS = ("own field", "1 link", "2 links", "3 links", "through a multi_entity")
SHARES = (40, 11, 14, 25, 10)
ODD_PARTS = ("%", "_", "e", "é", "Ü", "ö", "日本", "🎬", "ς", "Ω", "ß", "ﬁ", "'", '"', "\\", " ", "Ş")
TRIES = 12       # to find a condition that takes some rows and not all


def is_negative(relation):
    return relation.startswith("not_") or relation.endswith(("_not", "_not_contains"))


def as_api3(filters):
    """The same filters as shotgun_api3 spells them."""
    if isinstance(filters, list):
        return filters
    return {"filter_operator": {"and": "all", "or": "any"}[filters["logical_operator"]],
            "filters": [as_api3(each) for each in filters["conditions"]]}


class Question:
    """`pairs`, `ways`: (data type, operator) and kind of path of the conditions that alone take some rows and not
    all."""

    def __init__(self, kind, filters, fields, order, limit, page, pairs, ways):
        self.kind, self.filters, self.fields, self.order = kind, filters, fields, order
        self.limit, self.page, self.pairs, self.ways = limit, page, pairs, ways


class Questions:
    """`fields`: {type: {field: (data type, valid types)}}; `rows`: {type: rows} to take values from; `kinds`: types
    to ask for; `targets`: types whose fields a link may be followed to; `divides(kind, condition)`: whether it
    takes some rows and not all; `used`, `used_ways`: how often each was answered, which the asker counts."""

    def __init__(self, seed, fields, rows, kinds, targets, divides):
        self.random = random.Random(seed)
        self.fields, self.rows, self.kinds, self.targets, self.divides = fields, rows, kinds, targets, divides
        self.used, self.used_ways = dict.fromkeys(PAIRS, 0), dict.fromkeys(WAYS, 0)
        self.kinds_of = {data_type: [kind for kind in kinds if self.names(kind, (data_type,))]
                         for data_type in OPERATORS}

    def names(self, kind, data_types):
        return sorted(name for name, (data_type, _) in self.fields[kind].items() if data_type in data_types)

    def rarest(self, pairs):
        """One of the pairs that were answered least often, mostly."""
        r = self.random
        if r.random() < 0.2:
            return r.choice(pairs)
        return r.choice(sorted(pairs, key=lambda pair: (self.used[pair], pair))[:4])

    def question(self, project_of):
        """`project_of(kind)`: the project to ask in, or None."""
        r = self.random
        data_type, relation = self.rarest(PAIRS)
        kind = r.choice(self.kinds_of[data_type])
        self.pairs, self.ways = [], []
        members = [self.condition(kind, data_type, relation)]
        if r.random() < 0.6:
            members.insert(r.randrange(2), self.group(kind, r.choice((1, 1, 2, 3))))
        group = {"logical_operator": r.choice(("and", "or")), "conditions": members}
        project = project_of(kind)
        filters = group if project is None else {
            "logical_operator": "and", "conditions": [["project", "is", {"type": "Project", "id": project}], group]}
        limit, page = r.choice(((0, 0), (0, 0), (0, 0), (5, 0), (7, 2), (3, 3), (1, 0)))
        return Question(kind, filters, self.projection(kind), self.order(kind), limit, page, self.pairs, self.ways)

    def group(self, kind, depth):
        r = self.random
        members = []
        for _ in range(r.choice((1, 1, 2, 2, 3))):
            if depth > 1 and r.random() < 0.5:
                members.append(self.group(kind, depth - 1))
            else:
                members.append(self.condition(kind))
        return {"logical_operator": r.choice(("and", "or")), "conditions": members}

    def condition(self, kind, data_type=None, relation=None):
        for _ in range(TRIES):
            path, owner, name = self.path(kind, (data_type,) if data_type else OPERATORS)
            found = self.fields[owner][name][0]
            chosen = relation or self.rarest([(found, each) for each in OPERATORS[found]])[1]
            if is_negative(chosen) and self.through_singles(kind, path) and self.random.random() < 0.8:
                continue        # FPT's to answer
            condition = [path, chosen, self.value(owner, name, found, chosen)]
            if self.divides(kind, condition):
                self.pairs.append((found, chosen))
                self.ways.append(self.way(kind, path))
                break
        else:
            condition = ["id", "greater_than", 0]
        return condition

    # -- fields, through links too

    def path(self, kind, data_types):
        """(path, type that has the field, field) of one of these data types."""
        r = self.random
        way = r.choices(WAYS, SHARES)[0]
        for _ in range(TRIES if way != WAYS[0] else 0):
            found = self.linked(kind, data_types, WAYS.index(way) if way != WAYS[-1] else r.choice((1, 2)))
            if found and self.way(kind, found[0]) == way:
                return found
        there = sorted({self.fields[kind][name][0] for name in self.names(kind, data_types)})
        name = r.choice(self.names(kind, (r.choice(there),)))
        return name, kind, name

    def linked(self, kind, data_types, hops):
        """The same over links; None if it is not to be had the way that was tried."""
        path, owner = "", kind
        for _ in range(hops):
            links = [(name, target) for data_type in LINKS for name in self.names(owner, (data_type,))
                     for target in self.fields[owner][name][1] if target in self.targets]
            if not links:
                return None
            link, owner = self.random.choice(links)
            path += f"{link}.{owner}."
        names = self.names(owner, data_types)
        if not names:
            return None
        name = self.random.choice(names)
        return path + name, owner, name

    # -- values

    def seen(self, owner, name):
        """A value that is not null, if any of a few tries finds one."""
        for _ in range(8):
            value = self.random.choice(self.rows[owner]).get(name) if self.rows[owner] else None
            if value not in (None, "", []):
                return value
        return None

    def value(self, owner, name, data_type, relation):
        r = self.random
        if data_type in LINKS:
            return self.link_value(owner, name, relation)
        if relation in RELATIVE:
            units = ("DAY", "WEEK", "MONTH", "YEAR", *(("HOUR",) if data_type == "date_time" else ()))
            return [r.choice((1, 2, 3, 30, 400)), r.choice(units)]
        if relation.startswith("in_calendar"):
            return r.choice((-300, -30, -3, -1, -1, 0, 0, 1, 1, 2, 12))
        one = lambda: self.scalar(owner, name, data_type)  # noqa: E731
        if relation in ("in", "not_in"):
            return [one() for _ in range(r.choice((1, 2, 4, 4, 150)))]
        if relation == "between":
            return [one(), one()]
        if relation in ("contains", "not_contains", "starts_with", "ends_with"):
            return self.part(one(), relation)
        if relation in ("is", "is_not") and data_type != "checkbox" and r.random() < 0.2:
            return None
        return one()

    def scalar(self, owner, name, data_type):
        r = self.random
        value = self.seen(owner, name)
        if data_type == "checkbox":
            return r.choice((True, False))
        if data_type in WHOLE:
            return (value if isinstance(value, int) else 0) + r.choice((0, 0, 0, 1, -1))
        if data_type in ("float", "currency"):
            return float(value or 0) + r.choice((0.0, 0.0, 0.5, -1.0, 0.000001))
        if data_type == "date":
            return value or "2024-06-01"
        if data_type == "date_time":
            return self.moment(value or "2024-06-01T12:00:00Z")
        if data_type in ("entity_type", "color"):
            return value or ("1,2,3" if data_type == "color" else "Shot")
        if data_type in ("list", "status_list"):
            value = r.choice((value or "ip", "ip", "wtg", "nothing like it"))
            return r.choice((value, value, value.upper()))
        value = value or "nothing like it"
        return r.choice((value, value, value.upper(), value.lower(), "x"))

    def moment(self, value):
        """The same moment as FPT may be told it: in other zones, with fractions, without a zone."""
        return self.random.choice((value, value, value, value[:-1], value[:-1] + ".25Z", value[:-1] + "+00:00",
                                   value[:-1] + "-08:00", value[:10]))

    def part(self, text, relation):
        r = self.random
        if relation == "starts_with":
            return text[:r.choice((1, 2, 4))] or "a"
        if relation == "ends_with":
            return text[-r.choice((1, 2, 4)):] or "a"
        n = r.choice((1, 2, 3))
        at = r.choice((0, max(len(text) - n, 0), r.randrange(len(text) or 1)))
        return r.choice((text[at:at + n] or "a", text[at:at + n] or "a", r.choice(ODD_PARTS)))

    def link_value(self, owner, name, relation):
        r = self.random
        valid = self.fields[owner][name][1]
        value = self.seen(owner, name)
        links = value if isinstance(value, list) else [value] if value else []
        if relation.startswith("type_"):
            return r.choice([*valid, *valid, None])
        if relation.startswith("name_"):
            name = r.choice([each.get("name") or "x" for each in links] or ["nobody"])
            return r.choice((name, name.upper())) if relation == "name_is" else self.part(name, "contains")
        if relation in ("in", "not_in"):
            return self.keys(owner, name, links, r.choice((0, 1, 3, 120))) or [{"type": valid[0], "id": 1}]
        if not links or r.random() < 0.2:
            return None
        return self.key(r.choice(links))

    def keys(self, owner, name, links, more):
        """The keys of some links, and of as many more from other rows, of whatever types they are."""
        for _ in range(more):
            value = self.random.choice(self.rows[owner]).get(name)
            links = links + (value if isinstance(value, list) else [value] if value else [])
        return [self.key(link) for link in links[:max(more, 2)]]

    @staticmethod
    def key(link):
        return {"type": link["type"], "id": link["id"]}

    # -- the rest of a question

    def projection(self, kind):
        r = self.random
        names = self.names(kind, OPERATORS)
        picked = r.sample(names, min(len(names), r.choice((1, 3, 6))))
        if r.random() < 0.3:
            path, _, _ = self.path(kind, SORTABLE)
            if self.through_singles(kind, path):
                picked.append(path)
        return picked

    def through_singles(self, kind, path):
        """Whether a path goes over links that hold one entity, and over one at least."""
        parts = path.split(".")
        for link, target in zip(parts[0:-1:2], parts[1::2]):
            if self.fields[kind][link][0] != "entity":
                return False
            kind = target
        return len(parts) > 1

    def way(self, kind, path):
        hops = path.count(".") // 2
        return WAYS[hops] if hops == 0 or self.through_singles(kind, path) else WAYS[-1]

    def order(self, kind):
        r = self.random
        keys = []
        for _ in range(r.choice((0, 1, 1, 2, 3))):
            path, _, _ = self.path(kind, SORTABLE)
            if "." in path and not self.through_singles(kind, path):
                continue
            if path not in [key.lstrip("-") for key in keys]:
                keys.append(r.choice(("", "-")) + path)
        return keys
