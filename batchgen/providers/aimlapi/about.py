"""What AI/ML API says of a call beside its images: the cost in `x-aimlapi-usd-spent`, the id in `x-inference-id`."""

from __future__ import annotations

from batchgen.providers.aimlapi.body_cost import cost_in
from batchgen.providers.answers.header_cost import parse_cost
from batchgen.providers.answers.reading import About
from batchgen.providers.base import HttpResponse
from batchgen.providers.http.redaction import MAX_ID_CHARACTERS


def read_about(response: HttpResponse, text: bytes) -> About:
    """Return it; the body tells the cost where no header does."""
    inference_id = response.headers.get("x-inference-id")
    cost_usd = parse_cost(response.headers.get("x-aimlapi-usd-spent"))
    return About(
        cost_in(text) if cost_usd is None else cost_usd,
        response.redact(inference_id, MAX_ID_CHARACTERS) if inference_id else None,
    )
