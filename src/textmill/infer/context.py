"""What the model has read: at most its context of the last tokens, with their keys and values.

    prompt ≤ context:   all of it, behind the document's beginning
    prompt > context:   its last max(context/2, context - max_tokens) tokens
    full:               the last half of the context is read again, and the text goes on behind it

Half, because reading anew costs a whole pass and then buys half a context of cheap steps; and positions start at 0
again, so that no model sees a position that it was not trained on.
"""


def half_context(context: int) -> int:
    """Returns how many tokens are read again when the context is full."""
    return max(1, context // 2)


def kept_prompt(length: int, context: int, max_tokens: int) -> int:
    """Returns how many of a prompt's last tokens are read: all, or as many as leave room for what is to be written."""
    return length if length <= context else max(half_context(context), context - max_tokens)
