"""Training speed on the CPU: Textmill beside plain PyTorch and transformers, one shape, in turn.

The shape: 6 layers, width 384, 6 heads, context 256, vocabulary 8,192, batch 16. Each contender makes whole optimizer
steps on the same random tokens; the contenders take turns (A B C A B C …), so that a change in the machine's pace hits
all, and ratios are taken round by round. Textmill runs what `textmill train` would run here (precision and compiling by
what the processor has), with documents kept apart; the peers have no document masks.

    plain           GPT written nanoGPT's way: fp32, torch.optim.AdamW, F.cross_entropy over all logits
    transformers    GPT2LMHeadModel, fp32, torch.optim.AdamW
"""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import common
from plain_gpt import PlainGPT, Shape

LAYERS, WIDTH, HEADS, CONTEXT, VOCABULARY, BATCH = 6, 384, 6, 256, 8192, 16
TOKENS = BATCH * CONTEXT
CASES = ("modern", "classic")
ROUNDS = 7

Step = Callable[[], None]


def main() -> None:
    """Runs the rounds and prints the table."""
    words = common.parser(__doc__ or "", CASES)
    words.add_argument("--rounds", type=int, default=ROUNDS, help="steps of each contender")
    words.add_argument("--eager", action="store_true", help="do without torch.compile even where it could run")
    given = words.parse_args()
    cases = [given.case] if given.case else list(CASES)
    inputs = torch.randint(0, VOCABULARY, (BATCH, CONTEXT + 1), generator=torch.Generator().manual_seed(0))
    kernels = {case: choose(given.eager, case) for case in cases}
    steps: dict[str, Step] = {"plain": plain_step(inputs), "transformers": transformers_step(inputs)}
    for case in cases:
        for optimizer in ("muon", "adamw"):
            steps[f"{case}, {optimizer}"] = textmill_step(case, optimizer, inputs, kernels[case])
    seconds = take_turns(steps, given.rounds)
    common.report(rows(seconds, kernels), given.json)


def choose(eager: bool, case: str) -> Any:
    """Returns the precision, kernels and threads that `textmill train` takes here."""
    from textmill.config import Settings
    from textmill.hardware.allocator import keep_freed_memory
    from textmill.train.kernels import choose_kernels

    settings = Settings().replace({"train.compile": "off"}) if eager else Settings()
    kernels = choose_kernels(settings.replace({"model.preset": case}), "cpu")
    torch.set_num_threads(kernels.threads)
    keep_freed_memory()  # as `textmill train` does; the peers share the process and profit too
    return kernels


def make_config(preset: str) -> Any:
    """Returns the benchmark's shape as a configuration."""
    from textmill.model.config import PRESETS

    return PRESETS[preset](vocabulary_size=VOCABULARY, layers=LAYERS, width=WIDTH, heads=HEADS, context=CONTEXT)


def textmill_step(case: str, optimizer: str, inputs: Tensor, kernels: Any) -> Step:
    """Returns a step of `textmill train`."""
    from textmill.config import TrainSettings
    from textmill.model.gpt import GPT
    from textmill.train.batches import Batch
    from textmill.train.optimizers import Optimizers
    from textmill.train.step import train_step

    model = GPT(make_config(case))
    model.initialise(torch.Generator().manual_seed(0))
    kernels.prepare(model)
    optimizers = Optimizers(model, TrainSettings(optimizer=optimizer), muon_dtype=kernels.dtype)
    optimizers.set_rates(0.1, 0)
    documents = torch.zeros(BATCH, CONTEXT, dtype=torch.int64)
    documents[:, CONTEXT // 3 :] = 1  # two documents a row, as in a packed batch
    batch = Batch(inputs_BT=inputs[:, :-1].contiguous(), targets_BT=inputs[:, 1:].contiguous(), documents_BT=documents)

    def step() -> None:
        train_step(model, optimizers, [batch], batch_tokens=TOKENS, step=0, clip=1.0, dtype=kernels.dtype)

    return step


def adamw_step(model: nn.Module, loss_of: Callable[[], Tensor]) -> Step:
    """Returns a step: backward, clip, AdamW."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def step() -> None:
        loss_of().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def plain_step(inputs: Tensor) -> Step:
    """Returns a step of the plain GPT in fp32."""
    model = PlainGPT(Shape(layers=LAYERS, width=WIDTH, heads=HEADS, context=CONTEXT, vocabulary=VOCABULARY))
    return adamw_step(model, lambda: model(inputs[:, :-1], inputs[:, 1:]))


def transformers_step(inputs: Tensor) -> Step:
    """Returns a step of transformers' GPT-2 in fp32."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=VOCABULARY, n_positions=CONTEXT, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS)
    config.resid_pdrop = config.embd_pdrop = config.attn_pdrop = 0.0
    model = GPT2LMHeadModel(config).train()
    ids = inputs[:, :-1].contiguous()
    return adamw_step(model, lambda: model(input_ids=ids, labels=ids).loss)


def take_turns(steps: dict[str, Step], rounds: int) -> dict[str, list[float]]:
    """Returns each contender's seconds a step, round by round, after two steps that are not counted."""
    for step in steps.values():
        step()
        step()
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            began = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def rows(seconds: dict[str, list[float]], kernels: dict[str, Any]) -> list[common.Row]:
    """Returns tokens/s of all, ratios round by round to both peers, and the share of the measured peak."""
    from textmill.hardware import gemm_peak
    from textmill.model.counts import training_flops

    peaks = {kind: gemm_peak(kind, seconds=1.0) for kind in {"fp32", *(one.precision for one in kernels.values())}}
    out = []
    for name, peak in sorted(peaks.items()):
        out.append(common.row("peak", f"gemm_{name}_flops", peak))
    for name, times in seconds.items():
        rate = common.median([TOKENS / time for time in times])
        ours = name not in ("plain", "transformers")
        for peer in ("plain", "transformers") if ours else (None,):
            ratio = common.median([b / a for a, b in zip(times, seconds[peer], strict=True)])[0] if peer else None
            total = sum(times)
            ours_row = common.row(name, "tokens_per_second", *rate, n=len(times), seconds=total)
            out.append({**ours_row, "peer": peer, "ratio_to_peer": ratio})
        if ours:
            case = name.split(",")[0]
            config = make_config(case)
            per_token = training_flops(config, CONTEXT) / CONTEXT
            share, low, high = (part * per_token / peaks[kernels[case].precision] for part in rate)
            out.append(common.row(name, "share_of_peak", share, low, high, len(times), sum(times)))
    return out


if __name__ == "__main__":
    main()
