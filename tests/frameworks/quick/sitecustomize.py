"""Loaded by Python in programs that have this folder in PYTHONPATH: they poll as fast as the emulator makes songs."""

from suno_async.tasks import pace

pace.SLOW = pace.QUICK = pace.Pace(first=0.1, growth=1.0, cap=0.1)
