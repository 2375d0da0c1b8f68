"""Models whose rows are independent of each other, as exporters make them: requests run together.

`MERGED` have to be merged; `EITHER` may be. `row(seed)` gives the inputs of one row.
"""

import io
from dataclasses import dataclass
from typing import Callable

import numpy
import onnx

import harness
import models
from strongroom_models import read_bundle
from mixing_models import ENCODER, MICROSOFT, ML, TEXT, WIDTH, build, floats, ints, node, numbers, texts

EXPORTS = harness.ROOT / "Tests/Fixtures/exports"
SENTIMENT = harness.ROOT / "Registry/models/sentiment"
RANDOM = numpy.random.default_rng(23)
PHRASES = ("good film", "not as bad as they all say", "", "the end", "bad",
           "a very long text that has many more words than the others, and says nothing at all")


@dataclass
class Independent:
    name: str
    files: dict
    row: Callable

    def __str__(self):
        return self.name

    @property
    def onnx(self):
        (data,) = [data for path, data in self.files.items() if path.endswith(".onnx")]
        return data


MERGED, EITHER = [], []


def weight(*shape):
    return (RANDOM.standard_normal(shape) / 4).astype("f4")


def normal(*shape):
    """Rows of that shape, each of another size."""
    def row(seed):
        random = numpy.random.default_rng(seed)
        return {"x": (random.standard_normal((1, *shape)) * 10.0 ** (seed % 5 - 2)).astype("f4")}
    return row


def add(name, nodes, shape, outputs, constants=None, row=None, inputs=None, **options):
    """Adds a model that has to be merged."""
    inputs = inputs or {"x": ("FP32", [None, *shape])}
    data = build(nodes, inputs, outputs, constants or {}, **options)
    MERGED.append(Independent(name, {"model.onnx": data}, row or normal(*shape)))


def y(*shape):
    return {"y": ("FP32", [None, *shape])}


MERGED.append(Independent("dense", {"model.onnx": models.mlp(seed=1)}, normal(WIDTH)))
add("dense, with a residual and a normalisation of each row",
    [node("Gemm", "x w b", "wide"), node("Relu", "wide", "positive"), node("Add", "x positive", "sum"),
     node("LayerNormalization", "sum scale bias", "y")], [8], y(8),
    {"w": weight(8, 8), "b": weight(8), "scale": weight(8), "bias": weight(8)})
add("convolution",
    [node("Conv", "x k", "c", pads=[1, 1, 1, 1]),
     node("BatchNormalization", "c scale bias mean variance", "n"), node("Relu", "n", "r"),
     node("MaxPool", "r", "m", kernel_shape=[2, 2], strides=[2, 2]),
     node("GlobalAveragePool", "m", "p"), node("Flatten", "p", "f"), node("Gemm", "f w b", "y")],
    [1, 8, 8], y(3),
    {"k": weight(4, 1, 3, 3), "scale": weight(4), "bias": weight(4), "mean": weight(4),
     "variance": abs(weight(4)), "w": weight(4, 3), "b": weight(3)})
add("convolution by channel",
    [node("Conv", "x k", "c", group=4, pads=[1, 1, 1, 1]), node("Clip", "c zero six", "r"),
     node("Conv", "r one", "d"), node("AveragePool", "d", "p", kernel_shape=[4, 4]),
     node("Reshape", "p shape", "y")], [4, 4, 4], y(2),
    {"k": weight(4, 1, 3, 3), "one": weight(2, 4, 1, 1), "zero": numpy.array(0, "f4"),
     "six": numpy.array(6, "f4"), "shape": ints(-1, 2)})
add("convolution with channels last",
    [node("Transpose", "x", "first", perm=[0, 3, 1, 2]), node("Conv", "first k", "c"),
     node("Transpose", "c", "last", perm=[0, 2, 3, 1]), node("Relu", "last", "r"),
     node("Reshape", "r shape", "f"), node("MatMul", "f w", "y")], [6, 6, 2], y(3),
    {"k": weight(4, 2, 3, 3), "w": weight(64, 3), "shape": ints(-1, 64)})
add("flattened by shape, as PyTorch does",
    [node("Conv", "x k", "c"), node("Shape", "c", "shape"), node("Gather", "shape zero", "n"),
     node("Unsqueeze", "n axis", "rows"), node("Concat", "rows rest", "flat", axis=0),
     node("Reshape", "c flat", "f"), node("Gemm", "f w", "y")], [1, 5, 5], y(3),
    {"k": weight(2, 1, 3, 3), "zero": numpy.array(0), "axis": ints(0), "rest": ints(-1),
     "w": weight(18, 3)})
for name, operator, gates, directions in (("LSTM", "LSTM", 4, 1), ("LSTM in both directions", "LSTM", 4, 2),
                                          ("GRU", "GRU", 3, 1)):
    state = node(operator, "t w r b", "- last", hidden_size=4,
                 direction="bidirectional" if directions == 2 else "forward")
    after = ([node("Transpose", "last", "rows", perm=[1, 0, 2]), node("Reshape", "rows shape", "y")]
             if directions == 2 else [node("Squeeze", "last zero", "y")])
    add(f"{name} over five steps", [node("Transpose", "x", "t", perm=[1, 0, 2]), state, *after],
        [5, 3], y(4 * directions),
        {"w": weight(directions, 4 * gates, 3), "r": weight(directions, 4 * gates, 4),
         "b": weight(directions, 8 * gates), "zero": ints(0), "shape": ints(0, 8)})


def masked(seed):
    length = 1 + seed % 6
    return {**normal(6, 8)(seed), "mask": floats(*[1] * length, *[0] * (6 - length)).reshape(1, 6)}


BIAS = [node("Sub", "one mask", "hidden"), node("Mul", "hidden far", "away")]
SCALES = {"scale": numpy.array(.353, "f4"), "one": numpy.array(1, "f4"), "far": numpy.array(-1e4, "f4")}
MASKED = {"x": ("FP32", [None, 6, 8]), "mask": ("FP32", [None, 6])}
add("attention with a mask",
    [node("MatMul", "x wq", "q"), node("MatMul", "x wk", "k"), node("MatMul", "x wv", "v"),
     node("Transpose", "k", "kt", perm=[0, 2, 1]), node("MatMul", "q kt", "s"),
     node("Mul", "s scale", "scaled"), *BIAS, node("Unsqueeze", "away axis", "bias"),
     node("Add", "scaled bias", "biased"), node("Softmax", "biased", "a", axis=-1),
     node("MatMul", "a v", "y")], [6, 8], y(6, 8),
    {"wq": weight(8, 8), "wk": weight(8, 8), "wv": weight(8, 8), "axis": ints(1), **SCALES},
    row=masked, inputs=MASKED)


def head(source, result, perm):
    return [node("MatMul", f"x w{source}", f"{source}_all"),
            node("Reshape", f"{source}_all heads", f"{source}_heads"),
            node("Transpose", f"{source}_heads", result, perm=perm)]


add("a layer of a transformer",
    [*head("q", "q", [0, 2, 1, 3]), *head("k", "k", [0, 2, 3, 1]), *head("v", "v", [0, 2, 1, 3]),
     node("MatMul", "q k", "s"), node("Mul", "s scale", "scaled"), *BIAS,
     node("Unsqueeze", "away axes", "bias"), node("Add", "scaled bias", "biased"),
     node("Softmax", "biased", "a", axis=-1), node("MatMul", "a v", "mixed"),
     node("Transpose", "mixed", "back", perm=[0, 2, 1, 3]), node("Reshape", "back joined", "all"),
     node("MatMul", "all wo", "out"), node("Add", "x out", "sum"),
     node("LayerNormalization", "sum gain shift", "normal"), node("MatMul", "normal w1", "wide"),
     node("Relu", "wide", "positive"), node("MatMul", "positive w2", "narrow"),
     node("Add", "normal narrow", "y")], [6, 8], y(6, 8),
    {"wq": weight(8, 8), "wk": weight(8, 8), "wv": weight(8, 8), "wo": weight(8, 8),
     "heads": ints(0, 0, 2, 4), "joined": ints(0, 0, 8), "axes": ints(1, 2), "gain": weight(8),
     "shift": weight(8), "w1": weight(8, 16), "w2": weight(16, 8), **SCALES},
    row=masked, inputs=MASKED)


def words(seed):
    random = numpy.random.default_rng(seed)
    return {"ids": random.integers(0, 20, (1, 6)), "mask": masked(seed)["mask"].astype("i8")}


WORDS = {"ids": ("INT64", [None, 6]), "mask": ("INT64", [None, 6])}
# A product with ones in place of a sum of floats, whose order depends on the number of rows.
add("embedding and mean over time",
    [node("Gather", "table ids", "e"), node("Cast", "mask", "real", to=1),
     node("Unsqueeze", "real last", "m"), node("Mul", "e m", "kept"),
     node("MatMul", "ones kept", "sums"), node("Squeeze", "sums one", "sum"),
     node("ReduceSum", "mask one", "length", keepdims=1), node("Cast", "length", "count", to=1),
     node("Div", "sum count", "mean"),
     node("Gemm", "mean w", "y")], [], y(3),
    {"table": weight(20, 8), "last": ints(-1), "one": ints(1), "w": weight(8, 3),
     "ones": numpy.ones((1, 6), "f4")},
    row=words, inputs=WORDS)
add("embedding and the largest over time",
    [node("Gather", "table ids", "e"), node("ReduceMax", "e one", "most", keepdims=0),
     node("Gemm", "most w", "y")], [], y(3),
    {"table": weight(20, 8), "one": ints(1), "w": weight(8, 3)},
    row=lambda seed: {"ids": words(seed)["ids"]}, inputs={"ids": ("INT64", [None, 6])})
# Which of +0 and -0 is the larger depends on the place of the row.
EITHER.append(MERGED.pop())
add("columns of a table",
    [node("Concat", "a b c", "all", axis=1), node("Scaler", "all", "s", domain="ai.onnx.ml",
          offset=[1., 2., 3.], scale=[.5, 2., 1.]), node("Gemm", "s w", "g"), node("Sigmoid", "g", "y")],
    [], y(1), {"w": weight(3, 1)}, domains=ML,
    inputs={name: ("FP32", [None, 1]) for name in "abc"},
    row=lambda seed: {name: normal(1)(seed * 3 + place)["x"] for place, name in enumerate("abc")})
add("words as numbers, in a window that the padding fills",
    [*numbers(ENCODER, 0, 8)[0], node("Gather", "table y", "e"), node("ReduceMax", "e one", "most",
     keepdims=0), node("Gemm", "most w", "score")], [],
    {"y": ("INT64", [None, None]), "score": ("FP32", [None, 2])},
    {**numbers(ENCODER, 0, 8)[1], "table": weight(10, 4), "one": ints(1), "w": weight(4, 2)},
    row=lambda seed: {"x": texts(PHRASES[seed % len(PHRASES)])}, inputs=TEXT,
    domains={**ML, **MICROSOFT})
EITHER.append(MERGED.pop())


def column_row(seed):
    word = numpy.empty((1, 1), object)
    word[0, 0] = (b"red", b"green", b"blue", b"none")[seed % 4]
    return {"number": normal(1)(seed)["x"], "word": word}


def export(name, row=None):
    """A file of Tests/Fixtures/exports."""
    data = (EXPORTS / f"{name}.onnx").read_bytes()
    return Independent(f"{name}, as it is exported", {"model.onnx": data}, row or normal(6))


MERGED += [export("forest"), export("boosted"), export("lightgbm")]
for version in ("v1", "v2"):
    MERGED.append(Independent(
        f"sentiment {version}", read_bundle(SENTIMENT / version),
        lambda seed: {"text": texts(PHRASES[seed % len(PHRASES)])}))
# The rows of these are independent; whether their bits are is up to the processor.
EITHER += [export(name) for name in ("logistic", "ridge", "support", "perceptron", "bayes")]
EITHER.append(export("columns", column_row))


def table():
    """The table of docs/EQUALITY.md: the models that are merged, and their operators."""
    lines = []
    for model in MERGED:
        nodes = onnx.load(io.BytesIO(model.onnx)).graph.node
        operators = ", ".join(dict.fromkeys(made.op_type for made in nodes))
        lines.append(f"| {model.name} | {operators} |")
    return "\n".join(["| model | operators |", "|---|---|", *lines]) + "\n"
