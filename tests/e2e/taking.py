"""taking: what consumers are told, by every way in which a node tells them: a subscription, lines, a command of a hook, the live feed."""
import json

from lib import OK, check_equal

TAKER = """#!/usr/bin/python3 -IB
import sys
with open("%s", "a") as file:
    file.write(sys.stdin.read())
"""
RESET = "reset"


def ids_of(objects):
    return [each["id"] for each in objects]


def heard(values):
    """"reset" if so, ids of objects, ids of what is gone."""
    return [(RESET if "reset" in each else each["object"]["id"] if "object" in each else "-" + each["withdrawn"]) for each in values]


def take(node, name):
    """What a subscription gives, from its own place."""
    result = node("feed", "--subscription", name, "--json")
    if result.code != OK:
        raise RuntimeError("feed --subscription failed: %s" % result)
    return heard([json.loads(line) for line in result.out.splitlines()])


def told(path):
    """What the command of a hook was told, in order."""
    try:
        with open(path) as file:
            lines = [json.loads(line) for line in file.read().splitlines()]
    except FileNotFoundError:
        return []
    return heard(lines)


def lines(web, position, **query):
    """What /feed.jsonl tells behind a position, and where it is then."""
    found = []
    while True:
        answer = web("/feed.jsonl", dict(query, after=position))
        check_equal(answer.status, 200, "lines behind %s" % position, answer)
        position = answer.headers["x-comity-position"]
        fresh = [json.loads(line) for line in answer.body.splitlines()]
        if not fresh:
            return found, position
        found += heard(fresh)


def everything(session, count):
    """So many messages of the live feed that are no signs of life."""
    found = []
    while len(found) < count:
        message = session.wanted("none")
        if message is None:
            return found
        if message[0] != "welcome":
            found.append(RESET if message[0] == "reset" else message[6] if message[0] == "object" else "-" + str(message[6]))
            session.position = message[1:3]
            session.say("ack", *session.position, 1)
    return found
