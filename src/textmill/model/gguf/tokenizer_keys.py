"""The names of a tokenizer's keys in GGUF, shared by reading and writing."""

KEY, TEMPLATE_KEY = "tokenizer.ggml.", "tokenizer.chat_template"
