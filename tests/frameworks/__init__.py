"""The receiver in each framework: whole applications, and the tests that run them on their servers.

In each program, everything down to `app` is what one would paste. Below it: the same behind a path prefix, with the
token in the path of the address, and other ways to the same end.
"""
