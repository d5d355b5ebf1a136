"""lib: what the end-to-end stories are told with: nodes as real processes, relays between them, conditions instead of sleeps.

Runs with the system's python3 and its standard library. COMITY_BUILD is the build folder (default build).
A story is a function under @story; each check inside it prints one TAP line, and the first failed one ends the story.
"""
import atexit
import ctypes
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("COMITY_BUILD", "build"))
COMITY = os.path.join(BUILD, "comity")
RELAY = os.path.join(BUILD, "tests", "e2e", "link_relay")
# Sanitised builds are slower, and so is a busy machine.
PATIENCE = float(os.environ.get("COMITY_PATIENCE", "1"))
LONG = os.environ.get("COMITY_LONG") == "1"

OK, NOT_FOUND, USAGE, REFUSED, NOT_RUNNING, INTERNAL = 0, 1, 2, 3, 4, 5


# --- TAP -------------------------------------------------------------------------------------------------------------------

class Failed(Exception):
    pass


class Skipped(Exception):
    pass


_checks = 0
_stories = []


def _line(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text):
    for line in str(text).splitlines():
        _line("# " + line)


def check(condition, text, *details):
    """One test. `details` are shown when it fails; a callable is called for its text."""
    global _checks
    _checks += 1
    _line("%s %d - %s" % ("ok" if condition else "not ok", _checks, text))
    if not condition:
        for detail in details:
            note(detail() if callable(detail) else detail)
        raise Failed(text)


def check_equal(got, wanted, text, *details):
    check(got == wanted, text, "got %s, wanted %s" % (short(got), short(wanted)), *details)


def short(value, most=600):
    text = repr(value)
    return text if len(text) <= most else text[:most] + "... (%d characters)" % len(text)


def skip(text):
    raise Skipped(text)


def story(function):
    _stories.append(function)
    return function


def main():
    """Runs the stories of this file, or those whose names contain an argument."""
    global _checks
    wanted = [word for word in sys.argv[1:]]
    bad = 0
    for function in _stories:
        if wanted and not any(word in function.__name__ for word in wanted):
            continue
        note("%s: %s" % (function.__name__, (function.__doc__ or "").strip()))
        started = time.monotonic()
        try:
            with Place(function.__name__) as place:
                try:
                    function(place)
                    place.check_logs()
                except Skipped:
                    raise
                except BaseException:
                    place.failed = True
                    raise
        except Skipped as reason:
            _checks += 1
            _line("ok %d - %s # SKIP %s" % (_checks, function.__name__, reason))
        except Failed:
            bad += 1
        except Exception:
            bad += 1
            _checks += 1
            _line("not ok %d - %s broke off" % (_checks, function.__name__))
            note(traceback.format_exc())
        note("%s took %.1f s" % (function.__name__, time.monotonic() - started))
    _line("1..%d" % _checks)
    sys.exit(1 if bad else 0)


# --- waiting ---------------------------------------------------------------------------------------------------------------

def wait_until(condition, seconds, every=0.05):
    """The first true value of condition(), or its last value when the time is up."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(every)
        every = min(every * 1.3, 0.5)


def happens(condition, seconds):
    """Does what must not happen do so within this time? Patience would only make everybody wait."""
    return wait_until(condition, seconds / PATIENCE)


def must(condition, seconds, text, *details):
    """Waits for condition, then checks it."""
    value = wait_until(condition, seconds)
    check(value, "%s (within %g s)" % (text, seconds), *details)
    return value


def must_hold(node, count, seconds, text, *details):
    """Waits until a node's feed has `count` objects, be it by more or by fewer, then checks that it stays so."""
    wait_until(lambda: len(node.feed()) == count, seconds)
    check_equal(len(node.feed()), count, "%s (within %g s)" % (text, seconds), *details)


# --- processes -------------------------------------------------------------------------------------------------------------

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    # Whoever runs the tests in the background may have SIGINT ignored: then a node would not see one before it asks for signals.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def alive(pid):
    """Is this process there, and not just waiting to be collected?"""
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def children(pid):
    found = []
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, task)) as file:
                for child in file.read().split():
                    found.append(int(child))
    except OSError:
        pass
    return found


def family(pid):
    """A process and all that descend from it, itself first."""
    found = [pid]
    for child in children(pid):
        found += family(child)
    return found


def role(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def peak_bytes(pid):
    try:
        with open("/proc/%d/status" % pid) as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


_reserved = []


def free_port():
    """A port below those that the kernel gives to connections. It stays bound here, without listening, so that no other test is given it;
    a listener that reuses addresses, as ZeroMQ's does, may have it all the same."""
    for _ in range(200):
        port = random.SystemRandom().randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        holder = socket.socket()
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind(("127.0.0.1", port))
        except OSError:
            holder.close()
            continue
        _reserved.append(holder)
        return port
    raise RuntimeError("no free port")


class Relay:
    """A link_relay in front of a port; its commands are in tests/e2e/link_relay.c."""

    def __init__(self, place, port):
        self.process = subprocess.Popen([RELAY, "127.0.0.1:%d" % port], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        bufsize=1, preexec_fn=_die_with_parent)
        place.relays.append(self)
        words = self.process.stdout.readline().split()
        if len(words) != 2:
            raise RuntimeError("the relay did not start")
        self.port = int(words[1])

    def __call__(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if not answer or answer[0] != "ok":
            raise RuntimeError("relay: %s: %s" % (command, " ".join(answer)))
        return answer[1:]

    def count(self):
        words = self("count")
        return {words[i]: int(words[i + 1]) for i in range(0, len(words), 2)}

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()


class Result:
    """What a command said. `values` are the JSON values of its output, one a line or one in all."""

    def __init__(self, words, code, out, err):
        self.words, self.code, self.out, self.err = words, code, out, err

    @property
    def text(self):
        return self.out.decode("utf-8", "replace")

    @property
    def values(self):
        try:
            return [json.loads(self.out)]
        except ValueError:
            return [json.loads(line) for line in self.out.splitlines() if line.strip()]

    @property
    def value(self):
        return self.values[0]

    def __str__(self):
        return "$ comity %s\nexit %d\n%s\n%s" % (" ".join(self.words), self.code, short(self.out, 2000), short(self.err, 2000))


def comity(*words, input=None, seconds=60, env=None):
    """Runs one command to its end."""
    words = [str(word) for word in words]
    environment = dict(os.environ, **(env or {}))
    process = subprocess.run([COMITY] + words, input=input if input is not None else b"", stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, timeout=seconds * PATIENCE, env=environment, check=False)
    return Result(words, process.returncode, process.stdout, process.stderr)


class Node:
    """One agency's node: a directory, a port, a relay in front of it, and perhaps running processes."""

    def __init__(self, place, name, relayed=True, init=True):
        self.place, self.name = place, name
        self.dir = os.path.join(place.dir, name)
        self.port = free_port()
        self.relay = Relay(place, self.port) if relayed else None
        self.env = {}
        self.program = COMITY
        self.process = None
        self.known_fingerprint = None
        self.log_path = os.path.join(place.dir, name + ".log")
        self.card_path = os.path.join(place.dir, name + ".card")
        place.nodes.append(self)
        if init:
            self.init()

    def init(self):
        public = self.relay.port if self.relay else self.port
        result = self("init", "--agency", self.name, "--listen", "tcp://127.0.0.1:%d" % self.port, "--advertise",
                      "tcp://127.0.0.1:%d" % public, "--no-passphrase")
        if result.code != 0:
            raise RuntimeError("init failed: %s" % result)
        card = self("card")
        if card.code != 0:
            raise RuntimeError("card failed: %s" % card)
        with open(self.card_path, "wb") as file:
            file.write(card.out)
        self.known_fingerprint = None
        return result

    def __call__(self, *words, **more):
        more.setdefault("env", self.env)
        return comity(*words, "--dir", self.dir, **more)

    def fingerprint(self):
        if self.known_fingerprint is None:
            self.known_fingerprint = fingerprint_of(self.card_path)
        return self.known_fingerprint

    def trust(self, *others):
        for other in others:
            result = self("trust", "add", other.card_path, "--as", other.name, "--fingerprint", other.fingerprint())
            if result.code != 0:
                raise RuntimeError("trust add failed: %s" % result)

    # processes

    def spawn(self):
        """Starts `comity run` without waiting for it."""
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen([self.program, "run", "--dir", self.dir], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                        env=dict(os.environ, **self.env), preexec_fn=_die_with_parent)
        log.close()
        return self

    def start(self, seconds=30):
        self.spawn()
        if not wait_until(lambda: self.ready() or self.process.poll() is not None, seconds) or self.process.poll() is not None:
            raise RuntimeError("%s did not start:\n%s" % (self.name, self.log_tail()))
        return self

    def ready(self):
        return self("status", seconds=20).code == 0

    def stop(self, seconds=10):
        """SIGTERM, and wait; returns how long it took, or None when it had to be killed."""
        if self.process is None:
            return 0.0
        pids = family(self.process.pid)
        started = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        ended = wait_until(lambda: self.process.poll() is not None and not any(alive(pid) for pid in pids), seconds, every=0.01)
        took = time.monotonic() - started
        if not ended:
            self._kill(pids)
        self.process.wait()
        self.process = None
        return took if ended else None

    def kill(self):
        """kill -9 of all processes at once."""
        if self.process is None:
            return
        self._kill(family(self.process.pid))
        self.process.wait()
        self.process = None

    @staticmethod
    def _kill(pids):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_until(lambda: not any(alive(pid) for pid in pids), 5, every=0.01)

    def pids(self):
        return family(self.process.pid) if self.process else []

    def pid_of(self, name):
        """The process of this role: "net", "engine" or "key"."""
        return next(pid for pid in self.pids() if role(pid).endswith("--role " + name))

    def log_tail(self, lines=40):
        try:
            with open(self.log_path, errors="replace") as file:
                return "".join("%s| %s" % (self.name, line) for line in file.readlines()[-lines:])
        except OSError:
            return ""

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    # what stories ask

    def publish(self, data, tlp, to=None, **more):
        """Publishes bytes, a text or objects; `to` is a list of nodes or names, or "all"."""
        if not isinstance(data, (bytes, str)):
            data = bundle(data)
        if isinstance(data, str):
            data = data.encode()
        audience = ["--to-all"] if to == "all" else ["--to", ",".join(getattr(each, "name", each) for each in to or [])]
        words = ["publish", "-"] + (["--tlp", tlp] if tlp else []) + (audience if to is not None else [])
        return self(*words, "--json", input=data, **more)

    def publish_good(self, data, tlp, to):
        result = self.publish(data, tlp, to)
        if result.code != 0:
            raise RuntimeError("publish failed: %s\n%s" % (result, self.log_tail()))
        return result

    def finds(self, value, seconds=20):
        result = self("search", value, seconds=seconds)
        if result.code not in (OK, NOT_FOUND):
            raise RuntimeError("search failed: %s\n%s" % (result, self.log_tail()))
        return result.code == OK

    def feed(self, *words):
        """All objects here, oldest first."""
        result = self("feed", "--json", *words, seconds=120)
        if result.code != 0:
            raise RuntimeError("feed failed: %s\n%s" % (result, self.log_tail()))
        return [json.loads(line) for line in result.out.splitlines() if line.strip()]

    def feed_ids(self, *words):
        return [feed_id(each) for each in self.feed(*words)]

    def status(self):
        result = self("status", "--json")
        if result.code not in (OK, REFUSED):
            raise RuntimeError("status failed: %s\n%s" % (result, self.log_tail()))
        return result.value

    def writes(self):
        """Does what is published become entries at once, or does it wait in the outbox?"""
        status = self.status()
        return status["publishing"] and not status["publishing_reason"] and status["outbox"] == 0

    def links(self):
        """Names of the agencies whose links are open."""
        result = self("peers", "--json")
        return link_names(result.value) if result.code == OK else set()

    def linked(self, *others):
        return all(other.name in self.links() for other in others)

    def files(self):
        for folder, _, names in os.walk(self.dir):
            for name in names:
                yield os.path.join(folder, name)

    def contains(self, needle):
        """The first file below this node's directory in which these bytes stand, or None."""
        for path in self.files():
            try:
                with open(path, "rb") as file:
                    if needle in file.read():
                        return path
            except OSError:
                continue
        return None


def fingerprint_of(card_path):
    result = comity("card", "show", card_path, "--json")
    if result.code != 0:
        raise RuntimeError("card show failed: %s" % result)
    return result.value["fingerprint"]


# --- what the product's JSON is called, in one place -----------------------------------------------------------------------

def feed_id(each):
    return each["object"]["id"]


def feed_text(each):
    """The object itself."""
    return each["object"]


def carried_unread(node):
    """Payloads that a node keeps for others and cannot open."""
    status = node.status()
    return status["payloads"] - status.get("payloads_readable", 0)


def link_names(peers):
    return {each["agency"] for each in peers["links"] if each["state"] == "open"}


# --- a place for one story -------------------------------------------------------------------------------------------------

class Place:
    """A folder of its own; whatever was started in it is stopped at the end."""
    current = None

    def __init__(self, name):
        self.dir = tempfile.mkdtemp(prefix="ce2e-")
        self.name, self.nodes, self.relays, self.failed = name, [], [], False
        self.kills = False  # a story that kills processes says so
        self.known = []     # parts of log lines that this story may bring about, each with its reason where it is set

    def __enter__(self):
        Place.current = self
        return self

    def node(self, name, **more):
        return Node(self, name, **more)

    def alone(self, name):
        """A running node and one partner that only listens: somebody to publish for, and to ask where the own log ends."""
        node, _ = self.mesh(name, "partner." + name)
        return node

    def mesh(self, *names, start=True):
        """Nodes that all trust each other, linked through their relays."""
        nodes = [self.node(name) for name in names]
        for node in nodes:
            node.trust(*[other for other in nodes if other is not node])
        if start:
            self.start(*nodes)
        return nodes

    def start(self, *nodes, link=True):
        for node in nodes:
            node.spawn()
        for node in nodes:
            if not wait_until(lambda: node.ready() or node.process.poll() is not None, 30) or node.process.poll() is not None:
                raise RuntimeError("%s did not start:\n%s" % (node.name, node.log_tail()))
        if link:
            self.link(*nodes)

    @staticmethod
    def link(*nodes):
        for node in nodes:
            others = [other for other in nodes if other is not node]
            if not wait_until(lambda: node.linked(*others), 45):
                raise RuntimeError("%s is linked to %s only\n%s" % (node.name, node.links(), node.log_tail()))
        for node in nodes:
            if not wait_until(node.writes, 20):
                raise RuntimeError("%s does not write its log: %s\n%s" % (node.name, node.status(), node.log_tail()))

    def check_logs(self):
        """No process may have crashed or been found out by a sanitiser, even if its restart hid it from the story."""
        signs = ["AddressSanitizer", "LeakSanitizer", "runtime error:"] + ([] if self.kills else ["was ended by signal"])
        bad = ["%s: %s" % (node.name, line.rstrip()) for node in self.nodes if os.path.exists(node.log_path)
               for line in node.log().splitlines() if any(sign in line for sign in signs) and not any(part in line for part in self.known)]
        if bad:
            check(False, "no process of %s crashed" % self.name, "\n".join(bad[:20]))

    def path(self, name, data=None):
        path = os.path.join(self.dir, name)
        if data is not None:
            with open(path, "wb") as file:
                file.write(data if isinstance(data, bytes) else data.encode())
        return path

    def close(self):
        for node in self.nodes:
            if self.failed and os.environ.get("COMITY_E2E_LOGS", "1") == "1":
                note(node.log_tail(25))
            try:
                node.kill()
            except OSError:
                pass
        for relay in self.relays:
            relay.close()
        if self.failed and os.environ.get("KEEP") == "1":
            note("kept: " + self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)
        Place.current = None

    def __exit__(self, *_):
        self.close()


@atexit.register
def _leave():
    if Place.current is not None:
        Place.current.close()


def _terminated(*_):
    sys.exit(1)


signal.signal(signal.SIGTERM, _terminated)


# --- content ---------------------------------------------------------------------------------------------------------------

MARKINGS = {
    "TLP:CLEAR": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3aa487",
    "TLP:GREEN": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "TLP:AMBER": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "TLP:RED": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}


def indicator(value, key=None, **fields):
    """An indicator for a domain, with an id that depends on the value."""
    made = {"type": "indicator", "spec_version": "2.1", "id": "indicator--%s" % uuid.uuid5(uuid.NAMESPACE_URL, key or value),
            "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z", "name": "about " + value,
            "pattern": "[domain-name:value = '%s']" % value, "pattern_type": "stix", "valid_from": "2026-01-01T00:00:00Z"}
    made.update(fields)
    return made


def indicators(prefix, count):
    """Many of them, and their values: names that stand nowhere else."""
    values = ["%s-%s.example" % (prefix, hashlib.sha256(b"%d %s" % (i, prefix.encode())).hexdigest()[:24]) for i in range(count)]
    return [indicator(value) for value in values], values


def bundle(objects):
    return json.dumps({"type": "bundle", "id": "bundle--%s" % uuid.uuid4(), "objects": objects}).encode()
