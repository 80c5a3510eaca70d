"""The studio: a local page that watches runs and looks inside models, with its own routes and its own way in.

    guard ─▶ app: the page and its files · /api/models · /api/look (tensors as bytes) · /api/runs (events)

`static/` is the page: plain ES modules that the browser runs as they lie there. Preact with htm and uPlot are vendored.
"""
