"""POST /api3/json: the older JSON-RPC API, which the official Python client speaks, on the same rows.

A call is {"method_name": M, "params": [credential, parameters]}; the answer is {"results": …}, or
with status 200, too, {"exception": true, "error_code": N, "message": …}.
"""

import json
import re

from api3_social import Social
from errors import ApiError, bad_request, no_row, ruby
from filters import HASH, TooDeep
from presets import narrowed
from query import Query
from render import dumps
from schemawrites import SchemaWriter

PATH = "/api3/json"
VERSION = [8, 26, 0]
LARGEST_PAGE, DEFAULT_PAGE = 5000, 500
KINDS = {"read": "search", "query_display_name_cache": "text_search", "preferences_read": "preferences"}
SAME_KIND = ("info", "create", "update", "delete", "revive", "batch", "summarize")
_SORTABLE = re.compile(r"[A-Za-z0-9_.]+\Z")


def method_of(body):
    """The method of a call, "" where the body is no call."""
    try:
        return str(json.loads(body)["method_name"])
    except (ValueError, TypeError, KeyError):
        return ""


def kind_of(method):
    """What the request log counts a call as: the same words as for the REST API."""
    if method.startswith("schema_"):
        return "schema"
    return method if method in SAME_KIND else KINDS.get(method, "other")


def faulty(verb, text):
    return bad_request(f"API {verb}() {text}")


class Api3:
    """Methods are those whose name begins with `call_`: (session, parameters) to results and a count of rows."""

    def __init__(self, api):
        self.api, self.store, self.schema = api, api.store, api.schema
        self.social = Social(api.store, self)
        self.fields = SchemaWriter(api.store, api.renderer)

    def answer(self, body):
        """(text of the reply, rows in it) of one call."""
        try:
            text, rows = self._called(body)
            return f'{{"results":{text}}}', rows
        except ApiError as error:
            message = error.detail or error.args[0]
            return dumps({"exception": True, "error_code": error.code, "message": message}), 0
        except (TooDeep, RecursionError):
            return dumps({"exception": True, "error_code": 103, "message": "Shotgun Server Error"}), 0

    def _called(self, body):
        try:
            call = json.loads(body)
            method, params = call["method_name"], call.get("params") or []
        except (ValueError, TypeError, KeyError, AttributeError):
            raise bad_request("Invalid JSON body") from None
        if method == "info":
            return dumps(self._info()), 0
        if not isinstance(params, list) or not params or not isinstance(params[0], dict):
            raise ApiError(400, 102, "Missing or invalid authentication arguments")
        session = self.api.auth.direct(params[0])
        arguments = params[1] if len(params) > 1 else {}
        work = getattr(self, f"call_{method}", None) or getattr(self.social, f"call_{method}", None)
        if work is None:
            raise faulty(method, "is not a method of this site.")
        if arguments and not isinstance(arguments, list if method == "batch" else dict):
            raise faulty(method, f"invalid parameters: {ruby(arguments)}")
        found, rows = work(session, arguments)
        return found if isinstance(found, str) else dumps(found), rows

    def _info(self):
        return {"version": VERSION, "full_version": "8.26.0.8069", "user_authentication_method": "default",
                "api_max_entities_per_page": DEFAULT_PAGE, "s3_uploads_enabled": False,
                "s3_direct_uploads_enabled": False, "s3_enabled_upload_types": {}}

    # -- what every method needs

    def type_of(self, arguments, verb, session):
        name = arguments.get("type")
        entity_type = self.schema.types.get(name) if isinstance(name, str) else None
        if entity_type is None:
            raise faulty(verb, f"invalid/missing string entity 'type': {ruby(name)} "
                               f"Valid entity types: {ruby(sorted(self.schema.types))}")
        if session.level == "artist" and entity_type.name == "ApiUser":
            raise ApiError(400, 104, "Entity of type ApiUser can not be accessed by this user. Rule: Artist")
        return entity_type

    def id_of(self, arguments, verb):
        row_id = arguments.get("id")
        if isinstance(row_id, bool) or not isinstance(row_id, int):
            raise faulty(verb, f"invalid/missing integer 'id': {ruby(arguments)}")
        return row_id

    def text_of(self, row, names):
        """One row as JSON text, with some of its fields."""
        return self.api.renderer.flat_projection(self.schema.types[row.type], names).render(row)

    def _query(self, entity_type, arguments, session, verb):
        filters = arguments.get("filters")
        if not isinstance(filters, dict):
            raise faulty(verb, f"invalid/missing hash 'filters': {ruby(filters)}")
        return Query(entity_type, as_group(filters, verb), HASH, sort=sort_of(arguments.get("sorts")),
                     retired=arguments.get("return_only") == "retired",
                     with_archived=arguments.get("include_archived_projects") is not False,
                     allowed=session.allowed, verb=verb)

    # -- reading

    def call_read(self, session, arguments):
        entity_type = self.type_of(arguments, "read", session)
        size, number = page_of(arguments.get("paging") or {})
        query = self._query(entity_type, arguments, session, "read")
        start = (number - 1) * size
        presets = arguments.get("additional_filter_presets")
        rows, total = self._rows(query, presets, start, size, bool(arguments.get("return_paging_info")))
        projection = self.api.renderer.flat_projection(entity_type, arguments.get("return_fields") or ["id"])
        text = ",".join([projection.render(row) for row in rows[:size]])
        paging = ""
        if arguments.get("return_paging_info_without_counts"):
            paging = {"current_page": number, "entities_per_page": size, "has_next_page": len(rows) > size}
        elif arguments.get("return_paging_info"):
            paging = {"current_page": number, "entities_per_page": size, "entity_count": total,
                      "page_count": -(-total // size)}
        paging = f',"paging_info":{dumps(paging)}' if paging else ""
        return f'{{"entities":[{text}]{paging}}}', min(len(rows), size)

    def _rows(self, query, presets, start, size, counted):
        """(the rows of a page and the one after it, how many there are in all if that was asked)."""
        engine = self.api.engine
        if presets is None:
            rows = engine.count_and_page(query, start, size + 1)
            return rows, len(engine.all(query)) if counted else 0
        known = set(narrowed(self.store, query.type.name, engine.all(query), presets))
        rows = [row for row in engine.count_and_page(query, 0, len(self.store.tables[query.type.name].rows) + 1)
                if row.id in known]
        return rows[start:start + size + 1], len(rows)

    def call_summarize(self, session, arguments):
        entity_type = self.type_of(arguments, "summarize", session)
        body = {"summary_fields": arguments.get("summaries"), "grouping": arguments.get("grouping")}
        query = self._query(entity_type, arguments, session, "summarize")
        return self.api.summarizer.summarize(entity_type, query, body), 0

    def call_query_display_name_cache(self, session, arguments):
        text, projects = arguments.get("text"), set(arguments.get("project_ids") or ())
        if not isinstance(text, str) or not text.strip():
            raise faulty("query_display_name_cache", "invalid/missing string 'text'")
        groups = {name: as_group(filters or None, "read")
                  for name, filters in (arguments.get("entity_types") or {}).items()}
        found = self.api.summarizer.matches(text, groups, HASH, session.allowed)
        found = [each for each in found if not projects or self.store.project_of(each[0]) in projects]
        found = found[:arguments.get("max_results") or 10]
        return {"matches": [self._match(*each) for each in found], "terms": text.lower().split()}, len(found)

    def _match(self, row, linked):
        image = json.loads(self.text_of(row, ["image"])).get("image")
        return {"id": row.id, "type": row.type, "name": self.store.display_name(row), "image": image,
                "project_id": self.store.project_of(row), "links": linked, "status": row.v.get("sg_status_list")}

    def call_preferences_read(self, session, arguments):
        wanted, known = arguments.get("prefs"), self.api.preferences
        return {name: value for name, value in known.items() if not wanted or name in wanted}, 0

    def call_get_session_token(self, session, arguments):
        return {"session_id": self.api.auth.new_session(session)}, 0

    # -- writing

    def call_create(self, session, arguments):
        return self.api.writer.atomically(self._create, session, arguments), 1

    def _create(self, session, arguments):
        entity_type = self.type_of(arguments, "create", session)
        row, sent = self.api.writer.create(session, entity_type, body_of(arguments, "create"))
        return self.text_of(row, [*sent, *(arguments.get("return_fields") or ())])

    def call_update(self, session, arguments):
        return self.api.writer.atomically(self._update, session, arguments), 1

    def _update(self, session, arguments):
        entity_type, body = self.type_of(arguments, "update", session), body_of(arguments, "update")
        row = self.api.writer.update(session, entity_type, self.id_of(arguments, "update"), body)
        return self.text_of(row, list(body))

    def call_delete(self, session, arguments):
        return self.api.writer.atomically(self._delete, session, arguments), 1

    def _delete(self, session, arguments):
        """Whether the row was there to be deleted; an id that never was is an error."""
        entity_type, row_id = self.type_of(arguments, "delete", session), self.id_of(arguments, "delete")
        row = self.store.any_row((entity_type.name, row_id))
        if row is None or not self.api.writer.sees(session, row):
            raise no_row(entity_type.name, row_id)
        if not row.retired:
            self.api.writer.retire(session, entity_type, row_id)
            return "true"
        return "false"

    def call_revive(self, session, arguments):
        entity_type, row_id = self.type_of(arguments, "revive", session), self.id_of(arguments, "revive")
        return self.api.writer.atomically(self.api.writer.revive, session, entity_type, row_id), 1

    def call_batch(self, session, requests):
        if not isinstance(requests, list):
            requests = [requests] if requests else []
        parts = self.api.writer.atomically(self._batch, session, requests)
        return f'[{",".join(parts)}]', len(parts)

    def _batch(self, session, requests):
        works = {"create": self._create, "update": self._update, "delete": self._delete}
        for request in requests:
            if not isinstance(request, dict) or request.get("request_type") not in works:
                raise faulty("batch", f"invalid/missing 'request_type': {ruby(request)}")
        return [works[request["request_type"]](session, request) for request in requests]

    # -- the schema

    def call_schema_read(self, session, arguments):
        return {name: self.fields.described(each, arguments) for name, each in self.schema.types.items()}, 0

    def call_schema_entity_read(self, session, arguments):
        return {name: {"name": {"value": name, "editable": False}, "visible": {"value": True, "editable": False}}
                for name in self.schema.types}, 0

    def call_schema_field_read(self, session, arguments):
        described = self.fields.described(self.type_of(arguments, "schema_field_read", session), arguments)
        name = arguments.get("field_name")
        if name is None:
            return described, 0
        if name not in described:
            raise faulty("schema_field_read", f"{arguments['type']}.{name} doesn't exist.")
        return {name: described[name]}, 0

    def _schema_call(self, work, verb, session, arguments):
        return dumps(work(self.type_of(arguments, verb, session), arguments)), 0

    def call_schema_field_create(self, session, arguments):
        return self._schema_call(self.fields.create, "schema_field_create", session, arguments)

    def call_schema_field_update(self, session, arguments):
        return self._schema_call(self.fields.update, "schema_field_update", session, arguments)

    def call_schema_field_delete(self, session, arguments):
        return self._schema_call(self.fields.delete, "schema_field_delete", session, arguments)


# -- from the older API's spellings to those of the REST API

def as_group(filters, verb):
    """{"path", "relation", "values"} as triples, inside groups that are spelled alike."""
    if filters is None:
        return None
    if not isinstance(filters, dict) or not isinstance(filters.get("conditions"), list):
        raise faulty(verb, f"invalid/missing hash 'filters': {ruby(filters)}")
    return {**filters, "conditions": [_condition(each, verb) for each in filters["conditions"]]}


def _condition(condition, verb):
    if isinstance(condition, dict) and "conditions" in condition:
        return as_group(condition, verb)
    if not isinstance(condition, dict) or not isinstance(condition.get("values"), list):
        raise faulty(verb, f"invalid condition: {ruby(condition)}")
    return [condition.get("path"), condition.get("relation"), condition["values"]]


def sort_of(sorts):
    """[{"field_name", "direction"}] as "code,-id", without what no field can be called."""
    words = [("-" if key.get("direction") == "desc" else "") + key["field_name"] for key in sorts or ()
             if isinstance(key, dict) and _SORTABLE.match(str(key.get("field_name")))]
    return ",".join(words) or None


def page_of(paging):
    """(size, number) of {"entities_per_page", "current_page"}."""
    size, number = paging.get("entities_per_page", DEFAULT_PAGE), paging.get("current_page", 1)
    if type(size) is not int or type(number) is not int or not 1 <= size <= LARGEST_PAGE or number < 1:
        raise faulty("read", f"invalid 'paging': {ruby(paging)}")
    return size, number


def body_of(arguments, verb):
    """[{"field_name", "value"[, "multi_entity_update_mode"]}] as a flat body."""
    body = {}
    for field in arguments.get("fields") or ():
        if not isinstance(field, dict) or not isinstance(field.get("field_name"), str) or "value" not in field:
            raise faulty(verb, f"invalid/missing 'fields': {ruby(field)}")
        mode = field.get("multi_entity_update_mode") or arguments.get("multi_entity_update_mode")
        value = field["value"]
        body[field["field_name"]] = {"multi_entity_update_mode": mode, "value": value} if mode else value
    return body
