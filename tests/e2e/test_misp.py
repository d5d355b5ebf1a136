#!/usr/bin/python3
"""MISP in and out: real events published at A, exported at B, compared; feeds; versions and withdrawals; the library's own conversions."""
import csv
import datetime
import glob
import hashlib
import io
import json
import os
import re
import time
import uuid

from lib import NOT_FOUND, OK, REFUSED, ROOT, USAGE, check, check_equal, feed_text, main, must, must_hold, note, skip, story

SHARED = os.environ.get("COMITY_SHARED", os.path.join(ROOT, "../shared"))
DATA = os.path.join(SHARED, "data/misp")
EVENTS = ["eset-events/xdspy/misp-xdspy-event.json", "eset-events/signsight/signsight-misp-event.json",
          "eset-events/oceanlotus/oceanlotus-wateringhole-2018.misp.event.json", "eset-events/winnti_group/gaming_supply_chain.misp_event.json",
          "eset-events/kryptocibule/misp-kryptocibule.json", "pymisp-tests/57c4445b-c548-4654-af0b-4be3950d210f.json"]
BROKEN = "eset-events/pypi_backdoor/malicious_pypi_packages.misp-event.json"
EVENT, EVIL = "5a0c4f0e-9c64-4d9f-9e3a-7b520d9f1e3a", "11111111-2222-4333-8444-555555555555"


def data(path):
    path = os.path.join(DATA, path)
    if not os.path.exists(path):
        skip("%s is not here" % path)
    return path


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def events_of(text):
    value = json.loads(text)
    listed = value["response"] if isinstance(value, dict) and "response" in value else value if isinstance(value, list) else [value]
    return [each["Event"] for each in listed]


def attributes_of(event):
    """Every attribute, with the object that it stands in."""
    found = [(attribute, None) for attribute in event.get("Attribute", [])]
    return found + [(attribute, each) for each in event.get("Object", []) for attribute in each.get("Attribute", [])]


def tags_of(thing):
    return {tag["name"] for tag in thing.get("Tag", [])}


def event(*attributes, **more):
    return dict({"uuid": EVENT, "info": "a test", "date": "2026-01-01", "timestamp": "1767225600", "threat_level_id": "2", "analysis": "1",
                 "distribution": "3", "Attribute": list(attributes)}, **more)


def attribute(kind, value, key=None, to_ids=True, **more):
    return dict({"uuid": key or str(uuid.uuid4()), "type": kind, "category": "Other", "to_ids": to_ids, "value": value, "timestamp": "1767225600",
                 "comment": ""}, **more)


def publish(node, what, *words):
    return node("publish", "-", "--json", "--to", "agency.b", *words, input=json.dumps({"Event": what}).encode())


def export(node, form, *words, name=None):
    path = node.place.path(name or form)
    result = node("export", form, "--out", path, "--json", *words)
    check_equal(result.code, OK, "export %s" % form, lambda: result)
    return path, result.value


def schema_errors(events):
    """By the JSON schema in the draft, section 3."""
    try:
        import jsonschema
    except ImportError:
        note("python3-jsonschema is not installed: the events are not judged by the draft's schema")
        return []
    text = read(data("rfc/misp-core-format.txt"))
    text = re.sub(r"\n*Dulaunoy & Iklody.*\[Page \d+\]\n\f?\n?Internet-Draft.*\n*", "\n", text[text.rindex("{", 0, text.index('"$schema"')):])
    schema, _ = json.JSONDecoder().raw_decode(text)
    schema.pop("id")
    judge = jsonschema.Draft4Validator(schema)
    return ["%s: %s" % ("/".join(str(step) for step in error.absolute_path), error.message[:200])
            for each in events for error in judge.iter_errors({"Event": each})]


def compare(original, back, accepted):
    """What was accepted came back as it was: UUIDs, types, values, tags, objects. Returns how many attributes did."""
    facts = ("info", "date", "threat_level_id", "analysis")
    check_equal([back[key] for key in facts], [original[key] for key in facts], "event %s: its own facts" % original["uuid"])
    drop = lambda tags: {tag for tag in tags if not tag.lower().startswith("tlp:")}
    check_equal(drop(tags_of(back)), drop(tags_of(original)), "its tags")
    wanted = {each["uuid"]: (each, within) for each, within in attributes_of(original)}
    bad = []
    for each, within in attributes_of(back):
        was, was_within = wanted[each["uuid"]]
        for key in ("type", "value", "category", "to_ids", "timestamp"):
            if each[key] != was[key]:
                bad.append((each["uuid"], key, each[key], was[key]))
        if (each["comment"] or "") != (was["comment"] or "") or not drop(tags_of(was)) - drop(tags_of(original)) <= tags_of(each):
            bad.append((each["uuid"], "comment or tags"))
        if (within or {}).get("uuid") != (was_within or {}).get("uuid") or (within or {}).get("name") != (was_within or {}).get("name"):
            bad.append((each["uuid"], "object"))
        if within and each.get("object_relation") != was.get("object_relation"):
            bad.append((each["uuid"], "relation"))
    check_equal(bad, [], "each attribute as it was")
    check_equal({each["uuid"] for each, _ in attributes_of(back)}, accepted, "and all that were accepted")
    return len(accepted)


@story
def real_events(place):
    """Real events are published at A; B has them, and writes the same events again."""
    a, b = place.mesh("agency.a", "agency.b")
    total, wanted, counted = 0, {}, 0
    for path in EVENTS:
        result = a("publish", data(path), "--json", "--tlp", "green", "--to", "agency.b")
        report = result.value
        check(result.code in (OK, REFUSED) and report["format"] == "misp" and report["complete"], "%s is taken" % path, lambda: result)
        (original,) = events_of(read(data(path)))
        left = sum(each["count"] for each in report["left_out"] if "attributes" in each["reason"])
        refused = {each["id"] for each in report["refusals"]}
        check(all(each["line"] > 1 and each["column"] > 0 and each["file"].endswith(path) for each in report["refusals"]), "refusals tell their place")
        count = len(attributes_of(original))
        sightings = sum(len(each.get("Sighting", [])) for each, _ in attributes_of(original))
        check_equal(report["accepted"] - sightings + report["refused"] + left, count, "every attribute is published, refused or counted as left out")
        total += report["accepted"]
        wanted[original["uuid"]] = (original, refused)
        counted += count
    must_hold(b, total, 60, "B has what A published", b.log_tail)
    held = {}
    for each in b.feed():
        text = feed_text(each)
        for extension in text.get("extensions", {}).values():
            held.setdefault(extension["event"]["uuid"], set()).add(text["id"].split("--")[1])
    path, report = export(b, "misp")
    back = {each["uuid"]: each for each in events_of(read(path))}
    check_equal(set(back), set(wanted), "B writes the events under their own UUIDs")
    same = sum(compare(original, back[key], held[key]) for key, (original, _) in wanted.items())
    check_equal(report["written"], same, "the report counts them")
    check(all("tlp:green" in tags_of(each) or "tlp:clear" in tags_of(each) for each in back.values()), "with the label that holds")
    check_equal({each["distribution"] for each in back.values()}, {"0"}, "and, unasked, for nobody else")
    check_equal(schema_errors(back.values()), [], "the draft's JSON schema takes them")
    check({each["Orgc"]["name"] for each in back.values()} == {"agency.a"}, "made by the agency whose node signed them")
    note("%d of %d attributes came back as they were" % (same, counted))
    some = events_of(read(export(b, "misp", "--kind", "sha1", "--from", "agency.a", name="some")[0]))
    check_equal({each["type"] for one in some for each, _ in attributes_of(one)} - {"sha1", "filename|sha1"}, set(), "by kind and author")
    again = [a("publish", data(path), "--json", "--tlp", "green", "--to", "agency.b").value for path in EVENTS]
    check_equal((sum(each["accepted"] for each in again), sum(each["known"] for each in again)), (0, total), "publishing them again doubles nothing")


@story
def broken(place):
    """A broken file is refused with its line and column, and nothing of the broken event leaves."""
    a, _ = place.mesh("agency.a", "agency.b")
    result = a("publish", data(BROKEN), "--json", "--tlp", "green", "--to", "agency.b")
    report = result.value
    check_equal((result.code, report["accepted"], report["complete"]), (REFUSED, 0, False), "nothing was published", lambda: result)
    check_equal([(each["line"], each["column"]) for each in report["refusals"]], [(37374, 9)], "the place of the fault")
    result = a("publish", data(BROKEN), "--tlp", "green", "--to", "agency.b")
    check("line 37374, column 9" in result.text, "and in words", lambda: result)
    check_equal(a("lint", data(EVENTS[0]), "--tlp", "green", "--to", "agency.b", "--json").value["format"], "misp", "lint takes events, too")
    check_equal(a.feed(), [], "it publishes nothing")


@story
def versions(place):
    """A later state of an event makes versions, not doubles; what was deleted, narrowed or lost its to_ids goes."""
    a, b = place.mesh("agency.a", "agency.b")
    keep, gone, flip, seen = [str(uuid.uuid4()) for _ in range(4)]
    first = event(attribute("domain", "keep.example", keep), attribute("ip-dst", "9.9.9.9", gone), attribute("domain", "flip.example", flip),
                  attribute("domain", "seen.example", seen, to_ids=False), Tag=[{"name": "tlp:green"}])
    check_equal(publish(a, first).value["accepted"], 4, "four attributes")
    must(lambda: b.finds("flip.example") and b.finds("seen.example"), 30, "B has them", b.log_tail)
    lines = read(export(b, "list")[0]).split()
    check_equal(sorted(lines), ["9.9.9.9", "flip.example", "keep.example"], "without to_ids it is in no list that blocks")
    second = event(attribute("domain", "keep.example", keep, timestamp="1767229200", comment="again"),
                   attribute("ip-dst", "9.9.9.9", gone, deleted=True), attribute("domain", "flip.example", flip, to_ids=False, timestamp="1767229200"),
                   attribute("domain", "seen.example", seen, to_ids=False), Tag=[{"name": "tlp:green"}])
    report = publish(a, second).value
    check_equal((report["accepted"], report["known"], report["withdrawn"]), (2, 1, 2), "two versions, one known, two withdrawn", report)
    must(lambda: not b.finds("9.9.9.9"), 30, "what was deleted is gone at B", b.log_tail)
    must(lambda: [feed_text(each)["id"] for each in b.feed() if flip in feed_text(each)["id"]] == ["observed-data--" + flip], 30,
         "what lost its to_ids is no indicator any more", b.log_tail)
    must(lambda: read(export(b, "list")[0]).split() == ["keep.example"], 30, "in no list either")
    check_equal({each["uuid"] for each, _ in attributes_of(events_of(read(export(b, "misp")[0]))[0])}, {keep, flip, seen}, "three are left in the event")
    check_equal({each["comment"] for each, _ in attributes_of(events_of(read(export(b, "misp")[0]))[0]) if each["uuid"] == keep}, {"again"},
                "the newest version of them")
    result = publish(a, dict(second, distribution="0"))
    check_equal((result.code, result.value["accepted"], result.value["withdrawn"]), (REFUSED, 0, 3), "an event that became private is withdrawn", result)
    must(lambda: not b.finds("keep.example"), 30, "and gone at B", b.log_tail)


@story
def retold(place):
    """What its event says stands in each attribute's object: another word of it is another version; another time alone is none."""
    a, b = place.mesh("agency.a", "agency.b")
    keys = [str(uuid.uuid4()) for _ in range(3)]
    now = 1767225600

    def tell(**more):
        return publish(a, event(attribute("domain", "one.example", keys[0]), attribute("ip-dst", "9.9.9.9", keys[1], to_ids=False),
                                attribute("domain", "two.example", keys[2]), **dict({"timestamp": str(now), "Tag": [{"name": "tlp:green"}]}, **more))).value

    def texts():
        return [feed_text(each) for each in b.feed()]

    def extension(text):
        return next(value for key, value in text["extensions"].items() if "event" in value)

    check_equal((tell()["accepted"], tell()["known"]), (3, 3), "published once")
    now += 60
    report = tell()
    check_equal((report["accepted"], report["known"]), (0, 3), "a later time of the event alone is nothing new", report)
    changes = (("another threat level", {"threat_level_id": "1"}, lambda text: extension(text)["event"]["threat_level_id"] == "1"),
               ("a galaxy's tag", {"threat_level_id": "1", "Tag": [{"name": "tlp:green"}, {"name": 'misp-galaxy:tool="Bear"'}]},
                lambda text: 'misp-galaxy:tool="Bear"' in text["labels"]),
               ("another info", {"info": "told again"}, lambda text: extension(text)["event"]["info"] == "told again" and "Bear" not in str(text["labels"])),
               ("a narrower distribution", {"distribution": "1"}, lambda text: "tlp:green" in text["labels"]))
    for what, more, told in changes:
        now += 60
        report = tell(**more)
        check_equal((report["accepted"], report["known"]), (3, 0), "%s of the event is another version of each" % what, report)
        moment = datetime.datetime.fromtimestamp(now, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        must(lambda: [told(text) and text["modified"] == moment for text in texts()] == [True] * 3, 30, "B has it, and nothing twice", texts)
    check_equal({each["tlp"] for each in b.feed()}, {"TLP:AMBER"}, "under the label that the distribution wants")
    report = tell(distribution="1", info="without another time")
    check_equal(report["accepted"], 3, "what changes without another time is published all the same", report)
    must(lambda: [extension(text)["event"]["info"] for text in texts()] == ["without another time"] * 3, 30, "and the last word holds", texts)
    (back,) = events_of(read(export(b, "misp")[0]))
    check_equal(({each["timestamp"] for each, _ in attributes_of(back)}, back["timestamp"]), ({"1767225600"}, str(now)), "B writes the event again, each time where it was")
    report = publish(a, dict(back, distribution="1", info="without another time", Tag=[{"name": "tlp:green"}])).value
    check_equal(report["refused"], 0, "which A can read", report)


@story
def marks(place):
    """Tags are markings: the stricter holds, an unknown one is refused, PAP:RED stays out of lists that block."""
    a, b = place.mesh("agency.a", "agency.b")
    result = publish(a, event(attribute("domain", "chr.example", Tag=[{"name": "tlp:ex:chr"}]), attribute("domain", "good.example"),
                              attribute("domain", "pap.example", Tag=[{"name": "PAP:RED"}]), Tag=[{"name": "tlp:green"}]))
    report = result.value
    check_equal((result.code, report["accepted"], report["refused"]), (REFUSED, 2, 1), "one is refused", lambda: result)
    check("tlp:ex:chr" in report["refusals"][0]["reason"], "by name", report["refusals"])
    check_equal(publish(a, event(attribute("domain", "none.example"))).value["refused"], 1, "without a label nothing goes")
    must(lambda: b.finds("pap.example"), 30, "B has the others", b.log_tail)
    check_equal(read(export(b, "rpz")[0]).count("pap.example"), 0, "PAP:RED is in no zone")
    for label, widest in (("clear", "3"), ("amber", "1"), ("amber+strict", "0")):
        key = str(uuid.uuid4())
        publish(a, event(attribute("domain", label.replace("+", "-") + ".example"), uuid=key, Tag=[{"name": "tlp:" + label}]))
        must(lambda: b.finds(label.replace("+", "-") + ".example"), 30, "tlp:%s is at B" % label, b.log_tail)
        back = {each["uuid"]: each for each in events_of(read(export(b, "misp", "--distribution", "3")[0]))}
        check_equal((back[key]["distribution"], tags_of(back[key])), (widest, {"tlp:" + label}), "tlp:%s gets no wider a distribution than %s" % (label, widest))
    folder, _ = export(b, "misp-feed", name="feed")
    place.path("feed/own.json", "{}")
    check(os.path.exists(os.path.join(folder, EVENT + ".json")), "the feed has the event")
    for each, _ in attributes_of(back[EVENT]):
        check_equal(a("recall", "indicator--" + each["uuid"], "--reason", "a mistake").code, OK, "A recalls what is in it")
    must(lambda: not b.finds("good.example"), 30, "it is gone at B (what is PAP:RED was never in the feed)", b.log_tail)
    export(b, "misp-feed", name="feed")
    check(EVENT + ".json" not in os.listdir(folder) and "own.json" in os.listdir(folder), "and so is the event's file, but no other", os.listdir(folder))
    check_equal(b("export", "misp", "--distribution", "4").code, USAGE, "--distribution 4 is none")
    check_equal(b("export", "list", "--distribution", "1").code, USAGE, "nor has a list one")


def feed_made(node):
    """A feed of two MISP events and one made of other objects, as B writes it."""
    folder, _ = export(node, "misp-feed", "--distribution", "2", name="feed")
    return folder, json.loads(read(os.path.join(folder, "manifest.json")))


@story
def feeds(place):
    """B's feed folder is whole, B's partner can publish it, only what changed is read again, and a damaged event costs itself only."""
    a, b = place.mesh("agency.a", "agency.b")
    total = a("publish", data(EVENTS[1]), "--json", "--tlp", "green", "--to", "agency.b").value["accepted"]
    total += a("publish", data(EVENTS[5]), "--json", "--tlp", "green", "--to", "agency.b").value["accepted"]
    a.publish_good("evil.example.org\n9.9.9.9\n", "green", [b])
    must_hold(b, total + 2, 60, "B has it all", b.log_tail)
    folder, manifest = feed_made(b)
    check_equal(len(manifest), 3, "three events")
    check_equal(set(os.listdir(folder)), {"manifest.json", "hashes.csv"} | {key + ".json" for key in manifest}, "manifest, hashes, events")
    events = {key: events_of(read(os.path.join(folder, key + ".json")))[0] for key in manifest}
    for key, facts in manifest.items():
        check_equal([events[key][name] for name in ("uuid", "info", "Orgc", "timestamp")], [key] + [facts[name] for name in ("info", "Orgc", "timestamp")],
                    "%s: event and manifest agree" % key)
    parts = lambda each: each["value"].split("|") if "|" in each["type"] or each["type"] == "malware-sample" else [each["value"]]
    made = {(hashlib.md5(part.encode()).hexdigest(), key) for key, each in events.items() for one, _ in attributes_of(each) for part in parts(one)}
    check_equal({tuple(row) for row in csv.reader(io.StringIO(read(os.path.join(folder, "hashes.csv"))))}, made, "as do the hashes")
    check_equal(schema_errors(events.values()), [], "the draft's JSON schema takes the events")

    words = ("publish", folder, "--misp-feed", "--to", "agency.a", "--json")
    report = b(*words).value
    count = sum(len(attributes_of(each)) for each in events.values())
    check_equal((report["accepted"] + sum(each["count"] for each in report["left_out"]), report["refused"], report["unchanged_events"]), (count, 0, 0),
                "the feed can be published again", report)
    keys = {each["uuid"] for one in events.values() for each, _ in attributes_of(one)}
    must(lambda: len(a.feed("--from", "agency.b")) == report["accepted"], 60, "A has what B published", a.log_tail)
    got = {feed_text(each)["id"].split("--")[1] for each in a.feed("--from", "agency.b")}
    check_equal((got - keys, len(got)), (set(), report["accepted"]), "under the same UUIDs")
    report = b(*words).value
    check_equal((report["accepted"], report["known"], report["unchanged_events"]), (0, 0, 3), "what did not change is not read again", report)

    # Three things happen to the feed: an event grows, one is damaged, one is missing.
    keys = sorted(manifest)
    grown = events[keys[0]]
    grown["Attribute"].append(attribute("domain", "grown.example.org", timestamp=str(int(time.time()))))
    manifest[keys[0]]["timestamp"] = grown["timestamp"] = str(int(grown["timestamp"]) + 1)
    for key in keys[1:]:
        manifest[key]["timestamp"] = str(int(manifest[key]["timestamp"]) + 1)
    place.path(os.path.join(folder, keys[0] + ".json"), json.dumps({"Event": grown}))
    damaged = read(os.path.join(folder, keys[1] + ".json"))
    place.path(os.path.join(folder, keys[1] + ".json"), damaged.replace('"Attribute":[', '"Attribute":\n[,', 1))
    os.unlink(os.path.join(folder, keys[2] + ".json"))
    place.path(os.path.join(folder, "manifest.json"), json.dumps(manifest))
    result = b(*words)
    report = result.value
    check_equal((result.code, report["accepted"], report["refused"], report["unchanged_events"]), (REFUSED, 1, 2, 0), "the sound one is published", report)
    found = {os.path.basename(each["file"]): (each["line"], each["column"], each["reason"]) for each in report["refusals"]}
    check_equal(set(found), {keys[1] + ".json", keys[2] + ".json"}, "the others are refused by name")
    check_equal(found[keys[1] + ".json"][0], 2, "the damaged one with its line", found)
    check("is not there" in found[keys[2] + ".json"][2], "the missing one as missing", found)
    must(lambda: a.finds("grown.example.org"), 30, "what is new is at A", a.log_tail)

    # Values that hashes.csv lists must be there; the event must be the one that it is named after, and no older than the manifest.
    other = json.loads(damaged)
    other["Event"]["timestamp"] = manifest[keys[1]]["timestamp"]
    rows = [("damaged:", dict(other["Event"], Attribute=other["Event"]["Attribute"][1:], Object=[])),
            ("holds event", dict(other["Event"], uuid=EVENT)), ("is older", dict(other["Event"], timestamp="5"))]
    for reason, one in rows:
        place.path(os.path.join(folder, keys[1] + ".json"), json.dumps({"Event": one}))
        report = b(*words).value
        check(any(reason in each["reason"] for each in report["refusals"]) and report["withdrawn"] == 0, "refused: %s" % reason, report)
    place.path(os.path.join(folder, keys[1] + ".json"), json.dumps(other))
    place.path(os.path.join(folder, "hashes.csv"), "nothing\n")
    result = b(*words)
    check(result.code == REFUSED and b"hashes.csv:1:1" in result.err, "a broken table stops it, with its line", lambda: result)
    check_equal(b("publish", place.dir, "--misp-feed", "--to", "agency.a").code, NOT_FOUND, "a folder that is no feed")


@story
def impostor(place):
    """Two authors name the same event: who came first keeps its UUID, the other's is its own, and attributes stay apart."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c")
    one = event(attribute("domain", "one.example", EVIL), Tag=[{"name": "tlp:green"}])
    two = event(attribute("domain", "two.example", EVIL), Tag=[{"name": "tlp:green"}], info="I am the other one")
    publish(a, one)
    must(lambda: b.finds("one.example"), 30, "A's event is at B", b.log_tail)
    check_equal(publish(c, two).value["accepted"], 1, "C names the same")
    must(lambda: b.finds("two.example"), 30, "C's is there, too", b.log_tail)
    found = {each["uuid"]: each for each in events_of(read(export(b, "misp")[0]))}
    check_equal((len(found), found[EVENT]["Orgc"]["name"], found[EVENT]["info"]), (2, "agency.a", "a test"), "A's event is A's")
    keys = [each["uuid"] for one in found.values() for each, _ in attributes_of(one)]
    check_equal(len(set(keys)), 2, "no attribute stands twice")


# Where our patterns are not those of misp-stix (documentation/mapping/misp_attributes_to_stix21.json), and why.
OTHERWISE = {
    "ip-src": "theirs joins the address with its type by AND: no list that blocks could take it",
    "ip-dst": "as ip-src",
    "ip-src|port": "a port is a number in STIX (2.1, 6.12), theirs is text",
    "ip-dst|port": "as ip-src|port",
    "hostname|port": "as ip-src|port",
    "AS": "a number in STIX (2.1, 6.3), theirs is text",
    "filename|md5": "the hash says it all: with the name joined by AND no list of hashes could take it",
    "filename|sha1": "as filename|md5",
    "filename|sha224": "as filename|md5",
    "filename|sha256": "as filename|md5",
    "filename|sha384": "as filename|md5",
    "filename|sha512": "as filename|md5",
    "filename|sha512/224": "as filename|md5",
    "filename|sha512/256": "as filename|md5",
    "filename|sha3-224": "as filename|md5",
    "filename|sha3-256": "as filename|md5",
    "filename|sha3-384": "as filename|md5",
    "filename|sha3-512": "as filename|md5",
    "malware-sample": "the sample itself is not shared, and the hash says it all",
    "sha512/224": "theirs calls it SHA-224, which is another hash",
    "sha512/256": "theirs calls it SHA-256, which is another hash",
    "regkey|value": "values is a list in STIX (2.1, 6.17); theirs escapes the percent sign, which no pattern needs",
    "yara": "the rule is the pattern (STIX 2.1, 4.7), theirs stands in brackets",
    "sigma": "as yara",
    "snort": "as yara",
    "suricata": "as yara",
    # These are left out, and counted.
    "attachment": "a file's content is not shared",
    "http-method": "says nothing alone",
    "link": "a reference for people",
    "port": "says nothing alone",
    "size-in-bytes": "says nothing alone",
}


def patterns_in(value):
    if isinstance(value, dict):
        if value.get("type") == "indicator":
            yield value["pattern"]
        for each in value.values():
            yield from patterns_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from patterns_in(each)


@story
def conversion_pairs(place):
    """The MISP library's own conversions of attributes: our patterns agree with them, or it is said above why not."""
    a, _ = place.mesh("agency.a", "agency.b")
    pairs = json.loads(read(data("misp-stix-pairs/misp_attributes_to_stix21.json")))
    wanted, attributes = {}, []
    for kind, pair in pairs.items():
        (theirs,) = list(patterns_in(pair["STIX"]))[:1] or [None]
        if theirs is None or not isinstance(pair["MISP"], dict):
            continue
        key = str(uuid.uuid4())
        wanted["indicator--" + key] = (kind, theirs)
        attributes.append(dict(pair["MISP"], uuid=key, to_ids=True, comment="", Tag=[]))
        attributes[-1].pop("data", None)
    report = publish(a, event(*attributes, Tag=[{"name": "tlp:green"}])).value
    ours = {feed_text(each)["id"]: feed_text(each)["pattern"] for each in a.feed()}
    same = [kind for key, (kind, theirs) in wanted.items() if ours.get(key) == theirs]
    other = {kind for key, (kind, theirs) in wanted.items() if ours.get(key) != theirs}
    note("%d of %d patterns agree; %d do not, with reasons" % (len(same), len(wanted), len(other)))
    check_equal({kind: OTHERWISE.get(kind) for kind in other if kind not in OTHERWISE}, {}, "every disagreement has its reason", report["refusals"],
                lambda: json.dumps({kind: (theirs, ours.get(key)) for key, (kind, theirs) in wanted.items() if kind in other and kind not in OTHERWISE}))
    check_equal(set(OTHERWISE) - other, set(), "and every reason is needed")
    check(len(same) >= 45, "most agree", len(same))


main()
