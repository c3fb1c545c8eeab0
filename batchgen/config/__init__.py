"""Settings: defaults, a TOML file, the environment and flags become one frozen `RunConfig`."""
