#!/usr/bin/python3
"""Groups and agreements between real nodes: a joint operation, who is removed from it, and what a treaty forbids."""
import os
import time

from bystanders import came_in, learned_nothing, stands
from lib import BUILD, NOT_FOUND, OK, REFUSED, USAGE, carried_unread, check, check_equal, indicators, main, must, must_hold, skip, story


def group(node, *words):
    """One group command that must work; its document."""
    result = node("group", *words, "--json")
    check_equal(result.code, OK, "%s: group %s" % (node.name, " ".join(words)), str(result))
    return result.value


def shown(node, name):
    result = node("group", "show", name, "--json")
    return result.value if result.code == OK else None


def members(node, name):
    """The agencies that this node counts as members, by its own names for them."""
    document = shown(node, name) or {"members": []}
    return sorted(row["agency"] for row in document["members"] if row["state"] == "member")


def publish_to(node, data, to, tlp="TLP:GREEN"):
    return node.publish(data, tlp, [to])


@story
def test_joint_operation(place):
    """Five agencies: a group is made and grows, each publishes to all, one is removed for political reasons, an outsider sees nothing."""
    a, b, c, d, e = place.mesh("cert.a", "cert.b", "cert.c", "cert.d", "cert.e")
    made = group(a, "create", "nightfall", "--tlp-max", "TLP:AMBER", "--purpose", "find them", "--ends", "2099-01-01T00:00:00Z")
    check_equal(made["version"], 1, "a group begins with version 1")
    for other in (b, c, d):
        group(a, "add", "nightfall", other.name)
    for node in (b, c, d):
        must(lambda: members(node, "nightfall") == ["cert.a", "cert.b", "cert.c", "cert.d"], 30,
             "%s knows the roster" % node.name, node.log_tail)
    check_equal(e("group", "show", "nightfall").code, NOT_FOUND, "an outsider knows no such group")
    result = publish_to(e, indicators("stray", 1)[0], "group:nightfall")
    check_equal(result.code, REFUSED, "nor can it publish to it", str(result))
    check_equal(b("group", "add", "nightfall", "cert.e").code, REFUSED, "a member that is no admin cannot change it")

    everyone, values = indicators("everyone", 3)
    result = publish_to(b, everyone, "group:nightfall")
    check_equal(result.code, OK, "a member publishes to the group", str(result))
    check_equal(sorted(each["name"] for each in result.value["audience"]), ["cert.a", "cert.c", "cert.d"], "the others are named")
    for node in (a, c, d):
        must_hold(node, 3, 30, "%s has it" % node.name, node.log_tail)
    without, _ = indicators("without", 2)
    check_equal(publish_to(b, without, "group:nightfall - cert.c").code, OK, "an expression leaves one out")
    for node in (a, d):
        must_hold(node, 5, 30, "%s has that too" % node.name, node.log_tail)
    result = publish_to(b, indicators("hot", 1)[0], "group:nightfall", "TLP:RED")
    check_equal(result.code, REFUSED, "above the ceiling nothing goes to the group", str(result))

    group(a, "remove", "nightfall", "cert.d")
    must(lambda: "cert.d" not in members(b, "nightfall"), 30, "B hears of D's removal", b.log_tail)
    must(lambda: "cert.d" not in members(d, "nightfall"), 30, "and so does D", d.log_tail)
    later, _ = indicators("later", 2)
    result = publish_to(b, later, "group:nightfall")
    check_equal(sorted(each["name"] for each in result.value["audience"]), ["cert.a", "cert.c"], "from then on D is left out")
    must_hold(c, 5, 30, "C has what came later", c.log_tail)
    result = publish_to(d, indicators("back", 1)[0], "group:nightfall")
    check_equal(result.code, REFUSED, "D's own node refuses to publish to it", str(result))
    check(b"group.removed" in result.err, "and says why", str(result))
    check_equal(len(d.feed()), 5, "D got nothing more")
    learned_nothing([e], everyone, values)

    apart, _ = indicators("apart", 1)
    check_equal(publish_to(b, apart, "cert.a").code, OK, "what belongs to no group goes its own way")
    must(lambda: apart[0]["id"] in a.feed_ids(), 30, "to A", a.log_tail)
    check_equal(b("group", "close", "nightfall").code, REFUSED, "only an admin closes the group")
    check_equal(group(a, "close", "nightfall")["state"], "over", "which A does")
    for node, left in ((a, [apart[0]["id"]]), (b, [apart[0]["id"]]), (c, []), (d, [])):
        must(lambda: node.feed_ids() == left, 60, "what went to it is gone at %s" % node.name, node.feed_ids, node.log_tail)
        check_equal(node("get", everyone[0]["id"]).code, NOT_FOUND, "for get, too")
    check_equal(publish_to(b, indicators("late", 1)[0], "group:nightfall").code, REFUSED, "nothing more goes to it")
    check_equal(a("group", "add", "nightfall", "cert.e").code, REFUSED, "and it changes no more")
    def complied():
        result = b("recall", "status", everyone[0]["id"], "--json")
        return result.code == OK and result.value["complete"] and len(result.value["receipts"]) == 4
    must(complied, 60, "B has receipts of all its readers, of the removed one, too", lambda: str(b("recall", "status", everyone[0]["id"], "--json")), b.log_tail)


@story
def test_misp_10899_removed_member_is_refused(place):
    """MISP issue 10899: D was removed by the group, and B goes on trusting D. B's own node refuses to give D what belongs to the group, by
    whatever name; and shows nobody what D still says in the group's name."""
    a, b, d = place.mesh("cert.a", "cert.b", "cert.d")
    group(a, "create", "nightfall")
    for other in (b, d):
        group(a, "add", "nightfall", other.name)
    for node in (b, d):
        must(lambda: members(node, "nightfall") == ["cert.a", "cert.b", "cert.d"], 30, "%s knows the roster" % node.name, node.log_tail)
    d.stop()
    group(a, "remove", "nightfall", "cert.d")
    must(lambda: "cert.d" not in members(b, "nightfall"), 30, "B hears of it", b.log_tail)
    check("cert.d" in [each["name"] for each in b("trust", "list", "--json").value], "B still trusts D")
    result = publish_to(b, indicators("secret", 2)[0], "group:nightfall + cert.d")
    check_equal(result.code, REFUSED, "B's node refuses what belongs to the group to D", str(result))
    check_equal([each["rule"] for each in result.value["refusals"]], ["group.removed"] * 2, "by the rule of removed members")
    check_equal(publish_to(b, indicators("other", 1)[0], "cert.d").code, OK, "what belongs to no group may go to D")
    # D was away and does not know yet: what it says to the group reaches B, whose node shows nobody.
    place.start(d, link=False)
    early, _ = indicators("early", 1)
    result = publish_to(d, early, "group:nightfall")
    must(lambda: "cert.d" not in members(d, "nightfall"), 60, "D hears of its removal", d.log_tail)
    other, _ = indicators("after", 1)
    check_equal(publish_to(d, other, "cert.b").code, OK, "D writes to B of its own")
    must(lambda: other[0]["id"] in b.feed_ids(), 60, "which B has", b.log_tail)
    if result.code == OK:
        check(early[0]["id"] not in b.feed_ids(), "and what D said in the group's name is shown to nobody")


@story
def test_recall_gives_nothing_to_who_was_removed(place):
    """D was away when objects went to its group, and was removed since. A recall seals what stays of their block again: not to D."""
    a, b, d = place.mesh("cert.a", "cert.b", "cert.d")
    group(a, "create", "nightfall")
    for other in (b, d):
        group(a, "add", "nightfall", other.name)
    for node in (b, d):
        must(lambda: members(node, "nightfall") == ["cert.a", "cert.b", "cert.d"], 30, "%s knows the roster" % node.name, node.log_tail)
    d.stop()
    some, _ = indicators("while-away", 3)
    check_equal(publish_to(a, some, "group:nightfall").code, OK, "A publishes to the group while D is away")
    must(lambda: len(b.feed_ids()) == 3, 30, "B has all", b.log_tail)
    group(a, "remove", "nightfall", "cert.d")
    check_equal(a("recall", some[0]["id"], "--reason", "a mistake").code, OK, "A takes one of them back")
    must(lambda: set(b.feed_ids()) == {each["id"] for each in some[1:]}, 30, "B keeps the others", b.log_tail)
    place.start(d, link=False)
    must(lambda: "cert.d" not in members(d, "nightfall"), 60, "D hears of its removal", d.log_tail)
    late, _ = indicators("late", 1)
    check_equal(publish_to(a, late, "cert.d").code, OK, "A writes to D of its own")
    must(lambda: late[0]["id"] in d.feed_ids(), 60, "which D has, so that it has read A's log to its end", d.log_tail)
    check_equal(d.feed_ids(), [late[0]["id"]], "and nothing of the group's")


@story
def test_restart_keeps_groups(place):
    """A roster outlives a restart, an order of names that is not the admins', and a name that two groups bear is asked back."""
    a, b = place.mesh("cert.a", "cert.b")
    group(a, "create", "daybreak")
    group(a, "add", "daybreak", "cert.b")
    must(lambda: members(b, "daybreak") == ["cert.a", "cert.b"], 30, "B knows the roster", b.log_tail)
    b.stop()
    place.start(b, link=False)
    check_equal(members(b, "daybreak"), ["cert.a", "cert.b"], "and knows it after a restart")
    group(b, "create", "dusk")
    group(b, "add", "dusk", "cert.a")
    must(lambda: shown(a, "dusk"), 30, "A hears of B's group", a.log_tail)
    check_equal(sorted(each["name"] for each in group(a, "list")["groups"]), ["daybreak", "dusk"], "list shows both")
    check_equal(a("group", "create", "dusk").code, REFUSED, "a name in use is refused")
    for words in (["create", "bad name"], ["create", "x", "--tlp-max", "TLP:PINK"], ["create", "x", "--ends", "tomorrow"], ["add", "dusk"],
                  ["list", "--hidden"], ["frobnicate"]):
        check_equal(a("group", *words).code, USAGE, "group %s is a usage error" % " ".join(words))


def moment(seconds):
    """So many seconds from now, as options take times."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


@story
def test_ends_by_itself(place):
    """A group that has not begun takes nothing; one whose time is over ends without a word, at nodes that are away as well."""
    a, b, c = place.mesh("cert.a", "cert.b", "cert.c")
    group(a, "create", "coming", "--starts", moment(3600))
    group(a, "add", "coming", "cert.b")
    check_equal(group(a, "show", "coming")["state"], "not-yet", "a group that begins later")
    result = publish_to(a, indicators("soon", 1)[0], "group:coming")
    check_equal(result.code, REFUSED, "takes nothing yet", str(result))
    check(b"group.not-yet" in result.err, "and says so", str(result))
    lasts = 12
    group(a, "create", "brief", "--ends", moment(lasts))
    started = time.monotonic()
    for other in (b, c):
        group(a, "add", "brief", other.name)
    for node in (b, c):
        must(lambda: len(members(node, "brief")) == 3, 30, "%s knows the roster" % node.name, node.log_tail)
    few, _ = indicators("few", 3)
    result = publish_to(b, few, "group:brief")
    if time.monotonic() - started > lasts - 2:
        skip("this machine is too slow for a group of %d s" % lasts)
    check_equal(result.code, OK, "B publishes to it", str(result))
    must(lambda: len(c.feed()) == 3 or time.monotonic() - started > lasts, 30, "C has it", c.log_tail)
    b.stop()
    for node in (a, c):
        must(lambda: group(node, "show", "brief")["state"] == "over" and node.feed() == [], 60, "it is over and gone at %s" % node.name,
             node.feed_ids, node.log_tail)
    place.start(b, link=False)
    must(lambda: b.feed() == [], 60, "and at B, whose author was away", b.log_tail)


@story
def test_end_without_the_author(place):
    """A member that never comes back cannot take back what it gave to an operation. At its end each member erases that by itself, so that with
    all of a node's own keys nothing of it is found: neither in pages nor in payloads. What arrives after the end goes as well."""
    a, b, c, d, e = place.mesh("cert.a", "cert.b", "cert.c", "cert.d", "cert.e")
    group(a, "create", "nightfall")
    for other in (b, c, d):
        group(a, "add", "nightfall", other.name)
    for node in (b, c, d):
        must(lambda: len(members(node, "nightfall")) == 4, 30, "%s knows the roster" % node.name, node.log_tail)
    d.stop()
    some, values = indicators("orphan", 70)
    apart, apart_values = indicators("apart", 2)
    check_equal(publish_to(b, some, "group:nightfall").code, OK, "B gives something to the operation")
    check_equal(publish_to(b, apart, "cert.a").code, OK, "and something to A that belongs to none")
    must_hold(a, 72, 30, "A has both", a.log_tail)
    must_hold(c, 70, 30, "C has the one", c.log_tail)
    must(lambda: carried_unread(e) >= 2, 30, "E, an outsider, carries both", e.log_tail)
    for node in (a, c):
        check(stands(node, values[40], some[40]["id"]), "with %s's keys it is found" % node.name)
    e.stop()
    b.kill()
    check_equal(group(a, "close", "nightfall")["state"], "over", "B is gone, and A closes the operation")
    for node in (a, c):
        must(lambda: not node.finds(values[40]), 30, "%s shows it no more" % node.name, node.log_tail)
        for at in (0, 40, 69):
            must(lambda: stands(node, values[at], some[at]["id"]) == [], 30, "nor is it in %s's files, for whoever has its keys" % node.name,
                 lambda: stands(node, values[at], some[at]["id"]), node.log_tail)
    check(a.finds(apart_values[0]), "what belonged to no operation stays")
    place.start(d, link=False)
    must(lambda: shown(d, "nightfall")["state"] == "over", 30, "D comes back, and hears that it is over", d.log_tail)
    must(lambda: "group nightfall is over" in d.log(), 30, "and has looked through what it holds", d.log_tail)
    place.start(e, link=False)
    must(lambda: came_in(d) and sum(row["details"]["count"] for row in came_in(d)) >= 70, 45, "then what B wrote comes to it by way of E", d.log_tail)
    must(lambda: stands(d, values[40], some[40]["id"]) == [], 30, "and goes at once", lambda: stands(d, values[40], some[40]["id"]), d.log_tail)
    check_equal(d.feed(), [], "shown to nobody")
    for node in (a, c, d):
        must(lambda: node("status", "--json").value["missing"] == 0 if "missing" in node.status() else True, 20, "%s misses nothing" % node.name)
    a.stop()
    place.start(a, link=False)
    check_equal((sorted(a.feed_ids()), stands(a, values[40], some[40]["id"])), (sorted(each["id"] for each in apart), []), "nor does it come back to A")


@story
def test_one_object_after_the_end(place):
    """A single object comes to a member after the end, at a node that hears late that there is no further page: what was on its way to the disk
    then is not passed over, though nothing else comes that would have the node look again."""
    a, b, d, e = place.mesh("cert.a", "cert.b", "cert.d", "cert.e")
    group(a, "create", "nightfall")
    for other in (b, d):
        group(a, "add", "nightfall", other.name)
    for node in (b, d):
        must(lambda: len(members(node, "nightfall")) == 3, 30, "%s knows the roster" % node.name, node.log_tail)
    d.stop()
    lone, values = indicators("lone", 1)
    check_equal(publish_to(b, lone, "group:nightfall").code, OK, "B gives one object to the operation")
    must(lambda: carried_unread(e) >= 1, 30, "E, an outsider, carries it", e.log_tail)
    e.stop()
    b.kill()
    check_equal(group(a, "close", "nightfall")["state"], "over", "B is gone, and A closes the operation")
    must(lambda: stands(a, values[0], lone[0]["id"]) == [], 30, "it is gone from A's files", a.log_tail)
    d.program = os.path.join(BUILD, "tests", "e2e", "comity_late_answer")
    place.start(d, link=False)
    must(lambda: "group nightfall is over" in d.log(), 30, "D comes back, and has looked through what it holds", d.log_tail)
    before = len(came_in(d))
    place.start(e, link=False)
    must(lambda: len(came_in(d)) > before, 45, "then what B wrote comes to it by way of E", d.log_tail)
    must(lambda: stands(d, values[0], lone[0]["id"]) == [], 30, "and goes at once", lambda: stands(d, values[0], lone[0]["id"]), d.log_tail)


@story
def test_two_admins_agree(place):
    """With a threshold of two a change waits for the second admin, who gives the same command."""
    a, b, c = place.mesh("cert.a", "cert.b", "cert.c")
    group(a, "create", "twain", "--admins", "cert.b", "--threshold", "2")
    must(lambda: shown(b, "twain"), 30, "B is an admin", b.log_tail)
    document = group(a, "add", "twain", "cert.c")
    check_equal((document["version"], document["change_waiting"]), (1, "signed by 1 of 2 admins"), "A alone changes nothing")
    must(lambda: shown(b, "twain")["change_waiting"], 30, "B sees the change that waits", b.log_tail)
    check_equal(c("group", "show", "twain").code, NOT_FOUND, "C has heard nothing yet")
    document = group(b, "add", "twain", "cert.c")
    check_equal(document["version"], 2, "with B's signature it is in force")
    for node in (a, c):
        must(lambda: members(node, "twain") == ["cert.a", "cert.b", "cert.c"], 30, "%s knows it" % node.name, node.log_tail)


@story
def test_two_admins_hidden(place):
    """Members of a hidden group with a threshold of two believe what both admins told: that they belong to it, and that it is closed."""
    a, b, c = place.mesh("cert.a", "cert.b", "cert.c")
    group(a, "create", "murk", "--hidden", "--admins", "cert.b", "--threshold", "2")
    must(lambda: shown(b, "murk"), 30, "B is an admin", b.log_tail)
    check_equal(shown(b, "murk")["introduced_by"], "cert.a", "and sees who introduced it")
    group(a, "add", "murk", "cert.c")
    must(lambda: shown(b, "murk")["change_waiting"], 30, "B sees the change that waits", b.log_tail)
    group(b, "add", "murk", "cert.c")
    must(lambda: (shown(c, "murk") or {}).get("membership") == "member", 30, "both have told C", c.log_tail)
    check_equal((shown(c, "murk")["threshold"], shown(c, "murk")["admins"]), (2, ["cert.a", "cert.b"]), "C knows how many must agree")
    check(shown(c, "murk")["introduced_by"] in ("cert.a", "cert.b"), "and who introduced it", shown(c, "murk"))
    some, _ = indicators("murky", 2)
    check_equal(publish_to(c, some, "group:murk").code, OK, "C contributes")
    wanted = {each["id"] for each in some}
    for node in (a, b):
        must(lambda: set(node.feed_ids()) == wanted, 60, "%s has it" % node.name, node.log_tail)
    # C hears nothing of A while both admins close it: what B alone tells C changes nothing, also across a restart.
    group(a, "close", "murk")
    must(lambda: shown(b, "murk")["change_waiting"], 30, "B sees that A would close it", b.log_tail)
    a.stop()
    group(b, "close", "murk")
    told = publish_to(b, indicators("behind-it", 1)[0], "cert.c")
    check_equal(told.code, OK, "B publishes behind that", str(told))
    must(lambda: len(c.feed_ids()) == 3, 60, "C has heard all that B said", c.log_tail)
    check_equal(shown(c, "murk")["state"], "running", "and does not believe B alone that it is closed")
    c.stop()
    place.start(c, link=False)
    check_equal(shown(c, "murk")["state"], "running", "nor after a restart")
    place.start(a, link=False)
    must(lambda: shown(c, "murk")["state"] == "over" and not wanted & set(c.feed_ids()), 60, "once A has told it too, it is over",
         c.log_tail, a.log_tail)


@story
def test_history_for_newcomers(place):
    """A group with history: who joins late gets what each author gave it before, from that author; a group without gives nothing."""
    a, b, c = place.mesh("cert.a", "cert.b", "cert.c")
    for name, history in (("open", "all"), ("fresh", "none")):
        group(a, "create", name, "--history", history)
        group(a, "add", name, "cert.b")
        must(lambda: members(b, name) == ["cert.a", "cert.b"], 30, "B knows the roster", b.log_tail)
    mine, _ = indicators("mine", 30)
    yours, _ = indicators("yours", 30)
    fresh, _ = indicators("fresh", 3)
    check_equal(publish_to(a, mine, "group:open").code, OK, "A publishes")
    check_equal(publish_to(b, yours, "group:open").code, OK, "B publishes")
    check_equal(publish_to(b, fresh, "group:fresh").code, OK, "and to the other group")
    alone, _ = indicators("alone", 2)
    check_equal(publish_to(b, alone, "cert.a").code, OK, "and to A alone")
    b.stop()
    group(a, "add", "open", "cert.c")
    group(a, "add", "fresh", "cert.c")
    must(lambda: set(c.feed_ids()) == {each["id"] for each in mine}, 60, "C has what A wrote before", c.log_tail)
    place.start(b, link=False)
    wanted = {each["id"] for each in mine + yours}
    must(lambda: set(c.feed_ids()) == wanted, 60, "and what B wrote, once B has heard of C", c.log_tail, b.log_tail)
    check_equal(len(c.feed()), 60, "each once")
    group(a, "close", "open")
    must(lambda: c.feed_ids() == [], 60, "closing takes the history back, too", c.log_tail)


@story
def test_history_keeps_exclusions(place):
    """Whom an author left out of what it gave to a group never gets it: not when it is removed and added again, not when it joins later, nor
    when the publication waited in the outbox. Other newcomers get it."""
    a, b, c, d = place.mesh("cert.a", "cert.b", "cert.c", "cert.d")
    group(a, "create", "open", "--history", "all")
    for other in (b, c):
        group(a, "add", "open", other.name)
    for node in (b, c):
        must(lambda: members(node, "open") == ["cert.a", "cert.b", "cert.c"], 30, "%s knows the roster" % node.name, node.log_tail)
    for_all, _ = indicators("for-all", 3)
    not_c, values = indicators("not-c", 3)
    b_only, _ = indicators("b-only", 2)
    check_equal(publish_to(a, for_all, "group:open").code, OK, "A publishes to all")
    check_equal(publish_to(a, not_c, "group:open - cert.c").code, OK, "to all but C")
    check_equal(publish_to(a, b_only, "group:open & (cert.b, cert.c) - cert.c").code, OK, "and to B alone")
    must_hold(b, 8, 30, "B has it all", b.log_tail)
    for node in (b, c, d):
        node.stop()
    a.stop()
    a.start()
    check_equal(publish_to(a, indicators("boxed", 2)[0], "group:open - cert.c").code, OK, "more to all but C")
    check_equal(a.status()["outbox"], 2, "which waits")
    place.start(b, c, d, link=False)
    must(lambda: a.status()["outbox"] == 0, 60, "and goes out", a.log_tail)
    must_hold(b, 10, 30, "to B", b.log_tail)
    from_b, _ = indicators("from-b", 2)
    not_from_b, _ = indicators("not-from-b", 2)
    check_equal(publish_to(b, from_b, "group:open").code, OK, "B publishes to all, too")
    check_equal(publish_to(b, not_from_b, "group:open - cert.c").code, OK, "and to all but C")
    must(lambda: len(a.feed()) == 14, 30, "A has that", a.log_tail)
    b.stop()
    group(a, "remove", "open", "cert.c")
    must(lambda: members(c, "open") == ["cert.a", "cert.b"], 30, "C is removed", c.log_tail)
    group(a, "add", "open", "cert.c")
    group(a, "add", "open", "cert.d")
    place.start(b, link=False)
    for_all += from_b
    ids = {each["id"] for each in for_all + not_c + not_from_b + indicators("boxed", 2)[0]}
    must(lambda: set(d.feed_ids()) == ids, 60, "D, who is new, gets what went to all, and to all but C, also of B, who hears of both at once",
         d.log_tail, a.log_tail, b.log_tail)
    marker, _ = indicators("marker", 1)
    check_equal(publish_to(a, marker, "group:open").code, OK, "A publishes again")
    must(lambda: marker[0]["id"] in c.feed_ids(), 30, "C has that", c.log_tail)
    check_equal(set(c.feed_ids()), {each["id"] for each in for_all + marker}, "C, who was added again, gets nothing that A kept from it")
    check_equal(c.contains(values[0].encode()), None, "nor do its files hold it")
    group(a, "remove", "open", "cert.d")
    must(lambda: members(d, "open") == ["cert.a", "cert.b", "cert.c"], 30, "D is removed", d.log_tail)
    check_equal(a("recall", not_c[0]["id"], "--reason", "a part of it").code, OK, "A takes back a part of what C may not have")
    group(a, "add", "open", "cert.d")
    must(lambda: set(d.feed_ids()) == {each["id"] for each in for_all + not_c[1:] + not_from_b + indicators("boxed", 2)[0] + marker}, 60,
         "D, who was added again, has what stays", d.feed_ids, a.log_tail)
    group(a, "remove", "open", "cert.c")
    must(lambda: "cert.c" not in members(c, "open"), 30, "C is removed once more", c.log_tail)
    group(a, "add", "open", "cert.c")
    second, _ = indicators("second", 1)
    check_equal(publish_to(a, second, "group:open").code, OK, "A publishes once more")
    must(lambda: second[0]["id"] in c.feed_ids(), 30, "C has that", c.log_tail)
    check_equal(set(c.feed_ids()), {each["id"] for each in for_all + marker + second}, "and still nothing that A kept from it")


@story
def test_hidden_group(place):
    """Only the admins know who belongs to it: what a member contributes goes to the others through them, with the author's proof, and once,
    however many admins pass it on. An outsider, and a member, cannot tell who is in it."""
    a, b, c, d, e = place.mesh("cert.a", "cert.b", "cert.c", "cert.d", "cert.e")
    group(a, "create", "shade", "--hidden", "--tlp-max", "TLP:AMBER", "--admins", "cert.b", "--history", "all")
    must(lambda: shown(b, "shade"), 30, "B is an admin too", b.log_tail)
    for other in (c, d):
        group(a, "add", "shade", other.name)
    must(lambda: members(b, "shade") == ["cert.a", "cert.b", "cert.c", "cert.d"], 30, "an admin knows the roster", b.log_tail)
    for node in (c, d):
        must(lambda: (shown(node, "shade") or {}).get("membership") == "member", 30, "%s knows that it is a member" % node.name,
             node.log_tail)
        check("members" not in shown(node, "shade"), "and not of whom else")
        check_equal(shown(node, "shade")["admins"], ["cert.a", "cert.b"], "but who the admins are")
    check_equal(e("group", "list", "--json").value["groups"], [], "an outsider knows nothing")

    for words in ("group:shade - cert.d", "group:shade & cert.a"):
        result = publish_to(c, indicators("but-not", 1)[0], words, "TLP:AMBER")
        check(result.code not in (OK, USAGE) and b"hidden" in result.err, "a member can leave nobody out of what admins pass on", str(result))

    some, values = indicators("contributed", 4)
    before = d.status()["items"]
    result = publish_to(c, some, "group:shade", "TLP:AMBER")
    check_equal(result.code, OK, "a member contributes", str(result))
    check_equal(sorted(each["name"] for each in result.value["audience"]), ["cert.a", "cert.b"], "to the admins")
    wanted = {each["id"] for each in some}
    for node in (a, b, d):
        must(lambda: set(node.feed_ids()) == wanted, 60, "%s has it" % node.name, node.log_tail, a.log_tail)
    rows = d.feed()
    check_equal([row["author"]["name"] if isinstance(row["author"], dict) else row["author"] for row in rows], ["cert.c"] * 4,
                "D sees C as its author", rows[:1])
    must(lambda: d.status()["items"] == before + 8, 30, "it came through both admins", d.status, d.log_tail)
    check_equal(len(d.feed()), 4, "and is shown once")
    check_equal(len(d("get", some[0]["id"], "--json").values), 1, "by get, too")
    from_admin, _ = indicators("from-admin", 2)
    check_equal(publish_to(a, from_admin, "group:shade", "TLP:AMBER").code, OK, "an admin publishes to all")
    wanted |= {each["id"] for each in from_admin}
    for node in (b, c, d):
        must(lambda: {each["id"] for each in from_admin} <= set(node.feed_ids()), 60, "%s has it" % node.name, node.log_tail)

    group(a, "remove", "shade", "cert.d")
    must(lambda: shown(d, "shade")["membership"] == "removed", 30, "D hears that it is removed", d.log_tail)
    must(lambda: "cert.d" not in members(b, "shade"), 30, "and B", b.log_tail)
    after, _ = indicators("after", 2)
    check_equal(publish_to(c, after, "group:shade", "TLP:AMBER").code, OK, "C contributes again, knowing nothing of that")
    for node in (a, b):
        must(lambda: {each["id"] for each in after} <= set(node.feed_ids()), 60, "%s has it" % node.name, node.log_tail)
    check_equal(publish_to(d, indicators("no-more", 1)[0], "group:shade").code, REFUSED, "D may not contribute")
    check(not set(each["id"] for each in after) & set(d.feed_ids()), "and gets nothing more")
    learned_nothing([e], some, values)
    group(b, "add", "shade", "cert.e")
    wanted |= {each["id"] for each in after}
    must(lambda: set(e.feed_ids()) == wanted, 60, "once it is a member it gets the history, through the admins", e.log_tail, a.log_tail)
    check_equal(len(e.feed()), len(wanted), "each object once")
    group(b, "close", "shade")
    for node in (a, b, c, e):
        must(lambda: node.feed_ids() == [], 60, "what went to it is gone at %s" % node.name, node.feed_ids, node.log_tail)


def agreement(node, *words):
    result = node("agreement", *words, "--json")
    check_equal(result.code, OK, "%s: agreement %s" % (node.name, words[0]), str(result))
    return result.value


def state_of(node, identity):
    result = node("agreement", "show", identity, "--json")
    return result.value["state"] if result.code == OK else None


MALWARE = {"type": "malware", "spec_version": "2.1", "id": "malware--31b940d4-6f7f-459a-80ea-9c1f17b5891b", "is_family": True,
           "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z", "name": "forbidden"}


@story
def test_treaty_forbids_a_class(place):
    """A treaty between A and B lets indicators up to TLP:AMBER pass from A to B, and nothing else; C is no party, and D and A have another
    one that lets malware pass. In force with the second signature, over when one party ends it. E carries all that and hears of none."""
    a, b, c, d, e = place.mesh("cert.a", "cert.b", "cert.c", "cert.d", "cert.e")
    path = place.path("treaty.yaml", "agreement: A treaty\nparties: [self, cert.b]\nclauses:\n"
                      "  - {from: self, to: cert.b, label_max: TLP:AMBER, kinds: [indicator]}\n")
    bad = place.path("bad.yaml", "agreement: A treaty\nparties: [self, cert.x]\nclauses: []\n")
    result = a("agreement", "propose", bad)
    check_equal(result.code, REFUSED, "a file with an unknown party is refused", str(result))
    check(b"bad.yaml:2:17:" in result.err, "with its place", str(result))
    proposed = agreement(a, "propose", path)
    check_equal(proposed["state"], "proposed", "one signature is a proposal")
    short = proposed["id"][:8]
    must(lambda: state_of(b, short) == "proposed", 30, "B has the proposal", b.log_tail)
    check_equal(a.publish([MALWARE], "TLP:GREEN", [b]).code, OK, "which forbids nothing yet")
    check_equal(agreement(b, "sign", short)["state"], "in-force", "signed by both it is in force at B")
    must(lambda: state_of(a, short) == "in-force", 30, "and at A", a.log_tail)
    for node in (c, d, e):
        check_equal(node("agreement", "show", short).code, NOT_FOUND, "%s knows nothing of it" % node.name)
    check_equal(b("agreement", "sign", short).code, REFUSED, "nobody signs twice")

    other = dict(MALWARE, id="malware--31b940d4-6f7f-459a-80ea-9c1f17b5891c")
    result = a.publish([other], "TLP:GREEN", [b])
    check_equal(result.code, REFUSED, "malware may not pass", str(result))
    refusal = result.value["refusals"][0]
    check("agreement %s clause 1" % short in refusal["reason"], "the clause is named", refusal)
    check_equal(refusal["rule"], "agreement.kind", "and the rule")
    few, _ = indicators("covered", 3)
    check_equal(a.publish(few[:1], "TLP:AMBER", [b]).code, OK, "indicators may")
    rows = a("ledger", "show", "--kind", "out", "--json").values
    out = [row["details"] for row in rows if "statement" not in row["details"]["rules"]]
    check_equal([(each["rules"], each["agreements"]) for each in out],
                [(["tlp.green"], []), (["tlp.amber"], ["%s clause 1" % short])], "the ledger names the clause, and none before the treaty")
    check(b"agreements=%s clause 1 " % short.encode() in a("ledger", "show").out, "also in words")
    result = a.publish(few[1:2], "TLP:RED", [b])
    check_equal((result.code, [each["rule"] for each in result.value["refusals"]]), (REFUSED, ["agreement.label"]), "up to its label")
    check_equal(b.publish(few[2:], "TLP:GREEN", [a]).code, REFUSED, "and in its direction only")
    check_equal(a.publish([other], "TLP:GREEN", [c]).code, OK, "C is no party, and not bound")
    path = place.path("second.yaml", "agreement: Another treaty\nparties: [self, cert.d]\nclauses:\n"
                      "  - {from: self, to: cert.d, label_max: TLP:GREEN, kinds: [malware]}\n")
    second = agreement(a, "propose", path)["id"][:8]
    must(lambda: state_of(d, second) == "proposed", 30, "D has the proposal", d.log_tail)
    agreement(d, "sign", second)
    must(lambda: state_of(a, second) == "in-force", 30, "A and D have another treaty", a.log_tail)
    both = dict(MALWARE, id="malware--31b940d4-6f7f-459a-80ea-9c1f17b5891d")
    result = a.publish([both], "TLP:GREEN", [b, d])
    check_equal((result.code, ["agreement %s clause 1" % short in each["reason"] for each in result.value["refusals"]]), (REFUSED, [True]),
                "what one of two readers may not have goes to neither, and the clause is named", str(result))
    check_equal((d.feed(), d("get", both["id"]).code), ([], NOT_FOUND), "D has nothing of it")
    check_equal(a.publish([both], "TLP:GREEN", [d]).code, OK, "to D alone malware may pass, as their treaty says")
    must_hold(d, 1, 30, "D has it", d.log_tail)
    out = [row["details"] for row in a("ledger", "show", "--kind", "out", "--json").values]
    check_equal([each["agreements"] for each in out if "statement" not in each["rules"]][-1], ["%s clause 1" % second], "and the ledger names that one")
    b.stop()
    place.start(b, link=False)
    check_equal(state_of(b, short), "in-force", "it outlives a restart")
    check_equal(agreement(b, "terminate", short)["state"], "ended", "one party ends it")
    must(lambda: state_of(a, short) == "ended", 60, "A hears of it", a.log_tail)
    check_equal(a.publish([other], "TLP:GREEN", [b]).code, OK, "and what it forbade may pass again")
    check_equal(state_of(a, second), "in-force", "the other treaty holds on")
    learned_nothing([e], few, [indicators("covered", 3)[1][0]])


@story
def test_bounds_of_lists(place):
    """One agency fills nobody's lists: another takes a part of its groups and agreements only, and itself it is told when there is no room."""
    a, b = place.mesh("cert.a", "cert.b")
    for i in range(66):
        group(a, "create", "g%03d" % i)
        group(a, "add", "g%03d" % i, "cert.b")
    path = place.path("treaty.yaml", "agreement: A treaty\nparties: [self, cert.b]\nclauses: []\n")
    for i in range(66):
        agreement(a, "propose", path)
    def held(node):
        return len(group(node, "list")["groups"]), len(agreement(node, "list")["agreements"])
    must(lambda: held(b)[1] >= 64, 60, "B hears of them", b.log_tail)
    check_equal(held(b), (64, 64), "and keeps 64 of each")
    group(b, "create", "own")
    agreement(b, "propose", place.path("other.yaml", "agreement: Another\nparties: [self, cert.a]\nclauses: []\n"))
    check_equal(held(b), (65, 65), "its own it may still make")
    for i in range(66, 256):
        a("group", "create", "g%03d" % i)
    check_equal(held(a)[0], 256, "256 groups are what a node knows")
    result = a("group", "create", "one-more")
    check(result.code not in (OK, USAGE) and b"limit" in result.err, "the next one is refused by its limit", str(result))


@story
def test_who_cannot_be_reached(place):
    """A member that is not pinned here may be on the roster by its id; it is named wherever it gets nothing."""
    a, b = place.mesh("cert.a", "cert.b")
    unknown = "5a" * 32
    group(a, "create", "mixed")
    group(a, "add", "mixed", "cert.b")
    document = group(a, "add", "mixed", unknown)
    rows = {row["agency"]: row["unreachable"] for row in document["members"]}
    check_equal(rows, {"cert.a": "", "cert.b": "", unknown: "not pinned here"}, "the roster tells who cannot be reached")
    must(lambda: len(members(b, "mixed")) == 3, 30, "B knows the roster", b.log_tail)
    few, _ = indicators("few", 1)
    result = publish_to(b, few, "group:mixed")
    check_equal(result.code, OK, "B publishes to those it can reach", str(result))
    check_equal([(row["name"].split(".")[0][:4], row["nodes"]) for row in result.value["audience"]], [("cert", 1), ("5a5a", 0)],
                "and is told who gets nothing")
    must_hold(a, 1, 30, "A has it", a.log_tail)


if __name__ == "__main__":
    main()
