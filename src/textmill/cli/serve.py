"""`textmill serve`: a model over HTTP with OpenAI's API, until Ctrl-C or SIGTERM.

stdout gets one line when the server is ready. The document of ``--json`` comes at the end: ``address, model, path,
seconds, requests``; with ``--new-key``: ``name, key, file``.
"""

import re
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument, Command, Context, Stopped
from textmill.cli.model_engine import WEIGHTS, load_on
from textmill.errors import UsageError
from textmill.i18n import t

if TYPE_CHECKING:
    from socket import socket

    from textmill.config import ServeSettings
    from textmill.infer.engine.engine import Engine
    from textmill.infer.resolve import LoadedModel
    from textmill.serve.keys import Keys
    from textmill.serve.offers import Offers
    from textmill.serve.run import Running
    from textmill.serve.sentiment import JudgeOnOffer

KINDS_FOLDER = "kinds"
ADAPTER_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def run(
    context: Context,
    *,
    model: str | None,
    draft: str,
    sentiment: str,
    graph: Path | None,
    adapter: tuple[str, ...],
    device: str,
    new_key: str,
    cors: tuple[str, ...],
    **short: Any,
) -> dict[str, Any]:
    """Serves a model, or makes a key."""
    changes = {f"serve.{name}": value for name, value in short.items() if value is not None}
    if cors:
        changes["serve.cors"] = cors
    settings = context.settings.replace(changes).serve
    if new_key:
        return make_key(context, settings.keys, new_key)

    from textmill.serve.run import check_packages, checked_keys

    check_packages()
    keys = checked_keys(settings)

    from textmill.serve.protocol import listen

    with closing(listen(settings.host, settings.port)) as listener:  # a port that is taken is told before the load
        adapters = tuple(map(adapter_of, adapter))
        models = Models(model=model, draft=draft, sentiment=sentiment, graph=graph, adapters=adapters, device=device)
        return serve(context, settings, models, keys, listener)


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """What is to be loaded, and onto which device."""

    model: str | None
    draft: str
    sentiment: str
    graph: Path | None
    adapters: tuple[tuple[str, Path], ...]
    device: str


def adapter_of(text: str) -> tuple[str, Path]:
    """Returns NAME=FOLDER as both."""
    name, _, folder = text.partition("=")
    if not ADAPTER_NAME.fullmatch(name) or not folder:
        raise UsageError("serve.adapter", value=text)
    return name, Path(folder).expanduser()


def serve(
    context: Context, settings: "ServeSettings", models: Models, keys: "Keys", listener: "socket"
) -> dict[str, Any]:
    """Loads the model and serves it until a signal."""
    from textmill.serve.run import Running

    loaded, engine, better = load_engine(context, models, settings)
    path = engine.runner.path

    def ready(address: str) -> None:
        context.print(t("cli_serve.ready", model=name, address=address, path=path))
        context.output.file.flush()

    name = settings.name or loaded.name
    began = time.monotonic()
    offers = offers_of(context, models)
    running = Running(engine, settings, listener, name=name, keys=keys, offers=offers, on_ready=ready)
    if better is not None:
        threading.Thread(target=improve, args=(context, running, better), daemon=True).start()
    drained = running.run()
    seconds, requests = time.monotonic() - began, running.server.server_state.total_requests
    document = {"address": running.address, "model": name, "path": path, "seconds": seconds, "requests": requests}
    context.say(t("cli_serve.stopped"))
    if not drained:
        raise Stopped(document)
    return document


def offers_of(context: Context, models: Models) -> "Offers":
    """Returns what the server offers besides the model itself."""
    from textmill.apps.graph.store import STORE
    from textmill.apps.translate.card import card_of
    from textmill.apps.write.kinds import load_kind
    from textmill.serve.asking import GraphOnOffer
    from textmill.serve.offers import Offers, own_kinds

    card, unknown = card_of(models.model, context.project)
    own = context.project.root / KINDS_FOLDER if context.project is not None else None
    kinds = own_kinds()
    for file in sorted(own.glob("*.toml")) if own is not None and own.is_dir() else ():
        kinds[file.stem] = load_kind(file.stem, own)
    folder = models.graph or (context.project.graph if context.project is not None else None)
    there = folder is not None and (models.graph is not None or (folder / STORE).is_dir())
    return Offers(
        judge=judge_on_offer(context, models),
        card=None if unknown else card,
        kinds=kinds,
        graph=GraphOnOffer(folder, context.project) if there and folder is not None else None,
    )


def judge_on_offer(context: Context, models: Models) -> "JudgeOnOffer | None":
    """Returns the judge that --sentiment names, or that the model is itself; None where neither is one."""
    from textmill.apps.sentiment.judge import judge_folder, open_judge
    from textmill.serve.sentiment import JudgeOnOffer

    wanted = models.sentiment or models.model
    if not wanted or (not models.sentiment and judge_folder(wanted, context.project) is None):
        return None
    settings = context.settings.sentiment
    judge = open_judge(wanted, context.project, labels=settings.labels, settings=settings)
    return JudgeOnOffer(name=wanted, judge=judge)


def make_key(context: Context, file: str, name: str) -> dict[str, Any]:
    """Makes a key and prints it, alone on its line."""
    from textmill.serve.keys import new_key

    if not file:
        raise UsageError("serve.new_key_file")
    key = new_key(file, name)
    context.print(key)
    context.say(t("cli_serve.made_key", name=name, file=file))
    return {"name": name, "key": key, "file": file}


def improve(context: Context, running: "Running", better: Callable[[], "Engine"]) -> None:
    """Makes the faster engine while the first one answers; new requests get it."""
    from textmill.errors import UserError

    try:
        engine = better()
    except UserError as error:
        context.say(str(error))  # the first one goes on answering
        return
    running.switch.replace(engine)
    context.say(t("cli_serve.faster", path=engine.runner.path))


def load_engine(
    context: Context, models: Models, settings: "ServeSettings"
) -> "tuple[LoadedModel, Engine, Callable[[], Engine] | None]":
    """Loads the model onto the device; returns it with its engine, and how to make a faster one if there is to be."""
    from textmill.infer.engine.build import EngineSettings, build_engine, quick_engine
    from textmill.infer.engine.scheduler import Limits

    loaded = load_on(context, models.model, models.device)
    draft = load_on(context, models.draft, models.device) if models.draft else None
    for note in (*loaded.notes, *(draft.notes if draft is not None else ())):
        context.say(note)
    chosen = EngineSettings(
        weights=settings.weights,
        cache_tokens=settings.cache_tokens,
        limits=Limits(running=settings.at_once),
        adapters=models.adapters,
    )
    if draft is not None:
        return loaded, build_engine(loaded, chosen, draft=draft), None
    return loaded, *quick_engine(loaded, chosen)


COMMAND = Command(
    words=("serve",),
    run=run,
    example=(
        "textmill serve\n"
        "textmill serve --model main@1000 --port 0\n"
        "textmill serve --new-key alice --keys keys.txt\n"
        "textmill serve --host 0.0.0.0 --keys keys.txt"
    ),
    arguments=(
        Argument(name="--model", metavar="MODEL"),
        Argument(name="--draft", default="", metavar="MODEL"),
        Argument(name="--sentiment", default="", metavar="MODEL"),
        Argument(name="--graph", kind=Path, metavar="DIR"),
        Argument(name="--adapter", many="*", metavar="NAME=FOLDER"),
        Argument(name="--host"),
        Argument(name="--port", kind=int),
        Argument(name="--name", metavar="NAME"),
        Argument(name="--weights", choices=WEIGHTS),
        Argument(name="--cache-tokens", kind=int),
        Argument(name="--keys", metavar="FILE"),
        Argument(name="--new-key", default="", metavar="NAME"),
        Argument(name="--cors", many="*", metavar="ORIGIN"),
        Argument(name="--device", default="", metavar="DEVICE"),
    ),
    settings=("serve",),
)
