"""The loop of a run: takes requests from planning to a provider, and what comes back to the dataset."""
