"""The receiver in each framework, as one would paste it: down to `app`, that is all there is to it.

Below: behind a path prefix, with the token in the path of the address, and other ways to the same end.
"""
