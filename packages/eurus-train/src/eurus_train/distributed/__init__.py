"""Several processes: who they are, how a model is shared among them, how they start and where they left off."""
