"""Models whose callers' values may end, stall or fill the process that runs them."""

import numpy
from onnx import TensorProto, helper, numpy_helper

import models

KINDS = {"INT32": "i4", "INT64": "i8", "INT16": "i2", "INT8": "i1"}
CARD = "format: 1\nengine: onnxruntime\nentry: model.onnx\n"
NODE = helper.make_node


def with_card(model, *lines):
    """A bundle of a model and a card with these further lines."""
    return {"model.yaml": (CARD + "".join(f"{line}\n" for line in lines)).encode(),
            "model.onnx": model}


def hosted(model):
    """A bundle whose card asks for a host."""
    return with_card(model, "isolation: process")


def in_server(model):
    """A bundle whose card asks for the server's process, which `isolation.minimum` has to allow."""
    return with_card(model, "isolation: none")


def integers(operator, datatype, left=1, right=1):
    """y = a `operator` b, of so many dimensions each; 0: a scalar."""
    shapes = [[None] * rank for rank in (left, right)]
    return models.save([NODE(operator, ["a", "b"], ["y"], name="divided")],
                       {"a": (datatype, shapes[0]), "b": (datatype, shapes[1])},
                       {"y": (datatype, max(shapes, key=len))})


def least(datatype):
    """The least number of an integer type, which has no quotient by -1 in it."""
    return numpy.iinfo(KINDS[datatype]).min


def _constants(**arrays):
    return [numpy_helper.from_array(numpy.array(values, kind), name)
            for name, (values, kind) in arrays.items()]


def _growing(nodes, **constants):
    """y = the largest element of `big`, which has as many elements as n says, after some work."""
    work = [NODE(operator, [source], [made]) for source, operator, made in (
        ("big", "Asinh", "w0"), ("w0", "Sinh", "w1"), ("w1", "Asinh", "w2"), ("w2", "Sinh", "w3"))]
    return models.save([*nodes, *work, NODE("ReduceMax", ["w3"], ["y"], keepdims=0)],
                       {"n": ("INT64", [1])}, {"y": ("FP32", [])}, _constants(**constants))


ONES = numpy_helper.from_array(numpy.ones(1, "f4"))
# Operators whose result is as large as a number of the caller's says.
GROWING = {
    "Range": _growing(
        [NODE("Squeeze", ["n"], ["k"]), NODE("Cast", ["k"], ["end"], to=TensorProto.FLOAT),
         NODE("Sub", ["end", "end"], ["zero"]), NODE("Reciprocal", ["end"], ["step"]),
         NODE("Range", ["zero", "one", "step"], ["big"])], one=(1, "f4")),
    "Tile": _growing([NODE("Tile", ["one", "n"], ["big"])], one=([1], "f4")),
    "Expand": _growing([NODE("Expand", ["one", "n"], ["big"])], one=([1], "f4")),
    "ConstantOfShape": _growing([NODE("ConstantOfShape", ["n"], ["big"], value=ONES)]),
    "Resize": _growing(
        [NODE("Concat", ["lead", "n"], ["sizes"], axis=0),
         NODE("Resize", ["one", "", "", "sizes"], ["big"], mode="nearest")],
        one=([[[1]]], "f4"), lead=([1, 1], "i8")),
    "OneHot": _growing(
        [NODE("Squeeze", ["n"], ["depth"]),
         NODE("OneHot", ["index", "depth", "values"], ["big"])],
        index=([0], "i8"), values=([0, 1], "f4")),
}


def range_over_a_value():
    """y = 0, 1, ... up to a caller's number."""
    return models.save([NODE("Squeeze", ["n"], ["k"]),
                        NODE("Range", ["zero", "k", "one"], ["y"], name="counted")],
                       {"n": ("INT64", [1])}, {"y": ("INT64", [None])},
                       _constants(zero=(0, "i8"), one=(1, "i8")))


def one_long_operator():
    """A single operator whose time grows with the square of n, which a terminate cannot stop:
    n boxes of no area, none of which suppresses another. y = n. It needs 20 bytes a box."""
    return models.save(
        [NODE("Concat", ["one", "n", "four"], ["shape"], axis=0),
         NODE("Concat", ["one", "one", "n"], ["count"], axis=0),
         NODE("Expand", ["nil", "shape"], ["boxes"]), NODE("Expand", ["nil", "count"], ["scores"]),
         NODE("NonMaxSuppression", ["boxes", "scores", "most"], ["kept"]),
         NODE("Shape", ["kept"], ["y"], end=1)],
        {"n": ("INT64", [1])}, {"y": ("INT64", [1])},
        _constants(one=([1], "i8"), four=([4], "i8"), nil=(0, "f4"), most=(1 << 30, "i8")))


def counting():
    """The model of `models.counter()`, without a golden request: a loop of n rounds."""
    return models.counter()["model.onnx"]


def coin():
    """A model whose run draws a number: in half of the processes its loop never ends. A process
    draws the same first number in each session."""
    state = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [64, 64])
             for name in ("state", "next")]
    go = [helper.make_tensor_value_info(name, TensorProto.BOOL, []) for name in ("go", "go_on")]
    body = helper.make_graph(
        [NODE("Identity", ["go"], ["go_on"]), NODE("MatMul", ["state", "k"], ["next"])], "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []), go[0], state[0]],
        [go[1], state[1]])
    return models.save(
        [NODE("RandomUniform", [], ["drawn"], shape=[1]), NODE("Less", ["drawn", "half"], ["less"]),
         NODE("Cast", ["less"], ["chosen"], to=TensorProto.INT64),
         NODE("Mul", ["chosen", "huge"], ["rounds"]), NODE("Squeeze", ["rounds"], ["trips"]),
         NODE("Loop", ["trips", "", "k"], ["last"], body=body),
         NODE("ReduceMean", ["last"], ["mean"], keepdims=0), NODE("Mul", ["mean", "zero"], ["nil"]),
         NODE("Add", ["x", "nil"], ["y"])],
        {"x": ("FP32", [None])}, {"y": ("FP32", [None])},
        [*_constants(half=([0.5], "f4"), huge=([10 ** 12], "i8"), zero=(0, "f4")),
         numpy_helper.from_array(numpy.eye(64, dtype="f4"), "k")])
