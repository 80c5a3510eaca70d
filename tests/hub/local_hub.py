"""A Hugging Face hub on loopback: the few routes that a download asks for, with a token, gates, breaks and lies."""

import hashlib
import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_ours"
LARGE = (".safetensors", ".gguf", ".parquet", ".gz", ".zst", ".arrow")
"""What a hub keeps as large files, whose sums it tells."""


class LocalHub:
    """Serves the model folders OWNER/NAME and the datasets datasets/OWNER/NAME in `root`.

    `break_after`: bytes before the line goes dead, once; `hold_after`: bytes before the line stands still, once, until
    the other side is gone; `lying`: names whose sums are not those of their files.
    """

    def __init__(self, root: Path) -> None:
        self.root, self.gated, self.lying, self.asked = root, set[str](), set[str](), list[str]()
        self.break_after: int | None = None
        self.hold_after: int | None = None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def files(self, name: str) -> list[Path]:
        folder = self.root / name
        return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []

    def handler(self) -> type[BaseHTTPRequestHandler]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *values: Any) -> None:
                pass

            def do_HEAD(self) -> None:
                self.answer(body=False)

            def do_GET(self) -> None:
                self.answer(body=True)

            def answer(self, *, body: bool) -> None:
                path = unquote(urlsplit(self.path).path).strip("/")
                hub.asked.append(f"{self.command} {path} {self.headers.get('Range', '')}".strip())
                parts = path.split("/")
                asked = parts[0] == "api"
                if asked and parts[1] == "models":
                    parts = parts[2:]
                elif asked:
                    parts = parts[1:]
                depth = 3 if parts[0] == "datasets" else 2
                name = "/".join(parts[:depth])
                if not hub.files(name):
                    return self.fail(404, "RepoNotFound")
                if name in hub.gated and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    return self.fail(401, "GatedRepo")
                if asked:
                    return self.listing(name, body, tree="tree" in parts)
                return self.file(hub.root / name / "/".join(parts[depth + 2 :]), name, body)

            def fail(self, status: int, code: str) -> None:
                self.reply(status, b"", {"X-Error-Code": code}, body=False)

            def listing(self, name: str, body: bool, *, tree: bool) -> None:
                files = []
                for path in hub.files(name):
                    data = path.read_bytes()
                    entry: dict[str, Any] = {"size": len(data), "blobId": "0" * 40}
                    entry["rfilename"] = str(path.relative_to(hub.root / name))
                    if path.suffix in LARGE:
                        wrong = b"!" if name in hub.lying else b""
                        entry["lfs"] = {
                            "sha256": hashlib.sha256(data + wrong).hexdigest(), "size": len(data), "pointerSize": 1
                        }  # fmt: skip
                    files.append(entry)
                if tree:  # how newer versions of the library ask
                    listed = [
                        {"type": "file", "path": file["rfilename"], "size": file["size"], "oid": file["blobId"]}
                        | ({"lfs": {"oid": file["lfs"]["sha256"], **file["lfs"]}} if "lfs" in file else {})
                        for file in files
                    ]
                    return self.reply(200, json.dumps(listed).encode(), {"Content-Type": "application/json"}, body)
                short = name.removeprefix("datasets/")
                about = {"id": short, "modelId": short, "sha": COMMIT, "siblings": files, "private": False, "tags": []}
                self.reply(200, json.dumps(about).encode(), {"Content-Type": "application/json"}, body)

            def file(self, path: Path, name: str, body: bool) -> None:
                if not path.is_file():
                    return self.fail(404, "EntryNotFound")
                data = path.read_bytes()
                headers = {
                    "ETag": f'"{hashlib.sha256(data).hexdigest()}"',
                    "X-Repo-Commit": COMMIT,
                    "Accept-Ranges": "bytes",
                }
                status, wanted = 200, self.headers.get("Range", "")
                if wanted.startswith("bytes="):
                    first, last = wanted.removeprefix("bytes=").split("-")
                    start, end = int(first or 0), int(last) + 1 if last else len(data)
                    headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
                    data, status = data[start:end], 206
                self.reply(status, data, headers, body)

            def reply(self, status: int, data: bytes, headers: dict[str, str], body: bool) -> None:
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if not body:
                    return
                if hub.hold_after is not None and len(data) > hub.hold_after:
                    self.wfile.write(data[: hub.hold_after])
                    self.wfile.flush()
                    hub.hold_after = None
                    self.close_connection = True
                    with suppress(ConnectionError):
                        self.connection.recv(1)  # ends when the other side is gone
                    return
                if hub.break_after is not None and len(data) > hub.break_after:
                    self.wfile.write(data[: hub.break_after])
                    self.wfile.flush()
                    hub.break_after = None
                    self.close_connection = True
                    self.connection.close()
                    return
                self.wfile.write(data)

        return Handler
