"""A run's events as a progress line and messages on stderr."""

from typing import Any

from textmill.cli.command import Context
from textmill.evaluate.evaluation_report.words import number
from textmill.i18n import t
from textmill.progress import Progress


class RunDisplay:
    """Turns a run's events into a progress line and messages on stderr."""

    def __init__(self, context: Context, name: str) -> None:
        self.context, self.name = context, name
        self.line = context.progress(t("train.stage_train", name=name))
        self.report: Progress | None = None

    def __enter__(self) -> "RunDisplay":
        return self

    def __exit__(self, *problem: Any) -> None:
        if self.report is not None:
            self.line.__exit__(*problem)

    def show(self, event: dict[str, Any]) -> None:
        """Shows one event."""
        say, kind = self.context.say, event["type"]
        if kind == "step":
            if self.report is None:
                self.report = self.line.__enter__()
            mfu = f" · MFU {event['mfu']:.0%}" if event["mfu"] else ""
            rate, bits = event["tokens_per_second"], event["bits_per_byte"]
            note = t("cli_train.note", loss=event["loss"], bits=bits, rate=rate, mfu=mfu)
            self.report(event["step"], event["total_steps"], note)
        elif kind == "spike":
            say(t("cli_train.spike", step=event["step"], what=event["quantity"]))
        elif kind == "evaluation":
            interval = _some(event, "step", "low", "high", "documents")
            say(t("cli_train.evaluation", value=event["bits_per_byte"], **interval))
        elif kind == "suite":
            shown = {name: number(event[name], event["figure"]) for name in ("value", "low", "high")}
            say(t("cli_train.suite", step=event["step"], suite=event["suite"], n=event["n"], **shown))
        elif kind == "overfitting":
            said = _some(event, "step", "worse_by", "low", "high", "best_step", "training", "gap")
            say(t("cli_train.overfitting", name=self.name, **said))
        elif kind == "sample":
            text = f"{event['prompt']}{event['text']}".replace("\n", " ")
            say(t("cli_train.sample", step=event["step"], text=text))
        elif kind == "start":
            kernels = event["kernels"]
            way = "native" if kernels["native"] else "compiled" if kernels["compile"] else "eager"
            compiled = t(f"cli_train.{way}")
            shown = _some(kernels, "precision", "device", "threads")
            say(t("cli_train.started", parameters=event["parameters"], compiled=compiled, **shown))
        elif kind == "resume":
            say(t("cli_train.resumed", step=event["step"]))
            for name, (was, now) in event["other"].items():
                say(t("cli_train.other_version", name=name, was=was, now=now))


def _some(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names}
