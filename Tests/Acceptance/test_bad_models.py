"""Models that cannot serve: published, rejected with a reason, and never in the way."""

import json

import numpy
import pytest
from onnx import helper

import models
from strongroom_client import StatusError, registry
from strongroom_models import predict, publish_bundle

STATE = registry.Version.State
GOOD = models.mlp(seed=1)
ROW = models.rows(seed=1)
EXPECTED = models.Reference(GOOD).run(x=ROW)["y"]
ENDS = {"x": ("FP32", [None])}, {"y": ("FP32", [None])}
CARD = "format: 1\nengine: onnxruntime\nentry: model.onnx\n"


def golden(values):
    tensors = {"datatype": "FP32", "shape": list(ROW.shape), "data": ROW.reshape(-1).tolist()}
    expected = {"datatype": "FP32", "shape": [1, 3], "data": values.reshape(-1).tolist()}
    return json.dumps({"inputs": [{"name": "x", **tensors}], "outputs": [{"name": "y", **expected}],
                       "atol": 1e-4}).encode()


BAD = {
    "of no bytes": {"model.onnx": b""},
    "of noise": {"model.onnx": numpy.random.default_rng(1).bytes(5000)},
    "cut short": {"model.onnx": GOOD[:len(GOOD) // 2]},
    "cut by one byte": {"model.onnx": GOOD[:-1]},
    "with a changed operator": {"model.onnx": GOOD.replace(b"Gemm", b"Germ")},
    "that is a picture": {"model.onnx": b"\x89PNG\r\n\x1a\n" + bytes(200)},
    "with an operator of an unknown domain": {"model.onnx": models.save(
        [helper.make_node("Mystery", ["x"], ["y"], domain="com.example")], *ENDS)},
    "of a format from the future": {"model.onnx": models.save(
        [helper.make_node("Identity", ["x"], ["y"])], *ENDS, ir_version=99)},
    "whose golden request fails": {
        "model.yaml": f"{CARD}golden: golden/*.json\n".encode(), "model.onnx": GOOD,
        "golden/0.json": golden(EXPECTED + 1)},
    "whose card names other inputs": {
        "model.yaml": f"{CARD}inputs:\n  - {{name: text, datatype: BYTES, shape: [-1]}}\n".encode(),
        "model.onnx": GOOD},
}
MALFORMED_CARDS = {
    "an unknown key": (f"{CARD}colour: red\n", "colour"),
    "a duplicate key": (f"{CARD}entry: model.onnx\n", "entry"),
    "an entry that is not there": (CARD.replace("model.onnx", "other.onnx"), "other.onnx"),
    "another engine": (CARD.replace("onnxruntime", "abacus"), "abacus"),
    "another format": (CARD.replace("1", "2", 1), "format"),
    "no YAML": ("{", "model.yaml"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_model_is_rejected_and_live_stays(server, admin, name, case):
    model = name("bad")
    publish_bundle(admin, model, {"model.onnx": GOOD})
    rejected = publish_bundle(admin, model, BAD[case])
    assert rejected.version == 2
    assert STATE.Name(rejected.state) == "STATE_REJECTED"
    assert rejected.reason and str(server.home.folder) not in rejected.reason
    assert list(rejected.aliases) == []
    version, outputs = predict(admin, model, {"x": ROW})
    assert version == 1 and numpy.array_equal(outputs["y"], EXPECTED)
    with pytest.raises(StatusError) as caught:
        predict(admin, model, {"x": ROW}, version=2)
    assert caught.value.code == "FAILED_PRECONDITION"
    with pytest.raises(StatusError) as caught:
        admin.call("Registry", "SetAlias", registry.SetAliasRequest(
            model=model, alias="live", version=2, wait_ready=True))
    assert caught.value.code == "FAILED_PRECONDITION"
    assert publish_bundle(admin, model, {"model.onnx": models.mlp(seed=2)}).version == 3
    assert predict(admin, model, {"x": ROW})[0] == 3
    assert server.answers()


def test_the_reason_of_a_failed_golden_request_names_request_and_output(admin, name):
    reason = publish_bundle(admin, name("golden"), BAD["whose golden request fails"]).reason
    assert "golden/0.json" in reason and '"y"' in reason.replace("'", '"').replace("`", '"')


def test_a_golden_request_that_holds_lets_the_version_serve(admin, name):
    bundle = dict(BAD["whose golden request fails"])
    bundle["golden/0.json"] = golden(EXPECTED)
    assert list(publish_bundle(admin, name("golden"), bundle).aliases) == ["live"]


@pytest.mark.parametrize("case", MALFORMED_CARDS)
def test_a_card_is_refused_that_has(server, admin, name, case):
    card, named = MALFORMED_CARDS[case]
    model = name("card")
    with pytest.raises(StatusError) as caught:
        publish_bundle(admin, model, {"model.yaml": card.encode(), "model.onnx": GOOD})
    assert caught.value.code == "INVALID_ARGUMENT"
    assert named in caught.value.message
    with pytest.raises(StatusError) as caught:
        admin.call("Registry", "ListVersions", registry.ListVersionsRequest(model=model))
    assert caught.value.code == "NOT_FOUND"
    assert server.answers()


@pytest.mark.parametrize("files", [
    {}, {"a.onnx": GOOD, "b.onnx": GOOD}, {"notes.txt": b"no model"}, {"../up.onnx": GOOD},
    {"/abs.onnx": GOOD}, {"a//b.onnx": GOOD}, {"a/../b.onnx": GOOD}, {"x" * 513 + ".onnx": GOOD}])
def test_a_list_of_files_that_is_no_bundle_is_refused_at_once(admin, name, files):
    with pytest.raises(StatusError) as caught:
        publish_bundle(admin, name("files"), files)
    assert caught.value.code == "INVALID_ARGUMENT"


def test_a_model_that_was_rejected_first_has_nothing_to_answer_with(admin, name):
    model = name("first")
    publish_bundle(admin, model, BAD["of noise"])
    with pytest.raises(StatusError) as caught:
        predict(admin, model, {"x": ROW})
    assert caught.value.code == "FAILED_PRECONDITION"
