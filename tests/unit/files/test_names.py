"""Names of saved files: safe everywhere, one track's alone."""

from pathlib import Path

import pytest

from suno_async import KIE, File, GenerateMusic, Music, Result, Stem, Stems, Track
from suno_async.files.names import file_name, file_names
from suno_async.files.wanted import wanted
from suno_async.wire import details

from ...doubles import DONE

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


@pytest.mark.parametrize(
    "title", ["nul", "NUL. x", "con.txt", "Aux .mp3", "com1", "COM1.a.b", "lpt³", "CONIN$", "com0.x"]
)
def test_no_title_names_a_device_of_windows(title: str) -> None:
    """Windows looks at what stands before the first dot."""
    name = file_name(File("https://f.example/a.mp3", title, "id-1", ".mp3"))
    assert name.split(".")[0].rstrip().upper() not in {"NUL", "CON", "AUX", "COM1", "LPT³", "CONIN$", "COM0"}
    assert title.rstrip(". ") in name


def named(what: Result) -> list[str]:
    return [name.rsplit(" ", 1)[0] for name in file_names(wanted(what))]


def take(name: str, title: str = "La") -> Track:
    address = f"https://f.example/{name}"
    return Track(id=name, title=title, audio_url=f"{address}.mp3", image_url=f"{address}.jpeg")


def test_takes_are_numbered_so_that_their_order_survives() -> None:
    assert named(Music(tracks=(take("b"), take("a")))) == ["La (1)", "La (1)", "La (2)", "La (2)"]
    assert named(Music(tracks=(take("a"),))) == ["La", "La"]
    assert named(take("a")) == ["La", "La"]


def test_a_track_has_the_same_name_alone_and_in_its_music() -> None:
    update = details.update(DONE, GenerateMusic, KIE, "t1", "V5")
    music = update.result
    assert isinstance(music, Music)
    together = file_names(wanted(music))
    alone = [name for track in music.tracks for name in file_names(wanted(track))]
    assert together == alone
    assert [name.rsplit(" ", 1)[0] for name in together] == ["Sample (1)"] * 2 + ["Sample (2)"] * 2


def test_two_tracks_with_one_id_do_not_share_a_name() -> None:
    names = file_names(wanted(Music(tracks=(take("a"), take("a")))))
    assert len({name.casefold() for name in names}) == 4
    marks = {name.rsplit(" ", 1)[1] for name in names}
    assert len(marks) == 4


def test_names_do_not_depend_on_the_case_of_titles() -> None:
    stems = Stems(
        vocal_url="https://f.example/1", origin_data=(Stem(id="x", name="VOCAL", audio_url="https://f.example/2"),)
    )
    assert len({name.casefold() for name in file_names(wanted(stems))}) == 2
