"""How long each kind of request may take."""

from aiohttp import ClientTimeout

from suno_async.http.timeouts import Timeouts, timeouts


def test_nothing_given() -> None:
    assert timeouts(None) == Timeouts()


def test_a_number_is_for_each_request_and_for_silence() -> None:
    given = timeouts(5)
    assert given.read == given.write == given.large == ClientTimeout(total=5)
    assert given.upload == ClientTimeout(total=None, sock_connect=5)
    assert given.media == ClientTimeout(total=None, sock_connect=5, sock_read=5)
    assert given.stalled == 5
    assert timeouts(500).media == ClientTimeout(total=None, sock_connect=15, sock_read=500)


def test_a_client_timeout_is_taken_as_it_is_but_large_bodies_have_no_limit_in_all() -> None:
    one = ClientTimeout(total=30, connect=4, sock_connect=3, sock_read=9)
    given = timeouts(one)
    assert given.read is given.write is given.large is one
    assert given.upload == ClientTimeout(total=None, connect=4, sock_connect=3)
    assert given.media == ClientTimeout(total=None, connect=4, sock_connect=3, sock_read=9)
    assert given.stalled == 9
    assert timeouts(ClientTimeout(connect=4)).stalled == Timeouts().stalled
