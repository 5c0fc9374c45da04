"""Credits, download links and uploads."""

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
    """Get the number of credits left.

    Source: https://docs.kie.ai/common-api/get-account-credits
    """

    path = "/api/v1/chat/credit"
    method = "GET"
    result = float
    repeatable = True


class GetDownloadUrl(Call[str], frozen=True, kw_only=True):
    """Get a direct link to a file that the gateway made, valid for 20 minutes. KIE only.

    Args:
        url: Address of the file, as a result has it.

    Source: https://docs.kie.ai/common-api/download-url
    """

    path = "/api/v1/common/download-url"
    result = str
    required = ("url",)

    url: Url


Folder = Annotated[str, Meta(pattern=r"^[^/](.*[^/])?$", extra={"is": "a folder without slashes at its ends"})]


class UploadCall(Call[UploadedFile], frozen=True, kw_only=True):
    """An upload. Free; the file is kept for 3 days.

    Args:
        upload_path: Folder on the upload host, without slashes at its ends. Default: suno-async.
        file_name: Name with its suffix; a file of the same name is overwritten. Default: random.
    """

    result = UploadedFile
    repeatable = True
    uploads = True

    upload_path: Folder = "suno-async"
    file_name: Text | None = None


class UploadBase64(UploadCall, frozen=True, kw_only=True):
    """Upload a small file as Base64 text; up to 10 MB are advised.

    Args:
        base64_data: The file in Base64, plain or as a data: URL.

    Source: https://docs.kie.ai/file-upload-api/upload-file-base-64
    """

    path = "/api/file-base64-upload"
    required = ("base64_data", "upload_path")

    base64_data: Text


class UploadFromUrl(UploadCall, frozen=True, kw_only=True):
    """Upload a file by its address, which the service fetches within 30 s; up to 100 MB are advised.

    Args:
        file_url: Public address of the file.

    Source: https://docs.kie.ai/file-upload-api/upload-file-url
    """

    path = "/api/file-url-upload"
    required = ("file_url", "upload_path")

    file_url: Url


class UploadStream(UploadCall, frozen=True, kw_only=True):
    """Upload a file of any size, from disk or from an async iterator of bytes.

    Args:
        file: The file: a Path, bytes, or an async iterator of bytes.

    Source: https://docs.kie.ai/file-upload-api/upload-file-stream
    """

    path = "/api/file-stream-upload"
    required = ("file", "upload_path")

    if TYPE_CHECKING:
        file: PathLike[str] | bytes | AsyncIterable[bytes]
    else:
        file: Any

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        yield from super().problems(unsupported_fields)
        if not isinstance(self.file, PathLike | bytes | AsyncIterable):
            yield Problem("file", "must be a Path, bytes or an async iterator of bytes", self.file)
