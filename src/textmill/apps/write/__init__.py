"""Writing: articles that keep to their outline, length, words and sources.

    Order ─▶ outline (JSON under a grammar, editable) ─▶ section by section ─▶ sentence by sentence ─▶ check ─▶ a file

A sentence is the unit. Several candidates are drawn for each, under a grammar that holds a sentence to one sentence and
a citation to a source that is there; each is judged by rules (length, words, sources, repetition), and the best is
taken. What must hold holds by construction, with any model: a small one only makes duller sentences.

`order` what is wanted, `kinds` the templates, `outline`, `sources` and `passages` what may be cited, `support` whether
a sentence stands in its source, `sentences` grammar and judgement, `compose` the loop, `piece` what is kept on disk,
`checking` the last look, `render` the file.
"""
