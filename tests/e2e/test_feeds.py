#!/usr/bin/python3
"""What scripts and firewalls pull from the web process: events, lines, lists; health and figures; and recalls that reach them all."""
import gzip
import http.client
import json
import os
import urllib.parse

from lib import OK, check, check_equal, free_port, indicator, indicators, main, must, story
from web import Web, start, token, web_mesh


class Events:
    """A client of Server-Sent Events: one connection that stays."""

    def __init__(self, web, last=None, query=None):
        web.connection.close()
        headers = {"Authorization": web.authorization, "Accept": "text/event-stream"}
        if last is not None:
            headers["Last-Event-ID"] = str(last)
        web.connection.request("GET", "/feed" + ("?" + urllib.parse.urlencode(query) if query else ""), headers=headers)
        self.response = web.connection.getresponse()

    def next(self):
        fields = {}
        while True:
            line = self.response.readline().decode()
            if not line:
                return None
            if line == "\n" and fields:
                return fields.get("id"), json.loads(fields["data"])
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
    check_equal((value["object"]["id"], value["author"], value["tlp"], value["position"]), (indicator("first.example")["id"], "agency.a", "TLP:GREEN", first),
                "what the token may see comes at once, and nothing else")
    web.connection.close()
    more, _ = indicators("more", 300)
    a.publish_good(more, "TLP:GREEN", [b])
    stream = Events(web, first.split(".")[0])
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
def withdrawals(place):
    """Streams and lines tell what is taken back, once, also to who was away; a subscription keeps its place over HTTPS, too."""
    a, b = web_mesh(place, "agency.a", "agency.b")
    web = Web(b, "stream", token(b, "stream", "--max-label", "TLP:GREEN", "--rate", "1000"))
    lines = Web(b, "lines", token(b, "lines", "--max-label", "TLP:GREEN", "--rate", "1000"))
    stream = Events(web)
    objects, _ = indicators("told", 6)
    amber, _ = indicators("amber", 2)
    a.publish_good(amber, "TLP:AMBER", [b])
    a.publish_good(objects, "TLP:GREEN", [b])
    got = [stream.next() for _ in range(6)]
    check_equal([each[1]["object"]["id"] for each in got], [each["id"] for each in objects], "six are told")
    before = lines("/feed.jsonl").headers["x-comity-position"].split(".")[1]
    check_equal(a("recall", amber[0]["id"], "--reason", "x").code, OK, "one that the token may not see is recalled")
    check_equal(a("recall", objects[1]["id"], "--reason", "x").code, OK, "and one that it may")
    place_1, value = stream.next()
    check_equal((value["withdrawn"], value["type"], value["author"], value["why"]), (objects[1]["id"], "indicator", "agency.a", {"cause": "recall"}),
                "only this one is told, at once")
    web.connection.close()
    check_equal(a("recall", objects[4]["id"], "--reason", "x").code, OK, "another one, while nobody listens")
    must(lambda: not b.finds("told-") and b("get", objects[4]["id"]).code == 1, 30, "it is gone")
    more, more_values = indicators("more", 3)
    a.publish_good(more, "TLP:GREEN", [b])
    stream = Events(web, place_1)
    got = [stream.next()[1] for _ in range(4)]
    check_equal([each.get("withdrawn") or each["object"]["id"] for each in got], [objects[4]["id"]] + [each["id"] for each in more],
                "who was away hears of it first, then of what is new")
    web.connection.close()

    def page(**query):
        answer = lines("/feed.jsonl", query)
        check_equal(answer.status, 200, "lines", str(answer))
        return [json.loads(line) for line in answer.body.splitlines()], answer.headers["x-comity-position"]

    told, end = page(after="0")
    check_equal([each["object"]["id"] for each in told], [each["id"] for each in [objects[0], objects[2], objects[3], objects[5]] + more], "lines hold what is there")
    check_equal(page(after=end), ([], end), "and then nothing")
    told, _ = page(after="%s.%s" % (end.split(".")[0], before))
    check_equal([each["withdrawn"] for each in told], [objects[1]["id"], objects[4]["id"]], "withdrawals from the first one on, when asked for")
    told, _ = page(after="0", filter="value ~ more-* and tlp <= green")
    check_equal([each["object"]["id"] for each in told], [each["id"] for each in more], "a filter")
    answer = lines("/feed.jsonl", {"filter": "kind = x"})
    check(answer.status == 400 and "line 1, column 8: 'x' is no value of kind" in answer.value["description"], "a bad one, with its place", str(answer))

    check_equal(b("subscription", "add", "wire", "--filter", "value ~ more-*", "--exit", "live", "--from", "start").code, OK, "a subscription")
    check_equal(b("subscription", "add", "other", "--filter", "", "--exit", "hook").code, OK, "and one for a hook")
    first, place_2 = page(subscription="wire", limit="2")
    check_equal([each["object"]["id"] for each in first], [each["id"] for each in more[:2]], "its first two")
    check_equal(page(subscription="wire", limit="2")[0], first, "again, as long as nobody says that they came")
    rest, end = page(subscription="wire", after=place_2)
    check_equal([each["object"]["id"] for each in rest], [more[2]["id"]], "behind them the third")
    check_equal([each["object"]["id"] for each in page(subscription="wire")[0]], [more[2]["id"]], "the place has moved to what was asked behind")
    stream = Events(web, query={"subscription": "wire"})
    check_equal(stream.next()[1]["object"]["id"], more[2]["id"], "a stream goes on there, too")
    check_equal(b("ledger", "erase", more_values[2], "--reason", "x").code, OK, "B erases that one")
    value = stream.next()[1]
    check_equal((value["withdrawn"], value["why"]), (more[2]["id"], {"cause": "erasure"}), "the stream is told at once, although nothing arrived")
    web.connection.close()
    page(subscription="wire", after=end)
    check_equal(b("subscription", "show", "wire", "--json").value["cursor"], int(end.split(".")[0]), "all of it was taken")
    check_equal(lines("/feed.jsonl", {"subscription": "other"}).status, 403, "one that is for another exit is not used here")
    check_equal(lines("/feed.jsonl", {"subscription": "nobody"}).status, 404, "nor one that is not there")
    check_equal(lines("/feed", {"subscription": "nobody"}).status, 404, "in a stream likewise")


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
