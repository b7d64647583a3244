"""A training while and after it runs: its metrics, their curves, and what a reader should see in them."""
