"""Values that end the process that runs them: such a call fails alone, the models of others do not
notice, and a caller who sends them again and again is held back."""

import re

import numpy
import pytest

import hosts
import isolated_models
import models
from callers import Caller, call, together
from harness import wait_until
from isolated_models import integers, least
from strongroom_client import StatusError, prediction
from strongroom_models import predict, publish_bundle

CONNECTIONS = 8
STEADY = models.mlp(seed=1)
ROW = models.rows(seed=1)
EXPECTED = models.Reference(STEADY).run(x=ROW)["y"]
ENDED = "the model's process ended while it ran this input"
GATHER_CARD = ("batching: {max_delay_us: 20000}",)  # calls of one moment come into one run
AGAIN_SECONDS = 1
BACK_OFF_SECONDS = 70
CRASHES = 3
# The type, the ranks of dividend and divisor, and whether calls are merged into one run. In a long
# run of INT32 the runtime divides with vector instructions, which wrap around instead.
KILLERS = {
    "INT32 Div": ("INT32", 1, 1, True),
    "INT64 Div": ("INT64", 1, 1, True),
    "INT32 Div by a scalar": ("INT32", 1, 0, False),
    "INT64 Div of a scalar": ("INT64", 0, 1, False),
}
CALLERS = ("eve", "bob", "carol", "dave")


def feed(datatype, left, right, dividend, divisor):
    kind = isolated_models.KINDS[datatype]
    return {"a": numpy.full([1] * left, dividend, kind),
            "b": numpy.full([1] * right, divisor, kind)}


@pytest.fixture(scope="module")
def shared_home(shared_home):
    for principal in CALLERS:
        shared_home.add_client(principal, "predictor")
    return shared_home


@pytest.fixture(scope="module")
def server(shared_home):
    server = shared_home.serve()
    with server.client() as client:
        publish_bundle(client, "steady", {"model.onnx": STEADY})
    return server


def neighbours(server, model, datatype, left, right, guilty=()):
    """Answers to one call on each connection at one moment; `guilty` takes the first places."""
    feeds = [feed(datatype, left, right, 90 * (index + 1), 7) for index in range(CONNECTIONS)]
    feeds[:len(guilty)] = guilty
    answers = together(server, [("admin", model, values) for values in feeds])
    for index, answer in enumerate(answers[len(guilty):], len(guilty)):
        assert answer.error is None, f"neighbour {index}: {answer.error}"
        assert answer.outputs["y"].tolist() == [90 * (index + 1) // 7]
    return answers


@pytest.mark.parametrize("case", KILLERS)
def test_a_value_that_ends_the_process_fails_its_own_call_alone(server, admin, name, case):
    datatype, left, right, is_merged = KILLERS[case]
    model = name("divide")
    publish_bundle(admin, model, isolated_models.with_card(
        integers("Div", datatype, left, right), *GATHER_CARD))
    fine = neighbours(server, model, datatype, left, right)
    assert (max(answer.rows for answer in fine) > 1) == is_merged
    with Caller(server, "steady", {"x": ROW}, EXPECTED) as steady:
        wait_until(lambda: steady.answered, 10, "the first answer")
        guilty, *_ = neighbours(server, model, datatype, left, right,
                                [feed(datatype, left, right, least(datatype), -1)])
        again = call(admin, model, feed(datatype, left, right, 7, 2))
    if guilty.error is None:
        assert case == "INT32 Div" and guilty.rows > 1, guilty
        assert guilty.outputs["y"].tolist() == [least(datatype)]
    else:
        assert guilty.error.code == "INTERNAL", guilty
        assert f"{ENDED} (SIGFPE)" in guilty.error.message
    assert again.error is None and again.outputs["y"].tolist() == [3]
    assert again.seconds < AGAIN_SECONDS, again
    assert steady.error is None, steady.error
    assert server.process.poll() is None and server.answers()


def test_the_end_of_a_host_is_reported_in_the_log_and_never_as_the_servers_own(server, admin, name):
    model = name("logged")
    publish_bundle(admin, model, {"model.onnx": integers("Div", "INT32")})
    for _ in range(2):
        assert call(admin, model, feed("INT32", 1, 1, least("INT32"), -1)).error.code == "INTERNAL"
    lines = [line for line in server.log.splitlines() if model in line and "SIGFPE" in line]
    assert lines and all(" error " in line or " warning " in line for line in lines), lines


@pytest.mark.parametrize("operator, datatype, divisor, expected", [
    ("Mod", "INT32", -1, 0), ("Mod", "INT64", -1, 0),
    ("Div", "INT8", -1, -128), ("Div", "INT16", -1, -32768)])
def test_a_quotient_that_the_runtime_survives_is_answered(
        server, admin, name, operator, datatype, divisor, expected):
    model = name("survived")
    publish_bundle(admin, model, {"model.onnx": integers(operator, datatype)})
    answer = call(admin, model, feed(datatype, 1, 1, least(datatype), divisor))
    assert answer.error is None and answer.outputs["y"].tolist() == [expected], answer


def test_a_division_by_zero_is_an_error_of_its_call_and_ends_no_host(server, admin, name):
    model = name("zero")
    host, _ = hosts.added_by(server, lambda: publish_bundle(
        admin, model, {"model.onnx": integers("Div", "INT64")}))
    answer = call(admin, model, feed("INT64", 1, 1, 7, 0))
    assert answer.error and ENDED not in answer.error.message, answer
    assert call(admin, model, feed("INT64", 1, 1, 7, 2)).outputs["y"].tolist() == [3]
    assert host in hosts.serving(server)


# Callers who do so again and again.


def crash(client, model):
    answer = call(client, model, feed("INT32", 1, 1, least("INT32"), -1))
    assert answer.error and answer.error.code == "INTERNAL", answer
    assert ENDED in answer.error.message


def held_back(client, model):
    """The seconds that a call is told to wait."""
    answer = call(client, model, feed("INT32", 1, 1, 7, 2))
    assert answer.error and answer.error.code == "RESOURCE_EXHAUSTED", answer
    return answer.error.retry_after


def is_served(client, model):
    answer = call(client, model, feed("INT32", 1, 1, 7, 2))
    return answer.error is None and answer.outputs["y"].tolist() == [3]


def test_a_caller_whose_inputs_end_the_process_three_times_is_held_back(server, admin, name):
    model, other = name("charged"), name("charged")
    for target in (model, other):
        publish_bundle(admin, target, {"model.onnx": integers("Div", "INT32")})
    with server.client("eve") as eve, server.client("bob") as bob:
        for _ in range(CRASHES):
            crash(eve, model)
        assert 0 < held_back(eve, model) <= 1
        assert is_served(bob, model) and is_served(eve, other)
        wait_until(lambda: is_served(eve, model), 5, "the end of the first second")
        crash(eve, model)
        assert 1 < held_back(eve, model) <= 2
        assert is_served(bob, model)


def test_crashes_of_three_callers_put_the_version_into_back_off(server, admin, name):
    model = name("backed-off")
    publish_bundle(admin, model, {"model.onnx": integers("Div", "INT32")})
    for principal in ("eve", "bob", "carol"):
        with server.client(principal) as client:
            crash(client, model)
    with server.client("dave") as dave:
        answer = call(dave, model, feed("INT32", 1, 1, 7, 2))
        assert answer.error and answer.error.code == "UNAVAILABLE", answer
        assert "have ended its process" in answer.error.message
        assert predict(dave, "steady", {"x": ROW})[0] == 1
        wait_until(lambda: is_served(dave, model), BACK_OFF_SECONDS, "the end of the back-off")


# The decision, as callers and operators see it.


def told(client, model):
    """mode, why and node of GetModel's metadata."""
    metadata = client.call("Prediction", "GetModel", prediction.GetModelRequest(
        model=prediction.ModelSpec(name=model))).metadata
    return [metadata.get(f"strongroom.isolation{part}", "") for part in ("", ".why", ".node")]


def check_decision(server, client, model, bundle, expected, *parts):
    """`expected`: the mode; `parts`: what reason and node have to name, as patterns."""
    before = hosts.serving(server)
    version = publish_bundle(client, model, bundle)
    assert list(version.aliases) == ["live"], version.reason
    mode, why, node = told(client, model)
    assert mode == expected, (mode, why, node)
    for part in parts:
        assert re.search(part, f"{why} {node}"), (why, node)
    shown = server.home.json("show", model)["isolation"]
    assert (shown["mode"], shown["why"], shown["node"] or "") == (mode, why, node)
    wait_until(lambda: len(hosts.serving(server) - before) == (expected == "process"),
               hosts.START_SECONDS, f"{expected}: the number of hosts")


DECISIONS = {
    "a plain MLP": ({"model.onnx": STEADY}, "none", ()),
    "Div by a caller's tensor": ({"model.onnx": integers("Div", "INT32")}, "process", ("Div",)),
    "Range over a value": (
        {"model.onnx": isolated_models.range_over_a_value()}, "process", ("Range",)),
    "a Loop": ({"model.onnx": isolated_models.counting()}, "process", ("Loop",)),
    "a card that asks for a host": (isolated_models.hosted(STEADY), "process", ("card",)),
    "a card that asks for none, without the operator": (
        isolated_models.in_server(integers("Div", "INT32")), "process", ("Div",)),
}


@pytest.mark.parametrize("case", DECISIONS)
def test_the_decision_and_its_reason_are_told(server, admin, name, case):
    bundle, expected, parts = DECISIONS[case]
    check_decision(server, admin, name("decided"), bundle, expected, *parts)


def test_an_operator_may_ask_for_a_host_for_each_model(home):
    server = home.serve(env={"STRONGROOM_ISOLATION_MINIMUM": "process"})
    with server.client() as client:
        for model, bundle in (("plain", {"model.onnx": STEADY}),
                              ("none", isolated_models.in_server(STEADY))):
            check_decision(server, client, model, bundle, "process", "isolation.minimum")
            assert numpy.array_equal(predict(client, model, {"x": ROW})[1]["y"], EXPECTED)


def test_none_needs_both_the_operator_and_the_card(home):
    server = home.serve(env={"STRONGROOM_ISOLATION_MINIMUM": "none"})
    with server.client() as client:
        loop = isolated_models.counting()
        check_decision(server, client, "both", isolated_models.in_server(loop), "none")
        check_decision(server, client, "auto", {"model.onnx": loop}, "process", "Loop")
        check_decision(server, client, "process", isolated_models.hosted(STEADY), "process", "card")
        for model in ("both", "auto"):
            assert predict(client, model, {"n": numpy.array([5], "i8")})[1]["y"].tolist() == [5]


@pytest.mark.parametrize("value", ["sandbox", "Process", "''", "[none]"])
def test_an_unknown_isolation_is_refused_and_named(server, admin, name, home, value):
    with pytest.raises(StatusError) as caught:
        publish_bundle(admin, name("unknown"), isolated_models.with_card(
            STEADY, f"isolation: {value}"))
    assert caught.value.code == "INVALID_ARGUMENT"
    assert "model.yaml:4: isolation: " in caught.value.message
    if value.isalpha():
        assert f"'{value}', expected auto, process or none" in caught.value.message
    (home.folder / "strongroom.yaml").write_text(f"isolation: {{minimum: {value}}}\n")
    done = home.run("serve", "--listen", "127.0.0.1:0")
    assert done.returncode == 1 and "isolation.minimum" in done.stderr, done


@pytest.mark.parametrize("value", ["0", "86401", "-1", "1.5", "soon", "[]"])
def test_a_limit_of_runs_that_is_none_is_refused_and_named(server, admin, name, home, value):
    with pytest.raises(StatusError) as caught:
        publish_bundle(admin, name("unknown"), isolated_models.with_card(
            STEADY, f"run_seconds: {value}"))
    assert caught.value.code == "INVALID_ARGUMENT" and "run_seconds" in caught.value.message
    if value.isdigit():
        assert f"expected an integer from 1 to 86400, found '{value}'" in caught.value.message
    for text in (f"limits: {{run_seconds: {value}}}",
                 f"runs: [{{models: 'llm*', run_seconds: {value}}}]"):
        (home.folder / "strongroom.yaml").write_text(text + "\n")
        done = home.run("serve", "--listen", "127.0.0.1:0")
        assert done.returncode == 1 and "run_seconds" in done.stderr, done
