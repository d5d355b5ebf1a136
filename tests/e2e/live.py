"""live: what the stories of the live feed share: nodes with one, a client that speaks the protocol word by word, and those that ship."""
import json
import os
import re
import subprocess
import time

import msgpack
import zmq
import zmq.auth

from lib import BUILD, PATIENCE, ROOT, _die_with_parent, free_port

CLIENTS = os.path.join(ROOT, "deploy", "clients")


def configure(node, key, value):
    """One line of the configuration; before the node is started."""
    path = os.path.join(node.dir, "comity.yaml")
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(re.sub(r"(?m)^%s: .*$" % re.escape(key), lambda _: "%s: %s" % (key, value), text))


def enable(node):
    node.live_port = free_port()
    configure(node, "live.listen", "127.0.0.1:%d" % node.live_port)


def live_mesh(place, *names):
    """Nodes that trust each other; the last one has a live feed."""
    nodes = place.mesh(*names, start=False)
    enable(nodes[-1])
    place.start(*nodes)
    return nodes


def server_key(node):
    return node("client", "show", "--json").value["key"]


class Keys:
    """A client's keys, as `comity client keygen` makes them."""

    def __init__(self, node, name):
        self.name, self.path = name, os.path.join(node.place.dir, "%s.%s.key" % (node.name, name))
        result = node("client", "keygen", self.path)
        if result.code != 0:
            raise RuntimeError("keygen failed: %s" % result)
        self.public = result.text.strip()

    def admit(self, node, *options):
        result = node("client", "add", self.name, self.public, *options)
        if result.code != 0:
            raise RuntimeError("client add failed: %s" % result)
        return self


class Session:
    """One connection, word by word."""

    def __init__(self, node, keys, subscription="", position=(0, 0), credit=100, hello=True, server=None, source="127.0.0.1"):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.curve_serverkey = (server or server_key(node)).encode()
        self.socket.curve_publickey, self.socket.curve_secretkey = zmq.auth.load_certificate(keys.path)
        self.socket.connect("tcp://%s:0;127.0.0.1:%d" % (source, node.live_port))
        if hello:
            self.say("hello", 1, subscription, list(position) if position is not None else None, credit)

    def say(self, *words):
        self.socket.send(msgpack.packb(list(words)))

    def next(self, seconds=20):
        """The next message, or None."""
        if not self.socket.poll(int(seconds * PATIENCE * 1000)):
            return None
        return msgpack.unpackb(self.socket.recv())

    def wanted(self, kind, seconds=20):
        """The next message that is no sign of life, or of this kind; None when none comes in time."""
        deadline = time.monotonic() + seconds * PATIENCE
        while time.monotonic() < deadline:
            message = self.next((deadline - time.monotonic()) / PATIENCE)
            if message is None or message[0] == kind or message[0] not in ("still", "welcome"):
                return message
            self.say("still")
        return None

    def silent(self, seconds):
        """Is nothing said for so long but signs of life? Longer on a slow machine would prove no more."""
        return self.wanted(None, seconds / PATIENCE) is None

    def objects(self, count, seconds=20):
        """The ids of so many objects, or fewer when no more come in time."""
        found = []
        while len(found) < count:
            message = self.wanted("object", seconds)
            if message is None or message[0] != "object":
                break
            found.append(message[6])
            self.position = message[1:3]
        return found

    def close(self):
        self.socket.close()


class Client:
    """A client that ships, as a process; what it prints is appended to one file over all its lives."""

    def __init__(self, node, keys, language, subscription=""):
        self.node, self.keys, self.subscription = node, keys, subscription
        self.position = os.path.join(node.place.dir, "%s.%s.position" % (keys.name, language))
        self.out = self.position + ".out"
        self.err = self.position + ".err"
        self.process = None
        self.program = ["/usr/bin/python3", "-B", os.path.join(CLIENTS, "live_client.py")]
        if language == "c":
            self.program = [compiled()]
        open(self.out, "wb").close()

    def start(self):
        words = self.program + ["tcp://127.0.0.1:%d" % self.node.live_port, server_key(self.node), self.keys.path,
                                self.subscription, self.position]
        with open(self.out, "ab") as out, open(self.err, "ab") as err:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=err, preexec_fn=_die_with_parent)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def lines(self):
        """What it printed. Who is killed after a line and before its position is saved prints that line again."""
        with open(self.out, "rb") as file:
            text = file.read()
        lines = [json.loads(line) for line in text[:text.rfind(b"\n") + 1].splitlines()]
        return [line for i, line in enumerate(lines) if i == 0 or line != lines[i - 1]]

    def ids(self):
        return [each["object"]["id"] for each in self.lines() if "object" in each]

    def withdrawn(self):
        return [each["withdrawn"] for each in self.lines() if "withdrawn" in each]

    def said(self):
        with open(self.err, errors="replace") as file:
            return file.read()


def compiled():
    """The client in C, built as its first lines say."""
    path = os.path.join(BUILD, "tests", "e2e", "live_client")
    source = os.path.join(CLIENTS, "live_client.c")
    if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(source):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        fresh = "%s.%d" % (path, os.getpid())
        subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", source, "-lczmq", "-lzmq", "-lmsgpackc", "-o", fresh], check=True)
        os.replace(fresh, path)
    return path
