"""Publishers' signatures, made and checked with the `model_signing` command, and `export`."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys

import pytest

import harness
import models
from harness import wait_until
from strongroom_models import predict
from test_command_line import fails
from test_damage import one_line, replace

SIGNED, FREE = "sealed-one", "free"
CARD = "format: 1\nengine: onnxruntime\nentry: model.onnx\n"
RULE = 'signatures:\n  - {models: "sealed*", public_key: alice.pem}\n'
COMMAND_SECONDS = 60


def command(*arguments):
    return subprocess.run([sys.executable, "-m", "model_signing", *map(str, arguments)],
                          capture_output=True, text=True, timeout=COMMAND_SECONDS)


def sign(bundle, key, *options):
    done = command("sign", "key", bundle, "--private_key", key, "--signature",
                   bundle / "model.sig", *options)
    assert done.returncode == 0, done.stderr
    return bundle


def verify(folder, public_key):
    return command("verify", "key", folder, "--signature", folder / "model.sig", "--public_key",
                   public_key)


def make_key(folder, name, curve="prime256v1"):
    """Paths of a private key and of its public half."""
    private, public = folder / f"{name}-key.pem", folder / f"{name}.pem"
    subprocess.run(["openssl", "ecparam", "-name", curve, "-genkey", "-noout", "-out", private],
                   check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    return private, public


def make_bundle(folder, seed=1):
    (folder / "notes").mkdir(parents=True)
    (folder / "model.yaml").write_text(CARD)
    (folder / "model.onnx").write_bytes(models.mlp(seed))
    (folder / "notes/data \u00fc.txt").write_text("where the data came from\n")
    (folder / "empty").write_bytes(b"")
    return folder


def content(folder):
    return {str(file.relative_to(folder)): file.read_bytes()
            for file in sorted(folder.rglob("*")) if file.is_file()}


@pytest.fixture
def alice(tmp_path):
    return make_key(tmp_path, "alice")


@pytest.fixture
def signing_home(home, alice):
    """A home that takes bundles of sealed* signed by alice alone."""
    shutil.copy(alice[1], home.folder / "alice.pem")
    (home.folder / "strongroom.yaml").write_text(RULE)
    return home


@pytest.fixture
def exporting(server, shared_home, tmp_path, name):
    """A home, a model with one version, its bundle, and a folder in which there is nothing."""
    model, bundle = name("export"), make_bundle(tmp_path / "bundle")
    shared_home.command("publish", model, bundle)
    (tmp_path / "out").mkdir()
    return shared_home, model, bundle, tmp_path / "out"


# Signatures.


@pytest.mark.parametrize("curve", ["prime256v1", "secp384r1"])
def test_a_signed_bundle_is_published_exported_and_accepted_by_the_command(home, tmp_path, curve):
    private, public = make_key(tmp_path, "alice", curve)
    (home.folder / "strongroom.yaml").write_text(
        f'signatures:\n- models: "sealed*"\n  public_key: {public}\n')
    bundle = sign(make_bundle(tmp_path / "bundle"), private)
    server = home.serve()
    assert home.json("publish", SIGNED, bundle)["aliases"] == ["live"]
    with server.client() as client:
        assert predict(client, SIGNED, {"x": models.rows(seed=1)})[0] == 1
    (event,) = [event for event in home.json("audit")["events"] if event["action"] == "publish"]
    fingerprint = hashlib.sha256(public.read_bytes()).hexdigest()
    assert event["detail"].endswith(f", signed by {fingerprint}")
    exported = tmp_path / "exported"
    home.command("export", SIGNED, exported)
    assert content(exported) == content(bundle)
    assert verify(exported, public).returncode == 0
    (exported / "model.onnx").write_bytes(b"another model")
    assert verify(exported, public).returncode != 0


def change_unsigned(bundle):
    (bundle / "model.sig").unlink()


def change_file(bundle):
    (bundle / "model.onnx").write_bytes(models.mlp(seed=2))


def change_more(bundle):
    (bundle / "more.txt").write_text("more")


def change_fewer(bundle):
    (bundle / "empty").unlink()


def change_signature(bundle):
    text = (bundle / "model.sig").read_text()
    at = text.index('"sig":"') + 40
    (bundle / "model.sig").write_text(text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:])


@pytest.mark.parametrize("change, named", [
    (change_unsigned, "expected 'model.sig'"),
    (change_file, "file 'model.onnx': its SHA-256 is not the one that was signed"),
    (change_more, "file 'more.txt' is not signed"),
    (change_fewer, "file 'empty' is signed and not in the bundle"),
    (change_signature, "does not hold"),
])
def test_a_bundle_is_refused_that_was_changed_after_it_was_signed(
        signing_home, alice, tmp_path, change, named):
    bundle = sign(make_bundle(tmp_path / "bundle"), alice[0])
    server = signing_home.serve()
    change(bundle)
    fails(signing_home.run("publish", SIGNED, bundle), 1, named, "INVALID_ARGUMENT")
    assert signing_home.json("models")["models"] == []
    assert signing_home.files("store/blobs") == [] and signing_home.files("store/uploads") == []
    # Where no signature is needed, it is a file like any other.
    assert signing_home.json("publish", FREE, bundle)["version"] == 1
    assert server.answers()


def test_a_bundle_signed_with_another_key_is_refused(signing_home, tmp_path):
    bundle = sign(make_bundle(tmp_path / "bundle"), make_key(tmp_path, "mallory")[0])
    signing_home.serve()
    fails(signing_home.run("publish", SIGNED, bundle), 1, "may not sign this model")


def test_a_signed_bundle_brings_its_own_card(signing_home, alice, tmp_path):
    bundle = make_bundle(tmp_path / "bundle")
    (bundle / "model.yaml").unlink()
    sign(bundle, alice[0])
    signing_home.serve()
    fails(signing_home.run("publish", SIGNED, bundle), 1, "expected a 'model.yaml'")


def test_a_signature_that_hides_files_is_refused(signing_home, alice, tmp_path):
    bundle = make_bundle(tmp_path / "bundle")
    sign(bundle, alice[0], "--ignore-paths", bundle / "notes")
    assert verify(bundle, alice[1]).returncode == 0
    signing_home.serve()
    fails(signing_home.run("publish", SIGNED, bundle), 1, "leaves out 'notes'")


def test_several_keys_may_sign_and_new_ones_are_taken_up_on_sighup(signing_home, alice, tmp_path):
    bob, carol = make_key(tmp_path, "bob", "secp384r1"), make_key(tmp_path, "carol")
    with open(signing_home.folder / "strongroom.yaml", "a") as file:
        file.write(f"  - {{models: sealed-one, public_key: {bob[1]}}}\n")
    bundles = {name: sign(make_bundle(tmp_path / name, seed), key[0])
               for seed, (name, key) in enumerate((("a", alice), ("b", bob), ("c", carol)))}
    server = signing_home.serve()
    for name in "ab":
        signing_home.command("publish", SIGNED, bundles[name])
    fails(signing_home.run("publish", SIGNED, bundles["c"]), 1, "may not sign")
    fails(signing_home.run("publish", "sealed-two", bundles["b"]), 1, "may not sign")
    shutil.copy(carol[1], signing_home.folder / "alice.pem")
    server.send(signal.SIGHUP)
    harness.wait_until(lambda: "publishers' keys were reloaded" in server.log, 10, "the new keys")
    signing_home.command("publish", SIGNED, bundles["c"])
    # A file that is no key changes nothing.
    (signing_home.folder / "alice.pem").write_text("no key")
    server.send(signal.SIGHUP)
    harness.wait_until(lambda: "keys were not reloaded" in server.log, 10, "the refusal")
    assert signing_home.json("publish", SIGNED, bundles["c"])["version"] == 3
    fails(signing_home.run("publish", "sealed-two", bundles["a"]), 1, "may not sign")
    signing_home.command("publish", "sealed-two", bundles["c"])


@pytest.mark.parametrize("text, named", [
    (None, "No such file"), ("", "no PEM text"), ("private", "expected '-----BEGIN PUBLIC KEY"),
    ("ed25519", "ED25519, expected an ECDSA key on P-256 or P-384"), ("secp521r1", "secp521r1"),
])
def test_the_server_does_not_start_with_a_key_file_that_is_none(signing_home, alice, text, named):
    key = signing_home.folder / "alice.pem"
    if text is None:
        key.unlink()
    elif text == "private":
        shutil.copy(alice[0], key)
    elif text == "ed25519":
        shutil.copy(signing_home.folder / "keys/signing.pub.pem", key)
    elif text == "secp521r1":
        shutil.copy(make_key(signing_home.folder, "wide", text)[1], key)
    else:
        key.write_text(text)
    line = one_line(signing_home.run("serve", "--listen", "127.0.0.1:0"))
    assert "strongroom.yaml:2: 'signatures[0].public_key': " in line and named in line, line


# Export.


def test_export_writes_the_version_that_is_named(exporting):
    home, model, bundle, out = exporting
    first = content(bundle)
    (bundle / "model.onnx").write_bytes(models.mlp(seed=2))
    home.command("publish", model, bundle, "--alias", "next")
    for number, options, expected in (
            (1, [], first), (1, ["--version", 1], first), (2, ["--version", 2], content(bundle)),
            (2, ["--alias", "next"], content(bundle))):
        done = home.json("export", model, out / "files", *options)
        assert content(out / "files") == expected
        shown = home.json("show", model, "--version", number)["version"]
        assert done == {
            "model": model, "version": number, "folder": str(out / "files"), "files": 4,
            "bytes": shown["bytes"], "record_sha256": shown["record_sha256"],
            "signature_checked": True}
        shutil.rmtree(out / "files")
    assert home.command("export", model, out) == (
        f"{model} version 1, 4 files, {sum(map(len, first.values()))} B: written to {out}\n")
    assert sorted(os.listdir(out.parent)) == ["bundle", "out"]


def test_export_of_many_chunks_and_of_a_single_file(server, shared_home, tmp_path, name):
    model, bundle = name("export"), make_bundle(tmp_path / "bundle")
    (bundle / "large").write_bytes(os.urandom((9 << 20) + 5))
    shared_home.command("publish", model, bundle)
    shared_home.command("export", model, tmp_path / "out/")
    assert content(tmp_path / "out") == content(bundle)


def test_export_needs_an_empty_place(exporting):
    home, model, _, out = exporting
    (out / "full").mkdir()
    (out / "full/file").write_text("mine")
    (out / "link").symlink_to(out.parent / "elsewhere")
    for folder in (out, out / "full", out / "full/file", out / "link"):
        fails(home.run("export", model, folder), 1, "expected an empty folder or none")
    fails(home.run("export", model, out / "none/below"), 1, "cannot be made")
    assert sorted(os.listdir(out)) == ["full", "link"]


def test_a_failed_export_leaves_nothing(exporting, tmp_path):
    home, model, _, out = exporting
    target = out / "files"
    fails(home.run("export", "unknown", target), 1, "NOT_FOUND")
    fails(home.run("export", model, target, "--version", 7), 1, "NOT_FOUND")
    fails(home.run("export", model, target, "--alias", "none"), 1, "NOT_FOUND")
    fails(home.run("export", model, target, "--version", 1, "--alias", "live"), 64, "--alias")
    other = tmp_path / "other.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", tmp_path / "k.pem"],
                   check=True)
    subprocess.run(["openssl", "pkey", "-in", tmp_path / "k.pem", "-pubout", "-out", other],
                   check=True)
    fails(home.run("export", model, target, "--signing-key", other), 1, "signature of version 1's")
    fails(home.run("export", model, target, "--signing-key", out / "none.pem"), 1, "none.pem")
    home.add_client("reader", "publisher", model)
    certificate, key = home.certificate("reader")
    wait_until(lambda: home.run("versions", model, "--cert", certificate, "--key", key).returncode
               == 0, 10, "the grant")
    fails(home.run("export", model, target, "--cert", certificate, "--key", key), 1,
          "PERMISSION_DENIED")
    assert os.listdir(out) == []


def test_export_says_when_it_has_no_key_for_the_record(exporting):
    home, model, _, out = exporting
    certificate, key = home.certificate("admin")
    given = ["--ca", home.folder / "tls/ca.pem", "--cert", certificate, "--key", key]
    assert "not checked: no key" in home.command("export", model, out / "a", *given)
    public = home.folder / "keys/signing.pub.pem"
    done = home.json("export", model, out / "b", *given, "--signing-key", public)
    assert done["signature_checked"] is True


def test_export_of_a_damaged_file_is_data_loss_and_leaves_nothing(home, tmp_path):
    bundle, out = make_bundle(tmp_path / "bundle"), tmp_path / "out"
    (bundle / "large").write_bytes(os.urandom(3 << 20))
    home.serve()
    home.command("publish", FREE, bundle)
    out.mkdir()
    blob = max(home.files("store/blobs"), key=lambda path: path.stat().st_size)
    data = bytearray(blob.read_bytes())
    data[-1] ^= 1
    replace(blob, bytes(data))
    fails(home.run("export", FREE, out / "files"), 1, "large", "DATA_LOSS")
    assert os.listdir(out) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_export_leaves_nothing(home, tmp_path, number):
    bundle, out = make_bundle(tmp_path / "bundle"), tmp_path / "out"
    (bundle / "large").write_bytes(os.urandom(64 << 20))
    server = home.serve()
    home.command("publish", FREE, bundle)
    out.mkdir()
    process = subprocess.Popen(
        [harness.BINARY, "export", FREE, out / "files", "--home", home.folder],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        harness.wait_until(lambda: os.listdir(out), 30, "the first byte")
        server.send(signal.SIGSTOP)
        assert process.poll() is None
        process.send_signal(number)
        _, error = process.communicate(timeout=30)
    finally:
        server.send(signal.SIGCONT)
        process.kill()
    assert process.returncode == 1 and error == "strongroom: error: interrupted\n"
    assert os.listdir(out) == []
