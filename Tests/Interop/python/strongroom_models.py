"""What a model owner and an application do, on top of the client: publish, predict, roll back."""

import functools
import hashlib
from collections import deque
from pathlib import Path

from strongroom_client import prediction, registry
from strongroom_tensors import decode, encode

WINDOW = 8  # chunks under way at once
CRC32C_POLYNOMIAL = 0x82F63B78  # Castagnoli, reflected


def _crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (CRC32C_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


CRC_TABLE = _crc_table()


@functools.lru_cache(maxsize=64)
def crc32c(data):
    """CRC-32C of bytes; remembered, since the same chunks are sent again after a crash."""
    crc, table = 0xFFFFFFFF, CRC_TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def read_bundle(path):
    """A bundle as {path inside it: bytes}: of a folder, or of one model file."""
    path = Path(path)
    if path.is_file():
        return {path.name: path.read_bytes()}
    return {str(file.relative_to(path)): file.read_bytes()
            for file in sorted(path.rglob("*")) if file.is_file()}


def begin_publish(client, model, bundle, metadata=None, key=""):
    """Announces a bundle ({path: bytes}); answers with the upload's id and chunk size."""
    files = [registry.File(path=path, size=len(data), sha256=hashlib.sha256(data).digest())
             for path, data in bundle.items()]
    return client.call("Registry", "BeginPublish", registry.BeginPublishRequest(
        model=model, files=files, metadata=metadata or {}, idempotency_key=key))


def upload(client, upload_id, bundle, chunk_bytes):
    """Sends what the server does not hold yet, a window of chunks at a time."""
    held = client.call("Registry", "GetUpload", registry.GetUploadRequest(upload_id=upload_id))
    under_way = deque()
    for index, data in enumerate(bundle.values()):
        for offset in range(held.next_offsets[index], len(data), chunk_bytes):
            chunk = data[offset:offset + chunk_bytes]
            if len(under_way) == WINDOW:
                client.finish(under_way.popleft(), registry.UploadChunkResponse)
            under_way.append(client.start("Registry", "UploadChunk", registry.UploadChunkRequest(
                upload_id=upload_id, file_index=index, offset=offset, crc32c=crc32c(chunk),
                data=chunk)))
    for stream in under_way:
        client.finish(stream, registry.UploadChunkResponse)


def publish_bundle(client, model, bundle, alias="live", metadata=None, key="", timeout=60.0, **overrides):
    """Publishes a folder, a model file or {path: bytes}, waits until it is served or rejected, and
    answers with the Version. `alias` "" moves nothing. `overrides`: `force` and
    `allow_signature_change` of CommitPublish."""
    if not isinstance(bundle, dict):
        bundle = read_bundle(bundle)
    begun = begin_publish(client, model, bundle, metadata, key)
    if begun.version:
        return client.call("Registry", "GetVersion", registry.GetVersionRequest(
            model=model, version=begun.version)).version
    upload(client, begun.upload_id, bundle, begun.chunk_bytes)
    return client.call("Registry", "CommitPublish", registry.CommitPublishRequest(
        upload_id=begun.upload_id, alias=alias, wait_ready=True, **overrides),
        timeout=timeout).version


def predict_request(model, inputs, version=0, alias="", outputs=(), request_id="",
                    priority=0):
    """`inputs`: {name: array} or a list of Tensors."""
    spec = prediction.ModelSpec(name=model)
    if version:
        spec.version = version
    elif alias:
        spec.alias = alias
    if isinstance(inputs, dict):
        inputs = [encode(name, values) for name, values in inputs.items()]
    return prediction.PredictRequest(
        model=spec, inputs=inputs, output_names=outputs, request_id=request_id,
        priority=priority)


def predict(client, model, inputs, timeout=0.0, **selection):
    """The version that answered, and {name: array}."""
    reply = client.call(
        "Prediction", "Predict", predict_request(model, inputs, **selection), timeout=timeout)
    return reply.model_version, {tensor.name: decode(tensor) for tensor in reply.outputs}


def rollback(client, model, alias="live", to_version=0, reason="", timeout=60.0):
    """Moves an alias back and waits until it has; answers with the Alias."""
    return client.call("Registry", "Rollback", registry.RollbackRequest(
        model=model, alias=alias, to_version=to_version, reason=reason, wait_ready=True),
        timeout=timeout).alias
