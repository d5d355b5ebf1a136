#!/usr/bin/python3
"""The doors that strangers can reach, from the attacker's side: nobody holds up others, and nothing costs more than its bound. All loads
are bounded and end by themselves."""
import json
import os
import resource
import selectors
import socket
import ssl
import subprocess
import sys
import time

from lib import PATIENCE, ROOT, _die_with_parent, check, check_equal, indicator, indicators, main, must, note, skip, story
from web import MEDIA, Web, enable, start, token, web_mesh

try:
    import live
except ImportError:
    live = None

API = "/taxii2/api/"
FREED = (512 << 20) if "san" in os.environ.get("COMITY_BUILD", "") else 0  # that sanitised builds keep of what was freed, with a fence around it
CROWD = 1100  # more than the server has places
FLOOD, FLOOD_SECONDS = 6000, 90  # handshakes; whatever comes first


def memory_bytes(pid):
    with open("/proc/%d/status" % pid) as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS:"))


def reach(node, source):
    """A connection from another address of this machine: another client, to the server."""
    made = socket.create_connection(("127.0.0.1", node.web_port), timeout=20, source_address=(source, 0))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def ended(connections):
    """How many of them the other side has ended."""
    count = 0
    for each in connections:
        each.setblocking(False)
        try:
            count += each.recv(65536) == b""
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        except OSError:
            count += 1
    return count


def secure(node, source, text):
    """One over which TLS is done and `text` was sent."""
    context = ssl.create_default_context(cafile=os.path.join(node.dir, "web.crt"))
    wrapped = context.wrap_socket(reach(node, source), server_hostname="127.0.0.1")
    wrapped.sendall(text)
    return wrapped


def answered(web, seconds=8):
    """Is a client that comes anew served?"""
    fresh = Web(web.node, web.name, web.secret)
    fresh.connection.timeout = seconds
    try:
        return fresh("/taxii2/").status
    except OSError as error:
        return str(error)
    finally:
        fresh.connection.close()


def close_all(connections):
    for each in connections:
        each.close()


@story
def crowd(place):
    """A few addresses open more connections than there are places, and say nothing on them, or a byte now and then: others come in."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * CROWD), hard))
    node, _ = web_mesh(place, "agency.a", "agency.b")
    web = Web(node, "soc", token(node, "soc", "--rate", "1000"))
    check_equal(web("/taxii2/").status, 200, "an honest client is served")
    held = []
    for at in range(CROWD):
        try:
            held.append(reach(node, "127.0.0.%d" % (20 + at // 150)))  # each no faster than one client may
        except OSError:
            break
    check(len(held) > 900, "%d connections stand" % len(held))
    check_equal(answered(web), 200, "another is served beside them")
    check_equal(web("/taxii2/").status, 200, "and who was there before")
    must(lambda: ended(held) >= len(held) - 256, 30, "most of them are ended at once", lambda: ended(held))
    slow = []
    for at in range(40):
        try:
            slow.append(secure(node, "127.0.0.3", b"GET /taxii2/ HTTP/1.1\r\nHost: x\r\n"))
        except OSError:
            pass
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and ended(slow) < len(slow):
        for each in slow:
            try:
                each.send(b"X-A: b\r\n")
            except OSError:
                pass
        check_equal(answered(web), 200, "a client is served while headers trickle in") if int(deadline - time.monotonic()) % 10 == 0 else None
        selectors.DefaultSelector().select(0.5)
    check_equal(ended(slow), len(slow), "who sends a header now and then for ever is ended")
    check_equal(ended(held), len(held), "and who says nothing")
    check_equal(web("/taxii2/").status, 200, "who showed a token stays")
    close_all(held + slow)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@story
def bodies(place):
    """Bodies that nobody may send, or nobody wants, take no memory; those of one token a bounded part."""
    node, _ = web_mesh(place, "agency.a", "agency.b")
    writer = Web(node, "writer", token(node, "writer", "--read", "--write", "--publish-to", "agency.b", "--rate", "10000"))
    reader = Web(node, "reader", token(node, "reader", "--rate", "10000"))
    check_equal((writer("/taxii2/").status, reader("/taxii2/").status), (200, 200), "both are served")
    pid = node.pid_of("web")
    size, part = 8 << 20, b" " * (7 << 20)

    def send(count, method, path, authorization):
        """So many requests whose bodies are never finished; gives what was answered, and how much memory the server took meanwhile."""
        before, connections = memory_bytes(pid), []
        head = "%s %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s\r\n" % (
            method, path, MEDIA, size, "Authorization: %s\r\n" % authorization if authorization else "")
        for _ in range(count):
            each = secure(node, "127.0.0.4", head.encode())
            try:
                each.sendall(part)
            except OSError:
                pass
            connections.append(each)
        grown = memory_bytes(pid) - before
        close_all(connections)
        return grown

    objects = API + "collections/green/objects/"
    for what, method, authorization in (("a stranger's GET", "GET", None), ("a stranger's POST", "POST", None), ("a reader's POST", "POST", reader.authorization),
                                        ("a writer's PUT", "PUT", writer.authorization)):
        grown = send(12, method, objects, authorization)
        check(grown < (40 << 20) + FREED, "84 MiB of %s are not kept" % what, grown)
    grown = send(16, "POST", objects, writer.authorization)
    check(grown < (80 << 20) + FREED, "of a writer's 112 MiB a part", grown)
    body = json.dumps({"objects": [indicator("after.example")]}).encode()
    must(lambda: writer(objects, method="POST", body=body).status == 202, 20, "and then it posts as before")
    second = Web(node, "second", token(node, "second", "--write", "--publish-to", "agency.b", "--rate", "10000"))
    many = json.dumps({"objects": [indicator("many%d.example" % at) for at in range(9000)]}).encode()
    statuses = []
    while len(statuses) < 60 and statuses.count(503) < 4:
        statuses.append(writer(objects, method="POST", body=many).status)
        check_equal(second(objects, method="POST", body=body).status, 202, "another posts beside it") if len(statuses) % 10 == 0 else None
    check(503 in statuses, "one that posts without end is put off", statuses)
    check_equal(second(objects, method="POST", body=body).status, 202, "and no other")
    check_equal(reader(objects, method="POST", body=b" " * (9 << 20)).status, 403, "a reader's large body is read and refused, not cut off")
    check_equal(pid, node.pid_of("web"), "the web process is the same")


@story
def parts(place):
    """One token holds a part of the streams and connections, and no server thread: others follow beside it."""
    node, other = web_mesh(place, "agency.a", "agency.b")
    greedy = Web(node, "greedy", token(node, "greedy", "--rate", "10000"))
    honest = Web(node, "honest", token(node, "honest", "--rate", "10000"))

    def stream(web):
        connection = secure(node, "127.0.0.1", ("GET /feed HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n\r\n" % web.authorization).encode())
        return connection, connection.recv(4096).split(b"\r\n")[0].split()[1]

    streams = [stream(greedy) for _ in range(70)]
    statuses = [status for _, status in streams]
    check_equal((statuses.count(b"200"), statuses.count(b"503")), (64, 6), "a token has 64 streams")
    own, status = stream(honest)
    check_equal(status, b"200", "another has its own")
    close_all([each for each, _ in streams])
    objects, _ = indicators("parts", 30)
    node.publish_good(objects, "TLP:GREEN", [other])  # what is said to an ended one tells that it is
    must(lambda: stream(greedy)[1] == b"200", 30, "those that ended count no more")
    own.settimeout(20)
    seen = b""
    while seen.count(b"event: object") < 30:
        seen += own.recv(65536)
    check_equal(seen.count(b"event: object"), 30, "the other's stream goes on")
    held = []
    for _ in range(300):
        each = secure(node, "127.0.0.1", ("GET /taxii2/ HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n\r\n" % greedy.authorization).encode())
        held.append((each, each.recv(4096).split(b"\r\n")[0].split()[1]))
    statuses = [status for _, status in held]
    check(statuses.count(b"503") >= 300 - 256, "a token has 256 connections", statuses.count(b"503"))
    check_equal(answered(honest), 200, "others come in")
    close_all([each for each, _ in held] + [own])


@story
def storm(place):
    """Who asks again and again, or begins sessions without end, fills neither the ledger nor the log: both grow by time."""
    node, other = place.mesh("agency.a", "agency.b", start=False)
    enable(node)
    if live:
        live.enable(node)
    start(place, node, link=False)
    place.start(other)
    objects, _ = indicators("storm", 5)
    node.publish_good(objects, "TLP:GREEN", [other])
    web = Web(node, "weak", token(node, "weak", "--rate", "10000"))

    def rows(exit_name):
        lines = [json.loads(line) for line in node("ledger", "show", "--kind", "look", "--json").out.splitlines()]
        return [each for each in lines if each["details"]["command"].startswith(exit_name)]

    began = time.monotonic()
    for _ in range(60):
        check(web("/feed.jsonl", {"after": "0.0", "limit": 1}).status == 200, "an answer") if _ % 20 == 0 else web("/feed.jsonl", {"after": "0.0", "limit": 1})
    minutes = 1 + (time.monotonic() - began) / 60
    check(1 <= len(rows("live weak")) <= 2 * minutes, "sixty answers of a feed make no sixty rows", lambda: len(rows("live weak")))
    must(lambda: any(each["details"]["command"] == "live weak ended" and each["details"]["shown"] == 60 for each in rows("live weak")), 30,
         "but a row that tells how much was shown", lambda: rows("live weak"))
    if not live:
        note("python3-zmq or python3-msgpack is not installed: no live feed")
        return
    keys = live.Keys(node, "client").admit(node)
    server, lines = live.server_key(node), len(node.log().splitlines())
    began = time.monotonic()
    for _ in range(60):
        session = live.Session(node, keys, credit=1, server=server)
        while session.next()[0] != "object":
            pass
        session.say("bye")
        session.socket.close()
    seconds = time.monotonic() - began
    check(1 <= len(rows("live client")) <= 2 * (1 + seconds / 60), "nor do sixty sessions of the live feed", lambda: len(rows("live client")))
    check(len(node.log().splitlines()) - lines <= 10 * (seconds + 2), "nor the log, but by time", node.log_tail)


@story
def standing(place):
    """Strangers at the door of the live feed that say nothing: 32 of them have a place, the others are ended, and the last ones in time."""
    if not live:
        skip("python3-zmq or python3-msgpack is not installed")
    node, other = place.mesh("agency.a", "agency.b", start=False)
    live.enable(node)
    place.start(node, other)
    keys = live.Keys(node, "soc").admit(node)
    session = live.Session(node, keys)
    check_equal(session.wanted("welcome")[0], "welcome", "an honest client follows")
    held = []
    for at in range(300):
        held.append(socket.create_connection(("127.0.0.1", node.live_port), 20, ("127.0.0.%d" % (20 + at // 50), 0)))
    began = time.monotonic()
    must(lambda: ended(held) >= len(held) - 32, 20, "all but 32 are ended", lambda: ended(held))
    crowded_s = time.monotonic() - began
    other.publish_good(indicators("beside", 1)[0], "TLP:GREEN", [node])
    check_equal(len(session.objects(1)), 1, "who was there before is told of what comes")
    must(lambda: ended(held) == len(held), 30, "and who stays and says nothing is, too", lambda: ended(held))
    check(crowded_s < (time.monotonic() - began) / 2, "the crowd at once, those in their time", crowded_s)
    close_all(held)


@story
def strangers(place):
    """6,000 handshakes with keys that nobody let in, at the door of the live feed: who stands there already gets each publication in time; who comes
    anew from another address gets in beside them, from the strangers' own at the latest when they are gone; and they cost no more than their places."""
    if not live:
        skip("python3-zmq or python3-msgpack is not installed")
    node, other = place.mesh("agency.a", "agency.b", start=False)
    live.enable(node)
    place.start(node, other)
    keys, server = live.Keys(node, "soc").admit(node), live.server_key(node)
    pid = node.pid_of("live")
    descriptors = lambda: len(os.listdir("/proc/%d/fd" % pid))
    refused = lambda: node.status()["live"]["refused"]
    wanted, slowest, enters, missed = [], 0, {"127.0.0.1": [], "127.0.0.2": []}, 0
    session = live.Session(node, keys, credit=10000, server=server)
    check_equal(session.wanted("welcome")[0], "welcome", "an honest client follows")
    memory, open_before, lines = memory_bytes(pid), descriptors(), len(node.log().splitlines())
    began = time.monotonic()
    crowds = [subprocess.Popen([sys.executable, os.path.join(ROOT, "tests", "e2e", "strangers.py"), str(node.live_port), server, "127.0.0.1", str(FLOOD // 2),
                                str(FLOOD_SECONDS)], stdout=subprocess.PIPE, preexec_fn=_die_with_parent) for _ in range(2)]
    must(lambda: refused() > 0, 30, "strangers come, and are refused", node.log_tail)
    most_memory, most_open, rounds = memory, open_before, 0
    while any(crowd.poll() is None for crowd in crowds):
        objects, _ = indicators("flood%d" % rounds, 1)
        asked = time.monotonic()
        node.publish_good(objects, "TLP:GREEN", [other])
        got = session.objects(1)
        slowest = max(slowest, time.monotonic() - asked)
        wanted += [each["id"] for each in objects]
        if got != wanted[-1:]:
            check_equal(got, wanted[-1:], "the next publication")
            break
        source = "127.0.0.%d" % (1 + rounds % 2)
        asked = time.monotonic()
        fresh, answer, tries = live.Session(node, keys, credit=1, server=server, source=source), None, 0
        while answer is None and tries < (10 if source == "127.0.0.2" else 1):
            answer, tries = fresh.next(2 / PATIENCE), tries + 1
            session.say("still")
        if answer and answer[0] == "welcome":
            enters[source].append(time.monotonic() - asked)
        elif source == "127.0.0.2":
            check(False, "one that comes from another address is let in", answer)
        else:
            missed += 1  # its place was taken before it said hello: nothing else is promised among the strangers
        fresh.say("bye")
        fresh.close()
        most_memory, most_open, rounds = max(most_memory, memory_bytes(pid)), max(most_open, descriptors()), rounds + 1
    seconds = time.monotonic() - began
    told = [json.loads(crowd.communicate()[0]) for crowd in crowds]
    begun, entered = (sum(each[key] for each in told) for key in ("begun", "entered"))
    note("%d handshakes in %.0f s, %d refused by their keys; %d publications, the slowest after %.2f s; new clients in after %.2f s at most from the same address (%d not), "
         "%.2f s from another; memory %.1f MiB more, %d descriptors more"
         % (begun, seconds, refused(), rounds, slowest, max(enters["127.0.0.1"], default=0), missed, max(enters["127.0.0.2"], default=0),
            (most_memory - memory) / 2**20, most_open - open_before))
    check(begun >= FLOOD or seconds >= FLOOD_SECONDS, "there were 6,000 handshakes, or as many as the time allowed", told)
    check_equal(entered, 0, "none of which was let in", told)
    check(refused() >= begun // 20, "many of them to the end", lambda: (refused(), told))
    check(rounds >= 3, "publications were made meanwhile", rounds)
    check(slowest < 10 * PATIENCE, "each was there in time", slowest)
    check(enters["127.0.0.2"], "who came anew from another address came in", enters)
    check(most_memory - memory < (32 << 20) + FREED, "the process keeps no memory of them", most_memory - memory)
    # Two each: of the two crowds as they stand at once, of those that are being ended, and of the clients.
    check(most_open - open_before < 2 * (2 * 64 + 32) + 40, "and no more descriptors than stand at once", most_open - open_before)
    must(lambda: descriptors() <= open_before + 8, 30, "which it gives back", lambda: (open_before, descriptors()))
    check(len(node.log().splitlines()) - lines <= 12 * (seconds + 2), "the log grew by time", lambda: len(node.log().splitlines()) - lines)
    check_equal(node.pid_of("live"), pid, "the process is the same")
    again = live.Session(node, keys, credit=len(wanted), server=server)
    check_equal(again.objects(len(wanted)), wanted, "and gives all of it to who comes afterwards")
    again.close(), session.close()


main()
