#!/usr/bin/python3
"""Trust changes at run time: added, removed and updated agencies take effect within a second, on both sides."""
import time

from lib import NOT_FOUND, OK, REFUSED, check, check_equal, happens, indicators, main, must, must_hold, note, story, wait_until


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
