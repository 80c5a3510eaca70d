"""A look inside: every number of one forward pass by name, how it was made, and what the model would say halfway.

    look(loaded, prompt) ─▶ Recording ─▶ tensor("layer.3.attention.q")      explain(recording, name, index) ─▶ Number

The recording keeps what grows with the text's length and gives the rest when asked: the squares of attention and the
scores of the whole vocabulary are made anew from what is kept, by the model's own parts, so 1,024 tokens fit.
"""
