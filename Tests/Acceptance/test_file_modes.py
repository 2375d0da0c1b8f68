"""Files whose kind, owner or mode is wrong: what a start, a reload and `verify` make of them."""
import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

import harness
from harness import wait_until

RELOAD_SECONDS = 5
END_SECONDS = 5
FOREIGN = 4242
root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to other users")

TRUSTED = ["strongroom.yaml", "access.json", "tls/ca.pem", "tls/server.pem", "keys/kek-current",
           "keys/signing.pub.pem", "keys/sequence", "keys/format", "store/registry.sqlite", "store/server-id",
           "store/lock"]
KEYS = ["tls/server-key.pem", "tls/ca-key.pem", "tls/clients/admin-key.pem", "keys/signing.key",
        "keys/kek-*.key"]
FOLDERS = [".", "tls", "tls/clients", "keys", "store"]


def found(home, name):
    (path,) = home.folder.glob(name) if name != "." else [home.folder]
    return path


def start(home, *arguments):
    """A server that cannot start: its exit status and what it said."""
    server = home.serve(arguments=arguments, wait=False)
    assert server.process.wait(harness.START_SECONDS) == 1, server.log
    return server.log


def is_refused(home, name, *parts):
    said = start(home)
    path = found(home, name)
    assert all(part in said for part in (str(path), "expected", *parts)), said
    verify = home.run("verify")
    assert verify.returncode == 1, verify.stdout
    assert path.name in verify.stdout + verify.stderr


@pytest.mark.parametrize("name, mode", [(name, 0o666) for name in TRUSTED + KEYS]
                         + [(name, 0o777) for name in FOLDERS] + [(name, 0o444) for name in KEYS])
def test_a_file_that_others_may_use_is_refused_by_name_and_mode(home, name, mode):
    found(home, name).chmod(mode)
    is_refused(home, name, f"{mode:04o}")
    server = home.serve(arguments=["--insecure-modes"])
    assert server.answers()
    assert str(found(home, name)) in server.log and "--insecure-modes" in server.log


@root
@pytest.mark.parametrize("name", TRUSTED + KEYS + FOLDERS)
def test_a_file_of_another_user_is_refused(home, name):
    os.chown(found(home, name), FOREIGN, -1)
    is_refused(home, name, f"user {FOREIGN}")


@root
def test_a_group_may_write_if_it_is_one_of_the_process_and_the_file_is_no_key(home):
    for name in ["access.json", "tls/ca.pem", "strongroom.yaml"]:
        found(home, name).chmod(0o660)
    for name in FOLDERS:
        found(home, name).chmod(0o770)
    assert home.serve().answers()
    home.servers[-1].kill()
    os.chown(home.folder / "access.json", -1, FOREIGN)
    is_refused(home, "access.json", "0660", f"group {FOREIGN}")


@root
def test_a_key_may_be_readable_for_a_group_of_the_process(home):
    for name in KEYS:
        found(home, name).chmod(0o440)
    assert home.serve().answers()
    assert home.run("verify").returncode == 0
    home.servers[-1].kill()
    os.chown(home.folder / "tls/server-key.pem", -1, FOREIGN)
    is_refused(home, "tls/server-key.pem", "0440", f"group {FOREIGN}")


def test_a_configuration_that_names_a_key_command_is_written_by_its_owner_alone(home, tmp_path):
    program = tmp_path / "command"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o700)
    configuration = home.folder / "strongroom.yaml"
    configuration.write_text(f"keys: exec:{program}\n")
    configuration.chmod(0o660)
    said = start(home)
    assert str(configuration) in said and "0660" in said
    configuration.chmod(0o600)
    program.chmod(0o770)
    said = start(home)
    assert str(program) in said and "0770" in said


@pytest.mark.parametrize("name", ["keys", "store", "tls", "tls/ca.pem", "access.json",
                                  "keys/kek-current", "keys/kek-*.key"])
def test_a_link_is_judged_by_its_target(home, tmp_path, name):
    path, target = found(home, name), tmp_path / "volume"
    shutil.move(path, target)
    path.symlink_to(target)
    assert home.serve().answers()
    home.servers[-1].kill()
    done = home.run("verify")
    assert done.returncode == 0, done.stdout
    target.chmod(0o777)
    assert "0777" in start(home)
    assert home.run("verify").returncode == 1


def make(kind, path):
    if kind == "fifo":
        os.mkfifo(path, 0o600)
    elif kind == "folder":
        path.mkdir(0o700)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            here = os.open(path.parent, os.O_PATH)
            server.bind(f"/proc/self/fd/{here}/{path.name}")
            os.close(here)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "nowhere":
        path.symlink_to(path.parent / "nowhere")
    elif kind == "huge":
        with open(path, "wb") as file:
            file.truncate(10 << 30)
        path.chmod(0o600)


KINDS = ["fifo", "folder", "socket", "device", "nowhere", "huge"]


@pytest.mark.parametrize("name", ["strongroom.yaml", "access.json", "tls/ca.pem",
                                  "tls/server-key.pem", "tls/crl.pem", "keys/kek-current",
                                  "keys/kek-*.key", "keys/signing.key", "keys/sequence",
                                  "store/server-id", "store/registry.sqlite", "store/lock"])
def test_no_kind_of_file_makes_a_command_wait(home, name):
    path = home.folder / name if name == "tls/crl.pem" else found(home, name)
    saved = path.read_bytes() if path.exists() else None
    for kind in KINDS:
        if kind == "huge" and name in ("store/registry.sqlite", "store/lock"):
            continue
        path.unlink(missing_ok=True)
        make(kind, path)
        begin = time.monotonic()
        start(home)
        home.run("verify")
        assert time.monotonic() - begin < 2 * harness.START_SECONDS, kind
        path.rmdir() if kind == "folder" else path.unlink()
    assert saved is not None or name == "tls/crl.pem"


@pytest.mark.parametrize("kind", KINDS)
def test_grants_are_read_again_after_any_kind_of_file(home, kind):
    home.add_client("gone", "observer")
    server = home.serve()
    path = home.folder / "access.json"
    path.unlink()
    make(kind, path)
    wait_until(lambda: "grants were not reloaded" in server.log, RELOAD_SECONDS, "a message")
    server.send(signal.SIGHUP)
    assert server.answers()
    path.rmdir() if kind == "folder" else path.unlink()
    path.write_text('{"grants": []}')
    path.chmod(0o600)
    wait_until(lambda: "grants were reloaded" in server.log, RELOAD_SECONDS, "the right file")
    server.send(signal.SIGTERM)
    assert server.process.wait(END_SECONDS) == 0


def test_files_that_others_may_write_are_not_taken_at_a_reload(home):
    server = home.serve()
    for name, mode, message in [("access.json", 0o666, "grants were not reloaded"),
                                ("tls/ca.pem", 0o666, "certificates were not reloaded"),
                                ("tls", 0o777, "certificates were not reloaded")]:
        path = found(home, name)
        before = path.stat().st_mode & 0o777
        said = len(server.log)
        path.chmod(mode)
        server.send(signal.SIGHUP)
        wait_until(lambda: message in server.log[said:], RELOAD_SECONDS, message)
        assert f"{mode:04o}" in server.log[said:]
        assert server.answers()
        path.chmod(before)


def test_a_tracing_file_is_a_regular_file(home):
    pipe = home.folder / "spans"
    os.mkfifo(pipe)
    (home.folder / "strongroom.yaml").write_text(f"tracing:\n  file: {pipe}\n")
    assert str(pipe) in start(home)


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o077])
def test_init_makes_files_that_a_start_takes_under_any_umask(tmp_path, umask):
    folder = tmp_path / "home"
    subprocess.run([str(harness.BINARY), "init", "--home", str(folder)], check=True, umask=umask,
                   capture_output=True)
    with harness.Home(folder, made=True) as home:
        modes = {path.relative_to(folder).as_posix(): path.stat().st_mode & 0o777
                 for path in folder.rglob("*")}
        assert all(mode & 0o022 == 0 for mode in modes.values()), modes
        assert modes["tls/ca.pem"] == 0o644 and modes["tls/server-key.pem"] == 0o600
        assert modes["access.json"] == modes["strongroom.yaml"] == 0o600
        assert home.serve().answers()
        home.servers[-1].kill()
        assert "note" not in home.command("verify")
