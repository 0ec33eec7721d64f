from __future__ import annotations

import gzip
import io
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.datasets.content import Disk
from muster.datasets.files import File
from muster.datasets.source import BadText, Utf8, encoding_of, unpacked
from tests.datasets.tables import written


def drain(content: bytes, encoding: str = "utf-8", size: int = 1 << 20, **options: object) -> bytes:
    stream = Utf8(pa.PythonFile(io.BytesIO(content), "r"), encoding, **options)  # type: ignore[arg-type]
    return b"".join(iter(lambda: stream.read(size), b""))


@given(st.text(), st.sampled_from(["utf-8", "utf-16", "utf-16-le", "utf-32"]), st.integers(1, 9))
def test_text_comes_out_as_utf8_whatever_the_blocks(text: str, encoding: str, size: int) -> None:
    assert drain(text.encode(encoding), encoding, size) == text.encode()


@given(st.binary(max_size=40), st.integers(1, 9))
def test_the_first_bad_byte_is_found(content: bytes, size: int) -> None:
    whole = content.decode(errors="replace").encode() == content
    if whole:
        assert drain(content, size=size) == content
        return
    with pytest.raises(UnicodeDecodeError) as told:
        content.decode()
    at = told.value.start
    with pytest.raises(BadText) as caught:
        drain(content, size=size)
    assert caught.value.at == at
    assert caught.value.begins_line is (at == 0 or content[at - 1 : at] == b"\n")


def test_bytes_that_are_of_no_other_encoding() -> None:
    for content in (b"a\x00\x00\xd8", b"\x00"):
        with pytest.raises(BadText) as caught:
            drain(content, "utf-16-le")
        assert caught.value.at == -1


@pytest.mark.parametrize(
    ("content", "whole"), [(b"a\n", b"a\nEND"), (b"a", b"a\nEND"), (b"", b"END"), (b"a\n\n", b"a\n\nEND")]
)
def test_the_ending_has_a_line_of_its_own(content: bytes, whole: bytes) -> None:
    assert drain(content, ending=b"END") == whole
    assert drain(content, size=1, ending=b"END") == whole


def test_only_the_beginning_is_read_and_a_character_may_be_cut_there() -> None:
    assert drain("abcé".encode(), most=2) == b"ab"
    assert drain("abcé".encode(), most=4) == b"abc"


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".csv.ZST"])
def test_packed_files_of_several_members(tmp_path: Path, suffix: str, members: int, size: int) -> None:
    def pack(content: bytes) -> bytes:
        if suffix == ".csv":
            return content
        return gzip.compress(content) if suffix == ".csv.gz" else pa.compress(content, "zstd", asbytes=True)

    path = written(tmp_path / f"x{suffix}", b"".join(pack(b"part %d\n" % i * size) for i in range(members)))
    with unpacked(File(Disk(path), path.name, 0)) as stream:
        assert stream.read() == b"".join(b"part %d\n" % i * size for i in range(members))


def test_utf16_is_known_by_its_mark(tmp_path: Path) -> None:
    found = {}
    for name, content in (("a", "a".encode("utf-16")), ("b", b"a"), ("c", b""), ("d", b"\xef\xbb\xbfa")):
        found[name] = encoding_of(File(Disk(written(tmp_path / name, content)), name, 0), None)
    assert found == {"a": "utf-16", "b": "utf-8", "c": "utf-8", "d": "utf-8"}
    assert encoding_of(File(Disk(tmp_path / "a"), "a", 0), "latin1") == "iso8859-1"
