"""The loop of a run: takes requests from planning to a provider, and answers to the dataset."""
