"""One gateway's API: where single requests go, and what is read from the answers."""

from typing import Any

import pytest

from suno_async import (
    KIE,
    KIE_JOBS,
    SUNOAPI,
    BoostStyle,
    ConfigurationError,
    GenerateMusic,
    GetCredits,
    GetTimestampedLyrics,
    Maintenance,
    Provider,
    Rate,
    ResponseLost,
    Stage,
    SunoError,
    Update,
    UploadFromUrl,
)
from suno_async.http.api_client import ApiClient
from suno_async.http.rate_limit import RateLimit
from suno_async.tasks.task import Task, TaskInfo
from suno_async.wire.envelope import Reply

from ...doubles import DONE, Answer, Script, envelope, reply
from ..submissions.parts import NoInterests


class Where:
    """Addresses of a gateway, as the settings have them."""

    def __init__(self, provider: Provider, uploads: str = "https://up.example") -> None:
        self.provider = provider
        self.base = "https://api.example"
        self.upload_base = uploads


class Network(Script):
    """Notes which requests wanted a fresh connection."""

    fresh: list[bool]

    async def send(self, method: str, url: str, body: bytes = b"", *, fresh: bool = False) -> Reply:
        self.fresh = [*getattr(self, "fresh", []), fresh]
        return await super().send(method, url, body)


def api(network: Script, provider: Provider = KIE, **options: Any) -> ApiClient:
    return ApiClient(network, RateLimit(Rate(20, 10.0)), Where(provider, **options))


async def submits(client: ApiClient) -> Any:
    return await client.submit(GenerateMusic, b"{}", await client.window.take())


async def test_a_submit_is_one_post_on_a_fresh_connection_and_gives_the_task_id() -> None:
    network = Network(submits=[reply({"taskId": "t7"})])
    assert await submits(api(network)) == "t7"
    assert [sent[1:] for sent in network.sent] == [("POST", "https://api.example/api/v1/generate", b"{}")]
    assert network.fresh == [True]


@pytest.mark.parametrize("answer", [reply({"taskId": "t7"}), ResponseLost("x"), Reply(200, envelope(code=455))])
async def test_a_place_counts_from_the_answer_whatever_it_is(answer: Answer) -> None:
    client = api(Network(submits=[answer], delay=2))
    try:
        await submits(client)
    except SunoError as exc:
        assert isinstance(exc, ResponseLost | Maintenance)
    assert client.window.arrivals == [2]


async def test_the_jobs_api_may_answer_a_call_at_once() -> None:
    words = {"alignedWords": [{"word": "la", "startS": 1.0, "endS": 2.0}]}
    client = api(Network(submits=[reply(words)]), KIE_JOBS)
    answer = await client.submit(GetTimestampedLyrics, b"{}", await client.window.take())
    assert isinstance(answer, Update)
    assert answer.stage is Stage.COMPLETE


async def test_a_poll_asks_the_gateways_details_page_for_one_id() -> None:
    for provider, url in (
        (KIE, "https://api.example/api/v1/generate/record-info?taskId=a%2Fb%3Fc%3Dd"),
        (KIE_JOBS, "https://api.example/api/v1/jobs/recordInfo?taskId=a%2Fb%3Fc%3Dd"),
    ):
        network = Network(DONE)
        task: Task[Any] = Task(TaskInfo("a/b?c=d", GenerateMusic), NoInterests())
        update = await api(network, provider).details(task)
        assert update.task_id == "a/b?c=d"
        assert [sent[1:3] for sent in network.sent] == [("GET", url)]
        assert network.fresh == [False]


async def test_a_call_that_changes_nothing_may_use_an_old_connection() -> None:
    network = Network(reply(12.5))
    assert await api(network, SUNOAPI).call(GetCredits()) == 12.5
    assert (network.sent[0][2], network.fresh) == ("https://api.example/api/v1/generate/credit", [False])


async def test_a_call_that_is_paid_gets_a_fresh_connection() -> None:
    network = Network(submits=[ResponseLost("x")])
    with pytest.raises(ResponseLost):
        await api(network).call(BoostStyle(content="pop"))
    assert network.fresh == [True]


async def test_uploads_go_to_their_own_host_or_say_that_none_is_known() -> None:
    call = UploadFromUrl(file_url="https://f.example/a.mp3", upload_path="music")
    network = Network(submits=[reply({"downloadUrl": "https://d.example/a.mp3"})])
    file = await api(network).call(call)
    assert file.download_url == "https://d.example/a.mp3"
    assert network.sent[0][2].startswith("https://up.example/")
    assert network.fresh == [True]  # it is repeated where that is harmless, and a dead connection costs a long pause
    with pytest.raises(ConfigurationError, match="no upload host of kie is known"):
        await api(network, uploads="").call(call)
    assert len(network.sent) == 1
