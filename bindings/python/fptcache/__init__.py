"""Flow Production Tracking data from a shared directory.

    import fptcache
    sg = fptcache.Shotgun("https://studio.shotgrid.autodesk.com", "pipeline", key, cache_dir="/mnt/fptcache")
    sg.find("Shot", [["sg_status_list", "is", "ip"]], ["code"])

Shotgun takes the place of shotgun_api3.Shotgun; open() gives the cache itself, with the source, age and
completeness of every answer.
"""

from ._errors import (AuthenticationFault, Cancelled, Closed, Conflict, DeadlineExceeded, Error, Fault,
                      NetworkError, NoData, NotSupported, OutOfMemory, Pending, ProtocolError, ShotgunError,
                      StoreError, UnknownOutcome, Unsettled)
from .native import Cache, Change, Result, Rows, doctor, open, repair, version
from .shotgun import Shotgun

__version__ = "0.1.0"

__all__ = ["AuthenticationFault", "Cache", "Cancelled", "Change", "Closed", "Conflict", "DeadlineExceeded",
           "Error", "Fault", "NetworkError", "NoData", "NotSupported", "OutOfMemory", "Pending",
           "ProtocolError", "Result", "Rows", "Shotgun", "ShotgunError", "StoreError", "UnknownOutcome", "Unsettled",
           "doctor", "open", "repair", "version"]
