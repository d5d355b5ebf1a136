#!/usr/bin/python3
"""The mesh fails closed: nobody without a pinned key gets in, and who tries does not disturb the others."""
import base64
import os
import socket
import time

from lib import check, check_equal, happens, indicators, main, must, note, skip, story

try:
    import zmq
    import zmq.utils.z85
    from zmq.utils.monitor import recv_monitor_message
except ImportError:
    zmq = None

HELLO = bytes([0x95, 0x01]) + b"\x00" * 60


def knock(port, server_key=None, keys=None, seconds=4):
    """Dials like a ZeroMQ peer, sends, and tells what happened: the monitor's events, and what was received."""
    context = zmq.Context()
    peer = context.socket(zmq.DEALER)
    peer.linger = 0
    peer.reconnect_ivl = 200
    if server_key:
        peer.curve_serverkey = server_key
        peer.curve_publickey, peer.curve_secretkey = keys
    monitor = peer.get_monitor_socket()
    peer.connect("tcp://127.0.0.1:%d" % port)
    events, received = set(), []
    deadline = time.monotonic() + seconds
    poller = zmq.Poller()
    poller.register(peer, zmq.POLLIN)
    poller.register(monitor, zmq.POLLIN)
    for _ in range(3):
        try:
            peer.send(HELLO, zmq.NOBLOCK)
        except zmq.Again:
            break
    while time.monotonic() < deadline:
        ready = dict(poller.poll(100))
        if monitor in ready:
            events.add(zmq.Event(recv_monitor_message(monitor)["event"]).name)
        if peer in ready:
            received.append(peer.recv())
    peer.disable_monitor()
    context.destroy(linger=0)
    return events, received


def curve_key(node):
    """The public CURVE key, as everybody who has the card knows it: read here by the layouts of PROTOCOL.md 3."""
    with open(node.card_path, encoding="ascii") as file:
        text = "".join(line.strip() for line in file if line.strip() and "-----" not in line and ":" not in line)
    card = base64.b64decode(text)
    check(card[:9] == b"CMTYCARD\x01", "the card has the documented form")
    chain = card[13:13 + int.from_bytes(card[9:13], "big")]
    while chain:
        size = int.from_bytes(chain[:2], "big")
        record, chain = chain[2:2 + size], chain[2 + size:]
        if record[1] == 2:  # NODE: a head of 80 bytes, the signing key, the CURVE key
            return zmq.utils.z85.encode(record[112:144])
    raise RuntimeError("no NODE record")


@story
def strangers(place):
    """A peer with no key, with a key of its own, or with a wrong idea of ours sends nothing and gets nothing."""
    if zmq is None:
        skip("python3-zmq is not installed")
    a, b = place.mesh("agency.a", "agency.b")
    key = curve_key(b)
    keys = zmq.curve_keypair()
    cases = [("no key at all", None, None), ("a key of its own", key, keys), ("a wrong server key", zmq.curve_keypair()[0], keys)]
    for text, server_key, pair in cases:
        events, received = knock(b.port, server_key, pair)
        check("CONNECTED" in events, "a stranger with %s reaches the port" % text)
        check("HANDSHAKE_SUCCEEDED" not in events, "and is not let in", str(events))
        check_equal(received, [], "and receives nothing")
    # The same knock at a door that lets everybody in, to show that it would be seen.
    context = zmq.Context()
    door = context.socket(zmq.ROUTER)
    door.curve_publickey, door.curve_secretkey = keys
    door.curve_server = True
    port = door.bind_to_random_port("tcp://127.0.0.1")
    check("HANDSHAKE_SUCCEEDED" in knock(port, keys[0], zmq.curve_keypair())[0], "an open door would have been seen")
    context.destroy(linger=0)
    check(b.ready() and b.linked(a), "B runs on, linked with A")
    objects, values = indicators("strangers", 5)
    a.publish_good(objects, "TLP:GREEN", "all")
    must(lambda: b.finds(values[0]), 30, "and receives what A publishes", b.log_tail)


@story
def garbage(place):
    """Bytes that are no protocol, half-open and silent connections do not keep partners out."""
    a, b = place.mesh("agency.a", "agency.b", start=False)
    place.start(b, link=False)
    silent = []
    for number in range(150):
        try:
            each = socket.create_connection(("127.0.0.1", b.port), timeout=5)
            silent.append(each)
            if number % 3 == 0:
                each.sendall(os.urandom(2000))
            elif number % 3 == 1:
                each.sendall(b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f")
        except OSError:
            continue
    note("%d strange connections are open" % len(silent))
    place.start(a)
    objects, values = indicators("garbage", 5)
    a.publish_good(objects, "TLP:GREEN", "all")
    must(lambda: b.finds(values[0]), 45, "A's publication arrives nevertheless", b.log_tail)
    for each in silent:
        each.close()
    check(b.ready(), "B runs on")


@story
def unpinned_agency(place):
    """D pinned A, but A did not pin D: no link, no entry, no matter who dials; pinning D opens the way."""
    a, b = place.mesh("agency.a", "agency.b", start=False)
    d = place.node("agency.d")
    d.trust(a)
    place.start(a, b)
    place.start(d, link=False)
    objects, values = indicators("uninvited", 5)
    check_equal(d.publish(objects, "TLP:GREEN", [a]).code, 0, "D publishes for A into its own log")
    must(lambda: a.relay.count()["accepted"] >= 3, 45, "D dials A, more than once")
    # A's own publication passes in the same time, so that there was time enough for D's.
    more, more_values = indicators("invited", 5)
    a.publish_good(more, "TLP:GREEN", [b])
    must(lambda: b.finds(more_values[0]), 30, "A and B go on")
    check(not a.linked(d) and not d.linked(a), "A and D are not linked", a.log_tail, d.log_tail)
    check(not a.finds(values[0]), "nothing of D's is at A")
    a.trust(d)
    must(lambda: a.finds(values[0]), 60, "once A pins D, it arrives", a.log_tail, d.log_tail)
    check_equal(a("trust", "remove", d.name).code, 0, "A removes D again")
    must(lambda: not a.linked(d), 30, "the live link is closed", a.log_tail)
    again, again_values = indicators("again", 2)
    d.publish_good(again, "TLP:GREEN", [a])
    check(not happens(lambda: a.finds(again_values[0]), 4), "and nothing new arrives")


main()
