"""The emulator's page in a real browser: `make test-page`."""
