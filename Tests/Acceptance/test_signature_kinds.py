"""Models with inputs that may be left out, of any shape, or by the hundred."""

import json

import numpy
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import models
from strongroom_client import StatusError, prediction
from strongroom_models import predict, publish_bundle

CARD = "format: 1\nengine: onnxruntime\nentry: model.onnx\n"
MANY = 1024


def with_default(ir_version=models.IR_VERSION):
    """y = x * scale, where scale is 2 if it is not given."""
    return models.save(
        [helper.make_node("Mul", ["x", "scale"], ["y"])],
        {"x": ("FP32", [None]), "scale": ("FP32", [1])}, {"y": ("FP32", [None])},
        [numpy_helper.from_array(numpy.float32([2]), "scale")], ir_version=ir_version)


def shapeless():
    """y = x, of any shape."""
    def info(name):
        return onnx.ValueInfoProto(name=name, type=onnx.TypeProto(
            tensor_type=onnx.TypeProto.Tensor(elem_type=TensorProto.FLOAT)))

    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "g", [info("x")], [info("y")])
    return helper.make_model(
        graph, ir_version=models.IR_VERSION,
        opset_imports=[helper.make_opsetid("", models.OPSET)]).SerializeToString()


def columns(count):
    """y is the sum of `count` inputs."""
    return models.save([helper.make_node("Sum", [f"c{i}" for i in range(count)], ["y"])],
                       {f"c{i}": ("FP32", [None]) for i in range(count)}, {"y": ("FP32", [None])})


def describe(client, model):
    return client.call("Prediction", "GetModel", prediction.GetModelRequest(
        model=prediction.ModelSpec(name=model)))


def golden(inputs, outputs):
    def tensors(values):
        return [{"name": name, "datatype": "FP32", "shape": list(numpy.shape(value)),
                 "data": numpy.reshape(value, -1).tolist()} for name, value in values.items()]

    return json.dumps({"inputs": tensors(inputs), "outputs": tensors(outputs)}).encode()


def test_an_input_with_a_default_may_be_left_out(admin, name):
    model = name("default")
    publish_bundle(admin, model, {"model.onnx": with_default()})
    x = numpy.float32([1, 2, 3])
    assert predict(admin, model, {"x": x})[1]["y"].tolist() == [2, 4, 6]
    given = {"x": x, "scale": numpy.float32([5])}
    assert predict(admin, model, given)[1]["y"].tolist() == [5, 10, 15]
    assert predict(admin, model, dict(reversed(given.items())))[1]["y"].tolist() == [5, 10, 15]
    assert [(spec.name, spec.optional) for spec in describe(admin, model).inputs] == [
        ("x", False), ("scale", True)]
    for wrong, word in (({"scale": numpy.float32([5])}, "'x' is missing"),
                        ({**given, "scale": numpy.float32([5, 6])}, "'scale' has shape [2]")):
        with pytest.raises(StatusError) as caught:
            predict(admin, model, wrong)
        assert caught.value.code == "INVALID_ARGUMENT" and word in caught.value.message


def test_weights_that_old_models_list_as_inputs_are_no_inputs(admin, name):
    model = name("old")
    publish_bundle(admin, model, {"model.onnx": with_default(ir_version=3)})
    assert [spec.name for spec in describe(admin, model).inputs] == ["x"]
    assert predict(admin, model, {"x": numpy.float32([1])})[1]["y"].tolist() == [2]


def test_cards_and_golden_requests_know_defaults_and_any_shape(admin, name):
    card = CARD + "golden: golden/*.json\ninputs:\n"
    default = card + ("  - {name: x, datatype: FP32, shape: [-1]}\n"
                      "  - {name: scale, datatype: FP32, shape: [1], optional: true}\n")
    requests = {"golden/0.json": golden({"x": [3]}, {"y": [6]}),
                "golden/1.json": golden({"x": [3], "scale": [4]}, {"y": [12]})}
    bundles = [
        {"model.onnx": with_default(), "model.yaml": default.encode(), **requests},
        {"model.onnx": shapeless(),
         "model.yaml": (card + "  - {name: x, datatype: FP32, shape: any}\n").encode(),
         "golden/0.json": golden({"x": [[1, 2]]}, {"y": [[1, 2]]})}]
    for bundle in bundles:
        version = publish_bundle(admin, name("carded"), bundle)
        assert list(version.aliases) == ["live"], version.reason
    wrong = {**bundles[0], "golden/0.json": golden({"x": [3]}, {"y": [7]})}
    version = publish_bundle(admin, name("carded"), wrong)
    assert "golden/0.json" in version.reason and "expected 7" in version.reason
    wrong = {**bundles[0], "model.yaml": default.replace("true", "false").encode()}
    assert "optional in the model" in publish_bundle(admin, name("carded"), wrong).reason


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (1, 2, 3), (0,), (1,) * 8])
def test_an_input_of_any_shape_takes_any(admin, shared_shapeless, shape):
    x = numpy.arange(int(numpy.prod(shape)), dtype="f4").reshape(shape)
    y = predict(admin, shared_shapeless, {"x": x})[1]["y"]
    assert y.shape == shape and y.tobytes() == x.tobytes()


def test_an_input_of_any_shape_has_the_limits_of_all(admin, shared_shapeless):
    assert [(spec.unknown_rank, list(spec.shape)) for spec in
            describe(admin, shared_shapeless).inputs] == [(True, [])]
    with pytest.raises(StatusError) as caught:
        predict(admin, shared_shapeless, {"x": numpy.zeros((1,) * 9, "f4")})
    assert caught.value.code == "INVALID_ARGUMENT" and "9 dimensions" in caught.value.message


@pytest.fixture(scope="module")
def shared_shapeless(server):
    with server.client() as client:
        publish_bundle(client, "any-shape", {"model.onnx": shapeless()})
    return "any-shape"


def test_show_and_predict_print_them(shared_home, server, admin, name):
    for data, line in ((with_default(), "input      scale FP32 [1], optional"),
                       (shapeless(), "input      x FP32 any shape")):
        model = name("shown")
        publish_bundle(admin, model, {"model.onnx": data})
        assert line in shared_home.command("show", model)
        described = shared_home.json("show", model)["inputs"][-1]
        assert (described["optional"], described["unknown_rank"]) == (
            line.endswith("optional"), line.endswith("any shape"))
        reply = shared_home.json("predict", model, "--input", "x=[3]")
        assert reply["outputs"][0]["data"] == ([6] if line.endswith("optional") else [3])
        shared_home.command("bench", model, "--duration", "0.2", "--connections", "1")


def test_a_request_may_have_as_many_tensors_as_there_may_be(admin, name):
    model = name("columns")
    version = publish_bundle(admin, model, {"model.onnx": columns(MANY)})
    assert list(version.aliases) == ["live"], version.reason
    x = {f"c{i}": numpy.float32([i, -i]) for i in range(MANY)}
    expected = [MANY * (MANY - 1) / 2, -MANY * (MANY - 1) / 2]
    assert predict(admin, model, x)[1]["y"].tolist() == expected
    assert predict(admin, model, dict(reversed(x.items())))[1]["y"].tolist() == expected
    with pytest.raises(StatusError) as caught:
        predict(admin, model, {name: x[name] for name in x if name != "c777"})
    assert "input 'c777' is missing" in caught.value.message
    with pytest.raises(StatusError) as caught:
        predict(admin, model, {**x, "more": x["c0"]})
    assert caught.value.code == "INVALID_ARGUMENT"
    assert "1025 input tensors, at most 1024 are taken" in caught.value.message
    version = publish_bundle(admin, model, {"model.onnx": columns(MANY + 1)}, alias="")
    assert "1025 inputs, at most 1024" in version.reason
