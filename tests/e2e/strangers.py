#!/usr/bin/python3
"""Strangers at the door of a live feed: handshakes of CURVE with keys that nobody let in, one crowd after the other, up to a number and a time.
   strangers.py PORT SERVER-KEY SOURCE-ADDRESS COUNT SECONDS
Prints how many were begun, how many of those the server answered with a refusal, and how many it let in."""
import json
import sys
import time

import zmq
from zmq.utils.monitor import parse_monitor_message

CROWD = 64
MOMENT = 0.25  # for a crowd: an honest handshake takes a few milliseconds

port, server, source, count, seconds = sys.argv[1:6]
begun, refused, entered = 0, 0, 0
context = zmq.Context()
deadline = time.monotonic() + float(seconds)
public, secret = zmq.curve_keypair()
while begun < int(count) and time.monotonic() < deadline:
    crowd, poller = [], zmq.Poller()
    for _ in range(CROWD):
        each = context.socket(zmq.DEALER)
        each.linger, each.reconnect_ivl, each.handshake_ivl = 0, -1, 3000  # begins once
        each.curve_serverkey, each.curve_publickey, each.curve_secretkey = server.encode(), public, secret
        watch = each.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH)
        each.connect("tcp://%s:0;127.0.0.1:%s" % (source, port))
        poller.register(watch, zmq.POLLIN)
        crowd.append((each, watch))
    begun += CROWD
    until = time.monotonic() + MOMENT
    while time.monotonic() < until:
        for watch, _ in poller.poll(max(1, int(1000 * (until - time.monotonic())))):
            event = parse_monitor_message(watch.recv_multipart())["event"]
            refused += event == zmq.EVENT_HANDSHAKE_FAILED_AUTH
            entered += event == zmq.EVENT_HANDSHAKE_SUCCEEDED
    for each, watch in crowd:
        each.disable_monitor()
        each.close()
print(json.dumps({"begun": begun, "refused": refused, "entered": entered}))
