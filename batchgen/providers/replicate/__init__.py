"""Replicate: how it is given predictions, and how they are asked about and collected."""
