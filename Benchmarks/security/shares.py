"""What the measurements of shares have in common: a model that takes as long as it is asked to, a
flood of one principal in a process of its own, and the times of calls one after another."""

import multiprocessing
import os
import statistics
import time

import numpy

import isolated_models
from strongroom_client import StatusError
from strongroom_models import predict, predict_request

CONFIGURATION = "metrics: {loopback: open}\nisolation: {minimum: none}\n"


def counting():
    """A model in the server's process whose time is in proportion to the number that it gets."""
    return isolated_models.in_server(isolated_models.counting())


def number(value):
    return {"n": numpy.array([value], "i8")}


def rounds(client, model, seconds):
    """The number with which a run of the model takes so many seconds on this machine."""
    count = 1_000
    while True:
        took = min(one_after_another(client, model, number(count), 3)[0])
        if took > 0.05 or took > seconds:
            return max(int(count * seconds / took), 1)
        count *= 2


def one_after_another(client, model, inputs, calls, pause=0.0):
    """Seconds of each call, and how many failed."""
    took, failed = [], 0
    for _ in range(calls):
        began = time.perf_counter()
        try:
            predict(client, model, inputs, timeout=60)
        except StatusError as error:
            failed += 1
            print(f"  {error.code}: {error.message}")
        took.append(time.perf_counter() - began)
        time.sleep(pause)
    return took, failed


def percentiles(took):
    """p50 and p99 in milliseconds."""
    parts = statistics.quantiles(took, n=100, method="inclusive")
    return parts[49] * 1e3, parts[98] * 1e3


def flood(server, principal, model, inputs, connections, depth, core):
    """Keeps so many calls of a principal under way until its process is ended."""
    os.sched_setaffinity(0, {core})
    clients = [server.client(principal) for _ in range(connections)]
    message = predict_request(model, inputs)
    for client in clients:
        client.socket.settimeout(60)
        for _ in range(depth):
            client.start("Prediction", "Predict", message)
    while True:
        for client in clients:
            # An answer, or a refusal, makes room for the next call.
            client.receive_frame()
            client.start("Prediction", "Predict", message)


class Flood:
    """A flood in a process of its own, on the last core."""

    def __init__(self, *arguments, lead=3):
        core = max(os.sched_getaffinity(0))
        self.process = multiprocessing.Process(target=flood, args=(*arguments, core), daemon=True)
        self.lead = lead

    def __enter__(self):
        self.process.start()
        time.sleep(self.lead)
        assert self.process.is_alive(), "the flood has ended"
        return self

    def __exit__(self, *_):
        alive = self.process.is_alive()
        self.process.terminate()
        self.process.join()
        assert alive, "the flood has ended"
