"""Help for the tests of those who extend this package: the contract of stores."""
