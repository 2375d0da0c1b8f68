"""The two networks, and how they are trained."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from graphs import PADDING, UNKNOWN, WINDOW

WORDS, FEATURES, HIDDEN = 10_000, 16, 32
BATCH, RATE, EPOCHS, PATIENCE = 64, 3e-3, 8, 3


def embedding():
    layer = nn.Embedding(WORDS, FEATURES, padding_idx=PADDING)
    nn.init.normal_(layer.weight, std=0.1)
    nn.init.zeros_(layer.weight.data[PADDING])
    return layer


class Mean(nn.Module):
    """The mean of the words' embeddings, and a dense layer."""

    def __init__(self):
        super().__init__()
        self.embedding = embedding()
        self.hidden = nn.Linear(FEATURES, FEATURES)
        self.output = nn.Linear(FEATURES, 2)

    def forward(self, words, length):
        average = self.embedding(words).sum(1) / length[:, None]
        hidden = torch.relu(self.hidden(functional.dropout(average, 0.5, self.training)))
        return self.output(functional.dropout(hidden, 0.5, self.training))


class Recurrent(nn.Module):
    """A bidirectional LSTM; each feature's strongest state over the text, and a dense layer."""

    def __init__(self):
        super().__init__()
        self.embedding = embedding()
        self.ahead, self.back = self.direction(), self.direction()
        self.output = nn.Linear(2 * HIDDEN, 2)

    @staticmethod
    def direction():
        layer = nn.LSTM(FEATURES, HIDDEN, batch_first=True)
        nn.init.xavier_uniform_(layer.weight_ih_l0)
        nn.init.orthogonal_(layer.weight_hh_l0)
        nn.init.zeros_(layer.bias_ih_l0)
        nn.init.zeros_(layer.bias_hh_l0)
        nn.init.ones_(layer.bias_ih_l0.data[HIDDEN : 2 * HIDDEN])  # remember, to begin with
        return layer

    def forward(self, words, length):
        embedded = functional.dropout(self.embedding(words), 0.3, self.training)
        # Each row is turned round within its own length, and so begins with words both ways.
        # PyTorch's packed sequences do the same, ten times slower on a CPU.
        step, length = torch.arange(words.shape[1]), length[:, None]
        within = step < length
        turned = torch.where(within, length - 1 - step, step)[:, :, None].expand(-1, -1, FEATURES)
        ahead, _ = self.ahead(embedded)
        back, _ = self.back(embedded.gather(1, turned))
        states = torch.cat([ahead, back], 2).masked_fill(~within[:, :, None], -2)
        return self.output(functional.dropout(states.max(1).values, 0.5, self.training))


def tensors(texts):
    """Padded word numbers and lengths of one batch of texts."""
    length = np.array([max(len(text), 1) for text in texts])
    words = np.full((len(texts), length.max()), PADDING)
    for row, text in zip(words, texts):
        row[: len(text)] = text
    return torch.from_numpy(words), torch.from_numpy(length)


def batches(texts, random):
    """All texts once in random order, those of one batch alike in length."""
    order = random.permutation(len(texts))
    groups = []
    for start in range(0, len(order), 40 * BATCH):
        group = sorted(order[start : start + 40 * BATCH], key=lambda i: len(texts[i]))
        groups += [group[i : i + BATCH] for i in range(0, len(group), BATCH)]
    return [groups[i] for i in random.permutation(len(groups))]


def altered(text, random):
    """A text as training sees it: three words in ten unknown; of a long one often a later part."""
    if len(text) > WINDOW and random.random() < 0.5:
        text = text[random.integers(len(text) - WINDOW + 1) :]
    text = text[:WINDOW]
    return np.where(random.random(len(text)) < 0.3, UNKNOWN, text)


def probabilities(network, texts):
    """The network's probability of positive for each text."""
    network.eval()
    result = np.zeros(len(texts), np.float32)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    with torch.no_grad():
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            logits = network(*tensors([texts[i][:WINDOW] for i in chosen]))
            result[chosen] = functional.softmax(logits, 1)[:, 1].numpy()
    return result


def loss(probability, positive):
    return float(-np.log(np.where(positive, probability, 1 - probability)).mean())


def fit(network, train, validation, seed):
    """Trains on pairs (texts, positive) and returns the best network by validation loss.

    What is judged and kept is a running average of the weights, which is calmer than they are.
    """
    random = np.random.default_rng(seed)
    average = AveragedModel(network, avg_fn=lambda old, new, _: old.lerp(new, 0.005))
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.1, EPOCHS)
    texts, positive = train
    best, best_loss, waited = None, np.inf, 0
    for epoch in range(EPOCHS):
        network.train()
        for chosen in batches(texts, random):
            logits = network(*tensors([altered(texts[i], random) for i in chosen]))
            optimizer.zero_grad()
            functional.cross_entropy(logits, torch.from_numpy(positive[chosen])).backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1)
            optimizer.step()
            average.update_parameters(network)
        schedule.step()
        current = loss(probabilities(average.module, validation[0]), validation[1])
        print(f"  epoch {epoch + 1}: validation loss {current:.4f}", flush=True)
        waited += 1
        if current < best_loss:
            best_loss, waited = current, 0
            best = {name: value.clone() for name, value in average.module.state_dict().items()}
        if waited == PATIENCE:
            break
    network.load_state_dict(best)
    return network
