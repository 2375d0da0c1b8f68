"""Prints figures of the built server, one a line: how long a start takes, how much memory it and its
engine hosts hold with the sentiment model, how long a Predict takes on one connection. They are for
reading, not for passing or failing.
Usage: PYTHONPATH=Tests/Interop/python python Tests/Acceptance/measure.py"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import harness
import models
import resident
from strongroom_models import predict, predict_request, publish_bundle

STARTS = 15
CALLS = 5_000
WARM_UP = 500
SENTIMENT = harness.ROOT / "Registry/models/sentiment/v2"
TEXT = "a slow start, and then one of the finest endings that I have seen in years"


def start_and_answer(home):
    """Milliseconds from the start of the process to the first answer of the sentiment model."""
    began = time.monotonic()
    server = home.serve()
    with server.client() as client:
        predict(client, "sentiment", {"text": [TEXT]})
        took = (time.monotonic() - began) * 1e3
    server.stop()
    return took


def latencies(client, model, inputs):
    """Microseconds of each Predict, one after another, client included."""
    request, took = predict_request(model, inputs), []
    for number in range(WARM_UP + CALLS):
        began = time.perf_counter()
        client.call("Prediction", "Predict", request)
        if number >= WARM_UP:
            took.append((time.perf_counter() - began) * 1e6)
    return sorted(took)


def print_latencies(what, took):
    print(f"{what}: median {statistics.median(took):.0f} us, "
          f"99th percentile {took[len(took) * 99 // 100]:.0f} us, of {len(took)} calls")


def main():
    with tempfile.TemporaryDirectory() as folder, harness.Home(Path(folder) / "home") as home:
        server = home.serve()
        empty = resident.settled(server.pid) / resident.MIB
        with server.client() as client:
            publish_bundle(client, "mlp", {"model.onnx": models.mlp(seed=1)})
            print_latencies("Predict, MLP 4-8-3, one row",
                            latencies(client, "mlp", {"x": models.rows(seed=1)}))
        server.stop()
        server = home.serve()
        with server.client() as client:
            version = publish_bundle(client, "sentiment", SENTIMENT)
            assert list(version.aliases) == ["live"], version.reason
            took = latencies(client, "sentiment", {"text": [TEXT]})
            print(f"resident memory: {empty:.0f} MiB without a model, "
                  f"{resident.settled(server.pid) / resident.MIB:.0f} MiB with the sentiment model")
            print_latencies("Predict, sentiment, one text", took)
        server.stop()
        starts = sorted(start_and_answer(home) for _ in range(STARTS))
        print(f"start to first answer: median {statistics.median(starts):.0f} ms, "
              f"least {starts[0]:.0f} ms, most {starts[-1]:.0f} ms, of {STARTS} starts")


if __name__ == "__main__":
    sys.exit(main())
