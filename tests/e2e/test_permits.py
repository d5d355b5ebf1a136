#!/usr/bin/python3
"""What agencies say about single objects: permissions with proofs, shares, sightings, requests for information."""
import json
import os
import time

from bystanders import learned_nothing
from lib import (BUILD, NOT_FOUND, PATIENCE, REFUSED, USAGE, bundle, check, check_equal, indicator, indicators, main, must, must_hold,
                 story, wait_until)


FIVE = ["agency.a", "agency.b", "agency.c", "agency.d", "agency.e"]


def rows(node, noun):
    result = node(noun, "list", "--json")
    check_equal(result.code, 0, "%s lists its %ss" % (node.name, noun), result)
    return result.value["%ss" % noun]


def row_states(node, noun):
    return [(each["agency"], each.get("reader"), each["state"]) for each in node(noun, "list", "--json").value["%ss" % noun]]


def got(node, object_id, *words):
    """What `comity get` shows of an object: a list."""
    result = node("get", object_id, *words, "--json")
    return result.values if result.code == 0 else []


def three(place, mesh=None):
    """A, B and C (the first of a mesh) pin each other. Something of A's that B alone may read."""
    a, b, c = mesh[:3] if mesh else place.mesh("agency.a", "agency.b", "agency.c")
    objects, values = indicators("permit", 3)
    a.publish_good(objects, "TLP:AMBER", [b])
    must_hold(b, 3, 30, "B has what A published for it", b.log_tail)
    return a, b, c, objects, values


@story
def asked_granted_shared(place):
    """B asks A, A permits, B passes the object on, and C sees A as its verified author and B as the way it came. D and E, whom all trust,
    carry it and hear nothing: neither the question, nor the permission, nor the object."""
    mesh = place.mesh(*FIVE)
    a, b, c, objects, values = three(place, mesh)
    wanted = objects[1]["id"]
    result = b("share", wanted, "--to", "agency.c", "--json")
    check_equal(result.code, REFUSED, "B may not pass it on by itself", result)
    check("permission ask" in result.err.decode(), "and is told what to do", result)
    result = b("permission", "ask", wanted, "--to", "agency.c", "--reason", "C sees the same actor", "--json")
    check_equal(result.code, 0, "B asks", result)
    must(lambda: ("agency.b", "agency.c", "asked") in row_states(a, "permission"), 30, "A sees the question", a.log_tail)
    check_equal([each["reason"] for each in rows(a, "permission")], ["C sees the same actor"], "with its reason")
    check_equal(row_states(b, "permission"), [("agency.a", "agency.c", "asked")], "B sees that it asked")
    check_equal(c("permission", "list", "--json").value["permissions"], [], "C hears nothing of it")
    result = a("permission", "grant", wanted, "--json")
    check_equal(result.code, 0, "A grants what was asked", result)
    must(lambda: row_states(b, "permission") == [("agency.a", "agency.c", "granted")], 30, "B has the permission", b.log_tail)
    check(not c.finds(values[1]), "C still has nothing")
    result = b("share", wanted, "--to", "agency.c", "--json")
    check_equal((result.code, [each["state"] for each in result.value["shares"]]), (0, ["shared"]), "B passes it on", result)
    must(lambda: c.finds(values[1]), 30, "C finds it", c.log_tail)
    shown = got(c, wanted)
    check_equal([(each["author"], each.get("via"), each["tlp"]) for each in shown], [("agency.a", "agency.b", "TLP:AMBER")],
                "C sees A as its author and B as the way it came")
    check_equal(shown[0]["object"], objects[1], "the object is what A wrote")
    check_equal([each["object"]["id"] for each in c.feed()], [wanted], "and the only one in C's feed")
    check_equal([each.get("via") for each in got(b, wanted)], [None], "B itself still shows A's own copy, once")
    check_equal(b("share", wanted, "--to", "agency.c", "--json").value["shares"][0]["state"], "known", "a second time changes nothing")
    result = b("share", objects[0]["id"], "--to", "agency.c", "--json")
    check_equal(result.code, REFUSED, "the permission is for that object alone", result)
    result = b("share", wanted, "--to", "agency.a", "--json")
    check_equal(result.code, REFUSED, "and for that reader alone", result)
    result = b("share", wanted, "--to", "agency.d", "--json")
    check_equal(result.code, REFUSED, "D, whom B trusts as well, may not have it", result)
    learned_nothing(mesh[3:], objects[1:], values[1:])
    check_equal(c("trust", "remove", "agency.a", "--yes").code, 0, "C trusts A no more")
    check(not c.finds(values[1]) and c.feed() == [], "nothing vouches for the object any more: it is not shown")
    c.trust(a)
    check(c.finds(values[1]), "it is, once C pins A again")


@story
def proof_outlives_restart(place):
    """B was restarted, so that no epoch's secret is left, and A is gone: the proof is made all the same, and C checks it."""
    a, b, c, objects, values = three(place)
    wanted = objects[2]["id"]
    check_equal(a("permission", "grant", wanted, "--for", "agency.b", "--to", "agency.c").code, 0, "A permits what nobody asked for")
    must(lambda: ("agency.a", "agency.c", "granted") in row_states(b, "permission"), 30, "B has the permission", b.log_tail)
    a.stop()
    b.stop()
    place.start(b, link=False)
    must(lambda: b.linked(c), 45, "B is linked with C", b.log_tail)
    check_equal(row_states(b, "permission"), [("agency.a", "agency.c", "granted")], "B still knows the permission")
    must(b.writes, 30, "B writes its log")
    result = b("share", wanted, "--to", "agency.c", "--json")
    check_equal(result.code, 0, "B passes it on", result)
    must(lambda: c.finds(values[2]), 30, "C finds it", c.log_tail)
    check_equal([(each["author"], each["via"]) for each in got(c, wanted)], [("agency.a", "agency.b")], "of A, by B")
    c.stop()
    place.start(c, link=False)
    check_equal([(each["author"], each["via"]) for each in got(c, wanted)], [("agency.a", "agency.b")], "also after C was restarted")


@story
def recalled(place):
    """What stays of a block is proved after a part of it was taken back; and what A takes back goes from C too, to which B had passed it."""
    a, b, c, objects, values = three(place)
    gone, shared, later = (each["id"] for each in objects)
    check_equal(a("permission", "grant", shared, "--for", "agency.b", "--to", "agency.c").code, 0, "A permits the second")
    must(lambda: ("agency.a", "agency.c", "granted") in row_states(b, "permission"), 30, "B has the permission")
    check_equal(b("share", shared, "--to", "agency.c").code, 0, "B passes it on")
    must(lambda: c.finds(values[1]), 30, "C finds it", c.log_tail)
    check_equal(a("recall", gone, "--reason", "a mistake").code, 0, "A takes the first of the block back")
    must(lambda: not b.finds(values[0]), 30, "B has it no more", b.log_tail)
    check(c.finds(values[1]), "C still finds the second")
    check_equal(a("permission", "grant", later, "--for", "agency.b", "--to", "agency.c").code, 0, "A permits the third")
    must(lambda: len([1 for each in row_states(b, "permission") if each[2] == "granted"]) == 2, 30, "B has the permission")
    check_equal(b("share", later, "--to", "agency.c", "--json").code, 0, "B proves it by the block that replaced the first",
                lambda: b("share", later, "--to", "agency.c"), b.log_tail)
    must(lambda: c.finds(values[2]), 30, "C finds it", c.log_tail)
    check_equal([(each["author"], each["via"]) for each in got(c, later)], [("agency.a", "agency.b")], "of A, by B")
    check_equal(a("recall", shared, "--reason", "a mistake too").code, 0, "A takes back the second")
    must(lambda: not b.finds(values[1]), 30, "B has it no more", b.log_tail)
    must(lambda: not c.finds(values[1]), 30, "nor C", c.log_tail)
    check(c.finds(values[2]), "C still finds the third")
    must(lambda: "of agency.b was recalled: 1 objects" in c.log(), 30, "B took its copy back, and C withdrew it", b.log_tail, c.log_tail)
    check_equal(c.contains(values[1].encode()), None, "no file of C holds it in clear")
    third = {"agency": "agency.c", "through": "agency.b", "state": "erased", "objects": 1}
    must(lambda: third in thirds(a, shared), 30, "A has C's receipt, through B", lambda: a("recall", "status", shared), c.log_tail)
    check_equal([thirds(a, gone), len(thirds(a, shared))], [[], 1], "for that object alone, once")
    must(lambda: a("recall", "status", shared, "--json").value["complete"], 30, "and all have complied", lambda: a("recall", "status", shared))
    check("through" in a("recall", "status", shared).text, "people read it, too", lambda: a("recall", "status", shared))
    check_equal(b("share", later, "--to", "agency.c", "--json").value["shares"][0]["state"], "known", "the third is still passed on")
    b.stop()
    check_equal(a("recall", later, "--reason", "all of it").code, 0, "A takes back the third while B is away")
    must(lambda: not c.finds(values[2]), 30, "C, who holds A's log, hides it without B", c.log_tail)
    place.start(b)
    must(lambda: c.log().count("of agency.b was recalled: 1 objects") == 2, 30, "and erases it once B is back", b.log_tail, c.log_tail)
    must(lambda: third in thirds(a, later), 30, "A hears of that one, too, although the block in which C knows it was replaced twice",
         lambda: a("recall", "status", later), c.log_tail)


@story
def author_cut(place):
    """A revokes its node from a point before the object on: the proof is checked whenever the object would be shown, and fails now."""
    a, b, c, objects, values = three(place)
    wanted = objects[0]["id"]
    check_equal(a("permission", "grant", wanted, "--for", "agency.b", "--to", "agency.c").code, 0, "A permits")
    must(lambda: ("agency.a", "agency.c", "granted") in row_states(b, "permission"), 30, "B has the permission")
    check_equal(b("share", wanted, "--to", "agency.c").code, 0, "B passes it on")
    must(lambda: c.finds(values[0]), 30, "C finds it", c.log_tail)
    result = a("node", "revoke", a.status()["node"], "--after", "1")
    check_equal(result.code, 0, "A revokes its node from its second entry on", result)
    must(lambda: not c.finds(values[0]), 30, "C shows the object no more", c.log_tail)
    check_equal(c.feed(), [], "by no exit")


@story
def unpinned_author(place):
    """C does not pin A: nothing vouches for what B passes on, and it is not shown until C does."""
    a, b, c = place.node("agency.a"), place.node("agency.b"), place.node("agency.c")
    a.trust(b)
    b.trust(a, c)
    c.trust(b)
    for node in (a, b, c):
        node.spawn()
    must(lambda: b.linked(a, c), 45, "B is linked with both", b.log_tail)
    must(lambda: a.writes() and b.writes(), 30, "A and B write")
    objects, values = indicators("unpinned", 1)
    a.publish_good(objects, "TLP:AMBER", [b])
    must_hold(b, 1, 30, "B has it")
    wanted = objects[0]["id"]
    agency_c = agency_id(c)
    result = a("permission", "grant", wanted, "--for", "agency.b", "--to", agency_c, "--json")
    check_equal(result.code, 0, "A permits it for C, which it knows by id only", result)
    must(lambda: [each["state"] for each in b("permission", "list", "--json").value["permissions"]] == ["granted"], 30, "B has the permission")
    check_equal(b("share", wanted, "--to", "agency.c").code, 0, "B passes it on")
    must(lambda: "is not shown" in json.dumps(c.status()["notices"]), 30, "C tells its operator that something came", c.log_tail)
    check(not c.finds(values[0]) and c.feed() == [] and got(c, wanted) == [], "and shows nothing")
    c.trust(a)
    check(c.finds(values[0]), "once C pins A, it is shown")
    check_equal([(each["author"], each["via"]) for each in got(c, wanted)], [("agency.a", "agency.b")], "of A, by B")


@story
def denied(place):
    """A denies; a permission that has ended permits nothing."""
    a, b, c, objects, _ = three(place)
    first, second = objects[0]["id"], objects[1]["id"]
    check_equal(b("permission", "ask", first, "--to", "agency.c").code, 0, "B asks")
    must(lambda: ("agency.b", "agency.c", "asked") in row_states(a, "permission"), 30, "A sees it")
    check_equal(a("permission", "deny", first, "--reason", "a source is at risk").code, 0, "A denies")
    must(lambda: ("agency.a", "agency.c", "denied") in row_states(b, "permission"), 30, "B hears it", b.log_tail)
    check_equal([each["reason"] for each in rows(b, "permission")], ["a source is at risk"], "with the reason")
    check_equal(b("share", first, "--to", "agency.c").code, REFUSED, "B may not pass it on")
    check_equal(a("permission", "grant", second, "--for", "agency.b", "--to", "agency.c", "--until", "2s").code, 0,
                "A permits another for two seconds")
    must(lambda: ("agency.a", "agency.c", "granted") in row_states(b, "permission"), 30, "B has the permission")
    until = max(each["until"] or "" for each in rows(b, "permission"))
    wait_until(lambda: time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - 1)) > until, 30)
    result = b("share", second, "--to", "agency.c")
    check_equal(result.code, REFUSED, "which has ended", result)
    check("ended" in result.err.decode(), "and B is told so", result)
    check_equal(c.feed(), [], "C has nothing")


@story
def clear_needs_none(place):
    """TLP:CLEAR may be passed on without asking; the author's proof goes along all the same. Own objects are published, not shared."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c")
    objects, values = indicators("clear", 2)
    a.publish_good(objects[:1], "TLP:CLEAR", [b])
    a.publish_good(objects[1:], "TLP:RED", [b])
    must_hold(b, 2, 30, "B has both")
    path = place.path("treaty.yaml", "agreement: Passing on\nparties: [self, agency.c]\nclauses:\n  - {from: self, to: agency.c, label_max: TLP:RED, kinds: [indicator]}\n")
    treaty = b("agreement", "propose", path, "--json").value["id"][:8]
    must(lambda: c("agreement", "sign", treaty).code == 0, 30, "B and C have an agreement")
    must(lambda: b("agreement", "show", treaty, "--json").value["state"] == "in-force", 30, "which is in force")
    check_equal(b("share", objects[0]["id"], "--to", "agency.c").code, 0, "B passes on what is for the world")
    must(lambda: c.finds(values[0]), 30, "C finds it", c.log_tail)
    out = b("ledger", "show", "--kind", "out", "--json").values[-1]["details"]
    check_equal((out["rules"], out["agreements"], out["labels"]), (["statement", "tlp.clear"], ["%s clause 1" % treaty], ["TLP:CLEAR"]),
                "B's ledger names the rule and the clause that let it go")
    check_equal([(each["author"], each["via"]) for each in got(c, objects[0]["id"])], [("agency.a", "agency.b")], "of A, by B")
    check_equal(b("share", objects[1]["id"], "--to", "agency.c").code, REFUSED, "TLP:RED it may not")
    check_equal(a("permission", "grant", objects[1]["id"], "--for", "agency.b", "--to", "agency.c").code, 0, "unless A permits it")
    must(lambda: ("agency.a", "agency.c", "granted") in row_states(b, "permission"), 30, "B has the permission")
    check_equal(b("share", objects[1]["id"], "--to", "agency.c").code, 0, "B passes on TLP:RED")
    must(lambda: c.finds(values[1]), 30, "C finds it", c.log_tail)
    check_equal(a("share", objects[0]["id"], "--to", "agency.c").code, REFUSED, "A has nobody to ask about its own")
    check_equal(a("permission", "ask", objects[0]["id"], "--to", "agency.c").code, REFUSED, "nor needs to")


@story
def shared_as_it_comes(place):
    """At a node whose disk takes its time a permission is listed the moment it comes, and can be used then."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c", start=False)
    b.program = os.path.join(BUILD, "tests", "e2e", "comity_late_answer")
    place.start(a, b, c)
    objects, values = indicators("slow", 1)
    wanted = objects[0]["id"]
    a.publish_good(objects, "TLP:RED", [b])
    must_hold(b, 1, 45, "B has it", b.log_tail)
    check_equal(a("permission", "grant", wanted, "--for", "agency.b", "--to", "agency.c").code, 0, "A permits it")
    end = time.monotonic() + 30 * PATIENCE
    while ("agency.a", "agency.c", "granted") not in row_states(b, "permission") and time.monotonic() < end:
        pass  # without a pause: what follows is to come as soon as may be
    result = b("share", wanted, "--to", "agency.c")
    check_equal(result.code, 0, "B passes it on", result)
    must(lambda: c.finds(values[0]), 45, "C finds it", c.log_tail)


@story
def police_record(place):
    """H1 and H2: not in court and not to others without the provider's permission, which says so and goes along with its proof. D and E
    carry it and learn nothing, not even that a permission was given."""
    a, b, c, d, e = place.mesh(*FIVE)
    objects, values = indicators("police", 2)
    for each in objects:
        result = a("publish", "-", "--tlp", "TLP:GREEN", "--to", "agency.b", "--handling", "H1,H2", "--purpose", "investigation",
                   "--json", input=bundle([each]))
        check_equal(result.code, 0, "A publishes it under H1 and H2", result)
    result = a("publish", "-", "--tlp", "TLP:GREEN", "--to-all", "--handling", "H2", input=bundle(objects[:1]))
    check_equal(result.code, REFUSED, "not to all that are pinned", result)
    must_hold(b, 2, 30, "B has both")
    first, second = objects[0]["id"], objects[1]["id"]
    result = b("share", first, "--to", "agency.c")
    check_equal(result.code, REFUSED, "B may not pass it on, although it is TLP:GREEN", result)
    check_equal(b("permission", "ask", first, "--to", "agency.c").code, 0, "B asks")
    must(lambda: ("agency.b", "agency.c", "asked") in row_states(a, "permission"), 30, "A sees it")
    check_equal(a("permission", "grant", first).code, 0, "A grants it, and forgets H2")
    must(lambda: ("agency.a", "agency.c", "granted") in row_states(b, "permission"), 30, "B has the permission")
    result = b("share", first, "--to", "agency.c")
    check_equal(result.code, REFUSED, "which does not lift H2", result)
    check("H2" in result.err.decode(), "and B is told so", result)
    check_equal(a("permission", "grant", second, "--for", "agency.b", "--to", "agency.c", "--codes", "H2").code, 0,
                "A consents for the other one")
    must(lambda: [1 for each in rows(b, "permission") if each["object"] == second and each["codes"] == 4], 30, "B has that")
    why = [each["rule"] for each in b("why", first, "agency.c", "--json").value["decisions"]]
    check_equal(why, ["handling.h2"], "`why` names the rule for the first")
    check_equal([each["allow"] for each in b("why", second, "agency.c", "--json").value["decisions"]], [True], "and allows the second")
    check_equal(b("share", second, "--to", "agency.c").code, 0, "B passes it on")
    must(lambda: c.finds(values[1]), 30, "C finds it, its proofs checked", c.log_tail)
    check_equal([(each["author"], each["via"]) for each in got(c, second)], [("agency.a", "agency.b")], "of A, by B")
    check_equal(c("share", second, "--to", "agency.b").code, REFUSED, "C may not pass it on in turn")
    result = a("permission", "grant", first, "--for", "agency.b", "--to", "agency.c", "--codes", "H2")
    check_equal(result.code, 0, "A consents for the first as well, later", result)
    must(lambda: [1 for each in rows(b, "permission") if each["object"] == first and each["codes"] == 4], 30, "B has that")
    check_equal(b("share", first, "--to", "agency.c").code, 0, "now B may")
    must(lambda: c.finds(values[0]), 30, "C finds it too", c.log_tail)
    for reader in (d, e):
        check_equal([each["rule"] for each in b("why", second, reader.name, "--json").value["decisions"]], ["handling.h2"],
                    "the consent is for C: `why` names the rule for %s" % reader.name)
        check_equal(b("share", second, "--to", reader.name).code, REFUSED, "and B may not pass it on there")
    learned_nothing([d, e], objects, values)


@story
def bad_questions(place):
    """What cannot be is refused with a sentence."""
    a, b, c, objects, _ = three(place)
    wanted, unknown = objects[0]["id"], indicator("nobody.example")["id"]
    for words, code in [
            (["permission", "ask", wanted], USAGE), (["permission", "ask", unknown, "--to", "agency.c"], NOT_FOUND),
            (["permission", "ask", wanted, "--to", "nobody"], REFUSED), (["permission", "beg", wanted], USAGE),
            (["permission", "grant", wanted], NOT_FOUND), (["permission", "grant", wanted, "--until", "yesterday"], USAGE),
            (["permission", "grant", wanted, "--for", "agency.c", "--to", "agency.a"], NOT_FOUND),
            (["permission", "deny", wanted], NOT_FOUND), (["permission", "grant", wanted, "--codes", "H7"], USAGE),
            (["share", wanted], USAGE), (["share", unknown, "--to", "agency.c"], NOT_FOUND),
            (["sighting", wanted], USAGE), (["sighting", unknown, "--seen"], NOT_FOUND),
            (["sighting", wanted, "--seen", "--expired"], USAGE), (["sighting", wanted, "--seen", "--count", "-1"], USAGE),
            (["request", "send", "--to", "agency.a"], USAGE), (["request", "send", "--to", "agency.a", "--kind", "gossip"], USAGE),
            (["request", "send", "--to", "nobody", "--kind", "sample"], REFUSED),
            (["request", "send", "--to", "agency.a", "--kind", "sample", "--deadline", "2020-01-01T00:00:00Z"], USAGE),
            (["request", "answer", "00" * 16, "-"], NOT_FOUND), (["request", "refuse", "00" * 16], USAGE),
            (["request", "refuse", "xyz", "--reason", "no"], NOT_FOUND)]:
        result = b(*words)
        check_equal(result.code, code, "%s: exit %d" % (" ".join(words)[:60], code), result)
        check(result.err.strip(), "with a sentence", result)
    check_equal((a.feed("--from", "agency.b"), c.feed()), ([], []), "nobody got anything")


@story
def sightings(place):
    """Readers tell the author what they saw; the author sees the totals, each reader its own."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c")
    objects, values = indicators("sighted", 2)
    a.publish_good(objects, "TLP:AMBER", [b, c])
    must_hold(b, 2, 30, "B has them")
    must_hold(c, 2, 30, "C has them")
    wanted = objects[0]["id"]
    check_equal(b("sighting", wanted, "--seen", "--count", "3", "--json").value["total"], 3, "B saw it three times")
    check_equal(b("sighting", wanted, "--seen", "--json").value["total"], 4, "and once more")
    check_equal(c("sighting", wanted, "--seen", "--count", "2").code, 0, "C twice")
    check_equal(c("sighting", wanted, "--false-positive").code, 0, "once by mistake")
    check_equal(a("sighting", wanted, "--expired").code, 0, "A itself says that it is over")
    check_equal(b("sighting", wanted, "--opinion", "agree", "--json").value["to"], "author", "B says what it thinks, to the author")
    check_equal(b("sighting", wanted, "--opinion", "disagree").code, 0, "and changes its mind")
    total = {"seen": 6, "false-positive": 1, "expired": 1, "agencies": 3, "to": "author"}
    by = [said("agency.a", expired=1), said("agency.b", seen=4, opinion="disagree"), said("agency.c", seen=2, false_positive=1)]
    must(lambda: seen_of(a, wanted) == (total, by), 30, "A sees %s, by agency" % total, lambda: got(a, wanted), a.log_tail)
    own = {"seen": 4, "false-positive": 0, "expired": 0, "agencies": 1, "to": "author"}
    check_equal(seen_of(b, wanted), (own, by[1:2]), "B sees its own")
    check_equal(got(a, objects[1]["id"])[0]["sightings"]["agencies"], 0, "the other object has none")
    check("seen 6" in a("search", values[0]).text, "people read it too", lambda: a("search", values[0]))
    check_equal([len(node.feed()) for node in (a, b, c)], [2, 2, 2], "no statement shows in a feed")
    a.stop()
    place.start(a)
    check_equal(seen_of(a, wanted), (total, by), "A remembers them")
    check_equal(seen_of(b, wanted), (own, by[1:2]), "B has heard of nobody else's")


@story
def sightings_for_the_audience(place):
    """A lets the audience of an object hear of sightings and opinions: B, C and D see what each of them says, by agency, and E, who carries
    it, hears nothing. Who has the object by a share only is named to nobody but A; whom the policy does not let have the object any more
    hears no more of it."""
    a, b, c, d, e = place.mesh(*FIVE)
    objects, values = indicators("told", 3)
    result = a("publish", "-", "--tlp", "TLP:GREEN", "--to", "agency.b,agency.c,agency.d", "--sightings", "audience", "--json", input=bundle(objects[:1]))
    check_equal(result.code, 0, "A publishes one, and lets the audience hear", result)
    a.publish_good(objects[1:2], "TLP:GREEN", [b, c, d])
    check_equal(a("publish", "-", "--to", "agency.b", "--tlp", "TLP:GREEN", "--sightings", "all", input=bundle(objects[2:])).code, USAGE, "a third word is refused")
    for node in (b, c, d):
        must_hold(node, 2, 30, "%s has both" % node.name, node.log_tail)
    open_one, closed = objects[0]["id"], objects[1]["id"]
    check_equal([seen_of(b, each)[0]["to"] for each in (open_one, closed)], ["audience", "author"], "B sees beforehand who will hear")
    for each in (open_one, closed):
        check_equal(b("sighting", each, "--seen", "--count", "3").code, 0, "B saw it three times")
        check_equal(c("sighting", each, "--false-positive").code, 0, "to C it was harmless")
    check_equal(b("sighting", open_one, "--opinion", "strongly-agree", "--json").value["to"], "audience", "B says what it thinks, to all")
    check_equal(a("sighting", open_one, "--seen").code, 0, "A saw it, too")
    by = [said("agency.a", seen=1), said("agency.b", seen=3, opinion="strongly-agree"), said("agency.c", false_positive=1)]
    for node in (a, b, c, d):
        must(lambda: seen_of(node, open_one)[1] == by, 30, "%s sees them all" % node.name, lambda: seen_of(node, open_one), node.log_tail, a.log_tail)
    check("agency.b: seen 3" in d("search", values[0]).text, "in words, too", lambda: d("search", values[0]))
    check_equal(seen_of(d, closed)[1], [], "of the other one D hears nothing")
    check_equal([len(node.feed()) for node in (b, c, d)], [2, 2, 2], "no statement shows in a feed")
    check_equal(b("sighting", open_one, "--seen", "--count", "4").code, 0, "B saw it again")
    by[1] = said("agency.b", seen=7, opinion="strongly-agree")
    for node in (c, d):
        must(lambda: seen_of(node, open_one)[1] == by, 30, "%s sees the new total" % node.name, lambda: seen_of(node, open_one))

    check_equal(b("share", open_one, "--to", "agency.e").code, 0, "B passes it on to E, which TLP:GREEN allows")
    must(lambda: e.finds(values[0]), 30, "E has it", e.log_tail)
    check_equal(seen_of(e, open_one)[1], [], "and has heard of nobody's sightings")
    check_equal(e("sighting", open_one, "--seen", "--count", "2").code, 0, "E saw it twice")
    must(lambda: said("agency.e", seen=2) in seen_of(a, open_one)[1], 30, "which A hears", a.log_tail)
    check_equal(c("sighting", open_one, "--expired").code, 0, "C says that it is over")
    by[2] = said("agency.c", false_positive=1, expired=1)
    must(lambda: seen_of(d, open_one)[1] == by, 30, "D hears that, and not of E", lambda: seen_of(d, open_one))

    path = place.path("treaty.yaml", "agreement: A treaty\nparties: [self, agency.d]\nclauses:\n  - {from: self, to: agency.d, label_max: TLP:AMBER, kinds: [malware]}\n")
    treaty = a("agreement", "propose", path, "--json").value["id"][:8]
    must(lambda: d("agreement", "sign", treaty).code == 0, 30, "A and D agree that nothing but malware passes")
    must(lambda: a("agreement", "show", treaty, "--json").value["state"] == "in-force", 30, "it is in force")
    check_equal(b("sighting", open_one, "--seen").code, 0, "B saw it once more")
    now = [by[0], said("agency.b", seen=8, opinion="strongly-agree"), by[2]]
    must(lambda: seen_of(c, open_one)[1] == now, 30, "C hears that", lambda: seen_of(c, open_one))
    a.stop()
    place.start(a)
    for node in (c, d):
        node.stop()
        place.start(node, link=False)
    check_equal((seen_of(c, open_one)[1], seen_of(d, open_one)[1]), (now, by), "D does not, and both remember what they heard")


@story
def request_answered_late(place):
    """B asks A for a context by a deadline; it passes, both see that; A answers late, and B has the objects by the request. C asks the same
    and is refused; D and E carry questions and answers and hear of none."""
    a, b, c, d, e = place.mesh(*FIVE)
    result = b("request", "send", "--to", "agency.a", "--kind", "context", "--deadline", "2s", "--urgency", "immediate", "--about",
               "198.51.100.7", "--legal-basis", "Art. 4", "--purpose", "case 7", "--text", "Who was that?", "--json")
    check_equal(result.code, 0, "B asks", result)
    asked = result.value["id"]
    must(lambda: [each["state"] for each in rows_of(b)] == ["acknowledged"], 30, "A's node acknowledges it", b.log_tail, a.log_tail)
    there = rows_of(a)[0]
    check_equal([there[key] for key in ("id", "agency", "direction", "kind", "urgency", "about", "legal_basis", "purpose", "text")],
                [asked, "agency.b", "asked of us", "context", "immediate", "198.51.100.7", "Art. 4", "case 7", "Who was that?"],
                "A reads what B asked")
    must(lambda: rows_of(a)[0]["overdue"] and rows_of(b)[0]["overdue"], 30, "its deadline passes, and both see that")
    check_equal([node.status()["requests_overdue"] for node in (a, b)], [1, 1], "also in status")
    check_equal(a("request", "take", asked).code, 0, "A takes it up")
    must(lambda: rows_of(b)[0]["state"] == "in-work", 30, "B sees that")
    objects, values = indicators("answer", 2)
    result = a("request", "answer", asked, place.path("answer.json", bundle(objects)), "--tlp", "TLP:AMBER", "--json")
    check_equal(result.code, 0, "A answers", result)
    must(lambda: rows_of(b)[0]["state"] == "answered", 30, "B has the answer", b.log_tail)
    row = rows_of(b)[0]
    check_equal((row["late"], row["overdue"]), (True, False), "late, and not overdue any more")
    check_equal(sorted(row["objects"]), sorted(each["id"] for each in objects), "it names its objects")
    check(all(got(b, each) for each in row["objects"]), "which B holds")
    check_equal((rows_of(c), c.feed()), ([], []), "C does not")
    own = c("request", "send", "--to", "agency.a", "--kind", "context", "--deadline", "3d", "--about", "198.51.100.7", "--json").value["id"]
    must(lambda: sorted(each["agency"] for each in rows_of(a)) == ["agency.b", "agency.c"], 30, "C asks, too", c.log_tail)
    check_equal(a("request", "refuse", own, "--reason", "ask B").code, 0, "and A refuses that")
    must(lambda: [(each["state"], each["reason"]) for each in rows_of(c)] == [("refused", "ask B")], 30, "which C reads")
    check_equal([each["state"] for each in rows_of(b)], ["answered"], "B hears nothing of C")
    learned_nothing([d, e], objects, values)
    check_equal([node.status()["requests_overdue"] for node in (a, b)], [0, 0], "status is calm again")
    check_equal(a("request", "refuse", asked, "--reason", "no").code, REFUSED, "what is answered is not refused")
    second = b("request", "send", "--to", "agency.a", "--kind", "sample", "--deadline", "3d", "--json").value["id"]
    must(lambda: second in [each["id"] for each in rows_of(a)], 30, "another one comes")
    check_equal(b("request", "refuse", second, "--reason", "no").code, REFUSED, "B cannot refuse its own")
    check_equal(a("request", "refuse", second, "--reason", "no such sample").code, 0, "A refuses")
    must(lambda: [(each["state"], each["reason"], each["late"]) for each in rows_of(b) if each["id"] == second]
         == [("refused", "no such sample", False)], 30, "B reads why")
    b.stop()
    place.start(b)
    check_equal(sorted(each["state"] for each in rows_of(b)), ["answered", "refused"], "B remembers both")


@story
def alert(place):
    """A warns B and not C; the alert is listed, ends by itself, and is taken back as any object."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c")
    text = "A \"zero-day\" in Ümläut VPN.\nPatch now."
    for words in (["--kind", "rumour", "--text", text], ["--kind", "warning"], ["--kind", "warning", "--text", ""]):
        check_equal(a("alert", "send", *words, "--tlp", "TLP:AMBER", "--to", "agency.b").code, USAGE, "refused: %s" % words[-1][:10])
    check_equal(a("alert", "send", "--kind", "warning", "--text", "x", "--to", "agency.b").code, REFUSED, "no label, no alert")
    result = a("alert", "send", "--kind", "imminent-threat", "--text", text, "--tlp", "TLP:AMBER", "--to", "agency.b", "--json")
    check_equal((result.code, result.value["accepted"]), (0, 1), "A sends one", result)
    result = a("alert", "send", place.path("words.txt", "gone soon"), "--kind", "missing", "--tlp", "TLP:AMBER", "--to", "agency.b",
               "--until", "3s", "--json")
    check_equal(result.code, 0, "and one from a file that ends", result)
    seen = lambda node: [(each["author"], each["object"]["alert_kind"], each["object"]["description"])
                         for each in node("alert", "list", "--json").values]
    must(lambda: ("agency.a", "imminent-threat", text) in seen(b), 30, "B sees its words", b.log_tail)
    must(lambda: [each[1] for each in seen(b)] == ["imminent-threat"], 30, "the other one ends")
    check_equal((seen(c), c.feed()), ([], []), "C hears of none")
    wanted = b("alert", "list", "--json").value["object"]["id"]
    check_equal(a("recall", wanted, "--reason", "patched").code, 0, "A takes it back")
    must(lambda: seen(b) == [], 30, "and B has it no more", b.log_tail)


def said(agency, seen=0, false_positive=0, expired=0, opinion=None):
    """What one agency said of an object, as `comity get` shows it."""
    return {"agency": agency, "seen": seen, "false-positive": false_positive, "expired": expired, "opinion": opinion}


def seen_of(node, object_id):
    """The totals of an object, and each agency's part in them, by its name."""
    shown = dict(got(node, object_id)[0]["sightings"])
    return shown, sorted(shown.pop("by"), key=lambda each: each["agency"])


def thirds(node, object_id):
    """What a recall's status says of those who had the object from one of its readers."""
    rows_ = node("recall", "status", object_id, "--json").value["receipts"]
    return [{key: row[key] for key in ("agency", "through", "state", "objects")} for row in rows_ if row["through"]]


def rows_of(node):
    return node("request", "list", "--json").value["requests"]


def agency_id(node):
    """The 64 digits of an agency's id, from its card."""
    return node("card", "show", node.card_path, "--json").value["agency_id"]


main()
