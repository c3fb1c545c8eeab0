"""Black Forest Labs: how it is given tasks, and how they are asked about and collected."""
