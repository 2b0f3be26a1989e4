"""A function behind the Lambda API: AWS's own, or one at any compatible address."""

from __future__ import annotations

from afterbay.aws.client import Aws
from afterbay.functions.definition import check_request_size
from afterbay.ports import Answer

__all__ = ["FUNCTION_TIMEOUT_S", "LambdaApiFunction"]

FUNCTION_TIMEOUT_S = 910
"""Longer than the longest function (15 minutes): the call must not give up on a function that is still running."""


class LambdaApiFunction:
    """``ports.Function`` by synchronous Invoke calls. ``aws`` must neither repeat a call nor give up before 15 minutes.

    The service draws its own request id for every call, so what the handler sees is not the id of the dead letter.
    """

    def __init__(self, aws: Aws, function_arn: str) -> None:
        self._aws = aws
        self._function_arn = function_arn

    async def invoke(self, payload: bytes, *, request_id: str) -> Answer:
        """See ``ports.Function``. Raises ``ServiceError`` where the function was not reached (R85)."""
        check_request_size(payload)
        answer = await self._aws.call("lambda", "invoke", FunctionName=self._function_arn, Payload=payload)
        body = answer["Payload"]
        error = answer.get("FunctionError")
        return Answer(
            body if isinstance(body, bytes) else b"",
            None if error is None else str(error),
            str(answer.get("ExecutedVersion", "$LATEST")),
        )

    async def close(self) -> None:
        """The calls belong to ``aws``."""
