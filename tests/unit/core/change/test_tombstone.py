"""Who removed an item, and how long its trace is kept (S65, E6, E7)."""

import pytest

from afterbay.core.change.tombstone import RETENTION_DEFAULT_S, Removal, TombstoneRetention, removal
from afterbay.errors import SettingsError

DAY_S = 86_400


def test_a_removal_without_an_identity_is_a_delete():
    assert removal(None) is Removal.DELETED


def test_ttl_is_told_by_both_members_together():
    assert removal({"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}) is Removal.EXPIRED
    assert removal({"Type": "Service"}) is Removal.DELETED


def test_a_trace_is_kept_eight_days_unless_told_otherwise():
    assert RETENTION_DEFAULT_S == 8 * DAY_S
    assert TombstoneRetention().purge_at_s(1000.9) == 1000 + 8 * DAY_S


def test_a_trace_outlives_the_stream_and_the_dead_letter_queue():
    assert TombstoneRetention(5 * DAY_S, letters_kept_s=4 * DAY_S).purge_at_s(0) == 5 * DAY_S
    with pytest.raises(SettingsError, match=f"after {5 * DAY_S} s"):
        TombstoneRetention(5 * DAY_S - 1, letters_kept_s=4 * DAY_S)
    with pytest.raises(SettingsError, match="E7"):
        TombstoneRetention(DAY_S - 1)
