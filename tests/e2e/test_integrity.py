#!/usr/bin/python3
"""One flipped bit, on a link or on a disk, never reaches a reader: it is refused, and the true bytes arrive later."""
import json
import os
import random
import shutil

from lib import LONG, carried_unread, check, check_equal, feed_text, indicators, main, must, must_hold, note, story, wait_until


def texts(node):
    found = {}
    for each in node.feed():
        text = feed_text(each)
        value = json.loads(text) if isinstance(text, str) else text
        found[value["id"]] = value
    return found


@story
def flipped_on_the_link(place):
    """A bit is flipped early and late, in both directions, in a handshake and in a large transfer: all arrives, unaltered."""
    # libzmq 4.3.4 can abort on a broken stream ("!_io_error", stream_engine_base.cpp): the network process is made to be lost and
    # comes back; what counts is that all arrives, unaltered.
    place.known = ["net was ended by signal 6"]
    a, b = place.mesh("agency.a", "agency.b")
    wanted = {}
    for number, position in enumerate((1, 150, 900, 4000, 20000, 60000) if LONG else (150, 20000)):
        must(lambda: a.linked(b) and b.linked(a), 90, "A and B are linked")
        # Both dial at the start, and either link may be the one that stays: whichever carries the bytes alters one.
        relays = (a.relay, b.relay)
        flips = sum(each.count()["flipped"] for each in relays)
        for each in relays:
            each("flip %d" % position)
        # Names that do not compress, so that late positions are reached.
        objects, _ = indicators("flip%d" % number, 1500)
        a.publish_good(objects, "TLP:GREEN", "all")
        wanted.update({each["id"]: each for each in objects})
        must(lambda: sum(each.count()["flipped"] for each in relays) > flips, 45, "byte %d was altered" % position)
        for each in relays:
            each("flip 0")
        # An altered length may be waited for until the heartbeat finds the link dead; then it is dialled again.
        must_hold(b, len(wanted), 120, "all %d objects arrive" % len(wanted), a.log_tail, b.log_tail)
        check(texts(b) == wanted, "they are what A wrote")
    for position in (5, 70, 300, 500) if LONG else (5, 300):
        for relay in (a.relay, b.relay):
            relay("reset")
            relay("flip %d" % position)
        objects, _ = indicators("handshake%d" % position, 20)
        a.publish_good(objects, "TLP:GREEN", "all")
        wanted.update({each["id"]: each for each in objects})
        must_hold(b, len(wanted), 120, "all arrives after a flip at byte %d of new connections" % position,
             a.log_tail, b.log_tail)
    check(texts(b) == wanted, "B holds exactly what A wrote")


def store_files(node):
    """What the database wrote: the bytes of entries, payloads and pages."""
    return sorted(path for path in node.files() if path.endswith((".sst", ".log", ".ldb", ".blob")) and os.path.getsize(path) > 0)


def flip_bit(path, chance):
    size = os.path.getsize(path)
    offset = chance.randrange(size)
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ (1 << chance.randrange(8))]))
    return "%s, byte %d of %d" % (os.path.basename(path), offset, size)


def copy(source, target):
    """A stopped node's directory; its socket is made anew at the start."""
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("*.sock"))


@story
def flipped_on_the_disk(place):
    """A bit is flipped in what B carries for C: C never gets altered bytes; B refuses to start, or repairs from A."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c", start=False)
    place.start(a, b)
    objects, values = indicators("disk", 1200)
    wanted = {each["id"]: each for each in objects}
    a.publish_good(objects, "TLP:AMBER", [c])
    must(lambda: carried_unread(b) >= 1, 45, "B carries it", b.log_tail)
    check(b.stop() is not None and a.stop() is not None, "A and B stop")
    kept = place.path("kept")
    fresh = place.path("fresh")
    copy(b.dir, kept)
    copy(c.dir, fresh)
    seed = int(os.environ.get("COMITY_SEED", random.SystemRandom().randrange(1 << 32)))
    note("COMITY_SEED=%d" % seed)
    chance = random.Random(seed)
    for trial in range(int(os.environ.get("COMITY_FLIPS", "4"))):
        for node, source in ((b, kept), (c, fresh)):
            shutil.rmtree(node.dir)
            copy(source, node.dir)
        files = store_files(b)
        check(files, "B has store files")
        where = flip_bit(chance.choices(files, [os.path.getsize(path) for path in files])[0], chance)
        b.spawn()
        up = wait_until(lambda: b.ready() or b.process.poll() is not None, 30) and b.process.poll() is None
        place.start(c, link=False)
        if up:
            wait_until(lambda: c.linked(b), 45)
            wait_until(lambda: len(c.feed()) == len(wanted), 6)
        else:
            b.kill()
        altered = {key for key, value in texts(c).items() if wanted.get(key) != value}
        check_equal(altered, set(), "trial %d (%s; B %s): C has nothing that A did not write" % (
            trial, where, "runs" if up else "refused to start"), b.log_tail)
        place.start(a, link=False)
        must_hold(c, len(wanted), 90, "trial %d: all arrives once A is back" % trial, c.log_tail, b.log_tail)
        check(texts(c) == wanted, "trial %d: it is what A wrote" % trial)
        for node in (a, b, c):
            node.kill()


main()
