"""When a signed link ends, by its own words: object stores and CDNs write it into the query."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from yarl import URL


def expired_at(url: URL) -> datetime | None:
    """Return when a link ends (aware), None if it does not say. S3, Google, CloudFront, Azure and their likes."""
    query = {name.lower(): value for name, value in url.query.items()}
    try:
        for maker in ("x-amz", "x-goog"):
            if f"{maker}-expires" in query and f"{maker}-date" in query:
                signed = datetime.strptime(query[f"{maker}-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
                return signed + timedelta(seconds=int(query[f"{maker}-expires"]))
        if "expires" in query:
            return datetime.fromtimestamp(int(query["expires"]), UTC)
        if "se" in query and "sig" in query:
            ends = datetime.fromisoformat(query["se"])
            return ends if ends.tzinfo else ends.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None
