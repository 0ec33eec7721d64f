"""Questions about a text: the part of it that answers best, as the library's own pipeline chose it until it was left out."""

from __future__ import annotations

from typing import Any, List, Tuple

import pyarrow as pa

from . import inputs
from .tokenized import Tokenized

_ANSWER = pa.struct([("score", pa.float64()), ("start", pa.int64()), ("end", pa.int64()), ("answer", pa.string())])
_MOST_TOKENS = 15
_CONTEXT = 1
"""The second text of a pair."""


def best_spans(model: Tokenized, batch: pa.RecordBatch) -> Any:
    """For each question and context: where in the context the answer is, by characters, and how sure."""
    import numpy as np

    if not model.tokenizer.is_fast:
        raise ValueError("the tokenizer does not tell where in a text its tokens are: save it as tokenizer.json")
    contexts = inputs.all_texts(batch)[1]
    found: List[Any] = [None] * batch.num_rows
    for places, tensors, told in model.groups(batch, {}, return_offsets_mapping=True):
        answer = model.answer(tensors)
        for n, place in enumerate(places):
            within = _within(told, place)
            counted = within | (np.array(told["input_ids"][place]) == model.tokenizer.cls_token_id)
            first, last = (
                _shares(x[n].float().numpy(), counted) * within for x in (answer.start_logits, answer.end_logits)
            )
            score, start, end = _best(first, last)
            begins, stops = _characters(told, place, start, end)
            found[place] = {"score": score, "start": begins, "end": stops, "answer": contexts[place][begins:stops]}
    return pa.array(found, _ANSWER)


def _within(told: Any, row: int) -> Any:
    """Which tokens are of the context."""
    import numpy as np

    within = np.array([part == _CONTEXT for part in told.sequence_ids(row)])
    if not within.any():
        raise ValueError("the context has no tokens, so that no part of it can answer")
    return within


def _shares(scores: Any, counted: Any) -> Any:
    """Of the tokens that count, which are those of the context and the word that stands for no answer."""
    import numpy as np

    shifted = np.where(counted, np.exp(scores - scores[counted].max()), 0)
    return shifted / shifted.sum()


def _best(first: Any, last: Any) -> Tuple[float, int, int]:
    import numpy as np

    pairs = np.tril(np.triu(np.outer(first, last)), _MOST_TOKENS - 1)
    start, end = np.unravel_index(int(pairs.argmax()), pairs.shape)
    return float(pairs[start, end]), int(start), int(end)


def _characters(told: Any, row: int, start: int, end: int) -> Any:
    """Whole words, where the tokenizer knows them."""
    offsets = told["offset_mapping"][row]
    first, last = told.token_to_word(row, start), told.token_to_word(row, end)
    if first is None or last is None:
        return offsets[start][0], offsets[end][1]
    return (
        told.word_to_chars(row, first, sequence_index=_CONTEXT)[0],
        told.word_to_chars(row, last, sequence_index=_CONTEXT)[1],
    )
