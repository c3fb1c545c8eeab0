"""A model of the Gemini API for tests, a provider of it with a made-up key, and answers as the service gives them."""

from __future__ import annotations

import base64
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from batchgen.catalog import Model, load_catalog
from batchgen.config.settings import HttpSettings, ProviderSettings, RateSettings
from batchgen.core.request import ImageRequest, SeedSource
from batchgen.providers.api_key import ApiKey
from batchgen.providers.gemini.factory import FACTORY
from batchgen.providers.gemini.traits import TRAITS
from batchgen.providers.http.provider import HttpProvider

SECRET = "gemini/secret+key=1"
MODEL = "gemini-for-tests"
CATALOG = f"""\
name = "{MODEL}"
provider = "gemini"

[price]
date = 2026-11-25
source = "made up for a test"

[price.tokens]
text_in = 1.5
text_out = 7.5
image_out = 30.0
most_usd_per_image = 0.05

[fields.prompt]
type = "string"

[fields.seed]
type = "integer"
min = 0
max = 2147483647
path = "generationConfig.seed"

[fields.aspect_ratio]
type = "string"
values = ["1:1", "16:9"]
default = "1:1"
path = "generationConfig.imageConfig.aspectRatio"

[fields.image_size]
type = "string"
values = ["1K", "2K"]
default = "1K"
path = "generationConfig.imageConfig.imageSize"
"""
USAGE = {
    "promptTokenCount": 10,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 10}],
    "candidatesTokenCount": 1120,
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
    "thoughtsTokenCount": 100,
    "totalTokenCount": 1230,
}
# What these tokens cost: 10 of text in, 1120 of an image, 100 of thoughts.
USAGE_USD = (10 * 1.5 + 1120 * 30 + 100 * 7.5) / 1e6


def gemini_model() -> Model:
    """The model that the catalog file describes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gemini.toml"
        path.write_text(CATALOG)
        return load_catalog([path]).find(MODEL)


def gemini_request(**changes: Any) -> ImageRequest:
    """A request for one image."""
    request = ImageRequest(
        fingerprint="0" * 32,
        row_id="cat",
        row_number=0,
        line=2,
        request_number=0,
        num_images=1,
        provider="gemini",
        model=MODEL,
        prompt="a cat",
        seed=7,
        seed_source=SeedSource.DERIVED,
        params={"aspect_ratio": "16:9", "image_size": "2K"},
        price_usd=None,
    )
    return replace(request, **changes)


def open_gemini(base_url: str, **http: Any) -> HttpProvider:
    """An open account; `http` overrides settings of `HttpSettings` by name."""
    limits = RateSettings(concurrency=4)
    http_settings = replace(HttpSettings(), **http)
    settings = ProviderSettings("gemini", None, base_url, None, "base64", http_settings, limits)
    model = gemini_model()
    provider = FACTORY.open(settings, ApiKey(SECRET, TRAITS.key_variables[0], TRAITS.service), {model.name: model})
    assert isinstance(provider, HttpProvider)
    return provider


def inline(image: bytes, **about: Any) -> dict[str, Any]:
    """A part that is an image."""
    return {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(image).decode()}, **about}


def candidate(*parts: dict[str, Any], reason: str = "STOP", **about: Any) -> dict[str, Any]:
    """One result of the model."""
    return {"content": {"parts": list(parts), "role": "model"}, "finishReason": reason, "index": 0, **about}


def answer_of(*candidates: dict[str, Any], **about: Any) -> bytes:
    """The body of a success."""
    answer = {"usageMetadata": USAGE, "modelVersion": f"{MODEL}-001", "responseId": "response-1"}
    return json.dumps({"candidates": list(candidates), **answer, **about}).encode()


def error_of(code: int, status: str, message: str, *details: dict[str, Any]) -> bytes:
    """The body of an error in Google's form."""
    return json.dumps({"error": {"code": code, "message": message, "status": status, "details": details}}).encode()


def quota_of(quota_id: str) -> dict[str, Any]:
    """The detail that names the quota which was used up."""
    metric = "generativelanguage.googleapis.com/generate_content_paid_tier_requests"
    violation = {"quotaMetric": metric, "quotaId": quota_id, "quotaDimensions": {"model": MODEL, "location": "global"}}
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]}


def retry_in(delay: str) -> dict[str, Any]:
    """The detail that says when to ask again."""
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def reason_of(reason: str) -> dict[str, Any]:
    """The detail that says by a code what is wrong."""
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}
