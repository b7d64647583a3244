"""A training before it runs: what it costs, what one forest looks like, whether its first numbers are right."""
