"""Models in which a request's answer depends on the requests beside it, if they run together.

Each has the nodes of which at least one is the cause. Where a `golden` is given, its request gives
the same answer alone and in company with itself, and has as many output rows as input rows: a check
that samples requests sees nothing.
"""

import collections
import io
from dataclasses import dataclass, field

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

from models import ONNX_TYPES, save

WIDTH = 4
ROWS = {"x": ("FP32", [None, WIDTH])}
ANY = {"y": ("FP32", [None, None])}
ONE = {"y": ("FP32", [None])}
ML, MICROSOFT = {"ai.onnx.ml": 3}, {"com.microsoft": 1}
OPERATOR_SETS = {"ai.onnx.ml": ML, "com.microsoft": MICROSOFT}
RANDOM = numpy.random.default_rng(11)


@dataclass
class Mixing:
    """`requests`: {input: array} of six callers or more; `golden`: inputs of golden requests."""

    name: str
    data: bytes
    nodes: tuple
    requests: list
    golden: list = field(default_factory=list)

    def __str__(self):
        return self.name


def ints(*values):
    return numpy.array(values, "i8")


def floats(*values):
    return numpy.array(values, "f4")


def texts(*values):
    array = numpy.empty(len(values), object)
    array[:] = [value.encode() for value in values]
    return array


def node(operator, inputs, outputs, name=None, **attributes):
    """A node; inputs and outputs are words in a string. Its name is that of
    its first output that has one."""
    inputs, outputs = inputs.split(), outputs.split()
    inputs = ["" if word == "-" else word for word in inputs]
    outputs = ["" if word == "-" else word for word in outputs]
    name = name or f"node_{next(filter(None, outputs))}"
    return helper.make_node(operator, inputs, outputs, name=name, **attributes)


def build(nodes, inputs, outputs, constants, **options):
    return save(nodes, inputs, outputs,
                [numpy_helper.from_array(value, name) for name, value in constants.items()], **options)


def single(seed, width=WIDTH):
    """A row whose values are of another size for each seed."""
    row = numpy.random.default_rng(seed).standard_normal((1, width)) * 10.0 ** (seed - 2)
    return row.astype("f4")


def six(make):
    return [{"x": make(seed)} for seed in range(6)]


MODELS = []


def add(name, nodes, *, outputs=ANY, inputs=ROWS, constants=None, causes=None, requests=None,
        golden=(), **options):
    """Adds a model; `causes` names nodes by their first outputs, by default all of them."""
    causes = [f"node_{cause}" for cause in causes.split()] if causes else [made.name for made in nodes]
    MODELS.append(Mixing(
        name, build(nodes, inputs, outputs, constants or {}, **options), tuple(causes),
        requests or six(single), list(golden)))


def rows(*values):
    return {"x": numpy.array(values, "f4")}


ONE_ROW = [rows([1, 2, 3, 4])]

# The number of rows depends on values.

HITS = [rows([3, 0, 0, 0]), rows([0, 0, 0, 0]), rows([1, 2, 0, 0]), rows([0, 0, 0, 9]),
        rows([1, 2, 3, 4]), rows([0, 7, 0, 8])]

add("finds among all elements",
    [node("Reshape", "x flat", "elements"), node("Greater", "elements zero", "hit"),
     node("Compress", "elements hit", "y", axis=0)],
    outputs=ONE, constants={"flat": ints(-1), "zero": floats(0)}, causes="elements y", requests=HITS,
    golden=[rows([3, 0, 0, 0]), rows([0, 5, 0, 0])])
add("keeps the positive rows",
    [node("ReduceMax", "x one", "largest", keepdims=0), node("Greater", "largest zero", "hit"),
     node("Compress", "x hit", "y", axis=0)],
    constants={"one": ints(1), "zero": floats(0)}, causes="y",
    requests=[rows([seed * (-1) ** seed - 1] * WIDTH) for seed in range(6)],
    golden=[rows([1, 2, 3, 4]), rows([4, 1, 0, 0])])
add("where the values are",
    [node("NonZero", "x", "places"), node("Transpose", "places", "y", perm=[1, 0])],
    outputs={"y": ("INT64", [None, 2])}, requests=HITS, golden=[rows([3, 0, 0, 0]), rows([0, 5, 0, 0])])
add("rows without repetition",
    [node("Unique", "x", "y", axis=0, sorted=1)],
    requests=[rows([5 - seed // 2] * WIDTH) for seed in range(6)], golden=ONE_ROW)
add("boxes that are left",
    [node("NonMaxSuppression", "boxes scores most overlap least", "y")],
    inputs={"boxes": ("FP32", [None, 1, 4]), "scores": ("FP32", [None, 1, 1])},
    outputs={"y": ("INT64", [None, 3])},
    constants={"most": ints(1), "overlap": floats(.5), "least": floats(.5)},
    requests=[{"boxes": floats(0, 0, 1, 1 + seed).reshape(1, 1, 4),
               "scores": floats(seed % 2).reshape(1, 1, 1)} for seed in range(6)],
    golden=[{"boxes": floats(0, 0, 1, 1).reshape(1, 1, 4), "scores": floats(1).reshape(1, 1, 1)}])
add("the shape as rows", [node("Shape", "x", "y")], outputs={"y": ("INT64", [None])},
    requests=[rows([1] * WIDTH, [seed] * WIDTH) for seed in range(6)],
    golden=[rows([1] * WIDTH, [2] * WIDTH)])
add("a constant beside the rows",
    [node("Relu", "x", "y"), node("Identity", "version", "number")],
    outputs={**ANY, "number": ("INT64", [None])}, constants={"version": ints(7)}, causes="number",
    golden=ONE_ROW)
add("counts of all words", [node("TfIdfVectorizer", "x", "y", mode="TF", min_gram_length=1,
    max_gram_length=1, max_skip_count=0, ngram_counts=[0], ngram_indexes=[0], pool_int64s=[3])],
    inputs={"x": ("INT64", [None])}, outputs=ONE, requests=[{"x": ints(seed)} for seed in range(6)],
    golden=[{"x": ints(3)}])
add("words without stop words", [node("StringNormalizer", "x", "y", stopwords=["the", "a"],
    case_change_action="NONE", is_case_sensitive=1, locale="C.UTF-8")],
    inputs={"x": ("BYTES", [None])}, outputs={"y": ("BYTES", [None])},
    requests=[{"x": texts(word)} for word in ("the", "film", "a", "good", "film", "the")],
    golden=[{"x": texts("film")}, {"x": texts("good")}])

# The publisher may take no risk with these.
COUNTED = list(MODELS)

# The width of a row depends on the values of others.

add("repeats by the largest value",
    [node("ReduceMax", "x", "largest", keepdims=0), node("Cast", "largest", "times", to=7),
     node("Reshape", "times one", "columns"), node("Concat", "one columns", "repeats", axis=0),
     node("Tile", "x repeats", "y")],
    constants={"one": ints(1)}, requests=[rows([0, 0, 0, seed + 1]) for seed in range(6)],
    golden=[rows([1, 2, 0, 0]), rows([2, 1, 1, 0])])
add("as deep as the largest number",
    [node("ReduceMax", "ids", "largest", keepdims=0), node("Add", "largest one", "depth"),
     node("OneHot", "ids depth values", "y", axis=-1)],
    inputs={"ids": ("INT64", [None])}, constants={"one": numpy.array(1), "values": floats(0, 1)},
    requests=[{"ids": ints(seed)} for seed in range(6)], golden=[{"ids": ints(2)}])
add("as long as the longest",
    [node("ReduceSum", "mask one", "lengths", keepdims=0),
     node("ReduceMax", "lengths", "longest", keepdims=0), node("Unsqueeze", "longest zero", "end"),
     node("Slice", "ids zero end one", "cut"), node("Slice", "mask zero end one", "cut_mask"),
     node("Mul", "cut cut_mask", "y")],
    inputs={"ids": ("INT64", [None, None]), "mask": ("INT64", [None, None])},
    outputs={"y": ("INT64", [None, None])}, constants={"one": ints(1), "zero": ints(0)},
    requests=[{"ids": numpy.arange(1, 9)[None], "mask": (numpy.arange(8)[None] <= seed).astype("i8")}
              for seed in range(6)],
    golden=[{"ids": ints(7, 8, 9).reshape(1, 3), "mask": ints(1, 1, 0).reshape(1, 3)}])

# Control flow.

ADDS = helper.make_graph(
    [node("Add", "before row", "after"), node("Identity", "after", "seen")], "adds",
    [helper.make_tensor_value_info("before", TensorProto.FLOAT, [WIDTH]),
     helper.make_tensor_value_info("row", TensorProto.FLOAT, [WIDTH])],
    [helper.make_tensor_value_info("after", TensorProto.FLOAT, [WIDTH]),
     helper.make_tensor_value_info("seen", TensorProto.FLOAT, [WIDTH])])
COUNTS = helper.make_graph(
    [node("Identity", "go", "go_on"), node("Gather", "x trip", "row"),
     node("Add", "before row", "after"), node("Identity", "after", "seen")], "counts",
    [helper.make_tensor_value_info("trip", TensorProto.INT64, []),
     helper.make_tensor_value_info("go", TensorProto.BOOL, []),
     helper.make_tensor_value_info("before", TensorProto.FLOAT, [WIDTH])],
    [helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
     helper.make_tensor_value_info("after", TensorProto.FLOAT, [WIDTH]),
     helper.make_tensor_value_info("seen", TensorProto.FLOAT, [WIDTH])])


def branch(operator, **attributes):
    return helper.make_graph(
        [node(operator, "x", f"{operator}_x", **attributes)], operator, [],
        [helper.make_tensor_value_info(f"{operator}_x", TensorProto.FLOAT, [None, WIDTH])])


add("a scan over the rows",
    [node("Scan", "start x", "end y", body=ADDS, num_scan_inputs=1)],
    constants={"start": numpy.zeros(WIDTH, "f4")}, golden=ONE_ROW)
add("a loop over the rows",
    [node("Shape", "x", "trips", start=0, end=1), node("Squeeze", "trips", "count"),
     node("Loop", "count yes start", "end y", body=COUNTS)],
    constants={"start": numpy.zeros(WIDTH, "f4"), "yes": numpy.array(True)}, causes="end",
    golden=ONE_ROW)
add("another branch for one large value",
    [node("ReduceMax", "x", "largest", keepdims=0), node("Greater", "largest limit", "large"),
     node("If", "large", "y", then_branch=branch("Neg"), else_branch=branch("Relu"))],
    constants={"limit": numpy.array(100, "f4")}, causes="largest y", golden=ONE_ROW)
add("a sum inside a branch",
    [node("ReduceMax", "switch", "largest", keepdims=0),
     node("Cast", "largest", "on", to=TensorProto.BOOL),
     node("If", "on", "y", then_branch=branch("Softmax", axis=0), else_branch=branch("Neg"))],
    constants={"switch": floats(1)}, causes="y Softmax_x", golden=ONE_ROW)
add("a switch for all rows",
    [node("ReduceMax", "x", "largest", keepdims=0), node("Greater", "largest limit", "large"),
     node("Neg", "x", "turned"), node("Where", "large turned x", "y")],
    constants={"limit": numpy.array(100, "f4")}, causes="largest", golden=ONE_ROW)

# Rows are mixed.

add("sorted rows",
    [node("Shape", "x", "count", start=0, end=1), node("TopK", "x count", "y places", axis=0)],
    causes="y", golden=ONE_ROW)
add("running sums", [node("CumSum", "x zero", "y")], constants={"zero": numpy.array(0)}, golden=ONE_ROW)
for name, operator, opset in (("shares of a column", "Softmax", 21), ("the largest of a column", "Hardmax", 21),
                              ("logarithms of shares of a column", "LogSoftmax", 21),
                              ("shares of everything", "Softmax", 11)):
    add(name, [node(operator, "x", "y", axis=0)], opset=opset, ir_version=7 if opset == 11 else 10,
        golden=ONE_ROW)
add("without the mean of the batch",
    [node("ReduceMean", "x zero", "mean", keepdims=1), node("Sub", "x mean", "y")],
    constants={"zero": ints(0)}, causes="mean", golden=ONE_ROW)
add("by the largest of the batch",
    [node("Abs", "x", "sizes"), node("ReduceMax", "sizes", "largest", keepdims=0),
     node("Div", "x largest", "y")], causes="largest", golden=[rows([1, -2, 3, 4]), rows([4, 0, 1, 1])])
add("the mean of the batch for each",
    [node("ReduceMean", "x", "mean", keepdims=1), node("Shape", "x", "size"),
     node("Expand", "mean size", "y")], causes="mean", golden=ONE_ROW)
add("normalised by the batch",
    [node("BatchNormalization", "x scale bias start spread", "y mean variance", training_mode=1)],
    constants={"scale": floats(1, 2, 3, 4), "bias": floats(4, 3, 2, 1), "start": floats(0, 0, 0, 0),
               "spread": floats(1, 1, 1, 1)}, golden=ONE_ROW)
add("normalised by instance, along the rows",
    [node("Transpose", "x", "turned"), node("Unsqueeze", "turned zero", "instance"),
     node("InstanceNormalization", "instance scale bias", "normal"),
     node("Squeeze", "normal zero", "narrow"), node("Transpose", "narrow", "y")],
    constants={"zero": ints(0), "scale": floats(1, 2, 3, 4), "bias": floats(4, 3, 2, 1)},
    causes="normal", golden=ONE_ROW)
add("columns of length one", [node("LpNormalization", "x", "y", axis=0)], golden=ONE_ROW)
add("columns of mean zero", [node("MeanVarianceNormalization", "x", "y", axes=[0])], golden=ONE_ROW)
add("every second row of two batches",
    [node("Concat", "x x", "double", axis=0), node("Slice", "double from to zero two", "y")],
    constants={"from": ints(0), "to": ints(1 << 40), "zero": ints(0), "two": ints(2)}, golden=ONE_ROW)
add("the first row added",
    [node("Slice", "x zero one", "first"), node("Add", "x first", "y")],
    constants={"zero": ints(0), "one": ints(1)}, causes="first", golden=ONE_ROW)
add("the last row added",
    [node("Gather", "x last", "row"), node("Add", "x row", "y")], constants={"last": ints(-1)},
    causes="row", golden=ONE_ROW)
add("the other way round",
    [node("Slice", "x from to zero back", "y")], golden=ONE_ROW,
    constants={"from": ints(-1), "to": ints(-1 << 40), "zero": ints(0), "back": ints(-1)})
add("reversed by lengths",
    [node("Shape", "x", "rows", start=0, end=1), node("Expand", "rows width", "lengths"),
     node("ReverseSequence", "x lengths", "y", time_axis=0, batch_axis=1)],
    constants={"width": ints(WIDTH)}, causes="rows lengths y", golden=ONE_ROW)
add("one row of all",
    [node("Flatten", "x", "flat", axis=0), node("Softmax", "flat", "shares"),
     node("Reshape", "shares shape", "y")], constants={"shape": ints(-1, WIDTH)}, golden=ONE_ROW)
add("pairs of rows",
    [node("Reshape", "x pairs", "wide"), node("Softmax", "wide", "shares"),
     node("Reshape", "shares shape", "y")],
    constants={"pairs": ints(-1, 2 * WIDTH), "shape": ints(-1, WIDTH)},
    requests=[rows(*[[seed, 1, 2, place] for place in range(1 + seed % 3)]) for seed in range(6)],
    golden=[rows([1, 2, 3, 4], [4, 3, 2, 1])])
add("likeness to the others",
    [node("Gemm", "x x", "likeness", transB=1), node("ReduceSum", "likeness one", "y", keepdims=0)],
    outputs=ONE, constants={"one": ints(1)}, golden=ONE_ROW)
add("attention to the others",
    [node("Transpose", "x", "keys"), node("MatMul", "x keys", "scores"),
     node("Softmax", "scores", "shares"), node("MatMul", "shares x", "y")], golden=ONE_ROW)
add("likeness by Einstein's sum", [node("Einsum", "x x", "y", equation="ij,kj->i")], outputs=ONE,
    golden=ONE_ROW)
add("distance to the nearest",
    [node("CDist", "x x", "distances", domain="com.microsoft", metric="euclidean"),
     node("ReduceMax", "distances one", "y", keepdims=0)],
    outputs=ONE, constants={"one": ints(1)}, domains=MICROSOFT, causes="distances", golden=ONE_ROW)
add("a product with a matrix of two rows", [node("MatMul", "mix x", "y")],
    constants={"mix": floats(1, 2, 3, 4).reshape(2, 2)},
    requests=[rows(*[[seed, 1, 2, place] for place in range(1 + seed % 2)]) for seed in range(6)],
    golden=[rows([1, 2, 3, 4], [4, 3, 2, 1])])
add("a sum with a constant of two rows", [node("Add", "x two", "y")],
    constants={"two": numpy.arange(8, dtype="f4").reshape(2, 4)},
    requests=[rows(*[[seed, 1, 2, place] for place in range(1 + seed % 2)]) for seed in range(6)],
    golden=[rows([1, 2, 3, 4], [4, 3, 2, 1])])
add("turned", [node("Transpose", "x", "y")], golden=[rows(*numpy.arange(16).reshape(4, 4))],
    requests=[rows(*(numpy.arange(16).reshape(4, 4) * seed)) for seed in range(6)])
add("a first dimension of one that is taken away",
    [node("Squeeze", "x", "values"), node("Softmax", "values", "shares", axis=0),
     node("Reshape", "shares shape", "y")],
    inputs={"x": ("FP32", [None, 1, WIDTH])}, constants={"shape": ints(-1, WIDTH)},
    causes="values shares", requests=six(lambda seed: single(seed).reshape(1, 1, WIDTH)),
    golden=[{"x": floats(1, 2, 3, 4).reshape(1, 1, 4)}])
add("the first of a sequence",
    [node("SplitToSequence", "x", "split", axis=0, keepdims=1), node("SequenceAt", "split zero", "first"),
     node("Add", "x first", "y")], constants={"zero": numpy.array(0)}, causes="split first",
    golden=ONE_ROW)
add("shifted by a row",
    [node("Pad", "x pads", "longer"), node("Slice", "longer zero end", "y")],
    constants={"pads": ints(1, 0, 0, 0), "zero": ints(0), "end": ints(-1)}, golden=ONE_ROW)

# A quantisation that depends on the whole tensor.

WEIGHTS = RANDOM.integers(-127, 127, (WIDTH, 3)).astype("i1")
SAME_SCALE = [rows([-1, 4, 2, 0]), rows([4, -1, 0, 1])]
add("quantised by the largest of the batch",
    [node("DynamicQuantizeLinear", "x", "q scale zero"), node("MatMulInteger", "q w zero", "sum"),
     node("Cast", "sum", "real", to=1), node("Mul", "real scale", "y")],
    constants={"w": WEIGHTS}, causes="q", golden=SAME_SCALE)
add("quantised inside the product",
    [node("DynamicQuantizeMatMul", "x w scale", "y", domain="com.microsoft")], domains=MICROSOFT,
    constants={"w": WEIGHTS, "scale": floats(.1)}, golden=SAME_SCALE)
add("quantised by hand",
    [node("Abs", "x", "sizes"), node("ReduceMax", "sizes", "largest", keepdims=0),
     node("Div", "largest limit", "scale"), node("QuantizeLinear", "x scale none", "q"),
     node("DequantizeLinear", "q scale none", "y")],
    constants={"limit": numpy.array(127, "f4"), "none": numpy.array(0, "i1")}, causes="largest",
    golden=SAME_SCALE)

# Padding to the longest row.

PHRASES = ["good", "not as bad as they all say", "two words", "", "a film", "one of the best endings"]
EQUAL = [{"x": texts("good film")}, {"x": texts("bad end")}]
TEXT = {"x": ("BYTES", [None])}
TOKENS = {"domain": "com.microsoft", "mark": 0, "mincharnum": 1, "tokenexp": "[a-z]+", "pad_value": ""}
TEXTS = [{"x": texts(phrase)} for phrase in PHRASES]
add("words of a text", [node("StringSplit", "x", "y count", delimiter=" ")], inputs=TEXT,
    outputs={"y": ("BYTES", [None, None]), "count": ("INT64", [None])}, requests=TEXTS, golden=EQUAL)
add("at most three words of a text", [node("StringSplit", "x", "y count", maxsplit=2)], inputs=TEXT,
    outputs={"y": ("BYTES", [None, None]), "count": ("INT64", [None])}, requests=TEXTS)
add("tokens of a text", [node("Tokenizer", "x", "y", **TOKENS)], inputs=TEXT,
    outputs={"y": ("BYTES", [None, None])}, requests=TEXTS, golden=EQUAL, domains=MICROSOFT)


def numbers(encoder, pad, width):
    """Numbers of words in a window of eight, padded by `width` columns of `pad`."""
    return ([node("Tokenizer", "x", "tokens", **TOKENS),
             node("Slice", "tokens start window column", "read"),
             node("LabelEncoder", "read", "ids", domain="ai.onnx.ml", default_int64=9, **encoder),
             node("Pad", "ids pads pad", "padded"),
             node("Slice", "padded start window column", "y")],
            {"start": ints(0), "window": ints(8), "column": ints(1), "pads": ints(0, 0, 0, width),
             "pad": numpy.array(pad)})


ENCODER = {"keys_strings": ["", "good", "film", "bad", "end"], "values_int64s": [0, 1, 2, 3, 4]}
UNPADDED = {"keys_strings": ["good", "film", "bad", "end"], "values_int64s": [1, 2, 3, 4]}
for name, parts in {"a window that the padding does not fill": numbers(ENCODER, 0, 3),
                    "padding of two kinds": numbers(ENCODER, 5, 8),
                    "padding that the vocabulary lacks": numbers(UNPADDED, 0, 8)}.items():
    add(name, parts[0], inputs=TEXT, outputs={"y": ("INT64", [None, None])}, constants=parts[1],
        requests=TEXTS, golden=EQUAL, domains={**ML, **MICROSOFT})

# A row's answer depends on its place.

add("a row's place added",
    [node("Shape", "x", "shape", start=0, end=1), node("Squeeze", "shape", "count"),
     node("Range", "zero count one", "places"), node("Unsqueeze", "places axis", "column"),
     node("Cast", "column", "real", to=1), node("Add", "x real", "y")],
    constants={"zero": numpy.array(0), "one": numpy.array(1), "axis": ints(1)}, golden=ONE_ROW)
add("the number of rows added",
    [node("Shape", "x", "shape", start=0, end=1), node("Cast", "shape", "count", to=1),
     node("Add", "x count", "y")], golden=ONE_ROW)
add("the diagonal alone", [node("EyeLike", "x", "mask"), node("Mul", "x mask", "y")], golden=ONE_ROW)
add("above the diagonal", [node("Trilu", "x", "y")], golden=ONE_ROW)
add("places in all pictures",
    [node("MaxPool", "x", "y places", kernel_shape=[2, 2])],
    inputs={"x": ("FP32", [None, 1, 4, 4])},
    outputs={"y": ("FP32", [None, 1, 3, 3]), "places": ("INT64", [None, 1, 3, 3])},
    requests=six(lambda seed: single(seed, 16).reshape(1, 1, 4, 4)),
    golden=[{"x": numpy.arange(16, dtype="f4").reshape(1, 1, 4, 4)}])

# A caller says which row is read, by a number.

PICKED = {**ROWS, "at": ("INT64", [None])}
PICKS = [{"x": single(seed), "at": ints(0)} for seed in range(6)]
FIRST = [{"x": floats(1, 2, 3, 4).reshape(1, 4), "at": ints(0)}]
add("the row of a number", [node("Gather", "x at", "y")], inputs=PICKED, requests=PICKS, golden=FIRST)
add("the rows of indexes", [node("GatherND", "x at", "y")],
    inputs={**ROWS, "at": ("INT64", [None, 1])},
    requests=[{"x": pick["x"], "at": ints(0).reshape(1, 1)} for pick in PICKS],
    golden=[{"x": FIRST[0]["x"], "at": ints(0).reshape(1, 1)}])
add("the elements of numbers", [node("GatherElements", "x at", "y", axis=0)],
    inputs={**ROWS, "at": ("INT64", [None, WIDTH])},
    requests=[{"x": pick["x"], "at": ints(0, 0, 0, 0).reshape(1, 4)} for pick in PICKS],
    golden=[{"x": FIRST[0]["x"], "at": ints(0, 0, 0, 0).reshape(1, 4)}])
add("written to the row of a number", [node("ScatterElements", "x at x", "y", axis=0)],
    inputs={**ROWS, "at": ("INT64", [None, WIDTH])},
    requests=[{"x": pick["x"], "at": ints(0, 0, 0, 0).reshape(1, 4)} for pick in PICKS],
    golden=[{"x": FIRST[0]["x"], "at": ints(0, 0, 0, 0).reshape(1, 4)}])
add("written to the rows of indexes", [node("ScatterND", "x at x", "y")],
    inputs={**ROWS, "at": ("INT64", [None, 1])},
    requests=[{"x": pick["x"], "at": ints(0).reshape(1, 1)} for pick in PICKS],
    golden=[{"x": FIRST[0]["x"], "at": ints(0).reshape(1, 1)}])
add("the picture of a number",
    [node("RoiAlign", "x boxes at", "y", output_height=2, output_width=2, sampling_ratio=1)],
    inputs={"x": ("FP32", [None, 1, 4, 4]), "boxes": ("FP32", [None, 4]), "at": ("INT64", [None])},
    outputs={"y": ("FP32", [None, 1, 2, 2])},
    requests=[{"x": single(seed, 16).reshape(1, 1, 4, 4), "boxes": floats(0, 0, 3, 3).reshape(1, 4),
               "at": ints(0)} for seed in range(6)],
    golden=[{"x": numpy.arange(16, dtype="f4").reshape(1, 1, 4, 4),
             "boxes": floats(0, 0, 3, 3).reshape(1, 4), "at": ints(0)}], opset=16)
add("the columns of numbers",
    [node("ArrayFeatureExtractor", "x at", "y", domain="ai.onnx.ml")], inputs=PICKED, domains=ML,
    requests=[{"x": single(seed), "at": ints(seed % 4)} for seed in range(6)], golden=FIRST)

# The first dimension is another one: time, or height.

RECURRENT = {"w": RANDOM.standard_normal((1, 16, 4)).astype("f4"),
             "r": RANDOM.standard_normal((1, 16, 4)).astype("f4")}
BOTH_WAYS = {"w": RANDOM.standard_normal((2, 12, 4)).astype("f4"),
             "r": RANDOM.standard_normal((2, 12, 4)).astype("f4")}
STEPS = {"x": ("FP32", [None, 1, WIDTH])}
STEP = [{"x": floats(1, 2, 3, 4).reshape(1, 1, 4)}]
STEP_REQUESTS = six(lambda seed: single(seed).reshape(1, 1, 4))
add("steps of an LSTM", [node("LSTM", "x w r", "y", hidden_size=4)], inputs=STEPS,
    outputs={"y": ("FP32", [None, 1, 1, 4])}, constants=RECURRENT, requests=STEP_REQUESTS, golden=STEP)
add("steps of a GRU in both directions",
    [node("GRU", "x w r", "y", hidden_size=4, direction="bidirectional")], inputs=STEPS,
    outputs={"y": ("FP32", [None, 2, 1, 4])}, constants=BOTH_WAYS, requests=STEP_REQUESTS, golden=STEP)
add("a convolution along the rows",
    [node("Unsqueeze", "x axes", "picture"), node("Conv", "picture kernel", "sums", pads=[1, 0, 1, 0]),
     node("Squeeze", "sums axes", "y")],
    constants={"axes": ints(0, 1), "kernel": floats(1, 2, 3).reshape(1, 1, 3, 1)}, golden=ONE_ROW)
add("frequencies along the rows",
    [node("Unsqueeze", "x axes", "signal"), node("DFT", "signal", "waves", axis=1),
     node("ReduceL2", "waves last", "sizes", keepdims=0), node("Squeeze", "sizes first", "y")],
    constants={"axes": ints(0, 3), "last": ints(-1), "first": ints(0)}, causes="waves", golden=ONE_ROW,
    opset=19)
add("a window as long as the rows",
    [node("Shape", "x", "shape", start=0, end=1), node("Squeeze", "shape", "count"),
     node("HannWindow", "count", "window"), node("Unsqueeze", "window axis", "column"),
     node("Add", "x column", "y")], constants={"axis": ints(1)}, golden=ONE_ROW)
add("the mean of neighbours",
    [node("Unsqueeze", "x axes", "picture"),
     node("AveragePool", "picture", "mean", kernel_shape=[3, 1], pads=[1, 0, 1, 0]),
     node("Squeeze", "mean axes", "y")], constants={"axes": ints(0, 1)}, golden=ONE_ROW)
add("the largest of neighbours",
    [node("Unsqueeze", "x axes", "picture"),
     node("MaxPool", "picture", "largest", kernel_shape=[3, 1], pads=[1, 0, 1, 0]),
     node("Squeeze", "largest axes", "y")], constants={"axes": ints(0, 1)}, golden=ONE_ROW)

# Inside a function of the model.

add("a sum inside a function", [node("Running", "x", "y", domain="local")], domains={"local": 1},
    causes="y sum", golden=ONE_ROW, functions=[helper.make_function(
        "local", "Running", ["a"], ["b"],
        [node("Constant", "", "axis", value=numpy_helper.from_array(numpy.array(0))),
         node("CumSum", "a axis", "b", name="node_sum")], [helper.make_opsetid("", 21)])])

# The last bits depend on the place, since the runtime computes most elements with vector
# instructions and the last ones without.

NARROW = RANDOM.standard_normal((WIDTH, 3)).astype("f4")
for operator in ("Elu", "Selu", "Celu", "Softplus", "Sin", "Cos"):
    add(f"{operator} of a product", [node("MatMul", "x w", "product"), node(operator, "product", "y")],
        constants={"w": NARROW}, causes="y",
        requests=[{"x": RANDOM.standard_normal((1, WIDTH)).astype("f4")} for _ in range(40)])

# Axes are counted from the end, and rows are the last axis of one.

add("shares of a column, counted from the end", [node("Softmax", "x", "y", axis=-2)], golden=ONE_ROW)
add("running sums, counted from the end", [node("CumSum", "x back", "y")],
    constants={"back": numpy.array(-2)}, golden=ONE_ROW)
add("the last row added, counted from the end",
    [node("Gather", "x last", "row", axis=-2), node("Add", "x row", "y")],
    constants={"last": ints(-1)}, causes="row", golden=ONE_ROW)
LINE = {"x": ("FP32", [None])}
NUMBERS = [{"x": floats(seed * 1.5 - 2)} for seed in range(6)]
ONE_NUMBER = [{"x": floats(1)}]
for name, made in {
        "shares of the numbers": node("Softmax", "x", "y"),
        "the numbers as a vector of length one": node("LpNormalization", "x", "y"),
        "the numbers as one example": node("Normalizer", "x", "y", domain="ai.onnx.ml", norm="L2"),
        "running sums of the numbers": node("CumSum", "x back", "y")}.items():
    add(name, [made], inputs=LINE, outputs=ONE, domains=ML, constants={"back": numpy.array(-1)},
        requests=NUMBERS, golden=ONE_NUMBER)

# Shapes that fit by chance: a caller's rows meet the columns of all.

SQUARE = {"x": ("FP32", [None, 6]), "z": ("FP32", [None])}
PAIRS = [{"x": single(seed, 6), "z": floats(seed)} for seed in range(6)]
A_PAIR = [{"x": single(1, 6), "z": floats(1)}]
for operator in ("Add", "Mul", "PRelu"):
    add(f"{operator} of a number for each row and the columns", [node(operator, "x z", "y")],
        inputs=SQUARE, requests=PAIRS, golden=A_PAIR)
add("a number for each row and the columns of a product", [node("Gemm", "x w z", "y")], inputs=SQUARE,
    constants={"w": RANDOM.standard_normal((6, 6)).astype("f4")}, requests=PAIRS, golden=A_PAIR)
add("a switch for each row and the columns",
    [node("Greater", "z zero", "on"), node("Neg", "x", "turned"), node("Where", "on x turned", "y")],
    inputs=SQUARE, constants={"zero": floats(2.5)}, causes="y", requests=PAIRS, golden=A_PAIR)
add("a scale for each row and the columns",
    [node("Abs", "z", "size"), node("Add", "size one", "scale"), node("QuantizeLinear", "x scale", "q"),
     node("DequantizeLinear", "q scale", "y")], inputs=SQUARE, constants={"one": floats(1)},
    causes="q y", requests=PAIRS, golden=A_PAIR)
add("a product with a matrix for each row", [node("MatMul", "x z", "y")],
    inputs={**ROWS, "z": ("FP32", [None, WIDTH, 3])}, outputs={"y": ("FP32", [None, None, 3])},
    requests=[{"x": single(seed), "z": single(seed + 6, 12).reshape(1, 4, 3)} for seed in range(6)],
    golden=[{"x": single(1), "z": single(2, 12).reshape(1, 4, 3)}])
add("four rows made of all", [node("Reshape", "x shape", "y")], constants={"shape": ints(4, -1)},
    requests=[rows(*(numpy.arange(16).reshape(4, 4) * seed)) for seed in range(6)],
    golden=[rows(*numpy.arange(16).reshape(4, 4))])
add("a shape that the caller gives", [node("Reshape", "x shape", "y")],
    inputs={**ROWS, "shape": ("INT64", [None])},
    requests=[{"x": numpy.ones((2, 4), "f4") * seed, "shape": ints(2, 4)} for seed in range(6)],
    golden=[{"x": numpy.ones((2, 4), "f4"), "shape": ints(2, 4)}])
add("as many values as the caller says", [node("TopK", "x k", "y places")],
    inputs={**ROWS, "k": ("INT64", [None])}, outputs={**ANY, "places": ("INT64", [None, None])},
    requests=[{"x": single(seed), "k": ints(1 + seed % 4)} for seed in range(6)],
    golden=[{"x": single(1), "k": ints(2)}])
add("axes that the caller gives", [node("ReduceSum", "x axes", "y", keepdims=1)],
    inputs={**ROWS, "axes": ("INT64", [None])},
    requests=[{"x": single(seed), "axes": ints(seed % 2)} for seed in range(6)],
    golden=[{"x": single(1), "axes": ints(1)}])

# Rows take the place of their neighbours.

add("shifted up, the last row repeated",
    [node("Pad", "x pads", "longer", mode="edge"), node("Slice", "longer one end", "y")],
    constants={"pads": ints(0, 0, 1, 0), "one": ints(1), "end": ints(1 << 40)}, golden=ONE_ROW)
add("rolled by a row",
    [node("Slice", "x one end zero", "later"), node("Slice", "x zero one zero", "first"),
     node("Concat", "later first", "y", axis=0)],
    constants={"zero": ints(0), "one": ints(1), "end": ints(1 << 40)}, golden=ONE_ROW)
add("halves that change places",
    [node("Split", "x", "low high", axis=0, num_outputs=2), node("Concat", "high low", "y", axis=0)],
    requests=[rows([seed] * WIDTH, [seed + .5] * WIDTH) for seed in range(6)])
add("between neighbours",
    [node("Resize", "x - scales", "long", mode="linear"), node("Slice", "long one end zero two", "y")],
    constants={"scales": floats(2, 1), "zero": ints(0), "one": ints(1), "two": ints(2),
               "end": ints(1 << 40)}, golden=ONE_ROW)
add("the row's number among those that differ",
    [node("Unique", "x", "different first y counts", sorted=1)], inputs={"x": ("INT64", [None])},
    outputs={"y": ("INT64", [None])}, requests=[{"x": ints(9 - seed)} for seed in range(6)],
    golden=[{"x": ints(4)}])
add("divided by the number of elements",
    [node("Size", "x", "size"), node("Cast", "size", "count", to=1), node("Div", "x count", "y")],
    golden=ONE_ROW)
add("back to places in all pictures", [node("MaxUnpool", "x at", "y", kernel_shape=[2, 2], strides=[2, 2])],
    inputs={"x": ("FP32", [None, 1, 2, 2]), "at": ("INT64", [None, 1, 2, 2])},
    outputs={"y": ("FP32", [None, 1, 4, 4])},
    requests=[{"x": single(seed).reshape(1, 1, 2, 2), "at": ints(0, 2, 8, 10).reshape(1, 1, 2, 2)}
              for seed in range(6)],
    golden=[{"x": single(1).reshape(1, 1, 2, 2), "at": ints(0, 2, 8, 10).reshape(1, 1, 2, 2)}])
add("the part of the picture of a number",
    [node("MaxRoiPool", "x boxes", "y", pooled_shape=[2, 2])],
    inputs={"x": ("FP32", [None, 1, 4, 4]), "boxes": ("FP32", [None, 5])},
    outputs={"y": ("FP32", [None, 1, 2, 2])},
    requests=[{"x": single(seed, 16).reshape(1, 1, 4, 4), "boxes": floats(0, 0, 0, 3, 3).reshape(1, 5)}
              for seed in range(6)],
    golden=[{"x": single(1, 16).reshape(1, 1, 4, 4), "boxes": floats(0, 0, 0, 3, 3).reshape(1, 5)}])

# The order in which sums are taken may depend on the number of rows, as the processor has it: these
# may run together where the answers do not differ.

ROUNDING = []


def add_rounding(*arguments, **options):
    add(*arguments, **options)
    ROUNDING.append(MODELS.pop())


WIDE = [{"x": RANDOM.standard_normal((1, 6, 8)).astype("f4") * 10 ** (seed % 3)} for seed in range(40)]
add_rounding("a sum over time", [node("ReduceSum", "x one", "y", keepdims=0)],
    inputs={"x": ("FP32", [None, 6, 8])}, outputs={"y": ("FP32", [None, 8])},
    constants={"one": ints(1)}, requests=WIDE)
add_rounding("a mean over the sides of a picture", [node("ReduceMean", "x sides", "y", keepdims=0)],
    inputs={"x": ("FP32", [None, 6, 8, 4])}, outputs={"y": ("FP32", [None, 4])},
    constants={"sides": ints(1, 2)}, requests=[
        {"x": RANDOM.standard_normal((1, 6, 8, 4)).astype("f4")} for _ in range(40)])
add_rounding("steps of a recurrent network, rows beside each other",
    [node("Transpose", "x", "t", perm=[1, 0, 2]), node("RNN", "t w r", "- last", hidden_size=4),
     node("Squeeze", "last zero", "y")],
    inputs={"x": ("FP32", [None, 6, 8])}, causes="last",
    constants={"w": RANDOM.standard_normal((1, 4, 8)).astype("f4"), "zero": ints(0),
               "r": RANDOM.standard_normal((1, 4, 4)).astype("f4")}, requests=WIDE)
add_rounding("a linear classifier",
    [node("LinearClassifier", "x", "label y", domain="ai.onnx.ml", classlabels_ints=[0, 1, 2],
          coefficients=[float(c) for c in RANDOM.standard_normal(18)], intercepts=[.1, .2, .3])],
    inputs={"x": ("FP32", [None, 6])}, outputs={"label": ("INT64", [None]), "y": ("FP32", [None, 3])},
    causes="label", domains=ML,
    requests=[{"x": RANDOM.standard_normal((1, 6)).astype("f4")} for _ in range(40)])

# Operators of one row: vector instructions take other ways through numbers, infinities and NaN than
# the instructions for the elements that are left over.

BORDERS = [numpy.inf, -numpy.inf, -0.0, 0.5, -2.5, 88.0, -104.0, -300.0, 70000.0, 3e9, -3e9, 1e19,
           1e-40, 3e38]
NANS = {"f2": ("u2", 0x7d01, 0x7e12, 0xfe21), "f4": ("u4", 0x7fa00001, 0x7fc12345, 0xffc54321),
        "f8": ("u8", 0x7ff4 << 48 | 1, 0x7ff81234 << 32, 0xfff8cba9 << 32)}  # the first one signals


def borders(seed, code):
    """A row of three elements; in two rows of three some are at the border of the type."""
    row = numpy.random.default_rng(seed).standard_normal((1, 3)).astype(code)
    integers, *nans = NANS[code]
    if seed % 3:
        with numpy.errstate(over="ignore"):
            row[0, seed % 2] = numpy.array(BORDERS[seed % len(BORDERS)]).astype(code)
        row.view(integers)[0, 2] = nans[seed // 2 % len(nans)]
    return row


def add_elementwise(name, made, datatype, outputs, constants=None, inputs="x"):
    add_rounding(
        name, [made], inputs={name: (datatype, [None, 3]) for name in inputs}, outputs=outputs,
        constants=constants, requests=[
            {name: borders(seed + 7 * place, CODES[datatype]) for place, name in enumerate(inputs)}
            for seed in range(40)])


CODES = {"FP16": "f2", "FP32": "f4", "FP64": "f8"}
ELEMENTWISE = {
    "FP32": "Abs Acos Acosh Asin Asinh Atan Atanh Ceil Celu Cos Cosh Elu Erf Exp Floor Gelu"
            " HardSigmoid HardSwish LeakyRelu Log LogSoftmax LpNormalization Mish Neg Reciprocal"
            " Relu Round Selu Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt Tan Tanh"
            " ThresholdedRelu",
    "FP64": "Ceil Exp Floor Log Relu Sigmoid Sign Softmax Sqrt Tanh",
    "FP16": "Abs Erf Exp Floor Log Relu Sigmoid Softmax Sqrt Tanh"}
BINARY = {"FP32": "Add Sub Mul Div Pow Max Min PRelu", "FP64": "Add Div Max", "FP16": "Add Div Max"}
REDUCTIONS = {"FP32": "ReduceL2 ReduceLogSumExp ReduceMax ReduceMean ReduceSum",
              "FP64": "ReduceMax ReduceMean", "FP16": "ReduceMax ReduceMean"}
CASTS = {"FP32": "FP64 FP16 INT8 UINT8 INT32 UINT32 INT64 UINT64 BOOL", "FP64": "FP32 UINT32",
         "FP16": "FP32"}
for datatype in CODES:
    for operator in ELEMENTWISE[datatype].split():
        add_elementwise(f"{operator} of {datatype}", node(operator, "x", "y"), datatype,
                        {"y": (datatype, [None, 3])})
    for operator in BINARY[datatype].split():
        add_elementwise(f"{operator} of two in {datatype}", node(operator, "x z", "y"), datatype,
                        {"y": (datatype, [None, 3])}, inputs="xz")
    for operator in REDUCTIONS[datatype].split():
        add_elementwise(
            f"{operator} of {datatype}", node(operator, "x axes", "y", keepdims=0), datatype,
            {"y": (datatype, [None])}, {"axes": ints(1)})
    for other in CASTS[datatype].split():
        add_elementwise(f"{datatype} to {other}", node("Cast", "x", "y", to=ONNX_TYPES[other]),
                        datatype, {"y": (other, [None, 3])})
for columns in (3, 64, 300):
    for datatype, code in (("FP32", "f4"), ("FP64", "f8")):
        add_rounding(
            f"a product of {columns} columns in {datatype}", [node("Gemm", "x w", "y")],
            inputs={"x": (datatype, [None, columns])}, outputs={"y": (datatype, [None, 5])},
            constants={"w": RANDOM.standard_normal((columns, 5)).astype(code)},
            requests=[{"x": RANDOM.standard_normal((1, columns)).astype(code)} for _ in range(40)])


def table():
    """The table of docs/EQUALITY.md: the operators that are the causes, and the models."""
    rows = collections.defaultdict(list)
    for model in MODELS:
        nodes = onnx.load(io.BytesIO(model.data)).graph.node
        causes = {made.op_type: None for made in nodes if made.name in model.nodes}
        rows[", ".join(causes)].append(model.name)
    lines = [f"| {operators} | {'; '.join(names)} |" for operators, names in sorted(rows.items())]
    return "\n".join(["| because of | models |", "|---|---|", *lines]) + "\n"
