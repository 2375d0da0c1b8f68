"""Answers equal ONNX Runtime's own Python, bit for bit."""

import json
import unicodedata

import numpy
import pytest
from ml_dtypes import bfloat16

import harness
import models
import strongroom_client
from strongroom_models import predict, predict_request, publish_bundle, read_bundle
from strongroom_tensors import encode

SENTIMENT = harness.ROOT / "Registry/models/sentiment"
TEXTS = ["an instant classic, warm and funny", "two hours that I will never get back", "",
         "Größe, 映画, \U0001f3ac and a tab\t", "not bad at all " * 60]
EXTREMES = {"BOOL": numpy.array([True, False, True])}
for _name, _code in {"UINT8": "u1", "UINT16": "u2", "UINT32": "u4", "UINT64": "u8", "INT8": "i1",
                     "INT16": "i2", "INT32": "i4", "INT64": "i8"}.items():
    _info = numpy.iinfo(_code)
    EXTREMES[_name] = numpy.array([_info.min, _info.max, 0, 1, 100], _code)
for _name, _code in {"FP16": "f2", "FP32": "f4", "FP64": "f8"}.items():
    _info = numpy.finfo(_code)
    EXTREMES[_name] = numpy.array(
        [_info.min, _info.max, _info.smallest_subnormal, -0.0, numpy.inf, -numpy.inf, numpy.nan,
         1 / 3], _code)
# For each type an operation that ONNX Runtime has on the CPU, with its constant.
ARITHMETIC = {
    "BOOL": ("Xor", True), "UINT8": ("Mod", 7), "UINT16": ("Mod", 7), "UINT32": ("Add", 7),
    "UINT64": ("Mul", 3), "INT8": ("Mod", 7), "INT16": ("Mod", 7), "INT32": ("Mul", -3),
    "INT64": ("Sub", 7), "FP16": ("Mul", 0.3), "FP32": ("Mul", 0.3), "FP64": ("Div", 0.3)}


def check(admin, model, data, **inputs):
    """Publishes a model and compares its answer with the reference's: bytes, types and shapes."""
    bundle = data if isinstance(data, dict) else {"model.onnx": data}
    publish_bundle(admin, model, bundle)
    return compare(admin, model, bundle["model.onnx"], **inputs)


def compare(admin, model, data, **inputs):
    expected = models.Reference(data).run(**inputs)
    _, outputs = predict(admin, model, inputs)
    assert list(outputs) == list(expected)
    for name, array in expected.items():
        if array.dtype == object:
            array = numpy.vectorize(lambda text: text.encode(), otypes=[object])(array)
            assert outputs[name].tolist() == array.tolist()
        else:
            assert outputs[name].dtype == array.dtype
            assert outputs[name].tobytes() == array.tobytes()
        assert outputs[name].shape == array.shape
    return outputs


@pytest.mark.parametrize("datatype", EXTREMES)
def test_every_element_type_comes_back_as_it_went(admin, name, datatype):
    x = EXTREMES[datatype]
    outputs = check(admin, name("identity"), models.identity(datatype, rank=1), x=x)
    assert outputs["y"].tobytes() == x.tobytes()


@pytest.mark.parametrize("datatype", ARITHMETIC)
def test_every_element_type_computes_the_same(admin, name, datatype):
    operator, constant = ARITHMETIC[datatype]
    x = EXTREMES[datatype]
    check(admin, name("arithmetic"),
          models.binary(datatype, operator, numpy.array([constant], x.dtype)), x=x)


def test_bfloat16_comes_back_as_it_went(admin, name):
    model, bits = name("bf16"), numpy.arange(1 << 16, dtype="u2")
    publish_bundle(admin, model, {"model.onnx": models.identity("BF16", rank=1)})
    _, outputs = predict(admin, model, [encode("x", bits, "BF16")])
    assert numpy.array_equal(outputs["y"], bits)


def test_bfloat16_computes_the_same(admin, name):
    model, x = name("bf16"), numpy.linspace(-300, 300, 401).astype(bfloat16)
    publish_bundle(admin, model, {"model.onnx": models.bfloat16("Mul", as_floats=False)})
    _, outputs = predict(admin, model, [encode("x", x.view("u2"), "BF16")])
    reference = models.Reference(models.bfloat16("Mul", as_floats=True))
    expected = reference.run(x=x.astype("f4"))["y"].astype(bfloat16)
    assert outputs["y"].tobytes() == expected.tobytes()


def test_a_scalar_is_a_scalar(admin, name):
    check(admin, name("scalar"), models.identity("FP64", rank=0), x=numpy.array(2.5))
    check(admin, name("scalar"), models.unary("FP32", "Exp", rank=0), x=numpy.array(0.7, "f4"))


def test_an_empty_batch_has_an_empty_answer(admin, name):
    outputs = check(admin, name("empty"), models.mlp(seed=1), x=models.rows(seed=1, count=0))
    assert outputs["y"].shape == (0, 3)


@pytest.mark.parametrize("shape", [(1, 2, 3, 1, 2, 1, 2, 2), (2, 0, 3, 1, 1, 1, 1, 1)])
def test_eight_dimensions_are_served(admin, name, shape):
    x = numpy.arange(numpy.prod(shape), dtype="f4").reshape(shape)
    check(admin, name("rank8"), models.unary("FP32", "Transpose", rank=8), x=x)


@pytest.mark.parametrize("count", [1, 2, 7, 64, 1000])
def test_a_batch_of_any_size_computes_the_same(admin, name, count):
    check(admin, name("mlp"), models.mlp(seed=3, widths=(4, 8, 3)),
          x=models.rows(seed=4, count=count))


def test_a_wide_model_computes_the_same(admin, name):
    check(admin, name("wide"), models.mlp(seed=5, widths=(256, 512, 64)),
          x=models.rows(seed=6, count=9, width=256))


def test_texts_are_normalised_the_same(admin, name):
    data = models.unary("BYTES", "StringNormalizer", case_change_action="LOWER", locale="C.UTF-8")
    check(admin, name("texts"), data, x=numpy.array(["ABC", "", "Hello World"], object))


def test_strings_of_any_bytes_come_back_as_they_went(admin, name):
    model = name("strings")
    publish_bundle(admin, model, {"model.onnx": models.identity("BYTES", rank=2)})
    every_byte = bytes(range(256))
    x = [[b"", b"\0", b"a\0b\0", every_byte], [b"\xff\xfe", "ü".encode(), every_byte * 200, b" "]]
    _, outputs = predict(admin, model, {"x": x})
    assert outputs["y"].tolist() == x
    empty = numpy.empty((0, 3), object)
    assert predict(admin, model, {"x": empty})[1]["y"].shape == (0, 3)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_bundled_sentiment_models_answer_as_onnx_runtime_does(admin, name, version):
    model, folder = name("sentiment"), SENTIMENT / version
    bundle = read_bundle(folder)
    published = publish_bundle(admin, model, bundle)
    assert list(published.aliases) == ["live"], published.reason
    (entry,) = [data for path, data in bundle.items() if path.endswith(".onnx")]
    (text,) = [info.name for info in models.Reference(entry).session.get_inputs()]
    for batch in (TEXTS[:1], TEXTS, TEXTS * 9):
        compare(admin, model, entry, **{text: numpy.array(batch, object)})


def test_an_answer_does_not_depend_on_the_company_it_was_computed_in(admin, name):
    """Calls under way at once may be merged into one run: each answer stays what it is alone."""
    model, data = name("company"), models.mlp(seed=9, widths=(64, 128, 16))
    publish_bundle(admin, model, {"model.onnx": data})
    reference = models.Reference(data)
    inputs = [models.rows(seed=i, count=1 + i % 4, width=64) for i in range(200)]
    streams = [admin.start("Prediction", "Predict", predict_request(model, {"x": x}))
               for x in inputs]
    for stream, x in zip(streams, inputs):
        reply = admin.finish(stream, strongroom_client.prediction.PredictResponse)
        assert reply.outputs[0].data == reference.run(x=x)["y"].tobytes()


# Names are bytes: one word in composed and in decomposed letters is two names.
COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "größe") for form in ("NFC", "NFD"))
NAMES = [COMPOSED, DECOMPOSED]


def test_an_output_is_the_one_of_its_very_bytes(admin, name):
    model, x = name("spelled"), numpy.array([1], "f4")
    publish_bundle(admin, model, {"model.onnx": models.spelled_outputs(NAMES)})
    values = {COMPOSED: [11], DECOMPOSED: [-9]}
    for wanted in ([], NAMES, NAMES[::-1], [COMPOSED], [DECOMPOSED]):
        _, outputs = predict(admin, model, {"x": x}, outputs=wanted)
        assert list(outputs) == (wanted or NAMES)
        assert {key: array.tolist() for key, array in outputs.items()} == {
            key: values[key] for key in wanted or NAMES}


def test_an_input_is_the_one_of_its_very_bytes(admin, name):
    model = name("spelled")
    publish_bundle(admin, model, {"model.onnx": models.spelled_inputs(NAMES)})
    three, one = numpy.array([3], "f4"), numpy.array([1], "f4")
    for inputs in ({COMPOSED: three, DECOMPOSED: one}, {DECOMPOSED: one, COMPOSED: three}):
        assert predict(admin, model, inputs)[1]["y"].tolist() == [2]
    with pytest.raises(strongroom_client.StatusError) as caught:
        predict(admin, model, [encode(COMPOSED, three), encode(COMPOSED, one)])
    assert caught.value.code == "INVALID_ARGUMENT"


def test_paths_keys_cards_and_golden_requests_are_compared_by_bytes(server, shared_home, admin,
                                                                    name, tmp_path):
    model = name("spelled")
    tensors = [{"name": key, "datatype": "FP32", "shape": [1], "data": [value]}
               for key, value in zip(NAMES, (3, 1))]
    golden = {"inputs": tensors,
              "outputs": [{"name": "y", "datatype": "FP32", "shape": [1], "data": [2]}]}
    inputs = "".join(f"  - {{name: {key}, datatype: FP32, shape: [-1]}}\n" for key in NAMES)
    card = (f"format: 1\nengine: onnxruntime\nentry: {COMPOSED}.onnx\ninputs:\n{inputs}"
            f"golden: {DECOMPOSED}/*.json\n")
    bundle = {"model.yaml": card.encode(), f"{COMPOSED}.onnx": models.spelled_inputs(NAMES),
              f"{DECOMPOSED}.onnx": b"no model",
              f"{COMPOSED}/0.json": b"no golden request",
              f"{DECOMPOSED}/0.json": json.dumps(golden, ensure_ascii=False).encode()}
    metadata = {COMPOSED: DECOMPOSED, DECOMPOSED: COMPOSED}
    version = publish_bundle(admin, model, bundle, metadata=metadata)
    assert not version.reason and dict(version.metadata) == metadata
    shown = shared_home.json("show", model)
    assert {file["path"] for file in shown["files"]} == set(bundle)
    shared_home.command("export", model, tmp_path / "out")
    assert read_bundle(tmp_path / "out") == bundle
    # Published again from the folder: the same version, by the digest of its names and bytes.
    again = shared_home.json("publish", model, tmp_path / "out", "--alias", "NONE")
    assert {**again, "metadata": {}}["state"] == "STORED"
    shared_home.command("verify")


def test_a_parameter_is_named_by_its_very_bytes(admin, name):
    model = name("spelled")
    publish_bundle(admin, model, {"model.onnx": models.identity("FP32", rank=1)})
    request = predict_request(model, {"x": numpy.array([1], "f4")})
    request.parameters[DECOMPOSED] = "1"
    with pytest.raises(strongroom_client.StatusError) as caught:
        admin.call("Prediction", "Predict", request)
    assert caught.value.code == "INVALID_ARGUMENT" and DECOMPOSED in caught.value.message
