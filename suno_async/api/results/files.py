"""Uploaded files."""

from .base import Result

__all__ = ["UploadedFile"]


class UploadedFile(Result, frozen=True, kw_only=True, rename="camel"):
    """A file on the gateway's upload host, kept for 3 days (docs/service.md#retention).

    Source: https://docs.kie.ai/file-upload-api/quickstart
    """

    essential = ("download_url",)

    download_url: str | None = None
    """Address of the file, for `upload_url` and the like."""
    file_name: str | None = None
    """Name with suffix."""
    file_path: str | None = None
    """Folder and name on the upload host."""
    file_size: int | None = None
    """Size in bytes."""
    mime_type: str | None = None
    """Type, such as audio/mpeg."""
    uploaded_at: str | None = None
    """Time of the upload, ISO 8601 with Z."""
    expires_at: str | None = None
    """Time of its removal; documented, but never seen in an answer."""

    @property
    def complete(self) -> bool:
        return bool(self.download_url)
