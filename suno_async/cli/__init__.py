"""The command line: `suno-async`, or `python -m suno_async`. It needs the extra `cli`."""

import sys

__all__ = ["main"]

EXTRA = ("typer", "rich", "platformdirs")
"""The packages of the extra."""


def main() -> None:
    """Run the command line."""
    try:
        from .app import app
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] not in EXTRA:
            raise
        sys.exit(f"suno-async: {exc.name} is missing: pip install 'suno-async[cli]'")
    except KeyboardInterrupt:
        sys.exit(130)
    app(prog_name="suno-async")
