"""web: what the stories of the web process share: nodes with one, and clients of TAXII 2.1 over TLS that check the certificate."""
import base64
import datetime
import http.client
import json
import os
import socket
import ssl
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lib import PATIENCE, free_port, wait_until

MEDIA = "application/taxii+json;version=2.1"


def configure(node, key, value):
    """Sets a line of the node's configuration; before the node is started."""
    path = os.path.join(node.dir, "comity.yaml")
    with open(path) as file:
        lines = file.read().splitlines()
    if not any(line.startswith(key + ":") for line in lines):
        raise RuntimeError("%s has no %s" % (path, key))
    with open(path, "w") as file:
        file.writelines(("%s: %s" % (key, value) if line.startswith(key + ":") else line) + "\n" for line in lines)


def enable(node):
    """The web process listens; before the node is started."""
    node.web_port = free_port()
    configure(node, "web.listen", "127.0.0.1:%d" % node.web_port)


def web_mesh(place, *names):
    """Nodes that trust each other, each with a web process."""
    nodes = place.mesh(*names, start=False)
    for node in nodes:
        enable(node)
    start(place, *nodes)
    return nodes


def listens(node):
    try:
        socket.create_connection(("127.0.0.1", node.web_port), timeout=5).close()
        return True
    except OSError:
        return False


def start(place, *nodes, **more):
    """Starts nodes, and waits for their web processes."""
    place.start(*nodes, **more)
    for node in nodes:
        if not wait_until(lambda: listens(node), 20):
            raise RuntimeError("the web process of %s does not listen:\n%s" % (node.name, node.log_tail()))


def token(node, name, *options):
    result = node("token", "add", name, *options)
    if result.code != 0:
        raise RuntimeError("token add failed: %s" % result)
    return result.out.decode().strip()


class Identity:
    """A client's certificate and key, as files."""

    def __init__(self, name, certificate, key, fingerprint):
        self.name, self.certificate, self.key, self.fingerprint = name, certificate, key, fingerprint

    def __str__(self):
        return self.name


class Authority:
    """Vouches for clients."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.secret = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._builder(self.subject, self.secret, 30).add_extension(x509.BasicConstraints(True, None), critical=True)
        self.certificate = self._write(name + ".crt", made.sign(self.secret, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject, key, days):
        now = datetime.datetime.utcnow()
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self.subject).public_key(key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=10))
                .not_valid_after(now + datetime.timedelta(days=days)))

    def _write(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def client(self, name, days=10, server=False):
        key = ec.generate_private_key(ec.SECP256R1())
        use = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = self._builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key, days)
        made = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False).sign(self.secret, hashes.SHA256())
        secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return Identity(name, self._write(name + ".crt", made.public_bytes(serialization.Encoding.PEM)), self._write(name + ".key", secret),
                        made.fingerprint(hashes.SHA256()).hex(":").upper())


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {key.lower(): value for key, value in response.getheaders()}
        self.body = response.read()

    @property
    def value(self):
        return json.loads(self.body)

    def __str__(self):
        return "%d %s %s" % (self.status, self.headers, self.body[:2000])


class Web:
    """A client with a token: one connection, which stays open."""

    def __init__(self, node, name, secret, bearer=False, identity=None):
        self.node, self.name, self.secret = node, name, secret
        context = ssl.create_default_context(cafile=os.path.join(node.dir, "web.crt"))
        if identity:
            context.load_cert_chain(identity.certificate, identity.key)
        self.connection = http.client.HTTPSConnection("127.0.0.1", node.web_port, timeout=30 * PATIENCE, context=context)
        basic = base64.b64encode(("%s:%s" % (name, secret)).encode()).decode()
        self.authorization = "Bearer " + secret if bearer else "Basic " + basic

    def __call__(self, path, query=None, method="GET", body=None, **headers):
        if query:
            path += "?" + urllib.parse.urlencode(query)
        sent = {"Accept": MEDIA, "Authorization": self.authorization}
        if body is not None:
            sent["Content-Type"] = MEDIA
        sent.update({key.replace("_", "-"): value for key, value in headers.items()})
        sent = {key: value for key, value in sent.items() if value is not None}
        for attempt in range(2):
            try:
                self.connection.request(method, path, body=body, headers=sent)
                return Answer(self.connection.getresponse())
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
                self.connection.close()
                if attempt:
                    raise

    def collection(self, alias):
        found = [each for each in self("/taxii2/api/collections/").value["collections"] if each["alias"] == alias]
        return "/taxii2/api/collections/%s/" % found[0]["id"] if found else None

    def pages(self, path, query=None):
        """All pages, by `next`; a client that forgets its other filters on the way, as real ones do."""
        first = self(path, query)
        yield first
        answer = first
        while answer.value.get("more"):
            again = {"next": answer.value["next"]}
            if query and "limit" in query:
                again["limit"] = query["limit"]
            answer = self(path, again)
            yield answer

    def all(self, path, query=None, key="objects"):
        return [each for answer in self.pages(path, query) for each in answer.value[key]]

    def ids(self, alias="all", query=None):
        return [each["id"] for each in self.all(self.collection(alias) + "objects/", query)]
