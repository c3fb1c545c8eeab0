"""`[providers.NAME.wire]`: how a service is spoken with that its user describes, for `kind = "http"`.

All is optional but the path. A place in a body is its keys from the top, joined by dots; a number is a place in a list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from batchgen.config.bounds import Passing, Within


def _is_path(text: str) -> bool:
    return re.fullmatch(r"/[!-~]{0,300}", text, re.ASCII) is not None and "?" not in text and "#" not in text


def _is_place(text: str) -> bool:
    return re.fullmatch(r"[^.\s]+(\.[^.\s]+)*", text) is not None and len(text) <= 200


def _is_header(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_-]{1,100}", text, re.ASCII) is not None


def _is_scheme(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_-]{0,50}", text, re.ASCII) is not None


Path = Annotated[str, Passing((_is_path, "is no path like /v1/images/{model}; a query stands in `query`"))]
Place = Annotated[str, Passing((_is_place, "is no place in a body like result.images; keys are joined by dots"))]
Header = Annotated[str, Passing((_is_header, "is not the name of a header"))]
Scheme = Annotated[str, Passing((_is_scheme, "is not a word like Bearer; an empty one sends the key alone"))]
Texts = Mapping[str, str]
# What a refusal can mean, by its words.
Meaning = Literal[
    "safety", "bad_request", "bad_key", "no_credits", "account", "quota", "not_found", "rate_limited", "server_error"
]


@dataclass(frozen=True, slots=True)
class WireSettings:
    """What differs from service to service; None is what most do.

    path: where images are asked for; {model} in it is the model's name. query, headers: sent as they are. key_header,
    key_scheme: which header carries the key, and the word before it. model: where in the body the model's name stands.
    items: where in an answer the images are, a list or one; without it they are looked for. base64, link, prompt,
    unsafe: in an item, its image, its link, the prompt that was drawn, and whether a filter calls it unsafe. error:
    where an answer with status 200 tells of an error. cost, cost_header: what a call cost, in the body or in a header,
    in units of so many US dollars. request_id_header: the service's own id of a call. meanings: what a refusal means
    that has these words in it.
    """

    path: Path | None = None
    query: Texts | None = None
    headers: Texts | None = None
    key_header: Header | None = None
    key_scheme: Scheme | None = None
    model: Place | None = None
    items: Place | None = None
    base64: Place | None = None
    link: Place | None = None
    prompt: Place | None = None
    unsafe: Place | None = None
    error: Place | None = None
    cost: Place | None = None
    cost_header: Header | None = None
    cost_unit_usd: Annotated[float, Within(gt=0, le=1_000_000)] | None = None
    request_id_header: Header | None = None
    meanings: Mapping[str, Meaning] | None = None
