"""Calls that are sent in one write, so that the server may run them together, and their answers.

A tensor is (name, ONNX element type, shape, bytes), or a list of bytes for strings, as in
reference_process.py; a feed and an answer's outputs are lists of tensors.
"""

import numpy
from onnx import TensorProto, helper

import strongroom_tensors
from models import ONNX_TYPES
from strongroom_client import HEADER, REQUEST, StatusError, prediction, ttrpc

WIRE_NAMES = {number: name for name, number in ONNX_TYPES.items()}
WAIT_US = 2000  # how long the server waits for company: all calls of one write come within it
CARD = ("format: 1\nengine: onnxruntime\nentry: model.onnx\n"
        f"batching: {{max_delay_us: {WAIT_US}}}\n")


def feed(arrays):
    """The feed of {name: array}; texts are object arrays of bytes."""
    return [(name, *content(array)) for name, array in arrays.items()]


def content(array):
    if array.dtype == object:
        return TensorProto.STRING, array.shape, array.reshape(-1).tolist()
    kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    return kind, array.shape, numpy.ascontiguousarray(array).tobytes()


def request(model, feed):
    """The PredictRequest of a feed."""
    inputs = []
    for name, element_type, shape, data in feed:
        if element_type == TensorProto.STRING:
            data = b"".join(strongroom_tensors.LENGTH.pack(len(e)) + e for e in data)
        inputs.append(prediction.Tensor(
            name=name, shape=shape, data=data,
            data_type=strongroom_tensors.number(WIRE_NAMES[element_type])))
    return prediction.PredictRequest(model=prediction.ModelSpec(name=model), inputs=inputs)


def answers(client, model, feeds):
    """The answers to calls that are sent in one write: (StatusError or None, outputs), and the
    largest number of rows of a run that one of them was part of."""
    frames, streams, rows = b"", [], 0
    for feed in feeds:
        streams.append(client.next_stream())
        envelope = ttrpc.Request(
            service="strongroom.v1.Prediction", method="Predict",
            payload=request(model, feed).SerializeToString()).SerializeToString()
        frames += HEADER.pack(len(envelope), streams[-1], REQUEST, 0) + envelope
    client.socket.sendall(frames)
    results = []
    for stream in streams:
        try:
            reply = client.finish(stream, prediction.PredictResponse)
        except StatusError as error:
            results.append((error, None))
            continue
        rows = max(rows, reply.timing.batch_rows)
        results.append((None, [tensor(output) for output in reply.outputs]))
    return results, rows


def tensor(output):
    """A Tensor of a reply as a tensor of a feed."""
    name = prediction.DataType.Name(output.data_type).removeprefix("DATA_TYPE_")
    data = strongroom_tensors.decode(output).reshape(-1).tolist() if name == "BYTES" else output.data
    return output.name, ONNX_TYPES[name], tuple(output.shape), data


def difference(given, expected):
    """The first difference between the outputs of two answers, or None."""
    if [t[0] for t in given] != [t[0] for t in expected]:
        return f"outputs {[t[0] for t in given]}, expected {[t[0] for t in expected]}"
    for (name, *left), (_, *right) in zip(given, expected):
        for what, a, b in zip(("type", "shape", "bytes"), left, right):
            if a != b:
                shown = [x.hex() if isinstance(x, bytes) else str(x) for x in (a, b)]
                return f"output {name}: {what} {shown[0][:80]}, expected {shown[1][:80]}"
    return None
