"""The main text of a web page.

markup ─tokens─▶ tags and texts ─blocks─▶ blocks in their containers ─features, model─▶ probability of each
       ─choose─▶ the blocks that are content ─render─▶ text with its lists, tables, code and formulas
"""
