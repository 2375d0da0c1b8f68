"""Loads that hang in the server itself, after their examination in a host: they are abandoned, other
loads go on, and an end of the server does not wait for them."""

import time

import pytest

import hosts
import isolated_models
import models
from harness import STOP_SECONDS, wait_until
from strongroom_client import prediction, registry
from strongroom_models import begin_publish, publish_bundle, upload

LOADING_SECONDS = 2
OTHERS_SECONDS = 5
STOP_WITHIN_SECONDS = 5
ANSWER_SECONDS = 4 * LOADING_SECONDS + 2
STARTS, TRIES = 6, 4


@pytest.fixture
def starts(home):
    """Starts a server in which cards may ask for its own process, one after another."""
    with open(home.folder / "strongroom.yaml", "a", encoding="utf-8") as file:
        file.write(f"isolation: {{minimum: none}}\nloading: {{seconds: {LOADING_SECONDS}}}\n")
    for principal in ("eve", "bob"):
        home.add_client(principal, "publisher", f"{principal}*")
    return home.serve


def start_commit(client, model, bundle):
    """Publishes without waiting; the stream of the commit that waits for the load."""
    begun = begin_publish(client, model, bundle)
    upload(client, begun.upload_id, bundle, begun.chunk_bytes)
    return client.start("Registry", "CommitPublish", registry.CommitPublishRequest(
        upload_id=begun.upload_id, alias="live", wait_ready=True), timeout=ANSWER_SECONDS)


def seconds_of_another_publish(server, model):
    with server.client("bob") as bob:
        began = time.monotonic()
        version = publish_bundle(bob, model, {"model.onnx": models.mlp(seed=1)}, timeout=10)
        assert list(version.aliases) == ["live"], version.reason
        return time.monotonic() - began


def mode(server, model):
    with server.client() as admin:
        return admin.call("Prediction", "GetModel", prediction.GetModelRequest(
            model=prediction.ModelSpec(name=model))).metadata["strongroom.isolation"]


def test_a_load_that_hangs_in_the_server_is_put_into_a_host_and_holds_nobody_back(starts):
    """The model draws a number in its run: half of all processes draw one that lets it hang."""
    hung = 0
    for start in range(STARTS):
        server = starts()
        with server.client("eve") as eve:
            for attempt in range(TRIES):
                model = f"eve-{start}-{attempt}"
                stream = start_commit(eve, model, isolated_models.with_card(
                    isolated_models.coin(), "isolation: none", "batching: {mode: off}"))
                time.sleep(0.3)
                other = seconds_of_another_publish(server, f"bob-{start}-{attempt}")
                assert other < OTHERS_SECONDS
                version = eve.finish(stream, registry.CommitPublishResponse,
                                     ANSWER_SECONDS).version
                if version.state == registry.Version.STATE_REJECTED:
                    continue  # it hung in the host that examined it
                hung += mode(server, model) == "process"
                break
        began = time.monotonic()
        assert server.stop() == 0, server.log
        assert time.monotonic() - began < STOP_WITHIN_SECONDS
    print(f"{hung} of {STARTS} servers had a load that hung")


def test_an_end_does_not_wait_for_a_load_in_a_host(starts):
    """The loop of the warm-up never ends."""
    server = starts()
    with server.client("eve") as eve:
        start_commit(eve, "eve", {"model.onnx": models.endless()})
        wait_until(lambda: hosts.serving(server), hosts.START_SECONDS, "the load in its host")
        pids = hosts.of(server)
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < STOP_WITHIN_SECONDS
        wait_until(lambda: all(hosts.is_zombie(pid) for pid in pids), STOP_SECONDS, "the end")
