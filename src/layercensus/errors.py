"""The one exception that this library raises for what a user can mend."""


class CensusError(ValueError):
    """One clear line: what must be, what was found, and what to do about it."""
