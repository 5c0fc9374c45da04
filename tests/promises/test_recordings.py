"""What real gateways have answered is read today as it was then.

`suno-async doctor --live` makes such recordings. A file that is put into tests/recordings/ is played back here.
"""

from ..recordings import FOLDER, replayed


async def test_every_recording_gives_the_answer_that_was_read_from_it() -> None:
    assert "doctor --live" in (FOLDER / "README.md").read_text()
    for path in sorted(FOLDER.glob("*.json")):
        recording, answer = await replayed(path)
        assert answer == recording.answer, path.name
