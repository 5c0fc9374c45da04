"""A request as it would be sent, and what is wrong with it. Nothing is sent, and no event loop is needed."""

import os
from collections.abc import Callable, Iterator
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from .api import validation
from .api.fields import local_files
from .api.pricing import estimate
from .api.requests import Call, Request, UploadStream
from .errors import InvalidJob, Problem
from .files import uploads
from .settings import Settings
from .submissions import codec
from .submissions.calls import answered_at_once, check_call_key, check_length
from .submissions.keys import check_key
from .submissions.options import NO_OPTIONS, Options
from .wire import encoding

__all__ = ["Preview", "preview"]

LONGEST_SHOWN = 300
"""Characters of a text in the body that `repr` shows."""


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it would be sent.

    Attributes:
        method: The HTTP method.
        url: The address.
        body: The body, which goes as JSON (of `upload_stream`: the fields of its form). None if there is none, or if
            the values cannot be sent at all. `{token}` stands in the callback address for the token of the
            submission, and `<upload of …>` for the address that a file of this machine will have.
        problems: Why it would be refused before it is sent; empty if it would not be.
        credits: What it will cost by KIE's price list, in credits; None if no price is known.
    """

    method: str
    url: str
    body: dict[str, Any] | None
    problems: tuple[Problem, ...]
    credits: float | None

    def __repr__(self) -> str:
        price = "price not known" if self.credits is None else f"about {self.credits:g} credits"
        lines = [f"{self.method} {self.url}", price, *(f"problem: {problem}" for problem in self.problems)]
        if self.body is not None:
            lines.insert(1, msgspec.json.format(msgspec.json.encode(_cut(self.body)), indent=2).decode())
        return "\n".join(lines)


def preview(request: Request[Any], settings: Settings, options: Options = NO_OPTIONS) -> Preview:
    """Return a request as a client with these settings would send it. InvalidJob if it is no request at all.

    Args:
        request: The job or call.
        settings: The settings of the client.
        options: The options that it would have.
    """
    if not isinstance(request, Request):
        raise InvalidJob("preview", [Problem("job", "must be a Job, for example GenerateMusic(prompt=…)", request)])
    kind, provider, name = type(request), settings.provider, type(request).__name__
    if answered_at_once(request, provider):
        return _call(request, settings, options)
    request, api = request.with_model(settings.model), provider.api_for(request.with_model(settings.model))
    problems = [
        *_refused(lambda: validation.check(request, provider)),
        *_refused(lambda: codec.check_context(name, options.context)),
        *_refused(lambda: check_key(name, options.key)),
    ]
    if not problems:
        problems += _of_files(request, settings)
    body: dict[str, Any] | None = None
    try:
        sent = _with_places(request)
        body = msgspec.json.decode(encoding.encode(sent, api, settings.callback_url_of(kind, "", api)))
    except InvalidJob as exc:
        problems = problems or [*exc.problems]
    return Preview(
        method="POST",
        url=settings.base + api.path(kind),
        body=body,
        problems=tuple(problems),
        credits=estimate(request, provider),
    )


def _call(call: Call[Any], settings: Settings, options: Options) -> Preview:
    """What is answered at once."""
    provider, kind = settings.provider, type(call)
    problems = [
        *_refused(lambda: validation.check(call, provider)),
        *_refused(lambda: check_call_key(call, options.key)),
    ]
    if call.uploads and not settings.upload_base:
        problems.append(_no_host("endpoint", settings, call.path))
    body: dict[str, Any] | None = None
    try:
        if isinstance(call, UploadStream):
            form = uploads.form(call)
            body = {**form.fields, form.name: f"<upload of {form.file_name}>"}
        elif call.method == "POST":
            body = msgspec.json.decode(encoding.encode(call, provider))
    except InvalidJob as exc:
        problems = problems or [*exc.problems]
    return Preview(
        method=call.method,
        url=(settings.upload_base if call.uploads else settings.base) + provider.path(kind),
        body=body,
        problems=tuple(problems),
        credits=estimate(call, provider),
    )


def _refused(check: Callable[[], None]) -> Iterator[Problem]:
    try:
        check()
    except InvalidJob as exc:
        yield from exc.problems


# ---- files of this machine -------------------------------------------------------------------------------------------


def _of_files(request: Request[Any], settings: Settings) -> Iterator[Problem]:
    """What is wrong with the files that are uploaded before a request is sent."""
    yield from _refused(lambda: check_length(request))
    for field, files in local_files(request).items():
        for one in files:
            if not isinstance(one, os.PathLike):
                continue
            if not settings.upload_base:
                yield _no_host(field, settings, one)
            try:
                call = uploads.call_for(one, None, uploads.FOLDER, field)
                assert isinstance(call, UploadStream)
                uploads.form(call, field=field)
            except InvalidJob as exc:
                yield from exc.problems


def _no_host(field: str, settings: Settings, value: object) -> Problem:
    return Problem(field, f"cannot be uploaded, since no upload host of {settings.provider.name} is known", value)


def _with_places(request: Request[Any]) -> Request[Any]:
    """The same request with a text for each file, in the place of its address."""
    places: dict[str, Any] = {}
    for field, files in local_files(request).items():
        texts = [f"<upload of {os.fspath(one)}>" if isinstance(one, os.PathLike) else one for one in files]
        places[field] = tuple(texts) if isinstance(getattr(request, field), tuple | list) else texts[0]
    return replace(request, **places) if places else request


def _cut(value: Any) -> Any:
    """A value of JSON with long texts cut."""
    if isinstance(value, str) and len(value) > LONGEST_SHOWN:
        return f"{value[:LONGEST_SHOWN]}… ({len(value)} characters)"
    if isinstance(value, dict):
        return {name: _cut(one) for name, one in cast("dict[str, Any]", value).items()}
    return [_cut(one) for one in cast(Any, value)] if isinstance(value, list) else value
