"""Sizes of batches at creation (X70, X71). What a target gets (X72) is the running pipe's, and driven elsewhere: those
vectors have ``records``."""

from __future__ import annotations

import pytest

from afterbay.core.pipe.definition import PipeSettings
from afterbay.core.pipe.errors import PipeError
from afterbay.core.pipe.source_service import source_service
from unit.core.pipe.making import SOURCE_GROUPS, SOURCES, TARGETS, created, request
from vectors.loading import Reader, Vector, vectors

AT_CREATION = [one for one in vectors("pipes/batching.json") if "records" not in one.values[0].input]


def answer(given: Reader) -> PipeSettings | PipeError:
    size = given["BatchSize"]
    enrichment = TARGETS[given["enrichment"]] if "enrichment" in given.names else None
    params = request(
        given["source"], given["target"], reading={} if size is None else {"BatchSize": size}, Enrichment=enrichment
    )
    try:
        return created(params)
    except PipeError as error:
        return error


def effective(given: Reader) -> int:
    """Of a source that afterbay does not read, the default is all there is."""
    if given["source"] in SOURCE_GROUPS:
        settings = answer(given)
        assert isinstance(settings, PipeSettings)
        return settings.batch_size
    assert given["target"] and given["BatchSize"] is None
    service = source_service(SOURCES[given["source"]])
    assert service is not None
    return service.batch_size


@pytest.mark.parametrize("vector", AT_CREATION)
def test_a_batch_size_is_taken_as_documented(vector: Vector) -> None:
    with vector.opened() as (given, wanted):
        if "effective" in wanted.names:
            size = effective(given)
            assert size == wanted["effective"], "the preferred one, where sources disagree"
            assert "also_accept" not in wanted.names or size not in wanted["also_accept"]
            return
        settings = answer(given)
        assert isinstance(settings, PipeSettings) == wanted["accepted"]
        if "warning" in wanted.names:
            assert isinstance(settings, PipeSettings)
            assert bool(settings.warnings) == wanted["warning"]
            assert settings.target_service.batch_max == wanted["largest_call"]
        elif isinstance(settings, PipeSettings):
            assert settings.warnings == ()
