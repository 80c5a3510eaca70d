"""Statements out of documents: proposed by a model under a grammar, kept with the words that say so, taken back.

    schema (classes, predicates) ─▶ grammar ─┐
    documents ─▶ parts ─▶ model ─▶ proposals ─▶ ledger ─▶ statements ─▶ the project's graph
                                                  ▲
                                     merges and their undoing

The ledger (graph/extracted.sqlite) keeps what a model proposed for each part of a text. What stands in the graph is a
pure function of the ledger, a named graph a document: so a document that is edited or deleted takes its statements with
it without asking a model, and the graph is then what a fresh build would make.
"""
