"""Documents that keep their form: what is said is translated, all else stays byte for byte.

piece        what a document consists of: text that stays, and units with something to translate
inline       a stretch with tags in it as markers, its outermost tags taken off
opening      which form a file has, its encoding, and what is refused
journal      what is translated so far, so that a stopped run goes on to the same bytes
document     the whole way: units ─▶ journal ─▶ the file
plain, markdown, markdown_inline, html, docx, xliff, po, subtitles, cues, tables, json_values    one form each
"""
