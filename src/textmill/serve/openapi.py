"""The OpenAPI document, made of the declared parameters, and a page that shows it and loads nothing."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from textmill import __version__, i18n
from textmill.i18n import t
from textmill.report.markup import Content, element
from textmill.report.page import Section, page
from textmill.serve.records import Record

if TYPE_CHECKING:
    from textmill.serve.service import Service

TEXT = "text/plain"
STREAMING = ("/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/translate", "/v1/write")
GETS = {
    "/health": "application/json",
    "/ready": "application/json",
    "/metrics": TEXT,
    "/v1/models": "application/json",
    "/openapi.json": "application/json",
    "/": "text/html",
}
WITHOUT_KEY = ("/health", "/ready")
LIBRE_GETS = ("/languages", "/frontend/settings")
LIBRE = ("/translate", "/detect", *LIBRE_GETS)
"""LibreTranslate's routes, whose errors have its form."""
ERRORS = {"type": "object", "required": ["error"], "properties": {"error": {"$ref": "#/components/schemas/Error"}}}
ERROR = {
    "type": "object",
    "required": ["message", "type", "param", "code"],
    "properties": {
        "message": {"type": "string"},
        "type": {"type": "string"},
        "param": {"type": ["string", "null"]},
        "code": {"type": ["string", "null"]},
    },
}


def openapi(service: "Service", taken: Mapping[str, Record], language: str) -> dict[str, Any]:
    """Returns the document in a language."""
    before = i18n.language()
    i18n.set_language(language)
    try:
        paths = {path: {"post": post(path, record)} for path, record in taken.items()}
        paths |= {path: {"get": get(path, kind)} for path, kind in GETS.items()}
        if service.offers.card is not None:
            paths |= {path: {"get": get(path, "application/json")} for path in LIBRE_GETS}
        paths["/v1/models/{model}"] = {"get": one_model(service.name)}
    finally:
        i18n.set_language(before)
    components: dict[str, Any] = {"schemas": {"Error": ERROR}}
    made: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": f"Textmill: {service.name}", "version": __version__},
        "paths": paths,
        "components": components,
    }
    if service.keys:
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        made["security"] = [{"key": []}]
        for path in WITHOUT_KEY:
            paths[path]["get"]["security"] = []
    return made


def problem(path: str) -> dict[str, Any]:
    """Returns how any error looks."""
    if path in LIBRE:
        form = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
        return {"description": t("serve.doc_libre_error"), "content": {"application/json": {"schema": form}}}
    return {"description": t("serve.doc_error"), "content": {"application/json": {"schema": ERRORS}}}


def post(path: str, record: Record) -> dict[str, Any]:
    """Returns an operation with a body."""
    content: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
    if path in STREAMING:
        content["text/event-stream"] = {"schema": {"type": "string"}}
    return {
        "operationId": path.strip("/").replace("/", "_"),
        "summary": t(about(path)),
        "requestBody": {"required": True, "content": {"application/json": {"schema": record.document()}}},
        "responses": {"200": {"description": "OK", "content": content}, "default": problem(path)},
    }


def get(path: str, kind: str) -> dict[str, Any]:
    """Returns an operation without one."""
    schema = {"type": "object"} if kind == "application/json" else {"type": "string"}
    return {
        "operationId": path.strip("/").replace("/", "_") or "page",
        "summary": t(about(path)),
        "responses": {"200": {"description": "OK", "content": {kind: {"schema": schema}}}, "default": problem(path)},
    }


def one_model(name: str) -> dict[str, Any]:
    """Returns the operation that shows one model."""
    path = {"name": "model", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    path["description"] = t("serve_parameters.model")
    path["example"] = name
    return get("/v1/models", "application/json") | {"operationId": "v1_model", "parameters": [path]}


def about(path: str) -> str:
    """Returns the catalogue's entry for a route."""
    return "serve.route_" + (path.strip("/").removeprefix("v1/").replace("/", "_").replace(".", "_") or "page")


def openapi_page(document: Mapping[str, Any], language: str) -> bytes:
    """Returns the document as a page for people."""
    before = i18n.language()
    i18n.set_language(language)
    try:
        lead = element("p", t("serve.doc_lead"), " ", element("a", "/openapi.json", href="/openapi.json"))
        sections = [
            Section(anchor=operation["operationId"], title=f"{method.upper()} {path}", content=shown(operation))
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        ]
        return page(document["info"]["title"], lead, sections).encode()
    finally:
        i18n.set_language(before)


def shown(operation: Mapping[str, Any]) -> Content:
    """Returns an operation: what it does, what it takes."""
    parts: list[Content] = [element("p", operation["summary"])]
    body = operation.get("requestBody")
    if body is not None:
        schema = body["content"]["application/json"]["schema"]
        names = (t("serve.doc_name"), t("serve.doc_type"), t("serve.doc_default"), t("serve.doc_about"))
        head = element("thead", element("tr", (element("th", name, scope="col") for name in names)))
        parts.append(element("table", head, element("tbody", rows(schema))))
    return parts


def rows(schema: Mapping[str, Any]) -> Iterator[Content]:
    """Yields a row a parameter."""
    for name, value in schema["properties"].items():
        needed = name in schema.get("required", ())
        default = t("serve.doc_required") if needed else str(value.get("default", "–"))
        cells = (element("code", name), kind_of(value), default, value.get("description", ""))
        yield element("tr", (element("td", cell) for cell in cells))


def kind_of(schema: Mapping[str, Any]) -> str:
    """Returns a schema in a few words: types, bounds, choices."""
    if "anyOf" in schema:
        kinds = [kind_of(option) for option in schema["anyOf"] if option.get("type") != "null"]
        return " | ".join(dict.fromkeys(kinds))
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    kind = str(schema.get("type", "–"))
    if "minimum" in schema:
        return f"{kind} {schema['minimum']:g} … {schema['maximum']:g}"
    return f"{kind} of {kind_of(schema['items'])}" if kind == "array" else kind
