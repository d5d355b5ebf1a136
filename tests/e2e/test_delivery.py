#!/usr/bin/python3
"""What is published arrives: with the author off line, after an absence, over bad links, after a restart of all; once."""
import json

from lib import carried_unread, check, check_equal, feed_text, indicators, main, must, must_hold, story


@story
def author_off_line(place):
    """B cannot read what A published for C, carries it, and serves it to C when A is gone."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c", start=False)
    place.start(a, b)
    objects, values = indicators("offline", 40)
    check_equal(a.publish(objects, "TLP:AMBER", [c]).code, 0, "A publishes for C while C is down")
    must(lambda: carried_unread(b) >= 1, 30, "B carries a payload that it cannot read", b.log_tail)
    check(not any(b.finds(value) for value in values[:5]), "B finds none of it")
    check_equal(b.feed(), [], "B's feed is empty")
    check(a.stop() is not None, "A stops")
    place.start(c, link=False)
    must(lambda: c.linked(b), 45, "C is linked with B", c.log_tail)
    must_hold(c, len(values), 60, "C has all of it, with A off line", c.log_tail, b.log_tail)
    check(all(c.finds(value) for value in values), "C finds every value")
    wanted = {each["id"]: each for each in objects}
    check(all(wanted[json_of(each)["id"]] == json_of(each) for each in c.feed()), "every object is what A wrote")
    check_equal(b.feed(), [], "B still reads none of it")


@story
def author_cut_off(place):
    """A and C cannot reach each other, both reach B: what A publishes for C alone arrives at once."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c", start=False)
    place.start(a, b)
    a.relay("refuse on")
    c.relay("cut on")
    place.start(c, link=False)
    must(lambda: c.linked(b), 45, "C is linked with B", c.log_tail)
    check(not c.linked(a) and not a.linked(c), "A and C are not linked")
    objects, values = indicators("cut", 30)
    check_equal(a.publish(objects, "TLP:AMBER", [c]).code, 0, "A publishes for C")
    must_hold(c, len(values), 60, "C has it through B", c.log_tail, b.log_tail)
    check(not b.finds(values[0]), "B cannot read it")
    check(not c.linked(a), "C never was linked with A")
    a.relay("refuse off")
    c.relay("cut off")
    must(lambda: a.linked(c), 90, "the cut link comes back by itself", a.log_tail)


@story
def red_is_direct(place):
    """TLP:RED goes from its author to the reader only: B never holds the payload, and C gets it when A and C meet."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c", start=False)
    place.start(a, b)
    objects, values = indicators("red", 10)
    before = carried_unread(b)
    check_equal(a.publish(objects, "TLP:RED", [c]).code, 0, "A publishes TLP:RED for C while C is down")
    marker, marker_values = indicators("after", 1)
    a.publish_good(marker, "TLP:GREEN", [b])
    must(lambda: b.finds(marker_values[0]), 30, "B has what was published later")
    check_equal(carried_unread(b), before, "B carries no payload of the TLP:RED block")
    place.start(c)
    must_hold(c, len(values), 60, "C has it from A", c.log_tail)


@story
def red_promptly(place):
    """C passes a TLP:RED entry on to B faster than its author's own slow link: B asks the author at once when he can be asked."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c", start=False)
    # Who dials whom is forced, so that only the link between A and B runs through B's relay.
    a.relay("refuse on")
    place.start(a, b)
    b.relay("refuse on")
    place.start(c)
    b.relay("delay 200")
    for number in range(4):
        objects, values = indicators("prompt%d" % number, 5)
        a.publish_good(objects, "TLP:RED", [b] if number % 2 == 0 else [b, c])
        must_hold(b, 5 * (number + 1), 6, "B has TLP:RED publication %d" % (number + 1), b.log_tail)


@story
def catch_up(place):
    """B was down while A published in several steps; over a slow link that breaks on the way it still gets all, once."""
    a, b = place.mesh("agency.a", "agency.b")
    check(b.stop() is not None, "B stops")
    wanted = []
    for step in range(6):
        objects, values = indicators("catchup%d" % step, 200)
        a.publish_good(objects, ["TLP:GREEN", "TLP:AMBER", "TLP:RED"][step % 3], [b])
        wanted += [each["id"] for each in objects]
    for relay in (a.relay, b.relay):
        relay("delay 60 30")
        relay("rate 200000")
    place.start(b)
    for relay in (a.relay, b.relay):
        relay("reset")
        relay("rate 0")
    must(lambda: len(b.feed()) >= len(wanted), 90, "B catches up after a reset", b.log_tail)
    ids = b.feed_ids()
    check_equal(len(ids), len(set(ids)), "nothing is doubled")
    check_equal(set(ids), set(wanted), "nothing is missing, nothing is strange")
    place_of = {each: number for number, each in enumerate(ids)}
    first = [place_of[each] for each in wanted[:200]]
    check_equal(first, sorted(first), "within one publication the order is the author's")


@story
def stalled_link(place):
    """A link that hangs without breaking delivers what was published meanwhile when it moves again."""
    a, b = place.mesh("agency.a", "agency.b")
    for relay in (a.relay, b.relay):
        relay("stall on")
    objects, values = indicators("stalled", 100)
    a.publish_good(objects, "TLP:GREEN", "all")
    check(not b.finds(values[0]), "nothing arrives over a stalled link")
    for relay in (a.relay, b.relay):
        relay("stall off")
    must_hold(b, len(values), 60, "all arrives when it moves again", b.log_tail)


@story
def restart_of_all(place):
    """All nodes stop and start again: nothing is lost, nothing is doubled, the order stays, publishing goes on."""
    nodes = a, b, c = place.mesh("agency.a", "agency.b", "agency.c")
    objects, values = indicators("restart", 300)
    a.publish_good(objects[:100], "TLP:GREEN", "all")
    b.publish_good(objects[100:200], "TLP:AMBER", [a, c])
    c.publish_good(objects[200:], "TLP:RED", [a])
    sizes = {a: 300, b: 200, c: 300}
    for node in nodes:
        must_hold(node, sizes[node], 45, "%s has %d objects" % (node.name, sizes[node]), node.log_tail)
    before = {node: node.feed() for node in nodes}
    for node in nodes:
        check(node.stop() is not None, "%s stops" % node.name)
    place.start(*nodes)
    for node in nodes:
        check_equal(node.feed(), before[node], "%s tells the same feed after the restart" % node.name)
    more, more_values = indicators("after", 50)
    b.publish_good(more, "TLP:GREEN", "all")
    for node in nodes:
        must_hold(node, sizes[node] + 50, 45, "%s has what was published after it" % node.name, node.log_tail)
    check(all(a.finds(value) for value in (values[0], values[150], values[299], more_values[0])), "A finds old and new")
    for node in nodes:
        node.kill()
    place.start(*nodes)
    for node in nodes:
        check_equal(len(node.feed()), sizes[node] + 50, "%s has all after kill -9 too" % node.name)


@story
def the_same_twice(place):
    """The same file, and the same list, published again double nothing."""
    a, b = place.mesh("agency.a", "agency.b")
    objects, _ = indicators("twice", 60)
    data = json.dumps({"type": "bundle", "id": "bundle--7f1f7a4e-3cfa-4f3c-9ed2-30a7e7ee1d0c", "objects": objects})
    for time in ("first", "second", "third"):
        check_equal(a.publish(data, "TLP:GREEN", "all").code, 0, "the %s time is accepted" % time)
    values = "\n".join(["# a list", "evil-twice.example", "hxxp://evil-twice[.]example/x", "203.0.113.7", "198.51.100.0/24",
                        "2001:db8::7", "someone@evil-twice.example", "44d88612fea8a8f36de82e1278abb02f", ""])
    for time in ("first", "second"):
        check_equal(a.publish(values, "TLP:GREEN", "all").code, 0, "the list is accepted the %s time" % time)
    must(lambda: len(b.feed()) >= 67, 45, "B has 60 objects and 7 values", b.log_tail)
    after, _ = indicators("after", 1)
    a.publish_good(after, "TLP:GREEN", "all")
    must(lambda: after[0]["id"] in b.feed_ids(), 30, "B has what came after")
    for node in (a, b):
        ids = node.feed_ids()
        check_equal((len(ids), len(set(ids))), (68, 68), "nothing is doubled at %s" % node.name)
    for value in ("evil-twice.example", "http://evil-twice.example/x", "203.0.113.7", "198.51.100.9", "198.51.100.0/24",
                  "2001:DB8:0::7", "someone@evil-twice.example", "44D88612FEA8A8F36DE82E1278ABB02F"):
        check(b.finds(value), "B finds %s" % value)
    check(not b.finds("198.51.101.1"), "an address outside is not found")


@story
def one_id_two_authors(place):
    """An object's identity is (author, id): another agency's object of the same id hides nothing."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c")
    mine, theirs = indicators("ours", 1)[0][0], indicators("theirs", 1)[0][0]
    theirs["id"] = mine["id"]
    a.publish_good([mine], "TLP:GREEN", "all")
    b.publish_good([theirs], "TLP:GREEN", "all")
    must_hold(c, 2, 45, "C has both", c.log_tail)
    got = c("get", mine["id"], "--json")
    check(got.code == 0 and b"ours-" in got.out and b"theirs-" in got.out, "get lists both", str(got))
    got = c("get", mine["id"], "--from", b.name, "--json")
    check(got.code == 0 and b"ours-" not in got.out and b"theirs-" in got.out, "--from selects one", str(got))


def json_of(each):
    text = feed_text(each)
    return json.loads(text) if isinstance(text, str) else text


@story
def many_audiences(place):
    """B was down while A published for more audiences than B asks its key process about at once: it reads every one."""
    a, b = place.node("agency.a"), place.node("agency.b")
    others = [place.node("absent.%d" % i, relayed=False) for i in range(7)]
    a.trust(b, *others)
    b.trust(a)
    place.start(a, b)
    b.stop()
    count = 80
    for number in range(count):
        objects, _ = indicators("audience%d" % number, 1)
        a.publish_good(objects, "TLP:RED", [b] + [other for bit, other in enumerate(others) if number >> bit & 1])
    place.start(b)
    must_hold(b, count, 30, "B has what each of %d audiences was sent" % count, b.log_tail)


main()
