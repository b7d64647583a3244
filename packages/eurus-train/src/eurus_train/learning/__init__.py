"""How it is learnt: the stage, the lessons, the trainer, and the processes that share the work."""
