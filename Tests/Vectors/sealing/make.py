#!/usr/bin/env python3
"""Makes blobs.json and wraps.json, and checks the RFC vectors beside them.

Written from the description of the format alone, with Python's `cryptography`, so that the
Swift code and these vectors cannot share a mistake. Everything is drawn from fixed labels:
running it again gives the same bytes.

    python3 make.py          # rewrite the files
    python3 make.py --check  # exit 1 if a file differs, or a published vector does not hold
"""
import hashlib
import hmac
import json
import pathlib
import struct
import sys

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HERE = pathlib.Path(__file__).parent
VECTORS = HERE.parent
BLOB_LABEL = b"strongroom/blob/v1"


def drawn(label, count):
    """Bytes that only look random."""
    return hashlib.shake_256(b"strongroom test vectors: " + label.encode()).digest(count)


def pattern(count):
    """A plaintext that both sides can make: byte i is (31 i + 7) mod 251."""
    return bytes((31 * i + 7) % 251 for i in range(count))


def fields(*values):
    return b"".join(struct.pack(">I", len(value)) + value for value in values)


def hkdf(key, salt, info, count):
    return HKDF(algorithm=hashes.SHA256(), length=count, salt=salt, info=info).derive(key)


DATA_KEY = drawn("data key", 32)
REGISTRY = drawn("registry", 16)
BUNDLE = drawn("bundle", 16)
MODEL = "sentiment-\u00e9"
PATH = "weights/model.onnx"
CONTEXT_HASH = hashlib.sha256(
    fields(BLOB_LABEL, REGISTRY, MODEL.encode(), BUNDLE, PATH.encode())
).digest()


def header(name, size, log2=16, magic=b"STRGROOM", version=1, suite=1, reserved=b"\0\0\0",
           last_reserved=0, context=CONTEXT_HASH, key=DATA_KEY, commitment=None, mac=None):
    """A header that is right in all but what the caller changes: everything after a changed
    field is computed over it, so that a reader must refuse the field itself."""
    salt = drawn("salt " + name, 32)
    prefix = drawn("prefix " + name, 7)
    first = magic + struct.pack(">HHB", version, suite, log2) + reserved + salt + prefix
    first += bytes([last_reserved]) + struct.pack(">Q", size) + context
    assert len(first) == 96
    derived = hkdf(key, salt, BLOB_LABEL + first, 96)
    first += commitment if commitment is not None else derived[32:64]
    first += mac if mac is not None else hmac.new(derived[64:], first, "sha256").digest()
    assert len(first) == 160
    return first, derived[:32], prefix, salt


def chunk(key, prefix, head, index, final, plaintext):
    nonce = prefix + struct.pack(">IB", index, final)
    return AESGCM(key).encrypt(nonce, plaintext, hashlib.sha256(head).digest())


def blob(name, size, log2=16, finals=None, **changes):
    head, key, prefix, salt = header(name, size, log2, **changes)
    plaintext = pattern(size)
    step = 1 << log2
    parts = [plaintext[at:at + step] for at in range(0, size, step)] or [b""]
    finals = finals or [0] * (len(parts) - 1) + [1]
    body = b"".join(
        chunk(key, prefix, head, index, final, part)
        for index, (final, part) in enumerate(zip(finals, parts)))
    return head + body, salt, prefix


def whole(name, size):
    sealed, _, _ = blob(name, size)
    return {"name": name, "size": size, "sealed": sealed.hex()}


def digest(name, size, log2):
    sealed, salt, prefix = blob(name, size, log2)
    return {
        "name": name, "size": size, "chunk_log2": log2, "salt": salt.hex(),
        "nonce_prefix": prefix.hex(), "header": sealed[:160].hex(),
        "sealed_bytes": len(sealed), "sealed_sha256": hashlib.sha256(sealed).hexdigest(),
    }


def refused(name, expect, sealed):
    return {"name": name, "expect": expect, "sealed": sealed.hex()}


def refusals():
    good, _, _ = blob("good", 40)
    other = drawn("another data key", 32)
    cases = [
        refused("another magic", "format", blob("magic", 40, magic=b"STRGROON")[0]),
        refused("format version 2", "format", blob("version", 40, version=2)[0]),
        refused("suite 2", "format", blob("suite", 40, suite=2)[0]),
        refused("chunks of 2^15 bytes", "format", blob("log2 15", 40, log2=15)[0]),
        refused("chunks of 2^23 bytes", "format", blob("log2 23", 40, log2=23)[0]),
        refused("a reserved byte set", "format", blob("reserved", 40, reserved=b"\0\1\0")[0]),
        refused("the byte after the nonce prefix set", "format",
                blob("reserved 2", 40, last_reserved=1)[0]),
        refused("a length that needs more than 2^32 chunks", "format",
                header("too long", (1 << 48) + 1)[0]),
        refused("a length of 2^64 - 1", "format", header("longest", (1 << 64) - 1)[0]),
        refused("sealed with another key", "authentication", blob("key", 40, key=other)[0]),
        refused("sealed for another place", "authentication",
                blob("context", 40, context=drawn("context", 32))[0]),
        refused("another commitment under a good MAC", "authentication",
                blob("commitment", 40, commitment=drawn("commitment", 32))[0]),
        refused("another MAC", "authentication", blob("mac", 40, mac=drawn("mac", 32))[0]),
        refused("the last chunk without the final flag", "authentication",
                blob("final", 40, finals=[0])[0]),
        refused("a byte after the last chunk", "format", good + b"\0"),
        refused("a second, empty last chunk", "format", good + good[-16:]),
        refused("an empty file without its chunk", "format", blob("empty", 0)[0][:160]),
        refused("a header alone", "format", good[:160]),
        refused("half a header", "format", good[:80]),
        refused("nothing", "format", b""),
    ]
    return cases


def blobs():
    return {
        "data_key": DATA_KEY.hex(), "registry": REGISTRY.hex(), "bundle": BUNDLE.hex(),
        "model": MODEL, "path": PATH, "context_hash": CONTEXT_HASH.hex(),
        "whole": [whole("empty", 0), whole("one byte", 1), whole("small", 100)],
        "digests": [
            digest("a chunk less one", 65535, 16), digest("a chunk", 65536, 16),
            digest("a chunk and one", 65537, 16), digest("four chunks", 200000, 16),
            digest("default chunks", 2500000, 20), digest("largest chunks", 4194305, 22),
        ],
        "refused": refusals(),
    }


def wrap(name, kek, model, bundle, secret):
    kek_id = hashlib.sha256(b"strongroom/kek/v1" + kek).hexdigest()[:16]
    salt, nonce = drawn("wrap salt " + name, 32), drawn("wrap nonce " + name, 12)
    additional = fields(REGISTRY, model.encode(), bundle, kek_id.encode())
    sealed = AESGCM(hkdf(kek, salt, b"strongroom/wrap/v1", 32)).encrypt(
        nonce, secret, additional)
    return {
        "name": name, "kek": kek.hex(), "kek_id": kek_id, "registry": REGISTRY.hex(),
        "model": model, "bundle": bundle.hex(), "secret": secret.hex(), "salt": salt.hex(),
        "nonce": nonce.hex(), "ciphertext": sealed[:32].hex(), "tag": sealed[32:].hex(),
    }


def wraps():
    return [
        wrap("a data key", drawn("kek 1", 32), MODEL, BUNDLE, DATA_KEY),
        wrap("a signing seed", drawn("kek 2", 32), "", b"", drawn("seed", 32)),
    ]


def check_published():
    """Whether another implementation agrees with the published vectors beside this folder."""
    for case in json.loads((VECTORS / "aes-256-gcm/vectors.json").read_text()):
        value = {name: bytes.fromhex(text) for name, text in case.items() if name != "name"}
        sealed = AESGCM(value["key"]).encrypt(
            value["nonce"], value["plaintext"], value["additional"])
        assert sealed == value["ciphertext"] + value["tag"], case["name"]
    for case in json.loads((VECTORS / "hkdf-sha-256/vectors.json").read_text()):
        value = {name: bytes.fromhex(text) for name, text in case.items() if name != "name"}
        output = hkdf(value["input"], value["salt"], value["info"], len(value["output"]))
        assert output == value["output"], case["name"]
    for case in json.loads((VECTORS / "ed25519/vectors.json").read_text()):
        value = {name: bytes.fromhex(text) for name, text in case.items()
                 if name not in ("name", "pem")}
        key = Ed25519PrivateKey.from_private_bytes(value["seed"])
        public = key.public_key()
        assert public.public_bytes(Encoding.Raw, PublicFormat.Raw) == value["public"]
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        assert pem.decode() == case["pem"], case["name"]
        assert key.sign(value["message"]) == value["signature"], case["name"]


def main():
    check_published()
    stale = False
    for name, value in (("blobs.json", blobs()), ("wraps.json", wraps())):
        text = json.dumps(value, indent=1, sort_keys=True) + "\n"
        path = HERE / name
        if "--check" not in sys.argv:
            path.write_text(text)
        elif path.read_text() != text:
            print(f"{name} is not what make.py makes", file=sys.stderr)
            stale = True
    sys.exit(1 if stale else 0)


if __name__ == "__main__":
    main()
