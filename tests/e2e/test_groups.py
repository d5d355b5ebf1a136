#!/usr/bin/python3
"""Groups and agreements between real nodes: a joint operation, who is removed from it, and what a treaty forbids."""
import time

from lib import NOT_FOUND, OK, REFUSED, USAGE, check, check_equal, indicators, main, must, must_hold, story


def group(node, *words):
    """One group command that must work; its document."""
    result = node("group", *words, "--json")
    check_equal(result.code, OK, "%s: group %s" % (node.name, " ".join(words)), str(result))
    return result.value


def shown(node, name):
    result = node("group", "show", name, "--json")
    return result.value if result.code == OK else None


def members(node, name):
    """The agencies that this node counts as members, by its own names for them."""
    document = shown(node, name) or {"members": []}
    return sorted(row["agency"] for row in document["members"] if row["state"] == "member")


def publish_to(node, data, to, tlp="TLP:GREEN"):
    return node.publish(data, tlp, [to])


@story
def test_joint_operation(place):
    """Five agencies: a group is made and grows, each publishes to all, one is removed for political reasons, an outsider sees nothing."""
    a, b, c, d, e = place.mesh("cert.a", "cert.b", "cert.c", "cert.d", "cert.e")
    made = group(a, "create", "nightfall", "--tlp-max", "TLP:AMBER", "--purpose", "find them", "--ends", "2099-01-01T00:00:00Z")
    check_equal(made["version"], 1, "a group begins with version 1")
    for other in (b, c, d):
        group(a, "add", "nightfall", other.name)
    for node in (b, c, d):
        must(lambda: members(node, "nightfall") == ["cert.a", "cert.b", "cert.c", "cert.d"], 30,
             "%s knows the roster" % node.name, node.log_tail)
    check_equal(e("group", "show", "nightfall").code, NOT_FOUND, "an outsider knows no such group")
    result = publish_to(e, indicators("stray", 1)[0], "group:nightfall")
    check_equal(result.code, REFUSED, "nor can it publish to it", str(result))
    check_equal(b("group", "add", "nightfall", "cert.e").code, REFUSED, "a member that is no admin cannot change it")

    everyone, _ = indicators("everyone", 3)
    result = publish_to(b, everyone, "group:nightfall")
    check_equal(result.code, OK, "a member publishes to the group", str(result))
    check_equal(sorted(each["name"] for each in result.value["audience"]), ["cert.a", "cert.c", "cert.d"], "the others are named")
    for node in (a, c, d):
        must_hold(node, 3, 30, "%s has it" % node.name, node.log_tail)
    without, _ = indicators("without", 2)
    check_equal(publish_to(b, without, "group:nightfall - cert.c").code, OK, "an expression leaves one out")
    for node in (a, d):
        must_hold(node, 5, 30, "%s has that too" % node.name, node.log_tail)
    result = publish_to(b, indicators("hot", 1)[0], "group:nightfall", "TLP:RED")
    check_equal(result.code, REFUSED, "above the ceiling nothing goes to the group", str(result))

    group(a, "remove", "nightfall", "cert.d")
    must(lambda: "cert.d" not in members(b, "nightfall"), 30, "B hears of D's removal", b.log_tail)
    must(lambda: "cert.d" not in members(d, "nightfall"), 30, "and so does D", d.log_tail)
    later, _ = indicators("later", 2)
    result = publish_to(b, later, "group:nightfall")
    check_equal(sorted(each["name"] for each in result.value["audience"]), ["cert.a", "cert.c"], "from then on D is left out")
    must_hold(c, 5, 30, "C has what came later", c.log_tail)
    result = publish_to(d, indicators("back", 1)[0], "group:nightfall")
    check_equal(result.code, REFUSED, "D's own node refuses to publish to it", str(result))
    check(b"group.removed" in result.err, "and says why", str(result))
    check_equal(len(d.feed()), 5, "D got nothing more")
    check_equal(len(e.feed()), 0, "and the outsider nothing at all")


@story
def test_restart_keeps_groups(place):
    """A roster outlives a restart, an order of names that is not the admins', and a name that two groups bear is asked back."""
    a, b = place.mesh("cert.a", "cert.b")
    group(a, "create", "daybreak")
    group(a, "add", "daybreak", "cert.b")
    must(lambda: members(b, "daybreak") == ["cert.a", "cert.b"], 30, "B knows the roster", b.log_tail)
    b.stop()
    place.start(b, link=False)
    check_equal(members(b, "daybreak"), ["cert.a", "cert.b"], "and knows it after a restart")
    group(b, "create", "dusk")
    group(b, "add", "dusk", "cert.a")
    must(lambda: shown(a, "dusk"), 30, "A hears of B's group", a.log_tail)
    check_equal(sorted(each["name"] for each in group(a, "list")["groups"]), ["daybreak", "dusk"], "list shows both")
    check_equal(a("group", "create", "dusk").code, REFUSED, "a name in use is refused")
    for words in (["create", "bad name"], ["create", "x", "--tlp-max", "TLP:PINK"], ["create", "x", "--ends", "tomorrow"], ["add", "dusk"],
                  ["list", "--hidden"], ["frobnicate"]):
        check_equal(a("group", *words).code, USAGE, "group %s is a usage error" % " ".join(words))


@story
def test_two_admins_agree(place):
    """With a threshold of two a change waits for the second admin, who gives the same command."""
    a, b, c = place.mesh("cert.a", "cert.b", "cert.c")
    group(a, "create", "twain", "--admins", "cert.b", "--threshold", "2")
    must(lambda: shown(b, "twain"), 30, "B is an admin", b.log_tail)
    document = group(a, "add", "twain", "cert.c")
    check_equal((document["version"], document["change_waiting"]), (1, "signed by 1 of 2 admins"), "A alone changes nothing")
    must(lambda: shown(b, "twain")["change_waiting"], 30, "B sees the change that waits", b.log_tail)
    check_equal(c("group", "show", "twain").code, NOT_FOUND, "C has heard nothing yet")
    document = group(b, "add", "twain", "cert.c")
    check_equal(document["version"], 2, "with B's signature it is in force")
    for node in (a, c):
        must(lambda: members(node, "twain") == ["cert.a", "cert.b", "cert.c"], 30, "%s knows it" % node.name, node.log_tail)


if __name__ == "__main__":
    main()
