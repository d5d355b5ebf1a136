#!/usr/bin/python3
"""What waits is told with its reason, on both sides: direct payloads without a link, logs without a path, readers that did not answer."""
from lib import check, check_equal, indicators, main, must, must_hold, story


def status(node):
    return node("status", "--json").value


def log_of(node, agency):
    return next(log for log in status(node)["logs"] if log["agency"] == agency)


def state_of(node, agency):
    return next(row["state"] for row in node("peers", "--json").value["nodes"] if row["agency"] == agency)


@story
def author_side(place):
    """A publishes TLP:RED for B and C; B is down: A tells who has not acknowledged which entry and why, until B has it."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c", start=False)
    place.start(a, c)
    objects, _ = indicators("red", 3)
    a.publish_good(objects, "TLP:RED", [b, c])
    must_hold(c, 3, 30, "C has it", c.log_tail)
    must(lambda: status(a)["direct_pending_count"] == 1 and status(a)["direct_pending"][0]["unacknowledged"] == 1, 20, "C acknowledged, B did not", lambda: repr(status(a)))
    pending = status(a)["direct_pending"][0]
    check_equal((pending["readers"], [row["agency"] for row in pending["unacknowledged_by"]]), (2, ["agency.b"]), "and that is told")
    check_equal(pending["unacknowledged_by"][0]["why"], "no link to it yet", "with the reason")
    check(b"no link to it yet" in a("status").out, "also to people", a("status").text)
    check(state_of(a, "agency.b") in ("not linked", "dialling"), "B's state at A", state_of(a, "agency.b"))
    b.start()
    must_hold(b, 3, 30, "B has it when it is back", b.log_tail)
    must(lambda: status(a)["direct_pending_count"] == 0, 20, "and nothing is pending", lambda: repr(status(a)))
    check_equal(state_of(a, "agency.b"), "linked", "B's state at A")
    check_equal(state_of(a, "agency.a"), "this node", "and A's own")


@story
def reader_side(place):
    """B learns from C of a block that only A gives, while A is away: B tells that it waits for A, and gets it when A is back."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c", start=False)
    place.start(a, c)
    objects, _ = indicators("red", 3)
    a.publish_good(objects, "TLP:RED", [b])
    must(lambda: status(a)["outbox"] == 0, 30, "A's block is made", a.log_tail)
    head = log_of(a, "agency.a")["entries"]
    must(lambda: log_of(c, "agency.a")["entries"] == head, 30, "C carries A's entries", c.log_tail)
    a.stop()
    b.spawn()
    must(lambda: b.ready() and log_of(b, "agency.a")["missing_direct"] == 1, 30, "B knows of the block", b.log_tail)
    log = log_of(b, "agency.a")
    check_equal(log["waits"], "direct payloads wait for a link to their author", "and what it waits for", repr(log))
    check_equal(len(b.feed()), 0, "and has nothing of it")
    place.start(a)
    must_hold(b, 3, 40, "until A is back", b.log_tail, a.log_tail)
    must(lambda: log_of(b, "agency.a")["waits"] == "", 20, "then it waits for nothing", lambda: repr(log_of(b, "agency.a")))


@story
def no_path(place):
    """The only node that carries a log is away: status says that there is no path to it."""
    a, b = place.mesh("agency.a", "agency.b")
    objects, _ = indicators("green", 1)
    a.publish_good(objects, "TLP:GREEN", [b])
    must_hold(b, 1, 30, "B has what A published", b.log_tail)
    must(lambda: not log_of(b, "agency.a")["no_path"], 20, "there is a path", lambda: repr(log_of(b, "agency.a")))
    a.stop()
    must(lambda: log_of(b, "agency.a")["no_path"], 30, "there is none when A is away", lambda: repr(log_of(b, "agency.a")))
    check("no path" in log_of(b, "agency.a")["waits"], "and that is said")
    place.start(a)
    must(lambda: not log_of(b, "agency.a")["no_path"], 40, "and there is one again", b.log_tail)


main()
