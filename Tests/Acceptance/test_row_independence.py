"""Requests run together where the graph proves that their rows are independent, and nowhere else.

Each caller gets what it gets alone, bit for bit. `mixing_models.py` has the models that must not be
merged, `independent_models.py` those that have to be.
"""

import json
import math

import numpy
import pytest
from onnx import helper

import independent_models
import mixing_models
from company import CARD, answers, feed
from harness import ROOT
from mixing_models import COUNTED, MODELS, ROUNDING
from node_checks import compare
from reference import ReferenceProcess
from strongroom_client import prediction, registry
from strongroom_models import publish_bundle

ROUNDS = 3
SERVES = registry.Version.State.STATE_STORED
TOGETHER = 64
ALONE = 10  # the reference tells the others' right answers
DATATYPES = {"float32": "FP32", "int64": "INT64", "object": "BYTES"}


@pytest.fixture(scope="module")
def reference():
    with ReferenceProcess() as process:
        yield process


def batching(client, name):
    reply = client.call("Prediction", "GetModel", prediction.GetModelRequest(
        model=prediction.ModelSpec(name=name)))
    return reply.metadata["strongroom.batching"], reply.metadata["strongroom.batching.why"]


def encoded(value):
    """An element as the JSON of a golden request has it."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def golden_request(inputs, outputs):
    """The JSON of a golden request; `outputs` as the reference gives them."""
    def given(name, array):
        data = array.reshape(-1).tolist()
        return {"name": name, "datatype": DATATYPES[str(array.dtype)], "shape": list(array.shape),
                "data": [encoded(value) for value in data]}

    def expected(name, kind, shape, data):
        array = (numpy.array(data, object) if isinstance(data, list)
                 else numpy.frombuffer(data, helper.tensor_dtype_to_np_dtype(kind)))
        return given(name, array.reshape(shape))

    return json.dumps({"inputs": [given(*pair) for pair in inputs.items()],
                       "outputs": [expected(*tensor) for tensor in outputs]}).encode()


def golden_requests(model, reference):
    """The files of a bundle that has the model's golden requests, but for the model itself."""
    answered = right_answers(reference, model.data, [feed(inputs) for inputs in model.golden])
    files = {"model.yaml": (CARD + "golden: golden/*.json\n").encode()}
    for number, (inputs, (error, outputs)) in enumerate(zip(model.golden, answered)):
        assert error is None, error
        files[f"golden/{number}.json"] = golden_request(inputs, outputs)
    return files


def right_answers(reference, data, feeds):
    """(error, outputs) of each feed alone, by ONNX Runtime's Python."""
    error, right = reference.ask(data, feeds)
    assert error is None, error
    return right


def check_in_company(admin, published, feeds, right):
    """Some feeds alone, then all in one write, several times; the largest run's rows."""
    for number, one in enumerate(feeds[:ALONE]):
        (alone,), _ = answers(admin, published, [one])
        compare(alone, right[number], f"request {number} alone")
    most = 0
    for _ in range(ROUNDS):
        together, rows = answers(admin, published, feeds)
        most = max(most, rows)
        for number, answer in enumerate(together):
            compare(answer, right[number], f"request {number} in company")
    return most


def publish(admin, published, files):
    version = publish_bundle(admin, published, files, force=True)
    assert version.state == SERVES, version.reason


def check_unmerged(admin, published, nodes):
    merged, why = batching(admin, published)
    assert merged == "unmerged", why
    if "first dimension of output" not in why:  # the runtime itself says that it is fixed
        assert any(node in why for node in nodes), f"{why}; expected one of {nodes}"


def cases():
    """Each model without golden requests, and with them where it has any."""
    for model in MODELS:
        yield pytest.param(model, False, id=model.name)
        if model.golden:
            yield pytest.param(model, True, id=f"{model.name}, sampled")


@pytest.mark.parametrize(("model", "sampled"), list(cases()))
def test_rows_that_may_depend_on_each_other_are_not_merged(
        admin, name, reference, model, sampled):
    published, files = name("mixing"), {"model.yaml": CARD.encode(), "model.onnx": model.data}
    if sampled:
        files |= golden_requests(model, reference)
    publish(admin, published, files)
    feeds = [feed(request) for request in model.requests]
    right = right_answers(reference, model.data, feeds)
    check_in_company(admin, published, feeds, right)
    check_unmerged(admin, published, model.nodes)


@pytest.mark.parametrize("model", COUNTED, ids=str)
def test_a_card_cannot_insist_on_merging_where_the_number_of_rows_is_not_proved(
        admin, name, reference, model):
    published, files = name("insisting"), golden_requests(model, reference)
    card = files["model.yaml"].replace(b"{max_delay", b"{mode: on, max_delay")
    version = publish_bundle(admin, published, {**files, "model.yaml": card, "model.onnx": model.data})
    if version.state == SERVES:
        check_unmerged(admin, published, model.nodes)
    else:
        named = (*model.nodes, "first dimension of output")
        assert any(word in version.reason for word in named), version.reason


@pytest.mark.parametrize("model", ROUNDING, ids=str)
def test_last_bits_do_not_depend_on_the_rows_beside_them(admin, name, reference, model):
    published = name("rounding")
    publish(admin, published, {"model.yaml": CARD.encode(), "model.onnx": model.data})
    feeds = [feed(request) for request in model.requests]
    check_in_company(admin, published, feeds, right_answers(reference, model.data, feeds))
    if batching(admin, published)[0] == "unmerged":
        check_unmerged(admin, published, model.nodes)


def independent(admin, published, reference, model):
    """Publishes a model and calls it with rows alone and together; the largest run's rows."""
    files = dict(model.files)
    if "model.yaml" not in files:
        files["model.yaml"] = CARD.encode()
    publish(admin, published, files)
    feeds = [feed(model.row(seed)) for seed in range(TOGETHER)]
    return check_in_company(admin, published, feeds, right_answers(reference, model.onnx, feeds))


@pytest.mark.parametrize("model", independent_models.MERGED, ids=str)
def test_independent_rows_are_merged(admin, name, reference, model):
    published = name("independent")
    most = independent(admin, published, reference, model)
    merged, why = batching(admin, published)
    assert merged == "merged", why
    assert most > 1


@pytest.mark.parametrize("model", independent_models.EITHER, ids=str)
def test_rows_of_other_exports_answer_as_they_do_alone(admin, name, reference, model):
    independent(admin, name("either"), reference, model)


def test_the_order_and_the_number_of_rows_of_requests_do_not_matter(admin, name, reference):
    """Requests of several rows, of none, and of inputs that have different numbers of rows."""
    published, data = name("sum"), mixing_models.build(
        [mixing_models.node("Add", "x z", "y")],
        {"x": ("FP32", [None, 4]), "z": ("FP32", [None, 4])}, {"y": ("FP32", [None, 4])}, {})
    publish(admin, published, {"model.yaml": CARD.encode(), "model.onnx": data})
    random = numpy.random.default_rng(3)
    counts = [(1, 1), (3, 3), (3, 1), (0, 0), (1, 3), (5, 5), (1, 0), (2, 2), (2, 3), (1, 1)]
    feeds = [feed({name: random.standard_normal((count, 4)).astype("f4")
                   for name, count in zip("xz", pair)}) for pair in counts]
    check_in_company(admin, published, feeds, right_answers(reference, data, feeds))
    assert batching(admin, published)[0] == "merged"


@pytest.mark.parametrize("table", [independent_models.table, mixing_models.table],
                         ids=["merged", "not merged"])
def test_the_documentation_lists_the_models(table):
    assert table() in (ROOT / "docs/EQUALITY.md").read_text()
