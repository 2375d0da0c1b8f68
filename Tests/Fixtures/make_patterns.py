#!/usr/bin/env python3
"""Makes the models of Tests/Fixtures/patterns: the node patterns that common exporters write.

Needs onnx, onnxruntime and numpy; the files are committed, so the tests need none of them.
The weights are small and random; the graphs, including the arithmetic on shapes, are those of
torch.onnx (opset 11 to 17), tf2onnx, skl2onnx and the LightGBM converter of onnxmltools.
Each model is run once before it is written.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T
from onnx import helper, numpy_helper

FOLDER = Path(__file__).parent / "patterns"
random = np.random.default_rng(17)


class Graph:
    """Nodes and constants in the order they were added."""

    def __init__(self, **inputs):
        self.nodes, self.constants = [], []
        self.inputs = [helper.make_tensor_value_info(n, *info) for n, info in inputs.items()]

    def constant(self, value, dtype=np.int64):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def weight(self, *shape):
        return self.constant(random.standard_normal(shape) / 3, np.float32)

    def add(self, operator, *inputs, outputs=None, domain="", **attributes):
        node = f"{operator}_{len(self.nodes)}"
        outputs = outputs or [node]
        self.nodes.append(
            helper.make_node(operator, inputs, outputs, node, domain=domain, **attributes))
        return outputs[0] or outputs[-1]

    def ml(self, operator, *inputs, **attributes):
        return self.add(operator, *inputs, domain="ai.onnx.ml", **attributes)

    # What torch.onnx writes for x.size(i), torch.cat of sizes, x.view(...).

    def size(self, value, axis):
        return self.add("Gather", self.add("Shape", value), self.constant(axis), axis=0)

    def sizes(self, *parts):
        ends = [self.add("Unsqueeze", part, self.constant([0])) if isinstance(part, str)
                else self.constant([part]) for part in parts]
        return self.add("Concat", *ends, axis=0)

    def view(self, value, *parts):
        return self.add("Reshape", value, self.sizes(*parts))

    def expand(self, value, *parts):
        """x.expand(parts): -1 keeps a size, which the graph finds out by itself."""
        shape = self.sizes(*parts)
        count = self.constant([len(parts)])
        value_ = helper.make_tensor("value", T.INT64, [1], [1])
        ones = self.add("ConstantOfShape", count, value=value_)
        kept = self.add("Equal", shape, self.add("Mul", ones, self.constant(-1)))
        return self.add("Expand", value, self.add("Where", kept, ones, shape))

    def linear(self, value, *shape):
        return self.add("Add", self.add("MatMul", value, self.weight(*shape)), self.weight(shape[1]))

    def norm(self, value, width):
        return self.add("LayerNormalization", value, self.weight(width), self.weight(width), axis=-1)

    def gelu(self, value):
        erf = self.add("Erf", self.add("Div", value, self.constant(2 ** 0.5, np.float32)))
        product = self.add("Mul", value, self.add("Add", erf, self.constant(1, np.float32)))
        return self.add("Mul", product, self.constant(0.5, np.float32))

    def write(self, name, feeds, opset=17, **outputs):
        for output, value in outputs.items():
            if value[0] != output:
                self.nodes.append(helper.make_node("Identity", [value[0]], [output]))
        graph = helper.make_graph(
            self.nodes, name, self.inputs,
            [helper.make_tensor_value_info(o, v[1], v[2]) for o, v in outputs.items()],
            self.constants)
        model = helper.make_model(
            graph, ir_version=8, producer_name="strongroom",
            opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)])
        onnx.checker.check_model(model)
        session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        session.run(None, feeds)
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / f"{name}.onnx").write_bytes(model.SerializeToString())


def floats(*shape):
    return random.standard_normal(shape).astype(np.float32)


def torch_mlp():
    graph = Graph(x=(T.FLOAT, ["batch", 6]))
    value = "x"
    for wide, narrow in ((6, 8), (8, 8)):
        value = graph.add("Gemm", value, graph.weight(narrow, wide), graph.weight(narrow), transB=1)
        value = graph.add("Tanh", graph.add("Relu", value))
    value = graph.add("Gemm", value, graph.weight(3, 8), graph.weight(3), transB=1)
    value = graph.add("Softmax", value, axis=1)
    graph.write("torch_mlp", {"x": floats(2, 6)}, y=(value, T.FLOAT, ["batch", 3]))


def torch_cnn(name, flatten):
    graph = Graph(x=(T.FLOAT, ["batch", 1, 12, 12]))
    value = "x"
    for inner, outer in ((1, 4), (4, 6)):
        kernel = graph.weight(outer, inner, 3, 3)
        value = graph.add("Conv", value, kernel, graph.weight(outer), kernel_shape=[3, 3],
                          pads=[1, 1, 1, 1], strides=[1, 1], dilations=[1, 1], group=1)
        value = graph.add("BatchNormalization", value, graph.weight(outer), graph.weight(outer),
                          graph.weight(outer), graph.constant(np.ones(outer), np.float32))
        value = graph.add("MaxPool", graph.add("Relu", value), kernel_shape=[2, 2], strides=[2, 2])
    value = flatten(graph, value)
    value = graph.add("Gemm", value, graph.weight(5, 54), graph.weight(5), transB=1)
    graph.write(name, {"x": floats(2, 1, 12, 12)}, y=(value, T.FLOAT, ["batch", 5]))


def torch_resnet_block():
    graph = Graph(x=(T.FLOAT, ["batch", 4, "height", "width"]))
    value = graph.add("Conv", "x", graph.weight(4, 4, 3, 3), pads=[1, 1, 1, 1])
    value = graph.add("Conv", graph.add("Relu", value), graph.weight(4, 4, 3, 3), pads=[1, 1, 1, 1])
    value = graph.add("GlobalAveragePool", graph.add("Relu", graph.add("Add", value, "x")))
    value = graph.add("Gemm", graph.add("Flatten", value, axis=1), graph.weight(3, 4), transB=1)
    graph.write("torch_resnet_block", {"x": floats(2, 4, 5, 7)}, y=(value, T.FLOAT, ["batch", 3]))


def torch_lstm():
    """nn.LSTM(batch_first=True) with states of zeros, and its last step."""
    graph = Graph(x=(T.FLOAT, ["batch", 7, 3]))
    zeros = []
    for _ in range(2):
        shape = graph.sizes(2, graph.size("x", 0), 4)
        value = helper.make_tensor("value", T.FLOAT, [1], [0])
        zeros.append(graph.add("ConstantOfShape", shape, value=value))
    steps = graph.add("Transpose", "x", perm=[1, 0, 2])
    states = graph.add("LSTM", steps, graph.weight(2, 16, 3), graph.weight(2, 16, 4),
                       graph.weight(2, 32), "", *zeros, hidden_size=4, direction="bidirectional",
                       outputs=["states", "h", "c"])
    states = graph.add("Transpose", states, perm=[0, 2, 1, 3])
    states = graph.add("Reshape", states, graph.constant([0, 0, -1]))
    rows = graph.add("Transpose", states, perm=[1, 0, 2])
    last = graph.add("Gather", rows, graph.constant(-1), axis=1)
    value = graph.add("Gemm", last, graph.weight(2, 8), graph.weight(2), transB=1)
    graph.write("torch_lstm", {"x": floats(2, 7, 3)}, y=(value, T.FLOAT, ["batch", 2]))


def heads(graph, value, rows, columns, heads=2):
    value = graph.view(graph.linear(value, 8, 8), rows, columns, heads, 4)
    return graph.add("Transpose", value, perm=[0, 2, 1, 3])


def torch_bert():
    """An encoder layer with embeddings, a mask and free lengths, and a pooled answer."""
    graph = Graph(input_ids=(T.INT64, ["batch", "sequence"]),
                  attention_mask=(T.INT64, ["batch", "sequence"]))
    rows, columns = graph.size("input_ids", 0), graph.size("input_ids", 1)
    end = graph.add("Unsqueeze", columns, graph.constant([0]))
    places = graph.add("Slice", graph.constant([list(range(32))]), graph.constant([0]), end,
                       graph.constant([1]))
    types = graph.expand(graph.add("Slice", graph.constant([[0] * 32]), graph.constant([0]), end,
                                   graph.constant([1])), rows, columns)
    value = graph.add("Gather", graph.weight(20, 8), "input_ids")
    value = graph.add("Add", value, graph.add("Gather", graph.weight(2, 8), types))
    value = graph.add("Add", value, graph.add("Gather", graph.weight(32, 8), places))
    value = graph.norm(value, 8)
    mask = graph.add("Unsqueeze", "attention_mask", graph.constant([1]))
    mask = graph.add("Cast", graph.add("Unsqueeze", mask, graph.constant([2])), to=T.FLOAT)
    mask = graph.add("Mul", graph.add("Sub", graph.constant(1, np.float32), mask),
                     graph.constant(-1e4, np.float32))
    query, key, content = (heads(graph, value, rows, columns) for _ in range(3))
    scores = graph.add("MatMul", query, graph.add("Transpose", key, perm=[0, 1, 3, 2]))
    scores = graph.add("Add", graph.add("Div", scores, graph.constant(2, np.float32)), mask)
    mixed = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), content)
    mixed = graph.view(graph.add("Transpose", mixed, perm=[0, 2, 1, 3]), rows, columns, 8)
    value = graph.norm(graph.add("Add", graph.linear(mixed, 8, 8), value), 8)
    inner = graph.linear(graph.gelu(graph.linear(value, 8, 16)), 16, 8)
    value = graph.norm(graph.add("Add", inner, value), 8)
    first = graph.add("Gather", value, graph.constant(0), axis=1)
    value = graph.add("Gemm", graph.add("Tanh", first), graph.weight(2, 8), transB=1)
    graph.write(
        "torch_bert",
        {"input_ids": random.integers(0, 20, (2, 5)), "attention_mask": np.ones((2, 5), np.int64)},
        y=(value, T.FLOAT, ["batch", 2]))


def torch_attention():
    """nn.MultiheadAttention: time first, batch and heads folded into one dimension."""
    graph = Graph(x=(T.FLOAT, ["batch", 6, 8]))
    steps = graph.add("Transpose", "x", perm=[1, 0, 2])
    rows = graph.size(steps, 1)
    folded = graph.add("Mul", rows, graph.constant(2))
    parts = []
    for _ in range(3):
        part = graph.view(graph.linear(steps, 8, 8), 6, folded, 4)
        parts.append(graph.add("Transpose", part, perm=[1, 0, 2]))
    query, key, content = parts
    scores = graph.add("MatMul", graph.add("Mul", query, graph.constant(0.5, np.float32)),
                       graph.add("Transpose", key, perm=[0, 2, 1]))
    mixed = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), content)
    mixed = graph.view(graph.add("Transpose", mixed, perm=[1, 0, 2]),
                       graph.add("Mul", rows, graph.constant(6)), 8)
    mixed = graph.add("Gemm", mixed, graph.weight(8, 8), graph.weight(8), transB=1)
    value = graph.add("Transpose", graph.view(mixed, 6, rows, 8), perm=[1, 0, 2])
    graph.write("torch_attention", {"x": floats(2, 6, 8)}, y=(value, T.FLOAT, ["batch", 6, 8]))


def torch_vit():
    """Patches, a class token that is expanded to every row, and an encoder's input."""
    graph = Graph(x=(T.FLOAT, ["batch", 3, 8, 8]))
    value = graph.add("Conv", "x", graph.weight(8, 3, 4, 4), graph.weight(8), strides=[4, 4])
    shape = graph.add("Slice", graph.add("Shape", value), graph.constant([0]), graph.constant([2]))
    value = graph.add("Reshape", value, graph.add("Concat", shape, graph.constant([-1]), axis=0))
    value = graph.add("Transpose", value, perm=[0, 2, 1])
    token = graph.expand(graph.weight(1, 1, 8), graph.size(value, 0), -1, -1)
    value = graph.add("Add", graph.add("Concat", token, value, axis=1), graph.weight(1, 5, 8))
    value = graph.add("Gather", graph.norm(value, 8), graph.constant(0), axis=1)
    value = graph.add("Gemm", value, graph.weight(2, 8), transB=1)
    graph.write("torch_vit", {"x": floats(2, 3, 8, 8)}, y=(value, T.FLOAT, ["batch", 2]))


def torch_norm():
    """A feed-forward block whose normalisation is written in single nodes, as before opset 17."""
    graph = Graph(x=(T.FLOAT, ["batch", 3, 7]))
    value = graph.add("Add", graph.linear(graph.gelu(graph.linear("x", 7, 9)), 9, 7), "x")
    centred = graph.add("Sub", value, graph.add("ReduceMean", value, axes=[-1]))
    square = graph.add("Pow", centred, graph.constant(2, np.float32))
    variance = graph.add("Add", graph.add("ReduceMean", square, axes=[-1]),
                         graph.constant(1e-5, np.float32))
    value = graph.add("Div", centred, graph.add("Sqrt", variance))
    value = graph.add("Add", graph.add("Mul", value, graph.weight(7)), graph.weight(7))
    graph.write("torch_norm", {"x": floats(2, 3, 7)}, opset=13, y=(value, T.FLOAT, ["batch", 3, 7]))


def torch_recommender():
    """Tables of embeddings for columns of numbers, beside columns of floats."""
    graph = Graph(ids=(T.INT64, ["batch", 3]), x=(T.FLOAT, ["batch", 4]))
    parts = []
    for column in range(3):
        ids = graph.add("Gather", "ids", graph.constant(column), axis=1)
        parts.append(graph.add("Gather", graph.weight(10, 4), ids))
    value = graph.add("Concat", *parts, "x", axis=1)
    value = graph.add("Sigmoid", graph.linear(value, 16, 1))
    value = graph.add("Squeeze", value, graph.constant([1]))
    graph.write("torch_recommender",
                {"ids": random.integers(0, 10, (2, 3)), "x": floats(2, 4)},
                y=(value, T.FLOAT, ["batch"]))


def keras_cnn():
    """NHWC images, and a Flatten of which tf2onnx makes arithmetic on the shape."""
    graph = Graph(x=(T.FLOAT, ["unk__1", 8, 8, 2]))
    value = graph.add("Transpose", "x", perm=[0, 3, 1, 2])
    value = graph.add("Conv", value, graph.weight(4, 2, 3, 3), graph.weight(4), auto_pad="SAME_UPPER")
    value = graph.add("MaxPool", graph.add("Relu", value), kernel_shape=[2, 2], strides=[2, 2],
                      auto_pad="VALID")
    value = graph.add("Transpose", value, perm=[0, 2, 3, 1])
    value = graph.add("Reshape", value, graph.constant([-1, 64]))
    value = graph.add("Softmax", graph.linear(value, 64, 3), axis=-1)
    graph.write("keras_cnn", {"x": floats(2, 8, 8, 2)}, y=(value, T.FLOAT, ["unk__1", 3]))


def keras_gru():
    graph = Graph(x=(T.FLOAT, ["unk__1", 6, 3]))
    shape = graph.add("Cast", graph.add("Shape", "x"), to=T.INT32)
    rows = graph.add("Slice", graph.add("Cast", shape, to=T.INT64), graph.constant([0]),
                     graph.constant([1]), graph.constant([0]))
    state = graph.add("Expand", graph.constant([[0] * 4], np.float32),
                      graph.add("Concat", rows, graph.constant([4]), axis=0))
    state = graph.add("Unsqueeze", state, graph.constant([0]))
    steps = graph.add("Transpose", "x", perm=[1, 0, 2])
    last = graph.add("GRU", steps, graph.weight(1, 12, 3), graph.weight(1, 12, 4),
                     graph.weight(1, 24), "", state, hidden_size=4, linear_before_reset=1,
                     outputs=["", "last"])
    value = graph.linear(graph.add("Squeeze", last, graph.constant([0])), 4, 2)
    graph.write("keras_gru", {"x": floats(2, 6, 3)}, y=(value, T.FLOAT, ["unk__1", 2]))


def labels(graph, scores, names):
    """How skl2onnx looks up the name of the best class."""
    best = graph.add("ArgMax", scores, axis=1)
    name = graph.ml("ArrayFeatureExtractor", graph.constant(names), best)
    name = graph.add("Cast", graph.add("Cast", name, to=T.INT32), to=T.INT64)
    return graph.add("Reshape", name, graph.constant([-1]))


def sklearn_logistic():
    """A pipeline of StandardScaler and LogisticRegression, without ZipMap."""
    graph = Graph(X=(T.FLOAT, [None, 4]))
    scaled = graph.ml("Scaler", "X", offset=[0.1] * 4, scale=[2.0] * 4)
    raw = graph.ml("LinearClassifier", scaled, outputs=["label", "raw"], classlabels_ints=[0, 1, 2],
                   coefficients=random.standard_normal(12).tolist(), intercepts=[0.1, 0.2, 0.3],
                   multi_class=1, post_transform="LOGISTIC")
    normal = graph.ml("Normalizer", "raw", norm="L1")
    graph.write("sklearn_logistic", {"X": floats(2, 4)}, label=(raw, T.INT64, [None]),
                probabilities=(normal, T.FLOAT, [None, 3]))


def sklearn_columns():
    """A ColumnTransformer of numbers and categories, and a classifier of one layer."""
    graph = Graph(age=(T.FLOAT, [None, 1]), city=(T.STRING, [None, 1]))
    age = graph.ml("Imputer", "age", imputed_value_floats=[40.0], replaced_value_float=float("nan"))
    city = graph.ml("OneHotEncoder", "city", cats_strings=["a", "b", "c"], zeros=1)
    city = graph.add("Reshape", city, graph.constant([-1, 3]))
    value = graph.add("Concat", age, city, axis=1)
    scores = graph.add("Add", graph.add("MatMul", value, graph.weight(4, 3)), graph.weight(3))
    scores = graph.add("Softmax", scores, axis=1)
    graph.write("sklearn_columns",
                {"age": floats(2, 1), "city": np.array([["a"], ["z"]], object)},
                label=(labels(graph, scores, [10, 20, 30]), T.INT64, [None]),
                probabilities=(scores, T.FLOAT, [None, 3]))


def trees(**leaves):
    """Three trees of one branch each, as attributes."""
    nodes = {f"nodes_{key}": [] for key in (
        "treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids")}
    for tree in range(3):
        rows = [(0, tree, "BRANCH_LEQ", 0.1 * tree, 1, 2), (1, 0, "LEAF", 0.0, 0, 0),
                (2, 0, "LEAF", 0.0, 0, 0)]
        for row in rows:
            for key, value in zip(nodes, (tree, *row)):
                nodes[key].append(value)
    count = len(leaves["ids"])
    return nodes | {
        leaves["prefix"] + "_treeids": [t for t in range(3) for _ in range(2 * count)],
        leaves["prefix"] + "_nodeids": [n for _ in range(3) for n in (1, 2) for _ in range(count)],
        leaves["prefix"] + "_ids": leaves["ids"] * 6,
        leaves["prefix"] + "_weights": random.standard_normal(6 * count).tolist(),
    }


def sklearn_forest():
    graph = Graph(X=(T.FLOAT, [None, 4]))
    label = graph.ml("TreeEnsembleClassifier", "X", outputs=["label", "probabilities"],
                     classlabels_int64s=[0, 1, 2], post_transform="NONE",
                     **trees(prefix="class", ids=[0, 1, 2]))
    graph.write("sklearn_forest", {"X": floats(2, 4)}, label=(label, T.INT64, [None]),
                probabilities=("probabilities", T.FLOAT, [None, 3]))


def lightgbm():
    """A binary LGBMClassifier: a sum over trees, the logistic function, both probabilities."""
    graph = Graph(input=(T.FLOAT, [None, 4]))
    raw = graph.ml("TreeEnsembleRegressor", "input", n_targets=1, post_transform="LOGISTIC",
                   **trees(prefix="target", ids=[0]))
    negative = graph.add("Sub", graph.constant(1, np.float32), raw)
    both = graph.add("Concat", negative, raw, axis=1)
    best = graph.add("ArgMax", both, axis=1, keepdims=0)
    graph.write("lightgbm", {"input": floats(2, 4)},
                label=(best, T.INT64, [None]), probabilities=(both, T.FLOAT, [None, 2]))


def window():
    """Words of a text, padded to four and cut to four: no row sees how long the others are."""
    graph = Graph(text=(T.STRING, ["batch"]))
    words = graph.add("StringSplit", "text", outputs=["words", "count"])
    numbers = graph.ml("LabelEncoder", words, keys_strings=["", "good", "bad"],
                       values_int64s=[0, 2, 3], default_int64=1)
    numbers = graph.add("Pad", numbers, graph.constant([0, 0, 0, 4]))
    numbers = graph.add("Slice", numbers, graph.constant([0]), graph.constant([4]),
                        graph.constant([1]))
    value = graph.add("Gather", graph.weight(4, 3), numbers)
    value = graph.add("Flatten", value)
    value = graph.add("Gemm", value, graph.weight(2, 12), transB=1)
    graph.write("text_window", {"text": np.array(["good", "not so bad at all"], object)}, opset=20,
                y=(value, T.FLOAT, ["batch", 2]))


if __name__ == "__main__":
    torch_mlp()
    torch_cnn("torch_cnn_flatten", lambda graph, value: graph.add("Flatten", value, axis=1))
    torch_cnn("torch_cnn_view", lambda graph, value: graph.view(value, -1, 54))
    torch_cnn("torch_cnn_size",
              lambda graph, value: graph.view(value, graph.size(value, 0), -1))
    torch_resnet_block()
    torch_lstm()
    torch_bert()
    torch_attention()
    torch_vit()
    torch_recommender()
    torch_norm()
    keras_cnn()
    keras_gru()
    sklearn_logistic()
    sklearn_columns()
    sklearn_forest()
    lightgbm()
    window()
