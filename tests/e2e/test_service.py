#!/usr/bin/python3
"""The service files: how far the unit shuts the node in, and what a node tells the service manager."""
import os
import shutil
import socket
import subprocess

from lib import check, main, must, note, story

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


main()
