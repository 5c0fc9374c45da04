"""A small bot, and its tests with the pytest plugin of suno_async."""
