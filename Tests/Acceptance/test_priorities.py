"""Priorities above 0 need a grant: without one a request runs as an ordinary one, and the server
counts it and says so once a minute a caller."""

import json
import re
import ssl
import urllib.request

import pytest

import harness
import models
from strongroom_client import StatusError, registry
from strongroom_models import begin_publish, predict_request, publish_bundle

ROW = models.rows(seed=1)
RELOAD_SECONDS = 10
CONFIGURATION = "metrics: {loopback: open}\nlimits: {uploads_per_principal: 2}\n"


@pytest.fixture(scope="module")
def server(shared_home):
    shared_home.add_client("plain", "predictor", "*")
    for name, models_, priority in (("graded", "m", 5), ("graded", "other", 2)):
        shared_home.command("clients", "add", name, "--role", "predictor", "--models", models_,
                            "--max-priority", priority)
    for name in ("ann", "bob"):
        shared_home.add_client(name, "publisher", "*")
    (shared_home.folder / "strongroom.yaml").write_text(CONFIGURATION)
    running = shared_home.serve()
    with running.client() as client:
        for model in ("m", "other"):
            publish_bundle(client, model, {"model.onnx": models.mlp(seed=1)})
    return running


def clamped(server):
    page = urllib.request.urlopen(f"https://{server.host}:{server.port}/metrics",
                                  context=ssl._create_unverified_context()).read().decode()
    return int(re.search(r"^strongroom_clamped_priorities_total (\d+)$", page, re.M)[1])


def call(client, model, priority):
    return client.call("Prediction", "Predict",
                       predict_request(model, {"x": ROW}, priority=priority))


@pytest.mark.parametrize("name, model, priority, is_clamped", [
    ("plain", "m", 1, True), ("plain", "m", 10, True), ("plain", "m", 0, False),
    ("plain", "m", -10, False), ("graded", "m", 5, False), ("graded", "m", 6, True),
    ("graded", "other", 2, False), ("graded", "other", 3, True), ("admin", "m", 1, True)])
def test_a_priority_above_the_grants_is_lowered_and_counted(
        server, name, model, priority, is_clamped):
    before = clamped(server)
    with server.client(name) as client:
        answer = call(client, model, priority)
        ordinary = call(client, model, 0)
    assert [output.data for output in answer.outputs] == [
        output.data for output in ordinary.outputs]
    assert clamped(server) - before == is_clamped


def test_the_log_names_a_caller_once_a_minute(server):
    server.home.add_client("loud", "predictor", "*")

    def first():
        try:
            with server.client("loud") as client:
                return call(client, "m", 7)
        except StatusError as error:
            assert error.code == "NOT_FOUND", error
    harness.wait_until(first, RELOAD_SECONDS, "the grant to be seen")
    with server.client("loud") as client:
        for _ in range(20):
            call(client, "m", 7)
    lines = [line for line in server.log.splitlines()
             if "priority lowered" in line and "cert:loud" in line]
    assert len(lines) == 1, lines
    assert "priority=7" in lines[0] and "max_priority=0" in lines[0]


def test_a_priority_out_of_range_is_refused_whatever_the_grant(server):
    with server.client("graded") as client:
        for priority in (-11, 11):
            with pytest.raises(StatusError) as caught:
                call(client, "m", priority)
            assert caught.value.code == "INVALID_ARGUMENT"


def test_a_grant_is_listed_changed_and_taken_up_with_its_max_priority(server):
    home = server.home

    def grants():
        clients = home.json("clients", "list")["clients"]
        return [grant["max_priority"] for client in clients if client["name"] == "moved"
                for grant in client["grants"]]

    def add(*options):
        home.command("clients", "add", "moved", "--role", "predictor", *options)
        return grants()

    assert add() == [0] and add("--max-priority", 4) == [4]
    assert add() == [4], "a grant that is there keeps its own"
    assert "predictor of * up to priority 4" in home.command("clients", "list")
    access = json.loads((home.folder / "access.json").read_text())["grants"]
    assert {"principal": "cert:moved", "role": "predictor", "models": "*",
            "max_priority": 4} in access

    def adds():
        """How many of two calls are lowered; none before the grant is seen."""
        try:
            before = clamped(server)
            with server.client("moved") as client:
                for priority in (4, 5):
                    call(client, "m", priority)
            return clamped(server) - before
        except StatusError as error:
            assert error.code == "NOT_FOUND", error
    harness.wait_until(lambda: adds() == 1, RELOAD_SECONDS, "the grant to be seen")
    assert add("--max-priority", 0) == [0]
    harness.wait_until(lambda: adds() == 2, RELOAD_SECONDS, "the change to be seen")


@pytest.mark.parametrize("value", ["-1", "11", "1.5", "high", ""])
def test_the_command_refuses_other_priorities(server, value):
    done = server.home.run("clients", "add", "never", "--role", "predictor",
                           f"--max-priority={value}")
    assert done.returncode == 64 and "max-priority" in done.stderr
    listed = server.home.json("clients", "list")["clients"]
    assert "never" not in {client["name"] for client in listed}


def test_a_principal_has_so_many_uploads_open_and_others_have_theirs(server):
    def begin(client, number):
        return begin_publish(client, "m", {"model.onnx": b"%d" % number}).upload_id

    with server.client("ann") as ann, server.client("bob") as bob:
        ids = [begin(ann, number) for number in range(2)]
        with pytest.raises(StatusError) as caught:
            begin(ann, 2)
        assert caught.value.code == "RESOURCE_EXHAUSTED"
        assert "2 uploads of 'cert:ann'" in caught.value.message
        assert "limits.uploads_per_principal" in caught.value.message
        others = [begin(bob, number) for number in range(2)]
        ann.call("Registry", "AbortPublish", registry.AbortPublishRequest(upload_id=ids[0]))
        ids[0] = begin(ann, 3)
        for client, uploads in ((ann, ids), (bob, others)):
            for upload in uploads:
                client.call("Registry", "AbortPublish",
                            registry.AbortPublishRequest(upload_id=upload))
