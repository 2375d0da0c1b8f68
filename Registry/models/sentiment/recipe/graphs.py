"""The ONNX graphs: words out of raw text, and the two trained networks behind them."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

WINDOW = 256  # words of a text that are read
PADDING, UNKNOWN = 0, 1  # the first two of the vocabulary's numbers

LABELS = ["negative", "neutral", "positive"]


class Graph:
    """Nodes and constants in the order they were added; every value gets a name of its own."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, value, dtype=np.int64):
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def weight(self, tensor):
        return self.constant(tensor.detach().numpy(), np.float32)

    def add(self, operator, *inputs, output=None, domain="", **attributes):
        output = output or f"{operator}_{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(operator, inputs, [output], domain=domain, **attributes)
        )
        return output

    def model(self, **outputs):
        """The model's bytes; `outputs` gives each output's element type and shape."""
        graph = helper.make_graph(
            self.nodes,
            "sentiment",
            [helper.make_tensor_value_info("text", TensorProto.STRING, ["rows"])],
            [helper.make_tensor_value_info(name, *info) for name, info in outputs.items()],
            self.constants,
        )
        opsets = {"": 17, "ai.onnx.ml": 2, "com.microsoft": 1}
        model = helper.make_model(
            graph,
            ir_version=8,
            opset_imports=[helper.make_opsetid(*opset) for opset in opsets.items()],
        )
        onnx.checker.check_model(model)
        return model.SerializeToString()

    def words(self):
        """The words of each text, lower case; short rows end in empty strings."""
        # The default locale, en_US.UTF-8, is often not installed.
        lower = self.add("StringNormalizer", "text", case_change_action="LOWER", locale="C.UTF-8")
        return self.add(
            "Tokenizer",
            lower,
            domain="com.microsoft",
            tokenexp=r"[\pL\pN]+(?:'\pL+)?|[!?]",
            pad_value="",
            mark=0,
            mincharnum=1,
        )

    def window(self, columns):
        start, end, axis = self.constant([0]), self.constant([WINDOW]), self.constant([1])
        return self.add("Slice", columns, start, end, axis)

    def numbers(self, vocabulary):
        """Each row's words as numbers, in columns that `window` cuts to WINDOW, and its length.

        The padding makes every row WINDOW columns wide, however long the other rows are: a row's
        answer then depends on no other row, which the server proves from the graph.
        An empty text counts as one word of padding: it has an answer, not a division by zero.
        """
        numbers = self.add(
            "LabelEncoder",
            self.window(self.words()),
            domain="ai.onnx.ml",
            keys_strings=["", *vocabulary],
            values_int64s=[PADDING, *range(2, 2 + len(vocabulary))],
            default_int64=UNKNOWN,
        )
        count = self.add("ReduceSum", self.add("Sign", numbers), self.constant([1]), keepdims=0)
        length = self.add("Max", count, self.constant(1))
        return self.add("Pad", numbers, self.constant([0, 0, 0, WINDOW])), length

    def linear(self, value, layer):
        weight, bias = self.weight(layer.weight), self.weight(layer.bias)
        return self.add("Gemm", value, weight, bias, transB=1)

    def answer(self, logits, neutral):
        """Label and probability of positive; `neutral` is the band that takes no side."""
        both = self.add("Softmax", logits, axis=1)
        positive = self.add("Gather", both, self.constant(1), output="positive_probability", axis=1)
        passed = [
            self.add(
                "Cast",
                self.add("GreaterOrEqual", positive, self.constant(bound, np.float32)),
                to=TensorProto.INT64,
            )
            for bound in neutral
        ]
        self.add(
            "LabelEncoder",
            self.add("Add", *passed),
            output="label",
            domain="ai.onnx.ml",
            keys_int64s=range(len(LABELS)),
            values_strings=LABELS,
        )
        return self.model(
            label=(TensorProto.STRING, ["rows"]),
            positive_probability=(TensorProto.FLOAT, ["rows"]),
        )


def tokenizer():
    graph = Graph()
    graph.add("Identity", graph.words(), output="words")
    return graph.model(words=(TensorProto.STRING, ["rows", None]))


def mean(network, vocabulary, neutral):
    graph = Graph()
    numbers, length = graph.numbers(vocabulary)
    # Always WINDOW columns, and a product with ones in place of ReduceSum: the order in which
    # the runtime sums, so a row's last bits, then depends on no other row.
    table = graph.weight(network.embedding.weight)
    embedded = graph.add("Gather", table, graph.window(numbers))
    total = graph.add("MatMul", graph.constant(np.ones((1, WINDOW)), np.float32), embedded)
    axis = graph.constant([1])
    divisor = graph.add("Unsqueeze", graph.add("Cast", length, to=TensorProto.FLOAT), axis)
    average = graph.add("Div", graph.add("Squeeze", total, axis), divisor)
    hidden = graph.add("Relu", graph.linear(average, network.hidden))
    return graph.answer(graph.linear(hidden, network.output), neutral)


def recurrent(network, vocabulary, neutral):
    graph = Graph()
    numbers, length = graph.numbers(vocabulary)
    steps = graph.add("Transpose", graph.window(numbers), perm=[1, 0])
    embedded = graph.add("Gather", graph.weight(network.embedding.weight), steps)
    size = network.ahead.hidden_size
    states = graph.add(
        "LSTM",
        embedded,
        *lstm_weights(graph, network.ahead, network.back),
        graph.add("Cast", length, to=TensorProto.INT32),
        direction="bidirectional",
        hidden_size=size,
    )
    # The strongest state over a row's own words: padding is below anything a state can be.
    last = graph.add("Squeeze", graph.add("Shape", steps, start=0, end=1))
    step = graph.add("Range", graph.constant(0), last, graph.constant(1))
    within = graph.add("Less", graph.add("Unsqueeze", step, graph.constant([1])), length)
    within = graph.add("Unsqueeze", within, graph.constant([1, 3]))
    masked = graph.add("Where", within, states, graph.constant(-2, np.float32))
    strongest = graph.add("ReduceMax", masked, axes=[0], keepdims=0)
    rows = graph.add("Transpose", strongest, perm=[1, 0, 2])
    features = graph.add("Reshape", rows, graph.constant([0, 2 * size]))
    return graph.answer(graph.linear(features, network.output), neutral)


def lstm_weights(graph, *directions):
    """Weights, recurrent weights and biases: PyTorch's gates i f g o in ONNX's order, i o f g."""

    def gates(tensor):
        i, f, g, o = tensor.detach().numpy().reshape(4, -1, *tensor.shape[1:])
        return np.concatenate([i, o, f, g])

    return (
        graph.constant([gates(d.weight_ih_l0) for d in directions], np.float32),
        graph.constant([gates(d.weight_hh_l0) for d in directions], np.float32),
        graph.constant(
            [np.concatenate([gates(d.bias_ih_l0), gates(d.bias_hh_l0)]) for d in directions],
            np.float32,
        ),
    )


def session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(session, texts, rows=64):
    """Every output of the session over all texts, a few rows at a time."""
    for start in range(0, len(texts), rows):
        yield session.run(None, {"text": np.array(texts[start : start + rows], object)})
