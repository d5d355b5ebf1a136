"""taxii: how fast TAXII clients are served over TLS: a pull of all, one page, and many clients that find nothing new."""
import os

from nodes import free_port, wait_until

PULL_MIN, PAGE_MS_MAX, POLLS_MIN = 150_000, 5, 20_000
SMALL_ITEMS = 1_000
CLIENTS = 200


def _enable(node):
    port = free_port()
    path = os.path.join(node.dir, "comity.yaml")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace('web.listen: ""', "web.listen: 127.0.0.1:%d" % port))
    return port


def figure(bench, count, runs, say):
    path, _ = bench.bundle(0, count)
    small, _ = bench.bundle(0, SMALL_ITEMS)
    pair = bench.pair("taxii")
    port = _enable(pair.a)
    with pair.start() as pair:
        token = pair.a.must("token", "add", "bench", "--rate", "1000000").strip()

        def pull(limit):
            return bench.measure("bench_taxii", "pull", port, "bench", token, "all", limit)

        def page(text):
            took = [pull(1000)["first_page_ms"] for _ in range(7 * max(runs, 3))]
            bench.table.add("TAXII page of 1000, of a collection of %s" % text, "ms", took, at_most=PAGE_MS_MAX)

        pair.a.publish(small)
        wait_until(lambda: pull(10000)["objects"] == SMALL_ITEMS, 10)
        page(str(SMALL_ITEMS))
        pair.a.publish(path)
        rates = []
        for run in range(runs):
            say("TAXII pull, run %d" % (run + 1))
            got = pull(10000)
            if got["objects"] != count:
                raise RuntimeError("a pull brought %d objects instead of %d" % (got["objects"], count))
            rates.append(got["per_second"])
        bench.table.add("TAXII pull of %d indicators in pages of 10000, TLS" % count, "/s", rates,
                        at_least=PULL_MIN if count >= 1_000_000 else None)
        page(str(count))
        polls = []
        for run in range(runs):
            say("TAXII polls, run %d" % (run + 1))
            got = bench.measure("bench_taxii", "poll", port, "bench", token, "all", "2099-01-01T00:00:00Z", CLIENTS, 3)
            polls.append(got["per_second"])
        bench.table.add("TAXII polls of %d clients, nothing new" % CLIENTS, "/s", polls, at_least=POLLS_MIN)
