"""A model whose weights are as large as one likes, written without ever being whole in memory."""

import numpy
from onnx import TensorProto, helper

COLUMNS = 256
ROW_BYTES = 4 * COLUMNS
PIECE_ROWS = 1 << 14
CARD = "format: 1\nengine: onnxruntime\nentry: {entry}\n"


def write(folder, files, file_bytes):
    """Writes `files` weight files of random floats and `large.onnx`, which looks a row up in each
    and adds them: x [N] int64 to y [N, 256]."""
    rows = file_bytes // ROW_BYTES
    nodes, tensors, parts = [], [], []
    for number in range(files):
        name = f"weights-{number}.bin"
        with open(folder / name, "wb") as file:
            for start, piece in pieces(number, rows):
                file.write(piece.tobytes())
        tensor = TensorProto(
            name=f"w{number}", data_type=TensorProto.FLOAT, dims=[rows, COLUMNS],
            data_location=TensorProto.EXTERNAL)
        tensor.external_data.add(key="location", value=name)
        tensors.append(tensor)
        nodes.append(helper.make_node("Gather", [tensor.name, "x"], [f"g{number}"]))
        parts.append(f"g{number}")
    nodes.append(helper.make_node("Sum", parts, ["y"]))
    graph = helper.make_graph(
        nodes, "large", [helper.make_tensor_value_info("x", TensorProto.INT64, [None])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, COLUMNS])], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    model.ir_version = 10
    (folder / "large.onnx").write_bytes(model.SerializeToString())
    return rows


def pieces(number, rows):
    """The rows of one file, a piece at a time; the same every time."""
    random = numpy.random.default_rng(number)
    for start in range(0, rows, PIECE_ROWS):
        count = min(PIECE_ROWS, rows - start)
        yield start, random.random((count, COLUMNS), dtype="f4")


def expected(folder, files, indexes):
    """What the model answers for row numbers."""
    total = numpy.zeros((len(indexes), COLUMNS), "f4")
    for number in range(files):
        table = numpy.memmap(folder / f"weights-{number}.bin", "f4").reshape(-1, COLUMNS)
        total = total + table[indexes]
    return total
