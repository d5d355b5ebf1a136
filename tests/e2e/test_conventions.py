#!/usr/bin/python3
"""What all commands have in common, as comity(1) says it: exit codes, and how times stand in JSON."""
import json
import os
import re

from lib import INTERNAL, NOT_FOUND, NOT_RUNNING, OK, REFUSED, USAGE, check, check_equal, comity, main, must, story

OBJECT = "indicator--00000000-0000-4000-8000-000000000000"
HELD = "indicator--11111111-1111-4111-8111-111111111111"
NAME = "f" * 64

# What the node, its directory or the machine does not have: 1. DIR, MISSING and FILE stand for paths.
ABSENT = [
    ["trust", "remove", "nobody"], ["trust", "add", "MISSING", "--as", "x", "--yes"], ["trust", "update", "MISSING"],
    ["verify", "--with", "nobody"], ["group", "show", "nobody"], ["group", "close", "nobody"], ["group", "add", "nobody", "agency.b"],
    ["agreement", "show", NAME], ["agreement", "sign", NAME], ["agreement", "terminate", NAME], ["agreement", "propose", "MISSING"],
    ["token", "remove", "nobody"], ["request", "take", NAME], ["request", "answer", NAME, "FILE"], ["request", "refuse", NAME, "--reason", "x"],
    ["permission", "ask", OBJECT, "--to", "agency.b"], ["recall", OBJECT, "--reason", "x"], ["recall", "status", OBJECT],
    ["recall", "--query", "type=nonesuch", "--reason", "x"], ["sighting", OBJECT, "--seen"], ["share", OBJECT, "--to", "agency.b"],
    ["why", OBJECT, "local"], ["why", HELD, "nobody"], ["get", OBJECT], ["get", HELD, "--from", "nobody"], ["search", "nothing.example"],
    ["export", "list", "--from", "nobody"], ["export", "list", "--out", "MISSING/x"], ["feed", "--from", "nobody"], ["node", "revoke", NAME],
    ["node", "renew", NAME], ["publish", "MISSING", "--tlp", "amber", "--to-all"], ["lint", "MISSING", "--to-all"],
    ["alert", "send", "MISSING", "--kind", "wanted", "--tlp", "red", "--to", "agency.b"], ["ledger", "subject", "nothing.example"],
    ["ledger", "export", "MISSING/x"], ["backup", "MISSING/x/y"], ["card", "show", "MISSING"], ["policy", "check", "MISSING"],
    ["root", "sign", "MISSING"], ["root", "show", "MISSING"], ["root", "apply", "MISSING"],
]
# What may not be, or not to those: 3.
REFUSALS = [
    ["publish", "FILE", "--to-all"], ["publish", "FILE", "--tlp", "amber", "--to", "nobody"], ["publish", "FILE", "--tlp", "amber", "--to", "group:nobody"],
    ["share", HELD, "--to", "nobody"], ["request", "send", "--to", "nobody", "--kind", "sample"],
    ["alert", "send", "--text", "x", "--kind", "wanted", "--tlp", "red", "--to", "nobody"], ["backup", "DIR"], ["rebuild"], ["run"],
    ["init", "--agency", "x"], ["policy", "check", "FILE"], ["card", "show", "FILE"], ["root", "sign", "FILE"],
]
FIND = [["status"], ["peers"], ["check-config"], ["version"], ["card"], ["trust", "list"], ["node", "list"], ["root", "show"], ["token", "list"],
        ["group", "list"], ["agreement", "list"], ["permission", "list"], ["request", "list"], ["alert", "list"], ["policy", "show"], ["ledger", "show"],
        ["ledger", "verify"], ["search", "evil.example"], ["why", HELD, "local"], ["feed"], ["export", "list"]]
# Without a node that runs: 4 from those that ask one; the others work on files, and refuse with 3 where no node is.
ASK = [["publish", "FILE", "--to-all"], ["search", "x"], ["get", OBJECT], ["feed"], ["status"], ["peers"], ["verify", "--with", "x"], ["export", "list"],
       ["recall", OBJECT, "--reason", "x"], ["why", OBJECT, "local"], ["lint", "FILE", "--to-all"], ["group", "list"], ["agreement", "list"],
       ["permission", "list"], ["share", OBJECT, "--to", "x"], ["sighting", OBJECT, "--seen"], ["request", "list"], ["alert", "list"]]
NEED_NODE = [["run"], ["card"], ["trust", "list"], ["check-config"], ["rebuild"], ["backup", "MISSING"], ["node", "list"], ["root", "show"], ["token", "list"],
             ["ledger", "show"], ["ledger", "verify"], ["ledger", "subject", "x"]]


def indicator():
    return {"type": "indicator", "spec_version": "2.1", "id": HELD, "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z",
            "pattern": "[domain-name:value='evil.example']", "pattern_type": "stix", "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2099-01-01T00:00:00Z"}


def two(place):
    a, b = place.mesh("agency.a", "agency.b")
    a.publish_good([indicator()], "TLP:GREEN", [b])
    must(lambda: b("get", HELD).code == OK, 30, "B has an object", b.log_tail)
    return a, b


@story
def exits(place):
    """One meaning for each exit code, whatever the command."""
    a, _ = two(place)
    file = place.path("list.txt")
    with open(file, "w", encoding="ascii") as out:
        out.write("198.51.100.7\n")

    def line(words, there):
        paths = {"DIR": there, "MISSING": place.path("missing"), "FILE": file}
        return [re.sub(r"^(DIR|MISSING|FILE)", lambda found: paths[found.group(1)], word) for word in words]
    for lines, code, text in ((ABSENT, NOT_FOUND, "not found"), (REFUSALS, REFUSED, "refused"), (FIND, OK, "success")):
        for words in lines:
            done = a(*line(words, a.dir))
            check_equal(done.code, code, "%s: %s" % (" ".join(words), text), str(done))
            check(code in (OK, NOT_FOUND) or (done.err + done.out).strip(), "and says why")
    empty = place.path("empty")
    for lines, code, text in ((ASK, NOT_RUNNING, "not running"), (NEED_NODE, REFUSED, "refused where no node is")):
        for words in lines:
            done = comity(*line(words, empty), "--dir", empty)
            check_equal(done.code, code, "%s: %s" % (" ".join(words), text), str(done))
    for command in {words[0] for words in ABSENT + REFUSALS + FIND + ASK}:
        check_equal(comity(command, "--nonesuch", "--dir", empty).code, USAGE, "%s: an unknown option is a usage error" % command)


@story
def left_empty(place):
    """A command that found no node leaves nothing behind: `init` can still make one there."""
    folder = place.path("new")
    os.mkdir(folder)
    for words in NEED_NODE + ASK:
        comity(*[place.path(word.lower()) if word.isupper() else word for word in words], "--dir", folder)
        check_equal(os.listdir(folder), [], "%s leaves an empty folder empty" % " ".join(words))
    check_equal(comity("init", "--agency", "x", "--no-passphrase", "--dir", folder).code, OK, "a node is made there")


MOMENT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
DATED = re.compile(r"^\d{4}-\d\d-\d\d")
# Spans, and a position in a feed; each says its unit or what it is.
NUMBERS = ("rtt_ms", "retention_max_ms", "cursor")
# Foreign text is as it came.
FOREIGN = ("object",)


def wrong_times(value, path=""):
    """Where a time stands otherwise than comity(1) says."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key not in FOREIGN:
                if key.endswith("_ms") and key not in NUMBERS:
                    yield path + "/" + key
                yield from wrong_times(each, path + "/" + key)
    elif isinstance(value, list):
        for each in value:
            yield from wrong_times(each, path + "[]")
    elif isinstance(value, str) and DATED.match(value) and not MOMENT.match(value):
        yield "%s: %s" % (path, value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and value > 1e12 and path.rsplit("/", 1)[-1] not in NUMBERS:
        yield "%s: %s" % (path, value)


@story
def times(place):
    """Every time in JSON is a text in UTC with milliseconds, or null, in every document there is."""
    a, b = two(place)
    with open(place.path("treaty.yaml"), "w", encoding="ascii") as out:
        out.write("agreement: treaty\nparties: [self, agency.b]\nuntil: 2099-01-01T00:00:00Z\nclauses:\n  - {from: self, to: agency.b, kinds: [indicator], label_max: TLP:GREEN}\n")
    for node, words in ((a, ["group", "create", "nightfall", "--ends", "2099-01-01T00:00:00Z"]), (a, ["group", "create", "endless"]),
                        (a, ["group", "add", "nightfall", "agency.b"]), (a, ["token", "add", "soc", "--expires", "30d"]), (a, ["token", "add", "soc2"]),
                        (b, ["permission", "ask", HELD, "--to", "agency.a"]), (b, ["sighting", HELD, "--seen"]),
                        (b, ["request", "send", "--to", "agency.a", "--kind", "sample", "--deadline", "3d"]),
                        (a, ["alert", "send", "--text", "x", "--kind", "warning", "--tlp", "green", "--to", "agency.b", "--until", "3d"]),
                        (a, ["agreement", "propose", place.path("treaty.yaml")])):
        done = node(*words)
        if words[0] != "permission":
            check_equal(done.code, OK, "there is a %s" % words[0], str(done))
    must(lambda: b("permission", "list").text != "" and len(a("request", "list", "--json").value["requests"]) == 1, 30, "the request is there", a.log_tail)
    agreement = a("agreement", "list", "--json").value["agreements"][0]["id"]
    documents = [words for words in FIND if words[0] not in ("export", "feed", "search")] + [
        ["why", HELD, "agency.b"], ["group", "show", "nightfall"], ["group", "show", "endless"], ["agreement", "show", agreement], ["card", "show", a.card_path],
        ["ledger", "subject", "evil.example"], ["get", HELD], ["feed"]]
    seen = set()
    for node, words in [(node, words) for words in documents + [["recall", HELD, "--reason", "a test"], ["recall", "status", HELD]] for node in (b, a)]:
        done = node(*words, "--json")
        for value in done.values if done.code == OK and done.out.strip() else []:
            seen |= {words[0]} if re.search(r'"\d{4}-\d\d-\d\dT', json.dumps(value)) else set()
            check_equal(list(wrong_times(value)), [], "%s of %s: times as they should be" % (" ".join(words[:2]), node.name), done.text[:1500])
    for command in ("peers", "node", "token", "group", "agreement", "request", "alert", "ledger", "card", "why", "recall"):
        check(command in seen, "%s did show a time" % command, seen)
    check_equal(a("group", "show", "endless", "--json").value["ends"], None, "where there is none it is null")
    check(INTERNAL not in {node("status", "--json").code for node in (a, b)}, "both still answer")


main()
