"""A workflow of ComfyUI in API form, and the catalog file that makes it a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

GRAPH: dict[str, Any] = {
    "3": {"class_type": "KSampler", "inputs": {"seed": 1, "steps": 20, "positive": ["6", 0], "latent_image": ["5", 0]}},
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "tiny.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 512, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a placeholder", "clip": ["4", 1]}},
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "batchgen"}},
}
MODEL = """\
name = "portrait"
provider = "comfyui"
workflow = "portrait.json"

[fields.prompt]
type = "string"
path = "6.inputs.text"

[fields.seed]
type = "integer"
min = 0
path = "3.inputs.seed"

[fields.num_images]
type = "integer"
min = 1
max = 4
default = 1
path = "5.inputs.batch_size"

[fields.size]
type = "size"
path = "5.inputs.size"
default = "512x512"
size = { write = "fields", min_side = 64, multiple_of = 8 }
"""


def write_model(folder: Path, model: str = MODEL, graph: object = GRAPH) -> Path:
    """Write the model and its workflow into a folder; return the model's file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "portrait.json").write_text(json.dumps(graph))
    path = folder / "portrait.toml"
    path.write_text(model)
    return path
