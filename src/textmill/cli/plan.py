"""`textmill plan`: what a budget would train here, before anything starts."""

import dataclasses
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.config import Settings
from textmill.errors import TextmillError
from textmill.i18n import t

BYTES_PER_TOKEN = 3.5
"""Assumed where there are no tokens yet; English and Chinese come to 3–4 with 8,192 words."""

ASSUMED_BYTES = 100_000_000
"""Assumed outside a project, where there is no text yet."""


def run(context: Context, *, budget: str, device: str) -> dict[str, Any]:
    """Measures, plans, prints the plan and returns it."""
    from textmill.data.mixing import shares_text
    from textmill.train.budget import parse_budget
    from textmill.train.expect import fit
    from textmill.train.kernels import choose_kernels
    from textmill.train.plan import make_plan
    from textmill.train.sweep import known_law

    wanted = parse_budget(budget)
    vocabulary_size, data_tokens, mixed = _data(context, wanted)
    context.say(t("cli_plan.measuring"))
    kernels = choose_kernels(context.settings, device)
    plan = make_plan(
        wanted,
        context.settings,
        kernels=kernels,
        vocabulary_size=vocabulary_size,
        data_tokens=data_tokens,
        chosen=context.chosen,
        law=known_law(context.project) if context.project is not None else None,
    )
    context.say(t("cli_plan.trying"))
    settings = context.settings.replace(plan.changes)
    kernels = dataclasses.replace(kernels, compile=settings.train.compile == "on" and kernels.compile)
    smaller, expected = fit(settings, kernels, vocabulary_size, data_tokens, available=free_memory(kernels.device))
    settings = settings.replace(smaller)
    plan = dataclasses.replace(
        plan,
        changes=plan.changes | smaller,
        seconds=wanted.seconds or expected.seconds,
        memory_bytes=int(expected.memory_bytes),
        tokens_per_second=expected.tokens_per_second,
    )
    for title, text in describe(plan, settings, vocabulary_size, device):
        context.print(f"{title}: {text}")
    for field, shares in mixed.items():
        context.print(t(f"mixing.shares_{field}", shares=shares_text(shares)))
    context.print(t("cli_plan.next", budget=f'"{budget}"' if " " in budget else budget))
    if smaller:
        context.print(t("cli_plan.made_smaller", changes=", ".join(f"{name} = {v}" for name, v in smaller.items())))
    document = plan.as_dict() | {"device_bytes": int(expected.device_bytes), "expected_seconds": expected.seconds}
    return {**document, "mixture": mixed, "vocabulary_size": vocabulary_size, "settings": settings.as_dict()}


def free_memory(device: str) -> float:
    """Returns the bytes that are free: the GPU's, or main memory's within the limits of a container."""
    if device.startswith("cuda"):
        import torch

        return float(torch.cuda.mem_get_info()[0])
    import psutil

    from textmill.hardware.limits import memory_limit

    limit = memory_limit()
    free = psutil.virtual_memory().available
    return float(min(free, limit[1]) if limit else free)


def _data(context: Context, budget: Any) -> tuple[int, int, dict[str, Any]]:
    """Returns vocabulary size, tokens of an epoch, shares of the mixture: by the tokens, else guessed by the corpus."""
    from textmill.data.corpus import Corpus
    from textmill.data.mixing import corpus_shares
    from textmill.tokenizer.mixture import mixture
    from textmill.tokenizer.tokenizer import Tokenizer
    from textmill.tokenizer.tokens import Tokens
    from textmill.train.plan import vocabulary_for_budget

    project, size = context.project, context.settings.tokenizer.vocabulary_size
    text_bytes, shares = ASSUMED_BYTES, {}
    if project is not None:
        try:
            tokenizer = Tokenizer.load(project.tokenizer)
            tokens = Tokens.open(project.tokens)
        except TextmillError:
            corpus = Corpus.open(project.corpus)
            text_bytes, shares = corpus.measure("bytes", "train"), corpus_shares(corpus, context.settings.mix)
        else:
            mixed = mixture(tokens, context.settings.mix)
            length = mixed.tokens if mixed else tokens.split("train").tokens
            return tokenizer.vocabulary_size, length, mixed.shares if mixed else {}
    if not context.chosen("tokenizer.vocabulary_size"):
        size = vocabulary_for_budget(text_bytes, budget)
    return size, int(text_bytes / BYTES_PER_TOKEN), shares


def describe(plan: Any, settings: Settings, vocabulary_size: int, device: str) -> list[tuple[str, str]]:
    """Returns the plan's lines as (title, text)."""
    from textmill import hardware
    from textmill.train.optimizers import learning_rates

    model, train = settings.model, settings.train
    chosen_device = hardware.check_device(device)
    precision, reason = hardware.default_precision(chosen_device)
    precision = precision if train.precision == "auto" else train.precision
    shape = {"preset": model.preset, "layers": model.layers, "width": model.width, "heads": model.heads}
    numbers = {"context": model.context, "vocabulary": vocabulary_size, "parameters": plan.parameters}
    steps = {"steps": plan.steps, "batch_tokens": train.batch_tokens, "tokens": plan.tokens, "epochs": plan.epochs}
    peaks = learning_rates(train, model.width)
    rates = {"matrix": f"{peaks.matrix:.3g}", "embedding": f"{peaks.embedding:.3g}", "rate": f"{peaks.rest:.3g}"}
    reached, peak = plan.reached_flops / 1e12, plan.peak_flops / 1e12
    speed = {"rate": plan.tokens_per_second, "reached": reached, "peak": peak, "share": reached / peak}
    optimizer = {"optimizer": train.optimizer, **rates}
    needs = {"minutes": plan.seconds / 60, "memory": plan.memory_bytes / 1e9}
    return [
        (t("cli_plan.model"), t("cli_plan.model_value", **shape, **numbers)),
        (t("cli_plan.training"), t("cli_plan.training_value", **steps)),
        (t("cli_plan.optimizer"), t("cli_plan.optimizer_value", **optimizer)),
        (t("cli_plan.chosen"), f"{precision} ({reason})" if train.precision == "auto" else precision),
        (t("cli_plan.speed"), t("cli_plan.speed_value", precision=precision, **speed)),
        (t("cli_plan.needs"), t("cli_plan.needs_value", **needs)),
    ]


COMMAND = Command(
    words=("plan",),
    run=run,
    example="textmill plan --budget 2h",
    arguments=(
        Argument(name="--budget", default="10m", metavar="BUDGET"),
        Argument(name="--device", default="", metavar="DEVICE"),
    ),
    settings=("mix", "model", "train"),
)
