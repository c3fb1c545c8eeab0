"""What is true of a ComfyUI server. From its source."""

from __future__ import annotations

from types import MappingProxyType

from batchgen.core.outcomes import ErrorKind
from batchgen.providers.traits import JobTraits, Traits

_AGAIN = "then type the same command again."

TRAITS = Traits(
    service="ComfyUI",
    # Where it listens unless told otherwise.
    base_url="http://127.0.0.1:8188",
    key_variables=("COMFYUI_API_KEY",),
    remedies=MappingProxyType(
        {
            ErrorKind.BAD_KEY: f"Check the key that what stands before ComfyUI wants, {_AGAIN}",
            ErrorKind.NO_CREDITS: f"See what the server says, {_AGAIN}",
            ErrorKind.ACCOUNT: f"See what the server says, {_AGAIN}",
            ErrorKind.QUOTA: f"See what the server says, {_AGAIN}",
            ErrorKind.UNEXPLAINED: f"Check the address (providers.comfyui.base_url), {_AGAIN}",
            ErrorKind.NOT_FOUND: f"Check the address (providers.comfyui.base_url), {_AGAIN}",
        }
    ),
    has_keyless_servers=True,
    needs_key=False,
    # The history is kept until the server ends; a graphics card that is busy for a night is waited for.
    jobs=JobTraits(kept_s=86_400.0, longest_s=86_400.0, has_own_ids=True),
)
