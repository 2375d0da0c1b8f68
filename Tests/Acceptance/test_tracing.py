"""Calls in their callers' traces (W3C Trace Context), and the spans that the server records."""

import json

import pytest

import harness
import models
from strongroom_client import StatusError
from strongroom_models import predict_request, publish_bundle

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = {"x": models.rows(seed=1)}


@pytest.fixture
def spans(home, tmp_path):
    """A server with a file of spans, where only callers decide what is recorded; all spans."""
    path = tmp_path / "spans.jsonl"
    (home.folder / "strongroom.yaml").write_text(
        f"tracing: {{file: {path}, sample_ratio: 0}}\n")
    server = home.serve()

    def read():
        assert server.stop() == 0
        return [span for line in path.read_text().splitlines()
                for resource in json.loads(line)["resourceSpans"]
                for scope in resource["scopeSpans"] for span in scope["spans"]]
    return server, read


def predict(client, model, flags, inputs=GOOD):
    metadata = [("traceparent", f"00-{TRACE}-{SPAN}-{flags}"), ("tracestate", "vendor=1")]
    return client.call("Prediction", "Predict", predict_request(model, inputs), metadata=metadata)


def attributes(span):
    return {each["key"]: next(iter(each["value"].values())) for each in span["attributes"]}


def test_a_call_is_a_span_under_its_callers_with_its_queue_and_its_run_below(spans):
    server, read = spans
    with server.client() as client:
        publish_bundle(client, "mlp", {"model.onnx": models.mlp(seed=1)})
        predict(client, "mlp", "01")
        predict(client, "mlp", "00")
        client.call("Prediction", "Predict", predict_request("mlp", GOOD))
    found = {span["name"]: span for span in read()}
    call = found.pop("strongroom.v1.Prediction/Predict")
    assert call["parentSpanId"] == SPAN and call["traceState"] == "vendor=1"
    assert attributes(call) == {
        "rpc.system": "ttrpc", "rpc.service": "strongroom.v1.Prediction", "rpc.method": "Predict",
        "rpc.response.status_code": "OK", "strongroom.model": "mlp", "strongroom.version": "1"}
    assert {"compute"} <= found.keys() <= {"compute", "queue"}
    for part in found.values():
        assert part["parentSpanId"] == call["spanId"]
        assert int(call["startTimeUnixNano"]) <= int(part["endTimeUnixNano"])
        assert int(part["endTimeUnixNano"]) <= int(call["endTimeUnixNano"])
    for span in (call, *found.values()):
        assert span["traceId"] == TRACE


def test_the_line_of_a_failed_call_has_its_trace(spans):
    server, read = spans
    with server.client() as client:
        with pytest.raises(StatusError):
            predict(client, "nothing", "00")
        harness.wait_until(lambda: f"trace.id={TRACE}" in server.log, 10, "the line")
        for parent in ("00-" + TRACE, f"ff-{TRACE}-{SPAN}-01", ""):
            with pytest.raises(StatusError) as caught:
                client.call("Prediction", "Predict", predict_request("malformed", GOOD),
                            metadata=[("traceparent", parent)])
            assert caught.value.code == "NOT_FOUND"
    assert read() == []
    failed = [line for line in server.log.splitlines() if "malformed" in line]
    assert failed and not any("trace.id" in line for line in failed)


def test_a_file_of_spans_that_cannot_be_written_is_told_at_the_start(home):
    (home.folder / "strongroom.yaml").write_text("tracing: {file: /nowhere/spans}\n")
    done = home.run("serve", "--listen", "127.0.0.1:0")
    assert done.returncode == 1 and "/nowhere/spans cannot be written" in done.stderr
