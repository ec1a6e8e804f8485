"""The rows: storage by type and id, links kept on both sides, retirement, undo.

A stored value is text, int, float, bool, None or plain JSON; a link is a key (type, id) and a
multi link a list of keys in id order. What a reader sees of a link depends on its target: a
retired target is not there (Store.link, Store.links).
"""

import bisect
import datetime
import json
import time

_quote = json.encoder.encode_basestring


class Row:
    __slots__ = ("type", "id", "v", "retired", "text", "order")

    def __init__(self, type_name, row_id, values):
        self.type = type_name
        self.id = row_id
        self.v = values
        self.retired = False
        self.text = None        # the row as JSON link hash, and its place among
        self.order = None       # the links of a field; both made on demand

    @property
    def key(self):
        return (self.type, self.id)

    def __getstate__(self):
        return (self.type, self.id, self.v, self.retired)

    def __setstate__(self, state):
        self.type, self.id, self.v, self.retired = state
        self.text = self.order = None


class Table:
    """All rows of one type, and the sorted ids of the active and of the retired ones."""

    def __init__(self, entity_type):
        self.type = entity_type
        self.rows = {}
        self.active = []
        self.retired = []
        self.by_project = {}
        self.last_id = 0

    def _project_ids(self, row):
        project = row.v.get("project")
        return self.by_project.setdefault(project[1] if project else None, [])

    def add(self, row):
        """Puts an active or retired row into the ids it belongs to."""
        self.rows[row.id] = row
        _insert(self.retired if row.retired else self.active, row.id)
        if not row.retired and self.type.has_project:
            _insert(self._project_ids(row), row.id)
        self.last_id = max(self.last_id, row.id)

    def drop(self, row):
        """Takes a row out of its ids, and out of the table."""
        del self.rows[row.id]
        _remove(self.retired if row.retired else self.active, row.id)
        if not row.retired and self.type.has_project:
            _remove(self._project_ids(row), row.id)


def _insert(ids, row_id):
    if not ids or ids[-1] < row_id:
        ids.append(row_id)
    else:
        bisect.insort(ids, row_id)


def _remove(ids, row_id):
    at = bisect.bisect_left(ids, row_id)
    if at < len(ids) and ids[at] == row_id:
        del ids[at]


def _order(row):
    return row.order


class Clock:
    """The site's time: the machine's, shifted, or pinned."""

    def __init__(self):
        self.pinned = None
        self.offset = 0

    def now(self):
        return self.pinned if self.pinned is not None else time.time() + self.offset

    def stamp(self):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.now()))

    def datetime(self):
        return datetime.datetime.fromtimestamp(int(self.now()), datetime.timezone.utc).replace(tzinfo=None)

    def pin(self, text):
        if text is None:
            self.pinned = None
            return
        moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.timezone.utc)
        self.pinned = moment.timestamp()


class Store:
    def __init__(self, schema):
        self.schema = schema
        self.tables = {name: Table(entity_type) for name, entity_type in schema.types.items()}
        self.clock = Clock()
        self.version = 0          # moves with every change of any row
        self.signatures = 0       # storage addresses signed so far
        self.undo = None          # while a transaction runs: what would take its changes back

    # -- looking up

    def row(self, key):
        """The active row of a key, or None."""
        row = self.any_row(key)
        return None if row is None or row.retired else row

    def any_row(self, key):
        table = self.tables.get(key[0])
        return table.rows.get(key[1]) if table else None

    def link(self, row, field):
        """The single link as a reader sees it: a key, or None."""
        key = row.v.get(field)
        return key if key is not None and self.row(key) is not None else None

    def links(self, row, field):
        """The multi link as a reader sees it: a list of keys."""
        if field == "open_notes":
            return [key for key in self.links(row, "notes") if self.row(key).v.get("sg_status_list") != "clsd"]
        if field == "sibling_tasks":
            owner = self.link(row, "entity")
            owner = self.row(owner) if owner else None
            return [key for key in self.links(owner, "tasks") if key != row.key] if owner else []
        return [key for key in row.v.get(field) or () if self.row(key) is not None]

    def value(self, row, field):
        """Any field as a reader sees it, links as keys."""
        if field.type == "entity":
            return self.link(row, field.name)
        if field.type == "multi_entity":
            return self.links(row, field.name)
        if field.name == "id":
            return row.id
        if field.type == "summary":
            return len(self.links(row, "open_notes")) if field.name == "open_notes_count" else None
        if field.type in ("pivot_column", "calculated", "url_template", "password"):
            return None
        value = row.v.get(field.name)
        return False if value is None and field.type == "checkbox" else value

    def display_name(self, row):
        return row.v.get("cached_display_name") or f"{row.type} {row.id}"

    def link_text(self, row):
        """The JSON link hash of a row."""
        if row.text is None:
            name = self.display_name(row)
            row.text = f'{{"id":{row.id},"name":{_quote(name)},"type":"{row.type}"}}'
            row.order = (name.lower(), row.id)
        return row.text

    def ordered(self, keys):
        """The active rows of some keys as a reader gets them: by name, case ignored, then by id."""
        rows = [row for row in map(self.row, keys) if row is not None]
        if len(rows) > 1:
            for row in rows:
                self.link_text(row)
            rows.sort(key=_order)
        return rows

    def link_hash(self, key):
        row = self.any_row(key)
        return {"type": key[0], "id": key[1], "name": self.display_name(row) if row else None}

    def project_of(self, row):
        if row.type == "Project":
            return row.id
        project = row.v.get("project")
        return project[1] if project else None

    # -- transactions

    def begin(self):
        self.undo = []

    def commit(self):
        self.undo = None

    def rollback(self):
        steps, self.undo = self.undo, None
        for step, *arguments in reversed(steps):
            step(*arguments)
        self.version += 1

    def _remember(self, *step):
        self.version += 1
        if self.undo is not None:
            self.undo.append(step)

    # -- changing

    def reserve_id(self, type_name):
        """The next id of a type. Like a sequence, it is not given back by a rollback."""
        table = self.tables[type_name]
        table.last_id += 1
        return table.last_id

    def insert(self, row):
        table = self.tables[row.type]
        self.name_row(row)
        table.add(row)
        self._remember(table.drop, row)
        return row

    def put(self, row, field, value):
        """Sets one stored value, nothing else following from it but names and project ids."""
        old = row.v.get(field)
        if old == value and type(old) is type(value):
            return
        self._remember(self._put, row, field, old)
        self._put(row, field, value)

    def _put(self, row, field, value):
        table = self.tables[row.type]
        moves = field == "project" and table.type.has_project and not row.retired
        if moves:
            _remove(table._project_ids(row), row.id)
        row.v[field] = value
        if moves:
            _insert(table._project_ids(row), row.id)
        self.name_row(row)

    def set_retired(self, row, retired):
        self._remember(self._set_retired, row, row.retired)
        self._set_retired(row, retired)

    def _set_retired(self, row, retired):
        table = self.tables[row.type]
        table.drop(row)
        row.retired = retired
        table.add(row)

    def name_row(self, row):
        """Keeps cached_display_name in step with what it is made of."""
        row.text = None
        values, entity_type = row.v, self.tables[row.type].type
        if "cached_display_name" not in entity_type.fields:
            return
        if row.type == "ApiUser":
            name = " ".join(part for part in (values.get("firstname"), values.get("lastname")) if part)
        elif row.type == "TaskDependency":
            task, other = values.get("task"), values.get("dependent_task")
            name = f"Task {task[1] if task else ''} dependent on Task {other[1] if other else ''}"
        elif row.type == "Delivery":
            name = f"#{row.id}: {values.get('title') or ''}"
        else:
            name = values.get(entity_type.identity) if entity_type.identity else None
        values["cached_display_name"] = name or f"{row.type} {row.id}"

    def set_link(self, row, field, value):
        """Sets a single or multi link and the other side of it. Returns the other rows it changed."""
        inverse = self.schema.inverse.get((row.type, field), {})
        old = row.v.get(field)
        before = set(old if isinstance(old, list) else [old] if old else [])
        after = set(value if isinstance(value, list) else [value] if value else [])
        self.put(row, field, sorted(after) if isinstance(value, list) else value)
        touched = []
        for key in sorted(before ^ after):
            back = inverse.get(key[0])
            other = self.any_row(key) if back else None
            if other is not None:
                (self._attach if key in after else self._detach)(other, back, row.key)
                touched.append((other, back, key in after))
        return touched

    def _attach(self, row, field, key):
        if self.tables[row.type].type.fields[field].type == "multi_entity":
            known = row.v.get(field) or []
            if key not in known:
                self.put(row, field, sorted(known + [key]))
            return
        old = row.v.get(field)
        if old == key:
            return
        back = self.schema.inverse[(row.type, field)].get(old[0]) if old else None
        former = self.any_row(old) if back else None
        if former is not None:
            self._detach(former, back, row.key)
        self.put(row, field, key)

    def _detach(self, row, field, key):
        known = row.v.get(field)
        if isinstance(known, list):
            self.put(row, field, [other for other in known if other != key])
        elif known == key:
            self.put(row, field, None)
