"""Run settings: frozen dataclasses, one a section, that check themselves; their words: i18n/catalog/settings.toml.

Every setting is given in `textmill.toml`, as ``TEXTMILL_SECTION__NAME`` or as ``--section.name value``; later wins
(see `textmill.settings_sources`). A setting whose default is 0 or "" and says so is chosen by Textmill.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from textmill.config_preference import DistillSettings, GrpoSettings, PreferenceSettings
from textmill.config_sentiment import SentimentSettings
from textmill.config_tune import TuneSettings
from textmill.setting_values import Section, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusSettings(Section):
    """From files to documents."""

    validation_share: float = setting(0.01, minimum=0, maximum=0.5)
    validation_folder: str = setting("held_out")
    language: str = setting("")
    extraction: str = setting("fast", choices=("fast", "quality", "union", "everything"))
    text_field: str = setting("text")
    title_field: str = setting("")
    url_field: str = setting("")
    date_field: str = setting("")
    language_field: str = setting("")
    licence_field: str = setting("")
    authors: str = setting("pseudonym", choices=("pseudonym", "number", "keep"))
    repair: bool = setting(False)
    personal: str = setting("keep", choices=("keep", "mask"))
    phone_regions: str = setting("")
    minimum_characters: int = setting(1, minimum=1)
    maximum_document_megabytes: float = setting(64.0, minimum=0.001)
    maximum_download_gigabytes: float = setting(20.0, minimum=0.001)
    hold_out_splits: bool = setting(False)
    maximum_archive_gigabytes: float = setting(100.0, minimum=0.000001)
    maximum_control_share: float = setting(0.02, minimum=0, maximum=1)
    split_characters: int = setting(20_000, minimum=0)
    deduplicate: bool = setting(True)
    workers: int = setting(0, minimum=0)
    document_seconds: float = setting(30.0, minimum=0.1)
    worker_memory_gigabytes: float = setting(4.0, minimum=0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlSettings(Section):
    """How pages are fetched."""

    contact: str = setting("")
    pages: int = setting(1000, minimum=1)
    depth: int = setting(8, minimum=0)
    minutes: float = setting(0.0, minimum=0)
    total_megabytes: float = setting(1000.0, minimum=0.001)
    page_megabytes: float = setting(10.0, minimum=0.001, maximum=1000)
    delay_seconds: float = setting(1.0, minimum=0)
    timeout_seconds: float = setting(30.0, minimum=0.1)
    connections: int = setting(8, minimum=1, maximum=256)
    pages_per_pattern: int = setting(500, minimum=1)
    other_hosts: bool = setting(False)
    sitemaps: bool = setting(True)


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanSettings(Section):
    """Which documents stay, and what is mended in them."""

    rules: str = setting("none", choices=("none", "light", "gopher", "c4", "fineweb"))
    thresholds: tuple[str, ...] = setting(())
    languages: tuple[str, ...] = setting(())
    minimum_language_confidence: float = setting(0.0, minimum=0, maximum=1)
    blocked_addresses: tuple[str, ...] = setting(())
    blocked_words: tuple[str, ...] = setting(())
    unicode: str = setting("keep", choices=("keep", "NFC", "NFKC"))
    chinese: str = setting("keep", choices=("keep", "simplified", "traditional"))
    quality_model: str = setting("")
    minimum_quality: float = setting(0.0, minimum=0, maximum=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicatesSettings(Section):
    """What counts as there twice."""

    near: bool = setting(True)
    threshold: float = setting(0.8, minimum=0.3, maximum=1)
    keep: str = setting("longest", choices=("longest", "first"))
    permutations: int = setting(128, minimum=16, maximum=1024)
    word_ngram: int = setting(5, minimum=1, maximum=64)
    character_ngram: int = setting(5, minimum=1, maximum=64)
    paragraphs: bool = setting(False)
    paragraph_bytes: int = setting(100, minimum=1)
    lines: int = setting(0, minimum=0)
    against: tuple[str, ...] = setting(())


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings(Section):
    """Where a corpus is built."""

    executor: str = setting("local", choices=("local", "datatrove", "slurm", "ray"))
    tasks: int = setting(0, minimum=0)
    at_once: int = setting(0, minimum=0)
    cpus: int = setting(1, minimum=1)
    memory_gigabytes: int = setting(4, minimum=1)
    partition: str = setting("")
    qos: str = setting("")
    time: str = setting("24:00:00")
    submit: bool = setting(True)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecontaminateSettings(Section):
    """Which evaluation sets the text must not have."""

    sets: tuple[str, ...] = setting(())
    action: str = setting("drop", choices=("drop", "cut"))
    margin: int = setting(200, minimum=0)
    word_ngram: int = setting(13, minimum=1, maximum=64)
    character_ngram: int = setting(20, minimum=1, maximum=64)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerSettings(Section):
    """From documents to tokens."""

    vocabulary_size: int = setting(8192, minimum=300, maximum=1_000_000)
    training_megabytes: float = setting(16.0, minimum=0.001)
    minimum_frequency: int = setting(2, minimum=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MixSettings(Section):
    """How often each document is trained on."""

    weights: tuple[str, ...] = setting(())
    seed: int = setting(0, minimum=0)
    later_from: int = setting(0, minimum=0)
    later_weights: tuple[str, ...] = setting(())


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings(Section):
    """The shape of a new model."""

    preset: str = setting("modern", choices=("modern", "classic"))
    layers: int = setting(6, minimum=1)
    width: int = setting(256, minimum=8)
    heads: int = setting(4, minimum=1)
    kv_heads: int = setting(0, minimum=0)
    feed_forward: int = setting(0, minimum=0)
    context: int = setting(256, minimum=8)
    positions: str = setting("", choices=("", "rope", "learned", "sinusoidal", "alibi", "none"))
    look_back: bool = setting(True)
    dropout: float = setting(0.0, minimum=0, maximum=0.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings(Section):
    """How a run trains."""

    seed: int = setting(0, minimum=0)
    steps: int = setting(1000, minimum=1)
    batch_tokens: int = setting(8192, minimum=8)
    micro_batch: int = setting(0, minimum=0)
    optimizer: str = setting("muon", choices=("muon", "adamw", "adafactor"))
    learning_rate: float = setting(0.0, minimum=0)
    matrix_learning_rate: float = setting(0.01, minimum=0)
    embedding_learning_rate: float = setting(0.0, minimum=0)
    weight_decay: float = setting(0.1, minimum=0)
    cautious_decay: bool = setting(False)
    beta1: float = setting(0.9, minimum=0, maximum=0.9999)
    beta2: float = setting(0.95, minimum=0, maximum=0.99999)
    schedule: str = setting("stable", choices=("stable", "linear", "cosine"))
    warmup: float = setting(0.02, minimum=0, maximum=1)
    decay: float = setting(0.5, minimum=0, maximum=1)
    final_learning_rate: float = setting(0.0, minimum=0, maximum=1)
    clip: float = setting(1.0, minimum=0)
    z_loss: float = setting(0.0, minimum=0, maximum=1)
    batch_warmup_tokens: int = setting(0, minimum=0)
    token_masking: float = setting(0.0, minimum=0, maximum=0.9)
    average: float = setting(0.0, minimum=0, maximum=0.99999)
    skip_spikes: float = setting(6.0, minimum=0)
    statistics_every: int = setting(0, minimum=0)
    stall_seconds: float = setting(1800.0, minimum=0)
    profile_step: int = setting(0, minimum=0)
    profile_steps: int = setting(3, minimum=1, maximum=100)
    activation_checkpointing: bool = setting(False)
    precision: str = setting("auto", choices=("auto", "bf16", "fp32", "fp64"))
    float8: bool = setting(False)
    native: str = setting("auto", choices=("auto", "on", "off"))
    compile: str = setting("auto", choices=("auto", "on", "off"))
    threads: int = setting(0, minimum=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelSettings(Section):
    """How a run is divided among the processes that torchrun started."""

    data: int = setting(0, minimum=0)
    shard: int = setting(1, minimum=1)
    tensor: int = setting(1, minimum=1)
    context: int = setting(1, minimum=1)
    pipeline: int = setting(1, minimum=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSettings(Section):
    """When a run saves and what it keeps."""

    every: int = setting(250, minimum=1)
    keep: int = setting(2, minimum=1)
    keep_every: int = setting(0, minimum=0)
    in_background: bool = setting(True)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateSettings(Section):
    """What is measured while a run trains."""

    every: int = setting(250, minimum=1)
    tokens: int = setting(32768, minimum=1)
    sample_every: int = setting(250, minimum=0)
    sample_tokens: int = setting(48, minimum=1)
    sample_prompts: tuple[str, ...] = setting(("One morning", "一天早上"))  # text data
    suites: tuple[str, ...] = setting(())
    suite_files: str = setting("")
    suite_items: int = setting(200, minimum=1)
    suite_every: int = setting(1000, minimum=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateSettings(Section):
    """How a model writes."""

    temperature: float = setting(0.8, minimum=0, maximum=100)
    top_k: int = setting(0, minimum=0)
    top_p: float = setting(0.95, minimum=0, maximum=1)
    min_p: float = setting(0.0, minimum=0, maximum=1)
    repetition_penalty: float = setting(1.0, minimum=0.01, maximum=100)
    max_tokens: int = setting(200, minimum=1)
    seed: int = setting(-1, minimum=-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings(Section):
    """How a model is offered over HTTP."""

    host: str = setting("127.0.0.1")
    port: int = setting(8000, minimum=0, maximum=65535)
    name: str = setting("")
    weights: str = setting("auto", choices=("auto", "fp32", "bf16", "int8", "int4"))
    cache_tokens: int = setting(0, minimum=0)
    at_once: int = setting(16, minimum=1, maximum=1024)
    keys: str = setting("")
    cors: tuple[str, ...] = setting(())
    queue: int = setting(256, minimum=0)
    queue_per_key: int = setting(64, minimum=1)
    samples: int = setting(16, minimum=1, maximum=128)
    tokens: int = setting(0, minimum=0)
    body_megabytes: float = setting(8.0, minimum=0.001, maximum=1000)
    request_seconds: float = setting(600.0, minimum=0.1)
    read_seconds: float = setting(30.0, minimum=0.1)
    drain_seconds: float = setting(30.0, minimum=0)
    connections: int = setting(1024, minimum=1)
    responses: int = setting(1000, minimum=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All sections."""

    corpus: CorpusSettings = field(default_factory=CorpusSettings)
    crawl: CrawlSettings = field(default_factory=CrawlSettings)
    clean: CleanSettings = field(default_factory=CleanSettings)
    duplicates: DuplicatesSettings = field(default_factory=DuplicatesSettings)
    run: RunSettings = field(default_factory=RunSettings)
    decontaminate: DecontaminateSettings = field(default_factory=DecontaminateSettings)
    tokenizer: TokenizerSettings = field(default_factory=TokenizerSettings)
    mix: MixSettings = field(default_factory=MixSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    parallel: ParallelSettings = field(default_factory=ParallelSettings)
    checkpoint: CheckpointSettings = field(default_factory=CheckpointSettings)
    evaluate: EvaluateSettings = field(default_factory=EvaluateSettings)
    generate: GenerateSettings = field(default_factory=GenerateSettings)
    serve: ServeSettings = field(default_factory=ServeSettings)
    tune: TuneSettings = field(default_factory=TuneSettings)
    preference: PreferenceSettings = field(default_factory=PreferenceSettings)
    grpo: GrpoSettings = field(default_factory=GrpoSettings)
    distill: DistillSettings = field(default_factory=DistillSettings)
    sentiment: SentimentSettings = field(default_factory=SentimentSettings)

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """Returns {section: {name: value}}, ready for JSON."""
        return dataclasses.asdict(self)

    def replace(self, values: dict[str, Any]) -> "Settings":
        """Returns a copy with {"section.name": value} changed; each changed section checks itself."""
        sections: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            section, _, key = name.partition(".")
            sections.setdefault(section, {})[key] = value
        return dataclasses.replace(
            self,
            **{section: dataclasses.replace(getattr(self, section), **change) for section, change in sections.items()},
        )


SECTIONS: dict[str, type] = {item.name: item.default_factory for item in dataclasses.fields(Settings)}  # type: ignore[misc]


def all_settings() -> dict[str, dataclasses.Field]:
    """Returns {"section.name": field} for every setting there is, in the order of the file."""
    return {f"{name}.{item.name}": item for name, kind in SECTIONS.items() for item in dataclasses.fields(kind)}


def value_type(name: str) -> Any:
    """Returns the type of the setting "section.name": int, float, str, bool or tuple[str, ...]."""
    section, _, key = name.partition(".")
    return get_type_hints(SECTIONS[section])[key]
