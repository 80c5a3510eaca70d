"""Run as a program: compiles a model's blocks one by one and prints what dynamo counted, as JSON.

A process of its own, because the tests' shape checks cannot be traced.
"""

import json

import torch
from model_variants import SIZES, build, random_ids, relative_difference
from torch._dynamo import utils

from textmill.model.config import classic, modern


def counts(preset: str) -> dict:
    config = {"modern": modern, "classic": classic}[preset](**SIZES | {"layers": 4})
    model, ids = build(config), random_ids(config, 2, 32)
    documents = (torch.arange(32) // 10)[None].expand(2, -1)
    plain = model(ids, documents_BT=documents)
    for block in model.blocks:
        block.compile(backend="aot_eager", fullgraph=True, dynamic=False)
    compiled = plain
    for _ in range(2):
        compiled = model(ids, documents_BT=documents)
        compiled.sum().backward()
    return {
        "graphs": utils.counters["stats"]["unique_graphs"],
        "breaks": len(utils.counters["graph_break"]),
        "difference": relative_difference(compiled, plain),
    }


if __name__ == "__main__":
    results = {}
    for preset in ("modern", "classic"):
        torch._dynamo.reset()
        utils.counters.clear()
        results[preset] = counts(preset)
    print(json.dumps(results))
