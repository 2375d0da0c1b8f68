"""The command line: what it prints, and how it fails."""

import json
import os
import socket
import subprocess

import numpy
import pytest

import harness
import models
from strongroom_client import StatusError
from strongroom_models import begin_publish, read_bundle

ROW = models.rows(seed=1)
ROW_JSON = json.dumps(ROW.tolist())


def fails(done, code, *named):
    """Checks one line `strongroom: error: ...`, perhaps a hint, nothing on stdout, and the code."""
    lines = done.stderr.splitlines()
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert lines and lines[0].startswith("strongroom: error: "), done.stderr
    assert all(line.startswith("strongroom: hint: ") for line in lines[1:]), done.stderr
    assert len(lines) <= 2 and done.stdout == "", (done.stdout, done.stderr)
    for text in named:
        assert str(text) in lines[0], f"{text!r} is not in {lines[0]!r}"


@pytest.fixture(scope="module")
def mlp_files(tmp_path_factory):
    """Two model files and a bundle folder."""
    folder = tmp_path_factory.mktemp("files")
    for seed in (1, 2):
        (folder / f"mlp-{seed}.onnx").write_bytes(models.mlp(seed))
    bundle = folder / "bundle"
    bundle.mkdir()
    (bundle / "model.onnx").write_bytes(models.mlp(seed=3))
    (bundle / "README.txt").write_text("a model\n")
    (folder / "noise.onnx").write_bytes(b"noise")
    return folder


@pytest.fixture
def published(server, shared_home, mlp_files, name):
    """A model with two versions, the second live."""
    model = name("cli")
    for seed in (1, 2):
        shared_home.command("publish", model, mlp_files / f"mlp-{seed}.onnx")
    return model


# What it prints.


def test_publish_prints_the_version(server, shared_home, mlp_files, name):
    model = name("cli")
    first = shared_home.json("publish", model, mlp_files / "mlp-1.onnx", "--metadata", "run=17",
                             "--metadata", "who=me")
    assert (first["model"], first["version"], first["state"]) == (model, 1, "STORED")
    assert first["metadata"] == {"run": "17", "who": "me"}
    assert first["aliases"] == ["live"] and len(first["record_sha256"]) == 64
    second = shared_home.json("publish", model, mlp_files / "bundle", "--alias", "NONE")
    assert second["version"] == 2 and second.get("aliases", []) == []
    third = shared_home.json("publish", model, mlp_files / "mlp-2.onnx", "--alias", "canary")
    assert third["version"] == 3 and third["aliases"] == ["canary"]


def test_publishing_the_same_bundle_again_makes_no_second_version(server, shared_home, mlp_files,
                                                                  name):
    model = name("cli")
    versions = [shared_home.json("publish", model, mlp_files / "bundle")["version"]
                for _ in range(2)]
    assert versions == [1, 1]


def test_a_folder_of_symbolic_links_is_published_as_the_files(server, shared_home, name, tmp_path):
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshot"
    blobs.mkdir()
    (snapshot / "..data").mkdir(parents=True)
    (blobs / "1f3a").write_bytes(models.mlp(seed=3))
    (snapshot / "model.onnx").symlink_to("../blobs/1f3a")
    (snapshot / "..data" / "other.onnx").write_bytes(b"an older generation")
    model = name("linked")
    shared_home.command("publish", model, snapshot)
    shown = shared_home.json("show", model)
    assert [file["path"] for file in shown["files"]] == ["model.onnx", "model.yaml"]
    assert shared_home.json("predict", model, "--input", f"x={ROW_JSON}")["model_version"] == 1
    for target, problem in ((blobs, "to a folder"), ("none", "to nothing"), ("link", "in a loop")):
        (snapshot / "link").symlink_to(target)
        done = shared_home.run("publish", model, snapshot)
        fails(done, 1, "'link'", "symbolic link", problem)
        (snapshot / "link").unlink()


@pytest.mark.parametrize("wrong", ["model.yml", "MODEL.YAML", "model.yaml.txt", "Model.YML.TXT"])
def test_a_card_under_another_name_is_refused(server, shared_home, admin, name, tmp_path, wrong):
    (tmp_path / "model.onnx").write_bytes(models.mlp(seed=3))
    (tmp_path / wrong).write_bytes(b"format: 1\nengine: onnxruntime\nentry: model.onnx\n")
    fails(shared_home.run("publish", name("misnamed"), tmp_path), 1, f"'{wrong}'", "'model.yaml'")
    with pytest.raises(StatusError) as caught:
        begin_publish(admin, name("misnamed"), read_bundle(tmp_path))
    assert caught.value.code == "INVALID_ARGUMENT"
    assert f"'{wrong}'" in caught.value.message and "'model.yaml'" in caught.value.message


@pytest.mark.parametrize("change", [
    lambda data: b"\xef\xbb\xbf" + data, lambda data: data.replace(b"\n", b"\r\n"),
    lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n")], ids=["mark", "CR LF", "both"])
def test_files_of_other_editors_are_read_and_kept_as_they_are(
        server, shared_home, name, tmp_path, change):
    def bundle(folder, value):
        tensors = {"datatype": "FP32", "shape": [1]}
        request = {"inputs": [{"name": "x", **tensors, "data": [1]}],
                   "outputs": [{"name": "y", **tensors, "data": [value]}]}
        files = {"model.onnx": models.unary("FP32", "Neg"),
                 "model.yaml": change(b"format: 1\nengine: onnxruntime\nentry: model.onnx\n"
                                      b"golden: golden/*.json\n"),
                 "golden/0.json": change(json.dumps(request, indent=1).encode())}
        for path, data in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        return files

    model = name("edited")
    files = bundle(tmp_path / "right", -1)
    shared_home.command("publish", model, tmp_path / "right")
    shared_home.command("export", model, tmp_path / "exported")
    for path, data in files.items():
        assert (tmp_path / "exported" / path).read_bytes() == data
    bundle(tmp_path / "wrong", 999)
    done = shared_home.run("publish", model, tmp_path / "wrong")
    assert done.returncode == 1 and "golden/0.json" in done.stderr and "999" in done.stderr


def test_the_files_of_a_home_may_be_of_other_editors(home):
    for path, text in (("strongroom.yaml", "drain_seconds: 5\nlimits:\n  connections: 9\n"),
                       ("access.json", (home.folder / "access.json").read_text())):
        data = b"\xef\xbb\xbf" + text.encode().replace(b"\n", b"\r\n")
        (home.folder / path).write_bytes(data)
    server = home.serve()
    assert server.answers()
    assert server.stop() == 0


def test_predict_prints_the_answer(published, shared_home, tmp_path):
    numpy.save(tmp_path / "x.npy", ROW)
    (tmp_path / "x.json").write_text(ROW_JSON)
    for seed, selection in ((2, []), (1, ["--version", 1]), (2, ["--alias", "live"])):
        expected = models.Reference(models.mlp(seed)).run(x=ROW)["y"]
        for value in (ROW_JSON, f"@{tmp_path}/x.json", f"@{tmp_path}/x.npy"):
            reply = shared_home.json("predict", published, *selection, "--input", f"x={value}")
            assert (reply["model_name"], reply["model_version"]) == (published, seed)
            (output,) = reply["outputs"]
            assert (output["name"], output["datatype"], output["shape"]) == ("y", "FP32", [1, 3])
            assert numpy.array(output["data"], "f4").tobytes() == expected.tobytes()
            assert reply["request_id"] and reply["timing"]["compute_ns"] > 0


def test_predict_takes_and_prints_texts(server, shared_home, tmp_path, name):
    model, path = name("cli"), tmp_path / "echo.onnx"
    path.write_bytes(models.identity("BYTES", rank=1))
    shared_home.command("publish", model, path)
    for value, data in (("a good film", ["a good film"]), ('["a", "", "ü"]', ["a", "", "ü"]),
                        ("@@home", ["@home"]), ('[{"b64": "/w=="}]', [{"b64": "/w=="}])):
        reply = shared_home.json("predict", model, "--input", f"x={value}")
        assert reply["outputs"][0]["data"] == data


def test_predict_prints_what_json_has_no_numbers_for(server, shared_home, tmp_path, name):
    model, path = name("cli"), tmp_path / "echo.onnx"
    path.write_bytes(models.identity("FP64", rank=1))
    shared_home.command("publish", model, path)
    values = ["NaN", "Infinity", "-Infinity", 0.1, 5e-324]
    reply = shared_home.json("predict", model, "--input", f"x={json.dumps(values)}")
    assert reply["outputs"][0]["data"] == values


def test_lists_print_objects(published, shared_home):
    (model,) = [entry for entry in shared_home.json("models")["models"]
                if entry["name"] == published]
    assert model["latest_version"] == 2
    (alias,) = model["aliases"]
    assert (alias["name"], alias["version"], alias["generation"]) == ("live", 2, 2)
    versions = shared_home.json("versions", published)["versions"]
    assert [version["version"] for version in versions] == [2, 1]
    for command in ("models", "audit"):
        assert shared_home.command(command)
    assert published in shared_home.command("models")


def test_show_prints_version_and_model_merged(published, shared_home):
    shown = shared_home.json("show", published)
    assert shown_version(shown) == 2 and shown["engine"] == "onnxruntime"
    assert {file["path"] for file in shown["files"]} == {"model.yaml", "mlp-2.onnx"}
    assert shown["inputs"] == [{"name": "x", "data_type": "FP32", "shape": [-1, 4],
                                "unknown_rank": False, "optional": False}]
    assert set(shown["batching"]) == {"mode", "merged", "why"}
    assert shown_version(shared_home.json("show", published, "--version", 1)) == 1


def shown_version(shown):
    """GetModel has a number by that name, GetVersion a message."""
    version = shown["version"]
    return version["version"] if isinstance(version, dict) else version


def test_aliases_are_set_listed_and_deleted(published, shared_home):
    made = shared_home.json("alias", "set", published, "canary", 1)
    assert (made["name"], made["version"], made["generation"]) == ("canary", 1, 1)
    moved = shared_home.json("alias", "set", published, "canary", 2, "--expect", 1)
    assert (moved["version"], moved["generation"]) == (2, 2)
    fails(shared_home.run("alias", "set", published, "canary", 1, "--expect", 1), 1, "canary")
    history = shared_home.json("alias", "history", published, "canary")["moves"]
    assert [(move["generation"], move["to_version"], move["outcome"]) for move in history] == [
        (2, 2, "served"), (1, 1, "served")]
    shared_home.json("alias", "delete", published, "canary")
    fails(shared_home.run("predict", published, "--alias", "canary", "--input", f"x={ROW_JSON}"), 1,
          "canary")


def test_rollback_and_delete_print_what_they_did(published, shared_home):
    back = shared_home.json("rollback", published, "--reason", "sales drop")
    assert (back["name"], back["version"], back["generation"]) == ("live", 1, 3)
    (newest, *_) = shared_home.json("alias", "history", published, "live")["moves"]
    assert newest["reason"] == "sales drop" and newest["principal"] == "cert:admin"
    fails(shared_home.run("rollback", published), 1, "live")
    shared_home.json("delete", published, 2)
    states = {version["version"]: version["state"]
              for version in shared_home.json("versions", published)["versions"]}
    assert states[2] == "DELETED"
    fails(shared_home.run("delete", published, 1), 1, "live")


def test_a_text_of_several_lines_stays_on_its_own(published, shared_home):
    shared_home.command("rollback", published, "--reason", "one\ntwo \x1b[31mred\u202e")
    lines = shared_home.command("alias", "history", published, "live").splitlines()
    assert len(lines) == 4 and r"one\ntwo \u{1b}[31mred\u{202e}" in lines[1]
    assert len(shared_home.command("audit", "--model", published).splitlines()) == 1 + len(
        shared_home.json("audit", "--model", published)["events"])


def test_a_bundle_whose_version_was_deleted_is_a_new_version(published, shared_home, mlp_files):
    shared_home.command("delete", published, 1)
    again = shared_home.json("publish", published, mlp_files / "mlp-1.onnx")
    assert (again["version"], again["aliases"]) == (3, ["live"])


def test_a_bundle_that_was_published_before_goes_live_again(published, shared_home, mlp_files):
    back = shared_home.json("publish", published, mlp_files / "mlp-1.onnx")
    assert (back["version"], back["aliases"]) == (1, ["live"])


def test_keys_in_a_folder_of_their_own_are_found_from_anywhere(tmp_path):
    with harness.Home(tmp_path / "home", "--keys", "keys apart", cwd=tmp_path) as home:
        assert list((tmp_path / "keys apart").glob("kek-*.key"))
        assert not [path for path in home.files() if path.name.startswith("kek-")]
        assert home.serve(cwd="/").answers()


def test_the_audit_log_tells_who_did_what(published, shared_home):
    events = shared_home.json("audit")["events"]
    assert {"publish"} <= {event["action"] for event in events if event["model"] == published}
    assert {event["principal"] for event in events if event["model"] == published} >= {"cert:admin"}


def test_commands_on_a_stopped_home_print_objects(home):
    server = home.serve()
    assert server.stop() == 0
    (key,) = home.json("keys", "list")["keys"]
    assert key["current"] is True and len(key["id"]) == 16
    assert home.json("certs", "list")["certificates"]
    home.command("certs", "renew")
    home.command("clients", "add", "alice", "--role", "predictor", "--models", "sentiment*")
    (grant,) = [grant for grant in json.loads((home.folder / "access.json").read_text())["grants"]
                if grant["principal"] == "cert:alice"]
    assert grant == {"principal": "cert:alice", "role": "predictor", "models": "sentiment*"}
    assert "alice" in json.dumps(home.json("clients", "list"))
    for path in home.certificate("alice"):
        assert path.stat().st_mode & 0o077 == 0 or not path.name.endswith("-key.pem")
    home.command("clients", "remove", "alice")
    assert "alice" not in json.dumps(home.json("clients", "list"))
    assert home.serve().answers()


def test_init_makes_a_home_that_only_its_owner_can_read(home):
    modes = {path.name: path.stat().st_mode & 0o777 for path in home.files()}
    assert all(mode & 0o077 == 0 for name, mode in modes.items()
               if name.endswith((".key", "-key.pem")))
    assert {"ca.pem", "ca-key.pem", "server.pem", "server-key.pem", "admin.pem",
            "admin-key.pem", "access.json", "kek-current", "signing.key"} <= set(modes)


# How it fails.


def test_init_on_a_home_that_exists_changes_nothing(home):
    before = {path: path.read_bytes() for path in home.files()}
    fails(home.run("init"), 1, home.folder)
    assert {path: path.read_bytes() for path in home.files()} == before


@pytest.mark.parametrize("command", [
    "serve", "keys list", "certs list", "certs renew", "clients list", "clients remove bob",
    "models"])
def test_a_home_that_does_not_exist_is_named(home, tmp_path, command):
    missing = tmp_path / "missing"
    fails(home.run(*command.split(), "--home", missing, home=False), 1, missing)


def test_a_home_below_a_file_cannot_be_made(home, tmp_path):
    (tmp_path / "file").write_text("")
    fails(home.run("init", "--home", tmp_path / "file/home", home=False), 1, tmp_path / "file/home")


def test_no_permission_is_one_clear_line(home):
    """As another user where this one is root, who may do anything."""
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    home.folder.chmod(0)
    try:
        done = subprocess.run(
            [*(as_nobody if os.getuid() == 0 else []), str(harness.BINARY), "serve", "--home",
             str(home.folder), "--listen", "127.0.0.1:0"],
            text=True, capture_output=True, timeout=harness.COMMAND_SECONDS)
    finally:
        home.folder.chmod(0o700)
    fails(done, 1, home.folder)


def test_a_port_in_use_is_named(home):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        fails(home.run("serve", "--listen", address), 1, address)


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:99999", "127.0.0.1:"])
def test_an_address_that_is_none_is_named(home, address):
    done = home.run("serve", "--listen", address)
    fails(done, done.returncode, address)
    assert done.returncode in (1, 64)


def test_a_server_that_is_not_there_is_named(home):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = "127.0.0.1:%d" % closed.getsockname()[1]
    fails(home.run("models", "--server", address), 1, address)
    fails(home.run("models"), 1)


def test_a_missing_file_is_named(server, shared_home, tmp_path, published):
    missing = tmp_path / "missing.onnx"
    fails(shared_home.run("publish", published, missing), 1, missing)
    fails(shared_home.run("predict", published, "--input", f"x=@{missing}"), 1, missing)


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero"])
def test_a_device_is_no_bundle(server, shared_home, path):
    fails(shared_home.run("publish", "device", path), 1, path)


def test_a_host_that_is_none_is_named(home, tmp_path):
    done = home.run("init", "--home", tmp_path / "new", "--host", "no host", home=False)
    fails(done, 1, "no host")
    assert list(tmp_path.glob("new*")) == []


def test_an_unknown_authority_is_said(server, shared_home):
    certificate = shared_home.folder / "tls/server.pem"
    fails(shared_home.run("models", "--ca", certificate), 1, "certificate")


def test_an_unknown_model_and_version_are_named(published, shared_home):
    fails(shared_home.run("predict", "missing", "--input", f"x={ROW_JSON}"), 1, "missing")
    fails(shared_home.run("show", published, "--version", 9), 1, "9")
    fails(shared_home.run("alias", "set", published, "live", 9), 1, "9")
    fails(shared_home.run("rollback", published, "--to", 9), 1, "9")


def test_a_rejected_version_is_a_failure_with_its_reason(published, shared_home, mlp_files):
    done = shared_home.run("publish", published, mlp_files / "noise.onnx")
    assert done.returncode == 1
    assert "3" in done.stderr and done.stderr.startswith("strongroom: error: ")


@pytest.mark.parametrize("arguments", [
    ["--no-such-option"], ["no-such-command"], ["serve", "--no-such-option"], ["publish"],
    ["delete", "mlp", "one"], ["clients", "add", "bob", "--role", "king"],
    ["serve", "--listen"], ["models", "--format", "xml"], ["models", "--cert", "x.pem"],
    ["publish", "mlp", ".", "--metadata", "x"],
    ["predict", "mlp", "--version", "1", "--alias", "live"],
    ["alias", "move", "mlp"], ["clients", "add", "bob", "--role", "admin", "--models", "Caps*"]])
def test_wrong_usage_exits_64(shared_home, server, arguments):
    done = shared_home.run(*arguments)
    fails(done, 64)


@pytest.mark.parametrize("arguments,named", [
    (["conquer", "--listen", "x"], "'conquer' is no command of strongroom"),
    (["alias", "move", "mlp", "live"], "'move' is no command of strongroom alias"),
    (["a\nb\x1b[31m"], "'a\\nb\\u{1b}[31m' is no command"), (["z" * 65], f"'{'z' * 64}...'")])
def test_an_unknown_command_is_named(shared_home, server, arguments, named):
    fails(shared_home.run(*arguments), 64, named)


def test_an_empty_home_exits_64(home):
    fails(home.run("models", "--home", "", home=False), 64, "--home")


@pytest.mark.parametrize("arguments", [
    ["--input", "x"], ["--input", "x=[1,"], ["--input", "x=[1]", "--input", "x=[2]"],
    ["--input", 'x=["text"]'], ["--version", "-1", "--input", "x=[1]"]])
def test_a_malformed_input_exits_64(published, shared_home, arguments):
    fails(shared_home.run("predict", published, *arguments), 64)


NAMED = ["city", "city=Rome", "a", "größe"]  # "größe" in composed letters


@pytest.fixture(scope="module")
def named(server, shared_home, tmp_path_factory):
    """A model whose inputs' names hold `=`; each output is one input."""
    path = tmp_path_factory.mktemp("named") / "named.onnx"
    path.write_bytes(models.copies(NAMED))
    shared_home.command("publish", "named", path)
    return "named"


def test_the_name_of_an_input_is_the_longest_that_fits(named, shared_home, tmp_path):
    whole = {"city": [3], "city=Rome": [1], "a": [4], "größe": [5]}
    (tmp_path / "all.json").write_text(json.dumps(whole))
    (tmp_path / "some.json").write_text(json.dumps({"city=Rome": [1], "größe": [5]}))
    single = [word for key, value in whole.items() for word in ("--input", f"{key}={value}")]
    for arguments in (
            single, ["--inputs", f"@{tmp_path}/all.json"],
            ["--input", "city=[3]", "--inputs", f"@{tmp_path}/some.json", "--input", "a=[4]"]):
        reply = shared_home.json("predict", named, *arguments)
        assert {out["name"]: out["data"] for out in reply["outputs"]} == {
            f"copy of {key}": value for key, value in whole.items()}


@pytest.mark.parametrize("arguments,texts", [
    (["--input", "town=[1]"], ["town", *NAMED]),
    (["--input", "=[1]"], NAMED),
    (["--input", "gro\u0308ße=[1]"], NAMED),
    (["--input", "a"], ["NAME=VALUE"]),
    (["--input", "city=Rome=[1]", "--input", "city=Rome=[2]"], ["city=Rome", "twice"]),
    (["--input", "a=[1]", "--inputs", '@{"a": [1]}'], ["'a'", "twice"]),
    (["--inputs", '@{"town": [1]}'], ["town", *NAMED]),
    (["--inputs", '@{"gro\u0308ße": [1]}'], NAMED),
    (["--inputs", '@{"a": [1], "a": [1]}'], ["'a'", "repeated"]),
    (["--inputs", "@[1]"], ["object"]), (["--inputs", '@{"a": "text"}'], ["'a'"]),
    (["--inputs", "all.json"], ["@FILE"])])
def test_inputs_without_a_name_or_with_one_twice_exit_64(named, shared_home, tmp_path, arguments,
                                                         texts):
    arguments = list(arguments)
    if arguments[-1].startswith("@"):
        (tmp_path / "inputs.json").write_text(arguments[-1][1:])
        arguments[-1] = f"@{tmp_path}/inputs.json"
    fails(shared_home.run("predict", named, *arguments), 64, *texts)


def test_a_file_of_inputs_that_is_not_there_exits_1(named, shared_home, tmp_path):
    missing = tmp_path / "missing.json"
    fails(shared_home.run("predict", named, "--inputs", f"@{missing}"), 1, missing)


# The limits of messages are the server's.


def test_large_requests_and_replies_go_through(server, shared_home, name, tmp_path):
    model = name("large")
    (tmp_path / "identity.onnx").write_bytes(models.identity("FP32", rank=1))
    shared_home.command("publish", model, tmp_path / "identity.onnx")
    limits = shared_home.json("show", model)["limits"]
    assert 16_777_000 < limits["request_bytes"] < 16_777_215
    assert limits["reply_bytes"] == 16_777_215 - 5  # tag and length of the payload
    array = numpy.arange(2_000_000, dtype="f4")
    numpy.save(tmp_path / "x.npy", array)
    reply = shared_home.json("predict", model, "--input", f"x=@{tmp_path}/x.npy")
    assert reply["outputs"][0]["data"] == array.tolist()


def test_a_request_over_the_servers_limit_is_not_sent(home, name, tmp_path):
    (home.folder / "strongroom.yaml").write_text("limits: {frame_bytes: 8000}\n")
    home.serve()
    (tmp_path / "identity.onnx").write_bytes(models.identity("FP32", rank=1))
    home.command("publish", "m", tmp_path / "identity.onnx")
    limit = home.json("show", "m")["limits"]["request_bytes"]
    assert 7_800 < limit < 8_000

    def run(count):
        numpy.save(tmp_path / "x.npy", numpy.zeros(count, "f4"))
        return home.run("predict", "m", "--input", f"x=@{tmp_path}/x.npy", "--format", "json")

    assert run(limit // 4 - 20).returncode == 0
    done = run(2_000)
    fails(done, 1, "RESOURCE_EXHAUSTED", str(limit), "the request has 80")


def test_a_shape_that_the_model_refuses_exits_1(published, shared_home):
    fails(shared_home.run("predict", published, "--input", "x=[[1, 2, 3]]"), 1, "x")


@pytest.mark.parametrize("text,named", [
    ("colour: red\n", "colour"), ("listen: 127.0.0.1:0\ndrain_seconds: soon\n", "drain_seconds"),
    ("tls: {minimum: 0.9}\n", "tls.minimum"), ("{", "strongroom.yaml")])
def test_a_configuration_with_a_fault_names_it(home, text, named):
    (home.folder / "strongroom.yaml").write_text(text)
    fails(home.run("serve"), 1, named)


def test_help_exits_0(shared_home):
    for command in ([], ["serve"], ["alias", "set"]):
        done = shared_home.run(*command, "--help", home=False)
        assert done.returncode == 0 and "USAGE" in done.stdout.upper() and done.stderr == ""
