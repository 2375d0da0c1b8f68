"""Clients in other languages: Debian's own Go ttrpc library, and Python's ssl and protobuf."""

import subprocess

import numpy
import pytest

import harness
import models
import strongroom_client
from strongroom_models import predict, predict_request, publish_bundle, rollback

BUILD_SECONDS = 180
RUN_SECONDS = 60


@pytest.fixture(scope="module")
def go_client(tmp_path_factory):
    out = tmp_path_factory.mktemp("go") / "client"
    done = subprocess.run([harness.ROOT / "Tests/Interop/go/build.sh", out], text=True,
                          capture_output=True, timeout=BUILD_SECONDS)
    assert done.returncode == 0, f"the Go client does not build: {done.stderr}"
    return out


def bundle_files(folder, seed):
    folder.mkdir()
    (folder / "model.onnx").write_bytes(models.mlp(seed))
    (folder / "notes.txt").write_text("published by a foreign client\n")
    return folder


def test_an_unmodified_go_client_publishes_predicts_and_rolls_back(
        server, go_client, tmp_path, name):
    bundles = [bundle_files(tmp_path / f"bundle-{seed}", seed) for seed in (1, 2)]
    row = models.rows(seed=7)
    answers = [models.Reference(models.mlp(seed)).run(x=row)["y"].tobytes().hex()
               for seed in (1, 2)]
    certificate, key = server.home.certificate("admin")
    numbers = ",".join(repr(float(value)) for value in row[0])
    done = subprocess.run(
        [go_client, "-server", f"{server.host}:{server.port}", "-ca",
         server.home.folder / "tls/ca.pem", "-cert", certificate, "-key", key,
         "-model", name("go"), f"-row={numbers}", *bundles],
        text=True, capture_output=True, timeout=RUN_SECONDS)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[:-1] == [
        "health true true",
        "published 1 STATE_STORED", f"predicted 1 {answers[0]}",
        "published 2 STATE_STORED", f"predicted 2 {answers[1]}",
        "rolled back 2 1", f"predicted 1 {answers[0]}"]
    assert lines[-1].startswith("refused InvalidArgument ") and "no-such-input" in lines[-1]


def test_a_python_client_publishes_predicts_and_rolls_back(admin, tmp_path, name):
    model, row = name("python"), models.rows(seed=8)
    for version in (1, 2):
        folder = bundle_files(tmp_path / f"bundle-{version}", version)
        assert publish_bundle(admin, model, folder).version == version
        answered, outputs = predict(admin, model, {"x": row})
        expected = models.Reference(models.mlp(version)).run(x=row)["y"]
        assert answered == version and numpy.array_equal(outputs["y"], expected)
    assert rollback(admin, model).version == 1
    assert predict(admin, model, {"x": row})[0] == 1


def test_pipelined_calls_are_answered_each_with_its_own_reply(admin, name):
    model = name("pipelined")
    publish_bundle(admin, model, {"model.onnx": models.mlp(seed=1)})
    reference = models.Reference(models.mlp(seed=1))
    inputs = [models.rows(seed=i, count=1 + i % 5) for i in range(600)]
    streams = [admin.start("Prediction", "Predict", predict_request(model, {"x": x}))
               for x in inputs]
    for stream, x in reversed(list(zip(streams, inputs))):
        reply = admin.finish(stream, strongroom_client.prediction.PredictResponse)
        assert reply.outputs[0].data == reference.run(x=x)["y"].tobytes()
