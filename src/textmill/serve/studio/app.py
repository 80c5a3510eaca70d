"""The studio's routes. GET reads, POST with a JSON body asks for work; errors are told in the page's language."""

import asyncio
import sys
import traceback
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from textmill.errors import UsageError
from textmill.infer.sampling import SamplingSettings
from textmill.serve.body import Disconnected, check_type, parse, read_bytes
from textmill.serve.refusal import Refused, accepted_language, refused
from textmill.serve.stream import EVENT_HEADERS, JSON_HEADERS, document
from textmill.serve.studio.files import static_file, words
from textmill.serve.studio.guard import Guard
from textmill.serve.studio.looking import Looking
from textmill.serve.studio.watching import events_of, list_runs, run_folder
from textmill.serve.web import headers_of

if TYPE_CHECKING:
    from textmill.project import Project

MOST_BYTES = 1_000_000
SECONDS = 30.0
NUMBERS = ("temperature", "top_p", "min_p")
BYTES = {"content-type": "application/octet-stream", "cache-control": "private, max-age=3600"}
"""Of a recording nothing ever changes; its name is never used again."""

Answer = Callable[["Studio", Request], Awaitable[Response]]


class Studio:
    """What the routes share."""

    def __init__(self, project: "Project | None", default: str | None) -> None:
        self.project = project
        self.looking = Looking(project, default)
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="studio")
        self.stopping = False

    async def work(self, task: Callable[[], Any]) -> Any:
        """Does work that takes long where it holds nobody up."""
        return await asyncio.get_running_loop().run_in_executor(self.thread, task)


def make_app(studio: Studio) -> Guard:
    """Returns the ASGI app, behind its guard."""
    routes = [Route(path, bound(studio, answer), methods=[method]) for (method, path), answer in ANSWERS.items()]
    handlers: dict[Any, Any] = {404: not_found, 405: not_found}
    return Guard(Starlette(routes=routes, exception_handlers=handlers))


def bound(studio: Studio, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """Returns a route's function; errors of users are answers, ours are printed for whoever runs the studio."""

    async def route(request: Request) -> Response:
        try:
            return await answer(studio, request)
        except Disconnected:
            return Response(status_code=499)
        except Exception as error:
            return failure(request, error)

    return route


def failure(request: Request, error: Exception) -> Response:
    """Returns the answer to what went wrong."""
    problem = refused(error)
    if problem.code == "internal_error":
        traceback.print_exception(error, file=sys.stderr)
    language = request.headers.get("x-language") or accepted_language(request.headers.get("accept-language", ""))
    body = document(problem.body(language if language in ("en", "zh") else "en"))
    return Response(body, problem.status, headers=JSON_HEADERS | problem.headers)


async def not_found(request: Request, error: Exception) -> Response:
    """Answers for a path or a method that there is not."""
    status = getattr(error, "status_code", 404)
    return failure(request, Refused(UsageError("serve.no_route", path=request.url.path[:200]), status=status))


def as_json(value: Any) -> Response:
    """Returns a JSON answer that nobody keeps."""
    return Response(document(value), headers=JSON_HEADERS | {"cache-control": "no-store"})


async def body_of(request: Request) -> dict[str, Any]:
    """Returns the JSON object that a request brought."""
    headers = headers_of(request.scope)
    check_type(headers.get("content-type", ""))
    return parse(await read_bytes(request.receive, headers, most=MOST_BYTES, seconds=SECONDS))


def wanted(values: dict[str, Any], name: str, kind: type, default: Any) -> Any:
    """Returns a value of a body; Refused where it is of another type."""
    value = values.get(name, default)
    right = isinstance(value, (int, float) if kind is float else kind)
    if not right or (isinstance(value, bool) and kind is not bool):
        raise Refused(UsageError("studio.wrong_type", name=name, kind=kind.__name__), param=name)
    return value


def indices(values: dict[str, Any], name: str) -> list[int]:
    """Returns a list of whole numbers of a body."""
    value = wanted(values, name, list, [])
    if len(value) > 3 or not all(type(item) is int for item in value):
        raise Refused(UsageError("studio.wrong_type", name=name, kind="list[int]"), param=name)
    return value


def integer(request: Request, name: str, default: int | None = 0) -> Any:
    """Returns a whole number of the address."""
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Refused(UsageError("studio.wrong_type", name=name, kind="int"), param=name)
    return int(text)


async def page(studio: Studio, request: Request) -> Response:
    """The page itself."""
    content, kind, _ = static_file("index.html")
    return Response(content, headers={"content-type": kind, "cache-control": "no-store"})


async def asset(studio: Studio, request: Request) -> Response:
    """A file of the page."""
    content, kind, tag = static_file(request.path_params["name"])
    headers = {"content-type": kind, "etag": tag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers)


async def strings(studio: Studio, request: Request) -> Response:
    """The page's words."""
    return as_json(words(request.path_params["language"]))


async def models(studio: Studio, request: Request) -> Response:
    """The models to choose from."""
    return as_json(studio.looking.list_models())


async def open_look(studio: Studio, request: Request) -> Response:
    """A prompt through a model."""
    values = await body_of(request)
    model, prompt = wanted(values, "model", str, ""), wanted(values, "prompt", str, "")
    special = wanted(values, "special", bool, False)
    return as_json(await studio.work(lambda: studio.looking.open(model, prompt, special)))


async def tensor(studio: Studio, request: Request) -> Response:
    """A matrix, as bytes."""
    name, step, index = request.path_params["id"], request.query_params.get("name", ""), integer(request, "index", None)
    return Response(await studio.work(lambda: studio.looking.tensor(name, step, index)), headers=BYTES)


async def thumbnails(studio: Studio, request: Request) -> Response:
    """A layer's heads as small pictures."""
    name, layer = request.path_params["id"], integer(request, "layer")
    return Response(await studio.work(lambda: studio.looking.thumbnails(name, layer)), headers=BYTES)


async def curve(studio: Studio, request: Request) -> Response:
    """The probabilities of the whole vocabulary, sorted."""
    name, at = request.path_params["id"], integer(request, "at")
    return Response(await studio.work(lambda: studio.looking.curve(name, at)), headers=BYTES)


async def number(studio: Studio, request: Request) -> Response:
    """How a number came about."""
    name, values = request.path_params["id"], await body_of(request)
    step, index, until = wanted(values, "name", str, ""), indices(values, "index"), indices(values, "until")
    return as_json(finite(await studio.work(lambda: studio.looking.number(name, step, index, until))))


def finite(value: Any) -> Any:
    """Returns infinities, which JSON lacks, as texts."""
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list | tuple) else value


async def next_one(studio: Studio, request: Request) -> Response:
    """What may come next."""
    name, values = request.path_params["id"], await body_of(request)
    chosen = {key: wanted(values, key, float, default) for key, default in zip(NUMBERS, (1.0, 1.0, 0.0), strict=True)}
    settings = SamplingSettings(
        top_k=wanted(values, "top_k", int, 0), seed=max(0, wanted(values, "seed", int, 0)), **chosen
    )
    at = wanted(values, "at", int, 0)
    return as_json(finite(await studio.work(lambda: studio.looking.next(name, at, settings))))


async def without(studio: Studio, request: Request) -> Response:
    """What becomes of the next token without some parts."""
    name, values = request.path_params["id"], await body_of(request)
    at, given = wanted(values, "at", int, 0), wanted(values, "parts", list, [])
    found = [indices({"parts": part}, "parts") for part in given]
    if any(len(part) != 2 for part in found):
        raise Refused(UsageError("studio.wrong_type", name="parts", kind="list[[int, int]]"), param="parts")
    parts = [(layer, head) for layer, head in found]
    return as_json(await studio.work(lambda: studio.looking.without(name, at, parts)))


async def lens(studio: Studio, request: Request) -> Response:
    """The logit lens of some tokens."""
    name, first, last = request.path_params["id"], integer(request, "first"), integer(request, "last", 1)
    return as_json(await studio.work(lambda: studio.looking.lens(name, first, last)))


async def angles(studio: Studio, request: Request) -> Response:
    """The angles of rotary positions."""
    name, layer, at = request.path_params["id"], integer(request, "layer"), integer(request, "at")
    return as_json(await studio.work(lambda: studio.looking.angles(name, layer, at)))


async def runs(studio: Studio, request: Request) -> Response:
    """The runs there are."""
    return as_json(await asyncio.to_thread(list_runs, studio.project))


async def events(studio: Studio, request: Request) -> Response:
    """A run's events, as they come."""
    folder = await asyncio.to_thread(run_folder, studio.project, request.path_params["name"])
    told = request.headers.get("last-event-id", "")
    after = int(told) if told.isascii() and told.isdigit() and len(told) < 10 else integer(request, "after")
    return StreamingResponse(events_of(folder, after, lambda: studio.stopping), headers=EVENT_HEADERS)


ANSWERS: dict[tuple[str, str], Answer] = {
    ("GET", "/"): page,
    ("GET", "/static/{name:path}"): asset,
    ("GET", "/api/strings/{language}"): strings,
    ("GET", "/api/models"): models,
    ("POST", "/api/look"): open_look,
    ("GET", "/api/look/{id}/tensor"): tensor,
    ("GET", "/api/look/{id}/thumbnails"): thumbnails,
    ("GET", "/api/look/{id}/curve"): curve,
    ("POST", "/api/look/{id}/without"): without,
    ("GET", "/api/look/{id}/lens"): lens,
    ("GET", "/api/look/{id}/angles"): angles,
    ("POST", "/api/look/{id}/number"): number,
    ("POST", "/api/look/{id}/next"): next_one,
    ("GET", "/api/runs"): runs,
    ("GET", "/api/runs/{name}/events"): events,
}
