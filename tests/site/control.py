"""/_control: what tests ask of the site itself. No token, and never counted as a request."""

import json

from api import reply
from auth import Session
from errors import ApiError
from events import Events
from faults import Faults, Journal
from rows import Store
from schema import Field


class Control:
    def __init__(self, store: Store, api, events: Events, faults: Faults, journal: Journal):
        self.store, self.api, self.events = store, api, events
        self.faults, self.journal = faults, journal
        self.site = None        # set when the server exists

    def __call__(self, request):
        name = request.path[len("/_control"):].strip("/").replace("-", "_")
        work = getattr(self, f"{request.method.lower()}_{name or 'site'}", None)
        if work is None:
            return reply(404, {"error": f"no such control call: {request.method} {request.path}"})
        try:
            body = json.loads(request.body) if request.body else {}
            with self.site.lock:
                return work(request, body)
        except ApiError as error:
            return reply(error.status, {"error": error.args[0], "source": error.source, "detail": error.detail})
        except (KeyError, TypeError, ValueError) as error:
            return reply(400, {"error": f"{type(error).__name__}: {error}"})

    # -- looking

    def get_requests(self, request, body):
        return reply(200, self.journal.shown())

    def get_faults(self, request, body):
        return reply(200, self.faults.shown())

    def get_late(self, request, body):
        """How many late commits are still to come, and how many were done (or refused, late)."""
        return reply(200, self.site.later.shown())

    def get_rows(self, request, body):
        table = self.store.tables[request.query["type"]]
        ids = table.retired if request.query.get("retired") in ("1", "true") else table.active
        return reply(200, [self.api.renderer.flat(table.rows[row_id]) for row_id in ids])

    def get_types(self, request, body):
        return reply(200, {name: {"active": len(table.active), "retired": len(table.retired)}
                           for name, table in self.store.tables.items() if table.rows})

    def get_uploads(self, request, body):
        return reply(200, self.api.uploads.shown())

    # -- steering

    def post_uploads(self, request, body):
        """{"service": "s3" or "sg", "expired": so many addresses are, "expired_part": the next one for that part is,
        "has_etags": storage names parts}."""
        self.api.uploads.steer(body)
        return reply(200, self.api.uploads.shown())

    def post_site(self, request, body):
        unknown = set(body) - {"clock", "clock_offset"}
        if unknown:
            raise ValueError(f"unknown keys {sorted(unknown)}; known: clock, clock_offset")
        if "clock" in body:
            self.store.clock.pin(body["clock"])
        if "clock_offset" in body:
            self.store.clock.offset = float(body["clock_offset"])
        return reply(200, {"clock": self.store.clock.stamp()})

    def post_reset_requests(self, request, body):
        self.journal.reset()
        return reply(200, {})

    def post_faults(self, request, body):
        self.faults.arm(body if isinstance(body, list) else [body])
        return reply(200, self.faults.shown())

    def post_clear_faults(self, request, body):
        self.faults.clear()
        return reply(200, {})

    def post_seed(self, request, body):
        """{"seed": n}: the faults that have a probability strike in another order from now on."""
        self.faults.seed(body["seed"])
        return reply(200, {"seed": body["seed"]})

    def post_latency(self, request, body):
        """{"ms": of every request, "batch_ms": for each request in a batch, besides}."""
        self.site.latency = float(body["ms"]) / 1000
        self.site.batch_latency = float(body.get("batch_ms", 0)) / 1000
        return reply(200, {"ms": body["ms"], "batch_ms": body.get("batch_ms", 0)})

    def post_expire_tokens(self, request, body):
        self.api.auth.end_all()
        return reply(200, {})

    def post_token_seconds(self, request, body):
        self.api.auth.seconds = int(body["seconds"])
        return reply(200, {"seconds": self.api.auth.seconds})

    def post_events(self, request, body):
        """{"hold": true} keeps new events back, false shows them; {"gap_probability": p}."""
        if "gap_probability" in body:
            self.events.gap_probability = float(body["gap_probability"])
        if body.get("hold") is True:
            self.events.hold()
        released = self.events.release() if body.get("hold") is False else 0
        return reply(200, {"released": released, "held": len(self.events.held or ())})

    # -- changing rows as somebody else would

    def _session(self, body):
        """Another user, whose writes are logged unless {"silent": true}."""
        table = self.store.tables["HumanUser"]
        user = next((table.rows[row_id] for row_id in table.active), None)
        if user is None:
            raise ValueError("no active HumanUser to act as")
        return Session(user, user, "admin", None, not body.get("silent"))

    def _done(self, work, *arguments):
        writer = self.api.writer
        writer.atomically(work, *arguments)
        return reply(200, {})

    def _type(self, body):
        return self.store.schema.types[body["type"]]

    def post_touch(self, request, body):
        self._done(self.api.writer.update, self._session(body), self._type(body), body["id"], body["fields"])
        row = self.store.row((body["type"], body["id"]))
        return reply(200, self.api.renderer.flat(row))

    def post_create(self, request, body):
        row, _ = self.api.writer.atomically(self.api.writer.create, self._session(body), self._type(body),
                                            body["fields"])
        return reply(200, self.api.renderer.flat(row))

    def post_retire(self, request, body):
        return self._done(self.api.writer.retire, self._session(body), self._type(body), body["id"])

    def post_revive(self, request, body):
        return self._done(self.api.writer.revive, self._session(body), self._type(body), body["id"])

    def post_move(self, request, body):
        """{"type", "id", "project": id}: into another project."""
        fields = {"project": {"type": "Project", "id": body["project"]}}
        return self._done(self.api.writer.update, self._session(body), self._type(body), body["id"], fields)

    def post_schema(self, request, body):
        """{"project": id, "hide": ["Asset", "Shot.code"]}; {"add": {"type", "name", "data_type"}}."""
        if "project" in body:
            self.store.schema.hidden[str(body["project"])] = set(body["hide"])
        if "add" in body:
            new = body["add"]
            self._type(new).fields[new["name"]] = Field(new["name"], new["data_type"])
        return reply(200, {})

    def post_set(self, request, body):
        """{"type", "id", "fields"}: stored values as they are, no check, no event, no updated_at."""
        row = self.store.any_row((body["type"], body["id"]))
        if row is None:
            raise ValueError(f"no {body['type']} {body['id']}")
        for name, value in body["fields"].items():
            field = self.store.schema.types[row.type].fields[name]
            if field.type in ("entity", "multi_entity"):
                raise ValueError(f"{name} is a link: use touch")
            self.store.put(row, name, value)
        return reply(200, self.api.renderer.flat(row))

