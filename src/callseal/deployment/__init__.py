"""The typed deployment: one TOML file, models and validators with ids."""
