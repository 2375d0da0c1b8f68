"""A model of `node_cases` on a server, beside what ONNX Runtime's Python gives for it."""

import re
import shutil
from dataclasses import dataclass

import ml_dtypes
import numpy
import onnx
from onnx import TensorProto

import harness
import reference
from company import CARD, answers, difference
from node_cases import unserved_types
from strongroom_client import ConnectionLost, StatusError, registry
from strongroom_models import begin_publish, upload

LOAD_SECONDS = 60.0
MESSAGE_BYTES = 1 << 20
LIVE = registry.Version.State.STATE_STORED


@dataclass(frozen=True)
class Outcome:
    """`kind`: served, refused (as it has to be), wrong, or crash. `cause`: of a refusal, the
    operator or type that it names; of the last two, what was seen and what is right."""

    case: str
    kind: str
    cause: str = ""
    calls: int = 0
    merged: bool = False


class Wrong(Exception):
    """The server did not do what it has to."""


def publish(client, model, files):
    begun = begin_publish(client, model, files)
    upload(client, begun.upload_id, files, begun.chunk_bytes)
    return client.call("Registry", "CommitPublish", registry.CommitPublishRequest(
        upload_id=begun.upload_id, alias="live", wait_ready=True, force=True),
        timeout=LOAD_SECONDS).version


def operators(model):
    """The names of all operators of a model: of its graph, subgraphs and functions."""
    found = set()

    def visit(nodes):
        for node in nodes:
            found.add(node.op_type)
            for attribute in node.attribute:
                for graph in [attribute.g, *attribute.graphs]:
                    visit(graph.node)

    visit(model.graph.node)
    for function in model.functions:
        visit(function.node)
    return found


def causes(error, model=None):
    """Words for what the runtime's error says is wrong: operators, where it names any."""
    named = re.findall(r"implementation for (\w+)\(|kernel for (\w+)\(|:(\w+)\(-1\) is not"
                       r"|while running (\w+) node|locale with name:(\w+)", error)
    words = [word for groups in named for word in groups if word]
    if not words and model:
        # What a constructor of a kernel says names no node, but the attribute that it refuses.
        words = sorted(operators(model)) + re.findall(r"was false\. (\w+ \w+)", error)
    return words


def code_of(error):
    """The status of a call whose run failed with an error of the runtime."""
    lacking = re.search(r": (NOT_IMPLEMENTED|EP_FAIL|ENGINE_ERROR) :", error)
    by_node = "while running" in error or ": INVALID_ARGUMENT :" in error
    return "INVALID_ARGUMENT" if by_node and not lacking else "INTERNAL"


def names(text, words):
    """Whether a message has one of some words."""
    return any(re.search(rf"(?i)(?<![a-z0-9]){re.escape(word)}s?(?![a-z0-9])", text)
               for word in words)


def compare(answer, expected, where):
    """Raises Wrong unless an answer is right; `expected`: (error, outputs) of the reference."""
    (refused, outputs), (error, right) = answer, expected
    if error is not None:
        if refused is None:
            raise Wrong(f"{where}: answered, and the runtime refuses: {error[:200]}")
        words, code = causes(error), code_of(error)
        if refused.code != code or words and not names(refused.message, words):
            raise Wrong(f"{where}: {refused}; expected {code} that names {words}: {error[:200]}")
    elif refused is not None:
        raise Wrong(f"{where}: refused: {refused}")
    elif found := difference(outputs, right):
        raise Wrong(f"{where}: {found}")


class Checker:
    """A server that is given one model after another; a new one after a crash, and after
    `MODELS_PER_SERVER` models."""

    MODELS_PER_SERVER = 200

    def __init__(self, folder):
        self._folder, self._homes, self._models = folder, 0, 0
        self._home = self._server = self._client = None
        self._reference = reference.ReferenceProcess()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stop()
        self._reference.close()

    def _stop(self):
        if self._home:
            self._client.close()
            self._home.__exit__()
            shutil.rmtree(self._home.folder.parent)
        self._home = None

    def _next_name(self):
        if self._models % self.MODELS_PER_SERVER == 0:
            self._stop()
        if not self._home:
            folder = self._folder / f"{self._homes}"
            folder.mkdir()
            self._home, self._homes = harness.Home(folder / "home"), self._homes + 1
            self._server = self._home.serve()
            self._client = self._server.client()
        self._models += 1
        return f"model-{self._models}"

    def bare(self, case):
        """Publishes the model as it is, and calls it with each test input."""
        return self._guarded(case, self._bare)

    def rows(self, case):
        """Publishes the model with its first dimension free, and calls it with six requests:
        alone, and in company."""
        return self._guarded(case, self._rows)

    def _guarded(self, case, check):
        try:
            return check(case)
        except Wrong as error:
            return Outcome(str(case), "wrong", str(error))
        except StatusError as error:
            return Outcome(str(case), "wrong", f"publish: {error}")
        except (ConnectionLost, TimeoutError) as error:
            code = self._server.process.poll()
            self._stop()
            return Outcome(str(case), "crash", f"{error}; the server's exit code: {code}")

    def _bare(self, case):
        feeds = case.feeds()
        on_wire = all(tensor is not None for feed in feeds for tensor in feed)
        error, expected = self._reference.ask(case.data, feeds if on_wire else [])
        name = self._next_name()
        version = publish(self._client, name, {"model.onnx": case.data})
        if cause := refusal(case.model, version, error):
            return Outcome(str(case), "refused", cause)
        for number, (feed, right) in enumerate(zip(feeds, expected)):
            results, _ = answers(self._client, name, [feed])
            compare(results[0], right, f"data set {number}")
        return Outcome(str(case), "served", calls=len(feeds))

    def _rows(self, case):
        feeds = six(case.feeds()[0])
        error, twice = self._reference.ask_each(case.with_free_rows, feeds * 2)
        # A run that ends or fills the process is the business of other tests, and an answer that
        # varies between two runs has no right value.
        tried = [(feed, right) for feed, right, again in zip(feeds, twice, twice[len(feeds):])
                 if right and right == again and small(feed, right)]
        feeds, expected = [feed for feed, _ in tried], [right for _, right in tried]
        name = self._next_name()
        version = publish(
            self._client, name, {"model.yaml": CARD.encode(), "model.onnx": case.with_free_rows})
        if cause := refusal(case.model, version, error):
            return Outcome(str(case), "refused", cause)
        for number, (feed, right) in enumerate(zip(feeds, expected)):
            results, _ = answers(self._client, name, [feed])
            compare(results[0], right, f"request {number} alone")
        results, most = answers(self._client, name, feeds)
        for number, (result, right) in enumerate(zip(results, expected)):
            compare(result, right, f"request {number} of {len(feeds)} in company")
        return Outcome(str(case), "served", calls=2 * len(feeds),
                       merged=most > max((rows_of(feed) for feed in feeds), default=most))


def refusal(model, version, error):
    """The word that names why a version is refused, or None if it serves. Raises Wrong if it does
    the other thing than it has to, or names nothing. `error`: the runtime's own, of loading."""
    unserved = unserved_types(model)
    words = unserved + (causes(error, model) if error else [])
    if version.state == LIVE:
        if error or unserved:
            raise Wrong(f"goes live, and has to be refused for {words}: {(error or '')[:200]}")
        return None
    if not error and not unserved:
        raise Wrong(f"refused, and the runtime serves it: {version.reason}")
    for word in words:
        if names(version.reason, [word]):
            return word
    raise Wrong(f"refused with a reason that names none of {words}: {version.reason}")


def small(feed, right):
    """Whether the run found memory, and the call fits into messages many times over."""
    error, outputs = right
    if error is not None and re.search(r"bad_alloc|Failed to allocate|MemoryError", error):
        return False
    return max(size(feed), size(outputs or [])) <= MESSAGE_BYTES


def size(tensors):
    return sum(len(b"".join(data) if isinstance(data, list) else data or b"") for *_, data in tensors)


def rows_of(feed):
    return max((shape[0] for _, _, shape, _ in feed if shape), default=0)


def six(feed):
    """The test's own input; its rows in another order; larger values; extreme values; one row; and
    twice as many rows."""
    own = [(name, kind, array_of(kind, shape, data)) for name, kind, shape, data in feed]
    turned = [(name, kind, moved(array)) for name, kind, array in own]
    made = [
        own, turned,
        [(name, kind, scaled(kind, array)) for name, kind, array in own],
        [(name, kind, extremes(kind, array)) for name, kind, array in own],
        [(name, kind, array[:1] if array.ndim else array) for name, kind, array in turned],
        [(name, kind, numpy.concatenate([array, other]) if array.ndim else array)
         for (name, kind, array), (_, _, other) in zip(own, turned)]]
    return [[(name, kind, array.shape, data_of(kind, array)) for name, kind, array in tensors]
            for tensors in made]


def array_of(kind, shape, data):
    if kind == TensorProto.STRING:
        array = numpy.empty(len(data), object)
        array[:] = data
    else:
        array = numpy.frombuffer(data, onnx.helper.tensor_dtype_to_np_dtype(kind))
    return array.reshape(shape)


def data_of(kind, array):
    if kind == TensorProto.STRING:
        return array.reshape(-1).tolist()
    return numpy.ascontiguousarray(array).tobytes()


def moved(array):
    """The rows in another order; of a single row, its elements."""
    if array.ndim and array.shape[0] > 1:
        return numpy.roll(array, 1, 0)
    return array.reshape(-1)[::-1].reshape(array.shape)


def scaled(kind, array):
    if kind == TensorProto.STRING:
        return numpy.array([text + b" " + text for text in array.reshape(-1)], object).reshape(
            array.shape)
    if kind == TensorProto.BOOL:
        return ~array
    with numpy.errstate(all="ignore"):
        return (array * array.dtype.type(3)).astype(array.dtype)


def extremes(kind, array):
    """Every second element, beginning with the first, at the border of what its type holds."""
    if kind == TensorProto.STRING:
        values = [b"", b"one two three four five six, seven", "Größe \u6620\u753b".encode(), b"\t "]
    elif kind == TensorProto.BOOL:
        values = [True, False]
    elif array.dtype.kind in "iu":
        info = numpy.iinfo(array.dtype)
        values = [info.max, info.min, 0, 1]
    else:
        info = ml_dtypes.finfo(array.dtype)
        values = [numpy.inf, info.max, numpy.nan, info.smallest_subnormal, -numpy.inf, -0.0, info.min]
    made = array.reshape(-1).copy()
    for place in range(0, len(made), 2):
        made[place] = values[place // 2 % len(values)]
    return made.reshape(array.shape)
