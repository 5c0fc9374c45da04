"""The default pace against how long songs take: how late the end is noticed, and with how many looks."""

from itertools import accumulate

from suno_async import GenerateMusic
from suno_async.pace import pace_of

from .table import Row

# Files are there after 2 to 3 minutes (NOTES §4, sunoapi's quick start); evenly spread for want of better.
DURATIONS = [120 + 60 * n / 999 for n in range(1000)]


def suite() -> list[Row]:
    late, looks = 0.0, 0
    for duration in DURATIONS:
        for count, at in enumerate(accumulate(pace_of(GenerateMusic).pauses()), 1):
            if at >= duration:
                late += at - duration
                looks += count
                break
    late, mean = late / len(DURATIONS), looks / len(DURATIONS)
    return [
        Row("default pace, the end noticed late by (mean)", late, "s", "", None, "≤ 6 s", late <= 6),
        Row("default pace, looks a song (mean)", mean, "", "", None, "≤ 14", mean <= 14),
    ]
