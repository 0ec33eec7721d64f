"""`config.json`: what a model is for, and how it names its classes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from muster.signature import Json, Task

__all__ = ["ARCHITECTURES", "Config", "Labels", "read_json"]

ARCHITECTURES: Mapping[str, str] = {
    "ForSequenceClassification": "text-classification",
    "ForTokenClassification": "token-classification",
    "ForQuestionAnswering": "question-answering",
    "ForMaskedLM": "fill-mask",
    "ForCausalLM": "text-generation",
    "LMHeadModel": "text-generation",
    "ForConditionalGeneration": "text2text-generation",
    "ForSeq2SeqLM": "text2text-generation",
    "MTModel": "text2text-generation",
    "EncoderDecoderModel": "text2text-generation",
    "Model": "feature-extraction",
}
"""The end of an architecture's name → what its pipeline does, as transformers calls it; the first that fits."""

_MOST_BYTES = 64 << 20
_MOST_LABELS = 1 << 20
_USUAL_LABELS = 2
_MULTILABEL, _REGRESSION = "multi_label_classification", "regression"
_PROBLEMS = ("single_label_classification", _MULTILABEL, _REGRESSION)

_ACTIVATIONS: Mapping[str, bool] = {
    "torch.nn.modules.linear.Identity": False,
    "torch.nn.modules.activation.Sigmoid": True,
    "torch.nn.Identity": False,
    "torch.nn.Sigmoid": True,
}
"""Whether the number goes through a sigmoid."""
_ENDS = ("torch.nn.Identity", "torch.nn.Sigmoid")


@dataclass(frozen=True, slots=True)
class Labels:
    """What a classifier's numbers are: `names` in order, or 0, 1, … where it has none.

    `sigmoid`: one number that the pipeline puts through it, since nothing says that it is a value of its own.
    """

    task: Task
    names: tuple[str | int, ...]
    sigmoid: bool = False

    @property
    def named(self) -> tuple[str, ...]:
        return tuple(n for n in self.names if isinstance(n, str))


@dataclass(frozen=True, slots=True)
class Config:
    """The document, and what was found wrong with it."""

    body: Mapping[str, Json]
    wrong: list[str] = field(default_factory=list)

    @property
    def architecture(self) -> str | None:
        told = self.body.get("architectures")
        first = told[0] if isinstance(told, list) and told else None
        return first if isinstance(first, str) else None

    @property
    def version(self) -> str | None:
        """Of the library that wrote it."""
        told = self.body.get("transformers_version")
        return told if isinstance(told, str) else None

    def kind(self) -> str | None:
        """What the pipeline of its architecture does; None, and what is wrong is noted, if Muster does not run it."""
        name = self.architecture
        if name is None:
            self.wrong.append("its config.json names no architecture, so that nothing tells what the model is for")
            return None
        # The encoder-decoders of pictures and sound end as that of texts does.
        found = next((k for end, k in ARCHITECTURES.items() if name.endswith(end)), None)
        if found is None or name.startswith(("Vision", "Speech")):
            ends = ", ".join(f"…{end}" for end in ARCHITECTURES)
            self.wrong.append(f"its architecture is `{name}`, and Muster runs those of texts: {ends}")
            return None
        return found

    def labels(self) -> Labels:
        """Of a classifier of texts."""
        names, problem = self._names(), self.body.get("problem_type")
        if problem is not None and problem not in _PROBLEMS:
            self.wrong.append(f"its problem_type is {problem!r}, which is none of {', '.join(_PROBLEMS)}")
        if problem == _MULTILABEL:
            return Labels("multilabel", names)
        if len(names) == 1:
            return Labels("regression", names, sigmoid=self._sigmoid(problem))
        if problem == _REGRESSION:
            return Labels("multioutput", names)
        return Labels("binary" if len(names) == 2 else "multiclass", names)

    @property
    def activation(self) -> str | None:
        """What becomes of its one number, as a cross-encoder of sentence-transformers names it; no code of its own, as there."""
        told = self.body.get("sentence_transformers")
        own = told.get("activation_fn") if isinstance(told, dict) else None
        own = self.body.get("sbert_ce_default_activation_function") if own is None else own
        return own if isinstance(own, str) and own.startswith("torch.") else None

    def _sigmoid(self, problem: Json) -> bool:
        named = self.activation
        if named is None:
            return problem != _REGRESSION
        if named not in _ACTIVATIONS:
            self.wrong.append(f"its activation_fn is `{named}`, and Muster runs those of {', '.join(_ENDS)}")
        return _ACTIVATIONS.get(named, False)

    def _names(self) -> tuple[str | int, ...]:
        """In the order of the numbers; as 0, 1, … where they are the library's own LABEL_0, LABEL_1, …, which it need not write."""
        told, count = self.body.get("id2label"), self.body.get("num_labels")
        if told is None:
            if count is not None and (not isinstance(count, int) or not 0 < count < _MOST_LABELS):
                self.wrong.append(f"the num_labels of its config.json is {count!r}")
                return ()
            return tuple(range(count or _USUAL_LABELS))
        names = [told.get(str(i)) for i in range(len(told))] if isinstance(told, dict) else []
        if not names or not all(isinstance(n, (str, int, float)) for n in names):
            self.wrong.append("the id2label of its config.json does not name a label for each of 0, 1, …")
            return ()
        texts = [str(n) for n in names]
        if twice := sorted({t for t in texts if texts.count(t) > 1}):
            self.wrong.append(
                f"the id2label of its config.json names several labels {', '.join(f'`{t}`' for t in twice)}"
            )
        if texts in ([f"LABEL_{i}" for i in range(len(texts))], [str(i) for i in range(len(texts))]):
            return tuple(range(len(texts)))
        return tuple(texts)


def read_json(file: Path, wrong: list[str]) -> dict[str, Json]:
    """The object in the file; empty, and noted, if it holds none."""
    if file.stat().st_size > _MOST_BYTES:
        wrong.append(f"its {file.name} has more than {_MOST_BYTES >> 20} MiB")
        return {}
    try:
        body: Json = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        wrong.append(f"its {file.name} is no JSON object")
        return {}
    return body
