"""Keys: rotation while the server serves and after a kill, passphrases, commands, a PKCS#11 token."""

import base64
import os
import pty
import subprocess
import threading
import time

import pytest

import models
from harness import BINARY, ROOT, Home, wait_until
from strongroom_client import ConnectionLost, StatusError
from strongroom_models import predict, publish_bundle

MODEL = {"model.onnx": models.mlp(seed=1)}
ROW = models.rows(seed=1)
EXPECTED = models.Reference(MODEL["model.onnx"]).run(x=ROW)["y"]
VERSIONS = 30
KILLS = 12
WAIT_SECONDS = 30


def check(client, name="mlp"):
    assert predict(client, name, {"x": ROW})[1]["y"].tobytes() == EXPECTED.tobytes()


def keys(home, **options):
    listed = home.json("keys", "list", **options)["keys"]
    return {key["id"]: key for key in listed}


def test_a_rotation_fails_no_call_and_no_publish(home):
    server = home.serve()
    with server.client() as client:
        publish_bundle(client, "mlp", MODEL)
        before = set(keys(home))
        stop, failed, done = threading.Event(), [], [0, 0]

        def run(index, body):
            with server.client() as own:
                while not stop.is_set():
                    try:
                        body(own)
                        done[index] += 1
                    except (StatusError, ConnectionLost) as error:
                        failed.append(str(error))

        number = iter(range(10_000))
        workers = [
            threading.Thread(target=run, args=(0, check)),
            threading.Thread(target=run, args=(1, lambda own: publish_bundle(
                own, "other", {"model.onnx": models.mlp(seed=next(number))})))]
        for worker in workers:
            worker.start()
        for _ in range(5):
            seen = list(done)
            rotated = home.json("keys", "rotate")
            assert rotated["failures"] == [] and len(rotated["retired_keys"]) == 1
            wait_until(lambda: all(now > then for now, then in zip(done, seen)), WAIT_SECONDS,
                       "calls and publishes between two rotations")
        stop.set()
        for worker in workers:
            worker.join()
        assert failed == []
        listed = keys(home)
        current = [key for key in listed.values() if key["current"]]
        assert len(current) == 1 and current[0]["id"] not in before
        assert all(key["retired"] and key["wrapped_keys"] == 0
                   for key in listed.values() if not key["current"])
        print(f"5 rotations during {done[0]} predictions and {done[1]} publishes")
    assert server.stop() == 0
    server = home.serve()
    with server.client() as client:
        check(client)
        events = home.json("audit")["events"]
        assert [event["principal"] for event in events if event["action"] == "key.rotate"] == [
            "cert:admin"] * 5


def test_a_rotation_that_is_killed_is_finished_by_the_next(home):
    server = home.serve()
    with server.client() as client:
        for number in range(VERSIONS):
            publish_bundle(client, "mlp", {**MODEL, "note.txt": b"%d" % number}, alias="")
        publish_bundle(client, "mlp", MODEL)
    for kill in range(KILLS):
        rotation = subprocess.Popen(
            [str(BINARY), "keys", "rotate", "--home", str(home.folder)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.01 * kill)
        server.kill()
        rotation.wait()
        server = home.serve()
        with server.client() as client:
            check(client)
    rotated = home.json("keys", "rotate")
    assert rotated["failures"] == []
    listed = keys(home)
    in_use = [key for key in listed.values() if key["wrapped_keys"]]
    # Every version's key, the registry's own and the signing key.
    assert [key["wrapped_keys"] for key in in_use] == [VERSIONS + 3] and in_use[0]["current"]
    with server.client() as client:
        for number in (1, VERSIONS // 2, VERSIONS + 1):
            assert predict(client, "mlp", {"x": ROW}, version=number)[0] == number


def test_a_rotation_works_on_a_home_that_no_server_has_open(home):
    server = home.serve()
    with server.client() as client:
        publish_bundle(client, "mlp", MODEL)
    assert server.stop() == 0
    assert home.json("keys", "rotate")["rewrapped"] == 3
    with home.serve().client() as client:
        check(client)


def serve_and_check(home, env):
    server = home.serve(env=env)
    with server.client() as client:
        check(client)
    assert server.stop() == 0


def publish_once(home, env):
    server = home.serve(env=env)
    with server.client() as client:
        publish_bundle(client, "mlp", MODEL)
        check(client)
    assert server.stop() == 0


def secret_file(path, text):
    path.write_text(text)
    path.chmod(0o600)
    return {"STRONGROOM_PASSPHRASE_FILE": str(path)}


def test_a_passphrase_from_a_file_opens_a_home_and_is_changed_by_a_rotation(tmp_path, monkeypatch):
    old = secret_file(tmp_path / "old", "correct horse\n")
    both = secret_file(tmp_path / "both", "battery staple\ncorrect horse\n")
    new = secret_file(tmp_path / "new", "battery staple\n")
    monkeypatch.setenv(*next(iter(old.items())))
    with Home(tmp_path / "home", "--keys", "passphrase") as home:
        publish_once(home, old)
        wrong = home.run("serve", "--listen", "127.0.0.1:0", env=new)
        assert wrong.returncode == 1 and "passphrase is wrong" in wrong.stderr
        assert len(wrong.stderr.strip().splitlines()) <= 2
        assert home.json("keys", "rotate", env=both)["rewrapped"] == 3
        serve_and_check(home, new)
        files = [path.read_bytes() for path in home.files()]
        assert not any(b"correct horse" in data or b"battery" in data for data in files)


def test_a_passphrase_is_asked_for_on_the_terminal_and_not_shown(tmp_path):
    env = {name: value for name, value in os.environ.items()
           if name != "STRONGROOM_PASSPHRASE_FILE"}
    made = Home.__new__(Home)
    made.folder, made.servers = tmp_path / "home", []
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(str(BINARY), [str(BINARY), "init", "--home", str(made.folder), "--keys",
                                "passphrase"], env)
    shown = b""
    for prompt in (b"passphrase: ", b"again: "):
        while prompt not in shown:
            shown += os.read(terminal, 1_000)
        os.write(terminal, b"typed in\n")
        shown = shown.split(prompt)[-1]
    rest = b""
    try:
        while chunk := os.read(terminal, 1_000):
            rest += chunk
    except OSError:
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, rest
    assert b"typed in" not in shown + rest and b"made" in rest
    publish_once(made, secret_file(tmp_path / "typed", "typed in"))
    for server in made.servers:
        server.kill()


COMMAND = """#!/bin/sh
read line
case $1 in wrap) echo "w $line" ;; unwrap) {unwrap} ;; esac
"""


def key_command(folder, unwrap='echo "${line#w }"'):
    path = folder / "key-command"
    path.write_text(COMMAND.replace("{unwrap}", unwrap))
    path.chmod(0o700)
    return path


def test_a_key_command_opens_a_home_and_is_rotated(tmp_path):
    command = key_command(tmp_path)
    with Home(tmp_path / "home", "--keys", f"exec:{command}") as home:
        publish_once(home, {})
        assert home.json("keys", "rotate")["rewrapped"] == 3
        assert {key["kind"] for key in keys(home).values()} == {"command"}
        serve_and_check(home, {})


@pytest.mark.parametrize("unwrap, said", [
    ("exit 4", "status 4"), ("echo no token >&2; exit 1", "no token"),
    ("echo garbage", "base64"), ("sleep 60", "longer than 10 s")])
def test_a_key_command_that_fails_is_one_clear_line(tmp_path, unwrap, said):
    command = key_command(tmp_path)
    with Home(tmp_path / "home", "--keys", f"exec:{command}") as home:
        key_command(tmp_path, unwrap)
        done = home.run("serve", "--listen", "127.0.0.1:0")
        assert done.returncode == 1 and said in done.stderr, done.stderr
        assert len(done.stderr.strip().splitlines()) <= 2


def test_the_example_for_a_pkcs11_token_works_with_softhsm(tmp_path, monkeypatch):
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(
        f"directories.tokendir = {tmp_path}/tokens\nobjectstore.backend = file\n")
    module = "/usr/lib/softhsm/libsofthsm2.so"
    for name, value in {"SOFTHSM2_CONF": f"{tmp_path}/softhsm2.conf",
                        "STRONGROOM_PKCS11_MODULE": module,
                        "STRONGROOM_PKCS11_TOKEN": "vault",
                        "STRONGROOM_PKCS11_PIN": "4711"}.items():
        monkeypatch.setenv(name, value)
    for command in (
            ["softhsm2-util", "--init-token", "--free", "--label", "vault", "--pin", "4711",
             "--so-pin", "1147"],
            ["pkcs11-tool", "--module", module, "--token-label", "vault", "--login", "--pin",
             "4711", "--keypairgen", "--key-type", "rsa:3072", "--id", "01", "--label",
             "strongroom"]):
        subprocess.run(command, check=True, capture_output=True)
    example = ROOT / "Examples/pkcs11/strongroom-pkcs11"
    with Home(tmp_path / "home", "--keys", f"exec:{example}") as home:
        publish_once(home, {})
        assert home.json("keys", "rotate")["rewrapped"] == 3
        serve_and_check(home, {})
        wrapped = [path for path in home.files("keys") if path.suffix == ".exec"]
        assert all(len(base64.b64decode(path.read_text())) == 384 for path in wrapped)
        refused = home.run("serve", "--listen", "127.0.0.1:0",
                           env={"STRONGROOM_PKCS11_PIN": "0000"})
        assert refused.returncode == 1 and "key command (unwrap)" in refused.stderr
