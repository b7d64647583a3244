"""What can be seen before anything is learnt: preflight, explain and plan."""
