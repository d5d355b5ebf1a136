#!/usr/bin/python3
"""Hostile members against a real node over real CURVE: each behaviour alone leaves the node's memory within its caps, honest deliveries go on,
and whoever did a misdeed is named in `comity peers`.

One victim and two honest nodes serve all cases; each case pins an agency of its own, whose only node is the scripted member of
tests/e2e/hostile/. COMITY_HOSTILE=NAME,... runs these cases only.
"""
import os
import socket
import subprocess
import threading
import time

from lib import (BUILD, PATIENCE, _die_with_parent, check, check_equal, indicators, main, must, note, story, wait_until)

HOSTILE = os.path.join(BUILD, "tests", "e2e", "hostile", "hostile")
SANITISED = BUILD.endswith("-san")

# What one connection may make the three processes hold (node/net/net.h, gossip/limits.h): 8 MiB received and not delivered, 8 MiB accepted and
# not sent, 4 MiB on the way to the engine, 8 MiB charged in the engine; and as much again for what the allocator keeps of it.
GROWTH_MAX = 2 * (8 + 8 + 4 + 8) << 20
DELIVERY_S = 2
# What pushes do not bring, a digest to a random link does, one each 15 s (gossip/limits.h): with two links, this many seconds are plenty.
SYNC_S = 90
# A delivery without any hostile member takes less on a machine that is ours alone; on a busy one all times are longer by as much.
USUAL_S = 0.08
# What a member that misbehaves hundreds of times a second may have the node write down.
LOG_LINES_MAX = 300
# How long each behaviour is watched; deliveries are made one after the other for so long.
ACTING_S = float(os.environ.get("COMITY_HOSTILE_S", "1.2"))


class Case:
    def __init__(self, name, named=None, ends=None, others=False, slow_own=None, reads=False):
        self.name = name            # of the behaviour
        self.named = named          # words of the notice that names the culprit
        self.ends = ends            # what the member must come to see: "cut", "refused"
        self.others = others        # the honest node pins it too, and seals to both: a new epoch each time
        self.slow_own = slow_own    # seconds until the victim's own publication must arrive, where a claim may hold it up for a while
        self.reads = reads          # every payload that came meanwhile is addressed to the victim, which must have read it


CASES = [
    Case("heads-stale"),
    Case("heads-absent", slow_own=30),  # 20 s of claims that are not kept (PROTOCOL.md 4.4), and the delivery itself
    Case("heads-range", named="malformed", ends="refused"),
    Case("heads-unknown"),
    Case("heads-million", named="malformed", ends="refused"),
    Case("promise"),
    Case("gap"),
    Case("dates", named="dated in the future"),
    Case("signatures", named="bad signature", ends="refused"),
    Case("author", named="bad signature", ends="refused"),
    Case("fork", named="bad signature", ends="refused"),
    Case("bomb", named="cannot be read"),
    Case("audience", named="nobody can open it"),
    Case("epochs", reads=True),
    Case("epochs-run", others=True, reads=True),
    Case("chain-old"),
    Case("chain-bad", named="bad signature", ends="refused"),
    Case("revocations"),
    Case("revoked", ends="refused"),
    Case("keys"),
    Case("have-flood"),
    Case("want-flood"),
    Case("want-many", named="over its budget", ends="cut"),
    Case("announce-flood"),
    Case("graft-flood"),
    Case("sums-flood"),
    Case("tags-flood", named="over its budget", ends="cut"),
    Case("canonical", named="malformed", ends="refused"),
    Case("behind", named="malformed", ends="refused"),
    Case("nesting", named="malformed", ends="refused"),
    Case("map", named="malformed", ends="refused"),
    Case("length", named="malformed", ends="refused"),
    Case("oversize", named="malformed", ends="refused"),
    Case("slow"),
    Case("multipart", named="without ever completing", ends="cut"),
    Case("giant", ends="cut"),
    Case("drain"),
    Case("reconnect"),
]


class Member:
    """A scripted member: an agency that `init` made and the victim pinned, and the program that acts for it."""

    def __init__(self, place, victim, name, *pinned_by):
        self.node = place.node("hostile." + name, relayed=False)
        self.victim, self.processes, self.paths = victim, [], []
        for each in (victim,) + pinned_by:
            each.trust(self.node)

    def act(self, behaviour, target=None, salt=1, other=None, words=()):
        target = target or self.victim
        path = self.node.place.path("%s.%d.said" % (self.node.name, len(self.paths)))
        with open(path, "wb") as out:
            self.processes.append(subprocess.Popen(
                [HOSTILE, behaviour, self.node.dir, target.card_path, "tcp://127.0.0.1:%d" % target.port, str(salt)]
                + ([other.card_path] if other else []) + list(words), stdin=subprocess.PIPE, stdout=out, stderr=out, preexec_fn=_die_with_parent))
        self.paths.append(path)

    def said(self):
        text = ""
        for path in self.paths:
            with open(path, errors="replace") as file:
                text += file.read()
        return text

    def started(self):
        return self.said().count("ready") == len(self.processes)

    def acting(self):
        return all(process.poll() is None for process in self.processes)

    def end(self):
        for process in self.processes:
            process.stdin.close()
            try:
                process.wait(0.3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def number_of(pid, key):
    with open("/proc/%d/status" % pid) as file:
        for line in file:
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024
    return 0


class Memory:
    """The resident memory of a node's processes: where it stood, and the sum of the peaks since."""

    def __init__(self, node):
        self.pids = node.pids()
        self.before = sum(number_of(pid, "VmRSS") for pid in self.pids)
        for pid in self.pids:
            with open("/proc/%d/clear_refs" % pid, "w") as file:
                file.write("5")

    def growth(self):
        return sum(number_of(pid, "VmHWM") for pid in self.pids) - self.before


def descriptors(node):
    """Of the process that holds the connections."""
    return len(os.listdir("/proc/%d/fd" % node.pid_of("net")))


def delivery_s(author, reader, key, seconds, *more):
    """How long a small publication takes from the author's command to the reader's answer; None when longer than that."""
    objects, (value,) = indicators(key, 1)
    started = time.monotonic()
    author.publish_good(objects, "TLP:GREEN", [reader, *more])
    found = wait_until(lambda: reader.finds(value), seconds, every=0.02)
    took = time.monotonic() - started
    return took if found and took <= seconds * PATIENCE else None


def named(victim, member, words):
    """Does `comity peers` say of this member what it did?"""
    return any(member.node.name in each and words in each for each in victim("peers", "--json").value["notices"])


def allowed_s(author, reader, key):
    """DELIVERY_S, or as many times as much as this machine is slower at the moment, by a delivery in peace or by what else it runs."""
    idle = delivery_s(author, reader, key + "-idle", 30)
    check(idle is not None, "%s: a delivery in peace" % key)
    return DELIVERY_S * max(1, idle / USUAL_S, os.getloadavg()[0] / os.cpu_count())


def row_of(victim, member):
    """What `comity peers` says of the member's node."""
    rows = [row for row in victim("peers", "--json").value["nodes"] if row["agency"] == member.node.name]
    return rows[0] if rows else {"misdeeds": 0, "state": "unknown"}


def deliveries_go_on(case, victim, honest, member, allowed):
    """Honest deliveries in both directions while the member acts; the slowest of each."""
    to_victim, to_honest, started = [], [], time.monotonic()
    while None not in to_victim and time.monotonic() < started + ACTING_S:
        to_victim.append(delivery_s(honest, victim, "%s-in-%d" % (case.name, len(to_victim)), allowed))
    if case.others:
        to_victim.append(delivery_s(honest, victim, case.name + "-epoch", allowed, member.node))
    to_honest.append(delivery_s(victim, honest, case.name + "-out", max(case.slow_own or 0, allowed)))
    check(None not in to_victim, "%s: honest entries reach the victim within %.1f s" % (case.name, allowed), victim.log_tail, member.said())
    check(None not in to_honest, "%s: its own reach an honest node within %.1f s" % (case.name, max(case.slow_own or 0, allowed)),
          victim.log_tail, member.said())
    return max(to_victim), max(to_honest)


def unread(node):
    status = node.status()
    return status["payloads"] - status["payloads_readable"]


def run(place, case, victim, honest):
    member = Member(place, victim, case.name, *([honest] if case.others else []))
    allowed, unread_before = allowed_s(honest, victim, case.name), unread(victim)
    memory, lines = Memory(victim), victim.log().count("\n")
    started = time.monotonic()
    member.act(case.name, other=honest)
    check(wait_until(member.started, 10), "%s: the member is at work" % case.name, member.said, victim.log_tail)
    inbound, outbound = deliveries_go_on(case, victim, honest, member, allowed)
    if case.ends:
        must(lambda: case.ends in member.said(), 20, "%s: the member is %s" % (case.name, case.ends), member.said)
    if case.named:
        must(lambda: named(victim, member, case.named), 20, "%s: comity peers names it: %s" % (case.name, case.named),
             lambda: victim("peers", "--json").text, member.said)
    if case.named in ("malformed", "bad signature", "over its budget"):
        row = row_of(victim, member)
        check(row["misdeeds"] > 0 and row["misdeed"], "%s: and counts its misdeeds" % case.name, str(row))
        check(row["state"] == "refused" or case.ends != "refused", "%s: and says that it is refused" % case.name, str(row))
    check(member.acting(), "%s: the member acted to the end" % case.name, member.said)
    growth = memory.growth()
    member.end()
    if case.reads:
        must(lambda: unread(victim) == unread_before, 10, "%s: whatever came for the victim is read" % case.name, lambda: str(victim.status()))
    for node in (victim, honest):
        node("trust", "remove", member.node.name)
    check(growth <= GROWTH_MAX or SANITISED, "%s: memory grows by at most %d MiB" % (case.name, GROWTH_MAX >> 20), "%.1f MiB" % (growth / 2**20))
    lines = victim.log().count("\n") - lines
    check(lines <= LOG_LINES_MAX, "%s: the log is not flooded" % case.name, "%d lines" % lines, victim.log_tail)
    check_equal(victim.pids(), memory.pids, "%s: no process of the victim ended" % case.name, victim.log_tail)
    note("%-14s memory %+6.1f MiB, %3d log lines, in %4.0f ms, out %5.0f ms, %4.1f s, %s" % (
        case.name, growth / 2**20, lines, 1000 * inbound, 1000 * outbound, time.monotonic() - started,
        (member.said().splitlines() or ["nothing"])[-1]))


@story
def behaviours(place):
    """Every behaviour that one member can show to one node."""
    wanted = os.environ.get("COMITY_HOSTILE", "")
    victim, honest = place.mesh("victim", "honest")
    objects, _ = indicators("stock", 3000)
    honest.publish_good(objects, "TLP:GREEN", [victim])
    must(lambda: len(victim.feed()) == len(objects), 30, "the nodes have something to give")
    check(delivery_s(victim, honest, "first", 30) is not None, "and each publishes")
    before = descriptors(victim)
    for case in CASES:
        if not wanted or case.name in wanted.split(","):
            run(place, case, victim, honest)
    must(lambda: descriptors(victim) <= before + 4, 15, "no connection is left behind", lambda: "%d, before %d" % (descriptors(victim), before))
    check(not any("honest" in each for each in victim("peers", "--json").value["notices"]), "nothing was said of the honest node")


@story
def equivocation(place):
    """Two entries at one number, one for each half: both freeze the log, name its author, and go on with each other."""
    a, b = place.mesh("half.a", "half.b")
    member = Member(place, a, "equivocate", b)
    member.act("equivocate", a, salt=1, other=b)
    member.act("equivocate", b, salt=2, other=a)
    for node in (a, b):
        must(lambda: named(node, member, "two different entries"), 20, "%s names the author of the fork" % node.name, a.log_tail, b.log_tail, member.said)
        must(lambda: any(log["frozen"] for log in node.status()["logs"]), 5, "%s holds its log frozen" % node.name)
        check(" engine warn [log.forked] " in node.log(), "%s's log has the event" % node.name, node.log_tail)
        check("* frozen, for two entries contradict each other: %s" % member.node.name in node("status").text.split("\nlinks ")[0],
              "%s's status begins with it" % node.name, lambda: node("status").text)
    for author, reader in ((a, b), (b, a)):
        check(delivery_s(author, reader, "after-" + author.name, 10 * DELIVERY_S) is not None, "%s still reaches %s" % (author.name, reader.name),
              reader.log_tail)
    member.end()


@story
def withholding(place):
    """What an author hides from one node comes to it through the others."""
    victim, honest = place.mesh("victim", "honest")
    member = Member(place, victim, "withhold", honest)
    member.act("withhold", victim, other=honest)
    must(member.started, 20, "it hides its entries from the victim", member.said)
    member.act("publish", honest, other=victim)

    def entries():
        return [log["entries"] for log in victim.status()["logs"] if log["agency"] == member.node.name]
    must(lambda: entries() == [6], SYNC_S, "the victim has all of them", lambda: str(entries()), member.said, victim.log_tail)
    member.end()


class Stranger:
    """Somebody with an address who never asked for anything: counts who comes and what he is told."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections, self.most = 0, 0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.listen, args=(client,), daemon=True).start()

    def listen(self, client):
        got = 0
        with client:
            try:
                while data := client.recv(4096):
                    got += len(data)
                    self.most = max(self.most, got)
            except OSError:
                pass


@story
def addresses(place):
    """A certificate that names strangers' addresses makes a node knock there now and then, and say no more than a greeting."""
    victim, honest = place.mesh("victim", "honest")
    strangers = [Stranger() for _ in range(2)]
    member = Member(place, victim, "addresses")
    member.act("addresses", other=honest, words=["tcp://127.0.0.1:%d" % each.port for each in strangers])
    must(lambda: all(each.connections for each in strangers), 60, "the victim looks for the member at every address", member.said, victim.log_tail)
    allowed = allowed_s(victim, honest, "addresses")
    started, before, times = time.monotonic(), sum(each.connections for each in strangers), []
    while None not in times and time.monotonic() < started + ACTING_S:
        times.append(delivery_s(honest, victim, "addresses-%d" % len(times), allowed))
    check(None not in times, "honest entries arrive within %.1f s" % allowed)
    seconds = time.monotonic() - started
    knocks = sum(each.connections for each in strangers) - before
    # libzmq says the first ten bytes of its greeting before it heard anything.
    check(max(each.most for each in strangers) <= 64, "no stranger is told more than a greeting", str([each.most for each in strangers]))
    check(knocks <= 2 + 2 * seconds, "and knocks are few", "%d in %.1f s" % (knocks, seconds))
    for each in strangers:
        each.listener.close()
    member.end()


main()
