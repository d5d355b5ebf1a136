#!/usr/bin/python3
"""Trust changes at run time: added, removed and updated agencies take effect within a second, on both sides."""
import os
import shutil
import time

from lib import (Node, NOT_FOUND, OK, REFUSED, check, check_equal, happens, indicators, main, must, must_hold, note, story,
                 wait_until)


def links(node):
    """The agencies that this node has links with, by its names for them."""
    result = node("peers", "--json")
    return [link["agency"] for link in result.value["links"] if link["state"] == "open"] if result.code == OK else []


def gone_after(node, name, seconds=10):
    """How long it takes until there is no link with `name`."""
    started = time.monotonic()
    wait_until(lambda: name not in links(node), seconds, every=0.01)
    return time.monotonic() - started


@story
def removed(place):
    """A removes B while both run: within a second neither has the link, nothing more of B's arrives, and a new pin brings it all."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c")
    first, _ = indicators("first", 3)
    b.publish_good(first, "TLP:GREEN", [a, c])
    must_hold(a, 3, 30, "A has what B published", a.log_tail)
    check_equal(a("trust", "remove", "agency.b").code, OK, "A removes B")
    here = gone_after(a, "agency.b")
    there = gone_after(b, "agency.a")
    note("links gone %.3f s after the command at A, and %.3f s later at B" % (here, there))
    check(here < 1 and here + there < 1, "the link is gone at both ends within a second", "%.3f s, %.3f s" % (here, there))
    check(not happens(lambda: "agency.a" in links(b) or "agency.b" in links(a), 3), "and does not come back")
    second, _ = indicators("second", 3)
    b.publish_good(second, "TLP:GREEN", [c])
    must_hold(c, 6, 30, "C has it", c.log_tail)
    check_equal(len(a.feed()), 3, "A takes nothing more of B's, from nobody")
    result = a.publish(indicators("to-b", 1)[0], "TLP:AMBER", ["agency.b"])
    check_equal(result.code, REFUSED, "A seals nothing to B", str(result))
    a.trust(b)
    must(lambda: "agency.b" in links(a) and "agency.a" in links(b), 30, "pinned again, they are linked again", a.log_tail, b.log_tail)
    third, _ = indicators("third", 3)
    b.publish_good(third, "TLP:RED", [a])
    must(lambda: set(each["id"] for each in third) <= set(a.feed_ids()), 30, "and A has what is for it", a.log_tail)


@story
def pinned_again(place):
    """A removes B and pins it again while B is away and nobody else has its log: A has it at once, serves it, and reads on."""
    a, b = place.mesh("agency.a", "agency.b")
    b.publish_good(indicators("first", 3)[0], "TLP:RED", [a])
    b.publish_good(indicators("second", 3)[0], "TLP:GREEN", [a])
    must_hold(a, 6, 30, "A has what B published", a.log_tail)

    def kept(node=a):
        logs = node("status", "--json").value["logs"]
        return [(log["head"], log["entries"], log["missing"]) for log in logs if log["agency"] == "agency.b"]

    before = kept()
    b.stop()
    check_equal(a("trust", "remove", "agency.b").code, OK, "A removes B")
    check_equal(kept(), [], "and carries nothing of it")
    a.trust(b)
    check_equal(kept(), before, "pinned again, its log goes on where it was left")
    c = place.node("agency.c")
    c.trust(a, b)
    a.trust(c)
    place.start(c, link=False)
    must(lambda: [(head, entries) for head, entries, _ in kept(c)] == [before[0][:2]], 30, "and C has it from A", a.log_tail, c.log_tail)


def log_of(node, name):
    """Where the log of this node of another agency ends here, and whether it is frozen; None: it is not carried."""
    logs = [log for log in node.status()["logs"] if log["node"] == name]
    return (logs[0]["head"], logs[0]["frozen"]) if logs else None


@story
def pinned_again_with_an_older_card(place):
    """B's second node wrote two branches, A holds the longer and C the other. A removes B and pins it again with a card older than that
    node: when C brings the newer chain, the log goes on where A's store left it, the fork is proven, and both end in front of it."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c")
    second = Node(place, "agency.b2", init=False)
    result = second("node", "add", "--from", b.dir, "--listen", "tcp://127.0.0.1:%d" % second.port, "--advertise",
                    "tcp://127.0.0.1:%d" % second.relay.port, "--no-passphrase", "--json")
    check_equal(result.code, OK, "B has a second node", str(result))
    name = result.value["node"]
    second.start()
    must(lambda: log_of(a, name) == log_of(c, name) == (1, False), 30, "A and C know it", a.log_tail, c.log_tail)
    second.stop()
    b.stop()
    c.stop()
    shutil.copytree(second.dir, second.dir + ".copy", ignore=shutil.ignore_patterns("*.sock"))
    second.start()
    first, _ = indicators("first", 6)
    for one in first:
        second.publish_good([one], "TLP:GREEN", [a])
    must_hold(a, 6, 30, "A has the one branch", a.log_tail)
    longer = log_of(a, name)[0]
    second.stop()
    a.stop()
    # The old copy runs, among those who know nothing of what it wrote before: its key signs the same numbers again.
    shutil.rmtree(second.dir)
    os.rename(second.dir + ".copy", second.dir)
    place.start(c, second, link=False)
    other, _ = indicators("other", 1)
    must(lambda: second.publish(other, "TLP:GREEN", [c]).code == OK, 60, "the copy writes", second.log_tail)
    must_hold(c, 1, 30, "C has the other branch", c.log_tail)
    check(1 < log_of(c, name)[0] < longer, "which is shorter", log_of(c, name), longer)
    second.stop()
    c.stop()
    place.start(a, link=False)
    check_equal(log_of(a, name), (longer, False), "A's store has it")
    check_equal(a("trust", "remove", "agency.b").code, OK, "A removes B")
    a.trust(b)  # the card of the beginning: one node
    check_equal(log_of(a, name), None, "pinned again, B has one node")
    place.start(c, link=False)
    must(lambda: "agency.c" in links(a), 30, "A is linked with C", a.log_tail)
    must(lambda: log_of(a, name) is not None, 30, "who brings the longer chain", a.log_tail)
    must(lambda: log_of(a, name) == log_of(c, name) == (1, True), 60, "and both end in front of the fork", log_of(a, name), log_of(c, name),
         a.log_tail, c.log_tail)
    # So it is after a restart, and the operators' cut ends it.
    a.stop()
    place.start(a, link=False)
    check_equal(log_of(a, name), (1, True), "A's store holds one branch, and the proof")
    place.start(b, link=False)
    must(lambda: set(links(b)) == {"agency.a", "agency.c"}, 45, "B's first node is back", b.log_tail)
    check_equal(b("node", "revoke", name, "--json").code, OK, "and revokes the second")
    for node in (a, b, c):
        must(lambda: log_of(node, name) == (1, False), 60, "%s is at the cut" % node.name, log_of(node, name), node.log_tail)
    check_equal((len(a.feed()), len(c.feed())), (0, 0), "and shows nothing past it")
    b.publish_good(indicators("after", 2)[0], "TLP:GREEN", [a, c])
    for node in (a, c):
        must_hold(node, 2, 30, "%s reads on" % node.name, node.log_tail)


@story
def added(place):
    """Two running nodes that never heard of each other are pinned, and are linked at once."""
    a, b = place.node("agency.a"), place.node("agency.b")
    place.start(a, b, link=False)
    a.trust(b)
    b.trust(a)
    must(lambda: links(a) == ["agency.b"] and links(b) == ["agency.a"], 10, "they are linked", a.log_tail, b.log_tail)
    objects, _ = indicators("hello", 3)
    a.publish_good(objects, "TLP:RED", [b])
    must_hold(b, 3, 30, "and B has what A publishes for it", b.log_tail)


@story
def a_revocation_by_hand(place):
    """B was revoked while A was cut off from all who could tell: a card from a file ends the link."""
    a, b = place.mesh("agency.a", "agency.b")
    before = b("card").out
    objects, _ = indicators("before", 2)
    b.publish_good(objects, "TLP:GREEN", [a])
    must_hold(a, 2, 30, "A has what B wrote", a.log_tail)
    # B's operators write the record elsewhere: the stolen node would hold it back.
    request, node = place.dir + "/request", b("node", "list", "--json").value[0]["node"]
    check_equal(b("node", "revoke", node, "--request", request).code, OK, "the revocation is drafted")
    check_equal(b("root", "sign", request).code, OK, "and signed")
    copy = place.node("agency.copy")
    b.stop()
    check_equal(b("root", "apply", request).code, OK, "it stands in the card")
    with open(b.card_path, "wb") as file:
        file.write(b("card").out)
    # The stolen node lives on with the old card.
    with open(b.dir + "/card", "wb") as file:
        file.write(before)
    place.start(b)
    must(lambda: "agency.b" in links(a), 30, "the stolen node is linked", a.log_tail)
    check_equal(a("trust", "update", copy.card_path).code, NOT_FOUND, "a card of an agency that is not pinned updates nothing")
    check_equal(a("trust", "update", b.card_path).code, OK, "the card with the revocation does")
    took = gone_after(a, "agency.b")
    check(took < 1, "the link is gone within a second", "%.3f s" % took)
    check(not happens(lambda: "agency.b" in links(a), 3), "and does not come back")
    check_equal(len(a.feed()), 2, "what it wrote before stays")


main()
