"""From a job number to bytes: which event a document tells, in which form, into which file.

Every document has a generator of its own, seeded by seed, form, language and number, so that any number of processes
makes the same bytes.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import cache
from html import escape

from .casts import TALE_SHARE, with_made_up_names
from .chinese import date_words as chinese_date
from .documents import Document, make_telling, tell_diary, tell_news, tell_posts, tell_story
from .english import date_words as english_date
from .instructions import instruction_rows
from .parallel import parallel_rows
from .reviews import review_rows
from .simulation import build_world
from .sites import SITES, Page, render_page
from .weather import month_and_day
from .world import Event, World

LANGUAGES: tuple[str, ...] = ("en", "zh")
YEAR = 2031


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One file, or one line of a file that many documents share (``append``)."""

    path: str
    data: bytes
    kind: str
    language: str
    text_bytes: int
    append: bool = False


def iso_date(day: int) -> str:
    """A day of the year as an ISO date."""
    month, date = month_and_day(day)
    return f"{YEAR}-{month:02d}-{date:02d}"


def _name(world: World, key: str, language: str) -> str:
    person = world.people[key]
    return person.english if language == "en" else person.chinese


def _reporter(world: World, generator: random.Random) -> str:
    keys = [key for key in world.train_people if world.people[key].job == "journalist"]
    return generator.choice(keys or list(world.train_people))


def event_for(world: World, form: str, language: str, number: int) -> Event:
    """Spread the documents of a form over all events of the year, in a shuffled order that the form decides."""
    order = _order(world.seed, form, language)
    return world.events[order[number % len(order)]]


@cache
def _order(seed: int, form: str, language: str) -> tuple[int, ...]:
    order = [event.number for event in build_world(seed).events]
    random.Random(f"{seed}:order:{form}:{language}").shuffle(order)
    return tuple(order)


def _document(world: World, form: str, language: str, event: Event, generator: random.Random) -> Document:
    held_out = world.is_held_out(event)
    narrator = event.hero if form == "diary" else ""
    telling = make_telling(world, event, language, generator, held_out=held_out, narrator=narrator)
    if form == "diary":
        return tell_diary(telling)
    if form == "news":
        return tell_news(telling, _reporter(world, generator))
    return tell_story(telling)


def _split(held_out: bool) -> str:
    return "held_out" if held_out else "train"


def _story_or_tale(generator: random.Random) -> str:
    return "tale" if generator.random() < TALE_SHARE else "story"


def make_story(world: World, language: str, number: int, generator: random.Random) -> list[Output]:
    """A story, a tale or a diary page as plain text."""
    form = "diary" if generator.random() < 0.3 else _story_or_tale(generator)
    told = with_made_up_names(world, generator) if form == "tale" else world
    document = _document(told, form, language, event_for(world, "story", language, number), generator)
    split = _split(document.held_out)
    if number % 3:
        record = {
            "id": f"{language}-{form}-{number:05d}",
            "language": language,
            "form": form,
            "title": document.title,
            "date": iso_date(document.day),
            "text": document.text,
        }
        line = (json.dumps(record, ensure_ascii=False) + "\n").encode()
        size = len(document.text.encode())
        path = f"stories/{split}/stories-{language}.jsonl"
        return [Output(path=path, data=line, kind="stories", language=language, text_bytes=size, append=True)]
    text = f"{document.title}\n\n{document.text}\n"
    path = f"stories/{split}/{language}-{form}-{number:05d}.txt"
    return [_file(path, text.encode(), "stories", language, document)]


def make_article(world: World, language: str, number: int, generator: random.Random) -> list[Output]:
    """A newspaper article as Markdown or text; some in the encodings that old archives have."""
    document = _document(world, "news", language, event_for(world, "article", language, number), generator)
    by = _name(world, document.author, language)
    encoding = _encoding(language, number)
    if number % 2:
        date = english_date(document.day) if language == "en" else chinese_date(document.day)
        text = f"{document.title}\n\n{by}, {date}\n\n{document.text}\n"
    else:
        heading = f"---\ntitle: {document.title}\nauthor: {by}\ndate: {iso_date(document.day)}\n---\n\n"
        text = f"{heading}# {document.title}\n\n{document.text}\n"
    if encoding == "latin-1":
        text = text.translate({0x2019: "'", 0x201C: '"', 0x201D: '"'}) + "\n© 2031 The Lark News\n"
    data = text.encode(encoding, errors="replace")
    suffix = "txt" if number % 2 else "md"
    path = f"articles/{_split(document.held_out)}/{language}-{number:05d}.{suffix}"
    return [_file(path, data, "articles", language, document)]


def _encoding(language: str, number: int) -> str:
    """About one article in ten is not UTF-8. (Big5 has no simplified characters, so it does not come into question.)"""
    if number % 20 == 7:
        return "gb18030" if language == "zh" else "latin-1"
    if number % 20 == 17:
        return "utf-16" if language == "en" else "gb18030"
    return "utf-8"


def make_page(world: World, language: str, number: int, generator: random.Random) -> list[Output]:
    """A web page: a story, an article or a diary inside the frame of one of the sites."""
    form = generator.choices((_story_or_tale(generator), "news", "diary"), (5, 3, 2))[0]
    told = with_made_up_names(world, generator) if form == "tale" else world
    document = _document(told, form, language, event_for(world, "page", language, number), generator)
    sites = [site for site in SITES if site.language == language]
    site = generator.choice(sites)
    author = document.author or generator.choice(world.train_people)
    page = Page(
        title=document.title,
        author=_name(world, author, language),
        date=iso_date(document.day),
        date_words=english_date(document.day) if language == "en" else chinese_date(document.day),
        paragraphs=document.paragraphs,
        related=_related(world, language, document, generator),
        comments=_comments(told, language, document, generator),
    )
    html = render_page(site, page, generator)
    path = f"pages/{_split(document.held_out)}/{site.key}/{language}-{number:05d}.html"
    return [_file(path, html.encode(), "pages", language, document)]


def _related(world: World, language: str, document: Document, generator: random.Random) -> tuple[tuple[str, str], ...]:
    links: list[tuple[str, str]] = []
    while len(links) < 4:
        number = int(generator.random() * len(world.events))
        event = world.events[number]
        if world.is_held_out(event):
            continue
        telling = make_telling(world, event, language, generator)
        links.append((f"/story/{number}", telling.title()))
    return tuple(links)


def _comments(world: World, language: str, document: Document, generator: random.Random) -> tuple[tuple[str, str], ...]:
    event = world.events[document.event]
    telling = make_telling(world, event, language, generator, held_out=document.held_out)
    writers = generator.sample(world.train_people, int(generator.random() * 4))
    return tuple((_name(world, writer, language), text) for writer in writers if (text := telling.tell("comment")))


def make_thread(world: World, language: str, number: int, generator: random.Random) -> list[Output]:
    """A forum thread: a line of JSON, or a page of a forum."""
    event = event_for(world, "thread", language, number)
    held_out = world.is_held_out(event)
    posts = tell_posts(world, event, language, generator, held_out)
    telling = make_telling(world, event, language, generator, held_out=held_out)
    title = telling.title()
    size = sum(len(post.text.encode()) for post in posts)
    names = [_name(world, post.author, language) for post in posts]
    if number % 3:
        record = {
            "thread": f"{language}-{number:05d}",
            "language": language,
            "title": title,
            "posts": [
                {"id": index, "author": name, "date": iso_date(post.day), "answers": post.answers, "text": post.text}
                for index, (name, post) in enumerate(zip(names, posts, strict=True))
            ],
        }
        line = json.dumps(record, ensure_ascii=False) + "\n"
        path = f"forum/{_split(held_out)}/threads-{language}.jsonl"
        return [Output(path=path, data=line.encode(), kind="forum", language=language, text_bytes=size, append=True)]
    items = "\n".join(
        f'<li class="post" id="p{index}" data-answers="{post.answers}"><div class="author">{escape(name)}</div>'
        f'<time>{iso_date(post.day)}</time><div class="message"><p>{escape(post.text, quote=False)}</p></div></li>'
        for index, (name, post) in enumerate(zip(names, posts, strict=True))
    )
    html = _FORUM_PAGE.format(
        language="en" if language == "en" else "zh-CN",
        title=escape(title),
        items=items,
        board="Willowbrook Board" if language == "en" else "柳溪论坛",
        menu="Home | New posts | Members | Log in" if language == "en" else "首页 | 新帖 | 会员 | 登录",
        footer="Rules · Contact · 42 guests online" if language == "en" else "版规 · 联系我们 · 在线游客 42 人",
    )
    path = f"forum/{_split(held_out)}/{language}-{number:05d}.html"
    return [Output(path=path, data=html.encode(), kind="forum", language=language, text_bytes=size)]


_FORUM_PAGE = """<!DOCTYPE html>
<html lang="{language}"><head><meta charset="utf-8"><title>{title} - {board}</title></head>
<body><div id="top">{board}<p>{menu}</p></div>
<h1>{title}</h1>
<ol class="thread">
{items}
</ol>
<div id="bottom">{footer}</div></body></html>
"""


def make_reviews(world: World, language: str, number: int, generator: random.Random) -> list[Output]:
    """Some customer reviews, one a line."""
    outputs: list[Output] = []
    for held_out, row in review_rows(world, language, generator):
        data = (json.dumps(row, ensure_ascii=False) + "\n").encode()
        path = f"reviews/{_split(held_out)}/reviews-{language}.jsonl"
        size = len(str(row["text"]).encode())
        outputs.append(Output(path=path, data=data, kind="reviews", language=language, text_bytes=size, append=True))
    return outputs


def make_parallel(world: World, language: str, number: int, generator: random.Random) -> list[Output]:
    """Some pairs of sentences that say the same in both languages, one pair a line."""
    outputs: list[Output] = []
    for held_out, row in parallel_rows(world, generator):
        data = (json.dumps(row, ensure_ascii=False) + "\n").encode()
        path = f"parallel/{_split(held_out)}/parallel.jsonl"
        outputs.append(Output(path=path, data=data, kind="parallel", language="both", text_bytes=0, append=True))
    return outputs


def make_instructions(world: World, language: str, number: int, generator: random.Random) -> list[Output]:
    """Some conversations to tune on, one a line, in a file a task."""
    outputs: list[Output] = []
    for held_out, row in instruction_rows(world, language, generator):
        data = (json.dumps(row, ensure_ascii=False) + "\n").encode()
        path = f"{_split(held_out)}/{row['task']}-{language}.jsonl"
        size = sum(len(message["content"].encode()) for message in row["messages"])  # type: ignore[attr-defined]
        outputs.append(
            Output(path=path, data=data, kind="instructions", language=language, text_bytes=size, append=True)
        )
    return outputs


def _file(path: str, data: bytes, kind: str, language: str, document: Document) -> Output:
    size = len(document.text.encode())
    return Output(path=path, data=data, kind=kind, language=language, text_bytes=size)


MAKERS = {
    "stories": make_story,
    "articles": make_article,
    "pages": make_page,
    "forum": make_thread,
    "reviews": make_reviews,
    "parallel": make_parallel,
    "instructions": make_instructions,
}
