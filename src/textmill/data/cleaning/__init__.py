"""From a document that was read to one worth keeping: mended, shortened, scored, or dropped with the reason.

    address ─▶ language ─▶ Unicode, script ─▶ rules (lines out, documents refused) ─▶ blocked words ─▶ quality

Everything is off by default, and then the very same draft comes back. What is on stands in the section `clean` of the
settings; each Drop has the rule as its reason, the value and the threshold, for `textmill corpus why`.
"""

from textmill.data.cleaning.steps import check, clean_document

__all__ = ["check", "clean_document"]
