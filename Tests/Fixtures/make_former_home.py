"""Makes Tests/Fixtures/homes/format-1.tar.gz: a home of registry format 1, keys included.

    STRONGROOM_BINARY=OLD_RELEASE .deps/venv/bin/python Tests/Fixtures/make_former_home.py

The binary must be a release that writes format 1; a newer one makes a home of a newer format. The
archive holds published versions, an alias history with a rollback, a rejected and a deleted
version, and two open uploads: one with a file that is not complete, one that is ready to be
committed. `expected.json` in the archive says what was published and names the uploads.
"""

import hashlib
import io
import json
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Tests/Acceptance"), str(ROOT / "Tests/Interop/python")]

import harness  # noqa: E402
import models  # noqa: E402
import registries  # noqa: E402

READY = {"model.onnx": models.mlp(seed=7), "terms.txt": b"not for production"}
READY_KEY, READY_METADATA = "ready", {"approved-by": "nobody"}


def ready_upload(client):
    """An upload whose files are all complete, not committed."""
    begun = registries.begin_publish(client, "fritz", READY, READY_METADATA, key=READY_KEY)
    for index, data in enumerate(READY.values()):
        client.call("Registry", "UploadChunk", registries.registry.UploadChunkRequest(
            upload_id=begun.upload_id, file_index=index, offset=0,
            crc32c=registries.crc32c(data), data=data))
    return begun.upload_id


def fill(home):
    server = home.serve()
    with server.client() as client:
        published = registries.eventful(client)
        unfinished, ready = registries.begin_small(client), ready_upload(client)
    assert server.stop() == 0
    return {
        "versions": [
            {"model": model, "version": version,
             "files": {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}}
            for (model, version), files in sorted(published.items())],
        "unfinished": unfinished, "ready": ready}


def main():
    target = ROOT / "Tests/Fixtures/homes/format-1.tar.gz"
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, harness.Home(Path(folder) / "home") as home:
        text = json.dumps(fill(home), indent=1).encode()
        with tarfile.open(target, "w:gz", compresslevel=9) as archive:
            archive.add(home.folder, "home")
            entry = tarfile.TarInfo("expected.json")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))


main()
