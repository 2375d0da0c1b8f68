#!/usr/bin/env python3
"""Writes messages.json and envelopes.json beside this file: messages as another implementation
of protobuf encodes them.

Needs protoc and the Python package protobuf; the output depends on neither's version. Each case
has the bytes to decode (`hex`) and, where they differ, those that encoding again has to give
(`canonical`).
"""

import importlib
import json
import pathlib
import random
import subprocess
import sys
import tempfile

from google.protobuf.descriptor import FieldDescriptor as F

HERE = pathlib.Path(__file__).resolve().parent
PROTO = HERE.parents[2] / "Proto"
SEED = 20240229
TEXTS = ["a", "live", "fraud-detector", "Größe", "日本語", "model 🚀", "x" * 130]
INTEGERS = {
    F.CPPTYPE_INT32: [1, -1, 127, 128, 2**31 - 1, -(2**31)],
    F.CPPTYPE_INT64: [1, -1, 300, 2**63 - 1, -(2**63)],
    F.CPPTYPE_UINT32: [1, 127, 128, 2**32 - 1],
    F.CPPTYPE_UINT64: [1, 127, 16384, 2**53 + 1, 2**64 - 1],
    F.CPPTYPE_BOOL: [True],
    F.CPPTYPE_ENUM: [1, 2, 3, 99],
}


def modules(folder):
    protos = sorted(str(p.relative_to(PROTO)) for p in PROTO.rglob("*.proto"))
    subprocess.run(["protoc", f"-I{PROTO}", f"--python_out={folder}", *protos], check=True)
    sys.path.insert(0, folder)
    for proto in protos:
        yield importlib.import_module(proto.removesuffix(".proto").replace("/", ".") + "_pb2")


def scalar(rng, field):
    if field.cpp_type == F.CPPTYPE_STRING:
        text = rng.choice(TEXTS)
        if field.type == F.TYPE_BYTES:
            return bytes(rng.randrange(256) for _ in range(rng.choice([1, 5, 32, 140])))
        return text
    return rng.choice(INTEGERS[field.cpp_type])


def fill(rng, message, chance):
    """Sets each field with that chance, and one member of each oneof."""
    skipped = set()
    for oneof in message.DESCRIPTOR.oneofs:
        chosen = rng.choice(list(oneof.fields))
        skipped |= {f.name for f in oneof.fields} - {chosen.name}
    for field in message.DESCRIPTOR.fields:
        if field.name in skipped or rng.random() >= chance:
            continue
        value = getattr(message, field.name)
        is_map = field.message_type and field.message_type.GetOptions().map_entry
        if is_map:
            for key in rng.sample(TEXTS, 2):
                value[key] = rng.choice(TEXTS + [""])
        elif hasattr(value, "add"):
            for _ in range(2):
                fill(rng, value.add(), chance)
        elif hasattr(value, "append"):
            value.extend(scalar(rng, field) for _ in range(3))
        elif field.message_type:
            value.SetInParent()
            fill(rng, value, chance)
        else:
            setattr(message, field.name, scalar(rng, field))


def encode(message):
    return message.SerializeToString(deterministic=True)


def cases(rng, kind):
    """Empty, full, partly filled, and two encodings one after the other, which is one too."""
    name = kind.DESCRIPTOR.full_name
    encoded = []
    for chance in (0.0, 1.0, 1.0, 0.5):
        message = kind()
        fill(rng, message, chance)
        encoded.append(encode(message))
    if not encoded[1]:
        return [{"message": name, "case": "empty", "hex": ""}]
    result = [
        {"message": name, "case": case, "hex": data.hex()}
        for case, data in zip(("empty", "full", "full again", "partial"), encoded)
    ]
    singular_messages = [
        f for f in kind.DESCRIPTOR.fields
        if f.message_type and not hasattr(getattr(kind(), f.name), "append")
        and not f.message_type.GetOptions().map_entry
    ]
    # A message field that occurs twice is refused on purpose.
    if not singular_messages:
        both = encoded[3] + encoded[1]
        result.append({
            "message": name, "case": "concatenated", "hex": both.hex(),
            "canonical": encode(kind.FromString(both)).hex(),
        })
    return result


def envelopes(ttrpc):
    """As this project writes them: metadata keys in lower case, no payload with a failure."""
    values = {
        "call": ttrpc.Request(
            service="strongroom.v1.Prediction", method="Predict", payload=b"\x0a\x01a",
            timeout_nano=2_500_000_000, metadata=[
                ttrpc.KeyValue(key="traceparent", value="00-1"),
                ttrpc.KeyValue(key="größe", value="日本語"),
                ttrpc.KeyValue(key="traceparent", value="00-2"),
            ]),
        "past deadline": ttrpc.Request(service="a.B", method="C", timeout_nano=-1),
        "answer": ttrpc.Response(payload=bytes(range(200))),
        "empty answer": ttrpc.Response(),
        "failure": ttrpc.Response(status=ttrpc.Status(
            code=3, message="the input `größe` has rank 2, expected 3", details=[
                {"type_url": "type.googleapis.com/a.B", "value": b"\x00\xff"},
                {"type_url": "type.googleapis.com/a.C"},
            ])),
    }
    return [
        {"message": value.DESCRIPTOR.full_name, "case": case, "hex": encode(value).hex()}
        for case, value in values.items()
    ]


def main():
    rng = random.Random(SEED)
    files = {"messages": [], "envelopes": []}
    with tempfile.TemporaryDirectory() as folder:
        for module in modules(folder):
            descriptor = module.DESCRIPTOR
            if descriptor.package == "ttrpc":
                files["envelopes"] = envelopes(module)
                continue
            for name in descriptor.message_types_by_name:
                files["messages"] += cases(rng, getattr(module, name))
    for name, content in files.items():
        lines = ",\n".join(json.dumps(case) for case in content)
        (HERE / f"{name}.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
