"""Replies that callers do not take: the server holds a bounded number of their bytes, runs no call
whose reply has no room, and gives the memory back when the callers have gone."""

import contextlib
import socket
import time

import numpy
import pytest

import resident
import unread
from harness import wait_until
from isolated_models import hosted
from strongroom_client import StatusError, prediction, registry
from strongroom_models import decode, predict_request, publish_bundle
from test_metrics import scrape, tls
from unread import CALLS, FLOATS, MIB, Flood

MOST_MORE, MOST_LEFT = 400 * MIB, 100 * MIB
ONE = {"x": numpy.ones(1, "f4")}
ROW = {"x": numpy.ones((1, 1), "f4")}
LONG = {"n": numpy.array([FLOATS], "i8")}
SHORT = {"n": numpy.array([1], "i8")}
TENS = {"x": numpy.ones((1, 10), "f4")}
TEXT = {"t": numpy.array([b"a" * 60], object)}
# Bundle, requests before the flood, requests of the flood.
KINDS = {
    "plain": (lambda: {"model.onnx": unread.wide()}, (), ONE),
    "in a host": (lambda: hosted(unread.wide()), (), ONE),
    "not declared": (lambda: {"model.onnx": unread.wide([None])}, (), ONE),
    "not declared, in a host": (lambda: hosted(unread.wide([None])), (), ONE),
    "batched": (lambda: {"model.onnx": unread.rows()}, (), ROW),
    "batched in a host": (lambda: hosted(unread.rows()), (), ROW),
    "by values": (lambda: {"model.onnx": unread.as_long_as_asked()}, [SHORT] * 300, LONG),
    "by shapes": (lambda: {"model.onnx": unread.repeated()}, [ROW] * 20, TENS),
    "texts": (lambda: {"model.onnx": unread.texts()}, (), TEXT),
}


def check(flood):
    assert flood.most_more() <= MOST_MORE
    assert flood.server.answers()
    flood.leave()
    assert flood.left(MOST_LEFT) <= MOST_LEFT
    wait_until(lambda: scrape(flood.server)["strongroom_unsent_bytes", ()] < MIB, 10,
               "the replies to be counted no longer")


def unsent(server):
    return scrape(server)["strongroom_unsent_bytes", ()]


@pytest.mark.parametrize("kind", KINDS)
def test_results_of_calls_that_read_nothing_are_bounded(home, kind):
    make, before, inputs = KINDS[kind]
    server = home.serve()
    with server.client() as admin:
        publish_bundle(admin, "wide", make())
        for request in before:
            admin.call("Prediction", "Predict", predict_request("wide", request))
        flood = Flood(server)
        flood.send("Prediction", "Predict", predict_request("wide", inputs))
        check(flood)


def test_files_and_lists_are_bounded_too(home):
    server = home.serve()
    with server.client() as admin:
        publish_bundle(admin, "file", {"model.onnx": unread.rows()})
    flood = Flood(server)
    flood.send("Registry", "ReadFile", registry.ReadFileRequest(
        model="file", version=1, path="model.onnx", length=MIB))
    check(flood)
    flood = Flood(server)
    flood.send("Registry", "ListAuditEvents", registry.ListAuditEventsRequest(page_size=1000))
    check(flood)


def test_callers_that_leave_while_their_calls_run_keep_nothing(home):
    server = home.serve()
    with server.client() as admin:
        publish_bundle(admin, "wide", {"model.onnx": unread.wide()})
    before = resident.settled(server.pid)
    for _ in range(10):
        flood = Flood(server)
        flood.send("Prediction", "Predict", predict_request("wide", ONE), calls=64)
        flood.leave()
    assert resident.resident(server.pid) - before <= MOST_MORE
    assert flood.left(MOST_LEFT) <= MOST_LEFT
    wait_until(lambda: unsent(server) < MIB, 10, "the replies to be counted no longer")


def test_pages_of_http_are_counted(home):
    server = home.serve()
    sockets = []
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            plain = stack.enter_context(socket.create_connection((server.host, server.port)))
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, unread.RECEIVE_BUFFER)
            stream = stack.enter_context(
                tls(server, "admin").wrap_socket(plain, server_hostname=server.host))
            stream.sendall(b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n" * 16)
            sockets.append(stream)
        time.sleep(1)
        assert server.answers()
        # One page a connection at most, whatever a page has.
        assert unsent(server) < 8 * MIB
    wait_until(lambda: unsent(server) < MIB, 10, "the pages to be counted no longer")


@pytest.mark.parametrize("kind", ["plain", "not declared, in a host", "by values"])
def test_a_slow_reader_gets_every_answer_in_full(home, kind):
    make, before, inputs = KINDS[kind]
    server = home.serve()
    with server.client() as admin, server.client() as slow:
        publish_bundle(admin, "wide", make())
        for request in before:
            admin.call("Prediction", "Predict", predict_request("wide", request))
        streams = [slow.start("Prediction", "Predict", predict_request("wide", inputs))
                   for _ in range(40)]
        time.sleep(1)
        for stream in streams:
            reply = slow.finish(stream, prediction.PredictResponse)
            assert decode(reply.outputs[0]).shape == (FLOATS,)
    wait_until(lambda: unsent(server) < MIB, 10, "the replies to be counted no longer")


def test_a_principal_at_its_limit_is_refused_and_others_are_not(home):
    home.add_client("greedy", "predictor")
    home.add_client("modest", "predictor")
    server = home.serve(env={
        "STRONGROOM_LIMITS_PRINCIPAL_UNSENT_BYTES": str(16 * MIB),
        "STRONGROOM_LIMITS_QUEUE_MILLISECONDS": "300"})
    with server.client() as admin:
        publish_bundle(admin, "wide", {"model.onnx": unread.wide()})
    flood = Flood(server, "greedy", connections=6)
    flood.send("Prediction", "Predict", predict_request("wide", ONE))
    time.sleep(2)
    assert unsent(server) <= 20 * MIB
    with server.client("greedy") as greedy, pytest.raises(StatusError) as refused:
        greedy.call("Prediction", "Predict", predict_request("wide", ONE))
    assert refused.value.code == "RESOURCE_EXHAUSTED"
    assert f"limits.principal_unsent_bytes is {16 * MIB} bytes" in refused.value.message
    assert refused.value.retry_after > 0
    with server.client("modest") as modest:
        for _ in range(20):
            began = time.monotonic()
            modest.call("Prediction", "Predict", predict_request("wide", ONE))
            assert time.monotonic() - began < 1
    limit = ("limit", "principal_unsent_bytes")
    assert scrape(server)["strongroom_unsent_refusals_total", (limit,)] >= 1
    flood.leave()


def test_a_reply_over_the_limits_is_sent_when_nothing_else_is_held(home):
    server = home.serve(env={
        f"STRONGROOM_LIMITS_{limit}UNSENT_BYTES": str(64 << 10)
        for limit in ("", "PRINCIPAL_", "TOTAL_")})
    with server.client() as admin:
        publish_bundle(admin, "wide", {"model.onnx": unread.wide()})
        streams = [admin.start("Prediction", "Predict", predict_request("wide", ONE))
                   for _ in range(5)]
        for stream in streams:
            admin.finish(stream, prediction.PredictResponse)
