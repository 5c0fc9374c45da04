"""A file that is not whole yet: kept if it can be continued, locked while it is written."""

import sys
from pathlib import Path

import anyio
import pytest

from suno_async.files.fetching import Begin, Known
from suno_async.files.part_file import PartFile

pytestmark = pytest.mark.usefixtures("threads")

KNOWN = Known(10, '"one"', True)


async def left(target: Path, body: bytes, known: Known = KNOWN) -> None:
    """What a call leaves that breaks off."""
    part = PartFile(target)
    await part.open()
    await part.begin(Begin(0, known))
    await part.write(body)
    await part.aclose()


async def test_a_part_is_continued_and_takes_the_name_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "a.mp3"
    await left(target, b"12345")
    part = PartFile(target)
    assert await part.open() == (5, KNOWN)
    await part.begin(Begin(5, KNOWN))
    await part.write(b"67890")
    assert not target.exists()
    await part.finish()
    await part.aclose()
    assert target.read_bytes() == b"1234567890"
    assert list(tmp_path.iterdir()) == [target]


async def test_what_follows_a_new_beginning_is_void(tmp_path: Path) -> None:
    target = tmp_path / "a.mp3"
    await left(target, b"12345")
    part = PartFile(target)
    await part.open()
    await part.begin(Begin(0, KNOWN))
    await part.write(b"abc")
    await part.finish()
    assert target.read_bytes() == b"abc"


@pytest.mark.parametrize(("body", "known"), [(b"", KNOWN), (b"123", Known()), (b"123", Known(10))])
async def test_what_cannot_be_continued_is_removed(body: bytes, known: Known, tmp_path: Path) -> None:
    await left(tmp_path / "a.mp3", body, known)
    assert list(tmp_path.iterdir()) == []


async def test_one_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "a.mp3"
    await left(target, b"12345")
    one, two = PartFile(target), PartFile(target)
    await one.open()
    assert await two.open() == (0, Known())
    await two.begin(Begin(0, KNOWN))
    await two.write(b"two")
    await two.finish()
    assert target.read_bytes() == b"two"
    await one.begin(Begin(5, KNOWN))
    await one.write(b"67890")
    await one.finish()
    assert target.read_bytes() == b"1234567890"
    assert list(tmp_path.iterdir()) == [target]


async def test_a_second_one_that_fails_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "a.mp3"
    one = PartFile(target)
    await one.open()
    await left(target, b"two")
    await one.aclose()
    assert list(tmp_path.iterdir()) == []


async def test_what_a_killed_process_left_is_continued(tmp_path: Path) -> None:
    target = tmp_path / "a.mp3"
    await anyio.run_process([sys.executable, "-c", PROGRAM, str(target)], check=False)
    part = PartFile(target)
    assert await part.open() == (5, KNOWN)
    await part.aclose()


PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path
from suno_async.files.fetching import Begin, Known
from suno_async.files.part_file import PartFile

async def main():
    part = PartFile(Path(sys.argv[1]))
    await part.open()
    await part.begin(Begin(0, Known(10, '"one"', True)))
    await part.write(b"12345")
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
