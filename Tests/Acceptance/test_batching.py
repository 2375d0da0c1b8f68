"""Requests that wait run together where the graph proves their rows independent, and nowhere else:
company of any size and order never changes an answer."""

import json
import random

import numpy
import pytest

import models
from harness import ROOT
from strongroom_client import StatusError, prediction, registry
from strongroom_models import predict, predict_request, publish_bundle, read_bundle
from strongroom_tensors import encode

ROWS = 64
CARD = "format: 1\nengine: onnxruntime\nentry: model.onnx\n"


def metadata(client, name):
    return client.call("Prediction", "GetModel", prediction.GetModelRequest(
        model=prediction.ModelSpec(name=name))).metadata


def batching(client, name):
    told = metadata(client, name)
    return told["strongroom.batching"], told["strongroom.batching.why"]


def pipelined(client, name, inputs):
    """All requests are sent before the first reply is read."""
    feeds = [rows if isinstance(rows, dict) else {"x": rows} for rows in inputs]
    streams = [client.start("Prediction", "Predict", predict_request(name, feed))
               for feed in feeds]
    return [client.finish(stream, prediction.PredictResponse) for stream in streams]


def numbers(index):
    """One to three rows of the sizes that callers send, now and then with values at the edges."""
    values = models.rows(seed=index, count=1 + index % 3) * (1 + index % 7)
    edges = [numpy.nan, numpy.inf, -numpy.inf, 3e38, 1e-40, -0.0]
    if index % 5 == 4:
        values[0, index % 4] = edges[index // 5 % len(edges)]
    return {"x": values}


def text(index):
    words = "not as bad as they all say it was in the end".split()
    return {"x": numpy.array([" ".join(words[:index % 9])], object)}


def masked(index, width=12):
    values = numpy.arange(1, width + 1, dtype="i8")[None] * (1 + index)
    mask = (numpy.arange(width) < 1 + index * 5 % width).astype("i8")[None]
    return {"x": values, "mask": mask}


# Whether requests are merged follows from the graph: True, False, or None where it depends on how
# the processor computes.
KINDS = {
    "dense layers": (models.mlp(seed=5), numbers, True),
    "one dense layer of one column": (models.mlp(seed=5, widths=(4, 1)), numbers, None),
    "ReLU": (models.unary("FP32", "Relu", rank=2), numbers, True),
    "quantised by the largest value": (models.quantised(seed=1), numbers, False),
    "time first": (models.running_sum(), numbers, False),
    "normalised over the batch": (models.batch_normalised(), numbers, False),
    "a number of rows by values": (models.detector(), numbers, False),
    "as wide as the longest text": (models.split_texts(), text, False),
    "cut to the longest row": (models.cut_to_the_longest(), masked, False),
    "random numbers": (models.noisy(), numbers, False),
    **{operator: (models.activated(operator), numbers, None if operator == "Tanh" else False)
       for operator in ("Elu", "Selu", "Celu", "Softplus", "Sin", "Cos", "Tanh")},
}


@pytest.mark.parametrize("kind", KINDS)
def test_company_of_any_size_and_order_never_changes_an_answer(admin, name, kind):
    model, request, merged = KINDS[kind]
    published = name("company")
    publish_bundle(admin, published, {"model.onnx": model})
    found, why = batching(admin, published)
    print(f"{kind}: {found}: {why}")
    assert merged is None or (found == "merged") == merged, why
    feeds = [request(index) for index in range(ROWS)]
    reference = models.Reference(model)
    alone = [[encode(output, values).SerializeToString()
              for output, values in reference.run(**feed).items()] for feed in feeds]
    order = random.Random(kind)
    for round in range(6):
        chosen = order.sample(range(ROWS), order.choice([2, 3, 5, 17, 40, ROWS]))
        replies = pipelined(admin, published, [feeds[index] for index in chosen])
        for index, reply in zip(chosen, replies):
            got = [output.SerializeToString() for output in reply.outputs]
            if kind != "random numbers":
                assert got == alone[index], (kind, round, index)
            if merged is False:
                assert reply.timing.batch_rows == len(feeds[index]["x"])


@pytest.mark.parametrize("model", [
    models.quantised(seed=1), models.running_sum(), models.batch_normalised()],
    ids=["quantised by the largest value", "time first", "normalised over the batch"])
def test_rows_that_see_each_other_run_one_request_at_a_time(admin, name, model):
    published = name("seeing")
    publish_bundle(admin, published, {"model.onnx": model})
    merged, why = batching(admin, published)
    assert merged == "unmerged" and why
    reference = models.Reference(model)
    inputs = [models.rows(seed=i, count=1 + i % 3) * (1 + i) for i in range(ROWS)]
    for rows, reply in zip(inputs, pipelined(admin, published, inputs)):
        assert reply.outputs[0].data == reference.run(x=rows)["y"].tobytes()
        assert reply.timing.batch_rows == len(rows)


def test_a_card_that_insists_on_merging_such_rows_is_rejected(admin, name):
    published = publish_bundle(admin, name("insisting"), {
        "model.onnx": models.quantised(seed=2),
        "model.yaml": (CARD + "batching: {mode: on}\n").encode()}, alias="")
    assert published.state == registry.Version.STATE_REJECTED, published
    assert published.reason.startswith("the card says batching: on, but "), published


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


def test_threads_of_one_run_change_no_answer_in_company(admin, name):
    published, model = name("threads"), models.mlp(seed=6, widths=(4, 64, 64, 3))
    publish_bundle(admin, published, {
        "model.onnx": model, "model.yaml": (CARD + "threads: 2\n").encode()})
    print(batching(admin, published))
    inputs = [models.rows(seed=i, count=1 + i % 5) for i in range(ROWS)]
    # The server's own answer alone: that of one thread may differ.
    alone = [predict(admin, published, {"x": rows})[1]["y"].tobytes() for rows in inputs]
    for _ in range(3):
        replies = pipelined(admin, published, inputs)
        assert [reply.outputs[0].data for reply in replies] == alone


def insisting(tolerance=0):
    return (CARD + f"batching: {{mode: on, tolerance: {tolerance}}}\n").encode()


def test_a_publisher_may_take_the_risk_that_no_proof_covers(server, admin, name):
    """Only within the tolerance, and the server says so."""
    published, model = name("risk"), models.independent_unproved()
    publish_bundle(admin, published, {"model.onnx": model})
    if batching(admin, published)[0] == "merged":
        pytest.skip("the analysis proves it")
    publish_bundle(admin, published, {"model.onnx": model, "model.yaml": insisting()})
    merged, why = batching(admin, published)
    assert merged == "merged"
    assert "at the publisher's risk" in why and "largest" in why
    assert "at the publisher's risk" in server.home.command("show", published)
    assert "requests are merged at the publisher's risk" in server.log
    inputs = [models.rows(seed=i, count=1 + i % 3) for i in range(ROWS)]
    for rows, reply in zip(inputs, pipelined(admin, published, inputs)):
        assert reply.outputs[0].data == (rows + numpy.float32(0)).tobytes()


@pytest.mark.parametrize("tolerance", [0, 1e-3, 1e30])
@pytest.mark.parametrize("model", [
    models.quantised(seed=2), models.batch_normalised(), models.detector(), models.split_texts()],
    ids=["quantised by the largest value", "normalised", "rows by values", "texts"])
def test_no_tolerance_lets_rows_depend_on_strangers(admin, name, model, tolerance):
    version = publish_bundle(admin, name("insisting"), {
        "model.onnx": model, "model.yaml": insisting(tolerance)}, alias="")
    assert version.state == registry.Version.STATE_REJECTED
    assert version.reason.startswith("the card says batching: on, but "), version.reason


def noisy_bundle(atol):
    tensor = {"datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4]}
    bundle = models.with_golden(models.noisy(), [{"name": "x", **tensor}],
                                [{"name": "y", **tensor}])
    golden = json.loads(bundle["golden/0.json"]) | {"atol": atol}
    return bundle | {"golden/0.json": json.dumps(golden).encode()}


def test_a_version_whose_answers_vary_is_called_so(server, admin, name):
    published = name("noisy")
    version = publish_bundle(admin, published, noisy_bundle(atol=0))
    assert version.state == registry.Version.STATE_REJECTED
    assert "answers vary between runs of the same request" in version.reason, version.reason
    assert "golden/0.json" in version.reason
    for bundle in (noisy_bundle(atol=1), {"model.onnx": models.noisy()}):
        assert publish_bundle(admin, published, bundle).state == registry.Version.STATE_STORED
        assert metadata(admin, published)["strongroom.deterministic"] == "no"
        assert batching(admin, published)[0] == "unmerged"
        assert "deterministic: no\n" in server.home.command("show", published)
        assert server.home.json("show", published)["deterministic"] is False
    publish_bundle(admin, published, {"model.onnx": models.mlp(seed=1)}, allow_signature_change=True)
    assert metadata(admin, published)["strongroom.deterministic"] == "yes"
    assert "deterministic: yes\n" in server.home.command("show", published)


def test_publish_tells_how_long_the_comparison_took(server, name, tmp_path):
    path = tmp_path / "mlp.onnx"
    path.write_bytes(models.mlp(seed=7))
    model = name("told")
    told = server.home.command("publish", model, path)
    assert "batching   merged, compared in " in told and told.rstrip().endswith(" ms")
    path.write_bytes(models.mlp(seed=8))
    told = server.home.json("publish", model, path)["batching"]
    assert told["merged"] is True and told["check_ms"] >= 0


def test_the_comparison_takes_no_more_memory_than_there_is(home, name):
    """A batch for which a first load finds no memory means a smaller one, not a rejected version."""
    side, model = 160, models.pictures()

    def golden(value):
        values = [value] * (3 * side * side)
        return json.dumps({
            "inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 3, side, side],
                        "data": values}],
            "outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 64],
                         "data": [27 * value] * 64}]}).encode()

    server = home.serve(env={"STRONGROOM_LOADING_MEMORY_BYTES": str(400 << 20)})
    with server.client() as client:
        version = publish_bundle(client, name("pictures"), {
            "model.onnx": model, "golden/0.json": golden(1), "golden/1.json": golden(2),
            "model.yaml": (CARD + "golden: golden/*.json\n").encode()})
        assert version.state == registry.Version.STATE_STORED, version.reason
        merged, why = batching(client, version.model)
        assert merged == "merged" and "there is no memory to compare a run of" in why
        pictures = [numpy.random.default_rng(i).random((1, 3, side, side), "f4")
                    for i in range(6)]
        reference = models.Reference(model)
        replies = pipelined(client, version.model, pictures)
        for picture, reply in zip(pictures, replies):
            assert reply.outputs[0].data == reference.run(x=picture)["y"].tobytes()


def test_an_answer_does_not_depend_on_where_its_request_lies_in_memory(admin, name):
    published, model = name("addresses"), models.instance_normalised()
    publish_bundle(admin, published, {"model.onnx": model})
    values = numpy.random.default_rng(3).standard_normal((1, 4, 32, 32)).astype("f4")
    expected = models.Reference(model).run(x=values)["y"].tobytes()
    for length in range(1, 66):
        _, outputs = predict(admin, published, {"x": values}, request_id="i" * length)
        assert outputs["y"].tobytes() == expected, length
