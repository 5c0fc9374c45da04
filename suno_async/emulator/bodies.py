"""What the service says of a job: details pages, records of the jobs route, callbacks."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from ..api import providers
from ..api.requests import Job
from ..api.results import Music
from ..api.updates import Stage
from ..wire import jobs_api
from .families import Run
from .faults import Fault

__all__ = ["callback", "details", "record", "unknown"]

AT_THE_END = float("inf")
"""A moment at which everything is over."""


def unknown(kind: type[Job[Any]], task_id: str) -> dict[str, Any]:
    """The details page of a task that is not known (yet)."""
    if kind.state_in_code:
        return {"code": 404, "msg": "Record does not exist", kind.query: task_id, "data": None}
    return {"code": 200, "msg": "success", "data": None}


def details(run: Run, now: float) -> dict[str, Any]:
    """The details page of the older paths."""
    stage, files = run.state(now)
    kind = _job(run)
    body: dict[str, Any] = {"code": 200, "msg": "success", "data": {}}
    if kind.state_in_code:
        body |= {"code": _word(run, stage, kind.statuses, now), kind.query: run.id, "data": None}
        body["msg"] = run.reason if stage is Stage.FAILED else "success" if stage is Stage.COMPLETE else "running"
    else:
        body["data"] = _said(run, stage, now)
    _put(body, kind.details_result_path, run.family.response(run, stage, files))
    return body


def record(run: Run, stage: Stage, files: bool = True, now: float = AT_THE_END) -> dict[str, Any]:
    """`data` of the one page of the jobs route."""
    failed = stage is Stage.FAILED
    found = run.family.job(run, files) if stage is Stage.COMPLETE else None
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
    """The body that is posted when a job reaches a stage."""
    failed = stage is Stage.FAILED
    body: dict[str, Any] = {
        "code": run.family.told(run) if failed else 200,
        "msg": run.reason if failed else "All generated successfully.",
        "data": {},
    }
    if run.asked.jobs_api and run.kind.result is not Music:  # as far as anybody knows (NOTES §16)
        return body | {"data": record(run, stage)}
    kind, provider = _job(run), run.asked.provider
    if kind.details_result_path == ("data",):  # these post what their page says
        body["data"] = _said(run, stage)
    _put(
        body, provider.callback_result_paths.get(kind.path, kind.callback_result_paths[0]), run.family.news(run, stage)
    )
    _put(body, provider.callback_task_id_paths.get(kind.path, ("data", "task_id")), run.id)
    return body | {"data": body["data"] or None}


def _said(run: Run, stage: Stage, now: float = AT_THE_END) -> dict[str, Any]:
    """`data` of the details page, but for the result."""
    family = run.family
    code, message = (run.error, run.reason) if stage is Stage.FAILED else family.fine
    return {
        "taskId": run.id,
        **family.page(run, stage),
        family.state: _word(run, stage, _job(run).statuses, now),
        "errorCode": code,
        "errorMessage": message,
    }


def _put(body: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    """Put something where the table says it lies; what is all of `data` or of the body becomes a part of it."""
    if place in ((), ("data",)):
        (body["data"] if place else body).update(value or {})
        return
    *outer, name = place
    for step in outer:
        body = body[step]
    body[name] = value


def _word(run: Run, stage: Stage, statuses: Mapping[Any, Stage], now: float) -> Any:
    """The word for a stage in one vocabulary; of several for "still going", each has its time."""
    said = stage if stage in statuses.values() else Stage.PENDING
    token_id = isinstance(next(iter(statuses)), int)  # the page of covers knows numbers, and words beside them
    words = [word for word, means in statuses.items() if means is said and isinstance(word, int) is token_id]
    if said is Stage.PENDING:
        turn = run.marks[Stage.COMPLETE] / len(words)
        return words[sum(now >= run.born + turn * place for place in range(1, len(words)))]
    if said is Stage.FAILED:
        if run.fault is Fault.REJECT and "SENSITIVE_WORD_ERROR" in words:
            return "SENSITIVE_WORD_ERROR"
        return run.family.failed if run.family.failed in words else words[:2][-1]
    lost = run.undelivered or run.fault is Fault.UNDELIVERED
    return "CALLBACK_EXCEPTION" if lost and words[0] == "SUCCESS" else words[0]


def _job(run: Run) -> type[Job[Any]]:
    return cast("type[Job[Any]]", run.kind)
