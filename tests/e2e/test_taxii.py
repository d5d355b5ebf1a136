#!/usr/bin/python3
"""TAXII 2.1 over TLS: what response teams' tools do, and what the server therefore must do."""
import json
import os
import signal
import subprocess
import uuid

from lib import COMITY, NOT_FOUND, OK, REFUSED, USAGE, check, check_equal, happens, indicator, indicators, main, must, story
from web import MEDIA, Authority, Web, configure, enable, listens, start, token, web_mesh

API = "/taxii2/api/"
GREEN = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"


def moments(web, alias="all", **query):
    return [each["date_added"] for each in web.all(web.collection(alias) + "manifest/", query)]


def wait_ids(web, count, alias="all", **query):
    return must(lambda: len(web.ids(alias, query)) == count or None, 20, "%s shows %d objects" % (alias, count),
                lambda: web.ids(alias, query))


def done(web, number):
    """The status of a POST, once it is complete."""
    value = web(API + "status/%s/" % number).value
    return value if value["status"] == "complete" else None


@story
def resources(place):
    """Discovery, API root, collections, and who may not see them."""
    node, _ = web_mesh(place, "agency.a", "agency.b")
    secret = token(node, "soc", "--max-label", "TLP:AMBER")
    web = Web(node, "soc", secret)
    answer = web("/taxii2/")
    check_equal((answer.status, answer.headers["content-type"]), (200, MEDIA), "discovery answers in the standard's media type")
    root = answer.value["default"]
    check(root in answer.value["api_roots"] and root.endswith(API), "and names the API root", answer)
    answer = web(API)
    check_equal(answer.value["versions"], [MEDIA], "the API root tells its version")
    check(answer.value["max_content_length"] > 100000, "and how much may be posted", answer)
    found = web(API + "collections/").value["collections"]
    check_equal([each["alias"] for each in found], ["all", "clear", "green", "amber"], "a collection for each label, and one for all")
    check(all(each["can_read"] and not each["can_write"] for each in found), "to be read only")
    for each in found:
        check_equal(web(API + "collections/%s/" % each["id"]).value, each, "%s by itself" % each["alias"])
    check_equal(Web(node, "soc", secret, bearer=True)("/taxii2/").status, 200, "a Bearer token is as good")

    answer = Web(node, "soc", "cty_" + "x" * 43)("/taxii2/")
    check_equal((answer.status, answer.value["http_status"]), (401, "401"), "a wrong token is refused in the standard's words")
    check("basic" in answer.headers["www-authenticate"].lower(), "and says how to come in", answer)
    check_equal(Web(node, "other", secret)("/taxii2/").status, 401, "a token under another's name is refused")
    check_equal(web("/taxii2/", Authorization=None).status, 401, "nobody enters without one")
    for accept, status in ((MEDIA, 200), ("application/taxii+json", 200), ("application/taxii+json; version=2.1", 200), ("*/*", 200),
                           (None, 200), ("text/html, application/taxii+json;version=2.1;q=0.5", 200), ("text/html", 406),
                           ("application/taxii+json;version=2.0", 406), ("application/taxii+json;q=0", 406)):
        check_equal(web("/taxii2/", Accept=accept).status, status, "Accept: %s" % accept)
    for path in ("/", "/taxii2/nowhere/", API + "collections/nothing/", API + "status/nothing/", API + "collections/%s/nothing/" % found[0]["id"]):
        answer = web(path)
        check_equal((answer.status, "title" in answer.value), (404, True), "%s is not there" % path)
    check_equal(web(API, method="DELETE").status, 405, "a method that is not for a resource")
    check_equal(web(API + "collections/%s/objects/" % found[0]["id"], method="POST", body=b"{}").status, 403, "may not write")
    check_equal(web(API + "collections/%s/objects/indicator--x/" % found[0]["id"], method="DELETE").status, 403, "may not delete")

    old = node.pids()
    node.stop()
    start(place, node, link=False)
    check(not set(old) & set(node.pids()), "the node was started again")
    check_equal(web(API + "collections/").value["collections"], found, "the collections keep their ids")


@story
def paging(place):
    """Every way in which clients go through a collection sees each object once, in the order of arrival."""
    node, other = web_mesh(place, "agency.a", "agency.b")
    web = Web(node, "soc", token(node, "soc", "--rate", "10000"))
    objects, _ = indicators("paging", 250)
    node.publish_good(objects, "TLP:GREEN", [other])
    wait_ids(web, 250)
    ids = web.ids()
    check_equal(sorted(ids), sorted(each["id"] for each in objects), "all of them")
    dates = moments(web)
    check(all(a < b for a, b in zip(dates, dates[1:])), "date_added is unique and strictly rising", dates[:5])
    check(all(len(each) == 27 and each.endswith("Z") for each in dates), "in microseconds", dates[:5])

    path = web.collection("all") + "objects/"
    pages = list(web.pages(path, {"limit": 100}))
    check_equal([len(each.value["objects"]) for each in pages], [100, 100, 50], "pages of 100, without any filter on later ones")
    check_equal([each["id"] for page in pages for each in page.value["objects"]], ids, "in the same order")
    check_equal((pages[0].headers["x-taxii-date-added-first"], pages[0].headers["x-taxii-date-added-last"]), (dates[0], dates[99]),
                "with the first and last date")
    check("next" not in pages[2].value and not pages[2].value["more"], "the last page says so", pages[2])
    exact = list(web.pages(path, {"limit": 125}))
    check_equal(len(exact), 2, "no empty page at the end")
    answer = web(path, {"limit": 100, "next": pages[0].value["next"], "added_after": dates[-1], "match[type]": "malware"})
    check_equal([each["id"] for each in answer.value["objects"]], ids[100:200], "a good next wins over moved and changed filters")
    check_equal(len(web(path, {"limit": 7, "next": pages[0].value["next"]}).value["objects"]), 7, "the limit may change on the way")

    after = list(web.pages(path, {"limit": 60, "added_after": dates[49]}))
    check_equal([each["id"] for page in after for each in page.value["objects"]], ids[50:], "a next holds the added_after that a client forgets")
    direct = Web(node, "soc", web.secret)
    check_equal(len(direct(path, {"limit": 10}).value["objects"]), 10, "who knows the API root and an id needs no discovery")
    modified = max(each["modified"] for each in objects)
    check_equal(web.ids(query={"added_after": modified}), web.ids(query={"added_after": modified}),
                "STIX `modified` as added_after: the same each time, and the rate is capped")

    seen, after = [], "2000-01-01T00:00:00Z"
    while True:
        answer = web(path, {"limit": 90, "added_after": after})
        if not answer.value["objects"]:
            break
        seen += [each["id"] for each in answer.value["objects"]]
        after = answer.headers["x-taxii-date-added-last"]
    check_equal(seen, ids, "a client that knows only X-TAXII-Date-Added-Last sees each once")
    check_equal(web.ids(query={"added_after": dates[99]}), ids[100:], "strictly after: nothing is echoed")
    check_equal(web.ids(query={"added_after": dates[99][:-1] + "999Z"}), ids[100:], "finer than a microsecond is cut")
    check_equal(web.ids(query={"added_after": "2099-01-01T00:00:00Z"}), [], "and nothing from the future")

    for query in ({"limit": 0}, {"limit": "x"}, {"added_after": "yesterday"}, {"next": "x"}, {"next": pages[0].value["next"][:-2] + "AA"},
                  {"match[version]": "newest"}, {"match[spec_version]": "3"}, {"match[name]": "x"}, {"match[id]": ""}):
        answer = web(path, query)
        check_equal((answer.status, bool(answer.value.get("description"))), (400, True), "refused: %s" % query)
    check_equal([each["id"] for each in web(web.collection("green") + "objects/", {"next": pages[0].value["next"]}).value["objects"]], ids,
                "a next of another collection begins this one anew")
    node.stop()
    start(place, node, link=False)
    check_equal(moments(web), dates, "a restart changes no date")
    answer = web(path, {"limit": 100, "next": pages[0].value["next"]})
    check_equal([each["id"] for each in answer.value["objects"]], ids[100:200], "and every next still holds")
    more, _ = indicators("later", 20)
    must(node.writes, 30, "the node writes again")
    node.publish_good(more, "TLP:GREEN", [other])
    check_equal(len(web.ids(query={"added_after": dates[-1]})), 20, "who polls on gets what is new, once")


@story
def filters(place):
    """match[id], match[type], match[version], match[spec_version]; manifest, one object, its versions."""
    node, other = web_mesh(place, "agency.a", "agency.b")
    web = Web(node, "soc", token(node, "soc", "--rate", "10000"))
    first = indicator("versioned.example")
    second = dict(first, modified="2026-02-01T00:00:00.123456Z", name="second")
    third = dict(first, modified="2026-03-01T00:00:00.000Z", name="third")
    identity = {"type": "identity", "spec_version": "2.1", "id": "identity--8b8bbb8e-6c0f-4b39-9bd6-8a6e58a0c2a1", "name": "X",
                "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z", "identity_class": "organization"}
    single = indicator("single.example")
    for each in ([first, identity], [second], [third, single]):
        node.publish_good(each, "TLP:GREEN", [other])
    wait_ids(web, 3)
    path = web.collection("all")

    def names(**query):
        return [each["name"] for each in web.all(path + "objects/", {"match[%s]" % key: value for key, value in query.items()})]

    check_equal(names(), ["X", "third", "about single.example"], "the last version of each")
    check_equal(names(version="all", type="indicator"), ["about versioned.example", "second", "third", "about single.example"], "all")
    check_equal(names(version="first"), ["about versioned.example", "X", "about single.example"], "the first")
    check_equal(names(version="first,last", id=first["id"]), ["about versioned.example", "third"], "the first and the last")
    check_equal(names(version=second["modified"]), ["second"], "one by its time, exactly")
    check_equal(names(version="2026-02-01T00:00:00.123Z"), [], "not one near it")
    check_equal(names(type="identity"), ["X"], "by type")
    check_equal(names(type="identity,malware"), ["X"], "by types")
    check_equal(names(id="%s,%s" % (single["id"], identity["id"])), ["X", "about single.example"], "by ids")
    check_equal(names(id=single["id"], type="identity"), [], "all filters hold together")
    check_equal(names(spec_version="2.1"), ["X", "third", "about single.example"], "by specification")
    check_equal(names(spec_version="2.0"), [], "of which nothing is older")
    paged = web.all(path + "objects/", {"match[id]": first["id"], "match[version]": "all", "limit": 1})
    check_equal([each.get("name") for each in paged], ["about versioned.example", "second", "third"], "in pages of one")

    answer = web(path + "manifest/", {"match[version]": "all", "match[id]": first["id"]})
    check_equal([each["version"] for each in answer.value["objects"]], [first["modified"], second["modified"], third["modified"]],
                "the manifest tells each version as it stands")
    check_equal({each["media_type"] for each in answer.value["objects"]}, {"application/stix+json;version=2.1"}, "and its media type")
    answer = web(path + "objects/%s/" % first["id"])
    check_equal(answer.value["objects"], [third], "one object, byte for byte what its author said")
    check_equal(answer.headers["x-taxii-date-added-first"], answer.headers["x-taxii-date-added-last"], "with its date")
    answer = web(path + "objects/%s/versions/" % first["id"])
    check_equal(answer.value["versions"], [first["modified"], second["modified"], third["modified"]], "its versions")
    check_equal(web(path + "objects/indicator--00000000-0000-4000-8000-000000000000/").status, 404, "an object that is not there")
    node.stop()
    start(place, node, link=False)
    check_equal(names(), ["X", "third", "about single.example"], "after a restart, too, the last version of each")
    check_equal(names(version="first"), ["about versioned.example", "X", "about single.example"], "and the first")


@story
def labels(place):
    """What a token may not see shows nowhere: in no collection, no page, no count, no date."""
    a, b = web_mesh(place, "agency.a", "agency.b")
    for at, label in enumerate(("TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED")):
        a.publish_good([indicator("label%d.example" % at)], label, [b])
    every = Web(b, "every", token(b, "every", "--max-label", "TLP:AMBER+STRICT", "--rate", "10000"))
    green = Web(b, "green", token(b, "green", "--max-label", "TLP:GREEN", "--rate", "10000"))
    only = Web(b, "only", token(b, "only", "--collections", "green", "--rate", "10000"))
    wait_ids(every, 4)
    b.finds("label4.example")
    for alias, at in (("clear", 0), ("green", 1), ("amber", 2), ("amber-strict", 3)):
        check_equal(every.ids(alias), [indicator("label%d.example" % at)["id"]], "%s shows its own" % alias)
    check_equal(len(every.ids()), 4, "TLP:RED is in no collection")
    check_equal(green.ids(), [indicator("label%d.example" % at)["id"] for at in (0, 1)], "a token sees up to its label")
    check_equal(green.collection("amber"), None, "other collections are not listed")
    amber = every.collection("amber")
    for web in (green, only):
        for path in ("", "objects/", "manifest/", "objects/%s/" % indicator("label2.example")["id"]):
            check_equal(web(amber + path).status, 404, "and not there: %s" % path)
    path = green.collection("all")
    check_equal(green.all(path + "objects/", {"match[id]": indicator("label2.example")["id"]}), [], "nor by its id")
    check_equal(green(path + "objects/%s/" % indicator("label2.example")["id"]).status, 404, "in no way")
    rows = b("ledger", "show", "--kind", "look").out.decode()
    check("taxii green" in rows, "the ledger tells whose token looked", rows[-2000:])
    must(lambda: "taxii green ended" in b("ledger", "show", "--kind", "look").out.decode(), 20, "and when it has seen all it asked for")
    stolen = every(every.collection("all") + "objects/", {"limit": 1}).value["next"]
    check_equal([each["id"] for each in green.all(path + "objects/", {"next": stolen})], [indicator("label1.example")["id"]],
                "a next of one who sees more shows no more")
    check_equal([each["alias"] for each in only("/taxii2/api/collections/").value["collections"]], ["green"], "only what was named")

    # The web process stands still: who revokes a token is not told that it is done before it is refused.
    web_process = b.pid_of("web")
    os.kill(web_process, signal.SIGSTOP)
    try:
        remove = subprocess.Popen([COMITY, "token", "remove", "green", "--dir", b.dir])
        check(not happens(lambda: remove.poll() is not None, 1), "revoking a token waits for who lets it in")
    finally:
        os.kill(web_process, signal.SIGCONT)
    check_equal(remove.wait(timeout=60), OK, "the token is revoked")
    check_equal(green("/taxii2/").status, 401, "and is refused at once")
    check_equal(every("/taxii2/").status, 200, "others are not")


@story
def rare(place):
    """A few objects of one label among many of another: found all, before and after a restart, however they are asked for."""
    node, other = web_mesh(place, "agency.a", "agency.b")
    web = Web(node, "soc", token(node, "soc", "--rate", "10000"))
    wanted = []
    for at in range(3):
        many, _ = indicators("many%d" % at, 700)
        few, _ = indicators("few%d" % at, 2)
        node.publish_good(many, "TLP:AMBER", [other])
        node.publish_good(few, "TLP:GREEN", [other])
        wanted += [each["id"] for each in few]
    wait_ids(web, 2106)
    for when in ("at first", "again", "after a restart", "and again"):
        if when == "after a restart":
            node.stop()
            start(place, node, link=False)
        check_equal(web.ids("green"), wanted, "the rare ones, %s" % when)
        check_equal(web.ids("green", {"limit": 1}), wanted, "in pages of one, %s" % when)
        check_equal(len(web.ids("amber", {"limit": 1000})), 2100, "the others, %s" % when)
    must(node.writes, 30, "the node writes again")
    node.publish_good([indicator("one-more.example")], "TLP:GREEN", [other])
    must(lambda: web.ids("green") == wanted + [indicator("one-more.example")["id"]], 20, "and one more", lambda: web.ids("green"))


@story
def looking(place):
    """Who looks stands in the ledger before anything is shown; who goes on looking makes no row for each page."""
    node, other = web_mesh(place, "agency.a", "agency.b")
    web = Web(node, "soc", token(node, "soc", "--rate", "10000"))
    objects, _ = indicators("looking", 120)
    node.publish_good(objects, "TLP:GREEN", [other])

    def rows():
        lines = [json.loads(line) for line in node("ledger", "show", "--kind", "look", "--json").out.splitlines()]
        return [each for each in lines if each["details"]["command"].startswith("taxii")]

    must(lambda: len(web.ids(query={"limit": 10})) == 120 or None, 20, "all are shown")
    before = rows()
    check(any(each["details"]["command"] == "taxii soc" for each in before), "the ledger has it while the client still looks", before)
    for _ in range(5):
        web.ids(query={"limit": 10})
    check(len(rows()) <= len(before) + 4, "sixty pages more make no sixty rows", rows())
    ended = must(lambda: [each for each in rows() if each["details"]["command"] == "taxii soc ended"], 20, "the session ends")
    check(sum(each["details"]["shown"] for each in ended) >= 720, "and tells how much was shown", ended)
    check(sum(each["details"]["questions"] for each in ended) >= 72, "and how often was asked", ended)
    web.ids()
    node.stop()
    start(place, node, link=False)
    must(lambda: len([each for each in rows() if each["details"]["command"] == "taxii soc ended"]) > len(ended), 20, "a stop ends sessions, too")
    check_equal(node("ledger", "verify").code, OK, "the ledger is whole")


@story
def posting(place):
    """What is posted is published to the token's recipients, under policy, with a reason for what is refused."""
    a, b = web_mesh(place, "agency.a", "agency.b")
    web = Web(a, "poster", token(a, "poster", "--read", "--write", "--publish-to", "agency.b", "--max-label", "TLP:AMBER"))
    reader = Web(b, "reader", token(b, "reader", "--rate", "1000"))
    path = web.collection("green") + "objects/"
    red = indicator("red.example", object_marking_refs=["marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"])
    bad = dict(indicator("bad.example"), pattern="this is no pattern")
    body = json.dumps({"objects": [indicator("posted.example"), red, bad]}).encode()
    answer = web(path, method="POST", body=body)
    check_equal((answer.status, answer.value["total_count"]), (202, 3), "it is taken")
    where = API + "status/%s/" % answer.value["id"]
    status = must(lambda: web(where).value if web(where).value["status"] == "complete" else None, 20, "and done").copy()
    check_equal((status["total_count"], status["success_count"], status["failure_count"], status["pending_count"]), (3, 1, 2, 0), "one of three",
                status)
    check_equal(status["successes"][0]["id"], indicator("posted.example")["id"], "which one")
    reasons = {each["id"]: each["message"] for each in status["failures"]}
    check("stricter" in reasons[red["id"]], "why not the second", status)
    check("pattern" in reasons[bad["id"]], "why not the third", status)
    must(lambda: reader.ids() == [indicator("posted.example")["id"]], 20, "the recipient has it", reader.ids)
    check_equal(b("search", "red.example").code, NOT_FOUND, "and nothing else")
    check_equal(reader(where).status, 404, "another's status is not there")

    check_equal(web(path, method="POST", body=body, Content_Type="application/json").status, 415, "another media type is refused")
    check_equal(web(path, method="POST", body=b"this is no JSON").status, 400, "what is no JSON is refused")
    check_equal(web(path, method="POST", body=b"{" + b" " * (9 << 20)).status, 413, "what is too large is refused")
    check_equal(reader(reader.collection("green") + "objects/", method="POST", body=body).status, 403, "a reader may not")
    writer = Web(a, "writer", token(a, "writer", "--write", "--publish-to", "agency.x"))
    check_equal(writer(path).status, 403, "who may only write does not read")
    where = API + "status/%s/" % writer(path, method="POST", body=body).value["id"]
    status = must(lambda: writer(where).value if writer(where).value["status"] == "complete" else None, 20, "an unknown recipient")
    check_equal((status["success_count"], status["failure_count"]), (0, 3), "gets nothing", status)
    check("agency.x" in status["failures"][0]["message"], "and it says who", status)


@story
def groups(place):
    """A group has a collection, for the tokens that name it: its objects show to no other, and what is posted to it goes to the group."""
    a, b = web_mesh(place, "agency.a", "agency.b")
    check_equal(a("group", "create", "nightfall", "--tlp-max", "amber").code, OK, "A makes a group")
    check_equal(a("group", "add", "nightfall", "agency.b").code, OK, "with B")
    must(lambda: any(each["membership"] == "member" for each in b("group", "list", "--json").value["groups"]), 30, "B is a member", b.log_tail)
    inside, outside = indicator("inside.example"), indicator("outside.example")
    must(lambda: a.publish([inside], "TLP:GREEN", ["group:nightfall"]).code == OK, 30, "A publishes to the group", a.log_tail)
    a.publish_good([outside], "TLP:GREEN", [b])
    every = Web(b, "every", token(b, "every", "--rate", "10000"))
    plain = Web(b, "plain", token(b, "plain", "--collections", "all,green", "--rate", "10000"))
    joint = Web(b, "joint", token(b, "joint", "--collections", "group:nightfall", "--write", "--read", "--rate", "10000"))
    low = Web(b, "low", token(b, "low", "--collections", "group:nightfall", "--max-label", "TLP:CLEAR", "--rate", "10000"))
    wait_ids(every, 2)
    collection = {each["alias"]: each["id"] for each in every(API + "collections/").value["collections"]}
    check_equal(sorted(collection), ["all", "amber", "clear", "green", "group:nightfall"], "a collection for the group")
    check_equal(every.ids("group:nightfall"), [inside["id"]], "with its objects and no others")
    check_equal([each["id"] for each in every.all(API + "collections/%s/objects/" % collection["group:nightfall"])], [inside["id"]], "by its id")
    check_equal(plain.ids(), [outside["id"]], "who does not name it sees none of them in any collection")
    check_equal(plain.ids("green"), [outside["id"]], "of any label")
    check_equal(plain.all(API + "collections/all/objects/", {"match[id]": inside["id"]}), [], "nor by id")
    for path in ("", "objects/", "manifest/", "objects/%s/" % inside["id"]):
        check_equal(plain(API + "collections/%s/%s" % (collection["group:nightfall"], path)).status, 404, "nor in the collection: %s" % path)
    check(inside["id"].encode() not in plain("/feed.jsonl").body, "nor in the feed")
    check(b"inside" not in plain("/lists/domain.txt").body and b"outside" in plain("/lists/domain.txt").body, "nor in the lists")
    check_equal([each["alias"] for each in joint(API + "collections/").value["collections"]], ["group:nightfall"], "only what was named")
    check_equal(joint(API + "collections/all/objects/").status, 404, "and nothing else")
    check(b"inside" in joint("/lists/domain.txt").body and b"outside" not in joint("/lists/domain.txt").body, "also in the lists")
    check_equal(low.ids("group:nightfall"), [], "the token's label holds here too")

    path = API + "collections/group:nightfall/objects/"
    objects = [indicator("contributed.example", object_marking_refs=[GREEN]), indicator("unlabelled.example")]
    answer = joint(path, method="POST", body=json.dumps({"objects": objects}).encode())
    check_equal(answer.status, 202, "who may write posts to it")
    status = must(lambda: done(joint, answer.value["id"]), 20, "and it is done")
    check_equal([each["id"] for each in status["successes"]], [objects[0]["id"]], "published", status)
    check_equal([each["id"] for each in status["failures"]], [objects[1]["id"]], "what has no label is refused", status)
    reader = Web(a, "reader", token(a, "reader", "--collections", "group:nightfall", "--rate", "10000"))
    must(lambda: len(reader.ids("group:nightfall")) == 2, 30, "the group has it", lambda: reader.ids("group:nightfall"))
    check_equal(every(path, method="POST", body=b"{}").status, 403, "who may only read does not")

    node_ids = collection
    b.stop()
    start(place, b, link=False)
    check_equal({each["alias"]: each["id"] for each in every(API + "collections/").value["collections"]}, node_ids, "its id does not change")
    check_equal(a("group", "close", "nightfall").code, OK, "the group is closed")
    must(lambda: every.collection("group:nightfall") is None, 60, "its collection is gone", b.log_tail)
    must(lambda: every.ids() == [outside["id"]], 60, "and its objects", every.ids)


@story
def kept(place):
    """What became of a POST is told for a day, also after the web process or the whole node was started again."""
    a, b = web_mesh(place, "agency.a", "agency.b")
    web = Web(a, "poster", token(a, "poster", "--read", "--write", "--publish-to", "agency.b"))
    other = Web(a, "other", token(a, "other", "--read", "--write", "--publish-to", "agency.b"))
    body = json.dumps({"objects": [indicator("kept.example"), dict(indicator("bad.example"), pattern="no pattern")]}).encode()
    number = web(web.collection("green") + "objects/", method="POST", body=body).value["id"]
    status = must(lambda: done(web, number), 20, "it is done")
    check_equal((status["success_count"], status["failure_count"]), (1, 1), "one of two", status)
    check_equal(other(API + "status/%s/" % number).status, 404, "another token is not told")
    place.kills = True
    os.kill(a.pid_of("web"), signal.SIGKILL)
    must(lambda: not listens(a) or None, 30, "the web process is gone")
    must(lambda: listens(a), 30, "and is back", a.log_tail)
    check_equal(web(API + "status/%s/" % number).value, status, "it still tells")
    a.stop()
    start(place, a, link=False)
    check_equal(web(API + "status/%s/" % number).value, status, "after a restart of the node, too")
    check_equal(web(API + "status/%s/" % str(uuid.uuid4())).status, 404, "but not of what was never posted")
    published, refused = indicator("kept.example")["id"], indicator("bad.example")["id"]
    for value, left in (("kept.example", ([], [refused])), (refused, ([], []))):
        result = a("ledger", "erase", value, "--reason", "wrong person", "--json")
        check_equal((result.code, result.value["statuses"]), (OK, 1), "%s is erased, and what was told of its post" % value, result)
        status = web(API + "status/%s/" % number).value
        check_equal(tuple([each["id"] for each in status[key]] for key in ("successes", "failures")), left, "the status tells of it no more", status)
        check_equal((status["status"], status["success_count"], status["failure_count"]), ("complete", 1, 1), "but how many there were", status)
    check_equal(a("ledger", "show", "--kind", "erase", "--json").values[-1]["details"]["statuses"], 1, "a row of the ledger tells of it")
    check_equal(a("ledger", "verify").code, OK, "the ledger is whole")
    many = json.dumps({"objects": [indicator("many%d.example" % at) for at in range(9000)]}).encode()
    number = web(web.collection("green") + "objects/", method="POST", body=many).value["id"]
    status = must(lambda: done(web, number), 60, "a large one is done")
    check_equal((status["total_count"], status["success_count"]), (9000, 9000), "told whole", {key: status[key] for key in status if "count" in key})


@story
def certificates(place):
    """Clients may have certificates: a token that is bound to one is nothing without it, and it is enough without the token."""
    node, = place.mesh("agency.a", start=False)
    enable(node)
    folder = os.path.join(place.dir, "certificates")
    os.mkdir(folder)
    authority, stranger = Authority(folder, "authority"), Authority(folder, "stranger")
    soc, spare, foreign = authority.client("soc"), authority.client("spare"), stranger.client("foreign")
    server, old = authority.client("server", server=True), authority.client("old", days=-1)
    configure(node, "web.client_ca", authority.certificate)
    start(place, node, link=False)
    bound = token(node, "bound", "--certificate", soc.fingerprint, "--rate", "10000")
    token(node, "by-old", "--certificate", old.fingerprint)
    token(node, "by-server", "--certificate", server.fingerprint)
    token(node, "by-foreign", "--certificate", foreign.fingerprint)
    free = token(node, "free", "--rate", "10000")
    for secret, identity, status in ((bound, None, 401), (bound, soc, 200), (bound, spare, 401), (bound, foreign, 401), (free, None, 200),
                                     (free, spare, 200), (free, soc, 200), ("cty_" + "x" * 43, soc, 401)):
        web = Web(node, "bound" if secret == bound else "free", secret, identity=identity)
        check_equal(web("/taxii2/").status, status, "%s token, certificate of %s" % ("the bound" if secret == bound else "another", identity))
    for identity, status in ((soc, 200), (spare, 401), (foreign, 401), (server, 401), (old, 401), (None, 401)):
        web = Web(node, "", "", identity=identity)
        check_equal(web("/taxii2/", Authorization=None).status, status, "no token, certificate of %s" % identity)
    check_equal([each["certificate"] for each in node("token", "list", "--json").value if each["name"] == "bound"],
                [soc.fingerprint.replace(":", "").lower()], "the list tells it")
    check_equal(node("token", "add", "second", "--certificate", soc.fingerprint).code, OK, "another token of the same certificate")
    check_equal(Web(node, "", "", identity=soc)("/taxii2/", Authorization=None).status, 401, "makes the certificate alone ambiguous")
    check_equal(Web(node, "bound", bound, identity=soc)("/taxii2/").status, 200, "but not with a token")
    check_equal(node("token", "add", "x", "--certificate", "ab:cd").code, USAGE, "what is no fingerprint is refused")
    node.stop()
    configure(node, "web.client_ca", os.path.join(folder, "nothing.pem"))
    result = node("run", seconds=20)
    check_equal((result.code, b"web.client_ca" in result.err), (REFUSED, True), "a file that is missing is named")


@story
def tokens(place):
    """Tokens: shown once, kept hashed, bounded in what they may and how often."""
    node, _ = web_mesh(place, "agency.a", "agency.b")
    secret = token(node, "soc", "--rate", "5", "--expires", "30d")
    check(not node.contains(secret.encode()), "the token stands nowhere in the directory")
    listed = node("token", "list", "--json").value
    check_equal([(each["name"], each["max_label"], each["read"], each["write"], each["rate"]) for each in listed],
                [("soc", "TLP:AMBER", True, False, 5)], "it is listed with what it may")
    web = Web(node, "soc", secret)
    answers = [web("/taxii2/") for _ in range(30)]
    statuses = [each.status for each in answers]
    check(429 in statuses and statuses[0] == 200, "too many requests are put off", statuses)
    check(all("retry-after" in each.headers for each in answers if each.status == 429), "and told when to come again")
    for words, code in ((("add", "soc"), REFUSED), (("add", "no name"), USAGE), (("add", "x", "--max-label", "TLP:RED"), USAGE),
                        (("add", "x", "--collections", "nothing"), USAGE), (("add", "x", "--expires", "yesterday"), USAGE),
                        (("add", "x", "--write"), USAGE), (("add", "x", "--rate", "0"), USAGE), (("remove", "x"), NOT_FOUND), (("list", "x"), USAGE)):
        check_equal(node("token", *words).code, code, "refused: %s" % " ".join(words))


main()
