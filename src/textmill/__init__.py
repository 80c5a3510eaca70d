"""Textmill: raw text in, a GPT out."""

__version__ = "0.1.0"
