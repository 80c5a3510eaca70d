"""The engine: many requests at once over one model, each answered as if it were alone.

    request ─▶ queue ─▶ scheduler ─▶ step: parts of several texts ─▶ runner ─▶ logits ─▶ draw ─▶ event

`runner` is the model over paged keys and values, `pages` who holds which page, `scheduler` whose turn it is, `sample`
one text on its way, `engine` the loop, `thread` the loop on a thread of its own for servers.
"""
