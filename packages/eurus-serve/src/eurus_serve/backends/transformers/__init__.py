"""Generation with transformers: batches that requests join and leave, on one device or several."""
