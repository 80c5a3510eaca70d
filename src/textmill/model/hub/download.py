"""Models from a Hugging Face hub: `hf:OWNER/NAME` or `hf:OWNER/NAME@REVISION` to a folder on this machine.

huggingface_hub does the transfer: it resumes, keeps a cache, and honours the usual variables (HF_TOKEN, HF_ENDPOINT,
HF_HUB_OFFLINE, HF_HOME). Only safetensors, configuration, tokenizer and licence files are taken, never code and never
pickles. What arrives is held against the SHA-256 that the hub names for it.
"""

import os
import re
from pathlib import Path
from typing import Any

from textmill.errors import ModelError
from textmill.files import sha256_file

PREFIX = "hf:"
NAME = re.compile(r"hf:([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")
PATTERNS = (
    "config.json", "generation_config.json", "model*.safetensors", "model*.safetensors.index.json", "tokenizer.json",
    "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "*.jinja", "vocab.json", "merges.txt",
    "tokenizer.model", "README.md", "LICENSE*",
)  # fmt: skip
GATED, MISSING = (401, 403), 404


def download(reference: str) -> Path:
    """Returns the folder of the hub's model `hf:OWNER/NAME[@REVISION]`, downloading what is not in the cache yet.

    Raises ModelError that says what to do: the model is not there, needs a token, or the hub cannot be reached.
    """
    found = NAME.fullmatch(reference)
    if not found:
        raise ModelError("hub.reference", value=reference)
    name, revision = found[1], found[2]
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    endpoint = os.environ.get("HF_ENDPOINT") or None
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    values = {"name": name, "endpoint": endpoint or "https://huggingface.co"}
    try:
        folder = Path(snapshot_download(name, revision=revision, endpoint=endpoint, allow_patterns=list(PATTERNS)))
        if not offline():
            information = HfApi(endpoint=endpoint).model_info(name, revision=revision, files_metadata=True)
            _check(folder, information.siblings or [], name)
    except HfHubHTTPError as error:
        raise _refused(error, values) from error
    except LocalEntryNotFoundError as error:
        raise ModelError("hub.offline" if offline() else "hub.unreachable", **values) from error
    except HFValidationError as error:
        raise ModelError("hub.reference", value=reference) from error
    except OSError as error:
        raise ModelError("hub.unreachable", **values) from error
    return folder


def offline() -> bool:
    """True when the environment says that the hub must not be asked."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def _refused(error: Any, values: dict[str, str]) -> ModelError:
    status = getattr(getattr(error, "response", None), "status_code", 0)
    if status in GATED:
        return ModelError("hub.gated", **values)
    if status == MISSING:
        return ModelError("hub.not_there", **values)
    return ModelError("hub.refused", status=status, **values)


def _check(folder: Path, files: list[Any], name: str) -> None:
    """Holds the large files against the sums that the hub names; a file that differs is removed from the cache."""
    for file in files:
        path = folder / file.rfilename
        expected = getattr(file.lfs, "sha256", None) if file.lfs else None
        if expected and path.is_file() and sha256_file(path) != expected:
            path.resolve().unlink()
            path.unlink(missing_ok=True)
            raise ModelError("hub.sum", name=name, file=file.rfilename)
