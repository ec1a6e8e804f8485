"""Checking and converting the values of each data type, as filters and writes need them."""

import datetime
import re

from errors import HASH_CLASSES, ApiError, bad_request, ruby, wrong_class

INT32 = 2 ** 31
WHOLE = ("number", "percent", "duration", "timecode", "footage")
TRUNCATED = ("duration", "footage")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_DATE_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}(?::\d{2})?)(?:[.,]\d+)?"
                        r"(Z|[+-]\d{2}:?\d{2})?)?\Z")
_UUID = re.compile(r"\{?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})\}?\Z", re.I)
_CLASSES = {
    "number": "String, Integer, NilClass", "timecode": "String, Integer, NilClass",
    "percent": "Integer, NilClass", "duration": "String, Integer, NilClass, Float",
    "footage": "String, Integer, NilClass, Float",
    "float": "String, BigDecimal, Float, NilClass",
    "currency": "String, BigDecimal, Integer, Float, NilClass",
    "checkbox": "String, FalseClass, TrueClass", "uuid": "String",
    "entity": HASH_CLASSES + ", NilClass", "multi_entity": "Array, Hash",
    "tag_list": "Array, NilClass", "serializable": HASH_CLASSES + ", Array, NilClass", "jsonb": HASH_CLASSES + ", Array, NilClass",
    "url": HASH_CLASSES + ", NilClass", "image": HASH_CLASSES + ", NilClass",
}


def classes(data_type):
    return _CLASSES.get(data_type, "String, NilClass")


def is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)


def invalid(data_type, value, path):
    text = f"Invalid data for '{data_type}' data type"
    return bad_request(f"{text}. Value: {value}", {path.rsplit(".", 1)[-1]: f"{text}. Value: {value}"})


def whole(data_type, value, verb, path):
    """number, percent, duration, timecode, footage: an int, or None."""
    if value is None:
        return None
    if is_int(value):
        return value
    if isinstance(value, str) and data_type != "percent":
        text = value.strip()
        if re.fullmatch(r"[+-]?\d+", text):
            return int(text)
        if data_type in TRUNCATED and re.fullmatch(r"[+-]?\d+\.\d*", text):
            return int(float(text))
        raise invalid(data_type, value, path)
    if isinstance(value, float) and data_type in TRUNCATED:
        return int(value)
    raise wrong_class(verb, path, classes(data_type), value)


def decimal(data_type, value, verb, path):
    """float and currency: a float of six decimals, or None."""
    if value is None:
        return None
    if isinstance(value, float) or (is_int(value) and data_type == "currency"):
        return round(float(value), 6)
    if isinstance(value, str):
        try:
            return round(float(value.strip()), 6)
        except ValueError:
            raise invalid(data_type, value, path) from None
    raise wrong_class(verb, path, classes(data_type), value)


def checkbox(value, verb, path):
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if value in ("true", "false"):
            return value == "true"
        raise invalid("checkbox", value, path)
    raise wrong_class(verb, path, classes("checkbox"), value)


def text(data_type, value, verb, path):
    if value is not None and not isinstance(value, str):
        raise wrong_class(verb, path, classes(data_type), value)
    return value


def date(value, verb, path):
    if text("date", value, verb, path) in (None, ""):
        return None
    try:
        if _DATE.match(value):
            datetime.date.fromisoformat(value)
            return value
    except ValueError:
        pass
    raise bad_request(f"Invalid date format: {value}. Correct format is: 2011-01-21")


def date_time(value, verb, path):
    if text("date_time", value, verb, path) is None:
        return None
    match = _DATE_TIME.match(value)
    try:
        if match:
            return _utc(*match.groups())
    except ValueError:
        pass
    raise bad_request(f"Invalid date time format: {value}. Correct format is 2011-01-21T13:26:09Z (UTC), "
                      "2011-01-21T13:26:09-07:00 (UTC Offset) or any ISO8601 compatible string.")


def _utc(day, clock, zone):
    clock = clock or "00:00:00"
    moment = datetime.datetime.fromisoformat(f"{day}T{clock if len(clock) == 8 else clock + ':00'}")
    if zone and zone != "Z":
        hours, minutes = int(zone[1:3]), int(zone[-2:])
        shift = datetime.timedelta(hours=hours, minutes=minutes)
        moment = moment - shift if zone[0] == "+" else moment + shift
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def uuid(value, verb, path):
    """The canonical spelling; "" (unset) stays ""."""
    if not isinstance(value, str):
        raise wrong_class(verb, path, classes("uuid"), value)
    match = _UUID.match(value)
    if match:
        return "-".join(match.groups()).lower()
    if value == "":
        return ""
    raise ApiError(400, 104, "Please check your filters for possible invalid value, invalid input syntax for "
                             f"type uuid: {ruby(value)}. -- Read failed for entity type [{path.split('.')[0]}]")


def entity_key(schema, value, verb):
    """The key of an entity hash {type, id}."""
    kind, row_id = value.get("type"), value.get("id")
    if not isinstance(kind, str) or kind not in schema.types:
        known = ruby(sorted(schema.types))
        raise bad_request(f"API {verb}() invalid/missing entity hash string 'type': {ruby(value)} "
                          f"Valid entity types: {known}")
    if not is_int(row_id):
        raise bad_request(f"API {verb}() invalid/missing entity hash integer 'id': {ruby(value)}")
    return (kind, row_id)


def scalar(data_type, value, verb, path):
    """Any scalar a filter or a write gives, in its stored form."""
    if data_type in WHOLE:
        return whole(data_type, value, verb, path)
    if data_type in ("float", "currency"):
        return decimal(data_type, value, verb, path)
    if data_type == "checkbox":
        return checkbox(value, verb, path)
    if data_type == "date":
        return date(value, verb, path)
    if data_type == "date_time":
        return date_time(value, verb, path)
    if data_type == "uuid":
        return uuid(value, verb, path)
    return text(data_type, value, verb, path)
