#!/usr/bin/python3
"""A mesh of real processes over bad links: whatever happens to nodes and links, every entry arrives everywhere.

All links run through the project's own relays: 80 ms give or take 20 in each direction, and stalls, resets and cuts on top. Each phase
prints how long it took from the last acknowledged publication until every node had everything, how often an entry was pushed to a node, and
what a delivery (one entry at one more node) cost in processor time. With COMITY_MESH_FULL=1 at full size; single figures:
COMITY_MESH_NODES, COMITY_MESH_ENTRIES, COMITY_MESH_AWAY_ENTRIES, COMITY_MESH_AWAY_S. Where the kernel has netem, all of it once more under it.
"""
import os
import random
import shutil
import subprocess
import sys
import time

from lib import BUILD, RELAY, check, check_equal, feed_id, main, must, note, story, wait_until, _die_with_parent

TRICKLE = os.path.join(BUILD, "tests", "e2e", "trickle")
FULL = os.environ.get("COMITY_MESH_FULL") == "1"
NETEM = os.environ.get("COMITY_MESH_NETEM") == "1"  # we run in a network of our own, whose loopback is as bad as the kernel can make it
DELAY = "delay 0" if NETEM else "delay 80 20"
# What the kernel does to each packet of such a network; the relays then stall, reset and cut only.
NETEM_RULE = "netem delay 80ms 20ms loss 1% duplicate 1% reorder 5%"


def size(name, usual, full):
    return int(os.environ.get("COMITY_MESH_" + name, full if FULL else usual))


# Sanitised processes are several times as large and slow; the stories need three authors and three nodes that have bad luck.
NODES = max(6, size("NODES", 7 if BUILD.endswith("-san") else 12, 12))
ENTRIES = size("ENTRIES", 60, 500)              # of each phase
AWAY_ENTRIES = size("AWAY_ENTRIES", 600, 10000)  # missed by the node that is off line
AWAY_S = size("AWAY_S", 5, 60)


def ticks(pid):
    """User and system time of a process, in seconds."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0.0


class Mesh:
    """Nodes that all trust each other, behind relays, and what was published in it."""

    def __init__(self, place, count):
        self.place, self.published, self.number = place, 0, 0
        self.nodes = place.mesh(*["node.%02d" % i for i in range(count)], start=False)
        for node in self.nodes:
            node.relay(DELAY)
        place.start(*self.nodes, link=False)
        self.entries = 0  # BLOCK entries; an author's epochs and prekeys come on top
        self.authors = set()

    def linked(self, *nodes):
        nodes = nodes or self.nodes
        return all(node.status()["links"] >= min(len(nodes) - 1, 8) for node in nodes)

    def seconds(self):
        """Processor time of all processes, by pid, so that it can be told what was used since."""
        return {pid: ticks(pid) for node in self.nodes for pid in node.pids()}

    def copies(self):
        total = 0
        for node in self.nodes:
            if node.process:
                total += sum(link["copies_in"] for link in node("peers", "--json").value["links"])
        return total

    def publish(self, authors, count, rate=0, wait=True):
        """`count` entries in all, by these authors at the same time; returns the publishers when they are not waited for."""
        self.number += 1
        processes = []
        for index, author in enumerate(authors):
            part = count // len(authors) + (index < count % len(authors))
            processes.append(subprocess.Popen(
                [TRICKLE, author.dir, "%s-%d" % (author.name, self.number), str(part)] + ([str(rate)] if rate else []),
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=_die_with_parent))
            self.published += part
        return self.published_end(processes) if wait else processes

    @staticmethod
    def published_end(processes):
        for process in processes:
            out, _ = process.communicate(timeout=600)
            check(process.returncode == 0, "a publisher ends well: %s" % out.strip(), out)
        return []

    def items(self):
        return [node.status()["items"] for node in self.nodes]

    def complete(self, nodes=None):
        return all(node.status()["items"] == self.published for node in nodes or self.nodes)

    def arrived(self, seconds, text, nodes=None):
        """Waits until all have everything; returns how long that took."""
        started = time.monotonic()
        wait_until(lambda: self.complete(nodes), seconds)
        check_equal([node.status()["items"] for node in nodes or self.nodes], [self.published] * len(nodes or self.nodes),
                    "%s (within %g s)" % (text, seconds), self.state)
        return time.monotonic() - started

    def state(self):
        lines = []
        for node in self.nodes:
            status = node.status() if node.process else {}
            lines.append("%s: %s links, %s items, missing %s" % (node.name, status.get("links"), status.get("items"),
                                                                sum(log["missing"] for log in status.get("logs", []))))
        return "\n".join(lines)


class Phase:
    """Measures one phase, and prints its row."""

    def __init__(self, mesh, name):
        self.mesh, self.name = mesh, name
        self.before, self.copies, self.published = mesh.seconds(), mesh.copies(), mesh.published
        self.started = time.monotonic()

    def row(self, arrived_s, copies=True, deliveries=None):
        entries = self.mesh.published - self.published
        deliveries = deliveries or entries * (len(self.mesh.nodes) - 1)
        used = sum(seconds - self.before.get(pid, 0.0) for pid, seconds in self.mesh.seconds().items())
        pushed = "%.2f" % ((self.mesh.copies() - self.copies) / deliveries) if copies and deliveries else "-"
        note("%-34s %6d entries  %6.1f s in all  %6.1f s after the last  %5s copies  %s ms of processor a delivery" % (
            self.name, entries, time.monotonic() - self.started, arrived_s, pushed,
            "%.2f" % (1000 * used / deliveries) if deliveries else "-"))


def parted(nodes, other, on):
    """Nobody of one side reaches a relay of the other."""
    for here, there in ((nodes, other), (other, nodes)):
        for node in here:
            for target in there:
                target.relay("bar %d %s" % (node.pid_of("net"), "on" if on else "off"))


def open_links(node, others):
    return {link["agency"] for link in node("peers", "--json").value["links"] if link["state"] == "open"} & {other.name for other in others}


@story
def mesh(place):
    """Delay, stalls, resets and cuts; partition and heal; kill -9; a wiped store; thousands of entries missed off line."""
    place.kills = True
    chance = random.Random(int(os.environ.get("COMITY_SEED", "1")))
    started = time.monotonic()
    all_of = Mesh(place, NODES)
    nodes = all_of.nodes
    must(all_of.linked, 60, "%d nodes are linked through their relays" % NODES, all_of.state)
    note("%d nodes, %d processes, linked after %.1f s" % (NODES, sum(len(node.pids()) for node in nodes), time.monotonic() - started))

    phase = Phase(all_of, "80 ms +-20, one after the other")
    all_of.publish(nodes[:3], ENTRIES, rate=max(5, ENTRIES // 30))
    phase.row(all_of.arrived(60, "all entries are everywhere over slow links"))

    phase = Phase(all_of, "80 ms +-20, all at once")
    all_of.publish(nodes[:3], ENTRIES)
    phase.row(all_of.arrived(60, "and so are many at once"))

    phase = Phase(all_of, "stalls, resets and cuts")
    publishers = all_of.publish(nodes[:3], ENTRIES, rate=max(10, ENTRIES // 12), wait=False)
    while any(process.poll() is None for process in publishers):
        node = chance.choice(nodes)
        trouble = chance.choice(["stall on", "reset", "cut on", "stall to"])
        node.relay(trouble)
        wait_until(lambda: all(process.poll() is not None for process in publishers), chance.uniform(0.2, 0.6), every=0.05)
        node.relay("stall off")
        node.relay("cut off")
    all_of.published_end(publishers)
    phase.row(all_of.arrived(90, "all entries are everywhere after stalls, resets and cuts"), copies=False)

    phase = Phase(all_of, "partition, then healed")
    left, right = nodes[:NODES // 2], nodes[NODES // 2:]
    parted(left, right, True)
    must(lambda: not any(open_links(node, right) for node in left), 30, "the halves are parted", all_of.state)
    all_of.publish([left[0], right[0]], ENTRIES)
    wanted = all_of.published - ENTRIES // 2
    must(lambda: all(node.status()["items"] == wanted for node in nodes), 60, "each half has what it published, and no more", all_of.state)
    parted(left, right, False)
    phase.row(all_of.arrived(60, "all entries are everywhere after healing"), copies=False)

    phase = Phase(all_of, "kill -9 of two nodes")
    publishers = all_of.publish(nodes[:3], ENTRIES, rate=max(10, ENTRIES // 6), wait=False)
    for node in (nodes[-1], nodes[-2]):
        node.kill()
    place.start(nodes[-1], nodes[-2], link=False)
    all_of.published_end(publishers)
    phase.row(all_of.arrived(90, "all entries are everywhere after kill -9"), copies=False)

    wiped, restored = nodes[-3], nodes[-2]
    store, old = os.path.join(restored.dir, "store"), place.path("old-store")
    check(restored.stop() is not None, "a node stops for a copy of its store")
    shutil.copytree(store, old)
    place.start(restored, link=False)
    all_of.publish([wiped, restored], ENTRIES // 5)
    all_of.arrived(60, "two nodes publish that will lose their stores")
    phase = Phase(all_of, "a wiped store and an old copy of one")
    check(wiped.stop() is not None and restored.stop() is not None, "they stop")
    shutil.rmtree(os.path.join(wiped.dir, "store"))
    shutil.rmtree(store)
    os.rename(old, store)
    missed = all_of.published
    place.start(wiped, restored, link=False)
    all_of.publish([wiped, restored], 2)
    phase.row(all_of.arrived(120, "both have everything again, and their logs go on where they ended"), copies=False, deliveries=missed)
    check(not any(log["frozen"] for node in nodes for log in node.status()["logs"]), "nobody saw a fork")

    phase = Phase(all_of, "%d s off line" % AWAY_S)
    away, others = nodes[-1], nodes[:-1]
    check(away.stop() is not None, "a node goes off line")
    left_at = time.monotonic()
    all_of.publish(others[:4], AWAY_ENTRIES)
    all_of.arrived(300, "the others have all %d entries" % AWAY_ENTRIES, others)
    wait_until(lambda: time.monotonic() - left_at >= AWAY_S, AWAY_S)
    place.start(away, link=False)
    phase.row(all_of.arrived(300, "and so has the one that was away"), copies=False)

    ids = {feed_id(each) for each in nodes[0].feed()}
    check_equal(len(ids), all_of.published, "every publication is an object of its own")
    for node in nodes[1:]:
        check({feed_id(each) for each in node.feed()} == ids, "%s holds the same objects" % node.name)
    counts = [node.relay.count() for node in nodes]
    check(sum(count["accepted"] for count in counts) > 0 and sum(count["to"] + count["from"] for count in counts) > 100 * all_of.published,
          "the links ran through the relays", str(counts))


@story
def mesh_under_netem(place):
    """The same in a network namespace whose packets the kernel delays, loses, doubles and reorders, where it can."""
    rule = "ip link set lo up && tc qdisc add dev lo root " + NETEM_RULE
    if NETEM:
        return
    probe = subprocess.run(["unshare", "-n", "sh", "-c", rule], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if probe.returncode != 0:
        note("this machine has no netem (%s): the relays alone made the links bad" % probe.stdout.strip())
        check(os.access(RELAY, os.X_OK), "the relays are there")
        return
    environment = dict(os.environ, COMITY_MESH_NETEM="1")
    result = subprocess.run(["unshare", "-n", "sh", "-c", rule + " && exec \"$@\"", "sh", sys.executable, "-B", __file__, "mesh"],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, check=False, preexec_fn=_die_with_parent)
    for line in result.stdout.splitlines():
        note(line)
    check(result.returncode == 0, "the mesh holds under netem")


main()
