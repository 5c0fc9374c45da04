"""Where an archive is."""

import io
from pathlib import Path
from typing import Any

import pytest

from suno_async.archive.targets import checksum, target_at


@pytest.mark.parametrize("name", ["a", "[a]"])
@pytest.mark.parametrize("scheme", ["", "file://", "memory://"])
def test_a_file_is_put_in_its_place(scheme: str, name: str, tmp_path: Path) -> None:
    """Whatever its name is: nothing in it is taken for a pattern."""
    target = target_at(f"{scheme}{tmp_path}/songs")
    assert target.size("t1", name) is None
    with pytest.raises(FileNotFoundError):
        target.open("t1", name)
    for body in (b"one", b"two!"):
        with target.staging("t1") as staging:
            (staging / name).write_bytes(body)
            target.publish(staging / name, "t1")
        assert target.size("t1", name) == len(body)
        assert target.size("t1", f"{name}.part") is None
        with target.open("t1", name) as file:
            assert file.read() == body
    assert target.address("t1", name).endswith(f"{tmp_path}/songs/t1/{name}")


def test_a_password_is_not_shown() -> None:
    class FileSystem:
        def unstrip_protocol(self, path: str) -> str:
            return f"ftp://{path}"

    from suno_async.archive.targets import Remote

    assert Remote(FileSystem(), "/songs/").address("t1") == "ftp:///songs/t1"


def test_errors_of_other_libraries_become_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*args: Any, **options: Any) -> Any:
        raise RuntimeError("no credentials")

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.info", denied)
    with pytest.raises(OSError, match="RuntimeError: no credentials"):
        target_at("memory://songs").size("t1", "a")


def test_a_checksum_is_that_of_the_whole_file() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert checksum(io.BytesIO()) == empty
    assert len({checksum(io.BytesIO(bytes(size))) for size in (1, 1 << 20, (1 << 20) + 1)}) == 3
