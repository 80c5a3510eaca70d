"""Many pairs of prompt and continuation in few passes: what choices have in common is computed once.

    item:    trunk ─┬─ rest of choice 1        one row:  trunk | rest 1 | rest 2 | …      positions go on from the trunk
                    ├─ rest of choice 2        a token sees the trunk and what stands before it in its own rest
                    └─ …
    batch:   rows of about equal length; a beginning that many items share (worked examples) is computed once before
             all of them and lies in a cache
    scores:  only rows that predict a scored token go through the output projection, each once

Shapes: B rows, T tokens of a row, S shared tokens before it and its own, N rows of scores, D width, V vocabulary, G
key/value heads, K head width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from textmill.evaluate.pairs import Pair
from textmill.model.cache import Cache
from textmill.model.gpt import GPT
from textmill.model.positions import alibi_slopes

LEAST_SHARED = 48
"""Tokens that a beginning must have to be computed apart; below, a pass of its own costs more than it saves."""
LEAST_ITEMS = 4
TRUNK = -1
PADDING = -2


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """One item's pairs as a row: its tokens, their branches and positions, and which rows score what."""

    number: int
    ids: tuple[int, ...]
    branches: tuple[int, ...]
    positions: tuple[int, ...]
    rows: tuple[tuple[int, ...], ...]
    """By pair: the places in the row that predict its scored tokens, in order."""
    targets: tuple[tuple[int, ...], ...]

    def without(self, count: int) -> "Tree":
        """Returns the tree without its first `count` tokens, which lie in a cache; nothing among them is scored."""
        return Tree(
            number=self.number,
            ids=self.ids[count:],
            branches=self.branches[count:],
            positions=self.positions[count:],
            rows=tuple(tuple(row - count for row in rows) for rows in self.rows),
            targets=self.targets,
        )

    @property
    def trunk(self) -> int:
        """How many tokens its pairs share."""
        return self.branches.count(TRUNK)

    @property
    def shareable(self) -> int:
        """How many of its first tokens may lie in a cache: those of the trunk before any that scores."""
        return min(self.trunk, *(min(rows) for rows in self.rows))


def tree_of(number: int, pairs: Sequence[Pair]) -> Tree:
    """Returns the tree of an item's pairs; a pair's last token is only a target."""
    read = [pair.ids[:-1] for pair in pairs]
    trunk = common(read)
    ids, branches, positions = list(read[0][:trunk]), [TRUNK] * trunk, list(range(trunk))
    begins: dict[tuple[int, ...], int] = {}
    rows = []
    for branch, (pair, before) in enumerate(zip(pairs, read, strict=True)):
        rest = before[trunk:]
        if rest not in begins:  # choices of one token read nothing of their own
            begins[rest] = len(ids)
            ids += rest
            branches += [branch] * len(rest)
            positions += range(trunk, trunk + len(rest))
        begin = begins[rest] - trunk
        rows.append(tuple(at if at < trunk else begin + at for at in range(pair.given - 1, len(before))))
    return Tree(
        number=number,
        ids=tuple(ids),
        branches=tuple(branches),
        positions=tuple(positions),
        rows=tuple(rows),
        targets=tuple(pair.ids[pair.given :] for pair in pairs),
    )


def common(sequences: Sequence[tuple[int, ...]]) -> int:
    """Returns how many first tokens all sequences share."""
    first, last = min(sequences), max(sequences)
    for place, (one, other) in enumerate(zip(first, last, strict=False)):
        if one != other:
            return place
    return min(len(first), len(last))


@dataclass(slots=True, kw_only=True)
class Grove:
    """Trees that begin with the same `shared` tokens."""

    shared: tuple[int, ...] = ()
    trees: list[Tree] = field(default_factory=list)

    def batches(self, batch_tokens: int) -> Iterator[list[Tree]]:
        """Yields trees of about equal length together, the longest first, at most `batch_tokens` with their padding."""
        ordered = sorted(self.trees, key=lambda tree: -len(tree.ids))
        start = 0
        while start < len(ordered):
            count = max(1, batch_tokens // (len(ordered[start].ids) + len(self.shared) // 8))
            yield ordered[start : start + count]
            start += count


def groves(trees: Sequence[Tree]) -> list[Grove]:
    """Returns the trees, those with a long common beginning apart from the others."""
    by_start: dict[tuple[int, ...], list[Tree]] = {}
    rest = Grove()
    for tree in trees:
        if tree.shareable >= LEAST_SHARED:
            by_start.setdefault(tree.ids[:LEAST_SHARED], []).append(tree)
        else:
            rest.trees.append(tree)
    made = [rest]
    for alike in by_start.values():
        if len(alike) < LEAST_ITEMS:
            rest.trees += alike
            continue
        most = min(tree.shareable for tree in alike)
        length = common([tree.ids[:most] for tree in alike])
        made.append(Grove(shared=alike[0].ids[:length], trees=[tree.without(length) for tree in alike]))
    return [grove for grove in made if grove.trees]


class Beginning(Cache):
    """A shared beginning's keys and values before those of every row of a batch; nothing is kept of the rows."""

    def __init__(self, store: Cache, batch: int) -> None:
        self.store, self.length, self.batch = store.store, store.length, batch

    def update(
        self, layer: int, k_BGTK: Float[Tensor, "B G T K"], v_BGTK: Float[Tensor, "B G T K"]
    ) -> tuple[Float[Tensor, "B G S K"], Float[Tensor, "B G S K"]]:
        """Returns the beginning's keys and values of `layer` and the rows' behind them."""
        keys, values = (self.store[layer, kind, :, :, : self.length].expand(self.batch, -1, -1, -1) for kind in (0, 1))
        return torch.cat((keys.to(k_BGTK.dtype), k_BGTK), dim=2), torch.cat((values.to(v_BGTK.dtype), v_BGTK), dim=2)


def read_beginning(model: GPT, ids: Sequence[int]) -> Cache | None:
    """Returns the keys and values of a shared beginning, None for an empty one."""
    if not ids:
        return None
    weight = model.token_embedding.weight
    cache = Cache(model.config, batch=1, capacity=len(ids), dtype=weight.dtype, device=weight.device)
    model.hidden(torch.tensor([list(ids)], device=weight.device), cache=cache)
    return cache


def states(model: GPT, trees: Sequence[Tree], beginning: Cache | None) -> Float[Tensor, "B T D"]:
    """Returns the residual stream behind the final norm of a batch of trees."""
    device = model.token_embedding.weight.device
    ids_BT, branches_BT, positions_BT = arranged(trees)
    past = beginning.length if beginning is not None else 0
    ids_BT, branches_BT, positions_BT = (part.to(device) for part in (ids_BT, branches_BT, positions_BT))
    x_BTD = model.embed(ids_BT, positions_BT)
    ropes = model.ropes(positions_BT, int(positions_BT.max()) + 1)
    cache = Beginning(beginning, len(trees)) if beginning is not None else None
    biases: dict[int, Tensor] = {}
    for layer, block in enumerate(model.blocks):
        window = model.config.window(layer)
        if window not in biases:
            biases[window] = tree_bias(model, branches_BT, positions_BT, past, window).to(x_BTD.dtype)
        x_BTD = block(x_BTD, ropes[layer], biases[window], cache, None)
    return model.norm(x_BTD)


def arranged(trees: Sequence[Tree]) -> tuple[Tensor, Tensor, Tensor]:
    """Returns ids, branches and positions of a batch, padded behind the tokens."""
    longest = max(len(tree.ids) for tree in trees)
    parts = []
    for name, filling in (("ids", 0), ("branches", PADDING), ("positions", 0)):
        rows = [[*getattr(tree, name), *[filling] * (longest - len(tree.ids))] for tree in trees]
        parts.append(torch.tensor(rows))
    return parts[0], parts[1], parts[2]


def tree_bias(
    model: GPT, branches_BT: Int[Tensor, "B T"], positions_BT: Int[Tensor, "B T"], past: int, window: int
) -> Float[Tensor, "B H T S"]:
    """Returns what attention adds to the scores: −∞ where a token does not see another; H is 1 without ALiBi."""
    batch, length = branches_BT.shape
    place_T = torch.arange(length, device=branches_BT.device)
    own_BTT = (branches_BT[:, :, None] == branches_BT[:, None, :]) | (branches_BT[:, None, :] == TRUNK)
    seen_BTT = own_BTT & (place_T[:, None] >= place_T[None, :])
    seen_BTS = torch.cat((seen_BTT.new_ones(batch, length, past), seen_BTT), dim=2)
    before_S = torch.arange(past, device=branches_BT.device).expand(batch, past)
    distance_BTS = positions_BT[:, :, None] - torch.cat((before_S, positions_BT), dim=1)[:, None, :]
    if window:
        # a padded token stands at position 0 and sees itself
        seen_BTS = seen_BTS & (distance_BTS < window)
    bias_BHTS = torch.zeros(batch, 1, length, past + length, device=branches_BT.device)
    if model.config.positions == "alibi":
        slopes_H = alibi_slopes(model.config.heads).to(branches_BT.device)
        bias_BHTS = -slopes_H[None, :, None, None] * distance_BTS[:, None]
    return bias_BHTS.masked_fill(~seen_BTS[:, None], float("-inf"))
