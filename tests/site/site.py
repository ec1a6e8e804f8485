#!/usr/bin/env python3
"""The test FPT site: a local server that answers like the REST API of Flow Production Tracking.

See README.md beside this file.
"""

import argparse
import gc
import os
import pickle
import signal
import ssl
import sys
import threading

import data
import recorded
import schema as schemas
from api import Api
from auth import Auth
from control import Control
from events import Events
from faults import Faults, Journal
from rows import Store
from server import Server, Site

PREFERENCES = {
    "format_date_fields": "08/04/22 OR 04/08/22 (depending on the Month order preference)",
    "date_component_order": "month_day", "format_time_hour_fields": "12 hour",
    "format_currency_fields_display_dollar_sign": False, "format_currency_fields_decimal_options": "$1,000.99",
    "format_currency_fields_negative_options": "- $1,000", "format_number_fields": "1,000",
    "format_float_fields": "9,999.99", "format_float_fields_rounding": "9.999999",
    "format_footage_fields": "10-05", "support_local_storage": True, "view_master_settings": "{}",
    "duration_units": "days", "hours_per_day": 8.0, "enable_rv_integration": True,
    "enable_shotgun_review_for_rv": False, "creative_review_settings": "{}",
}
STATE_FORMAT = 1


def arguments(argv=None):
    parser = argparse.ArgumentParser(description="A local site that answers like the FPT REST API.")
    add = parser.add_argument
    add("--port", type=int, default=0, help="0 (the default) takes a free one")
    add("--listen", default="127.0.0.1", metavar="ADDRESS", help="127.0.0.1 unless virtual machines are to reach it")
    add("--port-file", help="the port number is written here once the site answers")
    add("--seed", type=int, default=7)
    add("--rows", type=int, default=2000, help="how many rows to generate in all; 0 for an empty site")
    add("--projects", type=int, default=3)
    add("--schema", help="a schema dump as JSON instead of the built-in schema")
    add("--load-recorded", metavar="FILE", help="also load the rows of recorded REST exchanges")
    add("--latency-ms", type=float, default=0, help="every request takes at least this long")
    add("--token-seconds", type=int, default=600)
    add("--log", help="append one JSON line per request to this file")
    add("--script-name", default="test_script")
    add("--script-key", default="test_key_0123456789")
    add("--state", help="rows are loaded from this file if it exists, and saved to it at the end")
    add("--tls-cert")
    add("--tls-key")
    return parser.parse_args(argv)


def build_store(options):
    """The rows: from the state file, or generated."""
    if options.state and os.path.exists(options.state):
        with open(options.state, "rb") as stream:
            state = pickle.load(stream)
        if state.get("format") != STATE_FORMAT:
            raise ValueError(f"{options.state}: not a state file of this version")
        store = Store(state["schema"])
        for name, (rows, last_id) in state["tables"].items():
            for row in sorted(rows, key=lambda each: each.id):
                store.tables[name].add(row)
            store.tables[name].last_id = last_id
        store.clock.pinned, store.clock.offset = state["clock"]
        return store
    schema = schemas.from_file(options.schema) if options.schema else schemas.builtin()
    if options.load_recorded:
        schema = recorded.schema_of(schema, options.load_recorded)
    store = Store(schema)
    if options.load_recorded:
        recorded.load(store, options.load_recorded)
    data.generate(store, options.seed, options.rows, options.projects, options.script_name)
    return store


def save(store, path):
    """Writes the state file, whole or not at all."""
    state = {"format": STATE_FORMAT, "schema": store.schema, "clock": (store.clock.pinned, store.clock.offset),
             "tables": {name: (list(table.rows.values()), table.last_id) for name, table in store.tables.items()}}
    write_atomically(path, pickle.dumps(state, protocol=pickle.HIGHEST_PROTOCOL))


def write_atomically(path, content):
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "wb") as stream:
        stream.write(content)
    os.replace(temporary, path)


def build_site(store, options):
    auth = Auth(store, "127.0.0.1", options.token_seconds, f"secret of seed {options.seed}")
    auth.keys = {options.script_name: options.script_key, data.SILENT_SCRIPT: data.SILENT_KEY}
    events = Events(store, options.seed)
    preferences = recorded.preferences(options.load_recorded) if options.load_recorded else PREFERENCES
    api = Api(store, auth, events, preferences, "test_site")
    faults, journal = Faults(options.seed), Journal(options.log)
    control = Control(store, api, events, faults, journal)
    site = Site(api, control, faults, journal, options.latency_ms)
    control.site = site
    return site


def tls_context(options):
    if not options.tls_cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.tls_cert, options.tls_key)
    return context


def main(argv=None):
    options = arguments(argv)
    sys.setrecursionlimit(5000)             # a filter may nest 265 groups
    threading.stack_size(16 * 1024 * 1024)
    gc.disable()
    try:
        store = build_store(options)
        site, tls = build_site(store, options), tls_context(options)
    except (OSError, ValueError, pickle.UnpicklingError) as error:
        print(f"site.py: {error}", file=sys.stderr)
        return 2
    gc.collect()
    gc.freeze()         # the rows stay: no collection needs to look at them again
    gc.enable()
    try:
        server = Server(options.port, site, tls, options.listen)
    except OSError as error:
        print(f"site.py: port {options.port}: {error.strerror}", file=sys.stderr)
        return 1
    port = server.server_address[1]
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    print(f"listening on {'https' if tls else 'http'}://127.0.0.1:{port}", flush=True)
    if options.port_file:
        write_atomically(options.port_file, str(port).encode())
    stop.wait()
    site.stopping.set()
    server.shutdown()
    server.server_close()
    with site.lock:
        if options.state:
            save(store, options.state)
    return 0


if __name__ == "__main__":
    sys.exit(main())
