"""Models of texts from a folder of Hugging Face. Nothing is fetched from a hub, and no code that came with a model is run."""

from __future__ import annotations

import importlib
import inspect
import os
from typing import Any, Callable, Dict, List

import pyarrow as pa

from . import inputs
from .answers import Columns, columns_of
from .loaded import Loaded
from .questions import best_spans
from .tokenized import Tokenized, least, too_long

_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "DISABLE_SAFETENSORS_CONVERSION": "1",
}
_CLASSES = {
    "text-classification": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
    "question-answering": "AutoModelForQuestionAnswering",
    "fill-mask": "AutoModelForMaskedLM",
    "text-generation": "AutoModelForCausalLM",
    "text2text-generation": "AutoModelForSeq2SeqLM",
    "feature-extraction": "AutoModel",
}
_CUT = ("text-classification", "feature-extraction", "text2text-generation")
"""Tasks with the parameter `truncation`."""
_TOKENS = pa.list_(
    pa.struct(
        [
            ("entity", pa.string()),
            ("score", pa.float64()),
            ("index", pa.int64()),
            ("word", pa.string()),
            ("start", pa.int64()),
            ("end", pa.int64()),
        ]
    )
)
_FILLED = pa.list_(
    pa.struct([("score", pa.float64()), ("token", pa.int64()), ("token_str", pa.string()), ("sequence", pa.string())])
)
_SENTENCES_AT_ONCE = 32
_MOST_WRITTEN = 256
"""Tokens, as the library's own pipeline has it, where the model does not say when to end."""

Make = Callable[[Tokenized, Dict[str, Any]], Callable[[pa.RecordBatch, Dict[str, Any]], Any]]


def load_transformers(spec: Dict[str, Any], folder: str) -> Loaded:
    """`task`; of a classifier the number of its `labels`, its `classes`, whether these are `multilabel`, and whether one goes
    through a `sigmoid`.
    """
    task = spec["task"]
    tokenized = _opened(task, os.path.abspath(folder))
    ask = _MAKERS[task](tokenized, spec)
    output = "logits" if "classes" in spec else "predict"

    def answer(batch: pa.RecordBatch, params: Dict[str, Any], _wanted: List[str]) -> Columns:
        return columns_of(output, ask(batch, params))

    return Loaded(answer, [output], input="arrow", **_facts(spec))


def _facts(spec: Dict[str, Any]) -> Dict[str, Any]:
    if "classes" in spec:
        return {
            "kind": "classifier",
            "classes": spec["classes"],
            "multilabel": bool(spec.get("multilabel")),
        }
    return {"kind": "regressor" if "labels" in spec else "raw"}


def _opened(task: str, folder: str) -> Tokenized:
    os.environ.update(_OFFLINE)
    torch, transformers = importlib.import_module("torch"), importlib.import_module("transformers")
    transformers.utils.logging.disable_progress_bar()
    made = getattr(transformers, _CLASSES[task])
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    model, told = made.from_pretrained(folder, local_files_only=True, trust_remote_code=False, output_loading_info=True)
    wrong = [*sorted(told["missing_keys"]), *sorted(str(k) for k in told.get("mismatched_keys") or ())]
    if wrong:
        raise ValueError(
            "its weights are not those of its architecture: {} of them are missing or of another shape ({}), "
            "and would be made up by chance".format(len(wrong), ", ".join(wrong[:5]))
        )
    model.eval()
    return Tokenized(torch, tokenizer, model, cuts=task in _CUT)


def _classifier(model: Tokenized, spec: Dict[str, Any]) -> Callable[[pa.RecordBatch, Dict[str, Any]], Any]:
    """Scores as they are: what they mean is told with the version. Of one number, the number."""
    import numpy as np

    count = spec["labels"]

    def ask(batch: pa.RecordBatch, params: Dict[str, Any]) -> Any:
        scores = np.empty((batch.num_rows, count), np.float32)
        for places, _, answer in model.answers(batch, params):
            found = answer.logits.float().numpy()
            if found.shape[1] != count:
                raise ValueError(
                    f"the model gives {found.shape[1]} numbers for a text, and its config.json has {count} labels"
                )
            scores[places] = found
        if spec.get("sigmoid"):
            scores = 1 / (1 + np.exp(-scores))
        return scores[:, 0] if count == 1 else scores

    return ask


def _vectors(model: Tokenized, _spec: Dict[str, Any]) -> Callable[[pa.RecordBatch, Dict[str, Any]], Any]:
    """A vector for each of a text's tokens."""
    import numpy as np

    def ask(batch: pa.RecordBatch, params: Dict[str, Any]) -> Any:
        found: List[Any] = [None] * batch.num_rows
        for places, _, answer in model.answers(batch, params):
            for place, rows in zip(places, answer[0].float().numpy()):
                found[place] = rows
        width = found[0].shape[1] if found else model.model.config.hidden_size
        ends = np.cumsum([0, *(len(rows) for rows in found)])
        flat = np.concatenate(found).reshape(-1) if found else np.empty(0, np.float32)
        return pa.ListArray.from_arrays(
            pa.array(ends, pa.int32()), pa.FixedSizeListArray.from_arrays(pa.array(flat), width)
        )

    return ask


def _rewritten(model: Tokenized, _spec: Dict[str, Any]) -> Callable[[pa.RecordBatch, Dict[str, Any]], Any]:
    """What a model writes that reads one text and writes another."""
    return lambda batch, params: pa.array(_written(model, batch, params), pa.string())


def _continued(model: Tokenized, _spec: Dict[str, Any]) -> Callable[[pa.RecordBatch, Dict[str, Any]], Any]:
    """The text itself, and what goes on from it: what the model gives begins with its own reading of the text."""

    def ask(batch: pa.RecordBatch, params: Dict[str, Any]) -> Any:
        texts, found = inputs.only_texts(batch), _written(model, batch, params, begun=True)
        return pa.array([text + more for text, more in zip(texts, found)], pa.string())

    return ask


def _written(model: Tokenized, batch: pa.RecordBatch, params: Dict[str, Any], *, begun: bool = False) -> List[str]:
    """`begun`: with the words of the text before it, which are left out."""
    found = [""] * batch.num_rows
    told = {k: v for k, v in params.items() if k != "truncation" and v is not None}
    told.setdefault("do_sample", False)  # whatever the folder says: a run that goes on must not change its answers
    if "max_new_tokens" not in told and not model.ends:
        told["max_new_tokens"] = _MOST_WRITTEN
    tidy = _is_tidy() if begun else False
    for places, tensors, _ in model.groups(batch, params, before=_before(model), at_once=model.written_at_once):
        read = model.decoded(tensors["input_ids"], tidy=tidy) if begun else [""] * len(places)
        written = model.decoded(model.generate(tensors, told), tidy=tidy)
        for place, text, before in zip(places, written, read):
            found[place] = text[len(before) :]
    return found


def _before(model: Tokenized) -> str:
    """What the library's own pipelines put before each text that something is written for."""
    told = getattr(model.model.config, "prefix", None)
    return told if isinstance(told, str) else ""


def _is_tidy() -> Any:
    """Releases differ in whether what is continued loses the blanks that some tokenizers leave before commas."""
    pipe = importlib.import_module("transformers").TextGenerationPipeline
    return inspect.signature(pipe.postprocess).parameters["clean_up_tokenization_spaces"].default


def _answers(model: Tokenized, _spec: Dict[str, Any]) -> Callable[[pa.RecordBatch, Dict[str, Any]], Any]:
    return lambda batch, _params: best_spans(model, batch)


def _of_pipeline(
    task: str, one: Callable[[Any, str, Dict[str, Any]], Any], kind: pa.DataType, *, cut: bool = False
) -> Make:
    """What the library's own pipeline says of one text after the other; `cut`: it would cut them without a word."""

    def make(model: Tokenized, _spec: Dict[str, Any]) -> Callable[[pa.RecordBatch, Dict[str, Any]], Any]:
        transformers = importlib.import_module("transformers")
        pipe = transformers.pipeline(task, model=model.model, tokenizer=model.tokenizer, device="cpu")
        most = least(getattr(model.tokenizer, "model_max_length", None)) if cut else None

        def asked(text: str, length: int, params: Dict[str, Any]) -> Any:
            if most is not None and length > most:
                raise too_long(length, most, cuts=False)
            return model.called(length, lambda: one(pipe, text, params))

        def ask(batch: pa.RecordBatch, params: Dict[str, Any]) -> Any:
            texts, told = inputs.only_texts(batch), {k: v for k, v in params.items() if v is not None}
            lengths = [len(ids) for ids in model.tokenizer(texts, truncation=False)["input_ids"]] if texts else []
            return pa.array([asked(t, n, told) for t, n in zip(texts, lengths)], kind)

        return ask

    return make


def _entities(pipe: Any, text: str, _params: Dict[str, Any]) -> Any:
    # A text without characters has no tokens, which not every release bears.
    return [dict(e, score=float(e["score"]), index=int(e["index"])) for e in pipe(text)] if text else []


def _filled(pipe: Any, text: str, params: Dict[str, Any]) -> Any:
    found = pipe(text, **params)
    if found and isinstance(found[0], list):
        raise ValueError(f"the text has {len(found)} masks, and one is filled")
    return found


_MAKERS: Dict[str, Make] = {
    "text-classification": _classifier,
    "token-classification": _of_pipeline("token-classification", _entities, _TOKENS, cut=True),
    "question-answering": _answers,
    "fill-mask": _of_pipeline("fill-mask", _filled, _FILLED),
    "text-generation": _continued,
    "text2text-generation": _rewritten,
    "feature-extraction": _vectors,
}


def load_sentences(_spec: Dict[str, Any], folder: str) -> Loaded:
    """A vector for each text, by all modules of a folder of sentence-transformers."""
    os.environ.update(_OFFLINE)
    library = importlib.import_module("sentence_transformers")
    model = library.SentenceTransformer(os.path.abspath(folder), device="cpu", trust_remote_code=False)

    def ask(batch: pa.RecordBatch, params: Dict[str, Any], _wanted: List[str]) -> Columns:
        texts = inputs.only_texts(batch)
        if texts and not params.get("truncation"):
            _check_lengths(model, texts)
        return columns_of(
            "predict",
            model.encode(texts, batch_size=_SENTENCES_AT_ONCE, show_progress_bar=False, convert_to_numpy=True),
        )

    return Loaded(ask, ["predict"], input="arrow", kind="raw")


def _check_lengths(model: Any, texts: List[str]) -> None:
    """The library cuts texts without a word."""
    tokenizer = model.tokenizer
    limit = least(model.max_seq_length) or least(getattr(tokenizer, "model_max_length", None))
    if limit is None or not callable(tokenizer):
        return
    before = (getattr(model, "prompts", None) or {}).get(getattr(model, "default_prompt_name", None)) or ""
    told = tokenizer([(before + text).strip() for text in texts], truncation=False)
    longest = max(len(ids) for ids in told["input_ids"])
    if longest > limit:
        raise too_long(longest, limit, cuts=True)
