#!/usr/bin/python3
"""A node that was away for 60 days gets what was sealed to its old prekey; one that is away too long is refused by name."""
from lib import OK, REFUSED, check, check_equal, indicators, main, must, must_hold, story

DAY_MS = 24 * 3600 * 1000


def at_day(place, day, *nodes):
    for node in nodes:
        node.stop()
        node.env["COMITY_CLOCK_OFFSET_MS"] = str(day * DAY_MS)
    place.start(*nodes)


@story
def sixty_days(place):
    """C is down for 60 days; A and B live on, their prekeys rotate, and A publishes for C all the time."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c")
    first, _ = indicators("day0", 10)
    a.publish_good(first, "TLP:AMBER", [b, c])
    must_hold(c, 10, 30, "C is there at first")
    check(c.stop() is not None, "C goes away")
    wanted = [each["id"] for each in first]
    for day in (15, 30, 45, 60):
        at_day(place, day, a, b)
        objects, _ = indicators("day%d" % day, 20)
        check_equal(a.publish(objects, "TLP:AMBER", [b, c]).code, OK, "day %d: A publishes for B and C" % day)
        red, _ = indicators("red%d" % day, 5)
        check_equal(a.publish(red, "TLP:RED", [c]).code, OK, "day %d: and TLP:RED for C" % day)
        wanted += [each["id"] for each in objects + red]
        must_hold(b, 10 + 20 * (day // 15), 45, "day %d: B has its part" % day, b.log_tail)
    c.env["COMITY_CLOCK_OFFSET_MS"] = str(60 * DAY_MS)
    place.start(c)
    must_hold(c, len(wanted), 90, "C has all that was sealed to its old prekey", c.log_tail, a.log_tail)
    check_equal(set(c.feed_ids()), set(wanted), "exactly that")
    back, values = indicators("back", 5)
    c.publish_good(back, "TLP:AMBER", [a])
    must(lambda: a.finds(values[0]), 45, "what C publishes now reaches A", a.log_tail)


@story
def too_long(place):
    """Past 74 days nothing is sealed to a prekey that was never renewed: the reader is refused, by name."""
    a, b = place.node("agency.a"), place.node("agency.b")
    a.trust(b)
    a.env["COMITY_CLOCK_OFFSET_MS"] = str(73 * DAY_MS)
    a.start()
    objects, _ = indicators("late", 5)
    check_equal(a.publish(objects, "TLP:AMBER", [b]).code, OK, "after 73 days A still publishes for B")
    a.stop()
    a.env["COMITY_CLOCK_OFFSET_MS"] = str(75 * DAY_MS)
    a.start()
    more, _ = indicators("later", 5)
    result = a.publish(more, "TLP:AMBER", [b])
    check_equal(result.code, REFUSED, "after 75 days it is refused", str(result))
    check(b"agency.b" in result.out + result.err, "and the reader is named", str(result))


main()
