#!/usr/bin/python3
"""What was recalled, or is over, stands in no file of any node, live or obsolete: not in clear, and not for whoever has all of that node's keys."""
import json
import os
import shutil
import signal
import subprocess
import time

from lib import BUILD, NOT_FOUND, OK, check, check_equal, happens, indicator, indicators, main, must, must_hold, note, story
from web import Web, start, token, web_mesh

UNLOCK = os.path.join(BUILD, "tests", "e2e", "unlock")


def copied(node):
    """None: a file went while it was copied."""
    copy = node.dir + ".copy"
    shutil.rmtree(copy, ignore_errors=True)
    try:
        shutil.copytree(node.dir, copy, ignore=lambda folder, names: [name for name in names if name.endswith(".sock")])
    except (shutil.Error, OSError):
        return None
    return copy


def run(*words):
    return subprocess.run([UNLOCK] + list(words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)


def with_copy(node, *words):
    """unlock on a copy; of a running node one may be torn: then on another."""
    result = None
    for _ in range(20):
        copy = copied(node)
        result = run(words[0], copy, *words[1:]) if copy else result
        if result and result.returncode in (0, 1):
            break
        time.sleep(0.2)
    shutil.rmtree(node.dir + ".copy", ignore_errors=True)
    check(result.returncode in (0, 1), "unlock %s of %s" % (words[0], node.name), result.stdout, result.stderr)
    return result


def found(node, value, object_id=None):
    """Where the value stands in a node's directory as it is at this moment, also while the node runs."""
    result = with_copy(node, "find", node.dir, value, *([object_id] if object_id else []))
    note("%s: %s" % (node.name, result.stderr.strip()))
    return result.stdout.splitlines()


def marks(node):
    """What opens the pages and payloads that live now."""
    return set(with_copy(node, "marks").stdout.splitlines())


def left_over(node, gone):
    return run("scan", node.dir, *sorted(gone)).stdout.splitlines() if gone else []


def ways(lines):
    return {line.rsplit(": ", 1)[1] for line in lines}


def erased_by(author, object_id, names):
    def all_erased():
        result = author("recall", "status", object_id, "--json")
        said = {row["agency"]: row["state"] for row in result.value["receipts"]} if result.code == OK else {}
        return all(said.get(name) == "erased" for name in names)
    return all_erased


def every_file_is_clean(nodes, before, values, object_id=None):
    for node in nodes:
        for value in values:
            check_equal(found(node, value, object_id), [], "%s: no file holds %s..., nor opens to it" % (node.name, value[:14]))
        gone = before[node.name] - marks(node)
        check(gone, "%s: pages or payloads are gone" % node.name)
        check_equal(left_over(node, gone), [], "%s: and %d nonces and keys of theirs stand in no file" % (node.name, len(gone)))


@story
def after_a_recall(place):
    """One object of 300 is recalled; once its readers say that it is erased, all files of all nodes are opened with their keys."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c")
    objects, values = indicators("burnt", 300)
    victim, value = objects[150], values[150]
    a.publish_good(objects, "TLP:AMBER", [b])
    a.publish_good(indicators("kept", 40)[0], "TLP:AMBER", "all")
    must_hold(b, 340, 45, "B has all", b.log_tail)
    must_hold(c, 40, 45, "C has what it may read", c.log_tail)
    b.stop()
    b.start()
    for node in (a, b):
        check({"a page opens and holds the value", "opens and holds the value", "a term of the value"} & ways(found(node, value, victim["id"]))
              >= {"a page opens and holds the value", "opens and holds the value"}, "%s: pages and payload open before" % node.name)
    before = {node.name: marks(node) for node in (a, b, c)}
    check_equal(a("recall", victim["id"], "--reason", "it burns").code, OK, "A recalls it")
    must(erased_by(a, victim["id"], ["agency.a", "agency.b"]), 60, "A and B say that it is erased", a.log_tail, b.log_tail)
    must(lambda: before["agency.c"] - marks(c), 20, "C dropped the payload")
    time.sleep(1)
    every_file_is_clean((a, b, c), before, [value])
    for node in (a, b, c):
        node.stop()
    every_file_is_clean((a, b, c), before, [value])
    check(found(b, values[151]), "what stays opens still")


@story
def after_an_outbox(place):
    """An object waited in the outbox before it was published: when it is recalled, the record in which it waited stands in no file."""
    a, b = place.mesh("agency.a", "agency.b", start=False)
    objects, values = indicators("waited", 50)
    a.start()
    a.publish_good(objects, "TLP:GREEN", [b])
    check(a.status()["outbox"] == 50, "it waits in the outbox", lambda: a.status())
    before = {a.name: marks(a)}
    place.start(b, link=False)
    must(lambda: b.finds(values[7]), 60, "B has it", b.log_tail)
    must(lambda: a.status()["outbox"] == 0, 20, "the outbox is empty")
    for node in (a, b):
        before[node.name] = before.get(node.name, set()) | marks(node)
    check_equal(a("recall", objects[7]["id"], "--reason", "it waited").code, OK, "A recalls it")
    must(erased_by(a, objects[7]["id"], ["agency.a", "agency.b"]), 60, "A and B say that it is erased")
    every_file_is_clean((a, b), before, [values[7]], objects[7]["id"])


@story
def in_an_outbox(place):
    """A value is erased while its object waits in the outbox: the records in which it stood are in no file."""
    a, b = place.mesh("agency.a", "agency.b", start=False)
    a.start()
    objects, values = indicators("waits", 20)
    a.publish_good(objects, "TLP:AMBER", [b])
    before = {a.name: marks(a)}
    check_equal(a("ledger", "erase", values[7], "--reason", "wrong person").code, OK, "A erases it")
    must(lambda: before[a.name] - marks(a) and not left_over(a, before[a.name] - marks(a)), 60, "the record leaves all files", a.log_tail)
    a.stop()
    every_file_is_clean((a,), before, [values[7]])


@story
def told_of_a_post(place):
    """What a client was told of its post names an object that was refused: erased, it is in no file."""
    a, b = web_mesh(place, "agency.a", "agency.b")
    web = Web(a, "poster", token(a, "poster", "--read", "--write", "--publish-to", "agency.b"))
    refused = dict(indicator("refused.example"), pattern="this is no pattern")
    number = web(web.collection("green") + "objects/", method="POST", body=json.dumps({"objects": [refused]}).encode()).value["id"]
    where = "/taxii2/api/status/%s/" % number
    must(lambda: web(where).value["status"] == "complete", 30, "the post is refused", a.log_tail)
    check_equal([each["id"] for each in web(where).value["failures"]], [refused["id"]], "by its id")
    before = marks(a)
    result = a("ledger", "erase", refused["id"], "--reason", "wrong person", "--json")
    check_equal((result.code, result.value["statuses"]), (OK, 1), "A erases it", result)
    check_equal(web(where).value["failures"], [], "its client is not told of it any more")
    must(lambda: before - marks(a) and not left_over(a, before - marks(a)), 60, "what it was told leaves all files", a.log_tail)


@story
def post_under_way(place):
    """A post is under way while what it brought is erased: published, and its client not told of it yet. What it is told then names nothing that is gone.
    The order is for certain: the key process stands still until the web process does, so that nothing can have been published, and told, before."""
    a, b = web_mesh(place, "agency.a", "agency.b")
    web = Web(a, "poster", token(a, "poster", "--read", "--write", "--publish-to", "agency.b"))
    stopped = {}

    def stop(role):
        stopped[role] = a.pid_of(role)
        os.kill(stopped[role], signal.SIGSTOP)

    def go_on(*roles):
        for each in roles:
            os.kill(stopped.pop(each), signal.SIGCONT)

    try:
        for attempt in range(5):
            objects = [indicator("under-way%d.example" % attempt), indicator("stays%d.example" % attempt)]
            stop("key")
            answer = web(web.collection("green") + "objects/", method="POST", body=json.dumps({"objects": objects}).encode())
            check_equal(answer.status, 202, "a post comes", answer)
            where = "/taxii2/api/status/%s/" % answer.value["id"]
            check(not happens(lambda: web(where).value["status"] != "pending", 1), "nothing can be told of it yet")
            stop("web")
            go_on("key")
            published = happens(lambda: a.finds("under-way%d.example" % attempt), 3)
            if published:
                break
            go_on("web")  # it had not given all of it to the engine yet: another one
        check(published, "it is published, and the web process cannot have told of it", a.log_tail)
        result = a("ledger", "erase", "under-way%d.example" % attempt, "--reason", "wrong person", "--json")
        check_equal(result.code, OK, "A erases one of its two", result)
    finally:
        go_on(*list(stopped))
    must(lambda: web(where).value["status"] == "complete", 30, "then its client is told", a.log_tail)
    told = web(where).value
    check_equal([each["id"] for each in told["successes"]], [objects[1]["id"]], "of the other one, by its id", told)
    check_equal((told["total_count"], told["success_count"], told["failures"]), (2, 2, []), "and how many they were")
    must(lambda: not found(a, "under-way%d.example" % attempt, objects[0]["id"]), 60, "no file tells of the one that is gone", a.log_tail)
    a.stop()
    start(place, a, link=False)
    place.link(a, b)
    fresh = Web(a, "poster", web.secret)
    must(lambda: fresh(where).status == 200, 20, "after a restart")
    check_equal(fresh(where).value["successes"], told["successes"], "it is told the same")
    again = fresh(fresh.collection("green") + "objects/", method="POST", body=json.dumps({"objects": [indicator("later.example")]}).encode()).value["id"]
    must(lambda: [each["id"] for each in fresh("/taxii2/api/status/%s/" % again).value.get("successes", [])] == [indicator("later.example")["id"]], 30,
         "of a later post all is told")


@story
def after_an_expiry(place):
    """Half of what was published is over after a while: nothing shows it, and all files are opened with their nodes' keys."""
    a, b = place.mesh("agency.a", "agency.b")
    objects, values = indicators("brief", 120)
    lasting, lasting_values = indicators("lasting", 60)
    soon = time.time() + 6
    until = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(soon)) + ".%03dZ" % (soon % 1 * 1000)
    mixed = [dict(each, valid_until=until) for each in objects[:60]] + lasting
    a.publish_good(mixed, "TLP:AMBER", [b])
    a.publish_good([dict(each, valid_until=until) for each in objects[60:]], "TLP:GREEN", [b])
    must(lambda: len(b.feed()) >= 120 or time.time() > soon, 30, "B has it")
    before = {node.name: marks(node) for node in (a, b)}
    must(lambda: time.time() > soon, 20, "its time is over")
    check(not b.finds(values[3]) and not a.finds(values[90]), "nothing shows it any more, swept or not")
    must_hold(b, 60, 20, "what lasts is there")
    must(lambda: not any(found(node, values[at]) for node in (a, b) for at in (3, 90)), 60, "what is over leaves all files", b.log_tail)
    every_file_is_clean((a, b), before, [values[3], values[90]])
    check_equal(b("get", objects[3]["id"]).code, NOT_FOUND, "B does not give it")
    check(all(b.finds(each) for each in lasting_values[:20]), "what lasts is found")
    for node in (a, b):
        node.stop()
    place.start(a, b)
    must_hold(b, 60, 20, "and after a restart")
    must(lambda: a("verify", "--with", "agency.b").code == OK, 45, "nobody misses anything", lambda: a("verify", "--with", "agency.b"))


@story
def after_a_policy_maximum(place):
    """What others published goes when the reader's own policy says so: at its label's maximum, and after a change at the next start."""
    def policy(text):
        with open(os.path.join(b.dir, "policy.yaml"), "w") as file:
            file.write("version: 1\nlabels:\n" + text)

    a, b, c = place.mesh("agency.a", "agency.b", "agency.c", start=False)
    policy("  TLP:AMBER: {retention_max: 15 seconds}\n")
    place.start(a, b, c)
    amber, amber_values = indicators("amber", 40)
    green, green_values = indicators("green", 40)
    own, own_values = indicators("own", 5)
    a.publish_good(amber, "TLP:AMBER", [b, c])
    a.publish_good(green, "TLP:GREEN", [b, c])
    b.publish_good(own, "TLP:AMBER", [c])
    must(lambda: b.finds(amber_values[7]) and b.finds(green_values[7]), 12, "B has both", b.log_tail)
    must_hold(c, 85, 45, "C has all", c.log_tail)
    before = {b.name: marks(b)}
    must(lambda: not b.finds(amber_values[7]), 30, "B's policy ends what it holds of TLP:AMBER")
    check_equal(b("get", amber[3]["id"]).code, NOT_FOUND, "B does not give it")
    check(b.finds(green_values[7]) and b.finds(own_values[3]) and c.finds(amber_values[7]), "another label, its own, and others' stay")
    must(lambda: not found(b, amber_values[7]), 60, "it leaves all files of B", b.log_tail)
    every_file_is_clean((b,), before, [amber_values[7]], amber[7]["id"])
    b.stop()
    policy("  TLP:GREEN: {retention_max: 1 second}\n")
    before = {b.name: marks(b)}
    b.start()
    must(lambda: not b.finds(green_values[7]), 20, "a new maximum holds from the next start on", b.log_tail)
    must(lambda: not found(b, green_values[7]), 60, "and for what was held before", b.log_tail)
    every_file_is_clean((b,), before, [amber_values[7], green_values[7]])
    must(lambda: set(b.feed_ids()) == {each["id"] for each in own}, 20, "its own objects stay")
    must(lambda: a("verify", "--with", "agency.b").code == OK, 45, "nobody misses anything", lambda: a("verify", "--with", "agency.b"))


if __name__ == "__main__":
    main()
