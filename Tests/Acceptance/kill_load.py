"""The load of the kills: connections in processes of their own, each with at most one call to each
model under way; each answer is compared with the bytes that it has to give."""

import collections
import multiprocessing
import select
import time

import strongroom_client
from harness import wait_until
from strongroom_models import predict_request
from strongroom_tensors import encode

CONNECTIONS = 8
INTERVAL_SECONDS = 0.02  # between the starts of two calls: the machine's cores are not the bound
PAUSE_SECONDS = 0.002    # between two looks at the time
SECONDS = 60

Call = collections.namedtuple("Call", "model start end result")


def answer_bytes(outputs):
    """The bytes of the outputs {name: array}, as replies hold them, in the order of their names."""
    return b"|".join(encode(name, outputs[name]).data for name in sorted(outputs))


def reply_bytes(reply):
    return b"|".join(tensor.data for tensor in sorted(reply.outputs, key=lambda each: each.name))


class Load:
    """Runs while the block does. `calls`: {model: [(inputs, the answer's bytes)]}."""

    def __init__(self, server, calls):
        context = multiprocessing.get_context("spawn")
        certificate, key = server.home.certificate("admin")
        connection = (server.host, server.port, server.home.folder / "tls/ca.pem", certificate, key)
        self.models = sorted(calls)
        self.answered = context.Array("Q", len(calls) * CONNECTIONS, lock=False)
        self.stop, self.reports = context.Event(), context.Queue()
        self.workers = [context.Process(target=run, args=(
            index, connection, calls, self.answered, self.stop, self.reports))
            for index in range(CONNECTIONS)]
        self.calls = []

    def __enter__(self):
        for worker in self.workers:
            worker.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for _ in self.workers:
            self.calls += self.reports.get(timeout=2 * SECONDS)
        for worker in self.workers:
            worker.join()

    def report(self):
        return sorted(self.calls, key=lambda call: call.start)

    def count(self, model=None):
        """Calls that were answered so far, right or not."""
        if model is None:
            return sum(self.answered)
        place = self.models.index(model)
        return sum(self.answered[place::len(self.models)])

    def wait_for_answers(self, more, model=None):
        """Waits until so many more calls than now are answered."""
        target = self.count(model) + more
        wait_until(lambda: self.count(model) >= target or not self._is_running(), SECONDS,
                   f"{more} answers of {model or 'all models'}")

    def _is_running(self):
        return all(worker.is_alive() for worker in self.workers)


def run(index, connection, calls, answered, stop, reports):
    done = []
    try:
        with strongroom_client.connect(*connection) as client:
            _run(client, index, calls, answered, stop, done)
    except Exception as error:
        done.append(Call("", time.monotonic(), time.monotonic(), f"connection {index}: {error!r}"))
    reports.put(done)


def _run(client, index, calls, answered, stop, done):
    names = sorted(calls)
    requests = {model: [(predict_request(model, inputs), expected) for inputs, expected in each]
                for model, each in calls.items()}
    under_way, due, turn = {}, dict.fromkeys(names, 0.0), index
    while under_way or not stop.is_set():
        busy = {model for model, _, _ in under_way.values()}
        for model in () if stop.is_set() else names:
            if model not in busy and due[model] <= time.monotonic():
                turn += 1
                request, expected = requests[model][turn % len(requests[model])]
                start = time.monotonic()
                stream = client.start("Prediction", "Predict", request, timeout=SECONDS)
                under_way[stream] = (model, start, expected)
        if has_answer(client, PAUSE_SECONDS):
            call = _receive(client, under_way)
            done.append(call)
            due[call.model] = call.start + INTERVAL_SECONDS
            answered[index * len(names) + names.index(call.model)] += 1


def has_answer(client, seconds):
    """Whether bytes come within so many seconds."""
    return bool(client._received or client.socket.pending()
                or select.select([client.socket], [], [], seconds)[0])


def _receive(client, under_way):
    """Reads one answer. An answer to no call, or a second one, is a KeyError."""
    client.socket.settimeout(SECONDS)
    stream, _, _, data = client.receive_frame()
    end = time.monotonic()
    model, start, expected = under_way.pop(stream)
    response = strongroom_client.ttrpc.Response.FromString(data)
    if response.status.code:
        return Call(model, start, end, strongroom_client.CODES[response.status.code])
    reply = strongroom_client.prediction.PredictResponse.FromString(response.payload)
    return Call(model, start, end, "right" if reply_bytes(reply) == expected else "wrong")
