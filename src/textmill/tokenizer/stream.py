"""Ids one by one to text, never half a character.

A Chinese character or an emoji may span tokens. Bytes are held back until they make a character, or until no further
byte could make them one; only then do they become U+FFFD. The joined output equals `Tokenizer.decode` of all ids.
"""

import codecs

from textmill.tokenizer.tokenizer import Tokenizer


class StreamDecoder:
    """Feed ids as they come; print what comes back; call `finish` at the end."""

    def __init__(self, tokenizer: Tokenizer, *, skip_special: bool = True) -> None:
        self._tokenizer = tokenizer
        self._skip_special = skip_special
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, id: int) -> str:
        """Returns the text that this token completes; "" while a character is still open."""
        if self._skip_special and self._tokenizer.is_special(id):
            return ""
        return self._decoder.decode(self._tokenizer.token_bytes(id))

    def finish(self) -> str:
        """Returns U+FFFD if a character was left open, else ""; the decoder can then be used anew."""
        rest = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        return rest
