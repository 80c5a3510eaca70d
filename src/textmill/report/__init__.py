"""Reports as one self-contained HTML page: markup that is escaped by construction, charts, the page around them.

What a report says stands beside the stage that it is about (`textmill.data.corpus_report`); here is what all share.
"""
