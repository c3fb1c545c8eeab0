"""The one way into batchgen: what Python code and the command line call, one module for each noun.

`import batchgen` offers the public names of these modules and loads them on first use. The command line
imports this room and `core`, and no other.
"""
