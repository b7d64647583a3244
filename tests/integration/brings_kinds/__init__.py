"""A third party's distribution that brings two kinds of objectives, rankings and single labelled actions, and an objective of each."""
