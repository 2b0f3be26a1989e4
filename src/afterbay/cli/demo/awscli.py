"""The AWS CLI as a user types it: the demo's set-up steps go through it, one process a command."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from afterbay.core.change.wire import JsonValue
from afterbay.errors import ServiceError, SettingsError

__all__ = ["AwsCli", "find_aws", "text_at"]

TIMEOUT_S = 60.0
"""A command takes a second; a machine that is busy gets more."""

Words = Sequence[str]


def find_aws() -> str:
    """The CLI beside this Python, where ``make setup`` puts it, or on the PATH."""
    beside = Path(sys.executable).with_name("aws")  # not resolved: a virtual environment's Python is a link
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("aws")
    if found is None:
        raise SettingsError(
            "the AWS CLI is not installed: neither beside this Python nor on the PATH is there an `aws`",
            hint="`make setup` installs it; elsewhere `pip install awscli`",
        )
    return found


class AwsCli:
    """``aws`` against one address. ``tell`` is given each command before it runs."""

    def __init__(self, program: str, url: str, region: str, folder: Path, tell: Callable[[str], None]) -> None:
        self._program = program
        self._url = url
        self._tell = tell
        self._environment = _environment(url, region, folder)

    def side_by_side(self, *commands: Words) -> list[JsonValue]:
        """The answers of commands that do not need each other, in their order. Raises ``ServiceError``."""
        with ThreadPoolExecutor(len(commands), thread_name_prefix="aws") as pool:
            return list(pool.map(self.run, commands))

    def run(self, words: Words) -> JsonValue:
        """One command's answer, None where it prints nothing. Raises ``ServiceError`` with what the CLI said."""
        # The CLI takes AWS_ENDPOINT_URL for every service here but sqs: that one it would send to the real service
        # (see "See it" in the README), so it is told on the command line, always.
        told = ["--endpoint-url", self._url, *words] if words[0] == "sqs" else list(words)
        self._tell("$ aws " + shlex.join(told))
        try:
            done = subprocess.run(
                [self._program, *told],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ServiceError(f"aws {words[0]} {words[1]}: {error}", code=type(error).__name__) from error
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip() or "it says nothing"
            raise ServiceError(f"aws {words[0]} {words[1]} ended with {done.returncode}: {said}", code="AwsCli")
        answer: JsonValue = msgspec.json.decode(done.stdout) if done.stdout.strip() else None
        return answer


def text_at(answer: JsonValue, *path: str) -> str:
    """A text inside an answer. Raises ``ServiceError`` where it is not there."""
    for name in path:
        answer = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(answer, str):
        raise ServiceError(f"the answer has no text at {'.'.join(path)}", code="WrongForm")
    return answer


def _environment(url: str, region: str, folder: Path) -> Mapping[str, str]:
    """Nothing of the user's account, and no proxy between this machine and itself."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    nowhere = str(folder / "none")
    return ours | {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": region,
        "AWS_DEFAULT_OUTPUT": "json",
        "AWS_ENDPOINT_URL": url,
        "AWS_PAGER": "",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": nowhere,
        "AWS_SHARED_CREDENTIALS_FILE": nowhere,
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
