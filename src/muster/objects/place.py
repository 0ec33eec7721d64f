"""Where an object is: `s3://bucket/key`, `gs://bucket/key` or `az://container/key`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from muster.errors import InvalidInput, shortened

__all__ = ["SCHEMES", "Access", "Place", "is_object_url"]

SCHEMES: Mapping[str, str] = {"s3": "Amazon S3", "gs": "Google Cloud Storage", "az": "Azure Blob Storage"}

_URL = re.compile(r"([A-Za-z0-9]+)://([^/]*)(?:/(.*))?", re.DOTALL)
_BUCKET = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{1,221}")


def is_object_url(text: object) -> bool:
    """By its scheme alone."""
    return isinstance(text, str) and text.partition("://")[0].lower() in SCHEMES and "://" in text


class Access(Protocol):
    """Who uses a bucket, where a connection says so and not the environment. A picklable and hashable value without secrets."""

    def __hash__(self) -> int: ...

    @property
    def hint(self) -> str:
        """What to do about credentials or an address that are wrong."""
        ...

    def shown(self, place: str) -> str:
        """A URL in the bucket as people name it."""
        ...

    def given(self) -> Mapping[str, str]:
        """Credentials and address by the words of connections, with the secrets as they are now."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """A key of a bucket; `bucket` has the scheme. With an empty key, or a slash at its end, what is below it."""

    bucket: str
    key: str = ""
    access: Access | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> Place:
        found = _URL.fullmatch(url)
        if found is None or found[1].lower() not in SCHEMES:
            raise InvalidInput(
                f"`{shortened(url)}` names nothing in object storage",
                hint="write s3://bucket/path, gs://bucket/path or az://container/path",
            )
        scheme, bucket, key = found[1].lower(), found[2], found[3] or ""
        if "@" in bucket:
            raise InvalidInput(
                f"a {scheme}:// URL holds credentials, which would be stored with it",
                hint="leave them out; they are taken from the environment or from where your cloud's tools keep them, or from a"
                " connection: `muster connection add NAME objects`",
            )
        if not _BUCKET.fullmatch(bucket):
            raise InvalidInput(
                f"`{bucket}` is no name of a bucket",
                hint=f"write {scheme}://bucket/path; names have letters, digits, - and .",
            )
        return cls(f"{scheme}://{bucket}", _checked(key, url))

    def __str__(self) -> str:
        return self.url if self.access is None else self.access.shown(self.url)

    @property
    def url(self) -> str:
        """By its scheme, whoever uses it."""
        return f"{self.bucket}/{self.key}" if self.key else self.bucket

    @property
    def name(self) -> str:
        return self.key.rstrip("/").rpartition("/")[2]

    @property
    def folder(self) -> str:
        """The key as the beginning of those below it."""
        return f"{self.key.rstrip('/')}/" if self.key.strip("/") else ""

    def below(self, name: str) -> Place:
        return replace(self, key=self.folder + name)

    def beside(self, name: str) -> Place:
        head, slash, _ = self.key.rstrip("/").rpartition("/")
        return replace(self, key=head + slash + name)

    def relative(self, key: str) -> str:
        """A key below this one, as a path from here."""
        return key.removeprefix(self.folder)


def _checked(key: str, url: str) -> str:
    parts = key.split("/")
    if "" in parts[:-1] or any(p in (".", "..") for p in parts) or any(ord(sign) < 32 for sign in key):
        raise InvalidInput(
            f"`{os.fsencode(shortened(url)).decode(errors='backslashreplace')}` has a part that no key may have",
            hint="leave out empty parts, `.` and `..`",
        )
    return key
