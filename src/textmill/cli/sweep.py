"""`textmill sweep`: a few small sizes trained for a few lengths, a scaling law through them, and what it advises.

The document of ``--json``: ``name, folder, points [{name, weights, tokens, bits_per_byte}], law {e, a, alpha, b, beta,
alpha_range, beta_range, error}, advice [{seconds, flops, weights, tokens, bits_per_byte}], charts [files]``.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument, Command, Context, Stopped
from textmill.cli.layout import table
from textmill.cli.run_display import RunDisplay
from textmill.errors import MissingExtraError, UsageError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.report.lines import Chart
    from textmill.train.scaling import Law, Point
    from textmill.train.sweep import Series

ADVISED = (600.0, 3600.0, 8 * 3600.0, 24 * 3600.0)
"""Seconds for which the law's advice is told."""
MOST_SIZES = 6


def run(context: Context, *, budget: str, sizes: int, name: str, device: str) -> dict[str, Any]:
    """Trains the series, or what is left of it, fits the law and prints what it advises."""
    from textmill.cli.train import prepare
    from textmill.train import sweep
    from textmill.train.budget import parse_budget

    wanted = parse_budget(budget)
    if not wanted.seconds or not 2 <= sizes <= MOST_SIZES:
        raise UsageError("cli_sweep.asked", value=budget, sizes=sizes, most=MOST_SIZES)
    project = context.need_project()
    folder = project.root / sweep.FOLDER / name
    tokenizer, tokens = prepare(context, project, None)
    kernels = sweep.kernels_of(context.settings, device)
    series = sweep.kept_series(folder)
    if series is None:
        context.say(t("cli_plan.measuring"))
        series = sweep.plan_series(
            context.settings,
            kernels,
            tokenizer.vocabulary_size,
            name=name,
            seconds=wanted.seconds,
            sizes=sizes,
        )
        sweep.keep_series(folder, series)
    else:
        context.say(t("cli_sweep.goes_on", folder=folder))
    points = train_series(context, project, series, tokens, tokenizer, device)
    law = sweep.conclude(folder, points)
    rate = training_rate(project, series)
    charts = draw(context, folder, series, points, law)
    return tell(context, name, folder, series, points, law, rate, charts)


def train_series(
    context: Context, project: Any, series: "Series", tokens: Any, tokenizer: Any, device: str
) -> "list[Point]":
    """Trains what is left, with a line a run."""
    from textmill.train.sweep import run_series

    shown: list[RunDisplay] = []

    def listener(name: str) -> Any:
        for display in shown:
            display.__exit__(None, None, None)
        shown[:] = [RunDisplay(context, name).__enter__()]
        return shown[0].show

    try:
        return run_series(project, series, tokens=tokens, tokenizer=tokenizer, device=device, listener=listener)
    except KeyboardInterrupt:
        raise Stopped({"stopped": True}) from None
    finally:
        for display in shown:
            display.__exit__(None, None, None)


def training_rate(project: Any, series: "Series") -> float:
    """Returns the FLOP/s that the largest size reached."""
    from textmill.train.record import read_record
    from textmill.train.scaling import FLOPS_A_WEIGHT

    size = series.sizes[-1]
    rates = sorted(step["tokens_per_second"] for step in read_record(project.runs, size.name).steps)
    return rates[len(rates) // 2] * size.weights * FLOPS_A_WEIGHT


def draw(context: Context, folder: Path, series: "Series", points: "list[Point]", law: "Law") -> list[str]:
    """Draws the measured losses and the law's lines: into the terminal, as SVG, and as PNG where that can be."""
    from textmill.report.lines import as_text
    from textmill.train.chart_files import write_chart

    chart = chart_of(series, points, law)
    context.print(as_text(chart, columns=min(context.output.width, 100)))
    files = [folder / "scaling.svg"]
    write_chart(chart, files[0])
    try:
        write_chart(chart, folder / "scaling.png")
        files.append(folder / "scaling.png")
    except MissingExtraError:
        pass
    return [str(file) for file in files]


def chart_of(series: "Series", points: "list[Point]", law: "Law") -> "Chart":
    """Returns the chart: a line of the law for each size, and what was measured."""
    from textmill.report.lines import Chart
    from textmill.report.lines import Series as Curve

    longest = max(point.tokens for point in points)
    curves = []
    for size in series.sizes:
        own = sorted((point.tokens, point.bits_per_byte) for point in points if point.weights == size.weights)
        curves.append(Curve(name=f"{size.layers}x{size.width}", points=own, dots=True))
        steps = [own[0][0] * (2 * longest / own[0][0]) ** (n / 40) for n in range(41)]
        line = [(tokens, law.loss(size.weights, tokens)) for tokens in steps]
        curves.append(Curve(name=t("cli_sweep.law_of", size=f"{size.layers}x{size.width}"), points=line))
    x, y = t("cli_sweep.chart_x"), t("cli_sweep.chart_y")
    return Chart(title=t("cli_sweep.chart"), x=x, y=y, series=curves, log_x=True)


def tell(
    context: Context,
    name: str,
    folder: Path,
    series: "Series",
    points: "list[Point]",
    law: "Law",
    rate: float,
    charts: list[str],
) -> dict[str, Any]:
    """Prints the table, the law and the advice; returns the document."""
    names = [run for _, _, run in series.lengths]
    rows = [
        [run, f"{point.weights:,.0f}", f"{point.tokens:,.0f}", f"{point.bits_per_byte:.3f}",
         f"{law.loss(point.weights, point.tokens):.3f}"]
        for run, point in zip(names, points, strict=True)
    ]  # fmt: skip
    head = [t(f"cli_sweep.{key}") for key in ("run", "weights", "tokens", "measured", "fitted")]
    context.print(table([head, *rows]))
    context.print(t("cli_sweep.law", **law.as_dict(), low=law.alpha_range, high=law.beta_range))
    advice = advise(context, law, rate)
    context.print(t("cli_sweep.done", files=", ".join(charts)))
    kept = [
        {"name": run, "weights": point.weights, "tokens": point.tokens, "bits_per_byte": point.bits_per_byte}
        for run, point in zip(names, points, strict=True)
    ]
    return {
        "name": name,
        "folder": str(folder),
        "points": kept,
        "law": law.as_dict(),
        "advice": advice,
        "charts": charts,
    }


def advise(context: Context, law: "Law", rate: float) -> list[dict[str, Any]]:
    """Prints and returns what the law says of longer runs at `rate` FLOP/s; nothing where it tells nothing."""
    if not law.tells:
        context.print(t("cli_sweep.tells_nothing"))
        return []
    advice = []
    for seconds in ADVISED:
        flops = rate * seconds
        weights = law.best_weights(flops)
        tokens = flops / (6 * weights)
        bits, times = law.loss(weights, tokens), weights / law.largest_weights
        advice.append({"seconds": seconds, "flops": flops, "weights": weights, "tokens": tokens, "bits_per_byte": bits})
        text = t("cli_sweep.advice", minutes=seconds / 60, weights=weights, tokens=tokens, bits=bits)
        context.print(text + (t("cli_sweep.stretched", times=times) if times > 1.5 else ""))
    return advice


COMMAND = Command(
    words=("sweep",),
    run=run,
    example="textmill sweep --budget 30m",
    arguments=(
        Argument(name="--budget", default="30m", metavar="TIME"),
        Argument(name="--sizes", kind=int, default=3, metavar="N"),
        Argument(name="--name", default="sweep", metavar="NAME"),
        Argument(name="--device", default="", metavar="DEVICE"),
    ),
    settings=("model", "train", "mix", "evaluate", "tokenizer"),
)
