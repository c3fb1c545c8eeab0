"""Settings of clients that would otherwise ask the internet when they are imported."""

from __future__ import annotations

import os

# LiteLLM takes its table of prices from the web unless told not to.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
