"""Words of the command line become calls of `_api`, and results become words and exit codes."""
