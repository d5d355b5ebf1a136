#!/usr/bin/python3
"""What is recalled is gone everywhere: at readers, at those who only carry it, at those who were away; and its author knows who complied."""
import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import termios
import threading
import time

from bystanders import learned_nothing, stands
from lib import (BUILD, COMITY, NOT_FOUND, OK, REFUSED, USAGE, check, check_equal, indicator, indicators, main, must, must_hold, note, story)


def recall(node, *words):
    return node("recall", *words, "--json")


def recall_good(node, *words):
    result = recall(node, *words)
    check_equal(result.code, OK, "recall %s" % " ".join(words[:1]), result, node.log_tail)
    return result.value


def states(node, object_id):
    """What each agency's node said about a recall, by the agency's name."""
    result = node("recall", "status", object_id, "--json")
    check(result.code == OK, "the recall of %s is known" % object_id[:24], result)
    return {row["agency"]: row["state"] for row in result.value["receipts"]}


def complete(node, object_id, names):
    def all_erased():
        result = node("recall", "status", object_id, "--json")
        if result.code != OK:
            return False
        said = {row["agency"]: row["state"] for row in result.value["receipts"]}
        return all(said.get(name) == "erased" for name in names)
    return all_erased


def shows_nowhere(nodes, value, object_id):
    for node in nodes:
        if node.finds(value) or node("get", object_id).code != NOT_FOUND or object_id in node.feed_ids():
            return node.name
    return None


@story
def one_away(place):
    """One of a hundred objects is recalled while a reader is off line; it hears of it from a relay alone, with the author off line and the
    other reader cut off. C and E carry all that, and can read nothing of it."""
    a, b, c, d, e = place.mesh("agency.a", "agency.b", "agency.c", "agency.d", "agency.e")
    objects, values = indicators("taken", 100)
    victim, value = objects[37], values[37]
    a.publish_good(objects, "TLP:AMBER", [b, d])
    must_hold(b, 100, 45, "B has all", b.log_tail)
    must_hold(d, 100, 45, "D has all", d.log_tail)
    learned_nothing([c, e], [victim], [value])
    cursors = {each["object"]["id"]: each["cursor"] for each in b.feed()}
    check_equal(recall_good(a, victim["id"], "--reason", "a mistake", "--dry-run"),
                {"blocks": 1, "dry_run": True, "objects": 1, "versions": 1}, "a dry run says what would go")
    check(b.finds(value), "and does nothing")
    d.stop()
    began = time.monotonic()
    recall_good(a, victim["id"], "--reason", "a mistake")
    must(lambda: not b.finds(value), 20, "B does not find it any more", b.log_tail)
    note("B shows it no more %.2f s after the command began" % (time.monotonic() - began))
    check(not a.finds(value), "nor does A")
    check_equal(shows_nowhere([a, b], value, victim["id"]), None, "no search, get or feed shows it")
    check_equal({each["object"]["id"]: each["cursor"] for each in b.feed()},
                {key: cursor for key, cursor in cursors.items() if key != victim["id"]}, "what stays is there at its old cursors, once")
    check(all(b.finds(other) for other in values[30:37] + values[38:45]), "and is found")
    must(complete(a, victim["id"], ["agency.a", "agency.b"]), 30, "A and B have erased it", lambda: a("recall", "status", victim["id"]), a.log_tail,
         b.log_tail)
    check_equal(states(a, victim["id"]).get("agency.d"), "not reached", "D was not reached")
    for node in (c, e):
        must(lambda: node.status()["payloads"] <= 3, 20, "%s dropped what it carried" % node.name, node.status)
    a.stop()
    b.stop()
    d.start()
    must(lambda: d.linked(c, e), 45, "D is back; A and B are not, only those who carry", d.log_tail)
    must(lambda: not d.finds(value), 45, "D does not show it any more", d.log_tail)
    must_hold(d, 99, 20, "D has the others")
    place.start(a, b, link=False)
    must(complete(a, victim["id"], ["agency.a", "agency.b", "agency.d"]), 60, "A hears that D has erased it, too",
         lambda: a("recall", "status", victim["id"]), d.log_tail, a.log_tail)
    learned_nothing([c, e], [victim], [value])
    for node in (a, b, c, d, e):
        node.stop()
    place.start(a, b, c, d, e)
    check_equal(shows_nowhere([a, b, c, d, e], value, victim["id"]), None, "nor after a restart of all")
    must(lambda: a("verify", "--with", "agency.b").code == OK, 45, "A and B hold the same, and nobody misses anything",
         lambda: a("verify", "--with", "agency.b"))


@story
def before_its_payload(place):
    """A reader that was away for both hears of the recall first: what stays reaches it, what was recalled never does."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c")
    b.stop()
    objects, values = indicators("early", 20)
    a.publish_good(objects, "TLP:RED", [b])
    a.publish_good(indicators("other", 5)[0], "TLP:AMBER", [b])
    recall_good(a, objects[3]["id"], "--reason", "too early")
    recall_good(a, objects[4]["id"], "--reason", "too early, too")
    b.start()
    must_hold(b, 23, 60, "B has what stays", b.log_tail)
    check_equal(shows_nowhere([b], values[3], objects[3]["id"]), None, "and not what was recalled")
    check_equal(shows_nowhere([b], values[4], objects[4]["id"]), None, "nor what was recalled then")
    must(complete(a, objects[3]["id"], ["agency.a", "agency.b"]), 45, "B says so", b.log_tail)
    must(lambda: b.status()["missing"] == 0 if "missing" in b.status() else True, 20, "B misses nothing")
    recall_good(a, objects[5]["id"], "--reason", "late")
    must(lambda: not b.finds(values[5]), 20, "a later recall reaches it in the replacement", b.log_tail)
    must_hold(b, 22, 20, "and only that", b.log_tail)


@story
def two_while_away(place):
    """A reader that has the objects is away for two recalls, the second of what stayed after the first: it never gets the payload in between, and
    takes both back all the same."""
    a, b = place.mesh("agency.a", "agency.b")
    objects, values = indicators("two", 300)
    a.publish_good(objects, "TLP:GREEN", [b])
    must_hold(b, 300, 45, "B has all", b.log_tail)
    b.stop()
    for i in (0, 5, 7):
        recall_good(a, objects[i]["id"], "--reason", "wrong")
    b.start()
    must(complete(a, objects[7]["id"], ["agency.a", "agency.b"]), 60, "B says that it has erased them", b.log_tail)
    for i in (0, 5, 7):
        check_equal(shows_nowhere([b], values[i], objects[i]["id"]), None, "and shows number %d nowhere" % i, b.log_tail)
        must(lambda: stands(b, values[i], objects[i]["id"]) == [], 20, "nor holds it in a file", lambda: stands(b, values[i], objects[i]["id"]))
    must_hold(b, 297, 20, "it has the others", b.log_tail)
    recall_good(a, objects[9]["id"], "--reason", "wrong")
    must(lambda: not b.finds(values[9]), 20, "and takes back one more", b.log_tail)
    must_hold(b, 296, 20, "that one alone", b.log_tail)


@story
def before_its_epoch_is_opened(place):
    """The recall comes along with the epoch of what it takes back, and its key process has not opened that yet: nobody knows whether the reader is
    one. The author hears of it all the same, once that is known."""
    a, b = place.mesh("agency.a", "agency.b")
    b.stop()
    objects, values = indicators("sealed", 3)
    a.publish_good(objects, "TLP:AMBER", [b])
    recall_good(a, objects[1]["id"], "--reason", "too early")
    b.program = os.path.join(BUILD, "tests", "e2e", "comity_late_key")
    place.start(b)
    must(complete(a, objects[1]["id"], ["agency.a", "agency.b"]), 45, "B says that it has nothing of it any more",
         lambda: a("recall", "status", objects[1]["id"]), b.log_tail)
    must_hold(b, 2, 45, "and has what stays", b.log_tail)
    check(not b.finds(values[1]), "and not what was recalled")


@story
def again_and_all(place):
    """What stays can be recalled as well, by a filter, to the last object; all versions of it go; what was recalled can come again."""
    a, b = place.mesh("agency.a", "agency.b")
    objects, values = indicators("again", 12)
    a.publish_good(objects, "TLP:GREEN", [b])
    newer = dict(objects[0], modified="2026-02-01T00:00:00.000Z", name="about it, again")
    a.publish_good([newer], "TLP:GREEN", [b])
    must(lambda: b.finds(values[11]) and any(each["object"]["modified"] > "2026-01-15" for each in b.feed()), 45, "B has both versions")
    check_equal(recall_good(a, objects[0]["id"], "--reason", "wrong")["versions"], 2, "both versions go")
    must(lambda: not b.finds(values[0]), 20, "B shows neither")
    for i in (3, 7):
        recall_good(a, objects[i]["id"], "--reason", "wrong")
        must(lambda: not b.finds(values[i]), 20, "one of the replacement goes")
    must_hold(b, 9, 20, "nine stay")
    result = recall(a, "--query", "value=%s type=indicator" % values[5], "--reason", "by value")
    check_equal(result.code, OK, "a filter with a value", result)
    must(lambda: not b.finds(values[5]), 20, "it is gone")
    check_equal(recall_good(a, "--query", "type=indicator before=2026-12-31T00:00:00Z", "--reason", "all of it")["objects"], 8, "all that is left")
    must_hold(b, 0, 20, "B shows nothing", b.log_tail)
    must(complete(a, objects[9]["id"], ["agency.a", "agency.b"]), 30, "and has erased it")
    a.publish_good([objects[9]], "TLP:GREEN", [b])
    must(lambda: b.finds(values[9]), 30, "one of them comes again")


@story
def heard_late(place):
    """Nodes that hear late that a record is not there: what was on its way to the disk then is not given up. B says that it has erased what A
    recalled, and A knows that nobody is waited for."""
    a, b = place.mesh("agency.a", "agency.b", start=False)
    a.program = b.program = os.path.join(BUILD, "tests", "e2e", "comity_late_answer")
    place.start(a, b)
    objects, _ = indicators("late", 2)
    a.publish_good(objects, "TLP:GREEN", [b])
    must_hold(b, 2, 45, "B has both", b.log_tail)
    recall_good(a, objects[0]["id"], "--reason", "wrong")
    asking = threading.Event()
    asker = threading.Thread(target=lambda: [b("status") for _ in iter(asking.is_set, True)])  # whatever B is asked has it look again
    asker.start()
    try:
        must(complete(a, objects[0]["id"], ["agency.a", "agency.b"]), 30, "B's word comes", lambda: a("recall", "status", objects[0]["id"]),
             b.log_tail)
    finally:
        asking.set()
        asker.join()
    must(lambda: "every reader has erased block" in a.log(), 30, "and A's operator reads of it", a.log_tail)


@story
def a_new_version(place):
    """A new version replaces the old one whole: its value, its label and what it referred to are gone from search, get and feed."""
    a, b = place.mesh("agency.a", "agency.b")
    old = indicator("old.example", labels=["vanishes"], confidence=10)
    a.publish_good([old, indicator("beside.example")], "TLP:GREEN", [b])
    must(lambda: b.finds("old.example"), 45, "B has the first version")
    new = indicator("new.example", key="old.example", modified="2026-03-01T00:00:00.000Z")
    a.publish_good([new], "TLP:AMBER", [b])
    must(lambda: b.finds("new.example"), 30, "B has the second")
    for node in (a, b):
        check(not node.finds("old.example"), "%s: the old value is found no more" % node.name)
        got = node("get", old["id"], "--json").values
        check_equal([(each["object"]["pattern"], each["tlp"], each["object"].get("labels")) for each in got],
                    [(new["pattern"], "TLP:AMBER", None)], "%s: get shows the new one alone" % node.name)
        check_equal(sorted(each["object"]["pattern"] for each in node.feed()), sorted([new["pattern"], indicator("beside.example")["pattern"]]),
                    "%s: and so does the feed" % node.name)
    soon = time.time() + 3
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(soon))
    a.publish_good([dict(new, modified="2026-04-01T00:00:00.000Z", valid_until=until)], "TLP:AMBER", [b])
    must(lambda: time.time() > soon + 1, 20, "a third version is over")
    must(lambda: b("get", old["id"]).code == NOT_FOUND and a("get", old["id"]).code == NOT_FOUND, 20, "it is gone")
    must(lambda: b.status()["items"] <= 3, 30, "with its older versions (two receipts are held besides)", lambda: b.status())
    check(not b.finds("new.example") and not b.finds("old.example") and b.finds("beside.example"), "which do not come to light again")


@story
def an_old_disk(place):
    """A reader's store is put back to what it was before the recall: the recall comes again, and is carried out again."""
    a, b = place.mesh("agency.a", "agency.b")
    objects, values = indicators("olden", 40)
    a.publish_good(objects, "TLP:AMBER", [b])
    must_hold(b, 40, 45, "B has all", b.log_tail)
    b.stop()
    store, old = os.path.join(b.dir, "store"), place.path("old-store")
    shutil.copytree(store, old)
    b.start()
    recall_good(a, objects[11]["id"], "--reason", "before the copy came back")
    must(complete(a, objects[11]["id"], ["agency.a", "agency.b"]), 45, "B has erased it", b.log_tail)
    b.stop()
    shutil.rmtree(store)
    shutil.copytree(old, store)
    b.start()
    must(lambda: not b.finds(values[11]), 45, "B drops it again", b.log_tail)
    must_hold(b, 39, 20, "and keeps the others", b.log_tail)
    check(b.finds(values[12]), "which are found")


def ask_and_leave(node, ids):
    """Asks for a recall at the control socket and is gone before any answer (node/engine/control.h, ASK_RECALL)."""
    def text(value):
        return (bytes([0xa0 + len(value)]) if len(value) < 32 else b"\xd9" + bytes([len(value)])) + value.encode()
    body = b"\x94\x01" + text("in a hurry") + b"\xc2\xdc" + struct.pack(">H", len(ids)) + b"".join(text(each) for each in ids)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(os.path.join(node.dir, "control.sock"))
        client.sendall(struct.pack(">IHHQ", len(body), 94, 0, 1) + body)
        # What was not read when its client goes is not done.
        must(lambda: struct.unpack("i", fcntl.ioctl(client, termios.TIOCOUTQ, b"\0" * 4))[0] == 0, 20, "the node took the request")


@contextlib.contextmanager
def still(pid):
    """A process stands still; it goes on afterwards, come what may."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@story
def its_client_goes_away(place):
    """A recall of objects in many blocks, whose client is gone before the first of it is signed: it is finished all the same."""
    a, b = place.mesh("agency.a", "agency.b")
    objects, values = indicators("hurry", 300)
    for at in range(0, 300, 10):
        a.publish_good(objects[at:at + 10], "TLP:AMBER", [b])
    must_hold(b, 300, 45, "B has all", b.log_tail)
    with still(a.pid_of("key")):
        ask_and_leave(a, [each["id"] for each in objects[:290]])
    must(complete(a, objects[289]["id"], ["agency.a", "agency.b"]), 60, "the last of it is erased everywhere", a.log_tail)
    must_hold(b, 10, 45, "B has what was not asked for", b.log_tail)
    must(lambda: "a recall whose client went away is complete: 290 objects" in a.log(), 20, "A's log says that it went on alone", a.log_tail)
    check(b.finds(values[295]) and not a.finds(values[5]), "and nothing else is gone")


@story
def broken_off(place):
    """The author's node stops at the worst moment of a recall: what stays is signed, and the word that takes the block back is not. Then nothing
    of it has happened, anywhere; asked for again, the recall is whole."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c", start=False)
    a.program = os.path.join(BUILD, "tests", "e2e", "comity_half_recall")
    place.start(a, b, c)
    objects, values = indicators("half", 10)
    a.publish_good(objects, "TLP:AMBER", [b])
    must_hold(b, 10, 45, "B has all", b.log_tail)
    must(lambda: c.status()["payloads"] >= 1, 30, "C carries it")
    entries = a.status()["entries"]
    check(recall(a, objects[3]["id"], "--reason", "a mistake").code != OK, "A stops in the midst of a recall")
    a.stop()
    a.program = COMITY
    place.start(a)
    check_equal(a.status()["entries"], entries, "nothing of it stands in A's log")
    check(a.finds(values[3]) and b.finds(values[3]), "the object is where it was")
    check_equal(a("recall", "status", objects[3]["id"]).code, NOT_FOUND, "and no recall of it is known")
    recall_good(a, objects[3]["id"], "--reason", "a mistake")
    must(complete(a, objects[3]["id"], ["agency.a", "agency.b"]), 45, "asked for again it is whole", lambda: a("recall", "status", objects[3]["id"]),
         a.log_tail)
    check(not a.finds(values[3]) and not b.finds(values[3]), "nobody finds it")
    for node in (a, b):
        must(lambda: stands(node, values[3], objects[3]["id"]) == [], 30, "it is in none of %s's files" % node.name,
             lambda: stands(node, values[3], objects[3]["id"]))
    check_equal(sorted(each["object"]["id"] for each in b.feed()), sorted(each["id"] for each in objects if each != objects[3]), "B has the others, once")


@story
def refusals(place):
    """Only the author can recall; a recall needs a reason; what is unknown is said."""
    a, b = place.mesh("agency.a", "agency.b")
    a.publish_good([indicator("foreign.example")], "TLP:GREEN", [b])
    victim = indicator("foreign.example")["id"]
    must(lambda: b.finds("foreign.example"), 45, "B has it")
    result = recall(b, victim, "--reason", "mine")
    check(result.code == REFUSED and b"agency.a" in result.err and b"author" in result.err, "B cannot recall what A wrote", result)
    check_equal(recall(a, "indicator--00000000-0000-4000-8000-000000000000", "--reason", "x").code, NOT_FOUND, "an unknown id")
    check_equal(recall(a, victim).code, USAGE, "no reason")
    check_equal(recall(a, "--query", "colour=red", "--reason", "x").code, USAGE, "an unknown word of the filter")
    result = recall(a, "--query", "type=indicator and (", "--reason", "x")
    check(result.code == USAGE and b"line 1, column 21: found the end" in result.err, "an error with its place", str(result))
    check_equal(recall(a, "--query", "", "--reason", "x").code, USAGE, "an empty filter")
    check_equal(recall(a, "--query", "type=malware", "--reason", "x").code, NOT_FOUND, "nothing fits")
    check_equal(a("recall", "status", victim).code, NOT_FOUND, "no recall of it is known")
    check(b.finds("foreign.example"), "B has it still")
    statement = dict(indicator("forged.example"), type="comity-receipt", id="comity-receipt--00000000-0000-4000-8000-000000000001")
    result = a.publish(json.dumps(statement), "TLP:GREEN", [b])
    check(result.code != OK, "no client can publish a statement", result)


if __name__ == "__main__":
    main()
