"""Checking a dataset against itself, repairing it, and correcting its costs."""
