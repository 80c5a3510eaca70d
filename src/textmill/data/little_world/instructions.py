"""Conversations to tune a model on, made of the world: questions, translation, reviews, stories, small talk.

A row is ``{"messages": [{"role", "content"}, …], "task", "language"}``. What is held out: a tenth of the questions, and
of the other tasks whatever names people who are held out.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from .documents import make_telling, tell_story
from .facts_asked import Question, questions, said, unknown
from .parallel import parallel_rows
from .reviews import review_rows
from .world import World

GROUP = 20
Turns = list[str]
"""What the user and the model say, in turn."""
Made = tuple[bool, Turns]
LONGEST = {"en": 480, "zh": 150}
"""Characters of a story: a context of 256 tokens holds it with its request."""
UNKNOWN_SHARE, ONWARD_SHARE, GREETING_SHARE = 0.12, 0.25, 0.15
TALK = ("hello", "how", "name", "can", "town", "thanks", "sad", "happy", "bye")


def ask(world: World, language: str, generator: random.Random) -> Made:
    """One question about a fact, sometimes two about the same person, sometimes about nobody."""
    if generator.random() < UNKNOWN_SHARE:
        return False, list(unknown(language, generator))
    known = questions(world.seed)
    first = generator.choice(known)
    turns = [first.asked(language, generator), first.answered(language, generator)]
    if generator.random() < ONWARD_SHARE and (others := _onward(known, first)):
        second = generator.choice(others)
        turns += [second.asked(language, generator, again=True), second.answered(language, generator)]
    return first.held_out, turns


def _onward(known: tuple[Question, ...], first: Question) -> list[Question]:
    """Questions of the same side about the same person; of an animal one does not ask on."""
    return [
        other
        for other in known
        if other.subject == first.subject
        and other.held_out == first.held_out
        and other.relation not in (first.relation, "owner")
        and first.relation != "owner"
        and "he" in other.words
    ]


def translate(world: World, language: str, generator: random.Random) -> Made:
    """A sentence into the other language; the request is in either."""
    held_out, row = next(parallel_rows(world, generator))
    target = generator.choice(("en", "zh"))
    source = "zh" if target == "en" else "en"
    words = {"text": (str(row[source]), str(row[source]))}
    return held_out, [said(f"translate.{target}", words, language, generator, "requests"), str(row[target])]


def sentiment(world: World, language: str, generator: random.Random) -> Made:
    """Whether a review is positive, negative or neutral; each of them as often as the others."""
    wanted = generator.choice(("positive", "negative", "neutral"))
    while True:
        for held_out, row in review_rows(world, language, generator):
            if row["label"] == wanted:
                words = {"text": (str(row["text"]), str(row["text"]))}
                request = said("sentiment", words, language, generator, "requests")
                return held_out, [request, said(f"{wanted}.answer", {}, language, generator, "requests")]


def write(world: World, language: str, generator: random.Random) -> Made:
    """A short story under a title: the beginning of one, as many paragraphs as fit."""
    while True:
        event = generator.choice(world.events)
        held_out = world.is_held_out(event)
        story = tell_story(make_telling(world, event, language, generator, held_out=held_out))
        text = ""
        for paragraph in story.paragraphs:
            longer = f"{text}\n\n{paragraph}" if text else paragraph
            if len(longer) > LONGEST[language]:
                break
            text = longer
        if text:
            words = {"title": (story.title, story.title)}
            return held_out, [said("write", words, language, generator, "requests"), text]


def talk(world: World, language: str, generator: random.Random) -> Made:
    """Small talk: one to three turns, in the order in which people talk."""
    count = generator.choice((1, 1, 2, 3))
    turns: Turns = []
    for topic in sorted(generator.sample(TALK, count), key=TALK.index):
        turns += [_line(topic, language, generator), _line(f"{topic}.answer", language, generator)]
    return False, turns


def _line(section: str, language: str, generator: random.Random) -> str:
    return said(section, {}, language, generator, "requests")


TASKS: dict[str, tuple[int, Callable[[World, str, random.Random], Made]]] = {
    "ask": (8, ask),
    "translate": (5, translate),
    "sentiment": (3, sentiment),
    "write": (2, write),
    "talk": (2, talk),
}
"""How often each task comes, of twenty, and what makes a row of it."""


def instruction_rows(world: World, language: str, generator: random.Random) -> Iterator[tuple[bool, dict[str, object]]]:
    """A group of rows; the flag says whether a row is held out."""
    for task, (count, make) in TASKS.items():
        for _ in range(count):
            held_out, turns = make(world, language, generator)
            if task == "ask" and generator.random() < GREETING_SHARE:
                turns = [_line("hello", language, generator), _line("hello.answer", language, generator), *turns]
            roles = ("user", "assistant")
            messages = [{"role": roles[at % 2], "content": text} for at, text in enumerate(turns)]
            yield held_out, {"messages": messages, "task": task, "language": language}
