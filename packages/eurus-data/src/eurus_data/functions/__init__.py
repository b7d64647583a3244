"""Functions that an actor's code may call."""
