"""What models and datasets share when they come from a Hugging Face hub.

huggingface_hub does the transfer: it resumes, keeps a cache, and honours the usual variables (HF_TOKEN, HF_ENDPOINT,
HF_HUB_OFFLINE, HF_HOME). What arrives is held against the SHA-256 that the hub names for it. Each kind of thing has its
own words for the same mishaps: an area of the catalogue with ``gated, not_there, refused, offline, unreachable, sum``.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from textmill.errors import UserError
from textmill.files import sha256_file

PREFIX = "hf:"
GATED, MISSING = (401, 403), 404
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
