#!/usr/bin/python3
"""Operation: /metrics and health, the log's events, status and top: what operators and their monitoring see."""
import http.client
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess

from lib import (BUILD, COMITY, NOT_RUNNING, OK, PATIENCE, REFUSED, ROOT, USAGE, check, check_equal, free_port, indicator, indicators, main, must, skip,
                 story)
from web import Web, enable, token

PROMETHEUS = os.path.join(ROOT, "deploy", "prometheus")


def promtool():
    found = shutil.which("promtool") or os.path.join(BUILD, "tools", "promtool")
    if not os.access(found, os.X_OK):
        skip("promtool is not here: sh deploy/promtool.sh %s/tools" % os.path.basename(BUILD))
    return found


def configure(node, **settings):
    """Changes settings of comity.yaml before the node is started; __ stands for a dot."""
    path = os.path.join(node.dir, "comity.yaml")
    with open(path) as file:
        text = file.read()
    for key, value in settings.items():
        text = re.sub(r"(?m)^%s:.*$" % re.escape(key.replace("__", ".")), "%s: %s" % (key.replace("__", "."), value), text)
    with open(path, "w") as file:
        file.write(text)


def metered(node):
    """Metrics on, and nothing else of the web process."""
    node.metrics_port = free_port()
    configure(node, web__metrics="127.0.0.1:%d" % node.metrics_port)
    return node


def ask(node, path):
    connection = http.client.HTTPConnection("127.0.0.1", node.metrics_port, timeout=30 * PATIENCE)
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read().decode()


def start_metered(place, *nodes):
    """Starts and links nodes; those that have metrics listen then."""
    for node in nodes:
        node.spawn()
    for node in nodes:
        must(lambda: node.ready() and (not hasattr(node, "metrics_port") or listens(node)), 30, "%s runs" % node.name, node.log_tail)
    place.link(*nodes)


def listens(node):
    try:
        return ask(node, "/healthz")[0] == 200
    except OSError:
        return False


def figures(node):
    """{"name{labels}": value} of /metrics."""
    rows = {}
    try:
        text = ask(node, "/metrics")[1]
    except OSError:
        return rows  # the web process is being started again
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            rows[name] = float(value)
    return rows


def tells(node, text, wanted):
    """These figures; /metrics is some moments old."""
    must(lambda: not wanted.items() - figures(node).items(), 30, text, lambda: {name: figures(node).get(name) for name in wanted}, node.log_tail)


def json_lines(node):
    return [json.loads(line) for line in node.log().splitlines()]


def events(node, event):
    return [line for line in json_lines(node) if line.get("event") == event]


@story
def metrics(place):
    """Figures without a web server, in a form that Prometheus takes, and with no word of any object in them."""
    tool = promtool()
    a, b = place.mesh("agency.a", "agency.b", start=False)
    metered(a), metered(b), enable(b)
    start_metered(place, a, b)
    check("Beware" not in a("check-config").text, "on the loopback that is as it should be")
    a.publish_good([indicator("secret-value.example"), indicator("other.example")], "TLP:GREEN", [b])
    check_equal(a.publish([indicator("none.example")], None, [b]).code, REFUSED, "an object without a label is refused")
    must(lambda: b.finds("other.example"), 20, "B has them")
    web = Web(b, "soc", token(b, "soc"))
    must(lambda: len(web.ids()) == 2, 20, "and serves them")
    must(lambda: figures(a)["comity_links_memory_bytes"] > 0 and figures(b)["comity_nodes_linked"] == 1, 20, "they are linked")
    seen, other = figures(a), figures(b)
    check_equal(seen["comity_objects_published_total"], 2, "what was published is counted")
    refused = {name: value for name, value in seen.items() if name.startswith("comity_objects_refused_total") and value}
    check_equal(list(refused.values()), [1], "what was refused is, too, under its rule", refused)
    check_equal((other["comity_objects"], other["comity_agency_nodes_linked{agency=\"agency.a\"}"], other["comity_engine_up"]), (2, 1, 1),
                "B tells what it holds, and from whom")
    check(other["comity_web_requests_total"] > 0 and "comity_web_requests_total" not in seen, "who serves counts requests", other)
    check(seen["comity_store_sync_seconds_count"] > 0 and seen['comity_store_sync_seconds_bucket{le="+Inf"}'] == seen["comity_store_sync_seconds_count"],
          "syncs are timed", seen)
    check(2e9 > seen["comity_certificate_expiry_timestamp_seconds"] > seen["comity_start_timestamp_seconds"], "the certificate's end is told")

    told = a("recall", indicator("other.example")["id"], "--reason", "test")
    check_equal(told.code, OK, "A recalls one", told)
    must(lambda: figures(a)["comity_recalls_completed_total"] == 1, 30, "and its metrics show that all erased", lambda: figures(a))
    must(lambda: figures(b)["comity_objects_withdrawn_total"] == 1 and figures(b)["comity_blocks_erased_total"] >= 1, 20, "as B did")
    check_equal((figures(a)["comity_recalls_waiting"], figures(a)["comity_receipts_pending"]), (0, 0), "nothing is waited for")

    for node in (a, b):
        text = ask(node, "/metrics")[1]
        checked = subprocess.run([tool, "check", "metrics"], input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        check_equal((checked.returncode, checked.stdout), (0, b""), "promtool has nothing to say about %s" % node.name)
        for word in ("secret-value", "other.example", "indicator--", node.fingerprint()):
            check(word not in text, "no %s in it" % word)
    named(b)


def named(node):
    """Every figure that rules and dashboard name is one that a node has."""
    have = set(re.findall(r"(?m)^# TYPE (\S+)", ask(node, "/metrics")[1]))
    with open(os.path.join(PROMETHEUS, "comity.dashboard.json")) as file:
        dashboard = json.load(file)
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    with open(os.path.join(PROMETHEUS, "comity.rules.yml")) as file:
        queries += re.findall(r"(?m)^ +expr: (.*)$", file.read())
    wanted = set()
    for query in queries:
        wanted |= {re.sub(r"_(bucket|sum|count)$", "", word) for word in re.findall(r"\bcomity_\w+", query)}
    check(len(queries) > 60 and len(wanted) > 40, "rules and dashboard ask for many figures", len(queries), len(wanted))
    check_equal(sorted(wanted - have), [], "and a node has all of them")
    ids = [panel["id"] for panel in dashboard["panels"]]
    check_equal(len(ids), len(set(ids)), "the panels have ids of their own")


@story
def consumers(place):
    """Figures of all who are told: subscriptions, the live feed, lists, streams and hooks; of each of them only as far as they are few."""
    try:
        from live import Keys, Session
        from live import enable as enable_live
    except ImportError:
        skip("python3-zmq or python3-msgpack is not installed")
    tool = promtool()
    a, b = place.mesh("agency.a", "agency.b", start=False)
    metered(b), enable(b), enable_live(b)
    os.mkdir(place.path("out"))
    with open(os.path.join(b.dir, "hooks.yaml"), "w") as file:
        file.write("version: 1\nhooks:\n  taker:\n    command: [/bin/cat]\n    max-label: TLP:GREEN\n    wait: 0 seconds\n"
                   "  fails:\n    command: [/bin/false]\n    max-label: TLP:GREEN\n    wait: 0 seconds\n"
                   "  list:\n    file: %s\n    format: list\n    max-label: TLP:GREEN\n" % place.path("out/list"))
    start_metered(place, a, b)
    must(lambda: figures(b).get("comity_live_up") == 1, 20, "the live feed tells of itself", b.log_tail)
    add = lambda name, *words: check_equal(b("subscription", "add", name, "--filter", "", *words).code, OK, "subscription %s" % name)
    add("taken", "--from", "start")
    add("left", "--from", "start", "--tlp-max", "TLP:CLEAR")
    objects, _ = indicators("counted", 5)
    a.publish_good(objects, "TLP:GREEN", [b])
    must(lambda: len(b.feed()) == 5, 20, "B has five")
    check_equal(b("feed", "--subscription", "taken", "--limit", "3").code, OK, "three are taken")
    tells(b, "what was delivered, and what waits", {'comity_subscription_behind_objects{subscription="taken"}': 2, 'comity_subscription_delivered_total{subscription="taken"}': 3,
                                                    'comity_subscription_behind_objects{subscription="left"}': 5})
    check_equal(b("feed", "--subscription", "left").code, OK, "one takes what it may not have")
    tells(b, "which is counted", {'comity_subscription_refused_total{subscription="left"}': 5})

    details = lambda: (figures(b), b("hook", "list"), b.log_tail())
    tells(b, "hooks were told", {'comity_hook_objects_total{hook="taker"}': 5, 'comity_hook_file_objects{hook="list"}': 5})
    tells(b, "one fails, and what waits for it, and for no other", {'comity_hook_failing{hook="fails"}': 1, 'comity_hook_behind_objects{hook="fails"}': 5,
                                                                   'comity_hook_behind_objects{hook="taker"}': 0, 'comity_hook_failing{hook="taker"}': 0})
    seen = figures(b)
    check(seen['comity_hook_calls_failed_total{hook="fails"}'] >= 1, "its calls are counted", details)
    check(seen['comity_hook_success_timestamp_seconds{hook="taker"}'] >= seen['comity_hook_success_timestamp_seconds{hook="fails"}'] > 1e9, "when each last had all", details)
    check('comity_hook_behind_objects{hook="list"}' not in seen, "a file has no place that could be behind")

    stranger, known = Keys(b, "stranger"), Keys(b, "known").admit(b, "--max-label", "TLP:GREEN")
    refused = Session(b, stranger)
    slow = Session(b, known, credit=2)
    check_equal(len(slow.objects(2)), 2, "a client takes two, and grants no more")
    tells(b, "it starves", {"comity_live_sessions": 1, "comity_live_sessions_starving": 1, "comity_live_starved_total": 1})
    must(lambda: figures(b)["comity_live_keys_refused_total"] >= 1, 20, "a key that is not let in is counted", details)
    slow.say("ack", slow.position[0], slow.position[1], 10)
    check_equal(len(slow.objects(3)), 3, "then it takes the others")
    tells(b, "and starves no more", {"comity_live_objects_total": 5, "comity_live_sessions_starving": 0, "comity_live_starved_total": 1})
    seen = figures(b)
    check(seen["comity_live_messages_total"] > 5 and seen["comity_live_sent_bytes_total"] > 5 * 200, "messages and bytes", seen)

    web = Web(b, "soc", token(b, "soc", "--max-label", "TLP:GREEN"))
    first = web("/lists/domain.txt")
    web("/lists/domain.txt", If_None_Match=first.headers["etag"])
    web("/feed.jsonl", {"after": "0.0"})
    web("/feed.jsonl", {"after": "99999.0"})
    tells(b, "lists and feeds", {'comity_web_lists_total{answer="sent"}': 1, 'comity_web_lists_total{answer="not_modified"}': 1, "comity_web_feed_objects_total": 5,
                                 "comity_web_feed_resets_total": 1, "comity_consumers_reset_total": 1, "comity_web_streams": 0})
    web.connection.request("GET", "/feed", headers={"Authorization": web.authorization})
    stream = web.connection.getresponse()
    tells(b, "an open stream", {"comity_web_streams": 1, "comity_web_streams_opened_total": 1})
    stream.close()
    page = b("top").text
    check("subscriptions 4, 2 behind, 0 stale   live clients 1, 0 starving   hooks 3, 1 failing" in page, "top shows them", page)

    for i in range(70):
        add("many-%02d" % i)
    add("a-late-one")
    tells(b, "all are counted", {"comity_subscriptions": 75, "comity_subscriptions_untold": 11})
    told = [name for name in figures(b) if name.startswith("comity_subscription_behind_objects{")]
    check_equal(len(told), 64, "the oldest ones have figures of their own", told)
    check('comity_subscription_behind_objects{subscription="taken"}' in told, "and keep them, whatever name comes later", told)
    text = ask(b, "/metrics")[1]
    checked = subprocess.run([tool, "check", "metrics"], input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    check_equal((checked.returncode, checked.stdout), (0, b""), "promtool has nothing to say")
    check("counted-" not in text and "indicator--" not in text, "no word of an object")
    for session in (refused, slow):
        session.close()


@story
def rules(_):
    """The alert rules load, fire when they should, and have a place in the operators' manual."""
    tool = promtool()
    for words in (["check", "rules", "comity.rules.yml"], ["test", "rules", "comity.test.yml"]):
        done = subprocess.run([tool] + words, cwd=PROMETHEUS, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        check_equal(done.returncode, 0, "promtool %s" % " ".join(words), done.stdout.decode())
    with open(os.path.join(PROMETHEUS, "comity.rules.yml")) as file:
        alerts = re.findall(r"(?m)^ +- alert: (\w+)", file.read())
    with open(os.path.join(ROOT, "deploy", "OPERATIONS.md")) as file:
        manual = file.read()
    check_equal([each for each in alerts if "| `%s` |" % each not in manual], [], "each of %d alerts is in the manual" % len(alerts))
    check_equal([each for each in re.findall(r"`(Comity[A-Z]\w+)`", manual) if each not in alerts], [], "which names no others")


@story
def health(place):
    """A node whose engine hangs is not ready and says so; what dies is counted, told, and back."""
    place.kills = True
    node, other = place.mesh("agency.a", "agency.b", start=False)
    metered(node)
    configure(node, log__format="json")
    start_metered(place, node, other)
    check_equal((ask(node, "/healthz"), ask(node, "/readyz")), ((200, "ok\n"), (200, "ok\n")), "healthy and ready")
    check_equal((ask(node, "/taxii2/")[0], ask(node, "/nothing")[0]), (404, 404), "and nothing else there")

    engine = node.pid_of("engine")
    os.kill(engine, signal.SIGSTOP)
    must(lambda: ask(node, "/readyz") == (503, "the engine does not answer\n"), 20, "with an engine that hangs it is not ready")
    check_equal(ask(node, "/healthz")[0], 200, "though alive")
    check_equal(figures(node)["comity_engine_up"], 0, "which an alert can see")
    os.kill(engine, signal.SIGCONT)
    must(lambda: ask(node, "/readyz")[0] == 200 and figures(node)["comity_engine_up"] == 1, 20, "the late answers do no harm afterwards")

    os.kill(node.pid_of("net"), signal.SIGKILL)
    must(lambda: figures(node).get('comity_role_restarts_total{role="net"}') == 1, 20, "the network process that died is counted",
         lambda: figures(node), node.log_tail)
    must(lambda: node.linked(other), 45, "and links are there again")
    restart = events(node, "role.restart")
    check_equal([(line["level"], line["process"], line["restarts"]) for line in restart], [("warn", "net", 1)], "the log has its event")
    check_equal(events(node, "link.down")[0]["agency"], "agency.b", "as the link's end has")
    check("ended by themselves 1 times, last " in node("status").text, "and status tells", node("status"))
    os.kill(node.pid_of("engine"), signal.SIGKILL)
    must(lambda: listens(node) and figures(node).get('comity_role_restarts_total{role="engine"}') == 1, 45, "a new engine knows of it",
         node.log_tail)
    check_equal(figures(node)['comity_role_restarts_total{role="net"}'], 1, "and of what was before it")


@story
def restored(place):
    """Where only metrics are served, a restored node is not ready until the recalls since its backup are here."""
    node, other = place.mesh("agency.a", "agency.b", start=False)
    metered(node)
    with open(os.path.join(node.dir, "restored"), "w"):
        pass
    node.spawn()
    must(lambda: listens(node), 30, "it listens", node.log_tail)
    must(lambda: ask(node, "/readyz") == (503, "restored from a backup: waits for the recalls since then\n"), 20, "and is not ready",
         lambda: ask(node, "/readyz"))
    check_equal(figures(node)["comity_showing"], 0, "it shows nothing")
    check("* restored from a backup" in node("status").text, "status says so", node("status"))
    other.start()
    must(lambda: ask(node, "/readyz")[0] == 200, 60, "with a partner it hears all, and is ready", node.log_tail)


@story
def log(place):
    """Every line of every process is one JSON object; the events that operators watch have their ids and fields."""
    a, b = place.mesh("agency.a", "agency.b", start=False)
    configure(a, log__format="json", log_level="debug")
    with open(b.log_path, "wb") as file:
        about = os.fstat(file.fileno())
    b.env["JOURNAL_STREAM"] = "%d:%d" % (about.st_dev, about.st_ino)
    place.start(a, b)
    a.publish([indicator("x.example")], None, [b])
    a.publish_good([indicator("x.example")], "TLP:GREEN", [b])
    check_equal(a("recall", indicator("x.example")["id"], "--reason", "because").code, OK, "recalled")
    must(lambda: events(a, "recall.complete"), 30, "the recall is complete", a.log_tail)
    check_equal(a("group", "create", "nightfall").code, OK, "an administrative act")
    a.stop()
    lines = json_lines(a)
    check(all(set(line) >= {"ts", "level", "role", "text"} for line in lines), "each line has what a collector needs")
    check({line["role"] for line in lines} >= {"run", "net", "engine"}, "of all processes", {line["role"] for line in lines})
    refused = events(a, "policy.refused")
    check_equal([(line["refused"], line["published"], line["uid"]) for line in refused], [(1, 0, os.geteuid())], "refusals, with the rule", refused)
    check(refused[0]["rule"], "which has a name")
    check_equal([line["agency"] for line in events(a, "link.up")][:1], ["agency.b"], "links")
    check_equal([line["objects"] for line in events(a, "recall.asked")], [1], "recalls")
    check({"recall", "group create"} <= {line["act"] for line in events(a, "admin.act")}, "acts of local users", events(a, "admin.act"))
    check_equal((len(events(a, "node.running")), len(events(a, "node.stopping"))), (1, 1), "start and stop")
    check(not any("x.example" in json.dumps(line) or "indicator--" in json.dumps(line) for line in lines), "and no object or value")
    check(re.search(r"(?m)^<6>\S+Z engine info \[link\.up\] linked with agency\.a$", b.log()),
          "in text the id stands in brackets, and for the journal the priority in front", b.log_tail)
    check(all(re.match(r"<[2467]>2", line) for line in b.log().splitlines()), "as in each line of each process", b.log_tail)
    configure(a, web__metrics="0.0.0.0:9464")
    check("web.metrics (0.0.0.0:9464) is not on the loopback" in a("check-config").text, "elsewhere the operator is told")
    configure(a, log__format="xml")
    wrong = a("check-config")
    check("text or json" in str(wrong) and wrong.code != OK, "another format is refused", wrong)


@story
def overdue(place):
    """A recall that a reader has not carried out for a day is an event, a figure, and the first thing that status says."""
    a, b = place.mesh("agency.a", "agency.b", start=False)
    metered(a)
    configure(a, log__format="json")
    start_metered(place, a, b)
    a.publish_good([indicator("late.example")], "TLP:GREEN", [b])
    must(lambda: b.finds("late.example"), 20, "B has it")
    b.stop()
    check_equal(a("recall", indicator("late.example")["id"], "--reason", "wrong").code, OK, "A recalls it while B is away")
    must(lambda: figures(a)["comity_receipts_pending"] == 1, 20, "one receipt is missing", lambda: figures(a))
    check_equal((figures(a)["comity_recalls_waiting"], figures(a)["comity_recalls_overdue"]), (1, 0), "which is not overdue yet")
    check_equal(a.status()["recalls_waiting"], 1, "status has the figure")
    a.stop()
    a.env["COMITY_CLOCK_OFFSET_MS"] = str(25 * 3600 * 1000)
    a.spawn()
    must(lambda: listens(a) and figures(a).get("comity_recalls_overdue") == 1, 40, "a day later it is", a.log_tail)
    found = must(lambda: events(a, "recall.overdue"), 20, "the log says so", a.log_tail)
    check_equal((found[0]["readers"], found[0]["hours"], found[0]["level"]), (1, 25, "warn"), "with how many, and since when", found)
    check("* 1 recalled blocks are not erased" in a("status").text.split("\nlinks ")[0], "it stands in front in status", a("status"))
    b.start()
    must(lambda: figures(a)["comity_recalls_waiting"] == 0, 30, "B comes, erases, and nothing is waited for any more", a.log_tail, b.log_tail)
    check_equal(figures(a)["comity_recalls_overdue"], 0, "or overdue")


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, *words):
        self.shown, self.code = b"", None
        self.process, self.fd = pty.fork()
        if self.process == 0:
            os.execv(COMITY, [COMITY] + list(words))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.code is None:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
        os.close(self.fd)

    def read(self):
        while select.select([self.fd], [], [], 0.05)[0]:
            try:
                self.shown += os.read(self.fd, 65536)
            except OSError:  # its end, on Linux
                return

    def shows(self, text, times):
        self.read()
        return self.shown.count(text) >= times

    def press(self, key):
        os.write(self.fd, key)

    def ended(self):
        self.read()
        if self.code is None:
            pid, status = os.waitpid(self.process, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        self.read()
        return self.code is not None


@story
def status_and_top(place):
    """A screenful: what is wrong first. top prints once into a pipe, and lives on a terminal until q."""
    a, b = place.mesh("agency.a", "agency.b", start=False)
    a.start()
    must(lambda: "WRONG\n" in a("status").text, 20, "alone, something is wrong")
    text = a("status").text
    check("no link to any of 1 other nodes" in text and text.index("WRONG") < text.index("\nlinks "), "the missing link, in front", text)
    check_equal(a("top", "--every", "0").code, USAGE, "0 seconds are refused")
    b.start()
    place.link(a, b)
    must(lambda: "All is well." in a("status").text, 30, "with its partner all is well", lambda: a("status").text)
    check(len(a("status").text.splitlines()) <= 24, "on one screen", a("status").text)
    known = {"agency", "caught_up", "certificate_days", "cursor", "direct_pending", "disk_bytes", "entries", "fingerprint", "items", "links", "logs",
             "node", "notices", "outbox", "payloads", "payloads_damaged", "publishing", "publishing_reason", "revoked", "uptime_s"}
    check(known <= set(a.status()), "and --json has lost no key", a.status())
    page = a("top")
    check(page.code == OK and "\033" not in page.text and "nodes 2, 1 linked" in page.text, "top into a pipe is one page without escapes", page)
    check(re.search(r"questions of local clients +[\d,]+ +[\d.]+", page.text), "with rates", page.text)
    samples = {each["name"]: each["value"] for each in a("top", "--json").value}
    check(samples["comity_nodes"] == 2 and samples["comity_store_sync_seconds_count"] > 0, "or all of it as JSON", samples)

    with Terminal("top", "--dir", a.dir) as screen:
        must(lambda: screen.shows(b"comity top", 2), 20, "on a terminal the page comes again and again", lambda: screen.shown)
        screen.press(b"q")
        must(screen.ended, 20, "until q", lambda: screen.shown)
        check_equal(screen.code, OK, "which ends it well")
        check(screen.shown.rstrip().endswith(b"\033[?1049l"), "and gives the screen back", screen.shown[-200:])
    with Terminal("top", "--dir", a.dir) as screen:
        must(lambda: screen.shows(b"comity top", 1), 20, "it runs again", lambda: screen.shown)
        a.stop()
        must(screen.ended, 20, "when the node stops it ends", lambda: screen.shown)
        check_equal(screen.code, NOT_RUNNING, "with the exit code for that")
        check(b"comity top: " in screen.shown.split(b"\033[?1049l")[-1], "and the reason on the screen that stays", screen.shown[-300:])


main()
