"""bystanders: the agencies of a story to whom nothing is addressed. They are trusted and linked like the others, and carry what others wrote;
they can read none of it and hear nothing of what the others agree, ask or permit."""
import json
import os
import shutil
import subprocess

from lib import BUILD, NOT_FOUND, OK, carried_unread, check, check_equal, must

UNLOCK = os.path.join(BUILD, "tests", "e2e", "unlock")
LISTS = (("group", "groups"), ("agreement", "agreements"), ("permission", "permissions"), ("request", "requests"))


def stands(node, value, *more):
    """Where a value (and perhaps an object's id) stands in a node's files, for whoever has all of its keys."""
    copy = node.dir + ".copy"
    shutil.rmtree(copy, ignore_errors=True)
    try:
        shutil.copytree(node.dir, copy, ignore=lambda folder, names: [name for name in names if name.endswith(".sock")])
    except (shutil.Error, OSError):
        return ["a file went while it was copied"]
    done = subprocess.run([UNLOCK, "find", copy, node.dir, value, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    return done.stdout.splitlines() if done.returncode in (0, 1) else [done.stderr]


def came_in(node):
    """The rows of a node's ledger that tell of blocks which it could read."""
    result = node("ledger", "show", "--kind", "in", "--json")
    return [json.loads(line) for line in result.out.splitlines()]


def learned_nothing(nodes, objects, values, carries=True):
    """Checks that these nodes carried the others' ciphertext (unless it went direct) and learned nothing: no list, search or feed shows
    anything, their ledgers tell of no block that they could read, and with all of their keys the first value is in none of their files."""
    for node in nodes:
        if carries:
            must(lambda: carried_unread(node) >= 1, 30, "%s carries what it cannot read" % node.name, node.log_tail)
        check_equal([node("get", each["id"]).code for each in objects[:2]], [NOT_FOUND] * len(objects[:2]), "%s gets no object" % node.name)
        check(not any(node.finds(value) for value in values[:2]) and node.feed() == [], "finds none and is fed none")
        for noun, key in LISTS:
            result = node(noun, "list", "--json")
            check_equal((result.code, result.value[key]), (OK, []), "knows of no %s" % noun, result)
        check_equal(came_in(node), [], "and its ledger tells of no block that it could read")
        check_equal(node.contains(values[0].encode()), None, "the value stands in clear in none of its files")
        must(lambda: stands(node, values[0], objects[0]["id"]) == [], 20, "nor for whoever has all of %s's keys" % node.name,
             lambda: stands(node, values[0], objects[0]["id"]))
