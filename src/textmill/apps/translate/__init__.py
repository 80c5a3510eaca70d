"""Translation: pairs ─▶ a model that knows its languages ─▶ sentences, rows and whole documents in another language.

pairs, pair_files, cleaning   sentence pairs from any file, and which of them are fit to learn from
card, prompt                  what a model knows (translation.json beside its weights), and how it is asked
learning, fresh               the tuning of a model, and one that begins with nothing but the pairs
translator, judge             decoding that neither loops nor drops nor comes back empty
"""
