"""Exceptions: names as in shotgun_api3, made from the status of the C library."""

from typing import Optional


class ShotgunError(Exception):
    """Whatever went wrong. The message names the file, entity, field or host and the next step.

    status is the number and name the C name of the library's status (0 and "" for errors that Python
    itself found); event_id is set when a write was meant, and repeats it safely.
    """

    status: int = 0
    name: str = ""
    http_status: int = 0
    event_id: Optional[str] = None


Error = ShotgunError


class Fault(ShotgunError):
    """FPT refused the request, or would have: a wrong type, field, operator or value."""


class AuthenticationFault(Fault):
    """FPT did not accept the credentials, or none were given."""


class Conflict(Fault):
    """The row was changed by somebody else since it was read."""


class NotSupported(ShotgunError, NotImplementedError):
    """This version cannot do that; the message says what to do instead."""


class ProtocolError(ShotgunError):
    """FPT answered with a server error, or asked for patience, or what answered is not FPT."""


class NetworkError(ShotgunError, ConnectionError):
    """FPT cannot be reached, or its certificate could not be verified."""


class NoData(ShotgunError):
    """The answer is not in the cache, and FPT may not be or could not be asked."""


class StoreError(ShotgunError, OSError):
    """The cache directory or a file in it: missing, unreadable, full, damaged, of a newer format."""


class DeadlineExceeded(ShotgunError, TimeoutError):
    """The deadline passed."""


class Cancelled(ShotgunError):
    """The progress callback asked to stop; what was done so far is kept."""


class Closed(ShotgunError, ValueError):
    """The cache was closed, or was opened by the parent of this process: open a new one."""


class Unsettled(ShotgunError):
    """A write that is neither done nor failed. Never write it anew: repeat it with its event_id."""


class Pending(Unsettled):
    """An earlier write to the same row is not settled yet, and nothing was sent; or a row is not sent yet."""


class UnknownOutcome(Unsettled):
    """It was sent and FPT's answer was lost: it may or may not be done."""


class OutOfMemory(ShotgunError, MemoryError):
    """Out of memory."""


_CLASSES = {
    "FPTC_PENDING": Pending,
    "FPTC_UNKNOWN": UnknownOutcome,
    "FPTC_EUSAGE": Fault,
    "FPTC_EFORK": Closed,
    "FPTC_ESTATE": Closed,
    "FPTC_EIO": StoreError,
    "FPTC_ENOENT": StoreError,
    "FPTC_ENOSPC": StoreError,
    "FPTC_EACCESS": StoreError,
    "FPTC_EEXIST": StoreError,
    "FPTC_EFORMAT": StoreError,
    "FPTC_EDAMAGED": StoreError,
    "FPTC_ERACE": StoreError,
    "FPTC_EPINNED": StoreError,
    "FPTC_ENET": NetworkError,
    "FPTC_ETLS": NetworkError,
    "FPTC_ESERVER": ProtocolError,
    "FPTC_EREFUSED": Fault,
    "FPTC_EAUTH": AuthenticationFault,
    "FPTC_EBUSY": ProtocolError,
    "FPTC_ENODATA": NoData,
    "FPTC_ECONFLICT": Conflict,
    "FPTC_ENOMEM": OutOfMemory,
    "FPTC_ELIMIT": Fault,
    "FPTC_EDEADLINE": DeadlineExceeded,
    "FPTC_ECANCELLED": Cancelled,
    "FPTC_EINTERNAL": ShotgunError,
}


def from_status(name: str, status: int, message: str, sys_errno: int = 0, http_status: int = 0,
                event_id: Optional[str] = None) -> ShotgunError:
    """The exception for a status, by its C name; a name that is not known gives the base class."""
    error = _CLASSES.get(name, ShotgunError)(message or name)
    error.status = status
    error.name = name
    error.http_status = http_status
    error.event_id = event_id
    if isinstance(error, OSError) and sys_errno:
        error.errno = sys_errno
    return error
