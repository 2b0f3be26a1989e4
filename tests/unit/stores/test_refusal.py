"""Which complaints are of the place that was named, and which of the machine."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from afterbay.errors import StateError, StatePlaceError
from afterbay.stores.refusal import is_there, unopened

STATE = Path("/var/lib/orders.state")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EISDIR, errno.ENOENT, errno.ENOTDIR, errno.EROFS])
def test_what_another_name_mends_is_the_places_fault(number: int) -> None:
    refused = unopened(STATE, OSError(number, os.strerror(number)))
    assert isinstance(refused, StatePlaceError)
    assert str(refused) == f"state file {STATE} cannot be opened: {os.strerror(number)} (name another --state file)"


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOSPC, errno.EIO])
def test_what_no_other_name_mends_is_not(number: int) -> None:
    refused = unopened(STATE, OSError(number, os.strerror(number)))
    assert type(refused) is StateError and refused.hint is None


def test_a_file_is_there_and_nothing_is_not(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    assert is_there(tmp_path / "state")
    assert not is_there(tmp_path / "other")
    assert not is_there(tmp_path / "state" / "below")


@pytest.mark.parametrize(("path", "told"), [("/", "a folder"), ("/dev/null", "no file")])
def test_what_is_no_file_is_refused(path: str, told: str) -> None:
    with pytest.raises(StatePlaceError, match=f"state file {path} is {told}"):
        is_there(Path(path))
