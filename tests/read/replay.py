"""A site of one recorded list: the schema and the rows of real Assets, byte for byte as recorded.

A search without conditions gets the recorded body itself. With conditions on project or id the
recorded rows that meet them, each with the recorded bytes of its values.
"""

import http.server
import json
import threading

import recorded


class Recording:
    """The schema reply and the longest list of Assets of a file of recorded exchanges."""

    def __init__(self, path):
        lists = []
        for exchange in recorded.exchanges(path):
            address, body = exchange["request"]["uri"], exchange["response"]["body"]
            if address.endswith("/schema/Asset/fields"):
                self.schema = body
            if "/entity/Asset?fields=%2A" in address and exchange["response"]["status"] == 200 and len(body) > 700000:
                lists.append(body)
        self.body = min(lists, key=lambda body: len(json.loads(body)["data"]))  # before the recording's own creates
        self.rows = json.loads(self.body)["data"]
        self.fields = json.loads(self.schema)["data"]


class Replay:
    def __init__(self, recording):
        self.recording, self.counts = recording, {}
        replay = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def reply(self, body, status=200):
                data = body.encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def read_body(self):
                return self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()

            def do_GET(self):
                self.read_body()
                if self.path.endswith("/schema/Asset/fields"):
                    replay.count("schema")
                    self.reply(recording.schema)
                else:
                    self.reply('{"errors":[{"status":404,"code":103,"title":"not recorded"}]}', 404)

            def do_POST(self):
                body = self.read_body()
                if self.path.endswith("/auth/access_token"):
                    self.reply('{"token_type":"Bearer","access_token":"T","expires_in":600,"refresh_token":"R"}')
                else:
                    replay.count("search")
                    self.reply(replay.search(json.loads(body)))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def count(self, kind):
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def search(self, body):
        if body["options"]["return_only"] == "retired":
            return '{"data":[]}'
        tests = conditions(body["filters"])
        if not tests and body["page"]["number"] == 1:
            return self.recording.body
        rows = [row for row in self.recording.rows if all(fits(row, *test) for test in tests)]
        if "updated_at" in json.dumps(body["filters"]):
            rows = []
        size, number = body["page"]["size"], body["page"]["number"]
        return json.dumps({"data": sorted(rows, key=lambda row: row["id"])[(number - 1) * size:number * size]})


def conditions(group):
    """The triples of groups that are all and-ed."""
    found = []
    for member in group["conditions"]:
        found += conditions(member) if isinstance(member, dict) else [member]
    return found


def fits(row, path, relation, value):
    if path == "project":
        return row["relationships"]["project"]["data"]["id"] == value["id"]
    if path == "id" and relation in ("greater_than", "between", "in", "is"):
        return {"greater_than": lambda: row["id"] > value, "between": lambda: value[0] <= row["id"] <= value[1],
                "in": lambda: row["id"] in value, "is": lambda: row["id"] == value}[relation]()
    return path == "updated_at"
