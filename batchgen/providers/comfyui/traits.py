"""What is true of a ComfyUI server. From its source."""

from __future__ import annotations

from batchgen.providers.traits import JobTraits, Traits, remedies

TRAITS = Traits(
    service="ComfyUI",
    # Where it listens unless told otherwise.
    base_url="http://127.0.0.1:8188",
    key_variables=("COMFYUI_API_KEY",),
    remedies=remedies(
        "Check the key that what stands before ComfyUI wants",
        "See what the server says",
        "See what the server says",
    ),
    has_keyless_servers=True,
    needs_key=False,
    # The history is kept until the server ends; a graphics card that is busy for a night is waited for.
    jobs=JobTraits(kept_s=86_400.0, longest_s=86_400.0, has_own_ids=True),
)
