#!/usr/bin/python3
"""Hooks: programs that are called, and files that are written, when objects come and go; and what such a program cannot reach."""
import json
import os
import shutil
import socket
import subprocess

from lib import NOT_FOUND, Node, NOT_RUNNING, OK, REFUSED, USAGE, alive, check, check_equal, children, comity, happens, indicator, indicators, main, must, skip, story, wait_until

ENVIRONMENT = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")

# A subscriber of a few lines: takes what it gets once it was called as often as its first argument says.
TAKER = """#!/usr/bin/python3 -IB
import os, sys
lines = sys.stdin.read()
with open("%(out)s/calls", "a") as file:
    file.write(os.environ["COMITY_HOOK"] + " " + os.environ["COMITY_ATTEMPT"] + "\\n")
if int(os.environ["COMITY_ATTEMPT"]) < int(sys.argv[1]):
    print("not now")
    sys.exit(7)
with open("%(out)s/taken", "a") as file:
    file.write(lines)
"""


def hooks(node, text):
    """The node's hooks, from its next start on."""
    with open(os.path.join(node.dir, "hooks.yaml"), "w") as file:
        file.write("version: 1\nhooks:\n" + text)


def folder(place, name):
    path = place.path(name)
    os.mkdir(path, 0o755)
    return path


def program(place, name, text):
    path = place.path(name, text)
    os.chmod(path, 0o755)
    return path


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def lines(path):
    return [json.loads(line) for line in read(path).splitlines()]


NONE = {"problem": "", "last": "", "objects": 0, "calls_failed": 0, "withdrawals": 0}


def row(node, name):
    """What the node tells of a hook; nothing while its hook process starts."""
    result = node("hook", "list", "--json")
    rows = [each for each in result.value["hooks"] if each["name"] == name] if result.code == OK else []
    return rows[0] if rows else NONE


def pair(place, text):
    """Two agencies; the second one has hooks."""
    a, b = place.mesh("agency.a", "agency.b", start=False)
    hooks(b, text)
    place.start(a, b)
    return a, b


@story
def command(place):
    """A command gets every object once, after failures and over a kill of the node, and hears of a recall."""
    place.kills = True
    out = folder(place, "out")
    taker = program(place, "taker", TAKER % {"out": out})
    a, b = pair(place, "  soc:\n    command: [%s, '3']\n    max-label: TLP:GREEN\n    batch: 40\n    wait: 0 seconds\n    writes: [%s]\n" % (taker, out))
    first, _ = indicators("first", 100)
    a.publish_good(first, "TLP:GREEN", [b])
    a.publish_good([indicator("secret.example")], "TLP:AMBER", [b])
    taken = lambda: [each["object"]["id"] for each in lines(out + "/taken") if "object" in each]
    must(lambda: len(taken()) >= 100, 60, "all objects come", lambda: (read(out + "/calls"), b("hook", "list"), b.log_tail()))
    check_equal(taken(), [each["id"] for each in first], "each once, in order, and none above the label")
    one = lines(out + "/taken")[0]
    check_equal((one["author"], one["tlp"], one["object"]), ("agency.a", "TLP:GREEN", first[0]), "with its author and label")
    calls = read(out + "/calls").splitlines()
    check_equal(calls[:3], ["soc 1", "soc 2", "soc 3"], "a command that fails is called again with the same")
    must(lambda: row(b, "soc")["objects"] == 100 and row(b, "soc")["calls_failed"] >= 2, 20, "and counted", lambda: row(b, "soc"))
    check("hook soc says: not now" in b.log(), "what it says stands in the log")
    check("ended with exit code 7: not now" in b.log(), "and how it ended")

    b.kill()
    second, _ = indicators("second", 50)
    a.publish_good(second, "TLP:GREEN", [b])
    b.start()
    must(lambda: len(taken()) >= 150, 60, "what came while the node was away comes too", lambda: (b("hook", "list"), b.log_tail()))
    check_equal(taken(), [each["id"] for each in first + second], "and nothing comes twice")

    gone = first[7]["id"]
    check_equal(a("recall", gone, "--reason", "a mistake").code, OK, "one is recalled")
    withdrawn = lambda: [each for each in lines(out + "/taken") if "withdrawn" in each]
    must(withdrawn, 60, "the command hears of it", lambda: (b("hook", "list"), b.log_tail()))
    told = withdrawn()[0]
    check_equal((told["withdrawn"], told["type"], told["author"], told["tlp"], told["why"]), (gone, "indicator", "agency.a", "TLP:GREEN", {"cause": "recall"}), "by its id")
    must(lambda: row(b, "soc")["withdrawals"] == 1, 20, "and it is counted", lambda: row(b, "soc"))


@story
def zone(place):
    """A response policy zone: there within 2 s of an arrival, without the object within 5 s of its recall, reloaded, and never above its label."""
    out = folder(place, "zone")
    reload = program(place, "reload", "#!/bin/sh\n/usr/bin/wc -c <\"$COMITY_FILE\" >>%s/reloads\n" % out)
    a, b = pair(place, "  resolver:\n    file: %s/rpz.zone\n    format: rpz\n    zone: rpz.example\n    max-label: TLP:GREEN\n    mode: 0640\n"
                "    reload: [%s]\n    runs: [/usr/bin/wc]\n    writes: [%s]\n" % (out, reload, out))
    path = out + "/rpz.zone"
    held = lambda name: "\n%s CNAME .\n" % name in read(path)
    must(lambda: os.path.exists(path), 20, "an empty zone at first", lambda: (b("hook", "list"), b.log_tail()))
    judge = lambda: subprocess.run(["named-checkzone", "-i", "none", "rpz.example", path], stdout=subprocess.PIPE, env=ENVIRONMENT, check=False)
    if shutil.which("named-checkzone", path=ENVIRONMENT["PATH"]):
        check_equal(judge().returncode, 0, "named-checkzone takes it", lambda: judge().stdout)
    check_equal(os.stat(path).st_mode & 0o777, 0o640, "with the mode that was asked for")
    good, secret = indicator("bad.example.org"), indicator("secret.example.org")
    a.publish_good([secret], "TLP:AMBER", [b])
    a.publish_good([good], "TLP:GREEN", [b])
    must(lambda: b.finds("bad.example.org"), 20, "an object arrives")
    must(lambda: held("bad.example.org"), 2, "it is in the zone", lambda: (read(path), b("hook", "list"), b.log_tail()))
    must(lambda: len(read(out + "/reloads").splitlines()) >= 2, 20, "which was reloaded", lambda: b.log_tail())
    check(not held("secret.example.org"), "nothing above the label is")
    if shutil.which("named-checkzone", path=ENVIRONMENT["PATH"]):
        check_equal(judge().returncode, 0, "named-checkzone takes it", lambda: judge().stdout)

    before = os.stat(path)
    reloads = read(out + "/reloads")
    a.publish_good([indicator("other.example.org")], "TLP:AMBER", [b])
    must(lambda: b.finds("other.example.org"), 20, "something arrives that is not for the file")
    check(not happens(lambda: read(out + "/reloads") != reloads, 2.5), "no reload")
    check_equal(os.stat(path).st_ino, before.st_ino, "the file stays as it is")
    check_equal(b("hook", "run", "resolver").code, OK, "the operator has it done now", lambda: b.log_tail())
    check(read(out + "/reloads") != reloads, "then it is reloaded")

    check_equal(a("recall", good["id"], "--reason", "a mistake").code, OK, "the author recalls it")
    must(lambda: b("get", good["id"]).code == NOT_FOUND, 30, "it is withdrawn")
    must(lambda: not held("bad.example.org"), 5, "and out of the zone", lambda: (read(path), b("hook", "list"), b.log_tail()))
    check_equal(sorted(os.listdir(out)), ["reloads", "rpz.zone"], "no other file is left")


@story
def firewall(place):
    """nftables sets in a network namespace: the reload enters it and loads them."""
    out = folder(place, "firewall")
    space = place.path("space", "")
    made = os.geteuid() == 0 and subprocess.run(["unshare", "--net=" + space, "true"], stderr=subprocess.PIPE, check=False).returncode == 0
    if not made or not shutil.which("nft", path=ENVIRONMENT["PATH"]):
        skip("no network namespace may be made here, or there is no nft")
    try:
        inside = ["nsenter", "--net=" + space]
        a, b = pair(place, "  wall:\n    file: %s/comity.nft\n    format: nftables\n    max-label: TLP:GREEN\n"
                    "    reload: [/usr/bin/nsenter, '--net=%s', /usr/sbin/nft, '-f', %s/comity.nft]\n    runs: [/usr/sbin/nft]\n    reads: [%s]\n" % (out, space, out, space))
        blocked = lambda: subprocess.run(inside + ["nft", "list", "ruleset"], stdout=subprocess.PIPE, env=ENVIRONMENT, check=False).stdout.decode()
        bad = indicator("x", pattern="[ipv4-addr:value = '8.8.4.4']")
        secret = indicator("y", pattern="[ipv4-addr:value = '9.9.9.9']")
        a.publish_good([secret], "TLP:AMBER", [b])
        a.publish_good([bad], "TLP:GREEN", [b])
        must(lambda: b.finds("8.8.4.4"), 20, "an object arrives")
        must(lambda: "8.8.4.4" in blocked(), 2, "the firewall has it", lambda: (blocked(), b("hook", "list"), b.log_tail()))
        check("9.9.9.9" not in blocked(), "nothing above the label")
        check_equal(a("recall", bad["id"], "--reason", "a mistake").code, OK, "its author recalls it")
        must(lambda: b("get", bad["id"]).code == NOT_FOUND, 30, "it is withdrawn")
        must(lambda: "8.8.4.4" not in blocked(), 5, "the firewall lets it through again", lambda: (blocked(), b("hook", "list"), b.log_tail()))
        check("comity" in blocked(), "its table stays", blocked)
    finally:
        subprocess.run(["umount", space], check=False)


@story
def many_files(place):
    """A format of several files gets a folder of its own: what is recalled leaves it, and a folder of others is left alone."""
    out, other = folder(place, "feed"), folder(place, "other")
    place.path("other/precious", "mine")
    place.path("other/precious.tmp-17", "mine")
    place.path("feed/.comity-hook", "given")
    place.path("feed/event.json.tmp-17", "left by a process that was ended")
    a, b = pair(place, "  feed:\n    file: %s\n    format: misp-feed\n    max-label: TLP:GREEN\n"
                "  wrong:\n    file: %s\n    format: misp-feed\n    max-label: TLP:GREEN\n" % (out, other))
    bad = indicator("bad.example.org")
    a.publish_good([bad], "TLP:GREEN", [b])
    events = lambda: [name for name in os.listdir(out) if name.endswith(".json") and name != "manifest.json"]
    must(lambda: len(events()) == 1, 30, "an event", lambda: (os.listdir(out), b("hook", "list"), b.log_tail()))
    must(lambda: list(json.loads(read(out + "/manifest.json"))) == [events()[0][:-5]], 20, "which the manifest names, placed behind it")
    check_equal([name for name in os.listdir(out) if "tmp-" in name], [], "what an ended process left is removed")
    check_equal(a("recall", bad["id"], "--reason", "a mistake").code, OK, "its object is recalled")
    must(lambda: not events(), 30, "the event leaves the folder", lambda: (os.listdir(out), b("hook", "list")))
    check_equal(sorted(os.listdir(other)), ["precious", "precious.tmp-17"], "the other folder is as it was")
    check("it holds files of others" in row(b, "wrong")["problem"], "and the hook says why", lambda: row(b, "wrong"))


@story
def chosen(place):
    """A subscription or a filter chooses among what the label allows; `from: now` leaves out what was there before; a rewind gives it again."""
    out = folder(place, "out")
    taker = program(place, "taker", TAKER.replace("/taken", "/taken-%%s").replace('taken-%%s", "a"', 'taken-%%s" %% os.environ["COMITY_HOOK"], "a"') % {"out": out})
    line = "  %s:\n    command: [%s, '1']\n    max-label: TLP:GREEN\n    wait: 0 seconds\n    writes: [%s]\n"
    a, b = place.mesh("agency.a", "agency.b", start=False)
    place.start(a, b)
    name, address = indicator("early.example"), indicator("x", pattern="[ipv4-addr:value = '8.8.4.4']")
    a.publish_good([name, address], "TLP:GREEN", [b])
    must(lambda: b.finds("early.example") and b.finds("8.8.4.4"), 20, "objects are there before the hooks")
    b.stop()
    hooks(b, line % ("named", taker, out) + "    subscription: soc\n" + line % ("filtered", taker, out) + "    filter: kind = ipv4\n"
          + line % ("now", taker, out) + "    from: now\n" + "  list:\n    file: %s/list\n    format: list\n    max-label: TLP:GREEN\n    subscription: soc\n" % out)
    place.start(b, link=False)
    taken = lambda name: {each["object"]["id"] for each in lines("%s/taken-%s" % (out, name)) if "object" in each}
    must(lambda: taken("filtered") == {address["id"]}, 30, "a filter chooses", lambda: (b("hook", "list"), b.log_tail()))
    must(lambda: "no subscription has this name" in row(b, "named")["problem"], 20, "a subscription that is not there is said", lambda: row(b, "named"))
    check_equal(b("subscription", "add", "soc", "--filter", "kind = domain", "--exit", "hook", "--from", "start").code, OK, "it is made", lambda: b("subscription", "add", "soc", "--filter", "kind = domain", "--exit", "hook", "--from", "start"))
    for hook in ("named", "list"):
        check_equal(b("hook", "run", hook).code, OK, "%s works with it" % hook, lambda: b("hook", "list"))
    check_equal(taken("named"), {name["id"]}, "and it chooses")
    check_equal([text for text in read(out + "/list").splitlines() if not text.startswith("#")], ["early.example"], "for a file too")
    must(lambda: row(b, "now")["last"] != "", 20, "the last hook has begun")
    late = indicator("late.example")
    place.link(a, b)
    a.publish_good([late], "TLP:GREEN", [b])
    must(lambda: taken("now"), 30, "from now on", lambda: b("hook", "list"))
    check_equal(taken("now"), {late["id"]}, "what comes, not what was there")
    check_equal(b("subscription", "rewind", "hook.now", "--to", "start").code, OK, "it is rewound")
    check_equal(b("hook", "run", "now").code, OK, "and done now")
    check_equal(taken("now"), {late["id"], name["id"], address["id"]}, "everything is given again")


@story
def restored(place):
    """A node that comes from a backup: its command is told to forget what it had, and gets everything again; its file is right."""
    out = folder(place, "out")
    taker = program(place, "taker", TAKER % {"out": out})
    a, b = pair(place, "  soc:\n    command: [%s, '1']\n    max-label: TLP:GREEN\n    wait: 0 seconds\n    writes: [%s]\n"
                "  list:\n    file: %s/list\n    format: list\n    max-label: TLP:GREEN\n" % (taker, out, out))
    first, later = indicator("first.example"), indicator("later.example")
    a.publish_good([first], "TLP:GREEN", [b])
    taken = lambda: [each["object"]["id"] for each in lines(out + "/taken") if "object" in each]
    must(lambda: taken() == [first["id"]], 30, "an object comes", lambda: (b("hook", "list"), b.log_tail()))
    check_equal(b("backup", place.path("copy"), seconds=120).code, OK, "a backup is made")
    a.publish_good([later], "TLP:GREEN", [b])
    must(lambda: taken() == [first["id"], later["id"]], 30, "and another one, after the backup")
    b.stop()
    new = Node(place, b.name, relayed=False, init=False)
    new.dir, new.log_path, new.port, new.relay = place.path("new"), place.path("new.log"), b.port, b.relay
    check_equal(new("restore", place.path("copy"), "--json", seconds=120).code, OK, "the backup is restored")
    with open(new.card_path, "wb") as file:
        file.write(new("card").out)
    check_equal(a("trust", "update", new.card_path).code, OK, "its partner learns of the new key")
    os.remove(out + "/taken")
    new.start()
    place.link(a, new)
    details = lambda: (read(out + "/taken"), new("hook", "list"), new.log_tail())
    must(lambda: lines(out + "/taken")[:1] == [{"reset": True}], 90, "the command hears that it begins anew", details)
    must(lambda: first["id"] in taken(), 60, "what the node holds comes again", details)
    check_equal(taken().count(first["id"]), 1, "once", details)
    must(lambda: "first.example" in read(out + "/list"), 60, "and is in the file", details)


PROBE = """#!/usr/bin/python3 -IB
import json, os, socket, subprocess, sys
sys.stdin.read()
found = {}
def attempt(name, action):
    try:
        action()
        found[name] = "done"
    except OSError as error:
        found[name] = error.strerror
attempt("write", lambda: open("%(out)s/probe", "w").close())
attempt("write elsewhere", lambda: open("%(elsewhere)s/probe", "w").close())
attempt("read the node's key", lambda: open("%(dir)s/node.key", "rb").close())
attempt("list the node's folder", lambda: os.listdir("%(dir)s"))
attempt("read elsewhere", lambda: open("%(elsewhere)s/precious", "rb").close())
attempt("read what was given", lambda: open("%(given)s", "rb").close())
attempt("run what was given", lambda: subprocess.run(["/bin/true"], check=True))
attempt("run another", lambda: subprocess.run(["/bin/false"], check=False))
attempt("leave the group", os.setsid)
attempt("a socket of the internet", lambda: socket.socket())
def tcp():
    socket.create_connection(("127.0.0.1", %(port)d), timeout=5).close()
attempt("connect", tcp)
def control():
    local = socket.socket(socket.AF_UNIX)
    local.connect("%(dir)s/control.sock")
attempt("ask the node", control)
found["environment"] = sorted(os.environ)
with open("%(out)s/found-" + os.environ["COMITY_HOOK"], "w") as file:
    json.dump(found, file)
"""


@story
def confined(place):
    """What a command reaches: its own folder, what it was given, and no more; no network without leave; and it is ended when it hangs."""
    out, elsewhere = folder(place, "out"), folder(place, "elsewhere")
    place.path("elsewhere/precious", "mine")
    given = place.path("given", "for the command")
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(5)
    a, b = place.mesh("agency.a", "agency.b", start=False)
    probe = program(place, "probe", PROBE % {"out": out, "elsewhere": elsewhere, "dir": b.dir, "given": given, "port": listener.getsockname()[1]})
    line = "  %s:\n    command: [%s]\n    max-label: TLP:GREEN\n    runs: [/bin/true]\n    reads: [%s]\n    writes: [%s]\n    network: %s\n"
    hooks(b, line % ("inside", probe, given, out, "no") + line % ("outside", probe, given, out, "yes")
          + "  hanging:\n    command: [/bin/sh, -c, '/bin/sleep 61739 & /bin/sleep 61739']\n    max-label: TLP:GREEN\n    runs: [/bin/sleep]\n    time-limit: 1 seconds\n"
          + "  missing:\n    command: [/nonexistent/program]\n    max-label: TLP:GREEN\n")
    place.start(a, b)
    a.publish_good([indicator("one.example")], "TLP:GREEN", [b])
    must(lambda: os.path.exists(out + "/found-inside") and os.path.exists(out + "/found-outside"), 30, "the commands were called", lambda: (b("hook", "list"), b.log_tail()))
    must(lambda: read(out + "/found-inside").endswith("}") and read(out + "/found-outside").endswith("}"), 10, "and looked around")
    inside, outside = json.loads(read(out + "/found-inside")), json.loads(read(out + "/found-outside"))
    landlock = b.status()["landlock"]
    check_equal(inside["write"], "done", "it writes where it may")
    check_equal((inside["read what was given"], inside["run what was given"]), ("done", "done"), "reads and runs what it was given", inside)
    if landlock > 0:
        for what in ("write elsewhere", "read the node's key", "list the node's folder", "read elsewhere", "run another"):
            check_equal(inside[what], "Permission denied", "not: " + what)
    check_equal(inside["leave the group"], "Operation not permitted", "not: leave the group that is ended with it")
    for what in ("a socket of the internet", "connect", "ask the node"):
        check_equal(inside[what], "Address family not supported by protocol", "not without leave: " + what)
    check_equal(outside["connect"], "done", "with leave it connects")
    check_equal(set(inside["environment"]) - {"LC_CTYPE"}, {"COMITY_ATTEMPT", "COMITY_HOOK", "LANG", "PATH"}, "an environment of its own")

    must(lambda: "it took longer than its time limit of 1 s" in row(b, "hanging")["problem"], 30, "what hangs is ended", lambda: b("hook", "list"))
    ours = lambda: [pid for pid in os.listdir("/proc") if pid.isdigit() and b"sleep\x0061739" in read_bytes("/proc/%s/cmdline" % pid)]
    check_equal(b("hook", "run", "hanging").code, REFUSED, "again, when it is asked for")
    check(wait_until(lambda: not ours(), 10), "with all that it started", ours)
    must(lambda: "No such file" in row(b, "missing")["problem"], 20, "what is not there is said", lambda: row(b, "missing"))
    status = b.status()
    check_equal((status["hooks"], status["hooks_failing"]), (4, 2), "status tells of it")
    check("2 of 4 hooks failed last" in b("status").text, "to people first of all", lambda: b("status"))
    check("[hook.failed] hook missing: " in b.log(), "and the log has an event of it")
    listener.close()

    # Whoever is without its launcher starts again, and goes on.
    place.kills = True
    hook = b.pid_of("hook")
    launcher = children(hook)
    check_equal(len(launcher), 1, "the launcher is the hook process's only child")
    os.kill(launcher[0], 9)
    a.publish_good([indicator("two.example")], "TLP:GREEN", [b])
    must(lambda: row(b, "inside")["objects"] == 1 and not alive(hook), 30, "a new hook process goes on where the old one stood", lambda: (b("hook", "list"), b.log_tail()))


def read_bytes(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


SLOW = """#!/bin/sh
echo began >>%(out)s/slow
/bin/sleep 3
echo ended >>%(out)s/slow
"""


@story
def reloaded(place):
    """The file is read again while the node runs: a bad one changes nothing and is told with its place; hooks go on where they stood, programs that
    run come to their end, hooks appear and go, and a program starts only because its operator's file names it."""
    out = folder(place, "out")
    taker = program(place, "taker", TAKER % {"out": out})
    slow = program(place, "slow", SLOW % {"out": out})
    command = "  %s:\n    command: [%s, '1']\n    max-label: TLP:GREEN\n    wait: 0 seconds\n    writes: [" + out + "]\n"
    a, b = place.mesh("agency.a", "agency.b")
    check_equal(b("hook", "reload").text, "There are no hooks.\n", "a node without hooks")
    hooks(b, "  soc:\n    command: [%s, '1']\n    max-label: TLP:GREEN\n    colour: red\n" % taker)
    result = b("hook", "reload")
    check(result.code == REFUSED and b"hooks.yaml:6:5: colour: " in result.err, "a bad file is refused, with its place", result)
    check_equal((b("hook", "list").code, b.status()["hooks"]), (NOT_FOUND, 0), "and changes nothing")

    hooks(b, command % ("soc", taker))
    first, second, third = indicator("first.example"), indicator("second.example"), indicator("third.example")
    a.publish_good([first], "TLP:GREEN", [b])
    must(lambda: b.finds("first.example"), 20, "an object comes before there is a hook")
    result = b("hook", "reload", "--json")
    check_equal(result.value, {"hooks": 1, "changed": True}, "a good one is taken by a running node that had none")
    taken = lambda: [each["object"]["id"] for each in lines(out + "/taken") if "object" in each]
    must(lambda: taken() == [first["id"]], 20, "and its hook works", lambda: (b("hook", "list"), b.log_tail()))
    check_equal(b("hook", "reload", "--json").value, {"hooks": 1, "changed": False}, "the same file again is no change")
    process = b.pid_of("hook")

    hooks(b, command % ("soc", taker) + command % ("second", taker) + "    colour: red\n")
    result = b("hook", "reload")
    check(result.code == REFUSED and b"hooks.yaml:13:5: colour: " in result.err, "a bad one is refused while hooks run", result)
    check_equal(b.pid_of("hook"), process, "and they go on")
    a.publish_good([second], "TLP:GREEN", [b])
    must(lambda: taken() == [first["id"], second["id"]], 20, "as before", lambda: b("hook", "list"))

    hooks(b, command % ("soc", taker) + "  slow:\n    command: [%s]\n    max-label: TLP:GREEN\n    wait: 0 seconds\n    runs: [/bin/sleep]\n    writes: [%s]\n" % (slow, out)
          + "  list:\n    file: %s/list\n    format: list\n    max-label: TLP:GREEN\n" % out)
    check_equal(b("hook", "reload").text, "3 hooks are at work.\n", "two more")
    must(lambda: "first.example" in read(out + "/list"), 20, "a file in a folder that the first hook process could not write", lambda: b("hook", "list"))
    must(lambda: read(out + "/slow") == "began\n", 20, "a program runs", lambda: b("hook", "list"))
    hooks(b, command % ("soc", taker) + "  slow:\n    command: [%s]\n    max-label: TLP:GREEN\n    wait: 1 seconds\n    runs: [/bin/sleep]\n    writes: [%s]\n" % (slow, out))
    check_equal(b("hook", "reload", seconds=60).text, "2 hooks are at work.\n", "one fewer, and another with another line")
    check_equal(read(out + "/slow"), "began\nended\n", "the program that ran came to its end")
    check_equal([each["name"] for each in b("hook", "list", "--json").value["hooks"]], ["soc", "slow"], "those of the file")
    a.publish_good([third], "TLP:GREEN", [b])
    must(lambda: taken() == [first["id"], second["id"], third["id"]], 20, "each object was given once, over all of that", lambda: (taken(), b("hook", "list")))
    must(lambda: read(out + "/slow").count("began") == 2, 20, "and to the other one: what it had taken did not come again", lambda: read(out + "/slow"))
    check("third.example" not in read(out + "/list"), "the file that is no hook's any more stays as it was")
    status = b.status()
    check_equal((status["restarts"], b.log().count("role.restart")), (0, 0), "nothing of this counts as a process that ended by itself")

    os.remove(os.path.join(b.dir, "hooks.yaml"))
    check_equal(b("hook", "reload").text, "There are no hooks any more.\n", "without the file there are none")
    must(lambda: b.status()["hooks"] == 0 and b("hook", "list").code == NOT_FOUND, 20, "and no process", b.log_tail)
    check([row for row in b("ledger", "show", "--json").values if "hook" in json.dumps(row) and "reload" in json.dumps(row)], "the ledger has rows of the reloads")
    check_equal(b("hook", "reload", "now").code, USAGE, "it takes no name")


@story
def words(place):
    """A file that is not understood is refused with its line, and the node does not start with it; what is missing is named."""
    node = place.node("agency.a", relayed=False)
    check_equal(node("hook", "check").code, NOT_FOUND, "no hooks")
    hooks(node, "  a:\n    command: [/bin/cat]\n    max-label: TLP:GREEN\n    colour: red\n")
    result = node("hook", "check")
    check(result.code == REFUSED and b"hooks.yaml:6:5: colour: " in result.err, "a bad line is named", result)
    result = comity("run", "--dir", node.dir)
    check(result.code == REFUSED and b"hooks.yaml:6:5: colour: " in result.err, "and the node does not start", result)
    missing = place.path("missing")
    hooks(node, "  a:\n    file: %s/x\n    format: list\n    max-label: TLP:GREEN\n  b:\n    command: [/nonexistent/x]\n    max-label: TLP:GREEN\n" % missing)
    result = node("hook", "check")
    check(result.code == REFUSED and b"a: list %s/x: " % missing.encode() in result.out and b"/nonexistent/x: No such file" in result.out, "what is not there is named", result)
    check_equal(node("hook", "list").code, NOT_RUNNING, "without a node nobody tells what they did")
    node.start()
    must(lambda: "cannot be written" in row(node, "a")["problem"], 20, "the node runs, and says it", lambda: row(node, "a"))
    os.mkdir(missing)
    must(lambda: os.path.exists(missing + "/x"), 40, "once the folder is there, the file is", lambda: (node("hook", "list"), node.log_tail()))
    shutil.rmtree(missing)
    os.mkdir(missing)
    must(lambda: os.path.exists(missing + "/x"), 40, "and again in another folder of the same name", lambda: (node("hook", "list"), node.log_tail()))
    check_equal(node("backup", place.path("copy")).code, OK, "a backup is made")
    check_equal(read(place.path("copy/hooks.yaml")), read(node.dir + "/hooks.yaml"), "which has the hooks")
    check_equal(node("hook", "run", "nobody").code, NOT_FOUND, "no such hook")
    shown = node("hook", "list")
    check(shown.code == OK and b"calls_failed" in shown.out, "a table for people", shown)


main()
