"""subscriptions: what thousands of them cost that nobody asks: memory, processor time, and the rate of publishing beside none; and what
one consumer takes.

BENCH_SUBSCRIPTIONS gives another number; the promise is 10,000."""
import os
import socket
import statistics
import struct
import time

ASK_SUBSCRIPTION, ASK_TAKE, DONE, ERROR = 115, 116, 100, 101
LIVE = 10
IDLE_S = 10


def packed(value):
    """MessagePack, canonical, of what the questions here are made of."""
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        for top, head, form in ((0x7f, b"", ">B"), (0xff, b"\xcc", ">B"), (0xffff, b"\xcd", ">H"), (0xffffffff, b"\xce", ">I")):
            if value <= top:
                return head + struct.pack(form, value)
        return b"\xcf" + struct.pack(">Q", value)
    if isinstance(value, str):
        text = value.encode()
        return (bytes([0xa0 | len(text)]) if len(text) < 32 else b"\xd9" + bytes([len(text)])) + text
    return bytes([0x90 | len(value)]) + b"".join(packed(each) for each in value)


class Control:
    """A client of the engine's control socket."""

    def __init__(self, node):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(os.path.join(node.dir, "control.sock"))
        self.file = self.socket.makefile("rb")

    def send(self, kind, value):
        body = packed(value)
        self.socket.sendall(struct.pack(">IHHQ", len(body), kind, 0, 1) + body)

    def answer(self):
        """The type and body of the next frame."""
        size, kind, _, _ = struct.unpack(">IHHQ", self.file.read(16))
        return kind, self.file.read(size)

    def done(self):
        """Reads up to the end of an answer; the sum of the bytes before it, and its last frame."""
        total = 0
        while True:
            kind, body = self.answer()
            if kind == ERROR:
                raise RuntimeError("the engine refuses: %r" % body)
            if kind == DONE:
                return total, body
            total += len(body)

    def close(self):
        self.file.close()
        self.socket.close()


def subscribe(node, count):
    """Seconds that it took to make them."""
    control = Control(node)
    began = time.monotonic()
    for first in range(0, count, 100):
        numbers = range(first, min(first + 100, count))
        for number in numbers:
            text = "kind = domain and confidence >= %d and not label = l%d and value = *.c%d.example" % (number % 100, number, number)
            control.send(ASK_SUBSCRIPTION, ["add", "s%d" % number, text, 3, LIVE, False])
        for number in numbers:
            control.done()
    took = time.monotonic() - began
    control.close()
    return took


def engine_bytes(node):
    """What the engine's process has for itself."""
    for pid in node.pids():
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            if b"--role\0engine" not in file.read():
                continue
        with open("/proc/%d/smaps_rollup" % pid) as file:
            return sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Private_"))
    raise RuntimeError("there is no engine")


def idle_cpu(node):
    """Seconds of processor time a second, of all processes of a node that nobody asks."""
    before = sum(node.cpu_s().values())
    time.sleep(IDLE_S)
    return (sum(node.cpu_s().values()) - before) / IDLE_S


def take(node, name, count):
    """Objects a second that one consumer takes, page by page."""
    control = Control(node)
    cursor = gone = taken = 0
    began = time.monotonic()
    while taken < count:
        control.send(ASK_TAKE, [name, LIVE, "bench", 0x0e, 10000, False, cursor, gone])
        _, body = control.done()
        values, at = [], 1
        while at < len(body):  # [count, cursor, gone, more, reset]
            head = body[at]
            size = {0xcc: 1, 0xcd: 2, 0xce: 4, 0xcf: 8}.get(head, 0)
            values.append(int.from_bytes(body[at + 1:at + 1 + size], "big") if size else head)
            at += 1 + size
        taken, cursor, gone = taken + values[0], values[1], values[2]
        if values[3] != 0xc3:
            break
    took = time.monotonic() - began
    control.close()
    if taken < count:
        raise RuntimeError("a consumer got %d of %d" % (taken, count))
    return count / took


def figure(bench, count, items, runs, publish_timed, say):
    """publish_timed(pair, path, values) as the figure of publishing has it."""
    path, _ = bench.bundle(0, items)
    last = [value[1] for value in bench.values[items - 3:items]]
    rates = {0: [], count: []}
    held, made, idle, taking = {0: [], count: []}, [], {0: [], count: []}, []
    for run in range(runs):
        for number in ((0, count) if run % 2 == 0 else (count, 0)):
            say("subscriptions, run %d: %d of them" % (run + 1, number))
            with bench.pair("subscriptions-%d-%d" % (run, number)).start() as pair:
                if number:
                    made.append(number / subscribe(pair.b, number))
                # Started again, so that what was written for them counts no more.
                pair.b.stop()
                pair.b.start()
                pair.link()
                held[number].append(engine_bytes(pair.b))
                idle[number].append(idle_cpu(pair.b))
                took, _ = publish_timed(pair, path, last)
                rates[number].append(items / took)
                if number:
                    control = Control(pair.b)
                    control.send(ASK_SUBSCRIPTION, ["add", "all", "", 0, LIVE, True])
                    control.done()
                    control.close()
                    taking.append(take(pair.b, "all", items))
    bare = statistics.median(held[0])
    bench.table.add("memory of a subscription that nobody asks, of %d" % count, "bytes", [(each - bare) / count for each in held[count]],
                    at_most=1024)
    bench.table.add("processor time of an idle node with %d" % count, "%", [100 * each for each in idle[count]],
                    beside=[("none", 100 * statistics.median(idle[0]))])
    bench.table.add("publish %d with %d subscriptions at the reader" % (items, count), "items/s", rates[count],
                    beside=[("none", statistics.median(rates[0]))])
    bench.table.add("subscriptions made", "1/s", made)
    bench.table.add("objects that one consumer takes, page by page", "items/s", taking)
