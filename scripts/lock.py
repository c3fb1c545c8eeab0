"""Prints the versions installed in this environment, as a constraints file for pip."""

from importlib.metadata import distributions

# Not ours to pin: the project itself and what pip brings.
_LEFT_OUT = {"batchgen", "pip", "setuptools", "wheel"}

print("# The versions that CI ran on. Written by `make lock`; pip takes it with --constraint.")
for line in sorted(
    {f"{found.name.lower()}=={found.version}" for found in distributions() if found.name not in _LEFT_OUT}
):
    print(line)
