"""nodes: two agencies' nodes as real processes for measuring: init, cards, trust, run, status; ended by their pids."""
import json
import os
import random
import signal
import socket
import subprocess
import time


def wait_until(condition, seconds, every=0.005):
    """The first true value of condition(), or its last one when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(every)


def free_port():
    for _ in range(200):
        port = random.SystemRandom().randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


def descendants(pid):
    found = []
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, task)) as file:
                for child in file.read().split():
                    found += [int(child)] + descendants(int(child))
    except OSError:
        pass
    return found


class Node:
    def __init__(self, comity, folder, name, advertise=None):
        self.comity, self.name = comity, name
        self.dir = os.path.join(folder, name)
        self.card = os.path.join(folder, name + ".card")
        self.log = os.path.join(folder, name + ".log")
        self.port = free_port()
        self.process = None
        more = ["--advertise", "tcp://127.0.0.1:%d" % advertise(self.port)] if advertise else []
        self.must("init", "--agency", name, "--listen", "tcp://127.0.0.1:%d" % self.port, "--no-passphrase", *more)
        with open(self.card, "w", encoding="utf-8") as file:
            file.write(self.must("card"))

    def run(self, *words):
        return subprocess.run([self.comity, *words, "--dir", self.dir], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)

    def must(self, *words):
        result = self.run(*words)
        if result.returncode != 0:
            raise RuntimeError("comity %s: exit %d\n%s%s" % (" ".join(words), result.returncode, result.stdout[-2000:],
                                                             result.stderr[-2000:]))
        return result.stdout

    def trust(self, other):
        self.must("trust", "add", other.card, "--as", other.name, "--yes")

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.comity, "run", "--dir", self.dir], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if not wait_until(lambda: self.run("status").returncode == 0 or self.process.poll() is not None, 30, 0.05):
            raise RuntimeError("%s did not start: %s" % (self.name, self.log_tail()))
        if self.process.poll() is not None:
            raise RuntimeError("%s ended: %s" % (self.name, self.log_tail()))

    def log_tail(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()[-2000:]

    def status(self):
        return json.loads(self.run("status", "--json").stdout)

    def linked(self):
        links = self.status()["links"]
        return links if isinstance(links, int) else sum(bool(link.get("open", True)) for link in links)

    def log_of(self, agency):
        """What this node has of that agency's log: how far it is on disk."""
        logs = [log for log in self.status()["logs"] if log["agency"] == agency]
        return logs[0] if logs else {"entries": 0, "head": 0}

    def finds(self, value):
        return self.run("search", value).returncode == 0

    def publish(self, path):
        """Publishes a file to all; returns the CPU time of that command."""
        words = [self.comity, "publish", path, "--to-all", "--tlp", "green", "--quiet", "--dir", self.dir]
        with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
            output = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise RuntimeError("publish: exit %d\n%s" % (process.returncode, output[-2000:]))
        return usage.ru_utime + usage.ru_stime

    def pids(self):
        return [self.process.pid] + descendants(self.process.pid) if self.process else []

    def cpu_s(self):
        """CPU time of this node's processes so far, by role."""
        used = {}
        for pid in self.pids():
            with open("/proc/%d/stat" % pid) as file:
                name, rest = file.read().split("(", 1)[1].rsplit(")", 1)
            fields = rest.split()
            used[name] = used.get(name, 0) + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return used

    def memory_bytes(self):
        """Proportional share of all its processes: what is shared counts once."""
        total = 0
        for pid in self.pids():
            with open("/proc/%d/smaps_rollup" % pid) as file:
                total += sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
        return total

    def disk_bytes(self):
        total = 0
        for folder, _, names in os.walk(self.dir):
            for name in names:
                try:
                    total += os.lstat(os.path.join(folder, name)).st_blocks * 512
                except OSError:
                    pass
        return total

    def stop(self):
        if not self.process:
            return
        pids = self.pids()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                for pid in pids:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                self.process.wait()
        self.process = None


class Pair:
    """Two nodes that trust each other; linked when both run."""

    def __init__(self, comity, folder, advertise=None):
        os.makedirs(folder)
        self.a, self.b = Node(comity, folder, "alpha", advertise), Node(comity, folder, "beta", advertise)
        self.a.trust(self.b)
        self.b.trust(self.a)

    def start(self):
        self.a.start()
        self.b.start()
        self.link()
        return self

    def link(self, seconds=45):
        if not wait_until(lambda: self.a.linked() and self.b.linked(), seconds, 0.05):
            raise RuntimeError("the nodes do not find each other: %s" % self.b.log_tail())

    def caught_up(self):
        """Has B on its disk what A has?"""
        own, there = self.a.log_of(self.a.name), self.b.log_of(self.a.name)
        return own["head"] == there["entries"] and not there.get("missing")

    def stop(self):
        self.a.stop()
        self.b.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
