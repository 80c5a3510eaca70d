"""A web site on loopback with every trap that a crawler meets, and a note of all requests."""

import gzip
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

WORDS = "Some words that make this page a page of its own, about {}, with enough of them to be kept in a corpus."


def page(title: str, *links: str, head: str = "", more: str = "") -> bytes:
    anchors = "".join(f'<p><a href="{link}">{link}</a></p>' for link in links)
    text = WORDS.format(title)
    return (
        f"<!doctype html><html><head><title>{title}</title>{head}</head><body><main><h1>{title}</h1><p>{text}</p>"
        f"{anchors}{more}</main></body></html>"
    ).encode()


class QuietServer(ThreadingHTTPServer):
    """Does not print that a crawler was killed in the midst of an answer."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class TrapSite:
    """Serves the traps; `robots` is robots.txt's text (None: 404, 500: an error), `asked` the paths in order."""

    def __init__(self, robots: str | int | None = "User-agent: *\nDisallow: /closed/\n") -> None:
        self.robots = robots
        self.asked: list[str] = []
        self.times: list[float] = []
        self.agents: set[str] = set()
        self.stop_slow = threading.Event()
        self.bomb = gzip.compress(b"<html><p>" + b"y" * 20_000_000, compresslevel=1)
        self.pages: dict[str, bytes] = {
            "/": page("home", "/a", "/b?x=1&utm_source=here", "/closed/secret", "/calendar/2020-01", "/loop/1", "/slow",
                      "/huge", "/bomb", "/broken", "/picture", "/photo.jpg", "/same", "/noindex", "/missing",
                      "/r/r/r/r/x", "/zh", "http://127.0.0.2:1/elsewhere", "mailto:x@y", "javascript:void(0)", "http://[broken"),
            "/a": page("the letter a", "/", "c", "#top"),
            "/b?x=1": page("the letter b", "/a#part"),
            "/c": page("the letter c", "/nofollowed", head='<meta name="robots" content="nofollow">'),
            "/same": page("the letter a", "/", "c", "#top"),
            "/noindex": page("noindex", "/from-noindex", head='<meta name="robots" content="noindex">'),
            "/from-noindex": page("from noindex"),
            "/only-in-sitemap": page("only in the sitemap"),
            "/closed/secret": page("secret"),
            "/broken": b"<html><body><p>" + WORDS.format("broken markup").encode() + b"<b><div><a href='/from-broken'>x"
                       + b"<div>" * 5000,
            "/from-broken": page("from broken"),
            "/zh": page("中文网页", more="<p>" + "这是一个中文网页，里面有足够多的文字，可以留下。" * 3 + "</p>"),
        }  # fmt: skip
        self.server = QuietServer(("127.0.0.1", 0), self.handler())
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.stop_slow.set()
        self.server.shutdown()
        self.server.server_close()

    def handler(self) -> type[BaseHTTPRequestHandler]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *values: Any) -> None:
                pass

            def do_GET(self) -> None:
                site.asked.append(self.path)
                site.times.append(time.monotonic())
                site.agents.add(self.headers.get("User-Agent", ""))
                path = urlsplit(self.path).path
                if path == "/robots.txt":
                    if site.robots is None or isinstance(site.robots, int):
                        return self.reply(site.robots or 404, b"", "text/plain")
                    return self.reply(200, site.robots.encode(), "text/plain")
                if path == "/sitemap.xml":
                    places = "".join(
                        f"<url><loc>{site.address}{each}</loc></url>" for each in ("/only-in-sitemap", "/a")
                    )
                    body = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{places}</urlset>'
                    return self.reply(200, gzip.compress(body.encode()), "application/x-gzip")
                if path.startswith("/calendar/"):
                    year, month = map(int, path.rsplit("/", 1)[1].split("-"))
                    after = f"/calendar/{year + month // 12}-{month % 12 + 1:02}"
                    return self.reply(200, page(f"month {year} {month}", after))
                if path.startswith("/loop/"):
                    return self.moved("/loop/2" if path == "/loop/1" else "/loop/1")
                if path == "/hops" or path.startswith("/hops/"):
                    return self.moved(f"/hops/{int(path.rpartition('/')[2] or 0) + 1 if path != '/hops' else 1}")
                if path == "/inside":
                    return self.moved("http://127.0.0.1:1/metadata")
                if path == "/slow":
                    return self.drip()
                if path == "/huge":
                    return self.reply(200, b"<html><p>" + b"x" * 3_000_000)
                if path == "/bomb":
                    return self.reply(200, site.bomb, encoding="gzip")
                if path == "/picture":
                    return self.reply(200, b"\x89PNG" * 1000, "image/png")
                body = site.pages.get(self.path)
                return self.reply(200, body) if body is not None else self.reply(404, page("not found"))

            def moved(self, location: str) -> None:
                self.send_response(302)
                self.send_header("Location", location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def drip(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Connection", "close")
                self.end_headers()
                while not site.stop_slow.wait(0.05):
                    try:
                        self.wfile.write(b"<p>slow</p>")
                        self.wfile.flush()
                    except OSError:
                        return

            def reply(
                self, status: int, body: bytes, kind: str = "text/html; charset=utf-8", encoding: str = ""
            ) -> None:
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", kind)
                    if encoding:
                        self.send_header("Content-Encoding", encoding)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:  # the crawler had enough
                    pass

        return Handler
