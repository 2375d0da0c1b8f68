"""Replies that are not read: connections of one predictor send 256 requests of some bytes, whose
replies have 4 MB, and read nothing. Prints the memory that the server and its hosts took more than
before, at most and 10 s after the callers left; exit code 1 if that is too much.

Usage: Benchmarks/measure.sh security/unread-replies [--connections 4]
"""

import argparse
import sys
import tempfile

import numpy

import unread
from harness import Home
from isolated_models import hosted
from strongroom_client import registry
from strongroom_models import predict_request, publish_bundle
from unread import MIB

MOST_MORE, MOST_LEFT = 100 * MIB, 100 * MIB  # a connection; in all


def predict(inputs):
    return "Prediction", "Predict", predict_request("wide", inputs)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--connections", type=int, default=unread.CONNECTIONS)
    connections = parser.parse_args().connections
    one, row = {"x": numpy.ones(1, "f4")}, {"x": numpy.ones((1, 1), "f4")}
    read = registry.ReadFileRequest(model="wide", version=1, path="model.onnx", length=MIB)
    kinds = (
        ("in the server", {"model.onnx": unread.wide()}, predict(one)),
        ("in an engine host", hosted(unread.wide()), predict(one)),
        ("size not declared", {"model.onnx": unread.wide([None])}, predict(one)),
        ("in batches", {"model.onnx": unread.rows()}, predict(row)),
        ("ReadFile", {"model.onnx": unread.rows()}, ("Registry", "ReadFile", read)),
    )
    print(f"| {connections} connections x {unread.CALLS} calls | most, MiB | left after 10 s, MiB |")
    print("|---|---|---|")
    failed = False
    for name, bundle, call in kinds:
        with tempfile.TemporaryDirectory() as folder, Home(f"{folder}/home") as home:
            server = home.serve()
            with server.client() as admin:
                publish_bundle(admin, "wide", bundle)
            flood = unread.Flood(server, connections=connections)
            flood.send(*call)
            most = flood.most_more()
            flood.leave()
            left = flood.left(0)
        failed |= most > connections * MOST_MORE or left > MOST_LEFT
        print(f"| {name} | {most / MIB:.0f} | {left / MIB:.0f} |")
    return failed


sys.exit(main())
