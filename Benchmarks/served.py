"""What the measurements of a served registry share."""

import json
import re
import ssl
import tempfile
import urllib.request
from pathlib import Path

from harness import ROOT
from strongroom_models import publish_bundle

SENTIMENT = ROOT / "Registry/models/sentiment"
TEXTS = ["a slow start, and then one of the finest endings that I have seen in years"]


def configure(home, **values):
    """Sets top-level keys of a home's configuration, and opens its metrics."""
    with open(home.folder / "strongroom.yaml", "a", encoding="utf-8") as file:
        for key, value in {"metrics": "{loopback: open}", **values}.items():
            file.write(f"{key}: {value}\n")


def publish(home, model, bundle):
    """Publishes {path: bytes} with the command; the version's number."""
    with tempfile.TemporaryDirectory() as folder:
        for path, data in bundle.items():
            (Path(folder) / path).write_bytes(data)
        return home.json("publish", model, folder)["version"]


def publish_sentiment(client, model="sentiment"):
    """Both versions of the sentiment model; their numbers."""
    versions = [publish_bundle(client, model, SENTIMENT / name) for name in ("v1", "v2")]
    assert not any(version.reason for version in versions), versions
    return [version.version for version in versions]


def json_text(values):
    """A value of the command line's `--input`."""
    return json.dumps(values)


def metrics(server):
    """The page of a server whose loopback is open, as {series: value}."""
    context = ssl.create_default_context(cafile=server.home.folder / "tls/ca.pem")
    address = f"https://{server.host}:{server.port}/metrics"
    with urllib.request.urlopen(address, context=context) as reply:
        page = reply.read().decode()
    found = re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", page, re.MULTILINE)
    return {name: float(value) for name, value in found}


def loads(server):
    return int(metrics(server).get("strongroom_load_seconds_count", 0))


def loaded_bytes(server, model):
    """Bytes of each loaded version of a model."""
    prefix = f'strongroom_loaded_bytes{{model="{model}"'
    return {name: value for name, value in metrics(server).items() if name.startswith(prefix)}
