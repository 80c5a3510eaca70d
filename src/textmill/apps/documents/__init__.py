"""Questions answered from documents, without a graph: a passage found by words, a sentence quoted from it.

    files, folders, a corpus ─▶ reading (what changed) ─▶ index (passages, SQLite FTS5)
    question ─▶ words ─▶ index ─▶ finding (the best sentences) ─▶ answering (a quote, or a refusal with what was sought)

No model is needed; one chooses the words of the answer inside the quote, under a grammar of the quote's own substrings,
so that nothing can be answered that does not stand there.
"""
