#!/usr/bin/python3
"""What is refused, with which exit code, and that the reason is said."""
import json
import os

from lib import (INTERNAL, MARKINGS, NOT_FOUND, NOT_RUNNING, OK, REFUSED, USAGE, bundle, check, check_equal, comity, fingerprint_of,
                 indicator, indicators, main, must, story)


def refused(result, codes, text, *words):
    codes = codes if isinstance(codes, tuple) else (codes,)
    check(result.code in codes, "%s: exit %s" % (text, " or ".join(map(str, codes))), str(result))
    said = (result.out + result.err).decode("utf-8", "replace").lower()
    for word in words:
        check(word.lower() in said, "%s: the message says %r" % (text, word), str(result))


@story
def recipients_and_labels(place):
    """No label, no or wrong recipients, TLP:RED for all: nothing leaves."""
    a, b = place.mesh("agency.a", "agency.b")
    one, (value,) = indicators("refused", 1)
    refused(a.publish(one, "TLP:GREEN", ["nobody"]), REFUSED, "an unknown recipient", "nobody")
    refused(a.publish(one, "TLP:GREEN", [b.name, "nobody"]), REFUSED, "one known and one unknown recipient", "nobody")
    refused(a.publish(one, "TLP:GREEN", [""]), (USAGE, REFUSED), "an empty recipient list")
    refused(a.publish(one, "TLP:GREEN", [b.name, ""]), (USAGE, REFUSED), "an empty name in the list")
    refused(a.publish(one, "TLP:GREEN", None), (USAGE, REFUSED), "no recipients at all", "--to")
    refused(a.publish(one, None, [b]), REFUSED, "no label", "label")
    refused(a.publish(one, "TLP:PINK", [b]), (USAGE, REFUSED), "an unknown label", "PINK")
    refused(a.publish(one, "TLP:RED", "all"), REFUSED, "TLP:RED for all", "RED")
    red = indicator("own-red.example", object_marking_refs=[MARKINGS["TLP:RED"]])
    refused(a.publish([red], "TLP:GREEN", "all"), REFUSED, "an object's own TLP:RED for all", "RED")
    refused(a("publish", "-", "--tlp", "TLP:GREEN", "--to", b.name, "--to-all", input=bundle(one)), (USAGE, REFUSED), "--to and --to-all")
    check_equal(a.feed(), [], "nothing was taken")
    good, (good_value,) = indicators("accepted", 1)
    check_equal(a.publish(good, "TLP:GREEN", [b]).code, OK, "a proper publication is accepted")
    must(lambda: b.finds(good_value), 30, "and arrives", b.log_tail)
    check(not b.finds(value) and not b.finds("own-red.example"), "nothing of the refused ones did")
    check_equal(len(b.feed()), 1, "B has this one object")


@story
def stricter_label_wins(place):
    """--tlp and the object's own markings: the more restrictive holds; TLP 1.0 ids count."""
    a, b = place.mesh("agency.a", "agency.b")
    white = "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"
    cases = [("amber-own.example", [MARKINGS["TLP:AMBER"]], "TLP:GREEN", "TLP:AMBER"),
             ("green-own.example", [MARKINGS["TLP:GREEN"]], "TLP:RED", "TLP:RED"),
             ("none-own.example", None, "TLP:AMBER+STRICT", "TLP:AMBER+STRICT"),
             ("white-own.example", [white], None, "TLP:CLEAR")]
    for value, refs, tlp, wanted in cases:
        made = indicator(value, **({"object_marking_refs": refs} if refs else {}))
        check_equal(a.publish([made], tlp, [b]).code, OK, "%s is accepted with %s" % (value, tlp))
        must(lambda: b.finds(value), 30, "%s arrives" % value, b.log_tail)
        got = b("search", value, "--json")
        check(('"%s"' % wanted) in got.text, "it is %s there" % wanted, str(got))


@story
def exit_codes(place):
    """0 success, 1 not found, 2 usage, 3 refused, 4 not running, 5 internal."""
    a = place.node("agency.a")
    check_equal(comity().code, USAGE, "no command")
    check_equal(comity("frobnicate").code, USAGE, "an unknown command")
    check_equal(a("search").code, USAGE, "search without a value")
    check_equal(a("feed", "--no-such-option").code, USAGE, "an unknown option")
    check_equal(comity("version").code, OK, "version")
    check_equal(a("check-config").code, OK, "check-config of what init wrote")
    one, _ = indicators("code", 1)
    for words in (("status",), ("peers",), ("search", "x.example"), ("feed",), ("get", "indicator--x")):
        check_equal(a(*words).code, NOT_RUNNING, "%s without a node" % words[0])
    check_equal(a.publish(one, "TLP:GREEN", "all").code, NOT_RUNNING, "publish without a node")
    check_equal(a("trust", "list").code, OK, "trust list works without a node")
    check_equal(a("trust", "remove", "nobody").code, NOT_FOUND, "removing who is not pinned")
    a.start()
    check_equal(a("search", "not-here.example").code, NOT_FOUND, "search for what is not here")
    check_equal(a("get", "indicator--00000000-0000-4000-8000-000000000000").code, NOT_FOUND, "get of what is not here")
    check_equal(a("status").code, OK, "status")
    check_equal(a("--json", "status").code in (OK, USAGE), True, "an option before the command is either taken or a usage error")
    check_equal(a("status", "--json").code, OK, "options may follow")
    check_equal(a("trust", "list", "--json").code, OK, "trust list works with a node")
    for words in (("backup",), ("restore",), ("verify",)):
        check(a(*words).code in (REFUSED, USAGE, INTERNAL), "%s says what is missing" % words[0])


@story
def cards(place):
    """A card that was altered, carries another fingerprint, or is no card is not pinned."""
    a, b = place.node("agency.a"), place.node("agency.b")
    with open(b.card_path, "rb") as file:
        card = file.read()
    fingerprint = b.fingerprint()
    lines = card.decode().splitlines()
    body = [index for index, line in enumerate(lines) if line and "-----" not in line]

    def altered(line_index, column):
        line = lines[line_index]
        other = "A" if line[column] != "A" else "B"
        changed = lines[:line_index] + [line[:column] + other + line[column + 1:]] + lines[line_index + 1:]
        return "\n".join(changed) + "\n"

    for number, (index, column) in enumerate([(body[0], 0), (body[1], 5), (body[len(body) // 2], 30), (body[-2], 10)]):
        path = place.path("altered.%d" % number, altered(index, column))
        refused(a("trust", "add", path, "--as", "x", "--fingerprint", fingerprint), REFUSED, "a card with one altered character (%d)" % number)
    refused(a("trust", "add", place.path("cut", card[:len(card) // 2]), "--as", "x", "--yes"), REFUSED, "half a card")
    refused(a("trust", "add", place.path("none", b"hello"), "--as", "x", "--yes"), REFUSED, "a file that is no card")
    refused(a("trust", "add", place.path("empty", b""), "--as", "x", "--yes"), REFUSED, "an empty file")
    check(a("trust", "add", place.path("absent"), "--as", "x", "--yes").code in (NOT_FOUND, REFUSED), "a file that is not there")
    refused(a("trust", "add", b.card_path, "--as", "b", "--fingerprint", fingerprint_of(a.card_path)), REFUSED,
            "another fingerprint", "fingerprint")
    refused(a("trust", "add", b.card_path, "--as", "b", "--fingerprint", fingerprint[:-1]), (USAGE, REFUSED), "a shortened fingerprint")
    refused(a("trust", "add", b.card_path, "--as", "b"), (USAGE, REFUSED), "no fingerprint and no terminal", "fingerprint")
    refused(a("trust", "add", a.card_path, "--as", "me", "--yes"), REFUSED, "our own card")
    check(b"agency.b" not in a("trust", "list").out, "nothing was pinned")
    check_equal(a("trust", "add", b.card_path, "--as", "b", "--fingerprint", fingerprint.lower()).code, OK, "the right one is accepted")
    listed = a("trust", "list", "--json")
    check(fingerprint in listed.text, "trust list tells the fingerprint", str(listed))
    refused(a("trust", "add", place.node("agency.c").card_path, "--as", "b", "--yes"), REFUSED, "a name that is taken")
    check_equal(a("trust", "remove", "b").code, OK, "and it can be removed")


@story
def directories(place):
    """Two nodes on one directory, a port in use, a second init, a damaged configuration."""
    a = place.node("agency.a").start()
    second = comity("run", "--dir", a.dir, seconds=20)
    check(second.code in (REFUSED, INTERNAL) and second.err, "a second node on the directory is refused", str(second))
    check(a.ready(), "and the first runs on")
    b = place.node("agency.b", init=False)
    b.port = a.port
    b.init()
    second = comity("run", "--dir", b.dir, seconds=20)
    check(second.code in (REFUSED, INTERNAL) and str(a.port) in second.err.decode(), "a port in use is named and refused", str(second))
    check(a.ready(), "and the node that has it runs on")
    refused(a("init", "--agency", "x", "--listen", "tcp://127.0.0.1:1", "--no-passphrase"), REFUSED, "init in a directory that holds a node")
    os.mkdir(place.path("empty"))
    check_equal(comity("init", "--dir", place.path("empty"), "--agency", "x", "--no-passphrase").code, OK, "init accepts an empty directory")
    a.stop()
    path = os.path.join(a.dir, "comity.yaml")
    with open(path) as file:
        good = file.read()
    with open(path, "w") as file:
        file.write(good + "\nno-such-key: 1\n")
    line = str(len((good + "\n").splitlines()) + 1)
    refused(a("check-config"), (USAGE, REFUSED), "an unknown key in the configuration", "no-such-key", "comity.yaml:" + line)
    check(comity("run", "--dir", a.dir, seconds=20).code != OK, "the node does not start with it")
    with open(path, "w") as file:
        file.write(good)
    a.start()
    check_equal(a("status").code, OK, "and does with the good one")


@story
def passphrases(place):
    """A sealed key file opens with its passphrase only."""
    node = place.node("agency.p", relayed=False, init=False)
    right, wrong = place.path("right", "correct horse battery\n"), place.path("wrong", "incorrect horse battery\n")
    made = node("init", "--agency", node.name, "--listen", "tcp://127.0.0.1:%d" % node.port, "--passphrase-file", right)
    check_equal(made.code, OK, "init with a passphrase file", str(made))
    refused(comity("run", "--dir", node.dir, "--passphrase-file", wrong, seconds=30), REFUSED, "a wrong passphrase", "passphrase")
    refused(comity("run", "--dir", node.dir, seconds=30), REFUSED, "no passphrase and no terminal", "passphrase")
    check(not node.contains(b"correct horse"), "the passphrase stands nowhere in the directory")


@story
def json_everywhere(place):
    """--json prints JSON with stable keys on each command that prints."""
    a, b = place.mesh("agency.a", "agency.b")
    objects, (value,) = indicators("json", 1)
    a.publish_good(objects, "TLP:GREEN", "all")
    must(lambda: b.finds(value), 30, "an object arrives")
    for words in (("status",), ("peers",), ("feed",), ("search", value), ("get", objects[0]["id"]), ("trust", "list"), ("version",),
                  ("check-config",), ("card", "show", a.card_path)):
        result = b(*words, "--json")
        try:
            good = result.code == OK and len(result.values) >= 1
        except ValueError:
            good = False
        check(good, "%s --json" % words[0], str(result))
    text = b("feed").text
    check(b.feed()[0] and objects[0]["id"] in text and "agency.a" in text and "TLP:GREEN" in text, "feed tells object, author, label", text)
    check(json.dumps(objects[0], separators=(",", ":")) in b("get", objects[0]["id"]).text.replace("\\\"", "\""),
          "get tells the object as its author wrote it, minified", str(b("get", objects[0]["id"])))


main()
