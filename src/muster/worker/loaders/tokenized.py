"""A model of transformers with its tokenizer: texts of a batch as tensors, and what the model makes of them."""

from __future__ import annotations

import inspect
from typing import Any, Dict, Iterator, List, Tuple

import pyarrow as pa

from . import inputs

_AT_ONCE = 32
_USUAL_LENGTH = 20
_ENDLESS = 1 << 24
"""Tokenizers say about this much, and more, where there is no limit."""

Group = Tuple[List[int], Dict[str, Any], Any]
"""Rows by their places, their tensors, and the encoding of the whole batch."""


class Tokenized:
    """Rows of one length go together, so that nothing is padded: an answer does not depend on the rows beside it."""

    def __init__(self, torch: Any, tokenizer: Any, model: Any) -> None:
        self.torch, self.tokenizer, self.model = torch, tokenizer, model
        config = model.config
        # Classifiers without a word for padding find the end of a text only where it is alone.
        self._at_once = _AT_ONCE if getattr(config, "pad_token_id", None) is not None else 1
        told = [getattr(config, "max_position_embeddings", None), getattr(tokenizer, "model_max_length", None)]
        self.limit = min((n for n in told if isinstance(n, int) and 0 < n < _ENDLESS), default=None)
        self._takes = inspect.signature(model.forward).parameters
        self._forward = {"use_cache": False} if "use_cache" in self._takes else {}

    @property
    def ends(self) -> bool:
        """Whether the model's own configuration says how much it writes at most; the library's own says 20 of any."""
        config = getattr(self.model, "generation_config", None)
        told = getattr(config, "max_new_tokens", None), getattr(config, "max_length", None)
        return told[0] is not None or told[1] not in (None, _USUAL_LENGTH)

    def groups(self, batch: pa.RecordBatch, params: Dict[str, Any], **more: Any) -> Iterator[Group]:
        """At most so many rows at once, the shortest first."""
        texts = inputs.all_texts(batch)
        if not batch.num_rows:
            return
        cut = bool(params.get("truncation"))
        told = self.tokenizer(*texts, truncation=cut, **({"max_length": self.limit} if cut else {}), **more)
        lengths = [len(ids) for ids in told["input_ids"]]
        if 0 in lengths:
            raise ValueError("a text has no tokens, and the model takes one or more")
        order = sorted(range(batch.num_rows), key=lengths.__getitem__)
        start = 0
        while start < len(order):
            stop = start + 1
            while stop < len(order) and stop - start < self._at_once and lengths[order[stop]] == lengths[order[start]]:
                stop += 1
            places = order[start:stop]
            names = [n for n in self.tokenizer.model_input_names if n in told and n in self._takes]
            yield places, {n: self.torch.tensor([told[n][i] for i in places]) for n in names}, told
            start = stop

    def answers(self, batch: pa.RecordBatch, params: Dict[str, Any]) -> Iterator[Group]:
        """With the model's answer in place of the encoding."""
        for places, tensors, _ in self.groups(batch, params):
            yield places, tensors, self.answer(tensors)

    def answer(self, tensors: Dict[str, Any]) -> Any:
        return self._called(tensors, lambda: self.model(**tensors, **self._forward))

    def generate(self, tensors: Dict[str, Any], params: Dict[str, Any]) -> Any:
        # Not the parts of a pair, which a model that writes may take for something else.
        given = {n: tensors[n] for n in ("input_ids", "attention_mask") if n in tensors}
        return self._called(tensors, lambda: self.model.generate(**given, **params))

    def decoded(self, ids: Any, *, tidy: bool | None) -> List[str]:
        """`tidy`: without the blanks before commas and stops that some tokenizers leave; None as the tokenizer says."""
        return self.tokenizer.batch_decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=tidy)

    def _called(self, tensors: Dict[str, Any], call: Any) -> Any:
        try:
            with self.torch.no_grad():
                return call()
        except (IndexError, RuntimeError, ValueError) as error:
            length = tensors["input_ids"].shape[1]
            if self.limit is None or length <= self.limit:
                raise
            told = f"a text has {length} tokens, and the model takes {self.limit}: cut it, or give the parameter truncation=true"
            raise ValueError(told) from error
