"""What would be sent for a row, shown and not sent: made by the same wire as real calls."""

from __future__ import annotations

from collections.abc import Iterator

from batchgen.config.settings import RunConfig
from batchgen.core.attempts import make_attempt_id
from batchgen.core.errors import UsageError
from batchgen.core.request import ImageRequest
from batchgen.manifest.source import Manifest
from batchgen.planning.rows import read_rows
from batchgen.planning.rules import Rules
from batchgen.providers.http.curl import as_curl
from batchgen.providers.registry import check_providers, find_factory, key_variables, models_of

# Stands for the id of a run that does not exist.
_NO_RUN = "00000000T000000Z-0000"


def curl_commands(manifest: Manifest, rules: Rules, config: RunConfig, row_id: str) -> list[str]:
    """Return each request of a row as a curl command, its key masked. Needs no key and sends nothing.

    Raises:
        UsageError: No row has this id, or the row is wrong, or its provider's settings are.
        ManifestError: The manifest cannot be read.
    """
    shown = [_show(request, rules, config) for request in _requests_of(manifest, rules, row_id)]
    if not shown:
        raise UsageError(f"No row that can be sent has the id {row_id!r} in {manifest.name}.")
    return shown


def _requests_of(manifest: Manifest, rules: Rules, row_id: str) -> Iterator[ImageRequest]:
    for batch in read_rows(manifest, rules):
        for invalid in batch.invalid:
            if invalid.row_id == row_id:
                reasons = "; ".join(problem.message for problem in invalid.problems)
                raise UsageError(f"The row {row_id!r} on line {invalid.line} is never sent: {reasons}")
        for index, other in enumerate(batch.row_ids):
            if other == row_id:
                yield batch.request(index)


def _show(request: ImageRequest, rules: Rules, config: RunConfig) -> str:
    check_providers((request.provider,), config)
    settings = config.provider(request.provider)
    factory = find_factory(settings)
    traits, wire = factory.traits(settings), factory.wire(settings, models_of(rules.catalog, settings))
    call = wire.submit(request, make_attempt_id(_NO_RUN, request.fingerprint, 1))
    return as_curl(call, settings.base_url or traits.base_url, key_variables(settings, traits)[0])
