"""Questions answered from a knowledge graph, with the statements that say so, or not at all.

    question ─▶ linking (which entities) ─▶ candidates (queries along what is stored around them)
             ─▶ likeness (which of them the question's words ask for) ─▶ rows ─▶ answer with its triples, or a refusal

Every query is put together from the entity that was linked and from predicates that the graph was just seen to have
there, so each parses and none names what does not exist. Which one is meant is decided by words alone.
"""
