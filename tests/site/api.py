"""The REST routes: from a request to a reply. HTTP itself is server.py's."""

import functools
import json
import re
from urllib.parse import parse_qsl, unquote, urlencode

import api3
import uploads
from errors import (ApiError, bad_request, invalid_parameters, no_route, no_type, not_found, wrong_type)
from filters import ARRAY, HASH, Compiler, TooDeep
from query import Engine, Query
from render import Renderer, dumps, image_value
from summarize import Summarizer
from writes import Writer

VENDOR = {"application/vnd+shotgun.api3_array+json": ARRAY, "application/vnd+shotgun.api3_hash+json": HASH}
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
DEFAULT_PAGE, LARGEST_PAGE = 500, 5000
TRUE = ("1", "true", "yes")
_PREFIX = re.compile(r"/api/v1(?:\.1)?(?=/|\Z)")


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        path, _, text = target.partition("?")
        self.path = unquote(path)
        self.query = dict(parse_qsl(text, keep_blank_values=True)) if text else {}

    @property
    def content_type(self):
        return self.headers.get("content-type", "").split(";")[0].strip()

    def json(self, *allowed):
        """The JSON body, which must come under one of the allowed content types."""
        if self.content_type not in allowed:
            raise wrong_type(self.content_type, allowed)
        try:
            return json.loads(self.body or b"{}")
        except (ValueError, UnicodeDecodeError):
            raise bad_request("Invalid JSON body") from None


    @functools.cached_property
    def rpc(self):
        """The method of a call of the older API."""
        return api3.method_of(self.body)

    @property
    def label(self):
        """What faults are matched with: the target, and the method of the older API behind it."""
        return f"{self.target} {self.rpc}" if self.path == api3.PATH else self.target

    @property
    def n_parts(self):
        """How many requests a batch holds; 0 for what is none."""
        try:
            return len(json.loads(self.body)["requests"]) if self.path.endswith("/entity/_batch") else 0
        except (ValueError, TypeError, KeyError):
            return 0

    @property
    def kind(self):
        """What the request log counts the request as."""
        return api3.kind_of(self.rpc) if self.path == api3.PATH else kind_of(self.method, self.path)


class Reply:
    """What goes back: a status, a body text, and what the request log says about it."""

    def __init__(self, status, text="", rows=0, headers=None):
        self.status, self.text, self.rows, self.headers = status, text, rows, headers or {}


def reply(status, body, rows=0):
    return Reply(status, dumps(body), rows)


def kind_of(method, path):
    """What the request log counts a request of the REST API as."""
    path = _PREFIX.sub("", path)
    if path.startswith(uploads.PREFIX) or "/_upload" in path:
        return "upload"
    if path.startswith("/auth/"):
        return "auth"
    if path.startswith("/schema"):
        return "schema"
    for name in ("search", "summarize", "text_search", "batch"):
        if path.endswith("/_" + name):
            return name
    parts = path.strip("/").split("/")
    if parts[0] != "entity":
        return {"": "info", "preferences": "preferences"}.get(parts[0], "other")
    if len(parts) == 2:
        return {"GET": "search", "POST": "create"}.get(method, "other")
    if len(parts) == 3:
        return {"GET": "read", "PUT": "update", "DELETE": "delete", "POST": "revive"}.get(method, "other")
    return "relationships" if parts[3] == "relationships" else "other"


class Api:
    def __init__(self, store, auth, events, preferences, site_name):
        self.store, self.auth, self.schema = store, auth, store.schema
        self.preferences, self.site_name = preferences, site_name
        self.engine = Engine(store)
        self.renderer = Renderer(store)
        self.writer = Writer(store, events)
        self.summarizer = Summarizer(store, self.engine)
        self.uploads = uploads.Uploads(store, self.writer, JSON)
        self.older = api3.Api3(self)

    def handle(self, request):
        if request.path == api3.PATH and request.method == "POST":
            text, rows = self.older.answer(request.body)
            return Reply(200, text, rows)
        if request.path.startswith(uploads.PREFIX) and request.method == "PUT":
            status, headers, text = self.uploads.put(request)
            return Reply(status, text, 0, headers)
        match = _PREFIX.match(request.path)
        if match is None:
            raise no_route()
        prefix, path = match.group(0), request.path[match.end():]
        parts = [part for part in path.split("/") if part]
        if not parts:
            return self._root(request, prefix)
        if parts == ["auth", "access_token"] and request.method == "POST":
            return self._grant(request)
        if request.headers.get("accept", "").startswith("application/vnd"):
            return Reply(406)
        session = self.auth.session(request.headers.get("authorization"))
        try:
            return self._authorized(request, session, prefix, parts)
        except (TooDeep, RecursionError):
            raise ApiError(500, 103, "Shotgun Server Error") from None

    def _authorized(self, request, session, prefix, parts):
        if parts == ["preferences"] and request.method == "GET":
            return reply(200, {"data": self.preferences, "links": {"self": request.target}})
        if parts[0] == "schema" and request.method == "GET":
            return self._schema(request, parts[1:])
        if parts[0] != "entity" or len(parts) < 2:
            raise no_route()
        if request.method == "POST" and parts[1:] == ["_batch"]:
            return self._batch(request, session, prefix)
        if request.method == "POST" and parts[1:] == ["_text_search"]:
            return self._text_search(request, session)
        entity_type = self.schema.resolve(parts[1])
        if entity_type is None:
            raise no_type(parts[1])
        if session.level == "artist" and entity_type.name == "ApiUser":
            raise ApiError(400, 104, "Entity of type ApiUser can not be accessed by this user. Rule: Artist")
        return self._entity(request, session, prefix, entity_type, parts[2:])

    def _entity(self, request, session, prefix, entity_type, rest):
        method = request.method
        if not rest:
            if method == "GET":
                return self._list(request, session, prefix, entity_type)
            if method == "POST":
                return self._create(request, session, prefix, entity_type)
        elif rest in (["_search"], ["_summarize"]) and method == "POST":
            work = self._search if rest == ["_search"] else self._summarize
            return work(request, session, prefix, entity_type)
        elif rest[0].isdigit():
            return self._row(request, session, prefix, entity_type, int(rest[0]), rest[1:])
        raise no_route()

    def _row(self, request, session, prefix, entity_type, row_id, rest):
        if "_upload" in rest[:2]:
            row = self._found(request, session, entity_type, row_id)
            answer = uploads.route(self.uploads, request, session, entity_type, row, rest)
            if answer is None:
                raise no_route()
            return Reply(*answer)
        if rest and request.method == "GET":
            if len(rest) == 2 and rest[0] == "relationships":
                return self._relationships(request, session, prefix, entity_type, row_id, rest[1])
            if len(rest) == 1:
                return self._file(request, session, entity_type, row_id, rest[0])
        work = {"GET": self._read, "PUT": self._update, "DELETE": self._delete, "POST": self._revive}
        if rest or request.method not in work:
            raise no_route()
        return work[request.method](request, session, prefix, entity_type, row_id)

    # -- site

    def _root(self, request, prefix):
        if request.method != "GET":
            raise no_route()
        return reply(200, {"data": {
            "shotgun_version": "v8.26.0.8069 (build b48e91a)", "api_version": prefix.rsplit("/", 1)[1],
            "shotgun_version_number": "8.26.0.8069", "shotgun_build_number": "b48e91a",
            "portfolio_version": "8.26.0.8069", "unified_login_flow_enabled": True,
            "user_authentication_method": "default", "site_id": "1", "site_name": self.site_name}})

    def _grant(self, request):
        form = dict(request.query)
        if request.body:
            if request.content_type not in (FORM, ""):
                raise wrong_type(request.content_type, (FORM,))
            form.update(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        return reply(200, self.auth.grant(form))

    def _schema(self, request, parts):
        links = {"self": request.target}
        hidden = self.schema.hidden.get(request.query.get("project_id"), ())

        def heading(entity_type):
            return {"name": {"value": entity_type.name, "editable": False},
                    "visible": {"value": entity_type.name not in hidden, "editable": False}}

        def described(field):
            shown = field.described(entity_type.name)
            if f"{entity_type.name}.{field.name}" in hidden:
                shown = {**shown, "visible": {"value": False, "editable": True}}
            return shown

        if not parts:
            return reply(200, {"data": {name: heading(each) for name, each in self.schema.types.items()},
                               "links": links})
        entity_type = self.schema.resolve(parts[0])
        if entity_type is None:
            raise no_type(parts[0])
        if len(parts) == 1:
            return reply(200, {"data": heading(entity_type), "links": links})
        if parts[1] != "fields" or len(parts) > 3:
            raise no_route()
        if len(parts) == 2:
            return reply(200, {"data": {name: described(field) for name, field in entity_type.fields.items()},
                               "links": links})
        field = entity_type.fields.get(parts[2])
        if field is None:
            raise ApiError(404, 103, "Not Found", None, f"Field '{entity_type.name}.{parts[2]}' does not exist.")
        return reply(200, {"data": described(field), "links": links})

    # -- reading

    def _page(self, page):
        """(size, number) of a page hash of texts or numbers."""
        out = []
        for name, default in (("size", DEFAULT_PAGE), ("number", 1)):
            value = page.get(name, default)
            try:
                value = int(value)
            except (TypeError, ValueError):
                raise invalid_parameters({"page": {name: [f"{name} must be an integer"]}}) from None
            if value < 1:
                raise invalid_parameters({"page": {name: [f"{name} must be greater than 0"]}})
            out.append(value)
        if out[0] > LARGEST_PAGE:
            raise invalid_parameters({"page": {"size": [f"size must be less than {LARGEST_PAGE}"]}})
        return out

    def _options(self, options):
        only = options.get("return_only", "active")
        if only not in ("active", "retired"):
            raise invalid_parameters({"options": {"return_only": ["return_only must be one of: active, retired"]}})
        archived = options.get("include_archived_projects", True)
        return only == "retired", archived not in (False, "false", "0")

    def _nested(self, request, name):
        """`name[key]=value` of the query string as {key: value}."""
        start = name + "["
        return {key[len(start):-1]: value for key, value in request.query.items()
                if key.startswith(start) and key.endswith("]")}

    def _list(self, request, session, prefix, entity_type):
        compiler = Compiler(self.store, entity_type)
        leaves = [self._query_leaf(compiler, path, text) for path, text in self._nested(request, "filter").items()]
        retired, archived = self._options(self._nested(request, "options"))
        size, number = self._page(self._nested(request, "page"))
        query = Query(entity_type, leaves=leaves, sort=request.query.get("sort"), retired=retired,
                      with_archived=archived, allowed=session.allowed)
        return self._answer(request, prefix, query, request.query.get("fields"), size, number, request.query)

    def _query_leaf(self, compiler, path, text):
        if "," in text:
            return compiler.leaf(path, "in", [self._typed(compiler, path, part) for part in text.split(",")])
        return compiler.leaf(path, "is", self._typed(compiler, path, text))

    @staticmethod
    def _typed(compiler, path, text):
        """A query string has only text: percents, which refuse text, are made numbers."""
        field = compiler.type.fields.get(path)
        is_number = field is not None and (field.type == "percent" or path == "id")
        leaf = path.rsplit(".", 1)[-1]
        return int(text) if (is_number or leaf == "id") and text.lstrip("-").isdigit() else text

    def _search(self, request, session, prefix, entity_type):
        body = self._search_body(request)
        shape = VENDOR[request.content_type]
        options = body.get("options") or self._nested(request, "options")
        retired, archived = self._options(options)
        size, number = self._page(body.get("page") or self._nested(request, "page"))
        query = Query(entity_type, body.get("filters"), shape, sort=body.get("sort", request.query.get("sort")),
                      retired=retired, with_archived=archived, allowed=session.allowed)
        return self._answer(request, prefix, query, body.get("fields", request.query.get("fields")), size, number, {})

    @staticmethod
    def _search_body(request):
        body = request.json(*VENDOR)
        if not isinstance(body, dict):
            raise bad_request("Invalid JSON body")
        for name in ("page", "options"):
            if not isinstance(body.get(name) or {}, dict):
                raise invalid_parameters({name: [f"{name} must be a hash"]})
        return body

    def _answer(self, request, prefix, query, fields, size, number, arguments):
        rows = self.engine.count_and_page(query, (number - 1) * size, size)
        path = request.target.partition("?")[0]

        def link(page):
            named = {**arguments, "page[number]": str(page), "page[size]": str(size)}
            return f"{path}?{urlencode(sorted(named.items()))}"

        links = {"self": request.target if request.method == "GET" else path, "next": link(number + 1)}
        if number > 1:
            links["prev"] = link(number - 1)
        text = self.renderer.rows(query.type, rows, fields, prefix)
        return Reply(200, f'{{"data":{text},"links":{dumps(links)}}}', len(rows))

    def _found(self, request, session, entity_type, row_id, code=104):
        retired, _ = self._options(self._nested(request, "options"))
        row = self.store.any_row((entity_type.name, row_id))
        if row is None or row.retired != retired or not self.writer.sees(session, row):
            raise not_found(entity_type.name, row_id, code)
        return row

    def _read(self, request, session, prefix, entity_type, row_id):
        row = self._found(request, session, entity_type, row_id)
        text = self.renderer.projection(entity_type, request.query.get("fields"), prefix).render(row)
        return Reply(200, f'{{"data":{text},"links":{dumps({"self": request.target})}}}', 1)

    def _relationships(self, request, session, prefix, entity_type, row_id, name):
        field = entity_type.fields.get(name)
        if field is None:
            raise ApiError(404, 103, "Not Found", None, f"Field '{entity_type.name}.{name}' does not exist.")
        if field.type not in ("entity", "multi_entity"):
            raise bad_request(f"Field '{name}' is not a relationship field",
                              {"related_field": [" is not an Entity or Multi Entity field."]})
        value = self.store.value(self._found(request, session, entity_type, row_id, 103), field)
        hashes = [json.loads(self.store.link_text(row))
                  for row in self.store.ordered(value if isinstance(value, list) else [value] if value else [])]
        data = hashes if field.type == "multi_entity" else (hashes[0] if hashes else None)
        path = f"{prefix}/entity/{entity_type.slug}/{row_id}/relationships/{name}"
        return reply(200, {"data": data, "links": {"self": path}}, len(hashes))

    def _file(self, request, session, entity_type, row_id, name):
        """An image field: a redirection to where the picture is stored."""
        field = entity_type.fields.get(name)
        row = self._found(request, session, entity_type, row_id)
        if field is None or field.type != "image":
            raise bad_request(f"Field '{name}' is not an image or attachment field")
        address = image_value(self.store, row.v.get(name))
        if address is None:
            raise not_found(entity_type.name, row_id)
        return Reply(302, "", 0, {"location": address})

    def _summarize(self, request, session, prefix, entity_type):
        body = self._search_body(request)
        retired, archived = self._options(body.get("options") or {})
        query = Query(entity_type, body.get("filters"), VENDOR[request.content_type], retired=retired,
                      with_archived=archived, allowed=session.allowed, verb="summarize")
        return reply(200, {"data": self.summarizer.summarize(entity_type, query, body)})

    def _text_search(self, request, session):
        body = self._search_body(request)
        found = self.summarizer.text_search(body, VENDOR[request.content_type], session.allowed)
        return reply(200, {"data": found}, len(found))

    # -- writing

    def _create(self, request, session, prefix, entity_type):
        row, sent = self.writer.atomically(self.writer.create, session, entity_type, request.json(JSON))
        return reply(201, {"data": self._thin(row, sent, prefix)}, 1)

    def _thin(self, row, sent, prefix):
        """A created row: what was sent, what the server set, and the links."""
        entity_type = self.schema.types[row.type]
        names = [name for name in sent if name in entity_type.fields]
        names += [name for name, field in entity_type.fields.items()
                  if field.type == "multi_entity" or (field.type == "entity" and self.store.link(row, name))
                  or field.default not in (None, False) or name in ("cached_display_name", "created_at", "updated_at",
                                                           "open_notes_count", entity_type.identity)]
        text = self.renderer.projection(entity_type, list(dict.fromkeys(names)), prefix).render(row)
        data = json.loads(text)
        if row.type != "Task":
            for name, value in data["attributes"].items():
                if entity_type.fields[name].type == "date_time" and value:
                    data["attributes"][name] = value.replace("T", " ").replace("Z", " UTC")
        return data

    def _whole(self, row, prefix):
        text = self.renderer.projection(self.schema.types[row.type], None, prefix).render(row)
        return f'{{"data":{text},"links":{{}},"status":"successful"}}'

    def _update(self, request, session, prefix, entity_type, row_id):
        row = self.writer.atomically(self.writer.update, session, entity_type, row_id, request.json(JSON))
        return Reply(200, self._whole(row, prefix), 1)

    def _delete(self, request, session, prefix, entity_type, row_id):
        self.writer.atomically(self.writer.retire, session, entity_type, row_id)
        return Reply(204, "", 1)

    def _revive(self, request, session, prefix, entity_type, row_id):
        if request.query.get("revive", "").lower() not in TRUE:
            raise invalid_parameters({"revive": ["revive is missing"]})
        did = self.writer.atomically(self.writer.revive, session, entity_type, row_id)
        path = request.target.partition("?")[0]
        return reply(200, {"data": {"type": entity_type.name, "id": row_id}, "links": {"self": path},
                           "meta": {"did_revive": did}}, int(did))

    def _batch(self, request, session, prefix):
        body = request.json(JSON)
        requests = body.get("requests") if isinstance(body, dict) else None
        if not isinstance(requests, list):
            text = "requests is missing" if requests is None else "requests must be an array"
            raise invalid_parameters({"requests": [text]})

        def answer(kind, entity_type, outcome):
            if kind == "delete":
                return {"request_type": "delete", "type": entity_type.name, "id": outcome.id,
                        "uuid": outcome.v.get("uuid"), "did_delete": True}
            if kind == "update":
                return json.loads(self._whole(outcome, prefix))
            row, sent = outcome
            if row is None:
                return {"data": {"type": entity_type.name, "attributes": {}, "relationships": {}, "id": sent,
                                 "links": {"self": f"{prefix}/entity/{entity_type.slug}/{sent}"}}}
            return {"data": self._thin(row, sent, prefix)}

        made = self.writer.atomically(self.writer.batch, session, requests, answer)
        return reply(200, {"data": made}, len(made))
