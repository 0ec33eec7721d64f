"""Amazon S3 that looks at who asks: moto's server, with a key for each bucket that opens no other."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import boto3

from tests.clouds import s3

__all__ = ["Guarded", "guarded"]


@dataclass(frozen=True)
class Guarded:
    """Its URL, and the id and the secret of each bucket's key."""

    url: str
    keys: dict[str, tuple[str, str]]


@contextmanager
def guarded(buckets: Sequence[str]) -> Iterator[Guarded]:
    with s3.serving() as url:
        own = {
            "endpoint_url": url,
            "region_name": "us-east-1",
            "aws_access_key_id": "root",
            "aws_secret_access_key": "x",
        }
        people, storage = boto3.client("iam", **own), boto3.client("s3", **own)
        keys = {}
        for name in buckets:
            storage.create_bucket(Bucket=name)
            people.create_user(UserName=name)
            people.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=_policy(name))
            key = people.create_access_key(UserName=name)["AccessKey"]
            keys[name] = (key["AccessKeyId"], key["SecretAccessKey"])
        headers = {"Content-Type": "text/plain"}
        look = urllib.request.Request(f"{url}/moto-api/reset-auth", data=b"0", headers=headers, method="POST")
        urllib.request.urlopen(look).close()
        yield Guarded(url, keys)


def _policy(bucket: str) -> str:
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": resources}
    return json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
