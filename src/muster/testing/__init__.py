"""The suites that every implementation of a contract passes: subclass one, give it your own, and run pytest."""
