"""Folders of Hugging Face: what is known of them before anything of them runs, and all that is refused. What they answer is compared
with the libraries themselves in tests/zoo.
"""

from __future__ import annotations

import os
import pickle
import shutil
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from muster.errors import InvalidInput, InvalidModel, SignatureMismatch
from muster.predictor import Declared, Description
from muster.predictors.huggingface import HuggingFaceOrigin
from muster.predictors.local.scanning import dangers, scan
from muster.predictors.pretrained.columns import complete_columns
from muster.predictors.pretrained.config import ARCHITECTURES, Config
from muster.predictors.pretrained.needs import requirements
from muster.predictors.pretrained.weights import weights
from muster.signature import Column, Signature
from tests.predictors.pretrained import save, save_weights, write

NAMED: dict[str, Any] = {"id2label": {"0": "no", "1": "yes"}}


def described(folder: Path) -> Description:
    scratch = folder.with_name("scratch")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    return HuggingFaceOrigin().describe(folder, scratch)


def refused(folder: Path) -> str:
    with pytest.raises(InvalidModel) as raised:
        described(folder)
    assert raised.value.hint
    return raised.value.message


@pytest.mark.parametrize(
    ("config", "task", "classes"),
    [
        (NAMED, "binary", ["no", "yes"]),
        ({"id2label": {"0": "a", "2": "c", "1": "b"}}, "multiclass", ["a", "b", "c"]),
        ({"id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}}, "multiclass", [0, 1, 2]),
        ({"id2label": {"0": 0, "1": 1}}, "binary", [0, 1]),
        ({}, "binary", [0, 1]),  # the library does not write what is its default
        ({"num_labels": 4}, "multiclass", [0, 1, 2, 3]),
        ({**NAMED, "problem_type": "multi_label_classification"}, "multilabel", ["no", "yes"]),
        ({"id2label": {"0": "LABEL_0"}, "problem_type": "regression"}, "regression", None),
        ({"id2label": {"0": "LABEL_0"}}, "regression", None),
        ({**NAMED, "problem_type": "regression"}, "multioutput", None),
    ],
)  # fmt: skip
def test_the_task_and_the_classes_are_read(config: Any, task: str, classes: Any, tmp_path: Path) -> None:
    found = described(save(tmp_path / "m", **config))
    assert (found.task, found.load.get("classes")) == (task, classes)
    assert found.load["labels"] == len(config.get("id2label", ())) or classes in ([0, 1], [0, 1, 2, 3])
    assert (found.load.get("multilabel") is True) == (task == "multilabel")
    assert (found.load.get("sigmoid") is True) == (task == "regression" and "problem_type" not in config)
    assert found.output == ({"targets": ["no", "yes"]} if task == "multioutput" else {})


@pytest.mark.parametrize("key", ["sentence_transformers", "sbert_ce_default_activation_function"])
@pytest.mark.parametrize(
    ("named", "sigmoid"),
    [
        ("torch.nn.modules.linear.Identity", False),
        ("torch.nn.modules.activation.Sigmoid", True),
        ("my_code.Scale", True),  # is not run, so that the library takes its usual one
    ],
)
def test_a_cross_encoder_names_its_activation(key: str, named: str, sigmoid: bool, tmp_path: Path) -> None:
    told: dict[str, Any] = {key: {"activation_fn": named} if key == "sentence_transformers" else named}
    found = described(save(tmp_path / "m", id2label={"0": "LABEL_0"}, **told))
    assert (found.load.get("sigmoid") is True) == sigmoid
    assert bool(found.notes) == (named == "my_code.Scale")


def test_a_cross_encoder_that_lists_modules_gives_no_vectors(tmp_path: Path) -> None:
    folder = sentences(tmp_path / "m", MODEL, architectures=["BertForSequenceClassification"], num_labels=1)
    told = {"model_type": "CrossEncoder", "activation_fn": "torch.nn.modules.linear.Identity"}
    write(folder / "config_sentence_transformers.json", told)
    found = described(folder)
    assert found.load == {"loader": "transformers", "task": "text-classification", "labels": 1}
    write(folder / "config.json", {"architectures": ["LlamaForCausalLM"]})
    assert "it is a cross-encoder that is no classifier of pairs" in refused(folder)


def test_an_activation_that_is_not_known_is_refused(tmp_path: Path) -> None:
    told = {"activation_fn": "torch.nn.modules.activation.Tanh"}
    message = refused(save(tmp_path / "m", id2label={"0": "LABEL_0"}, sentence_transformers=told))
    assert "its activation_fn is `torch.nn.modules.activation.Tanh`" in message


@pytest.mark.parametrize("file", ["generation_config.json", "config.json"])
def test_a_folder_that_draws_by_chance_is_told(file: str, tmp_path: Path) -> None:
    folder = save(tmp_path / "m", "GPT2LMHeadModel", do_sample=True if file == "config.json" else None)
    if file != "config.json":
        assert not described(folder).notes
        write(folder / file, {"do_sample": True})
    (note,) = described(folder).notes
    assert "drawn by chance (`do_sample`)" in note


@pytest.mark.parametrize(("end", "kind"), ARCHITECTURES.items())
def test_other_architectures_answer_as_they_are(end: str, kind: str, tmp_path: Path) -> None:
    found = described(save(tmp_path / "m", f"Some{end}"))
    assert found.load["task"] == kind
    assert (found.task == "other") == (kind != "text-classification")
    assert found.load.get("mask") == ("<mask>" if kind == "fill-mask" else None)


def test_what_is_stored_is_the_model_alone(tmp_path: Path) -> None:
    folder = save(tmp_path / "snapshots/m")
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs/1").write_text("late")
    (folder / "vocab.txt").symlink_to("../../blobs/1")  # as a cache of the hub has its files
    for junk in (
        "README.md",
        "training_args.bin",
        "optimizer.pt",
        "tf_model.h5",
        "pytorch_model.bin",
        "setup.py",
        ".gitattributes",
    ):
        (folder / junk).write_bytes(b"\x80\x04junk")
    for below in ("checkpoint-500", "onnx", ".git"):
        save_weights(Path(save(folder / below) / "model.safetensors"))
    (folder / "extra").mkdir()
    (folder / "extra/more.json").write_text("{}")
    found = described(folder)
    assert found.folder is not None
    kept = sorted(f.relative_to(found.folder).as_posix() for f in found.folder.rglob("*") if f.is_file())
    assert kept == [
        "config.json",
        "extra/more.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.txt",
    ]
    assert (found.folder / "vocab.txt").read_text() == "late"
    assert not (found.folder / "vocab.txt").is_symlink()


def test_links_to_other_files_of_the_machine_are_refused(tmp_path: Path) -> None:
    folder = save(tmp_path / "m")
    (tmp_path / "secret").write_text("late")
    (folder / "extra").mkdir()
    for name in ("vocab.txt", "extra/more.json"):
        (folder / name).symlink_to(tmp_path / "secret")
    message = refused(folder)
    assert "`extra/more.json`" in message
    assert "`vocab.txt` lead out of the folder, as links" in message
    for name in ("vocab.txt", "extra/more.json"):
        (folder / name).unlink()
        (folder / name).symlink_to(folder / "config.json")
    assert described(folder).task == "binary"


def test_links_to_folders_and_to_nothing_are_told(tmp_path: Path) -> None:
    folder = save(tmp_path / "m")
    (folder / "extra/own").mkdir(parents=True)
    (folder / "extra/own/more.json").write_text("{}")
    (folder / "extra/again").symlink_to("own")
    (folder / "extra/gone").symlink_to("nothing")
    (folder / "round").symlink_to("round")
    message = refused(folder)
    assert "`extra/again` lead to folders, as links" in message
    assert "`extra/gone`, `round` lead to nothing, as links" in message


def test_shards_are_taken_together(tmp_path: Path) -> None:
    folder = save(tmp_path / "m")
    (folder / "model.safetensors").unlink()
    names = [f"model-0000{n}-of-00003.safetensors" for n in (1, 2, 3)]
    write(folder / "model.safetensors.index.json", {"weight_map": dict(zip("abc", names, strict=True))})
    save_weights(folder / names[1])
    message = refused(folder)
    assert f"`{names[0]}`, `{names[2]}`, and there is no such file" in message
    assert names[1] not in message
    for name in names:
        save_weights(folder / name)
    found = described(folder)
    assert found.folder is not None
    assert {*names, "model.safetensors.index.json"} <= {f.name for f in found.folder.iterdir()}
    write(folder / "model.safetensors.index.json", {"weight_map": {"a": "../secret", "b": names[0]}})
    assert "`../secret`, which lead out of the folder" in refused(folder)


def test_all_that_is_missing_is_said_at_once(tmp_path: Path) -> None:
    folder = save(tmp_path / "m", "ViTForImageClassification", auto_map={"AutoModel": "modeling.MyModel"})
    for name in ("model.safetensors", "tokenizer.json"):
        (folder / name).unlink()
    write(folder / "tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["code.MyTokenizer", None]}})
    message = refused(folder)
    assert "its architecture is `ViTForImageClassification`, and Muster runs those of texts" in message
    assert "its config.json names code of its own, which Muster does not run unasked" in message
    assert "its tokenizer_config.json names code of its own" in message
    assert "it has no weights that PyTorch loads (model.safetensors, pytorch_model.bin)" in message


def test_a_folder_without_a_tokenizer(tmp_path: Path) -> None:
    folder = save(tmp_path / "m")
    (folder / "tokenizer.json").unlink()
    assert "it has no tokenizer (tokenizer.json, vocab.txt, …)" in refused(folder)
    write(folder / "tokenizer_config.json", {"tokenizer_class": "ByT5Tokenizer"})  # letters need no vocabulary
    assert described(folder).task == "binary"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("tf_model.h5", "but weights of TensorFlow (`tf_model.h5`)"),
        ("flax_model.msgpack", "but weights of Flax (`flax_model.msgpack`)"),
        ("tiny.Q4.gguf", "but weights of llama.cpp (`tiny.Q4.gguf`)"),
        ("adapter_config.json", "but those of an adapter (adapter_config.json): merge them"),
    ],
)
def test_weights_that_pytorch_does_not_load(name: str, told: str, tmp_path: Path) -> None:
    folder = save(tmp_path / "m")
    (folder / "model.safetensors").unlink()
    (folder / name).write_text("{}")
    assert told in refused(folder)


def test_an_adapter_by_itself(tmp_path: Path) -> None:
    write(tmp_path / "adapter_config.json", {"peft_type": "LORA"})
    save_weights(tmp_path / "adapter_model.safetensors")
    assert HuggingFaceOrigin().claims(tmp_path)
    message = refused(tmp_path)
    assert "it has no config.json" in message
    assert "merge them into their model with `merge_and_unload`" in message


def test_an_adapter_beside_whole_weights(tmp_path: Path) -> None:
    folder = save(tmp_path / "m")
    write(folder / "adapter_config.json", {"peft_type": "LORA"})
    save_weights(folder / "adapter_model.safetensors")
    message = refused(folder)
    assert "beside its weights it has those of an adapter (adapter_config.json)" in message
    assert "merge them into their model with `merge_and_unload`" in message


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a pointer of Git LFS, and not the file"),
        (b"", "is empty"),
        (b"\x10\0\0\0\0\0\0\0{}", "is cut short, or no safetensors file"),
        (b"\xff" * 40, "is cut short, or no safetensors file"),
    ],
)
def test_weights_that_are_not_there_in_full(content: bytes, told: str, tmp_path: Path) -> None:
    folder = save(tmp_path / "m")
    (folder / "model.safetensors").write_bytes(content)
    assert f"`model.safetensors` {told}" in refused(folder)


def test_weights_cut_anywhere_are_known(tmp_path: Path) -> None:
    file = save(tmp_path) / "model.safetensors"
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        wrong: list[str] = []
        weights(tmp_path, wrong)
        assert wrong, length
    file.write_bytes(whole)
    wrong = []
    assert weights(tmp_path, wrong) == ("model.safetensors",)
    assert not wrong


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"id2label": {"0": "a", "2": "b"}}, "does not name a label for each of 0, 1, …"),
        ({"id2label": ["a", "b"]}, "does not name a label for each of 0, 1, …"),
        ({"id2label": {"0": "a", "1": "a"}}, "names several labels `a`"),
        ({"problem_type": "ranking"}, "its problem_type is 'ranking'"),
        ({"architectures": None}, "names no architecture"),
        ({"architectures": ["BertForPreTraining"]}, "its architecture is `BertForPreTraining`"),
        ({"architectures": ["VisionEncoderDecoderModel"]}, "its architecture is `VisionEncoderDecoderModel`"),
        ({"quantization_config": {"quant_method": "gptq"}}, "quantised by `gptq`"),
    ],
)  # fmt: skip
def test_a_config_that_does_not_tell(config: Any, told: str, tmp_path: Path) -> None:
    assert told in refused(save(tmp_path / "m", **config))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
    )
)
def test_any_config_gives_labels_or_says_what_is_wrong(value: Any) -> None:
    for key in ("id2label", "num_labels", "problem_type", "architectures"):
        config = Config({key: value})
        assert config.kind() in ARCHITECTURES.values() or config.wrong
        assert (
            Config({key: value, "architectures": ["XModel"]}).labels().names
            or Config({key: value}).labels() is not None
        )


def test_a_model_of_sound_is_refused(tmp_path: Path) -> None:
    folder = save(tmp_path / "m", "WhisperForConditionalGeneration")
    write(folder / "processor_config.json", {"processor_class": "X"})
    assert described(folder).load["task"] == "text2text-generation"
    write(folder / "processor_config.json", {"feature_extractor": {}})
    assert "it takes pictures or sound (`processor_config.json`)" in refused(folder)


def sentences(folder: Path, *modules: tuple[str, str], **config: Any) -> Path:
    save(folder, "BertModel", **config)
    write(
        folder / "modules.json", [{"idx": i, "name": str(i), "path": p, "type": t} for i, (t, p) in enumerate(modules)]
    )
    write(folder / "config_sentence_transformers.json", {"__version__": {"sentence_transformers": "3.0.1"}})
    return folder


MODEL, POOLING = ("sentence_transformers.models.Transformer", ""), ("sentence_transformers.models.Pooling", "1_Pooling")
LENGTH = ("sentence_transformers.models.Normalize", "2_Normalize")


def test_sentences(tmp_path: Path) -> None:
    folder = sentences(tmp_path / "m", MODEL, POOLING, LENGTH)
    assert "names `1_Pooling`, and there is no such folder" in refused(folder)
    (folder / "1_Pooling").mkdir()
    write(folder / "1_Pooling/config.json", {"word_embedding_dimension": 4})
    found = described(folder)
    assert found.load == {"loader": "sentence-transformers", "task": "sentence-similarity"}
    assert found.requirements[0].startswith("sentence-transformers>=3.0.1,<4") or "==3." in found.requirements[0]
    assert found.folder is not None
    assert (found.folder / "1_Pooling/config.json").is_file()


def test_sentences_of_code_of_their_own_or_elsewhere(tmp_path: Path) -> None:
    message = refused(sentences(tmp_path / "m", ("my_code.Model", "")))
    assert "names code of its own (`my_code.Model`)" in message
    assert "names `../x`, which lead out of the folder" in refused(
        sentences(tmp_path / "m", MODEL, (POOLING[0], "../x"))
    )
    write(tmp_path / "m/modules.json", {"a": 1})
    assert "does not list modules" in refused(tmp_path / "m")


def test_only_what_is_one_is_claimed(tmp_path: Path) -> None:
    origin = HuggingFaceOrigin()
    write(tmp_path / "config.json", {"learning_rate": 0.1})
    assert not origin.claims(tmp_path)
    assert not origin.claims(tmp_path / "config.json")
    save(tmp_path)
    assert origin.claims(tmp_path)
    for other in ("MLmodel", "model.py", "model.toml", "model.onnx"):
        (tmp_path / other).touch()
        assert not origin.claims(tmp_path)
        (tmp_path / other).unlink()


def test_what_it_needs() -> None:
    lines = requirements({"transformers": "4.36.2"}, ["vocab.txt"])
    assert lines[0].startswith(("transformers>=4.36.2,<5", "transformers==4."))
    assert requirements({"transformers": "4.37.0.dev0"}, [])[0].startswith(
        ("transformers>=4.37.0,<5", "transformers==4.")
    )
    assert requirements({"transformers": "2.1"}, [])[0] == "transformers>=4,<5"
    assert requirements({"transformers": None}, [])[0].startswith("transformers")
    spoken = {line.partition("==")[0] for line in requirements({"transformers": None}, ["spiece.model"])}
    assert {"sentencepiece", "protobuf", "torch"} <= spoken
    assert "sentencepiece" not in requirements({"transformers": None}, ["spiece.model", "tokenizer.json"])


@given(st.sampled_from([(0, -1), (0, 0), (0, 1), (1, 0), (1, -1), (-1, 0)]))
def test_no_library_is_older_than_the_one_that_wrote(step: tuple[int, int]) -> None:
    here = Version(version("numpy"))
    minor = max(here.minor + step[0], 0)
    wrote = (here.major, minor, max(here.micro + step[1], 0))
    line = requirements({"numpy": ".".join(map(str, wrote))}, [])[0]
    if wrote <= here.release:
        assert line == f"numpy=={here}"
    else:
        assert line == f"numpy>={'.'.join(map(str, wrote))},<{here.major + 1}"


class Trap:
    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.place),)


def test_weights_in_a_pickle_are_looked_at_and_those_of_training_left_out(tmp_path: Path) -> None:
    folder = save(tmp_path / "m", **NAMED)
    for name in ("pytorch_model.bin", "training_args.bin"):
        (folder / name).write_bytes(pickle.dumps(Trap(tmp_path / "ran")))
    found = described(folder)
    assert found.folder is not None
    assert scan(found.folder) == ()  # the library reads model.safetensors, and nothing beside it
    (folder / "model.safetensors").unlink()
    found = described(folder)
    assert found.folder is not None
    assert dangers(scan(found.folder)) == {"pytorch_model.bin": ["posix.mkdir"]}
    assert not found.exact_python  # it holds numbers and no code


# The columns that it takes.


def columns(kind: str, sample: dict[str, Any] | None = None, **declared: Any) -> Signature:
    load = {"loader": "transformers", "task": kind}
    schema = None if sample is None else pa.table(sample).schema
    made = complete_columns(Description(source="", load=load), Declared(**declared), schema)
    assert made.signature is not None
    assert (made.example is None) == (sample is not None)
    if made.example is not None:
        assert tuple(made.example.schema.names) == made.signature.names
    return made.signature


ID_TEXT = {"id": [1], "review": ["a"]}


def test_the_only_column_of_text() -> None:
    found = columns("text-classification", ID_TEXT)
    assert found.columns == (Column("review", pa.string(), nullable=False),)
    assert columns("text-classification", {**ID_TEXT, "label": ["b"]}, target="label").names == ("review",)
    assert columns("text-classification").names == ("text",)
    assert columns("fill-mask", {"other": ["a"], "text": ["b"]}).names == ("text",)


def test_of_several_columns_none_is_guessed() -> None:
    with pytest.raises(
        SignatureMismatch, match="takes a column of text, and the sample has 2 columns of text: `a`, `b`"
    ):
        columns("text-classification", {"a": ["a"], "b": ["b"]})
    with pytest.raises(SignatureMismatch, match="the sample has no text: `a`"):
        columns("fill-mask", {"a": [1]})
    with pytest.raises(SignatureMismatch, match="takes the columns `question`, `context`"):
        columns("question-answering", {"a": ["a"], "b": ["b"]})


def test_pairs_by_the_names_of_the_pipeline_or_as_declared() -> None:
    pair = {"text_pair": ["a"], "text": ["b"], "more": ["c"]}
    assert columns("text-classification", pair).names == ("text", "text_pair")
    assert columns("question-answering", {"context": ["a"], "id": ["c"], "question": ["b"]}).names == (
        "question",
        "context",
    )
    assert columns("question-answering").names == ("question", "context")
    own = Signature((Column("b", pa.string()), Column("a", pa.string())))
    assert columns("text-classification", {"a": ["a"], "b": ["b"]}, signature=own).names == ("b", "a")
    for kind, names in (
        ("text-classification", ("text", "text_pair")),
        ("question-answering", ("question", "context")),
    ):
        turned = Signature(tuple(Column(n, pa.string()) for n in reversed(names)))
        assert columns(kind, {n: ["a"] for n in names}, signature=turned).names == names
    with pytest.raises(InvalidInput, match="takes 1 column of text, and 2 are declared: `b`, `a`"):
        columns("fill-mask", {"a": ["a"]}, signature=own)
    with pytest.raises(InvalidInput, match="`n` hold none"):
        columns("text-classification", signature=replace(own, columns=(Column("n", pa.int64()),)))


@pytest.mark.parametrize(
    ("load", "task", "activation"),
    [
        ({"labels": 2}, "binary", "softmax"),
        ({"labels": 3}, "multiclass", "softmax"),
        ({"labels": 3}, "multilabel", "sigmoid"),
        ({"labels": 1}, "binary", "sigmoid"),
        ({"labels": 1, "sigmoid": True}, "binary", None),
        ({"labels": 2}, "other", None),
        ({"labels": 1}, "regression", None),
    ],
)  # fmt: skip
def test_scores_are_read_for_the_task_that_is_declared(load: Any, task: Any, activation: str | None) -> None:
    told = Description(source="", task="multiclass", load={"task": "text-classification", **load})
    assert complete_columns(told, Declared(task=task), None).output.get("activation") == activation
