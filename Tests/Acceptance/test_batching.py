"""Requests that wait run together where their rows do not see each other, and nowhere else."""

import numpy
import pytest

import models
from harness import ROOT
from strongroom_client import StatusError, prediction
from strongroom_models import predict_request, publish_bundle, read_bundle

ROWS = 64
CARD = "format: 1\nengine: onnxruntime\nentry: model.onnx\n"


def batching(client, name):
    reply = client.call("Prediction", "GetModel", prediction.GetModelRequest(
        model=prediction.ModelSpec(name=name)))
    return reply.metadata["strongroom.batching"], reply.metadata["strongroom.batching.why"]


def pipelined(client, name, inputs):
    """All requests are sent before the first reply is read."""
    streams = [client.start("Prediction", "Predict", predict_request(name, {"x": rows}))
               for rows in inputs]
    return [client.finish(stream, prediction.PredictResponse) for stream in streams]


@pytest.mark.parametrize("model", [
    models.quantised(seed=1), models.running_sum(), models.batch_normalised()],
    ids=["quantised by the largest value", "time first", "normalised over the batch"])
def test_rows_that_see_each_other_run_one_request_at_a_time(admin, name, model):
    published = name("seeing")
    publish_bundle(admin, published, {"model.onnx": model})
    merged, why = batching(admin, published)
    assert merged == "unmerged" and "differs when it has company" in why
    reference = models.Reference(model)
    inputs = [models.rows(seed=i, count=1 + i % 3) * (1 + i) for i in range(ROWS)]
    for rows, reply in zip(inputs, pipelined(admin, published, inputs)):
        assert reply.outputs[0].data == reference.run(x=rows)["y"].tobytes()
        assert reply.timing.batch_rows == len(rows)


def test_a_card_that_insists_on_merging_such_rows_is_rejected(admin, name):
    published = publish_bundle(admin, name("insisting"), {
        "model.onnx": models.quantised(seed=2),
        "model.yaml": (CARD + "batching: {mode: on}\n").encode()}, alias="")
    assert "differs when it has company" in published.reason, published


def test_what_waits_runs_together_and_every_answer_is_bit_for_bit_the_same(admin, name):
    published, model = name("merged"), models.mlp(seed=3)
    publish_bundle(admin, published, {"model.onnx": model})
    assert batching(admin, published)[0] == "merged"
    reference = models.Reference(model)
    inputs = [models.rows(seed=i, count=1 + i % 5) for i in range(256)]
    replies = pipelined(admin, published, inputs)
    for rows, reply in zip(inputs, replies):
        assert reply.outputs[0].data == reference.run(x=rows)["y"].tobytes()
    largest = max(reply.timing.batch_rows for reply in replies)
    print(f"{len(inputs)} requests; the largest run had {largest} rows")
    assert 5 < largest <= ROWS


def test_a_bad_request_among_good_ones_fails_alone(admin, name):
    published, model = name("company"), models.mlp(seed=4)
    publish_bundle(admin, published, {"model.onnx": model})
    reference = models.Reference(model)
    streams = []
    for i in range(ROWS):
        rows = models.rows(seed=i)
        inputs = {"x": rows} if i % 8 else {"x": rows.astype("f8")}
        streams.append((rows, i % 8, admin.start(
            "Prediction", "Predict", predict_request(published, inputs))))
    for rows, good, stream in streams:
        if good:
            reply = admin.finish(stream, prediction.PredictResponse)
            assert reply.outputs[0].data == reference.run(x=rows)["y"].tobytes()
        else:
            with pytest.raises(StatusError) as caught:
                admin.finish(stream, prediction.PredictResponse)
            assert caught.value.code == "INVALID_ARGUMENT"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_sentiment_models_are_merged(admin, name, version):
    published = name("sentiment")
    publish_bundle(admin, published, read_bundle(ROOT / f"Registry/models/sentiment/{version}"))
    merged, why = batching(admin, published)
    assert merged == "merged", why


def test_a_run_that_fails_on_values_fails_only_the_request_that_has_them(admin, name):
    published = name("gather")
    model = models.gather(numpy.arange(100, 110, dtype="i8"))
    publish_bundle(admin, published, {"model.onnx": model})
    assert batching(admin, published)[0] == "merged"
    inputs = [numpy.array([i % 10 if i % 9 else 99], "i8") for i in range(1, ROWS)]
    streams = [admin.start("Prediction", "Predict", predict_request(published, {"x": x}))
               for x in inputs]
    for x, stream in zip(inputs, streams):
        if x[0] == 99:
            with pytest.raises(StatusError) as caught:
                admin.finish(stream, prediction.PredictResponse)
            assert caught.value.code == "INVALID_ARGUMENT"
        else:
            reply = admin.finish(stream, prediction.PredictResponse)
            assert numpy.frombuffer(reply.outputs[0].data, "i8") == 100 + x[0]
