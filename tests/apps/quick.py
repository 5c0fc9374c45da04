"""Runs an example that polls as fast as the emulator makes songs: `python -m tests.apps.quick examples/….py …`."""

import os
import runpy
import sys
from pathlib import Path

from suno_async.tasks import pace

if __name__ == "__main__":
    pace.SLOW = pace.QUICK = pace.Pace(first=0.1, growth=1.0, cap=0.1)
    if "PID_FILE" in os.environ:  # of a process that somebody else starts
        Path(os.environ["PID_FILE"]).write_text(str(os.getpid()))
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
