"""Trains both versions of the sentiment model and writes their bundles, as run.sh says."""

import json
import re
import shutil
import statistics
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch

import graphs
import networks
import reviews

SEED = 1
BUNDLES = Path(__file__).parent.parent
SURE = 0.9  # how often an answer that takes a side shall be right
SENTENCE = (
    "A warm, funny and beautifully acted film about two brothers and their father, "
    "one that I would gladly see again."
)

CARD = """\
format: 1
engine: onnxruntime
entry: model.onnx
description: {description}
licence: MIT
inputs:
  - {{name: text, datatype: BYTES, shape: [-1]}}
outputs:
  - {{name: label, datatype: BYTES, shape: [-1]}}
  - {{name: positive_probability, datatype: FP32, shape: [-1]}}
batching:
  mode: auto
  max_rows: 64
threads: 1
golden: golden/*.json
labels: {{task: sentiment, language: en}}
{lineage}data: {{{data}}}
metrics: {{{metrics}}}
"""

VERSIONS = {
    1: (networks.Mean, graphs.mean, "Film-review sentiment, mean of word embeddings", ""),
    2: (
        networks.Recurrent,
        graphs.recurrent,
        "Film-review sentiment, bidirectional LSTM",
        "derived_from: {model: sentiment, version: 1}\n",
    ),
}


def read_words(texts):
    """The words of each text, by the same graph that will serve."""
    session = graphs.session(graphs.tokenizer())
    return [
        [word for word in row if word] for [batch] in graphs.run(session, texts) for row in batch
    ]


def neutral_band(probability, positive):
    """The narrowest band around 0.5 outside which SURE of the answers are right."""
    distance = np.abs(probability - 0.5)
    order = np.argsort(-distance)
    right = np.cumsum((probability > 0.5)[order] == positive[order])
    share = right / np.arange(1, len(order) + 1)
    width = distance[order][np.flatnonzero(share >= SURE)[-1]]
    return round(0.5 - width, 3), round(0.5 + width, 3)


def metrics(probability, part):
    """Accuracy at 0.5 and loss on the test reviews of each source."""
    result = {}
    positive = np.array([review.positive for review in part])
    for source in ("imdb", "rotten_tomatoes"):
        of = np.array([review.source == source for review in part])
        right = (probability[of] > 0.5) == positive[of]
        result[f"{source}_test_accuracy"] = round(float(right.mean()), 4)
        result[f"{source}_test_loss"] = round(networks.loss(probability[of], positive[of]), 4)
    return result


def serve(model, texts):
    """Labels and probabilities of the finished model."""
    labels, probability = zip(*graphs.run(graphs.session(model), texts))
    return np.concatenate(labels), np.concatenate(probability)


def golden_requests(long_review):
    return {
        "one-sentence": [SENTENCE],
        "several-rows": [
            "A dull and predictable story, badly acted from beginning to end.",
            "",
            "BRILLIANT!!! Élan, wit and a score to die for.",
            "The film was shot in 1974 and is set in a small town.",
        ],
        "empty-text": [""],
        "long-review": [long_review],
    }


def write_golden(path, model, texts):
    labels, probability = serve(model, texts)

    def tensor(name, datatype, data):
        return {"name": name, "datatype": datatype, "shape": [len(data)], "data": data}

    request = {
        "inputs": [tensor("text", "BYTES", texts)],
        "outputs": [
            tensor("label", "BYTES", labels.tolist()),
            tensor("positive_probability", "FP32", [float(str(value)) for value in probability]),
        ],
        "atol": 1e-4,
        "rtol": 0,
    }
    path.write_text(json.dumps(request, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_bundle(version, model, card, long_review):
    bundle = BUNDLES / f"v{version}"
    shutil.rmtree(bundle, ignore_errors=True)
    (bundle / "golden").mkdir(parents=True)
    (bundle / "model.onnx").write_bytes(model)
    (bundle / "model.yaml").write_text(card, encoding="utf-8")
    for name, texts in golden_requests(long_review).items():
        write_golden(bundle / "golden" / f"{name}.json", model, texts)


def short_sentences(part):
    """Plain sentences of 8 to 16 words about a film, naming nobody, one of a review."""
    about = re.compile(r"\b(film|movie|story|plot|script|acting|cast|director|performance)")
    for review in part:
        for sentence in re.split(r"(?<=[.!?])\s+|<br />", review.text):
            plain = re.fullmatch(r"[A-Z](?:[a-z0-9 ,'-]|\bI\b)+[a-z]{3}[.!]", sentence)
            if plain and about.search(sentence) and 8 <= len(sentence.split()) <= 16:
                yield sentence
                break


def spread(sentences, probability, count):
    """`count` of the sentences, from the most negative to the most positive."""
    order = np.argsort(probability, kind="stable")
    return [sentences[i] for i in order[np.linspace(0, len(order) - 1, count).astype(int)]]


def write_sentences(models, part, count=24):
    """Writes, and prints with both answers, sentences on which the two versions differ."""
    candidates = list(short_sentences(part))
    first, second = (serve(model, candidates)[1] for model in models.values())
    differing = np.flatnonzero(first != second)
    chosen = spread([candidates[i] for i in differing], second[differing], count)
    (BUNDLES / "sentences.txt").write_text("\n".join(chosen) + "\n", encoding="utf-8")

    one, two = (serve(model, chosen) for model in models.values())
    for sentence, *answers in zip(chosen, *one, *two):
        print("{1:8} {2:.3f}  {3:8} {4:.3f}  {0}".format(sentence, *answers))


def run_time(model, text):
    """Median microseconds of one prediction."""
    session, times = graphs.session(model), []
    for _ in range(1000):
        start = time.perf_counter_ns()
        session.run(None, {"text": np.array([text], object)})
        times.append((time.perf_counter_ns() - start) / 1000)
    return statistics.median(times)


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    splits = reviews.splits()
    texts = {name: [review.text for review in part] for name, part in splits.items()}
    positive = {
        name: np.array([review.positive for review in part]) for name, part in splits.items()
    }
    words = {name: read_words(part) for name, part in texts.items()}

    counts = Counter(word for text in words["train"] for word in text)
    vocabulary = [word for word, _ in counts.most_common(networks.WORDS - 2)]
    number = {word: i for i, word in enumerate(vocabulary, start=2)}
    known = {
        name: [np.array([number.get(w, graphs.UNKNOWN) for w in text], int) for text in part]
        for name, part in words.items()
    }
    sizes = ", ".join(f"{name}: {len(part)}" for name, part in splits.items())
    print(sizes)

    long_review = next(
        text for text, read in zip(texts["test"], words["test"]) if len(read) > graphs.WINDOW
    )
    models = {}
    for version, (network_type, graph, description, lineage) in VERSIONS.items():
        print(description)
        torch.manual_seed(SEED)
        train, validation = ((known[n], positive[n]) for n in ("train", "validation"))
        network = networks.fit(network_type(), train, validation, SEED)

        judged = networks.probabilities(network, known["validation"])
        neutral = neutral_band(judged, positive["validation"])
        model = models[version] = graph(network, vocabulary, neutral)
        _, served = serve(model, texts["validation"])
        assert np.abs(served - judged).max() < 1e-4, "the graph is not the trained network"

        labels, probability = serve(model, texts["test"])
        measured = metrics(probability, splits["test"])
        card = CARD.format(
            description=description,
            lineage=lineage,
            data=f"source: {reviews.SOURCE}, {sizes}",
            metrics=", ".join(f"{name}: {value}" for name, value in measured.items()),
        )
        write_bundle(version, model, card, long_review)
        sided = labels != "neutral"
        right = (probability > 0.5) == positive["test"]
        print(f"  {measured}")
        print(f"  neutral from {neutral[0]} to {neutral[1]}: {1 - sided.mean():.3f} of the test")
        print(f"  reviews; of the others {right[sided].mean():.3f} are right")
        print(f"  {len(model)} bytes")

    write_sentences(models, splits["test"])
    for version, model in models.items():
        print(f"v{version}: {run_time(model, SENTENCE):.0f} us for a sentence,", end=" ")
        print(f"{run_time(model, long_review):.0f} us for {graphs.WINDOW} words or more")


if __name__ == "__main__":
    main()
