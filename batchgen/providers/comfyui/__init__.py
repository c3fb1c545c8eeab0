"""ComfyUI: how a server of one's own is given workflows, and how they are asked about and collected."""
