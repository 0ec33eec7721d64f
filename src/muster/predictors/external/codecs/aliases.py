"""What servers call things, without case, blanks and underscores; likelier names first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["AFFIXES", "CLASSES", "LABELS", "RAW", "ROWS", "SCORES", "VALUES", "named", "plain"]

ROWS = ("predictions", "outputs", "output", "results", "result", "prediction", "response", "data", "body")
"""Members of a document that lead to its rows."""

LABELS = (
    *("predictedlabel", "scoredlabels", "predictedclass", "outputlabel", "prediction", "label", "class"),
    *("predictedlabels", "labels", "predictions", "predict", "classlabel", "output", "result", "winner"),
)

SCORES = (
    *("probabilities", "scoredprobabilities", "classprobabilities", "predictproba", "probas", "proba"),
    *("outputprobability", "probs", "scores", "probability", "softmax", "score", "confidences"),
)

VALUES = (
    *("prediction", "predictedvalue", "score", "value", "scoredlabels", "predictedscore", "predictedlabel"),
    *("predictions", "predict", "output", "result", "variable", "yhat", "forecast", "ypred", "y"),
)

CLASSES = ("classes", "labels", "classnames", "displaynames", "classlabels", "categories")
"""Columns that name the classes of the numbers beside them, row by row."""

AFFIXES = (
    *(("Probability_", ""), ("probability_", ""), ("probability(", ")"), ("predict_proba_", ""), ("proba_", "")),
    *(("prob_", ""), ("p_", ""), ("P(", ")"), ("Scored Probabilities_", ""), ('Scored Probabilities for Class "', '"')),
    *(("", "_proba"), ("", "_probability"), ("", "_prob"), ("", "_probs"), ("", "_score")),
)
"""What stands before and after the name of a class in the name of its column."""

RAW = ("rawscore", "rawscores", "margin", "margins", "logit", "logits", "decisionfunction", "logodds", "logprobs")
"""Names of numbers that are no probabilities, wherever they lie."""

_FILL = re.compile(r"[\s_\-.]+")


def plain(name: str) -> str:
    return _FILL.sub("", name).casefold()


def named(names: Iterable[str], aliases: Sequence[str]) -> list[str]:
    """Those that are aliases, likelier ones first."""
    names = list(names)
    after = _after_the_target(names)
    found = [(aliases.index(p), n) for n in names if (p := after.get(n) or plain(n)) in aliases]
    return [n for _, n in sorted(found, key=lambda pair: pair[0])]


def _after_the_target(names: Sequence[str]) -> dict[str, str]:
    """What BigQuery ML calls by the name of the target: `predicted_price`, or with it `price_probs` and `price_values`."""
    targets = [n.removeprefix("predicted_") for n in names if n.startswith("predicted_") and plain(n) not in LABELS]
    if len(targets) != 1:
        return {}
    (target,) = targets
    called = {f"{target}_probs": "probabilities", f"{target}_values": "classes"}
    return {f"predicted_{target}": "predictedlabel", **called}
