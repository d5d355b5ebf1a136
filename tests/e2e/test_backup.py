#!/usr/bin/python3
"""A node is backed up while it works, lost, and restored: under a new key, without a fork, and without what was recalled meanwhile."""
import os
import shutil
import stat
import threading

from lib import NOT_FOUND, NOT_RUNNING, Node, OK, REFUSED, check, check_equal, indicators, main, must, must_hold, story


def nodes_of(node):
    return node("node", "list", "--json").value


def id_of(node):
    return next(row["node"] for row in nodes_of(node) if row["self"])


def backed_up(node, name):
    path = node.place.path(name)
    result = node("backup", path, "--json", seconds=120)
    check_equal(result.code, OK, "a backup is made", str(result))
    return path, result.value


def restored(place, of, path, *words):
    """The node of a backup, in a directory of its own, where the lost one was reached."""
    node = Node(place, of.name, relayed=False, init=False)
    node.dir = os.path.join(place.dir, of.name + ".restored")
    node.log_path = os.path.join(place.dir, of.name + ".restored.log")
    node.port, node.relay = of.port, of.relay
    return node, node("restore", path, "--json", *words, seconds=120)


def card_goes(node, other):
    """No node of the agency runs that the mesh could hear it from: the card goes by hand."""
    with open(node.card_path, "wb") as file:
        file.write(node("card").out)
    check_equal(other("trust", "update", node.card_path).code, OK, "%s takes the longer chain from a file" % other.name)


def modes(folder):
    """Whatever in it others may read or write."""
    found = []
    for at, folders, names in os.walk(folder):
        for path in [at] + [os.path.join(at, name) for name in names]:
            if stat.S_IMODE(os.lstat(path).st_mode) & 0o077 and path != os.path.join(folder, "card"):
                found.append(path)
    return found


@story
def under_load(place):
    """A backup is taken while the node publishes: all that had been acknowledged is in the restored node, whose log forks nothing."""
    a, b = place.mesh("agency.a", "agency.b")
    before, values = indicators("before", 400)
    a.publish_good(before, "TLP:GREEN", [b])
    state = {"go": True, "rounds": 0}

    def load():
        while state["go"]:
            objects, _ = indicators("load%d" % state["rounds"], 50)
            a.publish_good(objects, "TLP:GREEN", [b])
            state["rounds"] += 1
    worker = threading.Thread(target=load)
    worker.start()
    must(lambda: state["rounds"] >= 2 or not worker.is_alive(), 60, "the node works", a.log_tail)
    path, told = backed_up(a, "backup")
    state["go"] = False
    worker.join()
    check(told["running"], "the node ran meanwhile")
    check_equal(modes(path), [], "nobody else reads anything of it")
    check(not os.path.exists(os.path.join(a.dir, "backup", "store")), "nothing of it is left in the directory")
    check_equal(a("backup", path).code, REFUSED, "a backup is never written over")
    after, _ = indicators("after", 20)
    a.publish_good(after, "TLP:GREEN", [b])
    must_hold(b, 400 + 50 * state["rounds"] + 20, 60, "B has all of it", b.log_tail)
    lost = id_of(a)
    a.stop()

    new, result = restored(place, a, path)
    check_equal(result.code, OK, "the backup is restored", str(result))
    check_equal(result.value["change"], "restored", "and that is told")
    check(result.value["node"] != lost and id_of(new) != lost, "under another key")
    check_equal(modes(new.dir), [], "nobody else reads anything of it")
    check_equal(new("restore", path).code, REFUSED, "a directory that holds a node is left alone")
    card_goes(new, b)
    new.start()
    place.link(new, b)
    must(lambda: not os.path.exists(os.path.join(new.dir, "restored")), 30, "it has heard what was recalled", new.log_tail)
    ids = set(new.feed_ids())
    check(set(each["id"] for each in before) <= ids, "what was published before the backup is there", new.log_tail())
    check(all(new.finds(value) for value in values[:5]), "and is found by value")
    again, _ = indicators("again", 5)
    new.publish_good(again, "TLP:GREEN", [b])
    must(lambda: set(each["id"] for each in again) <= set(b.feed_ids()), 40, "B has what the restored node publishes", b.log_tail)
    check(set(each["id"] for each in after) <= set(b.feed_ids()), "and keeps what the lost one had published after the backup")
    for node in (new, b):
        check_equal(node.status()["forks"] if "forks" in node.status() else 0, 0, "%s knows of no fork" % node.name)
        check("fork" not in node.log(), "and tells of none", node.log_tail())
    check_equal(new("ledger", "verify", "--json").code, OK, "the ledger goes on whole under the new key")
    check_equal(new("node", "revoke", lost, "--json").code, OK, "the lost key is revoked")


@story
def newest_card(place):
    """The agency's chain grew after the backup, and its only node is lost: a partner gives back what it heard, and the two go on."""
    a, b = place.mesh("agency.a", "agency.b")
    path, _ = backed_up(a, "backup")
    check_equal(a("node", "renew", "--json").code, OK, "the certificate is renewed after the backup")
    records = lambda: b("trust", "card", "agency.a", "--json").value["nodes"][0]["valid_until"]
    before = a("card", "show", os.path.join(path, "card"), "--json").value["nodes"][0]["valid_until"]
    must(lambda: records() != before, 30, "B hears of it", b.log_tail)
    newest = place.path("newest.card", b("trust", "card", "agency.a").out)
    check_equal(b("trust", "card", "nobody").code, NOT_FOUND, "who is not pinned has none")
    lost = id_of(a)
    a.stop()
    new, result = restored(place, a, path, "--card", newest)
    check_equal(result.code, OK, "the backup is restored with the card that B gave", str(result))
    given = b("trust", "update", "-", input=new("card").out)
    check_equal(given.code, OK, "B takes the new chain, by standard input: it contradicts nothing", str(given))
    new.start()
    place.link(new, b)
    must(lambda: not os.path.exists(os.path.join(new.dir, "restored")), 30, "they are linked", new.log_tail)
    check_equal(new("node", "revoke", lost, "--json").code, OK, "the lost key is revoked")
    b.stop()
    check_equal(b("trust", "card", "agency.a").code, NOT_RUNNING, "only a running node knows")


@story
def recalled_meanwhile(place):
    """What a partner recalled after the backup is not shown by the restored node: not before it heard of it, and not afterwards."""
    a, b = place.mesh("agency.a", "agency.b")
    kept, gone = indicators("kept", 3), indicators("gone", 1)
    b.publish_good(kept[0], "TLP:GREEN", [a])
    b.publish_good(gone[0], "TLP:GREEN", [a])
    must_hold(a, 4, 30, "A has them", a.log_tail)
    check_equal(a("subscription", "add", "siem", "--filter", "", "--from", "start").code, OK, "a consumer has a place")
    check_equal(len(a("feed", "--subscription", "siem", "--json").values), 4, "and was given all")
    check_equal(a("subscription", "add", "late", "--filter", "", "--from", "start").code, OK, "another one has asked for nothing yet")
    path, _ = backed_up(a, "backup")
    check_equal(b("recall", gone[0][0]["id"], "--reason", "wrong", seconds=60).code, OK, "B recalls one")
    must(lambda: len(a.feed()) == 3, 30, "A takes it back", a.log_tail)
    a.stop()
    b.stop()

    new, result = restored(place, a, path)
    check_equal(result.code, OK, "the backup is restored", str(result))
    card_goes(new, b)
    new.spawn()
    must(lambda: new("status").code in (OK, REFUSED), 30, "it runs", new.log_tail)
    for words in (("search", gone[1][0]), ("search", kept[1][0]), ("feed",), ("get", gone[0][0]["id"])):
        result = new(*words)
        check_equal(result.code, REFUSED, "%s shows nothing before a peer was heard" % words[0], str(result))
        check(b"restored" in result.err and gone[1][0].encode() not in result.out, "and says why", str(result))
    b.start()
    place.link(new, b)
    must(lambda: not os.path.exists(os.path.join(new.dir, "restored")), 30, "it has heard what was recalled", new.log_tail)
    check_equal(sorted(new.feed_ids()), sorted(each["id"] for each in kept[0]), "the others are shown, and the recalled one is not")
    check(not new.finds(gone[1][0]), "nor found")
    for consumer in ("siem", "late"):  # which may have been given something after the backup
        given = new("feed", "--subscription", consumer, "--json").values
        check_equal(given[0], {"reset": True}, "%s is told to begin anew: cursors may now stand for other objects" % consumer, given)
        check_equal(sorted(each["object"]["id"] for each in given[1:]), sorted(each["id"] for each in kept[0]), "and given what there is")
        check_equal(new("feed", "--subscription", consumer, "--json").out, b"", "once")


@story
def outbox_recalled(place):
    """What waited in the outbox when a node was backed up went out later and was recalled in part: the restored node does not publish it again."""
    a, b = place.mesh("agency.a", "agency.b", start=False)
    a.start()
    objects, values = indicators("waited", 3)
    a.publish_good(objects, "TLP:GREEN", [b])
    check_equal(a.status()["outbox"], 3, "three objects wait", a.log_tail)
    path, _ = backed_up(a, "backup")
    place.start(b, link=False)
    must(lambda: a.status()["outbox"] == 0, 60, "they go out", a.log_tail)
    must_hold(b, 3, 30, "B has them", b.log_tail)
    check_equal(a("recall", objects[1]["id"], "--reason", "wrong").code, OK, "A recalls one")
    must(lambda: not b.finds(values[1]), 30, "B takes it back", b.log_tail)
    a.stop()
    new, result = restored(place, a, path)
    check_equal(result.code, OK, "the backup is restored", str(result))
    card_goes(new, b)
    new.start()
    place.link(new, b)
    must(lambda: not os.path.exists(os.path.join(new.dir, "restored")), 40, "it has heard what was recalled", new.log_tail)
    must(lambda: new.status()["outbox"] == 0, 30, "nothing waits", new.log_tail)
    check("3 objects of the backup's outbox went out before" in new.log(), "and the operator is told why", new.log_tail)
    marker, _ = indicators("marker", 1)
    new.publish_good(marker, "TLP:GREEN", [b])
    must(lambda: marker[0]["id"] in b.feed_ids(), 30, "B has what the restored node publishes now", b.log_tail)
    check_equal(sorted(b.feed_ids()), sorted(each["id"] for each in [objects[0], objects[2]] + marker), "what was recalled does not come to light again")


@story
def by_hand(place):
    """A stopped node is backed up too; restored with --offline it shows its objects at once; a key elsewhere signs by request."""
    a, b = place.mesh("agency.a", "agency.b")
    objects, values = indicators("one", 2)
    a.publish_good(objects, "TLP:GREEN", [b])
    a.stop()
    path, told = backed_up(a, "backup")
    check(not told["running"], "nobody ran")
    new, result = restored(place, a, path, "--offline")
    check_equal(result.code, OK, "it is restored", str(result))
    new.spawn()
    must(lambda: new("status").code in (OK, REFUSED), 30, "it runs", new.log_tail)
    check(new.finds(values[0]), "and shows what it has at once")
    new.stop()
    shutil.rmtree(new.dir)

    request = place.path("request")
    for name in ("root.key", "ops.key"):
        if os.path.exists(os.path.join(path, name)):
            os.remove(os.path.join(path, name))
    new, result = restored(place, a, path)
    check_equal(result.code, REFUSED, "without a key that signs it is refused", str(result))
    new, result = restored(place, a, path, "--request", request)
    check_equal(result.code, OK, "but a request can be written", str(result))
    new.spawn()
    check(new.process.wait(30) != 0, "the node does not start before its key is certified", new.log_tail())
    check_equal(a("root", "sign", request).code, OK, "it is signed elsewhere")
    check_equal(new("root", "apply", request).code, OK, "and applied")
    card_goes(new, b)
    new.start()
    place.link(new, b)
    must(lambda: not os.path.exists(os.path.join(new.dir, "restored")), 30, "it has heard what was recalled", new.log_tail)
    check_equal(len(new.feed()), 2, "it has its objects")

    os.remove(os.path.join(path, "comity-backup"))
    _, result = restored(place, b, path)
    check(result.code == REFUSED and b"no whole backup" in result.err, "half a backup is refused", str(result))


main()
