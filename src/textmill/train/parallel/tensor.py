"""Tensor parallel: every matrix product is cut among the processes, heads by heads and columns by columns.

    query, key, value, gate, up       by columns: each process has some heads, some of the inner width
    attention.output, down            by rows: each has a summand of the result, and all add theirs up
    token embedding, output           by words: the loss is taken over the words of all (torch's loss_parallel); whole
                                      everywhere where the vocabulary does not divide evenly

Norms of queries and keys work on the heads that are there; their gradient is the sum over processes. All other norms
are computed everywhere alike. Megatron-LM, https://arxiv.org/abs/1909.08053, by torch.distributed.tensor.parallel.
"""

from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import Replicate, Shard
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    RowwiseParallel,
    SequenceParallel,
    parallelize_module,
)
from torch.distributed.tensor.parallel.style import ParallelStyle

from textmill.errors import TrainingError
from textmill.model.block import Block
from textmill.model.config import ModelConfig
from textmill.model.gpt import GPT


def check_tensor_parallel(config: ModelConfig, size: int) -> None:
    """Raises TrainingError for a shape that `size` processes cannot share evenly."""
    if config.positions == "alibi":
        raise TrainingError("parallel.positions", positions=config.positions)
    for name in ("heads", "kv_heads", "feed_forward"):
        if getattr(config, name) % size:
            raise TrainingError("parallel.uneven", axis="tensor", size=size, name=name, value=getattr(config, name))


def cuts_words(config: ModelConfig, size: int) -> bool:
    """True where `size` processes have a part of the vocabulary each."""
    return size > 1 and config.vocabulary_size % size == 0


def split_matrices(model: GPT, mesh: DeviceMesh) -> None:
    """Cuts the model's matrices among the processes of `mesh`, in place."""
    for block in model.blocks:
        if not isinstance(block, Block):  # of another stage of a pipeline
            continue
        plan: dict[str, ParallelStyle] = {
            "attention.query": ColwiseParallel(),
            "attention.key": ColwiseParallel(),
            "attention.value": ColwiseParallel(),
            "attention.output": RowwiseParallel(),
            "feed_forward.up": ColwiseParallel(),
            "feed_forward.down": RowwiseParallel(),
        }
        if model.config.feed_forward_kind in ("swiglu", "geglu"):
            plan["feed_forward.gate"] = ColwiseParallel()
        if model.config.qk_norm:  # (B, T, heads, head width): cut along the heads
            heads = SequenceParallel(sequence_dim=2, use_local_output=True)
            plan |= {"attention.query_norm": heads, "attention.key_norm": heads}
        parallelize_module(block, mesh, plan)
    if not cuts_words(model.config, mesh.size()):
        return
    embedding, output = model.token_embedding, model.output
    tied = model.config.tied and output.weight is embedding.weight
    if isinstance(embedding, nn.Embedding):
        parallelize_module(embedding, mesh, RowwiseParallel(input_layouts=Replicate()))
    if isinstance(output, nn.Linear):
        parallelize_module(output, mesh, ColwiseParallel(output_layouts=Shard(-1), use_local_output=False))
    if tied:  # both are cut by words alike
        output.weight = embedding.weight
