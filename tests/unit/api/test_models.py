"""Models: their names, and what unknown ones are taken for."""

import pytest

from suno_async import Limits, Model
from suno_async.api.models import before_v6, is_v6, limits_of


@pytest.mark.parametrize(
    ("model", "before", "v6"),
    [("V4", True, False), ("V5_5", True, False), ("V6", False, True), ("V6_MINI", False, True)],
)
def test_a_known_model_has_its_generation(model: str, before: bool, v6: bool) -> None:
    assert (before_v6(model), is_v6(model)) == (before, v6)
    assert limits_of(model) == Model(model).limits


@pytest.mark.parametrize("model", ["V7", "", None, 6, ["V5"]])
def test_an_unknown_model_has_no_limits_and_counts_as_new(model: str | None) -> None:
    assert limits_of(model) is None
    assert not before_v6(model)
    assert not is_v6(model)


def test_a_model_is_its_name() -> None:
    assert Model.V5 == "V5"
    assert f"{Model.V5}" == "V5"
    assert Limits() == Model.V4_5.limits
