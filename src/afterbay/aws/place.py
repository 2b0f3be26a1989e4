"""Places in S3 as people write them: ``s3://BUCKET/PREFIX``."""

from __future__ import annotations

from afterbay.errors import SettingsError

__all__ = ["bucket_place"]


def bucket_place(text: str, where: str) -> tuple[str, str]:
    """Bucket and prefix of ``s3://BUCKET/PREFIX``. Raises ``SettingsError``; ``where`` names the option."""
    scheme, _, rest = text.partition("://")
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise SettingsError(f"{text!r} is not a place in S3", where=where, hint="write s3://BUCKET/PREFIX")
    return bucket, prefix
