"""Addresses of buckets: ``s3://BUCKET/PREFIX?mode=state`` and ``s3://BUCKET/PREFIX?mode=log&format=jsonl``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

from afterbay.errors import SettingsError
from afterbay.sinks.scheme import Scheme, SinkAddress, check_endpoint, extra_wanted

if TYPE_CHECKING:
    from afterbay.sinks.where import GuardedStore

__all__ = ["SCHEMES"]

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}", re.ASCII)
_PART = re.compile(r"(?!\.{1,2}$)[^/\\\x00-\x1f\x7f]+")

_PREFIX_BYTES_MAX = 512
"""A key has 1,024 bytes at most; names of the sinks' own take less than the other half."""

_PART_BYTES_MAX = 255

_MODES = ("log", "state")
_FORMATS = ("jsonl", "parquet")
_COMPRESSIONS = ("gzip", "none", "zstd")


def _place(text: str, shown: str) -> str:
    bucket, _, prefix = unquote(text.removeprefix("//")).partition("/")
    if not text.startswith("//") or not _BUCKET.fullmatch(bucket):
        raise SettingsError(f"{shown}: no bucket", hint="write s3://BUCKET/PREFIX?mode=state")
    prefix = prefix.removesuffix("/")
    parts = prefix.split("/")
    if not prefix or not all(map(_PART.fullmatch, parts)):
        raise SettingsError(
            f"{shown}: no prefix that a sink can have for itself",
            hint="write s3://BUCKET/PREFIX?mode=state; a prefix has no empty part, no '.' or '..' and no backslash",
        )
    if len(prefix.encode()) > _PREFIX_BYTES_MAX or any(len(part.encode()) > _PART_BYTES_MAX for part in parts):
        raise SettingsError(
            f"{shown}: the prefix is too long", hint=f"at most {_PREFIX_BYTES_MAX} bytes, {_PART_BYTES_MAX} in a part"
        )
    return f"{bucket}/{prefix}"


def _check(parameters: Mapping[str, str], shown: str) -> None:
    check_endpoint(parameters, shown)
    mode = parameters.get("mode")
    if mode is None:
        raise SettingsError(f"{shown}: no mode", hint="write mode=state (an object per item) or mode=log (all changes)")
    for name, known in (("mode", _MODES), ("format", _FORMATS), ("compression", _COMPRESSIONS)):
        value = parameters.get(name)
        if value is None:
            continue
        if value not in known:
            raise SettingsError(f"{shown}: {name}={value[:40]} is not known", hint=f"{name} is {' or '.join(known)}")
        if name != "mode" and mode != "log":
            raise SettingsError(f"{shown}: {name} is a parameter of mode=log", hint=f"leave it out with mode={mode}")


def _make(address: SinkAddress) -> GuardedStore:
    bucket, _, prefix = address.place.partition("/")
    told = address.parameters
    if told["mode"] == "state":
        with extra_wanted(address, "aws", "the AWS SDK", "boto3", "botocore"):
            from afterbay.sinks.bucket_state import BucketStateSink
        return BucketStateSink(
            bucket,
            prefix,
            region=told.get("region"),
            endpoint_url=told.get("endpoint_url"),
            options=address.options,
        )
    with extra_wanted(address, "aws", "the AWS SDK", "boto3", "botocore"):
        from afterbay.sinks.bucket_log import BucketLogSink, log_format
    with extra_wanted(address, "parquet", "pyarrow", "pyarrow"):
        written = log_format(told.get("format", "jsonl"), told.get("compression"))
    return BucketLogSink(
        bucket,
        prefix,
        written=written,
        region=told.get("region"),
        endpoint_url=told.get("endpoint_url"),
        options=address.options,
    )


SCHEMES = {"s3": Scheme(("compression", "endpoint_url", "format", "mode", "region"), _place, _check, _make)}
