"""The one retry loop: what it repeats, when, and how it ends."""

import math
from itertools import islice

import pytest

from suno_async import ConfigurationError, ConnectError, RateLimited, ResponseLost, ServerError, SunoError, Unauthorized
from suno_async.http.retry import HARMLESS, LONGEST_WAIT, MAX_RETRIES, NOT_ACCEPTED, REFUSALS, pauses, retry

from ...conftest import now


class Sends:
    """Fails by script, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.sent_at: list[float] = []

    async def __call__(self) -> str:
        self.sent_at.append(now())
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def test_pauses_are_drawn_from_growing_ranges() -> None:
    many = [list(islice(pauses(cap=8), 6)) for _ in range(500)]
    for place, ceiling in enumerate((1, 2, 4, 8, 8, 8)):
        drawn = [row[place] for row in many]
        assert 0 <= min(drawn) < ceiling * 0.1
        assert ceiling * 0.9 < max(drawn) <= ceiling


async def test_what_is_named_is_repeated_until_it_is_answered() -> None:
    send = Sends(ConnectError("x"), RateLimited(429), ConnectError("y"))
    assert await retry(send, on=NOT_ACCEPTED) == "answer"
    assert len(send.sent_at) == 4
    assert now() <= 1 + 2 + 4


@pytest.mark.parametrize("error", [ResponseLost("x"), ServerError(500), Unauthorized(401), ValueError("a bug")])
async def test_what_may_have_been_accepted_is_not_repeated(error: Exception) -> None:
    send = Sends(error)
    with pytest.raises(type(error)) as caught:
        await retry(send, on=NOT_ACCEPTED)
    assert (caught.value, len(send.sent_at)) == (error, 1)


async def test_a_read_is_repeated_after_a_lost_answer_too() -> None:
    assert await retry(Sends(ResponseLost("x"), ServerError(502)), on=HARMLESS) == "answer"


async def test_retries_end_soon_with_the_last_error() -> None:
    errors = [ConnectError(str(number)) for number in range(MAX_RETRIES + 5)]
    send = Sends(*errors)
    with pytest.raises(ConnectError) as caught:
        await retry(send, on=NOT_ACCEPTED)
    assert (caught.value, len(send.sent_at)) == (errors[MAX_RETRIES], MAX_RETRIES + 1)
    assert now() < 15


@pytest.mark.parametrize("retries", [0, 1, 6])
async def test_a_user_says_how_often(retries: int) -> None:
    send = Sends(*[ServerError(500)] * 20)
    with pytest.raises(ServerError):
        await retry(send, on=HARMLESS, max_retries=retries)
    assert len(send.sent_at) == retries + 1


async def test_what_would_end_the_same_is_not_tried_again() -> None:
    send = Sends(ConnectError("no such name", permanent=True))
    with pytest.raises(ConnectError, match="no such name"):
        await retry(send, on=HARMLESS)
    assert send.sent_at == [0]


async def test_refusals_as_too_fast_are_not_counted_as_retries() -> None:
    send = Sends(*[RateLimited(429, retry_after=30)] * (REFUSALS - 1))
    assert await retry(send, on=NOT_ACCEPTED, max_retries=0) == "answer"
    assert now() == 30 * (REFUSALS - 1)
    with pytest.raises(RateLimited):
        await retry(Sends(*[RateLimited(429, retry_after=1)] * REFUSALS), on=NOT_ACCEPTED)


async def test_the_service_says_how_long_to_wait() -> None:
    send = Sends(RateLimited(429, retry_after=30))
    await retry(send, on=NOT_ACCEPTED, cap=2)
    assert send.sent_at == [0, 30]


@pytest.mark.parametrize("said", [LONGEST_WAIT + 1, 86_400.0, math.inf])
async def test_a_wait_beyond_reason_is_a_refusal(said: float) -> None:
    send = Sends(RateLimited(429, retry_after=said))
    with pytest.raises(RateLimited):
        await retry(send, on=NOT_ACCEPTED)
    assert send.sent_at == [0]


async def test_what_sleeping_raises_ends_the_retries() -> None:
    """The client is closed meanwhile."""

    async def closed(seconds: float) -> None:
        raise ConfigurationError("the client is closed")

    send = Sends(ConnectError("x"))
    with pytest.raises(ConfigurationError):
        await retry(send, on=NOT_ACCEPTED, sleep=closed)
    assert len(send.sent_at) == 1


async def test_each_retry_is_announced_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    announced: list[tuple[SunoError, float]] = []
    error = RateLimited(429, retry_after=30)

    def announce(error: SunoError, wait: float) -> None:
        announced.append((error, wait))

    await retry(Sends(error), on=NOT_ACCEPTED, before_retry=announce, extra={"ref": "r1"})
    assert announced == [(error, 30)]
    (line,) = caplog.records
    assert (line.levelname, line.message) == ("WARNING", f"{error}: trying again in 30.0 s")
    assert vars(line)["ref"] == "r1"
