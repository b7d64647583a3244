"""The launcher's own commands: plugins, parts, recipe, run."""
