"""Pages that say nothing new: what may be left unread, and what not."""

import pytest

from suno_async import KIE_JOBS, KIE_LEGACY, GenerateMusic, Provider, Stage
from suno_async.api.requests import TABLE, Job, Request
from suno_async.wire import details
from suno_async.wire.envelope import Reply
from suno_async.wire.unchanged import unchanged

from ...cases import every
from ...doubles import DONE, page, reply, track

JOBS = sorted((kind for kind in TABLE if issubclass(kind, Job)), key=lambda kind: kind.__name__)
FIRST = page("FIRST_SUCCESS", track(1))


def glance(said: Reply, known: Stage, kind: type[Request[object]] = GenerateMusic, *, jobs: bool = False) -> object:
    return unchanged(said, kind, "t1", known, by_jobs_api=jobs)


@pytest.mark.parametrize("provider", [KIE_LEGACY, KIE_JOBS], ids=lambda provider: provider.name)
@every("kind", JOBS)
def test_a_page_that_is_left_unread_would_have_changed_nothing(kind: type[Job[object]], provider: Provider) -> None:
    """With each documented word and each known stage, the whole page says the same or the same stage."""
    jobs = provider.uses_jobs_api(kind)
    words = ("waiting", "queuing", "generating", "success", "fail") if jobs else tuple(kind.statuses)
    for word in words:
        name = "state" if jobs else "successFlag" if isinstance(word, int) else "status"
        said = reply({"taskId": "t1", name: word})
        for known in (Stage.PENDING, Stage.TEXT, Stage.FIRST):
            seen = unchanged(said, kind, "t1", known, by_jobs_api=jobs)
            if seen is not None:
                whole = details.update(said, kind, provider, "t1")
                assert (whole.stage <= known, whole.provisional) == (True, seen.provisional)
                assert seen.stage <= known


def test_most_polls_of_a_song_read_no_tracks() -> None:
    assert glance(page("PENDING"), Stage.PENDING)
    assert glance(FIRST, Stage.FIRST)
    assert glance(page("TEXT_SUCCESS", track(1)), Stage.FIRST)
    assert glance(reply({"taskId": "t1", "state": "generating"}), Stage.PENDING, jobs=True)


@pytest.mark.parametrize(
    ("said", "known"),
    [
        (FIRST, Stage.TEXT),
        (DONE, Stage.FIRST),
        (page("CALLBACK_EXCEPTION", track(1), track(2)), Stage.FIRST),
        (page("SENSITIVE_WORD_ERROR"), Stage.PENDING),
        (page("a new word"), Stage.PENDING),
        (page("pending"), Stage.PENDING),
        (reply(None), Stage.PENDING),
        (reply({}), Stage.PENDING),
        (reply({"status": "PENDING"}, code=455), Stage.PENDING),
        (reply({"status": "PENDING"}, status=503), Stage.PENDING),
        (Reply(200, b'{"code":"200","data":{"status":"PENDING"}}'), Stage.PENDING),
        (Reply(200, b"<html>"), Stage.PENDING),
        (Reply(200, b'{"code":200,"data":[]}'), Stage.PENDING),
    ],
)
def test_everything_else_is_read(said: Reply, known: Stage) -> None:
    assert glance(said, known) is None


def test_a_page_whose_code_is_its_state_is_read() -> None:
    kinds = [kind for kind in JOBS if kind.state_in_code]
    assert kinds
    assert all(glance(reply({"status": word}), Stage.FIRST, kind) is None for kind in kinds for word in kind.statuses)
