"""The clients that are measured: batchgen, and what it is measured against."""
