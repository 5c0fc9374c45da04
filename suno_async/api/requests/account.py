"""Credits, links, and files handed in."""

from collections.abc import AsyncIterable, Collection, Iterator
from os import PathLike
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from ...errors import Problem
from ..fields import Text, Url
from ..results import UploadedFile
from .base import Call

__all__ = ["GetCredits", "GetDownloadUrl", "UploadBase64", "UploadFromUrl", "UploadStream"]


class GetCredits(Call[float], frozen=True, kw_only=True):
    """The credits left.

    Source: https://docs.kie.ai/common-api/get-account-credits
    """

    path = "/api/v1/chat/credit"
    method = "GET"
    result = float
    repeatable = True


class GetDownloadUrl(Call[str], frozen=True, kw_only=True):
    """A direct link for a file that this gateway made, valid 20 minutes. KIE only.

    Source: https://docs.kie.ai/common-api/download-url
    """

    path = "/api/v1/common/download-url"
    result = str
    repeatable = True
    required = ("url",)

    url: Url
    """As a result tells it."""


Folder = Annotated[str, Meta(pattern=r"^[^/](.*[^/])?$", extra={"is": "a folder without slashes at its ends"})]


class UploadCall(Call[UploadedFile], frozen=True, kw_only=True):
    """Hands in a file, for 3 days. Free."""

    result = UploadedFile
    repeatable = True
    uploads = True

    upload_path: Folder = "suno-async"
    """Folder on the upload host, without slashes at its ends."""
    file_name: Text | None = None
    """With its suffix; random if left out. The same name overwrites."""


class UploadBase64(UploadCall, frozen=True, kw_only=True):
    """Hand in a small file as text; up to 10 MB are advised.

    Source: https://docs.kie.ai/file-upload-api/upload-file-base-64
    """

    path = "/api/file-base64-upload"
    required = ("base64_data", "upload_path")

    base64_data: Text
    """Base64, plain or as a data: URL."""


class UploadFromUrl(UploadCall, frozen=True, kw_only=True):
    """Hand in a file by its address; the service fetches it within 30 s, up to 100 MB are advised.

    Source: https://docs.kie.ai/file-upload-api/upload-file-url
    """

    path = "/api/file-url-upload"
    required = ("file_url", "upload_path")

    file_url: Url
    """Public address."""


class UploadStream(UploadCall, frozen=True, kw_only=True):
    """Hand in a file of any size, from disk or from an async iterator of bytes.

    Source: https://docs.kie.ai/file-upload-api/upload-file-stream
    """

    path = "/api/file-stream-upload"
    required = ("file", "upload_path")

    if TYPE_CHECKING:
        file: PathLike[str] | bytes | AsyncIterable[bytes]
    else:
        file: Any
    """What to send."""

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        if not isinstance(self.file, PathLike | bytes | AsyncIterable):
            yield Problem("file", "must be a Path, bytes or an async iterator of bytes", self.file)
