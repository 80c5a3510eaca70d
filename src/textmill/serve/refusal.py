"""What a client is told when a request cannot be answered: OpenAI's form, in the client's language.

{"error": {"message": …, "type": "invalid_request_error", "param": "messages.0.role", "code": "invalid_value"}}
"""

from collections.abc import Mapping
from typing import Any

from textmill.errors import PARTS, ModelError, ResourceError, TextmillError, UsageError, UserError
from textmill.i18n import LANGUAGES, entry, language

INVALID, SERVER, LIMITED = "invalid_request_error", "server_error", "rate_limit_error"
TOO_LONG = ("infer.prompt_too_long", "infer.too_few_pages")


class Refused(Exception):
    """A request that gets `status` and the words of `error` instead of an answer."""

    def __init__(
        self,
        error: TextmillError,
        *,
        status: int = 400,
        param: str | None = None,
        code: str = "invalid_value",
        kind: str = INVALID,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(error.key)
        self.error, self.status, self.param, self.code, self.kind = error, status, param, code, kind
        self.headers = dict(headers or {})

    def body(self, in_language: str) -> dict[str, Any]:
        """Returns OpenAI's error object."""
        message = words(self.error, in_language)
        if self.param and self.param.rpartition(".")[2] not in message:
            message = f"{self.param}: {message}"
        return {"error": {"message": message, "type": self.kind, "param": self.param, "code": self.code}}


def words(error: TextmillError, in_language: str) -> str:
    """Returns an error's parts as one text."""
    texts = entry(error.key, in_language)
    if isinstance(texts, str):
        return texts.format(**error.values)
    parts = {name: texts[name].format(**error.values) for name in PARTS if name in texts}
    labels = {name: str(entry(f"cli.{name}_label", in_language)) for name in ("expected", "got")}
    return " ".join(labels.get(name, "") + text for name, text in parts.items())


def refused(error: Exception) -> Refused:
    """Returns what a client is told of any exception; what is not its mistake tells nothing of our inside."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, ResourceError) and error.key == "infer.closing":
        return Refused(error, status=503, code="shutting_down", kind=SERVER, headers={"Retry-After": "5"})
    if isinstance(error, ModelError) and error.key == "infer.not_finite":
        return Refused(error, status=500, code="model_error", kind=SERVER)
    if isinstance(error, UserError):
        code = "context_length_exceeded" if error.key in TOO_LONG else "invalid_value"
        return Refused(error, code=code)
    return Refused(UsageError("serve.failed"), status=500, code="internal_error", kind=SERVER)


def unsupported_tools() -> Refused:
    """Returns the refusal of tools by a model whose template has none."""
    return Refused(UsageError("serve.no_tools"), param="tools", code="unsupported_parameter")


def accepted_language(header: str) -> str:
    """Returns the language of ours that an Accept-Language header wants most; without one, the interface's."""
    best, chosen = 0.0, language()
    for part in header[:500].split(","):
        name, _, rest = part.strip().partition(";")
        tag = name[:2].lower()
        quality = rest.strip().removeprefix("q=") or "1"
        try:
            weight = float(quality)
        except ValueError:
            continue
        if tag in LANGUAGES and weight > best:
            best, chosen = weight, tag
    return chosen
