"""What the measurements of a served registry share: models, metrics and a server's memory."""

import json
import re
import ssl
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy
from onnx import helper, numpy_helper

import models
from harness import ROOT
from strongroom_models import publish_bundle

MIB = 1 << 20
WIDTH = 4096
SENTIMENT = ROOT / "Registry/models/sentiment"
TEXTS = ["a slow start, and then one of the finest endings that I have seen in years"]
SETTLED_SECONDS = 1.2  # above the second that a server waits before it gives small models back


def configure(home, **values):
    """Sets top-level keys of a home's configuration, and opens its metrics."""
    with open(home.folder / "strongroom.yaml", "a", encoding="utf-8") as file:
        for key, value in {"metrics": "{loopback: open}", **values}.items():
            file.write(f"{key}: {value}\n")


def publish(home, model, bundle):
    """Publishes {path: bytes} with the command; the version's number."""
    with tempfile.TemporaryDirectory() as folder:
        for path, data in bundle.items():
            (Path(folder) / path).write_bytes(data)
        return home.json("publish", model, folder)["version"]


def publish_sentiment(client, model="sentiment"):
    """Both versions of the sentiment model; their numbers."""
    versions = [publish_bundle(client, model, SENTIMENT / name) for name in ("v1", "v2")]
    assert not any(version.reason for version in versions), versions
    return [version.version for version in versions]


def layers(mib, seed):
    """A bundle of square layers: MatMul brings their weights into a form of its own."""
    count = max(round(mib * MIB / (4 * WIDTH * WIDTH)), 1)
    random = numpy.random.default_rng(seed)
    nodes, weights, value = [], [], "x"
    for layer in range(count):
        made = "y" if layer == count - 1 else f"h{layer}"
        array = random.random((WIDTH, WIDTH), "f4") / WIDTH
        weights.append(numpy_helper.from_array(array, f"w{layer}"))
        nodes.append(helper.make_node("MatMul", [value, f"w{layer}"], [made]))
        value = made
    shape = [None, WIDTH]
    return {"model.onnx": models.save(nodes, {"x": ("FP32", shape)}, {"y": ("FP32", shape)}, weights)}


def table(mib, seed):
    """A bundle of one table whose rows are looked up."""
    rows = mib * MIB // (4 * WIDTH)
    array = numpy.random.default_rng(seed).random((rows, WIDTH), "f4")
    model = models.save(
        [helper.make_node("Gather", ["table", "x"], ["y"])],
        {"x": ("INT64", [None])}, {"y": ("FP32", [None, WIDTH])},
        [numpy_helper.from_array(array, "table")])
    return {"model.onnx": model}


def row(kind):
    """An input of `layers` or `table`."""
    return {"x": numpy.ones((1, WIDTH), "f4") if kind == "matmul" else numpy.zeros(1, "i8")}


def json_text(values):
    """A value of the command line's `--input`."""
    return json.dumps(values)


def _status(pid, key):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no {key} of process {pid}")


def resident(pid):
    """Resident memory of a process, in bytes."""
    return _status(pid, "VmRSS:")


def peak(pid):
    return _status(pid, "VmHWM:")


def forget_peak(pid):
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def settled(pid):
    """Resident memory once it stands still."""
    last = resident(pid)
    while True:
        time.sleep(SETTLED_SECONDS)
        now = resident(pid)
        if abs(now - last) < MIB // 4:
            return now
        last = now


def metrics(server):
    """The page of a server whose loopback is open, as {series: value}."""
    context = ssl.create_default_context(cafile=server.home.folder / "tls/ca.pem")
    address = f"https://{server.host}:{server.port}/metrics"
    with urllib.request.urlopen(address, context=context) as reply:
        page = reply.read().decode()
    found = re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", page, re.MULTILINE)
    return {name: float(value) for name, value in found}


def loads(server):
    return int(metrics(server).get("strongroom_load_seconds_count", 0))


def loaded_bytes(server, model):
    """Bytes of each loaded version of a model."""
    prefix = f'strongroom_loaded_bytes{{model="{model}"'
    return {name: value for name, value in metrics(server).items() if name.startswith(prefix)}
