"""Tools: where an actor's code runs."""
