from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.errors import EnvironmentFailed
from muster.predictors.local.requirements import for_uv, name_of, read_file, read_lines
from tests.predictors.local.packages import make_wheel


def test_a_file_with_all_that_pip_knows(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "base.txt").write_text("idna\n-c limits.txt\n")
    (tmp_path / "more" / "limits.txt").write_text("idna<4\n")
    (tmp_path / "wheels").mkdir()
    file = tmp_path / "requirements.txt"
    file.write_text(
        "\ufeff# all of it\n"
        "--index-url https://host.example/simple\n"
        "-f wheels\n"
        "--no-binary docopt\n"
        "-r more/base.txt\n"
        'Six >= 1.15, \\\n  < 2 ; python_version > "3"   # a comment\n'
        "pandas[parquet]==2.2.3 --hash=sha256:aa \\\n    --hash=sha256:bb\n"
        "spacy-model @ https://host.example/spacy_model-1.0-py3-none-any.whl\n"
        "https://host.example/other_model-1.0-py3-none-any.whl\n"
        "six\n"
    )
    found = read_file(file)
    assert found.lines == (
        "idna",
        'Six >= 1.15,    < 2 ; python_version > "3"',
        "pandas[parquet]==2.2.3",
        "spacy-model @ https://host.example/spacy_model-1.0-py3-none-any.whl",
        "other-model @ https://host.example/other_model-1.0-py3-none-any.whl",
        "six",
    )
    assert [name_of(line) for line in found.lines][:3] == ["idna", "six", "pandas"]
    assert found.constraints == ("idna<4",)
    assert found.options == ("--index-url https://host.example/simple", f"--find-links {tmp_path}/wheels")
    assert found.sources == {"docopt"}
    assert dict(found.hashes) == {"pandas": {"sha256:aa", "sha256:bb"}}
    assert found.stored == (*found.options, *found.lines)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("fine\nsix 1.0\n")
    file = tmp_path / "r.txt"
    file.write_text(
        "git+https://host.example/six\nlib @ git+ssh://git@host.example/lib\n./six.whl\nnumpy @ file:///croot/numpy/work\n-e .\n"
        "-r missing.txt\n--frobnicate 3\nsix @ https://me:pw@host.example/six-1.0-py3-none-any.whl\nhttps://host.example/six.tar.gz\n"
        "-r more.txt\n--no-binary :all:\n"
    )
    with pytest.raises(EnvironmentFailed) as caught:
        read_file(file)
    problems = caught.value.details["problems"]
    assert isinstance(problems, list)
    told = "\n".join(problems)
    assert len(problems) == 11
    assert "r.txt:1: `git+https://host.example/six`: it comes from version control" in told
    assert told.count("version control") == 2
    assert told.count("exists on one machine only") == 3
    assert "missing.txt cannot be read (No such file or directory)" in told
    assert "`--frobnicate 3`: not an option" in told
    assert "a password or token would be stored" in told
    assert "pw" not in str(caught.value) + told
    assert "give the package's name before it" in told
    assert "more.txt:2: `six 1.0`: " in told
    assert "and 1 more" in caught.value.message


def test_wheels_of_the_model_are_taken_and_others_are_not(tmp_path: Path) -> None:
    model = tmp_path / "model"
    wheel = make_wheel(model / "code", "mine", "1.2")
    make_wheel(tmp_path, "mine", "1.2")
    found = read_lines(["code/mine-1.2-py3-none-any.whl"], model)
    assert found.lines == ("mine==1.2",)
    assert found.wheels == {"mine": wheel}
    for line in (
        "../mine-1.2-py3-none-any.whl",
        "code/other-1.0-py3-none-any.whl",
        str(tmp_path / "mine-1.2-py3-none-any.whl"),
    ):
        with pytest.raises(EnvironmentFailed, match="one machine only"):
            read_lines([line], model)
    with pytest.raises(EnvironmentFailed, match="one machine only"):
        read_lines(["code/mine-1.2-py3-none-any.whl"])


def test_a_models_lines_name_nothing_outside_of_it(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "limits.txt").write_text("six<2\n")
    (tmp_path / "secret.txt").write_text("hush hush\n")
    assert read_lines(["six", "-c limits.txt"], model).constraints == ("six<2",)
    for line in ("-r ../secret.txt", f"-c {tmp_path}/secret.txt", "--find-links ..", "-r https://host.example/r.txt"):
        with pytest.raises(EnvironmentFailed) as caught:
            read_lines([line], model)
        assert "hush" not in str(caught.value)


def test_files_that_include_each_other_are_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("six\n-r b.txt\n")
    (tmp_path / "b.txt").write_text("idna\n-r a.txt\n")
    assert read_file(tmp_path / "a.txt").lines == ("six", "idna")


def test_secrets_of_options_are_used_and_not_stored() -> None:
    found = read_lines(
        ["--extra-index-url https://me:pw@host.example/simple", "--index-url https://${TOKEN}@host.example/", "six"]
    )
    assert found.has_secret
    assert found.options[0] == "--extra-index-url https://me:pw@host.example/simple"
    assert found.stored == (
        "--extra-index-url https://host.example/simple",
        "--index-url https://${TOKEN}@host.example/",
        "six",
    )


def test_options_as_uv_takes_them() -> None:
    found = read_lines(
        ["--trusted-host one.example", "--pre", "--no-index", "-f https://x.example/", "--require-hashes"]
    )
    assert for_uv(found.options) == (
        ["--no-index", "--find-links https://x.example/"],
        ["--allow-insecure-host", "one.example"],
    )


@given(st.lists(st.text(st.sampled_from("six=<>~!@;#\\-rcfe./:+ \"'[]{}$hash123\t"), max_size=25), max_size=5))
def test_any_text_is_read_or_refused(lines: list[str]) -> None:
    with suppress(EnvironmentFailed):
        assert all(name_of(line) for line in read_lines(lines).lines)
