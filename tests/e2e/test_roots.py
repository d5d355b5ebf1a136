#!/usr/bin/python3
"""Root keys: rotated by one holder and by several, kept off line with requests that go there and back; and what a thief can't do."""
import os
import shutil

from lib import OK, REFUSED, USAGE, check, check_equal, indicators, main, must_hold, story


def records(node):
    return node("root", "show", "--json").value["records"]



@story
def rotated(place):
    """The root keys are rotated while the node runs: partners go on as before, and the next rotation works from the new ones."""
    a, b = place.mesh("agency.a", "agency.b")
    old = os.path.join(place.dir, "old.root.key")
    shutil.copy(os.path.join(a.dir, "root.key"), old)
    for number in (1, 2):
        result = a("root", "rotate", "--json")
        check_equal(result.code, OK, "rotation %d" % number, str(result))
        check_equal(result.value["generation"], number, "is generation %d" % number)
        check(result.value["running"], "and the running node knows")
        check(not os.path.exists(os.path.join(a.dir, "root.key.next")), "the new key file is in its place")
    check_equal(a("node", "renew", "--key", old).code, REFUSED, "a copy of the first root key signs nothing more")
    check_equal(a("node", "renew", "--key", os.path.join(a.dir, "root.key"), "--json").code, OK, "the one of now does")
    objects, _ = indicators("after", 5)
    a.publish_good(objects, "TLP:RED", [b])
    must_hold(b, 5, 30, "publishing goes on", b.log_tail)
    for node in (a, b):
        node.stop()
    place.start(a, b)
    more, _ = indicators("later", 5)
    a.publish_good(more, "TLP:RED", [b])
    must_hold(b, 10, 30, "also after a restart of both", b.log_tail)
    result = a("root", "rotate", "--new-ops", "--json")
    check_equal(result.code, OK, "a new ops key comes with the next rotation", str(result))
    check_equal(a("node", "renew", "--json").code, OK, "and certifies the node", str(result))


@story
def off_line(place):
    """Ops and root keys are elsewhere: what the node asks for goes there as a file, and comes back signed."""
    a, b = place.mesh("agency.a", "agency.b")
    safe = os.path.join(place.dir, "safe")
    os.mkdir(safe)
    for name in ("ops.key", "root.key"):
        shutil.move(os.path.join(a.dir, name), os.path.join(safe, name))
    result = a("node", "renew")
    check_equal(result.code, REFUSED, "without a key nothing is signed", str(result))
    check(b"--request" in result.err, "and the way is told")
    request = os.path.join(place.dir, "request")
    result = a("node", "renew", "--request", request, "--json")
    check_equal(result.code, OK, "the request is written", str(result))
    check_equal(records(a), 2, "and nothing changed")
    check_equal(a("root", "apply", request).code, REFUSED, "unsigned it is worth nothing")
    result = a("root", "show", request)
    check(b"Renews node" in result.out, "it can be read", str(result))
    result = a("root", "sign", request, "--key", os.path.join(safe, "root.key"), "--json")
    check_equal((result.code, result.value["signatures"]), (OK, 1), "it is signed where the key is", str(result))
    result = a("root", "apply", request, "--json")
    check_equal((result.code, result.value["records"]), (OK, 3), "and applied", str(result))
    check_equal(a("root", "apply", request, "--json").value["records"], 3, "again it changes nothing")
    foreign = os.path.join(place.dir, "foreign")
    check_equal(b("node", "renew", "--request", foreign).code, OK, "another agency's request")
    check_equal(a("root", "sign", foreign, "--key", os.path.join(safe, "root.key")).code, REFUSED, "is not signed")
    check_equal(a("root", "apply", foreign).code, REFUSED, "and not applied")


@story
def two_of_three(place):
    """A root of one becomes one of three of whom two sign; then two holders rotate, and one alone cannot."""
    a, b = place.mesh("agency.a", "agency.b")
    path = lambda name: os.path.join(place.dir, name)
    check_equal(a("root", "offer", path("offer1")).code, OK, "the first holder offers")
    for number in (2, 3):
        check_equal(a("root", "offer", path("offer%d" % number), "--new", path("root%d.key" % number), "--no-passphrase").code, OK, "holder %d offers" % number)
    offers = [path("offer%d" % number) for number in (1, 2, 3)]
    check_equal(a("root", "rotate", *offers, "--request", path("r1")).code, USAGE, "the threshold must be said")
    result = a("root", "rotate", *offers, "--threshold", "2", "--request", path("r1"), "--json")
    check_equal(result.code, OK, "the ROOT is drafted", str(result))
    check_equal(a("root", "sign", path("r1"), "--key", path("root2.key")).code, REFUSED, "a key that was not committed to does not sign it")
    check_equal(a("root", "sign", path("r1")).code, OK, "the committed one does")
    result = a("root", "apply", path("r1"), "--json")
    check_equal((result.code, result.value["generation"]), (OK, 1), "and it is in force", str(result))

    os.remove(os.path.join(a.dir, "ops.key"))
    check_equal(a("node", "renew").code, REFUSED, "now one root key alone certifies nothing")
    check_equal(a("node", "renew", "--request", path("r2")).code, OK, "so a request is made")
    shutil.copy(path("r2"), path("r2.other"))
    check_equal(a("root", "sign", path("r2")).code, OK, "the first holder signs it")
    check_equal(a("root", "apply", path("r2")).code, REFUSED, "which is not enough")
    check_equal(a("root", "sign", path("r2.other"), "--key", path("root3.key")).code, OK, "the third one signs a copy")
    check_equal(a("root", "apply", path("r2"), path("r2.other")).code, OK, "and both together count")

    check_equal(a("root", "rotate").code, REFUSED, "one holder alone rotates nothing")
    check_equal(a("root", "offer", path("next1")).code, OK, "the first offers again")
    check_equal(a("root", "offer", path("next3"), "--key", path("root3.key")).code, OK, "and the third")
    check_equal(a("root", "rotate", path("next1"), path("next3"), "--threshold", "2", "--request", path("r3")).code, OK, "the second is left out")
    check_equal(a("root", "sign", path("r3")).code, OK, "one signs")
    check_equal(a("root", "apply", path("r3")).code, REFUSED, "one is not enough")
    check_equal(a("root", "sign", path("r3"), "--key", path("root3.key")).code, OK, "two sign")
    result = a("root", "apply", path("r3"), "--json")
    check_equal((result.code, result.value["generation"]), (OK, 2), "generation 2 is in force", str(result))
    objects, _ = indicators("after", 5)
    a.publish_good(objects, "TLP:AMBER", [b])
    must_hold(b, 5, 30, "and the partner goes on as before", b.log_tail)


main()
