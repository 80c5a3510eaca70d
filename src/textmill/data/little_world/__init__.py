"""Little World: the sample that ships inside, a small town lived through for a year and told in two languages.

A seed makes people, shops and weather; a simulation makes events with causes and consequences; the events are told as
stories, diaries, news, web pages, forum threads, reviews and sentence pairs, and written down as a graph of facts.
"""

from __future__ import annotations

from .checking import FactReport, check_facts
from .simulation import build_world
from .world import Event, Fact, World
from .writer import Summary, make_instructions, make_little_world

__all__ = [
    "Event",
    "Fact",
    "FactReport",
    "Summary",
    "World",
    "build_world",
    "check_facts",
    "make_instructions",
    "make_little_world",
]
