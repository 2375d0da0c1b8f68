"""Callers on connections of their own: one that never pauses, and several that call at once."""

import dataclasses
import threading
import time

import numpy

import strongroom_client
from strongroom_client import StatusError
from strongroom_models import predict, predict_request
from strongroom_tensors import decode

CALL_SECONDS = 60


class Caller(threading.Thread):
    """Calls a model without a pause, and counts the right answers. The first error ends it."""

    def __init__(self, server, model, inputs, expected, principal="admin"):
        super().__init__(daemon=True)
        self.server, self.principal, self.model = server, principal, model
        self.inputs, self.expected = inputs, expected
        self.is_over, self.answered, self.error, self.longest = False, 0, None, 0.0

    def run(self):
        try:
            with self.server.client(self.principal) as client:
                while not self.is_over:
                    began = time.monotonic()
                    _, outputs = predict(client, self.model, self.inputs)
                    assert numpy.array_equal(outputs["y"], self.expected)
                    self.longest = max(self.longest, time.monotonic() - began)
                    self.answered += 1
                    time.sleep(0.001)
        except BaseException as error:
            self.error = error

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.join()


@dataclasses.dataclass
class Answer:
    """The answer to one call: `outputs`, or the status as `error`."""

    outputs: dict = None
    error: StatusError = None
    rows: int = 0
    seconds: float = 0.0


def call(client, model, inputs, timeout=0.0, **request):
    began = time.monotonic()
    try:
        reply = client.call("Prediction", "Predict", predict_request(model, inputs, **request),
                            timeout=timeout)
    except StatusError as error:
        return Answer(error=error, seconds=time.monotonic() - began)
    outputs = {tensor.name: decode(tensor) for tensor in reply.outputs}
    return Answer(outputs, None, reply.timing.batch_rows, time.monotonic() - began)


def together(server, calls):
    """The answers to `calls`, each (principal, model, inputs), all made at one moment, each on a
    connection of its own."""
    barrier, answers = threading.Barrier(len(calls)), [None] * len(calls)

    def run(index, principal, model, inputs):
        with server.client(principal) as client:
            barrier.wait()
            answers[index] = call(client, model, inputs, CALL_SECONDS)

    threads = [threading.Thread(target=run, args=(index, *made))
               for index, made in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert None not in answers, "a call was not answered"
    return answers


def health_seconds(server, count):
    """The seconds of a health check on each of `count` connections at one moment. Connections are
    spread over all event loops."""
    took = [None] * count
    clients = [server.client(None) for _ in range(count)]
    barrier = threading.Barrier(count)

    def check(index):
        barrier.wait()
        began = time.monotonic()
        clients[index].call("Health", "Check", strongroom_client.health.CheckRequest())
        took[index] = time.monotonic() - began

    threads = [threading.Thread(target=check, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        client.close()
    assert None not in took, "a health check was not answered"
    return took
