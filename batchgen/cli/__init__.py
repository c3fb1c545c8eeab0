"""Words of the command line -> calls of the other rooms -> words, exit codes."""
