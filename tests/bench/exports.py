"""exports: how long `comity export` takes over all that a node holds, file on disk and synced."""
import os
import subprocess
import time

FORMATS = ["list", "csv", "rpz", "nftables", "zeek", "suricata", "suricata-datasets", "stix", "misp"]
SECONDS_MAX = 5


def figure(bench, count, runs, say):
    path, _ = bench.bundle(0, count)
    with bench.pair("export").start() as pair:
        pair.a.publish(path)
        for name in FORMATS:
            target = bench.path("exported-" + name)
            took, size = [], 0
            for run in range(runs):
                say("export %s, run %d" % (name, run + 1))
                began = time.monotonic()
                result = subprocess.run([pair.a.comity, "export", name, "--out", target, "--quiet", "--dir", pair.a.dir], check=False,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                if result.returncode != 0:
                    raise RuntimeError("export %s: exit %d\n%s" % (name, result.returncode, result.stderr[-2000:]))
                took.append(time.monotonic() - began)
                size = sum(os.path.getsize(os.path.join(target, each)) for each in os.listdir(target)) if os.path.isdir(target) else (
                    os.path.getsize(target))
            bench.table.add("export %s of %d objects, %.0f MB" % (name, count, size / 1e6), "s", took,
                            at_most=SECONDS_MAX if count >= 1_000_000 else None)
