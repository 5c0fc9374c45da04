"""Checks of options that several commands have."""

from urllib.parse import urlsplit

import typer

__all__ = ["http_address", "provider_name"]


def provider_name(name: str) -> str:
    """Refuse a name that no built-in provider has."""
    from ..api.providers import provider_named
    from ..errors import ConfigurationError

    try:
        provider_named(name)
    except ConfigurationError as exc:
        raise typer.BadParameter(str(exc)) from None
    return name


def http_address(url: str) -> str:
    """Refuse what is no http(s) address; empty text passes."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if url and not usable:
        raise typer.BadParameter(f"must be an http(s) address, got {url!r}")
    return url
