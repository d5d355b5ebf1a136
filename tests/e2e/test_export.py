#!/usr/bin/python3
"""Exports, each judged by the tool that loads it, or by a reader of its own format where there is none."""
import csv
import hashlib
import io
import ipaddress
import json
import os
import resource
import shutil
import signal
import subprocess
import uuid

from lib import COMITY, INTERNAL, PATIENCE, REFUSED, OK, USAGE, check, check_equal, indicator, indicators, main, must_hold, note, skip, story

LABEL64 = "a" * 64 + ".example.org"
GOOD = {
    "domain": ["evil.example.org", "r2---sn-abc.example.net", "xn--bcher-kva.example.com", "under_score.example.org", "a" * 63 + ".example.org"],
    "ipv4": ["8.8.4.4", "9.9.9.0/24", "93.184.216.34"],
    "ipv6": ["2606:4700:4700::1111", "2a00:1450::/32", "2001:4860:4860:0:1::8888"],
    "url": ["http://evil.example.org/a;b?c=\"d\"|e", "https://[2606:4700:4700::1111]:8443/x", "http://user@evil.example.net"],
    "email": ["mallory@evil.example.org"],
    "md5": ["0749bae92ca336a02c83d126e04ec628"],
    "sha256": ["b3c4ae251f8094fa15b510051835c657eaef2a6cea46075d3aec964b14a99f68"],
}
# What must not stand in a file that blocks, and why.
BAD = {"com": "public-suffix", "co.uk": "public-suffix", "0.0.0.0/0": "wide-network", "::/0": "wide-network", "10.1.2.3": "local-address",
       "127.0.0.1": "local-address", "d41d8cd98f00b204e9800998ecf8427e": "empty-file", "fe80::1": "local-address", "64.0.0.0/2": "wide-network"}
INSIDE = ["9.9.9.9"]  # inside 9.9.9.0/24: sets of intervals may not overlap


def pattern(value, kind):
    path = {"domain": "domain-name:value", "ipv4": "ipv4-addr:value", "ipv6": "ipv6-addr:value", "url": "url:value", "email": "email-addr:value",
            "md5": "file:hashes.MD5", "sha256": "file:hashes.'SHA-256'"}[kind]
    return "[%s = '%s']" % (path, value.replace("\\", "\\\\").replace("'", "\\'"))


def kind_of(value):
    return "md5" if len(value) == 32 and value.isalnum() else "ipv6" if ":" in value else "ipv4" if value.replace("/", "").replace(".", "").isdigit() else "domain"


def objects():
    found = []
    for kind, values in GOOD.items():
        for value in values:
            found.append(dict(indicator(str(uuid.uuid4())), pattern=pattern(value, kind), name=value))
    for value in list(BAD) + INSIDE + [LABEL64]:
        found.append(dict(indicator(str(uuid.uuid4())), pattern=pattern(value, kind_of(value)), name=value))
    # Not values that stand for themselves.
    found.append(dict(indicator(str(uuid.uuid4())), pattern="[ipv4-addr:value = '1.2.3.4' AND domain-name:value = 'both.example.org']"))
    found.append(dict(indicator(str(uuid.uuid4())), pattern="[domain-name:value = 'gone.example.org']", revoked=True))
    return found


def prepared(place):
    a, b = place.mesh("agency.a", "agency.b")
    wanted = objects()
    a.publish_good(wanted, "TLP:GREEN", [b])
    must_hold(b, len(wanted), 60, "B has the objects", b.log_tail)
    return b, wanted


def export(node, form, *words, name=None):
    path = node.place.path(name or form)
    result = node("export", form, "--out", path, "--json", *words)
    check_equal(result.code, OK, "export %s" % form, lambda: result)
    left = [each for each in os.listdir(os.path.dirname(path)) if ".tmp-" in each]
    check_equal(left, [], "%s: no half file is left" % form)
    return path, result.value


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def judge(text, *words):
    """Runs a tool that reads the format; missing, it is said."""
    if not shutil.which(words[0], path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
        note("%s is not installed: %s is not judged" % (words[0], text))
        return
    run = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=120,
                         env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))
    check_equal(run.returncode, 0, text, lambda: run.stdout.decode(errors="replace"))


@story
def lists(place):
    """Plain list, hosts, CSV and Zeek: what stands in them, and what was left out and why."""
    node, wanted = prepared(place)
    path, report = export(node, "list")
    flat = [value for values in GOOD.values() for value in values]
    lines = read(path).splitlines()
    check_equal(sorted(lines), sorted(set(flat + INSIDE)), "the list has what may be blocked, once each")
    for reason in set(BAD.values()):
        check_equal(report["left_out"].get(reason), list(BAD.values()).count(reason), "left out: %s" % reason)
    check_equal((report["left_out"].get("conjunction"), report["left_out"].get("revoked")), (1, 1), "no joined pattern, no revoked one")
    check_equal(report["left_out"].get("other-kind"), 1, "nor the name with a label of 64 octets")
    check_equal(sorted(read(export(node, "list", "--kind", "md5,sha256", name="hashes")[0]).split()), sorted(GOOD["md5"] + GOOD["sha256"]), "by kind")

    hosts = [line.split() for line in read(export(node, "hosts")[0]).splitlines() if not line.startswith("#")]
    check_equal(sorted(hosts), sorted(["0.0.0.0", name] for name in GOOD["domain"]), "the hosts file")

    with open(export(node, "csv")[0], newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    check(set(flat) <= {row["value"] for row in rows}, "the CSV file gives each value back")
    check_equal({row["label"] for row in rows}, {"TLP:GREEN"}, "with its label")
    check_equal({row["id"] for row in rows} - {each["id"] for each in wanted}, set(), "and its object")

    zeek = [line.split("\t") for line in read(export(node, "zeek")[0]).splitlines()]
    check_equal(zeek[0], ["#fields", "indicator", "indicator_type", "meta.source", "meta.desc"], "Zeek's header")
    check_equal({len(row) for row in zeek[1:]}, {4}, "four columns in each row")
    types = {row[0]: row[1] for row in zeek[1:]}
    check_equal((types["8.8.4.4"], types["9.9.9.0/24"], types["evil.example.org"], types[GOOD["md5"][0]]),
                ("Intel::ADDR", "Intel::SUBNET", "Intel::DOMAIN", "Intel::FILE_HASH"), "its types")
    check_equal(types.get("evil.example.net", types.get("user@evil.example.net")), "Intel::URL", "URLs without their scheme")

    check_equal(node("export", "nonsense").code, USAGE, "an unknown format is refused")
    check_equal(node("export", "misp-feed").code, USAGE, "a format of several files wants a folder")
    check_equal(node("export", "list", "--kind", "colour").code, USAGE, "as is an unknown kind")
    os.mkdir(place.path("closed"), 0o500)
    result = node("export", "list", "--out", place.path("missing/there"))
    check(result.code not in (OK, REFUSED) or result.code == 1, "a folder that is not there is an error", lambda: result)
    check(node("export", "list").out.decode().splitlines() == lines, "standard output gets the same")


@story
def zones(place):
    """DNS response policy zone: BIND's and Unbound's own checkers take it."""
    node, _ = prepared(place)
    path, _ = export(node, "rpz")
    text = read(path)
    check("evil.example.org CNAME .\n*.evil.example.org CNAME .\n" in text, "a name and all below it")
    check("24.0.9.9.9.rpz-ip CNAME .\n" in text, "a network")
    check("128.1111.zz.4700.4700.2606.rpz-ip CNAME .\n" in text and "32.zz.1450.2a00.rpz-ip CNAME .\n" in text, "in IPv6 with zz", lambda: text)
    check("\ncom CNAME" not in text and LABEL64 not in text, "no public suffix, no bad name")
    judge("named-checkzone takes it", "named-checkzone", "-i", "none", "rpz.comity", path)
    config = place.path("unbound.conf", 'server:\n  module-config: "respip validator iterator"\n  chroot: ""\n  username: ""\n  directory: "%s"\n'
                        "rpz:\n  name: rpz.comity\n  zonefile: %s\n" % (place.dir, path))
    judge("unbound-checkconf takes it", "unbound-checkconf", config)
    for bad in ("", "two words", "rpz.", "a..b", "rpz\n$INCLUDE /etc/passwd", "x" * 64, "a." * 64 + "a"):
        result = node("export", "rpz", "--zone", bad)
        check(result.code == USAGE and not result.out, "a zone name that would spoil the file is refused", lambda: (bad, result))
    check("$ORIGIN my-zone.example.\n" in node("export", "rpz", "--zone", "my-zone.example").out.decode(), "a good one heads the file")
    check_equal(node("export", "list", "--zone", "rpz.example").code, USAGE, "only rpz has a zone")


@story
def firewall(place):
    """nftables: nft checks it and loads it, twice, in a network namespace of its own."""
    node, _ = prepared(place)
    path, _ = export(node, "nftables")
    if os.geteuid() != 0 or subprocess.run(["unshare", "-n", "true"], check=False).returncode != 0:
        skip("no network namespace may be made here")
    judge("nft -c takes it", "unshare", "-n", "nft", "-c", "-f", path)
    script = place.path("load", "set -e\nnft -f %s\nnft -f %s\nnft -j list ruleset\n" % (path, path))
    run = subprocess.run(["unshare", "-n", "sh", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                         env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))
    check_equal(run.returncode, 0, "it loads, and again over itself", lambda: run.stderr.decode())
    held = {}
    for each in json.loads(run.stdout)["nftables"]:
        if "set" in each:
            held[each["set"]["name"]] = each["set"].get("elem", [])
    networks = lambda name: {ipaddress.ip_network("%s/%d" % (e["prefix"]["addr"], e["prefix"]["len"]) if isinstance(e, dict) else e) for e in held[name]}
    check_equal(networks("blocked4"), {ipaddress.ip_network(value) for value in GOOD["ipv4"]}, "the IPv4 set; the address inside a network is not doubled")
    check_equal(networks("blocked6"), {ipaddress.ip_network(value) for value in GOOD["ipv6"]}, "the IPv6 set")


@story
def suricata(place):
    """Suricata: its own test run takes the rules and the datasets."""
    node, _ = prepared(place)
    path, report = export(node, "suricata", name="comity.rules")
    rules = [line for line in read(path).splitlines() if not line.startswith("#")]
    sids = [line.rsplit("sid:", 1)[1].split(";")[0] for line in rules]
    check(len(rules) >= report["written"] > 0 and len(set(sids)) == len(sids), "a rule for each value, each with a number of its own")
    check_equal(read(export(node, "suricata", name="again.rules")[0]), read(path), "the numbers stay from export to export")
    folder, _ = export(node, "suricata-datasets", name="datasets")
    check_equal(sorted(os.listdir(folder)), ["comity-domains.lst", "comity-md5.lst", "comity-sha256.lst", "comity.rules"], "the datasets")
    logs = place.path("suricata-log")
    os.mkdir(logs)
    config = place.path("suricata.yaml", "%%YAML 1.1\n---\nvars:\n  address-groups:\n    HOME_NET: any\n    EXTERNAL_NET: any\n"
                        "default-log-dir: %s\nclassification-file: %s\n"
                        "app-layer:\n  protocols:\n    dns:\n      enabled: yes\n    tls:\n      enabled: yes\n    http:\n      enabled: yes\n"
                        % (logs, place.path("classification.config", "config classification: trojan-activity,A Network Trojan was detected,1\n")))
    judge("suricata -T takes the rules", "suricata", "-T", "-c", config, "-S", path, "-l", logs)
    judge("suricata -T takes the datasets", "suricata", "-T", "-c", config, "-S", os.path.join(folder, "comity.rules"), "-l", logs,
          "--set", "default-rule-path=%s" % folder, "--data-dir=%s" % folder)


@story
def objects_out(place):
    """STIX: a bundle and lines, byte for byte what was published, and good under the OASIS schemas."""
    node, wanted = prepared(place)
    bundle = json.loads(read(export(node, "stix")[0]))
    by_id = {each["id"]: each for each in wanted}
    check_equal({each["id"]: each for each in bundle["objects"]}, by_id, "the bundle has all objects as they were given")
    lines = [json.loads(line) for line in read(export(node, "jsonl")[0]).splitlines()]
    check_equal({each["id"]: each for each in lines}, by_id, "as have the lines")
    schemas = os.path.join(os.environ.get("COMITY_SHARED", "../shared"), "data/stix21/schemas/schemas")
    if not os.path.isdir(schemas):
        note("the OASIS schemas are not here: the bundle is not judged by them")
        return
    import jsonschema
    store = {}
    for folder, _, names in os.walk(schemas):
        for name in names:
            if name.endswith(".json"):
                schema = json.loads(read(os.path.join(folder, name)))
                schema.pop("$id", None)  # so that references between the files are those between their paths
                store["file://" + os.path.abspath(os.path.join(folder, name))] = schema
    base = "file://" + os.path.abspath(os.path.join(schemas, "common/bundle.json"))
    resolver = jsonschema.RefResolver(base, store[base], store=store)
    errors = [error.message[:300] for error in jsonschema.Draft7Validator(store[base], resolver=resolver).iter_errors(bundle)]
    check_equal(errors, [], "and the schema of bundles takes it")


@story
def versions(place):
    """Of an object only its newest version is exported, also from so many that the index is not asked for each."""
    a, b = place.mesh("agency.a", "agency.b")
    old = indicator("old.example", id="indicator--5f1c0a52-55e8-4d6a-9f31-2a54fb3d4d10")
    new = dict(indicator("new.example"), id=old["id"], modified="2026-06-01T00:00:00.000Z")
    many, _ = indicators("many", 24000)
    a.publish_good([old], "TLP:GREEN", [b])
    a.publish_good(many, "TLP:GREEN", [b])
    a.publish_good([new], "TLP:GREEN", [b])
    for when in ("at first", "again"):
        values = a("export", "list", "--quiet", "--kind", "domain").out.decode().split()
        check_equal((len(values), "old.example" in values, "new.example" in values), (24001, False, True), "the newest version, %s" % when)
    newer = dict(indicator("newer.example"), id=old["id"], modified="2026-07-01T00:00:00.000Z")
    a.publish_good([newer], "TLP:GREEN", [b])
    values = a("export", "list", "--quiet", "--kind", "domain").out.decode().split()
    check_equal((len(values), "new.example" in values, "newer.example" in values), (24001, False, True), "and one that came since")
    ids = [json.loads(line)["id"] for line in a("export", "jsonl", "--quiet").out.splitlines()]
    check_equal(ids, [each["id"] for each in many] + [old["id"]], "all of them in the order of their arrival")
    with open("/dev/full", "wb") as full:
        ended = subprocess.run([COMITY, "export", "jsonl", "--quiet", "--dir", a.dir], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE,
                               timeout=60 * PATIENCE, check=False)
    check_equal((ended.returncode, ended.stderr.count(b"\n")), (INTERNAL, 1), "a target that is full ends the export in the middle", ended.stderr)
    place_full(place, a)
    check_equal(a("export", "list", "--quiet", "--kind", "domain").out.count(b"\n"), 24001, "and the node goes on")


def place_full(place, a):
    """A file that the disk takes no more of, in the middle: the one that stands stays, and nothing is left beside it."""
    folder = place.path("full")
    os.mkdir(folder)
    path = os.path.join(folder, "list")
    with open(path, "w", encoding="ascii") as old:
        old.write("old\n")

    def bound():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    ended = subprocess.run([COMITY, "export", "jsonl", "--quiet", "--dir", a.dir, "--out", path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.PIPE, timeout=60 * PATIENCE, check=False, preexec_fn=bound)
    check(ended.returncode != OK and b"list: " in ended.stderr, "a disk that is full ends it, and it says which file", ended.stderr)
    check_equal((read(path), os.listdir(folder)), ("old\n", ["list"]), "the old file stands, and nothing beside it")


@story
def misp(place):
    """MISP: events and a feed folder whose manifest, events and hashes agree."""
    node, wanted = prepared(place)
    events = json.loads(read(export(node, "misp")[0]))["response"]
    check_equal(len(events), 1, "one event for one author and label")
    event = events[0]["Event"]
    check_equal([tag["name"] for tag in event["Tag"]], ["tlp:green"], "with its label as a tag")
    values = {attribute["value"]: attribute["type"] for attribute in event["Attribute"]}
    check_equal((values["8.8.4.4"], values["evil.example.org"], values[GOOD["sha256"][0]]), ("ip-dst", "domain", "sha256"), "typed attributes")
    check("gone.example.org" not in values, "no revoked one")
    folder, _ = export(node, "misp-feed", name="feed")
    manifest = json.loads(read(os.path.join(folder, "manifest.json")))
    check_equal(set(os.listdir(folder)), {"manifest.json", "hashes.csv"} | {key + ".json" for key in manifest}, "a feed: manifest, hashes, events")
    hashes = {tuple(row) for row in csv.reader(io.StringIO(read(os.path.join(folder, "hashes.csv"))))}
    made = set()
    for key, facts in manifest.items():
        one = json.loads(read(os.path.join(folder, key + ".json")))["Event"]
        check_equal((one["uuid"], one["info"], one["Orgc"], one["timestamp"]), (key, facts["info"], facts["Orgc"], facts["timestamp"]), "event and manifest agree")
        made |= {(hashlib.md5(attribute["value"].encode()).hexdigest(), key) for attribute in one["Attribute"]}
    check_equal(hashes, made, "as do the hashes")
    check_equal(len({attribute["uuid"] for attribute in event["Attribute"]}), len(event["Attribute"]), "each attribute has an id of its own")
    check(all(any(each["id"] == attribute["comment"] for each in wanted) for attribute in event["Attribute"]), "and tells its object")


main()
