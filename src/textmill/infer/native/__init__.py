"""The compiled runner: quantised weights, pages, a whole step in one call; a row's bits depend on its text alone.

`quantize` has the numbers in torch, `layout` what the library is handed, `structure` makes it of a model, `covers` says
which models, `runner` runs them.
"""
