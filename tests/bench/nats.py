"""nats: a JetStream server with TLS and a file store beside, where Debian's nats-server and our bench_nats (libnats) are there."""
import os
import shutil
import subprocess
import time

from nodes import free_port

SERVERS = ["/usr/sbin/nats-server", "/usr/bin/nats-server"]
CERTIFICATE = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
               "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]


def _server():
    return next((path for path in SERVERS if os.path.exists(path)), None) or shutil.which("nats-server")


def why_not(bench):
    if not _server():
        return "nats-server is not installed, left out"
    if not os.path.exists(bench.program("bench_nats")):
        return "libnats-dev is not installed, left out"
    return None if shutil.which("openssl") else "openssl is not installed, left out"


def rate(bench, path, count):
    """Items/s from the first publication until the consumer has acknowledged the last; None where NATS is not installed."""
    if why_not(bench):
        return None
    folder = bench.path("nats")
    os.makedirs(folder)
    files = {name: os.path.join(folder, name) for name in ("key.pem", "cert.pem", "server.conf", "log")}
    subprocess.run(CERTIFICATE + ["-keyout", files["key.pem"], "-out", files["cert.pem"]], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    port = free_port()
    with open(files["server.conf"], "w", encoding="utf-8") as file:
        file.write('listen: "127.0.0.1:%d"\ntls { cert_file: "%s", key_file: "%s" }\njetstream { store_dir: "%s" }\n' % (
            port, files["cert.pem"], files["key.pem"], os.path.join(folder, "store")))
    with open(files["log"], "wb") as log:
        server = subprocess.Popen([_server(), "-c", files["server.conf"]], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 10
        while "Server is ready" not in open(files["log"], encoding="utf-8").read():
            if time.monotonic() > deadline or server.poll() is not None:
                raise RuntimeError("nats-server did not start")
            time.sleep(0.02)
        got = bench.measure("bench_nats", port, files["cert.pem"], path, count)
        return count / (got["consumed_us"] / 1e6)
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)
