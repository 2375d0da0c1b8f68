"""Tensors of the wire as numpy arrays, and back.

BYTES tensors are object arrays of `bytes`; BF16 tensors are uint16 arrays of their bit patterns,
since numpy has no such type.
"""

import struct

import numpy

from strongroom_client import prediction

NUMPY_TYPES = {
    "BOOL": "?", "UINT8": "<u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8", "INT8": "<i1",
    "INT16": "<i2", "INT32": "<i4", "INT64": "<i8", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8",
    "BF16": "<u2"}
DATATYPES = {numpy.dtype(code): name for name, code in NUMPY_TYPES.items() if name != "BF16"}
LENGTH = struct.Struct("<I")  # before each element of a BYTES tensor


def encode(name, values, datatype=None):
    """A Tensor of `values`; `datatype` such as "BF16" where the array's type does not tell it."""
    array = values if isinstance(values, numpy.ndarray) else _array(values)
    if array.dtype.kind in "OSU":
        datatype = "BYTES"
        elements = [e.encode() if isinstance(e, str) else bytes(e) for e in array.reshape(-1)]
        data = b"".join(LENGTH.pack(len(e)) + e for e in elements)
    else:
        datatype = datatype or DATATYPES[array.dtype.newbyteorder("<")]
        data = array.astype(NUMPY_TYPES[datatype], copy=False).tobytes()
    return prediction.Tensor(name=name, data_type=number(datatype), shape=array.shape, data=data)


def _array(values):
    """Of nested lists: texts stay as they are, where numpy's own types would cut NULs off."""
    leaf = values
    while isinstance(leaf, (list, tuple)) and leaf:
        leaf = leaf[0]
    return numpy.asarray(values, object if isinstance(leaf, (bytes, str)) else None)


def decode(tensor):
    """The array that a Tensor holds."""
    name = prediction.DataType.Name(tensor.data_type).removeprefix("DATA_TYPE_")
    shape = tuple(tensor.shape)
    if name != "BYTES":
        return numpy.frombuffer(tensor.data, NUMPY_TYPES[name]).reshape(shape)
    elements, offset = [], 0
    while offset < len(tensor.data):
        (length,) = LENGTH.unpack_from(tensor.data, offset)
        offset += LENGTH.size + length
        if offset > len(tensor.data):
            raise ValueError(f"an element of tensor {tensor.name} ends past its data")
        elements.append(tensor.data[offset - length:offset])
    array = numpy.empty(len(elements), object)
    array[:] = elements
    return array.reshape(shape)


def number(datatype):
    """The wire's number of a datatype, by its name: "FP32" is 11."""
    return prediction.DataType.Value(f"DATA_TYPE_{datatype}")
