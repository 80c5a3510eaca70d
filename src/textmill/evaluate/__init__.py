"""Numbers about a model: bits per byte."""
