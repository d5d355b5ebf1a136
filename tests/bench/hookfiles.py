"""hookfiles: what a change costs in a file that a hook keeps (hook/hook_rows.h), with all that a node holds in it: seconds until the file is replaced,
and processor seconds of the node's processes, of a publication and of a recall.

The reload is left out: how long a resolver takes to load a zone is its own affair."""
import json
import os
import re
import statistics
import time

from nodes import wait_until

FORMATS = ["list", "rpz", "nftables"]  # suricata rules of a million values are 560 MB: its datasets are for so many
HERE_S_MAX, GONE_S_MAX = 2, 5
QUIET_S = 1.5


def hooks(node, folder, name):
    """The node's only hook from now on; its file, once it is written."""
    path = os.path.join(folder, name)
    with open(os.path.join(node.dir, "hooks.yaml"), "w", encoding="utf-8") as file:
        file.write("version: 1\nhooks:\n  %s:\n    file: %s\n    format: %s\n    max-label: TLP:GREEN\n" % (name, path, name))
    node.must("hook", "reload")
    if not wait_until(lambda: os.path.exists(path), 300, 0.1):
        raise RuntimeError("%s is not written: %s" % (path, node.run("hook", "list").stdout))
    return path


def quiet(node):
    """Processor seconds of its processes, by role, once they stay what they are."""
    before, used = -1, node.cpu_s()
    while sum(used.values()) - before > 0.03:
        before = sum(used.values())
        time.sleep(QUIET_S)
        used = node.cpu_s()
    return used


def hook_bytes(node):
    for pid in node.pids():
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            if b"--role\0hook" not in file.read():
                continue
        with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as file:
            return sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Private_"))
    return 0


def holds(path, value):
    with open(path, "rb") as file:
        return value in file.read()


def change(node, path, act, there, value):
    """Seconds from the beginning of the act until the file that is in its place has the value, or has it not; and processor seconds."""
    before = quiet(node)
    number = os.stat(path).st_ino
    began = time.monotonic()
    act()
    if not wait_until(lambda: os.stat(path).st_ino != number, 120):
        raise RuntimeError("%s is not replaced: %s" % (path, node.run("hook", "list").stdout))
    took = time.monotonic() - began
    if holds(path, value) != there:
        raise RuntimeError("%s was replaced, and is not right: %s" % (path, node.run("hook", "list").stdout))
    after = quiet(node)
    return took, {role: used - before.get(role, 0) for role, used in after.items()}


def figure(bench, count, runs, say):
    path, _ = bench.bundle(0, count)
    folder = bench.path("hook-files")
    os.makedirs(folder)
    pair = bench.pair("hooks")
    with pair:
        pair.start()
        pair.a.publish(path)
        if not wait_until(pair.caught_up, 600, 0.2):
            raise RuntimeError("the reader does not catch up: %s" % pair.b.log_tail())
        for number, name in enumerate(FORMATS):
            file = hooks(pair.b, folder, name)
            quiet(pair.b)
            values = len(re.findall(rb"\d\.\d|CNAME|sid:" if name != "list" else rb"\n", open(file, "rb").read()))
            here, gone, cpu_here, cpu_gone = [], [], [], []
            for run in range(runs):
                say("hook file %s, run %d" % (name, run + 1))
                single = bench.path("single.json")
                identity = "indicator--%08d-0000-4000-8000-%012d" % (number, run)
                address = "8.8.%d.%d" % (number, run + 1)
                with open(single, "w", encoding="utf-8") as out:
                    json.dump({"type": "indicator", "spec_version": "2.1", "id": identity, "created": "2026-01-01T00:00:00.000Z",
                               "modified": "2026-01-01T00:00:00.000Z", "pattern_type": "stix", "valid_from": "2026-01-01T00:00:00Z",
                               "pattern": "[domain-name:value = 'm%d-%d.example'] OR [ipv4-addr:value = '%s']" % (number, run, address)}, out)
                value = address.encode() if name == "nftables" else b"m%d-%d.example" % (number, run)
                took, cpu = change(pair.b, file, lambda: pair.a.publish(single), True, value)
                here.append(took), cpu_here.append(cpu)
                took, cpu = change(pair.b, file, lambda: pair.a.must("recall", identity, "--reason", "measured"), False, value)
                gone.append(took), cpu_gone.append(cpu)
            large = count >= 1_000_000
            what = "hook file %s of %d objects, %.0f MB" % (name, count, os.path.getsize(file) / 1e6)
            bench.table.add(what + ": a publication is in it", "s", here, at_most=HERE_S_MAX if large else None)
            bench.table.add("  a recalled one is out of it", "s", gone, at_most=GONE_S_MAX if large else None)
            for act, used in (("publication", cpu_here), ("recall, erasure included", cpu_gone)):
                bench.table.add("  processor time of its node, " + act, "s", [sum(each.values()) for each in used])
                bench.table.note("%s, %s: %s s of processor time" % (name, act, ", ".join(
                    "%s %.2f" % (role, statistics.median(each.get(role, 0) for each in used)) for role in sorted(used[0]))))
            bench.table.add("  memory of the hook process", "MB", [hook_bytes(pair.b) / 1e6])
            bench.table.note("%s: about %d lines or elements; %.0f bytes of the hook process for each object held" % (
                name, values, hook_bytes(pair.b) / count))
            say("%s: here %.2f s, gone %.2f s, processor %.2f and %.2f s" % (
                name, statistics.median(here), statistics.median(gone),
                *(statistics.median(sum(each.values()) for each in used) for used in (cpu_here, cpu_gone))))
