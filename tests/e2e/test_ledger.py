#!/usr/bin/python3
"""The disclosure ledger tells what left, what came in, who looked and who acted; a change to it is found and located; an auditor checks
an export with a tool that knows nothing of the node."""
import json
import os
import random
import signal
import subprocess
import time

from bystanders import learned_nothing, stands
from lib import BUILD, INTERNAL, NOT_FOUND, NOT_RUNNING, OK, REFUSED, ROOT, USAGE, check, check_equal, indicator, indicators, main, must, must_hold, note, story, wait_until

FLIP = os.path.join(BUILD, "tests", "e2e", "ledger_flip")
AUDITOR = os.path.join(ROOT, "deploy", "audit", "verify_ledger.py")


def rows(node, *words):
    result = node("ledger", "show", "--json", *words)
    check(result.code in (OK, NOT_FOUND), "%s shows its ledger" % node.name, result)
    return [json.loads(line) for line in result.out.splitlines()]


def verdict(node):
    result = node("ledger", "verify", "--json")
    check(result.code in (OK, NOT_FOUND), "%s checks its ledger" % node.name, result)
    check_equal(result.code == OK, result.value["whole"], "its exit code says what its answer says")
    return result.value


def whole(node, text):
    value = verdict(node)
    check(value["whole"], text, value)
    return value


def flip(node, *words):
    subprocess.run([FLIP, node.dir] + [str(word) for word in words], check=True)


def audit(path, *more):
    done = subprocess.run(["/usr/bin/python3", "-B", AUDITOR, path, *more], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def accounts(place, nodes):
    """The details of the rows that tell of blocks, by node and kind, as the auditor reads them in the exported files."""
    told = {}
    for node in nodes:
        with open(place.path(node.name + ".audit")) as file:
            lines = [json.loads(line) for line in file]
        told[node] = {kind: [line["details"] for line in lines if line.get("kind") == kind] for kind in ("in", "out")}
    return told


def agency_id(node):
    return next(row["details"]["agency"] for row in rows(node, "--kind", "begin"))


def can_audit():
    return subprocess.run(["/usr/bin/python3", "-c", "import cryptography"], stderr=subprocess.DEVNULL, check=False).returncode == 0


@story
def disclosures(place):
    """A publishes to B and C; each ledger tells of it, once for each block, and the three tell the same."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c")
    ids = {node.name: agency_id(node) for node in (a, b, c)}
    both, _ = indicators("both", 20)
    red, _ = indicators("red", 3)
    a.publish_good(both, "TLP:AMBER", [b, c])
    a.publish_good(red, "TLP:RED", [b])
    must_hold(b, 23, 45, "B has both", a.log_tail)
    must_hold(c, 20, 45, "C has one", a.log_tail)
    out = [row["details"] for row in rows(a, "--kind", "out")]
    check_equal([(each["count"], each["labels"], each["rules"]) for each in out], [(20, ["TLP:AMBER"], ["tlp.amber"]), (3, ["TLP:RED"], ["tlp.red"])],
                "A's rows tell how many objects left, their labels, and the rule that let them")
    check_equal([set(each["to"]) for each in out], [{ids["agency.b"], ids["agency.c"]}, {ids["agency.b"]}], "and to whom")
    for node, wanted in ((b, out), (c, out[:1])):
        came = [row["details"] for row in rows(node, "--kind", "in")]
        check_equal(sorted((each["seq"], each["root"], each["count"], each["from"]) for each in came),
                    sorted((each["seq"], each["root"], each["count"], ids["agency.a"]) for each in wanted), "%s's rows tell of the same blocks" % node.name)
    check_equal(rows(c, "--kind", "out"), [], "C sent nothing")
    for node in (a, b, c):
        value = whole(node, "%s's ledger is whole" % node.name)
        check_equal(value["blocks"], 2 if node is a else 0, "and every own block has its row")
    check_equal(a("publish", "-", "--tlp", "TLP:AMBER", "--to", "agency.b", input=b"[]").code in (OK, NOT_FOUND, REFUSED), True, "nothing is published")
    check_equal(len(rows(a, "--kind", "out")), 2, "and no row tells of it")


@story
def looks_and_acts(place):
    """Questions and administrative acts are told with the user who asked; the values asked for stand nowhere."""
    a, b = place.mesh("agency.a", "agency.b")
    objects, values = indicators("look", 40)
    a.publish_good(objects, "TLP:GREEN", [b])
    must_hold(b, 40, 45, "B has them", a.log_tail)
    known = rows(b)[-1]["number"]
    check(b.finds(values[0]), "a value is found")
    check_equal(b("search", "nowhere.example").code, NOT_FOUND, "another is not")
    check_equal(b("get", objects[1]["id"]).code, OK, "an object is got")
    asked = b("search", "--stdin", input="\n".join(values).encode())
    check_equal(asked.text.count("\t1"), 40, "forty are looked up in bulk")
    looks = [row["details"] for row in rows(b, "--kind", "look") if row["number"] > known and row["details"]["command"] not in ("ledger",)]
    check_equal([(each["command"], each["questions"], each["shown"]) for each in looks[:3]], [("search", 1, 1), ("search", 1, 0), ("get", 1, 1)], "each is told")
    check_equal((sum(each["questions"] for each in looks[3:]), sum(each["shown"] for each in looks[3:])), (40, 40), "forty questions make")
    check(len(looks[3:]) < 40, "fewer rows than questions", looks[3:])
    check_equal({each["uid"] for each in looks}, {os.geteuid()}, "with the user")
    check(all(each["pid"] > 1 for each in looks), "and the process")
    check(not any(value in json.dumps(row) for row in rows(b) for value in values), "no row holds a value")
    b("trust", "remove", "agency.a")
    b.trust(a)
    acts = [row["details"] for row in rows(b, "--kind", "act")]
    check_equal([(each["act"], each["about"]) for each in acts if each["act"] != "start"], [("trust", "agency.a")] * 2, "pinning is told")
    check_equal([each["pinned"] for each in acts if each["act"] == "start"], [[agency_id(a)]], "and who was pinned at the start")
    check_equal(b("group", "create", "nightfall").code, OK, "a group is made")
    check_equal(b("group", "add", "nightfall", "agency.a").code, OK, "and grows")
    b("group", "list")
    check_equal(b("permission", "grant", objects[0]["id"]).code != OK, True, "a permission is refused that is not ours to give")
    acts = [(row["details"]["act"], row["details"]["about"]) for row in rows(b, "--kind", "act")]
    check_equal(acts[-3:], [("group create", "nightfall"), ("group add", "nightfall agency.a"), ("permission grant", objects[0]["id"])],
                "each is told, and listing is not")
    check_equal(len(rows(b, "--since", "2999-01-01")), 0, "rows are filtered by time")
    check_equal(b("ledger", "show", "--kind", "everything").code, USAGE, "an unknown kind is refused")
    check_equal(b("ledger", "show", "--since", "yesterday").code, USAGE, "so is a time that is none")
    check_equal(b("ledger", "count").code, USAGE, "and an unknown verb")
    b.stop()
    check_equal(b("ledger", "export", place.path("none")).code, NOT_RUNNING, "a stopped node exports nothing")
    check(len(rows(b)) > 5, "and shows what it has")
    whole(b, "whole, when it does not run")


@story
def taken(place):
    """Who takes what is new behind a subscription has a session, as who asks for page after page: two rows, however much is shown."""
    a, b = place.mesh("agency.a", "agency.b")
    name = "a-consumer-with-a-rather-long-name"
    check_equal(b("subscription", "add", name, "--filter", "", "--from", "start").code, OK, "a subscription at B")
    known = rows(b)[-1]["number"]
    for turn in range(3):
        check_equal(b("feed", "--subscription", name, "--json").code, OK, "nothing is new")
    check_equal([row for row in rows(b, "--kind", "look") if row["number"] > known and row["details"]["command"] != "ledger"], [], "who is shown nothing looks at nothing")
    objects, _ = indicators("taken", 1500)
    a.publish_good(objects, "TLP:GREEN", [b])
    must_hold(b, 1500, 45, "B has them", a.log_tail)
    known = rows(b)[-1]["number"]

    def told():
        return [row["details"] for row in rows(b, "--kind", "look") if row["number"] > known and name in row["details"]["command"]]

    def lines():
        with open(path, "rb") as file:
            return file.read().count(b"\n")

    path = place.path("taken.jsonl")
    with open(path, "wb") as file:
        following = subprocess.Popen([os.path.join(BUILD, "comity"), "feed", "--subscription", name, "--follow", "--json", "--dir", b.dir], stdout=file)
    must(lambda: lines() == 1500, 45, "a consumer follows", b.log_tail)
    check_equal([each["command"] for each in told()], ["local " + name], "one row tells that it began, with its whole name")
    for turn in range(5):
        a.publish_good(indicators("taken%d" % turn, 1)[0], "TLP:GREEN", [b])
        must(lambda: lines() == 1501 + turn, 45, "one more arrives", b.log_tail)
    following.terminate()
    following.wait()
    must(lambda: told()[-1]["command"].endswith(" ended"), 45, "another one that it is over", told)
    ended = [each for each in told() if each["command"].endswith(" ended")]
    check_equal(sum(each["shown"] for each in ended), 1505, "and how much it was shown")
    check(sum(each["questions"] for each in ended) >= 7, "in how many takes", ended)
    check(len(told()) <= 4, "few rows for so many objects", told())
    whole(b, "B's ledger is whole")


@story
def tampering(place):
    """One byte of the store is changed, in every way that somebody with the disk has: it is found, and where."""
    a = place.alone("agency.a")
    for turn in range(120):
        a.finds("some%d.example" % turn)
    a.publish_good(indicators("tamper", 5)[0], "TLP:GREEN", [place.nodes[1]])
    check_equal(a("ledger", "export", place.path("audit")).code, OK, "the ledger is exported, and so signed")
    whole(a, "whole before")
    a.stop()
    for number in (1, 40, 90):
        for offset in (1, 20, 30, 70):
            flip(a, "row", number, offset)
            value = verdict(a)
            check_equal({(each["row"], each["check"]) for each in value["faults"]}, {(number, "row")}, "row %d, byte %d: found and located" % (number, offset))
            flip(a, "row", number, offset)
    whole(a, "whole again")
    flip(a, "flush")
    line = json.loads(open(place.path("audit")).readlines()[20])
    path = a.contains(bytes.fromhex(line["row"]))
    check(path is not None and path.endswith(".sst"), "row 20 stands in a file of the store", path)
    at = open(path, "rb").read().index(bytes.fromhex(line["row"])) + 60
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 4]))
    value = verdict(a)
    check(20 in {each["row"] for each in value["faults"] if each["check"] == "row"}, "a byte in a file: row 20 cannot be read", value)
    check(all(abs(each["row"] - 20) < 60 for each in value["faults"] if each["row"]), "and only rows of that part", value)
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(byte)
    whole(a, "whole again, with that byte put back")
    flip(a, "details", 50)
    check_equal([(each["row"], each["check"]) for each in verdict(a)["faults"]], [(50, "details")], "details that went without a record")
    flip(a, "drop", 60)
    check((60, "row") in {(each["row"], each["check"]) for each in verdict(a)["faults"]}, "a row that is gone")
    place.start(a, link=False)
    check((60, "row") in {(each["row"], each["check"]) for each in verdict(a)["faults"]}, "the running node says so too")


@story
def audit_exported(place):
    """An export is checked by the auditor's own tool; whatever is changed in it is found."""
    if not can_audit():
        raise __import__("lib").Skipped("python3-cryptography is not installed")
    check(len(open(AUDITOR).readlines()) <= 100, "the tool has at most 100 lines")
    a, b, c, d, e = place.mesh("agency.a", "agency.b", "agency.c", "agency.d", "agency.e")
    objects, values = indicators("audit", 60)
    a.publish_good(objects, "TLP:AMBER", [b])
    a.publish_good(indicators("audit-two", 7)[0], "TLP:GREEN", [b, c])
    must_hold(b, 67, 45, "B has them", a.log_tail)
    must_hold(c, 7, 45, "C has those that are for it, too", a.log_tail)
    for value in values[:5]:
        b.finds(value)
    learned_nothing([d, e], objects, values)
    for node in (a, b, c, d, e):
        path = place.path(node.name + ".audit")
        result = node("ledger", "export", path, "--json")
        check_equal(result.code, OK, "%s exports" % node.name, result)
        check_equal(os.stat(path).st_mode & 0o777, 0o600, "for its user only")
        code, text = audit(path, agency_id(node))
        check_equal(code, 0, "and the auditor finds it whole", text)
        check("%d rows of %s" % (result.value["rows"], node.name) in text, "all of it", text)
    told = accounts(place, (a, b, c, d, e))
    ids = {node: agency_id(node) for node in (a, b, c, d, e)}
    out = [(row["seq"], row["root"], row["count"], sorted(row["to"])) for row in told[a]["out"]]
    check_equal([each[2:] for each in out], [(60, [ids[b]]), (7, sorted([ids[b], ids[c]]))], "the exports alone tell what left A, and to whom")
    for node, wanted in ((b, out), (c, out[1:]), (d, []), (e, [])):
        check_equal([(row["seq"], row["root"], row["count"]) for row in told[node]["in"]], [each[:3] for each in wanted],
                    "and that the same came to %s, and nothing else" % node.name)
    path = place.path("agency.b.audit")
    check_equal(audit(path, agency_id(a))[0], 1, "it is not the other agency's")
    lines = open(path).read().splitlines()
    look = next(at for at, line in enumerate(lines) if '"kind":"look"' in line)
    row = json.loads(lines[look])
    forged = dict(row, details=dict(row["details"], uid=row["details"]["uid"] + 1))
    later = dict(row, time="2026-01-01T00:00:00.000Z")
    other_row = dict(row, row=row["row"][:40] + ("0" if row["row"][40] != "0" else "1") + row["row"][41:])
    packed = dict(row, packed=row["packed"][:-1] + ("0" if row["packed"][-1] != "0" else "1"))
    end = json.loads(lines[-1])
    cases = [
        ("other words", lines[:look] + [json.dumps(forged)] + lines[look + 1:], "row %d" % row["number"]),
        ("another time", lines[:look] + [json.dumps(later)] + lines[look + 1:], "row %d" % row["number"]),
        ("another row", lines[:look] + [json.dumps(other_row)] + lines[look + 1:], "row %d" % row["number"]),
        ("other details", lines[:look] + [json.dumps(packed)] + lines[look + 1:], "row %d" % row["number"]),
        ("a row left out", lines[:look] + lines[look + 1:], "row %d" % (row["number"] + 1)),
        ("the last row left out", lines[:-2] + lines[-1:], "end"),
        ("another signed end", lines[:-1] + [json.dumps(dict(end, time_ms=end["time_ms"] + 1))], "end"),
    ]
    for text, content, where in cases:
        code, said = audit(place.path("changed", "\n".join(content) + "\n"))
        check(code == 1 and where + ":" in said, "%s: found at %s" % (text, where), said)
    middle = json.loads(lines[look])["time"]
    check_equal(b("ledger", "export", place.path("part"), "--since", middle).code, OK, "a part is exported")
    code, said = audit(place.path("part"))
    check_equal(code, 0, "and whole", said)
    check(json.loads(open(place.path("part")).readlines()[1])["number"] >= 3, "it begins where it was asked to", said)
    check_equal(b("ledger", "export", place.path("none/such")).code, NOT_FOUND, "a folder that is missing is said to be")


@story
def subject(place):
    """What is held and was disclosed about a value, and who looked for it."""
    a, b = place.mesh("agency.a", "agency.b")
    objects, values = indicators("subject", 10)
    a.publish_good(objects, "TLP:AMBER", [b])
    must_hold(b, 10, 45, "B has them", a.log_tail)
    b.finds(values[4])
    b.finds(values[5])
    for node, kind in ((a, "out"), (b, "in")):
        result = node("ledger", "subject", values[4], "--json")
        check_equal(result.code, OK, "%s knows of the value" % node.name, result)
        check_equal([each["id"] for each in result.value["held"]], [objects[4]["id"]], "the object that it holds")
        check_equal([(each["kind"], each["details"]["count"]) for each in result.value["blocks"]], [(kind, 10)], "the block that carried it")
        looked = [each["details"]["command"] for each in result.value["looked"]]
        check_equal(looked, ["subject"] if node is a else ["search", "subject"], "and who looked for it")
    check_equal([each["id"] for each in b("ledger", "subject", objects[4]["id"], "--json").value["held"]], [objects[4]["id"]], "an object's id will do")
    result = b("ledger", "subject", "nobody.example", "--json")
    check_equal((result.code, result.value["held"]), (NOT_FOUND, []), "nothing is held about another")
    check(b"held: 1" in b("ledger", "subject", values[4]).out, "in words, too")


@story
def erased(place):
    """A value is erased where its author is, where it was read, and from the rows that tell of questions for it; the account stays whole."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c")
    objects, values = indicators("erase", 6)
    a.publish_good(objects, "TLP:AMBER", [b, c])
    must_hold(b, 6, 45, "B has them", a.log_tail)
    must_hold(c, 6, 45, "and C", a.log_tail)
    for node in (b, c):
        node.finds(values[2])
        node.finds(values[3])
    check_equal(b("ledger", "erase", values[2]).code, USAGE, "a reason must be given")
    must(lambda: stands(b, values[2]), 20, "whoever has B's keys finds the value in its files")
    result = b("ledger", "erase", values[2], "--reason", "wrong person", "--json")
    check_equal((result.code, result.value["own"], result.value["others"]), (OK, 0, 1), "B erases an object of A's", result)
    check(result.value["rows"] >= 2, "and the rows of questions for it", result)
    check(not b.finds(values[2]), "it is found no more")
    check(b.finds(values[3]), "its neighbour is")
    must_hold(b, 5, 10, "nor fed")
    check(c.finds(values[2]), "C keeps it")
    value = whole(b, "B's ledger is whole")
    check_equal(value["erased"], result.value["rows"], "without those details")
    record = rows(b, "--kind", "erase")[-1]["details"]
    check_equal((record["reason"], record["others"], len(record["rows"])), ("wrong person", 1, result.value["rows"]), "a row tells of it")
    after = b("ledger", "subject", values[2], "--json").value
    check_equal((after["held"], len(after["erased"])), ([], 1), "who asks about the value is told that it was erased", after)
    check_equal([each["details"]["command"] for each in after["looked"] if each["details"]["command"] == "subject"], ["subject"], "and sees himself asking")
    must(lambda: not stands(b, values[2]), 60, "and then in none, with all of B's keys", b.log_tail)
    b.stop()
    place.start(b)
    must(lambda: b("verify", "--with", "agency.a").code == OK, 45, "after a restart nothing counts as missing", b.log_tail, a.log_tail)
    check(not b.finds(values[2]), "and it did not come back")
    result = a("ledger", "erase", values[2], "--reason", "wrong person", "--json")
    check_equal((result.code, result.value["own"], result.value["others"]), (OK, 1, 0), "A erases its own object", result)
    must(lambda: not c.finds(values[2]), 30, "C has it no more", a.log_tail, c.log_tail)
    check(all(node.finds(values[3]) for node in (a, b, c)), "its neighbour stays everywhere")
    for node in (a, b, c):
        whole(node, "%s's ledger is whole" % node.name)
    check_equal(a("ledger", "erase", "nobody.example", "--reason", "asked to").code, OK, "what is not held is erased, too")


@story
def erased_while_waiting(place):
    """What waits in the outbox and tells of the value goes too: it is never published."""
    a, b = place.mesh("agency.a", "agency.b", start=False)
    a.start()
    objects, values = indicators("waits", 12)
    a.publish_good(objects[:6], "TLP:AMBER", [b])
    a.publish_good(objects[6:7], "TLP:AMBER", [b])
    a.publish_good(objects[7:], "TLP:AMBER", [b])
    check_equal(a.status()["outbox"], 12, "all of it waits")
    for at, left in ((3, 11), (6, 10)):
        result = a("ledger", "erase", values[at], "--reason", "wrong person", "--json")
        check_equal((result.code, result.value["own"], result.value["others"], result.value["waited"]), (OK, 0, 0, 1), "it is taken out", result)
        check_equal(a.status()["outbox"], left, "of what waits")
    a.stop()
    place.start(a, b, link=False)
    must(lambda: a.status()["outbox"] == 0, 90, "the rest is published", a.log_tail)
    must_hold(b, 10, 45, "B has the rest", b.log_tail)
    check(not b.finds(values[3]) and not b.finds(values[6]) and b.finds(values[4]), "and not what was erased")
    check_equal(rows(a, "--kind", "erase")[-1]["details"]["waited"], 1, "a row tells of it")
    whole(a, "A's ledger is whole")


@story
def killed(place):
    """The engine, or all of the node, is killed again and again while it publishes: after each start the ledger is whole, and every own block has its row."""
    place.kills = True
    a, b = place.mesh("agency.a", "agency.b")
    chance = random.Random(int(os.environ.get("COMITY_SEED", "7")))
    for turn in range(6):
        before = a.status()["entries"]
        publishing = subprocess.Popen(
            [os.path.join(BUILD, "comity"), "publish", place.path("bulk%d" % turn, json.dumps({"type": "bundle", "id": "bundle--x", "objects":
             indicators("kill%d" % turn, 30000)[0]})), "--tlp", "TLP:AMBER", "--to", "agency.b", "--dir", a.dir],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: publishing.poll() is not None or a.status()["entries"] > before, 5, every=0.005)
        time.sleep(chance.uniform(0, 0.02))
        if turn % 2:
            a.kill()
            a.spawn()
        else:
            os.kill(a.pid_of("engine"), signal.SIGKILL)
        publishing.wait()
        must(a.ready, 40, "A is back", a.log_tail)
        value = whole(a, "its ledger is whole")
        note("%d rows, %d blocks" % (value["rows"], value["blocks"]))
    check(value["blocks"] > 0, "blocks were published")
    must(lambda: b.feed_ids() and a("verify", "--with", "agency.b").code == OK, 60, "B has what A has", a.log_tail, b.log_tail)
    whole(b, "and its ledger is whole")


main()
