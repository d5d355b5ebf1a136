"""web: what the stories of the web process share: nodes with one, and clients of TAXII 2.1 over TLS that check the certificate."""
import base64
import http.client
import json
import os
import socket
import ssl
import urllib.parse

from lib import PATIENCE, free_port, wait_until

MEDIA = "application/taxii+json;version=2.1"


def enable(node):
    """The web process listens; before the node is started."""
    node.web_port = free_port()
    path = os.path.join(node.dir, "comity.yaml")
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(text.replace('web.listen: ""', "web.listen: 127.0.0.1:%d" % node.web_port))


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

    def __init__(self, node, name, secret, bearer=False):
        self.node, self.name, self.secret = node, name, secret
        context = ssl.create_default_context(cafile=os.path.join(node.dir, "web.crt"))
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
