"""Text that must fit: a JSON schema, a regular expression, a choice or a Lark grammar, held token by token.

    source ─▶ compile_grammar (once, within limits) ─▶ Grammar ─▶ matcher a sample ─▶ which tokens may come next

llguidance (https://github.com/guidance-ai/llguidance) does the work: it walks the grammar over bytes, so that any
tokenizer's tokens fit it. Compiling takes up to a second for large grammars and lets other threads run.

Shapes: V vocabulary.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from textmill.errors import InternalError, MissingExtraError, UsageError
from textmill.infer.prompts import end_ids
from textmill.tokenizer.tokenizer import Tokenizer

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer

JSON_SCHEMA, REGEX, CHOICE, LARK = "json_schema", "regex", "choice", "lark"
KINDS = (JSON_SCHEMA, REGEX, CHOICE, LARK)
ANY_OBJECT: dict[str, Any] = {"type": "object"}
"""The schema of any JSON object."""
JSON_STYLE = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""One way to write each value: a small model that may put spaces anywhere can write spaces for ever."""
TOLD = 300
"""Characters of the compiler's words that an error repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrammarLimits:
    """What a grammar may cost; past it, it is refused."""

    bytes: int = 1_000_000
    """Of its source."""
    items: int = 250_000
    """Of the compiled grammar."""
    states: int = 50_000
    """Of its lexer."""
    fuel: int = 5_000_000
    """Work of the lexer before the first token, in its own units: a second or two at most."""


class CompiledGrammar:
    """A grammar for one tokenizer."""

    divides = True
    """A walk can be copied on its way, as beams need it (`GrammarMatcher.copy`)."""

    def __init__(self, start: "LLMatcher") -> None:
        self._start = start

    def matcher(self) -> "GrammarMatcher":
        """Returns a new walk through the grammar."""
        return GrammarMatcher(self._start.deep_copy())


class GrammarMatcher:
    """One sample's way through a grammar."""

    def __init__(self, matcher: "LLMatcher") -> None:
        self._matcher = matcher

    def allowed(self) -> Bool[Tensor, " V"]:
        """Returns which tokens may come next; an end is among them where the text may end."""
        # a byte a token: 200 where it is allowed, 0 where it is not
        return torch.from_numpy(np.frombuffer(self._matcher.compute_logit_bias(), dtype=np.uint8) != 0)

    def take(self, id: int) -> None:
        """Goes on by one token."""
        if not self._matcher.consume_token(id):
            raise UsageError("infer.grammar_stuck", detail=self._matcher.get_error()[:TOLD])

    def copy(self) -> "GrammarMatcher":
        """Returns a walk from here that goes its own way."""
        return GrammarMatcher(self._matcher.deep_copy())

    @property
    def complete(self) -> bool:
        """True where the text fits and nothing can be added."""
        if self._matcher.is_error():
            raise UsageError("infer.grammar_stuck", detail=self._matcher.get_error()[:TOLD])
        return self._matcher.is_stopped()


def compile_grammar(
    tokenizer: Tokenizer, kind: str, source: Any, *, limits: GrammarLimits | None = None
) -> CompiledGrammar:
    """Returns the grammar of `source`: a JSON schema (object or its text), a regular expression, texts, a Lark grammar.

    Raises UsageError for what is no such thing, uses what the compiler does not know, or is over the limits.
    """
    limits = limits or GrammarLimits()
    text = grammar_text(kind, source, limits)
    library = _library()
    given = library.LLParserLimits(
        initial_lexer_fuel=limits.fuel, max_lexer_states=limits.states, max_grammar_size=limits.items
    )
    start = library.LLMatcher(_backend(tokenizer), text, limits=given, log_level=0)
    if start.is_error():
        raise UsageError("infer.grammar", kind=kind, detail=start.get_error()[:TOLD])
    return CompiledGrammar(start)


def grammar_text(kind: str, source: Any, limits: GrammarLimits) -> str:
    """Returns llguidance's form of a grammar."""
    if kind not in KINDS:
        raise InternalError("infer.grammar", kind=kind, detail=", ".join(KINDS))
    plain = source if isinstance(source, str) else json.dumps(source, ensure_ascii=False)
    size = len(plain.encode("utf-8", "replace"))
    if size > limits.bytes:
        raise UsageError("infer.grammar_size", limit=limits.bytes, got=size)
    matcher = _library().LLMatcher
    if kind == CHOICE:
        return matcher.grammar_from_lark(choice_grammar(source))
    if kind == LARK:
        return matcher.grammar_from_lark(plain)
    if kind == REGEX:
        return matcher.grammar_from_regex(plain)
    try:
        if not isinstance(json.loads(plain), (dict, bool)):
            raise ValueError("no object")
        return matcher.grammar_from_json_schema(plain, JSON_STYLE)
    except (ValueError, RecursionError) as error:
        raise UsageError("infer.grammar", kind=kind, detail=str(error)[:TOLD]) from error


def choice_grammar(choices: Sequence[str]) -> str:
    """Returns the Lark grammar of one of several texts."""
    if isinstance(choices, str) or not choices or not all(isinstance(choice, str) and choice for choice in choices):
        raise UsageError("infer.grammar", kind=CHOICE, detail=repr(choices)[:TOLD])
    return "start: " + " | ".join(json.dumps(choice, ensure_ascii=False) for choice in dict.fromkeys(choices))


@lru_cache(maxsize=4)
def _backend(tokenizer: Tokenizer) -> "LLTokenizer":
    """Returns the library's view of a tokenizer, which takes a tenth of a second to make."""
    library, ends = _library(), sorted(end_ids(tokenizer))
    return library.LLTokenizer(library.TokenizerWrapper(_Vocabulary(tokenizer, ends[0])), eos_token=ends)


class _Vocabulary:
    """A tokenizer as the library asks for it."""

    def __init__(self, tokenizer: Tokenizer, end: int) -> None:
        self.eos_token_id, self.bos_token_id = end, None
        self.tokens = [tokenizer.token_bytes(id) for id in range(tokenizer.vocabulary_size)]
        self.special_token_ids = sorted(tokenizer.special.values())
        self._tokenizer = tokenizer

    def __call__(self, text: bytes | str) -> list[int]:
        return self._tokenizer.encode(text if isinstance(text, str) else text.decode("utf-8", "replace"))


def _library() -> Any:
    try:
        import llguidance
    except ImportError as error:
        raise MissingExtraError("infer.no_llguidance") from error
    return llguidance
