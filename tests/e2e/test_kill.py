#!/usr/bin/python3
"""kill -9 of any process at any time loses nothing that was acknowledged; SIGTERM ends all processes within five seconds."""
import os
import random
import signal
import subprocess
import threading
import time

from lib import COMITY, PATIENCE, alive, bundle, check, check_equal, children, family, indicators, main, must, must_hold, note, role, story, wait_until

CYCLES = int(os.environ.get("COMITY_KILL_CYCLES", "20"))


class Load:
    """Publishes in the background, and remembers what was acknowledged."""

    def __init__(self, node, recipients):
        self.node, self.recipients = node, recipients
        self.acknowledged, self.refused, self.strange, self.step = [], 0, [], 0
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopping:
            self.step += 1
            objects, _ = indicators("kill%d" % self.step, 25)
            try:
                result = self.node.publish(objects, "TLP:AMBER", self.recipients)
            except Exception as error:  # a command that hangs is a finding
                self.strange.append(repr(error))
                continue
            if result.code == 0:
                self.acknowledged += [each["id"] for each in objects]
            else:
                self.refused += 1
                if result.code not in (3, 4, 5):
                    self.strange.append(str(result))
                time.sleep(0.05)

    def stop(self):
        self.stopping = True
        self.thread.join(120)


def stands_again(node, killed, size):
    """(it accepts publications, it ended) after a process of it was killed. That it answers says nothing before all its processes are
    there again: its parent may not have seen the death yet, and then give up."""
    def whole():
        pids = node.pids()
        return killed not in pids and len(pids) >= size and node.ready()
    wait_until(lambda: node.process.poll() is not None or whole(), 40)
    ended = node.process.poll() is not None
    return not ended and whole(), ended


@story
def kill_at_random(place):
    """Any process of A or B is killed at a random moment under load; every acknowledged object is at A after it, and at B in the end."""
    place.kills = True
    a, b = place.mesh("agency.a", "agency.b")
    seed = int(os.environ.get("COMITY_SEED", random.SystemRandom().randrange(1 << 32)))
    note("COMITY_SEED=%d" % seed)
    chance = random.Random(seed)
    load = Load(a, [b])
    killed, lost, given_up = {}, None, 0
    for cycle in range(CYCLES):
        time.sleep(chance.uniform(0.05, 0.6))
        node = a if chance.random() < 0.7 else b
        pids = node.pids()
        which = chance.randrange(len(pids))
        known = len(load.acknowledged)
        name = "the parent" if which == 0 else role(pids[which])[-60:]
        killed[name] = killed.get(name, 0) + 1
        try:
            os.kill(pids[which], signal.SIGKILL)
        except ProcessLookupError:
            continue
        if which == 0:
            gone = wait_until(lambda: not any(alive(pid) for pid in pids), 10, every=0.02)
            if not gone:
                check(False, "the children end when their parent is killed", "left: %s" % [role(pid) for pid in pids if alive(pid)])
            node.process.wait()
            node.process = None
            node.spawn()
        up, ended = stands_again(node, pids[which], len(pids))
        if ended and "giving up" in node.log_tail(3):
            # Five failures within a minute end the node by intent; a service manager starts it again.
            check(wait_until(lambda: not any(alive(pid) for pid in pids), 10), "a node that gives up leaves no process behind")
            given_up += 1
            node.spawn()
            up, ended = stands_again(node, pids[which], len(pids))
        if not up:
            check(False, "%s accepts publications again after %s was killed (cycle %d)" % (node.name, name, cycle), node.log_tail())
        # What was acknowledged before the kill must be there after it.
        if cycle % (1 + CYCLES // 40) == 0:
            lost = set(load.acknowledged[:known]) - set(a.feed_ids())
        if lost:
            break
    check(not lost, "over %d kills all that was acknowledged stays at A" % CYCLES, "lost %d, cycle %d" % (len(lost or ()), cycle), a.log_tail)
    load.stop()
    note("%d objects acknowledged, %d publications refused, %d times given up, killed: %s" % (
        len(load.acknowledged), load.refused, given_up, killed))
    check_equal(load.strange, [], "no publication hung or ended strangely")
    check(load.acknowledged, "something was acknowledged")
    wanted = set(load.acknowledged)
    missing = must(lambda: wanted <= set(a.feed_ids()), 30, "all %d acknowledged objects are at A" % len(wanted))
    must(lambda: wanted <= set(b.feed_ids()), 120, "and at B", lambda: "missing %d" % len(wanted - set(b.feed_ids())), a.log_tail, b.log_tail)
    for node in (a, b):
        ids = node.feed_ids()
        check_equal(len(ids), len(set(ids)), "nothing is doubled at %s" % node.name)


@story
def each_role(place):
    """Each child process in turn is killed and comes back without loss; the links too."""
    place.kills = True
    a, b = place.mesh("agency.a", "agency.b")
    total = 0
    for victim in (a, b):
        for name in sorted(role(pid).split("/")[-1] for pid in children(victim.process.pid)):
            objects, _ = indicators("%s %s" % (victim.name, name), 20)
            a.publish_good(objects, "TLP:GREEN", "all")
            total += 20
            pid = [pid for pid in children(victim.process.pid) if role(pid).endswith(name)][0]
            os.kill(pid, signal.SIGKILL)
            must(lambda: not alive(pid) and victim.ready(), 30, "%s is ready after '%s' was killed" % (victim.name, name), victim.log_tail)
            check_equal(len(a.feed()), total, "A has all %d" % total)
            must_hold(b, total, 60, "B has all %d" % total, a.log_tail, b.log_tail)


@story
def sigterm(place):
    """SIGTERM and SIGINT end every process within five seconds: idle, under load, and right after the start."""
    a, b, c = place.mesh("agency.a", "agency.b", "agency.c")
    load = Load(a, [b])
    must(lambda: len(load.acknowledged) > 100, 30, "A is under load")
    for node in (a, b, c):
        pids = node.pids()
        check(len(pids) >= 4, "%s runs as a parent and three processes" % node.name, str([role(pid) for pid in pids]))
        took = node.stop(seconds=30)
        check(took is not None and took <= 5, "%s ends within 5 s (%.2f s)" % (node.name, took or -1), node.log_tail)
        check_equal([role(pid) for pid in pids if alive(pid)], [], "no process of %s is left" % node.name)
    load.stop()
    a.start()
    check(set(load.acknowledged) <= set(a.feed_ids()), "what was acknowledged before SIGTERM is there")
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        for delay in (0.0, 0.02, 0.1, 0.3):
            c.spawn()
            time.sleep(delay)
            pids = family(c.process.pid)
            started = time.monotonic()
            c.process.send_signal(signal_number)
            ended = wait_until(lambda: c.process.poll() is not None and not any(alive(pid) for pid in pids), 10, every=0.01)
            took = time.monotonic() - started
            check(ended and took <= 5 * PATIENCE, "a signal %g s after the start ends it within 5 s (%.2f s)" % (delay, took), c.log_tail)
            c.process = None


@story
def client_killed(place):
    """A publishing command that is killed or stopped halfway holds up nobody, and its repetition doubles nothing."""
    a = place.alone("agency.a")
    objects, _ = indicators("client", 3000)
    data = bundle(objects)
    for share in (0.3, 0.7, 0.99):
        process = subprocess.Popen([COMITY, "publish", "-", "--dir", a.dir, "--tlp", "TLP:GREEN", "--to-all"], stdin=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        process.stdin.write(data[:int(len(data) * share)])
        process.stdin.flush()
        time.sleep(0.05)
        process.kill()
        process.wait()
        process.stdin = None
        check(a.ready(), "the node accepts publications")
    result = a.publish(data, "TLP:GREEN", "all")
    check_equal(result.code, 0, "the whole file is published then", str(result))
    ids = a.feed_ids()
    check_equal((len(ids), len(set(ids))), (3000, 3000), "each object is there once")


main()
