"""Word problems made by rule, with their solutions."""
