"""The models and test data of the `onnx` package: one operator each, and what exporters made.

`cases()` lists them in the order of their names; `free_first_dimension` rewrites a model so that
its requests have rows. A feed is a list of tensors, as in reference_process.py.
"""

import functools
import io
from dataclasses import dataclass
from pathlib import Path

import numpy
import onnx
from models import ONNX_TYPES
from onnx import TensorProto, numpy_helper

DATA = Path(onnx.__file__).parent / "backend/test/data"
GROUPS = ("node", "pytorch-converted", "pytorch-operator", "simple")
WIRE_TYPES = frozenset(ONNX_TYPES.values())


@dataclass(frozen=True)
class Case:
    """A model of the package and its test inputs."""

    group: str
    name: str

    @property
    def folder(self):
        return DATA / self.group / self.name

    @functools.cached_property
    def data(self):
        return (self.folder / "model.onnx").read_bytes()

    @functools.cached_property
    def model(self):
        return onnx.load(io.BytesIO(self.data))

    @property
    def operators(self):
        """Domain and name of each operator that the graph itself has, in order."""
        return list(dict.fromkeys((node.domain, node.op_type) for node in self.model.graph.node))

    def feeds(self):
        """The feed of each data set; an input that the wire has no type for leaves None in its place."""
        return [self._feed(folder) for folder in sorted(self.folder.glob("test_data_set_*"))]

    def _feed(self, folder):
        feed = []
        for index, info in enumerate(self.model.graph.input):
            path = folder / f"input_{index}.pb"
            if not path.exists():
                continue
            served = info.type.tensor_type.elem_type in WIRE_TYPES
            feed.append(content(info.name, TensorProto.FromString(path.read_bytes()))
                        if served else None)
        return feed

    def __str__(self):
        return f"{self.group}/{self.name}"

    @functools.cached_property
    def with_free_rows(self):
        """The model with a symbol in place of the first dimension of each input and output, and
        without the shapes of the values between them; None if no input has a dimension."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        initializers = {tensor.name for tensor in model.graph.initializer}
        inputs = [info for info in model.graph.input if info.name not in initializers]
        freed = [free(info) for info in inputs]
        for info in model.graph.output:
            free(info)
        del model.graph.value_info[:]
        return model.SerializeToString() if any(freed) else None


def cases():
    """Every model of the package that has test data, in a fixed order."""
    return [Case(group, path.parent.name) for group in GROUPS
            for path in sorted((DATA / group).glob("*/model.onnx"))]


def free(info):
    """Makes the first dimension of a graph's input or output a symbol; whether it has one."""
    dimensions = info.type.tensor_type.shape.dim
    if info.type.WhichOneof("value") != "tensor_type" or not dimensions:
        return False
    dimensions[0].Clear()
    dimensions[0].dim_param = "N"
    return True


def content(name, tensor):
    """A TensorProto as a tensor of a feed."""
    shape = tuple(tensor.dims)
    if tensor.data_type == TensorProto.STRING:
        return name, tensor.data_type, shape, list(tensor.string_data)
    array = numpy_helper.to_array(tensor)
    return name, tensor.data_type, shape, numpy.ascontiguousarray(array).tobytes()


def unserved_types(model):
    """Words for the types of inputs and outputs that the protocol has no datatype for."""
    words = []
    initializers = {tensor.name for tensor in model.graph.initializer}
    inputs = [info for info in model.graph.input if info.name not in initializers]
    for info in [*inputs, *model.graph.output]:
        kind = info.type.WhichOneof("value")
        if kind != "tensor_type":
            words.append(kind.removesuffix("_type").removesuffix("_tensor"))
        elif info.type.tensor_type.elem_type not in WIRE_TYPES:
            words.append(TensorProto.DataType.Name(info.type.tensor_type.elem_type))
    return list(dict.fromkeys(words))


def one_for_each_operator(all_cases, reference):
    """For each operator the first model that has it: of those that can be served, if there is any,
    and of those with the fewest nodes. {(domain, name): case}"""
    found = {}
    for case in all_cases:
        error, _ = reference.ask(case.data, [])
        rank = bool(error or unserved_types(case.model)), len(case.model.graph.node)
        for operator in case.operators:
            if operator not in found or rank < found[operator][0]:
                found[operator] = rank, case
    return {operator: case for operator, (_, case) in sorted(found.items(), key=lambda item: item[0])}


def free_cases(all_cases, reference):
    """The models that the runtime loads and runs with their first dimension free, in two lists:
    those that operators have where all inputs and outputs have as many rows; and all others."""
    rows, others = [], []
    for case in all_cases:
        feeds = case.feeds()
        if not feeds or any(None in feed for feed in feeds) or not case.with_free_rows:
            continue
        error, answers = reference.ask(case.with_free_rows, feeds)
        if error or any(failed for failed, _ in answers):
            continue
        shapes = [shape for *_, shape, _ in feeds[0] + answers[0][1]]
        alike = all(shapes) and len({shape[0] for shape in shapes}) == 1
        (rows if alike and case.group == "node" else others).append(case)
    return rows, others


def spread(cases, count):
    """So many models at equal distances in the list of the first of each kind: the first with
    the same operators."""
    kinds = {}
    for case in cases:
        kinds.setdefault(tuple(case.operators), case)
    first = list(kinds.values())
    assert len(first) >= count
    return [first[index * len(first) // count] for index in range(count)]
