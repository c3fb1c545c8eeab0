"""A service that its user describes in the configuration: `kind = "http"`."""
