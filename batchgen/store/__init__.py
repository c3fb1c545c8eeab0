"""Where bytes are kept: a local folder."""
