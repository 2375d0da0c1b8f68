#!/usr/bin/env python3
"""Makes the models of Tests/Fixtures/models and what ONNX Runtime answers on them.

Needs onnx, onnxruntime and numpy; the files are committed, so the tests need none of them.

    make_models.py            writes Tests/Fixtures/models
    make_models.py --large F  writes F: an MLP 768-3072-768 of 19 MB, for measurements

NAME.onnx is a model; NAME.json lists runs of it:

    {"runs": [{"inputs": [TENSOR], "outputs": [TENSOR]}]}
    TENSOR: {"name", "type", "shape", "hex"}, hex being the elements in the wire's encoding
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T
from onnx import helper, numpy_helper

FOLDER = Path(__file__).parent / "models"
OPSET = [helper.make_opsetid("", 17)]

# Wire name: ONNX type, bytes of an element.
TYPES = {
    "BOOL": (T.BOOL, 1), "UINT8": (T.UINT8, 1), "UINT16": (T.UINT16, 2),
    "UINT32": (T.UINT32, 4), "UINT64": (T.UINT64, 8), "INT8": (T.INT8, 1),
    "INT16": (T.INT16, 2), "INT32": (T.INT32, 4), "INT64": (T.INT64, 8),
    "FP16": (T.FLOAT16, 2), "FP32": (T.FLOAT, 4), "FP64": (T.DOUBLE, 8),
    "BYTES": (T.STRING, None), "BF16": (T.BFLOAT16, 2),
}


def info(name, onnx_type, shape):
    return helper.make_tensor_value_info(name, onnx_type, shape)


def write(name, graph, opset=OPSET, functions=(), ir_version=8, check=True):
    model = helper.make_model(
        graph, opset_imports=opset, functions=list(functions), ir_version=ir_version,
        producer_name="strongroom")
    if check:
        onnx.checker.check_model(model)
    (FOLDER / f"{name}.onnx").write_bytes(model.SerializeToString())
    return model


def session(model):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return ort.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])


def encode(wire_type, value):
    value = np.asarray(value)
    if wire_type != "BYTES":
        return np.ascontiguousarray(value).tobytes()
    items = [v if isinstance(v, bytes) else str(v).encode() for v in value.reshape(-1)]
    return b"".join(struct.pack("<I", len(i)) + i for i in items)


def tensor(name, wire_type, value):
    return {"name": name, "type": wire_type, "shape": list(np.shape(value)),
            "hex": encode(wire_type, value).hex()}


def wire_type_of(value):
    names = {"bool": "BOOL", "float16": "FP16", "float32": "FP32", "float64": "FP64",
             "object": "BYTES"}
    return names.get(str(value.dtype), str(value.dtype).upper())


def write_runs(name, model, runs):
    """`runs`: dictionaries of input arrays."""
    runner = session(model)
    names = [o.name for o in runner.get_outputs()]
    out = []
    for inputs in runs:
        results = runner.run(names, inputs)
        out.append({
            "inputs": [tensor(n, wire_type_of(v), v) for n, v in inputs.items()],
            "outputs": [tensor(n, wire_type_of(v), v) for n, v in zip(names, results)],
        })
    (FOLDER / f"{name}.json").write_text(json.dumps({"runs": out}, indent=1) + "\n")


def mlp_graph(random, sizes):
    """x [-1, sizes[0]] to y [-1, sizes[-1]], with a ReLU between the layers."""
    nodes, weights, last = [], [], "x"
    for index, (before, after) in enumerate(zip(sizes, sizes[1:])):
        scale = np.float32(1 / np.sqrt(before))
        weight = random.standard_normal((before, after), dtype=np.float32) * scale
        bias = random.standard_normal(after, dtype=np.float32)
        weights += [numpy_helper.from_array(weight, f"w{index}"),
                    numpy_helper.from_array(bias, f"b{index}")]
        is_last = index == len(sizes) - 2
        output = "y" if is_last else f"h{index}"
        nodes.append(helper.make_node("Gemm", [last, f"w{index}", f"b{index}"], [output]))
        if not is_last:
            nodes.append(helper.make_node("Relu", [output], [f"r{index}"]))
            last = f"r{index}"
    return helper.make_graph(
        nodes, "mlp", [info("x", T.FLOAT, ["n", sizes[0]])],
        [info("y", T.FLOAT, ["n", sizes[-1]])], weights)


def make_mlps():
    for suffix, seed in (("a", 1), ("b", 2)):
        random = np.random.default_rng(seed)
        model = write(f"mlp_4_8_3_{suffix}", mlp_graph(random, [4, 8, 3]))
        inputs = np.random.default_rng(3)
        runs = [{"x": inputs.standard_normal((rows, 4), dtype=np.float32)}
                for rows in (1, 2, 8, 0)]
        write_runs(f"mlp_4_8_3_{suffix}", model, runs)


def make_types():
    """One Identity for each element type: in_fp32 to out_fp32, of any length."""
    nodes, inputs, outputs = [], [], []
    for name, (onnx_type, _) in TYPES.items():
        lower = name.lower()
        inputs.append(info(f"in_{lower}", onnx_type, ["n"]))
        outputs.append(info(f"out_{lower}", onnx_type, ["n"]))
        nodes.append(helper.make_node("Identity", [f"in_{lower}"], [f"out_{lower}"]))
    write("types", helper.make_graph(nodes, "types", inputs, outputs))


def make_arithmetic():
    """A computation for each type that the runtime computes in, so that a swapped or misread
    element shows: z = cast(x) concatenated with itself reversed."""
    casts = [n for n in TYPES if n not in ("BF16", "BYTES")]
    nodes, outputs = [], []
    for name in casts:
        nodes.append(helper.make_node("Cast", ["x"], [name.lower()], to=TYPES[name][0]))
        outputs.append(info(name.lower(), TYPES[name][0], ["n"]))
    model = write("casts", helper.make_graph(
        nodes, "casts", [info("x", T.INT64, ["n"])], outputs))
    write_runs("casts", model, [
        {"x": np.array([0, 1, 2, 100, 127], np.int64)}, {"x": np.array([], np.int64)}])
    # BF16 from and to FP32: rounding is the runtime's.
    model = write("bf16", helper.make_graph(
        [helper.make_node("Cast", ["x"], ["b"], to=T.BFLOAT16),
         helper.make_node("Cast", ["b"], ["y"], to=T.FLOAT)],
        "bf16", [info("x", T.FLOAT, ["n"])], [info("y", T.FLOAT, ["n"])]))
    write_runs("bf16", model, [{"x": np.array([0, 1.00390625, -3.14159, 1e30], np.float32)}])


def make_shapes():
    """Scalars, eight dimensions, two inputs and two outputs."""
    model = write("scalar", helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["sum"]),
         helper.make_node("Mul", ["a", "b"], ["product"])],
        "scalar", [info("a", T.FLOAT, []), info("b", T.FLOAT, [])],
        [info("sum", T.FLOAT, []), info("product", T.FLOAT, [])]))
    write_runs("scalar", model, [
        {"a": np.array(1.5, np.float32), "b": np.array(-0.25, np.float32)}])

    model = write("rank8", helper.make_graph(
        [helper.make_node("Transpose", ["x"], ["y"], perm=[7, 6, 5, 4, 3, 2, 1, 0])], "rank8",
        [info("x", T.INT32, ["a", 2, "c", 1, 2, 1, 2, "h"])],
        [info("y", T.INT32, ["h", 2, 1, 2, 1, "c", 2, "a"])]))
    shape = (3, 2, 2, 1, 2, 1, 2, 2)
    write_runs("rank8", model, [
        {"x": np.arange(np.prod(shape), dtype=np.int32).reshape(shape)},
        {"x": np.zeros((0, 2, 2, 1, 2, 1, 2, 2), np.int32)}])

    model = write("two", helper.make_graph(
        [helper.make_node("MatMul", ["left", "right"], ["product"]),
         helper.make_node("Shape", ["product"], ["size"])],
        "two", [info("left", T.FLOAT, ["m", "k"]), info("right", T.FLOAT, ["k", "n"])],
        [info("product", T.FLOAT, ["m", "n"]), info("size", T.INT64, [2])]))
    random = np.random.default_rng(4)
    write_runs("two", model, [
        {"left": random.standard_normal((2, 3), dtype=np.float32),
         "right": random.standard_normal((3, 5), dtype=np.float32)},
        {"right": random.standard_normal((1, 1), dtype=np.float32),
         "left": random.standard_normal((7, 1), dtype=np.float32)}])


def in_own_memory(value):
    """The value in memory as the runtime allocates it: the reference for equal bits."""
    own = ort.OrtValue.ortvalue_from_shape_and_type(value.shape, value.dtype.type)
    own.update_inplace(value)
    assert own.data_ptr() % 64 == 0
    return own


def make_sensitive():
    """Sums whose last bits depend on the address of the input: y3, y4 and y5 are normalised
    images of so many dimensions."""
    nodes, inputs, outputs, values = [], [], [], {}
    random = np.random.default_rng(11)
    for rank, shape in {3: [1, 2, 256], 4: [1, 2, 16, 16], 5: [1, 2, 8, 8, 4]}.items():
        nodes.append(helper.make_node(
            "InstanceNormalization", [f"x{rank}", "scale", "bias"], [f"y{rank}"]))
        inputs.append(info(f"x{rank}", T.FLOAT, shape))
        outputs.append(info(f"y{rank}", T.FLOAT, shape))
        values[f"x{rank}"] = random.standard_normal(shape, dtype=np.float32)
    model = write("sensitive", helper.make_graph(nodes, "sensitive", inputs, outputs, [
        numpy_helper.from_array(np.ones(2, np.float32), "scale"),
        numpy_helper.from_array(np.zeros(2, np.float32), "bias")]))
    runner, names = session(model), [output.name for output in outputs]
    own = {name: in_own_memory(value) for name, value in values.items()}
    results = [result.numpy() for result in runner.run_with_ort_values(names, own)]
    # Elsewhere each of them is different.
    memory = np.zeros(4096 + 64, np.uint8)
    start = -memory.ctypes.data % 64 + 4
    moved = {}
    for name, value in values.items():
        moved[name] = memory[start:start + value.nbytes].view(np.float32).reshape(value.shape)
        moved[name][...] = value
        for result, other, output in zip(results, runner.run(names, values | moved), names):
            assert output[1:] != name[1:] or result.tobytes() != other.tobytes(), name
        moved.clear()
    (FOLDER / "sensitive.json").write_text(json.dumps({"runs": [{
        "inputs": [tensor(n, "FP32", v) for n, v in values.items()],
        "outputs": [tensor(n, "FP32", v) for n, v in zip(names, results)],
    }]}, indent=1) + "\n")


def make_strings():
    """Strings through a graph that computes on them."""
    model = write("upper", helper.make_graph(
        [helper.make_node("StringNormalizer", ["x"], ["y"], case_change_action="UPPER",
                          locale="C.UTF-8")],
        "upper", [info("x", T.STRING, ["n"])], [info("y", T.STRING, ["n"])]))
    write_runs("upper", model, [{"x": np.array(["film", "", "a longer line of text"], object)}])


def make_special():
    """Graphs that give out memory which is not theirs alone, and what only a run can refuse."""
    constant = numpy_helper.from_array(np.arange(6, dtype=np.float32), "constant")
    write("lent", helper.make_graph(
        [helper.make_node("Neg", ["x"], ["negative"])], "lent",
        [info("x", T.FLOAT, ["n"])],
        [info("x", T.FLOAT, ["n"]), info("constant", T.FLOAT, [6]),
         info("negative", T.FLOAT, ["n"])], [constant]), check=False)
    table = numpy_helper.from_array(np.arange(8, dtype=np.float32).reshape(4, 2), "table")
    write("gather", helper.make_graph(
        [helper.make_node("Gather", ["table", "index"], ["row"])], "gather",
        [info("index", T.INT64, ["n"])], [info("row", T.FLOAT, ["n", 2])], [table]))
    # An initializer that is also listed as an input, as exporters before IR version 4 did.
    offset = numpy_helper.from_array(np.array([10], np.float32), "offset")
    for name, ir_version in (("old_ir", 3), ("overridable", 8)):
        model = write(name, helper.make_graph(
            [helper.make_node("Add", ["x", "offset"], ["y"])], name,
            [info("x", T.FLOAT, ["n"]), info("offset", T.FLOAT, [1])],
            [info("y", T.FLOAT, ["n"])], [offset]), ir_version=ir_version)
        write_runs(name, model, [{"x": np.array([1, 2], np.float32)}])
    # Runs for as long as it is let: a stop has to end it.
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["still"]),
         helper.make_node("MatMul", ["state", "state"], ["next"])], "body",
        [info("i", T.INT64, []), info("go", T.BOOL, []), info("state", T.FLOAT, [64, 64])],
        [info("still", T.BOOL, []), info("next", T.FLOAT, [64, 64])])
    write("endless", helper.make_graph(
        [helper.make_node("Loop", ["times", "", "state"], ["last"], body=body)], "endless",
        [info("times", T.INT64, []), info("state", T.FLOAT, [64, 64])],
        [info("last", T.FLOAT, [64, 64])]))


def make_refused():
    """What a load refuses, each for its reason."""
    sequence = helper.make_tensor_sequence_value_info("s", T.FLOAT, None)
    write("sequence", helper.make_graph(
        [helper.make_node("SequenceConstruct", ["x"], ["s"])], "sequence",
        [info("x", T.FLOAT, [1])], [sequence]))
    write("float8", helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "float8",
        [info("x", T.FLOAT8E4M3FN, [1])], [info("y", T.FLOAT8E4M3FN, [1])]),
        opset=[helper.make_opsetid("", 19)], ir_version=9)
    write("rank9", helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "rank9",
        [info("x", T.FLOAT, [1] * 9)], [info("y", T.FLOAT, [1] * 9)]))
    write("int4", helper.make_graph(
        [helper.make_node("Cast", ["x"], ["y"], to=T.FLOAT)], "int4",
        [info("x", T.INT4, [2])], [info("y", T.FLOAT, [2])]),
        opset=[helper.make_opsetid("", 21)], ir_version=10)
    probabilities = helper.make_value_info("p", helper.make_sequence_type_proto(
        helper.make_map_type_proto(T.INT64, helper.make_tensor_type_proto(T.FLOAT, []))))
    write("zip_map", helper.make_graph(
        [helper.make_node("ZipMap", ["x"], ["p"], name="zip", domain="ai.onnx.ml",
                          classlabels_int64s=[0, 1])],
        "zip_map", [info("x", T.FLOAT, ["n", 2])], [probabilities]),
        opset=OPSET + [helper.make_opsetid("ai.onnx.ml", 1)])
    maybe = helper.make_value_info("x", helper.make_optional_type_proto(
        helper.make_tensor_type_proto(T.FLOAT, [1])))
    write("optional", helper.make_graph(
        [helper.make_node("OptionalGetElement", ["x"], ["y"])], "optional",
        [maybe], [info("y", T.FLOAT, [1])]), opset=[helper.make_opsetid("", 18)])
    write("locale", helper.make_graph(
        [helper.make_node("StringNormalizer", ["s"], ["y"], case_change_action="LOWER",
                          locale="xx_YY")],
        "locale", [info("s", T.STRING, ["n"])], [info("y", T.STRING, ["n"])]))
    write("text", helper.make_graph(
        [helper.make_node("StringNormalizer", ["s"], ["y"], case_change_action="LOWER",
                          locale="en_US")],
        "text", [info("s", T.STRING, ["n"])], [info("y", T.STRING, ["n"])]))
    write("unknown_operator", helper.make_graph(
        [helper.make_node("Quux", ["x"], ["y"], domain="no.such.domain")], "unknown_operator",
        [info("x", T.FLOAT, [1])], [info("y", T.FLOAT, [1])]),
        opset=OPSET + [helper.make_opsetid("no.such.domain", 1)], check=False)
    write("bad_graph", helper.make_graph(
        [helper.make_node("Relu", ["nothing"], ["y"])], "bad_graph",
        [info("x", T.FLOAT, [1])], [info("y", T.FLOAT, [1])]), check=False)
    make_external("external", "/etc/passwd")
    make_external("outside", "./w.bin")


def make_described():
    """Inputs of any shape and with defaults."""
    model = write("no_shape", helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "no_shape",
        [info("x", T.FLOAT, None)], [info("y", T.FLOAT, None)]), check=False)
    write_runs("no_shape", model, [
        {"x": np.array(3, np.float32)}, {"x": np.float32([1, 2])}, {"x": np.ones((2, 1, 3), np.float32)}])
    # The default of a type that requests have, of one that they lack, and of too many dimensions.
    model = write("defaults", helper.make_graph(
        [helper.make_node("Mul", ["x", "scale"], ["m"]),
         helper.make_node("DequantizeLinear", ["packed", "one"], ["p"]),
         helper.make_node("Add", ["m", "p"], ["a"]),
         helper.make_node("Squeeze", ["deep"], ["d"]),
         helper.make_node("Add", ["a", "d"], ["y"])],
        "defaults",
        [info("scale", T.FLOAT, [1]), info("packed", T.INT4, [1]), info("deep", T.FLOAT, [1] * 9),
         info("x", T.FLOAT, ["n"])],
        [info("y", T.FLOAT, ["n"])],
        [numpy_helper.from_array(np.float32([2]), "scale"),
         helper.make_tensor("packed", T.INT4, [1], [3]),
         numpy_helper.from_array(np.ones([1] * 9, np.float32), "deep"),
         numpy_helper.from_array(np.float32(1), "one")]),
        opset=[helper.make_opsetid("", 21)], ir_version=10)
    write_runs("defaults", model, [
        {"x": np.float32([1, 2, 3])}, {"x": np.float32([1, 2, 3]), "scale": np.float32([5])}])


def external(name, location):
    """A tensor whose data is in another file."""
    result = T(name=name, data_type=T.FLOAT, dims=[1], data_location=T.EXTERNAL)
    result.external_data.add(key="location", value=location)
    return result


def make_external(prefix, location):
    """External data at a location, in every place that can hold a tensor."""
    x, y = info("x", T.FLOAT, [1]), info("y", T.FLOAT, [1])
    add = helper.make_node("Add", ["x", "w"], ["y"])
    write(f"{prefix}_initializer", helper.make_graph(
        [add], "g", [x], [y], [external("w", location)]), check=False)
    memory = external("w", "*/_ORT_MEM_ADDR_/*")
    if prefix == "external":
        write("external_memory", helper.make_graph([add], "g", [x], [y], [memory]), check=False)
    constant = helper.make_node("Constant", [], ["w"])
    constant.attribute.append(helper.make_attribute("value", external("in attribute", location)))
    write(f"{prefix}_attribute", helper.make_graph([constant, add], "g", [x], [y]), check=False)
    # Two subgraphs down.
    inner = helper.make_graph([constant], "inner", [], [info("w", T.FLOAT, [1])])
    condition = numpy_helper.from_array(np.array(True), "c")
    middle = helper.make_graph(
        [helper.make_node("If", ["c"], ["m"], then_branch=inner, else_branch=inner)], "middle",
        [], [info("m", T.FLOAT, [1])])
    write(f"{prefix}_subgraph", helper.make_graph(
        [helper.make_node("If", ["c"], ["w"], then_branch=middle, else_branch=middle), add], "g",
        [x], [y], [condition]), check=False)
    graph = helper.make_graph([helper.make_node("Add", ["x", "values"], ["y"])], "g", [x], [y])
    sparse = onnx.SparseTensorProto(dims=[1])
    sparse.values.CopyFrom(external("values", location))
    sparse.indices.CopyFrom(helper.make_tensor("", T.INT64, [1], [0]))
    graph.sparse_initializer.append(sparse)
    write(f"{prefix}_sparse", graph, check=False)
    function = helper.make_function(
        "no.such.domain", "F", ["a"], ["w"], [constant], [helper.make_opsetid("", 17)])
    write(f"{prefix}_function", helper.make_graph(
        [helper.make_node("F", ["x"], ["y"], domain="no.such.domain")], "g", [x], [y]),
        opset=OPSET + [helper.make_opsetid("no.such.domain", 1)], functions=[function],
        check=False)
    model = onnx.load_model(FOLDER / "mlp_4_8_3_a.onnx")
    training = model.training_info.add()
    training.algorithm.initializer.append(external("in training", location))
    (FOLDER / f"{prefix}_training.onnx").write_bytes(model.SerializeToString())


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--large":
        graph = mlp_graph(np.random.default_rng(5), [768, 3072, 768])
        model = helper.make_model(graph, opset_imports=OPSET, ir_version=8)
        Path(sys.argv[2]).write_bytes(model.SerializeToString())
        return
    if len(sys.argv) != 1:
        sys.exit(__doc__)
    FOLDER.mkdir(parents=True, exist_ok=True)
    make_mlps()
    make_types()
    make_arithmetic()
    make_shapes()
    make_sensitive()
    make_strings()
    make_special()
    make_refused()
    make_described()


if __name__ == "__main__":
    main()
