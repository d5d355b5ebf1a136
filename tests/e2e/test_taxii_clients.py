#!/usr/bin/python3
"""What clients of TAXII 2.1 that others wrote do, and what therefore has to hold; read in their sources, told in our words:
OASIS's own (cti-taxii-client), OpenCTI's connector and its built-in ingester, Elastic's agent, MISP, Splunk's app."""
import base64
import gzip
import json

from lib import OK, check, check_equal, indicator, indicators, main, must, story
from web import Web, token, web_mesh

API = "/taxii2/api/"
START = "1970-01-01T00:00:00.000000Z"


def ids_of(answer):
    return [each["id"] for each in answer.value["objects"]]


def until(web, path, wanted):
    must(lambda: len(web.all(path)) == wanted or None, 20, "%d objects are shown" % wanted)


@story
def signs(place):
    """How clients say who they are."""
    node, _ = web_mesh(place, "agency.a", "agency.b")
    secret = token(node, "soc", "--rate", "1000")
    basic = base64.b64encode(("soc:" + secret).encode()).decode()
    web = Web(node, "soc", secret)
    for header, status in (("Token " + secret, 200), ("token " + secret, 200), ("Bearer " + secret, 200), ("bearer " + secret, 200),
                           ("Basic " + basic, 200), ("basic " + basic, 200), ("Token " + secret[:-1], 401), ("Token ", 401),
                           ("Token", 401), (secret, 401), ("Digest " + secret, 401), ("Token soc:" + secret, 401)):
        check_equal(web("/taxii2/", Authorization=header).status, status, "Authorization: %s" % header.replace(secret, "TOKEN").replace(basic, "BASIC"))
    for path in ("/taxii2", "/taxii2/", API, API[:-1], API + "collections", API + "collections/all", API + "collections/all/objects",
                 API + "collections/all/manifest"):
        check_equal(web(path).status, 200, "%s, with its last slash or without" % path)
    titles = [each["title"] for each in web(API + "collections/").value["collections"]]
    check(all("." not in each for each in titles), "no title has a dot: OpenCTI's connector splits what it is told at one", titles)


@story
def connector(place):
    """OpenCTI's connector keeps one set of filters for all collections and all runs: a `next` of one collection comes to the next one, and
    comes again at the next run beside a new added_after. Nothing may be missing of what it ends up with."""
    node, other = web_mesh(place, "agency.a", "agency.b")
    web = Web(node, "soc", token(node, "soc", "--rate", "10000"))
    green, _ = indicators("green", 25)
    clear, _ = indicators("clear", 12)
    node.publish_good(green, "TLP:GREEN", [other])
    node.publish_good(clear, "TLP:CLEAR", [other])
    paths = [API + "collections/%s/objects/" % alias for alias in ("all", "green", "clear")]
    until(web, paths[0], 37)
    filters = {"limit": 10, "added_after": "2020-01-01T00:00:00.000000Z"}

    def run():
        got = {}
        for path in paths:
            got[path] = []
            for _ in range(20):
                answer = web(path, filters)
                check_equal(answer.status, 200, "%s with %s" % (path, sorted(filters)))
                got[path] += ids_of(answer)
                if not answer.value["more"]:
                    break
                filters.pop("added_after", None)
                filters["next"] = answer.value["next"]
            else:
                check(False, "it comes to an end")
        return got

    got = run()
    check_equal([sorted(set(got[path])) for path in paths],
                [sorted(each["id"] for each in each_list) for each_list in (green + clear, green, clear)], "the first run gets all of each")
    filters["added_after"] = web(paths[0]).headers["x-taxii-date-added-last"]
    more, _ = indicators("more", 5)
    node.publish_good(more, "TLP:CLEAR", [other])
    until(web, paths[0], 42)
    got = run()
    for path in (paths[0], paths[2]):
        check({each["id"] for each in more} <= set(got[path]), "the second run gets what came since, from %s" % path, got[path])


@story
def ingester(place):
    """OpenCTI's ingester pages by `next`, and goes on by X-TAXII-Date-Added-Last, of which its language keeps milliseconds. Where nothing
    is new it gets nothing, at every poll."""
    node, other = web_mesh(place, "agency.a", "agency.b")
    web = Web(node, "soc", token(node, "soc", "--rate", "10000"))
    path = API + "collections/green/objects/"
    state, had = {"limit": 40}, []

    def poll():
        answer = web(path, {key: value for key, value in state.items() if value})
        had.extend(ids_of(answer))
        if answer.value["more"]:
            state["next"] = answer.value["next"]
        else:
            state["next"] = None
            if answer.value["objects"]:
                state["added_after"] = answer.headers["x-taxii-date-added-last"][:23] + "Z"
        return len(answer.value["objects"])

    for at, count in enumerate((100, 1, 7)):
        objects, _ = indicators("batch%d" % at, count)
        node.publish_good(objects, "TLP:GREEN", [other])
        must(lambda: poll() == 0 and set(had) >= {each["id"] for each in objects}, 20, "publication %d is had" % at)
        check_equal([poll() for _ in range(5)], [0] * 5, "and nothing comes again")
    check_equal(len(had), 108, "each came once", len(had))


@story
def agent(place):
    """Elastic's agent goes on by X-TAXII-Date-Added-Last and forgets it when an answer has none; the standard wants it of every answer."""
    node, other = web_mesh(place, "agency.a", "agency.b")
    web = Web(node, "soc", token(node, "soc", "--rate", "10000"))
    path = API + "collections/green/objects/"

    def dates(answer):
        return answer.headers["x-taxii-date-added-first"], answer.headers["x-taxii-date-added-last"]

    check_equal(dates(web(path)), (START, START), "where nothing ever was: from the beginning")
    check_equal(dates(web(API + "collections/green/manifest/")), (START, START), "the manifest's likewise")
    objects, _ = indicators("agent", 30)
    node.publish_good(objects, "TLP:GREEN", [other])
    until(web, path, 30)
    last, seen = START, []
    for poll in range(6):
        answer = web(path, {"added_after": last, "limit": 10})
        check("objects" in answer.value, "poll %d has a list of objects, if an empty one" % poll)
        before, last = last, answer.headers["x-taxii-date-added-last"]
        check(last > before if answer.value["objects"] else last == before, "and a place to go on from", before, last)
        seen += ids_of(answer)
    check_equal(seen, [each["id"] for each in objects], "each came once")
    page = web(path, {"limit": 30, "added_after": START})
    check_equal((page.value["more"], page.headers["x-taxii-date-added-last"]), (False, last), "the same place")
    first = web(path, {"limit": 20})
    codes = [node("recall", each["id"], "--reason", "a test").code for each in objects[20:]]
    check_equal(codes, [OK] * 10, "the rest is recalled")
    must(lambda: len(web.all(path)) == 20 or None, 30, "the rest is gone")
    end = web(path, {"limit": 20, "next": first.value["next"]})
    check_equal((ids_of(end), dates(end)), ([], (first.headers["x-taxii-date-added-last"],) * 2), "a last page that became empty keeps the place")


@story
def queries(place):
    """What clients put into queries and bodies, by habit or by mistake."""
    node, other = web_mesh(place, "agency.a", "agency.b")
    web = Web(node, "soc", token(node, "soc", "--read", "--write", "--publish-to", "agency.b", "--rate", "10000"))
    objects, _ = indicators("queries", 12)
    node.publish_good(objects, "TLP:GREEN", [other])
    path = API + "collections/green/"
    until(web, path + "objects/", 12)
    for query in ("?next=", "?added_after=", "?limit=", "?next=&added_after=&limit=", "?", "?unknown=x", "?limit=5&limit=12"):
        check_equal(len(ids_of(web(path + "objects/" + query))), 12, "nothing is meant by %s" % query)
    check_equal(len(ids_of(web(path + "objects/?limit=10&next="))), 10, "but by what stands beside it")
    check_equal(len(ids_of(web(path + "objects/?match[type]=malware&match[type]=indicator"))), 12, "a match that comes twice is of both")
    for bad in ("added_after=2026-01-01", "added_after=2026-01-01T00:00:00", "added_after=%00", "added_after=2026-01-01T00:00:00Z%00x", "next=%00"):
        check_equal(web(path + "objects/?" + bad).status, 400, "refused: %s" % bad)
    for strange in ("%00", "all%00", "all%00x", "green%2f", "green%20", "..%2fgreen", "GREEN", "%67reen%00"):
        check_equal(web(API + "collections/%s/" % strange).status, 404, "no collection: %s" % strange)
    check_equal(web(API + "collections/%67reen/").status, 200, "escaped or not, it is the same")
    for strange in (API + "../api/", "//taxii2/", API + "/collections/", API + "collections/green/objects/../"):
        check_equal(web(strange).status, 404, "not there: %s" % strange)
    body = json.dumps({"objects": [indicator("posted.example")]}).encode()
    answer = web(path + "objects/", method="POST", body=gzip.compress(body), Content_Encoding="gzip")
    check_equal((answer.status, "Content-Encoding" in answer.value["description"]), (415, True), "a packed body is refused as such")
    check_equal(web(path + "objects/", method="POST", body=body, Content_Encoding="identity").status, 202, "one that says it is none is taken")
    check_equal(web("/services/discovery", method="POST", body=b"<x/>", Content_Type="application/xml", Accept="application/xml").status, 405,
                "TAXII 1 asks at other places")
    check_equal(web("/taxii2/", method="POST", body=b"<x/>", Content_Type="application/xml", Accept="application/xml").status, 406,
                "and in another language")
    bundle = {"type": "bundle", "id": "bundle--3f1c2a5e-4a5b-4a58-9a4e-6f2b7c5d1e01", "objects": [indicator("bundled.example")]}
    number = web(path + "objects/", method="POST", body=json.dumps(bundle).encode()).value["id"]
    status = must(lambda: next((each for each in [web(API + "status/" + number).value] if each["status"] == "complete"), None), 20, "a bundle is done")
    check_equal(status["success_count"], 1, "Splunk's app posts a bundle where an envelope belongs: its objects are published", status)


main()
