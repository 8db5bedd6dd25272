"""The schema of a run and its loading from YAML and dotted overrides."""
