"""Random questions in FPT's filter language over what a site holds: same seed, same questions."""

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
OPERATORS.update({"float": OPERATORS["number"], "percent": OPERATORS["number"], "duration": OPERATORS["number"],
                  "timecode": OPERATORS["number"], "currency": OPERATORS["number"],
                  "date_time": OPERATORS["date"], "list": OPERATORS["status_list"],
                  "multi_entity": OPERATORS["entity"]})
RELATIVE = ("in_last", "not_in_last", "in_next", "not_in_next")
LINKS = ("entity", "multi_entity")
WHOLE = ("number", "percent", "duration", "timecode")
SORTABLE = set(OPERATORS) - set(LINKS)


class Questions:
    """`fields`: {type: {field: (data type, valid types)}}; `rows`: {type: rows} to take values from;
    `targets`: the types whose fields a link may be followed to."""

    def __init__(self, seed, fields, rows, targets):
        self.random = random.Random(seed)
        self.fields, self.rows, self.targets = fields, rows, targets
        self.used = {}

    def question(self, kind, project):
        """(filters, fields, order, limit, page) for a find of a type in a project."""
        r = self.random
        group = self.group(kind, r.choice((1, 1, 2, 3)))
        filters = {"logical_operator": "and",
                   "conditions": [["project", "is", {"type": "Project", "id": project}], group]}
        limit, page = r.choice(((0, 0), (0, 0), (0, 0), (5, 0), (7, 2), (3, 3), (1, 0)))
        return filters, self.projection(kind), self.order(kind), limit, page

    def group(self, kind, depth):
        r = self.random
        members = []
        for _ in range(r.choice((1, 1, 2, 2, 3))):
            if depth > 1 and r.random() < 0.5:
                members.append(self.group(kind, depth - 1))
            else:
                members.append(self.condition(kind))
        return {"logical_operator": r.choice(("and", "or")), "conditions": members}

    def condition(self, kind):
        path, owner, name = self.path(kind)
        data_type = self.fields[owner][name][0]
        relation = self.random.choice(OPERATORS[data_type])
        value = self.value(owner, name, data_type, relation)
        self.used[data_type, relation] = self.used.get((data_type, relation), 0) + 1
        return [path, relation, value]

    def path(self, kind, sortable=False):
        r = self.random
        kinds = SORTABLE if sortable else set(OPERATORS)
        if r.random() < 0.2:
            hops = [(name, target) for name, (data_type, valid) in sorted(self.fields[kind].items())
                    if data_type == "entity" for target in valid if target in self.targets]
            if hops:
                link, target = r.choice(hops)
                names = sorted(name for name, (data_type, _) in self.fields[target].items() if data_type in kinds)
                name = r.choice(names)
                return f"{link}.{target}.{name}", target, name
        data_types = sorted({data_type for data_type, _ in self.fields[kind].values() if data_type in kinds})
        data_type = r.choice(data_types)
        name = r.choice(sorted(name for name, (each, _) in self.fields[kind].items() if each == data_type))
        return name, kind, name

    # -- values

    def seen(self, owner, name):
        """A value some row has there; None when a row has none."""
        return self.random.choice(self.rows[owner]).get(name) if self.rows[owner] else None

    def some(self, owner, name):
        """A value that is not null, if any of a few tries finds one."""
        for _ in range(8):
            value = self.seen(owner, name)
            if value not in (None, "", []):
                return value
        return None

    def value(self, owner, name, data_type, relation):
        r = self.random
        if data_type in LINKS:
            return self.link_value(owner, name, data_type, relation)
        if relation in RELATIVE:
            return [r.choice((1, 3, 30, 400)), r.choice(("DAY", "WEEK", "MONTH", "YEAR"))]
        if relation.startswith("in_calendar"):
            return r.choice((-300, -30, -3, -1, 0, 1, 2, 12))
        one = lambda: self.scalar(owner, name, data_type)  # noqa: E731
        if relation in ("in", "not_in"):
            return [one() for _ in range(r.choice((1, 2, 4)))]
        if relation == "between":
            return [one(), one()]
        if relation in ("contains", "not_contains", "starts_with", "ends_with"):
            return self.part(one(), relation)
        if relation in ("is", "is_not") and data_type != "checkbox" and r.random() < 0.2:
            return None
        return one()

    def scalar(self, owner, name, data_type):
        r = self.random
        value = self.some(owner, name)
        if data_type == "checkbox":
            return r.choice((True, False))
        if data_type in WHOLE:
            return (value if isinstance(value, int) else 0) + r.choice((0, 0, 0, 1, -1))
        if data_type in ("float", "currency"):
            return float(value or 0) + r.choice((0.0, 0.0, 0.5, -1.0))
        if data_type == "date":
            return value or "2024-06-01"
        if data_type == "date_time":
            return value or "2024-06-01T12:00:00Z"
        if data_type in ("list", "status_list"):
            return r.choice((value or "ip", "ip", "wtg", "nothing like it"))
        value = value or "nothing like it"
        return r.choice((value, value, value.upper(), value.lower(), "x"))

    def part(self, text, relation):
        r = self.random
        if relation == "starts_with":
            return text[:r.choice((1, 2, 4))] or "a"
        if relation == "ends_with":
            return text[-r.choice((1, 2, 4)):] or "a"
        at = r.randrange(len(text)) if text else 0
        return r.choice((text[at:at + r.choice((1, 2, 3))] or "a", "%", "_", "e", "é", "Ü"))

    def link_value(self, owner, name, data_type, relation):
        r = self.random
        valid = self.fields[owner][name][1]
        value = self.some(owner, name)
        keys = [self.key(each) for each in (value if isinstance(value, list) else [value] if value else [])]
        if relation.startswith("type_"):
            return r.choice([*valid, None])
        if relation.startswith("name_"):
            names = [each.get("name") or "x" for each in (value if isinstance(value, list) else [value] if value else [])]
            name = r.choice(names or ["nobody"])
            return name if relation == "name_is" else self.part(name, "contains")
        if relation in ("in", "not_in"):
            return [r.choice(keys) for _ in range(r.choice((1, 2)))] if keys else [{"type": valid[0], "id": 1}]
        if not keys or r.random() < 0.2:
            return None
        return r.choice(keys)

    @staticmethod
    def key(link):
        return {"type": link["type"], "id": link["id"]}

    # -- the rest of a question

    def projection(self, kind):
        r = self.random
        names = sorted(name for name, (data_type, _) in self.fields[kind].items() if data_type in OPERATORS)
        picked = r.sample(names, min(len(names), r.choice((1, 3, 6))))
        if r.random() < 0.3:
            path, _, _ = self.path(kind, sortable=True)
            if "." in path:
                picked.append(path)
        return picked

    def order(self, kind):
        r = self.random
        keys = []
        for _ in range(r.choice((0, 1, 1, 2))):
            path, _, _ = self.path(kind, sortable=True)
            if path not in [key.lstrip("-") for key in keys]:
                keys.append(r.choice(("", "-")) + path)
        return keys
