"""Tensors on their way through an engine host: of each type, of any size, smaller and larger than the
memory that server and host share, come out as ONNX Runtime gives them."""

import numpy
import pytest
from onnx import helper

import hosts
import isolated_models
import models
from callers import call, together
from strongroom_models import publish_bundle

RING_BYTES = 1 << 20
LARGE_BYTES = 3 << 20   # does not fit the ring, and fits a frame
LITTLE_BYTES = 2 << 20  # of memory beside the ring
CONNECTIONS = 6
KINDS = {"BOOL": "?", "UINT8": "u1", "UINT16": "u2", "UINT32": "u4", "UINT64": "u8", "INT8": "i1",
         "INT16": "i2", "INT32": "i4", "INT64": "i8", "FP16": "f2", "FP32": "f4", "FP64": "f8"}
COUNTS = (0, 1, 3, 1_000)


@pytest.fixture(scope="module")
def server(shared_home):
    with open(shared_home.folder / "strongroom.yaml", "a", encoding="utf-8") as file:
        file.write(f"isolation: {{ring_bytes: {RING_BYTES}}}\n")
    return shared_home.serve()


def values(kind, count):
    data = numpy.random.default_rng(count).integers(0, 2, count * numpy.dtype(kind).itemsize, "u1")
    return data.view(kind) if kind == "?" else (data * 63).view(kind)


def large(kind):
    return LARGE_BYTES // numpy.dtype(kind).itemsize


def check(client, model, inputs, expected):
    answer = call(client, model, inputs)
    assert answer.error is None, answer.error
    for name, values in expected.items():
        assert answer.outputs[name].shape == values.shape
        assert answer.outputs[name].tobytes() == values.tobytes()


@pytest.mark.parametrize("datatype", KINDS)
def test_each_type_and_size_comes_back_as_it_went(server, admin, name, datatype):
    model, kind = name("identity"), KINDS[datatype]
    publish_bundle(admin, model, isolated_models.hosted(models.identity(datatype, 1)))
    for count in (*COUNTS, large(kind), *COUNTS):
        given = values(kind, count)
        check(admin, model, {"x": given}, {"y": given})


def test_texts_come_back_as_they_went(server, admin, name):
    model = name("texts")
    publish_bundle(admin, model, isolated_models.hosted(models.identity("BYTES", 1)))
    for texts in ([], [""], ["a", "", "ä" * 5_000, "0" * RING_BYTES], ["word"] * 20_000):
        given = numpy.array([text.encode() for text in texts], object)
        answer = call(admin, model, {"x": given})
        assert answer.error is None and answer.outputs["y"].tolist() == given.tolist()


def test_outputs_whose_size_nobody_knows_before_come_back_whole(server, admin, name):
    model = name("found")
    data = models.save([helper.make_node("NonZero", ["x"], ["y"])],
                       {"x": ("INT32", [None])}, {"y": ("INT64", [1, None])})
    publish_bundle(admin, model, isolated_models.hosted(data))
    reference = models.Reference(data)
    for count in (*COUNTS, LARGE_BYTES // 8):
        given = numpy.arange(count, dtype="i4") % 7
        check(admin, model, {"x": given}, reference.run(x=given))
    given = numpy.ones(LARGE_BYTES // 8, "i4")
    check(admin, model, {"x": given}, reference.run(x=given))


def test_large_and_small_calls_at_once_do_not_mix(server, admin, name):
    model = name("mixed")
    publish_bundle(admin, model, isolated_models.hosted(models.identity("FP32", 1)))
    for turn in range(5):
        given = [numpy.full(large("f4") if index % 2 else 10 + index, turn * 100 + index, "f4")
                 for index in range(CONNECTIONS)]
        answers = together(server, [("admin", model, {"x": each}) for each in given])
        for each, answer in zip(given, answers):
            assert answer.error is None, answer.error
            assert numpy.array_equal(answer.outputs["y"], each)


def test_memory_beside_the_ring_counts_among_the_queued_bytes(home):
    with open(home.folder / "strongroom.yaml", "a", encoding="utf-8") as file:
        file.write(f"isolation: {{ring_bytes: {RING_BYTES}}}\n"
                   f"limits: {{total_queued_bytes: {LITTLE_BYTES}, frame_bytes: {LITTLE_BYTES}}}\n")
    server = home.serve()
    data = models.save([helper.make_node("ConstantOfShape", ["n"], ["y"])],
                       {"n": ("INT64", [1])}, {"y": ("FP32", [None])})
    with server.client() as client:
        host, _ = hosts.added_by(server, lambda: publish_bundle(
            client, "large", isolated_models.hosted(data)))
        for _ in range(3):
            answer = call(client, "large", {"n": numpy.array([large("f4")], "i8")})
            assert answer.error and answer.error.code == "RESOURCE_EXHAUSTED", answer
            # One host has half of the bytes at most.
            answer = call(client, "large", {"n": numpy.array([400_000], "i8")})
            assert answer.error and f"may have {LITTLE_BYTES // 2} bytes" in str(answer.error)
            check(client, "large", {"n": numpy.array([200_000], "i8")},
                  {"y": numpy.zeros(200_000, "f4")})
        assert host in hosts.serving(server), "the host was ended"
