"""The longest time of one run: limits.run_seconds, the rules of `runs`, and a card's run_seconds. Long
runs of one model do not stop another's calls."""

import time

import numpy
import pytest

import models
from strongroom_client import StatusError, prediction
from strongroom_models import predict, predict_request, publish_bundle

ENDLESS = {"n": numpy.array([1 << 40], "i8")}
SHORT = {"n": numpy.array([3], "i8")}
CONFIGURATION = """
limits: {run_seconds: 1, executor_threads: 2}
runs:
  - {models: "long*", run_seconds: 3}
  - {models: "long-too", run_seconds: 1}
"""


@pytest.fixture(scope="module")
def server(shared_home):
    (shared_home.folder / "strongroom.yaml").write_text(CONFIGURATION)
    return shared_home.serve()


@pytest.fixture(scope="module")
def targets(server):
    lower = dict(models.counter())
    lower["model.yaml"] = lower["model.yaml"].rstrip() + b"\nrun_seconds: 2\n"
    with server.client() as client:
        for target in ("counter", "long-one", "long-too", "other"):
            publish_bundle(client, target, models.counter())
        publish_bundle(client, "long-card", lower)
        publish_bundle(client, "card", lower)


@pytest.mark.parametrize("target, seconds", [
    ("counter", 1), ("long-one", 3), ("long-too", 3), ("long-card", 2), ("card", 1)])
def test_a_run_ends_at_the_limit_of_its_model(server, targets, target, seconds):
    with server.client() as client:
        began = time.monotonic()
        with pytest.raises(StatusError) as caught:
            predict(client, target, ENDLESS)
        took = time.monotonic() - began
        assert caught.value.code == "DEADLINE_EXCEEDED"
        assert caught.value.message == f"the run took longer than its limit of {seconds} s"
        assert seconds <= took < seconds + 2
        assert predict(client, target, SHORT)


def test_the_callers_own_deadline_is_told_apart(server, targets):
    with server.client() as client:
        with pytest.raises(StatusError) as caught:
            predict(client, "long-one", ENDLESS, timeout=0.3)
        assert caught.value.code == "DEADLINE_EXCEEDED"
        assert "limit" not in caught.value.message


def test_long_runs_of_one_model_do_not_stop_another(server, targets):
    with server.client() as caller, server.client() as other:
        streams = [caller.start("Prediction", "Predict", predict_request("long-one", ENDLESS))
                   for _ in range(4)]
        time.sleep(0.2)
        for _ in range(20):
            assert predict(other, "other", SHORT, timeout=1)
        codes = []
        for stream in streams:
            with pytest.raises(StatusError) as caught:
                caller.finish(stream, prediction.PredictResponse)
            # The first is ended at its limit; those behind it wait longer than a queue lets them.
            codes.append(caught.value.code)
        assert codes[0] == "DEADLINE_EXCEEDED"
        assert set(codes) <= {"DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"}


@pytest.mark.parametrize("line, part", [
    ("run_seconds: 0", "run_seconds: expected an integer from 1 to 86400, found '0'"),
    ("run_seconds: 86401", "run_seconds: expected an integer from 1 to 86400, found '86401'"),
    ("isolation: host", "isolation: 'host', expected auto, process or none")])
def test_a_card_that_says_otherwise_is_refused(server, line, part):
    bundle = dict(models.counter())
    bundle["model.yaml"] = bundle["model.yaml"].rstrip() + f"\n{line}\n".encode()
    with server.client() as client, pytest.raises(StatusError) as caught:
        publish_bundle(client, "refused", bundle)
    assert caught.value.code == "INVALID_ARGUMENT"
    assert part in caught.value.message
