"""The pace that fits the speed of an emulator."""

import math

from ..tasks.pace import Pace
from .families.music import Tracks

__all__ = ["pace_at"]

PATIENCE = 120.0
"""Real seconds of patience at least: a client gives up a success without files after 60 of them, and a task that nobody
knows after 90, and both say more than a TaskTimeout.
"""
GAP = 0.36
"""Seconds between two polls of a task: a client makes at most three a second."""


def pace_at(speed: float) -> Pace | None:
    """The pace for a client of an emulator; None for that of each kind of job, at real time or slower.

    Args:
        speed: Seconds of the emulator's clock in one real second; 0 if it is moved by hand, infinite if polls move
            it.
    """
    if speed == math.inf:  # each poll tells a stage, so that more than a few are made only for a task that never ends
        return Pace(first=0.001, growth=1.1, cap=0.02, patience=5.0)
    if speed == 0:
        return Pace(first=0.01, growth=1.0, cap=GAP)
    if speed <= 1:
        return None
    usual = Pace()
    longest = max(latest for _, latest in Tracks.marks.values())
    # The second poll is a gap later. So the first one waits for the whole song, if that takes less than a gap.
    first = max(usual.first / speed, min(longest / speed, GAP))
    return Pace(first, usual.growth, max(usual.cap / speed, first), max(usual.patience / speed, PATIENCE))
