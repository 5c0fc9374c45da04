"""Hundreds of cases in one test."""

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

SHOWN = 5
"""How many failures are shown whole."""


def every(names: str | tuple[str, ...], cases: Iterable[Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """As `pytest.mark.parametrize`, but one test tries all cases, and its failure names each that fails.

    For hundreds of cases without side effects that take less time than it takes to collect, schedule and report a test.

    Args:
        names: The names of the arguments.
        cases: Their values, or what `pytest.param` returns, which has a name for the case. A generator is run by the
            test, so that they are not made in each process that collects it.
    """
    arguments = (names,) if isinstance(names, str) else names

    @functools.cache
    def named() -> list[tuple[str, dict[str, Any]]]:
        made = [_case(arguments, case) for case in cases]
        assert made, "no cases"
        return made

    if not isinstance(cases, Iterator):
        named()

    def fold(test: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(test)

        @functools.wraps(test)
        def tries(**fixtures: Any) -> None:
            failed: dict[str, Exception] = {}
            for name, values in named():
                try:
                    test(**values, **fixtures)
                except Exception as exc:
                    failed[name] = exc
            _report(failed, len(named()))

        @functools.wraps(test)
        async def awaits(**fixtures: Any) -> None:
            failed: dict[str, Exception] = {}
            for name, values in named():
                try:
                    await test(**values, **fixtures)
                except Exception as exc:
                    failed[name] = exc
            _report(failed, len(named()))

        one: Any = awaits if inspect.iscoroutinefunction(test) else tries
        one.__signature__ = signature.replace(
            parameters=[value for name, value in signature.parameters.items() if name not in arguments]
        )
        return one  # type: ignore[no-any-return]

    return fold


def _case(arguments: tuple[str, ...], case: Any) -> tuple[str, dict[str, Any]]:
    """The name of a case and its arguments."""
    if hasattr(case, "values") and hasattr(case, "marks"):  # of pytest.param
        values, name = case.values, case.id
    else:
        values, name = ((case,) if len(arguments) == 1 else case), None
    given = dict(zip(arguments, values, strict=True))
    return name or "-".join(getattr(value, "__name__", None) or str(value) for value in values), given


def _report(failed: dict[str, Exception], tried: int) -> None:
    """Fail with the names of all cases that failed, and show the first ones."""
    if not failed:
        return
    for name, exc in failed.items():
        exc.add_note(f"in the case {name}")
    told = f"{len(failed)} of {tried} cases: {', '.join(failed)}"
    raise ExceptionGroup(told, list(failed.values())[:SHOWN])
