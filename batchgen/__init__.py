"""batchgen: a table of prompts in, a dataset of images out."""

__version__ = "0.1.0"
