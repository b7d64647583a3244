"""An episode: the steps of a trajectory, and the journal that lets it go on after a kill."""
