"""Tests of what `suno_async.testing` offers, the way its users run it."""
