"""The knowledge graph: stored, imported, looked up, queried.

A part of its own beside `ask`: a graph is of use without questions (to import, to look at, to query), whoever asks is
one of its readers, and what documents say comes in by the same door as a file.

    file ─▶ reading ─▶ statements ─▶ importing ─┬▶ store   (pyoxigraph: graph/store)
                                                └▶ names   (SQLite FTS5: graph/names.sqlite), kept in step
    question ─▶ names ─▶ entities;   SPARQL ─▶ sparql (refusals) ─▶ query_process (killable) ─▶ rows
"""
