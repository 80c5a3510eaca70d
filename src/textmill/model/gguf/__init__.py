"""GGUF files in and out: the one-file form in which llama.cpp and Ollama run models.

    reader ─▶ file (tensors: dequantize) ─▶ configs, weights (families/), tokenizer_in ─▶ load_gguf
    write_gguf ─▶ configs, recipes, tokenizer_out ─▶ writer (quantize)

`family.py` says how a family is added.
"""

from textmill.model.gguf.file import GGUFFile
from textmill.model.gguf.model_file import load_gguf, write_gguf
from textmill.model.gguf.reader import read_gguf
from textmill.model.gguf.recipes import RECIPES

__all__ = ["RECIPES", "GGUFFile", "load_gguf", "read_gguf", "write_gguf"]
