"""Questions answered from a knowledge graph, with the statements that say so, or not at all.

    question ─▶ linking (which entities) ─▶ cues (count, first, more than, yes or no)
             ─▶ candidates (queries along what is stored around them) ─▶ a judge (which of them is meant)
             ─▶ rows ─▶ answer with its triples, or a refusal

Every query is put together from the entities that were linked and from predicates that the graph was just seen to have
there, so each parses and none names what does not exist. Which one is meant is decided by what was learned of
questions (`textmill tune ask`), or by words alone.
"""
