"""Where a function's code comes from."""

from __future__ import annotations

import pytest

from afterbay.aws.errors import service_error
from afterbay.endpoint.services.lambda_code import read_zip
from afterbay.errors import SettingsError


async def test_an_object_that_is_not_there_is_told_in_s3s_words_and_with_its_code_once() -> None:
    async def missing(bucket: str, key: str, region: str) -> bytes:
        raise service_error("NoSuchKey", "s3 get_object: The specified key does not exist.", status=404)

    with pytest.raises(SettingsError) as refused:
        await read_zip({"S3Bucket": "b", "S3Key": "k"}, "eu-west-1", missing)
    said = "S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist."
    assert refused.value.message == f"Error occurred while GetObject. {said}"
