"""Hugging Face: tiny models of texts, initialised at random, beside what the library's own pipelines say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from sentence_transformers import CrossEncoder, SentenceTransformer
from sentence_transformers import models as modules
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from transformers import (
    BartConfig,
    BartForSequenceClassification,
    BertConfig,
    BertForMaskedLM,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    GPT2Config,
    GPT2ForSequenceClassification,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
    T5Config,
    T5ForConditionalGeneration,
    pipeline,
)

from tests.zoo.kit import maker, said

WORDS = [
    "late",
    "again",
    "all",
    "fine",
    "and",
    "the",
    "train",
    "is",
    "not",
    "on",
    "time",
    "because",
    "of",
    "snow",
    "who",
    "when",
    "why",
    "##ly",
    "##s",
    ".",
    "?",
    ",",
]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TEXTS = [
    "late again", "all fine, and the trains finely on time.", "late", "the train is not on time because of snow",
    "who is late? the train.", "strange words", "again late", "fine and late and fine and late and fine",
]  # fmt: skip
OTHERS = ["who", "all fine", "why is the train late?", "snow", "the time.", "all of all", "late", "fine"]
CLOSE = 1e-5


def tokenizer(*, pairs: bool = True) -> PreTrainedTokenizerFast:
    """Of words made here, as BERT's."""
    words = {w: i for i, w in enumerate([*SPECIAL, *WORDS])}
    made = Tokenizer(WordPiece(words, unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = BertNormalizer(), BertPreTokenizer()
    if pairs:
        ends = [(w, words[w]) for w in ("[CLS]", "[SEP]")]
        made.post_processor = TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
        )
    told = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL))
    return PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=24, **told)


def bert(kind: Any, **more: Any) -> Any:
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=len(SPECIAL) + len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=24, initializer_range=0.7, **more,
    )  # fmt: skip
    return kind(config).eval()


def saved(place: Path, model: Any, words: Any = None, **how: Any) -> Any:
    """The folder, and the arguments that the library's own pipeline is made with."""
    words = words or tokenizer()
    model.save_pretrained(str(place / "model"), **how)
    words.save_pretrained(str(place / "model"))
    return {"model": model, "tokenizer": words}


def named(*names: str) -> Any:
    return {"id2label": dict(enumerate(names)), "label2id": {n: i for i, n in enumerate(names)}}


def data(**columns: Any) -> pa.Table:
    return pa.table(columns or {"review": TEXTS})


def scores(answers: Any, names: Any) -> list[list[float]]:
    """Of each text, in the order of the names."""
    return [[float({a["label"]: a["score"] for a in answer}[n]) for n in names] for answer in answers]


def classified(place: Path, model: Any, names: list[str], words: Any = None, **case: Any) -> None:
    pipe = pipeline("text-classification", **saved(place, model, words))
    labels = [pipe(t)[0]["label"] for t in TEXTS]
    found = scores([pipe(t, top_k=None) for t in TEXTS], names)
    given = {"task": "multiclass" if len(names) > 2 else "binary", "classes": names, **case}
    said(place, labels, found, data=data(), sample=True, own=True, near=CLOSE, **given)


@maker
def three(place: Path) -> None:
    names = ["bad", "good", "neither"]
    classified(
        place, bert(BertForSequenceClassification, problem_type="single_label_classification", **named(*names)), names
    )


@maker
def shards(place: Path) -> None:
    """Weights in several files, of which an index tells."""
    model = bert(BertForSequenceClassification, **named("no", "yes"))
    classified(place, model, ["no", "yes"])
    (place / "model/model.safetensors").unlink()
    model.save_pretrained(str(place / "model"), max_shard_size="8KB")
    assert len(list((place / "model").glob("*.safetensors"))) > 1


@maker
def pickled(place: Path) -> None:
    """Weights as PyTorch's own pickle."""
    model = bert(BertForSequenceClassification, **named("no", "yes"))
    classified(place, model, ["no", "yes"])
    (place / "model/model.safetensors").unlink()
    torch.save(model.state_dict(), str(place / "model/pytorch_model.bin"))


@maker
def codes(place: Path) -> None:
    """LABEL_0 and LABEL_1, which are named by who registers it."""
    model = bert(BertForSequenceClassification)
    pipe = pipeline("text-classification", **saved(place, model))
    labels = [["fine", "late"][int(pipe(t)[0]["label"][-1])] for t in TEXTS]
    found = scores([pipe(t, top_k=None) for t in TEXTS], ["LABEL_0", "LABEL_1"])
    said(
        place, labels, found, data=data(), sample=True, own=True, near=CLOSE, task="binary", classes=["fine", "late"],
        declare={"classes": ["fine", "late"]},
    )  # fmt: skip


@maker
def no_padding(place: Path) -> None:
    """A decoder that has no word for padding: its own pipeline asks text by text."""
    torch.manual_seed(5)
    config = GPT2Config(
        vocab_size=len(SPECIAL) + len(WORDS), n_positions=24, n_embd=16, n_layer=1, n_head=2, pad_token_id=None,
        initializer_range=0.7, **named("no", "yes"),
    )  # fmt: skip
    words = tokenizer(pairs=False)
    words.pad_token = None
    classified(place, GPT2ForSequenceClassification(config).eval(), ["no", "yes"], words)


@maker
def pairs(place: Path) -> None:
    names = ["contradiction", "entailment", "neutral"]
    pipe = pipeline("text-classification", **saved(place, bert(BertForSequenceClassification, **named(*names))))
    asked = [{"text": a, "text_pair": b} for a, b in zip(TEXTS, OTHERS)]
    answers = [pipe(pair, top_k=None) for pair in asked]
    labels = [max(a, key=lambda one: one["score"])["label"] for a in answers]
    columns = [{"name": n, "type": "string"} for n in ("premise", "hypothesis")]
    given = data(id=list(range(len(TEXTS))), hypothesis=OTHERS, premise=TEXTS)
    said(
        place, labels, scores(answers, names), data=given, sample=True, own=True, near=CLOSE, task="multiclass", classes=names,
        declare={"signature": {"columns": columns}},
    )  # fmt: skip


@maker
def multilabel(place: Path) -> None:
    names = ["delay", "praise", "weather"]
    model = bert(BertForSequenceClassification, problem_type="multi_label_classification", **named(*names))
    pipe = pipeline("text-classification", **saved(place, model))
    found = scores([pipe(t, top_k=None) for t in TEXTS], names)
    held = (np.array(found) >= 0.5).tolist()
    said(place, held, found, data=data(), sample=True, own=True, near=CLOSE, task="multilabel", classes=names)


@maker
def value(place: Path) -> None:
    pipe = pipeline(
        "text-classification",
        **saved(place, bert(BertForSequenceClassification, num_labels=1, problem_type="regression")),
    )
    found = [float(pipe(t)[0]["score"]) for t in TEXTS]
    assert min(found) < 0 or max(found) > 1
    said(place, found, data=data(), sample=True, own=True, near=CLOSE, task="regression")


@maker
def one_number(place: Path) -> None:
    """Nothing says what it is: its own pipeline puts it through a sigmoid."""
    pipe = pipeline("text-classification", **saved(place, bert(BertForSequenceClassification, num_labels=1)))
    found = [float(pipe(t)[0]["score"]) for t in TEXTS]
    said(place, found, data=data(), sample=True, own=True, near=CLOSE, task="regression")


@maker
def values(place: Path) -> None:
    model = bert(BertForSequenceClassification, problem_type="regression", **named("ease", "length"))
    pipe = pipeline("text-classification", **saved(place, model))
    rows = [{a["label"]: float(a["score"]) for a in pipe(t, top_k=None)} for t in TEXTS]
    found = [{n: r[n] for n in ("ease", "length")} for r in rows]
    said(place, found, data=data(), sample=True, own=True, near=CLOSE, task="multioutput")


def kept(place: Path, answers: list[Any], **case: Any) -> None:
    said(place, answers, own=True, near=CLOSE, task="other", **{"data": data(), "sample": True, **case})


@maker
def tokens(place: Path) -> None:
    pipe = pipeline(
        "token-classification", **saved(place, bert(BertForTokenClassification, **named("O", "PLACE", "TIME")))
    )
    kept(place, [[dict(e, score=float(e["score"]), index=int(e["index"])) for e in pipe(t)] for t in TEXTS])


@maker
def masked(place: Path) -> None:
    pipe = pipeline("fill-mask", **saved(place, bert(BertForMaskedLM)))
    given = ["the train is [MASK]", "[MASK] again", "all [MASK] and fine"]
    kept(place, [pipe(t, top_k=2) for t in given], data=data(text=given), sample=False, params={"top_k": 2})


@maker
def continued(place: Path) -> None:
    torch.manual_seed(5)
    config = GPT2Config(
        vocab_size=len(SPECIAL) + len(WORDS), n_positions=24, n_embd=16, n_layer=1, n_head=2, bos_token_id=2, eos_token_id=3,
        initializer_range=0.7,
    )  # fmt: skip
    model = GPT2LMHeadModel(config).eval()
    model.generation_config.max_new_tokens, model.generation_config.do_sample = 3, False
    pipe = pipeline("text-generation", **saved(place, model, tokenizer(pairs=False)))
    told = {"max_new_tokens": 6}
    found = []
    for text in TEXTS:  # its tokens: releases differ in the blank between what was given and what comes after it
        ids = pipe(text, do_sample=False, return_tensors=True, **told)[0]["generated_token_ids"]
        read = pipe.tokenizer.decode(pipe.tokenizer(text)["input_ids"], skip_special_tokens=True)
        found.append(text + pipe.tokenizer.decode(ids, skip_special_tokens=True)[len(read) :])
    kept(place, found, params=told)


def decoder(seed: int = 5, **more: Any) -> Any:
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=len(SPECIAL) + len(WORDS), n_positions=24, n_embd=16, n_layer=1, n_head=2, bos_token_id=2,
        initializer_range=0.7, **more,
    )  # fmt: skip
    return GPT2LMHeadModel(config).eval()


def goes_on(pipe: Any, text: str, **told: Any) -> str:
    """Each text by itself, as the pipeline writes it; tokens, since releases differ in the blank before what is new."""
    ids = pipe(text, return_tensors=True, **told)[0]["generated_token_ids"]
    read = pipe.tokenizer((getattr(pipe.model.config, "prefix", None) or "") + text)["input_ids"]
    whole, begun = (pipe.tokenizer.decode(i, skip_special_tokens=True) for i in (ids, read))
    return text + whole[len(begun) :]


@maker
def ordinary_padding(place: Path) -> None:
    """Texts that end early are filled up with a word like any other."""
    ends = len(SPECIAL) + WORDS.index("of")
    model = decoder(eos_token_id=ends, pad_token_id=len(SPECIAL) + WORDS.index("fine"))
    model.generation_config.max_new_tokens = 3
    words = tokenizer(pairs=False)
    words.pad_token = None
    pipe = pipeline("text-generation", **saved(place, model, words))
    texts = [f"{a} {b}" for a in WORDS[:8] for b in WORDS[:8]]
    told = {"max_new_tokens": 8}
    found = [goes_on(pipe, t, do_sample=False, **told) for t in texts]
    assert len({len(f.split()) for f in found}) > 1  # some end early
    kept(place, found, data=data(text=texts), params=told)


@maker
def begun(place: Path) -> None:
    """With words that its pipeline puts before each text, and a folder that would draw by chance."""
    model = decoder(eos_token_id=3, prefix="why is the train ")
    model.generation_config.max_new_tokens, model.generation_config.do_sample = 3, True
    pipe = pipeline("text-generation", **saved(place, model, tokenizer(pairs=False)))
    told = {"max_new_tokens": 6}
    found = [goes_on(pipe, t, do_sample=False, **told) for t in TEXTS]
    model.config.prefix = pipe.prefix = None
    assert found != [
        goes_on(pipeline("text-generation", model=model, tokenizer=pipe.tokenizer), t, do_sample=False, **told)
        for t in TEXTS
    ]
    kept(place, found, params=told)


@maker
def two_ends(place: Path) -> None:
    """A classifier with a decoder, and texts that hold the word for their end more often than others of their length."""
    torch.manual_seed(5)
    config = BartConfig(
        vocab_size=len(SPECIAL) + len(WORDS), d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, max_position_embeddings=24, init_std=0.7,
        pad_token_id=0, bos_token_id=2, eos_token_id=3, decoder_start_token_id=3, forced_eos_token_id=3, **named("no", "yes"),
    )  # fmt: skip
    model = BartForSequenceClassification(config).eval()
    pipe = pipeline("text-classification", **saved(place, model))
    texts = ["late [SEP] again", "all fine and", "the train is", "late"]
    labels = [pipe(t)[0]["label"] for t in texts]
    found = scores([pipe(t, top_k=None) for t in texts], ["no", "yes"])
    said(
        place, labels, found, data=data(text=texts), sample=True, own=True, near=CLOSE, task="binary", classes=["no", "yes"]
    )  # fmt: skip


@maker
def ranked(place: Path) -> None:
    """A cross-encoder says itself what becomes of its number."""
    model = bert(BertForSequenceClassification, num_labels=1)
    model.save_pretrained(str(place / "inner"))
    tokenizer().save_pretrained(str(place / "inner"))
    ranker = CrossEncoder(str(place / "inner"), device="cpu", activation_fn=torch.nn.Identity())
    ranker.save_pretrained(str(place / "model"))
    found = [float(n) for n in ranker.predict(list(zip(OTHERS, TEXTS)))]
    assert min(found) < 0 or max(found) > 1
    given = data(text=OTHERS, text_pair=TEXTS)
    said(place, found, data=given, sample=True, own=True, near=CLOSE, task="regression")


@maker
def behind_padding(place: Path) -> None:
    """Places are counted from behind that of padding, so that there are fewer than config.json says."""
    torch.manual_seed(3)
    config = RobertaConfig(
        vocab_size=len(SPECIAL) + len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=24, pad_token_id=1, initializer_range=0.7, **named("no", "yes"),
    )  # fmt: skip
    words = tokenizer()
    words.model_max_length = int(1e30)
    classified(place, RobertaForSequenceClassification(config).eval(), ["no", "yes"], words)


@maker
def rewritten(place: Path) -> None:
    torch.manual_seed(5)
    config = T5Config(
        vocab_size=len(SPECIAL) + len(WORDS), d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, decoder_start_token_id=0,
        initializer_factor=3.0, eos_token_id=3,
    )  # fmt: skip
    model, words = T5ForConditionalGeneration(config).eval(), tokenizer()
    model.generation_config.max_new_tokens = 3
    saved(place, model, words)
    told = {"max_new_tokens": 6}
    found = []
    for text in TEXTS:
        asked = {k: v for k, v in words(text, return_tensors="pt").items() if k != "token_type_ids"}
        found.append(words.decode(model.generate(**asked, **told)[0], skip_special_tokens=True))
    kept(place, found, params=told)


@maker
def token_vectors(place: Path) -> None:
    pipe = pipeline("feature-extraction", **saved(place, bert(BertModel)))
    kept(place, [pipe(t)[0] for t in TEXTS])


@maker
def sentences(place: Path) -> None:
    """Three modules: a model, the mean over its tokens, and vectors of length 1."""
    inner = place / "inner"
    bert(BertModel).save_pretrained(str(inner))
    tokenizer().save_pretrained(str(inner))
    first = modules.Transformer(str(inner), max_seq_length=24)
    pooled = modules.Pooling(16, pooling_mode="mean")
    model = SentenceTransformer(modules=[first, pooled, modules.Normalize()], device="cpu")
    model.save(str(place / "model"))
    kept(place, [model.encode(t).tolist() for t in TEXTS])


@maker
def answers(place: Path) -> None:
    """By trying all parts of the context: the library's own pipeline of questions is gone since 5.0."""
    told = saved(place, bert(BertForQuestionAnswering))
    found = [best(told["model"], told["tokenizer"], q, c) for q, c in zip(OTHERS, TEXTS)]
    kept(place, found, data=data(question=OTHERS, context=TEXTS))


def best(model: Any, words: Any, question: str, context: str) -> dict[str, Any]:
    asked = words(question, context, return_tensors="pt", return_offsets_mapping=True)
    places, parts = asked.pop("offset_mapping")[0].tolist(), asked.sequence_ids(0)
    with torch.no_grad():
        scores = model(**asked)
    within = [i for i, part in enumerate(parts) if part == 1]
    counted = [0, *within]
    first, last = (
        dict(zip(counted, s[0][counted].softmax(0).tolist())) for s in (scores.start_logits, scores.end_logits)
    )
    pairs = [(first[a] * last[b], a, b) for a in within for b in within if a <= b < a + 15]
    score, a, b = max(pairs, key=lambda pair: pair[0])
    while a - 1 in within and places[a - 1][1] == places[a][0] and context[places[a][0]].isalnum():
        a -= 1
    while b + 1 in within and places[b + 1][0] == places[b][1] and context[places[b + 1][0]].isalnum():
        b += 1
    start, end = places[a][0], places[b][1]
    return {"score": score, "start": start, "end": end, "answer": context[start:end]}
