"""What the model reads before it writes: a conversation for models that hold one, else the article's own beginning.

A model that was never tuned to answer knows no template; whether it does is asked of it: after a short exchange in its
template, a model that knows it ends its turn.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from textmill.apps.write.kinds import Kind
from textmill.apps.write.order import Order
from textmill.apps.write.outline import Outline, Section
from textmill.apps.write.sources import Passage
from textmill.infer.engine.interface import TextEngine
from textmill.infer.engine.request import SCORE, Request
from textmill.infer.events import Output, Scored
from textmill.infer.prompts import prompt_ids
from textmill.infer.sampling import SamplingSettings
from textmill.tokenizer.chat_template import encode_chat
from textmill.tokenizer.special_tokens import TURN_ENDS
from textmill.tokenizer.tokenizer import Tokenizer

ENOUGH = 0.05
"""Probability of a turn's end behind a whole answer with which a model is taken to know its template."""
EXCHANGE = ("What is the capital of France?", "The capital of France is Paris.")
WORDS = {
    "en": {
        "style": "Style: {value}.", "tone": "Tone: {value}.", "first": "Write in the first person.",
        "third": "Write in the third person.", "simple": "Use short words and short sentences.",
        "plain": "Use plain words.", "advanced": "Write for experts.", "required": "Use these words: {value}.",
        "sources": "Say only what these sources say:",
        "length": "About {value} words.", "topic": "Topic", "facts": "Facts",
    },
    "zh": {
        "style": "风格：{value}。", "tone": "语气：{value}。", "first": "用第一人称写。",  # text data
        "third": "用第三人称写。",  # text data
        "simple": "用词简单，句子短。", "plain": "用词平实。", "advanced": "写给专业读者。",  # text data
        "required": "必须用到：{value}。", "sources": "只写下列资料中有的内容：",  # text data
        "length": "约{value}字。", "topic": "主题", "facts": "资料",  # text data
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Makes prompts for one order. `chat`: the model knows its template."""

    tokenizer: Tokenizer
    kind: Kind
    order: Order
    chat: bool
    context: int

    def outline(self, sections: int, found: Sequence[Passage]) -> list[int]:
        """Returns the ids after which an outline is written."""
        language, order = self.order.text_language, self.order
        if not self.chat:
            facts = "".join(f"- {passage.text}\n" for passage in found)
            head = f"{WORDS[language]['topic']}: {order.topic}\n\n" + (
                f"{WORDS[language]['facts']}:\n{facts}\n" if facts else ""
            )
            return prompt_ids(self.tokenizer, head)
        request = outline_request(self.kind, order, sections)
        return self._chat("\n".join([*self._listed(found), request, *self._wishes()]), "")

    def sentence(self, outline: Outline, section: Section, before: str, passage: Passage | None) -> list[int]:
        """Returns the ids after which the section goes on behind `before`, which is cut from its beginning to fit.

        With a passage, that is all there is to say: what else the sources have would only leak into it.
        """
        order = self.order
        if not self.chat:
            heading = f"## {section.heading}\n\n" if self.kind.headings else ""
            facts = f"- {passage.text}\n\n" if passage is not None else ""
            return self._cut(prompt_ids(self.tokenizer, f"# {outline.title}\n\n{facts}{heading}"), before)
        told = section_request(self.kind, order, outline, section, "" if passage is None else passage.text)
        return self._chat("\n".join([told, *self._wishes()]), before)

    def _wishes(self) -> list[str]:
        order, words = self.order, WORDS[self.order.text_language]
        named = [words[name].format(value=getattr(order, name)) for name in ("style", "tone") if getattr(order, name)]
        if order.required:
            named.append(words["required"].format(value=", ".join(order.required)))
        return named + [words[value] for value in (order.person or self.kind.person, order.level) if value in words]

    def _listed(self, found: Sequence[Passage]) -> list[str]:
        if not found:
            return []
        return [WORDS[self.order.text_language]["sources"], *(f"[{each.source}] {each.text}" for each in found)]

    def _chat(self, request: str, before: str) -> list[int]:
        messages = [{"role": "user", "content": with_role(self.kind, self.order.text_language, request)}]
        return self._cut(encode_chat(self.tokenizer, messages, add_generation_prompt=True), before)

    def _cut(self, head: list[int], before: str) -> list[int]:
        """Returns the ids of `head` and as much of the end of `before` as half of the context has room for."""
        room = max(8, self.context // 2)
        behind = self.tokenizer.encode(before) if before else []
        head = head if len(head) <= room else head[: room // 4] + head[-(room - room // 4) :]
        return head + behind[-max(8, room - len(head) // 2) :]


def with_role(kind: Kind, language: str, request: str) -> str:
    """Returns what is said to the model: what it is, then what is asked for."""
    return f"{kind.told('role', language)}\n{request}"


def outline_request(kind: Kind, order: Order, sections: int) -> str:
    """Returns how an outline is asked for."""
    return kind.told("outline", order.text_language, topic=order.topic, sections=str(sections))


def section_request(kind: Kind, order: Order, outline: Outline, section: Section, facts: str = "") -> str:
    """Returns how a section is asked for; `facts` are said instead of its points."""
    language = order.text_language
    points = ("；" if language == "zh" else "; ").join(section.points) or section.heading  # text data
    return kind.told(
        "section",
        language,
        title=outline.title,
        heading=section.heading,
        topic=order.topic,
        points=facts or points,
    )


def knows_template(engine: TextEngine) -> bool:
    """True where the model ends its turn in its own template."""
    tokenizer = engine.tokenizer
    ends = [tokenizer.special[name] for name in TURN_ENDS if name in tokenizer.special]
    ends = ends or [tokenizer.end_of_text_id]
    asked, answer = EXCHANGE
    messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    ids = encode_chat(tokenizer, messages)
    place = max((at for at, id in enumerate(ids) if id in ends), default=0)
    if not place or place >= engine.context:
        return False
    told: list[Output] = []
    settings = SamplingSettings(max_tokens=1, seed=0)
    request = Request(ids=tuple(ids[: place + 1]), kind=SCORE, score_from=place, settings=settings)
    ticket = engine.add(request, told.append)
    while not ticket.done:
        engine.step()
    scored = next((each for each in told if isinstance(each, Scored)), None)
    return scored is not None and math.exp(scored.log_probabilities[-1]) > ENOUGH
