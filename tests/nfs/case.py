"""One run of a scenario: a fresh cache directory, the processes that work in it, and the judgement."""

import io
import pathlib
import re
import shutil
import sys
import tarfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "multi"))

import check_store  # noqa: E402
import hosts as hosts_module  # noqa: E402
from hosts import Failed  # noqa: E402

KIND_ROWS = 1
PARTITION = "partitions/project-101"
ACK = re.compile(r"ack (w\d+-\d+) (\d+) (\d+) (\d+)")
ANSWERS = re.compile(r"answers (\d+) changes (\d+) rows (\d+) longest_us (\d+) torn (\d+) back (\d+) failed (\d+)")


class Role:
    """One process of the load."""

    def __init__(self, job, role, name, options):
        self.job, self.role, self.name, self.options = job, role, name, options
        self.may_fail = False  # it is to be killed, or to meet errors
        self.n_parsed = 0
        self.acks = []  # (time of arrival, key, number, microseconds)

    def parse(self):
        lines = self.job.lines
        while self.n_parsed < len(lines):
            at, text = lines[self.n_parsed]
            self.n_parsed += 1
            match = ACK.fullmatch(text)
            if match:
                self.acks.append((at, match.group(1), int(match.group(2)), int(match.group(4))))
        return self.acks

    def n_acks(self, since=0.0):
        return sum(at > since for at, *_ in self.parse())

    def told(self, word):
        """The lines that begin with the word, as lists of words."""
        return [text.split() for _, text in list(self.job.lines) if text.split(" ")[0] == word]

    def first_after(self):
        """The index that a writer in its place begins with."""
        return int(self.options.get("first", 0)) + len(self.parse())


class Ledger(check_store.Checker):
    """The checker, with the rows of the load as well: each key has its row, stamps are the last key's."""

    def __init__(self, partition):
        super().__init__(partition)
        self.rows = {}

    def visit_snapshot(self, db):
        self.rows.update(db.execute("SELECT id, code FROM Shot"))

    def visit_record(self, kind, body):
        if kind == KIND_ROWS:
            self.rows.update((row["id"], row["code"]) for row in body["rows"])

    def judge_rows(self, per_writer=1000000, ledger=1000):
        codes = {}
        for key in self.keys:
            match = re.fullmatch(r"w(\d+)-(\d+)", key)
            if match:
                codes.setdefault(int(match.group(1)), set()).add(int(match.group(2)))
        for writer, there in codes.items():
            last = max(there)
            if there != set(range(last + 1)):
                self.problem(f"lost: w{writer} has gaps below {last}: "
                             f"{sorted(set(range(last + 1)) - there)[:5]}")
            for code in there:
                if self.rows.get(writer * per_writer + ledger + code) != code:
                    self.problem(f"torn: no row of w{writer}-{code:06d}")
            stamps = {code for row, code in self.rows.items()
                      if row // per_writer == writer and row % per_writer < ledger}
            if stamps != {last}:
                self.problem(f"torn: stamps of w{writer} are {sorted(stamps)[:5]}, not {last}")


class Case:
    """A cache directory on the shared path."""

    def __init__(self, hosts, name, program, number, keep):
        self.hosts, self.name, self.program, self.keep = hosts, name, program, pathlib.Path(keep)
        self.number = number  # of the run, from 0: scenarios vary with it
        self.dir = f"{hosts.path}/{name}"
        self.roles, self.proofs, self.problems = [], [], []
        self.n_rounds, self.round, self.triggers = 1, 0, 0
        self.since = time.monotonic()
        self.must(self.start(hosts.names[0], "init", "x"), 30)

    def rounds(self):
        """The harm of a scenario is done so many times in one cache; `round` goes on over all runs."""
        for i in range(self.n_rounds):
            self.round = self.number * self.n_rounds + i
            yield i
            self.triggers += 1

    # ---- processes

    def start(self, host, role, name, may_fail=False, **options):
        if role in ("compact", "rollup", "delete"):
            options.setdefault("retry", 1)  # what fails is done again by the next one
        words = " ".join(f"{key}={value}" for key, value in options.items())
        job = self.hosts.start(host, f"exec {self.program} {role} {self.dir} {name} {words}")
        started = Role(job, role, name, options)
        started.may_fail = may_fail
        self.roles.append(started)
        return started

    def must(self, role, timeout):
        status = role.job.wait(timeout)
        if status != 0:
            role.job.stop()
            raise Failed(f"{role.role} {role.name} on {role.job.host}: exit {status}: "
                         f"{[text for _, text in role.job.lines[-5:]]}")
        return role

    def wait_for(self, condition, timeout, what, every=0.05):
        """Until the condition holds; Failed otherwise. `every`: longer when it runs something on a host."""
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                raise Failed(f"{what}: not within {timeout} s")
            time.sleep(every)

    def wait_acks(self, role, n, timeout=60, since=0.0):
        self.wait_for(lambda: role.n_acks(since) >= n, timeout,
                      f"{n} acknowledgements of {role.name} on {role.job.host}")

    def wait_stopped(self, host, roles, timeout=60):
        """Until all these processes have stopped themselves, on a host that answers; their process ids."""
        def pids():
            return [hosts_module.pid_of(role.job.lines) for role in roles]

        self.wait_for(lambda: all(pids()), timeout, f"process ids on {host}")
        names = " ".join(f"/proc/{pid}/stat" for pid in pids())
        states = []

        def all_stand():
            out = self.hosts.run(host, f"cat {names}", check=False).decode(errors="replace")
            states[:] = [line.rpartition(")")[2].split()[0] for line in out.splitlines() if ")" in line]
            return states == ["T"] * len(roles)

        self.wait_for(all_stand, timeout, f"processes on {host} stand still", every=1)
        return pids()

    def resume(self, host, pids):
        if pids:
            self.hosts.run(host, "kill -CONT " + " ".join(str(pid) for pid in pids))

    def kill(self, host):
        """Takes its power; what ran there is ended for us, too: nobody will ever answer."""
        for role in self.roles:
            role.may_fail = role.may_fail or role.job.host == host
        self.hosts.hook("kill", host)
        at = time.monotonic()
        for role in self.roles:
            if role.job.host == host:
                role.job.stop()
        try:
            self.hosts.run(host, "true", 2)
            answers = not isinstance(self.hosts, hosts_module.Local)
        except Failed:
            answers = False
        self.prove(not answers, f"{host} has no power")
        return at

    def boot(self, host):
        self.hosts.hook("start", host)
        self.install(host)

    # ---- what is true

    def prove(self, condition, text):
        """The trigger of the scenario has fired."""
        self.proofs.append(text)
        if not condition:
            self.problems.append(f"trigger: not so: {text}")

    def of(self, role):
        return [r for r in self.roles if r.role == role]

    def n_bases(self):
        return sum(len(r.told(word)) for r in self.roles for word in ("base", "rolled"))

    def snapshots(self):
        """Names of the snapshot files that are there now."""
        out = self.hosts.run(self.hosts.names[0], f"ls {self.dir}/{PARTITION}/files")
        return {name for name in out.decode().split() if name.endswith(".sqlite")}

    def n_deleted(self):
        return sum(int(line[1]) for r in self.roles for line in r.told("deleted"))

    # ---- the end

    def finish(self, host=None, timeout=90):
        """Ends the load; one more reader on every host; the store read from outside."""
        self.hosts.run(host or self.hosts.names[0], f"touch {self.dir}/over")
        end = time.monotonic() + timeout
        for role in self.roles:
            status = role.job.wait(max(0.1, end - time.monotonic()))
            if status is None:
                self.problems.append(f"hangs: {role.role} {role.name} on {role.job.host} {self.waits_in(role)}")
                role.job.stop()
            elif status != 0 and not role.may_fail:
                last = [text for _, text in role.job.lines[-4:]]
                self.problems.append(f"exit {status}: {role.role} {role.name}: {last}")
        last = [self.start(name, "read", "last", count=1) for name in self.hosts.names]
        for role in last:
            if role.job.wait(60) != 0:
                self.problems.append(f"last reader on {role.job.host}: "
                                     f"{[text for _, text in role.job.lines[-4:]]}")
                role.job.stop()
        self.check()

    def waits_in(self, role):
        """Where in the kernel the threads of a process are, as far as its host tells."""
        pid = hosts_module.pid_of(role.job.lines)
        try:
            told = self.hosts.run(role.job.host, f"cd /proc/{pid}/task && grep -s . */wchan */syscall */stack",
                                  10, check=False)
        except Failed as error:
            return f"({error})"
        return told.decode(errors="replace").replace("\n", "; ")

    def fetch(self):
        """The partition as it is on the server, as a folder here."""
        host = self.hosts.fetch_host or self.hosts.names[0]
        path = f"{self.hosts.fetch_path or self.hosts.path}/{self.name}"
        data = self.hosts.run(host, f"tar -c -f - -C {path} --exclude=tmp {PARTITION}", 120)
        target = self.keep / self.name
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(target)
        return target

    def check(self):
        acknowledged = {}
        for role in self.roles:
            for _, key, number, _ in role.parse():
                if acknowledged.setdefault(key, number) != number and number:
                    self.problems.append(f"twice acknowledged: {key}")
        target = self.fetch()
        checker = Ledger(target / PARTITION)
        checker.run(acknowledged)
        checker.judge_rows()
        self.problems += checker.problems
        self.acknowledged = len(acknowledged)
        if not self.problems:
            shutil.rmtree(target)

    def count(self, word):
        return sum(problem.startswith(word) for problem in self.problems)

    def readers(self):
        """Sums of what all readers told: answers, torn, back, failed."""
        sums = [0, 0, 0, 0]
        for role in self.roles:
            for _, text in role.job.lines:
                match = ANSWERS.fullmatch(text)
                if match:
                    numbers = [int(n) for n in match.groups()]
                    sums = [a + b for a, b in zip(sums, (numbers[0], *numbers[4:7]))]
        return sums

    def longest_append(self):
        return max((us for role in self.roles for *_, us in role.parse()), default=0)

    def remove(self):
        host = self.hosts.fetch_host or self.hosts.names[0]
        path = f"{self.hosts.fetch_path or self.hosts.path}/{self.name}"
        self.hosts.run(host, f"rm -rf {path}", check=False)

    def keep_words(self):
        """What every process said, beside the store, for whoever looks into a failure."""
        target = self.keep / self.name
        target.mkdir(parents=True, exist_ok=True)
        for i, role in enumerate(self.roles):
            lines = (f"{at - self.since:9.3f} {text}\n" for at, text in role.job.lines)
            name = f"{i:02d}-{role.job.host}-{role.role}-{role.name}.txt"
            (target / name).write_text("".join(lines))
        (target / "problems.txt").write_text("\n".join(self.problems) + "\n")
        return target
