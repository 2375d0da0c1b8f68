"""Callers that send requests and read no replies, and what a server holds for them."""

import contextlib
import socket
import time

import numpy
from onnx import TensorProto, helper, numpy_helper

import models
import resident

MIB = 1 << 20
FLOATS = 1_000_000  # of a reply: 4 MB
CALLS, CONNECTIONS = 256, 4
WATCHED_SECONDS, LEAVING_SECONDS = 6, 10
RECEIVE_BUFFER = 4096
NODE = helper.make_node


def wide(shape=(FLOATS,)):
    """x [1] to y: a reply of 4 MB for a request of 4 bytes. `shape`: what the model says of y."""
    size = numpy_helper.from_array(numpy.array([FLOATS], "i8"), "size")
    return models.save([NODE("Expand", ["x", "size"], ["y"])], {"x": ("FP32", [1])},
                       {"y": ("FP32", list(shape))}, [size])


def rows():
    """x [N, 1] to y [N, 500,000], which may run in batches."""
    weights = numpy_helper.from_array(numpy.ones((1, FLOATS // 2), "f4"), "w")
    return models.save([NODE("MatMul", ["x", "w"], ["y"])], {"x": ("FP32", [None, 1])},
                       {"y": ("FP32", [None, FLOATS // 2])}, [weights])


def as_long_as_asked():
    """n to y of n elements."""
    value = helper.make_tensor("value", TensorProto.FLOAT, [1], [1.0])
    return models.save([NODE("ConstantOfShape", ["n"], ["y"], value=value)],
                       {"n": ("INT64", [1])}, {"y": ("FP32", [None])})


def repeated():
    """x [N, M] to y [N, 100,000 M]: as large as the request says."""
    repeats = numpy_helper.from_array(numpy.array([1, 100_000], "i8"), "repeats")
    return models.save([NODE("Tile", ["x", "repeats"], ["y"])], {"x": ("FP32", [None, None])},
                       {"y": ("FP32", [None, None])}, [repeats])


def texts():
    """t [1] of text to y of 50,000 such texts."""
    size = numpy_helper.from_array(numpy.array([50_000], "i8"), "size")
    return models.save([NODE("Expand", ["t", "size"], ["y"])], {"t": ("BYTES", [1])},
                       {"y": ("BYTES", [50_000])}, [size])


class Flood:
    """Connections that send `calls` each and read nothing, until the end of the context."""

    def __init__(self, server, principal="admin", connections=CONNECTIONS):
        self.server = server
        self.before = resident.settled(server.pid)
        self.clients = [server.client(principal) for _ in range(connections)]
        for client in self.clients:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)

    def send(self, service, method, message, calls=CALLS):
        for client in self.clients:
            for _ in range(calls):
                client.start(service, method, message)

    def most_more(self, seconds=WATCHED_SECONDS):
        """The most bytes that the server and its hosts took more than before, in `seconds`."""
        most, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            most = max(most, resident.resident(self.server.pid) - self.before)
            time.sleep(0.05)
        return most

    def leave(self):
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.close()

    def left(self, enough, seconds=LEAVING_SECONDS):
        """The bytes more than before, once they are at most `enough` or after `seconds`."""
        end = time.monotonic() + seconds
        while True:
            more = resident.resident(self.server.pid) - self.before
            if more <= enough or time.monotonic() > end:
                return more
            time.sleep(0.1)
