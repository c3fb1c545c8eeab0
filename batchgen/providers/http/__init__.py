"""The one HTTP transport that all providers share."""
