"""The tests' own tools: a tool that cannot fail proves nothing."""

import socket
import threading

import numpy
import pytest

import strongroom_client
from strongroom_client import ConnectionLost, StatusError, prediction, ttrpc
from strongroom_models import crc32c
from strongroom_tensors import decode, encode


class Pair(strongroom_client.Client):
    """A client on one end of a socket pair, without TLS."""

    def __init__(self):
        self.socket, self.peer = socket.socketpair()
        self._received, self._answers, self._next_id = bytearray(), {}, 1


@pytest.fixture
def pair():
    with Pair() as made:
        yield made
        made.peer.close()


def answer(pair, stream, response):
    data = response.SerializeToString()
    pair.peer.sendall(strongroom_client.HEADER.pack(
        len(data), stream, strongroom_client.RESPONSE, 0) + data)


def test_a_request_is_framed_as_ttrpc_says(pair):
    """The bytes that a Go client sends for the same call."""
    class Raw:
        def SerializeToString(self):
            return bytes.fromhex("0a026869")

    pair.start("S", "Echo", Raw(), metadata=[("k", "v")])
    envelope = b"\x0a\x0fstrongroom.v1.S\x12\x04Echo\x1a\x04\x0a\x02hi\x2a\x06\x0a\x01k\x12\x01v"
    assert pair.peer.recv(1000) == b"\0\0\0\x25\0\0\0\x01\x01\0" + envelope


def test_answers_reach_their_calls_in_any_order_and_in_pieces(pair):
    request = prediction.PredictRequest()
    streams = [pair.start("Prediction", "Predict", request) for _ in range(3)]
    assert streams == [1, 3, 5]

    def serve():
        for stream in reversed(streams):
            reply = prediction.PredictResponse(model_version=stream).SerializeToString()
            data = ttrpc.Response(payload=reply).SerializeToString()
            frame = strongroom_client.HEADER.pack(len(data), stream, 2, 0) + data
            for byte in frame:
                pair.peer.sendall(bytes([byte]))

    thread = threading.Thread(target=serve)
    thread.start()
    replies = [pair.finish(stream, prediction.PredictResponse) for stream in streams]
    thread.join()
    assert [reply.model_version for reply in replies] == streams


def test_a_status_is_an_exception_with_code_and_message(pair):
    stream = pair.start("Prediction", "Predict", prediction.PredictRequest())
    answer(pair, stream, ttrpc.Response(status=ttrpc.Status(code=5, message="no model x")))
    with pytest.raises(StatusError) as caught:
        pair.finish(stream, prediction.PredictResponse)
    assert (caught.value.code, caught.value.message) == ("NOT_FOUND", "no model x")


def test_a_closed_connection_is_not_an_answer(pair):
    stream = pair.start("Prediction", "Predict", prediction.PredictRequest())
    pair.peer.sendall(b"\0\0\0\x05\0")
    pair.peer.close()
    with pytest.raises(ConnectionLost):
        pair.finish(stream, prediction.PredictResponse)


def test_crc32c_is_castagnolis():
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(b"") == 0
    assert crc32c(bytes(32)) == 0x8A9136AA


@pytest.mark.parametrize("array", [
    numpy.zeros((0, 3), "f4"), numpy.array(2.5), numpy.arange(24, dtype="i2").reshape(1, 2, 3, 4),
    numpy.array([True, False]), numpy.array([1.5, numpy.nan], "f2")])
def test_arrays_survive_the_wire(array):
    back = decode(encode("x", array))
    assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, array.shape, array.tobytes())


def test_texts_survive_the_wire_with_their_nul_bytes():
    values = [[b"a\0", "é", b""], [b"\xff", b"\0", "x"]]
    expected = [[b"a\0", "é".encode(), b""], [b"\xff", b"\0", b"x"]]
    assert decode(encode("x", values)).tolist() == expected


def test_bfloat16_is_sent_as_its_bits():
    tensor = encode("x", numpy.array([0x3F80], "u2"), "BF16")
    assert prediction.DataType.Name(tensor.data_type) == "DATA_TYPE_BF16"
    assert tensor.data == b"\x80\x3f" and decode(tensor).tolist() == [0x3F80]
