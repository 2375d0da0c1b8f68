"""Who may do what: without a certificate, without a grant, without the role."""

import shutil

import pytest

import harness
import models
import strongroom_client
from strongroom_client import CODES, SERVICES, StatusError
from strongroom_models import begin_publish, predict, publish_bundle

ROW = models.rows(seed=1)
MODELS = ("granted", "hidden")
RELOAD_SECONDS = 10  # the server looks at access.json each second
# Every role may do what its row says, on a model that it has a grant on.
ROLES = {
    "predictor": {"Predict", "GetModel", "Cancel"},
    "publisher": {
        "Predict", "GetModel", "Cancel", "BeginPublish", "UploadChunk", "GetUpload",
        "CommitPublish", "AbortPublish", "ListModels", "ListVersions", "GetVersion", "SetAlias",
        "Rollback", "DeleteAlias", "ListAliasHistory", "ValidateVersion"},
    "observer": {
        "GetModel", "ListModels", "ListVersions", "GetVersion", "ListAliasHistory",
        "ListAuditEvents"},
}
METHODS = [(service.name, method.name) for service in SERVICES.values()
           for method in service.methods if service.name != "Health"]
NAMED = [(service, method) for service, method in METHODS
         if method not in ("Cancel", "UploadChunk", "GetUpload", "CommitPublish", "AbortPublish",
                           "ListModels")]  # these name no model


@pytest.fixture(scope="module")
def server(shared_home):
    for role in ROLES:
        shared_home.add_client(role, role, "granted*")
    running = shared_home.serve()
    with running.client() as client:
        for model in MODELS:
            publish_bundle(client, model, {"model.onnx": models.mlp(seed=1)})
    return running


def request(service, method, model=None):
    """An empty request of a method, or one that names a model."""
    kind = SERVICES[f"strongroom.v1.{service}"].methods_by_name[method].input_type
    made = strongroom_client.message_factory.GetMessageClass(kind)()
    if model and method in ("Predict", "GetModel"):
        made.model.name = model
    elif model and (service, method) in NAMED:
        made.model = model
    if method in ("SetAlias", "DeleteAlias"):
        made.alias = "nowhere"  # so that a role which may do it changes nothing
    return made


def answer(client, service, method, model=None):
    """The code of the answer, and its message."""
    try:
        client.call(service, method, request(service, method, model))
    except StatusError as error:
        return error.code, error.message
    return "OK", ""


def test_without_a_certificate_only_health_answers(server):
    with server.client(None) as client:
        for service, method in METHODS:
            assert answer(client, service, method, "granted")[0] == "UNAUTHENTICATED", method
        health = client.call("Health", "Check", strongroom_client.health.CheckRequest())
        assert health.live and health.ready
        with pytest.raises(StatusError) as caught:
            client.call("Health", "Check", strongroom_client.health.CheckRequest(model="granted"))
        assert caught.value.code in ("UNAUTHENTICATED", "NOT_FOUND")


def test_a_certificate_of_another_authority_is_turned_away(server, tmp_path):
    with harness.Home(tmp_path / "stranger") as stranger:
        certificate, key = stranger.certificate("admin")
        with pytest.raises((OSError, strongroom_client.ConnectionLost)):
            with strongroom_client.connect(
                    server.host, server.port, server.home.folder / "tls/ca.pem", certificate,
                    key) as client:
                client.call("Health", "Check", strongroom_client.health.CheckRequest())
    assert server.answers()


@pytest.mark.parametrize("role", ROLES)
def test_a_model_without_a_grant_answers_as_one_that_does_not_exist(server, role):
    """To the byte: the same answer as for a name of the same length that nobody published."""
    with server.client(role) as client:
        for service, method in NAMED:
            answers = []
            for model in ("hidden", "absent"):
                stream = client.start(service, method, request(service, method, model))
                answers.append(client.finish_bytes(stream).replace(model.encode(), b"MODEL!"))
            assert answers[0] == answers[1], method
            status = strongroom_client.ttrpc.Response.FromString(answers[0]).status
            if method == "ListAuditEvents":  # a list: to who may read it, it shows nothing
                allowed = "OK" if role == "observer" else "PERMISSION_DENIED"
            else:
                allowed = "NOT_FOUND"
            assert CODES[status.code] == allowed, f"{method}: {status}"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_its_own_methods_and_no_others(server, role):
    with server.client(role) as client:
        for service, method in METHODS:
            names_model = (service, method) in NAMED
            code, message = answer(client, service, method, "granted" if names_model else None)
            if method in ROLES[role]:
                assert code not in ("PERMISSION_DENIED", "UNAUTHENTICATED"), f"{method}: {message}"
            elif names_model or method == "ListModels":
                assert code == "PERMISSION_DENIED", f"{method}: {code} {message}"
            else:  # of an upload or a call that is not the caller's own
                assert code in ("PERMISSION_DENIED", "NOT_FOUND"), f"{method}: {code} {message}"


def test_lists_show_only_what_the_caller_has_a_grant_on(server):
    with server.client("observer") as client:
        listed = client.call("Registry", "ListModels", request("Registry", "ListModels"))
    assert [model.name for model in listed.models] == ["granted"]


def test_another_principals_upload_is_not_found(server):
    with server.client() as client, server.client("publisher") as publisher:
        begun = begin_publish(client, "granted", {"model.onnx": b"x"})
        with pytest.raises(StatusError) as caught:
            publisher.call("Registry", "GetUpload", strongroom_client.registry.GetUploadRequest(
                upload_id=begun.upload_id))
        assert caught.value.code == "NOT_FOUND"


def test_a_grant_added_and_removed_while_serving_takes_effect(server, tmp_path):
    server.home.add_client("late", "predictor", "granted")
    kept = [shutil.copy(path, tmp_path) for path in server.home.certificate("late")]

    def seen():
        with strongroom_client.connect(
                server.host, server.port, server.home.folder / "tls/ca.pem", *kept) as client:
            try:
                return predict(client, "granted", {"x": ROW})[0]
            except StatusError as error:
                return error.code

    harness.wait_until(lambda: seen() == 1, RELOAD_SECONDS, "the grant to be seen")
    server.home.command("clients", "remove", "late")
    harness.wait_until(lambda: seen() == "NOT_FOUND", RELOAD_SECONDS, "the grant to be gone")


def test_a_broken_access_file_keeps_the_grants_that_were_good_and_says_so(server):
    path, said = server.home.folder / "access.json", len(server.log)
    good = path.read_bytes()
    path.write_text('{"grants": [')
    try:
        harness.wait_until(lambda: "access.json" in server.log[said:], RELOAD_SECONDS, "a message")
        with server.client("predictor") as client:
            assert predict(client, "granted", {"x": ROW})[0] == 1
    finally:
        path.write_bytes(good)
