"""Models whose weights lie in other files of the bundle."""

import io

import numpy
import onnx
import pytest
from onnx.external_data_helper import set_external_data

import models
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
        "missing.bin", "../weights.bin", "/etc/passwd", "a/../weights.bin", "./weights.bin", "",
        "*/_ORT_MEM_ADDR_/*", "weights.bin\0x")],
    set_entry("offset", "100000000"), set_entry("offset", "-1"), set_entry("offset", "x"),
    set_entry("length", "4"), set_entry("length", "99999999999999999999"),
    lambda tensor: tensor.dims.append(2), lambda tensor: tensor.dims.__setitem__(0, -1)],
    ids=str)
def test_what_does_not_lie_in_the_bundle_is_rejected(admin, server, name, change):
    version = publish_bundle(admin, name("astray"), altered(change), alias="")
    assert version.reason and "w0" in version.reason, version
    assert server.answers()


def test_weights_of_a_node_are_not_taken_from_elsewhere(admin, name):
    value = numpy.ones(4, "f4")
    tensor = onnx.numpy_helper.from_array(value, "inner")
    set_external_data(tensor, "weights.bin", 0, 16)
    tensor.ClearField("raw_data")
    node = onnx.helper.make_node("Constant", [], ["c"], value=tensor)
    model = models.save([node, onnx.helper.make_node("Add", ["x", "c"], ["y"])],
                        {"x": ("FP32", [None, 4])}, {"y": ("FP32", [None, 4])})
    version = publish_bundle(admin, name("inner"), {
        "model.yaml": CARD.format(entry="model.onnx").encode(), "model.onnx": model,
        "weights.bin": value.tobytes()}, alias="")
    assert version.reason, version
