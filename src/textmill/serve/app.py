"""The server's routes, and who is let in to them."""

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Match, Route

from textmill.errors import UsageError
from textmill.i18n import LANGUAGES
from textmill.serve import libre
from textmill.serve.application_parameters import ASK, TRANSLATE, WRITE
from textmill.serve.asking import ask
from textmill.serve.chat import chat
from textmill.serve.completions import completions
from textmill.serve.embeddings import detokenize, embeddings, tokenize
from textmill.serve.keys import is_loopback
from textmill.serve.metrics import CONTENT_TYPE, Metrics
from textmill.serve.openapi import openapi, openapi_page
from textmill.serve.parameters import SENTIMENT
from textmill.serve.records import Record
from textmill.serve.refusal import Refused, accepted_language
from textmill.serve.responses import responses
from textmill.serve.routes import records
from textmill.serve.sentiment import sentiment
from textmill.serve.service import Service
from textmill.serve.stream import JSON_HEADERS, Receive, Send, document, send_whole
from textmill.serve.translation import translate
from textmill.serve.web import Handler, JsonRoute, Scope, headers_of, send_error
from textmill.serve.writing import write

OPEN = ("/health", "/ready")
"""What needs no key."""
MISSING = {
    SENTIMENT: "serve.no_judge",
    TRANSLATE: "serve.no_translation",
    ASK: "serve.no_graph",
    **dict.fromkeys(libre.PATHS, "serve.no_translation"),
}
"""What is said where a server does not offer an application."""
PAGE_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
}


HANDLERS: dict[str, Handler] = {
    "/v1/chat/completions": chat,
    "/v1/completions": completions,
    "/v1/responses": responses,
    "/v1/embeddings": embeddings,
    SENTIMENT: sentiment,
    TRANSLATE: translate,
    WRITE: write,
    ASK: ask,
    "/tokenize": tokenize,
    "/detokenize": detokenize,
}


def make_app(service: Service) -> Any:
    """Returns the ASGI app."""
    metrics = Metrics(service)
    taken = offered(service, records(service.bounds))
    told = taken | (libre.RECORDS if service.offers.card is not None else {})
    described = {language: openapi(service, told, language) for language in LANGUAGES}
    pages = {language: openapi_page(content, language) for language, content in described.items()}
    routes: list[BaseRoute] = [
        Route(path, JsonRoute(service, record, HANDLERS[path]), methods=["POST"]) for path, record in taken.items()
    ]
    gets: dict[str, Callable[[Scope], tuple[int, bytes, dict[str, str]]]] = {
        "/health": lambda scope: (200, document({"status": "ok"}), JSON_HEADERS),
        "/ready": lambda scope: ready(service),
        "/metrics": lambda scope: (200, metrics.text(), {"content-type": CONTENT_TYPE}),
        "/v1/models": lambda scope: (200, document({"object": "list", "data": models(service)}), JSON_HEADERS),
        "/openapi.json": lambda scope: (200, document(described[of(scope)]), JSON_HEADERS),
        "/": lambda scope: (200, pages[of(scope)], PAGE_HEADERS),
    }
    routes += [Route(path, GetRoute(answer), methods=["GET"]) for path, answer in gets.items()]
    if service.offers.card is not None:
        routes += libre_routes(service)
    routes.append(Route("/v1/models/{name:path}", ModelRoute(service), methods=["GET"]))
    inner = Starlette(routes=routes, exception_handlers={404: not_found, 405: not_allowed})
    guarded = Guard(inner, service, metrics, routes)
    if not service.settings.cors:
        return guarded
    return CORSMiddleware(
        guarded,
        allow_origins=list(service.settings.cors),
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type", "accept-language"],
    )


def offered(service: Service, known: dict[str, Record]) -> dict[str, Record]:
    """Returns the routes that this server has."""
    offers = service.offers
    missing = {SENTIMENT: offers.judge is None, TRANSLATE: offers.card is None, ASK: offers.graph is None}
    return {path: record for path, record in known.items() if not missing.get(path)}


def libre_routes(service: Service) -> list[BaseRoute]:
    """Returns the routes in LibreTranslate's form."""
    card = service.offers.card
    assert card is not None
    told = {
        libre.LANGUAGES: document(libre.languages(card)),
        libre.SETTINGS: document(libre.frontend_settings(service)),
    }
    return [
        *(
            Route(path, libre.LibreRoute(service, record, libre.ANSWERS[path]), methods=["POST"])
            for path, record in libre.RECORDS.items()
        ),
        *(
            Route(path, GetRoute(lambda scope, body=body: (200, body, JSON_HEADERS)), methods=["GET"])
            for path, body in told.items()
        ),
    ]


def of(scope: Scope) -> str:
    """Returns the language of a request."""
    return accepted_language(headers_of(scope).get("accept-language", ""))


class GetRoute:
    """A route without a body, answered at once."""

    def __init__(self, answer: Callable[[Scope], tuple[int, bytes, dict[str, str]]]) -> None:
        self.answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers."""
        status, body, headers = self.answer(scope)
        await send_whole(send, status, body, headers)


class ModelRoute:
    """/v1/models/NAME."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers with one model."""
        name = scope["path_params"]["name"]
        found = [model for model in models(self.service) if model["id"] == name]
        try:
            self.service.adapter(name)
            await send_whole(send, 200, document(found[0] if found else models(self.service)[0]), JSON_HEADERS)
        except Refused as error:
            await send_error(send, error, of(scope))


def models(service: Service) -> list[dict[str, Any]]:
    """Returns the models as OpenAI's API lists them."""
    length = service.context
    return [
        {"id": name, "object": "model", "created": service.created, "owned_by": "textmill", "max_model_len": length}
        for name in service.models
    ]


def ready(service: Service) -> tuple[int, bytes, dict[str, str]]:
    """Returns 200 while new requests are taken."""
    takes = service.switch.alive and not service.dispatcher.draining
    return (200 if takes else 503), document({"status": "ready" if takes else "stopping"}), JSON_HEADERS


async def not_found(request: Any, error: Exception) -> Any:
    """Answers for a path that there is not."""
    path = request.url.path[:200]
    problem = UsageError(MISSING[path]) if path in MISSING else UsageError("serve.no_route", path=path)
    return error_response(request, Refused(problem, status=404))


async def not_allowed(request: Any, error: Exception) -> Any:
    """Answers for a method that the path does not have."""
    problem = UsageError("serve.no_method", method=request.method[:20], path=request.url.path[:200])
    allowed = {"Allow": (getattr(error, "headers", None) or {}).get("Allow", "")}
    return error_response(request, Refused(problem, status=405, headers=allowed))


def error_response(request: Any, problem: Refused) -> Any:
    """Returns a refusal as Starlette's response."""
    from starlette.responses import Response

    problem.code = "not_found" if problem.status == 404 else "method_not_allowed"
    body = document(problem.body(of(request.scope)))
    return Response(body, problem.status, headers=JSON_HEADERS | problem.headers)


class Guard:
    """Lets in who has a key, counts what is answered; the outermost layer but CORS."""

    def __init__(self, app: Any, service: Service, metrics: Metrics, routes: list[BaseRoute]) -> None:
        self.app, self.service, self.metrics, self.routes = app, service, metrics, routes

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] != "http":
            return
        route, method = self._route(scope), scope["method"]

        async def counted(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.metrics.count(route, method, message["status"])
            await send(message)

        headers = headers_of(scope)
        try:
            scope.setdefault("state", {})["key"] = self._key(scope["path"], headers)
        except Refused as error:
            tell = libre.send_libre_error if scope["path"] in libre.PATHS else send_error
            await tell(counted, error, accepted_language(headers.get("accept-language", "")))
            return
        await self.app(scope, receive, counted)

    def _route(self, scope: Any) -> str:
        """Returns the route's path; others have one name, so that nobody can fill the registry."""
        for route in self.routes:
            if isinstance(route, Route) and route.matches(scope)[0] != Match.NONE:
                return route.path
        return "other"

    def _key(self, path: str, headers: dict[str, str]) -> str | None:
        """Returns whose key a request has, None where its body may still have one; Refused without a good one."""
        if path in OPEN or path == libre.LANGUAGES:
            return ""
        if not self.service.keys:
            # a page of the web that has its own name point to 127.0.0.1 sends that name
            if not is_loopback(host_of(headers.get("host", ""))):
                raise Refused(UsageError("serve.foreign_host"), status=403, code="foreign_host")
            return ""
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if not scheme and path in libre.RECORDS:
            return None
        return self.service.key_name(key if scheme.lower() == "bearer" else None)


def host_of(header: str) -> str:
    """Returns the host of a Host header, without its port."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.rpartition(":")[0] if header.count(":") == 1 else header
