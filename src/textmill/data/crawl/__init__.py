"""Fetching pages politely into WARC files: what `textmill corpus crawl` does.

    starts ─▶ frontier (SQLite: what is waiting, what is done) ─▶ spider (Scrapy) ─▶ pages-00000.warc.gz
                  ▲                                                     │
                  └───────────── links, sitemaps, redirects ◀───────────┘

Scrapy is the engine: it keeps many slow connections open at once, waits between requests to a host, and ends downloads
that are too long, too large or expand too far. What must outlive the process is ours, because Scrapy keeps its queue as
pickles and only when it is stopped gently: a page is written to the WARC file first and then marked as done, in one
transaction with its links; what a killed process left behind that mark is cut off when the crawl goes on.
"""
