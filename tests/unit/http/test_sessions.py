"""Which session is used for what, and which are closed."""

from typing import Any

import aiohttp
import pytest

from suno_async import ConnectError
from suno_async.http.network import Network
from suno_async.http.sessions import Sessions


@pytest.mark.parametrize(
    ("network", "trusts"),
    [
        (Network(), True),
        (Network(trust_env=False), False),
        (Network(proxy="http://p"), False),
        (Network(proxy="http://p", trust_env=True), False),
        (Network(session=aiohttp.ClientSession), False),
        (Network(connector=aiohttp.TCPConnector), False),
        (Network(connector=aiohttp.TCPConnector, trust_env=True), True),
    ],
)
def test_the_environment_is_trusted_where_nothing_else_says_the_way(network: Network, trusts: bool) -> None:
    assert network.trusts_env is trusts


async def test_sessions_are_made_once_and_closed() -> None:
    sessions = Sessions(Network())
    reads, (paid, sent) = await sessions.reads(), await sessions.paid()
    assert (await sessions.reads(), (await sessions.paid())[0]) == (reads, paid)
    assert reads is not paid
    assert sent is not None
    assert not sent.left
    await sessions.aclose()
    assert (reads.closed, paid.closed, sessions.closed) == (True, True, True)
    for ask in (sessions.reads, sessions.paid):
        with pytest.raises(ConnectError, match="closed") as caught:
            await ask()
        assert caught.value.permanent, "downloads do not try again"


@pytest.mark.parametrize("through", [False, True])
async def test_a_session_that_is_given_is_paid_through_only_if_that_is_wanted(through: bool) -> None:
    async with aiohttp.ClientSession() as session:
        sessions = Sessions(Network(session, paid_through_session=through))
        paid, sent = await sessions.paid()
        assert (paid is session, sent is None) == (through, through)
        assert await sessions.reads() is session
        await sessions.aclose()
        assert not session.closed


async def test_an_unusual_connector_is_shared_and_stays_open() -> None:
    connector = aiohttp.UnixConnector("/tmp/none.sock")
    sessions = Sessions(Network(connector=connector))
    paid: Any = (await sessions.paid())[0]
    assert paid.connector is (await sessions.reads()).connector is connector
    await sessions.aclose()
    assert not connector.closed
    await connector.close()
