"""``--token-file``: what is a token."""

from __future__ import annotations

import pytest

from afterbay.cli.token import read_token
from afterbay.errors import SettingsError


def test_blanks_around_a_token_are_not_of_it(tmp_path):
    file = tmp_path / "token"
    file.write_text("  0123456789abcdef\n")
    assert read_token(file) == "0123456789abcdef"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b"0123456789abcdef\n0123456789abcdef\n", "no blanks"),
        ("0123456789abcdefé".encode(), "beyond ASCII"),
        (b"\xff" * 20, "no text"),
    ],
)
def test_what_is_no_token_is_refused_by_the_files_name_and_not_shown(tmp_path, content, told):
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=told) as caught:
        read_token(file)
    assert str(file) in str(caught.value) and "0123456789" not in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"nowhere: cannot be read: No such file"):
        read_token(tmp_path / "nowhere")
