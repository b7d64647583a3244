"""A third party's distribution with one part of every kind: the hooks of 0.1, the three that 0.2 added, and one of a later core."""
