"""/v1/sentiment: how texts are meant, by a judge beside the model (`serve --sentiment`) or by the model itself."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from textmill.apps.sentiment.judge import Judge
from textmill.apps.sentiment.judgement import Judgement
from textmill.errors import UsageError
from textmill.serve.refusal import Refused
from textmill.serve.web import Call


@dataclass(kw_only=True)
class JudgeOnOffer:
    """A judge and its name; it judges one request at a time, since each takes all cores."""

    name: str
    judge: Judge
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, texts: Sequence[str]) -> list[Judgement]:
        """Returns what comes of the texts."""
        with self.lock:
            return self.judge.judge(texts)


async def sentiment(call: Call) -> None:
    """Answers with a judgement a text."""
    offer, values = cast("JudgeOnOffer", call.service.offers.judge), call.values  # without one there is no route
    if values["model"] not in (None, offer.name):
        error = UsageError("serve.unknown_model", name=values["model"][:200], known=offer.name)
        raise Refused(error, status=404, param="model", code="model_not_found")
    given = values["input"]
    texts = [given] if isinstance(given, str) else given
    found = await call.service.in_pool(offer, texts)
    form = offer.judge.form
    await call.send_json(
        {
            "object": "list",
            "data": [told(place, one) for place, one in enumerate(found)],
            "model": offer.name,
            "labels": list(form.labels),
            "coverage": form.coverage,
            "calibrated": form.threshold is not None,
        }
    )


def told(place: int, judgement: Judgement) -> dict[str, Any]:
    """Returns what is said of one text."""
    return {
        "object": "sentiment",
        "index": place,
        "abstained": None,
        **judgement.as_dict(),
        "unsure": judgement.unsure,
        "windows": judgement.windows,
    }
