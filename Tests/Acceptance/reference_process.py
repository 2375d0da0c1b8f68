"""ONNX Runtime's Python in a process of its own: a model that ends the process ends this one alone.

The memory of each input is allocated by the runtime, aligned as its allocator aligns; the session
has one intra-op thread and the default graph optimisation. Requests and replies are pickles on
standard input and output: (model, [feed]) to (error, [(error, outputs)]). A feed and the outputs
are lists of tensors: (name, ONNX element type, shape, bytes), or a list of bytes for strings.
"""

import ctypes
import os
import pickle
import resource
import sys

import numpy
import onnxruntime
from onnx import TensorProto, helper

MEMORY_BYTES = 3 << 30  # of address space


def value(tensor):
    """The OrtValue of a tensor; of strings, which it cannot hold, the array."""
    _, element_type, shape, data = tensor
    if element_type == TensorProto.STRING:
        array = numpy.empty(len(data), object)
        array[:] = [element.decode() for element in data]
        return array.reshape(shape)
    made = onnxruntime.OrtValue.ortvalue_from_shape_and_type(shape, element_type)
    assert made.tensor_size_in_bytes() == len(data)
    # As `update_inplace` does, also for the types that numpy lacks.
    ctypes.memmove(made.data_ptr(), data, len(data))
    return made


def from_value(name, made):
    """The tensor of an OrtValue."""
    if not made.is_tensor():
        return name, None, None, None
    if made.element_type() == TensorProto.STRING:
        return from_array(name, made.numpy())
    data = ctypes.string_at(made.data_ptr(), made.tensor_size_in_bytes())
    return name, made.element_type(), tuple(made.shape()), data


def from_array(name, array):
    """The tensor of what `InferenceSession.run` returns."""
    if not isinstance(array, numpy.ndarray):
        return name, None, None, None
    if array.dtype == object:
        return name, TensorProto.STRING, array.shape, [text.encode() for text in array.reshape(-1)]
    return name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape, array.tobytes()


def run(session, feed):
    names = [output.name for output in session.get_outputs()]
    inputs = {tensor[0]: value(tensor) for tensor in feed}
    try:
        if any(isinstance(made, numpy.ndarray) for made in inputs.values()):
            return None, list(map(from_array, names, session.run(None, inputs)))
        return None, list(map(from_value, names, session.run_with_ort_values(None, inputs)))
    except Exception as error:
        return str(error), None


def answer(model, feeds):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])
    except Exception as error:
        return str(error), []
    return None, [run(session, feed) for feed in feeds]


def main():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # the runtime prints to standard output
    while True:
        try:
            request = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(answer(*request), replies)
        replies.flush()


main()
