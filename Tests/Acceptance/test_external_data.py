"""Models whose weights lie in other files of the bundle."""

import io
import os

import numpy
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from onnx.external_data_helper import set_external_data

import models
from strongroom_client import StatusError
from strongroom_models import predict, publish_bundle

CARD = "format: 1\nengine: onnxruntime\nentry: {entry}\n"
WIDTHS = (16, 64, 32, 8)
ROWS = models.rows(seed=1, count=5, width=WIDTHS[0])


def external(data, files, folder="", shift=0):
    """A bundle of the model with its initializers in `files`, in turn, each after `shift` bytes."""
    model = onnx.load(io.BytesIO(data))
    contents = {name: bytearray(shift) for name in files}
    for index, tensor in enumerate(model.graph.initializer):
        raw = onnx.numpy_helper.to_array(tensor).tobytes()
        name = files[index % len(files)]
        offset = len(contents[name])
        contents[name] += raw
        tensor.raw_data = raw
        set_external_data(tensor, name, offset, len(raw))
        tensor.ClearField("raw_data")
    entry = f"{folder}model.onnx"
    return {"model.yaml": CARD.format(entry=entry).encode(), entry: model.SerializeToString(),
            **{folder + name: bytes(content) for name, content in contents.items()}}


@pytest.mark.parametrize("files, folder, shift", [
    (["weights.bin"], "", 0), (["a.bin", "b.bin"], "", 4096), (["w/a.bin", "w/b/c.bin"], "net/", 3)])
def test_the_answers_are_those_of_the_model_in_one_file(admin, name, files, folder, shift):
    data, published = models.mlp(seed=7, widths=WIDTHS), name("outside")
    version = publish_bundle(admin, published, external(data, files, folder, shift))
    assert list(version.aliases) == ["live"], version.reason
    expected = models.Reference(data).run(x=ROWS)["y"]
    assert predict(admin, published, {"x": ROWS})[1]["y"].tobytes() == expected.tobytes()


def altered(change):
    bundle = external(models.mlp(seed=7, widths=WIDTHS), ["weights.bin"])
    model = onnx.load(io.BytesIO(bundle["model.onnx"]), load_external_data=False)
    change(model.graph.initializer[0])
    return {**bundle, "model.onnx": model.SerializeToString()}


def entry(tensor, key):
    return next(entry for entry in tensor.external_data if entry.key == key)


def set_entry(key, value):
    def change(tensor):
        entry(tensor, key).value = value
    return change


@pytest.mark.parametrize("change", [
    *[set_entry("location", text) for text in (
        "missing.bin", "../weights.bin", "/etc/passwd", "a/../weights.bin", "",
        "*/_ORT_MEM_ADDR_/*", "weights.bin\0x")],
    set_entry("offset", "100000000"), set_entry("offset", "-1"), set_entry("offset", "x"),
    set_entry("length", "4"), set_entry("length", "99999999999999999999"),
    lambda tensor: tensor.dims.append(2), lambda tensor: tensor.dims.__setitem__(0, -1)],
    ids=str)
def test_what_does_not_lie_in_the_bundle_is_rejected(admin, server, name, change):
    version = publish_bundle(admin, name("astray"), altered(change), alias="")
    assert version.reason and "w0" in version.reason, version
    assert server.answers()


def outside(tensor, shape, offset=0, location="w.bin", kind=TensorProto.FLOAT, **entries):
    """A tensor whose data lies in another file; `entries`: more of what it says of the place."""
    tensor = TensorProto(name=tensor, data_type=kind, dims=shape, data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, "offset": offset, **entries}.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def branch(name, nodes, initializers=(), output="branch"):
    return helper.make_graph(nodes, name, [], [
        helper.make_tensor_value_info(output, TensorProto.FLOAT, [None, 4])], list(initializers))


def model_of(nodes, initializers=(), more_inputs=(), sparse=(), functions=()):
    """A model from x [N, 4] to y [N, 4]."""
    def info(name, shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes, "graph", [info("x", [None, 4]), *[info(name, [4]) for name in more_inputs]],
        [info("y", [None, 4])], list(initializers), sparse_initializer=list(sparse))
    opsets = [helper.make_opsetid("", models.OPSET), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, opset_imports=opsets, functions=list(functions),
                             ir_version=models.IR_VERSION)


def node(operator, inputs, output="y", **attributes):
    return helper.make_node(operator, inputs, [output], **attributes)


def chosen(taken, other):
    """y is one of two branches, by the sign of the sum of x."""
    return [node("ReduceSum", ["x"], "sum", keepdims=0), node("Greater", ["sum", "zero"], "is_more"),
            node("If", ["is_more"], then_branch=taken, else_branch=other)]


ZERO = onnx.numpy_helper.from_array(numpy.float32(0), "zero")
ADD = node("Add", ["x", "w"])
TAKEN = [
    branch("then", [node("Add", ["x", "inner"], "branch")], [outside("inner", [4], 16)]),
    branch("else", [node("Mul", ["x", "inner2"], "branch")], [outside("inner2", [4], 32)])]
FROM_OUTSIDE = [branch("then", [node("Add", ["x", "w"], "branch")]),
                branch("else", [node("Identity", ["x"], "branch")])]
HIDING = [branch("then", [node("Add", ["x", "w"], "branch")],
                 [onnx.numpy_helper.from_array(numpy.float32([1, 2, 3, 4]), "w")]),
          branch("else", [node("Identity", ["x"], "branch")])]
FUNCTION = helper.make_function(
    "own", "Shift", ["a"], ["b"],
    [helper.make_node("Constant", [], ["k"], value=outside("k", [4], 16)),
     helper.make_node("Add", ["a", "k"], ["b"])], [helper.make_opsetid("", models.OPSET)])
AS_THE_RUNTIME = {
    "two tensors that share all bytes": model_of(
        [node("Add", ["x", "w"], "a"), node("Mul", ["a", "v"])],
        [outside("w", [4]), outside("v", [4])]),
    "tensors that share some bytes": model_of(
        [node("Add", ["x", "w"], "a"), node("Mul", ["a", "v"])],
        [outside("w", [4]), outside("v", [4], 4)]),
    "a tensor that no node uses": model_of([ADD], [outside("w", [4]), outside("spare", [4], 16)]),
    "a tensor without elements": model_of(
        [node("Concat", ["x", "none"], "a", axis=0), node("Add", ["a", "w"])],
        [outside("none", [0, 4], 64), outside("w", [4])]),
    "a length of 0": model_of([ADD], [outside("w", [4], length=0)]),
    "a checksum": model_of([ADD], [outside("w", [4], checksum="abc")]),
    "a path with a dot": model_of([ADD], [outside("w", [4], location="./w.bin")]),
    "a path with dots and slashes": model_of([ADD], [outside("w", [4], location=".//././w.bin")]),
    "two tensors of one name": model_of([ADD], [outside("w", [4]), outside("w", [4], 16)]),
    "more dimensions than a request may have": model_of(
        [node("Squeeze", ["w"], "s"), node("Add", ["x", "s"])], [outside("w", [1] * 12 + [4])]),
    "a default of an input": model_of([ADD], [outside("w", [4])], more_inputs=["w"]),
    "a default of an input that no node uses": model_of(
        [node("Identity", ["x"])], [outside("w", [4])], more_inputs=["w"]),
    "subgraphs": model_of(chosen(*TAKEN), [ZERO]),
    "a tensor that a subgraph alone uses": model_of(chosen(*FROM_OUTSIDE), [ZERO, outside("w", [4])]),
    "a tensor that a subgraph hides": model_of(chosen(*HIDING), [ZERO, outside("w", [4])]),
    "a subgraph of a subgraph": model_of(
        chosen(branch("outer", [node("Greater", ["sum", "zero"], "again"), helper.make_node(
            "If", ["again"], ["branch"], then_branch=branch(
                "inner", [node("Add", ["x", "deep"], "in")], [outside("deep", [4], 4)], "in"),
            else_branch=branch("none", [node("Identity", ["x"], "no")], output="no"))]),
            HIDING[1]), [ZERO]),
    "a node": model_of([helper.make_node("Constant", [], ["w"], value=outside("w", [4])), ADD]),
    "a sparse tensor": model_of([ADD], sparse=[onnx.SparseTensorProto(
        values=outside("w", [1]), indices=onnx.numpy_helper.from_array(numpy.int64([2]), "i"),
        dims=[4])]),
    "a function": model_of([node("Shift", ["x"], domain="own")], functions=[FUNCTION]),
    "references that do not count": model_of([ADD], [TensorProto(
        name="w", data_type=TensorProto.FLOAT, dims=[4], raw_data=numpy.ones(4, "f4").tobytes(),
        external_data=[onnx.StringStringEntryProto(key="location", value="/etc/passwd")])]),
}
FILE = numpy.arange(1, 17, dtype="f4").tobytes()


@pytest.mark.parametrize("case", AS_THE_RUNTIME)
def test_data_in_other_files_is_taken_as_the_runtime_takes_it(admin, name, tmp_path, case):
    bundle = {"model.onnx": AS_THE_RUNTIME[case].SerializeToString(), "w.bin": FILE}
    for path, content in bundle.items():
        (tmp_path / path).write_bytes(content)
    session = onnxruntime.InferenceSession(
        tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    model = name("as-the-runtime")
    version = publish_bundle(admin, model, bundle)
    assert list(version.aliases) == ["live"], version.reason
    for sign in (1, -1):
        x = sign * numpy.float32([[0.5, 1, 2, 3], [4, 5, 6, 7]])
        expected, = session.run(None, {"x": x})
        assert predict(admin, model, {"x": x})[1]["y"].tobytes() == expected.tobytes()


def test_everything_that_onnx_puts_outside_is_taken(admin, name, tmp_path):
    model = onnx.load_from_string(models.mlp(seed=7, widths=WIDTHS))
    onnx.save_model(model, tmp_path / "model.onnx", save_as_external_data=True,
                    location="weights.bin", size_threshold=0, convert_attribute=True)
    published = name("saved")
    version = publish_bundle(admin, published, {
        path: (tmp_path / path).read_bytes() for path in ("model.onnx", "weights.bin")})
    assert list(version.aliases) == ["live"], version.reason
    expected = models.Reference(models.mlp(seed=7, widths=WIDTHS)).run(x=ROWS)["y"]
    assert predict(admin, published, {"x": ROWS})[1]["y"].tobytes() == expected.tobytes()


@pytest.mark.parametrize("place", ["a node", "a subgraph", "an initializer", "an unused one"])
@pytest.mark.parametrize("location, problem", [
    ("/etc/passwd", "an absolute path"), ("../w.bin", "a path with '..'"),
    ("none.bin", "which the bundle lacks")])
def test_paths_out_of_the_bundle_are_refused_in_every_place(admin, name, place, location, problem):
    astray = outside("astray", [4], location=location)
    model = {
        "a node": model_of([helper.make_node("Constant", [], ["w"], value=astray), ADD]),
        "a subgraph": model_of(chosen(
            branch("then", [node("Add", ["x", "astray"], "branch")], [astray]), HIDING[1]), [ZERO]),
        "an initializer": model_of([node("Add", ["x", "astray"])], [astray]),
        "an unused one": model_of([node("Identity", ["x"])], [astray]),
    }[place]
    version = publish_bundle(admin, name("astray"), {
        "model.onnx": model.SerializeToString(), "w.bin": FILE}, alias="")
    assert "'astray'" in version.reason and problem in version.reason, version
    assert location in version.reason


def test_a_small_file_cannot_stand_for_any_number_of_tensors(admin, server, name):
    count, tensors, nodes = 1 << 20, [], []
    for number in range(64):
        tensors.append(outside(f"w{number}", [count], location="weights.bin"))
        nodes.append(helper.make_node("Gather", [f"w{number}", "x"], [f"g{number}"]))
    nodes.append(helper.make_node("Sum", [f"g{number}" for number in range(64)], ["y"]))
    model = models.save(nodes, {"x": ("INT64", [None])}, {"y": ("FP32", [None])}, tensors)
    version = publish_bundle(admin, name("overlapping"), {
        "model.onnx": model, "weights.bin": bytes(4 * count)}, alias="")
    assert "share bytes" in version.reason, version
    assert "268435456 bytes, at most 83886080 are taken" in version.reason, version
    assert server.answers()


def test_a_damaged_file_of_weights_is_data_loss_for_its_version_alone(home):
    server = home.serve()
    data = models.mlp(seed=7, widths=WIDTHS)
    with server.client() as client:
        publish_bundle(client, "whole", external(data, ["weights.bin"]))
        before = set(home.files("store/blobs"))
        # Larger than the entry, so that the largest blob is the weights'.
        publish_bundle(client, "hurt", external(data, ["weights.bin"], shift=1 << 16))
        blob = max(set(home.files("store/blobs")) - before, key=lambda path: path.stat().st_size)
    assert server.stop() == 0
    os.chmod(blob, 0o600)
    content = bytearray(blob.read_bytes())
    content[-20] ^= 1
    blob.write_bytes(content)
    server = home.serve()
    with server.client() as client:
        for _ in range(3):
            with pytest.raises(StatusError) as caught:
                predict(client, "hurt", {"x": ROWS})
            assert caught.value.code == "DATA_LOSS" and "weights.bin" in caught.value.message
        predict(client, "whole", {"x": ROWS})
    # One load, and no other: what is damaged does not get better.
    assert server.log.count("a live version could not be loaded") == 1, server.log
