"""Learns what src/textmill/data/extract/weights.json holds, from pages whose main text people marked.

    python tools/train_extraction.py PAGES.jsonl... --out weights.json

A line of PAGES.jsonl is one page: {"id": …, "html": …, "text": the main text, "kind": "article" or another}. The
weights that ship were learned from these sets, all of which may be used so, without the pages of any site in
article-extraction-benchmark, which is only ever read to report:

    WCXB, its development half (CC-BY-4.0, Murrough Foley)   1,477 pages of seven kinds
    the test pages of mozilla/readability (Apache-2.0)          104 pages
    Chinese-Web-Content-Extraction-Dataset (MIT)                 69 pages
    Little World, textmill little-world --seed 77               120 pages

A block counts as content if half of its runs of four words stand in the marked text; a short one, if a long one near it
does. Whatever a later stage learns from is made by earlier stages that have not seen that page (three folds); what is
printed is measured the same way. With trafilatura installed, the network that hears it is learned too.
"""

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as loss_of

from textmill.data.extract import metadata, words
from textmill.data.extract.article import page_blocks
from textmill.data.extract.blocks import Blocks
from textmill.data.extract.features import SHORT, Matrix, Page, first_features, second_features
from textmill.data.extract.second_opinion import WORDS, informed_features, opinion, shares
from textmill.data.extract.tokens import read

FOLDS, EPOCHS, HIDDEN = 3, 6, (32, 16)
LEAST_PAGES = {"names": 7, "texts": 12}
"""On so many pages a word must stand before it gets a weight: one site's own names teach nothing."""
DECAY = {"names": 6e-5, "texts": 2e-4}
SHORT_WORDS, NEAR = 8, 12
GRAM = 4
Grams = list[tuple[str, ...]]


@dataclass
class Sample:
    """One marked page: its blocks, which of them are content, what each weighs, and what the stages know of it."""

    page: Blocks
    kind: str
    text: str
    body: str
    title: str
    labels: Matrix
    weights: Matrix
    said: Matrix
    fold: int = 0
    names: list[list[str]] = field(default_factory=list)
    texts: list[list[str]] = field(default_factory=list)


def grams(found: Sequence[str], length: int) -> Grams:
    """Returns the runs of so many words."""
    return [tuple(found[start : start + length]) for start in range(len(found) - length + 1)]


def labels(page: Blocks, text: str) -> tuple[Matrix, Matrix]:
    """Returns for each block whether it is content (-1: no words) and how many words it has."""
    marked = WORDS.findall(text)
    known = [set(grams(marked, length)) for length in range(1, GRAM + 1)]
    counts, part = [], []
    for block in page.blocks:
        own = WORDS.findall(block.text)
        runs = grams(own, min(GRAM, len(own))) if own else []
        counts.append(len(own))
        part.append(sum(run in known[len(run) - 1] for run in runs) / len(runs) if runs else 0.0)
    long = [number for number, count in enumerate(counts) if count >= SHORT_WORDS]
    found = []
    for number, (count, share) in enumerate(zip(counts, part, strict=True)):
        if count == 0 or count >= SHORT_WORDS:
            found.append(-1.0 if count == 0 else float(share >= 0.5))
            continue
        sides = [max((x for x in long if x < number), default=None), min((x for x in long if x > number), default=None)]
        beside = any(x is not None and abs(x - number) < NEAR and part[x] >= 0.5 for x in sides)
        found.append(float((share > 0.99 or (count >= 5 and share > 0.6)) and beside))
    return np.array(found, dtype=np.float32), np.array(counts, dtype=np.float32)


def sample(row: dict[str, Any], said: dict[str, list[str]]) -> Sample | None:
    """Returns a page as a sample; None if no block of it is content."""
    tokens = read(row["html"])
    page = page_blocks(row["html"], tokens)
    if not page.blocks:
        return None
    marks, counts = labels(page, row["text"])
    if not (marks > 0).any():
        return None
    article = metadata.stated_article(metadata.linked_objects(tokens.scripts))
    total = counts[marks > 0].sum() + 1
    weights = np.minimum(counts + 1, total / 2) / total * (marks >= 0)
    # a page of much boilerplate counts at most three times, one of a kind we do not report half
    weights = (weights / max(1.0, weights.sum() / 3) + 0.002) * (marks >= 0)
    weights *= 1.0 if row["kind"] == "article" else 0.5
    texts = said.get(row["id"], ["", ""])
    return Sample(
        page=page, kind=row["kind"], text=row["text"], body="".join(str(article.get("articleBody") or "").split()),
        title=metadata.title_of(row["html"], tokens.title, metadata.meta_elements(tokens.notes), article),
        labels=marks, weights=weights.astype(np.float32), said=np.column_stack([shares(page, text) for text in texts]),
        names=names_around(page),
        texts=[words.text_words(block.text)[:20] if len(block.text) <= SHORT else [] for block in page.blocks],
    )  # fmt: skip


def names_around(page: Blocks) -> list[list[str]]:
    """Returns for each block the names of all elements around it."""
    named = lru_cache(maxsize=None)(words.hint_words)
    own = [[f"<{tag}", *named(attributes)] for tag, attributes in zip(page.tags, page.attributes, strict=True)]
    found = []
    for block in page.blocks:
        ancestors = page.ancestors(block.container)[:30]
        found.append([word for number in ancestors for word in own[number]][:80])
    return found


def learn_words(samples: list[Sample], key: str) -> dict[str, float]:
    """Returns the weight of each word: a logistic regression on all words around a block, or in it."""
    pages = Counter(word for each in samples for word in {word for found in getattr(each, key) for word in found})
    frequent = sorted(word for word, count in pages.items() if count >= LEAST_PAGES[key])
    numbers = {word: number + 1 for number, word in enumerate(frequent)}
    flat: list[int] = []
    starts, marks, weights = [], [], []
    for each in samples:
        for found, mark, weight in zip(getattr(each, key), each.labels.tolist(), each.weights.tolist(), strict=True):
            if weight > 0 and found:
                starts.append(len(flat))
                flat += [numbers.get(word, 0) for word in found]
                marks.append(mark)
                weights.append(weight)
    index, start = torch.tensor(flat), torch.tensor([*starts, len(flat)])
    mark, weight = torch.tensor(marks), torch.tensor(weights)
    weight = (weight / weight.mean()).clamp(max=10)
    bag = torch.nn.EmbeddingBag(len(numbers) + 1, 1, mode="sum", padding_idx=0)
    torch.nn.init.zeros_(bag.weight)
    offset = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.Adam([bag.weight, offset], lr=0.05)
    for _ in range(6):
        for rows in torch.randperm(len(mark)).split(8192):
            lengths = (start[1:] - start[:-1])[rows]
            begins = torch.cat([torch.zeros(1, dtype=torch.long), lengths.cumsum(0)[:-1]])
            places = torch.arange(int(lengths.sum())) - begins.repeat_interleave(lengths)
            guess = bag(index[places + start[rows].repeat_interleave(lengths)], begins)[:, 0] + offset
            loss = (loss_of(guess, mark[rows], reduction="none") * weight[rows]).mean()
            loss = loss + DECAY[key] * (bag.weight**2).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    learned = bag.weight.detach()[:, 0].tolist()
    return {word: round(learned[number], 2) for word, number in numbers.items() if abs(learned[number]) >= 0.05}


def learn_network(features: list[Matrix], samples: list[Sample]) -> torch.nn.Sequential:
    """Returns a network that tells content from the rest; it takes features as they are."""
    rows = torch.tensor(np.concatenate(features))
    mark = torch.tensor(np.concatenate([each.labels > 0 for each in samples])).float()
    weight = torch.tensor(np.concatenate([each.weights for each in samples]))
    weight = (weight / weight.mean()).clamp(max=30)
    mean, scale = rows.mean(0), rows.std(0) + 1e-3
    rows = (rows - mean) / scale
    layers: list[torch.nn.Module] = []
    width = rows.shape[1]
    for hidden in HIDDEN:
        layers += [torch.nn.Linear(width, hidden), torch.nn.ReLU(), torch.nn.Dropout(0.1)]
        width = hidden
    network = torch.nn.Sequential(*layers, torch.nn.Linear(width, 1))
    optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=1e-2)
    steps = EPOCHS * (len(rows) // 2048 + 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for _ in range(EPOCHS):
        for some in torch.randperm(len(rows)).split(2048):
            loss = (loss_of(network(rows[some])[:, 0], mark[some], reduction="none") * weight[some]).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    first = next(module for module in network if isinstance(module, torch.nn.Linear))
    with torch.no_grad():
        first.weight /= scale
        first.bias -= first.weight @ mean
    return network.eval()


def chance(network: torch.nn.Sequential, features: Matrix) -> Matrix:
    """Returns the chance of each block."""
    with torch.no_grad():
        return torch.sigmoid(network(torch.tensor(features))[:, 0]).numpy()


def stage(name: str, features: list[Matrix], samples: list[Sample]) -> tuple[torch.nn.Sequential, list[Matrix]]:
    """Returns a stage's network, and the chances that networks gave that had not seen the page."""
    apart = []
    for fold in range(FOLDS):
        chosen = [number for number, each in enumerate(samples) if each.fold != fold]
        apart.append(learn_network([features[number] for number in chosen], [samples[number] for number in chosen]))
    chances = [chance(apart[each.fold], rows) for each, rows in zip(samples, features, strict=True)]
    for threshold in (0.3, 0.4, 0.5, 0.6):
        print(name, threshold, *measure(samples, chances, threshold), flush=True)
    return learn_network(features, samples), chances


def measure(samples: list[Sample], chances: list[Matrix], threshold: float) -> list[str]:
    """Returns "kind F1 (precision, recall)" for articles and for the other kinds, over runs of four words."""
    lines = []
    for article in (True, False):
        scores = []
        for each, chance in zip(samples, chances, strict=True):
            if (each.kind == "article") != article:
                continue
            pairs = zip(each.page.blocks, chance, strict=True)
            text = "\n".join(block.text for block, value in pairs if value > threshold)
            found, marked = (Counter(grams(WORDS.findall(one), GRAM)) for one in (text, each.text))
            same = sum((found & marked).values())
            scores.append((same / max(1, sum(found.values())), same / max(1, sum(marked.values()))))
        if scores:
            precision, recall = np.mean(scores, axis=0)
            value = 2 * precision * recall / (precision + recall)
            lines.append(f"{'articles' if article else 'others'} {value:.4f} ({precision:.4f}, {recall:.4f})")
    return lines


def stored(network: torch.nn.Sequential) -> list[dict[str, Any]]:
    """Returns a network in the form of weights.json."""
    linear = [module for module in network if isinstance(module, torch.nn.Linear)]
    return [
        {
            "matrix": [[float(f"{value:.4g}") for value in row] for row in module.weight.detach().T.tolist()],
            "offsets": [float(f"{value:.4g}") for value in module.bias.detach().tolist()],
        }
        for module in linear
    ]


def opinions(rows: list[dict[str, Any]], cache: Path | None) -> dict[str, list[str]]:
    """Returns {id: trafilatura's careful and usual text}; they take long, so a file keeps them."""
    if cache and cache.exists():
        return json.loads(cache.read_text(encoding="utf-8"))
    found = {row["id"]: [opinion(row["html"], careful=careful) for careful in (True, False)] for row in rows}
    if cache:
        cache.write_text(json.dumps(found), encoding="utf-8")
    return found


def main() -> None:
    """Learns and writes the weights."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--opinions", type=Path, help="a file that keeps what trafilatura said")
    given = parser.parse_args()
    torch.manual_seed(0)
    random.seed(0)
    rows = [json.loads(line) for file in given.pages for line in file.open(encoding="utf-8")]
    said = opinions(rows, given.opinions)
    samples = [found for row in rows if (found := sample(row, said)) is not None]
    random.shuffle(samples)
    for number, each in enumerate(samples):
        each.fold = number % FOLDS
    vocabularies = []
    for fold in range(FOLDS + 1):
        apart = [each for each in samples if each.fold != fold]
        vocabularies.append({key: learn_words(apart, key) for key in LEAST_PAGES})
    known = [words.Vocabulary(found["names"], found["texts"]) for found in vocabularies]
    measured = [Page(each.page, known[each.fold], each.body, each.title) for each in samples]
    print(len(samples), "pages", [len(found) for found in vocabularies[-1].values()], "words", file=sys.stderr)
    features = [first_features(page) for page in measured]
    first, chances = stage("first", features, samples)
    features = [second_features(*each) for each in zip(measured, features, chances, strict=True)]
    second, chances = stage("second", features, samples)
    features = [
        informed_features(rows, own, each.said) for rows, own, each in zip(features, chances, samples, strict=True)
    ]
    informed, _ = stage("informed", features, samples)
    weights = {**vocabularies[-1], "first": stored(first), "second": stored(second), "informed": stored(informed)}
    given.out.write_text(json.dumps(weights, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


if __name__ == "__main__":
    main()
