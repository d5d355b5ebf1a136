#!/usr/bin/python3
"""The nodes of one agency: several beside each other, renewed, revoked, given a new key; while they run and while they stand still."""
import os

from lib import Node, OK, NOT_FOUND, REFUSED, USAGE, check, check_equal, happens, indicators, main, must, must_hold, story

DAY_MS = 24 * 3600 * 1000


def links(node):
    """The nodes that this one has open links with."""
    result = node("peers", "--json")
    return [link["node"] for link in result.value["links"] if link["state"] == "open"] if result.code == OK else []


def told_until(node, other):
    """When the certificate of the other agency's node ends, as this node knows."""
    return next(row["valid_until"] for row in node("peers", "--json").value["nodes"] if row["agency"] == other.name)


def nodes_of(node):
    result = node("node", "list", "--json")
    if result.code != OK:
        check(False, "%s lists its agency's nodes" % node.name, str(result))
    return result.value


def id_of(node):
    return next(row["node"] for row in nodes_of(node) if row["self"])


def sister(place, of, name):
    """A further node of the agency of `of`, in a directory of its own."""
    node = Node(place, name, init=False)
    public = node.relay.port if node.relay else node.port
    result = node("node", "add", "--from", of.dir, "--listen", "tcp://127.0.0.1:%d" % node.port, "--advertise",
                  "tcp://127.0.0.1:%d" % public, "--no-passphrase", "--json")
    check_equal(result.code, OK, "%s becomes a node of %s's agency" % (name, of.name), str(result))
    return node, result.value


@story
def two_nodes_of_one_agency(place):
    """A second node is added while the first one runs: both write logs of their own, both read, and a partner needs no new card."""
    a, b = place.mesh("agency.a", "agency.b")
    second, told = sister(place, a, "agency.a2")
    check(told["running"] and told["change"] == "added" and told["records"] == 3, "the running node took the record", repr(told))
    second.start()
    must(lambda: len(links(second)) == 2, 30, "the new node is linked with its sister and with the partner", second.log_tail, b.log_tail)
    before, _ = indicators("to-both", 5)
    # From the moment its prekey is here, the partner seals to both.
    must(lambda: b.publish(indicators("probe", 1)[0], "TLP:GREEN", ["agency.a"]).value["audience"][0]["nodes"] == 2, 30,
         "the partner seals to both nodes", b.log_tail)
    b.publish_good(before, "TLP:RED", ["agency.a"])
    for node in (a, second):
        must(lambda: set(each["id"] for each in before) <= set(node.feed_ids()), 30, "%s reads what is for the agency" % node.name, node.log_tail)
    own, _ = indicators("of-second", 3)
    second.publish_good(own, "TLP:AMBER", ["agency.b"])
    for node in (a, b):
        must(lambda: set(each["id"] for each in own) <= set(node.feed_ids()), 30, "%s has what the second node wrote" % node.name, node.log_tail)
    check_equal(len(nodes_of(second)), 2, "the second node knows both")
    check_equal([each["problem"] for each in a("card", "--json").value["nodes"]], [None, None], "the card offers both nodes")


@story
def revoked(place):
    """A node is revoked at its sister: every link with it is closed everywhere, what it wrote stays, nothing more of it is taken."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c")
    second, _ = sister(place, a, "agency.a2")
    second.start()
    lost = id_of(second)
    must(lambda: len(links(second)) == 3, 30, "the second node is in the mesh", second.log_tail)
    good, _ = indicators("good", 4)
    second.publish_good(good, "TLP:GREEN", ["agency.b", "agency.c"])
    for node in (a, b, c):
        must(lambda: set(each["id"] for each in good) <= set(node.feed_ids()), 30, "%s has what it wrote before" % node.name, node.log_tail)
    result = a("node", "revoke", lost[:12], "--json")
    check_equal(result.code, OK, "it is revoked by its agency", str(result))
    check_equal(result.value["change"], "revoked", "and that is told")
    for node in (a, b, c):
        must(lambda: lost not in links(node), 10, "%s has no link with it" % node.name, node.log_tail)
    must(lambda: not links(second), 10, "it has no link with anybody", second.log_tail)
    bad, _ = indicators("bad", 2)
    second.publish(bad, "TLP:GREEN", ["agency.b", "agency.c"], seconds=20)
    after, _ = indicators("after", 3)
    b.publish_good(after, "TLP:AMBER", ["agency.a"])
    must(lambda: set(each["id"] for each in after) <= set(a.feed_ids()), 30, "the rest of the mesh lives on", a.log_tail)
    for node in (a, b, c):
        check(not set(each["id"] for each in bad) & set(node.feed_ids()), "%s has nothing of what it wrote afterwards" % node.name)
    check_equal(a("node", "revoke", lost, "--json").code, REFUSED, "a second cut at the same place says nothing new")
    check_equal(a("node", "renew", lost).code, REFUSED, "and a revoked node never comes back")
    check_equal(a("node", "revoke", "0123456789").code, NOT_FOUND, "an unknown node is told apart")
    check_equal(a("node", "revoke", lost, "--after", "x").code, USAGE, "and so is a number that is none")
    row = next(each for each in nodes_of(c) + nodes_of(a) if each["node"] == lost)
    check_equal(row["state"], "revoked", "the list says so")


@story
def by_itself(place):
    """A node revokes itself: its partners close the links, it says why it publishes nothing, and a new key makes it a member again."""
    a, b = place.mesh("agency.a", "agency.b")
    first, _ = indicators("first", 3)
    a.publish_good(first, "TLP:GREEN", [b])
    must_hold(b, 3, 30, "B has what A wrote", b.log_tail)
    result = a("node", "add", "--json")
    check_equal(result.code, OK, "a new key is certified while the old one can still tell", str(result))
    must(lambda: any(row["node"] == result.value["node"] for row in b("peers", "--json").value["nodes"]), 20, "B knows the new one", b.log_tail)
    check_equal(a("node", "revoke", "self", "--json").code, OK, "the old one is revoked")
    for node in (a, b):
        must(lambda: not links(node), 10, "%s has no link" % node.name, node.log_tail)
    status = a("status", "--json")
    check_equal((status.code, status.value["publishing"], status.value["revoked"]), (REFUSED, False, True), "A tells that it is revoked")
    check("node add" in status.value["publishing_reason"], "and what to do", repr(status.value))
    check_equal(a.publish(indicators("late", 1)[0], "TLP:GREEN", [b]).code, REFUSED, "nothing is published, and nothing put off")
    a.stop()
    place.start(a, link=False)
    must(lambda: links(a) and links(b), 40, "under the new key they are linked", a.log_tail, b.log_tail)
    check_equal(len(b.feed()), 3, "what A wrote before stays")


@story
def cut_in_the_past(place):
    """A node turns out to have been stolen a while ago: what it wrote after the cut is shown nowhere any more, what came before stays."""
    a, b = place.mesh("agency.a", "agency.b")
    second, _ = sister(place, a, "agency.a2")
    second.start()
    must(lambda: len(links(second)) == 2, 30, "the second node is in the mesh", second.log_tail)
    good, values = indicators("good", 3)
    second.publish_good(good, "TLP:GREEN", ["agency.b"])
    cut = next(log["entries"] for log in second("status", "--json").value["logs"] if log["own"])
    stolen, lies = indicators("stolen", 3)
    second.publish_good(stolen, "TLP:GREEN", ["agency.b"])
    for node in (a, b):
        must(lambda: len(node.feed()) == 6, 30, "%s has all of it" % node.name, node.log_tail)
    check_equal(a("node", "revoke", id_of(second), "--after", cut, "--json").code, OK, "it is cut after the good ones")
    for node in (a, b):
        must(lambda: set(node.feed_ids()) == set(each["id"] for each in good), 10, "%s shows only those" % node.name, node.log_tail)
        check(node.finds(values[0]) and not node.finds(lies[0]), "and finds only those")
    b.stop()
    place.start(b)
    check_equal(set(b.feed_ids()), set(each["id"] for each in good), "also after a restart")


@story
def a_new_key(place):
    """A node gets a new key while it runs, starts again with it, and revokes the old one: old entries stay, new ones are taken."""
    a, b = place.mesh("agency.a", "agency.b")
    old = id_of(a)
    first, _ = indicators("first", 4)
    a.publish_good(first, "TLP:AMBER", [b])
    must_hold(b, 4, 30, "B has the entries under the old key", b.log_tail)
    result = a("node", "add", "--json")
    check_equal(result.code, OK, "a new key is made", str(result))
    new = result.value["node"]
    must(lambda: any(row["node"] == new for log in [b("status", "--json").value["logs"]] for row in log), 10, "B learns of it through the mesh", b.log_tail)
    a.stop()
    a.start()
    check_equal(id_of(a), new, "after a restart the new key is in force")
    check(not os.path.exists(os.path.join(a.dir, "node.key.next")), "and waits no longer")
    check_equal(a("node", "revoke", old, "--json").code, OK, "the old one is revoked, with its last entry here")
    more, _ = indicators("more", 4)
    must(lambda: links(a), 30, "A is linked again", a.log_tail, b.log_tail)
    a.publish_good(more, "TLP:RED", [b])
    must_hold(b, 8, 30, "B has the entries of both keys", b.log_tail)
    back, _ = indicators("back", 4)
    b.publish_good(back, "TLP:RED", [a])
    must_hold(a, 12, 30, "and A reads under its new one", a.log_tail)


@story
def renewed(place):
    """Near the end of its certificate a node renews it by itself; without the ops key it says so, and a command renews it."""
    a, b = place.mesh("agency.a", "agency.b")
    os.rename(os.path.join(b.dir, "ops.key"), os.path.join(place.dir, "b.ops.key"))
    until = {node: nodes_of(node)[0]["valid_until"] for node in (a, b)}
    for node in (a, b):
        node.stop()
        node.env["COMITY_CLOCK_OFFSET_MS"] = str(65 * DAY_MS)
    place.start(a, b)
    must(lambda: nodes_of(a)[0]["valid_until"] > until[a], 20, "A renewed its certificate", a.log_tail)
    must(lambda: "warn [certificate.ending] " in b.log() and "no ops key" in b.log(), 20, "B says that it cannot", b.log_tail)
    check_equal(nodes_of(b)[0]["valid_until"], until[b], "and did not")
    result = b("node", "renew", "--key", os.path.join(place.dir, "b.ops.key"), "--json")
    check_equal(result.code, OK, "the command does, with the key from elsewhere", str(result))
    check(result.value["valid_until"] > until[b] and result.value["running"], "for 90 days, at run time", repr(result.value))
    for node, other in ((a, b), (b, a)):
        must(lambda: told_until(node, other) == nodes_of(other)[0]["valid_until"], 30, "%s heard of %s's renewal" % (node.name, other.name), node.log_tail)
    for node in (a, b):
        node.stop()
        node.env["COMITY_CLOCK_OFFSET_MS"] = str(100 * DAY_MS)
    place.start(a, b)
    must(lambda: len(links(a)) == 1, 30, "after 100 days both still trust each other's certificate", a.log_tail, b.log_tail)
    objects, _ = indicators("late", 3)
    must(lambda: a.publish(objects, "TLP:AMBER", [b]).code == OK, 30, "and publish", a.log_tail)
    must_hold(b, 3, 30, "and read", b.log_tail)


@story
def a_sister_is_renewed(place):
    """The node that has the ops key renews its sister too, which learns of it through the mesh and goes on."""
    a, b = place.mesh("agency.a", "agency.b")
    second, _ = sister(place, a, "agency.a2")
    second.start()
    must(lambda: len(links(second)) == 2, 30, "the second node is in the mesh", second.log_tail)
    until = {row["node"]: row["valid_until"] for row in nodes_of(a)}
    for node in (a, b, second):
        node.stop()
        node.env["COMITY_CLOCK_OFFSET_MS"] = str(65 * DAY_MS)
    place.start(a, b, second, link=False)
    for node in (a, second):
        must(lambda: all(row["valid_until"] > until[row["node"]] for row in nodes_of(node)), 90, "%s knows that both are renewed" % node.name, node.log_tail)
    must(lambda: len(links(second)) == 2, 30, "and the second node is linked", second.log_tail)


@story
def added_by_request(place):
    """A node on another machine, without any key of the agency: its request is signed where the key is and applied at both."""
    a, b = place.mesh("agency.a", "agency.b")
    node, request = Node(place, "agency.a3", init=False), os.path.join(place.dir, "request")
    result = node("node", "add", "--card", a.card_path, "--listen", "tcp://127.0.0.1:%d" % node.port, "--advertise",
                  "tcp://127.0.0.1:%d" % node.relay.port, "--no-passphrase", "--request", request, "--json")
    check_equal(result.code, OK, "the request is made", str(result))
    node.spawn()
    must(lambda: node.process.poll() is not None, 20, "the node does not run before it is a node of the agency", node.log_tail)
    node.process = None
    check_equal(a("root", "sign", request).code, OK, "it is signed")
    check_equal(a("root", "apply", request).code, OK, "applied where the agency's node runs")
    check_equal(node("root", "apply", request).code, OK, "and at the new one")
    node.trust(b)
    node.start()
    must(lambda: len(links(node)) == 2, 30, "which is linked with its sister and the partner", node.log_tail, b.log_tail)
    objects, _ = indicators("third", 3)
    must(lambda: b.publish(indicators("probe", 1)[0], "TLP:GREEN", ["agency.a"]).value["audience"][0]["nodes"] == 2, 30, "the partner seals to it", b.log_tail)
    b.publish_good(objects, "TLP:RED", ["agency.a"])
    must(lambda: set(each["id"] for each in objects) <= set(node.feed_ids()), 30, "and it reads", node.log_tail)


@story
def ended(place):
    """A certificate that was not renewed ends: no links, no publishing, and the reason is told; the command brings the node back."""
    a, b = place.mesh("agency.a", "agency.b")
    for node in (a, b):
        node.stop()
    os.rename(os.path.join(b.dir, "ops.key"), os.path.join(place.dir, "b.ops.key"))
    for node in (a, b):
        node.env["COMITY_CLOCK_OFFSET_MS"] = str(91 * DAY_MS)
    a.start()
    b.spawn()
    must(lambda: b("peers").code == OK, 30, "B runs", b.log_tail)
    result = b("status", "--json")
    check_equal(result.code, REFUSED, "but not well")
    status = result.value
    check(not status["publishing"] and "renew" in status["publishing_reason"], "B publishes nothing and says why", repr(status))
    check(not happens(lambda: links(a), 3), "nobody links with an ended certificate", a.log_tail)
    check_equal(b("node", "renew", "--key", os.path.join(place.dir, "b.ops.key")).code, OK, "B is renewed")
    # Both were away past their certificates' ends, and nobody else can tell them: the cards go by hand.
    for node, other in ((a, b), (b, a)):
        with open(other.card_path, "wb") as file:
            file.write(other("card").out)
        check_equal(node("trust", "update", other.card_path).code, OK, "%s takes the longer chain from a file" % node.name)
    must(lambda: len(links(a)) == 1, 40, "and they are linked again", a.log_tail, b.log_tail)


main()
