"""Models that cannot serve: published, rejected with a reason, and never in the way."""

import json
import re

import harness
import numpy
import pytest
from onnx import TensorProto, helper, numpy_helper

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


NODE = helper.make_node
ONE = {"w": numpy.ones(1, "i8")}


def broken(nodes, ends=ENDS, weights=None, **options):
    """A bundle of a model with one thing wrong."""
    arrays = [numpy_helper.from_array(array, key) for key, array in (weights or {}).items()]
    return {"model.onnx": models.save(nodes, *ends, arrays, **options)}


SAME = [NODE("Identity", ["x"], ["y"])]
REASONS = {  # what the reason has to have, by what is wrong
    "an unknown operator": (["'first'", "NoSuch", "opset|domain_version", "21"], broken(
        [NODE("NoSuch", ["x"], ["y"], name="first")])),
    "an operator of an unknown domain": (["com.example", "Mystery", "com.microsoft"], broken(
        [NODE("Mystery", ["x"], ["y"], domain="com.example")], domains={"com.example": 1})),
    "a domain that is not imported": (["com.example", "Mystery"], broken(
        [NODE("Mystery", ["x"], ["y"], domain="com.example")])),
    "an operator set of the future": (["[Oo]pset 99", "28"], broken(SAME, opset=99)),
    "an operator set of the future in a domain": (["[Oo]pset 99", "ai.onnx.ml", "5"], broken(
        SAME, domains={"ai.onnx.ml": 99})),
    "an IR version of the future": (["IR version: 99", "14"], broken(SAME, ir_version=99)),
    "an input that is nowhere": (["'lost'"], broken([NODE("Add", ["x", "lost"], ["y"])])),
    "two types in one operator": (["Add", "float", "int64"], broken(
        [NODE("Add", ["x", "w"], ["y"])], weights=ONE)),
    "an output of another type": (["double", "float", r"\by\b"], broken(
        SAME, (ENDS[0], {"y": ("FP64", [None])}))),
    "a type that an operator does not take": (["Add", "string"], broken(
        [NODE("Add", ["x", "x"], ["y"])], ({"x": ("BYTES", [None])}, {"y": ("BYTES", [None])}))),
    "an attribute that the operator lacks": (["Add", "axis"], broken(
        [NODE("Add", ["x", "x"], ["y"], axis=0)])),
    "a missing attribute": (["Cast", "'to'"], broken([NODE("Cast", ["x"], ["y"])])),
    "an operator of an old operator set": (["Add", "version 1"], broken(
        [NODE("Add", ["x", "x"], ["y"], axis=0, broadcast=1)], opset=1, ir_version=8)),
    "a kernel that does not exist": (["Conv", "version 11"], broken(
        [NODE("Conv", ["x", "k"], ["y"])],
        ({"x": ("FP64", [1, 1, 8, 8])}, {"y": ("FP64", [None] * 4)}),
        {"k": numpy.ones((1, 1, 3, 3))})),
    "a cycle": (["acyclic|cycl"], broken(
        [NODE("Add", ["x", "b"], ["a"]), NODE("Add", ["a", "x"], ["b"]), SAME[0]])),
    "two nodes of one name": (["same node name", r"\btwin\b"], broken(
        [NODE("Abs", ["x"], ["a"], name="twin"), NODE("Abs", ["a"], ["y"], name="twin")])),
    "an output that is made twice": (["Duplicate", r"\by\b"], broken(
        [NODE("Abs", ["x"], ["y"]), NODE("Neg", ["x"], ["y"])])),
    "an output that nothing makes": ([r"\by\b", "does not exist"], broken(
        [NODE("Abs", ["x"], ["z"])])),
    "shapes that do not fit": (["MatMul", "[Ii]ncompatible"], broken(
        [NODE("MatMul", ["x", "m"], ["y"])], ({"x": ("FP32", [1, 5])}, {"y": ("FP32", [1, 3])}),
        {"m": numpy.ones((4, 3), "f4")})),
    "a division by zero of constants": (["Div", "zero"], broken(
        [NODE("Div", ["w", "z"], ["q"]), NODE("Cast", ["q"], ["c"], to=1),
         NODE("Add", ["x", "c"], ["y"])], weights={**ONE, "z": numpy.zeros(1, "i8")})),
    "a bad regular expression": (["RegexFullMatch", r"\(\(\("], broken(
        [NODE("RegexFullMatch", ["x"], ["y"], pattern="(((")],
        ({"x": ("BYTES", [None])}, {"y": ("BOOL", [None])}))),
    "a node of a subgraph that is unknown": (["'outer'", "If", "NoSuch"], broken(
        [NODE("If", ["x"], ["y"], name="outer", **{branch: helper.make_graph(
            [NODE("NoSuch", [], ["q"])], "branch", [],
            [helper.make_tensor_value_info("q", 1, None)])
            for branch in ("then_branch", "else_branch")})],
        ({"x": ("BOOL", [])}, ENDS[1]))),
    "nothing in it": (["empty"], {"model.onnx": b""}),
    "another format": (["not an ONNX model"], {"model.onnx": b"hello, this is no model"}),
    "a node whose name imitates a log line": ([r"'a\\n2026-01-01T0", "NoSuch"], broken(
        [NODE("NoSuch", ["x"], ["y"], name="a\n2026-01-01T00:00:00+0000 info strongroom: ok\n")])),
    "names of any length": (["NoSuchx+", "No Op registered"], broken(
        [NODE("NoSuch" + "x" * 5_000, ["x"], ["y"], name="n" * 3_000_000)])),
}
LEAKS = re.compile(r"0x[0-9a-fA-F]|\.(cc|h|cpp):|onnxruntime_src|std::|[\n\r\x1b]|/tmp/|/root/|/home/")
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} [a-z]+ strongroom:")


@pytest.mark.parametrize("case", REASONS)
def test_the_reason_names_what_is_wrong_in_a_model_with(server, admin, name, case):
    words, bundle = REASONS[case]
    logged = len(server.log)
    rejected = publish_bundle(admin, name("why"), bundle)
    assert STATE.Name(rejected.state) == "STATE_REJECTED"
    for word in words:
        assert re.search(word, rejected.reason), (word, rejected.reason)
    assert not LEAKS.search(rejected.reason), rejected.reason
    assert str(server.home.folder) not in rejected.reason and len(rejected.reason) < 2_000
    harness.wait_until(lambda: "a version was rejected" in server.log[logged:], 10, "the log line")
    for line in server.log[logged:].splitlines():
        assert LOG_LINE.match(line), line


def _zip_map(node_name):
    zipped = helper.make_value_info("p", helper.make_sequence_type_proto(helper.make_map_type_proto(
        TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))))
    graph = helper.make_graph(
        [helper.make_node("ZipMap", ["x"], ["p"], name=node_name, domain="ai.onnx.ml",
                          classlabels_int64s=[0, 1])], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])], [zipped])
    return helper.make_model(graph, ir_version=models.IR_VERSION, opset_imports=[
        helper.make_opsetid("", models.OPSET), helper.make_opsetid("ai.onnx.ml", 1)])


def _ends(kind):
    graph = helper.make_graph(
        [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)], "g",
        [helper.make_tensor_value_info("x", kind, [None])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None])])
    return helper.make_model(graph, ir_version=models.IR_VERSION,
                             opset_imports=[helper.make_opsetid("", models.OPSET)])


@pytest.mark.parametrize("model, words", [
    (_zip_map("zip 1"), ["output 'p'", "'zip 1' (ZipMap)", "zipmap=False"]),
    *[(_ends(getattr(TensorProto, kind)), ["input 'x'", f"type {kind},"])
      for kind in ("FLOAT8E4M3FN", "FLOAT8E5M2", "INT4", "UINT4")]])
def test_a_border_that_requests_cannot_have_is_named(admin, name, model, words):
    version = publish_bundle(admin, name("border"), {"model.onnx": model.SerializeToString()}, alias="")
    assert STATE.Name(version.state) == "STATE_REJECTED"
    for word in words:
        assert word in version.reason, version.reason


def text_model(locale):
    return models.save(
        [helper.make_node("StringNormalizer", ["x"], ["y"], case_change_action="LOWER",
                          is_case_sensitive=1, locale=locale)],
        {"x": ("BYTES", [None])}, {"y": ("BYTES", [None])})


@pytest.mark.parametrize("locale", ["en_US", "en_US.UTF-8", "C.UTF-8"])
def test_text_models_get_the_locales_that_exporters_ask_for(admin, name, locale):
    model = name("text")
    version = publish_bundle(admin, model, {"model.onnx": text_model(locale)})
    assert list(version.aliases) == ["live"], version.reason
    text = numpy.array(["Good FILM".encode(), "ÀÉ Ümlaut".encode()], object)
    lower = predict(admin, model, {"x": text})[1]["y"].tolist()
    assert lower == ["good film".encode(), "àé ümlaut".encode()]


def test_a_locale_that_is_missing_is_named(admin, name):
    version = publish_bundle(admin, name("lost"), {"model.onnx": text_model("xx_YY")}, alias="")
    assert STATE.Name(version.state) == "STATE_REJECTED"
    assert "locale 'xx_YY'" in version.reason and "StringNormalizer" in version.reason


def test_a_folder_of_locales_that_the_operator_names_is_used(home):
    server = home.serve(env={"LOCPATH": "/nonexistent"})
    with server.client() as client:
        version = publish_bundle(client, "text", {"model.onnx": text_model("en_US")}, alias="")
    assert "locale 'en_US'" in version.reason
    assert server.stop() == 0


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
