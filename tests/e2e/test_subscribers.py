#!/usr/bin/python3
"""The whole way: what one agency publishes is at once in everything that another one's response team uses, and as soon gone when it is recalled."""
import json
import os
import shutil
import subprocess
import sys
import threading
import time

from lib import OK, PATIENCE, ROOT, _die_with_parent, check, check_equal, free_port, indicator, main, must, note, story, wait_until
from web import Web, enable, start, token

ENVIRONMENT = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
HERE_WITHIN, GONE_WITHIN = 2, 5  # seconds


class Lines:
    """What a follower holds that hears of objects and withdrawals, one JSON line for each."""

    def __init__(self):
        self.held = set()

    def take(self, line):
        if "object" in line:
            self.held.add(line["object"]["id"])
        elif "withdrawn" in line:
            self.held.discard(line["withdrawn"])


class Events(Lines):
    """A client of Server-Sent Events: one connection that stays."""
    name = "an SSE client"

    def __init__(self, node, secret):
        super().__init__()
        web = Web(node, "soc", secret)
        web.connection.request("GET", "/feed", headers={"Authorization": web.authorization, "Accept": "text/event-stream", "Last-Event-ID": "0"})
        self.response = web.connection.getresponse()
        self.connection = web.connection
        check_equal(self.response.status, 200, "the stream of events is open")
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        try:
            for line in iter(self.response.readline, b""):
                if line.startswith(b"data: "):
                    self.take(json.loads(line[6:]))
        except (OSError, ValueError, AttributeError):
            pass  # the story is over

    def has(self, name, address):
        return {name["id"], address["id"]} <= self.held

    def has_any(self, name, address):
        return bool({name["id"], address["id"]} & self.held)

    def close(self):
        pass


class Live(Lines):
    """The ZeroMQ client that ships (deploy/clients)."""
    name = "the ZeroMQ client"

    def __init__(self, place, node):
        super().__init__()
        keys, here = place.path("client.key"), node("client", "show", "--json").value
        public = node("client", "keygen", keys).out.decode().strip()
        result = node("client", "add", "soc", public, "--max-label", "TLP:GREEN")
        check_equal(result.code, OK, "the ZeroMQ client is admitted", result)
        self.log = open(place.path("client.log"), "w+")
        self.process = subprocess.Popen([sys.executable, "-B", os.path.join(ROOT, "deploy/clients/live_client.py"), "tcp://127.0.0.1:%d" % node.live_port, here["key"], keys, "",
                                         place.path("client.position")], stdout=subprocess.PIPE, stderr=self.log, preexec_fn=_die_with_parent)
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        for line in self.process.stdout:
            self.take(json.loads(line))

    has, has_any = Events.has, Events.has_any

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


class Taxii:
    name = "a TAXII client"

    def __init__(self, node, secret):
        self.web = Web(node, "soc", secret)

    def has(self, name, address):
        return {name["id"], address["id"]} <= set(self.web.ids())

    def has_any(self, name, address):
        return bool({name["id"], address["id"]} & set(self.web.ids()))

    def close(self):
        pass


class Zone:
    """The resolver's file, which named-checkzone takes at any time."""
    name = "a resolver's zone"

    def __init__(self, path):
        self.path = path

    def has(self, name, address):
        with open(self.path) as file:
            text = file.read()
        if shutil.which("named-checkzone", path=ENVIRONMENT["PATH"]):
            judge = subprocess.run(["named-checkzone", "-q", "-i", "none", "rpz.example", self.path], env=ENVIRONMENT, check=False)
            if judge.returncode != 0:
                raise RuntimeError("named-checkzone refuses the zone:\n" + text)
        return "\n%s CNAME .\n" % value_of(name) in text

    has_any = has

    def close(self):
        pass


class Firewall:
    """nftables in a network namespace of the story's own."""
    name = "a firewall"

    def __init__(self, space):
        self.space = space

    def has(self, name, address):
        run = subprocess.run(["nsenter", "--net=" + self.space, "nft", "list", "ruleset"], stdout=subprocess.PIPE, env=ENVIRONMENT, check=False)
        return value_of(address) in run.stdout.decode()

    has_any = has

    def close(self):
        pass


def value_of(each):
    return each["pattern"].split("'")[1]


def things(word, octet):
    """A name and an address."""
    return indicator(word + ".bad.example.org"), indicator(word, pattern="[ipv4-addr:value = '8.8.4.%d']" % octet)


def space_make(place):
    """A network namespace, entered through a file; None where none may be made."""
    path = place.path("space", "")
    if os.geteuid() != 0 or not shutil.which("nft", path=ENVIRONMENT["PATH"]):
        return None
    return path if subprocess.run(["unshare", "--net=" + path, "true"], stderr=subprocess.PIPE, check=False).returncode == 0 else None


def live_enable(node):
    node.live_port = free_port()
    path = os.path.join(node.dir, "comity.yaml")
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(text.replace('live.listen: ""', "live.listen: 127.0.0.1:%d" % node.live_port))


def subscribers(place, space):
    """Two agencies, and at the second one everything that a response team plugs in, up to TLP:GREEN."""
    a, b = place.mesh("agency.a", "agency.b", start=False)
    enable(b)
    live_enable(b)
    os.mkdir(place.path("out"))
    zone, sets = place.path("out/rpz.zone"), place.path("out/comity.nft")
    text = "version: 1\nhooks:\n  resolver:\n    file: %s\n    format: rpz\n    zone: rpz.example\n    max-label: TLP:GREEN\n" % zone
    if space:
        text += ("  firewall:\n    file: %s\n    format: nftables\n    max-label: TLP:GREEN\n    reload: [/usr/bin/nsenter, '--net=%s', /usr/sbin/nft, '-f', %s]\n"
                 "    runs: [/usr/sbin/nft]\n    reads: [%s]\n" % (sets, space, sets, space))
    with open(os.path.join(b.dir, "hooks.yaml"), "w") as file:
        file.write(text)
    place.start(a, link=False)
    start(place, b, link=False)
    place.link(a, b)
    secret = token(b, "soc", "--max-label", "TLP:GREEN", "--rate", "1000")
    found = [Taxii(b, secret), Live(place, b), Events(b, secret), Zone(zone)] + ([Firewall(space)] if space else [])
    if not space:
        note("no network namespace may be made here: the firewall is left out")
    must(lambda: os.path.exists(zone), 20, "the zone is there", b.log_tail)
    return a, b, found


def all_within(found, seconds, condition, text, *details):
    """Each of them, within so many seconds of now; tells how long each took."""
    began, took = time.monotonic(), {}

    def look():
        for each in found:
            if each not in took and condition(each):
                took[each] = time.monotonic() - began
        return len(took) == len(found)

    wait_until(look, seconds, every=0.02)
    for each in found:
        check(each in took, "%s: %s (within %g s)" % (each.name, text, seconds), *details)
    note(", ".join("%s after %.2f s" % (each.name, took[each]) for each in found))


@story
def end_to_end(place):
    """A publishes; within 2 s all five at B have it. A recalls; within 5 s it is gone from all five. What is above their label comes to none."""
    space = space_make(place)
    a, b, found = subscribers(place, space)
    try:
        secret, first = things("secret", 9), things("first", 1)
        a.publish_good(list(secret), "TLP:AMBER", [b])
        a.publish_good(list(first), "TLP:GREEN", [b])
        details = lambda: (b("hook", "list"), b("client", "list"), b.log_tail())
        all_within(found, HERE_WITHIN, lambda each: each.has(*first), "has it", details)
        for each in found:
            check(not each.has_any(*secret), "%s: nothing above its label" % each.name)

        second = things("second", 2)
        a.publish_good(list(second), "TLP:GREEN", [b])
        all_within(found, HERE_WITHIN, lambda each: each.has(*second), "has what comes next", details)

        began = time.monotonic()
        for each in first:
            check_equal(a("recall", each["id"], "--reason", "a mistake").code, OK, "A recalls one of the first")
        spent = time.monotonic() - began
        all_within(found, round(max(GONE_WITHIN - spent / PATIENCE, 1), 1), lambda each: not each.has_any(*first), "it is gone", details)
        for each in found:
            check(each.has(*second), "%s: the others stay" % each.name)
    finally:
        for each in found:
            each.close()
        if space:
            subprocess.run(["umount", space], check=False)


@story
def not_for_exports(place):
    """What may be read, but not acted on in public (PAP:RED), comes to no file that blocks; the label allows it for the others."""
    space = space_make(place)
    a, b, found = subscribers(place, space)
    try:
        quiet, loud = things("quiet", 3), things("loud", 4)
        publish = lambda objects, *words: a("publish", "-", "--tlp", "green", *words, "--to", "agency.b", input=json.dumps(list(objects)).encode())
        check_equal(publish(quiet, "--pap", "red").code, OK, "published for reading only")
        check_equal(publish(loud).code, OK, "and without that limit")
        all_within(found, 10, lambda each: each.has(*loud), "has what is not limited", lambda: (b("hook", "list"), b.log_tail()))
        for each in found:
            if isinstance(each, (Zone, Firewall)):
                check(not each.has_any(*quiet), "%s: nothing that may not be acted on" % each.name)
        check(b.finds(value_of(quiet[0])), "though the node holds it")
    finally:
        for each in found:
            each.close()
        if space:
            subprocess.run(["umount", space], check=False)


main()
