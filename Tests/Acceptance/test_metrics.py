"""HTTP on the port of calls: health for everybody, metrics for observers, exactly what was called."""

import contextlib
import http.client
import socket
import ssl

import numpy
import pytest
from prometheus_client.parser import text_string_to_metric_families

import harness
import models
from harness import wait_until
from strongroom_client import StatusError, prediction
from strongroom_models import predict_request, publish_bundle

SECONDS = 10
PREDICT = "strongroom_request"


def tls(server, name):
    context = ssl.create_default_context(cafile=server.home.folder / "tls/ca.pem")
    context.set_alpn_protocols(["h2", "http/1.1"])  # as curl does
    if name:
        context.load_cert_chain(*server.home.certificate(name))
    return context


def connect(server, name=None):
    return contextlib.closing(http.client.HTTPSConnection(
        server.host, server.port, timeout=SECONDS, context=tls(server, name)))


def get(server, path, name=None, method="GET"):
    with connect(server, name) as connection:
        connection.request(method, path)
        reply = connection.getresponse()
        return reply.status, reply.read().decode(), reply.headers


def raw(server, data):
    """What the server answers to bytes, until it closes."""
    with socket.create_connection((server.host, server.port), timeout=SECONDS) as plain:
        with tls(server, None).wrap_socket(plain, server_hostname=server.host) as stream:
            stream.sendall(data)
            answer = b""
            while part := stream.recv(1 << 16):
                answer += part
            return answer


def scrape(server, name="admin"):
    """Samples by name and labels; checks what a scraper would. The parser gives every counter's
    name the end `_total`."""
    status, text, headers = get(server, "/metrics", name)
    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    samples, families = {}, set()
    for family in text_string_to_metric_families(text):
        assert family.name not in families, f"{family.name} is there twice"
        families.add(family.name)
        assert family.documentation and family.type != "unknown", family
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in samples, f"{key} is there twice"
            samples[key] = sample.value
    return samples


def value(samples, name, **labels):
    return samples[name, tuple(sorted(labels.items()))]


def so_far(samples, name, **labels):
    """As `value`, for a series that begins with its first count."""
    return samples.get((name, tuple(sorted(labels.items()))), 0)


def predict(client, model, *, count=1, **options):
    for seed in range(count):
        client.call("Prediction", "Predict", predict_request(
            model, {"x": models.rows(seed, count=2)}, **options))


def failing(client, code, request):
    with pytest.raises(StatusError) as caught:
        client.call("Prediction", "Predict", request)
    assert caught.value.code == code


def test_health_and_readiness_need_no_certificate(server):
    for path in ("/healthz", "/readyz"):
        assert get(server, path)[:2] == (200, "ok\n")
        status, body, headers = get(server, path, method="HEAD")
        assert (status, body, headers["content-length"]) == (200, "", "3")


def test_a_connection_answers_request_after_request(server):
    with connect(server) as connection:
        for _ in range(3):
            connection.request("GET", "/healthz")
            assert connection.getresponse().read() == b"ok\n"


def test_metrics_are_for_observers_of_all_models(server, shared_home):
    assert get(server, "/metrics")[0] == 401
    shared_home.add_client("pia", "predictor")
    shared_home.add_client("olga", "observer")
    shared_home.add_client("some", "observer", models="some*")
    wait_until(lambda: get(server, "/metrics", "olga")[0] == 200, SECONDS, "the new grants")
    assert get(server, "/metrics", "pia")[0] == 403
    assert get(server, "/metrics", "some")[0] == 403


def test_loopback_reads_metrics_without_a_certificate_only_where_that_was_chosen(home):
    server = home.serve(env={"STRONGROOM_METRICS_LOOPBACK": "open"})
    assert value(scrape(server, None), "strongroom_open_connections", protocol="http") == 1


@pytest.mark.parametrize("status, request_bytes", [
    (400, b"GET healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
    (400, b"G\x01T / HTTP/1.1\r\nHost: x\r\n\r\n"),
    (404, b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"),
    (405, b"POST /healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
    (413, b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde"),
    (414, b"GET /" + b"x" * 3_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
    (431, b"GET / HTTP/1.1\r\nHost: x\r\nx: " + b"y" * 20_000 + b"\r\n\r\n")])
def test_what_cannot_be_answered_is_told_why_and_closed(server, status, request_bytes):
    answer = raw(server, request_bytes)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    assert answer.count(b"HTTP/1.1") == 1


def test_a_request_may_come_one_byte_at_a_time(server):
    with socket.create_connection((server.host, server.port), timeout=SECONDS) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with tls(server, None).wrap_socket(plain, server_hostname=server.host) as stream:
            for byte in b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":
                stream.sendall(bytes([byte]))
            answer = b""
            while part := stream.recv(1 << 16):
                answer += part
    assert answer.endswith(b"\r\n\r\nok\n"), answer


def test_the_counts_are_exactly_what_was_called(server, admin, name):
    model = name("counted")
    publish_bundle(admin, model, {"model.onnx": models.mlp(seed=1)})
    before = scrape(server)
    predict(admin, model, count=7)
    bad = {"x": models.rows(0).astype("f8")}
    for _ in range(3):
        failing(admin, "INVALID_ARGUMENT", predict_request(model, bad))
    failing(admin, "NOT_FOUND", predict_request(model, bad, version=99))
    for number in range(4):
        failing(admin, "NOT_FOUND", predict_request(f"made-up-{number}", bad))
    after = scrape(server)
    own = {"model": model, "version": "1"}

    assert value(after, PREDICT + "s_total", **own) == 10
    assert value(after, PREDICT + "_failures_total", **own, code="INVALID_ARGUMENT") == 3
    assert value(after, PREDICT + "_failures_total", model=model, code="NOT_FOUND") == 1
    unknown = [so_far(samples, PREDICT + "_failures_total", code="NOT_FOUND")
               for samples in (before, after)]
    assert unknown[1] - unknown[0] == 4
    assert not [key for key in after if "made-up" in str(key)]
    for histogram in ("_seconds", "_queue_seconds", "_compute_seconds"):
        assert value(after, PREDICT + histogram + "_count", **own) == 7
        assert value(after, PREDICT + histogram + "_bucket", **own, le="+Inf") == 7
    assert (value(after, PREDICT + "_seconds_sum", **own)
            >= value(after, PREDICT + "_compute_seconds_sum", **own) > 0)
    assert value(after, "strongroom_batch_rows_sum", **own) == 14
    assert value(after, "strongroom_batch_rows_bucket", **own, le="2") == 7
    assert value(after, "strongroom_running_requests", **own) == 0
    assert value(after, "strongroom_queued_requests", model=model) == 0
    assert value(after, "strongroom_loaded_bytes", **own) > len(models.mlp(seed=1))

    assert value(after, "nv_inference_request_success_total", **own) == 7
    assert value(after, "nv_inference_request_failure_total", **own) == 3
    assert value(after, "nv_inference_count_total", **own) == 14
    assert value(after, "nv_inference_exec_count_total", **own) == 7
    took = value(after, PREDICT + "_seconds_sum", **own)
    assert abs(value(after, "nv_inference_request_duration_us_total", **own) - took * 1e6) <= 1


def test_calls_connections_and_the_process_are_counted(server, admin):
    before = scrape(server)
    for _ in range(5):
        admin.call("Health", "Check", harness.strongroom_client.health.CheckRequest())
    with socket.create_connection((server.host, server.port), timeout=SECONDS) as plain:
        plain.sendall(b"no handshake\r\n\r\n")
        plain.recv(1 << 16)
    failed = ("strongroom_tls_handshakes_total", (("result", "failed"),))
    wait_until(lambda: scrape(server)[failed] == before[failed] + 1, SECONDS, "a failed handshake")
    after = scrape(server)
    check = {"method": "/strongroom.v1.Health/Check", "code": "OK"}
    assert (value(after, "strongroom_calls_total", **check)
            - so_far(before, "strongroom_calls_total", **check)) == 5
    assert value(after, "strongroom_open_connections", protocol="ttrpc") >= 1
    assert value(after, "strongroom_open_connections", protocol="http") == 1
    ok = ("strongroom_tls_handshakes_total", (("result", "ok"),))
    assert after[ok] >= before[ok] + 2
    assert after["process_cpu_seconds_total", ()] >= before["process_cpu_seconds_total", ()] > 0
    assert after["process_resident_memory_bytes", ()] > 1 << 20
    assert 3 < after["process_open_fds", ()] < after["process_max_fds", ()]


def test_a_swap_is_counted_and_the_version_before_keeps_its_series(server, admin, name):
    model = name("swapped")
    loads = value(scrape(server), "strongroom_load_seconds_count")
    for version in (1, 2, 3):
        publish_bundle(admin, model, {"model.onnx": models.mlp(seed=version)})
        predict(admin, model, count=version)
    after = scrape(server)
    assert value(after, "strongroom_load_seconds_count") - loads == 3
    assert value(after, "strongroom_swap_seconds_count", model=model) == 2
    assert value(after, "strongroom_swap_drained_requests_total", model=model) == 0
    assert value(after, "strongroom_swap_failed_requests_total", model=model) == 0
    for version in (1, 2, 3):
        assert value(after, PREDICT + "s_total", model=model, version=str(version)) == version


def test_a_swap_is_over_when_what_the_version_before_had_is_answered(server, admin, name):
    model, (slow, first) = name("drained"), counter_bundle(1)
    publish_bundle(admin, model, first)
    with server.client() as client:
        stream = client.start("Prediction", "Predict", predict_request(model, slow))
        running = ("strongroom_running_requests", (("model", model), ("version", "1")))
        wait_until(lambda: scrape(server).get(running) == 1, SECONDS, "the request")
        publish_bundle(admin, model, counter_bundle(2)[1])
        assert so_far(scrape(server), "strongroom_swap_seconds_count", model=model) == 0
        client.finish(stream, prediction.PredictResponse)
    after = scrape(server)
    assert value(after, "strongroom_swap_seconds_count", model=model) == 1
    assert value(after, "strongroom_swap_drained_requests_total", model=model) == 1
    assert value(after, "strongroom_swap_failed_requests_total", model=model) == 0


def counter_bundle(number):
    """A model as slow as its input says, an input that takes a while, and a name of its own."""
    bundle = dict(models.counter())
    bundle["number.txt"] = str(number).encode()
    return {"n": numpy.array([3_000_000], "i8")}, bundle


def test_a_value_that_an_operator_refuses_is_counted_as_the_callers_fault(server, admin, name):
    model = name("refusals")
    publish_bundle(admin, model, models.passing(
        models.gather(numpy.arange(4)), {"x": numpy.array([3], "i8")}))
    failing(admin, "INVALID_ARGUMENT", predict_request(model, {"x": numpy.array([9], "i8")}))
    samples = scrape(server)
    counts = {dict(labels)["code"]: count for (metric, labels), count in samples.items()
              if metric == "strongroom_request_failures_total" and dict(labels).get("model") == model}
    assert counts == {"INVALID_ARGUMENT": 1}


def test_a_failed_call_is_one_line_in_the_log_and_a_good_one_none(home):
    server = home.serve()
    with server.client() as admin:
        publish_bundle(admin, "logged", {"model.onnx": models.mlp(seed=1)})
        quiet = server.log
        predict(admin, "logged", count=3)
        assert server.log == quiet
        failing(admin, "INVALID_ARGUMENT", predict_request(
            "logged", {"x": models.rows(0).astype("f8")}))
        failing(admin, "NOT_FOUND", predict_request("unknown", {"x": models.rows(0)}))
    lines = server.log.removeprefix(quiet).splitlines()
    assert len(lines) == 2, lines
    for line, model, code in zip(lines, ("logged", "unknown"), ("INVALID_ARGUMENT", "NOT_FOUND")):
        for part in (f"model.name={model}", f"rpc.code={code}", "principal=cert:admin",
                     "rpc.method=/strongroom.v1.Prediction/Predict", "rpc.microseconds="):
            assert part in line, line
    assert "model.version=1" in lines[0] and "model.version" not in lines[1]
