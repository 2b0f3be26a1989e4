"""Clients by region: what an ARN names lives in the region that it names."""

from __future__ import annotations

from dataclasses import replace

from afterbay.aws.client import Aws, AwsSettings

__all__ = ["AwsRegions"]


class AwsRegions:
    """One ``Aws`` for each region that is asked for, made when it is. ``close`` it."""

    def __init__(
        self,
        settings: AwsSettings,
        *,
        read_timeout_s: int | None = None,
        attempts_max: int | None = None,
        threads: int | None = None,
    ) -> None:
        self._settings = settings
        self._options: dict[str, int] = {}
        if read_timeout_s is not None:
            self._options["read_timeout_s"] = read_timeout_s
        if attempts_max is not None:
            self._options["attempts_max"] = attempts_max
        if threads is not None:
            self._options["threads"] = threads
        self._made: dict[str, Aws] = {}

    def of(self, region: str) -> Aws:
        """The clients of ``region``; an empty one (a bucket's ARN has none) is the settings' own."""
        found = self._made.get(region)
        if found is None:
            settings = replace(self._settings, region=region) if region else self._settings
            found = self._made[region] = Aws(settings, **self._options)
        return found

    def close(self) -> None:
        for aws in self._made.values():
            aws.close()
        self._made.clear()
