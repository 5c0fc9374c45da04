"""What is media and what only stands in its place: by the type that is declared and by the first bytes."""

import codecs

__all__ = ["HEAD", "KINDS", "kind_of", "why_no_media"]

HEAD = 512
"""Bytes that are enough to tell."""
KINDS = {
    "audio": (".mp3", ".m4a", ".wav", ".flac", ".ogg"),
    "image": (".jpeg", ".jpg", ".png", ".webp"),
    "video": (".mp4",),
    "midi": (".mid",),
}
"""Kinds of files, with their suffixes."""

IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")
OTHERS = (b"ID3", b"fLaC", b"OggS", b"MThd", b"\x1aE\xdf\xa3", b"FORM")
BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def kind_of(suffix: str) -> str:
    """Return audio, image, video or midi; empty for other suffixes."""
    return next((kind for kind, suffixes in KINDS.items() if suffix in suffixes), "")


def why_no_media(content_type: str, head: bytes, suffix: str) -> str:
    """Return what an answer is instead of media; empty if it may be media.

    Known first bytes count more than the type: hosts serve MP3 as text and M4A as MP3. Unknown ones are taken for
    media unless they or the type say that it is a page.

    Args:
        content_type: The header Content-Type, empty if there is none.
        head: The first bytes, `HEAD` of them if there are so many.
        suffix: Suffix of the file that is expected, such as .mp3.
    """
    if head.startswith(IMAGES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return "a picture" if kind_of(suffix) == "audio" else ""
    mpeg_frame = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0
    if head.startswith(OTHERS) or head[:4] == b"RIFF" or head[4:8] == b"ftyp":
        return ""
    # A byte order mark of UTF-16, FF FE, could also begin a frame of MPEG audio.
    return _page(head) or ("" if mpeg_frame else _declared_page(content_type))


def _page(head: bytes) -> str:
    codec = next((codec for mark, codec in BYTE_ORDER_MARKS.items() if head.startswith(mark)), "")
    if codec and _is_text(head, codec):
        return "text"
    start = head.lstrip()
    if start[:1] == b"<" and (start[1:2].isalpha() or start[1:2] in (b"!", b"?")):
        return "a page of HTML or XML"
    return "JSON" if start[:1] in (b"{", b"[") and _is_text(start, "utf-8") else ""


def _is_text(head: bytes, codec: str) -> bool:
    text = codecs.getincrementaldecoder(codec)("replace").decode(head)  # of which the last character may be cut
    return all(char.isprintable() or char.isspace() for char in text.lstrip("\ufeff")) and "\ufffd" not in text


def _declared_page(content_type: str) -> str:
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "image/svg+xml":
        return ""
    page = kind.startswith("text/") or kind.endswith(("/json", "+json", "/xml", "+xml", "/javascript"))
    return f"{kind} instead of media" if page else ""
