"""A server that has more asked of it than it can do: bounded queues, refusals that say when to come
back, priorities, and no work for those who have gone."""

import re
import ssl
import time
import urllib.request

import numpy
import pytest

import harness
import isolated_models
from strongroom_client import RESPONSE, StatusError, prediction
from strongroom_models import predict, predict_request, publish_bundle

PLACES, ALL_PLACES = 4, 6
ENDLESS = {"n": numpy.array([1 << 40], "i8")}
SHORT = {"n": numpy.array([3], "i8")}
CONFIGURATION = f"""
metrics: {{loopback: open}}
isolation: {{minimum: none}}
limits:
  queued_requests: {PLACES}
  total_queued_requests: {ALL_PLACES}
  executor_threads: 1
"""


@pytest.fixture(scope="module")
def server(shared_home):
    (shared_home.folder / "strongroom.yaml").write_text(CONFIGURATION)
    shared_home.command("clients", "add", "admin", "--role", "admin", "--max-priority", 10)
    return shared_home.serve()


@pytest.fixture(scope="module")
def targets(server):
    """Two models that count to a number: as slow as they are asked to be. They share the server's
    one executor thread; in engine hosts each would have its own."""
    with server.client() as client:
        for target in ("counter", "other"):
            publish_bundle(client, target, isolated_models.in_server(isolated_models.counting()))
    return "counter", "other"


@pytest.fixture
def busy(server, targets):
    """The one thread runs a call that does not end, until the test does."""
    with server.client() as client, server.client() as canceller:
        stream = start(client, targets[0], ENDLESS, request_id="endless")
        wait_for(canceller, targets[0], 1)
        yield canceller
        try:
            cancel(canceller, "endless")
        except StatusError as error:
            assert error.code == "NOT_FOUND"  # the test did so itself
        assert refused(client, stream).code == "CANCELLED"
        # The thread is free again.
        assert predict(canceller, targets[0], SHORT, timeout=30)


def start(client, target, inputs, timeout=0.0, **request):
    message = predict_request(target, inputs, **request)
    return client.start("Prediction", "Predict", message, timeout=timeout)


def finish(client, stream):
    return client.finish(stream, prediction.PredictResponse)


def refused(client, stream):
    with pytest.raises(StatusError) as caught:
        finish(client, stream)
    return caught.value


def cancel(client, request_id):
    client.call("Prediction", "Cancel", prediction.CancelRequest(request_id=request_id))


def free_places(client, target, most):
    """How many calls the model takes; each is gone again when this returns. None if one was
    answered: what is to keep the thread busy has not come there yet."""
    names = [f"probe-{i}" for i in range(most)]
    streams = [start(client, target, SHORT, request_id=name, priority=-10) for name in names]
    taken, answered = 0, False
    for name, stream in zip(names, streams):
        try:
            cancel(client, name)
        except StatusError as error:
            assert error.code == "NOT_FOUND"
        try:
            finish(client, stream)
            answered = True
        except StatusError as failure:
            taken += failure.code == "CANCELLED"
    return None if answered else taken


def wait_for(client, target, places):
    """Waits until so many of the model's places are taken."""
    harness.wait_until(
        lambda: free_places(client, target, PLACES + 1) == PLACES - places, 10,
        f"{places} calls of {target}")


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(
        server, busy, targets, shared_home):
    model, other = targets
    with server.client() as client:
        waiting = [start(client, model, SHORT) for _ in range(PLACES - 1)]
        wait_for(busy, model, PLACES)
        failure = refused(client, start(client, model, SHORT))
        assert failure.code == "RESOURCE_EXHAUSTED" and f"{PLACES} requests" in failure.message
        assert 0.001 <= failure.retry_after <= 5
        done = shared_home.run("predict", model, "--input", "n=[3]")
        assert done.returncode == 1 and "RESOURCE_EXHAUSTED" in done.stderr
        assert "it may have room in" in done.stderr

        waiting += [start(client, other, SHORT) for _ in range(ALL_PLACES - PLACES)]
        failure = refused(client, start(client, other, SHORT))
        assert failure.code == "RESOURCE_EXHAUSTED", failure
        assert "the server's queues are full" in failure.message
        assert f"{ALL_PLACES} requests" in failure.message and failure.retry_after > 0
        cancel(busy, "endless")
        for stream in waiting:
            assert finish(client, stream).outputs


def refusals(server):
    """The buckets of strongroom_refusal_seconds for Predict, as bound and count."""
    page = urllib.request.urlopen(f"https://{server.host}:{server.port}/metrics",
                                  context=ssl._create_unverified_context()).read().decode()
    return [(float(bound), int(count)) for bound, count in re.findall(
        r'strongroom_refusal_seconds_bucket{method="[^"]*/Predict",le="([^"]+)"} (\d+)', page)]


def test_refusals_are_timed_and_share_lines_in_the_log(server, busy, targets):
    def calls():
        """Refused calls that the log tells of, and its lines for them."""
        lines = [line for line in server.log.splitlines() if "RESOURCE_EXHAUSTED" in line]
        numbers = [re.search(r"rpc\.calls=(\d+)", line) for line in lines]
        return sum(int(number[1]) if number else 1 for number in numbers), len(lines)

    with server.client() as client:
        waiting = [start(client, targets[0], SHORT) for _ in range(PLACES - 1)]
        wait_for(busy, targets[0], PLACES)
        time.sleep(2.1)  # the calls of the wait have their lines
        (_, timed), (before, lines) = (refusals(server) or [(0, 0)])[-1], calls()
        count = 300
        begin = time.monotonic()
        for _ in range(count):
            assert refused(client, start(client, targets[0], SHORT)).code == "RESOURCE_EXHAUSTED"
        seconds = time.monotonic() - begin
        harness.wait_until(lambda: calls()[0] == before + count, 10, "the lines of all refusals")
        assert calls()[1] - lines <= seconds + 3
        buckets = refusals(server)
        assert buckets[-1][1] - timed == count
        assert {0.005, 0.01} < {bound for bound, _ in buckets}
        cancel(busy, "endless")
        for stream in waiting:
            assert finish(client, stream).outputs


def test_a_call_that_is_cancelled_while_it_waits_leaves_its_place_at_once(server, busy, targets):
    with server.client() as client:
        streams = [start(client, targets[0], ENDLESS, request_id=f"waits-{i}")
                   for i in range(PLACES - 1)]
        wait_for(busy, targets[0], PLACES)
        for left, stream in enumerate(streams, start=1):
            cancel(busy, f"waits-{left - 1}")
            assert free_places(busy, targets[0], PLACES) == left
            assert refused(client, stream).code == "CANCELLED"


def test_calls_of_a_connection_that_is_closed_leave_their_places(server, busy, targets):
    client = server.client()
    for _ in range(PLACES - 1):
        start(client, targets[0], ENDLESS)
    wait_for(busy, targets[0], PLACES)
    client.close()
    wait_for(busy, targets[0], 1)


def test_the_run_of_a_connection_that_is_closed_is_stopped(server, targets):
    client = server.client()
    start(client, targets[0], ENDLESS)
    with server.client() as other:
        wait_for(other, targets[0], 1)
        client.close()
        assert predict(other, targets[0], SHORT, timeout=20)


def test_a_call_that_waits_past_its_deadline_is_answered_and_leaves_its_place(
        server, busy, targets):
    with server.client() as client:
        stream = start(client, targets[0], ENDLESS, timeout=0.2)
        assert refused(client, stream).code == "DEADLINE_EXCEEDED"
        assert free_places(busy, targets[0], PLACES) == PLACES - 1


def test_higher_priorities_are_answered_first_and_take_the_place_of_lower_ones(
        server, busy, targets):
    with server.client() as client:
        low, ordinary, high = (
            start(client, targets[0], SHORT, priority=priority) for priority in (-1, 0, 10))
        wait_for(busy, targets[0], PLACES)
        higher = start(client, targets[0], SHORT, priority=5)
        failure = refused(client, low)
        assert failure.code == "RESOURCE_EXHAUSTED" and failure.retry_after > 0
        cancel(busy, "endless")
        order = []
        while len(order) < 3:
            stream, kind, _, _ = client.receive_frame()
            assert kind == RESPONSE
            order.append(stream)
        assert order == [high, higher, ordinary]


@pytest.mark.parametrize("priority", [-11, 11, (1 << 31) - 1, -(1 << 31)])
def test_a_priority_out_of_range_is_refused(admin, targets, priority):
    failure = refused(admin, start(admin, targets[0], SHORT, priority=priority))
    assert failure.code == "INVALID_ARGUMENT" and "expected -10 to 10" in failure.message
    assert finish(admin, start(admin, targets[0], SHORT, priority=10)).outputs
