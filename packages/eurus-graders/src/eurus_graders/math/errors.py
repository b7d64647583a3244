"""What keeps an answer from being read or evaluated."""


class Unreadable(Exception):
    """The text is not mathematics that we know."""


class TooLarge(Exception):
    """Reading or evaluating would pass one of our caps: no fault of who answered."""
