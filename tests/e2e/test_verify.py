#!/usr/bin/python3
"""comity verify shows that two nodes hold the same, or what is missing."""
from lib import NOT_FOUND, NOT_RUNNING, OK, REFUSED, USAGE, check, check_equal, indicators, main, must, must_hold, story


def verdict(node, other):
    return node("verify", "--with", other.name, "--json")


@story
def the_same_or_not(place):
    """A and B hold the same; while B is cut off and A publishes on, they do not; after the heal they do again."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c")
    for at, node in enumerate((a, b, c)):
        objects, _ = indicators("first%d" % at, 20)
        node.publish_good(objects, "TLP:AMBER", [other for other in (a, b, c) if other is not node])
    red, _ = indicators("red", 5)
    b.publish_good(red, "TLP:RED", [a])
    must_hold(a, 65, 45, "A has all that is addressed to it", a.log_tail)
    must_hold(c, 60, 45, "and C")
    result = must(lambda: verdict(a, b) if verdict(a, b).code == OK else None, 30, "A and B hold the same", lambda: verdict(a, b))
    value = result.value
    check_equal((value["agency"], value["same"], value["missing"], value["missing_there"]), (b.name, True, 0, 0), "and it says so")
    check_equal({each["state"] for each in value["logs"]}, {"equal"}, "log by log")
    check_equal(len(value["logs"]), 3, "of all three")
    check(b"same: yes" in a("verify", "--with", b.name).out, "in words, too", lambda: a("verify", "--with", b.name))

    check_equal(verdict(a, a).code, NOT_FOUND, "not with itself")
    check_equal(a("verify").code, USAGE, "--with must be given")
    check_equal(a("verify", "--with", "nobody").code, NOT_FOUND, "an unknown name is not found")
    b.stop()
    must(lambda: verdict(a, b).code == REFUSED, 45, "nor with one that is gone", lambda: verdict(a, b))
    check_equal(b("verify", "--with", a.name).code, NOT_RUNNING, "nor without a running node")
    more, _ = indicators("more", 10)
    a.publish_good(more, "TLP:AMBER", [b, c])
    place.start(b, link=False)
    must(lambda: verdict(a, b).code == OK, 60, "and when it is back, they hold the same again", lambda: verdict(a, b), a.log_tail)


main()
