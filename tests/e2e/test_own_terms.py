#!/usr/bin/python3
"""What one consumer may have changes: its token, its key, its hook, its subscription, or whose word counts here. It begins anew, by every way in
which this node tells, and nobody else does."""
import json
import os
import time

from lib import OK, PATIENCE, check, check_equal, indicators, main, must, skip, story
from taking import RESET, TAKER, everything, heard, ids_of, lines, take
from web import Web, enable, start, token, web_mesh

try:
    from live import Keys, Session
    from live import enable as enable_live
except ImportError:
    Session = None


def stream(web, position=None):
    """An open stream, and what it tells next."""
    web.connection.close()
    headers = {"Authorization": web.authorization}
    if position is not None:
        headers["Last-Event-ID"] = position
    web.connection.request("GET", "/feed", headers=headers)
    response = web.connection.getresponse()

    def told(count):
        found, deadline = [], time.monotonic() + 20 * PATIENCE
        while len(found) < count and time.monotonic() < deadline:  # it says now and then that nothing is new
            line = response.readline().decode()
            if not line:
                break
            if line.startswith("data: "):
                found.append(json.loads(line[6:]))
        return heard(found)

    return told


def again(node, what, name, *options):
    """Removed, and made again under the same name."""
    check_equal(node(what, "remove", name).code, OK, "%s %s is removed" % (what, name))
    result = node(what, "add", name, *options)
    check_equal(result.code, OK, "and made again: %s" % (" ".join(options[-2:]) or "without more"), result)
    return result.text.strip()


@story
def a_token(place):
    """A token is made again for less, and for more: lines, streams and subscriptions begin anew; for the same, they go on. A client of TAXII, which
    cannot be told, sees no more of what it may not, and gets the rest when it reads from the start."""
    a, b = web_mesh(place, "agency.a", "agency.b")
    amber, _ = indicators("amber", 2)
    green, _ = indicators("green", 2)
    soc = lambda secret: Web(b, "soc", secret)
    first = soc(token(b, "soc", "--max-label", "TLP:AMBER", "--rate", "1000"))
    other = Web(b, "other", token(b, "other", "--max-label", "TLP:AMBER", "--rate", "1000"))
    idle = stream(Web(b, "idle", token(b, "idle", "--max-label", "TLP:AMBER")))
    a.publish_good(amber, "TLP:AMBER", [b])
    a.publish_good(green, "TLP:GREEN", [b])
    must(lambda: len(b.feed()) == 4, 30, "B has four")
    everyone = ids_of(amber + green)
    check_equal(b("subscription", "add", "wire", "--filter", "", "--exit", "live", "--from", "start").code, OK, "a subscription")
    found, wide = lines(first, "0.0")
    check_equal(found, everyone, "a token is told of all")
    check_equal(lines(other, "0.0")[0], everyone, "so is another one")
    other_position = lines(other, "0.0")[1]
    check_equal(lines(first, wide)[0], [], "once")
    check_equal(heard([json.loads(line) for line in first("/feed.jsonl", {"subscription": "wire"}).body.splitlines()]), everyone, "through a subscription, too")
    check_equal(idle(4), everyone, "and a stream that began when nothing was there")
    since = first("/taxii2/api/collections/all/objects/").headers["x-taxii-date-added-last"]

    first = soc(again(b, "token", "soc", "--rate", "1000", "--max-label", "TLP:AMBER"))
    check_equal(lines(first, wide)[0], [], "a token that was made again for the same goes on")
    less = soc(again(b, "token", "soc", "--rate", "1000", "--max-label", "TLP:GREEN"))
    anew = [RESET] + ids_of(green)
    check_equal(stream(less, wide)(3), anew, "for less: a stream that stood behind all begins anew")
    less.connection.close()
    found, narrow = lines(less, wide)
    check_equal(found, anew, "so do lines")
    check_equal(lines(less, narrow)[0], [], "once")
    stored = lambda web: heard([json.loads(line) for line in web("/feed.jsonl", {"subscription": "wire"}).body.splitlines()])
    check_equal(stored(less), [RESET], "and its subscription, from the place that the node keeps")
    check_equal(less.ids("all"), ids_of(green), "a client of TAXII sees the rest")
    check_equal(less.ids("all", {"added_after": since}), [], "and nothing again behind where it stood")
    check_equal(lines(other, other_position)[0], [], "the other token is not disturbed")

    b.stop()
    start(place, b, link=False)
    place.link(a, b)
    check_equal(lines(less, narrow)[0], [], "nor is this one by a restart")
    check_equal(lines(less, wide)[0], anew, "after which an old position begins anew still")
    more = soc(again(b, "token", "soc", "--rate", "1000", "--max-label", "TLP:AMBER"))
    found, position = lines(more, narrow)
    check_equal(found, [RESET] + everyone, "for more: what was kept back comes, by a new beginning")
    check_equal(lines(more, position)[0], [], "once")
    check_equal(more.ids("all", {"added_after": since}), [], "a client of TAXII is told nothing behind where it stood")
    check_equal(more.ids("all"), everyone, "and reads it from the start")
    some = soc(again(b, "token", "soc", "--rate", "1000", "--max-label", "TLP:AMBER", "--collections", "green"))
    check_equal(lines(some, position)[0], anew, "fewer collections are less")
    check_equal(b("token", "remove", "soc").code, OK, "the token is removed")
    renamed = Web(b, "soc2", token(b, "soc2", "--rate", "1000", "--max-label", "TLP:GREEN"))
    check_equal(lines(renamed, position)[0], anew, "and one of another name for less does not go on where it stood")
    check_equal(lines(renamed, "1")[0][:1] != [RESET], True, "lines of before there were withdrawals are never told so")


@story
def a_key(place):
    """A key of the live feed is let in again for less, for fewer subscriptions, for more: whether it keeps its position itself or the node does."""
    if Session is None:
        skip("python3-zmq or python3-msgpack is not installed")
    a, b = place.mesh("agency.a", "agency.b", start=False)
    enable_live(b)
    place.start(a, b)
    amber, _ = indicators("amber", 2)
    green, _ = indicators("green", 1)
    a.publish_good(amber, "TLP:AMBER", [b])
    a.publish_good(green, "TLP:GREEN", [b])
    must(lambda: len(b.feed()) == 3, 30, "B has three")
    everyone, anew = ids_of(amber + green), [RESET] + ids_of(green)
    for name, text in (("wire", ""), ("some", "value ~ green-*")):
        check_equal(b("subscription", "add", name, "--filter", text, "--exit", "live", "--from", "start").code, OK, "a subscription %s" % name)
    keys, others = Keys(b, "soc").admit(b, "--max-label", "TLP:AMBER"), Keys(b, "other").admit(b, "--max-label", "TLP:AMBER")
    own, kept, other = Session(b, keys, credit=10), Session(b, keys, "wire", None, 10), Session(b, others, credit=10)
    for session in (own, kept, other):
        check_equal(everything(session, 3), everyone, "a client is told of all")
    must(lambda: b("subscription", "show", "wire", "--json").value["cursor"] >= 3, 20, "and its place is kept")
    own.close(), kept.close()

    again(b, "client", "soc", keys.public, "--max-label", "TLP:GREEN")
    less, kept = Session(b, keys, "", own.position, 10), Session(b, keys, "wire", None, 10)
    check_equal(everything(less, 2), anew, "for less: it begins anew from a position of its own")
    check_equal(everything(kept, 2), anew, "and from the one that the node keeps")
    check(other.silent(1), "another client is not disturbed")
    must(lambda: b("subscription", "show", "wire", "--json").value["gone"] == kept.position[1], 20, "the kept place moves")
    narrow = less.position
    less.close(), kept.close()
    less, kept = Session(b, keys, "", narrow, 10), Session(b, keys, "wire", None, 10)
    check(less.silent(1) and kept.silent(1), "once")
    less.close(), kept.close()

    again(b, "client", "soc", keys.public, "--max-label", "TLP:AMBER")
    more, kept = Session(b, keys, "", narrow, 10), Session(b, keys, "wire", None, 10)
    check_equal(everything(more, 4), [RESET] + everyone, "for more: what was kept back comes")
    check_equal(everything(kept, 4), [RESET] + everyone, "from the kept place, too")
    more.close(), kept.close()
    again(b, "client", "soc", keys.public, "--max-label", "TLP:AMBER", "--subscription", "some")
    some = Session(b, keys, "some", more.position, 10)
    check_equal(everything(some, 2), anew, "who may follow one subscription only, and was told of everything, begins anew there")
    some.close(), other.close()


@story
def a_subscription(place):
    """Behind a name stands another subscription: who follows it, wherever its place is kept, begins anew; so do a hook's command and file."""
    a, b = place.mesh("agency.a", "agency.b", start=False)
    enable(b)
    os.mkdir(place.path("out"))
    taken, listed = place.path("out/taken"), place.path("out/list")
    program = place.path("taker", TAKER % taken)
    os.chmod(program, 0o755)

    def hooks(label):
        with open(os.path.join(b.dir, "hooks.yaml"), "w") as file:
            file.write("version: 1\nhooks:\n  call:\n    command: [%s]\n    max-label: TLP:%s\n    wait: 0 seconds\n    writes: [%s]\n"
                       "    subscription: called\n"
                       "  list:\n    file: %s\n    format: list\n    max-label: TLP:AMBER\n    subscription: listed\n"
                       % (program, label, place.path("out"), listed))

    def called():
        try:
            with open(taken) as file:
                return heard([json.loads(line) for line in file.read().splitlines()])
        except FileNotFoundError:
            return []

    def values():
        try:
            with open(listed) as file:
                return [line for line in file.read().splitlines() if not line.startswith("#")]
        except FileNotFoundError:
            return []

    hooks("AMBER")
    place.start(a, link=False)
    start(place, b, link=False)
    place.link(a, b)
    objects, names = indicators("one", 2)
    others, other_names = indicators("two", 1)
    a.publish_good(objects, "TLP:GREEN", [b])
    a.publish_good(others, "TLP:AMBER", [b])
    must(lambda: len(b.feed()) == 3, 30, "B has three")
    everyone = ids_of(objects + others)
    for name, exit in (("siem", "local"), ("wire", "live"), ("called", "hook"), ("listed", "hook")):
        check_equal(b("subscription", "add", name, "--filter", "", "--exit", exit, "--from", "start").code, OK, "a subscription %s" % name)
    web = Web(b, "soc", token(b, "soc", "--max-label", "TLP:AMBER", "--rate", "1000"))
    check_equal(take(b, "siem"), everyone, "the node's own user is given all")
    found, position = lines(web, "0.0", subscription="wire")
    check_equal(found, everyone, "so is a client of lines that keeps its position")
    must(lambda: called() == everyone and values() == sorted(names + other_names), 60, "a command, and a file", lambda: (called(), values(), b("hook", "list")))

    for name, exit in (("siem", "local"), ("wire", "live"), ("called", "hook"), ("listed", "hook")):
        again(b, "subscription", name, "--exit", exit, "--filter", "value ~ one-*")
    anew = [RESET] + ids_of(objects)
    check_equal(take(b, "siem"), anew, "another filter by the same name: the node's own user begins anew, from the start")
    check_equal(take(b, "siem"), [], "once")
    found, position = lines(web, position, subscription="wire")
    check_equal(found, anew, "so does who keeps its position")
    must(lambda: called() == everyone + anew, 60, "the command is told", lambda: (called(), b("hook", "list")))
    must(lambda: values() == sorted(names), 60, "and the file holds no more", lambda: (values(), b("hook", "list")))
    again(b, "subscription", "siem", "--exit", "local", "--filter", "")
    b.stop()
    start(place, b, link=False)
    place.link(a, b)
    check_equal(take(b, "siem"), [RESET] + everyone, "a wider one: what was kept back comes, also after a restart")
    check_equal(b("subscription", "add", "new", "--filter", "", "--exit", "local").code, OK, "one by a name that was never there")
    check_equal(take(b, "new"), [], "begins where it says")
    again(b, "subscription", "called", "--exit", "hook", "--filter", "")
    must(lambda: called() == everyone + anew + [RESET] + everyone, 60, "the command is given more", lambda: (called(), b("hook", "list")))

    hooks("GREEN")
    check_equal(b("hook", "reload").code, OK, "the hook's label is lowered")
    must(lambda: called() == everyone + anew + [RESET] + everyone + anew, 60, "and its command begins anew", lambda: (called()[8:], b("hook", "list")))


@story
def a_late_word(place):
    """C passes on what A wrote, and B shows nobody the word of an agency that it does not know. Then A is pinned: consumers that stand behind the
    object begin anew, and have it. Who is pinned without anything waiting disturbs nobody."""
    a, b, c, d = (place.node(name) for name in ("agency.a", "agency.b", "agency.c", "agency.d"))
    a.trust(c), b.trust(c), c.trust(a, b)
    place.start(a, b, c, d, link=False)
    place.link(a, c), place.link(b, c)
    objects, values = indicators("passed", 1)
    mine, _ = indicators("mine", 1)
    a.publish_good(objects, "TLP:CLEAR", [c])
    must(lambda: c.finds(values[0]), 30, "C has A's")
    c.publish_good(mine, "TLP:CLEAR", [b])
    check_equal(c("share", objects[0]["id"], "--to", "agency.b").code, OK, "and passes it on")
    must(lambda: "is not shown" in b.log(), 30, "B shows it to nobody", b.log_tail)
    check_equal(b("subscription", "add", "siem", "--filter", "", "--from", "start").code, OK, "a subscription")
    check_equal(take(b, "siem"), ids_of(mine), "is given what C wrote")
    b.trust(d)
    b.trust(a)
    must(lambda: "[consumers.anew]" in b.log(), 20, "A is pinned, and consumers begin anew", b.log_tail)
    check_equal(sorted(take(b, "siem")), sorted([RESET] + ids_of(objects + mine)), "with what was waiting for that")
    check_equal(b.log().count("consumers.anew"), 1, "once: for D nothing was waiting", b.log_tail)


main()
