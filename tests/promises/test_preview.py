"""A dry run: what `preview` shows is what is sent, for every endpoint at every gateway, and nothing leaves."""

import re
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from suno_async import (
    BoostStyle,
    GenerateMusic,
    GetCredits,
    InvalidJob,
    Pace,
    Preview,
    Provider,
    Request,
    Stage,
    SunoClient,
    SunoError,
    UploadBase64,
    UploadCover,
    UploadStream,
    Wav,
)
from suno_async.api import validation
from suno_async.api.providers import PROVIDERS
from suno_async.api.requests import TABLE, Job

from ..cases import every
from ..doubles import Script, reply
from ..sampled import asked

REQUESTS: list[Request[Any]] = [GetCredits()]
for param in asked():
    if param.values[0].request not in REQUESTS:
        REQUESTS.append(param.values[0].request)


def taken(request: Request[Any], provider: Provider) -> bool:
    """Whether a gateway takes a request."""
    try:
        validation.check(request.with_model(provider.model), provider)
    except InvalidJob:
        return False
    return bool(provider.uploads) or not getattr(request, "uploads", False)


TAKEN = [(job, provider) for provider in PROVIDERS.values() for job in REQUESTS if taken(job, provider)]
ADDRESS = "https://bot.example/suno?from=kie"
SONG = GenerateMusic(prompt="rain", model="V5")


class Recorder(Script):
    """A service that refuses everything for good, and notes what it was sent."""

    def __init__(self) -> None:
        super().__init__(reply(None, code=404))
        self.submits = [reply(None, code=404)]


def hidden(body: Any) -> Any:
    """A body with its token as `preview` shows it."""
    return msgspec.json.decode(re.sub(rb"suno=[\w-]{40}", b"suno={token}", msgspec.json.encode(body)))


@every(("job", "provider"), [pytest.param(*one, id=f"{type(one[0]).__name__}-{one[1].name}") for one in TAKEN])
@pytest.mark.parametrize("address", [None, ADDRESS, "https://bot.example/{token}/suno"], ids=["none", "query", "path"])
async def test_what_is_shown_is_what_is_sent(job: Request[Any], provider: Provider, address: str | None) -> None:
    network = Recorder()
    async with SunoClient(api_key="k", provider=provider, transport=network, callback_url=address) as suno:
        shown = suno.preview(job)
        assert network.sent == []
        with suppress(SunoError):
            await suno.run(job)
    [(_, method, url, body)] = network.sent
    assert (shown.method, shown.url, shown.problems) == (method, url, ())
    sent = msgspec.json.decode(body) if body else None
    if address and "{token}" in address:
        sent = msgspec.json.decode(re.sub(rb"example/[\w-]{40}/", b"example/{token}/", body or b"null"))
    assert shown.body == hidden(sent)
    assert list(shown.body or ()) == list(sent or ())  # in the same order
    assert shown.credits == suno.estimate(job)


def test_every_endpoint_is_shown_at_every_gateway_that_has_it() -> None:
    """The test above has the whole table, but for the upload of a stream, which is below."""
    seen = {(type(job), provider.name) for job, provider in TAKEN}
    for provider in PROVIDERS.values():
        there = {kind for kind in TABLE if kind.path not in provider.unsupported_endpoints and kind is not UploadStream}
        if not provider.uploads:
            there = {kind for kind in there if not getattr(kind, "uploads", False)}
        assert not {kind.__name__ for kind in there if (kind, provider.name) not in seen}


def test_it_needs_no_event_loop_and_shows_no_secret() -> None:
    suno = SunoClient(api_key="secret-key", provider="kie", callback_url=ADDRESS, callback_secret="hush-hush")
    shown = suno.preview(SONG)
    assert shown == Preview(
        method="POST",
        url="https://api.kie.ai/api/v1/generate",
        body={
            "prompt": "rain",
            "customMode": False,
            "instrumental": False,
            "model": "V5",
            "callBackUrl": f"{ADDRESS}&suno={{token}}",
        },
        problems=(),
        credits=12.0,
    )
    assert "secret-key" not in repr(shown)
    assert "hush" not in repr(shown)
    assert suno.check(SONG) == []


def test_a_job_without_a_model_is_shown_with_that_of_the_client() -> None:
    shown = SunoClient(api_key="k", model="V4_5").preview(GenerateMusic(prompt="rain"))
    assert (shown.body or {})["model"] == "V4_5"


def test_its_text_is_what_a_person_wants_to_read() -> None:
    suno = SunoClient(api_key="k")
    text = repr(suno.preview(GenerateMusic(prompt="x" * 9000, model="V5")))
    assert text.startswith("POST https://api.kie.ai/api/v1/generate\n{\n")
    assert "… (9000 characters)" in text
    assert re.search(
        r"\nabout 12 credits\nproblem: prompt must have at most \d+ characters.*, got 9000 characters$", text
    )
    long = UploadBase64(base64_data="QUJD" * 100_000, upload_path="songs")
    assert len(repr(suno.preview(long))) < 1000
    assert "price not known" in repr(SunoClient(api_key="k", provider="sunoapi").preview(SONG))


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
async def test_what_is_found_is_what_a_submit_is_refused_for(provider: Any) -> None:
    """All of it, also where a value cannot be JSON."""
    odd: Any = [
        GenerateMusic(),
        GenerateMusic(prompt="x" * 9000, model="V5", style_weight=7.0),
        GenerateMusic(prompt="\ud800"),
        GenerateMusic(prompt=object()),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        BoostStyle(content=" "),
        UploadCover(upload_url="song.mp3"),
    ]
    network = Script()
    async with SunoClient(api_key="k", provider=provider, transport=network) as suno:
        for request in odd:
            with pytest.raises(InvalidJob) as caught:
                await suno.run(request)
            assert suno.preview(request).problems == caught.value.problems
            assert suno.check(request) == [str(problem) for problem in caught.value.problems] != []
        assert network.sent == []


def test_the_checks_are_made_for_a_client_that_leaves_them_to_the_service() -> None:
    suno = SunoClient(api_key="k", validate=False)
    assert suno.check(GenerateMusic(prompt="x" * 9000, model="V5"))


def test_what_is_no_jobis_refused() -> None:
    with pytest.raises(InvalidJob, match="must be a Job"):
        SunoClient(api_key="k").preview("a song")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_key_and_context_of_a_view_are_checked() -> None:
    suno = SunoClient(api_key="k")
    assert suno.with_options(key=" ").check(SONG)[0].startswith("key must be text")
    assert suno.with_options(context={1, 2}).check(SONG)[0].startswith("context must be")
    assert suno.with_options(key="k", context={"chat": 7}, pace=Pace(first=1)).check(SONG) == []
    [problem] = suno.with_options(key="k").check(BoostStyle(content="pop"))
    assert problem.startswith("key cannot be used")
    assert suno.with_options(key="k").check(BoostStyle(content="pop")) == [problem]


# ---- files of this machine -------------------------------------------------------------------------------------------


def test_a_file_is_looked_at_and_not_uploaded(tmp_path: Path) -> None:
    song = tmp_path / "song.mp3"
    song.write_bytes(b"a song")
    suno = SunoClient(api_key="k")
    shown = suno.preview(UploadCover(upload_url=song, prompt="pop", model="V5"))
    assert shown.problems == ()
    assert shown.body is not None
    assert shown.body["uploadUrl"] == f"<upload of {song}>"
    [problem] = suno.check(UploadCover(upload_url=tmp_path / "none.mp3", prompt="pop", model="V5"))
    assert problem.startswith("upload_url must be a file that can be read")
    without = SunoClient(api_key="k", provider="apikley")
    [problem] = without.check(UploadCover(upload_url=song, prompt="la", style="pop", title="La", model="V5"))
    assert problem.startswith("upload_url cannot be uploaded")


def test_the_upload_of_a_stream_shows_its_form(tmp_path: Path) -> None:
    song = tmp_path / "song.mp3"
    song.write_bytes(b"a song")
    suno = SunoClient(api_key="k", base_url="https://e.example")
    shown = suno.preview(UploadStream(file=song, upload_path="songs", file_name="a.mp3"))
    assert (shown.method, shown.url) == ("POST", f"https://e.example{UploadStream.path}")
    assert shown.body == {"uploadPath": "songs", "fileName": "a.mp3", "file": "<upload of a.mp3>"}
    gone = UploadStream(file=tmp_path / "none.mp3", upload_path="songs")
    assert suno.check(gone)[0].startswith("file must be a file that can be read")
    assert SunoClient(api_key="k", provider="apikley").check(UploadStream(file=song, upload_path="songs"))


def test_a_class_of_ones_own_is_shown() -> None:
    class ConvertToFlac(Job[Wav], frozen=True, kw_only=True):
        path = "/api/v1/flac/generate"
        details = "/api/v1/flac/record-info"
        result = Wav
        statuses = {"SUCCESS": Stage.COMPLETE}
        audio_id: str

    shown = SunoClient(api_key="k").preview(ConvertToFlac(audio_id="a"))
    assert shown.url.endswith("/api/v1/flac/generate")
    assert (shown.body or {})["audioId"] == "a"
    assert shown.credits is None


async def test_a_look_at_a_file_consumes_nothing() -> None:
    async def chunks() -> AsyncGenerator[bytes]:
        yield b"a song"

    network = Script(submits=[reply({"downloadUrl": "https://e.example/a.mp3"})] * 2)
    async with SunoClient(api_key="k", transport=network) as suno:
        for source in (b"a song", chunks()):
            call = UploadStream(file=source, upload_path="songs", file_name="a.mp3")
            assert suno.preview(call).problems == ()
            await suno.run(call)
            assert network.sent[-1][3] == b"a song"
