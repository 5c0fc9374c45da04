"""Folded cases are all tried, and those that fail are named."""

import inspect

import pytest

from .cases import every

NUMBERS = [pytest.param(number, id=f"number {number}") for number in range(20)]


def test_all_are_tried_and_each_that_fails_is_named() -> None:
    tried: list[int] = []

    @every("number", NUMBERS)
    def small(number: int, limit: int) -> None:
        tried.append(number)
        assert number < limit

    assert list(inspect.signature(small).parameters) == ["limit"]  # what is left is a fixture
    small(limit=20)
    with pytest.raises(ExceptionGroup, match=r"^2 of 20 cases: number 18, number 19") as caught:
        small(limit=18)
    assert tried == [*range(20), *range(20)]
    assert [exc.__notes__ for exc in caught.value.exceptions] == [["in the case number 18"], ["in the case number 19"]]


async def test_so_are_those_of_coroutines() -> None:
    @every(("number", "word"), [(1, "one"), (2, "two"), (3, "two")])
    async def spelt(number: int, word: str) -> None:
        assert {1: "one", 2: "two", 3: "three"}[number] == word

    with pytest.raises(ExceptionGroup, match=r"^1 of 3 cases: 3-two"):
        await spelt()


def test_no_cases_are_a_mistake() -> None:
    with pytest.raises(AssertionError):
        every("number", [])
