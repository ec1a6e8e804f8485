"""Errors as the service words them, and Ruby's way of printing values, which its texts contain."""

import json


class ApiError(Exception):
    """Becomes {"errors": [{"id", "status", "code", "title", "source", "detail", "meta"}]}."""

    def __init__(self, status, code, title, source=None, detail=None):
        super().__init__(title)
        self.status, self.code, self.title, self.source, self.detail = status, code, title, source, detail


HASH_CLASSES = ("Hash, ActiveSupport::HashWithIndifferentAccess, ActionDispatch::Http::Parameters, "
                "ActionDispatch::Http::ParamsHashWithIndifferentAccess")


def ruby_class(value):
    if value is None:
        return "NilClass"
    if isinstance(value, bool):
        return "TrueClass" if value else "FalseClass"
    return {int: "Integer", float: "Float", str: "String", list: "Array", dict: "Hash"}[type(value)]


def ruby(value):
    """The value as Ruby's inspect prints it."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(ruby(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{ruby(key)} => {ruby(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def bad_request(title, source=None, code=103):
    return ApiError(400, code, title, {} if source is None and code == 103 else source)


def invalid_parameters(source):
    return ApiError(400, 103, "Request Parameters invalid.", source)


def no_type(name):
    return ApiError(404, 103, "Not Found", None, f"Entity type '{name}' does not exist.")


def no_row(type_name, row_id):
    return ApiError(404, 104, "Not Found", None, f"Entity of type [{type_name}] with id={row_id} does not exist.")


def not_found(type_name, row_id, code=104):
    return ApiError(404, code, "Not Found", None, f"{type_name}: {row_id} not found")


def no_route():
    return ApiError(404, 103, "Not Found")


def wrong_class(verb, path, expected, value):
    return bad_request(f"API {verb}() {path} expected [{expected}] data type(s) "
                       f"but got {ruby_class(value)}: {ruby(value)}")


def wrong_type(content_type, allowed):
    names = ", ".join(f"'{name}'" for name in allowed)
    return ApiError(415, 103, f"Unsupported Content-Type '{content_type}'",
                    {"content_type": f"Content-Type must be one of: {names}."})
