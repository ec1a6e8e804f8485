"""What is done to hosts while they share a cache; each scenario proves that it was done.

A scenario gets a fresh Case, starts the load, does its harm, and calls case.finish(). It names the
hooks that it needs; without them it is skipped.
"""

import random
import time

LIST = []
# An append that waits for a dead host waits for the server's lease and more; a busy machine does not.
STALL_US = 8e6


def scenario(title, *needs):
    def add(function):
        function.title, function.needs = title, needs
        LIST.append(function)
        return function
    return add


def load(case, writers=3, **options):
    """Three writers who roll up, two compactors, a deletion with hardly any grace, a reader of each kind."""
    names, pace = case.hosts.names, case.hosts.pace
    case.writers = [case.start(names[i % 3], "append", f"w{i + 1}",
                               **{"interval_ms": 10 * pace, "pad": 300, "rollup": 1, **options})
                    for i in range(writers)]
    case.start(names[0], "compact", "c1", interval_ms=400 * pace)
    case.start(names[1], "compact", "c2", interval_ms=500 * pace)
    case.start(names[1], "rollup", "u1", interval_ms=150 * pace)
    case.start(names[1], "delete", "d1", interval_ms=100 * pace, grace_ms=1, age=case.number % 2)
    case.start(names[0], "read", "r1", interval_ms=60 * pace)
    case.start(names[1], "stream", "s1", interval_ms=pace, retry=1)
    for writer in case.writers:
        case.wait_acks(writer, 5)


def go_on(case, writer):
    """A writer in the place of one that lost its host."""
    began = time.monotonic()
    role = case.start(writer.job.host, "append", writer.name,
                      **{**writer.options, "first": writer.first_after(), "retry": 1})
    case.wait_acks(role, 5)
    case.proofs.append(f"goes on {time.monotonic() - began:.1f} s after")
    return role


def some(most):
    time.sleep(random.random() * most)


@scenario("three hosts append while two compact and delete, short grace")
def contention(case):
    names, pace = case.hosts.names, case.hosts.pace
    load(case, interval_ms=5 * pace)
    case.start(names[0], "maintain", "m1", interval_ms=400 * pace, retry=1)
    case.start(names[1], "hold", "h1", retry=1)
    case.start(names[2], "delete", "d2", interval_ms=120 * pace, grace_ms=1, age=1)
    case.start(names[2], "read", "r2", interval_ms=40 * pace)

    def bases():
        return [len(r.told("base")) for r in case.of("compact")]

    for _ in case.rounds():
        before, at, deleted = bases(), time.monotonic(), case.n_deleted()
        case.wait_for(lambda: min(a - b for a, b in zip(bases(), before)) >= 1, 90,
                      "bases by both compactors")
        case.wait_for(lambda: case.n_deleted() > deleted + 10, 90, "deletions")
        for writer in case.writers:
            case.wait_acks(writer, 5, since=at)
    case.finish()
    rolled = sum(len(r.told("rolled")) for r in case.roles)
    case.prove(rolled >= 2, f"bases by each {[len(r.told('base')) for r in case.of('compact')]}, "
               f"{rolled} roll-ups, {case.n_deleted()} files deleted")


@scenario("power cut of a writer", "kill", "start")
def writer_cut(case):
    load(case)
    victim = case.writers[2]
    for _ in case.rounds():
        some(1.0)
        at = case.kill(victim.job.host)
        for writer in case.writers[:2]:
            case.wait_acks(writer, 8, since=at)
        case.boot(victim.job.host)
        victim = go_on(case, victim)
    case.finish()


@scenario("power cut of a compactor and deleter", "kill", "start")
def compactor_cut(case):
    load(case)
    host, pace, writer = case.hosts.names[2], case.hosts.pace, case.writers[2]
    for _ in case.rounds():
        victim = case.start(host, "compact", "c3", interval_ms=20 * pace)
        case.start(host, "delete", "d3", interval_ms=20 * pace, grace_ms=1, age=1)
        case.wait_for(lambda: victim.told("base"), 90, "a base of the victim")
        some(0.7)
        at = case.kill(host)
        bases = case.n_bases()
        for other in case.writers[:2]:
            case.wait_acks(other, 8, since=at)
        case.wait_for(lambda: case.n_bases() > bases, 60, "a base by another host")
        case.boot(host)
        writer = go_on(case, writer)
    case.finish()


@scenario("power cut of the holder", "kill", "start")
def holder_cut(case):
    names = case.hosts.names

    def holder():
        return case.hosts.run(names[0], f"readlink {case.dir}/partitions/project-101/holder",
                              check=False).decode().strip().rpartition(":")[0]

    case.start(names[2], "hold", "h2")
    case.wait_for(holder, 60, "a holder", every=1)
    load(case, interval_ms=30 * case.hosts.pace)
    writers = {names[1]: case.writers[1], names[2]: case.writers[2]}
    case.start(names[1], "hold", "h1")
    for i in case.rounds():
        first, host = holder(), names[2 - i % 2]
        some(1.0)
        at = case.kill(host)
        case.wait_for(lambda: holder() not in ("", first), 120, "another holder", every=1)
        case.proofs.append(f"held by another {time.monotonic() - at:.0f} s after")
        case.boot(host)
        case.start(host, "hold", f"h{i + 3}")
        writers[host] = go_on(case, writers[host])
    case.finish()


def stopped_everywhere(case, host, per_kind):
    """Processes that stand still at one system call each of an append, a rewrite, a roll-up and a deletion."""
    stopped = []
    for i in range(per_kind):
        place = case.round * per_kind + i
        for role, name, extra in (("append", f"w{20 + place}", {}), ("compact", f"c{20 + place}", {}),
                                  ("rollup", f"u{20 + place}", {}),
                                  ("delete", f"d{20 + place}", {"grace_ms": 1, "age": place % 2})):
            calls = case.calls(role)
            call = 1 + place * 7 % calls
            # They go on for a while afterwards, not for ever: the next round brings its own.
            stopped.append(case.start(host, role, name, **extra, stop_op=2, stop_call=call, count=8,
                                      interval_ms=50 * case.hosts.pace))
    pids = case.wait_stopped(host, stopped, 180)
    case.proofs.append("stopped at " + ", ".join(
        f"{r.role} {r.options['stop_call']}/{case.calls(r.role)}" for r in stopped))
    return stopped, pids


@scenario("power cut of the server, processes standing at every step", "restart-server")
def server_cut(case):
    load(case)
    for _ in case.rounds():
        stopped, pids = stopped_everywhere(case, case.hosts.names[2], 1)
        some(1.0)
        case.hosts.hook("restart-server", argument="hard")
        at = time.monotonic()
        case.resume(case.hosts.names[2], pids)
        for writer in case.writers:
            case.wait_acks(writer, 3, since=at, timeout=90)
        gap = max(longest_gap(w) for w in case.writers)
        case.prove(gap > 1, f"nobody was answered for {gap:.1f} s")
        case.wait_for(lambda: all(r.n_acks() for r in stopped if r.role == "append"), 60,
                      "the stopped writers go on")
    case.finish(timeout=150)


def longest_gap(writer):
    times = [at for at, *_ in writer.parse()]
    return max((b - a for a, b in zip(times, times[1:])), default=0.0)


@scenario("processes paused past compactions and deletions, at every step", )
def pause(case):
    host = case.hosts.names[2]
    load(case)
    writer = case.writers[2]
    for _ in case.rounds():
        stopped, pids = stopped_everywhere(case, host, 2)
        can_pause = case.hosts.can("pause")
        if can_pause:
            case.hosts.hook("pause", host)
        at, bases, deleted = time.monotonic(), case.n_bases(), case.n_deleted()
        while time.monotonic() - at < case.pause_s or case.n_bases() < bases + 5:
            time.sleep(0.2)
            if time.monotonic() - at > 120:
                break
        case.prove(case.n_bases() >= bases + 5 and case.n_deleted() > deleted,
                   f"{case.n_bases() - bases} bases and {case.n_deleted() - deleted} deletions in "
                   f"{time.monotonic() - at:.0f} s")
        if can_pause:
            case.hosts.hook("resume", host)
        back = time.monotonic()
        case.resume(host, pids)
        case.wait_acks(writer, 5, since=back)
        case.wait_for(lambda: all(r.n_acks() >= 2 for r in stopped if r.role == "append"), 60,
                      "the stopped writers go on")
    time.sleep(0.5)
    case.finish()


@scenario("partition and heal", "cut", "heal")
def partition(case):
    load(case)
    writer = case.writers[2]
    host = writer.job.host
    others = [case.start(host, "compact", "c3", interval_ms=50 * case.hosts.pace),
              case.start(host, "delete", "d3", interval_ms=50 * case.hosts.pace, grace_ms=1, age=1)]
    case.wait_for(lambda: others[0].told("base"), 30, "a base of the parted host")
    for _ in case.rounds():
        some(0.7)
        case.hosts.hook("cut", host)
        at = time.monotonic()
        length = case.pause_s if case.round % 2 else 4
        time.sleep(length)
        during = [w.n_acks(since=at + 0.5) for w in case.writers]
        case.hosts.hook("heal", host)
        back = time.monotonic()
        case.prove(during[2] == 0 and min(during[:2]) > 0,
                   f"acknowledged in {length} s: {during}, the last is the parted host")
        case.wait_acks(writer, 5, since=back, timeout=120)
    case.finish(timeout=150)


@scenario("a reader host dead with delegations held", "kill", "start")
def dead_reader(case):
    host = case.hosts.names[2]

    def holds_delegations(read):
        """A server withholds them for a while after a recall: it is read until there are some."""
        case.hosts.run(host, read, check=False)
        held = int(case.hosts.hook("delegations").strip())
        if held > 0:
            case.proofs.append(f"{held} delegations held")
        return held > 0

    load(case, writers=2)
    for _ in case.rounds():
        readers = [case.start(host, "read", f"r{i}", interval_ms=30 * case.hosts.pace) for i in (7, 8)]
        readers.append(case.start(host, "stream", "s7", interval_ms=case.hosts.pace))
        case.wait_for(lambda: all(len(r.told("seen")) >= 2 for r in readers[:2]), 30, "readers read")
        everything = f"find {case.dir} -type f -exec cat {{}} + > /dev/null"
        if case.hosts.can("delegations") and case.hosts.version.startswith("4"):
            case.wait_for(lambda: holds_delegations(everything), 60, "delegations held", every=1)
        else:
            case.hosts.run(host, everything, check=False)
        at = case.kill(host)
        deleted = case.n_deleted()
        for writer in case.writers:
            case.wait_acks(writer, 30, since=at)
        after = max(us for w in case.writers for t, _, _, us in w.parse() if t > at)
        case.proofs.append(f"longest append after the death {after / 1000:.0f} ms, "
                           f"deletions then {case.n_deleted() - deleted}")
        if after > STALL_US:
            case.problems.append(f"slow: an append took {after / 1e6:.1f} s after a reader's death")
        case.boot(host)
    case.finish(timeout=150)


def now(case, host):
    """What a host's clock says; one whose clock has just jumped may lose a reply."""
    told = []
    case.wait_for(lambda: told.append(case.hosts.run(host, "date +%s").decode().strip()) or told[-1].isdigit(),
                  30, f"the time of {host}")
    return int(told[-1])


@scenario("clocks wrong by a day, either way, the server's as well", "clock")
def clocks(case):
    names = case.hosts.names
    load(case)
    for _ in case.rounds():
        wrong = {names[case.round % 2]: 86400, names[1 - case.round % 2]: -86400}
        for host, seconds in wrong.items():
            case.hosts.hook("clock", host, str(seconds))
        times = [now(case, host) for host in (*wrong, names[2])]
        case.prove(times[0] - times[2] > 80000 and times[2] - times[1] > 80000,
                   f"clocks differ by {times[0] - times[2]} and {times[1] - times[2]} s")
        bases = case.n_bases()
        if case.hosts.fetch_host:  # a server that can be set
            case.hosts.hook("clock", case.hosts.fetch_host, str(random.choice((86400, -86400))))
        case.wait_for(lambda: case.n_bases() >= bases + 2, 60, "bases with wrong clocks")
        at = time.monotonic()
        for host in wrong:
            case.hosts.hook("clock", host, "0")
        for writer in case.writers:
            case.wait_acks(writer, 4, since=at)
    case.finish()


@scenario("disk full, and room again", "fill", "free")
def disk_full(case):
    load(case, retry=1)

    def refused(role, since=0.0):
        return [text for at, text in list(role.job.lines) if at > since and
                text.startswith("fail") and "o space" in text]

    def are_refused(since):
        """Deletions make room: it is filled again."""
        if all(refused(writer, since) for writer in case.writers):
            return True
        case.hosts.hook("fill")
        return False

    for _ in case.rounds():
        at = time.monotonic()
        case.wait_for(lambda: are_refused(at), 60, "every writer is refused", every=1)
        during = case.start(case.hosts.names[2], "read", "full", count=3)
        status = during.job.wait(30)
        case.prove(status == 0, f"a reader that starts then ends with {status}")
        some(1.0)
        case.hosts.hook("free")
        back = time.monotonic()
        for writer in case.writers:
            case.wait_acks(writer, 4, since=back)
        case.proofs.append(f"{sum(len(refused(w, at)) for w in case.writers)} refusals in {back - at:.1f} s")
    case.start(case.hosts.names[2], "compact", "c3", interval_ms=100)
    case.finish()


@scenario("readers on an old base through many compactions")
def old_base(case):
    host = case.hosts.names[2]
    load(case, pad=3000)
    case.wait_for(lambda: case.n_bases() >= 2, 60, "two bases")
    slow = [case.start(host, "stream", f"s{i}", interval_ms=30 + 40 * i, retry=1) for i in range(3)]
    slow.append(case.start(host, "read", "r9", interval_ms=2500, retry=1))
    pinner = case.start(host, "pin", "p9", interval_ms=10 * case.hosts.pace, retry=1)
    case.start(host, "delete", "d9", interval_ms=80 * case.hosts.pace, grace_ms=1, age=1)
    for _ in case.rounds():
        time.sleep(0.5)
        before = case.snapshots()
        bases = case.n_bases()
        case.wait_for(lambda: case.n_bases() >= bases + 10 and before - case.snapshots(), 120,
                      "ten bases, and a snapshot that has gone", every=1)
        if case.hosts.can("drop"):
            case.hosts.hook("drop", host)
        time.sleep(1)
        after = case.snapshots()
        case.prove(before - after, f"of {len(before)} snapshots {len(before - after)} have gone, the "
                   f"others are named or pinned, after {case.n_bases() - bases} bases")
    case.finish()
    case.prove(len(pinner.told("pinned")) >= 1, f"{len(pinner.told('pinned'))} pins read 20 times each")
    failed = sum(len(r.told("fail")) for r in slow)
    case.proofs.append(f"{failed} slow reads ended with an error")


@scenario("the file service restarts, a host mounts anew", "restart-server", "mount")
def restart(case):
    host = case.hosts.names[2]
    load(case, retry=1)
    slow = case.start(host, "stream", "s9", interval_ms=30, retry=1)
    for _ in case.rounds():
        case.hosts.hook("restart-server", argument="soft")
        at = time.monotonic()
        for writer in case.writers:
            case.wait_acks(writer, 4, since=at, timeout=90)
        gap = max(longest_gap(w) for w in case.writers)
        case.prove(gap > 0.3, f"nobody was answered for {gap:.1f} s")
        case.hosts.hook("mount", host)
        at = time.monotonic()
        case.wait_acks(case.writers[2], 4, since=at, timeout=60)
        for role in case.roles:
            if role.job.host == host:
                role.may_fail = role.role != "append"
        reader = case.start(host, "read", "r9", interval_ms=10, count=50)
        case.wait_for(lambda: reader.told("seen"), 30, "a reader on the new mount")
    case.finish()
    case.proofs.append(f"{sum(len(r.told('fail')) for r in case.writers + [slow])} errors met")
