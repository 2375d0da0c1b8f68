"""Calls whose time a caller's number decides: no event loop runs them, they end at the limit of a
run, and other models' callers do not wait for them."""

import threading
import time

import numpy
import pytest

import isolated_models
import models
from callers import Caller, call, health_seconds
from harness import wait_until
from strongroom_client import StatusError, prediction
from strongroom_models import predict_request, publish_bundle

CONNECTIONS = 8
HEALTH_SECONDS = 0.2
LONG = 20_000_000       # elements: about a second of work
ENDLESS = 1 << 40       # rounds of a loop
BOXES = 400_000         # of the operator that cannot be stopped: about 75 s
SHORT = 3
SERVER_SECONDS, CARD_SECONDS, PATIENT_SECONDS = 2, 1, 120
LATE_SECONDS = 0.6      # after its limit, an answer may come so late on a busy machine
OTHERS_SECONDS = 1
CONFIGURATION = f"""
limits: {{run_seconds: {SERVER_SECONDS}}}
runs:
  - {{models: "patient*", run_seconds: {PATIENT_SECONDS}}}
  - {{models: "patient*", run_seconds: 1}}
"""
STEADY = models.mlp(seed=1)
WIDE = models.mlp(seed=2, widths=(768, 3072, 768))  # too much work for an event loop
WIDE_ROW = models.rows(seed=3, width=768)
WIDE_EXPECTED = models.Reference(WIDE).run(x=WIDE_ROW)["y"]
# Models that run without an end, each with the number that makes it do so.
UNENDING = {
    "a loop": (isolated_models.counting(), ENDLESS),
    "one operator": (isolated_models.one_long_operator(), BOXES),
}


@pytest.fixture(scope="module")
def server(shared_home):
    with open(shared_home.folder / "strongroom.yaml", "a", encoding="utf-8") as file:
        file.write(CONFIGURATION)
    server = shared_home.serve()
    with server.client() as client:
        publish_bundle(client, "wide", {"model.onnx": WIDE})
    return server


def number(value):
    return {"n": numpy.array([value], "i8")}


def ends_at(answer, seconds):
    """The call ended with its limit, `seconds` after its start."""
    print(f"ended after {answer.seconds:.2f} s, limit {seconds} s")
    assert answer.error and answer.error.code == "DEADLINE_EXCEEDED", answer
    assert answer.error.message == f"the run took longer than its limit of {seconds} s"
    assert seconds - 0.1 <= answer.seconds < seconds + LATE_SECONDS, answer


def answers_again(client, model, seconds):
    wait_until(lambda: call(client, model, number(SHORT), timeout=seconds).error is None,
               seconds, f"{model} to answer again")


@pytest.mark.parametrize("operator", isolated_models.GROWING)
def test_event_loops_answer_while_a_callers_number_makes_a_run_long(server, admin, name, operator):
    model = name("patient")
    publish_bundle(admin, model, {"model.onnx": isolated_models.GROWING[operator]})
    for _ in range(20):  # the cost of a call of this size is known, and little
        assert call(admin, model, number(SHORT)).error is None
    stream = admin.start("Prediction", "Predict", predict_request(model, number(LONG)))
    time.sleep(0.02)
    took = health_seconds(server, CONNECTIONS)
    admin.socket.settimeout(0.001)
    with pytest.raises(TimeoutError):  # or the checks have shown nothing
        admin.receive_frame()
    assert max(took) < HEALTH_SECONDS, took
    reply = admin.finish(stream, prediction.PredictResponse)
    assert reply.outputs[0].name == "y"


@pytest.mark.parametrize("kind", UNENDING)
def test_a_run_ends_at_the_servers_limit_and_the_model_answers_again(server, admin, name, kind):
    model, most = name("limited"), UNENDING[kind][1]
    publish_bundle(admin, model, {"model.onnx": UNENDING[kind][0]})
    with Caller(server, "wide", {"x": WIDE_ROW}, WIDE_EXPECTED) as other:
        ends_at(call(admin, model, number(most)), SERVER_SECONDS)
        answers_again(admin, model, 2)
    assert other.error is None and other.longest < OTHERS_SECONDS, (other.error, other.longest)


@pytest.mark.parametrize("kind", UNENDING)
@pytest.mark.parametrize("card, limit", [(CARD_SECONDS, CARD_SECONDS), (600, SERVER_SECONDS)])
def test_the_card_lowers_the_limit_and_cannot_raise_it(server, admin, name, kind, card, limit):
    model, most = name("carded"), UNENDING[kind][1]
    publish_bundle(admin, model, isolated_models.with_card(
        UNENDING[kind][0], f"run_seconds: {card}"))
    ends_at(call(admin, model, number(most)), limit)


def test_the_first_rule_of_runs_raises_the_limit_and_the_card_lowers_it_there_too(server, admin, name):
    patient, carded = name("patient"), name("patient")
    publish_bundle(admin, patient, {"model.onnx": isolated_models.counting()})
    publish_bundle(admin, carded, isolated_models.with_card(
        isolated_models.counting(), f"run_seconds: {CARD_SECONDS}"))
    sample = 300_000
    rounds = int(sample / call(admin, patient, number(sample)).seconds * (SERVER_SECONDS + 1.5))
    answer = call(admin, patient, number(rounds), timeout=PATIENT_SECONDS)
    assert answer.error is None and answer.outputs["y"].tolist() == [rounds]
    assert answer.seconds > SERVER_SECONDS, "the run was over before the server's limit"
    ends_at(call(admin, carded, number(ENDLESS)), CARD_SECONDS)


@pytest.mark.parametrize("kind", UNENDING)
def test_a_deadline_and_a_cancellation_are_answered_at_once(server, admin, name, kind):
    model, most = name("stopped"), UNENDING[kind][1]
    publish_bundle(admin, model, {"model.onnx": UNENDING[kind][0]})
    answer = call(admin, model, number(most), timeout=0.5)
    assert answer.error and answer.error.code == "DEADLINE_EXCEEDED", answer
    assert "limit" not in answer.error.message, "the caller's own deadline"
    assert 0.4 < answer.seconds < 0.5 + LATE_SECONDS
    answers_again(admin, model, SERVER_SECONDS + 2)
    stream = admin.start("Prediction", "Predict", predict_request(
        model, number(most), request_id=model))
    time.sleep(0.2)
    began = time.monotonic()
    with server.client() as other:
        other.call("Prediction", "Cancel", prediction.CancelRequest(request_id=model))
    with pytest.raises(StatusError) as caught:
        admin.finish(stream, prediction.PredictResponse)
    assert caught.value.code == "CANCELLED" and time.monotonic() - began < LATE_SECONDS
    answers_again(admin, model, SERVER_SECONDS + 2)


def test_long_calls_of_one_model_leave_executors_to_others(server, admin, name):
    """As many calls as there are executors, and more, each without a deadline."""
    model = name("hogging")
    publish_bundle(admin, model, {"model.onnx": isolated_models.counting()})
    check_others_while_endless_calls_run(server, model)


def check_others_while_endless_calls_run(server, model):
    with server.client() as hog:
        streams = [hog.start("Prediction", "Predict", predict_request(model, number(ENDLESS)))
                   for _ in range(2 * CONNECTIONS)]
        time.sleep(0.3)
        with Caller(server, "wide", {"x": WIDE_ROW}, WIDE_EXPECTED) as other:
            wait_until(lambda: other.answered >= 20 or other.error, 20, "answers of another model")
        assert other.error is None and other.longest < OTHERS_SECONDS, (other.error, other.longest)
        codes = []
        for stream in streams:
            with pytest.raises(StatusError) as caught:
                hog.finish(stream, prediction.PredictResponse)
            codes.append(caught.value.code)
        # The first is ended at its limit; those behind it wait longer than a queue lets them.
        assert codes[0] == "DEADLINE_EXCEEDED"
        assert set(codes) <= {"DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"}, codes


# Models that run in the server's process, which the operator has to allow.


@pytest.fixture
def open_server(home):
    with open(home.folder / "strongroom.yaml", "a", encoding="utf-8") as file:
        file.write(CONFIGURATION + "isolation: {minimum: none}\n")
    server = home.serve()
    with server.client() as client:
        publish_bundle(client, "wide", {"model.onnx": WIDE})
        for model, (data, _) in UNENDING.items():
            publish_bundle(client, model.replace(" ", "-"), isolated_models.in_server(data))
    return server


def test_the_limit_ends_runs_in_the_server_too(open_server):
    with open_server.client() as client:
        ends_at(call(client, "a-loop", number(ENDLESS)), SERVER_SECONDS)
        answers_again(client, "a-loop", 2)
        check_others_while_endless_calls_run(open_server, "a-loop")


def test_a_run_that_cannot_be_stopped_is_answered_and_holds_no_other_model_back(open_server):
    with open_server.client() as client:
        answers = [None, None]

        def run(index):
            with open_server.client() as own:
                answers[index] = call(own, "one-operator", number(BOXES // 3))

        threads = [threading.Thread(target=run, args=(index,)) for index in range(len(answers))]
        for thread in threads:
            thread.start()
        with Caller(open_server, "wide", {"x": WIDE_ROW}, WIDE_EXPECTED) as other:
            for thread in threads:
                thread.join()
            wait_until(lambda: other.answered >= 20 or other.error, 20, "answers of another model")
        assert other.error is None and other.longest < OTHERS_SECONDS, (other.error, other.longest)
        first = min(answers, key=lambda answer: answer.seconds)
        ends_at(first, SERVER_SECONDS)
        assert all(answer.error for answer in answers)
        assert call(client, "wide", {"x": WIDE_ROW}).error is None
