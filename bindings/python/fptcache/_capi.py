"""The C library as ctypes sees it. Declarations only; tests/python compares them with the header.

The library is looked for in this order: the file named by FPTCACHE_LIBRARY, inside this package, on
the system. It is loaded with its symbols kept to itself (RTLD_LOCAL, which is what ctypes does).
"""

import ctypes
import os
import pathlib
from ctypes import (CFUNCTYPE, POINTER, Structure, c_char, c_char_p, c_double, c_int32, c_int64, c_size_t,
                    c_uint32, c_void_p)

from . import _errors

VERSION = "0.1.0"
SONAME = "libfptcache.so.0.1"

# --- enumerations: the numbers of the header ---

STATUS = {
    "FPTC_OK": 0, "FPTC_MISS": 1, "FPTC_END": 2, "FPTC_PENDING": 3, "FPTC_UNKNOWN": 4,
    "FPTC_EUSAGE": -1, "FPTC_EFORK": -2, "FPTC_ESTATE": -3,
    "FPTC_EIO": -10, "FPTC_ENOENT": -11, "FPTC_ENOSPC": -12, "FPTC_EACCESS": -13, "FPTC_EEXIST": -14,
    "FPTC_EFORMAT": -20, "FPTC_EDAMAGED": -21, "FPTC_ERACE": -30, "FPTC_EPINNED": -31,
    "FPTC_ENET": -40, "FPTC_ETLS": -41, "FPTC_ESERVER": -50, "FPTC_EREFUSED": -51, "FPTC_EAUTH": -52,
    "FPTC_EBUSY": -53, "FPTC_ENODATA": -54, "FPTC_ECONFLICT": -55, "FPTC_ENOMEM": -60,
    "FPTC_ELIMIT": -61, "FPTC_EDEADLINE": -62, "FPTC_ECANCELLED": -63, "FPTC_EINTERNAL": -70,
}
MODE = {"FPTC_MODE_DEFAULT": 0, "FPTC_MODE_PREFER_CACHE": 1, "FPTC_MODE_ONLY_CACHE": 2, "FPTC_MODE_REFRESH": 3}
HOLD = {"FPTC_HOLD_DEFAULT": 0, "FPTC_HOLD_NEVER": 1, "FPTC_HOLD_AUTO": 2, "FPTC_HOLD_ALWAYS": 3}
WRITE = {"FPTC_WRITE_DEFAULT": 0, "FPTC_WRITE_THROUGH": 1, "FPTC_WRITE_BEHIND": 2}
PENDING = {"FPTC_SHOW_PENDING": 1, "FPTC_HIDE_PENDING": 2}
CONFLICT = {"FPTC_CONFLICT_DEFAULT": 0, "FPTC_CONFLICT_FAIL": 1, "FPTC_CONFLICT_OVERWRITE": 2,
            "FPTC_CONFLICT_MERGE": 3}
LOG = {"FPTC_LOG_ERROR": 1, "FPTC_LOG_WARNING": 2, "FPTC_LOG_INFO": 3, "FPTC_LOG_DEBUG": 4}
SOURCE = {"FPTC_SOURCE_CACHE": 1, "FPTC_SOURCE_UPSTREAM": 2, "FPTC_SOURCE_STALE": 3}
CHANGE = {"FPTC_CHANGE_ROW": 1, "FPTC_CHANGE_GONE": 2, "FPTC_CHANGE_MOVED": 3}
KIND = {"FPTC_KIND_ABSENT": 0, "FPTC_KIND_NULL": 1, "FPTC_KIND_TEXT": 2, "FPTC_KIND_INT": 3,
        "FPTC_KIND_FLOAT": 4, "FPTC_KIND_BOOL": 5, "FPTC_KIND_LINK": 6, "FPTC_KIND_LINKS": 7, "FPTC_KIND_JSON": 8}
VERB = {"FPTC_VERB_CREATE": 1, "FPTC_VERB_UPDATE": 2, "FPTC_VERB_DELETE": 3, "FPTC_VERB_REVIVE": 4,
        "FPTC_VERB_BATCH": 5}
VERDICT = {"FPTC_VERDICT_RETRY": 1, "FPTC_VERDICT_DROP": 2}
ENUMS = {**STATUS, **MODE, **HOLD, **WRITE, **CONFLICT, **PENDING, **LOG, **SOURCE, **CHANGE, **KIND, **VERB, **VERDICT}
ZERO_MS = -1

# --- types ---

LogFn = CFUNCTYPE(None, c_int32, c_char_p, c_void_p)
ProgressFn = CFUNCTYPE(c_int32, c_char_p, c_int64, c_int64, c_void_p)


class Cache(Structure):
    """fptc_cache: opaque."""


class Query(Structure):
    """fptc_query: opaque."""


class Write(Structure):
    """fptc_write: opaque."""


class Result(Structure):
    """fptc_result: opaque."""


class ErrorInfo(Structure):
    """fptc_error."""

    _fields_ = [("status", c_int32), ("sys_errno", c_int32), ("http_status", c_int32), ("curl_code", c_int32),
                ("line", c_int32), ("message", c_char * 492)]


class Options(Structure):
    """fptc_options."""

    _fields_ = [("struct_size", c_uint32), ("mode", c_int32), ("hold", c_int32), ("write_mode", c_int32),
                ("cache_dir", c_char_p), ("site_url", c_char_p), ("script_name", c_char_p),
                ("script_key", c_char_p), ("script_key_file", c_char_p), ("user_login", c_char_p),
                ("user_password", c_char_p), ("session_token", c_char_p), ("sudo_as_login", c_char_p),
                ("http_proxy", c_char_p), ("ca_file", c_char_p), ("max_age_ms", c_int64),
                ("stale_max_ms", c_int64), ("deadline_ms", c_int64), ("refresh_ms", c_int64),
                ("grace_ms", c_int64), ("log_level", c_int32), ("reserved", c_int32), ("log", LogFn),
                ("log_payload", c_void_p), ("pin", c_char_p), ("quiet_ms", c_int64), ("marker_field", c_char_p)]


# Sizes the library was promised to have; a test compares them with the compiler's.
SIZES = {"fptc_error": 512, "fptc_options": 192}

C, Q, W, R, E = POINTER(Cache), POINTER(Query), POINTER(Write), POINTER(Result), POINTER(ErrorInfo)
O, Text, Bytes, Status = POINTER(Options), c_char_p, POINTER(c_char), c_int32

# --- functions: name, result, arguments ---

FUNCTIONS = {
    "fptc_version": (Text, []),
    "fptc_status_name": (Text, [Status]),
    "fptc_options_from_environment": (Status, [O, E]),
    "fptc_cache_init": (Status, [O, E]),
    "fptc_cache_open": (Status, [O, POINTER(C), E]),
    "fptc_cache_close": (None, [C]),
    "fptc_query_new": (Status, [Text, POINTER(Q), E]),
    "fptc_query_free": (None, [Q]),
    "fptc_query_set_filters": (Status, [Q, Text, E]),
    "fptc_query_set_fields": (Status, [Q, Text, E]),
    "fptc_query_set_order": (Status, [Q, Text, E]),
    "fptc_query_set_limit": (Status, [Q, c_int64, c_int64, E]),
    "fptc_query_set_scope": (Status, [Q, c_int32, c_int32, E]),
    "fptc_query_set_freshness": (Status, [Q, c_int32, c_int64, c_int64, E]),
    "fptc_query_set_streaming": (Status, [Q, c_int32, E]),
    "fptc_query_set_pending": (Status, [Q, c_int32, E]),
    "fptc_cache_find": (Status, [C, Q, POINTER(R), E]),
    "fptc_cache_explain": (Status, [C, Q, POINTER(R), E]),
    "fptc_cache_sql": (Status, [C, c_int64, Text, c_int64, POINTER(R), E]),
    "fptc_cache_text_search": (Status, [C, Text, Text, c_int64, c_int64, POINTER(R), E]),
    "fptc_cache_schema": (Status, [C, Text, Text, c_int64, POINTER(R), E]),
    "fptc_cache_summarize": (Status, [C, Q, Text, Text, POINTER(R), E]),
    "fptc_cache_changes": (Status, [C, Text, c_int64, c_int64, c_int64, POINTER(R), E]),
    "fptc_result_next": (Status, [R]),
    "fptc_result_rewind": (None, [R]),
    "fptc_result_free": (None, [R]),
    "fptc_result_count": (c_int64, [R]),
    "fptc_result_source": (c_int32, [R]),
    "fptc_result_age_ms": (c_int64, [R]),
    "fptc_result_is_complete": (c_int32, [R]),
    "fptc_result_warnings": (Text, [R]),
    "fptc_result_event_id": (Text, [R]),
    "fptc_result_id": (c_int64, [R]),
    "fptc_result_type": (Text, [R]),
    "fptc_result_version": (c_int64, [R]),
    "fptc_result_change": (c_int32, [R]),
    "fptc_result_is_pending": (c_int32, [R]),
    "fptc_result_n_fields": (c_size_t, [R]),
    "fptc_result_field": (Text, [R, c_size_t]),
    "fptc_result_kind": (c_int32, [R, Text]),
    "fptc_result_text": (Text, [R, Text]),
    "fptc_result_int64": (c_int64, [R, Text]),
    "fptc_result_double": (c_double, [R, Text]),
    "fptc_result_n_links": (c_size_t, [R, Text]),
    "fptc_result_link": (Status, [R, Text, c_size_t, POINTER(Text), POINTER(c_int64), POINTER(Text)]),
    "fptc_result_row_json": (Bytes, [R, POINTER(c_size_t)]),
    "fptc_result_json": (Bytes, [R, POINTER(c_size_t)]),
    "fptc_write_new": (Status, [c_int32, Text, c_int64, POINTER(W), E]),
    "fptc_write_free": (None, [W]),
    "fptc_write_set_data": (Status, [W, Text, E]),
    "fptc_write_set_event_id": (Status, [W, Text, E]),
    "fptc_write_event_id": (Text, [W]),
    "fptc_write_set_deadline": (Status, [W, c_int64, E]),
    "fptc_write_set_mode": (Status, [W, c_int32, E]),
    "fptc_write_set_on_conflict": (Status, [W, c_int32, E]),
    "fptc_cache_resolve": (Status, [C, c_int64, POINTER(c_int64), E]),
    "fptc_cache_write": (Status, [C, W, POINTER(R), E]),
    "fptc_cache_outbox": (Status, [C, Text, POINTER(R), E]),
    "fptc_cache_outbox_decide": (Status, [C, Text, c_int32, Text, E]),
    "fptc_cache_upload": (Status, [C, Text, Text, ProgressFn, c_void_p, POINTER(R), E]),
    "fptc_cache_mirror_add": (Status, [C, c_int64, Text, Text, E]),
    "fptc_cache_mirror_rm": (Status, [C, c_int64, Text, E]),
    "fptc_cache_mirror_list": (Status, [C, POINTER(R), E]),
    "fptc_cache_verify": (Status, [C, ProgressFn, c_void_p, POINTER(R), E]),
    "fptc_cache_repair": (Status, [POINTER(Options), ProgressFn, c_void_p, POINTER(R), E]),
    "fptc_cache_sync": (Status, [C, c_int64, ProgressFn, c_void_p, POINTER(R), E]),
    "fptc_cache_compact": (Status, [C, Text, POINTER(R), E]),
    "fptc_cache_maintain": (Status, [C, POINTER(R), E]),
    "fptc_cache_hold": (Status, [C, ProgressFn, c_void_p, E]),
    "fptc_cache_pin": (Status, [C, c_int64, c_int64, POINTER(c_char), E]),
    "fptc_cache_pin_touch": (Status, [C, Text, E]),
    "fptc_cache_unpin": (Status, [C, Text, E]),
    "fptc_cache_pins": (Status, [C, POINTER(R), E]),
    "fptc_cache_drop": (Status, [C, c_int64, E]),
    "fptc_cache_status": (Status, [C, POINTER(R), E]),
    "fptc_doctor": (Status, [Text, Text, c_int64, POINTER(R), E]),
}

# --- loading ---

_NAMES = {number: name for name, number in STATUS.items()}


def status_name(status):
    return _NAMES.get(status, "FPTC_E?")


def _raise_failure(status, _function, arguments):
    """ctypes' errcheck of every function that ends with an fptc_error: raises below 0."""
    if status < 0:
        error = arguments[-1]
        raise _errors.from_status(status_name(status), status, error.message.decode("utf-8", "replace"),
                                  error.sys_errno, error.http_status)
    return status


def library_path():
    """Where the library is: the first place that has it, or its bare name for the system to find."""
    named = os.environ.get("FPTCACHE_LIBRARY")
    if named:
        return os.path.abspath(named)
    inside = sorted(pathlib.Path(__file__).resolve().parent.glob("libfptcache.so*"))
    return str(inside[0]) if inside else SONAME


def load(path=None):
    """Loads the library and declares its functions; ImportError when it is missing or does not fit."""
    path = path or library_path()
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(f"libfptcache cannot be loaded ({error}); install it, or set FPTCACHE_LIBRARY to "
                          f"the file libfptcache.so") from error
    for name, (result, arguments) in FUNCTIONS.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise ImportError(f"{path} has no function {name}: it is not the libfptcache of "
                              f"this package, version {VERSION}") from None
        function.restype = result
        function.argtypes = arguments
        if arguments and arguments[-1] is E:
            function.errcheck = _raise_failure
    found = library.fptc_version().decode()
    # While the major number is 0, a new minor number may break what an old one promised.
    if found.split(".")[:2] != VERSION.split(".")[:2]:
        raise ImportError(f"{path} is version {found}; this package needs {VERSION}")
    for struct, size in ((ErrorInfo, SIZES["fptc_error"]), (Options, SIZES["fptc_options"])):
        if ctypes.sizeof(struct) != size:
            raise ImportError(f"{struct.__name__} has {ctypes.sizeof(struct)} bytes instead of {size}")
    return library
