"""Who may ask: keys that are known by their hashes, compared in constant time.

A key is `tm-` and 43 characters of 256 random bits, shown once, when it is made. The file holds a line a key:

    NAME sha256:64 hexadecimal digits

SHA-256 and no slow hash: nobody guesses 256 random bits, however fast the guesses are, and a slow hash on every request
would be a way to keep the server busy. A key that a person thought up has no place here; one from the environment must
have at least 32 characters.
"""

import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from textmill.errors import InputError, UsageError
from textmill.files import disk_errors

VARIABLE = "TEXTMILL_SERVE_KEY"
SHORTEST = 32
LINE = re.compile(r"(?P<name>[A-Za-z0-9_.@-]{1,64})\s+sha256:(?P<digest>[0-9a-f]{64})")
ENVIRONMENT_NAME = "environment"


class Keys:
    """The known keys; none at all lets everybody in."""

    def __init__(self, digests: Mapping[str, str]) -> None:
        """`digests`: {hex digest: name}."""
        self._digests = [(bytes.fromhex(digest), name) for digest, name in digests.items()]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def name_of(self, key: str) -> str | None:
        """Returns whose key it is, None if nobody's; always as long, whichever it is."""
        digest = hashlib.sha256(key.encode("utf-8", "replace")).digest()
        found = None
        for known, name in self._digests:
            if hmac.compare_digest(known, digest):
                found = name
        return found


def load_keys(file: str, environment: Mapping[str, str]) -> Keys:
    """Returns the keys of a file ("" for none) and of the environment."""
    digests: dict[str, str] = {}
    if file:
        digests |= read_file(Path(file).expanduser())
    given = environment.get(VARIABLE, "")
    if given:
        if len(given) < SHORTEST:
            raise UsageError("serve.short_key", variable=VARIABLE, characters=SHORTEST)
        digests[hashlib.sha256(given.encode()).hexdigest()] = ENVIRONMENT_NAME
    return Keys(digests)


def read_file(path: Path) -> dict[str, str]:
    """Returns {digest: name} of a keys file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("serve.keys_missing", file=path) from error
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = LINE.fullmatch(line.strip())
        if match is None:
            raise InputError("serve.keys_line", file=path, line=number)  # the line itself may be a key: not repeated
        found[match["digest"]] = match["name"]
    if not found:
        raise InputError("serve.keys_empty", file=path)
    return found


def new_key(file: str, name: str) -> str:
    """Makes a key, writes its hash at the end of `file` and returns the key, which is nowhere else."""
    key = "tm-" + secrets.token_urlsafe(32)
    line = f"{name} sha256:{hashlib.sha256(key.encode()).hexdigest()}\n"
    if LINE.fullmatch(line.strip()) is None:
        raise UsageError("serve.key_name", value=name)
    path = Path(file).expanduser()
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_bytes() if path.exists() else b""
        with path.open("ab") as stream:
            path.chmod(0o600)
            stream.write((b"\n" if before and not before.endswith(b"\n") else b"") + line.encode())
    return key


def is_loopback(host: str) -> bool:
    """True where only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
