"""The figures of a run's page: what `Record` has, and what follows from it (speed, utilisation, energy, cost).

MFU = tokens/s · F / P      F: FLOPs of training one token, 6 for each weight that multiplies it, and attention
                            inside the causal half of the context;  P: the peak of matrix products measured here
energy = hours · watts      watts: given, or a guess by device (`guessed_watts`); measured it is not
cost = hours · price an hour + energy · price a kWh
"""

import statistics
from dataclasses import dataclass
from typing import Any

from textmill.train.record import Record

WATTS_A_THREAD = 10.0
"""A busy core with its share of memory and supply; servers have 5 to 15."""
WATTS_OF_GPUS = {"H200": 700, "H100": 700, "A100": 400, "L40": 300, "4090": 450, "3090": 350, "T4": 70}
"""The makers' board powers; others count as `WATTS_OF_A_GPU`."""
WATTS_OF_A_GPU = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What a person knows of the machine; 0: unknown (watts are then guessed, costs left out)."""

    watts: float = 0.0
    an_hour: float = 0.0
    a_kilowatt_hour: float = 0.0
    currency: str = ""


def gather(record: Record, prices: Prices) -> dict[str, Any]:
    """Returns what the page shows, ready for JSON."""
    start, last = record.start, record.last
    rates = [event["tokens_per_second"] for event in record.steps]
    steady = rates[len(rates) // 10 :] or rates  # the first steps compile
    seconds, tokens = last.get("seconds", 0.0), last.get("tokens", 0)
    text = start.get("text", {})
    return {
        "name": record.name,
        "done": record.ended,
        "branch": start.get("branch"),
        "steps": last.get("step", 0),
        "total_steps": last.get("total_steps", 0),
        "tokens": tokens,
        "epochs": tokens / text["epoch_tokens"] if text.get("epoch_tokens") else None,
        "seconds": seconds,
        "parameters": start.get("parameters"),
        "model": start.get("model", {}),
        "kernels": start.get("kernels", {}),
        "data": start.get("data", {}),
        "text": text,
        "speed": {
            "median": statistics.median(steady) if steady else None,
            "overall": tokens / seconds if seconds else None,
        },
        "utilisation": _utilisation(record, statistics.median(steady) if steady else 0.0),
        "costs": costs(seconds, start.get("kernels", {}), prices),
        "held_out": record.of("evaluation")[-1:],
        "best": record.best,
        "settings": start.get("settings", {}),
        "changed": record.changed_settings,
        "waiting": _waiting(record, seconds),
        "happened": [event for event in record.events if event["type"] in HAPPENINGS],
    }


HAPPENINGS = ("start", "resume", "spike", "overfitting", "interrupt", "end")
"""Events that are told one by one."""


def _utilisation(record: Record, rate: float) -> dict[str, float]:
    """Returns the parts of the formula of MFU; {} where no peak was measured."""
    peak, flops = record.start.get("peak_flops") or 0.0, record.start.get("flops_a_token") or 0.0
    if not peak or not flops or not rate:
        return {}
    return {"rate": rate, "flops_a_token": flops, "peak": peak, "mfu": rate * flops / peak}


def _waiting(record: Record, seconds: float) -> dict[str, float]:
    """Returns the share of the time that training stood still for checkpoints."""
    stood = sum((event["seconds"] for event in record.of("checkpoint")), 0.0)
    return {"checkpoints": stood, "share": stood / seconds if seconds else 0.0}


def guessed_watts(kernels: dict[str, Any]) -> float:
    """Returns what a device of this kind takes when busy."""
    if str(kernels.get("device", "cpu")).startswith("cpu"):
        return WATTS_A_THREAD * int(kernels.get("threads") or 1)
    name = str(kernels.get("name", ""))
    return next((float(watts) for part, watts in WATTS_OF_GPUS.items() if part in name), WATTS_OF_A_GPU)


def costs(seconds: float, kernels: dict[str, Any], prices: Prices) -> dict[str, Any]:
    """Returns hours, watts (and whether they are a guess), kilowatt hours and, where there are prices, the cost."""
    hours, watts = seconds / 3600, prices.watts or guessed_watts(kernels)
    energy = hours * watts / 1000
    known = bool(prices.an_hour or prices.a_kilowatt_hour)
    cost = hours * prices.an_hour + energy * prices.a_kilowatt_hour if known else None
    return {
        "hours": hours,
        "watts": watts,
        "guessed": not prices.watts,
        "kilowatt_hours": energy,
        "cost": cost,
        "an_hour": prices.an_hour,
        "a_kilowatt_hour": prices.a_kilowatt_hour,
        "currency": prices.currency,
    }
