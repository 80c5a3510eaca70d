"""Training's hot loops in C++ for processors with bf16 matrix units, compiled where they run; torch does without them.

`build` compiles and loads, `operations` are the torch operators over it, `layers` what a model calls.
"""
