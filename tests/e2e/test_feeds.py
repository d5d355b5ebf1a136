#!/usr/bin/python3
"""What scripts and firewalls pull from the web process: events, lines, lists; health and figures; and recalls that reach them all."""
import gzip
import http.client
import json
import os

from lib import OK, check, check_equal, free_port, indicator, indicators, main, must, story
from web import Web, start, token, web_mesh


class Events:
    """A client of Server-Sent Events: one connection that stays."""

    def __init__(self, web, last=None):
        web.connection.close()
        headers = {"Authorization": web.authorization, "Accept": "text/event-stream"}
        if last is not None:
            headers["Last-Event-ID"] = str(last)
        web.connection.request("GET", "/feed", headers=headers)
        self.response = web.connection.getresponse()

    def next(self):
        fields = {}
        while True:
            line = self.response.readline().decode()
            if not line:
                return None
            if line == "\n" and fields:
                return int(fields["id"]), json.loads(fields["data"])
            if ": " in line and not line.startswith(":"):
                key, value = line.rstrip("\n").split(": ", 1)
                fields[key] = value


@story
def events(place):
    """A stream tells each object as it arrives; who was away goes on without a gap or a double; a revoked token ends it."""
    a, b = web_mesh(place, "agency.a", "agency.b")
    web = Web(b, "stream", token(b, "stream", "--max-label", "TLP:GREEN"))
    lines = Web(b, "lines", token(b, "lines", "--rate", "1000"))
    stream = Events(web)
    check_equal(stream.response.headers["content-type"], "text/event-stream", "a stream of events")
    a.publish_good([indicator("amber.example")], "TLP:AMBER", [b])
    a.publish_good([indicator("first.example")], "TLP:GREEN", [b])
    first, value = stream.next()
    check_equal((value["object"]["id"], value["author"], value["tlp"], value["cursor"]), (indicator("first.example")["id"], "agency.a", "TLP:GREEN", first),
                "what the token may see comes at once, and nothing else")
    web.connection.close()
    more, _ = indicators("more", 300)
    a.publish_good(more, "TLP:GREEN", [b])
    stream = Events(web, first)
    got = [stream.next() for _ in range(300)]
    check_equal([each[1]["object"]["id"] for each in got], [each["id"] for each in more], "what came meanwhile, in order")
    check_equal(b("token", "remove", "stream").code, OK, "the token is revoked")
    check_equal(stream.next(), None, "and the stream ends")

    seen, after = [], 0
    while True:
        answer = lines("/feed.jsonl", {"after": after, "limit": 70})
        page = [json.loads(line) for line in answer.body.splitlines()]
        if not page:
            break
        seen += page
        after = page[-1]["cursor"]
    check_equal(len(seen), 302, "lines with a cursor tell all")
    check_equal(lines("/feed.jsonl", {"after": "x"}).status, 400, "a bad cursor is refused")


@story
def lists(place):
    """Firewalls pull lists; nothing is sent twice; what is recalled leaves them, and every other exit."""
    a, b = web_mesh(place, "agency.a", "agency.b")
    metrics = free_port()
    b.stop()
    path = os.path.join(b.dir, "comity.yaml")
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(text.replace('web.metrics: ""', "web.metrics: 127.0.0.1:%d" % metrics))
    start(place, b, link=False)
    place.link(a, b)
    web = Web(b, "wall", token(b, "wall", "--rate", "1000"))
    a.publish_good([indicator("one.example"), indicator("two.example")], "TLP:GREEN", [b])
    address = indicator("x", pattern="[ipv4-addr:value = '203.0.114.9']")
    a.publish_good([address], "TLP:GREEN", [b])
    must(lambda: len(web.ids()) == 3, 20, "all is there")

    def values(name):
        return [line for line in web("/lists/" + name).body.decode().splitlines() if line and not line.startswith("#")]

    check_equal(sorted(values("domain.txt")), ["one.example", "two.example"], "domains")
    check_equal(values("ipv4.txt"), ["203.0.114.9"], "addresses")
    check_equal(len(values("all.csv")), 4, "all, with a header")
    answer = web("/lists/domain.txt")
    check_equal(web("/lists/domain.txt", If_None_Match=answer.headers["etag"]).status, 304, "who has it gets nothing")
    packed = web("/lists/domain.txt", Accept_Encoding="gzip")
    check_equal((packed.headers["content-encoding"], gzip.decompress(packed.body)), ("gzip", answer.body), "packed, when it may be")
    check_equal(web("/lists/nothing.txt").status, 404, "no such list")

    poster = Web(a, "poster", token(a, "poster", "--read", "--write", "--publish-to", "agency.b"))
    where = poster.collection("green") + "objects/%s/" % indicator("one.example")["id"]
    foreign = Web(b, "foreign", token(b, "foreign", "--read", "--write", "--publish-to", "agency.a"))
    check_equal(foreign(foreign.collection("green") + "objects/%s/" % indicator("one.example")["id"], method="DELETE").status, 403,
                "another's object is not taken back")
    check_equal(poster(where, method="DELETE").status, 200, "one's own is")
    must(lambda: values("domain.txt") == ["two.example"], 20, "it leaves the list at the reader", lambda: values("domain.txt"))
    must(lambda: len(web.ids()) == 2, 20, "and the collection", web.ids)
    check_equal(poster(where, method="DELETE").status, 404, "then it is not there")

    def health(path):
        connection = http.client.HTTPConnection("127.0.0.1", metrics, timeout=30)
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()

    check_equal(health("/healthz"), (200, "ok\n"), "healthy")
    check_equal(health("/readyz")[0], 200, "ready")
    check("\ncomity_web_requests_total " in health("/metrics")[1], "figures for a Prometheus", health("/metrics")[1])
    check_equal(health("/taxii2/")[0], 404, "and nothing else there")


main()
