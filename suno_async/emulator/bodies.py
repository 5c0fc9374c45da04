"""What the service reports of a task: details pages, records of the jobs API, callbacks."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from ..api import providers
from ..api.requests import Job
from ..api.results import Music
from ..api.updates import Stage
from ..wire import jobs_api
from .families.base import gives
from .faults import CallbackException, Fail
from .runs import Run

__all__ = ["callback", "details", "record", "unknown"]

END = float("inf")
"""A time at which every task has ended."""


def unknown(kind: type[Job[Any]], task_id: str) -> dict[str, Any]:
    """The details page for an id that is unknown, or not visible yet."""
    if kind.state_in_code:
        return {"code": 404, "msg": "Record does not exist", kind.query: task_id, "data": None}
    return {"code": 200, "msg": "success", "data": None}


def details(run: Run, now: float) -> dict[str, Any]:
    """The details page of the legacy API."""
    stage, files = run.state(now)
    kind = _job(run)
    body: dict[str, Any] = {"code": 200, "msg": "success", "data": {}}
    if kind.state_in_code:
        body |= {"code": _word(run, stage, kind.statuses, now), kind.query: run.id, "data": None}
        body["msg"] = run.reason if stage is Stage.FAILED else "success" if stage is Stage.COMPLETE else "running"
    else:
        body["data"] = _state(run, stage, now)
    _put(body, kind.details_result_path, run.family.response(run, stage, files))
    return body


def record(run: Run, stage: Stage, files: bool = True, now: float = END) -> dict[str, Any]:
    """`data` of the details page of the jobs API, which is the same for all tasks."""
    failed = stage is Stage.FAILED
    found = run.family.jobs_result(run, files) if stage is Stage.COMPLETE else None
    completed = run.completed(stage)
    return {
        "taskId": run.id,
        "model": providers.PREFIX + run.kind.operation,
        "state": _word(run, stage, jobs_api.STATES, now),
        "param": run.param,
        "resultJson": msgspec.json.encode(found).decode() if found is not None else "",
        "response": found,
        "failCode": str(run.error) if failed else None,
        "failMsg": run.reason if failed else None,
        "costTime": completed - run.created if completed else None,
        "completeTime": completed,
        "createTime": run.created,
        "updateTime": completed or run.created,
        "creditsConsumed": None if completed is None else 0 if failed and run.family.refunds else run.cost,
    }


def callback(run: Run, stage: Stage) -> dict[str, Any]:
    """The body that is posted when a task reaches a stage."""
    failed = stage is Stage.FAILED
    body: dict[str, Any] = {
        "code": run.family.failure_code(run) if failed else _success_code(run),
        "msg": run.reason if failed else "All generated successfully.",
        "data": {},
    }
    # an assumption: no page shows these callbacks (docs/service.md#not-established)
    if run.asked.jobs_api and not gives(run.kind, Music):
        return body | {"data": record(run, stage)}
    kind, provider = _job(run), run.asked.provider
    if kind.details_result_path == ("data",):  # their callbacks repeat the details page
        body["data"] = _state(run, stage)
    place = provider.callback_result_paths.get(kind.path, kind.callback_result_paths[0])
    _put(body, place, run.family.posted_result(run, stage))
    default = ("data", "task_id") if isinstance(body["data"], dict) else ("task_id",)
    _put(body, provider.callback_task_id_paths.get(kind.path, default), run.id)
    return body | {"data": body["data"] or None}


def _success_code(run: Run) -> int:
    return 200 if 200 in run.kind.success else run.kind.success[0]


def _state(run: Run, stage: Stage, now: float = END) -> dict[str, Any]:
    """`data` of the details page without the result."""
    family = run.family
    code, message = (run.error, run.reason) if stage is Stage.FAILED else family.no_error
    return {
        "taskId": run.id,
        **family.page(run, stage),
        family.state: _word(run, stage, _job(run).statuses, now),
        "errorCode": code,
        "errorMessage": message,
    }


def _put(body: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    """Put a value at its place in a body; an object that is all of `data` or of the body is merged into it."""
    if place in ((), ("data",)) and (value is None or isinstance(value, dict)):
        (body["data"] if place else body).update(cast("dict[str, Any]", value or {}))
        return
    *outer, name = place
    for step in outer:
        body[step] = body.get(step) or {}
        body = body[step]
    body[name] = value


def _word(run: Run, stage: Stage, statuses: Mapping[Any, Stage], now: float) -> Any:
    """The status word for a stage; several words for PENDING follow one another in equal parts of the time."""
    said = stage if stage in statuses.values() else Stage.PENDING
    numeric = isinstance(next(iter(statuses)), int)  # the page of covers has numbers, and words beside them
    words = [word for word, means in statuses.items() if means is said and isinstance(word, int) is numeric]
    if said is Stage.PENDING:
        words = words or [0 if numeric else "PENDING"]
        turn = run.marks[Stage.COMPLETE] / len(words)
        return words[sum(now >= run.born + turn * place for place in range(1, len(words)))]
    if said is Stage.FAILED:
        if isinstance(run.fault, Fail) and run.fault.status in words:
            return run.fault.status
        return run.family.failed if run.family.failed in words else words[:2][-1]
    return "CALLBACK_EXCEPTION" if isinstance(run.fault, CallbackException) and words[0] == "SUCCESS" else words[0]


def _job(run: Run) -> type[Job[Any]]:
    return cast("type[Job[Any]]", run.kind)
