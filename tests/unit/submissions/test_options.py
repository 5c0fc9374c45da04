"""Options of one request: what is given comes first."""

from suno_async import Pace
from suno_async.submissions.options import NO_OPTIONS, Options

ALL = Options(key="k", context=0, pace=Pace(first=1), timeout=3.0, max_retries=0)


def test_what_is_given_comes_before_the_others() -> None:
    assert NO_OPTIONS.over(ALL) == ALL
    assert ALL.over(Options(key="o", context=1, pace=Pace(first=2), timeout=9.0, max_retries=9)) == ALL
    assert Options(key="new").over(ALL).key == "new"
    assert Options(max_retries=2).over(ALL) == Options(
        key="k", context=0, pace=Pace(first=1), timeout=3.0, max_retries=2
    )
