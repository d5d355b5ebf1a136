#!/usr/bin/python3
"""What is published while no peer can be asked where the own log ends is kept in the outbox, and arrives once."""
import shutil

from lib import NOT_FOUND, OK, REFUSED, check, check_equal, indicators, main, must, must_hold, story


@story
def kept_and_delivered(place):
    """B is down when A starts: A acknowledges, is killed, starts again, and delivers everything once, in order, when B is there."""
    place.kills = True
    a, b = place.mesh("agency.a", "agency.b", start=False)
    a.start()
    first, values = indicators("first", 30)
    check_equal(a.publish(first, "TLP:AMBER", [b]).code, OK, "A acknowledges although nobody is there")
    status = a.status()
    check_equal(status["outbox"], 30, "status counts what waits")
    check("no peer has told" in status["publishing_reason"], "and says why", status["publishing_reason"])
    check(not a.finds(values[0]), "what waits is not found yet")
    check_equal(status["logs"][0]["head"], 1, "nothing was written to the log")
    unlabelled = a.publish(first[:1], None, [b])
    check_equal(unlabelled.code, REFUSED, "what the policy refuses is refused at once", str(unlabelled))
    a.kill()
    a.start()
    check_equal(a.status()["outbox"], 30, "it stands after kill -9")
    check(a.contains(values[0].encode()) is None, "and not in plain text")
    second, _ = indicators("second", 10)
    check_equal(a.publish(second, "TLP:RED", [b]).code, OK, "more is taken")
    check_equal(a.publish(first, "TLP:AMBER", [b]).code, OK, "and the first again")
    b.start()
    must_hold(b, 40, 60, "B gets all of it once", a.log_tail, b.log_tail)
    wanted = [each["id"] for each in first + second]
    check_equal(b.feed_ids(), wanted, "in the order in which it was published")
    must(lambda: a.status()["outbox"] == 0, 20, "the outbox is empty", a.log_tail)
    check_equal(a.feed_ids(), wanted, "A has it once, too")
    check_equal(a.status()["publishing_reason"], "", "nothing waits any more")
    third, values = indicators("third", 5)
    a.publish_good(third, "TLP:AMBER", [b])
    must(lambda: b.finds(values[0]), 20, "and it publishes as ever")


@story
def a_recipient_removed_meanwhile(place):
    """C is unpinned while A's publication waits: B gets it, C does not, and the operator is told."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c", start=False)
    a.start()
    objects, values = indicators("waits", 5)
    check_equal(a.publish(objects, "TLP:AMBER", [b, c]).code, OK, "A acknowledges")
    check_equal(a("trust", "remove", c.name).code, OK, "C is unpinned")
    place.start(b, c)
    must_hold(b, 5, 60, "B gets it", a.log_tail)
    must(lambda: a.status()["outbox"] == 0, 20, "the outbox is empty", a.log_tail)
    check(any("left out" in notice for notice in a.status()["notices"]), "status tells that somebody was left out", a.status()["notices"])
    check_equal(c("search", values[0]).code, NOT_FOUND, "C has nothing of it")


@story
def an_old_copy(place):
    """A is put back to an old copy of its whole directory: it hears from B what it forgot, and writes on behind that."""
    a, b = place.mesh("agency.a", "agency.b")
    first, _ = indicators("first", 5)
    a.publish_good(first, "TLP:AMBER", [b])
    must_hold(b, 5, 30, "B has the first")
    a.stop()
    copy = place.path("copy")
    shutil.copytree(a.dir, copy, ignore=shutil.ignore_patterns("control.sock"))
    place.start(a)
    second, _ = indicators("second", 5)
    a.publish_good(second, "TLP:AMBER", [b])
    must_hold(b, 10, 30, "B has the second")
    a.stop()
    b.stop()
    shutil.rmtree(a.dir)
    shutil.copytree(copy, a.dir)
    a.start()
    third, _ = indicators("third", 5)
    check_equal(a.publish(third, "TLP:AMBER", [b]).code, OK, "A, put back, acknowledges the third")
    check_equal(a.status()["outbox"], 5, "and keeps it")
    b.start()
    must_hold(b, 15, 60, "B has all three", a.log_tail, b.log_tail)
    must_hold(a, 15, 60, "and A, what it forgot included", a.log_tail)
    check(not any("fork" in notice or "two entries" in notice for node in (a, b) for notice in node.status()["notices"]), "nobody speaks of a fork")
    check(not any(log["frozen"] for node in (a, b) for log in node.status()["logs"]), "and no log is frozen")


@story
def nobody_pinned(place):
    """Who has pinned nobody has nobody to ask."""
    a = place.node("agency.a").start()
    check_equal(a.status()["publishing_reason"], "", "nothing waits")


main()
