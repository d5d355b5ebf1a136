#!/usr/bin/python3
"""Subscriptions: what was delivered once is not delivered again, nothing is left out, and what is taken back is heard of."""
import json
import os
import signal
import subprocess
import time

from lib import BUILD, COMITY, NOT_FOUND, OK, REFUSED, USAGE, check, check_equal, indicator, indicators, main, must, story


def add(node, name, *words, text=""):
    result = node("subscription", "add", name, "--filter", text, *words, "--json")
    check_equal(result.code, OK, "subscription %s is made" % name, str(result))
    return result.value


def show(node, name):
    return node("subscription", "show", name, "--json").value


def take(node, name, *words):
    """What the subscription is given now: ids of objects, ids of what is gone."""
    result = node("feed", "--subscription", name, "--json", *words)
    if result.code != OK:
        raise RuntimeError("feed --subscription failed: %s" % result)
    lines = [json.loads(line) for line in result.out.splitlines()]
    return [each["object"]["id"] for each in lines if "object" in each], [each for each in lines if "withdrawn" in each]


def moment(when):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(when)) + ".%03dZ" % (when % 1 * 1000)


def ids_of(objects):
    return [each["id"] for each in objects]


@story
def once_and_no_gap(place):
    """Two subscriptions each have their own place; what was printed does not come again, also over restarts and in parts."""
    a, b = place.mesh("agency.a", "agency.b")
    objects, _ = indicators("old", 30)
    a.publish_good(objects, "TLP:GREEN", [b])
    must(lambda: len(b.feed()) == 30, 30, "B has the old ones")
    add(b, "all", "--from", "start")
    add(b, "news")
    check_equal(take(b, "all", "--limit", "7"), (ids_of(objects[:7]), []), "the first seven")
    check_equal(show(b, "all")["delivered"], 7, "and they are counted")
    b.stop()
    b.start()
    place.link(a, b)
    check_equal(take(b, "all"), (ids_of(objects[7:]), []), "the others, after a restart")
    check_equal(take(b, "all"), ([], []), "and nothing twice")
    check_equal(take(b, "news"), ([], []), "what was there before is no news")
    more, _ = indicators("new", 5)
    a.publish_good(more, "TLP:GREEN", [b])
    must(lambda: show(b, "news")["behind"] == 5, 30, "five are waiting", lambda: show(b, "news"))
    check_equal(take(b, "news"), (ids_of(more), []), "news come")
    check_equal(take(b, "all"), (ids_of(more), []), "for each")
    told = show(b, "all")
    check_equal((told["looked"], told["matched"], told["refused"], told["delivered"], told["behind"]), (35, 35, 0, 35, 0), "the counters", told)
    check(told["taken"] > told["created"], "when it was taken last", told)
    listed = b("subscription", "list", "--json").value["subscriptions"]
    check_equal([each["name"] for each in listed], ["all", "news"], "both are listed")
    check_equal(b("subscription", "rewind", "all", "--to", str(told["cursor"] - 2)).code, OK, "two back")
    check_equal(take(b, "all"), (ids_of(more[3:]), []), "two come again")
    check_equal(b("subscription", "rewind", "all", "--to", "start").code, OK, "to the start")
    check_equal(take(b, "all"), (ids_of(objects + more), []), "all come again")
    check_equal(b("subscription", "remove", "news").code, OK, "one is removed")
    check_equal(b("feed", "--subscription", "news").code, NOT_FOUND, "and is not there any more")
    check_equal(b("subscription", "rewind", "all", "--to", "999999999").code, REFUSED, "there is nothing behind what never was")


@story
def what_is_gone(place):
    """Who was given an object hears that it was recalled, expired or erased; who was not given it does not."""
    a, b = place.mesh("agency.a", "agency.b")
    objects, values = indicators("fleeting", 12)
    a.publish_good(objects[:6], "TLP:GREEN", [b])
    must(lambda: len(b.feed()) == 6, 30, "B has six")
    add(b, "seen", "--from", "start")
    add(b, "unseen", "--from", "start")
    add(b, "low", "--from", "start", "--tlp-max", "TLP:CLEAR")
    check_equal(take(b, "seen")[0], ids_of(objects[:6]), "seen")
    check_equal(take(b, "low"), ([], []), "too high for this one")
    check_equal(show(b, "low")["refused"], 6, "and counted as refused", lambda: show(b, "low"))
    check_equal(a("recall", objects[2]["id"], "--reason", "a mistake").code, OK, "A recalls one")
    must(lambda: not b.finds(values[2]), 30, "it is gone at B")
    gone = must(lambda: take(b, "seen")[1], 30, "and heard of")
    check_equal([(each["withdrawn"], each["cause"], each["type"], each["author"], each["tlp"]) for each in gone],
                [(objects[2]["id"], "recall", "indicator", "agency.a", "TLP:GREEN")], "which one, and why")
    check_equal(take(b, "seen"), ([], []), "once")
    check_equal(take(b, "unseen"), (ids_of(objects[:2] + objects[3:6]), []), "who never had it hears nothing")
    check_equal(take(b, "low"), ([], []), "nor who may not see it")
    check_equal(b("ledger", "erase", values[4], "--reason", "wrong person").code, OK, "B erases one")
    gone = must(lambda: take(b, "seen")[1], 30, "it is heard of")
    check_equal([(each["withdrawn"], each["cause"]) for each in gone], [(objects[4]["id"], "erasure")], "as erased")
    soon = time.time() + 4
    brief = indicator("brief.example", valid_until=moment(soon))
    a.publish_good([brief], "TLP:GREEN", [b])
    must(lambda: brief["id"] in take(b, "seen")[0] or time.time() > soon, 30, "one that soon is over")
    gone = must(lambda: take(b, "seen")[1], 60, "its end is heard of")
    check_equal([(each["withdrawn"], each["cause"]) for each in gone], [(brief["id"], "expiry")], "as expired")
    b.stop()
    b.start()
    told = b("feed", "--json", "--withdrawn", "--after", "1000000")
    check_equal([json.loads(line) for line in told.out.splitlines()][0], {"reset": True}, "a position that is none begins anew", str(told))
    told = [json.loads(line) for line in b("feed", "--json", "--withdrawn", "--after", "6.0").out.splitlines()]
    check_equal({each.get("withdrawn") for each in told}, {objects[2]["id"], objects[4]["id"], None} if len(told) > 2 else {objects[2]["id"], objects[4]["id"]},
                "a plain feed is told, when it asks, by its own position", told)


@story
def versions(place):
    """A withdrawal of one version is none while another is held; one that came back is no withdrawal."""
    a, b = place.mesh("agency.a", "agency.b")
    soon = time.time() + 6
    first = indicator("moving.example", confidence=90, valid_until=moment(soon))
    second = indicator("moving.example", modified="2026-02-01T00:00:00.000Z", confidence=10)
    a.publish_good([first], "TLP:GREEN", [b])
    must(lambda: len(b.feed()) == 1, 30, "B has the first version")
    add(b, "sub", "--from", "start")
    check_equal(take(b, "sub")[0], [first["id"]], "it is given")
    a.publish_good([second], "TLP:GREEN", [b])
    must(lambda: b("get", first["id"], "--json").value["object"]["confidence"] == 10, 30, "B has the second")
    check_equal(b.status()["items"], 2, "both are held")
    must(lambda: b.status()["items"] == 1, 60, "the first is over", lambda: b.status())
    check_equal(take(b, "sub"), ([first["id"]], []), "the second is given, and the object is not said to be gone")
    check_equal(a("recall", first["id"], "--reason", "both").code, OK, "A recalls both versions")
    gone = must(lambda: take(b, "sub")[1], 30, "that is heard of")
    check_equal({each["withdrawn"] for each in gone}, {first["id"]}, "of this object")


@story
def filters(place):
    """One language at every door: subscriptions, feeds, exports; an error says where it is; what does not fit any more is withdrawn."""
    a, b = place.mesh("agency.a", "agency.b")
    good = indicator("good.example", confidence=90, labels=["phishing"])
    weak = indicator("weak.example", confidence=20, labels=["phishing"])
    url = indicator("x", pattern="[url:value = 'https://login.example/a']", confidence=80)
    a.publish_good([good, weak, url], "TLP:GREEN", [b])
    net = indicator("y", pattern="[ipv4-addr:value = '198.51.100.0/24']", confidence=80)
    a.publish_good([net], "TLP:AMBER", [b])
    must(lambda: len(b.feed()) == 4, 30, "B has four")
    text = "kind = domain, ip and confidence >= 70"
    add(b, "sure", "--from", "start", text=text)
    for asked, wanted in ((text, [good, net]), ("tlp <= green", [good, weak, url]), ("label = phishing and not confidence < 50", [good]),
                          ("value = *.example.com or value = 198.51.100.7", [net]), ("author = agency.b", []), ("author = agency.a age < 1d", []),
                          ("arrived > 2026-01-01T00:00:00Z and value ~ https:*", [url])):
        check_equal(b.feed_ids("--filter", asked), ids_of(wanted), "feed: %s" % asked)
    tested = [json.loads(line) for line in b("subscription", "test", "--filter", "tlp <= green", "--limit", "2", "--json").out.splitlines()]
    check_equal(([feed["object"]["id"] for feed in tested[:-1]], tested[-1]), (ids_of([good, weak]), {"shown": 2, "looked": 4, "matched": 3, "refused": 0, "behind": 0}),
                "a test shows what would be given, and counts")
    check_equal(b("subscription", "test", "sure", "--json").values[-1]["matched"], 2, "of a subscription, too")
    check_equal(take(b, "sure"), (ids_of([good, net]), []), "what fits is given")
    told = show(b, "sure")
    check_equal((told["looked"], told["matched"], told["delivered"]), (4, 2, 2), "and counted", told)
    listed = b("export", "list", "--filter", "kind = domain")
    check_equal(sorted(listed.text.split()), ["good.example", "weak.example"], "an export of what fits", str(listed))
    listed = b("export", "list", "--subscription", "sure")
    check_equal(sorted(listed.text.split()), ["198.51.100.0/24", "good.example"], "an export of what a subscription is given", str(listed))
    result = b("subscription", "add", "bad", "--filter", "kind = domain\nand colour = red")
    check_equal(result.code, USAGE, "a bad filter is refused")
    check(b"line 2, column 5: found 'colour'" in result.err, "with its place", str(result))
    for words in (("feed", "--filter", "kind ="), ("export", "list", "--filter", "kind ="), ("subscription", "test", "--filter", "kind =")):
        result = b(*words)
        check_equal(result.code, USAGE, "%s: refused" % " ".join(words))
        check(b"line 1, column 7: found the end" in result.err, "with its place", str(result))

    a.publish_good([dict(good, modified="2026-03-01T00:00:00.000Z", confidence=10)], "TLP:GREEN", [b])
    must(lambda: b("get", good["id"], "--json").value["object"]["confidence"] == 10, 30, "a newer version is not sure any more")
    objects, gone = take(b, "sure")
    check_equal((objects, [(each["withdrawn"], each["cause"]) for each in gone]), ([], [(good["id"], "newer")]), "so the one before is withdrawn")
    check_equal(take(b, "sure"), ([], []), "once")
    a.publish_good([dict(weak, modified="2026-03-01T00:00:00.000Z", confidence=15)], "TLP:GREEN", [b])
    must(lambda: show(b, "sure")["behind"] > 0, 30, "one that was never given changes")
    check_equal(take(b, "sure"), ([], []), "and nothing is said of it")
    check_equal(a("recall", weak["id"], "--reason", "x").code, OK, "it is recalled")
    check_equal(a("recall", net["id"], "--reason", "x").code, OK, "and one that was given")
    heard = set()
    # The other one may be told of as well, and before: whether the filter once took it is not known of what is gone.
    must(lambda: heard.update(each["withdrawn"] for each in take(b, "sure")[1]) or net["id"] in heard, 30, "this one is heard of, by its id")


@story
def the_policy(place):
    """A subscription is given what its exit may have: the policy refuses the rest, and counts it; what it refused is not said to be gone."""
    a, b = place.mesh("agency.a", "agency.b")
    quiet = indicator("quiet.example", labels=["pap:red"])
    loud = indicator("loud.example", labels=["pap:green"])
    a.publish_good([quiet, loud], "TLP:GREEN", [b])
    red = indicator("red.example")
    a.publish_good([red], "TLP:RED", [b])
    must(lambda: len(b.feed()) == 3, 30, "B has three")
    add(b, "hook", "--from", "start", "--exit", "hook")
    add(b, "wall", "--from", "start", "--exit", "export-blocking")
    add(b, "here", "--from", "start")
    check_equal(take(b, "hook"), ([loud["id"]], []), "a hook is not given PAP:RED, nor TLP:RED")
    check_equal(take(b, "wall"), ([loud["id"]], []), "nor a firewall")
    check_equal(take(b, "here"), (ids_of([quiet, loud, red]), []), "the node's own user is given all")
    told = show(b, "hook")
    check_equal((told["looked"], told["matched"], told["refused"], told["delivered"]), (3, 3, 2, 1), "it is counted", told)
    for each in (quiet, red, loud):
        check_equal(a("recall", each["id"], "--reason", "x").code, OK, "recalled")
    must(lambda: not b.feed(), 30, "all are gone")
    check_equal([each["withdrawn"] for each in take(b, "hook")[1]], [loud["id"]], "a hook hears of what it was given")
    check_equal([each["withdrawn"] for each in take(b, "here")[1]], ids_of([quiet, red, loud]), "the node's own user of all")
    rows = [row for row in b("ledger", "show", "--json").values if "hook hook" in json.dumps(row)]
    check(rows, "the ledger tells who looked, and by which exit", lambda: str(b("ledger", "show", "--json"))[-2000:])


@story
def a_revoked_node(place):
    """What a stolen key wrote past the cut is shown nobody any more, and who was given it hears so; what it wrote before stays."""
    a, b = place.mesh("agency.a", "agency.b")
    before, _ = indicators("before", 3)
    a.publish_good(before, "TLP:GREEN", [b])
    must(lambda: len(b.feed()) == 3, 30, "B has what A wrote")
    cut = next(log for log in b.status()["logs"] if log["agency"] == "agency.a")["head"]
    add(b, "siem", "--from", "start")
    check_equal(take(b, "siem")[0], ids_of(before), "it is given")
    stolen, _ = indicators("stolen", 70)
    a.publish_good(stolen, "TLP:GREEN", [b])
    must(lambda: len(b.feed()) == 73, 30, "B has what was written with the stolen key")
    check_equal(take(b, "siem")[0], ids_of(stolen), "it is given, too")
    check_equal(a("node", "revoke", a.status()["node"], "--after", str(cut)).code, OK, "the key is revoked from there on")
    must(lambda: len(b.feed()) == 3, 30, "B shows it no more", b.log_tail)
    gone = must(lambda: take(b, "siem")[1], 30, "who was given it hears so")
    check_equal(({each["withdrawn"] for each in gone}, {each["cause"] for each in gone}), (set(ids_of(stolen)), {"revoked"}), "of all of it, and of nothing else")
    check_equal(take(b, "siem"), ([], []), "once")
    b.stop()
    b.start()
    check_equal(take(b, "siem"), ([], []), "also after a restart")
    check_equal(b("trust", "remove", "agency.a").code, OK, "A is unpinned, so that its chain is forgotten")
    check_equal(len(b.feed()), 3, "but not what was revoked")
    b.stop()
    b.start()
    check_equal(len(b.feed()), 3, "nor after a restart")


@story
def follow(place):
    """A consumer that stays hears of each thing at once; one that is ended in the middle goes on where it was, and nothing is twice."""
    a, b = place.mesh("agency.a", "agency.b")
    add(b, "stay")
    words = [COMITY, "feed", "--subscription", "stay", "--follow", "--json", "--dir", b.dir]
    path = place.path("stay.out", b"")

    def begin():
        with open(path, "ab") as file:
            return subprocess.Popen(words, stdout=file, stderr=subprocess.DEVNULL)

    def lines():
        with open(path) as file:
            return [json.loads(line) for line in file.read().splitlines()]

    process = begin()
    objects, _ = indicators("stay", 40)
    a.publish_good(objects[:20], "TLP:GREEN", [b])
    must(lambda: len(lines()) == 20, 30, "twenty come by themselves", lambda: b.log_tail())
    process.send_signal(signal.SIGTERM)
    check_equal(process.wait(30), 0, "it ends when it is told to")
    a.publish_good(objects[20:], "TLP:GREEN", [b])
    check_equal(a("recall", objects[3]["id"], "--reason", "a mistake").code, OK, "A recalls one meanwhile")
    must(lambda: len(b.feed()) == 39, 30, "B has the others, and not that one")
    process = begin()
    must(lambda: len(lines()) == 41, 30, "the others follow, and the withdrawal", lines)
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    got = lines()
    check_equal([each["object"]["id"] for each in got if "object" in each], ids_of(objects), "each once, in order")
    check_equal([each["withdrawn"] for each in got if "withdrawn" in each], [objects[3]["id"]], "and what is gone")


@story
def many(place):
    """Names are kept apart, listed in parts, and a bad one is refused."""
    a, b = place.mesh("agency.a", "agency.b")
    for number in range(40):
        add(b, "n%02d" % number)
    check_equal(len(b("subscription", "list", "--json").value["subscriptions"]), 40, "forty are listed")
    check_equal(b("subscription", "list").code, OK, "for people, too")
    check_equal(b("subscription", "add", "n07", "--filter", "").code, REFUSED, "a name is given once", lambda: str(b("subscription", "add", "n07", "--filter", "")))
    check_equal(b("subscription", "add", "a b", "--filter", "").code, USAGE, "a blank is no letter")
    check_equal(b("subscription", "add", "x").code, USAGE, "a filter must be given")
    check_equal(b("subscription", "add", "x", "--filter", "", "--exit", "publish").code, USAGE, "no exit to subscribers")
    check_equal(b("subscription", "show", "nobody").code, NOT_FOUND, "who is that?")
    check_equal(b("subscription", "list", "n07").code, USAGE, "list takes no name")


main()
