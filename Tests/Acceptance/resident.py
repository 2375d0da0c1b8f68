"""The memory of a server and its engine hosts, and models that are large in it."""

import contextlib
import time
from pathlib import Path

import numpy
from onnx import helper, numpy_helper

import leaks
import models

MIB = 1 << 20
WIDTH = 4096
SETTLED_SECONDS = 1.2  # above the second that a server waits before it gives small models back


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


def _kibibytes(path, key):
    for line in path.read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no {key} in {path}")


def total(pid, file, key):
    """Sums a value over a process and all that descend from it."""
    found = _kibibytes(Path(f"/proc/{pid}/{file}"), key)
    for child in leaks.family(pid)[1:]:
        with contextlib.suppress(OSError, RuntimeError):  # It may have ended.
            found += _kibibytes(Path(f"/proc/{child}/{file}"), key)
    return found


def resident(pid):
    """Resident memory of a server and its hosts, in bytes: pages that several processes share
    count once (the sum of Pss)."""
    return total(pid, "smaps_rollup", "Pss:")


def peak(pid):
    """The sum of the most that each process held since `forget_peak`. Shared pages count for
    each."""
    return total(pid, "status", "VmHWM:")


def forget_peak(pid):
    for process in leaks.family(pid):
        with contextlib.suppress(OSError):
            Path(f"/proc/{process}/clear_refs").write_text("5")


def settled(pid):
    """Resident memory once it stands still."""
    last = resident(pid)
    while True:
        time.sleep(SETTLED_SECONDS)
        now = resident(pid)
        if abs(now - last) < MIB // 4:
            return now
        last = now
