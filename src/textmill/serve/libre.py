"""LibreTranslate's request form beside /v1/translate, so that its clients work: https://docs.libretranslate.com

    POST /translate   q (a text or a list), source ("auto"), target, format, alternatives, api_key
    POST /detect      q                          GET /languages, /frontend/settings

As there, a body is JSON or a form, a key may stand in it, and an error is {"error": "…"}. A form is what a foreign web
page can send without asking: one that says that it comes from another origin is refused.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from textmill.apps.translate.card import Card
from textmill.apps.translate.judge import says_something
from textmill.apps.translate.languages import language_name
from textmill.apps.translate.markers import protect
from textmill.apps.translate.translator import Options
from textmill.data.language import guesses
from textmill.errors import UsageError
from textmill.serve.body import JSON_TYPE, Disconnected, check_text, parse, read_bytes
from textmill.serve.forms import FORM, MULTIPART, multipart
from textmill.serve.records import Field, Record
from textmill.serve.refusal import Refused, accepted_language, refused
from textmill.serve.schema import Either, Many, Number, Text
from textmill.serve.service import Service
from textmill.serve.stream import JSON_HEADERS, Receive, Send, document, send_whole, while_connected
from textmill.serve.translation import DETECTED_FROM, HTML, Made, Wish, code_of, job_of, source_code
from textmill.serve.web import Call, Scope, headers_of, report
from textmill.serve.work import news

TRANSLATE, DETECT, LANGUAGES, SETTINGS = "/translate", "/detect", "/languages", "/frontend/settings"
PATHS = (TRANSLATE, DETECT, LANGUAGES, SETTINGS)
LONGEST, MOST = 200_000, 256
MOST_ALTERNATIVES = 15
PERCENT = 100.0
TEXT = Text(longest=LONGEST)
KEY = Field(name="api_key", shape=Text(longest=512))
CODE = Text(longest=64, shortest=1)
TRANSLATED = Record(
    fields=(
        Field(
            name="q",
            shape=Either(options={"string": TEXT, "array": Many(of=TEXT, most=MOST, least=1)}),
            required=True,
            about="libre_q",
        ),
        Field(name="source", shape=CODE, required=True, about="translation_source"),
        Field(name="target", shape=CODE, required=True, about="translation_target"),
        Field(name="format", shape=Text(choices=("text", "html")), default="text", about="libre_format"),
        Field(
            name="alternatives",
            shape=Number(low=0, high=MOST_ALTERNATIVES, whole=True),
            default=0,
            about="translation_alternatives",
        ),
        KEY,
        Field(name="secret", shape=Text(longest=512), about="libre_secret"),
    )
)
DETECTED = Record(fields=(Field(name="q", shape=TEXT, required=True, about="libre_q"), KEY))
RECORDS: dict[str, Record] = {TRANSLATE: TRANSLATED, DETECT: DETECTED}
Answering = Callable[[Call], Awaitable[Any]]


class LibreRoute:
    """An ASGI app for one of the routes."""

    def __init__(self, service: Service, record: Record, answer: Answering) -> None:
        self.service, self.record, self.answer = service, record, answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        headers = headers_of(scope)
        language = accepted_language(headers.get("accept-language", ""))
        try:
            values = await self._values(scope, receive, headers)
            key = scope["state"]["key"]
            key = self.service.key_name(values.pop("api_key", None)) if key is None else key
            with self.service.dispatcher.place(key) as place:
                call = Call(service=self.service, send=send, key=key, language=language, place=place)
                call.values = self.record.check({name: value for name, value in values.items() if value != ""}, "")
                await while_connected(receive, self._whole(call))
        except Disconnected:
            pass
        except Exception as error:
            await send_libre_error(send, error, language)

    async def _whole(self, call: Call) -> None:
        await call.send_json(await self.answer(call))

    async def _values(self, scope: Scope, receive: Receive, headers: dict[str, str]) -> dict[str, Any]:
        """Returns what stands in the address and in the body."""
        settings = self.service.settings
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        most = int(settings.body_megabytes * 1e6)
        data = await read_bytes(receive, headers, most=most, seconds=settings.read_seconds)
        values: dict[str, Any] = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"), max_num_fields=20))
        if kind == JSON_TYPE:
            return values | parse(data)
        if kind not in (FORM, MULTIPART):
            raise Refused(UsageError("serve.content_or_form", value=kind[:80] or "–"), status=415)
        self._check_origin(headers)
        values |= multipart(data, headers["content-type"]) if kind == MULTIPART else of_form(data)
        for value in values.values():
            check_text(value)
        if str(values.get("alternatives", "")).strip().isdecimal():
            values["alternatives"] = int(values["alternatives"])
        return values

    def _check_origin(self, headers: Mapping[str, str]) -> None:
        origin = headers.get("origin", "")
        own = urlsplit(origin).netloc == headers.get("host", "") if origin else True
        if not own and origin not in self.service.settings.cors:
            raise Refused(UsageError("serve.foreign_form", origin=origin[:80]), status=403)


def of_form(data: bytes) -> dict[str, str]:
    """Returns the fields of a form as browsers and urllib send it."""
    try:
        return dict(parse_qsl(data.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=20))
    except ValueError as error:  # also UnicodeDecodeError
        raise Refused(UsageError("serve.not_form", detail=str(error)[:200])) from None


async def send_libre_error(send: Send, error: Exception, language: str) -> None:
    """Answers with an error as LibreTranslate has it; what is missing or wrong in a key is 403 there."""
    report(error)
    problem = refused(error)
    message = problem.body(language)["error"]["message"]
    status = 403 if problem.status == 401 else problem.status
    await send_whole(send, status, document({"error": message}), JSON_HEADERS | problem.headers)


async def translate(call: Call) -> dict[str, Any]:
    """Returns the translation of a text, or of each."""
    values, card = call.values, cast("Card", call.service.offers.card)
    several = isinstance(values["q"], list)
    texts = tuple(values["q"] if several else [values["q"]])
    wish = Wish(
        texts=texts,
        source=source_code(values["source"]),
        target=code_of(values["target"]),
        options=Options(alternatives=values["alternatives"]),
        terms={},
        html=values["format"] == HTML,
    )
    job = await call.service.in_pool(lambda: job_of(card, wish, streams=False))
    made: list[Made] = sorted([one async for one in news(call, job)], key=lambda one: one.place)
    found: dict[str, list[Any]] = {"translatedText": [one.whole.text for one in made]}
    if not wish.source:
        found["detectedLanguage"] = [seen_as(text, one) for text, one in zip(texts, made, strict=True)]
    if values["alternatives"]:
        found["alternatives"] = [list(one.whole.alternatives) for one in made]
    return found if several else {name: each[0] for name, each in found.items()}


def seen_as(text: str, made: Made) -> dict[str, Any]:
    """Returns the language that a text was taken for, and how surely."""
    seen = dict(guesses(text[:DETECTED_FROM], 5))
    return {"confidence": round(PERCENT * seen.get(made.direction.source, 0.0), 1), "language": made.direction.source}


async def detect(call: Call) -> list[dict[str, Any]]:
    """Returns the languages that a text may be in, the likeliest first."""
    text = call.values["q"]
    found = await call.service.in_pool(guesses, text[:DETECTED_FROM], 3)
    if not found or not says_something(protect(text).text):
        return [{"confidence": 0.0, "language": "en"}]
    return [{"confidence": round(PERCENT * share, 1), "language": code} for code, share in found]


ANSWERS: dict[str, Answering] = {TRANSLATE: translate, DETECT: detect}


def languages(card: Card) -> list[dict[str, Any]]:
    """Returns what the model reads, and into what it can put each."""
    known = card.languages
    reads = dict.fromkeys(pair.source for pair in card.pairs) or dict.fromkeys(known)
    return [
        {
            "code": code,
            "name": language_name(code),
            "targets": [pair.target for pair in card.pairs if pair.source == code]
            or [other for other in known if other != code],
        }
        for code in reads
    ]


def frontend_settings(service: Service) -> dict[str, Any]:
    """Returns what LibreTranslate's pages ask for."""
    card = cast("Card", service.offers.card)
    first = languages(card)[0]
    target = first["targets"][0]
    return {
        "charLimit": LONGEST,
        "frontendTimeout": 500,
        "apiKeys": bool(service.keys),
        "keyRequired": bool(service.keys),
        "suggestions": False,
        "filesTranslation": False,
        "supportedFilesFormat": [],
        "language": {
            "source": {"code": first["code"], "name": first["name"]},
            "target": {"code": target, "name": language_name(target)},
        },
    }
