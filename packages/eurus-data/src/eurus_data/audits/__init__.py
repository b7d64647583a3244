"""What tree sets hold, counted."""
