"""``SizeBytes`` of recorded records (S64)."""

import pytest

from afterbay.core.change.size import record_size
from vectors.loading import vectors


@pytest.mark.parametrize("vector", vectors("streams/size-bytes.json"))
def test_size_bytes_is_what_was_recorded(vector):
    with vector.opened() as (given, wanted):
        images = {"NewImage": "new", "OldImage": "old"}
        shown = {argument: given[name] for name, argument in images.items() if name in given.names}
        assert record_size(given["Keys"], **shown) == wanted["SizeBytes"]
