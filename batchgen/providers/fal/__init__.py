"""fal: how its queue is given jobs, and how they are asked about and collected."""
