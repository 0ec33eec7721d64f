"""The bytes of text files: unpacked, and in UTF-8."""

from __future__ import annotations

import codecs
import io

import pyarrow as pa
import pyarrow.compute as pc

from muster.datasets.files import File

__all__ = ["BadText", "Utf8", "encoding_of", "unpacked"]

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class BadText(ValueError):
    """Bytes that are not of the encoding. `at` is their place in the unpacked file, or -1 where it is not known."""

    def __init__(self, reason: str, at: int = -1, *, begins_line: bool = False) -> None:
        super().__init__(reason)
        self.at = at
        self.begins_line = begins_line


def unpacked(file: File) -> pa.NativeFile:
    """The content, of several gzip members or zstd frames too."""
    return pa.input_stream(file.content.stream(), compression=file.compression, buffer_size=None)


def encoding_of(file: File, declared: str | None) -> str:
    """As declared; else UTF-16 where the file begins with its mark; else UTF-8."""
    if declared is None:
        with unpacked(file) as stream:
            if stream.read(2) in _UTF16:
                return "utf-16"
    return codecs.lookup(declared or "utf-8").name


class Utf8(io.RawIOBase):
    """A stream of UTF-8, checked, with `ending` behind it on a line of its own. Raises BadText where the file is not of its encoding."""

    def __init__(self, source: pa.NativeFile, encoding: str, ending: bytes = b"", most: int | None = None) -> None:
        super().__init__()
        self._source = source
        self._decoder = None if encoding in ("utf-8", "utf-8-sig") else codecs.getincrementaldecoder(encoding)()
        self._ending = ending
        self._left = most
        self._rest = b""
        self._ready = b""
        self._place = 0
        self._newline = True
        self._ended = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """As many bytes as asked for, but at the end: the ending does not come in a block of its own where there is room.

        One less where the last is a carriage return: Arrow would take a newline that begins the next block for the rest of
        a line end, and drop it, in a quoted value too.
        """
        wanted = 1 << 20 if size < 0 else size
        while len(self._ready) < wanted and not self._ended:
            block = self._block(wanted)
            self._ready += self._text(block) if block else self._end()
            self._ended = not block
        if self._ready[wanted - 1 : wanted] == b"\r" and wanted > 1:
            wanted -= 1
        found, self._ready = self._ready[:wanted], self._ready[wanted:]
        return found

    def _block(self, size: int) -> bytes:
        if self._left is not None:
            size = min(size, self._left)
        block: bytes = self._source.read(size)
        if self._left is not None:
            self._left -= len(block)
        return block

    def _text(self, block: bytes) -> bytes:
        if self._decoder is not None:
            try:
                text = self._decoder.decode(block).encode()
            except UnicodeDecodeError as error:
                raise BadText(error.reason) from None
        else:
            text = self._rest + block
            whole = len(text) - _cut_short(text)
            text, self._rest = text[:whole], text[whole:]
            self._check(text)
        self._place += len(text)
        self._newline = text.endswith(b"\n") if text else self._newline
        return text

    def _check(self, text: bytes) -> None:
        try:
            pc.cast(pa.array([text], pa.large_binary()), pa.large_string())
        except pa.ArrowInvalid:
            try:
                text.decode()
            except UnicodeDecodeError as error:
                fresh = text[error.start - 1 : error.start] == b"\n" if error.start else self._newline
                raise BadText(f"byte 0x{text[error.start]:02x}", self._place + error.start, begins_line=fresh) from None

    def _end(self) -> bytes:
        if self._decoder is not None:
            try:
                self._decoder.decode(b"", final=True)
            except UnicodeDecodeError as error:
                raise BadText(error.reason) from None
        if self._rest and self._left is None:
            raise BadText("a character that is cut off", self._place, begins_line=self._newline)
        return self._ending if self._newline or not self._ending else b"\n" + self._ending


def _cut_short(text: bytes) -> int:
    """How many bytes at the end begin a character that goes on in the next block."""
    for back in range(1, min(4, len(text)) + 1):
        byte = text[-back]
        if byte & 0xC0 != 0x80:
            need = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < need else 0
    return 0
