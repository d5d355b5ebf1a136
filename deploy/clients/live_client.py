#!/usr/bin/python3
"""Follows a subscription of Comity's live feed and prints a JSON line for everything; keeps its position in a file (node/live/LIVE.md).

live_client.py tcp://HOST:PORT SERVER-KEY KEY-FILE SUBSCRIPTION POSITION-FILE
SERVER-KEY: as `comity client show` prints it. KEY-FILE: made by `comity client keygen`. SUBSCRIPTION: "" for all that may be seen.
"""
import json, os, sys, time
import msgpack, zmq, zmq.auth

CREDIT, QUIET_MS, DEAD = 1000, 3000, 5  # messages at a time; after so long a sign of life; after so many the server is gone
FINAL = ("removed", "subscription", "version", "malformed", "credit")  # connecting again does not help
endpoint, server_key, key_file, subscription, position_file = sys.argv[1:6]


def position_save(position):
    with open(position_file + ".new", "w") as file:
        json.dump(position, file)
    os.replace(position_file + ".new", position_file)


def line(kind, fields):
    """Printed before its position is saved: who is killed in between prints it again, and "at" tells."""
    if kind == "reset":
        return {"at": fields[:2], "reset": True}  # what was printed before is worth nothing
    told = {"object": json.loads(fields[8])} if kind == "object" else {"withdrawn": fields[5], "cause": fields[8]}
    return {"at": fields[:2], "author": fields[4], "label": fields[3], **told}


def follow(socket):
    position = json.load(open(position_file)) if os.path.exists(position_file) else [0, 0]  # from the beginning
    socket.send(msgpack.packb(["hello", 1, subscription, position, CREDIT]))
    taken, quiet = 0, 0
    while quiet < DEAD:
        if not socket.poll(QUIET_MS):
            socket.send(msgpack.packb(["still"]))
            quiet += 1
            continue
        kind, *fields = msgpack.unpackb(socket.recv())
        if kind == "error":
            print("%s: %s" % tuple(fields[:2]), file=sys.stderr, flush=True)
            return fields[0] not in FINAL
        if kind in ("object", "withdrawn", "reset"):
            print(json.dumps(line(kind, fields)), flush=True)
        position_save(fields[:2])
        quiet, taken = 0, taken + (kind in ("object", "withdrawn"))
        if taken >= CREDIT // 2 or kind == "still":
            socket.send(msgpack.packb(["ack", fields[0], fields[1], taken]))
            taken = 0
    return True


again = True
while again:
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger, socket.curve_serverkey = 0, server_key.encode()
    socket.curve_publickey, socket.curve_secretkey = zmq.auth.load_certificate(key_file)
    socket.connect(endpoint)
    again = follow(socket)
    socket.close()
    time.sleep(0.5 if again else 0)
