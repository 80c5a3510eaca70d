"""The model that is evaluated, with what scores and what writes for it; either is made when it is first asked for."""

from collections.abc import Callable
from dataclasses import dataclass, field

from textmill.evaluate.journal import weights_hash
from textmill.evaluate.likelihood import Scorer
from textmill.infer.engine.engine import Engine
from textmill.infer.resolve import LoadedModel


@dataclass(slots=True, kw_only=True)
class Subject:
    """A loaded model. `name` is how to ask for it again; `make_engine` makes what writes."""

    loaded: LoadedModel
    name: str
    make_engine: Callable[[LoadedModel], Engine]
    precision: str = "auto"
    chat: bool = False
    """Whether it is asked through its chat template."""
    _scorer: Scorer | None = field(default=None)
    _engine: Engine | None = field(default=None)
    _hash: str = ""

    @property
    def scorer(self) -> Scorer:
        """What tells log-probabilities; from now on the model is in its precision."""
        if self._scorer is None:
            self._scorer = Scorer(self.loaded.model, precision=self.precision)
        return self._scorer

    @property
    def engine(self) -> Engine:
        """What writes. Its kernels hold weights of their own, packed from the model as it was loaded."""
        if self._engine is None:
            self._engine = self.make_engine(self.loaded)
        return self._engine

    @property
    def template(self) -> str:
        """Whose chat template it is asked through: "own", "textmill" where the model brings none, "" without."""
        if not self.chat:
            return ""
        return "own" if self.loaded.tokenizer.config.get("chat_template") else "textmill"

    @property
    def hash(self) -> str:
        """The hash of the model's weights."""
        if not self._hash:
            self._hash = weights_hash(self.loaded.folder)
        return self._hash

    @property
    def context(self) -> int:
        """How many tokens the model sees."""
        return self.loaded.model.config.context
