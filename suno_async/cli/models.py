"""`suno-async models`: the models and what they accept."""

from typing import Annotated

import typer

from .task_options import JSON

__all__ = ["models"]


def models(as_json: Annotated[bool, JSON] = False) -> None:
    """Print the models and their limits.

    Other names are passed on to the service. Sends nothing.
    """
    from ..api.models import Model
    from .output import columns, document

    if as_json:
        for model in Model:
            document({"model": str(model), **model.limits._asdict()})
        return
    rows = [("Model", "Lyrics", "Style", "Title", "Song", "Upload", "Duration", "Own voice")]
    for model in Model:
        of = model.limits
        song = "not known" if of.song_minutes is None else f"{of.song_minutes} min"
        rows.append(
            (
                *(str(model), str(of.lyrics), str(of.style), str(of.title), song, f"{of.upload_minutes} min"),
                *("yes" if of.duration else "no", "yes" if of.voice else "no"),
            )
        )
    for line in columns(rows):
        typer.echo(line)
