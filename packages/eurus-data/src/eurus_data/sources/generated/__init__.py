"""Stories of the generated word problems: operations, worlds, and the telling."""
