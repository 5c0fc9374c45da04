"""Recordings of real gateways: each is played back to the question that it answers."""

from pathlib import Path
from typing import Any

import msgspec

from suno_async import Pace
from suno_async.cli.live.gateway import Gateway
from suno_async.cli.live.questions import QUESTIONS
from suno_async.cli.live.recorder import Exchange, Recording
from suno_async.errors import ResponseLost
from suno_async.testing import make_music
from suno_async.wire.envelope import Reply

__all__ = ["FOLDER", "replayed"]

FOLDER = Path(__file__).parent / "recordings"


class Replay:
    """A transport that answers as it was recorded, in the same order for each path; the last answer for good."""

    def __init__(self, exchanges: list[Exchange]) -> None:
        self._left: dict[tuple[str, str], list[Exchange]] = {}
        for one in exchanges:
            self._left.setdefault((one.method, one.path.partition("?")[0]), []).append(one)

    async def send(self, method: str, url: str, body: bytes = b"", *, fresh: bool = False) -> Reply:
        path = "/" + url.split("://", 1)[1].partition("/")[2].partition("?")[0]
        answers = self._left.get((method, path))
        if not answers:
            raise ResponseLost(f"{method} {path} is not in the recording")
        one = answers.pop(0) if len(answers) > 1 else answers[0]
        return Reply(one.status, msgspec.json.encode(one.body) if not one.text else one.text.encode())

    async def upload(self, url: str, form: Any) -> Reply:
        raise ResponseLost("nothing is uploaded")

    def fetch(self, url: str, *, start: int = 0, validator: str = "") -> Any:
        raise ResponseLost("nothing is fetched")

    async def aclose(self) -> None: ...


async def replayed(path: Path) -> tuple[Recording, str]:
    """A recording, and the answer that its question has from it now."""
    recording = msgspec.json.decode(path.read_bytes(), type=Recording)
    question = next(one for one in QUESTIONS if one.name == recording.question)
    pace = Pace(first=0.0, growth=1.0, cap=0.0, patience=5.0)
    gateway = Gateway(Replay(recording.exchanges), "https://recorded.invalid", key="none", pace=pace)
    gateway.song = make_music()
    try:
        return recording, await question.ask(gateway)
    finally:
        await gateway.aclose()
