"""Every number that is claimed anywhere, measured side by side in one run: `make bench`.

Both sides take turns on the same bytes or the same server, and medians of several rounds count.
"""
