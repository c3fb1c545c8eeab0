"""What Python code sees of batchgen; `import batchgen` offers the same names and loads them on first use."""
