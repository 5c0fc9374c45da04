"""Files handed in."""

from .base import Result

__all__ = ["UploadedFile"]


class UploadedFile(Result, frozen=True, kw_only=True, rename="camel"):
    """A file on the gateway's upload host, for 3 days (NOTES §8)."""

    download_url: str | None = None
    """Give this to the music endpoints."""
    file_name: str | None = None
    file_path: str | None = None
    file_size: int | None = None
    """Bytes."""
    mime_type: str | None = None
    uploaded_at: str | None = None
    """ISO 8601 with Z."""
    expires_at: str | None = None
    """Not in live answers."""

    @property
    def complete(self) -> bool:
        return bool(self.download_url)
