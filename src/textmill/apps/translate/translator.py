"""Sentences in, sentences out, in batches: searched, looked at, and made again where something is wrong.

    1  beams (or samples, of which the one most like the others is taken) ─▶ candidates, the best without a problem
    2  drawn anew with a penalty on what repeats, for those that have none
    3  clause by clause, for those that still have none
    4  the best of all that was written, mended: what loops once, markers by their place, and never nothing

Markers and terms are held by a grammar in every step; nothing is longer than `judge.most_tokens` allows, so all of it
ends. Minimum risk: of n samples the one whose chrF with the others is highest (https://arxiv.org/abs/2005.10283).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from textmill.apps.translate import judge
from textmill.apps.translate.card import Card
from textmill.apps.translate.judge import Candidate
from textmill.apps.translate.languages import joiner
from textmill.apps.translate.markers import MARKER, markers_of, placed_again, uncut
from textmill.apps.translate.pairs import Direction
from textmill.apps.translate.prompt import Asked, prompt_of
from textmill.apps.translate.weaving import weaving_grammar
from textmill.data.sentences import clauses
from textmill.errors import UsageError, UserError
from textmill.evaluate.written import sentence_chrf
from textmill.infer.answers import Answer, answers
from textmill.infer.constraints import LARK, CompiledGrammar, compile_grammar
from textmill.infer.engine.interface import TextEngine
from textmill.infer.engine.request import Request
from textmill.infer.sampling import SamplingSettings

BEAM, SAMPLES, GREEDY = "beam", "mbr", "greedy"
SEARCHES = (BEAM, SAMPLES, GREEDY)
AGAIN = 4
"""Samples of a sentence that is made again."""
Term = tuple[str, ...]
"""What a term of the glossary may be written as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How translations are searched for. `alternatives`: how many others are told."""

    search: str = BEAM
    beams: int = 4
    samples: int = 8
    temperature: float = 0.7
    length_penalty: float = 1.0
    alternatives: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        most = self.samples if self.search == SAMPLES else 16
        if self.search not in SEARCHES or not 1 <= self.beams <= 64 or not 2 <= self.samples <= 128:
            raise UsageError("translate.search", search=self.search, beams=self.beams, samples=self.samples)
        if not 0 <= self.alternatives < most:
            raise UsageError("translate.alternatives", value=self.alternatives, most=most - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence, its things in markers, and the terms that must be in its translation."""

    text: str
    direction: Direction
    terms: tuple[Term, ...] = ()
    near: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """A sentence's translation; `problems` are those that could not be mended."""

    text: str
    confidence: float
    alternatives: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class _Work:
    """A sentence on its way."""

    sentence: Sentence
    candidates: list[Candidate] = field(default_factory=list)
    done: Translated | None = None


class Translator:
    """Translates with one model over one engine."""

    def __init__(self, engine: TextEngine, card: Card, options: Options | None = None) -> None:
        self.engine, self.tokenizer, self.card = engine, engine.tokenizer, card
        self.options = options or Options()

    def translate(self, sentences: Sequence[Sentence]) -> list[Translated]:
        """Returns a translation for each sentence; ModelError for a direction that the model does not know."""
        works = [self._begun(sentence) for sentence in sentences]
        for make in (self._first, self._again):
            self._round([work for work in works if work.done is None], make)
        parted = [work for work in works if work.done is None]
        self._by_clauses(parted)
        return [work.done or self._mended(work) for work in works]

    def _begun(self, sentence: Sentence) -> _Work:
        """Returns a sentence's work; what says nothing, and so is no language, stays as it is."""
        self.card.known(sentence.direction)
        done = None if judge.says_something(sentence.text) else Translated(text=sentence.text, confidence=1.0)
        return _Work(sentence, done=done)

    def _round(self, works: list[_Work], make: Callable[[Sentence], Request | None]) -> None:
        """Asks for all sentences at once, and settles those that come out well."""
        asked = [(work, request) for work in works if (request := make(work.sentence)) is not None]
        for (work, _), answer in zip(asked, answers(self.engine, (each for _, each in asked)), strict=True):
            found = self._candidates(work.sentence, answer)
            work.candidates += found
            if found and not found[0].hard:
                work.done = self._told(work.sentence, work.candidates)

    def _candidates(self, sentence: Sentence, answer: Answer) -> list[Candidate]:
        """Returns what the engine wrote, judged, the best first."""
        known = self.card.known(sentence.direction)
        found = []
        for sample in answer.samples:
            text = sample.text.strip()
            ended = sample.finish_reason not in ("length", "context")
            problems = judge.problems_of(sentence.text, text, known, ended=ended, terms=sentence.terms)
            mean = sample.log_probability / max(1, len(sample.ids))
            found.append(Candidate(text=text, log_probability=mean, problems=problems))
        if len(found) > 1 and answer.request.beams < 2:
            found = least_risk(found)
        return sorted(found, key=lambda one: (one.hard, len(one.problems)))  # stable: else as they were ranked

    def _told(self, sentence: Sentence, candidates: Iterable[Candidate]) -> Translated:
        """Returns the first candidate without hard problems, and the others that have none either."""
        good = [one for one in candidates if not one.hard]
        texts = dict.fromkeys(one.text for one in good)
        others = tuple(text for text in texts if text != good[0].text)[: self.options.alternatives]
        return Translated(
            text=good[0].text, confidence=good[0].confidence, alternatives=others, problems=good[0].problems
        )

    # ---- what is asked of the engine

    def _first(self, sentence: Sentence) -> Request | None:
        options = self.options
        if options.search == SAMPLES:
            return self._request(sentence, n=options.samples, temperature=options.temperature)
        if options.search == GREEDY and not options.alternatives:
            return self._request(sentence, n=1, temperature=0.0)
        beams = max(options.beams if options.search == BEAM else 1, options.alternatives + 1)
        return self._request(sentence, n=min(beams, options.alternatives + 2), temperature=0.0, beams=beams)

    def _again(self, sentence: Sentence) -> Request | None:
        """The same drawn, with a penalty on what repeats."""
        return self._request(sentence, n=AGAIN, temperature=0.6, repeats=0.8)

    def _request(
        self, sentence: Sentence, *, n: int, temperature: float, beams: int = 0, repeats: float = 0.0
    ) -> Request | None:
        """Returns the request, None where the sentence has no room in the model's context."""
        known = self.card.known(sentence.direction)
        asked = Asked(text=sentence.text, direction=sentence.direction, near=sentence.near)
        ids = prompt_of(self.tokenizer, self.card.form, asked)
        most = judge.most_tokens(known, len(self.tokenizer.encode(sentence.text)))
        if len(ids) + min(most, judge.LEAST_TOKENS) > self.engine.capacity:
            return None
        settings = SamplingSettings(
            temperature=temperature,
            top_p=1.0 if temperature == 0 else 0.9,
            n=n,
            max_tokens=min(most, self.engine.capacity - len(ids)),
            seed=self.options.seed,
            slide=False,
            dry_multiplier=repeats,
        )
        return Request(
            ids=tuple(ids),
            settings=settings,
            grammar=self._grammar(sentence),
            beams=beams if beams > 1 else 0,
            length_penalty=self.options.length_penalty,
        )

    def _grammar(self, sentence: Sentence) -> CompiledGrammar | None:
        """Returns the grammar of a sentence with markers or terms, None where it has neither."""
        if not sentence.terms and not markers_of(sentence.text):
            return None
        try:
            return compile_grammar(self.tokenizer, LARK, weaving_grammar(sentence.text, sentence.terms))
        except UserError:
            return None  # too many markers for the compiler: they are put back by place

    # ---- what is left

    def _by_clauses(self, works: list[_Work]) -> None:
        """Translates the clauses of each sentence one by one: whatever the model, none of them is left out."""
        parts = [(work, list(self._clauses(work.sentence))) for work in works]
        parts = [(work, some) for work, some in parts if len(some) > 1]
        if not parts:
            return
        flat = [replace(work.sentence, text=text.strip(), terms=(), near=None) for work, some in parts for text in some]
        made = iter(Translator(self.engine, self.card, replace(self.options, alternatives=0)).translate(flat))
        for work, some in parts:
            own = [next(made) for _ in some]
            text = joiner(work.sentence.direction.target).join(one.text for one in own)
            known = self.card.known(work.sentence.direction)
            problems = judge.problems_of(work.sentence.text, text, known, terms=work.sentence.terms)
            hard = any(problem in judge.HARD for problem in problems)
            if not hard or not work.candidates:
                confidence = min(one.confidence for one in own)
                text = text if not hard else self._whole(work.sentence, text)
                work.done = Translated(text=text, confidence=confidence, problems=problems)

    def _clauses(self, sentence: Sentence) -> Iterator[str]:
        """Yields the clauses of a sentence; one that has none but does not fit, in pieces that do."""
        room = max(8, (self.engine.capacity - 64) // 4)
        found = list(uncut(clauses(sentence.text), sentence.text))
        for part in found:
            if len(found) > 1 or len(self.tokenizer.encode(part)) <= room:
                yield part
            else:
                size = max(8, len(part) * room // len(self.tokenizer.encode(part)))
                yield from uncut(pieces(part, size), part)

    def _mended(self, work: _Work) -> Translated:
        """Returns the best of all that was written, mended; the source itself where nothing was."""
        ranked = sorted(work.candidates, key=lambda one: ("empty" in one.problems, one.hard, -one.log_probability))
        if not ranked or not judge.says_something(ranked[0].text):
            return Translated(text=work.sentence.text, confidence=0.0, problems=("empty",))
        best = ranked[0]
        text = self._whole(work.sentence, judge.unlooped(best.text))
        return Translated(text=text, confidence=best.confidence, problems=best.problems)

    def _whole(self, sentence: Sentence, text: str) -> str:
        """Returns a text with exactly the markers of the source."""
        if "markers" in judge.problems_of(sentence.text, text, self.card.known(sentence.direction)):
            return placed_again(sentence.text, text)
        return text


def least_risk(candidates: list[Candidate]) -> list[Candidate]:
    """Returns the candidates by their mean chrF with the others, the highest first."""
    texts = [one.text for one in candidates]
    if len(set(texts)) == 1:
        return candidates
    scores = [
        sum(sentence_chrf(text, other) for at, other in enumerate(texts) if at != place)
        for place, text in enumerate(texts)
    ]
    return [candidates[place] for place in sorted(range(len(texts)), key=lambda place: -scores[place])]


def pieces(text: str, size: int) -> Iterator[str]:
    """Yields a text in parts of about so many characters, cut at blanks where there are some."""
    while len(text) > size:
        at = text.rfind(" ", size // 2, size) + 1 or size
        at = next((match.end() for match in MARKER.finditer(text) if match.start() < at < match.end()), at)
        yield text[:at]
        text = text[at:]
    yield text
