#!/usr/bin/env python3
"""bench: measures what issue 2 promises, on real processes, and prints one table with what the machine does without us beside it.

  bench.py [--build build] [FIGURE...]     FIGURE: publish latency bytes store search million export hooks recall expiry
                                           taxii subscriptions; all without one
BENCH_QUICK=1 takes fewer and smaller runs. Everything stands in a temporary folder and is removed; `comity run` processes are ended
by their pids. Durable means fsync (fdatasync by RocksDB's log) before the acknowledgement, at both nodes, group commit on."""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import exports
import hookfiles
import make_stix
import nats
import recalls
import subscriptions
import taxii
from nodes import Pair, wait_until
from table import Table, say

QUICK = os.environ.get("BENCH_QUICK") == "1"
RUNS = 1 if QUICK else 3
PUBLISH_ITEMS = 40_000 if QUICK else 200_000
HELD_ITEMS = 100_000 if QUICK else 1_000_000
MIXED_ITEMS = 40_000
SINGLES = 200 if QUICK else 500
SEARCHES = 20_000 if QUICK else 100_000
CURVE_BYTES_MIN = 200_000_000
KINDS = {"ipv4-addr:value": 1, "domain-name:value": 3, "url:value": 4}


class Bench:
    """The folder, the values, and how programs are called."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.comity = os.path.join(self.build, "comity")
        self.dir = tempfile.mkdtemp(prefix="comity-bench-")
        self.table = Table()
        self.values = make_stix.values(HELD_ITEMS)
        self.made = {}

    def path(self, name):
        return os.path.join(self.dir, name)

    def bundle(self, first, count):
        """(path, mean bytes of an indicator) of a bundle of those values; made once."""
        if (first, count) not in self.made:
            path = self.path("bundle-%d-%d.json" % (first, count))
            self.made[first, count] = path, make_stix.bundle_write(path, self.values[first:first + count])
        return self.made[first, count]

    def pair(self, name, advertise=None):
        return Pair(self.comity, self.path(name), advertise)

    def program(self, name):
        return os.path.join(self.build, "tests", "bench", name)

    def measure(self, name, *words, environment=None):
        """Runs one of our programs: its "name value" lines as a dictionary."""
        words = [self.program(name)] + [str(word) for word in words]
        result = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                                env=dict(os.environ, TMPDIR=self.dir, **(environment or {})))
        if result.returncode != 0:
            raise RuntimeError("%s: exit %d\n%s" % (" ".join(words), result.returncode, result.stderr[-2000:]))
        return {fields[0]: float(fields[1]) for fields in map(str.split, result.stdout.splitlines()) if len(fields) >= 2}

    def rocks(self, what, count):
        folder = self.path("rocks")
        shutil.rmtree(folder, ignore_errors=True)
        got = self.measure("bench_raw", what, folder, count)
        shutil.rmtree(folder, ignore_errors=True)
        return got


def arrived(pair, values):
    """Everything of A is on B's disk, and these values are found there."""
    return pair.caught_up() and all(pair.b.finds(value) for value in values)


def publish_timed(pair, path, values):
    """Seconds from the start of `comity publish` at A until B has all of it, durable and searchable; and that command's CPU time."""
    began = time.monotonic()
    used = pair.a.publish(path)
    if not wait_until(lambda: arrived(pair, values), 120):
        raise RuntimeError("not all arrived: %s" % pair.b.log_tail())
    return time.monotonic() - began, used


# --- publish, and one at a time ---

def raw_publish(bench, status, plain_bytes):
    """What the machine does with the same bytes and keys: items/s."""
    blocks = max(1, status["payloads"])
    rates = {}
    for name, total in (("raw CURVE, sealed bytes", status["payload_bytes"]), ("raw CURVE, plain bytes", plain_bytes)):
        size = max(1, int(total / blocks))
        # The sealed bytes alone would fit into the socket's buffers: enough messages for a rate.
        got = bench.measure("bench_raw", "curve", size, max(blocks, CURVE_BYTES_MIN // size))
        rates[name] = PUBLISH_ITEMS / total * got["curve_bytes"] / (got["curve_us"] / 1e6)
    got = bench.rocks("rocks", PUBLISH_ITEMS)
    rates["raw RocksDB, 2 keys"] = got["rocks_items"] / (got["rocks_us"] / 1e6)
    return rates


def figure_publish(bench):
    path, size = bench.bundle(0, PUBLISH_ITEMS)
    last = [value[1] for value in bench.values[PUBLISH_ITEMS - 3:PUBLISH_ITEMS]]
    rates, beside, cpu = [], {}, {}
    for run in range(RUNS):
        say("publish, run %d" % (run + 1))
        with bench.pair("publish-%d" % run).start() as pair:
            before = [pair.a.cpu_s(), pair.b.cpu_s()]
            took, used = publish_timed(pair, path, last)
            rates.append(PUBLISH_ITEMS / took)
            cpu.setdefault("comity publish", []).append(used / PUBLISH_ITEMS * 1e6)
            for node, earlier in zip((pair.a, pair.b), before):
                for role, used in node.cpu_s().items():
                    cpu.setdefault("%s %s" % (node.name, role), []).append((used - earlier.get(role, 0)) / PUBLISH_ITEMS * 1e6)
            status = pair.a.status()
        for name, rate in raw_publish(bench, status, size * PUBLISH_ITEMS).items():
            beside.setdefault(name, []).append(rate)
        rate = nats.rate(bench, path, PUBLISH_ITEMS)
        if rate:
            beside.setdefault("NATS JetStream", []).append(rate)
        shutil.rmtree(bench.path("publish-%d" % run))
    bench.table.add("publish to durable and searchable, %d" % PUBLISH_ITEMS, "items/s", rates, at_least=100_000,
                    beside=[(name, statistics.median(values)) for name, values in beside.items()])
    used = {role: statistics.median(samples) for role, samples in cpu.items()}
    bench.table.note("CPU, us an item: " + ", ".join("%s %.2f" % each for each in used.items() if each[1] >= 0.05)
                     + "; sum %.2f, so %d processors alone could do %d items/s" % (
                         sum(used.values()), os.cpu_count(), os.cpu_count() * 1e6 / sum(used.values())))
    bench.table.note("indicators of %.0f bytes; sealed %.1f bytes each; %s" % (
        size, status["payload_bytes"] / PUBLISH_ITEMS,
        "NATS: " + nats.why_not(bench) if nats.why_not(bench) else "NATS: TLS, file store with its own lazy sync, all acknowledged"))


def figure_latency(bench):
    p50, p99, sums, pairs = [], [], [], []
    with bench.pair("latency").start() as pair:
        for run in range(RUNS):
            before = bench.rocks("puts", SINGLES)
            trip = bench.measure("bench_raw", "trip", 700, SINGLES)
            got = bench.measure("bench_control", "latency", pair.a.dir, pair.b.dir, SINGLES, pair.b.status()["cursor"])
            # The disk's mood changes: of a measurement before and one after, the faster is the reference.
            puts = min(before, bench.rocks("puts", SINGLES), key=lambda each: each["puts_us_p50"])
            p50.append(got["seen_us_p50"] / 1000)
            p99.append(got["seen_us_p99"] / 1000)
            sums.append((puts["puts_us_p50"] + trip["trip_us_p50"]) / 1000)
            pairs.append((puts["puts_us_p50"], trip["trip_us_p50"]))
    reference = statistics.median(sums)
    bench.table.add("one indicator until visible at the subscriber, p50", "ms", p50, at_most=1.5 * reference + 1,
                    beside=[("two synced puts + CURVE trip", reference)])
    bench.table.add("one indicator until visible at the subscriber, p99", "ms", p99)
    bench.table.note("two synced puts and the CURVE round trip of each run, us: "
                     + ", ".join("%.0f + %.0f" % each for each in pairs))


# --- bytes on the link ---

class Counter:
    """A relay (tests/e2e/link_relay.c) in front of a node that counts what passes."""

    def __init__(self, bench, port):
        relay = os.path.join(bench.build, "tests", "e2e", "link_relay")
        self.process = subprocess.Popen([relay, "127.0.0.1:%d" % port], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        bufsize=1)
        self.port = int(self.process.stdout.readline().split()[1])

    def bytes(self):
        self.process.stdin.write("count\n")
        self.process.stdin.flush()
        words = self.process.stdout.readline().split()
        return int(words[2]) + int(words[4])

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def figure_bytes(bench):
    relays = []

    def advertise(port):
        relays.append(Counter(bench, port))
        return relays[-1].port

    if not os.path.exists(os.path.join(bench.build, "tests", "e2e", "link_relay")):
        bench.table.note("bytes on the link: build/tests/e2e/link_relay is missing, not measured")
        return
    path, _ = bench.bundle(0, PUBLISH_ITEMS)
    # The first ones were published already when all were mixed: take from those that were not.
    published = {value[1] for value in bench.values[:PUBLISH_ITEMS]}
    mixed = [value for value in make_stix.values(2 * MIXED_ITEMS, True) if value[1] not in published][:MIXED_ITEMS]
    mixed_path = bench.path("mixed.json")
    make_stix.bundle_write(mixed_path, mixed)
    try:
        with bench.pair("bytes", advertise).start() as pair:
            counted = sum(relay.bytes() for relay in relays)
            publish_timed(pair, path, [bench.values[PUBLISH_ITEMS - 1][1]])
            full = sum(relay.bytes() for relay in relays) - counted
            counted += full
            publish_timed(pair, mixed_path, [mixed[-1][1]])
            mixed_bytes = sum(relay.bytes() for relay in relays) - counted
            counted += mixed_bytes
            cursor = pair.b.status()["cursor"]
            bench.measure("bench_control", "latency", pair.a.dir, pair.b.dir, SINGLES, cursor)
            single = sum(relay.bytes() for relay in relays) - counted
    finally:
        for relay in relays:
            relay.close()
    bench.table.add("bytes on the link per indicator, full blocks", "bytes", [full / PUBLISH_ITEMS], at_most=70)
    bench.table.add("the same, values of all lists mixed", "bytes", [mixed_bytes / len(mixed)])
    bench.table.add("bytes on the link, block of one", "bytes", [single / SINGLES], at_most=700)
    bench.table.note("bytes on the link: all that TCP carried in both directions (CURVE, headers, signatures, padding, credit, "
                     "keep-alives); TCP's and IP's own headers are not in it")


# --- look-ups ---

def figure_store(bench):
    """The engine's store alone, in its own process: tests/bench/bench_store.c."""
    items = HELD_ITEMS
    misses, hits, networks = [], [], []
    got = {}
    for run in range(RUNS):
        say("store alone, run %d" % (run + 1))
        got = bench.measure("bench_store", items)
        misses.append(got["find_miss"])
        hits.append(got["find_hit_with_object"])
        networks.append(got["find_address_in_networks"])
    bench.table.add("search, engine alone, exact value, miss", "1/s", misses, at_least=300_000)
    bench.table.add("search, engine alone, exact value, hit with object", "1/s", hits, at_least=50_000)
    bench.table.add("search, engine alone, address among networks", "1/s", networks, at_least=40_000)


def figure_search(bench):
    """Over the control socket of a node that received them."""
    path, _ = bench.bundle(0, PUBLISH_ITEMS)
    wanted = bench.path("wanted")
    with open(wanted, "w", encoding="utf-8") as file:
        for i in range(0, 50_000):
            kind, value, _ = bench.values[i * 7919 % PUBLISH_ITEMS]
            file.write("%d %s\n" % (KINDS[kind], value))
    with bench.pair("search").start() as pair:
        publish_timed(pair, path, [bench.values[PUBLISH_ITEMS - 1][1]])
        hits, misses = [], []
        for _ in range(RUNS):
            got = bench.measure("bench_control", "search", pair.b.dir, SEARCHES, wanted)
            hits.append(got["searches_per_s"])
            if got["objects"] < got["searches"]:
                bench.table.note("search over the socket: %d of %d values were found" % (got["objects"], got["searches"]))
            misses.append(bench.measure("bench_control", "search", pair.b.dir, SEARCHES, "-")["searches_per_s"])
    bench.table.add("search over the control socket, hit with object", "1/s", hits, at_least=20_000)
    bench.table.add("search over the control socket, miss", "1/s", misses, at_least=20_000)


# --- a million ---

def catch_up(pair, last):
    """Starts B, which missed all: (items/s from the start of its processes on, peak memory)."""
    began = time.monotonic()
    pair.b.start()
    peak = 0

    def done():
        nonlocal peak
        peak = max(peak, pair.b.memory_bytes())
        return arrived(pair, last)

    if not wait_until(done, 120, 0.05):
        raise RuntimeError("no catch-up: %s" % pair.b.log_tail())
    return HELD_ITEMS / (time.monotonic() - began), peak


def figure_million(bench):
    path, size = bench.bundle(0, HELD_ITEMS)
    last = [value[1] for value in bench.values[HELD_ITEMS - 3:HELD_ITEMS]]
    rates, memory, disk, peaks = [], [], [], []
    with bench.pair("million").start() as pair:
        wait_until(lambda: pair.caught_up(), 30)
        pair.b.stop()
        away = pair.b.dir + ".away"
        shutil.copytree(pair.b.dir, away, ignore=shutil.ignore_patterns("*.sock"))
        say("publishing %d while the subscriber is away" % HELD_ITEMS)
        began = time.monotonic()
        pair.a.publish(path)
        alone = HELD_ITEMS / (time.monotonic() - began)
        for run in range(RUNS):
            say("catch-up, run %d" % (run + 1))
            if run > 0:
                shutil.rmtree(pair.b.dir)
                shutil.copytree(away, pair.b.dir)
            rate, peak = catch_up(pair, last)
            rates.append(rate)
            memory.append(pair.b.memory_bytes() / 1e6)
            peaks.append(peak / 1e6)
            pair.b.stop()
            disk.append(pair.b.disk_bytes() / HELD_ITEMS)
        memory_a = pair.a.memory_bytes() / 1e6
    bench.table.add("catch-up of a node that missed %d" % HELD_ITEMS, "items/s", rates, at_least=100_000)
    bench.table.add("memory of all its processes, %d held" % HELD_ITEMS, "MB", memory, at_most=400)
    bench.table.add("disk, payloads for relaying included", "bytes/item", disk, at_most=220)
    bench.table.note("catch-up counts from the start of the processes, linking included; peak memory meanwhile %d MB; the publisher "
                     "alone took %d items/s and stands at %d MB" % (max(peaks), alone, memory_a))


def figure_export(bench):
    exports.figure(bench, HELD_ITEMS, RUNS, say)


def figure_hooks(bench):
    hookfiles.figure(bench, HELD_ITEMS, RUNS, say)


def figure_taxii(bench):
    taxii.figure(bench, HELD_ITEMS, RUNS, say)


def figure_recall(bench):
    recalls.figure_recall(bench, int(os.environ.get("BENCH_RECALL_NODES", 4 if QUICK else 12)),
                          int(os.environ.get("BENCH_RECALL_ITEMS", HELD_ITEMS)), RUNS, say)


def figure_expiry(bench):
    recalls.figure_expiry(bench, int(os.environ.get("BENCH_EXPIRY_ITEMS", HELD_ITEMS // 10)), say)


def figure_subscriptions(bench):
    subscriptions.figure(bench, int(os.environ.get("BENCH_SUBSCRIPTIONS", 10_000)), PUBLISH_ITEMS, RUNS, publish_timed, say)


FIGURES = {"publish": figure_publish, "latency": figure_latency, "bytes": figure_bytes, "store": figure_store,
           "search": figure_search, "million": figure_million, "export": figure_export, "hooks": figure_hooks,
           "recall": figure_recall, "expiry": figure_expiry, "taxii": figure_taxii, "subscriptions": figure_subscriptions}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("figures", nargs="*", metavar="FIGURE")
    options = parser.parse_args()
    for name in options.figures:
        if name not in FIGURES:
            parser.error("%s is none of %s" % (name, " ".join(FIGURES)))
    say("making values")
    bench = Bench(options.build)
    failed = False
    try:
        for name in options.figures or FIGURES:
            try:
                FIGURES[name](bench)
            except (RuntimeError, OSError, KeyError) as error:
                failed = True
                bench.table.note("%s was not measured: %s" % (name, error))
                say("%s: %s" % (name, error))
    finally:
        if os.environ.get("KEEP") == "1":
            say("kept: " + bench.dir)
        else:
            shutil.rmtree(bench.dir, ignore_errors=True)
    bench.table.note("sync policy: every acknowledgement waits for fdatasync, at both nodes; raw RocksDB syncs each write too")
    bench.table.note("values: %s" % ("maltrail and ipsum from the shared lists" if make_stix.real() else
                                     "MADE UP, because the shared lists are not there"))
    bench.table.note("machine: %d processors, load %.1f over the last minute (above the bench's own two: others were at work)" % (
        os.cpu_count(), os.getloadavg()[0]))
    bench.table.show()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
