"""Signals: an orderly end, and new certificates without a dropped connection."""

import contextlib
import http.client
import shutil
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path

import numpy
import pytest

import models
import strongroom_client
from harness import wait_until
from strongroom_client import ConnectionLost, StatusError, health, prediction
from strongroom_models import predict, predict_request, publish_bundle

ROW = models.rows(seed=1)
SLOW = numpy.array([1_500_000], "i8")  # what models.counter() counts to in more than a second
LARGE = (1024, 4096, 4096, 1024)  # widths whose load takes a fraction of a second
RELOAD_SECONDS = 10


def slow_call(client):
    return client.start("Prediction", "Predict", predict_request("slow", {"n": SLOW}))


def check_health(client):
    return client.call("Health", "Check", health.CheckRequest())


def refuses_connections(server):
    try:
        socket.create_connection((server.host, server.port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        return False  # it was in the queue of a listener that closed
    return False


def test_an_ended_server_finishes_what_it_had_begun_and_exits_0(home):
    server = home.serve()
    with server.client() as idle, server.client() as client:
        publish_bundle(client, "slow", models.counter())
        check_health(idle)
        running = slow_call(client)
        assert check_health(client).ready
        server.send(signal.SIGTERM)
        wait_until(lambda: refuses_connections(server), RELOAD_SECONDS, "the listener to close")
        draining = check_health(client)
        assert draining.live and not draining.ready
        with pytest.raises(StatusError) as caught:
            predict(client, "slow", {"n": SLOW})
        assert caught.value.code == "UNAVAILABLE"
        reply = client.finish(running, prediction.PredictResponse)
        assert numpy.frombuffer(reply.outputs[0].data, "i8") == SLOW
        for connection in (client, idle):
            with pytest.raises(ConnectionLost):
                connection.receive_frame()
    assert server.process.wait(RELOAD_SECONDS) == 0
    assert not server.ready_file.exists() and not (home.folder / "address").exists()


def test_an_end_during_the_first_loads_is_orderly_and_waits_for_none(home, tmp_path):
    server = home.serve()
    with server.client() as client:
        publish_bundle(client, "large", {"model.onnx": models.mlp(seed=1, widths=LARGE)})
    server.stop()
    listener = tmp_path / "socket"  # there before the loads begin, when the port is not yet known
    server = home.serve(env={"STRONGROOM_UNIX_SOCKET": str(listener)}, wait=False)
    wait_until(listener.exists, RELOAD_SECONDS, "the server to listen")
    assert server.stop() == 0, server.log
    assert "draining" in server.log and "stopped" in server.log and "ready" not in server.log
    assert not server.ready_file.exists() and not (home.folder / "address").exists()


def test_a_unix_socket_that_cannot_be_made_is_named(home, tmp_path):
    path = tmp_path / "missing" / "socket"
    done = home.run("serve", "--listen", "127.0.0.1:0", env={"STRONGROOM_UNIX_SOCKET": str(path)})
    assert done.returncode == 1 and str(path) in done.stderr, done.stderr


def test_a_burst_cut_by_the_end_is_answered_call_by_call(home):
    server = home.serve()
    with server.client() as client:
        publish_bundle(client, "mlp", {"model.onnx": models.mlp(seed=1)})
        expected = models.Reference(models.mlp(seed=1)).run(x=ROW)["y"].tobytes()
        request = predict_request("mlp", {"x": ROW})
        streams = [client.start("Prediction", "Predict", request) for _ in range(400)]
        server.send(signal.SIGTERM)
        answered = 0
        for stream in streams:
            try:
                reply = client.finish(stream, prediction.PredictResponse)
                assert reply.outputs[0].data == expected
                answered += 1
            except StatusError as error:
                assert error.code == "UNAVAILABLE"
            except ConnectionLost:
                break  # an idle connection closes: what it had not read was never begun
        assert answered > 0
    assert server.process.wait(RELOAD_SECONDS) == 0


def ready(server, query="", name=None):
    """The status and the text of /readyz."""
    context = ssl.create_default_context(cafile=server.home.folder / "tls/ca.pem")
    context.set_alpn_protocols(["http/1.1"])
    if name:
        context.load_cert_chain(*server.home.certificate(name))
    with contextlib.closing(http.client.HTTPSConnection(
            server.host, server.port, timeout=RELOAD_SECONDS, context=context)) as connection:
        connection.request("GET", "/readyz" + query)
        answer = connection.getresponse()
        return answer.status, answer.read().decode().strip()


def test_calls_are_served_during_the_delay_before_the_drain(home):
    server = home.serve(env={"STRONGROOM_DRAIN_DELAY_SECONDS": "3"})
    with server.client() as before:
        publish_bundle(before, "mlp", {"model.onnx": models.mlp(seed=1)})
        assert ready(server) == ready(server, "?model=mlp", "admin") == (200, "ok")
        begin = time.monotonic()
        server.send(signal.SIGTERM)
        unready = (503, "the server is shutting down")
        wait_until(lambda: ready(server) == unready, RELOAD_SECONDS, "the server to be unready")
        assert ready(server, "?model=mlp", "admin") == unready
        with server.client() as after:  # the listener accepts
            for client in (before, after):
                assert predict(client, "mlp", {"x": ROW})
                state = check_health(client)
                assert state.live and not state.ready
                message = health.CheckRequest(model="mlp")
                assert not client.call("Health", "Check", message).ready
            # The drain follows: connections without a call are closed.
            with pytest.raises(ConnectionLost):
                after.receive_frame()
    assert server.process.wait(RELOAD_SECONDS) == 0
    assert time.monotonic() - begin >= 3
    assert "calls are served until the drain begins" in server.log and "stopped" in server.log


def test_a_second_signal_ends_the_delay_at_once(home):
    server = home.serve(env={"STRONGROOM_DRAIN_DELAY_SECONDS": "3600"})
    server.send(signal.SIGTERM)
    wait_until(lambda: ready(server)[0] == 503, RELOAD_SECONDS, "the server to be unready")
    server.send(signal.SIGTERM)
    assert server.process.wait(RELOAD_SECONDS) == 1


def test_an_alias_is_ready_when_its_own_version_is(home):
    server = home.serve()
    with server.client() as client:
        publish_bundle(client, "a-small", {"model.onnx": models.mlp(seed=1)})
        publish_bundle(client, "large", {"model.onnx": models.mlp(seed=1, widths=LARGE)})
    server.stop()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host, port = probe.getsockname()
    server = home.serve(arguments=("--listen", f"{host}:{port}"), wait=False)
    server.host, server.port = host, port

    def small_is_ready():
        with contextlib.suppress(ConnectionRefusedError):
            return ready(server, "?model=a-small", "admin") == (200, "ok")

    wait_until(small_is_ready, RELOAD_SECONDS, "the small model to be ready")
    assert ready(server) == (503, "the first loads are under way")
    assert not server.ready_file.exists()
    status, reason = ready(server, "?model=large&alias=live", "admin")
    assert status == 503 and "'large'" in reason
    with server.client() as client:
        assert predict(client, "a-small", {"x": ROW})
        for model, expected in (("a-small", True), ("large", False), ("", False)):
            message = health.CheckRequest(model=model)
            assert client.call("Health", "Check", message).ready == expected, model
    server.wait_ready()
    for query in ("", "?model=large"):
        assert ready(server, query, "admin") == (200, "ok")
    assert ready(server, "?model=none", "admin")[0] == 404
    assert ready(server, "?model=a-small")[0] == 401


def test_a_second_signal_ends_at_once(home):
    server = home.serve()
    with server.client() as client:
        publish_bundle(client, "slow", models.counter())
        client.start("Prediction", "Predict", predict_request("slow", {"n": SLOW * 20}))
        check_health(client)
        server.send(signal.SIGTERM)
        wait_until(lambda: refuses_connections(server), RELOAD_SECONDS, "the listener to close")
        server.send(signal.SIGTERM)
        server.process.wait(RELOAD_SECONDS)


def test_what_outlasts_the_drain_time_is_cut_and_the_end_is_orderly_all_the_same(home):
    server = home.serve(env={"STRONGROOM_DRAIN_SECONDS": "1"})
    with server.client() as client:
        publish_bundle(client, "slow", models.counter())
        running = client.start("Prediction", "Predict", predict_request("slow", {"n": SLOW * 20}))
        check_health(client)
        server.send(signal.SIGTERM)
        with pytest.raises((StatusError, ConnectionLost)) as caught:
            client.finish(running, prediction.PredictResponse)
        assert getattr(caught.value, "code", "UNAVAILABLE") == "UNAVAILABLE"
    assert server.process.wait(RELOAD_SECONDS) == 0


def shown_certificate(server):
    """The certificate that a new connection is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(server.home.folder / "tls/ca.pem")
    with socket.create_connection((server.host, server.port)) as plain:
        with context.wrap_socket(plain, server_hostname=server.host) as connection:
            return connection.getpeercert(binary_form=True)


def issue_server_certificate(home, folder):
    """A certificate of the home's own authority, made by OpenSSL's command."""
    tls, key, made = home.folder / "tls", folder / "key.pem", folder / "cert.pem"
    (folder / "extensions").write_text(
        "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n"
        "keyUsage=critical,digitalSignature\nbasicConstraints=critical,CA:FALSE\n"
        "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
    for command in (
            ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-subj", "/CN=renewed", "-keyout", key, "-out", folder / "request.pem"],
            ["x509", "-req", "-in", folder / "request.pem", "-CA", tls / "ca.pem", "-CAkey",
             tls / "ca-key.pem", "-set_serial", "0x1234567890", "-days", "30", "-extfile",
             folder / "extensions", "-out", made]):
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    key.chmod(0o600)
    return made, key


def test_new_certificates_are_taken_without_dropping_a_connection(home, tmp_path):
    server = home.serve()
    before = shown_certificate(server)
    with server.client() as client:
        publish_bundle(client, "mlp", {"model.onnx": models.mlp(seed=1)})
        made, key = issue_server_certificate(home, tmp_path)
        made.replace(home.folder / "tls/server.pem")
        key.replace(home.folder / "tls/server-key.pem")
        server.send(signal.SIGHUP)
        wait_until(lambda: shown_certificate(server) != before, RELOAD_SECONDS, "the new one")
        assert predict(client, "mlp", {"x": ROW})[0] == 1
    after = shown_certificate(server)
    assert ssl.PEM_cert_to_DER_cert(
        (home.folder / "tls/server.pem").read_text()) == after


def test_certificates_that_the_command_renews_are_good_with_the_old_ones_of_clients(home, tmp_path):
    server = home.serve()
    before = shown_certificate(server)
    old = [shutil.copy(path, tmp_path) for path in home.certificate("admin")]
    home.command("certs", "renew")
    server.send(signal.SIGHUP)
    wait_until(lambda: shown_certificate(server) != before, RELOAD_SECONDS, "the new one")
    assert home.certificate("admin")[0].read_bytes() != Path(old[0]).read_bytes()
    for certificate, key in (old, home.certificate("admin")):
        with strongroom_client.connect(
                server.host, server.port, home.folder / "tls/ca.pem", certificate, key) as client:
            client.call("Registry", "ListModels", strongroom_client.registry.ListModelsRequest())


@pytest.mark.parametrize("damage", ["noise", "gone", "another key"])
def test_a_bad_certificate_keeps_the_one_that_was_good_and_says_so(home, tmp_path, damage):
    server = home.serve()
    before = shown_certificate(server)
    path = home.folder / "tls/server.pem"
    with server.client() as client:
        publish_bundle(client, "mlp", {"model.onnx": models.mlp(seed=1)})
        said = len(server.log)
        if damage == "noise":
            path.write_text("no certificate")
        elif damage == "gone":
            path.unlink()
        else:
            issue_server_certificate(home, tmp_path)[0].replace(path)
        server.send(signal.SIGHUP)
        wait_until(lambda: "certificate" in server.log[said:].lower(), RELOAD_SECONDS, "a message")
        assert shown_certificate(server) == before
        assert predict(client, "mlp", {"x": ROW})[0] == 1
    assert server.answers()


def write_revocation_list(home, folder, *certificates):
    """The home's authority's list of these certificates, made by OpenSSL's command."""
    tls = home.folder / "tls"
    (folder / "index").write_text("")
    (folder / "ca.cnf").write_text(
        f"[ca]\ndefault_ca=home\n[home]\ndatabase={folder}/index\ndefault_md=sha256\n"
        "default_crl_days=30\ncrl_extensions=extensions\n"
        "[extensions]\nauthorityKeyIdentifier=keyid\n")
    command = ["openssl", "ca", "-config", folder / "ca.cnf", "-cert", tls / "ca.pem", "-keyfile",
               tls / "ca-key.pem"]
    for certificate in certificates:
        subprocess.run([*command, "-revoke", certificate], check=True, capture_output=True)
    subprocess.run([*command, "-gencrl", "-out", tls / "crl.pem"], check=True, capture_output=True)


def is_served(server, name):
    try:
        with server.client(name) as client:
            return client.call("Registry", "ListModels",
                               strongroom_client.registry.ListModelsRequest()) is not None
    except (ssl.SSLError, ConnectionError, ConnectionLost):
        return False


def test_a_revoked_certificate_opens_no_connection(home, tmp_path):
    home.add_client("gone", "observer")
    server = home.serve()
    assert is_served(server, "gone")
    write_revocation_list(home, tmp_path, home.certificate("gone")[0])
    server.send(signal.SIGHUP)
    wait_until(lambda: not is_served(server, "gone"), RELOAD_SECONDS, "the list")
    assert is_served(server, "admin") and server.answers()


@pytest.mark.parametrize("offered, chosen", [(["ttrpc"], "ttrpc"), (["h2", "ttrpc"], "ttrpc"),
                                             ([], None), (["h2"], "no application protocol")])
def test_a_client_that_offers_protocols_offers_ttrpc(server, offered, chosen):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(server.home.folder / "tls/ca.pem")
    if offered:
        context.set_alpn_protocols(offered)
    with socket.create_connection((server.host, server.port)) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=server.host) as connection:
                assert connection.selected_alpn_protocol() == chosen
        except ssl.SSLError as error:
            assert chosen in str(error).lower().replace("_", " ")
