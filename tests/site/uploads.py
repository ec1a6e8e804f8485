"""Uploads: where to send a file, the storage service that takes it, and what is made of it when it is complete.

Storage is this server too, under /_storage and at the name `localhost`: another origin than the site's own, with
addresses that are signed and expire, XML for errors, and no place for a bearer token. It keeps sizes and checksums.
"""

import hashlib
import json
import os
from urllib.parse import quote, urlencode

from errors import ApiError, bad_request, invalid_parameters

PREFIX = "/_storage/"
SMALLEST_PART = 5 * 1024 * 1024     # of every part but the last
INFO = ("timestamp", "upload_type", "upload_id", "storage_service", "original_filename")
PICTURES = ("image", "filmstrip_image")


class Uploads:
    """What was asked for, what storage has, and what tests want to go wrong."""

    def __init__(self, store, writer, json_type):
        self.store, self.writer, self.json_type = store, writer, json_type
        self.service = "s3"
        self.expired = 0            # so many addresses from now on are good for nothing
        self.expired_part = 0       # the next address for this part is
        self.has_etags = True
        self.minted = {}            # signature -> (upload, part number, is it expired)
        self.open = {}              # upload id -> {part number: (etag, size)}
        self.objects = {}           # storage key -> (etag, size)
        self.files, self.aborted, self.tokens_seen = [], 0, 0

    def shown(self):
        return {"files": self.files, "open": len(self.open), "aborted": self.aborted,
                "tokens_seen": self.tokens_seen, "expired_part": self.expired_part}

    def steer(self, body):
        unknown = set(body) - {"service", "expired", "expired_part", "has_etags"}
        if unknown:
            raise ValueError(f"unknown keys {sorted(unknown)}; known: service, expired, expired_part, has_etags")
        for name, value in body.items():
            setattr(self, name, value)

    # -- 1. where to

    def begin(self, request, entity_type, row, field):
        filename = request.query.get("filename")
        if not filename:
            raise invalid_parameters({"filename": ["filename is missing"]})
        self._check_field(entity_type, field)
        in_parts = request.query.get("multipart_upload") == "true"
        if in_parts and self.service == "sg":
            raise ApiError(400, 103, "Multi-part is not supported for this upload.",
                           {"multipart_upload": "not supported for this storage service (sg)."})
        upload = {"key": os.urandom(8).hex() + "/" + filename, "type": row.type, "id": row.id, "field": field,
                  "upload_id": os.urandom(76).hex() if in_parts else None}
        if in_parts:
            self.open[upload["upload_id"]] = {}
        info = {"timestamp": self.store.clock.stamp(),
                "upload_type": "Thumbnail" if field in PICTURES else "Attachment", "upload_id": upload["upload_id"],
                "storage_service": self.service, "original_filename": filename, "multipart_upload": in_parts}
        path = request.target.partition("?")[0]
        links = {"upload": self._address(request, upload, 1), "complete_upload": path}
        if self.service == "sg":
            links["upload"] = f"http://{request.headers['host']}{path}?" + links["upload"].partition("?")[2]
        if in_parts:
            links["get_next_part"] = self._part_link(path, info, 2)
        self.minted[path + "\n" + info["timestamp"] + "\n" + filename] = upload
        return {"data": info, "links": links}

    @staticmethod
    def _check_field(entity_type, field):
        known = entity_type.fields.get(field) if field else True
        if known is None:
            raise ApiError(404, 103, "Not Found", None, f"Field '{entity_type.name}.{field}' does not exist.")
        if field and known.type not in ("url", "image") and known.valid_types != ["Attachment"]:
            raise bad_request(f"Field '{field}' is not an image or attachment field")

    @staticmethod
    def _part_link(path, info, number):
        named = {"filename": info["original_filename"], "part_number": number, "timestamp": info["timestamp"],
                 "upload_id": info["upload_id"], "upload_type": info["upload_type"]}
        return f"{path}/multipart?{urlencode(named)}"

    def _address(self, request, upload, number):
        signature = os.urandom(32).hex()
        is_expired = self.expired > 0 or number == self.expired_part > 0
        self.expired -= self.expired > 0
        self.expired_part *= number != self.expired_part
        self.minted[signature] = (upload, number, is_expired)
        port = request.headers["host"].rpartition(":")[2]
        named = {"X-Amz-Expires": 900, "partNumber": number, "X-Amz-Signature": signature}
        return f"http://localhost:{port}{PREFIX}{quote(upload['key'])}?{urlencode(named)}"

    def next_part(self, request):
        missing = [name for name in ("upload_type", "filename", "timestamp", "part_number") if name not in request.query]
        if missing:
            raise invalid_parameters({name: [f"{name} is missing"] for name in missing})
        if "upload_id" not in request.query:
            raise ApiError(400, 103, "Could not generate upload url. Check the site settings.", {})
        path = request.target.partition("?")[0].rpartition("/multipart")[0]
        upload = self._begun(path, {**request.query, "original_filename": request.query["filename"]})
        number = int(request.query["part_number"])
        info = {"original_filename": request.query["filename"], **request.query}
        return {"links": {"upload": self._address(request, upload, number),
                          "get_next_part": self._part_link(path, info, number + 1)}}

    def _begun(self, path, info):
        upload = self.minted.get(f"{path}\n{info.get('timestamp')}\n{info.get('original_filename')}")
        if upload is None:
            raise bad_request("There is no such upload.")
        return upload

    # -- 2. the bytes

    def put(self, request):
        """(status, headers, text) of storage."""
        if "authorization" in request.headers:
            self.tokens_seen += 1
            return self._refused(400, "InvalidArgument", "Only one auth mechanism allowed")
        upload, number, is_expired = self.minted.get(request.query.get("X-Amz-Signature"), (None, 0, False))
        if upload is None:
            return self._refused(403, "SignatureDoesNotMatch", request.target)
        if is_expired:
            return self._refused(403, "AccessDenied", f"Request has expired {request.target}")
        if len(request.body) != int(request.headers.get("content-length", -1)):
            return self._refused(400, "IncompleteBody", "")
        etag = hashlib.md5(request.body, usedforsecurity=False).hexdigest()
        kept = (etag, len(request.body), request.content_type)
        if upload["upload_id"] is None:
            self.objects[upload["key"]] = kept
        elif upload["upload_id"] in self.open:
            self.open[upload["upload_id"]][number] = kept
        else:
            return self._refused(404, "NoSuchUpload", "")
        return 200, {"etag": f'"{etag}"'} if self.has_etags else {"etag": ""}, ""

    @staticmethod
    def _refused(status, code, words):
        return status, {"content-type": "application/xml"}, (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{words}</Message></Error>')

    def put_on_site(self, request):
        """The site's own storage: signed as well, and with a token."""
        upload, _, is_expired = self.minted.get(request.query.get("X-Amz-Signature"), (None, 0, False))
        if upload is None or is_expired:
            raise ApiError(403, 103, "The upload link is not valid any more.")
        upload["upload_id"] = None
        kept = hashlib.md5(request.body, usedforsecurity=False).hexdigest(), len(request.body), request.content_type
        self.objects[upload["key"]] = kept
        named = {"upload_id": "site-" + upload["key"][:16], "original_filename": upload["key"].partition("/")[2]}
        return {"data": named, "links": {"complete_upload": request.target.partition("?")[0]}}

    # -- 3. what is made of it

    def complete(self, request, session, row, field):
        body = request.json(self.json_type)
        info = body.get("upload_info")
        missing = [name for name in ("upload_info", "upload_data") if not isinstance(body.get(name), dict)]
        if missing:
            raise invalid_parameters({name: [f"{name} is missing"] for name in missing})
        upload = self._begun(request.path, info)
        if upload["upload_id"]:
            self._put_together(upload, info)
        elif self.service == "sg" and not str(info.get("upload_id", "")).startswith("site-"):
            raise bad_request("There is no such upload.")
        name = info["original_filename"]
        display = body["upload_data"].get("display_name") or name
        kept = self.objects.get(upload["key"])
        attachment = self.writer.atomically(self._attach, session, row, field, upload["key"], name, display, kept)
        self.files.append({"type": row.type, "id": row.id, "field": field, "filename": name, "display_name": display,
                           "attachment": attachment, "bytes": kept and kept[1], "md5": kept and kept[0],
                           "content_type": kept and kept[2], "parts": len(info.get("etags") or ()) or 1})

    def _put_together(self, upload, info):
        if "etags" not in info:
            raise bad_request("'multipart_upload' is True but no 'etags' send with request.",
                              {"etags": "missing and required for multipart uploads."})
        parts = self.open.get(upload["upload_id"])
        etags = [etag.strip('"') for etag in info["etags"]]
        if parts is None or etags != [parts[number][0] for number in sorted(parts)] \
                or any(parts[number][1] < SMALLEST_PART for number in sorted(parts)[:-1]):
            raise ApiError(400, 103, "Error completing multipart upload.", {})
        del self.open[upload["upload_id"]]
        whole = hashlib.md5("".join(etags).encode(), usedforsecurity=False).hexdigest()
        first = parts[min(parts)]
        self.objects[upload["key"]] = (whole, sum(part[1] for part in parts.values()), first[2])

    def _attach(self, session, row, field, key, name, display, kept):
        """The Attachment's id, None for a picture."""
        if field in PICTURES:
            self.writer.put_value(session, row, field, key)
            return None
        link = {"url": key, "name": display, "content_type": kept and kept[2], "link_type": "upload",
                "type": "Attachment"}
        sent = {"display_name": display, "filename": name, "original_fname": name, "this_file": link,
                "file_extension": name.rpartition(".")[2], "project": row.v.get("project")}
        if field is None:
            sent["attachment_links"] = ("set", [row.key])
        made = self.writer.insert(session, self.store.schema.types["Attachment"], sent)
        link["id"] = made.id
        if field is not None and self.store.schema.types[row.type].fields[field].type == "url":
            self.writer.put_value(session, row, field, link)
        elif field is not None:
            self.writer.put_value(session, row, field, ("add", [made.key]))
        return made.id

    def abort(self, request):
        info = request.json(self.json_type)
        if not isinstance(info, dict) or not request.body:
            raise bad_request("No data in request body.", {})
        missing = [name for name in INFO if name not in info]
        if missing:
            raise invalid_parameters({name: [f"{name} is missing"] for name in missing})
        if self.open.pop(info["upload_id"], None) is None:
            raise ApiError(400, 103, "Failed to abort S3 multipart upload", {})
        self.aborted += 1


def route(uploads, request, session, entity_type, row, rest):
    """(status, text) of a request under .../_upload, or None when there is no such thing."""
    field = None if rest[0] == "_upload" else rest[0]
    if field is not None and field not in entity_type.fields:
        raise ApiError(404, 103, "Not Found", None, f"Field '{entity_type.name}.{field}' does not exist.")
    more, method = rest[rest.index("_upload") + 1:], request.method
    if method == "GET" and not more:
        return 200, json.dumps(uploads.begin(request, entity_type, row, field))
    if method == "GET" and more == ["multipart"]:
        return 200, json.dumps(uploads.next_part(request))
    if method == "PUT" and not more:
        return 200, json.dumps(uploads.put_on_site(request))
    if method == "POST" and not more:
        uploads.complete(request, session, row, field)
        return 201, " "
    if method == "POST" and more == ["multipart_abort"]:
        uploads.abort(request)
        return 204, ""
    return None
