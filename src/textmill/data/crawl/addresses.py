"""Addresses: one form for each page, which pages are wanted, and which machines may be asked at all.

A public page must not make us ask machines of the local network (server-side request forgery): where all the crawl's
starts are public, every name is resolved to public addresses only, at the moment of connecting, and an address that is
private, loopback, link-local or otherwise not global is refused, however it is written.
"""

import ipaddress
import re
import socket
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

LONGEST = 2000
MOST_REPEATS = 3
"""A path in which one part stands more often than this is a trap: /a/b/a/b/a/b/…"""
PORTS = {"http": 80, "https": 443}
TRACKING = re.compile(r"(?:utm_\w+|fbclid|gclid|msclkid|yclid|phpsessid|jsessionid|sessionid|sid)", re.I)
NOT_TEXT = re.compile(
    r"\.(?:jpe?g|png|gif|webp|svg|ico|bmp|tiff?|avif|mp[34]|m4[av]|webm|avi|mov|mkv|ogg|og[av]|wav|flac|css|m?js|map|woff2?|ttf"
    r"|eot|otf|zip|gz|bz2|xz|zst|7z|rar|tar|tgz|iso|dmg|exe|msi|deb|rpm|apk|jar|whl|bin|torrent|swf|wasm|json)$",
    re.I,
)
DIGITS = re.compile(r"\d+")


def normal_address(address: str, base: str = "") -> str:
    """Returns the one form of an http(s) address, "" for what is none: no fragment, no tracking, no useless port.

    Host and scheme are in lower case, the query's parts are sorted, what a URL cannot hold is percent-encoded.
    """
    try:
        parts = urlsplit(urljoin(base, address.strip()))
        host, port = (parts.hostname or "").encode("idna").decode("ascii"), parts.port
    except (ValueError, UnicodeError):
        return ""
    scheme = parts.scheme.lower()
    if scheme not in PORTS or not host or parts.username is not None or parts.password is not None:
        return ""
    host = f"[{host}]" if ":" in host else host
    query = sorted(pair for pair in parse_qsl(parts.query, keep_blank_values=True) if not TRACKING.fullmatch(pair[0]))
    place = host if port in (None, PORTS[scheme]) else f"{host}:{port}"
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    full = urlunsplit((scheme, place, path, urlencode(query), ""))
    return full if len(full) <= LONGEST else ""


def host_of(address: str) -> str:
    """Returns host and port of an address in its normal form, which stand for one server."""
    return urlsplit(address).netloc


def is_trap(address: str) -> bool:
    """True where a path repeats itself, as endless ones that a server makes of relative links do."""
    parts = [part for part in urlsplit(address).path.split("/") if part]
    return any(parts.count(part) > MOST_REPEATS for part in set(parts))


def is_text(address: str) -> bool:
    """False for an address whose ending says that there is no text to be had."""
    return not NOT_TEXT.search(urlsplit(address).path)


def pattern_of(address: str) -> str:
    """Returns what pages of one making share: the address with its numbers and the query's values taken out.

    The days of an endless calendar share one, and so do the orders and filters of one list.
    """
    parts = urlsplit(address)
    names = ",".join(name for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    return f"{parts.netloc}{DIGITS.sub('0', parts.path)}?{names}"


def is_public(address: str) -> bool:
    """True for a numeric address that the whole internet can reach."""
    try:
        return (number := ipaddress.ip_address(address.partition("%")[0])).is_global and not number.is_multicast
    except ValueError:
        return False


def leads_inside(url: str) -> bool:
    """True where a start's host is, or resolves to, an address that is not public; one that is unknown is not."""
    host = urlsplit(url).hostname or ""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return any(not is_public(str(entry[4][0])) for entry in found)
