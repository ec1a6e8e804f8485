"""The filter language: parses and checks a filter and turns it into a predicate over rows.

Two questions are kept apart. An operator answers for one value of a field (operators.py); a path
answers which values of a row the operator is asked about. Through single links a path gives
exactly one value, null when a link on the way is empty or leads to another type. Through a multi
link it gives one value per linked row: a positive operator asks for one that fits, a negative one
(is_not, not_in, not_contains ...) for none that fits its positive counterpart.
"""

from errors import bad_request, ruby
from operators import compile_operator

MAX_DEPTH = 265
ARRAY, HASH = "array", "hash"


class TooDeep(Exception):
    """More than 265 groups inside each other: the service answers 500."""


class Leaf:
    __slots__ = ("path", "relation", "value", "test", "relative")

    def __init__(self, path, relation, value, test, relative):
        self.path, self.relation, self.value, self.test, self.relative = path, relation, value, test, relative


class Group:
    __slots__ = ("any", "members", "test")

    def __init__(self, any_of, members):
        self.any, self.members = any_of, members
        self.test = _combine(any_of, [member.test for member in members])


def _combine(any_of, tests):
    if not tests:
        return lambda row: True
    if len(tests) == 1:
        return tests[0]
    if any_of:
        def either(row):
            for test in tests:
                if test(row):
                    return True
            return False

        return either

    def both(row):
        for test in tests:
            if not test(row):
                return False
        return True

    return both


class Compiler:
    """Compiles the filters of one call on one type."""

    def __init__(self, store, entity_type, verb="read"):
        self.store = store
        self.schema = store.schema
        self.type = entity_type
        self.verb = verb

    def compile(self, filters, shape):
        """`shape`: which content type the filters came under."""
        if shape == ARRAY:
            return self._array(filters)
        if isinstance(filters, list):
            raise bad_request(f"Query is not an Hash: {ruby(filters)}")
        if not isinstance(filters, dict):
            raise bad_request(f"Query is not an Hash: {ruby(filters)}")
        return self._group(filters, 1)

    def _array(self, filters):
        if not isinstance(filters, list):
            raise bad_request(f"Query is not an Array: {ruby(filters)}")
        if not all(isinstance(item, list) for item in filters):
            raise bad_request("Invalid filter. Expected array of basic condition arrays but received: "
                              f"{ruby(filters)}")
        return Group(False, [self._condition(item) for item in filters])

    def _group(self, group, depth):
        if depth > MAX_DEPTH:
            raise TooDeep
        if "logical_operator" not in group:
            raise bad_request(f"Missing logical operator: {ruby(group)}")
        if "conditions" not in group or not isinstance(group["conditions"], list):
            raise bad_request(f"Missing conditions parameter: {ruby(group)}")
        operator = group["logical_operator"]
        if operator not in ("and", "or"):
            raise bad_request(f"Invalid logical operator: {operator}")
        members = [self._group(item, depth + 1) if isinstance(item, dict) else self._condition(item)
                   for item in group["conditions"]]
        return Group(operator == "or", members)

    def _condition(self, item):
        if not isinstance(item, list) or len(item) != 3 or not all(isinstance(word, str) for word in item[:2]):
            raise bad_request(f"Invalid condition: {ruby(item)}")
        return self.leaf(*item)

    def leaf(self, path, relation, value):
        hops, field, owner = self._resolve(path, relation, value)
        if owner.name == "EventLogEntry" and field.name == "audit_trail":
            return Leaf(path, relation, value, lambda row: True, False)
        operator = compile_operator(self, field, owner, f"{self.type.name}.{path}", path, relation, value)
        return Leaf(path, relation, value, self._test(hops, field, operator), operator.relative)

    def _resolve(self, path, relation, value):
        parts, entity_type, hops = path.split("."), self.type, []
        for at in range(0, len(parts) - 1, 2):
            field = entity_type.fields.get(parts[at])
            target = self.schema.types.get(parts[at + 1])
            if field is None or field.type not in ("entity", "multi_entity") or target is None:
                raise self._unknown(path, relation, value)
            hops.append((field, target.name))
            entity_type = target
        field = entity_type.fields.get(parts[-1]) if len(parts) % 2 else None
        if field is None:
            raise self._unknown(path, relation, value)
        return hops, field, entity_type

    def _unknown(self, path, relation, value):
        name = f"{self.type.name}.{path}"
        return bad_request(f"API {self.verb}() {name} doesn't exist.",
                           {name: f" does not exist. Value: {described(path, relation, value)}"})

    def _test(self, hops, field, operator):
        matches, get = operator.matches, _getter(self.store, field)
        if not hops:
            return lambda row: matches(get(row))
        if all(hop.type == "entity" for hop, _ in hops):
            return self._through_singles(hops, field, matches, get)
        reach = self._reach(hops)
        if operator.negates is not None:
            counterpart = operator.negates
            return lambda row: not any(counterpart(get(other)) for other in reach(row))
        return lambda row: any(matches(get(other)) for other in reach(row))

    def _through_singles(self, hops, field, matches, get):
        store = self.store
        steps = [(hop.name, target) for hop, target in hops]
        empty = matches([] if field.type == "multi_entity" else None)

        def test(row):
            for name, target in steps:
                key = store.link(row, name)
                if key is None or key[0] != target:
                    return empty
                row = store.row(key)
            return matches(get(row))

        return test

    def _reach(self, hops):
        store = self.store

        def reach(row):
            rows = [row]
            for hop, target in hops:
                keys = set()
                for each in rows:
                    found = store.value(each, hop)
                    keys.update(found if isinstance(found, list) else [found] if found else [])
                rows = [store.row(key) for key in keys if key[0] == target]
            return rows

        return reach


def _getter(store, field):
    """A function from a row to the value of a field, quick for the plain ones."""
    name = field.name
    if name == "id":
        return lambda row: row.id
    if field.type == "checkbox":
        return lambda row: bool(row.v.get(name))
    if field.type in ("entity", "multi_entity", "summary", "pivot_column"):
        return lambda row: store.value(row, field)
    return lambda row: row.v.get(name)


def described(path, relation, value):
    """A condition as the service quotes it back in its error texts."""
    values = value if isinstance(value, list) else [value]
    return ruby({"path": path, "relation": relation, "values": values})
