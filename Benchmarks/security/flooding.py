"""Floods of a server, each in a process of its own, and a predictor beside them."""

import contextlib
import multiprocessing
import resource
import selectors
import socket
import ssl
import statistics
import struct
import time

import models
from strongroom_client import health, ttrpc
from strongroom_models import predict, predict_request, publish_bundle

WIDTHS = (768, 3072, 768)
MODEL = "mid"
PIECE = 1 << 16


def frame(stream, payload):
    return struct.pack(">IIBB", len(payload), stream, 1, 0) + payload


def request(service, method, payload=b""):
    return ttrpc.Request(service=f"strongroom.v1.{service}", method=method,
                         payload=payload).SerializeToString()


CHECK = request("Health", "Check", health.CheckRequest().SerializeToString())
PREDICT = request("Prediction", "Predict", predict_request(
    MODEL, {"x": models.rows(1, 1, WIDTHS[0])}).SerializeToString())


def context(home, name):
    """TLS of a client, with the certificate `name` or without one."""
    made = ssl.create_default_context(cafile=str(home.folder / "tls/ca.pem"))
    if name:
        made.load_cert_chain(*map(str, home.certificate(name)))
    return made


def pipelined(message, method=None):
    """Frames without pause, as many as the socket takes."""
    def more(state):
        first = state.setdefault("stream", 1)
        state["stream"] = first + 1024
        return b"".join(frame(first + 2 * index, message) for index in range(512))
    return more


def repeated(text):
    return lambda state: text * 512


FLOODS = {
    "health": pipelined(CHECK),
    "unknown-methods": pipelined(request("Health", "Nothing")),
    "no-envelopes": pipelined(b"\xff" * 16),
    "http-healthz": repeated(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    "http-metrics": repeated(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"),
}


class Connection:
    """One connection of a flood; it sends what `more` gives and drops what comes."""

    def __init__(self, address, tls, more):
        self.more, self.state, self.waiting = more, {}, b""
        self.socket = tls.wrap_socket(socket.create_connection(address, 5),
                                      server_hostname=address[0])
        self.socket.setblocking(False)

    def work(self):
        if len(self.waiting) < PIECE // 4:
            self.waiting += self.more(self.state)
        with contextlib.suppress(ssl.SSLWantWriteError, ssl.SSLWantReadError, BlockingIOError):
            sent = self.socket.send(self.waiting[:PIECE])
            self.waiting = self.waiting[sent:]
        with contextlib.suppress(ssl.SSLWantWriteError, ssl.SSLWantReadError, BlockingIOError):
            if not self.socket.recv(1 << 18):
                raise ConnectionError


def flood(home, address, name, more, count, closed):
    """Keeps `count` connections busy; one that the server closes is opened again."""
    tls, live = context(home, name), []
    while True:
        while len(live) < count:
            try:
                live.append(Connection(address, tls, more))
            except OSError:
                closed.value += 1
                break
        for one in list(live):
            try:
                one.work()
            except OSError:
                one.socket.close()
                live.remove(one)
                closed.value += 1


def ordinary(home, address, name, count, _):
    """Callers that make one Predict after another."""
    tls, selector = context(home, name), selectors.DefaultSelector()
    for _ in range(count):
        made = tls.wrap_socket(socket.create_connection(address, 5), server_hostname=address[0])
        made.sendall(frame(1, PREDICT))
        made.setblocking(False)
        selector.register(made, selectors.EVENT_READ, [1, b""])
    while True:
        for key, _ in selector.select():
            with contextlib.suppress(ssl.SSLWantReadError):
                key.data[1] += key.fileobj.recv(1 << 18)
                length, = struct.unpack(">I", key.data[1][:4])
                if len(key.data[1]) == length + 10:
                    key.data[:] = [key.data[0] + 2, b""]
                    key.fileobj.sendall(frame(key.data[0], PREDICT))


def handshakes(home, address, name, closed):
    """Whole handshakes, one after another, each closed at once."""
    tls = context(home, name)
    while True:
        try:
            tls.wrap_socket(socket.create_connection(address, 5), server_hostname=address[0]).close()
            closed.value += 1
        except OSError:
            pass


def connects(_, address, __, closed):
    """TCP connections that are closed at once."""
    while True:
        with contextlib.suppress(OSError):
            socket.create_connection(address, 5).close()
            closed.value += 1


def small_records(home, address, name, count, closed):
    """Frames of `Health.Check` in TLS records of one byte each."""
    tls, live = context(home, name), []
    for _ in range(count):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        engine = tls.wrap_bio(incoming, outgoing, server_hostname=address[0])
        plain = socket.create_connection(address, 5)
        while True:
            try:
                engine.do_handshake()
                break
            except ssl.SSLWantReadError:
                plain.sendall(outgoing.read())
                incoming.write(plain.recv(1 << 16))
        plain.sendall(outgoing.read())
        plain.setblocking(False)
        live.append([engine, incoming, outgoing, plain, b"", 1])
    while live:
        for one in list(live):
            engine, incoming, outgoing, plain, waiting, stream = one
            if len(waiting) < PIECE // 4:
                for byte in frame(stream, CHECK) * 8:
                    engine.write(bytes([byte]))
                one[5] += 2
                waiting += outgoing.read()
            try:
                one[4] = waiting[plain.send(waiting):]
                plain.recv(1 << 18)
            except BlockingIOError:
                one[4] = waiting if one[4] is waiting else one[4]
            except OSError:
                live.remove(one)
                closed.value += 1


def raise_descriptors():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))


@contextlib.contextmanager
def beside(target, *arguments):
    """Runs a flood in a process of its own, with a counter as its last argument."""
    counter = multiprocessing.Value("i")
    process = multiprocessing.Process(target=target, args=(*arguments, counter), daemon=True)
    process.start()
    try:
        yield counter
    finally:
        process.terminate()
        process.join()


def publish(client):
    publish_bundle(client, MODEL, {"model.onnx": models.mlp(1, WIDTHS)})


def latencies(client, seconds):
    """Milliseconds of one Predict after another."""
    rows, took, end = {"x": models.rows(1, 1, WIDTHS[0])}, [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        predict(client, MODEL, rows)
        took.append((time.perf_counter() - began) * 1e3)
    return took


def line(took):
    return (f"p50 {statistics.median(took):7.1f} ms, "
            f"p99 {statistics.quantiles(took, n=100)[98]:7.1f} ms, {len(took)} calls")
