"""Bad calls: each is answered with its code and a message that names the thing, and the server goes
on answering."""

import os
import re
import signal

import numpy
import pytest
from onnx import TensorProto, helper, numpy_helper

import harness
import models
import strongroom_client
from strongroom_client import StatusError, prediction, registry
from strongroom_models import (
    begin_publish, crc32c, predict, predict_request, publish_bundle, rollback)
from strongroom_tensors import encode, number

GOOD = {"x": models.rows(seed=1)}
LONG = numpy.array([3_000_000], "i8")  # what models.counter() takes seconds to count to


@pytest.fixture(scope="module")
def model(server):
    with server.client() as client:
        publish_bundle(client, "mlp", {"model.onnx": models.mlp(seed=1)})
    return "mlp"


def refused(call, code, *named):
    """Checks that `call` fails with `code` and a message that has every text of `named`."""
    with pytest.raises(StatusError) as caught:
        call()
    error = caught.value
    assert error.code == code, error.message
    for text in named:
        assert text in error.message, f"{text!r} is not in {error.message!r}"
    return error.message


@pytest.fixture(autouse=True)
def still_answers(server, admin, model):
    """After each test the connection that was refused, and a new one, are answered as ever."""
    yield
    expected = models.Reference(models.mlp(seed=1)).run(**GOOD)["y"].tobytes()
    assert predict(admin, model, GOOD)[1]["y"].tobytes() == expected
    assert server.answers()


FLOATS, INTEGERS, WORDS = "FP32", "INT64", "BYTES"
f4, i8 = (lambda *shape: numpy.ones(shape, "f4")), (lambda *items: numpy.array(items, "i8"))


def one(operator, inputs, outputs, weights=None, name="", order=None, **attributes):
    """A model of one operator."""
    arrays = [numpy_helper.from_array(array, key) for key, array in (weights or {}).items()]
    names = order or [*inputs, *(weights or {})]
    node = helper.make_node(operator, names, [*outputs], name=name, **attributes)
    return models.save([node], inputs, outputs, arrays)


IMAGE = {"x": (FLOATS, [None] * 4)}, {"y": (FLOATS, [None] * 4)}
KERNEL = {"w": f4(1, 3, 3, 3)}
INNER = helper.make_graph(
    [helper.make_node("Gather", ["w", "x"], ["q"], name="inner")], "branch", [],
    [helper.make_tensor_value_info("q", TensorProto.FLOAT, None)])
REFUSED = {  # operator, what the message has, model, what it takes, what it cannot take
    "more features than there are weights": (
        "MatMul", "dimension", one("MatMul", {"x": (FLOATS, [None, None])}, {"y": (FLOATS, [None, 3])},
                           {"w": f4(4, 3)}, name="/head/MatMul"), {"x": f4(1, 4)}, {"x": f4(1, 5)}),
    "an index out of range": (
        "Gather", "9", one("Gather", {"x": (INTEGERS, [None])}, {"y": (FLOATS, [None])},
                           {"w": f4(4)}, order=["w", "x"]), {"x": i8(3)}, {"x": i8(9)}),
    "an index out of range of elements": (
        "GatherElements", "ange", one("GatherElements", {"x": (INTEGERS, [None])},
                                      {"y": (FLOATS, [None])}, {"w": f4(4)}, order=["w", "x"]),
        {"x": i8(3)}, {"x": i8(9)}),
    "a division by zero": (
        "Div", "zero", one("Div", {"x": (INTEGERS, [None]), "z": (INTEGERS, [None])},
                           {"y": (INTEGERS, [None])}),
        {"x": i8(6), "z": i8(2)}, {"x": i8(1), "z": i8(0)}),
    "a text that is no number": (
        "Cast", "number", one("Cast", {"x": (WORDS, [None])}, {"y": (FLOATS, [None])}, to=1),
        {"x": numpy.array(["1.5"], object)}, {"x": numpy.array(["abc"], object)}),
    "two lengths that differ": (
        "Add", "2 by 3", one("Add", {"x": (FLOATS, [None]), "z": (FLOATS, [None])},
                             {"y": (FLOATS, [None])}),
        {"x": f4(2), "z": f4(2)}, {"x": f4(2), "z": f4(3)}),
    "more than there are": (
        "TopK", "5", one("TopK", {"x": (FLOATS, [None]), "k": (INTEGERS, [1])},
                         {"y": (FLOATS, [None]), "at": (INTEGERS, [None])}),
        {"x": f4(2), "k": i8(1)}, {"x": f4(2), "k": i8(5)}),
    "an image of too few channels": (
        "Conv", "2", one("Conv", *IMAGE, KERNEL), {"x": f4(1, 3, 4, 4)}, {"x": f4(1, 2, 4, 4)}),
    "an empty image": (
        "Conv", "0,0", one("Conv", *IMAGE, KERNEL), {"x": f4(1, 3, 4, 4)}, {"x": f4(1, 3, 0, 0)}),
    "an empty image to pool": (
        "MaxPool", "0,0", one("MaxPool", *IMAGE, kernel_shape=[3, 3]),
        {"x": f4(1, 3, 4, 4)}, {"x": f4(1, 3, 0, 0)}),
    "nothing to choose from": (
        "ArgMax", "", one("ArgMax", {"x": (FLOATS, [None, None])}, {"y": (INTEGERS, [None, 1])},
                          axis=1), {"x": f4(1, 2)}, {"x": f4(1, 0)}),
    "a length that does not fill rows": (
        "Reshape", "5", one("Reshape", {"x": (FLOATS, [None])}, {"y": (FLOATS, [None, 4])},
                            {"s": i8(-1, 4)}), {"x": f4(8)}, {"x": f4(5)}),
    "a shape with a negative size": (
        "Expand", "shape", one("Expand", {"x": (FLOATS, [None]), "s": (INTEGERS, [None])},
                               {"y": (FLOATS, [None])}),
        {"x": f4(1), "s": i8(2)}, {"x": f4(1), "s": i8(-4)}),
    "a node of a subgraph": (
        "If", "node 'inner' (Gather)", one(
            "If", {"c": ("BOOL", []), "x": (INTEGERS, [None])}, {"y": (FLOATS, [None])},
            {"w": f4(4)}, name="outer", order=["c"], then_branch=INNER, else_branch=INNER),
        {"c": numpy.array(True), "x": i8(1)}, {"c": numpy.array(True), "x": i8(9)}),
}
LEAKS = re.compile(r"0x[0-9a-fA-F]|\.(cc|h):|onnxruntime_src|[\n\r]")


@pytest.mark.parametrize("case", REFUSED)
def test_values_that_an_operator_refuses_are_the_callers_fault(server, admin, name, case):
    operator, said, model, good, bad = REFUSED[case]
    published = name("refuses")
    answer = publish_bundle(admin, published, models.passing(model, good))
    assert list(answer.aliases) == ["live"], answer.reason
    logged = len(server.log)
    message = refused(lambda: predict(admin, published, bad), "INVALID_ARGUMENT", said)
    assert re.match(rf"node '[^']*' \({operator}\): .", message), message
    assert not LEAKS.search(message) and str(server.home.folder) not in message
    # A line for the call, and none of a failure of the server.
    lines = server.log[logged:].splitlines()
    assert [re.search(r" (info|warning|error) ", line)[1] for line in lines] == ["info"], lines
    predict(admin, published, good)


def test_memory_that_a_value_asks_for_in_vain_is_resource_exhausted(server, admin, name):
    model = one("ConstantOfShape", {"x": (INTEGERS, [None])}, {"y": (FLOATS, [None])})
    published = name("greedy")
    publish_bundle(admin, published, models.passing(model, {"x": i8(2)}))
    message = refused(lambda: predict(admin, published, {"x": i8(1 << 45)}), "RESOURCE_EXHAUSTED",
                      "(ConstantOfShape)", "not enough memory")
    assert not LEAKS.search(message)
    predict(admin, published, {"x": i8(2)})


def test_callers_cannot_make_a_library_write_to_the_log(server, admin, name):
    published = name("talks")
    publish_bundle(admin, published, {"model.onnx": models.talkative()})
    logged = len(server.log)
    for _ in range(20):
        predict(admin, published, {"x": numpy.array(["ab" * 500], object)})
    dropped = "library output in a model's process was dropped"
    harness.wait_until(lambda: dropped in server.log[logged:], 10, "a count")
    lines = server.log[logged:].splitlines()
    assert all(re.match(r"\S+ warning strongroom: .*library output", line) for line in lines), lines
    written = [line for line in lines if line.endswith("library output in a model's process")]
    assert 1 <= len(written) <= 40 and "DFA out of memory" in written[-1], lines
    assert any(f"model.name={published} model.version=1" in line for line in lines), lines


def test_what_a_crash_writes_is_in_the_log(home):
    server = home.serve()
    try:
        with open(f"/proc/{server.process.pid}/fd/2", "wb", buffering=0) as error:
            for _ in range(30):  # more than the lines of a second
                error.write(b"noise\n")
            error.write(b"Fatal error: the last words\n")
            os.kill(server.process.pid, signal.SIGSEGV)
    except PermissionError:
        pytest.skip("this user may not open the files of a process that cannot be dumped")
    assert server.process.wait(20) == -signal.SIGSEGV
    assert "Fatal error: the last words" in server.log


X = GOOD["x"]
BAD_INPUTS = {
    "a name that the model does not have": ({"z": X}, ["z"]),
    "no input at all": ({}, ["x"]),
    "one input too many": ({"x": X, "extra": X}, ["extra"]),
    "an input twice": ([encode("x", X), encode("x", X)], ["x"]),
    "a wrong element type": ({"x": X.astype("f8")}, ["x", "FP64", "FP32"]),
    "a wrong dimension": ({"x": X[:, :3]}, ["x", "3", "4"]),
    "a wrong rank": ({"x": X[0]}, ["x"]),
    "fewer bytes than the shape says": (
        [prediction.Tensor(name="x", data_type=number("FP32"), shape=[1, 4], data=b"\0" * 15)],
        ["x", "15", "16"]),
    "more bytes than the shape says": (
        [prediction.Tensor(name="x", data_type=number("FP32"), shape=[1, 4], data=b"\0" * 20)],
        ["x", "20", "16"]),
    "a negative dimension": (
        [prediction.Tensor(name="x", data_type=number("FP32"), shape=[-1, 4])], ["x", "-1"]),
    "a shape whose product overflows": (
        [prediction.Tensor(name="x", data_type=number("FP32"), shape=[1 << 62, 4])], ["x"]),
    "no element type": ([prediction.Tensor(name="x", shape=[1, 4], data=b"\0" * 16)], ["x"]),
    "an element type that does not exist": (
        [prediction.Tensor(name="x", data_type=99, shape=[1, 4], data=b"\0" * 16)], ["x"]),
}


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_an_input_is_refused_that_has(admin, model, case):
    inputs, named = BAD_INPUTS[case]
    refused(lambda: predict(admin, model, inputs), "INVALID_ARGUMENT", *named)


def test_a_bool_of_another_byte_than_0_and_1_is_refused(admin, name):
    target = name("bool")
    publish_bundle(admin, target, {"model.onnx": models.identity("BOOL", rank=1)})
    tensor = prediction.Tensor(name="x", data_type=number("BOOL"), shape=[2], data=b"\1\2")
    refused(lambda: predict(admin, target, [tensor]), "INVALID_ARGUMENT", "x")


@pytest.mark.parametrize("data", [b"\1\0\0", b"\5\0\0\0abcd", b"\1\0\0\0a\0", b"\xff\xff\xff\xff"])
def test_a_string_tensor_whose_lengths_do_not_fit_is_refused(admin, name, data):
    target = name("text")
    publish_bundle(admin, target, {"model.onnx": models.identity("BYTES", rank=1)})
    tensor = prediction.Tensor(name="x", data_type=number("BYTES"), shape=[1], data=data)
    refused(lambda: predict(admin, target, [tensor]), "INVALID_ARGUMENT", "x")


def test_an_unknown_output_is_refused(admin, model):
    refused(lambda: predict(admin, model, GOOD, outputs=["z"]), "INVALID_ARGUMENT", "z")


@pytest.mark.parametrize("request_id", ["x" * 129, "caf\u00e9", "a\nb"])
def test_a_request_id_that_is_long_or_not_printable_is_refused(admin, model, request_id):
    refused(lambda: predict(admin, model, GOOD, request_id=request_id),
            "INVALID_ARGUMENT", "request_id")


def test_an_unknown_model_version_and_alias_are_not_found(admin, model):
    refused(lambda: predict(admin, "missing", GOOD), "NOT_FOUND", "missing")
    refused(lambda: predict(admin, model, GOOD, version=99), "NOT_FOUND", "99")
    refused(lambda: predict(admin, model, GOOD, alias="canary"), "NOT_FOUND", "canary")


def test_version_zero_asked_for_by_number_is_not_found(admin, model):
    request = predict_request(model, GOOD)
    request.model.version = 0
    assert request.model.WhichOneof("selector") == "version"
    refused(lambda: admin.call("Prediction", "Predict", request), "NOT_FOUND", model)


@pytest.mark.parametrize("bad", ["", "UPPER", "a/b", "a" * 65, "-a", "123", "latest"])
def test_a_bad_model_name_cannot_be_published(admin, bad):
    quoted = f"'{bad[:64]}{'...' if len(bad) > 64 else ''}'"
    refused(lambda: begin_publish(admin, bad, {"model.onnx": b"x"}), "INVALID_ARGUMENT", quoted)


def test_unknown_methods_and_services_are_unimplemented(admin):
    nothing = prediction.CancelResponse
    request = prediction.CancelRequest()
    refused(lambda: admin.call("Prediction", "Guess", request, nothing), "UNIMPLEMENTED", "'Guess'")
    refused(lambda: admin.call("Oracle", "Ask", request, nothing), "UNIMPLEMENTED",
            "'strongroom.v1.Oracle'")


def test_a_payload_that_is_no_message_is_refused(admin):
    class Noise:
        def SerializeToString(self):
            return b"\xff\xff\xff"

    refused(lambda: admin.call("Prediction", "Predict", Noise()), "INVALID_ARGUMENT")


def test_a_frame_over_the_limit_is_refused_and_the_connection_stays(home):
    limit = 1 << 16
    server = home.serve(env={"STRONGROOM_LIMITS_FRAME_BYTES": str(limit)})
    with server.client() as client:
        stream = client.start("Prediction", "Predict", prediction.PredictRequest(
            request_id="x" * limit))
        refused(lambda: client.finish(stream, prediction.PredictResponse), "RESOURCE_EXHAUSTED",
                str(limit))
        refused(lambda: predict(client, "missing", GOOD), "NOT_FOUND", "missing")


@pytest.mark.parametrize("metadata", [[], [("x-max-recv-bytes", "1000"), ("other", "value")]])
def test_the_stated_sizes_are_the_largest_that_are_taken_and_sent(home, metadata):
    server = home.serve(env={"STRONGROOM_LIMITS_FRAME_BYTES": str(1 << 16)})
    longest_timeout = (1 << 62) / 1e9
    with server.client() as client:
        publish_bundle(client, "identity", {"model.onnx": models.identity("BYTES", rank=1)})
        limits = client.call("Prediction", "GetModel", prediction.GetModelRequest(
            model=prediction.ModelSpec(name="identity")), metadata=metadata).limits
        assert limits.reply_bytes == (1_000 - 3 if metadata else (4 << 20) - 5)

        def answer(size):
            request = predict_request("identity", {"x": numpy.array([b""], object)})
            request.routing_key = "k" * (size - request.ByteSize() - 4)
            assert request.ByteSize() == size
            stream = client.start("Prediction", "Predict", request, longest_timeout, metadata)
            return client.finish(stream, prediction.PredictResponse)

        assert answer(limits.request_bytes).outputs
        refused(lambda: answer(limits.request_bytes + 1), "RESOURCE_EXHAUSTED", "65536", "65537")
        if metadata:
            rows = {"x": numpy.array([b"y" * 1_000], object)}
            request = predict_request("identity", rows)
            refused(lambda: client.call("Prediction", "Predict", request, metadata=metadata),
                    "RESOURCE_EXHAUSTED", "1000")


def test_a_deadline_that_passes_is_answered_when_it_passes(admin, name):
    target = name("slow")
    publish_bundle(admin, target, models.counter())
    request = {"n": LONG}
    refused(lambda: predict(admin, target, request, timeout=0.2), "DEADLINE_EXCEEDED")


def test_a_cancelled_call_answers_cancelled(server, admin, name):
    target = name("slow")
    publish_bundle(admin, target, models.counter())
    request = predict_request(target, {"n": LONG}, request_id="stop-me")
    stream = admin.start("Prediction", "Predict", request)
    with server.client() as other:
        cancel_soon(other, "stop-me")
        refused(lambda: admin.finish(stream, prediction.PredictResponse), "CANCELLED")
        refused(lambda: other.call("Prediction", "Cancel", prediction.CancelRequest(
            request_id="nobody")), "NOT_FOUND", "nobody")


def cancel_soon(client, request_id):
    """Cancels a call on another connection, which the server may not have read yet."""
    for _ in range(1000):
        try:
            client.call("Prediction", "Cancel", prediction.CancelRequest(request_id=request_id))
            return
        except StatusError as error:
            assert error.code == "NOT_FOUND"
    raise AssertionError("the call never arrived")


def test_an_upload_with_wrong_bytes_makes_no_version(admin, name):
    target, data = name("upload"), b"a" * 100
    begun = begin_publish(admin, target, {"model.onnx": data})

    def chunk(**changes):
        fields = {"upload_id": begun.upload_id, "offset": 0, "crc32c": 0, "data": data, **changes}
        return admin.call("Registry", "UploadChunk", registry.UploadChunkRequest(**fields))

    right = crc32c(data)
    refused(chunk, "DATA_LOSS")
    refused(lambda: chunk(crc32c=right, offset=1 << 20), "OUT_OF_RANGE")
    refused(lambda: chunk(crc32c=right, file_index=1), "INVALID_ARGUMENT", "1")
    refused(lambda: chunk(crc32c=crc32c(data[:50]), data=data[:50]), "INVALID_ARGUMENT")
    refused(lambda: chunk(crc32c=right, upload_id="f" * 32), "NOT_FOUND")
    commit = registry.CommitPublishRequest(upload_id=begun.upload_id, alias="live")
    refused(lambda: admin.call("Registry", "CommitPublish", commit), "FAILED_PRECONDITION")
    changed = b"b" * 100
    chunk(crc32c=crc32c(changed), data=changed)
    refused(lambda: admin.call("Registry", "CommitPublish", commit), "DATA_LOSS", "model.onnx")
    refused(lambda: predict(admin, target, GOOD), "NOT_FOUND", target)


def test_moves_that_cannot_be_are_refused(admin, model):
    def set_alias(**fields):
        return admin.call("Registry", "SetAlias", registry.SetAliasRequest(model=model, **fields))

    refused(lambda: set_alias(alias="live", version=99), "NOT_FOUND", "99")
    refused(lambda: set_alias(alias="live", version=1, expected_generation=77), "ABORTED", "live")
    refused(lambda: set_alias(alias="live", version=1, must_not_exist=True), "ALREADY_EXISTS",
            "live")
    refused(lambda: rollback(admin, model), "FAILED_PRECONDITION", "live")
    refused(lambda: admin.call("Registry", "DeleteVersion", registry.DeleteVersionRequest(
        model=model, version=1)), "FAILED_PRECONDITION", "live")
