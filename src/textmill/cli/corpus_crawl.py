"""`textmill corpus crawl URL... --out FOLDER`: pages from the web into WARC files.

The document of ``--json``: ``folder, new, pages, bytes, seconds, ended`` (done, pages, size, time or interrupted) and
``states {what became of an address: how many}``.
"""

import dataclasses
from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context, Stopped
from textmill.errors import InputError
from textmill.i18n import t
from textmill.report.numbers import size


def run(context: Context, *, addresses: tuple[str, ...], out: Path) -> dict[str, Any]:
    """Fetches the pages and says what became of them."""
    from textmill.data.crawl.run import crawl

    settings = context.settings.crawl
    if not settings.contact:
        context.say(t("cli_corpus_crawl.no_contact"))
    with context.progress(t("cli_corpus_crawl.progress"), t("cli_corpus_crawl.unit")) as progress:
        crawled = crawl(list(addresses), out, settings, progress)
    states = {state: t(f"crawl.state_{state}") for state in crawled.states}
    if not crawled.pages and crawled.ended != "interrupted":
        told = ", ".join(f"{states[state]}: {count}" for state, count in crawled.states.items())
        raise InputError("crawl.nothing", states=told, problem=crawled.first_problem)
    for state, count in crawled.states.items():
        context.print(t("cli_corpus_crawl.state", state=states[state], count=count))
    context.say(t(f"crawl.ended_{crawled.ended}"))
    result = dataclasses.asdict(crawled)
    if crawled.ended == "interrupted":
        raise Stopped(result)
    context.print(
        t("cli_corpus_crawl.done", new=crawled.new, pages=crawled.pages, size=size(crawled.bytes), folder=out)
    )
    return result


COMMAND = Command(
    words=("corpus", "crawl"),
    run=run,
    example="textmill corpus crawl https://example.org --out pages --crawl.contact me@example.org",
    arguments=(
        Argument(name="addresses", many="+", metavar="URL"),
        Argument(name="--out", kind=Path, required=True, metavar="FOLDER"),
    ),
    settings=("crawl",),
)
