"""What models and datasets share when they come from a Hugging Face hub.

huggingface_hub does the transfer: it goes on after a broken line, keeps a cache, and honours the usual variables
(HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE, HF_HOME). Its newer versions begin a file anew when the process was killed;
`fetch_large` goes on from what had arrived. All that arrives is held against the SHA-256 that the hub names for it.
Each kind of thing has its own words for the same mishaps: an area of the catalogue with ``gated, not_there, refused,
offline, unreachable, sum``.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from textmill.errors import UserError
from textmill.files import sha256_file

PREFIX = "hf:"
GATED, MISSING = (401, 403), 404
PART, LARGE = ".textmill-part", 10 << 20
"""The end of the name of a file that has arrived in part; what is smaller than LARGE bytes is not kept in part."""
HUB = "https://huggingface.co"


def endpoint() -> str | None:
    """Returns the hub that HF_ENDPOINT names, or None for the usual one; telemetry is off before the library loads."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    return os.environ.get("HF_ENDPOINT") or None


def offline() -> bool:
    """True when the environment says that the hub must not be asked."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


@contextmanager
def hub_errors(kind: type[UserError], area: str, name: str, reference: str) -> Iterator[None]:
    """Turns what goes wrong with a hub into one clear error of `kind`, in the words of the catalogue's `area`.

    The library's transport is httpx or requests, by its version; httpx's failures are no OSError but a TransportError.
    """
    values = {"name": name, "endpoint": endpoint() or HUB}
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        yield
    except HfHubHTTPError as error:
        raise _refused(kind, area, error, values) from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        raise kind(f"{area}.offline" if offline() else f"{area}.unreachable", **values) from error
    except HFValidationError as error:
        raise kind(f"{area}.reference", value=reference) from error
    except Exception as error:
        if not isinstance(error, OSError) and not any(cls.__name__ == "TransportError" for cls in type(error).__mro__):
            raise
        raise kind(f"{area}.unreachable", **values) from error


def _refused(kind: type[UserError], area: str, error: Any, values: dict[str, str]) -> UserError:
    status = getattr(getattr(error, "response", None), "status_code", 0)
    if status in GATED:
        return kind(f"{area}.gated", **values)
    if status == MISSING:
        return kind(f"{area}.not_there", **values)
    return kind(f"{area}.refused", status=status, **values)


def fetch_large(name: str, file: str, size: int, *, commit: str, kind: str = "model") -> None:
    """Brings a file of `size` bytes into the library's cache, from the byte on to which a killed process had come.

    Small files and what is there already are left to the library, which finds in its cache what is brought here: it
    lies under the name that the hub has for its content.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import http_get, repo_folder_name

    if size < LARGE:
        return
    url = hf_hub_url(name, file, repo_type=kind, revision=commit, endpoint=endpoint())
    about = get_hf_file_metadata(url)
    if not about.etag or not about.size:
        return
    blob = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=name, repo_type=kind) / "blobs" / about.etag
    part = blob.with_name(blob.name + PART)
    if blob.exists():
        return
    part.parent.mkdir(parents=True, exist_ok=True)
    with open(part, "ab") as out:
        _wait_for(out)
        if not blob.exists():
            if out.tell() > about.size:
                out.truncate(0)
            http_get(
                about.location, out, resume_size=out.tell(), headers=_headers(url, about.location),
                expected_size=about.size, displayed_filename=file,
            )  # fmt: skip
            out.flush()
            os.replace(part, blob)
    part.unlink(missing_ok=True)


def _wait_for(file: BinaryIO) -> None:
    """Waits until no other process writes to the file; a killed one does not."""
    if sys.platform != "win32":
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0, os.SEEK_END)


def _headers(url: str, location: str) -> dict[str, str]:
    """Returns the headers of a request; the token goes to the hub itself only, not to where it keeps its files."""
    from huggingface_hub.utils import build_hf_headers

    headers = build_hf_headers()
    if urlsplit(url).netloc != urlsplit(location).netloc:
        headers.pop("authorization", None)
    return headers


def check_sum(path: Path, expected: str | None, kind: type[UserError], area: str, name: str, file: str) -> None:
    """Holds a file of the cache against the sum that the hub names; one that differs is removed and refused."""
    if expected and path.is_file() and sha256_file(path) != expected:
        path.resolve().unlink()
        path.unlink(missing_ok=True)
        raise kind(f"{area}.sum", name=name, file=file)


def sum_of(file: Any) -> str | None:
    """Returns the SHA-256 that the hub names for a file of its listing; None for small files, which have none."""
    lfs = getattr(file, "lfs", None)
    return getattr(lfs, "sha256", None) if lfs else None
