"""Makes the vectors of publishers' signatures: keys, one bundle, and signatures of it.

    pip install model-signing==1.1.1 pyopenssl cryptography
    python make.py

The good ones, and those that differ by an option, come from the `model_signing` command; the forged
ones are what a hostile holder of the key could sign. ECDSA is random, so each run gives other bytes:
the files are kept, and test_signatures.py shows that the command still makes and takes such ones.
`cases.json` says for each signature which key it is checked with, and the part of the refusal that is
expected (null: it holds)."""
import base64
import copy
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

HERE = Path(__file__).resolve().parent
COMMAND = Path(sys.executable).parent / "model_signing"
BUNDLE, KEYS, SIGNATURES = HERE / "bundle", HERE / "keys", HERE / "signatures"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
FILES = {
    "model.yaml": b"format: 1\nengine: onnxruntime\nentry: model.onnx\n",
    "model.onnx": bytes(range(256)) * 4,
    "golden/a.json": b"{}\n",
    "golden-notes \u00fc.txt": b"sorted by its parts, not by its characters\n",
    "empty": b"",
}
CURVES = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "other": ec.SECP256R1(),
          "p521": ec.SECP521R1(), "secp256k1": ec.SECP256K1()}


def make_keys():
    keys = {name: ec.generate_private_key(curve) for name, curve in CURVES.items()}
    keys["ed25519"] = ed25519.Ed25519PrivateKey.generate()
    keys["rsa"] = rsa.generate_private_key(65537, 2048)
    for name, key in keys.items():
        (KEYS / f"{name}.pem").write_bytes(key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    for name in ("p256", "p384", "other"):
        (KEYS / f"{name}-key.pem").write_bytes(keys[name].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
    subprocess.run(["openssl", "ec", "-pubin", "-in", KEYS / "p256.pem", "-pubout", "-conv_form",
                    "compressed", "-out", KEYS / "p256-compressed.pem"], check=True,
                   capture_output=True)
    return keys


def command(name, key, *options, signature=None):
    """Signs the bundle with the command; the signature lies in the bundle while it works."""
    path = signature or BUNDLE / "model.sig"
    subprocess.run([COMMAND, "sign", "key", BUNDLE, "--private_key", KEYS / f"{key}-key.pem",
                    "--signature", path, *options], check=True, capture_output=True)
    shutil.move(path, SIGNATURES / f"{name}.sig")
    return json.loads((SIGNATURES / f"{name}.sig").read_text())


def sign(private_key, payload, digest=hashes.SHA256()):
    head = f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)} ".encode()
    return base64.b64encode(private_key.sign(head + payload, ec.ECDSA(digest))).decode()


def forge(envelope, private_key, change):
    """The envelope with its statement changed and signed again."""
    statement = json.loads(base64.b64decode(envelope["dsseEnvelope"]["payload"]))
    change(statement)
    payload = json.dumps(statement, indent=2).encode()
    forged = copy.deepcopy(envelope)
    forged["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    forged["dsseEnvelope"]["signatures"][0]["sig"] = sign(private_key, payload)
    return forged


def resign(statement):
    """Makes the subject's digest fit the resources again."""
    digests = b"".join(bytes.fromhex(r["digest"]) for r in statement["predicate"]["resources"])
    statement["subject"][0]["digest"]["sha256"] = hashlib.sha256(digests).hexdigest()


def statement_changes():
    """Changes of the signed statement: {case: (function, the refusal's part)}."""
    def resources(statement):
        return statement["predicate"]["resources"]

    def serialization_(name, value):
        return lambda s: s["predicate"]["serialization"].__setitem__(name, value)

    def duplicate(s):
        resources(s).append(dict(resources(s)[0]))
        resign(s)

    def renamed(name):
        def change(s):
            resources(s)[0]["name"] = name
        return change

    def extra(name):
        def change(s):
            resources(s).append({"name": name, "algorithm": "sha256", "digest": "00" * 32})
            resign(s)
        return change

    def dropped(s):
        s["predicate"]["resources"] = [r for r in resources(s) if r["name"] != "model.onnx"]
        resign(s)

    def other_digest(s):
        (found,) = [r for r in resources(s) if r["name"] == "model.onnx"]
        found["digest"] = "11" * 32
        resign(s)

    return {
        "duplicate-name": (duplicate, "is signed twice"),
        "name-outside": (renamed("../model.onnx"), "components"),
        "name-absolute": (renamed("/model.onnx"), "components"),
        "name-backslash": (renamed("a\\b"), "backslash"),
        "name-control": (renamed("a\u0007b"), "control character"),
        "name-empty": (renamed(""), "0 bytes"),
        "signs-itself": (extra("model.sig"), "cannot be among"),
        "file-not-in-bundle": (extra("zebra.txt"), "'zebra.txt' is signed and not in the bundle"),
        "file-not-signed": (dropped, "'model.onnx' is not signed"),
        "file-digest": (other_digest, "'model.onnx': its SHA-256 is not the one that was signed"),
        "subject-digest": (lambda s: s["subject"][0]["digest"].update(sha256="22" * 32),
                           "'subject[0].digest.sha256'"),
        "subject-algorithm": (lambda s: s["subject"][0].update(digest={"sha512": "33" * 64}),
                              "'subject[0].digest.sha256' is missing"),
        "two-subjects": (lambda s: s["subject"].append(s["subject"][0]), "'subject' has 2"),
        "no-subject": (lambda s: s.update(subject=[]), "'subject' has 0"),
        "statement-type": (lambda s: s.update(_type="https://in-toto.io/Statement/v0.1"), "'_type'"),
        "predicate-type": (lambda s: s.update(predicateType="https://model_signing/Digests/v0.1"),
                           "'predicateType'"),
        "statement-unknown": (lambda s: s.update(more=1), "unknown member 'more'"),
        "hash-type": (serialization_("hash_type", "blake2b"), "hash_type"),
        "method": (serialization_("method", "shards"), "method"),
        "allow-symlinks-text": (serialization_("allow_symlinks", "false"), "allow_symlinks"),
        "serialization-unknown": (serialization_("shard_size", 1000), "unknown member 'shard_size'"),
        "ignore-not-a-list": (serialization_("ignore_paths", "model.sig"), "is not a list"),
        "ignore-a-number": (serialization_("ignore_paths", [1]), "not a string"),
        "ignore-golden": (serialization_("ignore_paths", ["golden"]), "leaves out 'golden'"),
        "ignore-dot": (serialization_("ignore_paths", ["."]), "leaves out '.'"),
        "resource-algorithm": (lambda s: resources(s)[0].update(algorithm="blake2b"), "algorithm"),
        "resource-unknown": (lambda s: resources(s)[0].update(size=1), "unknown member 'size'"),
        "digest-upper-case": (lambda s: resources(s)[0].update(
            digest=resources(s)[0]["digest"].upper()), "lower-case hex"),
        "digest-short": (lambda s: resources(s)[0].update(digest="00"), "32 bytes"),
        # These hold: the format gives them no meaning.
        "predicate-more": (lambda s: s["predicate"].update(more={"a": [1]}), None),
        "ignore-nothing": (serialization_("ignore_paths", []), None),
        "order": (lambda s: (resources(s).reverse(), resign(s)), None),
    }


def envelope_changes(private_key):
    """Changes of what is not signed: {case: (function, the refusal's part)}."""
    def material(**members):
        return lambda e: e["verificationMaterial"].update(members)

    def dsse(**members):
        return lambda e: e["dsseEnvelope"].update(members)

    def signature(**members):
        return lambda e: e["dsseEnvelope"]["signatures"][0].update(members)

    def raw_payload(payload):
        def change(e):
            e["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
            e["dsseEnvelope"]["signatures"][0]["sig"] = sign(private_key, payload)
        return change

    return {
        "media-type": (lambda e: e.update(
            mediaType="application/vnd.dev.sigstore.bundle.v0.2+json"), "'mediaType'"),
        "envelope-unknown": (lambda e: e.update(more=1), "unknown member 'more'"),
        "payload-type": (dsse(payloadType="application/json"), "'dsseEnvelope.payloadType'"),
        "no-signature": (dsse(signatures=[]), "has 0 entries, expected one"),
        "two-signatures": (lambda e: e["dsseEnvelope"]["signatures"].append(
            dict(e["dsseEnvelope"]["signatures"][0])), "has 2 entries, expected one"),
        "key-id": (signature(keyid="alice"), "keyid"),
        "signature-not-base64": (signature(sig="MEU*"), "base64"),
        "signature-empty": (signature(sig=""), "does not hold"),
        "tlog-entries": (material(tlogEntries=[{"logIndex": "1"}]), "transparency log"),
        "certificate": (material(certificate={"rawBytes": "AA=="}), "certificate"),
        "no-hint": (material(publicKey={}), "'verificationMaterial.publicKey.hint' is missing"),
        "hint-of-another": (material(publicKey={"hint": "44" * 32}), "may not sign"),
        "statement-not-json": (raw_payload(b"{"), "not JSON"),
        "statement-a-list": (raw_payload(b"[]"), "not an object"),
        "statement-repeated-member": (raw_payload(b'{"_type": 1, "_type": 2}'), "is repeated"),
        "statement-deep": (raw_payload(b"[" * 1_000), "nested deeper"),
        "no-tlog-entries": (lambda e: e["verificationMaterial"].pop("tlogEntries"), None),
        "no-key-id": (lambda e: e["dsseEnvelope"]["signatures"][0].pop("keyid"), None),
    }


def main():
    for folder in (BUNDLE, KEYS, SIGNATURES):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    for path, data in FILES.items():
        file = BUNDLE / path
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(data)
    keys = make_keys()
    cases = []

    def case(name, expect=None, key="p256"):
        cases.append({"name": name, "key": key, "expect": expect})

    good = command("p256", "p256")
    case("p256")
    command("p384", "p384")
    case("p384", key="p384")
    command("outside", "p256", signature=HERE / "outside.sig")
    case("outside")
    command("wrong-key", "other")
    case("wrong-key", "may not sign")
    command("ignore-option", "p256", "--ignore-paths", BUNDLE / "golden")
    case("ignore-option", "leaves out 'golden'")
    command("symlinks-option", "p256", "--allow_symlinks")
    case("symlinks-option", "allow_symlinks")
    for name, (change, expect) in statement_changes().items():
        (SIGNATURES / f"{name}.sig").write_text(json.dumps(forge(good, keys["p256"], change)))
        case(name, expect)
    for name, (change, expect) in envelope_changes(keys["p256"]).items():
        changed = copy.deepcopy(good)
        change(changed)
        (SIGNATURES / f"{name}.sig").write_text(json.dumps(changed))
        case(name, expect)
    lines = ",\n".join("  " + json.dumps(entry) for entry in cases)
    (HERE / "cases.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
