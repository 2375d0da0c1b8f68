"""Registries with something of everything in them, and what was published into them."""

import contextlib
import hashlib
import shutil
import sqlite3
import tempfile
from pathlib import Path

import models
from strongroom_client import registry
from strongroom_models import begin_publish, crc32c, publish_bundle, rollback

CHUNK_BYTES = 1 << 20


def bundle(seed, widths=models.WIDTHS, **files):
    """A small bundle; an empty file is one of it."""
    return {"model.onnx": models.mlp(seed, widths), "notes/read me.txt": b"seed %d\n" % seed,
            "empty": b"", **files}


def set_alias(client, model, alias, version, timeout=60.0, **overrides):
    client.call("Registry", "SetAlias", registry.SetAliasRequest(
        model=model, alias=alias, version=version, wait_ready=True, **overrides), timeout=timeout)


def delete_version(client, model, version):
    client.call("Registry", "DeleteVersion", registry.DeleteVersionRequest(
        model=model, version=version))


def begin_unfinished(client, model, files):
    """An upload that stays open: all files but the last are whole, of the last a part is there."""
    begun = begin_publish(client, model, files, {"left": "open"}, key=f"open-{model}")
    for index, data in enumerate(files.values()):
        last = index == len(files) - 1
        for offset in range(0, len(data), begun.chunk_bytes):
            chunk = data[offset:offset + begun.chunk_bytes]
            if last and offset + len(chunk) == len(data):
                break
            client.call("Registry", "UploadChunk", registry.UploadChunkRequest(
                upload_id=begun.upload_id, file_index=index, offset=offset, crc32c=crc32c(chunk),
                data=chunk))
    return begun.upload_id


def small(client, shift=0):
    """Three models, six versions, two aliases on one; what was published, as {(model, version):
    {path: bytes}}. `shift` makes other models."""
    published = {}
    for number, model in enumerate(("anna", "berta", "carla")):
        for version in (1, 2):
            files = bundle(seed=10 * number + version + shift)
            made = publish_bundle(client, model, files, metadata={"version": str(version)})
            published[model, made.version] = files
    set_alias(client, "anna", "stable", 1)
    rollback(client, "berta", reason="worse than before")
    return published


def begin_small(client):
    """An open upload of a fourth model, of which one small file is there."""
    return begin_unfinished(client, "emil", {"model.onnx": models.mlp(seed=6), "late.txt": b"x"})


def eventful(client):
    """What `small` makes, and a version that was rejected, one that was deleted, and an alias that
    was deleted and made again."""
    published = small(client)
    files = {"model.onnx": b"not a model", "notes.txt": "größer €".encode()}
    rejected = publish_bundle(client, "anna", files)
    assert rejected.reason
    published["anna", rejected.version] = files
    publish_bundle(client, "carla", bundle(seed=33))
    rollback(client, "carla", reason='quoted "words" and a \\, ümlaut\n')
    delete_version(client, "carla", 3)
    set_alias(client, "berta", "old", 1)
    client.call("Registry", "DeleteAlias", registry.DeleteAliasRequest(model="berta", alias="old"))
    set_alias(client, "berta", "old", 2, allow_signature_change=True, force=True)
    return published


def varied(client):
    """What `eventful` makes, and a version of several chunks and an open upload."""
    published = eventful(client)
    files = bundle(5, widths=(4, 100_000, 4), **{"extra.bin": bytes(range(256)) * 4096})
    published["dora", publish_bundle(client, "dora", files).version] = files
    begin_unfinished(client, "emil", {
        "model.onnx": models.mlp(seed=6), "large.bin": hashlib.sha256(b"x").digest() * 50_000})
    return published


def replace(path, data):
    """Writes a file that may be read-only, keeping its mode."""
    mode = path.stat().st_mode
    path.chmod(0o600)
    path.write_bytes(data)
    path.chmod(mode)


@contextlib.contextmanager
def connected(path):
    """The database, past the server; what is written is in the file itself at the end."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        yield database
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextlib.contextmanager
def damage(home):
    """Undoes at its end whatever was done to the store and the keys."""
    with tempfile.TemporaryDirectory(dir=home.parent) as copy:
        for name in ("store", "keys"):
            shutil.copytree(home / name, Path(copy) / name)
        try:
            yield
        finally:
            for name in ("store", "keys"):
                shutil.rmtree(home / name)
                shutil.copytree(Path(copy) / name, home / name)
