"""One connection of the swap storm, in a process of its own: Predict without a pause, every reply
checked against the bytes that its version has to give."""

import collections
import dataclasses

import strongroom_client
from strongroom_models import predict_request

PIPELINED = 4  # calls under way on each connection


@dataclasses.dataclass
class Report:
    """What one connection saw."""

    answers: int = 0
    failed: list = dataclasses.field(default_factory=list)
    wrong: list = dataclasses.field(default_factory=list)
    versions: collections.Counter = dataclasses.field(default_factory=collections.Counter)


def storm(index, connection, model, inputs, expected, state, answered, stop, reports):
    """`expected`: {version: [output bytes for each input]}. `state`: the number of moves begun and
    ended so far (odd: one is under way) and the version that the last one ended on; `answered`: a
    count for each connection, which the mover reads."""
    report = Report()
    try:
        with strongroom_client.connect(*connection) as client:
            _storm(client, index, model, inputs, expected, state, answered, stop, report)
    except Exception as error:
        report.failed.append(f"connection {index}: {error!r}")
    reports.put(report)


def _storm(client, index, model, inputs, expected, state, answered, stop, report):
    requests = [predict_request(model, {"x": rows}) for rows in inputs]
    under_way, turn = collections.deque(), 0
    while True:
        while len(under_way) < PIPELINED and not stop.is_set():
            chosen, turn = turn % len(requests), turn + 1
            before = tuple(state[:])
            under_way.append((client.start("Prediction", "Predict", requests[chosen]),
                              chosen, before))
        if not under_way:
            return
        stream, chosen, before = under_way.popleft()
        try:
            reply = client.finish(stream, strongroom_client.prediction.PredictResponse)
        except strongroom_client.StatusError as error:
            report.failed.append(str(error))
            continue
        _check(reply, chosen, before, tuple(state[:]), expected, report)
        report.answers += 1
        report.versions[reply.model_version] += 1
        answered[index] += 1


def _check(reply, chosen, before, after, expected, report):
    version = reply.model_version
    if version not in expected or reply.outputs[0].data != expected[version][chosen]:
        report.wrong.append(f"version {version} gave other bytes for input {chosen}")
    settled = before == after and before[0] % 2 == 0
    if settled and version != before[1]:
        report.wrong.append(f"version {version} answered a call made while {before[1]} served")
