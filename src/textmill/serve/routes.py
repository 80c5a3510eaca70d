"""The routes that take a body, and what each takes."""

from textmill.serve.application_parameters import ASK, TRANSLATE, WRITE, ask, translate, write
from textmill.serve.chat_parameters import chat, detokenize, tokenize
from textmill.serve.parameters import SENTIMENT, Bounds, completions, embeddings, sentiment
from textmill.serve.records import Record
from textmill.serve.response_parameters import responses


def records(bounds: Bounds) -> dict[str, Record]:
    """Returns {path: what it takes}."""
    return {
        "/v1/chat/completions": chat(bounds),
        "/v1/completions": completions(bounds),
        "/v1/responses": responses(bounds),
        "/v1/embeddings": embeddings(bounds),
        SENTIMENT: sentiment(),
        TRANSLATE: translate(),
        WRITE: write(),
        ASK: ask(),
        "/tokenize": tokenize(bounds),
        "/detokenize": detokenize(bounds),
    }
