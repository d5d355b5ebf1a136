#!/usr/bin/python3
"""The service files: how far the unit shuts the node in, and what a node tells the service manager."""
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys

import live
import web
from lib import BUILD, COMITY, ROOT, check, check_equal, free_port, main, must, note, skip, story

DEPLOY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy", "systemd")
EXPOSURE_MAX = 2.0


def analyze(*words):
    return subprocess.run(["systemd-analyze"] + list(words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                          check=False)


@story
def exposure(place):
    """systemd's own judge finds the unit shut in enough, and understands all of it."""
    del place
    if not shutil.which("systemd-analyze"):
        note("skipped: systemd-analyze is not installed (package systemd)")
        return
    unit = os.path.join(DEPLOY, "comity.service")
    said = analyze("security", "--offline=true", "--no-pager", unit).stdout
    overall = [line for line in said.splitlines() if "Overall exposure level" in line]
    check(len(overall) == 1 and float(overall[0].split(":")[-1].split()[0]) <= EXPOSURE_MAX, "exposure is at most %s" % EXPOSURE_MAX, said)
    for word in ("Unknown", "ignoring", "Failed to parse"):
        check(word not in said, "the unit holds nothing that systemd does not understand (%s)" % word, said)


@story
def users_and_folders(place):
    """The lines for sysusers.d and tmpfiles.d do what they say in an empty root."""
    root = place.path("root")
    os.makedirs(os.path.join(root, "etc"))
    for tool, name in (("systemd-sysusers", "comity.sysusers"), ("systemd-tmpfiles", "comity.tmpfiles")):
        if not shutil.which(tool):
            note("skipped: %s is not installed (package systemd)" % tool)
            return
        words = [tool, "--root=" + root] + (["--create"] if tool == "systemd-tmpfiles" else []) + [os.path.join(DEPLOY, name)]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        check(done.returncode == 0, "%s takes its file" % tool, done.stdout)
    with open(os.path.join(root, "etc", "passwd"), encoding="ascii") as file:
        check("comity:" in file.read(), "the user is made")
    check(os.stat(os.path.join(root, "var/lib/comity")).st_mode & 0o777 == 0o700, "the node's directory is its user's alone")


@story
def notified(place):
    """The node tells when it is ready, goes on telling that it lives, and tells when it stops."""
    node = place.node("agency.a", relayed=False)
    path = place.path("notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.setblocking(False)
        heard = []

        def told(word, count):
            try:
                while True:
                    heard.extend(manager.recv(4096).decode().split("\n"))
            except BlockingIOError:
                pass
            return heard.count(word) >= count
        node.env = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "600000"}
        node.start()
        must(lambda: told("READY=1", 1), 20, "it is ready", node.log_tail)
        must(lambda: told("WATCHDOG=1", 5), 20, "it goes on telling", node.log_tail)
        node.stop()
        must(lambda: told("STOPPING=1", 1), 20, "it tells that it stops", node.log_tail)


@story
def confined(place):
    """All of a node works behind the unit's system call filter, without capabilities: mesh, web, live feed, hooks. No process of it ends."""
    if BUILD.endswith("-san"):
        skip("sanitizers ask the system for more than the program does")
    if not shutil.which("systemd-analyze"):
        skip("systemd-analyze is not installed (package systemd)")
    a, b = place.mesh("agency.a", "agency.b", start=False)
    words = [sys.executable, os.path.join(ROOT, "tests/e2e/confined.py"), os.path.join(DEPLOY, "comity.service"), COMITY]
    for node in (a, b):
        node.program = place.path(node.name + ".confined", "#!/bin/sh\nexec %s \"$@\"\n" % " ".join(shlex.quote(word) for word in words))
        os.chmod(node.program, 0o755)
    b.web_port = free_port()
    for key, value in (("web.listen", "0.0.0.0:%d" % b.web_port), ("web.metrics", "127.0.0.1:%d" % free_port()), ("advertise", "tcp://node.b.example:7447")):
        web.configure(b, key, value)
    live.enable(b)
    zone = place.path("zones")
    given = os.path.join(zone, "given")
    os.mkdir(zone)
    with open(os.path.join(b.dir, "hooks.yaml"), "w", encoding="utf-8") as file:
        file.write("version: 1\nhooks:\n  tell:\n    command: [/usr/bin/tee, -a, %s]\n    writes: [%s]\n    max-label: TLP:AMBER\n"
                   "  zone:\n    file: %s/rpz.zone\n    format: rpz\n    max-label: TLP:AMBER\n" % (given, zone, zone))
    place.start(a, b)
    with open(os.path.join("/proc", str(b.pid_of("engine")), "status"), encoding="ascii") as file:
        facts = dict(line.split(":", 1) for line in file.read().splitlines())
    check(int(facts["Seccomp_filters"]) == 2 and int(facts["CapBnd"], 16) == 0, "the unit's filter is there, and the engine's own behind it", facts)

    with open(os.path.join(ROOT, "deploy/demo/sample.json"), encoding="utf-8") as file:
        sample = file.read()
    result = a("publish", "-", "--tlp", "amber", "--to", "agency.b", "--json", input=sample.encode())
    check_equal(result.code, 0, "the sample is published, all of it: none of its labels is refused", str(result)[-2000:])
    must(lambda: b.finds("1dnscontrol.com"), 20, "the other node finds it", b.log_tail)
    text = lambda path: open(path, encoding="utf-8").read() if os.path.exists(path) else ""
    must(lambda: len(text(given).splitlines()) >= len(json.loads(sample)["objects"]) - 2, 30, "a hook's program was given it", b.log_tail)
    must(lambda: "1dnscontrol.com" in text(os.path.join(zone, "rpz.zone")), 30, "a file of a hook has it", b.log_tail)
    token = b("token", "add", "soc", "--max-label", "TLP:AMBER").text.strip()
    # As a client of another machine asks: by the name that partners use.
    asked = subprocess.run(["curl", "-sS", "--cacert", os.path.join(b.dir, "web.crt"), "-u", "soc:" + token, "--connect-to",
                            "node.b.example:8443:127.0.0.1:%d" % b.web_port, "https://node.b.example:8443/lists/domain.txt"],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60)
    check("1dnscontrol.com" in asked.stdout, "a client of the web process has it, which knows the node by its advertised name", asked.stdout)
    check(b.pid_of("live"), "the live feed runs", b.log_tail)
    check_equal(a("recall", "--query", "type=indicator", "--reason", "over").code, 0, "it is recalled")
    must(lambda: "1dnscontrol.com" not in text(os.path.join(zone, "rpz.zone")), 30, "and gone from the file", b.log_tail)
    for node in (a, b):
        check_equal(node.status()["restarts"], 0, "no process of %s had to be started again" % node.name, node.log_tail())


main()
