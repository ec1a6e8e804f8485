"""The operators of each data type: what they accept, and what they say of one value."""

import calendar
import datetime
import re

import values
from errors import ApiError, bad_request, ruby, wrong_class

TEXT = ("contains", "not_contains", "is", "is_not", "starts_with", "ends_with", "in", "not_in")
NUMBER = ("is", "is_not", "greater_than", "less_than", "between", "in", "not_in")
DATE = ("is", "is_not", "greater_than", "less_than", "in_last", "not_in_last", "in_next", "not_in_next",
        "in_calendar_week", "in_calendar_month", "in_calendar_day", "in_calendar_year", "between", "in",
        "not_in")
CHOICE = ("is", "is_not", "in", "not_in")
LINK = ("is", "is_not", "name_contains", "name_not_contains", "name_is", "type_is", "type_is_not", "in",
        "not_in")
RELATIONS = {
    "text": TEXT, "footage": NUMBER, "number": NUMBER, "float": NUMBER, "duration": NUMBER, "percent": NUMBER,
    "timecode": NUMBER, "currency": NUMBER, "date": DATE, "date_time": DATE, "checkbox": ("is", "is_not"),
    "list": CHOICE, "status_list": CHOICE, "entity_type": CHOICE, "color": CHOICE, "uuid": CHOICE,
    "entity": LINK, "multi_entity": LINK, "image": ("is", "is_not"),
    "jsonb": ("is", "is_not", "contains", "not_contains"),
    "tag_list": ("is", "is_not", "name_contains", "name_not_contains"),
}
POSITIVE = {"is_not": "is", "not_in": "in", "not_contains": "contains", "not_in_last": "in_last",
            "not_in_next": "in_next", "name_not_contains": "name_contains", "type_is_not": "type_is"}
UNITS = ("HOUR", "DAY", "WEEK", "MONTH", "YEAR")


class Operator:
    """`matches(value)`; `negates(value)` is the positive counterpart of a negative operator."""

    def __init__(self, matches, negates=None, relative=False):
        self.matches, self.negates, self.relative = matches, negates, relative


class Ask:
    """One condition while it is being compiled: what every check and error text needs."""

    def __init__(self, compiler, field, name, relation, value):
        self.store, self.schema, self.verb = compiler.store, compiler.schema, compiler.verb
        self.field, self.type, self.name, self.relation, self.value = field, field.type, name, relation, value
        self.sent = relation

    def convert(self, value):
        return values.scalar(self.type, value, self.verb, self.name)

    def one(self):
        """The single operand of a scalar operator; a list of one is unwrapped."""
        if isinstance(self.value, list):
            if len(self.value) != 1:
                raise self.expects("a 1-element array")
            return self.value[0]
        return self.value

    def many(self):
        """The operands of in and not_in; a bare value is a list of one."""
        if not isinstance(self.value, list):
            return [self.value]
        if not self.value:
            raise self.expects("at least a 1-element array")
        return self.value

    def expects(self, what):
        shown = self.value if isinstance(self.value, list) else [self.value]
        return bad_request(f"API {self.verb}() '{self.sent}' 'relation' expects {what}: {ruby(shown)}")

    def failed(self):
        return ApiError(400, 104, f"Read failed for entity type [{self.name.split('.')[0]}]")


def compile_operator(compiler, field, owner, name, path, relation, value):
    """The operator of one condition, or the 400 that says what is wrong with it."""
    from filters import described
    allowed = RELATIONS.get(field.type)
    shown = described(path, relation, value)
    if allowed is None:
        text = " data type cannot be used in a filter."
        raise bad_request(f"API {compiler.verb}() {name}'s '{field.type}'{text}", {name: f"{text} Value: {shown}"})
    if relation not in allowed:
        text = f" data type doesn't support '{relation}' 'relation'"
        raise bad_request(f"API {compiler.verb}() {name}'s '{field.type}'{text}",
                          {name: f"{text}. Value: {shown} Valid relations: {ruby(list(allowed))}"})
    ask = Ask(compiler, field, name, relation, value)
    positive = POSITIVE.get(relation)
    if field.type == "image" or (positive and relation == "is_not" and _is_null(ask)):
        return _null_test(ask)
    ask.relation = positive or relation
    matches = _positive(ask, owner)
    relative = ask.relation.startswith("in_")
    if positive is None:
        return Operator(matches, None, relative)
    return Operator(lambda found: not matches(found), matches, relative)


def _is_null(ask):
    if isinstance(ask.value, list) and len(ask.value) != 1:
        return False
    value = ask.one()
    if ask.type in ("checkbox", "jsonb"):
        return False
    if value is None:
        return ask.type != "uuid"
    return value == "" and ask.type not in ("entity", "multi_entity", "date_time", "float", "currency",
                                            "number", "duration", "percent", "timecode")


def _null_test(ask):
    """is_not null, and the only two questions one may ask of an image."""
    value = ask.one()
    if ask.type == "image" and value is not None:
        raise bad_request(f"API {ask.verb}() '{ask.relation}' 'relation' expects a nil value for 'image' "
                          f"data type: {ruby([value])}")
    if ask.relation == "is_not":
        return Operator(lambda found: found not in (None, []))
    return Operator(lambda found: found in (None, []))


def _positive(ask, owner):
    if ask.type in ("entity", "multi_entity"):
        return _link(ask)
    if ask.type == "jsonb":
        return _json(ask)
    if ask.type == "tag_list":
        return _tags(ask)
    if ask.relation in ("in_last", "in_next"):
        return _window(ask)
    if ask.relation.startswith("in_calendar_"):
        return _calendar(ask)
    if ask.relation in ("contains", "starts_with", "ends_with"):
        return _substring(ask)
    if ask.relation == "between":
        return _between(ask)
    if ask.relation in ("greater_than", "less_than"):
        return _compare(ask)
    if ask.relation == "in":
        return _among(ask, owner)
    return _equal(ask, owner)


# -- text, numbers, dates

def _folds(ask):
    return ask.type in ("text", "list", "status_list", "entity_type")


def _checked(ask, owner, value):
    """One operand of is or in, converted, and lower case where case does not count."""
    wanted = ask.convert(value)
    if ask.type == "color" and wanted is not None and owner.name != "Task":
        _check_color(ask, wanted)
    if _folds(ask) and wanted is not None:
        return wanted.lower()
    return wanted


def _check_color(ask, value):
    if not re.fullmatch(r"\d+,\d+,\d+", value):
        raise bad_request(f"API {ask.verb}() invalid format for color value: {ruby(value)} "
                          "Correct format is '127,127,127' with values from 0 to 255 inclusive.")
    if any(int(part) > 255 for part in value.split(",")):
        raise bad_request(f"API {ask.verb}() invalid range in color value: {ruby(value)}")


def _equal(ask, owner):
    wanted = _checked(ask, owner, ask.one())
    if wanted is None or wanted == "":
        return lambda found: found is None
    if _folds(ask):
        return lambda found: found is not None and found.lower() == wanted
    return lambda found: found == wanted


def _among(ask, owner):
    members = ask.many()
    if ask.type == "uuid" and "" in members:
        raise ApiError(400, 104, "Please check your filters for possible invalid value, "
                                 'invalid input syntax for type uuid: ""')
    if None in members and ask.type not in ("uuid", "checkbox"):
        raise ask.failed()
    wanted = {_checked(ask, owner, member) for member in members} - {None, ""}
    if _folds(ask):
        return lambda found: found is not None and found.lower() in wanted
    return lambda found: found in wanted


def _substring(ask):
    wanted = ask.convert(ask.one())
    if wanted is None:
        raise wrong_class(ask.verb, ask.name, "String", None)
    wanted, relation = wanted.lower(), ask.relation
    if relation == "contains":
        return lambda found: found is not None and wanted in found.lower()
    if relation == "starts_with":
        return lambda found: found is not None and found.lower().startswith(wanted)
    return lambda found: found is not None and found.lower().endswith(wanted)


def _compare(ask):
    wanted = ask.convert(ask.one())
    if wanted is None:
        return lambda found: False
    if ask.relation == "greater_than":
        return lambda found: found is not None and found > wanted
    return lambda found: found is not None and found < wanted


def _between(ask):
    if not isinstance(ask.value, list) or len(ask.value) != 2:
        raise ask.expects("a 2-element array")
    ends = [ask.convert(end) for end in ask.value]
    if None in ends:
        return lambda found: False
    low, high = sorted(ends)
    return lambda found: found is not None and low <= found <= high


# -- dates relative to the site's clock

def shifted(moment, count, unit):
    """The moment `count` units later; months and years keep the day where they can."""
    if unit in ("HOUR", "DAY", "WEEK"):
        return moment + count * datetime.timedelta(**{unit.lower() + "s": 1})
    months = moment.year * 12 + moment.month - 1 + count * (12 if unit == "YEAR" else 1)
    year, month = divmod(months, 12)
    if not 1 <= year <= 9998:
        return datetime.datetime.min if count < 0 else datetime.datetime.max
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def _text_of(moment, data_type):
    return moment.strftime("%Y-%m-%d" if data_type == "date" else "%Y-%m-%dT%H:%M:%SZ").zfill(
        10 if data_type == "date" else 20)


def _window(ask):
    if not isinstance(ask.value, list) or len(ask.value) != 2:
        raise ask.expects("a 2-element array")
    count, unit = ask.value
    if unit not in UNITS:
        raise bad_request(f"API {ask.verb}() '{ask.sent}' 'relation' doesn't support the '{unit}' time unit: "
                          f"{ruby(ask.value)}  Valid time units: {ruby(list(UNITS))}")
    if not values.is_int(count) or count <= 0:
        raise ask.expects("at a positive Integer time unit")
    now = ask.store.clock.datetime()
    other = shifted(now, -count if ask.relation == "in_last" else count, unit)
    low, high = sorted((_text_of(now, ask.type), _text_of(other, ask.type)))
    return lambda found: found is not None and low <= found <= high


def _calendar(ask):
    offset = ask.one()
    if not values.is_int(offset):
        raise wrong_class(ask.verb, ask.name, "Integer", offset)
    unit = ask.relation.rsplit("_", 1)[1].upper()
    start = ask.store.clock.datetime().replace(hour=0, minute=0, second=0)
    if unit == "WEEK":
        start -= datetime.timedelta(days=start.weekday())
    elif unit in ("MONTH", "YEAR"):
        start = start.replace(day=1, month=1 if unit == "YEAR" else start.month)
    low, high = (_text_of(shifted(start, offset + step, unit), ask.type) for step in (0, 1))
    return lambda found: found is not None and low <= found < high


# -- links

def _link(ask):
    """`found` is a key or None, or a list of keys."""
    relation = ask.relation
    if relation.startswith("name_"):
        return _by_name(ask)
    if relation == "type_is":
        return _by_type(ask)
    operands = ask.many() if relation == "in" else [ask.one()]
    wanted = {None if operand is None else _key(ask, operand) for operand in operands}
    if ask.type == "entity":
        return lambda found: found in wanted

    def matches(found):
        return any(key in wanted for key in found) if found else None in wanted

    return matches


def _key(ask, operand):
    if isinstance(operand, dict):
        return values.entity_key(ask.schema, operand, ask.verb)
    if ask.type == "multi_entity":
        raise bad_request(f"API {ask.verb}() invalid/missing entity hash: {ruby(operand)}")
    raise wrong_class(ask.verb, ask.name, values.classes("entity"), operand)


def _by_name(ask):
    wanted = ask.one()
    if not isinstance(wanted, str):
        raise wrong_class(ask.verb, ask.name, "String", wanted)
    wanted, store = wanted.lower(), ask.store

    def fits(key):
        name = store.display_name(store.row(key)).lower()
        return name == wanted if ask_is else wanted in name

    ask_is = ask.relation == "name_is"
    return lambda found: any(fits(key) for key in _keys(found))


def _by_type(ask):
    wanted = ask.one()
    if wanted is None:
        return lambda found: not found
    if not isinstance(wanted, str):
        raise wrong_class(ask.verb, ask.name, "String, NilClass", wanted)
    return lambda found: any(key[0] == wanted for key in _keys(found))


def _keys(found):
    if isinstance(found, list):
        return found
    return [found] if found else []


# -- tag_list

def _tags(ask):
    """`found` is a list of texts or None; `is x`: x is one of them."""
    wanted = ask.one()
    if wanted is None and ask.relation == "is":
        return lambda found: not found
    if not isinstance(wanted, str):
        raise wrong_class(ask.verb, ask.name, "String", wanted)
    wanted = wanted.lower()
    if ask.relation == "is":
        return lambda found: any(tag.lower() == wanted for tag in found or ())
    return lambda found: any(wanted in tag.lower() for tag in found or ())


# -- jsonb

def _json(ask):
    value = ask.value
    if isinstance(value, list):
        if len(value) != 1:
            raise ask.expects("a 1-element array")
        value = value[0]
    if value is not None and not isinstance(value, (dict, list)):
        raise wrong_class(ask.verb, ask.name, values.classes("jsonb"), value)
    if ask.relation == "contains":
        if value is None:
            raise ask.expects("a non-null value")
        return lambda found: isinstance(found, dict) and isinstance(value, dict) and _holds(found, value)
    if value in (None, []):
        return lambda found: found is None
    return lambda found: found == value


def _holds(found, part):
    if isinstance(part, dict):
        return isinstance(found, dict) and all(key in found and _holds(found[key], part[key]) for key in part)
    if isinstance(part, list):
        return isinstance(found, list) and all(any(_holds(item, wanted) for item in found) for wanted in part)
    return found == part
