"""The key goes to the API and nowhere else."""

import logging
from typing import Any

import pytest

from suno_async import ServerError, SubmissionUncertain, SunoClient

from ..doubles import RawServer, envelope, http

ACCEPTED = http(envelope({"taskId": "t1"}))


async def submitted(server: RawServer, suno: SunoClient) -> Any:
    try:
        return await suno.generate_music(prompt="rain")
    except Exception as exc:
        return exc


async def test_the_key_stays_out_of_reprs_errors_and_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with RawServer(http(b"<html>", 502)) as server:
        suno = SunoClient(api_key="secret-key", base_url=server.url)
        error = await submitted(server, suno)
        await suno.aclose()
    texts = [repr(suno), str(suno), str(error), repr(error), repr(error.__cause__), caplog.text]
    assert not [text for text in texts if "secret-key" in text]
    assert server.got[0].headers["authorization"] == "Bearer secret-key"


async def test_redirects_are_not_followed_with_the_key() -> None:
    async with RawServer(ACCEPTED) as elsewhere:
        away = http(b"", 307, f"Location: {elsewhere.url}/api/v1/generate")
        async with RawServer(away) as server, SunoClient(api_key="k", base_url=server.url) as suno:
            assert isinstance(await submitted(server, suno), ServerError)
    assert elsewhere.got == []


async def test_our_own_user_agent_is_sent() -> None:
    async with RawServer(ACCEPTED) as server, SunoClient(api_key="k", base_url=server.url) as suno:
        await submitted(server, suno)
    assert server.got[0].headers["user-agent"].startswith("suno-async/")
    assert server.got[0].headers["content-type"] == "application/json"


def chain(error: BaseException | None) -> list[BaseException]:
    return [] if error is None else [error, *chain(error.__cause__ or error.__context__)]


async def test_the_key_is_in_no_error_of_the_chain() -> None:
    """aiohttp's ClientResponseError carries the request's headers in its args and repr, and we chain it."""
    async with RawServer(b"garbage\r\n\r\n") as server, SunoClient(api_key="secret-key", base_url=server.url) as suno:
        with pytest.raises(SubmissionUncertain) as caught:
            await suno.generate_music(prompt="rain")
    assert not [repr(one) for one in chain(caught.value) if "secret-key" in repr(one)]
