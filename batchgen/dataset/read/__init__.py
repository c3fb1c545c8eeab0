"""Reading a dataset without a lock, also while a run writes it."""
