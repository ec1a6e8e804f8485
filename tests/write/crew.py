"""The processes of one host in the campaign: writers, and one that holds, all of them killed now and then.

    crew.py '{"writers": n, "kill_writer_s", "kill_holder_s", "seed", "host", "how": what a worker is told, "programs": folder}'

Says "killed writer|holder" for each, and ends when every writer has ended by itself.
"""

import json
import os
import random
import subprocess
import sys
import time


class Crew:
    def __init__(self, told):
        self.told, self.how = told, told["how"]
        self.random = random.Random(told["seed"])
        self.n_started, self.holder, self.writers, self.is_ending = 0, None, [], False
        self.due = {"writer": 0, "holder": 0}
        for what in self.due:
            self.plan(what)

    def plan(self, what):
        mean = self.told[f"kill_{what}_s"]
        self.due[what] = time.monotonic() + (self.random.uniform(0.3, 1.7) * mean if mean else 10**9)

    def start_writer(self):
        self.n_started += 1
        how = {**self.how, "name": f"{self.told['host']}.{self.told['seed']}.{self.n_started}",
               "seed": self.random.randrange(1 << 32)}
        self.writers.append(subprocess.Popen([sys.executable, "-B", f"{self.told['programs']}/worker.py", json.dumps(how)]))

    def start_holder(self):
        self.holder = subprocess.Popen([sys.executable, "-B", f"{self.told['programs']}/holder.py", json.dumps(self.how)])

    def kill(self, process, what):
        process.kill()
        process.wait()
        print("killed", what, flush=True)

    def turn(self):
        """Kills whose time has come, and starts anew what has gone."""
        now = time.monotonic()
        if now > self.due["holder"] and self.holder.poll() is None:
            self.kill(self.holder, "holder")
            self.plan("holder")
        if self.holder.poll() is not None:
            self.start_holder()
        if now > self.due["writer"] and not self.is_ending:
            alive = [each for each in self.writers if each.poll() is None]
            if alive:
                self.kill(self.random.choice(alive), "writer")
            self.plan("writer")
        for each in [each for each in self.writers if each.poll() is not None]:
            self.writers.remove(each)
            if each.returncode not in (0, -9):
                print("failed writer", each.returncode, flush=True)
            self.is_ending |= each.returncode == 0      # it was told that there is enough
            if each.returncode != 0 and not self.is_ending:
                self.start_writer()

    def run(self):
        print("pid", os.getpid(), flush=True)
        self.start_holder()
        for _ in range(self.told["writers"]):
            self.start_writer()
        while self.writers:
            self.turn()
            time.sleep(0.05)
        self.kill(self.holder, "holder at the end")


if __name__ == "__main__":
    Crew(json.loads(sys.argv[1])).run()
