"""One HTTP call as a curl command, to be read or repeated by hand; the key stays in its environment variable."""

from __future__ import annotations

import shlex
from urllib.parse import urlencode

from batchgen.providers.base import HttpCall
from batchgen.providers.http.url import without_version


def as_curl(call: HttpCall, base_url: str, key_variable: str) -> str:
    """Return the command that makes a call, in the words of a POSIX shell.

    Args:
        call: What a wire wants to be sent.
        base_url: Where the service is.
        key_variable: The environment variable that holds the key; the shell puts it in when the command runs.
    """
    query = f"?{urlencode(call.query)}" if call.query else ""
    header, before_key = call.authorization
    lines = [f"curl -X {call.method} {shlex.quote(without_version(base_url) + call.path + query)}"]
    lines += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in call.headers.items()]
    lines.append(f'-H "{header}: {before_key}${key_variable}"')
    if call.body is not None:
        lines.append(f"--data-raw {shlex.quote(call.body.decode('utf-8', 'replace'))}")
    return " \\\n  ".join(lines)
