"""Every number that is claimed anywhere, measured side by side in one run: `make bench`.

Both sides take turns, and the least of several rounds counts: what else the machine does only ever adds.
"""
