#!/usr/bin/python3
"""Files that hooks keep: whatever came, went, changed and ended in between, a file holds what `comity export` would write at that moment, byte for byte;
and who writes it is shown each object once."""
import json
import os
import random
import shutil
import time

from bystanders import stands
from lib import NOT_FOUND, Node, OK, PATIENCE, check, check_equal, happens, indicator, main, must, note, story

FORMATS = ["list", "csv", "hosts", "rpz", "nftables", "zeek", "suricata", "suricata-datasets"]
ADDRESSES = ["8.8.%d.%d" % (i // 4, i % 4) for i in range(16)] + ["8.8.0.0/24", "2001:4860::1", "2001:4860::/48"]


def hooks(place, node, names, more=""):
    """A file hook of each format; their files by format."""
    paths, text = {}, ""
    for name in names:
        paths[name] = place.path("files-%s" % name)
        os.makedirs(paths[name], exist_ok=True)
        if name != "suricata-datasets":
            paths[name] += "/file"
        text += "  %s:\n    file: %s\n    format: %s\n    max-label: TLP:AMBER\n    interval: 1 seconds\n" % (name, paths[name], name)
    with open(os.path.join(node.dir, "hooks.yaml"), "w") as file:
        file.write("version: 1\nhooks:\n" + text + more)
    return paths


def text_of(name, path):
    """What is in a file, or in the files of a folder, but for the moment that a zone tells."""
    if os.path.isdir(path):
        return {each: text_of(name, os.path.join(path, each)) for each in sorted(os.listdir(path)) if not each.startswith(".")}
    try:
        with open(path, "rb") as file:
            text = file.read()
    except FileNotFoundError:
        return None
    return b"\n".join(line for line in text.split(b"\n") if b" SOA " not in line)


def exported(place, node, name, *words):
    path = place.path("exported-" + name)
    shutil.rmtree(path, ignore_errors=True)
    result = node("export", name, "--out", path, "--tlp-max", "TLP:AMBER", "--quiet", *words)
    return text_of(name, path) if result.code == OK else result


def same(place, node, paths, when, *words):
    """Waits until all files are as exports."""
    differ = lambda: [name for name, path in paths.items() if text_of(name, path) != exported(place, node, name, *words)]
    must(lambda: not differ(), 45, "files are as exports, " + when,
         lambda: [(name, text_of(name, paths[name]), exported(place, node, name, *words)) for name in differ()][:1], lambda: node("hook", "list"), node.log_tail)


class Author:
    """Publishes at random, and remembers what it published."""

    def __init__(self, node, reader, numbers):
        self.node, self.reader, self.numbers, self.held, self.moment = node, reader, numbers, {}, 0

    def pattern(self):
        kind = self.numbers.random()
        name = "n%d.example" % self.numbers.randrange(30)
        if kind < 0.3:
            return "[domain-name:value = '%s']" % name
        if kind < 0.5:
            return "[ipv4-addr:value = '%s']" % self.numbers.choice(ADDRESSES[:-2])
        if kind < 0.6:
            return "[ipv6-addr:value = '%s']" % self.numbers.choice(ADDRESSES[-2:])
        if kind < 0.7:
            return "[url:value = 'http://%s/%d']" % (name, self.numbers.randrange(3))
        if kind < 0.8:
            return "[file:hashes.'SHA-256' = '%064x']" % self.numbers.randrange(1, 9)
        if kind < 0.9:
            return "[domain-name:value = '%s' OR ipv4-addr:value = '%s']" % (name, self.numbers.choice(ADDRESSES[:-3]))
        return "[domain-name:value = '%s' AND ipv4-addr:value = '8.8.8.8']" % name

    def publish(self, count, again):
        """New objects, or new versions of some; now and then one above what the files may hold, one that its author revoked, one that ends soon."""
        made = {}
        for _ in range(count):
            number = self.numbers.choice(sorted(self.held)) if again and self.held else len(self.held) + len(made)
            self.moment += 1
            fields = {"pattern": self.pattern(), "modified": "2026-01-02T00:00:%02d.%03dZ" % divmod(self.moment, 1000)}
            if again and self.numbers.random() < 0.2:
                fields["revoked"] = True
            if self.numbers.random() < 0.15:
                fields["valid_until"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.numbers.choice([4, 6, 3600])))
            made[number] = indicator("x", "%s-%d" % (self.node.name, number), **fields)
        label = "TLP:AMBER" if self.numbers.random() < 0.7 else "TLP:AMBER+STRICT"
        result = self.node.publish(list(made.values()), label, [self.reader])
        self.held.update({number: each["id"] for number, each in made.items()})
        return result

    def recall(self):
        number = self.numbers.choice(sorted(self.held))
        self.node("recall", self.held.pop(number), "--reason", "at random")


@story
def at_random(place):
    """Two authors publish, change, revoke, recall; objects end by themselves; the hook process, the node and the narrowing of its policy come in between."""
    place.kills = True
    seed = int(os.environ.get("COMITY_SEED", random.SystemRandom().randrange(10**6)))
    note("COMITY_SEED=%d" % seed)
    numbers = random.Random(seed)
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c", start=False)
    paths = hooks(place, b, FORMATS)
    place.start(a, b, c)
    authors = [Author(a, b, numbers), Author(c, b, numbers)]
    for author in authors:
        author.publish(25, False)
    must(lambda: len(b.feed()) >= 30, 30, "B has objects of both", b.log_tail)
    for turn in range(10):
        for _ in range(numbers.randrange(1, 5)):
            author, act = numbers.choice(authors), numbers.random()
            if act < 0.35 or len(author.held) < 5:
                author.publish(numbers.randrange(1, 12), False)
            elif act < 0.7:
                author.publish(numbers.randrange(1, 4), True)
            else:
                author.recall()
        if turn == 3:
            os.kill(b.pid_of("hook"), 9)
        if turn == 5:
            b.kill()
            b.start()
        if turn == 7:
            b.stop()
            with open(os.path.join(b.dir, "policy.yaml"), "w") as file:
                file.write("version: 1\nexits:\n  export-blocking: {label_max: TLP:GREEN}\n  export-list: {label_max: TLP:AMBER}\n")
            authors[0].publish(3, True)
            b.start()
        if turn in (1, 4, 6, 8, 9):
            same(place, b, paths, "turn %d" % turn)
    check(text_of("csv", paths["csv"]).count(b"\n") > 5, "there is something in them", lambda: text_of("csv", paths["csv"]))


@story
def versions(place):
    """A later version takes the place of the one before; one that may not go there takes that one away; when the later one ends, what counts then is written."""
    a, b = place.mesh("agency.a", "agency.b", start=False)
    paths = hooks(place, b, ["list", "csv"])
    place.start(a, b)
    version = lambda value, second, **more: indicator(value, "one", modified="2026-01-01T00:00:%02d.000Z" % second, **more)
    lists = lambda: (text_of("list", paths["list"]) or b"").decode().split()
    a.publish_good([version("first.example", 1)], "TLP:GREEN", [b])
    must(lambda: lists() == ["first.example"], 30, "the first version", lambda: (lists(), b("hook", "list")))
    a.publish_good([version("second.example", 2)], "TLP:GREEN", [b])
    must(lambda: lists() == ["second.example"], 20, "the second one takes its place", lambda: (lists(), b("hook", "list")))
    a.publish_good([version("third.example", 3)], "TLP:AMBER+STRICT", [b])
    must(lambda: lists() == [], 20, "the third one is not for the file", lambda: (lists(), b("hook", "list")))
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 8 * PATIENCE))
    a.publish_good([version("fourth.example", 4, valid_until=until)], "TLP:GREEN", [b])
    must(lambda: lists() == ["fourth.example"], 6, "the fourth one is, for a while", lambda: (lists(), b("hook", "list")))
    must(lambda: "fourth.example" not in lists(), 20, "when it is over it is out of the file", lambda: (lists(), b("hook", "list")))
    same(place, b, paths, "with whatever counts then")
    a.publish_good([version("fifth.example", 5)], "TLP:GREEN", [b])
    must(lambda: lists() == ["fifth.example"], 20, "a fifth one comes", lambda: (lists(), b("hook", "list")))
    check_equal(a("recall", indicator("x", "one")["id"], "--reason", "x").code, OK, "all of them are recalled")
    must(lambda: lists() == [] and b("get", indicator("x", "one")["id"]).code == NOT_FOUND, 20, "nothing is left", lambda: (lists(), b("hook", "list")))


@story
def an_earlier_version_counts(place):
    """The newest version turns out to be of a stolen node, past its cut: it leaves the file, and the version before is in it again."""
    a, b = place.mesh("agency.a", "agency.b", start=False)
    paths = hooks(place, b, ["list", "csv"])
    place.start(a, b)
    second = Node(place, "agency.a2", init=False)
    public = second.relay.port if second.relay else second.port
    check_equal(second("node", "add", "--from", a.dir, "--listen", "tcp://127.0.0.1:%d" % second.port, "--advertise", "tcp://127.0.0.1:%d" % public,
                       "--no-passphrase").code, OK, "A has a second node")
    second.start()
    must(lambda: sum(link["state"] == "open" for link in second("peers", "--json").value["links"]) == 2, 40, "which is in the mesh", second.log_tail)
    version = lambda value, second: indicator(value, "one", modified="2026-01-01T00:00:%02d.000Z" % second)
    lists = lambda: (text_of("list", paths["list"]) or b"").decode().split()
    second.publish_good([version("good.example", 1)], "TLP:GREEN", ["agency.b"])
    must(lambda: lists() == ["good.example"], 30, "it publishes a version", lambda: (lists(), b("hook", "list")))
    cut = next(log["entries"] for log in second.status()["logs"] if log["own"])
    second.publish_good([version("lie.example", 2)], "TLP:GREEN", ["agency.b"])
    must(lambda: lists() == ["lie.example"], 20, "and whoever stole it another one", lambda: (lists(), b("hook", "list")))
    own = next(row["node"] for row in second("node", "list", "--json").value if row["self"])
    check_equal(a("node", "revoke", own, "--after", cut).code, OK, "it is cut after the good one")
    must(lambda: lists() == ["good.example"], 30, "which counts again", lambda: (lists(), b("hook", "list")))
    same(place, b, paths, "after the cut")


@story
def shown_once(place):
    """Of a change only the change is asked for: the ledger tells that each object was shown to the file once, and what is not for it touches it not."""
    a, b = place.mesh("agency.a", "agency.b", start=False)
    paths = hooks(place, b, ["list"])
    place.start(a, b)
    lists = lambda: (text_of("list", paths["list"]) or b"").decode().split()
    shown = lambda: sum(row["details"]["shown"] for row in b("ledger", "show", "--kind", "look", "--json").values if "list" in json.dumps(row["details"]) and "blocking" in json.dumps(row["details"]))
    for i in range(12):
        a.publish_good([indicator("n%02d.example" % i)], "TLP:GREEN", [b])
        must(lambda: len(lists()) == i + 1, 20, "object %d is in it" % (i + 1), lambda: (lists(), b("hook", "list")))
    before = os.stat(paths["list"]).st_ino
    a.publish_good([indicator("n00.example", "another")], "TLP:GREEN", [b])
    must(lambda: len(b.feed()) == 13, 20, "another object has the same value")
    check(not happens(lambda: os.stat(paths["list"]).st_ino != before, 3), "which changes no list")
    check_equal(a("recall", indicator("n00.example")["id"], "--reason", "x").code, OK, "the first one is recalled")
    must(lambda: b("get", indicator("n00.example")["id"]).code == NOT_FOUND, 20, "it is gone")
    check(not happens(lambda: os.stat(paths["list"]).st_ino != before, 3), "and its value stays, for the other one says it too")
    check_equal(a("recall", indicator("n00.example", "another")["id"], "--reason", "x").code, OK, "so is that one")
    must(lambda: len(lists()) == 11, 20, "now it goes", lambda: (lists(), b("hook", "list")))
    must(lambda: stands(b, "n00.example") == [], 60, "and stands nowhere in the node's files, for whoever has its keys", lambda: stands(b, "n00.example"))
    check_equal(os.listdir(os.path.dirname(paths["list"])), ["file"], "nor beside the file")
    must(lambda: shown() > 0, 90, "the ledger tells of it", lambda: b("ledger", "show", "--kind", "look", "--json").values)
    b.stop()
    b.start()
    total = must(shown, 30, "all of it, after a stop")
    check(13 <= total <= 13 + 2 + 11, "each object once, and each withdrawal; and once more for who began from the start", total,
          lambda: b("ledger", "show", "--kind", "look", "--json").values)


@story
def other_terms(place):
    """An agency gets another name, and is trusted no longer: files tell of it, although no object came or went; and what ends of it goes."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c", start=False)
    paths = hooks(place, b, ["csv", "zeek"])
    place.start(a, b, c)
    object_of = {"type": "domain-name", "spec_version": "2.1", "id": "domain-name--6c5ee0d5-0b7c-5a5e-8f6a-111111111111", "value": "both.example"}
    a.publish_good([object_of, indicator("a.example")], "TLP:GREEN", [b])
    c.publish_good([object_of, indicator("c.example")], "TLP:GREEN", [b])
    must(lambda: len(b.feed()) == 4, 30, "B has four, two of them under one id")
    same(place, b, paths, "of two authors")
    lines = lambda: (text_of("csv", paths["csv"]) or b"").decode()
    must(lambda: lines().count("both.example") == 2 and lines().count("agency.c") == 2, 20, "each stands under its author", lines)
    for name in ("agency.a", "agency.c"):
        check_equal(b("trust", "remove", name).code, OK, "%s is trusted no longer" % name)
    must(lambda: "agency." not in lines(), 30, "names that are gone leave the file", lambda: (lines(), b("hook", "list"), b.log_tail()))
    same(place, b, paths, "of authors without a name")
    check_equal(lines().count("both.example"), 2, "what both had sent stays, each")
    check_equal(b("trust", "add", a.card_path, "--as", "renamed.a", "--yes").code, OK, "one comes back under another name")
    b.publish_good([indicator("own.example")], "TLP:GREEN", ["renamed.a"])
    must(lambda: "renamed.a" in lines() and "own.example" in lines(), 30, "and stands there under it, with the next change", lambda: (lines(), b("hook", "list")))
    check_equal(b("ledger", "erase", "both.example", "--reason", "x").code, OK, "a value is erased")
    must(lambda: "both.example" not in lines(), 20, "and leaves the file, whoever had sent it", lambda: (lines(), b("hook", "list")))
    same(place, b, paths, "at the end")


@story
def by_the_clock(place):
    """An IEP policy ends: nothing comes, nothing is withdrawn, and what it was of leaves the file at that moment all the same."""
    a, b = place.mesh("agency.a", "agency.b", start=False)
    paths = hooks(place, b, ["list"])
    place.start(a, b)
    lists = lambda: (text_of("list", paths["list"]) or b"").decode().split()
    over = time.time() + 8 * PATIENCE
    policy = {"type": "marking-definition", "spec_version": "2.1", "id": "marking-definition--01bc4353-4829-4d55-8d52-0ab7e0790df9",
              "created": "2026-01-01T00:00:00.000Z", "definition_type": "iep",
              "definition": {"id": "01bc4353-4829-4d55-8d52-0ab7e0790df9", "name": "n", "description": None, "iep_version": 2.0,
                             "start_date": "2020-01-01T00:00:00Z", "end_date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(over)),
                             "encrypt_in_transit": "may", "permitted_actions": "externally-visible-direct-actions",
                             "affected_party_notifications": "may", "tlp": "green", "attribution": "may", "unmodified_resale": "must-not"}}
    brief = indicator("brief.example", object_marking_refs=[policy["id"]])
    a.publish_good([policy, brief, indicator("lasting.example")], "TLP:GREEN", [b])
    must(lambda: lists() == ["brief.example", "lasting.example"], 6, "both are in it", lambda: (lists(), b("why", brief["id"], "export-blocking").text))
    newest = b.status()["cursor"]
    must(lambda: time.time() > int(over), 30, "the policy ends")
    must(lambda: lists() == ["lasting.example"], 10, "what it was of leaves", lambda: (lists(), b("hook", "list")))
    check_equal(b.status()["cursor"], newest, "and nothing had come")


@story
def by_age(place):
    """A filter that asks for an age: what grew too old is out with the next change, whatever that is."""
    a, b = place.mesh("agency.a", "agency.b", start=False)
    out = place.path("young")
    os.mkdir(out)
    hooks(place, b, ["list"], "  young:\n    file: %s/list\n    format: list\n    max-label: TLP:AMBER\n    filter: age < %ds\n" % (out, 8 * PATIENCE))
    place.start(a, b)
    now = lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    young = lambda: (text_of("list", out + "/list") or b"").decode().split()
    a.publish_good([indicator("early.example", modified=now())], "TLP:GREEN", [b])
    must(lambda: young() == ["early.example"], 6, "a young one is in it", lambda: (young(), b("hook", "list")))
    began = time.monotonic()
    must(lambda: time.monotonic() - began > 8 * PATIENCE + 1, 30, "time passes")
    a.publish_good([indicator("late.example", modified=now())], "TLP:GREEN", [b])
    must(lambda: "late.example" in young(), 6, "a younger one comes", lambda: (young(), b("hook", "list")))
    check("early.example" not in young(), "the old one is out", young())


main()
