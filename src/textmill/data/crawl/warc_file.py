"""WARC files as they grow: one gzip member a record, whole or not there.

What is written stands on the disk before the frontier hears of it. A body is kept as it was after its transfer and
content encodings were undone, with the headers that this changes left out: readers need no knowledge of them.
"""

import io
import os
from pathlib import Path

from textmill.data.crawl.frontier import Frontier

NAME = "pages-{:05d}.warc.gz"
FILE_BYTES = 1 << 30
CHANGED = frozenset(("content-encoding", "transfer-encoding", "content-length", "connection", "set-cookie"))


class WarcFile:
    """Appends responses to the newest WARC file of a folder, from where the frontier says that it is good."""

    def __init__(self, folder: Path, frontier: Frontier, about: dict[str, str]) -> None:
        self.folder, self.about = folder, about
        self.number = int(str(frontier.fact("warc_number", 0)))
        self.open(int(str(frontier.fact("warc_end", 0))))

    def open(self, end: int) -> None:
        """Opens the file of the present number and cuts off what stands beyond `end`."""
        from warcio.warcwriter import WARCWriter

        path = self.folder / NAME.format(self.number)
        self.stream = open(path, "r+b" if path.exists() else "w+b")  # noqa: SIM115 - it stays open while the crawl lasts
        self.stream.truncate(end)
        self.stream.seek(end)
        self.writer = WARCWriter(self.stream, gzip=True, warc_version="1.1")
        if end == 0:
            self.writer.write_record(self.writer.create_warcinfo_record(path.name, self.about))

    def add(self, address: str, status: int, headers: list[tuple[str, str]], body: bytes, date: str, ip: str) -> None:
        """Writes a response and makes sure that it is on the disk; `date` is in UTC, as WARC has it."""
        from warcio.statusandheaders import StatusAndHeaders

        if self.stream.tell() >= FILE_BYTES:
            self.close()
            self.number += 1
            self.open(0)
        kept = [(name, " ".join(value.split())) for name, value in headers if name.lower() not in CHANGED]
        http = StatusAndHeaders(str(status), [*kept, ("Content-Length", str(len(body)))], protocol="HTTP/1.1")
        more = {"WARC-Date": date} | ({"WARC-IP-Address": ip} if ip else {})
        record = self.writer.create_warc_record(
            address, "response", payload=io.BytesIO(body), http_headers=http, warc_headers_dict=more
        )
        self.writer.write_record(record)
        self.stream.flush()
        os.fsync(self.stream.fileno())

    def facts(self) -> dict[str, object]:
        """Returns what the frontier notes: which file is being written and how far it is good."""
        return {"warc_number": self.number, "warc_end": self.stream.tell()}

    def close(self) -> None:
        """Closes the file."""
        self.stream.close()
