"""Train, load and use a byte-level BPE tokenizer; corpus to token arrays."""
