"""The tokens that stand for structure, not text: document boundaries, chat turns, tasks, languages.

They take the last ids of a vocabulary, after the 256 bytes and the merges, as Qwen has it; a trained model can give
a reserved one a meaning without changing the size of its embedding. Text that merely spells one is never turned into it
unless the caller says so (`Tokenizer.encode(..., allow_special=True)`).
"""

END_OF_TEXT = "<|endoftext|>"
"""Stands before each document: the empty context that predicts its first token, and the end of the one before."""

TURN_START = "<|im_start|>"
TURN_END = "<|im_end|>"
TURN_ENDS = (TURN_END, "<|eot_id|>", "<|eom_id|>", "<|end|>", "<end_of_turn>", "<|end_of_text|>")
"""The same in other families (Llama 3, Phi, Gemma, Granite); llama.cpp knows them by these names too."""

TASKS = ("<|translate|>", "<|sentiment|>", "<|ask|>", "<|write|>", "<|tool_call|>", "<|tool_result|>")
LANGUAGES = ("<|en|>", "<|zh|>")
RESERVED = tuple(f"<|reserved_{number}|>" for number in range(9))

SPECIAL_TOKENS = (END_OF_TEXT, TURN_START, TURN_END, *TASKS, *LANGUAGES, *RESERVED)
"""All of them, in the order of their ids."""
