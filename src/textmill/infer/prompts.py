"""What a model is given to read, and by which tokens it ends."""

from collections.abc import Sequence

from textmill.errors import ModelError
from textmill.model.config import ModelConfig
from textmill.tokenizer.special_tokens import TURN_END, TURN_ENDS
from textmill.tokenizer.tokenizer import Tokenizer


def prompt_ids(tokenizer: Tokenizer, prompt: str | Sequence[int]) -> list[int]:
    """Returns the ids that a model is given for `prompt`; never none, as something must be read to be continued.

    A text begins as the model's tokenizer has it: ours with <|endoftext|>, Llama's and Gemma's with their own token,
    Qwen's and GPT-2's with nothing.
    """
    ids = [*tokenizer.start_ids, *tokenizer.encode(prompt)] if isinstance(prompt, str) else list(prompt)
    return ids or [document_start(tokenizer)]


def document_start(tokenizer: Tokenizer) -> int:
    """Returns the token before each document: an imported model's own beginning of text, else <|endoftext|>."""
    name = tokenizer.special_variables.get("bos_token", "")
    if name in tokenizer.special:
        return tokenizer.special[name]
    return tokenizer.end_of_text_id  # raises where there is neither


def end_ids(tokenizer: Tokenizer) -> frozenset[int]:
    """Returns the tokens that end a sample: the document's end and a chat turn's, by whatever name."""
    names = (*TURN_ENDS, tokenizer.special_variables.get("eos_token", ""))
    return frozenset(
        (tokenizer.end_of_text_id, *(tokenizer.special[name] for name in names if name in tokenizer.special))
    )


def turn_stops(tokenizer: Tokenizer) -> tuple[str, ...]:
    """Returns the texts that end a turn of a base model that knows the template's marks as plain text only."""
    written = tokenizer.config.get("chat_template") is None or TURN_END in tokenizer.chat_template
    return (TURN_END,) if written and TURN_END not in tokenizer.special else ()


def check_ids(config: ModelConfig, ids: Sequence[int]) -> None:
    """Raises ModelError unless the model knows all tokens of the prompt."""
    size = config.vocabulary_size
    if not 0 <= min(ids) <= max(ids) < size:
        raise ModelError("infer.foreign_ids", size=size, got=max(ids) if max(ids) >= size else min(ids))
