#!/usr/bin/python3
"""The policy as an operator meets it: a file that is not understood, decisions by every exit, why, and lint."""
import os

from lib import (MARKINGS, NOT_FOUND, OK, REFUSED, USAGE, bundle, check, check_equal, indicator, indicators, main, must, story)

EXTENSION = "extension-definition--5f0c7c4e-6a3d-4e0b-9d37-2b8f0f6a9c11"


def policy(node, text):
    with open(os.path.join(node.dir, "policy.yaml"), "w") as file:
        file.write(text)


def define(number, **inside):
    return {"type": "marking-definition", "spec_version": "2.1", "created": "2026-01-01T00:00:00.000Z",
            "id": "marking-definition--%08d-2222-4333-8444-555555555555" % number,
            "extensions": {EXTENSION: dict(inside, extension_type="property-extension")}}


def decide(node, made, target):
    result = node("why", made["id"], target, "--json")
    check_equal(result.code, OK, "why %s is answered" % target, str(result))
    decisions = result.value["decisions"]
    check_equal(len(decisions), 1, "for one object", str(result))
    return decisions[0]


@story
def a_file_that_is_not_understood(place):
    """A node with such a policy file does not start, and says line, column and what to do; without a file, the defaults hold."""
    a = place.node("agency.a")
    check_equal(a("policy", "check").code, NOT_FOUND, "there is no file yet")
    shown = a("policy", "show", "--json")
    check_equal((shown.code, shown.value["file"], shown.value["exits"]["taxii"]["label_max"]), (OK, None, "TLP:AMBER+STRICT"),
                "the defaults are shown", str(shown))
    policy(a, "version: 1\nexits:\n  taxi: closed\n")
    for words in (["policy", "check"], ["policy", "show"], ["run"]):
        result = a(*words)
        check_equal(result.code, REFUSED, "%s refuses it" % " ".join(words), str(result))
        check(b"policy.yaml:3:3: taxi: there is no such exit; known are publish" in result.err, "and says where and what", str(result))
    policy(a, "version: 1\nexits:\n  taxii: closed\nagencies: {agency.b: {label_max: TLP:GREEN}}\n")
    result = a("policy", "check", "--json")
    check_equal((result.code, result.value["not_pinned"]), (OK, ["agency.b"]), "a good one is good, and names who is not pinned", str(result))
    again = os.path.join(a.dir, "again.yaml")
    with open(again, "wb") as file:
        file.write(a("policy", "show").out)
    check_equal(a("policy", "check", again).code, OK, "what is shown is a policy file again")
    a.start()
    check_equal(a("why", "indicator--x", "local").code, NOT_FOUND, "the node starts with it")


@story
def every_exit(place):
    """One policy: accredited partners, closed exits, and objects whose marks forbid what their label would allow."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c")
    a.stop()
    policy(a, "version: 1\nown: {nation: FR, police: yes}\nauthorities: {EU: known}\n"
              "agencies:\n  agency.b: {accreditations: {EU: C-UE/EU-C}, police: yes}\n  agency.c: {label_max: TLP:GREEN}\n"
              "exits:\n  taxii: closed\n")
    a.start()
    level = define(1, levels=[{"authority": "EU", "level": "C-UE/EU-C"}])
    codes = define(2, handling=["H0", "H2"], purposes=["crime-prevention"])
    unknown = dict(define(3), extensions={"extension-definition--61111111-2222-4333-8444-555555555555": {"x": 1}})
    secret = indicator("secret.example", object_marking_refs=[level["id"], MARKINGS["TLP:GREEN"]])
    police = indicator("police.example", object_marking_refs=[codes["id"], MARKINGS["TLP:GREEN"]])
    strange = indicator("strange.example", object_marking_refs=[unknown["id"], MARKINGS["TLP:GREEN"]])
    amber = indicator("amber.example", object_marking_refs=[MARKINGS["TLP:AMBER"]])
    objects = [secret, police, strange, amber]

    def rules(result, key):
        return {row["id"]: row["rule"] for row in result.value[key] if row["id"].startswith("indicator--")}

    both = a("lint", "-", "--to", "agency.b,agency.c", "--json", input=bundle(objects + [level, codes, unknown]))
    check_equal(both.code, REFUSED, "lint says that something would be refused", str(both))
    check_equal(rules(both, "objects"), {secret["id"]: "level.accreditation", police["id"]: "handling.h0",
                                         strange["id"]: "marking.unknown", amber["id"]: "reader.label"},
                "for two recipients the narrower one decides", str(both))
    check_equal(a.feed(), [], "lint published nothing")
    toward = a("lint", "-", "--to", "agency.b", input=bundle(objects + [level, codes, unknown]))
    check(b"may go: line" in toward.out and b"[marking.unknown]" in toward.out and b"Nothing was published" in toward.out,
          "for people it says the same", str(toward))
    result = a.publish(objects + [level, codes, unknown], None, [b])
    check_equal(result.code, REFUSED, "what is not understood is refused", str(result))
    must(lambda: b.finds("amber.example"), 30, "what may go arrives, and b shows what has a label alone", b.log_tail)
    check(not b.finds("strange.example"), "what is not understood does not")
    # b has no policy file: it accepts no levels, and does not count as police
    check(not b.finds("secret.example") and not b.finds("police.example"), "and nothing whose marks it cannot obey")
    check_equal(decide(b, secret, "local")["rule"], "level.authority", "why says that b accepts no such level")
    check_equal(decide(b, police, "local")["rule"], "handling.h0", "and that b is no police")
    # why at a
    check_equal(decide(a, amber, "agency.b")["allow"], True, "amber may go to b")
    refused = decide(a, amber, "agency.c")
    check_equal((refused["allow"], refused["rule"], refused["exit"]), (False, "reader.label", "publish"), "but not to c", refused)
    check(any(row["name"] == "label" and row["value"] == "TLP:AMBER" for row in refused["inputs"]), "the inputs are told", refused)
    check_equal(decide(a, amber, "taxii")["rule"], "exit.closed", "the closed exit is closed")
    check_equal(decide(b, amber, "agency.a")["rule"], "reshare.amber", "b may not pass a's object on")
    check_equal(decide(b, amber, "exit:export-list")["allow"], True, "but may list it")
    check_equal(a("why", amber["id"], "nobody").code, NOT_FOUND, "an unknown name is not found")
    check_equal(a("why", "indicator--none", "local").code, NOT_FOUND, "an unknown object is not found")
    said = a("why", amber["id"], "agency.c")
    check(b"may NOT leave by publish" in said.out and b"looked at" in said.out, "for people in words", str(said))


@story
def options_and_exports(place):
    """--pap and the like go with the objects; PAP:AMBER reaches no list that blocks, and the report says so."""
    a, b = place.mesh("agency.a", "agency.b")
    quiet, (quiet_value,) = indicators("quiet", 1)
    loud, (loud_value,) = indicators("loud", 1)
    check_equal(a("publish", "-", "--tlp", "TLP:GREEN", "--to", b.name, "--pap", "AMBER", input=bundle(quiet)).code, OK, "PAP:AMBER is published")
    check_equal(a("publish", "-", "--tlp", "TLP:GREEN", "--to", b.name, "--pap", "green", input=bundle(loud)).code, OK, "PAP:GREEN too")
    must(lambda: b.finds(quiet_value) and b.finds(loud_value), 30, "both arrive", b.log_tail)
    out = os.path.join(place.dir, "block.txt")
    result = b("export", "list", "--out", out, "--json")
    with open(out) as file:
        listed = file.read()
    check(loud_value in listed and quiet_value not in listed, "only the one that allows actions is listed", listed, str(result))
    check_equal(result.value["kept_back"], 1, "the report counts what was kept back", str(result))
    check_equal(decide(b, quiet[0], "export-blocking")["rule"], "pap.blocking", "why names the rule")
    wrong = [(["--pap", "pink"], b"unknown label"), (["--handling", "H4"], b"H0, H1, H2 and H3"), (["--handling-text", "x"], b"--handling H3"),
             (["--level", "EU"], b"AUTHORITY:LEVEL"), (["--caveat", "NF"], b"--level"), (["--retain-until", "soon"], b"2027-01-31")]
    for words, part in wrong:
        result = a("publish", "-", "--tlp", "TLP:GREEN", "--to", b.name, *words, input=bundle(quiet))
        check(result.code == USAGE and part in result.err, "%s is refused with a sentence" % " ".join(words), str(result))
    personal = indicators("person", 1)[0]
    for words, rule in [([], "purpose.missing"), (["--purpose", "p"], "legal-basis.missing"),
                        (["--purpose", "p", "--legal-basis", "l"], "retain.missing")]:
        result = a("publish", "-", "--tlp", "TLP:AMBER", "--to", b.name, "--personal", *words, "--json", input=bundle(personal))
        check_equal((result.code, result.value["refusals"][0]["rule"]), (REFUSED, rule), "personal data: %s" % rule, str(result))
    result = a("publish", "-", "--tlp", "TLP:AMBER", "--to", b.name, "--personal", "--purpose", "p", "--legal-basis", "l", "--retain-until",
               "2099-01-01T00:00:00Z", input=bundle(personal))
    check_equal(result.code, OK, "with all three they go", str(result))
    parts = [dict(indicator("part.example", object_marking_refs=[MARKINGS["TLP:GREEN"]]),
                  granular_markings=[{"selectors": ["pattern"], "marking_ref": MARKINGS["TLP:RED"]}])]
    result = a.publish(parts, None, "all")
    check(result.code == REFUSED and b"part pattern" in result.out, "a refusal for a part names its selector", str(result))


main()
