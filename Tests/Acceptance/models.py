"""ONNX models that the tests publish, and what ONNX Runtime's own Python answers to them."""

import io
import json

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

IR_VERSION = 10
OPSET = 21
WIDTHS = (4, 8, 3)  # of the small MLP
ONNX_TYPES = {
    "BOOL": TensorProto.BOOL, "UINT8": TensorProto.UINT8, "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32, "UINT64": TensorProto.UINT64, "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16, "INT32": TensorProto.INT32, "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16, "FP32": TensorProto.FLOAT, "FP64": TensorProto.DOUBLE,
    "BYTES": TensorProto.STRING, "BF16": TensorProto.BFLOAT16}


def save(nodes, inputs, outputs, initializers=(), ir_version=IR_VERSION, opset=OPSET, domains=None,
         functions=()):
    """The bytes of a model; `inputs` and `outputs`: {name: (datatype, shape)}, None: any size.
    `domains`: {name: opset} of further domains."""
    def infos(specs):
        return [helper.make_tensor_value_info(name, ONNX_TYPES[datatype], shape)
                for name, (datatype, shape) in specs.items()]

    graph = helper.make_graph(
        nodes, "graph", infos(inputs), infos(outputs), initializer=list(initializers))
    opsets = [helper.make_opsetid(*pair) for pair in {"": opset, **(domains or {})}.items()]
    model = helper.make_model(graph, opset_imports=opsets, functions=list(functions))
    model.ir_version = ir_version
    return model.SerializeToString()


def mlp(seed, widths=WIDTHS):
    """Dense layers with ReLU between them: x [N, first width] to y [N, last width]."""
    random = numpy.random.default_rng(seed)
    nodes, initializers, value = [], [], "x"
    for layer, (rows, columns) in enumerate(zip(widths, widths[1:])):
        for name, shape in (("w", (rows, columns)), ("b", (columns,))):
            array = random.standard_normal(shape).astype("f4")
            initializers.append(numpy_helper.from_array(array, f"{name}{layer}"))
        last = layer == len(widths) - 2
        made = "y" if last else f"dense{layer}"
        nodes.append(helper.make_node("Gemm", [value, f"w{layer}", f"b{layer}"], [made]))
        value = made
        if not last:
            value = f"relu{layer}"
            nodes.append(helper.make_node("Relu", [made], [value]))
    return save(nodes, {"x": ("FP32", [None, widths[0]])}, {"y": ("FP32", [None, widths[-1]])},
                initializers)


def rows(seed, count=1, width=WIDTHS[0]):
    """Input rows for an MLP."""
    return numpy.random.default_rng(seed).standard_normal((count, width)).astype("f4")


def identity(datatype, rank):
    """y = x, of any shape with that many dimensions."""
    shape = [None] * rank
    return save([helper.make_node("Identity", ["x"], ["y"])],
                {"x": (datatype, shape)}, {"y": (datatype, shape)})


def bfloat16(operator, as_floats):
    """y = x `operator` x in BF16. With `as_floats` the ends are FP32, for the Python binding, which
    knows no BF16: both conversions are exact for what a BF16 can hold."""
    cast = {kind: {"to": ONNX_TYPES[kind]} for kind in ("FP32", "BF16")}
    nodes = [helper.make_node("Cast", ["x"], ["wide"], **cast["FP32"]),
             helper.make_node(operator, ["wide", "wide"], ["result"]),
             helper.make_node("Cast", ["result"], ["narrow" if as_floats else "y"], **cast["BF16"])]
    if as_floats:
        nodes.append(helper.make_node("Cast", ["narrow"], ["y"], **cast["FP32"]))
    ends = ("FP32" if as_floats else "BF16", [None])
    return save(nodes, {"x": ends}, {"y": ends})


def unary(datatype, operator, rank=1, **attributes):
    """y = operator(x)."""
    return save([helper.make_node(operator, ["x"], ["y"], **attributes)],
                {"x": (datatype, [None] * rank)}, {"y": (datatype, [None] * rank)})


def binary(datatype, operator, constant, rank=1):
    """y = operator(x, constant)."""
    return save([helper.make_node(operator, ["x", "c"], ["y"])],
                {"x": (datatype, [None] * rank)}, {"y": (datatype, [None] * rank)},
                [numpy_helper.from_array(constant, "c")])


def gather(table):
    """y = table[x]."""
    return save([helper.make_node("Gather", ["table", "x"], ["y"])],
                {"x": ("INT64", [None])}, {"y": ("INT64", [None])},
                [numpy_helper.from_array(table, "table")])


def quantised(seed, widths=WIDTHS):
    """A layer whose inputs are quantised by the largest value of the whole tensor."""
    random = numpy.random.default_rng(seed)
    weights = random.integers(-127, 127, widths[:2]).astype("i1")
    nodes = [helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]),
             helper.make_node("MatMulInteger", ["q", "w", "zero"], ["sum"]),
             helper.make_node("Cast", ["sum"], ["real"], to=TensorProto.FLOAT),
             helper.make_node("Mul", ["real", "scale"], ["y"])]
    return save(nodes, {"x": ("FP32", [None, widths[0]])}, {"y": ("FP32", [None, widths[1]])},
                [numpy_helper.from_array(weights, "w")])


def running_sum(width=WIDTHS[0]):
    """A model whose first dimension is time: each row adds to the ones before it."""
    return save([helper.make_node("CumSum", ["x", "axis"], ["y"])],
                {"x": ("FP32", [None, width])}, {"y": ("FP32", [None, width])},
                [numpy_helper.from_array(numpy.array(0, "i8"), "axis")])


def batch_normalised(width=WIDTHS[0]):
    """A model that takes the mean of the whole batch away."""
    nodes = [helper.make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=1),
             helper.make_node("Sub", ["x", "mean"], ["y"])]
    return save(nodes, {"x": ("FP32", [None, width])}, {"y": ("FP32", [None, width])},
                [numpy_helper.from_array(numpy.array([0], "i8"), "axes")])


def activated(operator, width=WIDTHS[0], columns=3):
    """A layer and an activation that the runtime computes with vector instructions for most
    elements and without for the rest."""
    weight = numpy.random.default_rng(5).standard_normal((width, columns)).astype("f4")
    return save([helper.make_node("MatMul", ["x", "w"], ["m"]),
                 helper.make_node(operator, ["m"], ["y"])],
                {"x": ("FP32", [None, width])}, {"y": ("FP32", [None, columns])},
                [numpy_helper.from_array(weight, "w")])


def detector(width=WIDTHS[0]):
    """As many rows as numbers above 0, whatever the number of input rows is."""
    constants = {"flat": numpy.array([-1], "i8"), "zero": numpy.array(0, "f4")}
    return save([helper.make_node("Reshape", ["x", "flat"], ["f"]),
                 helper.make_node("Greater", ["f", "zero"], ["hit"]),
                 helper.make_node("Compress", ["f", "hit"], ["y"], axis=0)],
                {"x": ("FP32", [None, width])}, {"y": ("FP32", [None])},
                [numpy_helper.from_array(array, name) for name, array in constants.items()])


def split_texts():
    """As many columns as the longest text of the run has words."""
    return save([helper.make_node("StringSplit", ["x"], ["y", "count"], delimiter=" ")],
                {"x": ("BYTES", [None])},
                {"y": ("BYTES", [None, None]), "count": ("INT64", [None])})


def cut_to_the_longest():
    """x and a mask of its length: as many columns as the longest row of the run."""
    constants = {"one": numpy.array([1], "i8"), "zero": numpy.array([0], "i8")}
    return save([helper.make_node("ReduceSum", ["mask", "one"], ["lengths"], keepdims=0),
                 helper.make_node("ReduceMax", ["lengths"], ["longest"], keepdims=0),
                 helper.make_node("Unsqueeze", ["longest", "zero"], ["end"]),
                 helper.make_node("Slice", ["x", "zero", "end", "one"], ["cut"]),
                 helper.make_node("Slice", ["mask", "zero", "end", "one"], ["shown"]),
                 helper.make_node("Mul", ["cut", "shown"], ["y"])],
                {"x": ("INT64", [None, None]), "mask": ("INT64", [None, None])},
                {"y": ("INT64", [None, None])},
                [numpy_helper.from_array(array, name) for name, array in constants.items()])


def instance_normalised(shape=(1, 4, 32, 32)):
    """Sums with vector instructions, whose last bits depend on the address of the input."""
    return save([helper.make_node("InstanceNormalization", ["x", "scale", "bias"], ["y"])],
                {"x": ("FP32", list(shape))}, {"y": ("FP32", list(shape))},
                [numpy_helper.from_array(numpy.full(shape[1], value, "f4"), name)
                 for name, value in (("scale", 1), ("bias", 0))])


def noisy(width=WIDTHS[0]):
    """x and noise without a seed."""
    return save([helper.make_node("RandomNormalLike", ["x"], ["noise"], name="draw", scale=1e-3),
                 helper.make_node("Add", ["x", "noise"], ["y"])],
                {"x": ("FP32", [None, width])}, {"y": ("FP32", [None, width])})


def independent_unproved(width=WIDTHS[0]):
    """y = x + 0 * (the index of the batch's largest value): no graph analysis proves that rows do
    not depend on each other, but they do not."""
    return save([helper.make_node("ArgMax", ["x"], ["index"], name="largest", axis=0, keepdims=1),
                 helper.make_node("Mul", ["index", "zero"], ["nothing"]),
                 helper.make_node("Cast", ["nothing"], ["offset"], to=TensorProto.FLOAT),
                 helper.make_node("Add", ["x", "offset"], ["y"])],
                {"x": ("FP32", [None, width])}, {"y": ("FP32", [None, width])},
                [numpy_helper.from_array(numpy.array(0, "i8"), "zero")])


def pictures(channels=64):
    """A convolution and its largest values: pictures of any size."""
    kernel = numpy.ones((channels, 3, 3, 3), "f4")
    return save([helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
                 helper.make_node("GlobalMaxPool", ["c"], ["p"]),
                 helper.make_node("Reshape", ["p", "shape"], ["y"])],
                {"x": ("FP32", [None, 3, None, None])}, {"y": ("FP32", [None, channels])},
                [numpy_helper.from_array(kernel, "w"),
                 numpy_helper.from_array(numpy.array([-1, channels], "i8"), "shape")])


def counter(golden=3):
    """A bundle whose model counts to n in a loop: as slow as the caller likes. Its golden request
    counts to `golden`."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]),
         helper.make_node("Add", ["sum", "one"], ["next"])],
        "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []),
         helper.make_tensor_value_info("go", TensorProto.BOOL, []),
         helper.make_tensor_value_info("sum", TensorProto.INT64, [1])],
        [helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
         helper.make_tensor_value_info("next", TensorProto.INT64, [1])])
    constants = {"one": numpy.ones(1, "i8"), "zero": numpy.zeros(1, "i8"), "yes": numpy.array(True)}
    model = save(
        [helper.make_node("Squeeze", ["n"], ["trips"]),
         helper.make_node("Loop", ["trips", "yes", "zero"], ["y"], body=body)],
        {"n": ("INT64", [1])}, {"y": ("INT64", [1])},
        [numpy_helper.from_array(array, name) for name, array in constants.items()])
    tensor = {"datatype": "INT64", "shape": [1], "data": [golden]}
    return with_golden(model, [{"name": "n", **tensor}], [{"name": "y", **tensor}])


def tensors_json(tensors):
    """Tensors {name: array} as golden requests have them."""
    kinds = {"f": "FP32", "i": "INT64", "O": "BYTES", "b": "BOOL"}
    return [{"name": name, "datatype": kinds[array.dtype.kind], "shape": list(array.shape),
             "data": array.reshape(-1).tolist()} for name, array in tensors.items()]


def passing(model, inputs):
    """A bundle of a model with one golden request, what ONNX Runtime's Python answers to it."""
    outputs = Reference(model).run(**inputs)
    return with_golden(model, tensors_json(inputs), tensors_json(outputs))


def talkative():
    """A model whose regular expression is too large for RE2, which writes so on standard error
    for each match that it looks for: once for each character of an input."""
    node = helper.make_node("Tokenizer", ["x"], ["y"], domain="com.microsoft", mark=0, mincharnum=1,
                            pad_value="", tokenexp="(?:a?){1000}" * 10)
    return save([node], {"x": ("BYTES", [None])}, {"y": ("BYTES", [None, None])},
                domains={"com.microsoft": 1})


def with_golden(model, inputs, outputs):
    """A bundle of a model with one golden request, golden/0.json."""
    card = "format: 1\nengine: onnxruntime\nentry: model.onnx\ngolden: golden/*.json\n"
    return {"model.yaml": card.encode(), "model.onnx": model,
            "golden/0.json": json.dumps({"inputs": inputs, "outputs": outputs}).encode()}


def crashing(step):
    """A bundle whose model divides the least integer by -1, which ONNX Runtime does not look at:
    the processor ends the process. Where: "load", "warm-up", "golden" (request), or "run"."""
    least, minus_one = -2 ** 63, -1
    constants = {"least": [least], "minus_one": [minus_one], "one": [1]}
    nodes = {
        "load": [helper.make_node("Div", ["least", "minus_one"], ["q"]),
                 helper.make_node("Add", ["x", "q"], ["y"])],
        "warm-up": [helper.make_node("Sub", ["x", "one"], ["d"]),
                    helper.make_node("Div", ["least", "d"], ["y"])],
    }.get(step, [helper.make_node("Add", ["x", "one"], ["d"]),
                 helper.make_node("Div", ["least", "d"], ["y"])])
    model = save(nodes, {"x": ("INT64", [None])}, {"y": ("INT64", [None])},
                 [numpy_helper.from_array(numpy.array(values, "i8"), name)
                  for name, values in constants.items()])
    if step != "golden":
        return {"model.onnx": model}
    tensor = {"datatype": "INT64", "shape": [1]}
    return with_golden(model, [{"name": "x", **tensor, "data": [-2]}],
                       [{"name": "y", **tensor, "data": [0]}])


def cnn():
    """A small image classifier for pictures of any size from a few pixels on. ONNX Runtime's pooling
    of 16 channels divides by the size of its result: a picture of one pixel ends the process."""
    random = numpy.random.default_rng(9)
    weights = [numpy_helper.from_array((random.standard_normal((16, channels, 3, 3)) / 10)
                                       .astype("f4"), name)
               for name, channels in (("w0", 3), ("w1", 16))]
    nodes = [helper.make_node("Conv", ["x", "w0"], ["a"], pads=[1] * 4),
             helper.make_node("Relu", ["a"], ["b"]),
             helper.make_node("MaxPool", ["b"], ["c"], kernel_shape=[3, 3], strides=[2, 2]),
             helper.make_node("Conv", ["c", "w1"], ["d"], pads=[1] * 4),
             helper.make_node("GlobalAveragePool", ["d"], ["y"])]
    return save(nodes, {"x": ("FP32", [None, 3, None, None])},
                {"y": ("FP32", [None, 16, 1, 1])}, weights)


def endless():
    """A model whose loop never ends."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]),
         helper.make_node("Identity", ["value"], ["next"])],
        "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []),
         helper.make_tensor_value_info("go", TensorProto.BOOL, []),
         helper.make_tensor_value_info("value", TensorProto.FLOAT, [None])],
        [helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
         helper.make_tensor_value_info("next", TensorProto.FLOAT, [None])])
    return save([helper.make_node("Loop", ["", "yes", "x"], ["y"], body=body)],
                {"x": ("FP32", [None])}, {"y": ("FP32", [None])},
                [numpy_helper.from_array(numpy.array(True), "yes")])


def greedy(gigabytes):
    """A model of a few bytes that wants so much memory."""
    shape = numpy.array([gigabytes * 250, 1_000_000], "i8")
    return save([helper.make_node("ConstantOfShape", ["shape"], ["ones"],
                                  value=numpy_helper.from_array(numpy.ones(1, "f4"))),
                 helper.make_node("ReduceSum", ["ones"], ["sum"], keepdims=0),
                 helper.make_node("Add", ["x", "sum"], ["y"])],
                {"x": ("FP32", [None])}, {"y": ("FP32", [None])},
                [numpy_helper.from_array(shape, "shape")])


def weights(model):
    """The initializers of a model, as runs of bytes."""
    graph = onnx.load(io.BytesIO(model)).graph
    return [numpy_helper.to_array(tensor).tobytes() for tensor in graph.initializer]


class Reference:
    """ONNX Runtime's Python on a model's bytes, one thread as the server's default is."""

    def __init__(self, model):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])

    def run(self, **inputs):
        names = [output.name for output in self.session.get_outputs()]
        if any(numpy.asarray(values).dtype.kind in "OSU" for values in inputs.values()):
            return dict(zip(names, self.session.run(names, inputs)))
        own = {name: in_own_memory(values) for name, values in inputs.items()}
        results = self.session.run_with_ort_values(names, own)
        return {name: result.numpy() for name, result in zip(names, results)}


def in_own_memory(values):
    """A value in memory as the runtime allocates it, which sums with vector instructions depend on:
    the reference wherever answers are compared bit for bit."""
    values = numpy.asarray(values, order="C")
    if values.size == 0:
        return onnxruntime.OrtValue.ortvalue_from_numpy(values)
    own = onnxruntime.OrtValue.ortvalue_from_shape_and_type(values.shape, values.dtype.type)
    own.update_inplace(values)
    assert own.data_ptr() % 64 == 0
    return own


def spelled_inputs(names):
    """y = the first input less the second, of any number of elements."""
    return save([helper.make_node("Sub", names, ["y"])],
                {name: ("FP32", [None]) for name in names}, {"y": ("FP32", [None])})


def spelled_outputs(names):
    """The first output is x + 10, the second x - 10."""
    ten = numpy_helper.from_array(numpy.array([10], "f4"), "ten")
    nodes = [helper.make_node(operator, ["x", "ten"], [name])
             for operator, name in zip(("Add", "Sub"), names)]
    return save(nodes, {"x": ("FP32", [None])}, {name: ("FP32", [None]) for name in names}, [ten])


def copies(names):
    """For each input an output `copy of NAME`, of any number of elements."""
    nodes = [helper.make_node("Identity", [name], [f"copy of {name}"]) for name in names]
    return save(nodes, {name: ("FP32", [None]) for name in names},
                {f"copy of {name}": ("FP32", [None]) for name in names})
