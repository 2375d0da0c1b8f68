"""Models whose weights lie in other files of the bundle."""

import io
import os

import numpy
import onnx
import pytest
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


def test_initializers_of_one_name_are_rejected(admin, name):
    bundle = external(models.mlp(seed=7, widths=WIDTHS), ["weights.bin"])
    model = onnx.load(io.BytesIO(bundle["model.onnx"]), load_external_data=False)
    model.graph.initializer.append(model.graph.initializer[0])
    version = publish_bundle(
        admin, name("twice"), {**bundle, "model.onnx": model.SerializeToString()}, alias="")
    assert "'w0'" in version.reason and "twice" in version.reason, version


def test_a_small_file_cannot_stand_for_more_bytes_than_it_has(admin, server, name):
    count, tensors, nodes = 1 << 20, [], []
    for number in range(64):
        tensor = onnx.TensorProto(name=f"w{number}", data_type=onnx.TensorProto.FLOAT, dims=[count])
        tensor.raw_data = b"\0"
        set_external_data(tensor, "weights.bin", 0, 4 * count)
        tensor.ClearField("raw_data")
        tensors.append(tensor)
        nodes.append(onnx.helper.make_node("Gather", [tensor.name, "x"], [f"g{number}"]))
    nodes.append(onnx.helper.make_node("Sum", [f"g{number}" for number in range(64)], ["y"]))
    model = models.save(nodes, {"x": ("INT64", [None])}, {"y": ("FP32", [None])}, tensors)
    version = publish_bundle(admin, name("overlapping"), {
        "model.yaml": CARD.format(entry="model.onnx").encode(), "model.onnx": model,
        "weights.bin": bytes(4 * count)}, alias="")
    assert "have more bytes than the file" in version.reason, version
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
