"""Loads the rows and the field list that a file of recorded REST exchanges shows."""

import json

import schema as schemas
from rows import Row


def exchanges(path):
    with open(path, encoding="utf-8") as stream:
        return [json.loads(line) for line in stream if line.strip()]


def _data(exchange):
    """The `data` of a reply, or None."""
    try:
        return json.loads(exchange["response"]["body"]).get("data")
    except (ValueError, AttributeError):
        return None


def _path(exchange):
    return exchange["request"]["uri"].split("/api/v1", 1)[1].split("?")[0]


def schema_of(schema, path):
    """The schema with the fields of every recorded /schema/{Type}/fields reply."""
    for exchange in exchanges(path):
        parts = _path(exchange).strip("/").split("/")
        if len(parts) == 3 and parts[0] == "schema" and parts[2] == "fields":
            schema = schemas.with_recorded_fields(schema, parts[1], _data(exchange))
    return schema


def preferences(path):
    return next((_data(exchange) for exchange in exchanges(path) if _path(exchange) == "/preferences"), {})


def load(store, path):
    """Rows that existed before the recording, with their ids; link targets get rows of their own."""
    seen, retired, scoped = {}, {}, set()
    made = _made_during(path)
    for exchange in exchanges(path):
        rows = _data(exchange)
        if not isinstance(rows, list):
            continue
        target = retired if "retired" in json.dumps(exchange["request"]) else seen
        project = _project_filter(exchange)
        scoped.update((row["type"], row["id"], project) for row in rows if project)
        for row in rows:
            if row["id"] in made:
                continue
            known = target.get((row["type"], row["id"]))
            if known is None or len(row["attributes"]) > len(known["attributes"]):
                target[(row["type"], row["id"])] = row
    for rows, is_retired in ((seen, False), (retired, True)):
        for row in rows.values():
            _add(store, row, is_retired, scoped)


def _project_filter(exchange):
    """The project a recorded request asked for, or None."""
    try:
        conditions = json.loads(exchange["request"]["body"])["filters"]["conditions"]
    except (KeyError, TypeError, ValueError):
        return None
    return next((value for path, _, value in conditions if path == "project.Project.id"), None)


def _made_during(path):
    """The ids of the rows that the recording itself created."""
    made = set()
    for exchange in exchanges(path):
        if exchange["response"]["status"] == 201:
            made.add(_data(exchange)["id"])
    return made


def _add(store, recorded, retired, scoped):
    key = (recorded["type"], recorded["id"])
    if retired and store.any_row(key) is not None:
        return
    values = {name: value for name, value in recorded["attributes"].items()
              if value is not None and name not in ("open_notes_count",)}
    project = next((number for kind, row_id, number in scoped if (kind, row_id) == key), None)
    if "project" not in recorded["relationships"] and "project" in store.schema.types[key[0]].fields:
        values["project"] = _target(store, {"type": "Project", "id": project, "name": "TEST"} if project else
                                    {"type": "Project", "id": 70, "name": "Demo: Animation"})
    row = store.any_row(key) or store.insert(Row(*key, {}))     # a link may have asked for it before
    for name, value in values.items():
        store.put(row, name, value)
    for name, link in recorded["relationships"].items():
        data = link["data"]
        if not data or name in ("open_notes",):
            continue
        value = sorted(_target(store, each) for each in data) if isinstance(data, list) else _target(store, data)
        store.set_link(row, name, value)
    if retired:
        store.set_retired(row, True)


def _target(store, link):
    """The key of a link, with a row behind it that has its name."""
    key = (link["type"], link["id"])
    if store.any_row(key) is None:
        entity_type = store.schema.types.get(link["type"])
        if entity_type is None:
            raise ValueError(f"the recorded rows need a schema with the type {link['type']} (--schema)")
        store.insert(Row(*key, {entity_type.identity: link["name"]} if entity_type.identity else {}))
    return key
