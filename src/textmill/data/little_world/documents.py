"""Documents of one event: the story, the diary, the newspaper article and the forum thread, as plain paragraphs."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .chinese import Chinese
from .english import English
from .telling import Telling
from .world import Event, World

FEELINGS: dict[str, tuple[str, str, str]] = {
    "storm_damage": ("afraid", "tired", "happy"),
    "late_delivery": ("worried", "tired", "calm"),
    "carry_help": ("worried", "tired", "proud"),
    "lost_thing": ("worried", "sad", "happy"),
    "lost_pet": ("worried", "afraid", "happy"),
    "quarrel": ("angry", "sad", "sad"),
    "make_up": ("sad", "ashamed", "happy"),
    "illness": ("tired", "sad", "calm"),
    "new_product": ("hopeful", "worried", "proud"),
    "price_change": ("worried", "calm", "calm"),
    "competition": ("hopeful", "worried", "proud"),
    "festival": ("happy", "surprised", "happy"),
    "repair": ("sad", "worried", "happy"),
    "gift": ("hopeful", "worried", "happy"),
    "garden": ("worried", "tired", "proud"),
    "learning": ("hopeful", "ashamed", "proud"),
    "mystery": ("surprised", "afraid", "happy"),
    "rescue": ("afraid", "worried", "proud"),
    "fear": ("afraid", "ashamed", "proud"),
    "mistake": ("surprised", "ashamed", "calm"),
    "saving": ("hopeful", "tired", "proud"),
    "meeting": ("calm", "surprised", "happy"),
}
"""What the hero feels at the start, on the way, and at the end, for each kind of event."""


ENDING_WELL = ("lost_pet", "repair", "garden", "learning", "illness", "fear")
"""Events whose end the asker of a forum thread tells in the last post."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A text about one event; ``author`` is a person's key or empty."""

    kind: str
    language: str
    title: str
    author: str
    day: int
    paragraphs: tuple[str, ...]
    event: int
    held_out: bool

    @property
    def text(self) -> str:
        """The paragraphs as plain text, without the title."""
        return "\n\n".join(self.paragraphs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One post of a thread; ``answers`` is the number of the post that it answers, or -1."""

    author: str
    text: str
    day: int
    answers: int


def make_telling(
    world: World, event: Event, language: str, generator: random.Random, *, held_out: bool = False, narrator: str = ""
) -> Telling:
    """A telling in one of the two languages."""
    telling = English if language == "en" else Chinese
    return telling(world, event, generator, held_out=held_out, narrator=narrator)


def _paragraph(telling: Telling, plan: list[tuple[str, str]]) -> str:
    telling.new_paragraph()
    return (" " if telling.language == "en" else "").join(telling.tell_all(plan))


def _feelings(event: Event) -> tuple[str, str, str]:
    begin, middle, end = FEELINGS[event.kind]
    if event.outcome in ("gone",):
        end = "sad"
    return begin, middle, end


def _background(telling: Telling) -> list[tuple[str, str]]:
    plan: list[tuple[str, str]] = []
    if telling.event.mood < 0 and telling.random() < 0.5:
        plan.append(("mood.bad", "calm"))
    elif telling.event.mood > 0 and telling.random() < 0.5:
        plan.append(("mood.good", "calm"))
    if telling.previous is not None and telling.random() < 0.5:
        plan.append(("previously", "calm"))
    return plan


def _times(telling: Telling, section: str, feeling: str, least: int, most: int) -> list[tuple[str, str]]:
    return [(section, feeling)] * (least + int(telling.random() * (most - least + 1)))


def _narrative(telling: Telling) -> list[str]:
    """The body that stories and diaries share: trouble, attempts, help, the turn, the end, what stays."""
    begin, middle, end = _feelings(telling.event)
    opening = [("opening", "calm"), ("intro_first" if telling.narrator else "intro", "calm"), *_background(telling)]
    trouble = [*_times(telling, "problem", begin, 1, 2), (f"feel.{begin}", begin)]
    if telling.random() < 0.3:
        plans = [[("problem", begin)], [*opening[1:], *trouble]]
    else:
        plans = [opening, trouble]
    tries = _times(telling, "attempt", middle if telling.random() < 0.5 else begin, 2, 3)
    if telling.random() < 0.6:
        tries.append((f"feel.{middle}", middle))
    plans.append(tries)
    plans.append(
        [
            *_times(telling, "help", "hopeful", 1, 2),
            *_times(telling, "talk", middle, 1, 2),
            ("turn", "hopeful"),
        ]
    )
    ending = [*_times(telling, "outcome", end, 1, 2)]
    if telling.random() < 0.7:
        ending.append((f"feel.{end}", end))
    plans.append([*ending, *_times(telling, "after", end, 1, 2)])
    last = [("lesson", "none")] + ([("closing", "calm")] if not telling.narrator and telling.random() < 0.7 else [])
    plans.append(last)
    return [paragraph for plan in plans if (paragraph := _paragraph(telling, plan))]


def tell_story(telling: Telling) -> Document:
    """A story, told by nobody in particular or by its hero."""
    title = telling.title()
    return _document(telling, "story", title, _narrative(telling), author=telling.narrator)


def tell_diary(telling: Telling) -> Document:
    """A diary page of the hero."""
    title = telling.title()
    paragraphs = _narrative(telling)
    paragraphs[0] = _join(telling, telling.tell("diary.open"), paragraphs[0])
    paragraphs[-1] = _join(telling, paragraphs[-1], telling.tell("diary.close"))
    return _document(telling, "diary", title, paragraphs, author=telling.narrator)


def _join(telling: Telling, *sentences: str) -> str:
    return (" " if telling.language == "en" else "").join(sentence for sentence in sentences if sentence)


def tell_news(telling: Telling, author: str) -> Document:
    """A newspaper article: what happened first, then how, then what people say."""
    begin, middle, end = _feelings(telling.event)
    title = telling.title()
    summary = telling.tidy(telling.phrase("summary"))
    telling.words["summary"] = summary
    telling.cause_told = bool(telling.clause) or telling.cause is not None
    plans: list[list[tuple[str, str]]] = [
        [("news.lead", "calm"), ("news.background", "calm")],
        [*_times(telling, "problem", begin, 1, 2), *_times(telling, "attempt", begin, 1, 2)],
        [("help", "hopeful"), ("turn", "hopeful"), ("talk", middle)][: 2 + int(telling.random() * 2)],
    ]
    paragraphs = [_paragraph(telling, plan) for plan in plans]
    paragraphs.append(_quotes(telling))
    paragraphs.append(_paragraph(telling, [*_times(telling, "outcome", end, 1, 2), ("after", end)]))
    paragraphs.append(_paragraph(telling, [("news.background", "calm"), ("news.outlook", "calm")]))
    return _document(telling, "news", title, [paragraph for paragraph in paragraphs if paragraph], author=author)


def _quotes(telling: Telling) -> str:
    said: list[str] = []
    for role, section in (("hero", "quote"), ("other", "quote_other"), ("third", "quote_third"), ("hero", "quote")):
        if role not in telling.people or (said and telling.random() < 0.3):
            continue
        quote = telling.tell(section, "calm")
        if not quote:
            continue
        telling.people["speaker"] = telling.people[role]
        telling.words["quote.full"] = quote
        telling.words["quote"] = quote[:-1] + "," if telling.language == "en" and quote.endswith(".") else quote
        if sentence := telling.tell("news.quote"):
            said.append(sentence)
    return _join(telling, *said)


def tell_posts(world: World, event: Event, language: str, generator: random.Random, held_out: bool) -> tuple[Post, ...]:
    """A forum thread about an event: the question, the answers, the thanks."""
    begin, _, _ = _feelings(event)
    asking = make_telling(world, event, language, generator, held_out=held_out, narrator=event.hero)
    question = [
        ("forum.greet", "calm"),
        *_times(asking, "problem", begin, 1, 2),
        *_times(asking, "attempt", begin, 0, 1),
        (f"feel.{begin}" if asking.random() < 0.3 else "nothing", begin),
        ("ask", begin),
    ]
    posts = [Post(author=event.hero, text=_paragraph(asking, question), day=event.day, answers=-1)]
    answering = make_telling(world, event, language, generator, held_out=held_out)
    names = [key for key in world.train_people if key not in event.participants]
    writers = generator.sample(names, 3 + int(generator.random() * 3))
    day = event.day
    for writer in writers:
        day = min(365, day + int(generator.random() * 1.5))
        plan = [("reply", "calm")]
        if generator.random() < 0.6:
            plan.insert(int(generator.random() * 2), ("forum.chat", "calm"))
        text = _paragraph(answering, plan)
        if text:
            answers = 0 if generator.random() < 0.7 else int(generator.random() * len(posts))
            posts.append(Post(author=writer, text=text, day=day, answers=answers))
    if generator.random() < 0.8:
        text = _paragraph(
            asking, [("forum.thanks", "calm"), ("outcome" if event.kind in ENDING_WELL else "nothing", "happy")]
        )
        posts.append(Post(author=event.hero, text=text, day=min(365, day + 1), answers=len(posts) - 1))
    return tuple(posts)


def _document(telling: Telling, kind: str, title: str, paragraphs: list[str], *, author: str) -> Document:
    return Document(
        kind=kind,
        language=telling.language,
        title=title.rstrip(".。"),
        author=author,
        day=telling.event.day,
        paragraphs=tuple(paragraphs),
        event=telling.event.number,
        held_out=telling.held_out,
    )
