"""How long each kind of task takes."""

from collections.abc import Mapping
from typing import Any

from ..api import results
from ..api.updates import Stage

__all__ = ["DURATIONS", "OTHER", "Marks"]

Marks = Mapping[Stage, tuple[float, float]]
"""When each stage is reached, at the earliest and at the latest, in seconds after the submit."""

DURATIONS: Mapping[Any, Marks] = {
    # "Stream URL after 30 to 40 s and files after 2 to 3 minutes" (docs/service.md#task-life-cycle).
    results.Music: {Stage.TEXT: (8, 14), Stage.FIRST: (30, 40), Stage.COMPLETE: (120, 180)},
    # The pages say nothing of the others. These fit the intervals at which they advise to poll.
    results.Lyrics: {Stage.COMPLETE: (4, 9)},
    results.Wav: {Stage.COMPLETE: (8, 20)},
    results.Cover: {Stage.COMPLETE: (10, 30)},
    results.Midi: {Stage.COMPLETE: (10, 30)},
    results.Recovery: {Stage.COMPLETE: (10, 30)},
    results.Stems: {Stage.COMPLETE: (20, 60)},
    results.Video: {Stage.COMPLETE: (30, 90)},
    results.VoicePhrase: {Stage.COMPLETE: (15, 30)},
    results.Voice: {Stage.COMPLETE: (30, 60)},
}
"""The durations of tasks by their result. Each task has one of its own between the two bounds, which follows from its
id."""
OTHER: Marks = {Stage.TEXT: (1, 3), Stage.FIRST: (3, 9), Stage.COMPLETE: (5, 15)}
"""Those of endpoints of users, and of calls that the jobs API answers by a task."""
