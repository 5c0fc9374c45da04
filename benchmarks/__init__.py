"""Every number that is claimed anywhere, measured side by side in one run: `make bench`."""
