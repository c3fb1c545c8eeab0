"""The write-ahead log: what a run has been told survives a crash at any moment."""
