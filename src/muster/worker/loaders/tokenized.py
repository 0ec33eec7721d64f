"""A model of transformers with its tokenizer: texts of a batch as tensors, and what the model makes of them."""

from __future__ import annotations

import inspect
from typing import Any, Callable, Dict, Iterator, List, Tuple

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

    def __init__(self, torch: Any, tokenizer: Any, model: Any, *, cuts: bool = False) -> None:
        """`cuts`: whether a call can ask for texts to be cut, with the parameter `truncation`."""
        self.torch, self.tokenizer, self.model, self._cuts = torch, tokenizer, model, cuts
        config = model.config
        # Classifiers without a word for padding find the end of a text only where it is alone; those with a decoder look for
        # the word that ends a text, and take no rows together that have different numbers of it.
        alone = getattr(config, "pad_token_id", None) is None or getattr(config, "is_encoder_decoder", False)
        self._at_once = 1 if alone else _AT_ONCE
        self.limit = least(_positions(model), getattr(tokenizer, "model_max_length", None))
        self._takes = inspect.signature(model.forward).parameters
        self._forward = {"use_cache": False} if "use_cache" in self._takes else {}

    @property
    def ends(self) -> bool:
        """Whether the model's own configuration says how much it writes at most; the library's own says 20 of any."""
        config = getattr(self.model, "generation_config", None)
        told = getattr(config, "max_new_tokens", None), getattr(config, "max_length", None)
        return told[0] is not None or told[1] not in (None, _USUAL_LENGTH)

    @property
    def written_at_once(self) -> int:
        """Texts that end early are filled up: where that word is none of the special ones, it would be read as a part of them."""
        own = getattr(self.model, "generation_config", None)
        found = getattr(own, "pad_token_id", None)
        found = getattr(self.model.config, "pad_token_id", None) if found is None else found
        return _AT_ONCE if found in self.tokenizer.all_special_ids else 1

    def groups(
        self,
        batch: pa.RecordBatch,
        params: Dict[str, Any],
        *,
        before: str = "",
        at_once: int | None = None,
        **more: Any,
    ) -> Iterator[Group]:
        """At most so many rows at once, the shortest first; `before` is put before each text."""
        texts = inputs.all_texts(batch)
        if before:
            texts = [[before + text for text in texts[0]], *texts[1:]]
        most = at_once or self._at_once
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
            while stop < len(order) and stop - start < most and lengths[order[stop]] == lengths[order[start]]:
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
        length = tensors["input_ids"].shape[1]
        return self.called(length, lambda: self.model(**tensors, **self._forward))

    def generate(self, tensors: Dict[str, Any], params: Dict[str, Any]) -> Any:
        # Not the parts of a pair, which a model that writes may take for something else.
        given = {n: tensors[n] for n in ("input_ids", "attention_mask") if n in tensors}
        length = tensors["input_ids"].shape[1]
        try:
            return self.called(length, lambda: self.model.generate(**given, **params))
        except (IndexError, RuntimeError) as error:
            begun = 0 if getattr(self.model.config, "is_encoder_decoder", False) else length
            if self.limit is None or begun + self._most(params, begun) <= self.limit:
                raise
            told = (
                "a text has {} tokens, and with those that are written for it more than the {} that the model takes: "
                "ask for fewer with the parameter max_new_tokens"
            )
            raise ValueError(told.format(length, self.limit)) from error

    def _most(self, params: Dict[str, Any], begun: int) -> int:
        """How many tokens may be written."""
        own = getattr(self.model, "generation_config", None)
        most = params.get("max_new_tokens") or getattr(own, "max_new_tokens", None)
        return int(most or (getattr(own, "max_length", None) or _USUAL_LENGTH) - begun)

    def decoded(self, ids: Any, *, tidy: bool | None) -> List[str]:
        """`tidy`: without the blanks before commas and stops that some tokenizers leave; None as the tokenizer says."""
        return self.tokenizer.batch_decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=tidy)

    def called(self, length: int, call: Callable[[], Any]) -> Any:
        """The answer for texts of so many tokens."""
        try:
            with self.torch.no_grad():
                return call()
        except (IndexError, RuntimeError, ValueError) as error:
            if self.limit is None or length <= self.limit:
                raise
            raise too_long(length, self.limit, cuts=self._cuts) from error


def too_long(length: int, limit: int, *, cuts: bool) -> ValueError:
    hint = "cut it, or give the parameter truncation=true" if cuts else "cut it"
    return ValueError(f"a text has {length} tokens, and the model takes {limit}: {hint}")


def least(*limits: Any) -> int | None:
    """Of those that are any."""
    return min((n for n in limits if isinstance(n, int) and 0 < n < _ENDLESS), default=None)


def _positions(model: Any) -> int | None:
    """RoBERTa and its like count from behind the place of padding, so that they have fewer than they are said to have."""
    told = getattr(model.config, "max_position_embeddings", None)
    if not isinstance(told, int):
        return None
    for name, part in model.named_modules():
        first = getattr(part, "padding_idx", None)
        if name.endswith("position_embeddings") and isinstance(first, int):
            return told - first - 1
    return told
