"""Limits on connections without a principal and on handshakes, at the limit and past it, and
requests of many kinds that a connection sends without pause."""

import socket
import ssl
import time

import pytest

import harness
from strongroom_client import REQUEST, ConnectionLost, health, ttrpc

CONNECTIONS, ANONYMOUS, HANDSHAKES, IDLE_SECONDS = 6, 3, 8, 2
SECONDS, FIRST_BYTE_SECONDS = 10, 10
FRAMES = 2_000
CONFIGURATION = f"""
metrics: {{loopback: open}}
limits:
  connections: {CONNECTIONS}
  anonymous_connections: {ANONYMOUS}
  anonymous_idle_seconds: {IDLE_SECONDS}
  handshakes: {HANDSHAKES}
"""
GET = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(scope="module")
def server(shared_home):
    (shared_home.folder / "strongroom.yaml").write_text(CONFIGURATION)
    return shared_home.serve()


@pytest.fixture(autouse=True)
def empty(server):
    """Each test begins when the connections of the one before are closed."""
    harness.wait_until(lambda: open_connections(server) <= 1, SECONDS, "the server to be idle")


def check(client):
    return client.call("Health", "Check", health.CheckRequest()).live


def serves(client):
    """Whether a connection is open and answers."""
    try:
        return check(client)
    except ConnectionLost:
        return False


def tls(server, name=None):
    context = ssl.create_default_context(cafile=str(server.home.folder / "tls/ca.pem"))
    if name:
        context.load_cert_chain(*map(str, server.home.certificate(name)))
    return context.wrap_socket(socket.create_connection((server.host, server.port), SECONDS),
                               server_hostname=server.host)


def scrape(server):
    with tls(server) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        text = read_all(connection).decode()
    lines = [line.rsplit(" ", 1) for line in text.splitlines()
             if line.startswith("strongroom_")]
    return {series: float(value) for series, value in lines}


def dropped(server):
    figures = scrape(server)
    return {reason: figures[f'strongroom_dropped_connections_total{{reason="{reason}"}}']
            for reason in ("silent", "handshake", "anonymous", "idle")}


def open_connections(server):
    figures = scrape(server)
    return sum(value for series, value in figures.items()
               if series.startswith("strongroom_open_connections"))


def read_all(connection):
    data = b""
    try:
        while part := connection.recv(1 << 16):
            data += part
    except (ConnectionError, ssl.SSLError):
        pass
    return data


def is_closed(plain):
    """Whether the server has closed a socket that it sent nothing to."""
    plain.setblocking(False)
    try:
        return plain.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def close_all(connections):
    for connection in connections:
        connection.close()


def test_as_many_anonymous_connections_as_the_limit_stay(server):
    before = dropped(server)
    clients = [server.client(None) for _ in range(ANONYMOUS)]
    assert all(check(client) for client in clients)
    assert all(serves(client) for client in clients)
    close_all(clients)
    assert dropped(server)["anonymous"] == before["anonymous"]


def test_one_more_takes_the_place_of_the_one_that_was_idle_longest(server):
    before = dropped(server)
    clients = [server.client(None) for _ in range(ANONYMOUS)]
    for client in clients[1:] + clients[:1]:
        assert check(client)
    with server.client(None) as late:
        assert check(late)
        assert [serves(client) for client in clients] == [True, False, True]
    close_all(clients)
    assert dropped(server)["anonymous"] == before["anonymous"] + 1


def test_anonymous_connections_give_way_to_certified_ones(server):
    anonymous = [server.client(None) for _ in range(ANONYMOUS)]
    certified = []
    for _ in range(CONNECTIONS):
        certified.append(server.client("admin"))
        assert check(certified[-1])
    assert not any(serves(client) for client in anonymous)
    assert all(serves(client) for client in certified)
    # No one is left that gives way, to a certified connection or to another.
    for name in ("admin", None):
        with pytest.raises((ConnectionLost, OSError)), server.client(name) as late:
            check(late)
    assert all(serves(client) for client in certified)
    close_all(anonymous + certified)


@pytest.mark.parametrize("first", [b"", GET, "frame"])
def test_an_idle_anonymous_connection_is_closed_and_a_certified_one_is_not(server, first):
    before = dropped(server)["idle"]
    with server.client("admin") as certified, tls(server) as connection:
        began = time.monotonic()
        if first == "frame":
            message = ttrpc.Request(service="strongroom.v1.Health", method="Check")
            payload = message.SerializeToString()
            connection.sendall(len(payload).to_bytes(4, "big") + (1).to_bytes(4, "big")
                               + bytes([REQUEST, 0]) + payload)
        else:
            connection.sendall(first)
        connection.settimeout(2 * SECONDS)
        read_all(connection)
        took = time.monotonic() - began
        # The first byte has its own time, whatever the idle time is.
        expected = IDLE_SECONDS if first else FIRST_BYTE_SECONDS
        assert expected - 0.5 <= took <= expected + 2
        assert serves(certified)
    if first != GET:
        assert dropped(server)["idle"] == before + 1


@pytest.mark.parametrize("beginning", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
def test_sockets_that_finish_no_handshake_give_way(server, beginning):
    before = dropped(server)
    plain = []
    for _ in range(4 * HANDSHAKES):
        plain.append(socket.create_connection((server.host, server.port), SECONDS))
        plain[-1].sendall(beginning)
    with server.client("admin") as client:
        assert check(client)
    assert server.answers()
    # The oldest were closed.
    assert all(is_closed(one) for one in plain[:HANDSHAKES])
    close_all(plain)
    after = dropped(server)
    reason = "handshake" if beginning else "silent"
    assert after[reason] - before[reason] >= 2 * HANDSHAKES


@pytest.mark.parametrize("method", ["Check", "Nothing", "no envelope"])
def test_all_frames_of_a_flood_are_answered_in_order_and_others_beside_it(server, method):
    payload = (ttrpc.Request(service="strongroom.v1.Health", method=method).SerializeToString()
               if method != "no envelope" else b"\xff" * 8)
    with server.client(None) as flooding, server.client("admin") as other:
        streams = [flooding.next_stream() for _ in range(FRAMES)]
        flooding.socket.sendall(b"".join(
            len(payload).to_bytes(4, "big") + stream.to_bytes(4, "big") + bytes([REQUEST, 0]) + payload
            for stream in streams))
        assert check(other)
        assert [flooding.receive_frame()[0] for _ in range(FRAMES)] == streams


def test_all_requests_of_a_flood_over_http_are_answered(server):
    with tls(server) as connection:
        connection.sendall(GET * FRAMES + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert read_all(connection).count(b"HTTP/1.1 200 OK") == FRAMES + 1


@pytest.mark.parametrize("fields", [
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
    b"Upgrade: websocket\r\n", b"Connection: Upgrade\r\n", b"Expect: 100-continue\r\n"])
def test_a_request_for_another_protocol_never_hangs(server, fields):
    for more in (b"", GET):
        with tls(server) as connection:
            connection.settimeout(SECONDS)
            connection.sendall(GET[:-2] + fields + b"\r\n" + more)
            answer = connection.recv(1 << 16)
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            if b"connection: close" in answer:
                read_all(connection)
            elif not more:
                connection.sendall(GET)
                assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("request_bytes", [
    b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    GET[:-2] + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc"])
def test_what_cannot_be_upgraded_is_refused_and_the_connection_closes(server, request_bytes):
    with tls(server) as connection:
        connection.settimeout(SECONDS)
        connection.sendall(request_bytes)
        assert read_all(connection).startswith(b"HTTP/1.1 4")
