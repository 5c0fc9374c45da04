"""Other people's clients of this API, unchanged, against the emulator: `make third-party`."""
