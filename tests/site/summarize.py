"""POST _summarize and POST /entity/_text_search."""

import datetime

from errors import bad_request, invalid_parameters
from query import Query
from render import dumps, walk

SUMMARIES = ("record_count", "count", "sum", "maximum", "minimum", "average", "earliest", "latest", "percentage",
             "status_percentage", "status_percentage_as_float", "status_list", "checked", "unchecked")
STEPS = {"tens": 10, "hundreds": 100, "thousands": 1000, "tensofthousands": 10 ** 4,
         "hundredsofthousands": 10 ** 5, "millions": 10 ** 6}
GROUPINGS = ("exact", *STEPS, "day", "week", "month", "quarter", "year", "clustered_date", "oneday", "fivedays",
             "entitytype", "firstletter")
TEXT_PAGE = 25


class Reach:
    """A field of a row, or one behind its links; None when a link is empty or leads to another type."""

    def __init__(self, store, hops, field):
        self.store, self.hops, self.field = store, hops, field

    def value(self, row):
        for name, target in self.hops:
            key = self.store.link(row, name)
            if key is None or key[0] != target:
                return None
            row = self.store.row(key)
        return self.store.value(row, self.field)


class Summarizer:
    def __init__(self, store, engine):
        self.store, self.engine = store, engine

    def summarize(self, entity_type, query, body):
        """The `data` of a _summarize reply."""
        summaries = self._checked(entity_type, body.get("summary_fields"), "summary_fields", SUMMARIES)
        groupings = self._checked(entity_type, body.get("grouping") or [], "grouping", GROUPINGS)
        for reach, _, _ in groupings:
            field = reach.field
            if field.type in ("image", "url", "serializable", "jsonb", "pivot_column"):
                raise bad_request(f"Grouping is not allowed for field {entity_type.name}.{field.name}.")
        rows = self.engine.all(query)
        return {"summaries": self._summaries(rows, summaries), "groups": self._groups(rows, summaries, groupings)}

    def _checked(self, entity_type, entries, name, allowed):
        """[(field, type, entry)…], or the 400 that lists what is allowed."""
        if entries is None:
            raise invalid_parameters({name: [f"{name} is missing"]})
        if not isinstance(entries, list):
            raise invalid_parameters({name: [f"{name} must be an array"]})
        wrong = {str(at): {"type": [f"type must be one of: {', '.join(allowed)}"]}
                 for at, entry in enumerate(entries) if entry.get("type", "exact") not in allowed}
        if wrong:
            raise invalid_parameters({name: wrong})
        out = []
        for entry in entries:
            found = walk(self.store.schema, entity_type, str(entry.get("field")))
            if found is None:
                path = f"{entity_type.name}.{entry.get('field')}"
                raise bad_request(f"API summarize() {path} doesn't exist.")
            out.append((Reach(self.store, *found), entry.get("type", "exact"), entry))
        return out

    def _summaries(self, rows, summaries):
        return {entry["field"]: self._one(rows, reach, kind, entry) for reach, kind, entry in summaries}

    def _one(self, rows, reach, kind, entry):
        if kind == "record_count":
            return len(rows)
        found = [value for value in map(reach.value, rows) if value not in (None, [])]
        if kind == "count":
            return len(found)
        if kind == "checked":
            return sum(1 for value in found if value is True)
        if kind == "unchecked":
            return len(rows) - sum(1 for value in found if value is True)
        if kind == "sum":
            return sum(found)
        if kind == "average":
            return sum(found) / len(found) if found else 0.0
        if kind in ("maximum", "latest"):
            return max(found, default=0 if kind == "maximum" else None)
        if kind in ("minimum", "earliest"):
            return min(found, default=0 if kind == "minimum" else None)
        if kind == "status_list":
            kinds = set(found)
            return (kinds.pop() if len(kinds) == 1 else "ip") if kinds else None
        hits = sum(1 for value in found if value is True or value == entry.get("value"))
        share = 100.0 * hits / len(rows) if rows else 0.0
        return share if kind == "status_percentage_as_float" else round(share)

    def _groups(self, rows, summaries, groupings):
        if not groupings:
            return []
        (reach, kind, entry), rest = groupings[0], groupings[1:]
        buckets = {}
        for row in rows:
            order, name, value = self._bucket(reach.value(row), reach.field, kind)
            buckets.setdefault((order, name), (value, []))[1].append(row)
        out = []
        for (_, name), (value, members) in sorted(buckets.items(), key=lambda item: item[0],
                                                  reverse=entry.get("direction") == "desc"):
            group = {"group_name": name, "group_value": value, "summaries": self._summaries(members, summaries)}
            if rest:
                group["groups"] = self._groups(members, summaries, rest)
            out.append(group)
        return out

    def _bucket(self, value, field, kind):
        """(order, group_name, group_value) of one value."""
        if value in (None, []):
            return (1, "", ()), "", [] if value == [] else None
        if field.type == "checkbox":
            return (0, "", (value,)), "[X]" if value else "[ ]", value
        if field.type in ("entity", "multi_entity"):
            return self._link_bucket(value, kind)
        if field.type == "status_list" and value in field.valid_values:  # recorded: the list's own order
            return (0, "", (field.valid_values.index(value),)), value, value
        if kind in STEPS:
            low = int(value // STEPS[kind]) * STEPS[kind]
            return (0, "", (low,)), f"{low}-{low + STEPS[kind] - 1}", low
        if kind == "firstletter":
            return (0, str(value)[:1].upper(), ()), str(value)[:1].upper(), str(value)[:1].upper()
        if field.type in ("date", "date_time") and kind != "exact":
            value = _date_bucket(value, kind)
        if isinstance(value, str):
            return (0, value.lower(), ()), value, value
        if isinstance(value, (int, float)):
            return (0, "", (value,)), str(value), value
        return (0, dumps(value), ()), dumps(value), value

    def _link_bucket(self, value, kind):
        keys = value if isinstance(value, list) else [value]
        if kind == "entitytype":
            return (0, keys[0][0], ()), keys[0][0], keys[0][0]
        hashes = [{**self.store.link_hash(key), "valid": "valid"} for key in keys]
        name = ", ".join(entry["name"] for entry in hashes)
        return (0, name.lower(), tuple(key[1] for key in keys)), name, \
            hashes if isinstance(value, list) else hashes[0]

    # -- text search

    def text_search(self, body, shape, allowed):
        """The `data` of a _text_search reply: flattened rows, shortest names first."""
        if "entity_types" not in body:
            raise invalid_parameters({"entity_types": ["entity_types is missing"]})
        if not isinstance(body.get("text"), str) or not body["text"]:
            raise invalid_parameters({"text": ["text must be filled"]})
        page = body.get("page") or {}
        size, number = page.get("size", TEXT_PAGE), page.get("number", 1)
        if not 0 < size <= TEXT_PAGE:
            raise invalid_parameters({"page": {"size": [f"size must be less than or equal to {TEXT_PAGE}"]}})
        found = self.matches(body["text"], body["entity_types"], shape, allowed)
        return [self._flattened(row, linked) for row, linked in found[(number - 1) * size:number * size]]

    def matches(self, text, entity_types, shape, allowed):
        """[(row, [type, name] of the row it belongs to)…], shortest names first."""
        words, found = text.lower().split(), []
        for type_name, filters in entity_types.items():
            entity_type = self.store.schema.types.get(type_name)
            if entity_type is None:
                raise bad_request(f"Entity type '{type_name}' does not exist.")
            for row in self.engine.all(Query(entity_type, filters or None, shape, allowed=allowed)):
                name, linked = self.store.display_name(row), self._linked(row)
                if all(word in name.lower() or word in linked[1].lower() for word in words):
                    found.append((len(name), name.lower(), row.id, row, linked))
        found.sort(key=lambda each: each[:3])
        return [each[3:] for each in found]

    def _linked(self, row):
        for name in ("entity", "sg_sequence"):
            key = self.store.link(row, name)
            if key is not None:
                return [key[0], self.store.display_name(self.store.row(key))]
        return ["", ""]

    def _flattened(self, row, linked):
        slug = self.store.schema.types[row.type].slug
        return {"id": row.id, "type": row.type,
                "attributes": {"name": self.store.display_name(row), "links": linked,
                               "status": row.v.get("sg_status_list")},
                "links": {"self": f"/api/v1/entity/{slug}/{row.id}"}}


def _date_bucket(value, kind):
    day = datetime.date.fromisoformat(value[:10])
    if kind == "week":
        day -= datetime.timedelta(days=day.weekday())
    elif kind in ("month", "clustered_date"):
        day = day.replace(day=1)
    elif kind == "quarter":
        day = day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    elif kind == "year":
        day = day.replace(month=1, day=1)
    elif kind == "fivedays":
        day = datetime.date.fromordinal(day.toordinal() // 5 * 5)
    return day.isoformat()
