"""Names of saved files: safe everywhere, one track's alone."""

from pathlib import Path

import pytest

from suno_async.api.results import File
from suno_async.files.names import file_name

TITLES = [
    *("../../etc/passwd", "..", ".", "", " ", "a/b\\c", "C:\\x", "nul", "CON", "x" * 500, "雨" * 200, "🎷" * 100),
    *("a\0b", "new\nline", "tab\there", 'qu"ote<>|?*', "‮right to left", "trailing. ", "-rf", "~root", "$(x)"),
    "e\u0301",
]


@pytest.mark.parametrize("title", TITLES)
def test_names_are_safe_whatever_the_title(title: str, tmp_path: Path) -> None:
    name = file_name(File("https://f.example/x/a.mp3?b=/../c", title, "id-1", ".mp3"))
    target = tmp_path / name
    target.write_bytes(b"x")
    assert target.resolve().parent == tmp_path.resolve()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert len(name.encode()) < 100
    assert not name.startswith((".", "-"))
    assert name.isprintable()
    assert set('<>:"/\\|?*\0').isdisjoint(name)


def test_different_tracks_never_share_a_name_and_one_track_always_has_the_same() -> None:
    near = [f"00000000-0000-4000-8000-00000000000{n}" for n in range(10)]
    names = {file_name(File(f"https://f.example/{n}.mp3", "Same", id, ".mp3")) for n, id in enumerate(near)}
    assert len(names) == 10
    one, two = (File(f"https://{host}.example/a.mp3", "Same", "id-1", ".mp3") for host in ("old", "new"))
    assert file_name(one) == file_name(two)
    without = {file_name(File(f"https://f.example/{n}.mp3", "Same", "", ".mp3")) for n in range(2)}
    assert len(without) == 2


@pytest.mark.parametrize(
    ("url", "suffix"),
    [
        ("https://f.example/a.m4a", ".m4a"),
        ("https://f.example/a.MP3?x=.exe", ".mp3"),
        ("https://f.example/a.exe", ".mp3"),
        ("https://f.example/a", ".mp3"),
        ("https://f.example/a.tar.gz/", ".mp3"),
    ],
)
def test_suffixes_come_from_the_address_if_they_are_media(url: str, suffix: str) -> None:
    assert Path(file_name(File(url, "La", "id-1", ".mp3"))).suffix == suffix
