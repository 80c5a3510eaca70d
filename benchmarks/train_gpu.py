"""Training speed on one GPU: Textmill beside transformers' Trainer and a nanoGPT-style loop, three sizes, two contexts.

    124M  12 layers of 768    350M  24 of 1,024    1.5B  24 of 2,048        vocabulary 50,304; tiny is for trying it out

Every contender trains in bf16 under autocast over float32 weights on the same random tokens, with compiled code and the
fused AdamW where it has a choice; Textmill packs documents and keeps them apart, the peers have no document masks. Each
runs in a process of its own, so that no contender's memory is another's loss, and they take turns (A B C A B C …).
MFU: 6·N a token plus causal attention (half of the square), each contender's own N, over the datasheet's dense bf16
peak where the card is known, else the measured one (`peak_flops`). `loss` after the last step shows that float8 learns.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import torch

import common
from plain_gpt import PlainGPT, Shape

SIZES = {"tiny": (2, 128, 2), "124M": (12, 768, 12), "350M": (24, 1024, 16), "1.5B": (24, 2048, 16)}
MICRO_TOKENS = {"tiny": 1024, "124M": 32_768, "350M": 16_384, "1.5B": 8_192}
CONTENDERS = ("textmill", "textmill, muon", "textmill, float8", "nanogpt", "trainer")
DATASHEET = {"H100": 989.4e12, "H200": 989.4e12, "GH200": 989.4e12, "A100": 312e12, "L40S": 362e12, "4090": 165.2e12}
VOCABULARY = 50_304
WARM = 5
"""Steps that are not counted: the first compiles."""

Step = Callable[[], float]


def main() -> None:
    """Runs the contenders by turns and prints the table; with --one measures one of them in this process."""
    words = common.parser(__doc__ or "", tuple(SIZES))
    words.add_argument("--contexts", type=int, nargs="+", default=[1024, 2048])
    words.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    words.add_argument("--steps", type=int, default=30, help="steps that are counted, each round")
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--device", default="cuda")
    words.add_argument("--one", help="measure this contender and print JSON")
    given = words.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        words.error("there is no CUDA device; --device cpu tiny tries the code out")
    if given.one:
        print(json.dumps(measure(given.one, given.case, given.contexts[0], given.steps, given.device)))
        return
    results = []
    for size in [given.case] if given.case else [size for size in SIZES if size != "tiny"]:
        for context in given.contexts:
            results += compare(size, context, given)
    common.report(results, given.json)


def compare(size: str, context: int, given: Any) -> list[common.Row]:
    """Returns the rows of one size at one context."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in given.contenders}
    for _ in range(given.rounds):
        for name, rounds in found.items():
            words = [size, "--one", name, "--contexts", str(context), "--steps", str(given.steps)]
            command = [sys.executable, __file__, *words, "--device", given.device]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
            if done.returncode:
                print(f"{name} at {size}, {context}: exit code {done.returncode}", file=sys.stderr)
            else:
                rounds.append(json.loads(done.stdout.splitlines()[-1]))
    peers = [name for name in ("nanogpt", "trainer") if found.get(name)]
    return [
        row
        for name, rounds in found.items()
        if rounds
        for row in table(f"{size}, {context}, {name}", rounds, peers, found)
    ]


def table(case: str, rounds: list[dict[str, Any]], peers: list[str], found: dict[str, Any]) -> list[common.Row]:
    """Returns tokens/s (beside each peer), MFU, memory and loss of one contender."""
    rate, seconds = common.median([one["tokens_per_second"] for one in rounds]), sum(one["seconds"] for one in rounds)
    ours = common.row(case, "tokens_per_second", *rate, n=len(rounds), seconds=seconds)
    beside = peers if case.rpartition(", ")[2] not in ("nanogpt", "trainer") else []
    out = [ours] if not beside else []
    for peer in beside:
        ratios = [a["tokens_per_second"] / b["tokens_per_second"] for a, b in zip(rounds, found[peer], strict=False)]
        out.append({**ours, "peer": peer, "ratio_to_peer": statistics.median(ratios)})
    for metric in ("mfu", "peak_flops", "memory_bytes", "loss", "parameters"):
        out.append(common.row(case, metric, statistics.median(one[metric] for one in rounds), n=len(rounds)))
    return out


def measure(name: str, size: str, context: int, steps: int, device: str) -> dict[str, Any]:
    """Returns what one contender does in this process."""
    layers, width, heads = SIZES[size]
    shape = Shape(layers=layers, width=width, heads=heads, context=context, vocabulary=VOCABULARY)
    rows = max(1, MICRO_TOKENS[size] // context)
    ids = torch.randint(0, VOCABULARY, (rows, context + 1), generator=torch.Generator().manual_seed(0)).to(device)
    if name == "trainer":
        seconds, loss, parameters = trainer_seconds(shape, rows, steps, device)
    else:
        make = nanogpt_step if name == "nanogpt" else textmill_step
        step, parameters = make(shape, ids, device, name)
        seconds, loss = timed_steps(step, steps, device)
    rate = rows * context / statistics.median(seconds)
    peak = peak_flops(device)
    per_token = 6 * parameters + 6 * layers * width * context  # causal: half of 12·layers·width·context
    used = torch.cuda.max_memory_allocated() if device == "cuda" else 0
    measured = {"tokens_per_second": rate, "mfu": rate * per_token / peak, "peak_flops": peak, "memory_bytes": used}
    return measured | {"loss": loss, "parameters": parameters, "seconds": sum(seconds)}


def peak_flops(device: str) -> float:
    """Returns the datasheet's dense bf16 rate of a known card, else the measured one."""
    from textmill.hardware import gemm_peak

    name = torch.cuda.get_device_name() if device == "cuda" else ""
    known = [peak for part, peak in DATASHEET.items() if part in name]
    return known[0] if known else gemm_peak("bf16", seconds=1.0, size=4096 if device == "cuda" else 1024, device=device)


def timed_steps(step: Step, steps: int, device: str) -> tuple[list[float], float]:
    """Returns the seconds of each step and the last loss."""
    from textmill.hardware.measure import synchronize

    seconds, loss = [], 0.0
    for number in range(WARM + steps):
        synchronize(device)
        began = time.perf_counter()
        loss = step()
        synchronize(device)
        if number >= WARM:
            seconds.append(time.perf_counter() - began)
    return seconds, loss


def modern_config(shape: Shape) -> Any:
    """Returns the shape as Textmill's default layout, which is a Qwen3's."""
    from textmill.model.config import modern

    return modern(
        vocabulary_size=shape.vocabulary,
        layers=shape.layers,
        width=shape.width,
        heads=shape.heads,
        context=shape.context,
    )


def textmill_step(shape: Shape, ids: Any, device: str, name: str) -> tuple[Step, int]:
    """Returns a step as `textmill train` makes it on this device, over documents of a third of a row."""
    from textmill.config import Settings
    from textmill.model.gpt import GPT
    from textmill.train.batches import Batch
    from textmill.train.kernels import choose_kernels
    from textmill.train.optimizers import Optimizers
    from textmill.train.step import train_step

    wanted = {"train.optimizer": "muon" if "muon" in name else "adamw", "train.float8": "float8" in name}
    settings = Settings().replace(wanted | {"model.width": shape.width, "model.heads": shape.heads})
    kernels = choose_kernels(settings, device)
    model = GPT(modern_config(shape))
    model.initialise(torch.Generator().manual_seed(0))
    kernels.prepare(model)
    optimizers = Optimizers(model, settings.train, muon_dtype=kernels.dtype)
    optimizers.set_rates(0.1, 0)
    documents = (torch.arange(shape.context, device=device) * 3 // shape.context).expand(len(ids), -1).contiguous()
    batch = Batch(inputs_BT=ids[:, :-1].contiguous(), targets_BT=ids[:, 1:].contiguous(), documents_BT=documents)

    def step() -> float:
        return train_step(
            model, optimizers, [batch], batch_tokens=batch.tokens, step=0, clip=1.0, dtype=kernels.dtype
        ).loss

    return step, sum(parameter.numel() for parameter in model.parameters()) - model.token_embedding.weight.numel()


def nanogpt_step(shape: Shape, ids: Any, device: str, name: str) -> tuple[Step, int]:
    """Returns a step of the nanoGPT-style loop: compiled, bf16 autocast, fused AdamW."""
    model = PlainGPT(shape).to(device)
    compiled = torch.compile(model) if device == "cuda" else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    inputs, targets = ids[:, :-1].contiguous(), ids[:, 1:].contiguous()

    def step() -> float:
        with torch.autocast(device, dtype=torch.bfloat16):
            loss = compiled(inputs, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return float(loss.detach())

    return step, sum(parameter.numel() for parameter in model.parameters()) - model.positions.weight.numel()


def trainer_seconds(shape: Shape, rows: int, steps: int, device: str) -> tuple[list[float], float, int]:
    """Returns seconds a step, loss and parameters of transformers' Trainer on a Qwen3 of the same shape."""
    import tempfile

    from transformers import Qwen3Config, Qwen3ForCausalLM, Trainer, TrainerCallback, TrainingArguments

    from textmill.model.hub.configs import to_hub

    class Clock(TrainerCallback):
        """Notes when each step ends."""

        times: list[float] = []  # noqa: RUF012 - one trainer a process

        def on_step_end(self, *given: Any, **more: Any) -> None:
            if device == "cuda":
                torch.cuda.synchronize()
            self.times.append(time.perf_counter())

    config = Qwen3Config(**to_hub(modern_config(shape)))
    model: Any = Qwen3ForCausalLM(config)
    generator = torch.Generator().manual_seed(0)
    row = torch.randint(0, shape.vocabulary, (rows, shape.context), generator=generator)
    data: Any = [{"input_ids": one, "labels": one} for one in row] * (WARM + steps)
    cuda = device == "cuda"
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=rows,
            max_steps=WARM + steps,
            bf16=True,
            use_cpu=not cuda,
            torch_compile=cuda,
            optim="adamw_torch_fused",
            learning_rate=1e-4,
            save_strategy="no",
            report_to=[],
            logging_strategy="no",
            disable_tqdm=True,
            dataloader_pin_memory=cuda,
        )
        done = Trainer(model=model, args=arguments, train_dataset=data, callbacks=[Clock()]).train()
    seconds = [later - earlier for earlier, later in zip(Clock.times, Clock.times[1:], strict=False)][WARM - 1 :]
    count = sum(parameter.numel() for parameter in model.parameters()) - model.get_input_embeddings().weight.numel()
    return seconds, done.training_loss, count


if __name__ == "__main__":
    main()
