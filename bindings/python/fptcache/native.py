"""The library's own view of a cache: questions with their source, age and completeness, changes,
mirrors, upkeep. For a drop-in replacement of shotgun_api3 see fptcache.Shotgun.
"""

import calendar
import contextlib
import ctypes
import os
import threading
import time
import weakref
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Union

from . import _capi, _errors, _results
from ._results import Change, Result, Rows
from ._to_c import _caller, _choice, _json_text, _list_text, _milliseconds, _text

_lib = _capi.load()

_MODES = {None: 0, "prefer-cache": 1, "only-cache": 2, "refresh": 3}
_HOLDS = {None: 0, "never": 1, "auto": 2, "always": 3}
_WRITES = {None: 0, "through": 1, "behind": 2}
_POLICIES = {None: 0, "fail": 1, "overwrite": 2, "merge": 3}
_LEVELS = {"error": 1, "warning": 2, "info": 3, "debug": 4}

_TEXT_OPTIONS = ("cache_dir", "site_url", "script_name", "script_key", "script_key_file", "user_login",
                 "user_password", "session_token", "sudo_as_login", "http_proxy", "ca_file", "pin", "marker_field")
CREDENTIALS = ("script_name", "script_key", "script_key_file", "user_login", "user_password", "session_token")

# How the library writes times.
_WHEN = "%Y-%m-%dT%H:%M:%SZ"

Filters = Union[str, list, tuple, dict, None]
Progress = Callable[[str, int, int], Any]


def make_options(environment=True, *, mode=None, hold=None, write=None, max_age=None, stale_max=None,
                 deadline=None, refresh=None, grace=None, quiet=None, **texts):
    """A filled fptc_options. What is not given comes from the environment, if that is wanted;
    credentials do so only when none are given at all."""
    options = _capi.Options(struct_size=ctypes.sizeof(_capi.Options))
    for name, value in texts.items():
        if name not in _TEXT_OPTIONS:
            raise TypeError(f"there is no option {name}")
        setattr(options, name, _text(value, name))
    options.mode = _choice(_MODES, mode, "mode")
    options.hold = _choice(_HOLDS, hold, "hold")
    options.write_mode = _choice(_WRITES, write, "write")
    options.max_age_ms = _milliseconds(max_age, "max_age")
    options.stale_max_ms = _milliseconds(stale_max, "stale_max")
    options.deadline_ms = _milliseconds(deadline, "deadline")
    options.refresh_ms = _milliseconds(refresh, "refresh")
    options.grace_ms = _milliseconds(grace, "grace")
    options.quiet_ms = _milliseconds(quiet, "quiet")
    if environment:
        found = _capi.Options(struct_size=ctypes.sizeof(_capi.Options))
        _lib.fptc_options_from_environment(found, _capi.ErrorInfo())
        has_credentials = any(getattr(options, name) for name in CREDENTIALS)
        for name in _TEXT_OPTIONS:
            if not getattr(options, name) and not (has_credentials and name in CREDENTIALS):
                setattr(options, name, getattr(found, name))
    return options


def init(options):
    """Makes the cache directory of the options, or finds that it is there."""
    _lib.fptc_cache_init(options, _capi.ErrorInfo())


def _close(pointer, owner_pid):
    # A child of fork() must not touch what belongs to its parent.
    if os.getpid() == owner_pid:
        _lib.fptc_cache_close(pointer)


class Cache:
    """An open cache. Any number of threads may use it; close() it, or use it in a `with`."""

    def __init__(self, options, log=None, log_level="warning"):
        self._turn = threading.Condition()
        self._n_calls = 0
        self._pid = os.getpid()
        self._log = self._wrap_log(log)  # kept: C calls it as long as the cache is open
        options.log = self._log
        options.log_level = _choice(_LEVELS, log_level, "log_level")
        self._write_mode = options.write_mode
        self._pointer = _capi.C()
        _lib.fptc_cache_open(options, self._pointer, _capi.ErrorInfo())
        self._finalizer = weakref.finalize(self, _close, self._pointer, self._pid)

    # --- life ---

    @staticmethod
    def _wrap_log(log):
        if log is None:
            return _capi.LogFn()

        def call(level, text, _payload):
            try:
                log(level, text.decode("utf-8", "replace"))
            except Exception:  # nothing may escape into C, and a log line has nobody to tell
                pass

        return _capi.LogFn(call)

    def _begin(self):
        # First of all, and without the lock: in a child of fork() another thread may hold it for ever.
        if os.getpid() != self._pid:
            raise _errors.from_status("FPTC_EFORK", _capi.STATUS["FPTC_EFORK"],
                                      "the cache was opened by the parent of this process; open it anew here")
        with self._turn:
            if not self._finalizer.alive:
                raise _errors.from_status("FPTC_ESTATE", _capi.STATUS["FPTC_ESTATE"], "the cache is closed")
            self._n_calls += 1

    def _end(self):
        with self._turn:
            self._n_calls -= 1
            self._turn.notify_all()

    def _call(self, function, *arguments):
        """Calls C with the handle first and an error last; close() waits for it."""
        self._begin()
        try:
            return function(self._pointer, *arguments, _capi.ErrorInfo())
        finally:
            self._end()

    def close(self):
        """Closes the cache after the calls of other threads have returned. May be done again."""
        if os.getpid() != self._pid:
            return
        with self._turn:
            self._turn.wait_for(lambda: self._n_calls == 0)
            self._finalizer()

    @property
    def closed(self):
        return not self._finalizer.alive

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- questions ---

    def find(self, type: str, filters: Filters = None, fields: Union[str, Sequence[str], None] = None,
             order: Union[str, Sequence[str], None] = None, limit: int = 0, page: int = 0, *,
             retired_only: bool = False, include_archived: bool = True,
             mode: Optional[str] = None, max_age: Optional[float] = None,
             deadline: Optional[float] = None, hide_pending: bool = False) -> Result:
        """Answers a question. Filters as FPT or shotgun_api3 spell them, or JSON text; order: names,
        each descending with a leading "-". retired_only: the trash, which is FPT's to tell; include_archived
        False: no rows of archived projects. Date-times are ISO text in UTC, in and out. Writes behind that FPT
        does not have yet show in it, the result's `pending_ids` names their rows; hide_pending: as FPT has it."""
        with self._query(type, filters, fields, order, limit, page, retired_only, include_archived, mode, max_age,
                         deadline) as query, _results.new() as result:
            if hide_pending:
                _lib.fptc_query_set_pending(query, _capi.PENDING["FPTC_HIDE_PENDING"], _capi.ErrorInfo())
            self._call(_lib.fptc_cache_find, query, result)
            return _results.copy_result(result)

    @contextlib.contextmanager
    def _query(self, type, filters, fields, order, limit, page, retired_only, include_archived, mode, max_age,
               deadline):
        error = _capi.ErrorInfo()
        with _results.Output(_capi.Q, _lib.fptc_query_free) as query:
            _lib.fptc_query_new(_text(type, "type"), query, error)
            _lib.fptc_query_set_filters(query, _json_text(filters), error)
            if fields:
                _lib.fptc_query_set_fields(query, _list_text(fields, "fields"), error)
            _lib.fptc_query_set_order(query, _list_text(order, "order"), error)
            _lib.fptc_query_set_limit(query, limit, page, error)
            _lib.fptc_query_set_scope(query, retired_only, include_archived, error)
            _lib.fptc_query_set_freshness(query, _choice(_MODES, mode, "mode"),
                                          _milliseconds(max_age, "max_age"),
                                          _milliseconds(deadline, "deadline"), error)
            yield query

    def stream(self, type: str, filters: Filters = None, fields: Union[str, Sequence[str], None] = None,
               order: Union[str, Sequence[str], None] = None, limit: int = 0, page: int = 0, *,
               retired_only: bool = False, include_archived: bool = True,
               mode: Optional[str] = None, max_age: Optional[float] = None,
               deadline: Optional[float] = None) -> Rows:
        """As find(), but the rows come one after the other; the deadline bounds all of the reading. An
        answer that comes from FPT is held in memory all the same."""
        with self._query(type, filters, fields, order, limit, page, retired_only, include_archived, mode, max_age,
                         deadline) as query:
            _lib.fptc_query_set_streaming(query, 1, _capi.ErrorInfo())
            return self._rows(_lib.fptc_cache_find, query)

    def sql(self, statement: str, project: int = 0, *, deadline: Optional[float] = None) -> Rows:
        """Runs one SELECT over what the cache has of a project and of the types without one, whatever its
        age. Tables are FPT's types, columns its fields; a link is field__type and field__id; a
        multi-entity field is a table Type__field (id, pos, link_type, link_id)."""
        return self._rows(_lib.fptc_cache_sql, project, _text(statement, "statement"),
                          max(0, _milliseconds(deadline, "deadline")))

    def _rows(self, function, *arguments):
        result = _capi.R()
        self._call(function, *arguments, result)
        return Rows(result)

    def explain(self, type: str, filters: Filters = None, fields: Union[str, Sequence[str], None] = None,
                order: Union[str, Sequence[str], None] = None, limit: int = 0, page: int = 0, *,
                retired_only: bool = False, include_archived: bool = True,
                mode: Optional[str] = None, max_age: Optional[float] = None,
                deadline: Optional[float] = None) -> Dict[str, Any]:
        """Tells how find() would answer now: from where or why not, by which SQL and indexes, how many
        rows it reads. Asks FPT for nothing but a schema that is not known yet."""
        with self._query(type, filters, fields, order, limit, page, retired_only, include_archived, mode, max_age,
                         deadline) as query, _results.new() as result:
            self._call(_lib.fptc_cache_explain, query, result)
            return _results.copy_document(result)

    def schema(self, type: Optional[str] = None, field: Optional[str] = None, project: int = 0) -> Dict[str, Any]:
        """The types of the site, the fields of one type, or one field of it, in the shape of shotgun_api3;
        with a project as that project shows them. Kept for everybody and believed for ten minutes, or for
        max_age if that is longer."""
        with _results.new() as result:
            self._call(_lib.fptc_cache_schema, _text(type, "type"), _text(field, "field"), project, result)
            return _results.copy_document(result)

    def text_search(self, text: str, types: Dict[str, Filters], limit: int = 0, page: int = 0) -> List[Dict[str, Any]]:
        """Rows by name, as FPT ranks them: `type`, `id`, `name`, `links` and `status` of each. types: filters
        by type, [] for none. FPT gives 25 at most (limit); page 2 has the next ones. It is asked each time."""
        with _results.new() as result:
            self._call(_lib.fptc_cache_text_search, _text(text), _json_text(types), limit, page, result)
            return _results.copy_document(result)["matches"]

    def summarize(self, type: str, filters: Filters, summaries: Sequence[Dict[str, str]],
                  grouping: Optional[Sequence[Dict[str, str]]] = None, *, mode: Optional[str] = None,
                  max_age: Optional[float] = None, deadline: Optional[float] = None,
                  include_archived: bool = True, hide_pending: bool = False) -> Dict[str, Any]:
        """Counts, sums and groups the rows that the filters find: `summaries`, `groups`, and as the
        answer's own `source`, `age_s`, `complete`, `warnings`. Summaries are [{"field", "type"}],
        groupings [{"field", "type", "direction"}], all as FPT names them."""
        error = _capi.ErrorInfo()
        with _results.Output(_capi.Q, _lib.fptc_query_free) as query, _results.new() as result:
            _lib.fptc_query_new(_text(type, "type"), query, error)
            _lib.fptc_query_set_filters(query, _json_text(filters), error)
            _lib.fptc_query_set_scope(query, False, include_archived, error)
            _lib.fptc_query_set_freshness(query, _choice(_MODES, mode, "mode"),
                                          _milliseconds(max_age, "max_age"),
                                          _milliseconds(deadline, "deadline"), error)
            if hide_pending:
                _lib.fptc_query_set_pending(query, _capi.PENDING["FPTC_HIDE_PENDING"], error)
            self._call(_lib.fptc_cache_summarize, query, _json_text(summaries), _json_text(grouping), result)
            return _results.copy_document(result)

    def changes(self, type: str, project: int = 0, since: int = 0, limit: int = 0) -> List[Change]:
        """What happened to the rows of a type, deletions included, in version order: at most `limit`
        (1,000) after the version `since`. Go on with the last one's version; [] means nothing newer."""
        with _results.new() as result:
            self._call(_lib.fptc_cache_changes, _text(type, "type"), project, since, limit, result)
            return _results.copy_changes(result)

    def all_changes(self, type: str, project: int = 0, since: int = 0, page: int = 1000) -> Iterator[Change]:
        """Every change after the version `since`, read a page at a time, until nothing is newer."""
        while True:
            changes = self.changes(type, project, since, page)
            yield from changes
            if not changes:
                return
            since = changes[-1].version

    # --- writes ---

    def create(self, type: str, data: Dict[str, Any], **how) -> Result:
        """Creates a row in FPT and in the cache.

        how, of all writes: event_id=…: repeats an earlier attempt safely; deadline in seconds; write="through"
        or "behind"; on_conflict="fail", "overwrite" or "merge" of an update behind. A write behind returns once
        it is durable, and is `pending` then; a row that it creates has an id below 0 until FPT has it, which
        other writes may name and resolve() knows for ever."""
        return self._write("FPTC_VERB_CREATE", type, 0, data, **how)

    def update(self, type: str, id: int, data: Dict[str, Any], **how) -> Result:
        """Changes fields of a row in FPT and in the cache."""
        return self._write("FPTC_VERB_UPDATE", type, id, data, **how)

    def delete(self, type: str, id: int, **how) -> bool:
        """Retires a row in FPT and in the cache; False when there is no such row."""
        try:
            return self._write("FPTC_VERB_DELETE", type, id, None, **how) is not None
        except _errors.Fault as fault:
            if fault.http_status == 404:
                return False
            raise

    def revive(self, type: str, id: int, **how) -> bool:
        """Takes back that a row was retired, in FPT and in the cache; False when it was not."""
        return self._write("FPTC_VERB_REVIVE", type, id, None, **how) is not None

    def batch(self, requests: Sequence[Dict[str, Any]], **how) -> List[Dict[str, Any]]:
        """Creates, updates and deletes in one, done all or none. Requests as shotgun_api3 spells them:
        {"request_type": "create", "entity_type": ..., "data": ...}, "update" with "entity_id", "data" and maybe
        "multi_entity_update_modes", "delete" with "entity_id"; at most 1,000. For each of them "event", "state",
        "verb", "type", "id" and "row". how: as of create()."""
        return self._write("FPTC_VERB_BATCH", None, 0, list(requests), copy=_results.copy_document, **how)

    def resolve(self, id: int) -> Optional[int]:
        """FPT's id of a row that was created behind; None when there is none of this id. An id of FPT is its
        own answer. Pending: it is not sent yet; UnknownOutcome: what became of it is not known yet; Fault: FPT
        refused it, or it was dropped."""
        found, error = ctypes.c_int64(0), _capi.ErrorInfo()
        self._begin()
        try:
            status = _lib.fptc_cache_resolve(self._pointer, id, found, error)
        finally:
            self._end()
        if status == _capi.STATUS["FPTC_MISS"]:
            return None
        if status > 0:
            raise _errors.from_status(_capi.status_name(status), status, error.message.decode("utf-8", "replace"))
        return found.value

    def _write(self, verb, type, id, data, event_id=None, deadline=None, write=None, on_conflict=None,
               copy=_results.copy_result):
        mode, error = _choice(_WRITES, write, "write"), _capi.ErrorInfo()
        is_behind = (mode or self._write_mode) == _capi.WRITE["FPTC_WRITE_BEHIND"]
        with _results.Output(_capi.W, _lib.fptc_write_free) as intent, _results.new() as result:
            _lib.fptc_write_new(_capi.VERB[verb], _text(type, "type"), id, intent, error)
            if data is not None:
                _lib.fptc_write_set_data(intent, _json_text(data), error)
            if event_id is not None:
                _lib.fptc_write_set_event_id(intent, _text(event_id, "event_id"), error)
            if deadline is not None:
                _lib.fptc_write_set_deadline(intent, _milliseconds(deadline, "deadline"), error)
            _lib.fptc_write_set_mode(intent, mode, error)
            _lib.fptc_write_set_on_conflict(intent, _choice(_POLICIES, on_conflict, "on_conflict"), error)
            event_id = _lib.fptc_write_event_id(intent).decode()
            self._begin()
            try:
                status = _lib.fptc_cache_write(self._pointer, intent, result, error)
            except _errors.ShotgunError as failure:
                failure.event_id = event_id
                raise
            finally:
                self._end()
            if status == _capi.STATUS["FPTC_MISS"]:
                return None
            is_accepted = is_behind and status == _capi.STATUS["FPTC_PENDING"]
            if status > 0 and not is_accepted:
                raise _errors.from_status(_capi.status_name(status), status,
                                          error.message.decode("utf-8", "replace"), event_id=event_id)
            answer = copy(result)
            if is_accepted and isinstance(answer, Result):
                answer.pending = True
            return answer

    # --- the outbox ---

    def outbox(self, state: Optional[str] = None, event: Optional[str] = None,
               limit: Optional[int] = None) -> List[Dict[str, Any]]:
        """The writes in the outbox, the newest first: those without an end and the refused ones ("open"), the
        "refused" ones alone, or "all"; or the one of an event id. Keys as of the C function
        fptc_cache_outbox(); `said` is what FPT said, `next` what to do about it. FPT is not asked."""
        wanted = {"state": state, "event": event, "limit": limit}
        with _results.new() as result:
            self._call(_lib.fptc_cache_outbox,
                       _json_text({name: value for name, value in wanted.items() if value is not None}), result)
            return _results.copy_document(result)["writes"]

    def outbox_retry(self, event: str) -> bool:
        """Has a refused write sent again: by the next upkeep, or by repeating it with its event_id. False when
        there is no such write."""
        return self._decide("FPTC_VERDICT_RETRY", event)

    def outbox_edit(self, event: str, data: Dict[str, Any]) -> bool:
        """As outbox_retry(), with other fields in place of the write's own."""
        return self._decide("FPTC_VERDICT_RETRY", event, data)

    def outbox_drop(self, event: str) -> bool:
        """Gives a refused or pending write up, for ever. False when there is no such write."""
        return self._decide("FPTC_VERDICT_DROP", event)

    def outbox_drop_refused(self, older_than: float = 0) -> List[Dict[str, Any]]:
        """Gives every refused write up that is older than so many seconds, for ever; those given up, as
        outbox() had them. Not those with a conflict or an uncertain end: they are decided one by one."""
        return self._decide_refused("FPTC_VERDICT_DROP", older_than)

    def outbox_retry_refused(self, older_than: float = 0) -> List[Dict[str, Any]]:
        """Has all of these sent again, once: when FPT, a proxy or a permission refused what it should not have."""
        return self._decide_refused("FPTC_VERDICT_RETRY", older_than)

    def _decide_refused(self, verdict, older_than):
        before, decided, ids = None if older_than <= 0 else time.time() - older_than, [], set()
        while True:
            found = [write for write in self.outbox("refused") if write["state"] == "refused" and write["mine"] and
                     write["event"] not in ids and   # sent again meanwhile, and refused again
                     (before is None or calendar.timegm(time.strptime(write["when"], _WHEN)) <= before)]
            done = []
            for write in found:     # all of a batch are decided with one
                if write["batch"] in ids or self._is_decided(verdict, write["event"]):
                    done.append(write)
                    ids |= {write["event"], write["batch"]} - {None}
            if not done:
                return decided
            decided += done

    def _is_decided(self, verdict, event):
        try:
            return self._decide(verdict, event)
        except _errors.ShotgunError as error:
            if error.name != "FPTC_ESTATE":  # somebody else was faster
                raise
            return False

    def _decide(self, verdict, event, data=None):
        return self._call(_lib.fptc_cache_outbox_decide, _text(event, "event"), _capi.VERDICT[verdict],
                          _json_text(data)) == 0

    def upload(self, type: str, id: int, path: Union[str, "os.PathLike[str]"], field: Optional[str] = None, *,
               display_name: Optional[str] = None, deadline: Optional[float] = None,
               progress: Optional[Progress] = None) -> Dict[str, Any]:
        """Sends a file to FPT: into a file field, as the picture `image`, or without a field as an Attachment of
        the row. {"attachment": {"type", "id"} or None, "type", "id", "field", "bytes", "parts"}; FPT does not
        tell the attachment of a picture. progress(path, done, total) in bytes; if it returns something true
        the upload is given up and Cancelled raised. Repeating one whose end is unknown attaches it twice."""
        target = {"type": type, "id": id, "field": field, "display_name": display_name,
                  "deadline_ms": 0 if deadline is None else max(1, int(deadline * 1000))}
        error = _capi.ErrorInfo()
        with _results.new() as result, _caller(progress) as callback:
            self._begin()
            try:
                status = _lib.fptc_cache_upload(self._pointer, _text(os.fspath(path), "path"), _json_text(target),
                                                callback, None, result, error)
            finally:
                self._end()
            if status > 0:
                raise _errors.from_status(_capi.status_name(status), status,
                                          error.message.decode("utf-8", "replace"))
            return _results.copy_document(result)

    # --- mirrors and upkeep ---

    def mirror_add(self, type: str, project: int = 0, fields: Union[str, Sequence[str], None] = None) -> None:
        """Declares that a type of a project (0: a type without one) is kept whole; sync() fetches."""
        self._call(_lib.fptc_cache_mirror_add, project, _text(type, "type"), _list_text(fields, "fields"))

    def mirror_remove(self, type: str, project: int = 0) -> bool:
        """Takes a declaration back; False when there was none."""
        return self._call(_lib.fptc_cache_mirror_rm, project, _text(type, "type")) == 0

    def mirrors(self) -> List[Dict[str, Any]]:
        """The declarations, with their state."""
        with _results.new() as result:
            self._call(_lib.fptc_cache_mirror_list, result)
            return _results.copy_document(result)

    def sync(self, project: int = 0, progress: Optional[Progress] = None) -> Dict[str, Any]:
        """Brings what is mirrored up to date. progress(what, done, total) is called now and then; if it
        returns something true the work stops and Cancelled is raised; the next sync goes on there."""
        with _results.new() as result, _caller(progress) as callback:
            self._call(_lib.fptc_cache_sync, project, callback, None, result)
            return _results.copy_document(result)

    def verify(self, progress: Optional[Progress] = None) -> Dict[str, Any]:
        """Checks every file of the cache: {"files", "bytes", "problems": [{"file", "partition", "kind", "what",
        "next"}]}. Changes nothing, and may run while others write. progress as for sync(), in bytes."""
        with _results.new() as result, _caller(progress) as callback:
            try:
                self._call(_lib.fptc_cache_verify, callback, None, result)
            except _errors.StoreError as error:
                if not result or error.name != "FPTC_EDAMAGED":
                    raise
            return _results.copy_document(result)

    def maintain(self) -> Dict[str, Any]:
        """One round of upkeep of the partitions that nobody else holds, for cron or a farm job: fetches what
        changed of the mirrored types, finishes writes whose outcome is unknown, folds commits when it is time,
        deletes what no base needs."""
        with _results.new() as result:
            self._call(_lib.fptc_cache_maintain, result)
            return _results.copy_document(result)

    def hold(self, progress: Progress) -> None:
        """Does the upkeep, or stands by for whoever does it, until progress(what, held, partitions) returns
        something true; it is called every second or more often. The next one need not wait then."""
        with _caller(progress) as callback:
            self._call(_lib.fptc_cache_hold, callback, None)

    def compact(self, partition: Optional[str] = None) -> Optional[List[Dict[str, Any]]]:
        """Folds commits into new snapshots; None when there is no such partition."""
        with _results.new() as result:
            status = self._call(_lib.fptc_cache_compact, _text(partition, "partition"), result)
            return _results.copy_document(result) if status == 0 else None

    def pin(self, project: int = 0, ttl: Optional[float] = None) -> str:
        """Pins the present of a project (0: of the types without one alone), for open(..., pin=id) on any
        host. It ends when pin_touch() is not called for `ttl` seconds (24 hours), or with unpin()."""
        identity = ctypes.create_string_buffer(33)
        self._call(_lib.fptc_cache_pin, project, 0 if ttl is None else max(1, int(ttl * 1000)), identity)
        return identity.value.decode()

    def pin_touch(self, pin: str) -> bool:
        """Keeps a pin for another ttl; False when it has ended."""
        return self._call(_lib.fptc_cache_pin_touch, _text(pin, "pin")) == 0

    def unpin(self, pin: str) -> bool:
        """Ends a pin; False when there is none."""
        return self._call(_lib.fptc_cache_unpin, _text(pin, "pin")) == 0

    def pins(self) -> List[Dict[str, Any]]:
        """The pins of this cache directory, whoever made them."""
        with _results.new() as result:
            self._call(_lib.fptc_cache_pins, result)
            return _results.copy_document(result)

    def drop_project(self, project: int) -> bool:
        """Drops what the cache holds of a project, in FPT nothing; False when it never had any of it."""
        return self._call(_lib.fptc_cache_drop, project) == 0

    def status(self) -> Dict[str, Any]:
        """What the cache holds, how old it is, what is pending, and this handle's counters."""
        with _results.new() as result:
            self._call(_lib.fptc_cache_status, result)
            return _results.copy_document(result)


def doctor(directory: Union[str, "os.PathLike[str]"], peer: Optional[str] = None,
           deadline: Optional[float] = None) -> Dict[str, Any]:
    """Measures a directory before a cache is trusted to it: {"safe": ..., "checks": [...]}. With peer=NAME two
    hosts that give the same name measure together; deadline bounds the wait for the other (two minutes)."""
    with _results.new() as result:
        _lib.fptc_doctor(_text(os.fspath(directory), "directory"), _text(peer, "peer"),
                         int((deadline or 0) * 1000), result, _capi.ErrorInfo())
        return _results.copy_document(result)


def open(directory: Union[str, "os.PathLike[str]", None] = None, *, site: Optional[str] = None,
         log: Optional[Callable[[int, str], None]] = None, log_level: str = "warning", hold: str = "auto",
         **options) -> Cache:
    """Opens a cache directory (FPTCACHE_DIR when none is given). With site=URL it is made when absent.

    options: script_name, script_key, script_key_file, user_login, user_password, session_token,
    sudo_as_login, http_proxy, ca_file, pin (the handle reads what it holds), marker_field (a text field of FPT
    that creates leave their event id in), and mode, write, max_age, stale_max, deadline, refresh, grace, quiet
    (after this a write without an answer is looked up; ten minutes) in seconds. log(level, text) may be called
    on any thread.
    """
    filled = make_options(cache_dir=directory, site_url=site, hold=hold, **options)
    if site:
        init(filled)
    return Cache(filled, log, log_level)


def repair(directory: Union[str, "os.PathLike[str]", None] = None, *, site: Optional[str] = None,
           progress: Optional[Progress] = None, **options) -> Dict[str, Any]:
    """Repairs what Cache.verify() finds: what can be rebuilt is, what is lost is said and fetched from FPT
    again when it is asked for. {"files", "bytes", "problems", "rebuilt": [{"partition", "what"}],
    "lost": [{"partition", "kind", "what"}]}. A sound cache is left as it is. site and credentials are
    needed only when fptcache.json itself is damaged. options as for open()."""
    filled = make_options(cache_dir=directory, site_url=site, **options)
    error = _capi.ErrorInfo()
    with _results.new() as result, _caller(progress) as callback:
        _lib.fptc_cache_repair(filled, callback, None, result, error)
        return _results.copy_document(result)


def version() -> str:
    """The version of the C library that is loaded."""
    return _lib.fptc_version().decode()
