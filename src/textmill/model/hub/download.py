"""Models from a Hugging Face hub: `hf:OWNER/NAME` or `hf:OWNER/NAME@REVISION` to a folder on this machine.

How a hub is asked stands in `textmill.hub`. Only safetensors, configuration, tokenizer and licence files are taken,
never code and never pickles.
"""

import re
from pathlib import Path

from textmill.errors import ModelError
from textmill.hub import PREFIX as PREFIX
from textmill.hub import check_sum, endpoint, hub_errors, offline, sum_of

NAME = re.compile(r"hf:([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")
PATTERNS = (
    "config.json", "generation_config.json", "model*.safetensors", "model*.safetensors.index.json", "tokenizer.json",
    "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "*.jinja", "vocab.json", "merges.txt",
    "tokenizer.model", "*.tiktoken", "README.md", "LICENSE*",
)  # fmt: skip


def download(reference: str) -> Path:
    """Returns the folder of the hub's model `hf:OWNER/NAME[@REVISION]`, downloading what is not in the cache yet.

    Raises ModelError that says what to do: the model is not there, needs a token, or the hub cannot be reached.
    """
    found = NAME.fullmatch(reference)
    if not found:
        raise ModelError("hub.reference", value=reference)
    name, revision, at = found[1], found[2], endpoint()
    from huggingface_hub import HfApi, snapshot_download

    with hub_errors(ModelError, "hub", name, reference):
        folder = Path(snapshot_download(name, revision=revision, endpoint=at, allow_patterns=list(PATTERNS)))
        if not offline():
            information = HfApi(endpoint=at).model_info(name, revision=revision, files_metadata=True)
            for file in information.siblings or []:
                check_sum(folder / file.rfilename, sum_of(file), ModelError, "hub", name, file.rfilename)
    return folder
