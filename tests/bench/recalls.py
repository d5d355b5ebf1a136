"""recalls: how soon a recall is everywhere, and how soon what is over is gone, publishing meanwhile.

BENCH_RECALL_NODES, BENCH_RECALL_ITEMS and BENCH_EXPIRY_ITEMS give other sizes; the promise is 12 nodes, 1,000,000 and 100,000."""
import json
import os
import time

from nodes import Node, wait_until

RECALL_S_MAX = 2
EXPIRY_S_MAX = 5
SINGLES_S_MAX = 0.5


def mesh(bench, name, count):
    folder = bench.path(name)
    os.makedirs(folder)
    nodes = [Node(bench.comity, folder, "node%02d" % i) for i in range(count)]
    for node in nodes:
        for other in nodes:
            if other is not node:
                node.trust(other)
    for node in nodes:
        node.start()
    if not wait_until(lambda: all(node.linked() >= min(count - 1, 8) for node in nodes), 120, 0.2):
        raise RuntimeError("the mesh does not find together")
    return nodes


def has_all(node, author):
    return author.log_of(author.name)["head"] == node.log_of(author.name)["entries"] and not node.log_of(author.name).get("missing")


def complete(author, object_id):
    status = author.run("recall", "status", object_id, "--json")
    return status.returncode == 0 and json.loads(status.stdout)["complete"]


def objects_of(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)["objects"]


def figure_recall(bench, count, items, runs, say):
    path, _ = bench.bundle(0, items)
    objects = [each for each in objects_of(path) if each["type"] == "indicator"]
    nodes = mesh(bench, "recall", count)
    try:
        author = nodes[0]
        say("%d objects to %d nodes" % (items, count))
        author.publish(path)
        if not wait_until(lambda: all(has_all(node, author) for node in nodes[1:]), 1800, 0.5):
            raise RuntimeError("not all nodes have it")
        time.sleep(2)
        shown, erased = [], []
        for run in range(runs):
            number = items // 2 + run * 4096
            object_id, value = objects[number]["id"], bench.values[number][1] if isinstance(bench.values[number], tuple) else bench.values[number]
            if not all(node.finds(value) for node in nodes):
                raise RuntimeError("%s is not found everywhere before its recall" % value)
            began = time.monotonic()
            author.must("recall", object_id, "--reason", "measured")
            for node in nodes:
                if not wait_until(lambda: not node.finds(value), 60):
                    raise RuntimeError("%s shows it still" % node.name)
            shown.append(time.monotonic() - began)
            if not wait_until(lambda: complete(author, object_id), 120, 0.05):
                raise RuntimeError("not all have erased it: %s" % author.run("recall", "status", object_id).stdout)
            erased.append(time.monotonic() - began)
    finally:
        for node in nodes:
            node.stop()
    bench.table.add("recall of 1 of %d objects shown nowhere, %d nodes" % (items, count), "s", shown, at_most=RECALL_S_MAX)
    bench.table.add("and erased at all of them, receipts here", "s", erased)


def singles(bench, node, until, prefix):
    """Publishes one object after the other until the time; the seconds that each took."""
    took = []
    while time.monotonic() < until():
        path = bench.path("single.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"type": "indicator", "spec_version": "2.1", "id": "indicator--%08d-0000-4000-8000-%012d" % (prefix, len(took)),
                       "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z", "pattern_type": "stix",
                       "pattern": "[domain-name:value = 's%d-%d.example']" % (prefix, len(took)), "valid_from": "2026-01-01T00:00:00Z"}, file)
        began = time.monotonic()
        node.publish(path)
        took.append(time.monotonic() - began)
    return took


def figure_expiry(bench, items, say):
    path, _ = bench.bundle(0, items)
    with bench.pair("expiry").start() as pair:
        over = time.time() + 20 + items / 20000
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(over))
        over = int(over)
        short = bench.path("short.json")
        with open(short, "w", encoding="utf-8") as file:
            json.dump({"type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000000",
                       "objects": [dict(each, valid_until=until) for each in objects_of(path)]}, file)
        pair.a.publish(short)
        if not wait_until(pair.caught_up, 120, 0.1):
            raise RuntimeError("B does not catch up")
        held = [node.status()["items"] for node in (pair.a, pair.b)]
        if min(held) < items or time.time() > over - 3:
            raise RuntimeError("publishing took too long for its end: %s" % held)
        say("%d objects at both, over in %.0f s" % (items, over - time.time()))
        before = singles(bench, pair.a, lambda: time.monotonic() + over - time.time() - 0.5, 1)
        wait_until(lambda: time.time() >= over, 60)
        began = time.monotonic()
        state = {"end": began + 60}

        def end():
            if state["end"] > time.monotonic() + 0.01 and all(node.status()["items"] < items // 2 for node in (pair.a, pair.b)):
                if all(node.status()["items"] <= len(before) + 500 for node in (pair.a, pair.b)):
                    state["end"] = time.monotonic()
            return state["end"]
        during = singles(bench, pair.a, end, 2)
        if time.monotonic() - began > 59:
            raise RuntimeError("they do not go: %s" % [node.status()["items"] for node in (pair.a, pair.b)])
        bench.table.add("expiry of %d objects, out at both nodes" % items, "s", [state["end"] - began], at_most=EXPIRY_S_MAX)
        bench.table.add("a publication meanwhile, the slowest", "s", [max(during)], at_most=SINGLES_S_MAX, beside=[("before", max(before))])
