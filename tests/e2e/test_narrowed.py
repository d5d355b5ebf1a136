#!/usr/bin/python3
"""What may be shown becomes less, or more: whoever was told of other things is told to forget them, by every way in which this node
tells, and gets what it may have; nobody else is."""
import json
import os
import time

from lib import OK, PATIENCE, check, check_equal, indicator, indicators, main, must, skip, story
from taking import TAKER, everything, ids_of, lines, take, told
from web import Web, enable, start, token

try:
    from live import Keys, Session
    from live import enable as enable_live
except ImportError:
    Session = None


def policy(node, text):
    """From its next start on."""
    with open(os.path.join(node.dir, "policy.yaml"), "w") as file:
        file.write("version: 1\n" + text)


def add(node, name, exit):
    check_equal(node("subscription", "add", name, "--filter", "", "--from", "start", "--exit", exit).code, OK, "a subscription for the exit %s" % exit)


def consumers(place):
    """Two agencies; the second one serves streams, the live feed and hooks: a command and a file."""
    a, b = place.mesh("agency.a", "agency.b", start=False)
    enable(b), enable_live(b)
    os.mkdir(place.path("out"))
    taken, listed = place.path("out/taken"), place.path("out/list")
    program = place.path("taker", TAKER % taken)
    os.chmod(program, 0o755)
    with open(os.path.join(b.dir, "hooks.yaml"), "w") as file:
        file.write("version: 1\nhooks:\n  soc:\n    command: [%s]\n    max-label: TLP:AMBER\n    wait: 0 seconds\n    writes: [%s]\n"
                   "  list:\n    file: %s\n    format: list\n    max-label: TLP:AMBER\n" % (program, place.path("out"), listed))
    place.start(a, link=False)
    start(place, b, link=False)
    place.link(a, b)
    return a, b, taken, listed


def values(path):
    try:
        with open(path) as file:
            return [line for line in file.read().splitlines() if not line.startswith("#")]
    except FileNotFoundError:
        return []


@story
def the_policy(place):
    """The exit `live` is narrowed while the node is down: streams, lines, the live feed and subscriptions of that exit begin anew, with what they may
    have; hooks and the node's own user, whose exits are as before, hear nothing. When it is opened again, they begin anew once more, and have all."""
    if Session is None:
        skip("python3-zmq or python3-msgpack is not installed")
    a, b, taken, _ = consumers(place)
    green, _ = indicators("green", 2)
    amber, _ = indicators("amber", 1)
    a.publish_good(amber, "TLP:AMBER", [b])
    a.publish_good(green, "TLP:GREEN", [b])
    must(lambda: len(b.feed()) == 3, 30, "B has three")
    everyone = ids_of(amber + green)
    for exit in ("live", "hook", "local"):
        add(b, exit, exit)
        check_equal(take(b, exit), everyone, "and gives all to the subscription for the exit %s" % exit)
    add(b, "kept", "live")
    keys = Keys(b, "soc").admit(b, "--max-label", "TLP:AMBER")
    web = Web(b, "soc", token(b, "soc", "--max-label", "TLP:AMBER"))
    found, position = lines(web, "0.0")
    check_equal(found, everyone, "and to a client of lines")
    own, kept = Session(b, keys, credit=10), Session(b, keys, "kept", None, 10)
    check_equal(everything(own, 3), everyone, "and to one of the live feed that keeps its position")
    check_equal(everything(kept, 3), everyone, "and to one that does not")
    must(lambda: b("subscription", "show", "kept", "--json").value["cursor"] >= 3, 20, "whose place is kept")
    must(lambda: told(taken) == everyone, 20, "and to a hook", lambda: b("hook", "list"))
    own.close(), kept.close()

    b.stop()
    policy(b, "exits:\n  live: {label_max: TLP:GREEN}\n")
    start(place, b, link=False)
    place.link(a, b)
    must(lambda: "[consumers.anew]" in b.log(), 20, "B notices that less may leave by the exit live", b.log_tail)
    check("(live)" in [line for line in b.log().splitlines() if "consumers.anew" in line][-1], "and says by which exit", b.log_tail)
    anew = ["reset"] + ids_of(green)
    check_equal(take(b, "live"), anew, "its subscription begins anew, with what it may have")
    check_equal(take(b, "live"), [], "once")
    check_equal((take(b, "hook"), take(b, "local")), ([], []), "those of other exits hear nothing")
    web = Web(b, "soc", web.secret)
    found, narrow = lines(web, position)
    check_equal(found, anew, "who reads lines behind an older position begins anew")
    check_equal(lines(web, narrow)[0], [], "once")
    again, kept = Session(b, keys, "", own.position, 10), Session(b, keys, "kept", None, 10)
    check_equal(everything(again, 3), anew, "so does who follows the live feed from a position of its own")
    check_equal(everything(kept, 3), anew, "and from the place that the node keeps")
    must(lambda: b("subscription", "show", "kept", "--json").value["gone"] == kept.position[1], 20, "which is moved", lambda: b("subscription", "show", "kept"))
    kept.close()
    kept = Session(b, keys, "kept", None, 10)
    check(kept.silent(2), "so that it is told once")
    more, _ = indicators("more", 1)
    a.publish_good(more, "TLP:GREEN", [b])
    check_equal((everything(again, 1), everything(kept, 1)), (ids_of(more), ids_of(more)), "what comes then comes")
    must(lambda: told(taken) == everyone + ids_of(more), 20, "to the hook as well, which was told of nothing else", lambda: told(taken))
    check_equal(lines(web, narrow)[0], ids_of(more), "and to lines")

    again.close(), kept.close()
    b.stop()
    policy(b, "exits:\n  live: {label_max: TLP:AMBER}\n")
    start(place, b, link=False)
    place.link(a, b)
    must(lambda: b.log().count("consumers.anew") == 2, 20, "B notices that more may leave there", b.log_tail)
    everyone = ids_of(amber + green + more)
    check_equal(take(b, "live"), ["reset"] + everyone, "what was kept back comes, by a new beginning")
    check_equal((take(b, "hook"), take(b, "local")), (ids_of(more), ids_of(more)), "those of other exits are given what is new to them")
    web = Web(b, "soc", web.secret)
    found, wide = lines(web, narrow)
    check_equal(found, ["reset"] + everyone, "so it does to lines")
    again = Session(b, keys, "", again.position, 10)
    check_equal(everything(again, 5), ["reset"] + everyone, "and to the live feed")
    again.close()
    check_equal(a("recall", green[0]["id"], "--reason", "x").code, OK, "A recalls one")
    gone = ["-" + green[0]["id"]]
    must(lambda: take(b, "live") == gone, 20, "which is heard of", lambda: b("subscription", "show", "live"))
    check_equal(lines(web, wide)[0], gone, "by all")


@story
def nothing_but_a_withdrawal(place):
    """Something goes and nothing comes: no object, no receipt, no statement. Everyone who waits is woken all the same."""
    if Session is None:
        skip("python3-zmq or python3-msgpack is not installed")
    a, b, taken, listed = consumers(place)
    session = Session(b, Keys(b, "soc").admit(b, "--max-label", "TLP:AMBER"), credit=10)
    web = Web(b, "soc", token(b, "soc", "--max-label", "TLP:AMBER"))
    web.connection.request("GET", "/feed", headers={"Authorization": web.authorization, "Last-Event-ID": "0.0"})
    stream = web.connection.getresponse()

    def event():
        """The next one of the stream, which says now and then that nothing is new."""
        deadline = time.monotonic() + 20 * PATIENCE
        while time.monotonic() < deadline:
            line = stream.readline().decode()
            if not line:
                return None
            if line.startswith("data: "):
                value = json.loads(line[6:])
                return value["object"]["id"] if "object" in value else "-" + value["withdrawn"]
        return None

    objects, names = indicators("brief", 2)
    a.publish_good(objects, "TLP:GREEN", [b])
    check_equal([event(), event()], ids_of(objects), "a stream is told of two objects")
    check_equal(everything(session, 2), ids_of(objects), "so is a client of the live feed")
    must(lambda: told(taken) == ids_of(objects) and values(listed) == sorted(names), 30, "a command and a file", lambda: (b("hook", "list"), told(taken), values(listed)))
    a.stop()
    before = b.status()["cursor"]
    check_equal(b("ledger", "erase", names[0], "--reason", "x").code, OK, "B erases one, with nobody to talk to")
    gone = "-" + objects[0]["id"]
    check_equal(event(), gone, "the stream is told")
    check_equal(everything(session, 1), [gone], "the client of the live feed is")
    must(lambda: told(taken) == ids_of(objects) + [gone], 10, "the command is", lambda: (told(taken), b("hook", "list")))
    must(lambda: values(listed) == [names[1]], 10, "and the file is without it", lambda: (values(listed), b("hook", "list")))
    check_equal(b.status()["cursor"], before, "nothing had come")
    web.connection.close()
    session.close()


@story
def unpinned(place):
    """An agency is not trusted any more: what it had sent stays, its consumers begin anew, and still hear when something of it ends."""
    a, b = place.mesh("agency.a", "agency.b")
    objects, values = indicators("kept", 2)
    a.publish_good(objects, "TLP:GREEN", [b])
    must(lambda: len(b.feed()) == 2, 30, "B has two")
    add(b, "all", "local")
    check_equal(b("subscription", "add", "theirs", "--filter", "author = agency.a", "--from", "start").code, OK, "and a subscription to what A sends")
    check_equal((take(b, "all"), take(b, "theirs")), (ids_of(objects), ids_of(objects)), "which are given")
    check_equal(b("trust", "remove", "agency.a").code, OK, "A is unpinned")
    must(lambda: "[consumers.anew]" in b.log(), 20, "B's consumers begin anew", b.log_tail)
    check_equal(take(b, "all"), ["reset"] + ids_of(objects), "what A had sent is still shown")
    check_equal(take(b, "theirs"), ["reset"], "but not under its name")
    check_equal(b("ledger", "erase", values[0], "--reason", "x").code, OK, "one of them is erased")
    must(lambda: take(b, "all") == ["-" + objects[0]["id"]], 20, "which is heard of")
    b.stop()
    b.start()
    check_equal(take(b, "all"), [], "after a restart nobody begins anew")
    check_equal(b.log().count("consumers.anew"), 1, "once was enough")


@story
def removed_from_a_group(place):
    """A member is removed, and B hears of it late: what came from that member since is shown no more, and who was told of it is told to forget it."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c")
    check_equal(a("group", "create", "joint").code, OK, "A makes a group")
    for each in (b, c):
        check_equal(a("group", "add", "joint", each.name).code, OK, "%s joins" % each.name)
    shown = lambda node: node("group", "show", "joint").code
    must(lambda: shown(b) == OK and shown(c) == OK, 30, "both know it")
    publish = lambda node, value: node("publish", "-", "--tlp", "green", "--to", "group:joint", input=json.dumps([indicator(value)]).encode())
    check_equal(publish(c, "before.example").code, OK, "C publishes to it")
    must(lambda: b.finds("before.example"), 30, "B has it")
    add(b, "siem", "local")
    before = indicator("before.example")["id"]
    check_equal(take(b, "siem"), [before], "and gives it on")
    b.stop(), c.stop()
    check_equal(a("group", "remove", "joint", "agency.c").code, OK, "C is removed while neither B nor C can hear it")
    a.stop()
    b.start(), c.start()
    place.link(b, c)
    check_equal(publish(c, "after.example").code, OK, "C still thinks that it is a member")
    must(lambda: b.finds("after.example"), 30, "and B takes its word", lambda: b.log_tail())
    after = indicator("after.example")["id"]
    check_equal(take(b, "siem"), [after], "and gives it on")
    a.start()
    must(lambda: not b.finds("after.example"), 60, "then it hears of the removal", b.log_tail)
    must(lambda: take(b, "siem")[:1] == ["reset"], 20, "and its consumer is told to forget", b.log_tail)
    check_equal(b("subscription", "rewind", "siem", "--to", "start").code, OK, "from the start")
    check_equal(take(b, "siem"), [before], "there is only what came before")


main()
