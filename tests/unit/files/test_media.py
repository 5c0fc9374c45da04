"""What is media and what stands in its place."""

import pytest

from suno_async.emulator.media import Content, make
from suno_async.emulator.media.songs import Tune, whole
from suno_async.files.media import why_no_media

MP3 = b"\xff\xfb\x90d" + bytes(400)
M4A = b"\0\0\0\x20ftypM4A " + bytes(400)
JPEG = b"\xff\xd8\xff\xe0" + bytes(400)


@pytest.mark.parametrize(
    ("content_type", "head", "suffix"),
    [
        ("audio/mpeg", MP3, ".mp3"),
        ("audio/mpeg", b"ID3\x04", ".mp3"),
        ("application/octet-stream", MP3, ".mp3"),
        ("", MP3, ".mp3"),
        ("audio/mpeg", M4A, ".mp3"),  # M4A in an MP3's clothes
        ("text/plain", MP3, ".mp3"),
        ("text/html; charset=utf-8", b"ID3\x04", ".mp3"),
        ("application/octet-stream", b"\0\1\2 unknown", ".mp3"),
        ("binary/octet-stream", b"RIFF\0\0\0\0WAVE", ".wav"),
        ("image/jpeg", JPEG, ".jpeg"),
        ("image/svg+xml", b"", ".jpeg"),
        ("", b"RIFF\0\0\0\0WEBP", ".png"),
        ("audio/midi", b"MThd", ".mid"),
        ("", b"{\xff\xfe\xfd", ".mp3"),
        ("", b"<3", ".mp3"),
    ],
)
def test_media_stays_whatever_its_type(content_type: str, head: bytes, suffix: str) -> None:
    assert why_no_media(content_type, head, suffix) == ""


@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".wav", ".png", ".jpeg", ".mp4", ".mid"])
def test_files_that_play_are_media(suffix: str) -> None:
    assert why_no_media("text/plain", make(Content(whole(Tune("a", 1.0)), "a"), suffix)[:512], suffix) == ""


@pytest.mark.parametrize(
    ("content_type", "head"),
    [
        ("text/html", b"<!DOCTYPE html><title>Sign in</title>"),
        ("audio/mpeg", b"<!doctype html>"),
        ("audio/mpeg", b"\xef\xbb\xbf\r\n <html>"),
        ("audio/mpeg", b"\xff\xfe<\0h\0t\0m\0l\0>\0"),
        ("application/octet-stream", b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'),
        ("audio/mpeg", b"<Error>"),
        ("audio/mpeg", b'{"code": 404, "msg": "no such file"}'),
        ("application/json", b"null"),
        ("application/problem+json; charset=utf-8", b"x"),
        ("application/xml", b"x"),
        ("text/plain", b"error code: 1016"),
        ("audio/mpeg", '[{"msg": "文件"}]'.encode()[:13]),
        ("image/jpeg", JPEG),
        ("audio/mpeg", b"\x89PNG\r\n\x1a\n"),
    ],
)
def test_a_page_in_place_of_a_song_is_none(content_type: str, head: bytes) -> None:
    assert why_no_media(content_type, head, ".mp3") != ""
