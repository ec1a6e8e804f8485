"""Answers a read: which rows, in which order, which page. Cheap where an index allows it."""

import bisect
import json
import re

from errors import ApiError, invalid_parameters
from filters import Compiler

_SORT = re.compile(r"-?[A-Za-z0-9_.]+(,-?[A-Za-z0-9_.]+)*\Z")
_UNSORTABLE = {"multi_entity", "url", "serializable", "jsonb", "summary", "pivot_column", "calculated",
               "url_template", "password", "image"}
_FOLDED = {"text", "list", "status_list", "entity_type"}
KEPT_ORDERS = 16


class Query:
    """One read of one type. `allowed` is a set of project ids, or None for all."""

    def __init__(self, entity_type, filters=None, shape="hash", leaves=(), sort=None, retired=False,
                 with_archived=True, allowed=None, verb="read"):
        self.type, self.filters, self.shape, self.extra = entity_type, filters, shape, leaves
        self.sort, self.retired, self.with_archived = sort, retired, with_archived
        self.allowed, self.verb = allowed, verb


class Engine:
    def __init__(self, store):
        self.store = store
        self._orders = {}       # the ids of recent sorted or filtered answers, for their next pages

    def count_and_page(self, query, offset, limit):
        """The rows of a page. Walks only as far as the page where ids are the order."""
        tests, ids, relative = self._plan(query)
        keys = self._sort_keys(query)
        if keys in ([], [("id", False)]):
            return self._page_by_id(query, tests, ids, offset, limit)
        rows = self._ordered(query, tests, ids, keys, relative)
        return rows[offset:offset + limit]

    def all(self, query):
        tests, ids, _ = self._plan(query)
        return self._page_by_id(query, tests, ids, 0, len(ids))

    # -- candidates

    def _plan(self, query):
        """(tests still to do, candidate ids in order, whether the clock matters)."""
        tree = Compiler(self.store, query.type, query.verb).compile(query.filters, query.shape) \
            if query.filters is not None else None
        members = list(query.extra)
        if tree is not None:
            members += tree.members if not tree.any else [tree]
        table = self.store.tables[query.type.name]
        ids = table.retired if query.retired else table.active
        low, high, exact, project, rest = None, None, None, False, []
        for member in members:
            hint = _hint(member)
            if hint is None:
                rest.append(member.test)
            elif hint[0] == "project" and project is False and not query.retired:
                project = hint[1]
            elif hint[0] == "ids" and exact is None:
                exact = hint[1]
            elif hint[0] == "above" and low is None:
                low = hint[1]
            elif hint[0] == "below" and high is None:
                high = hint[1]
            else:
                rest.append(member.test)
        if project is not False:
            ids = table.by_project.get(project, []) if self.store.row(("Project", project)) else []
        ids = _cut(ids, low, high)
        if exact is not None:
            known = set(ids) if len(exact) > 50 else None
            ids = [i for i in exact if (i in known if known is not None else _holds(ids, i))]
        rest += self._visibility(query)
        return rest, ids, _relative(members)

    def _visibility(self, query):
        store, allowed = self.store, query.allowed
        tests = []
        if allowed is not None and (query.type.has_project or query.type.name == "Project"):
            tests.append(lambda row: store.project_of(row) in allowed)
        if not query.with_archived:
            archived = {row.id for row in store.tables["Project"].rows.values() if row.v.get("archived")}
            if archived:
                tests.append(lambda row: store.project_of(row) not in archived)
        return tests

    def _page_by_id(self, query, tests, ids, offset, limit):
        rows = self.store.tables[query.type.name].rows
        if not tests:
            return [rows[i] for i in ids[offset:offset + limit]]
        found, skipped = [], 0
        for row_id in ids:
            row = rows[row_id]
            if all([test(row) for test in tests]) if len(tests) > 1 else tests[0](row):
                if skipped < offset:
                    skipped += 1
                    continue
                found.append(row)
                if len(found) == limit:
                    break
        return found

    # -- order

    def _ordered(self, query, tests, ids, keys, relative):
        rows = self.store.tables[query.type.name].rows
        name = json.dumps([query.type.name, query.filters, query.shape, keys, query.retired, query.with_archived,
                           [(leaf.path, leaf.relation, leaf.value) for leaf in query.extra],
                           query.verb, sorted(query.allowed) if query.allowed is not None else None,
                           self.store.version, int(self.store.clock.now()) if relative else 0])
        if name not in self._orders:
            found = self._page_by_id(query, tests, ids, 0, len(ids))
            for path, descending in reversed(keys):
                found.sort(key=self._sort_value(query.type, path), reverse=descending)
            if len(self._orders) >= KEPT_ORDERS:
                self._orders.pop(next(iter(self._orders)))
            self._orders[name] = [row.id for row in found]
        return _Lazy(rows, self._orders[name])

    def _sort_keys(self, query):
        """[(path, descending)…]. What cannot be sorted by is dropped, as the service does."""
        if query.sort is None:
            return []
        if not isinstance(query.sort, str):
            raise invalid_parameters({"sort": ["sort array is not valid"]})
        if query.sort == "":
            raise invalid_parameters({"sort": ["sort must be filled"]})
        if not _SORT.match(query.sort):
            raise invalid_parameters({"sort": ["sort list is not valid"]})
        keys = []
        for word in query.sort.split(","):
            path, descending = word.lstrip("-"), word.startswith("-")
            field = self._sort_field(query.type, path)
            if field is None or field.type in _UNSORTABLE:
                continue
            if field.type == "uuid":
                raise ApiError(400, 104, f"Read failed for entity type [{query.type.name}]")
            keys.append((path, descending))
            if path == "id":
                break
        return keys

    def _sort_field(self, entity_type, path):
        parts = path.split(".")
        for at in range(0, len(parts) - 1, 2):
            field = entity_type.fields.get(parts[at])
            entity_type = self.store.schema.types.get(parts[at + 1])
            if field is None or field.type != "entity" or entity_type is None:
                return None
        return entity_type.fields.get(parts[-1]) if len(parts) % 2 else None

    def _sort_value(self, entity_type, path):
        """Nulls are greatest: last in ascending order, first in descending. Case does not count."""
        store, parts = self.store, path.split(".")
        hops = [(parts[at], parts[at + 1]) for at in range(0, len(parts) - 1, 2)]
        field = self._sort_field(entity_type, path)

        def value(row):
            for name, target in hops:
                key = store.link(row, name)
                if key is None or key[0] != target:
                    return (True, 0)
                row = store.row(key)
            found = store.value(row, field)
            if found is None:
                return (True, 0)
            if field.type == "entity":
                found = store.display_name(store.row(found)).lower()
            elif field.type in _FOLDED:
                found = found.lower()
            return (False, found)

        return value


class _Lazy:
    """A slice of rows out of a list of ids."""

    def __init__(self, rows, ids):
        self.rows, self.ids = rows, ids

    def __getitem__(self, part):
        return [self.rows[i] for i in self.ids[part]]


def _hint(member):
    """What a condition of the topmost `and` says about ids or the project, if an index can use it."""
    path, relation = getattr(member, "path", None), getattr(member, "relation", None)
    value = getattr(member, "value", None)
    if path == "project" and relation == "is" and isinstance(value, dict) and value.get("type") == "Project":
        return ("project", value.get("id"))
    if path == "project.Project.id" and relation == "is" and isinstance(value, int):
        return ("project", value)
    if path != "id" or isinstance(value, (str, bool)) or value is None:
        return None
    if relation == "is" and isinstance(value, int):
        return ("ids", [value])
    if relation == "in" and isinstance(value, list) and all(type(item) is int for item in value):
        return ("ids", sorted(set(value)))
    if relation == "greater_than" and isinstance(value, int):
        return ("above", value)
    if relation == "less_than" and isinstance(value, int):
        return ("below", value)
    return None


def _cut(ids, low, high):
    if low is None and high is None:
        return ids
    start = bisect.bisect_right(ids, low) if low is not None else 0
    end = bisect.bisect_left(ids, high) if high is not None else len(ids)
    return _Window(ids, start, max(start, end))


class _Window:
    """Part of a sorted list, not copied."""

    def __init__(self, ids, start, end):
        self.ids, self.start, self.end = ids, start, end

    def __len__(self):
        return self.end - self.start

    def __iter__(self):
        for at in range(self.start, self.end):
            yield self.ids[at]

    def __getitem__(self, at):
        if isinstance(at, slice):
            start, stop, _ = at.indices(len(self))
            return self.ids[self.start + start:self.start + max(start, stop)]
        return self.ids[self.start + at]


def _holds(ids, row_id):
    at = bisect.bisect_left(ids, row_id)
    return at < len(ids) and ids[at] == row_id


def _relative(members):
    return any(member.relative if hasattr(member, "relative") else _relative(member.members)
               for member in members)
