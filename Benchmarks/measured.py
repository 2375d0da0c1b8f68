"""Models that are measured, as ONNX files made without any package: `write(folder)`.

mlp    4-8-3, dense layers with ReLU between them; also as mlp.weights, what peers/go reads
wide   768-3072-768
copy   its output is its input, rows of 262,144 numbers: 1 MiB
"""

import random
import struct
from array import array
from pathlib import Path

IR_VERSION, OPSET, FLOAT = 10, 21, 1
WIDTHS = {"mlp": (4, 8, 3), "wide": (768, 3072, 768), "copy": (262_144, 262_144)}


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def field(number, value):
    """A protobuf field: an integer, a text, bytes, or a message as bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def value_info(name, width):
    dimensions = field(1, field(2, "n")) + field(1, field(1, width))
    return field(1, name) + field(2, field(1, field(1, FLOAT) + field(2, dimensions)))


def node(operator, inputs, output):
    return b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, operator)


def tensor(name, shape, numbers):
    return (b"".join(field(1, size) for size in shape) + field(2, FLOAT) + field(8, name)
            + field(9, numbers.tobytes()))


def model(nodes, initializers, widths):
    graph = (b"".join(field(1, one) for one in nodes) + field(2, "graph")
             + b"".join(field(5, one) for one in initializers)
             + field(11, value_info("x", widths[0])) + field(12, value_info("y", widths[-1])))
    return field(1, IR_VERSION) + field(7, graph) + field(8, field(2, OPSET))


def numbers(count, scale, seed):
    steps = [(i - 127.5) / 127.5 * scale for i in range(256)]
    return array("f", map(steps.__getitem__, random.Random(seed).randbytes(count)))


def dense(widths):
    """The model of dense layers, and its weights as a plain file."""
    nodes, initializers, plain, value = [], [], b"", "x"
    for layer, (rows, columns) in enumerate(zip(widths, widths[1:])):
        weights = numbers(rows * columns, 2 / rows ** 0.5, seed=layer)
        biases = numbers(columns, 0.5, seed=100 + layer)
        initializers.append(tensor(f"w{layer}", (rows, columns), weights))
        initializers.append(tensor(f"b{layer}", (columns,), biases))
        plain += struct.pack("<II", rows, columns) + weights.tobytes() + biases.tobytes()
        last = layer == len(widths) - 2
        nodes.append(node("Gemm", [value, f"w{layer}", f"b{layer}"], "y" if last else f"h{layer}"))
        value = f"r{layer}"
        if not last:
            nodes.append(node("Relu", [f"h{layer}"], value))
    return model(nodes, initializers, widths), plain


def write(folder):
    folder = Path(folder)
    for name in ("mlp", "wide"):
        onnx, plain = dense(WIDTHS[name])
        (folder / f"{name}.onnx").write_bytes(onnx)
        (folder / f"{name}.weights").write_bytes(plain)
    copy = model([node("Identity", ["x"], "y")], [], WIDTHS["copy"])
    (folder / "copy.onnx").write_bytes(copy)
    (folder / "copy.weights").write_bytes(b"")
