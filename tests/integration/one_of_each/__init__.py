"""A third party's distribution with one part of every kind, written against the hooks of 0.1, and one hook of a later core."""
