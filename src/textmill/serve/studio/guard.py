"""Who may use the studio: whoever has the address that it printed, in one browser on this machine, from its own pages.

A page of the web cannot get in: it does not know the token, SameSite=Strict keeps the cookie from its requests, its
Origin and Sec-Fetch-Site give it away, and with a name of its own that points to 127.0.0.1 its Host does. Other users
of the machine do not know the token either.
"""

import hmac
import secrets
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from textmill.errors import UsageError
from textmill.serve.keys import is_loopback
from textmill.serve.refusal import Refused, accepted_language
from textmill.serve.stream import JSON_HEADERS, Receive, Send, document, send_whole
from textmill.serve.web import headers_of

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
"""On every answer."""
ONWARDS = b'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/"><title>Textmill</title>'


class Guard:
    """The outermost layer: the token's exchange for a cookie, and the refusal of everybody else."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.token = secrets.token_urlsafe(32)
        """Stands in the opened address, once; the cookie has a value of its own."""
        self._session = secrets.token_urlsafe(32)
        self.port = 0
        """Where the studio listens; part of the cookie's name, as browsers keep cookies by host and not by port."""

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] != "http":
            return

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] += [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            await send(message)

        headers = headers_of(scope)
        try:
            self._check_host(headers)
            if self._has_token(scope):
                await self._let_in(guarded, headers)
                return
            self._check_origin(headers)
            self._check_cookie(headers)
        except Refused as error:
            body = document(error.body(accepted_language(headers.get("accept-language", ""))))
            await send_whole(guarded, error.status, body, JSON_HEADERS)
            return
        await self.app(scope, receive, guarded)

    def _check_host(self, headers: dict[str, str]) -> None:
        """Refuses other names of this machine, as a page has whose name was made to point here."""
        try:
            host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        except ValueError:
            host = ""
        if not is_loopback(host):
            raise Refused(UsageError("studio.foreign_host"), status=403, code="foreign_host")

    def _check_origin(self, headers: dict[str, str]) -> None:
        """Refuses requests that pages of others make."""
        origin = headers.get("origin")
        foreign = origin is not None and origin != f"http://{headers.get('host', '')}"
        if foreign or headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            raise Refused(UsageError("studio.foreign_page"), status=403, code="foreign_page")

    def _has_token(self, scope: Any) -> bool:
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]
        opens = scope["method"] == "GET" and scope["path"] == "/"
        return opens and hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode())

    async def _let_in(self, send: Send, headers: dict[str, str]) -> None:
        """Answers the opened address: a cookie, and on to the same page without the token in its address.

        Where a link in another site's page (a terminal in the browser) opened it, a redirect would go without the
        cookie; a page of ours that goes on by itself takes it along.
        """
        cookie = f"{self.cookie}={self._session}; Path=/; HttpOnly; SameSite=Strict"
        given = {"set-cookie": cookie, "cache-control": "no-store"}
        if headers.get("sec-fetch-site", "none") in ("same-origin", "none"):
            await send_whole(send, 303, b"", given | {"location": "/"})
        else:
            await send_whole(send, 200, ONWARDS, given | {"content-type": "text/html; charset=utf-8"})

    def _check_cookie(self, headers: dict[str, str]) -> None:
        cookies: SimpleCookie = SimpleCookie()
        try:
            cookies.load(headers.get("cookie", ""))
        except CookieError:
            pass
        given = cookies[self.cookie].value if self.cookie in cookies else ""
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self._session.encode()):
            raise Refused(UsageError("studio.no_token"), status=401, code="no_token")

    @property
    def cookie(self) -> str:
        """The cookie's name."""
        return f"textmill_studio_{self.port}"
