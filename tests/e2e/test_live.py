#!/usr/bin/python3
"""The live feed over ZeroMQ: who may follow it, what they see, and that nothing is lost or told twice, whoever dies meanwhile."""
import json
import os
import signal
import threading
import time

try:
    import zmq
    from live import Client, Keys, Session, configure, enable, live_mesh
except ImportError:
    zmq = None

from lib import (NOT_FOUND, OK, PATIENCE, REFUSED, USAGE, check, check_equal, free_port, indicator, indicators, main, must, note,
                 peak_bytes, skip, story)


def ids_of(objects):
    return [each["id"] for each in objects]


@story
def followed(place):
    """Both clients that ship hear of what arrives at once, of what is recalled, and of nothing above their label."""
    if zmq is None:
        skip("python3-zmq or python3-msgpack is not installed")
    a, b = live_mesh(place, "agency.a", "agency.b")
    green = Client(b, Keys(b, "green").admit(b, "--max-label", "TLP:GREEN"), "python").start()
    amber = Client(b, Keys(b, "amber").admit(b, "--max-label", "TLP:AMBER", "--expires", "1d"), "c").start()
    public, _ = indicators("public", 20)
    close, _ = indicators("close", 10)
    a.publish_good(public, "TLP:GREEN", [b])
    a.publish_good(close, "TLP:AMBER", [b])
    a.publish_good([indicator("red.example")], "TLP:RED", [b])
    must(lambda: len(b.feed()) == 31, 30, "all arrived at B", b.log_tail)
    must(lambda: len(amber.ids()) == 30, 10, "the client in C has what it may see", amber.said, b.log_tail)
    must(lambda: len(green.ids()) == 20, 10, "the one in Python too", green.said, b.log_tail)
    check_equal(amber.ids(), ids_of(public) + ids_of(close), "in the order of arrival")
    check_equal(green.ids(), ids_of(public), "and nothing above its label")
    check_equal({each["author"] for each in green.lines()}, {"agency.a"}, "with its author")
    check_equal(a("recall", public[3]["id"], "--reason", "a mistake").code, OK, "A recalls one")
    must(lambda: amber.withdrawn() == [public[3]["id"]], 5, "within seconds the client in C hears that it is gone", amber.said)
    must(lambda: green.withdrawn() == [public[3]["id"]], 5, "and so does the one in Python", green.said)
    check_equal(a("recall", close[3]["id"], "--reason", "another").code, OK, "A recalls one that only one of them saw")
    must(lambda: amber.withdrawn() == [public[3]["id"], close[3]["id"]], 5, "that one hears of it", amber.said)
    rows = b("ledger", "show", "--json").text
    check("live amber" in rows and "live green" in rows, "the ledger says who looked", rows[-2000:])
    must(lambda: b.status()["live"]["sessions"] == 2, 10, "the status counts them", b.status)
    started = time.monotonic()
    check_equal(b("client", "remove", "green").code, OK, "one is removed")
    must(lambda: green.process.poll() is not None, 2, "its stream ends", green.said, b.log_tail)
    note("it ended after %.2f s" % (time.monotonic() - started))
    check("removed" in green.said(), "it was told why", green.said())
    a.publish_good([indicator("later.example")], "TLP:GREEN", [b])
    must(lambda: amber.ids()[-1] == indicator("later.example")["id"], 10, "the other goes on", amber.said)
    check_equal(len(green.ids()), 20, "the removed one hears nothing more")
    check_equal(len(green.withdrawn()), 1, "and heard of no recall of what it never saw")
    amber.kill()


@story
def strangers(place):
    """Nobody enters without a key that was let in, or says what is no message; a client is bound to its subscriptions."""
    if zmq is None:
        skip("python3-zmq or python3-msgpack is not installed")
    b = place.node("agency.b")
    enable(b)
    place.start(b)
    known = Keys(b, "known").admit(b, "--subscription", "domains,urls")
    check_equal(b("subscription", "add", "domains", "--filter", "").code, OK, "there is a subscription")
    check_equal(b("subscription", "add", "others", "--filter", "").code, OK, "and another one")

    stranger = Session(b, Keys(b, "stranger"))
    check(stranger.silent(2), "a stranger hears nothing")
    must(lambda: b.status()["live"]["refused"] >= 1, 10, "and is counted", b.status)
    impostor = Session(b, known, "domains", server=Keys(b, "other").public)
    check(impostor.silent(2), "a client that expects another server hears nothing")
    for session in (stranger, impostor):
        session.close()

    good = Session(b, known, "domains")
    check_equal(good.next()[0], "welcome", "who was let in is welcomed")
    for words, code, text in (
            (("hello", 1, "others", [0, 0], 1), "subscription", "a subscription of others is not told of"),
            (("hello", 1, "nowhere", [0, 0], 1), "subscription", "as one that is not there"),
            (("hello", 1, "urls", [0, 0], 1), "subscription", "one that it may follow and is not there"),
            (("hello", 1, "", [0, 0], 1), "subscription", "nor everything"),
            (("hello", 2, "domains", [0, 0], 1), "version", "another version"),
            (("hello", 1, "domains", [0, 0], 10001), "hello", "too much credit"),
            (("hello", 1, "domains", [0], 1), "hello", "a broken position"),
            (("hello", 1, "", None, 1), "hello", "a stored position of nothing"),
            (("still",), "hello", "no hello"),
            (("nonsense",), "hello", "no known word")):
        session = Session(b, known, hello=False)
        session.say(*words)
        answer = session.next()
        check_equal(answer and answer[:2], ["error", code], "refused: " + text, b.log_tail)
        session.close()
    for words, code, text in ((("ack", 5, 0, 1), "position", "an acknowledgement of what was not sent"),
                              (("ack", 0, 0, 9950), "credit", "more credit than may be"),
                              (("hello", 1, "domains", [0, 0], 1), "malformed", "a second hello"),
                              (("ack", -1, 0, 1), "malformed", "a negative number"),
                              (("still", "x" * 900), "malformed", "too much in a message")):
        session = Session(b, known, "domains")
        check_equal(session.next()[0], "welcome", "a session begins")
        session.say(*words)
        answer = session.wanted("error")
        check_equal(answer and answer[:2], ["error", code], "ended by " + text, b.log_tail)
        session.close()
    session = Session(b, known, "domains")
    check_equal(session.next()[0], "welcome", "a session begins")
    session.socket.send_multipart([b"a", b"b"])
    check_equal(session.wanted("error")[:2], ["error", "malformed"], "ended by a message of two frames")
    good.say("still")
    check(good.silent(6), "the good session is as it was: it hears nothing but signs of life")
    for words, code in ((("add", "known", known.public), REFUSED), (("add", "second", known.public), REFUSED),
                        (("add", "x y", known.public), USAGE), (("add", "x", "short"), USAGE),
                        (("add", "x", Keys(b, "x").public, "--max-label", "TLP:RED"), USAGE),
                        (("add", "x", Keys(b, "y").public, "--expires", "2001-01-01T00:00:00Z"), USAGE),
                        (("remove", "nobody"), NOT_FOUND), (("keygen", known.path), REFUSED)):
        check_equal(b("client", *words).code, code, "client %s is refused" % " ".join(words[:2]))


@story
def again(place):
    """A client that is killed, and one whose server is killed, go on without a gap or a double."""
    if zmq is None:
        skip("python3-zmq or python3-msgpack is not installed")
    a, b = live_mesh(place, "agency.a", "agency.b")
    place.kills = True
    clients = [Client(b, Keys(b, language).admit(b), language).start() for language in ("python", "c")]
    wanted = []
    for batch in range(4):
        objects, _ = indicators("batch%d" % batch, 1500)
        wanted += ids_of(objects)
        a.publish_good(objects, "TLP:GREEN", [b])
        for client in clients:
            must(lambda: len(client.ids()) > 1500 * batch, 45, "batch %d is on its way" % batch, client.said, b.log_tail)
            if batch in (0, 2):
                client.kill()
                client.start()
        if batch == 1:
            os.kill(b.pid_of("live"), signal.SIGKILL)
        if batch == 2:
            b.kill()
            place.start(b, link=False)
    for client in clients:
        must(lambda: len(client.ids()) >= len(wanted), 60, "a client has all", client.said, b.log_tail)
        check_equal(client.ids() == wanted, True, "in order, each once", lambda: "%d of %d, %d different" % (
            len(client.ids()), len(wanted), len(set(client.ids()))))
        client.kill()
    for each in (wanted[0], wanted[5]):
        check_equal(a("recall", each, "--reason", "a mistake").code, OK, "one is recalled while the clients are away")
    must(lambda: b("get", wanted[5]).code == NOT_FOUND, 20, "B heard of it", b.log_tail)
    for client in clients:
        client.start()
        must(lambda: sorted(client.withdrawn()) == sorted([wanted[0], wanted[5]]), 20, "who comes back hears of it", client.said)
        client.kill()
        client.start()
    a.publish_good([indicator("end.example")], "TLP:GREEN", [b])
    for client in clients:
        must(lambda: client.ids()[-1:] == [indicator("end.example")["id"]], 20, "and goes on", client.said)
        check_equal(len(client.withdrawn()), 2, "each withdrawal is told once")
        client.kill()


@story
def credit(place):
    """Nobody is sent more than it granted; one that does not read holds up nobody and costs a bounded amount; a silent one is dropped."""
    if zmq is None:
        skip("python3-zmq or python3-msgpack is not installed")
    a, b = live_mesh(place, "agency.a", "agency.b")
    keys = Keys(b, "soc").admit(b)
    quiet = Session(b, keys)
    check_equal(quiet.next()[0], "welcome", "one connects, and will say nothing more")
    quiet_ms = time.monotonic()
    few = Session(b, keys, credit=5)
    check_equal(few.next()[0], "welcome", "one grants five")
    padding = "x" * 20000
    objects = [indicator("large%d.example" % i, description=padding) for i in range(3000)]
    lazy = Session(b, Keys(b, "lazy").admit(b), credit=10000, hello=False)
    lazy.socket.rcvhwm = 1
    lazy.say("hello", 1, "", [0, 0], 10000)
    a.publish_good(objects, "TLP:GREEN", [b])
    check_equal(few.objects(5, 45), ids_of(objects[:5]), "it gets five")
    check(few.silent(6), "and no sixth")
    few.say("ack", few.position[0], few.position[1], 3)
    check_equal(few.objects(3), ids_of(objects[5:8]), "three more when it grants three more")
    check(few.silent(2), "and no fourth")
    reader = Session(b, keys, credit=10000)
    # The lazy one says that it is alive and reads nothing: its messages wait in its kernel, here and in the process of the feed.
    got, began = [], time.monotonic()
    while len(got) < len(objects):
        lazy.say("still")
        found = reader.objects(500, 45)
        reader.say("still")
        if not found:
            break
        got += found
    check_equal(got == ids_of(objects), True, "another client has all", lambda: "%d" % len(got), b.log_tail)
    note("60 MB to one client in %.1f s" % (time.monotonic() - began))
    peak = peak_bytes(b.pid_of("live"))
    sanitised = "san" in os.environ.get("COMITY_BUILD", "")  # those keep 256 MB of what was freed
    check(peak < (600e6 if sanitised else 100e6), "the process of the feed stays small", "%.0f MB" % (peak / 1e6))
    note("peak of the live process: %.0f MB" % (peak / 1e6))
    answers = []
    while not answers or answers[-1] is not None and answers[-1][0] != "error":
        answers.append(quiet.next(30))
    check_equal(answers[-1] and answers[-1][:2], ["error", "silent"], "who says nothing is dropped", b.log_tail)
    check(time.monotonic() - quiet_ms >= 14, "not before fifteen seconds")


@story
def stored(place):
    """A subscription's own position moves with what is acknowledged, and only then; a newer connection takes it over."""
    if zmq is None:
        skip("python3-zmq or python3-msgpack is not installed")
    a, b = live_mesh(place, "agency.a", "agency.b")
    keys = Keys(b, "soc").admit(b, "--subscription", "domains")
    check_equal(b("subscription", "add", "domains", "--filter", "", "--exit", "live", "--from", "start").code, OK, "a subscription")
    objects, _ = indicators("stored", 40)
    a.publish_good(objects, "TLP:GREEN", [b])
    must(lambda: len(b.feed()) == 40, 30, "B has them", b.log_tail)
    first = Session(b, keys, "domains", None)
    check_equal(first.objects(40), ids_of(objects), "all of them, from the stored position")
    first.close()
    second = Session(b, keys, "domains", None, 25)
    check_equal(second.objects(25), ids_of(objects[:25]), "what was not acknowledged comes again")
    second.say("ack", second.position[0], second.position[1], 0)
    must(lambda: b("subscription", "show", "domains", "--json").value["cursor"] == second.position[0], 10,
         "what was acknowledged is stored", lambda: b("subscription", "show", "domains"))
    for begin in (25, 30):
        brief = Session(b, keys, "domains", None, 5)
        brief.socket.linger = 10000
        check_equal(brief.objects(5), ids_of(objects[begin:begin + 5]), "who comes next begins behind it")
        brief.say("ack", brief.position[0], brief.position[1], 0)
        brief.close()  # at once: what it said last still counts
    third = Session(b, keys, "domains", None)
    check_equal(third.objects(5), ids_of(objects[35:]), "a newer connection goes on behind it")
    check_equal(second.wanted("error")[:2], ["error", "replaced"], "and the oldest one ended")
    other = Session(b, Keys(b, "other").admit(b), "domains", None)
    check_equal(other.wanted("error")[:2], ["error", "busy"], "another client does not take it over")
    aside = Session(b, keys, "domains", (0, 0), 50)
    check_equal(aside.objects(40), ids_of(objects), "one with a position of its own reads beside it")
    check(third.silent(3), "and the third session goes on")
    show = lambda: b("subscription", "show", "domains", "--json").value
    before = show()["delivered"]
    check_equal(b("subscription", "rewind", "domains", "--to", "start").code, OK, "the place is rewound while something is under way")
    third.say("ack", third.position[0], third.position[1], 50)
    must(lambda: show()["delivered"] == before + 5, 10, "what is acknowledged then is counted", show)
    check_equal(show()["cursor"], 0, "and does not undo the rewind", show)
    third.close()
    third = Session(b, keys, "domains", None, 50)
    check_equal(third.objects(40), ids_of(objects), "who begins there next gets everything again")
    check_equal(b("subscription", "add", "urls", "--filter", "kind = url", "--exit", "live").code, OK, "a subscription with a filter")
    url = {**indicator("url"), "pattern": "[url:value = 'http://a.example/x']"}
    a.publish_good([indicator("no-url.example"), url, indicator("still-no-url.example")], "TLP:GREEN", [b])
    must(lambda: len(b.feed()) == 43, 30, "more arrived", b.log_tail)
    narrow = Session(b, Keys(b, "narrow").admit(b, "--subscription", "urls"), "urls", (0, 0), 50)
    check_equal(narrow.objects(1), [url["id"]], "its follower gets what the filter takes")
    check(narrow.silent(3), "and nothing else")
    narrow.say("still")
    newest = b.feed()[-1]["cursor"]
    answer = narrow.next(10)
    check_equal(answer[:2], ["still", newest], "and a position behind what it does not take")
    lost = Session(b, keys, "domains", (10 ** 9, 0), 50)
    answer = lost.wanted("reset")
    check_equal(answer and answer[:2], ["reset", 0], "who comes from another store is told to forget everything", b.log_tail)
    check_equal(lost.objects(43)[:40], ids_of(objects), "and gets everything")
    check_equal(b("subscription", "remove", "domains").code, OK, "the subscription is removed")
    a.publish_good([indicator("after.example")], "TLP:GREEN", [b])
    check_equal(lost.wanted("error")[:2], ["error", "subscription"], "and its followers are told so")


LOSSY_MANY = 30000  # more than the queue for one listener, and what the kernel holds


class Awake:
    """A listener that takes all that comes."""

    def __init__(self, port):
        self.socket = zmq.Context.instance().socket(zmq.SUB)
        self.socket.linger, self.socket.rcvhwm = 0, 0
        self.socket.subscribe("misp_json_attribute ")
        self.socket.connect("tcp://127.0.0.1:%d" % port)
        self.last, self.count, self.over = b"", 0, False
        self.thread = threading.Thread(target=self.take, daemon=True)
        self.thread.start()

    def take(self):
        while not self.over:
            if self.socket.poll(200):
                self.last, self.count = self.socket.recv(), self.count + 1
        self.socket.close()

    def stop(self):
        self.over = True
        self.thread.join()


@story
def lossy(place):
    """What MISP's ZeroMQ plugin would say, for tools that know only that: on the loopback, up to a label, and no more than that."""
    if zmq is None:
        skip("python3-zmq or python3-msgpack is not installed")
    a, b = place.mesh("agency.a", "agency.b", start=False)
    port = free_port()
    configure(b, "live.pub", "0.0.0.0:%d" % port)
    check_equal(b("check-config").code, REFUSED, "it listens nowhere but on the loopback", b("check-config"))
    configure(b, "live.pub", "127.0.0.1:%d" % port)
    place.start(a, b)
    check("LOSSY" in b.log(), "the log says what it is", b.log_tail)
    listener = zmq.Context.instance().socket(zmq.SUB)
    listener.linger = 0
    for topic in ("misp_json_event ", "misp_json_attribute ", "misp_json_self "):
        listener.subscribe(topic)
    listener.connect("tcp://127.0.0.1:%d" % port)
    check(listener.poll(int(30000 * PATIENCE)), "a sign of life comes")
    check(listener.recv().startswith(b'misp_json_self {"status"'), "as MISP sends it")
    a.publish_good([indicator("amber.example")], "TLP:AMBER", [b])
    a.publish_good([indicator("clear.example"), {**indicator("url"), "pattern": "[url:value = 'http://a.example/\\\\\"]}']"}],
                   "TLP:CLEAR", [b])
    got = {}
    while len(got) < 3 and listener.poll(int(20000 * PATIENCE)):
        topic, text = listener.recv().split(b" ", 1)
        if topic != b"misp_json_self":
            value = json.loads(text)
            got[(topic.decode(), value.get("Attribute", {}).get("value"))] = value
    check_equal({key[0] for key in got}, {"misp_json_event", "misp_json_attribute"}, "events and attributes", got)
    attribute = got.get(("misp_json_attribute", "clear.example"), {})
    check_equal((attribute.get("action"), attribute.get("Attribute", {}).get("type")), ("add", "domain"), "an attribute as MISP has it", got)
    event = got.get(("misp_json_event", None), {}).get("Event", {})
    check_equal((event.get("Orgc", {}).get("name"), event.get("Tag")), ("agency.a", [{"name": "tlp:clear"}]), "an event with its author and label", got)
    check_equal(len(event.get("Attribute", [])), 2, "and both values", got)
    check("amber" not in str(got), "nothing above the label", got)
    digest = "d41d8cd98f00b204e9800998ecf8427e"
    a.publish_good([{**indicator("file"), "pattern": "[file:name = 'a.exe' AND file:hashes.MD5 = '%s']" % digest}], "TLP:CLEAR", [b])
    more = []
    while not (more and digest in more[-1] and more[-1].startswith("misp_json_attribute")) and listener.poll(int(20000 * PATIENCE)):
        more.append(listener.recv().decode())
    check('"to_ids":false' in more[-1], "a value that means nothing alone is not for detection", more)

    # ZeroMQ says nothing when it drops: the node has to find out by itself.
    counts = lambda: {each["name"]: each["value"] for each in b("top", "--json").value}
    check_equal(counts()["comity_live_pub_lost_total"], 0, "nothing was lost so far")
    asleep = zmq.Context.instance().socket(zmq.SUB)
    asleep.linger, asleep.rcvhwm, asleep.rcvbuf = 0, 1, 4096
    asleep.subscribe("misp_json_attribute ")
    asleep.connect("tcp://127.0.0.1:%d" % port)
    must(lambda: asleep.poll(100) or not a.publish_good([indicator("wake-%d.example" % time.monotonic_ns())], "TLP:CLEAR", [b]), 20, "a listener that takes one message, and sleeps")
    awake = Awake(port)
    must(lambda: awake.last or not a.publish_good([indicator("up-%d.example" % time.monotonic_ns())], "TLP:CLEAR", [b]), 20, "and one that takes all")
    names = "\n".join("n%05d.flood.example" % i for i in range(LOSSY_MANY))
    check_equal(a("publish", "-", "--tlp", "clear", "--to", "agency.b", input=names.encode(), seconds=120).code, OK, "much is published")
    must(lambda: counts()["comity_live_pub_lost_total"] > 0, 60, "what it misses is counted", counts)
    must(lambda: awake.count > LOSSY_MANY // 2, 60, "who takes all goes on", lambda: (awake.count, awake.last))
    must(lambda: b"end-" in awake.last or not a.publish_good([indicator("end-%d.example" % time.monotonic_ns())], "TLP:CLEAR", [b]), 60, "also after that", lambda: awake.last)
    awake.stop()
    asleep.close()
    listener.close()


main()
