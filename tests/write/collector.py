"""The journal of a campaign: takes lines from every process, in order, and tells each whether to go on."""

import json
import socketserver
import threading

from oracle import member_event


class Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        collector, name = self.server.collector, None
        try:
            for raw in self.rfile:
                line = json.loads(raw)
                name = line["w"]
                self.wfile.write(json.dumps(collector.take(line)).encode() + b"\n")
        except (OSError, ValueError):
            pass
        if name is not None:
            collector.gone(name)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128


class Collector:
    """`target`: mutations after which everybody is told to end. `hello`: what a new process is told."""

    def __init__(self, target, hello, address="127.0.0.1"):
        self.target, self.hello = target, hello
        self.lines, self.n_mutations, self.counted = [], 0, set()
        self.rows = {}          # process -> {id: {"type", "id", "alive", "doubt"}}
        self.orphans, self.calls = [], {}
        self.lock = threading.Lock()
        self.server = Server((address, 0), Handler)
        self.server.collector = self
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def take(self, line):
        with self.lock:
            if line["k"] == "hello":
                adopted, self.orphans = self.orphans[:6], self.orphans[6:]
                for each in adopted:
                    self.rows.setdefault(line["w"], {})[each["id"]] = each
                return {**self.hello, "adopted": adopted}
            if line["k"] == "events":
                return {"events": self.events()}
            self.add(line)
            return {"go_on": self.n_mutations < self.target}

    def add(self, line):
        self.lines.append(line)
        if line["k"] == "call":
            self.calls[line["w"]] = line
            for each in line.get("requests", [line]):
                self.mark(line["w"], each.get("id"), doubt=True, verb=each["verb"])
        elif line["k"] == "answer":
            self.count(self.calls[line["w"]], line)
        if line["k"] == "answer" and line["outcome"] in ("settled", "pending"):
            self.answered(line["w"], self.calls[line["w"]], line)
        if line["k"] == "bye":
            self.rows.pop(line["w"], None)

    def count(self, call, answer):
        """A mutation counts once, and not before it was more than put off."""
        if answer["outcome"] != "held" and call["event"] not in self.counted:
            self.counted.add(call["event"])
            self.n_mutations += len(call.get("requests", "1"))

    def answered(self, name, call, answer):
        members = answer.get("members") or [answer]
        for each, member in zip(call.get("requests", [call]), members):
            twin = str(each.get("code")).startswith("mark twin") or call.get("poison")
            if each["verb"] == "create" and member.get("id") and not twin:
                self.rows.setdefault(name, {})[member["id"]] = {"type": each["type"], "id": member["id"], "alive": True,
                                                                "doubt": False}
            else:
                self.mark(name, each.get("id"), doubt=False, verb=each["verb"])

    def mark(self, name, row_id, doubt, verb):
        row = self.rows.get(name, {}).get(row_id)
        if row is None:
            return
        row["doubt"] = doubt and verb != "update"
        if not doubt and verb in ("delete", "revive"):
            row["alive"] = verb == "revive"

    def gone(self, name):
        """A process that said no good-bye: others adopt what it surely has."""
        with self.lock:
            self.orphans += [row for row in self.rows.pop(name, {}).values() if not row["doubt"]]

    def events(self):
        """Every event id there was."""
        found = {}
        for line in self.lines:
            if line["k"] == "call":
                names = [line["event"]] if line["verb"] != "batch" else \
                    [member_event(line["event"], i) for i in range(len(line["requests"]))]
                found.update(dict.fromkeys(names))
        return list(found)
