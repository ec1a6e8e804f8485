"""fptcache.Shotgun: takes the place of shotgun_api3.Shotgun, version 3.10.

Same constructor, methods, results and exception names; the answers come from the shared directory
when they are there. Written from the documented behaviour of the official client.
"""

import datetime
import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Optional, Sequence, Union

from . import _errors, native

_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_DATE_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"

# FPT gives this many matches of a text search at once, and the official client wants this many characters.
_MATCHES = 25
_TEXT_LENGTH = 3
# Requests of schema_read() under way at once: what the library sends at once, too.
_SCHEMAS_AT_ONCE = 4

# Official clients ask for pages of 500 rows; a greater limit does not make a page larger.
_PAGE_ROWS = 500

_LOGICAL = {"all": "and", "and": "and", "any": "or", "or": "or"}
_LIST_OPERATORS = ("in", "not_in", "between", "not_between", "in_last", "not_in_last", "in_next", "not_in_next")
_PICTURES = ("image", "filmstrip_image")
# What a request of a batch needs besides.
_NEEDED = {"create": ("data",), "update": ("entity_id", "data"), "delete": ("entity_id",)}
_UPLOAD_FIELDS = {"thumb_image": "image", "filmstrip_thumb_image": "filmstrip_image"}

_NOT_YET = ("activity_stream_read add_user_agent authenticate_human_user connect download_attachment "
            "entity_types export_page follow followers following get_attachment_download_url get_auth_cookie_handler "
            "get_session_token info nav_expand nav_search_entity nav_search_string note_thread_read preferences_read "
            "reset_user_agent schema schema_field_create schema_field_delete schema_field_update "
            "set_session_uuid share_thumbnail unfollow update_project_last_accessed "
            "user_subscriptions_create user_subscriptions_read "
            "work_schedule_read work_schedule_update").split()


class LocalTimezone(datetime.tzinfo):
    """The zone of this host, with its daylight saving time: what the official client converts to."""

    def utcoffset(self, when):
        return self._local(when).utcoffset() if when is not None else None

    def dst(self, when):
        if when is None:
            return None
        is_dst = time.localtime(self._local(when).timestamp()).tm_isdst > 0
        return datetime.timedelta(hours=1) if is_dst else datetime.timedelta(0)

    def tzname(self, when):
        return self._local(when).tzname() if when is not None else None

    def fromutc(self, when):
        local = when.replace(tzinfo=datetime.timezone.utc).astimezone()
        result = local.replace(tzinfo=self)
        # The hour that comes twice in autumn: this is the second one.
        return result if result.utcoffset() == local.utcoffset() else result.replace(fold=1)

    @staticmethod
    def _local(when):
        return when.replace(tzinfo=None).astimezone()


LOCAL = LocalTimezone()


# --- values on their way out and in ---

def _walk(data, visit):
    """The same data with visit() applied to every value that is no container."""
    if isinstance(data, (list, tuple)):
        return [_walk(item, visit) for item in data]
    if isinstance(data, dict):
        return {key: _walk(value, visit) for key, value in data.items()}
    return visit(data)


def to_site(data: Any, is_utc: bool = True) -> Any:
    """Dates and times as the text that FPT takes: a date-time without a zone is local time, a time is
    today at that time. is_utc False: nothing is converted, as with convert_datetimes_to_utc=False."""
    def text_of(moment):
        if is_utc:
            # astimezone() takes a moment without a zone for local time.
            moment = moment.astimezone(datetime.timezone.utc)
        return moment.strftime(_DATE_TIME_FORMAT)

    def visit(value):
        if isinstance(value, datetime.datetime):
            return text_of(value)
        if isinstance(value, datetime.date):
            return value.strftime("%Y-%m-%d")
        if isinstance(value, datetime.time):
            return text_of(datetime.datetime.combine(datetime.date.today(), value.replace(tzinfo=None)))
        return value

    return _walk(data, visit)


def from_site(data: Any, is_utc: bool = True) -> Any:
    """Any text that looks like FPT's date-times becomes a datetime, in this host's zone; with is_utc
    False in no zone, as with convert_datetimes_to_utc=False."""
    def visit(value):
        if not isinstance(value, str) or len(value) != 20 or not _DATE_TIME.fullmatch(value):
            return value
        try:
            moment = datetime.datetime.strptime(value, _DATE_TIME_FORMAT)
        except ValueError:  # the 31st of February
            return value
        return moment.replace(tzinfo=datetime.timezone.utc).astimezone(LOCAL) if is_utc else moment

    return _walk(data, visit)


def _trim(value):
    """A link as type and id: what else a row from find() carries does not belong in a request."""
    if isinstance(value, list):
        return [_trim(item) for item in value]
    if isinstance(value, dict) and "type" in value and "id" in value and "url" not in value and \
            "local_path" not in value:
        return {"type": value["type"], "id": value["id"]}
    return value


# --- filters and order ---

def _condition(condition):
    if isinstance(condition, dict):
        if "path" in condition:  # as the official client sends it
            condition = [condition["path"], condition["relation"], *condition.get("values", [])]
        else:
            return _group(condition)
    if not isinstance(condition, (list, tuple)):
        raise _errors.ShotgunError(f"a filter is a list or a dict, not {condition!r}")
    if len(condition) < 3:
        raise _errors.ShotgunError(f"a filter is [field, operator, value], not {condition!r}")
    path, relation, values = condition[0], condition[1], list(condition[2:])
    if len(values) == 1 and isinstance(values[0], (list, tuple)):
        values = list(values[0])
    if relation in ("is", "is_not", "in", "not_in"):
        values = [_trim(value) for value in values]
    # One value may come with or without a list around it; FPT's own spelling depends on the operator.
    if relation in _LIST_OPERATORS or len(values) != 1:
        return [path, relation, values]
    return [path, relation, values[0]]


def _group(group):
    operator = group.get("filter_operator", group.get("logical_operator"))
    conditions = group.get("filters", group.get("conditions"))
    if operator not in _LOGICAL:
        raise _errors.ShotgunError(f"filter_operator is {operator!r} instead of all or any")
    if not isinstance(conditions, (list, tuple)):
        raise _errors.ShotgunError(f"filters are a list, not {conditions!r}")
    return {"logical_operator": _LOGICAL[operator], "conditions": [_condition(c) for c in conditions]}


def translate_filters(filters: Union[Sequence, Dict[str, Any]], filter_operator: Optional[str] = None) -> Dict:
    """Filters of shotgun_api3, in any of their spellings, as one group of FPT's."""
    if isinstance(filters, dict):
        if filter_operator:
            raise _errors.ShotgunError("filter_operator goes with a list of filters, not with a dict; "
                                       "name the operator in the dict")
        return _group(filters)
    return _group({"filter_operator": filter_operator or "all", "filters": filters})


def translate_order(order: Optional[Sequence[Dict[str, str]]]) -> List[str]:
    """[{"field_name": "code", "direction": "desc"}] as ["-code"]."""
    keys = []
    for key in order or ():
        direction = key.get("direction", "asc")
        if direction not in ("asc", "desc"):
            raise _errors.ShotgunError(f"direction is {direction!r} instead of asc or desc")
        keys.append(("-" if direction == "desc" else "") + key.get("field_name", key.get("column", "")))
    return keys


def _project_id(project_entity):
    if not project_entity:
        return 0
    if not isinstance(project_entity, dict) or project_entity.get("type", "Project") != "Project":
        raise ValueError(f"project_entity is {{'type': 'Project', 'id': N}}, not {project_entity!r}")
    return project_entity["id"]


def _in_projects(entity_type, project_ids):
    """The filters that keep a search to these projects, if any are given."""
    if not project_ids:
        return []
    if entity_type == "Project":
        return [["id", "in", list(project_ids)]]
    return [["project", "in", [{"type": "Project", "id": project_id} for project_id in project_ids]]]


def _check_credentials(script_name, api_key, login, password, session_token):
    """The official client's rules: one way to log in, and all of it."""
    if session_token is not None and (script_name, api_key, login, password) != (None,) * 4:
        raise ValueError("session_token excludes script_name, api_key, login and password")
    if (script_name is not None or api_key is not None) and (login is not None or password is not None):
        raise ValueError("script_name and api_key exclude login and password")
    for one, other, names in ((script_name, api_key, "script_name and api_key"),
                              (login, password, "login and password")):
        if (one is None) != (other is None):
            raise ValueError(f"{names} are given both or not at all")


class Shotgun:
    """A connection to an FPT site through a shared cache directory.

    The parameters up to auth_token are those of shotgun_api3.Shotgun, in their order. Then, by name:
    cache_dir: the shared directory (FPTCACHE_DIR); it is made when absent
    max_age: the oldest answer, in seconds, that is taken without asking FPT for changes (60)
    mode: "prefer-cache", "only-cache" (never a request) or "refresh" (always ask)
    write: "through" (default), or "behind": a write returns once it is durable here, and whoever keeps the cache
        up sends it to FPT; rows that it creates have an id below 0 until then (fptcache.native.Cache.resolve())
    marker_field: a text field of FPT (sg_...) that creates leave their event id in
    hold: "auto", "never" or "always": whether this process may do upkeep that is overdue
    """

    def __init__(self, base_url: str, script_name: Optional[str] = None, api_key: Optional[str] = None,
                 convert_datetimes_to_utc: bool = True, http_proxy: Optional[str] = None, connect: bool = True,
                 ca_certs: Optional[str] = None, login: Optional[str] = None, password: Optional[str] = None,
                 sudo_as_login: Optional[str] = None, session_token: Optional[str] = None,
                 auth_token: Optional[str] = None, *, cache_dir: Union[str, "os.PathLike[str]", None] = None,
                 max_age: Optional[float] = None, mode: Optional[str] = None, write: Optional[str] = None,
                 hold: Optional[str] = None, marker_field: Optional[str] = None) -> None:
        _check_credentials(script_name, api_key, login, password, session_token)
        if auth_token is not None:
            raise _errors.NotSupported("auth_token (two-factor) is not in this version: log in by script_name and "
                                       "api_key, or by a session_token of shotgun_api3's get_session_token()")
        self.base_url = base_url.rstrip("/")
        self._is_utc = convert_datetimes_to_utc
        self._options = native.make_options(
            cache_dir=cache_dir, site_url=self.base_url, script_name=script_name, script_key=api_key,
            user_login=login, user_password=password, session_token=session_token, sudo_as_login=sudo_as_login,
            http_proxy=http_proxy, ca_file=ca_certs, max_age=max_age, mode=mode, write=write, hold=hold or "auto",
            marker_field=marker_field)
        self._is_behind = write == "behind"
        self._cache: Optional[native.Cache] = None
        self._opening = threading.Lock()
        self._is_closed = False
        if not self._options.cache_dir:
            raise ValueError("which cache directory? Give cache_dir=, or set FPTCACHE_DIR")
        if connect:
            if mode != "only-cache" and not any(getattr(self._options, n) for n in native.CREDENTIALS):
                raise ValueError("give script_name and api_key, login and password, or session_token")
            self.cache  # noqa: B018: opened now, so that a wrong directory is known now

    @property
    def cache(self) -> native.Cache:
        """The cache behind this object, with the source and age of answers: see fptcache.native."""
        with self._opening:
            if self._is_closed and self._cache is None:
                raise _errors.Closed("it was closed before it was used")
            if self._cache is None:
                native.init(self._options)
                self._cache = native.Cache(self._options)
            return self._cache

    def close(self) -> None:
        """Closes the cache. May be done again; everything else raises afterwards."""
        self._is_closed = True
        if self._cache is not None:
            self._cache.close()

    def __enter__(self) -> "Shotgun":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __getattr__(self, name):
        if name in _NOT_YET:
            raise AttributeError(f"fptcache.Shotgun has no {name}() in this version; call it on a "
                                 f"shotgun_api3.Shotgun")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # --- reading ---

    def find(self, entity_type: str, filters: Union[Sequence, Dict[str, Any]], fields: Optional[Sequence[str]] = None,
             order: Optional[Sequence[Dict[str, str]]] = None, filter_operator: Optional[str] = None,
             limit: int = 0, retired_only: bool = False, page: int = 0, include_archived_projects: bool = True,
             additional_filter_presets: Optional[List[Dict[str, Any]]] = None) -> List[Dict[str, Any]]:
        """Rows as dicts of `type`, `id` and the fields asked for."""
        for name, number in (("limit", limit), ("page", page)):
            if not isinstance(number, int) or number < 0:
                raise ValueError(f"{name} is a whole number from 0 on, not {number!r}")
        if additional_filter_presets:
            raise _errors.NotSupported("additional_filter_presets: FPT's REST has no documented equivalent; ask "
                                       "FPT through shotgun_api3.Shotgun.find()")
        if page and not 0 < limit <= _PAGE_ROWS:
            limit = _PAGE_ROWS
        result = self.cache.find(
            entity_type, to_site(translate_filters(filters, filter_operator), self._is_utc),
            [name for name in fields or () if name not in ("id", "type")], translate_order(order), limit, page,
            retired_only=bool(retired_only), include_archived=bool(include_archived_projects))
        return [self._row(row) for row in result]

    def find_one(self, entity_type: str, filters: Union[Sequence, Dict[str, Any]],
                 fields: Optional[Sequence[str]] = None, order: Optional[Sequence[Dict[str, str]]] = None,
                 filter_operator: Optional[str] = None, retired_only: bool = False,
                 include_archived_projects: bool = True,
                 additional_filter_presets: Optional[List[Dict[str, Any]]] = None) -> Optional[Dict[str, Any]]:
        """The first row of find(), or None."""
        rows = self.find(entity_type, filters, fields, order, filter_operator, 1, retired_only, 0,
                         include_archived_projects, additional_filter_presets)
        return rows[0] if rows else None

    def text_search(self, text: str, entity_types: Dict[str, Any], project_ids: Optional[List] = None,
                    limit: Optional[int] = None) -> Dict[str, Any]:
        """Rows of the types whose names have the words of the text, as FPT ranks them. FPT is asked each time.
        `image` is always None: FPT's REST does not tell it."""
        if not isinstance(entity_types, dict):
            raise ValueError("entity_types is a dict of filters by type")
        if len(text.strip()) < _TEXT_LENGTH:
            raise _errors.Fault(f"a text search needs at least {_TEXT_LENGTH} characters, not {text!r}")
        types = {}
        for name, filters in entity_types.items():
            if not isinstance(filters, (list, tuple)):
                raise ValueError(f"entity_types[{name!r}] is a list of filters")
            types[name] = to_site(translate_filters([*filters, *_in_projects(name, project_ids)]), self._is_utc)
        matches = [{**match, "image": None} for match in self._matches(text, types, limit or _MATCHES)]
        self._add_projects(matches)
        return {"matches": [self._row(match) for match in matches], "terms": text.split()}

    def _matches(self, text, types, limit):
        """The pages of a search up to the limit. All are of the same size, so that none overlaps the next."""
        size, found = min(limit, _MATCHES), []
        while len(found) < limit:
            page = self.cache.text_search(text, types, size, len(found) // size + 1)
            found += page
            if len(page) < size:
                break
        return found[:limit]

    def _add_projects(self, matches):
        projects = {}
        for name in {match["type"] for match in matches}:
            if "project" in self.cache.schema(name):
                ids = [match["id"] for match in matches if match["type"] == name]
                for row in self.cache.find(name, [["id", "in", ids]], ["project"]):
                    projects[name, row["id"]] = (row["project"] or {}).get("id")
        for match in matches:
            match["project_id"] = projects.get((match["type"], match["id"]))

    # --- schema ---

    def schema_read(self, project_entity: Optional[Dict[str, Any]] = None) -> Dict[str, Dict[str, Any]]:
        """All fields of all types. FPT's REST tells one type at a time: what is not kept yet takes a request for
        each type, four at once."""
        names = list(self.schema_entity_read(project_entity))
        with ThreadPoolExecutor(_SCHEMAS_AT_ONCE) as pool:
            fields = pool.map(lambda name: self.schema_field_read(name, None, project_entity), names)
            return dict(zip(names, fields))

    def schema_entity_read(self, project_entity: Optional[Dict[str, Any]] = None) -> Dict[str, Dict[str, Any]]:
        """All types, each with its display name and whether it is visible (in the project, if one is given)."""
        return from_site(self.cache.schema(None, None, _project_id(project_entity)), self._is_utc)

    def schema_field_read(self, entity_type: str, field_name: Optional[str] = None,
                          project_entity: Optional[Dict[str, Any]] = None) -> Dict[str, Dict[str, Any]]:
        """All fields of a type, or the one that is named, by field name."""
        return from_site(self.cache.schema(entity_type, field_name or None, _project_id(project_entity)), self._is_utc)
    def summarize(self, entity_type: str, filters: Union[Sequence, Dict[str, Any]],
                  summary_fields: List[Dict[str, str]], filter_operator: Optional[str] = None,
                  grouping: Optional[List[Dict[str, str]]] = None,
                  include_archived_projects: bool = True) -> Dict[str, Any]:
        """The rows of find() counted, summed and grouped: {"summaries": ..., "groups": [...]}."""
        if grouping is not None and not isinstance(grouping, list):
            raise ValueError(f"summarize() 'grouping' is a list or None, not {grouping!r}")
        result = self.cache.summarize(
            entity_type, to_site(translate_filters(filters, filter_operator), self._is_utc), summary_fields, grouping,
            include_archived=include_archived_projects)
        return from_site({name: result[name] for name in ("groups", "summaries")}, self._is_utc)

    def _row(self, row):
        # FPT stores "<" of hand-typed text as an entity; the official client turns it back, too.
        row = {key: value.replace("&lt;", "<") if isinstance(value, str) else value for key, value in row.items()}
        return from_site(row, self._is_utc)

    # --- writing ---

    def create(self, entity_type: str, data: Dict[str, Any],
               return_fields: Optional[Sequence[str]] = None) -> Dict[str, Any]:
        """Creates a row; its `type`, `id`, the fields sent, and return_fields. A picture is the path of a
        file, uploaded once the row is there."""
        data, pictures = self._pictures(data)
        if pictures and self._is_behind:
            raise _errors.NotSupported("a picture is sent to a row that FPT has: upload it once the row has been "
                                       "resolved, or write through")
        result = self.cache.create(entity_type, self._data(data))
        return self._with_pictures(self._complete(result[0], [*data, *(return_fields or ())]), pictures)

    def update(self, entity_type: str, entity_id: int, data: Dict[str, Any],
               multi_entity_update_modes: Optional[Dict[str, str]] = None) -> Dict[str, Any]:
        """Changes fields of a row; its `type`, `id` and the fields sent. Modes: add, remove or set. A picture is
        the path of a file to upload, None to clear it."""
        data, pictures = self._pictures(data)
        if not data:
            return self._with_pictures({"type": entity_type, "id": entity_id}, pictures)
        sent = self._data(data)
        for name, mode in (multi_entity_update_modes or {}).items():
            if name in sent:
                sent[name] = {"multi_entity_update_mode": mode, "value": sent[name]}
        return self._with_pictures(self._sent(self.cache.update(entity_type, entity_id, sent)[0], data), pictures)

    def delete(self, entity_type: str, entity_id: int) -> bool:
        """Retires a row; False when it is not there (any more)."""
        return self.cache.delete(entity_type, entity_id)

    def revive(self, entity_type: str, entity_id: int) -> bool:
        """Takes back that a row was retired; False when it was not."""
        return self.cache.revive(entity_type, entity_id)

    def batch(self, requests: List[Dict[str, Any]]) -> List[Any]:
        """Creates, updates and deletes in one transaction, at most 1,000: a row for each create and update, as of
        create() and update(), True for each delete. Requests are dicts of `request_type`, `entity_type`,
        `entity_id`, `data`, `return_fields`, `multi_entity_update_modes`. When one fails, none is done."""
        if not isinstance(requests, list):
            raise _errors.ShotgunError(f"batch() takes a list of requests, not {type(requests)}")
        if not requests:
            return []
        done = self.cache.batch([self._request(request) for request in requests])
        return [self._done(request, each) for request, each in zip(requests, done)]

    def _request(self, request):
        for name in ("request_type", "entity_type", *_NEEDED.get(request.get("request_type"), ())):
            if name not in request:
                raise _errors.ShotgunError(f"a request of a batch needs its {name}: {request!r}")
        if request["request_type"] not in _NEEDED:
            raise _errors.ShotgunError(f"request_type is {request['request_type']!r} instead of create, update or "
                                       f"delete")
        sent = {name: request[name] for name in ("request_type", "entity_type")}
        if request["request_type"] != "create":
            sent["entity_id"] = request["entity_id"]
        if request["request_type"] != "delete":
            sent["data"] = self._data(request["data"])
        if request["request_type"] == "update":
            modes = request.get("multi_entity_update_modes") or {}
            sent["multi_entity_update_modes"] = {name: mode for name, mode in modes.items() if name in sent["data"]}
        return sent

    def _done(self, request, done):
        if request["request_type"] == "delete":
            return True
        row = {**(done["row"] or {}), "type": request["entity_type"], "id": done["id"]}
        return self._complete(row, [*request["data"], *(request.get("return_fields") or ())])

    def upload(self, entity_type: str, entity_id: int, path: str, field_name: Optional[str] = None,
               display_name: Optional[str] = None, tag_list: Optional[str] = None,
               created_at: Optional[datetime.datetime] = None) -> Optional[int]:
        """Sends a file to FPT, into a file field or as an Attachment of the row; the Attachment's id. FPT does
        not tell that of a picture: None."""
        path = os.path.abspath(os.path.expanduser(path or ""))
        if not os.path.isfile(path):
            raise _errors.ShotgunError(f"Path must be a valid file, got '{path}'")
        if os.path.getsize(path) == 0:
            raise _errors.ShotgunError(f"Path cannot be an empty file: '{path}'")
        for name, value in (("tag_list", tag_list), ("created_at", created_at)):
            if value is not None:
                raise _errors.NotSupported(f"upload({name}=...) is not in this version: call it on a "
                                           f"shotgun_api3.Shotgun")
        field = _UPLOAD_FIELDS.get(field_name, field_name)
        if field not in _PICTURES and display_name is None:
            display_name = os.path.basename(path)
        done = self.cache.upload(entity_type, entity_id, path, field, display_name=display_name)
        return done["attachment"] and done["attachment"]["id"]

    def upload_thumbnail(self, entity_type: str, entity_id: int, path: str, **kwargs: Any) -> Optional[int]:
        """Makes a file the thumbnail of a row; None, for FPT does not tell the id of its Attachment."""
        return self.upload(entity_type, entity_id, path, field_name="thumb_image", **kwargs)

    def upload_filmstrip_thumbnail(self, entity_type: str, entity_id: int, path: str, **kwargs: Any) -> Optional[int]:
        """Makes a strip of frames, each 240 pixels wide, the filmstrip of a row; None, as upload_thumbnail()."""
        return self.upload(entity_type, entity_id, path, field_name="filmstrip_thumb_image", **kwargs)

    @staticmethod
    def _pictures(data):
        """(the fields to write, the files to upload afterwards)."""
        pictures = {name: data[name] for name in _PICTURES if data.get(name) is not None}
        return {name: value for name, value in data.items() if name not in pictures}, pictures

    def _with_pictures(self, row, pictures):
        for name, path in pictures.items():
            self.upload(row["type"], row["id"], path, name)
        if pictures:
            row.update((self._read_back(row["type"], row["id"], list(pictures)) or {}).items())
        return row

    def _data(self, data):
        return {name: _trim(value) for name, value in to_site(data, self._is_utc).items()}

    def _complete(self, row, names):
        missing = [name for name in names if name not in row and name not in ("id", "type")]
        if missing:
            row = {**(self._read_back(row["type"], row["id"], missing) or {}), **row}
        return self._sent(row, names)

    def _sent(self, row, names):
        row = self._row(row)
        return {name: row[name] for name in ("type", "id", *names) if name in row}

    def _read_back(self, entity_type, entity_id, names):
        """More of a row that has just been written; None when it cannot be read: that must not look as if the write
        had failed."""
        try:
            result = self.cache.find(entity_type, [["id", "is", entity_id]], names)
        except (_errors.NoData, _errors.NetworkError, _errors.ProtocolError, _errors.StoreError,
                _errors.DeadlineExceeded):
            return None
        return result[0] if len(result) else None
