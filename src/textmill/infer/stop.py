"""Stop strings in a text that comes in pieces: found across pieces, and never printed, not even in part.

What could be the beginning of a stop string is held back until it is one or cannot become one. The stop string that
is complete first ends the text (of two that are complete at once, the longer), so the result does not depend on the
pieces.
"""

from collections.abc import Sequence


class StopFilter:
    """Feed pieces, print what comes back; when `stopped` is set nothing more comes; else call `finish` at the end."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._longest = max(map(len, self._stops), default=0)
        self._held = ""
        self.stopped = ""
        """The stop string that was found."""

    def feed(self, piece: str) -> str:
        """Returns the text that is safe to print."""
        if self.stopped or not self._stops:
            return "" if self.stopped else piece
        text = self._held + piece
        found = [(text.find(stop) + len(stop), -len(stop), stop) for stop in self._stops if stop in text]
        if found:
            end, minus_length, self.stopped = min(found)
            self._held = ""
            return text[: end + minus_length]
        keep = self._possible_beginning(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def _possible_beginning(self, text: str) -> int:
        """Returns the length of the longest end of `text` that a stop string begins with."""
        for length in range(min(len(text), self._longest - 1), 0, -1):
            end = text[-length:]
            if any(stop.startswith(end) for stop in self._stops):
                return length
        return 0

    def finish(self) -> str:
        """Returns what was held back; the text is over and no stop string came."""
        held, self._held = self._held, ""
        return held
