"""Refusals, and the answers to submits and calls."""

from typing import Any

import pytest

from suno_async import (
    KIE,
    SUNOAPI,
    AlreadyExists,
    ApiError,
    BoostStyle,
    DecodeError,
    GenerateCover,
    GenerateMusic,
    GetCredits,
    GetTimestampedLyrics,
    InsufficientCredits,
    InvalidRequest,
    Maintenance,
    Mashup,
    NotFound,
    QuotaExceeded,
    RateLimited,
    ReplaceSection,
    ServerError,
    SunoError,
    TaskFailed,
    Unauthorized,
)
from suno_async.api.requests import Job
from suno_async.api.updates import Update
from suno_async.wire import details
from suno_async.wire import envelope as envelope_module
from suno_async.wire.envelope import Reply

from ...doubles import DONE, envelope, reply


def read(answer: Reply | bytes, job: type[Job[Any]] = GenerateMusic) -> Update[Any]:
    return details.update(answer if isinstance(answer, Reply) else Reply(200, answer), job, KIE, "t1")


PROBABLY_NOTHING = {
    "html": b"<html><body>502 Bad Gateway</body></html>",
    "truncated": DONE.body[:-20],
    "empty": b"",
    "not utf-8": b'{"code":200,"msg":"\xff\xfe"}',
}


@pytest.mark.parametrize("body", PROBABLY_NOTHING.values(), ids=PROBABLY_NOTHING)
def test_bodies_that_are_not_json_are_server_errors_with_their_start(body: bytes) -> None:
    with pytest.raises(ServerError) as caught:
        read(Reply(502, body))
    assert (caught.value.code, caught.value.status) == (0, 502)
    assert caught.value.message == body[:200].decode(errors="replace")


@pytest.mark.parametrize("body", [b"[]", b"null", b'{"ok":true}', b'{"code":"many"}', b'"x"'])
def test_json_of_another_shape_is_a_decode_error(body: bytes) -> None:
    with pytest.raises(DecodeError):
        read(body)


def test_deep_nesting_is_one_of_our_errors() -> None:
    with pytest.raises(SunoError):
        read(b'{"code":200,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


KIE_CODES: dict[int, type[ApiError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    402: InsufficientCredits,
    409: AlreadyExists,
    413: InvalidRequest,
    429: RateLimited,
    430: RateLimited,
    433: QuotaExceeded,
    451: InvalidRequest,
    455: Maintenance,
    500: ServerError,
    501: ServerError,
    505: ServerError,
    531: ServerError,
    408: ServerError,
    777: ServerError,
    299: ApiError,
}


SUNOAPI_CODES: dict[int, type[ApiError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    404: NotFound,
    405: RateLimited,
    409: AlreadyExists,
    413: InvalidRequest,
    429: InsufficientCredits,
    430: RateLimited,
    455: Maintenance,
    500: ServerError,
}


@pytest.mark.parametrize(
    ("provider", "code", "kind"),
    [(KIE, code, kind) for code, kind in KIE_CODES.items()]
    + [(SUNOAPI, code, kind) for code, kind in SUNOAPI_CODES.items()],
    ids=lambda value: getattr(value, "name", None) or getattr(value, "__name__", None) or str(value),
)
def test_a_code_inside_a_200_is_an_error(provider: Any, code: int, kind: type[ApiError]) -> None:
    with pytest.raises(ApiError) as caught:
        envelope_module.accepted(Reply(200, envelope(None, code=code, msg="no")), provider, GenerateMusic)
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.message, caught.value.path) == (code, "no", "/api/v1/generate")


def test_429_means_what_the_gateway_the_page_and_the_text_say() -> None:
    def refusal(provider: Any, kind: type[Job[Any]], msg: str = "") -> type[Exception]:
        with pytest.raises(ApiError) as caught:
            envelope_module.accepted(Reply(200, envelope(None, code=429, msg=msg)), provider, kind)
        return type(caught.value)

    assert refusal(KIE, GenerateMusic) is RateLimited
    assert refusal(SUNOAPI, GenerateMusic) is InsufficientCredits
    assert refusal(SUNOAPI, Mashup) is RateLimited
    assert refusal(SUNOAPI, ReplaceSection) is RateLimited
    assert refusal(SUNOAPI, Mashup, "The current credits are insufficient") is InsufficientCredits


def test_the_http_status_counts_when_the_body_claims_success() -> None:
    with pytest.raises(Unauthorized):
        envelope_module.accepted(Reply(401, envelope({"taskId": "t1"})), KIE, GenerateMusic)


def test_a_rate_limit_in_front_of_the_api_is_a_rate_limit() -> None:
    with pytest.raises(RateLimited) as caught:
        envelope_module.accepted(Reply(429, b"slow down", 7.0), SUNOAPI, GenerateMusic)
    assert caught.value.retry_after == 7.0


def test_a_refused_repeat_names_the_existing_task() -> None:
    with pytest.raises(AlreadyExists) as caught:
        envelope_module.accepted(Reply(200, envelope({"taskId": "old"}, code=400)), KIE, GenerateCover)
    assert caught.value.existing_task_id == "old"


@pytest.mark.parametrize("data", [None, {}, {"taskId": ""}, {"taskId": None}, [], "t1"])
def test_an_acceptance_without_an_id_is_not_one(data: Any) -> None:
    with pytest.raises(DecodeError):
        envelope_module.accepted(reply(data), KIE, GenerateMusic)


def test_the_code_decides_and_not_the_id() -> None:
    """Template answers of the pages: an id with a refusal is a refusal."""
    with pytest.raises(InvalidRequest):
        envelope_module.accepted(Reply(200, b'{"code":422,"msg":"success","data":{"taskId":"t1"}}'), KIE, GenerateMusic)


@pytest.mark.parametrize(
    ("answer", "surely"),
    [
        (Reply(200, envelope(code=500)), True),
        (Reply(429, b"slow down"), True),
        (Reply(403, b"<html>blocked</html>"), True),
        (Reply(301, b""), True),
        (Reply(502, b"<html>bad gateway</html>"), False),
        (Reply(504, b""), False),
        (Reply(200, b'{"code":200,"data":{"task'), False),
        (Reply(200, b'{"code":200,"data":null}'), False),
        (Reply(500, b'{"error":"x"}'), False),
    ],
)
def test_which_failures_prove_that_nothing_was_made(answer: Reply, surely: bool) -> None:
    with pytest.raises(SunoError) as caught:
        envelope_module.accepted(answer, KIE, GenerateMusic)
    assert envelope_module.created_nothing(caught.value) is surely


def test_credits_come_with_decimals() -> None:
    assert (
        envelope_module.result(Reply(200, b'{"code":200,"msg":"success","data":5916.25}'), GetCredits, KIE) == 5916.25
    )
    assert envelope_module.result(Reply(200, b'{"code":200,"data":12}'), GetCredits, KIE) == 12


def test_a_style_counts_when_it_is_there_whatever_the_flag_says() -> None:
    live = '{"code":200,"data":{"result":"rich","param":"x","successFlag":"成功","errorMsg":"","creditsConsumed":0.4}}'
    style = envelope_module.result(Reply(200, live.encode()), BoostStyle, KIE)
    assert (style.text, style.credits_consumed) == ("rich", 0.4)
    failed = b'{"code":200,"data":{"result":null,"successFlag":"2","errorMsg":"no luck"}}'
    with pytest.raises(TaskFailed, match="no luck"):
        envelope_module.result(Reply(200, failed), BoostStyle, KIE)


def test_an_empty_answer_to_a_call_is_a_decode_error() -> None:
    with pytest.raises(DecodeError):
        envelope_module.result(Reply(200, b'{"code":200,"data":null}'), GetCredits, KIE)


@pytest.mark.parametrize(
    ("status", "body"),
    [(502, envelope({"taskId": "t1"})), (504, envelope(None, code=504, msg="Gateway Timeout"))],
    ids=["500 that says accepted", "gateway timeout in json"],
)
def test_a_5xx_that_does_not_prove_a_refusal_is_uncertain(status: int, body: bytes) -> None:
    with pytest.raises(SunoError) as caught:
        envelope_module.accepted(Reply(status, body), KIE, GenerateMusic)
    assert not envelope_module.created_nothing(caught.value)


def test_a_null_beside_the_answer_to_a_call_is_nothing() -> None:
    answered = reply({"alignedWords": [{"word": "la", "startS": 1.0, "endS": 2.0}, None], "waveformData": None})
    assert [word.word for word in envelope_module.result(answered, GetTimestampedLyrics, KIE).words] == ["la"]


@pytest.mark.parametrize("body", [b'{"data":{"taskId":"t1"}}', b'{"code":null,"data":{"taskId":"t1"}}'])
def test_an_answer_that_names_its_task_and_no_code_is_accepted(body: bytes) -> None:
    assert envelope_module.accepted(Reply(200, body), KIE, GenerateMusic) == "t1"


@pytest.mark.parametrize("body", [b'{"data":{}}', b'{"code":null,"data":null}', b'{"code":false,"msg":"no"}'])
def test_an_answer_with_neither_code_nor_task_cannot_be_read(body: bytes) -> None:
    with pytest.raises(DecodeError):
        envelope_module.accepted(Reply(200, body), KIE, GenerateMusic)
