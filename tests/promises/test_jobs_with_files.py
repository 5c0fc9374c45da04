"""Jobs that are given files of this machine: uploaded first, and only when a Path says so."""

from pathlib import Path

import msgspec
import pytest

from suno_async import APIKLEY, AddVocals, ConfigurationError, GenerateMusic, InvalidJob, Mashup, SunoClient
from suno_async.api import validation

from ..doubles import Script, reply

URL = "https://up.example/a.mp3"


async def test_a_gateway_without_a_known_upload_host_says_so() -> None:
    async with SunoClient(api_key="k", provider=APIKLEY, transport=Script()) as suno:
        for ask in (
            suno.upload(b"abc"),
            suno.upload_cover(upload_url=Path("a.mp3"), prompt="la", style="pop", title="La"),
        ):
            with pytest.raises(ConfigurationError, match="no upload host of apikley is known"):
                await ask


@pytest.mark.usefixtures("threads")
async def test_jobs_take_files_of_this_machine(tmp_path: Path) -> None:
    """They are uploaded first, and what goes out is their addresses."""
    one, two = tmp_path / "a.mp3", tmp_path / "b.mp3"
    one.write_bytes(b"one")
    two.write_bytes(b"two")
    files = [reply({"downloadUrl": f"https://up.example/{n}", "fileName": "x", "success": True}) for n in (1, 2, 3)]
    script = Script(submits=[files[0], files[1], reply({"taskId": "t1"}), files[2], reply({"taskId": "t2"})])
    async with SunoClient(api_key="k", transport=script, model="V5") as suno:
        blend = await suno.mashup(upload_url_list=(one, two), prompt="la", style="pop", title="La")
        await suno.upload_cover(upload_url=one, prompt="jazz")
    assert blend.id == "t1"
    bodies = [msgspec.json.decode(body) for _, _, url, body in script.sent if "/api/v1/" in url]
    assert bodies[0]["uploadUrlList"] == ["https://up.example/1", "https://up.example/2"]
    assert bodies[1]["uploadUrl"] == "https://up.example/3"


@pytest.mark.usefixtures("threads")
async def test_a_missing_file_names_the_job_and_its_field(tmp_path: Path) -> None:
    script = Script()
    async with SunoClient(api_key="k", transport=script, model="V5") as suno:
        with pytest.raises(InvalidJob, match=r"UploadCover was not sent: upload_url must be a file .*gone\.mp3"):
            await suno.upload_cover(upload_url=tmp_path / "gone.mp3", prompt="jazz")
    assert script.sent == []


async def test_nothing_is_uploaded_for_a_job_that_is_wrong(tmp_path: Path) -> None:
    script = Script()
    song = tmp_path / "a.mp3"
    song.write_bytes(b"tune")
    async with SunoClient(api_key="k", transport=script) as suno:
        with pytest.raises(InvalidJob) as caught:
            await suno.add_vocals(upload_url=song, prompt="la", title="", style="pop", negative_tags="")
        assert [problem.field for problem in caught.value.problems] == ["title"]
        with pytest.raises(InvalidJob, match="upload_url must be a file that can be read"):
            await suno.add_vocals(upload_url=tmp_path / "b.mp3", prompt="la", title="La", style="pop", negative_tags="")
        with pytest.raises(InvalidJob, match="title must be text"):
            await suno.generate_music(title=song, style="pop")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert script.sent == []


async def test_text_is_never_taken_for_a_file_of_this_machine() -> None:
    """A web backend hands on what its users say; only a Path is read from disk."""
    for text in ("/etc/passwd", "file:///etc/passwd", "song.mp3"):
        with pytest.raises(InvalidJob, match="upload_url must be an http"):
            validation.check(AddVocals(upload_url=text, title="La", style="pop", negative_tags=""))
        with pytest.raises(InvalidJob, match="upload_url_list"):
            validation.check(Mashup(upload_url_list=(text, text), style="pop", title="La", model="V5"))
    validation.check(AddVocals(upload_url=Path("song.mp3"), title="La", style="pop", negative_tags=""))
    validation.check(GenerateMusic(prompt="x", image_urls=(Path("a.png"), "https://e.example/b.png"), model="V6"))


@pytest.mark.usefixtures("threads")
async def test_text_that_a_user_typed_is_not_read_from_disk(tmp_path: Path) -> None:
    """A backend that lets its users give an address hands `upload` a text; only a Path should mean a file."""
    (tmp_path / ".env").write_text("SUNO_API_KEY=secret")
    script = Script(submits=[reply({"downloadUrl": URL})])
    async with SunoClient(api_key="k", transport=script) as suno:
        with pytest.raises(InvalidJob):
            await suno.upload(str(tmp_path / ".env"))
    assert b"secret" not in b"".join(body for *_, body in script.sent)
