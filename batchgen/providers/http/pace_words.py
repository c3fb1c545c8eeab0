"""What the words of a refusal mean for the pace: too much at once, a quota of a day, or a wait that was given up.

Statuses do not tell them apart: a 429 may be of a minute or of a month, a 503 of a door or of the room behind it, and a
500 in JSON of a gateway that waited in vain. All functions are pure.
"""

from __future__ import annotations

import re
from typing import Final

from batchgen.core.outcomes import ErrorKind
from batchgen.providers.http.refusals import is_about_money, is_empty
from batchgen.providers.http.said import Said


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_PACE_CODES: Final = _any(
    r"throttl|ratelimit(exceeded|reached|error)|toomanyrequests|quotaexceeded|(daily|monthly|weekly)limitexceeded"
)
_PACE_WORDS: Final = _any(
    r"\brate[ -]?limit\w*\b[^.]{0,30}\b(?:exceeded|reached|hit)",
    r"\b(?:exceeded|reached|hit)\b[^.]{0,30}\brate[ -]?limit",
    r"\btoo many (?:requests|concurrent)|\bthrottl(?:ed|ing)\b|\bslow down\b",
    r"\brequest rate (?:is )?too (?:high|fast)\b",
    r"\bquota\b[^.]{0,60}\b(?:exceeded|exhausted|reached|used up)\b|\b(?:exceeded|reached)\b[^.]{0,30}\bquota\b",
    r"\b(?:daily|weekly|monthly|hourly|usage|concurren\w+) (?:\w+ )?limit (?:was |has been |is )?"
    r"(?:exceeded|reached|hit)\b",
    r"\b(?:exceeded|reached|hit) your (?:daily|weekly|monthly|hourly|usage) (?:\w+ )?limit\b",
)
# Words of what stands before a service, nginx's limit_req first, and those of services themselves.
_DOOR: Final = r"service temporarily unavailable|\btoo many (?:requests|connections)\b|\brate[ -]?limit"
_DOOR_WORDS: Final = _any(_DOOR)
_LOAD_WORDS: Final = _any(_DOOR, r"overload|\btoo many\b|\b(?:at|over|out of) capacity\b|\bbusy\b")
# Of an answer that was waited for in vain: what was asked for may have arrived, and may go on.
_CUT_OFF_CODES: Final = _any(r"timed?out|deadlineexceeded|econn(reset|aborted)|epipe|connection(reset|closed)")
_CUT_OFF_WORDS: Final = _any(
    r"\btimed?[ -]?out\b|\bdeadline (?:was )?(?:exceeded|expired)\b",
    r"\be(?:sock)?(?:timedout|connreset|connaborted|pipe)\b",
    r"\bsocket hang ?up\b|\bbroken pipe\b|\breset by peer\b|\b(?:server|peer) (?:has )?disconnected\b",
    r"\bconnection (?:was |has been )?(?:reset|aborted|closed|terminat\w+|lost)\b",
    r"\b(?:upstream|backend|origin)\b[^.]{0,40}\b(?:closed|disconnect|reset|invalid response|no response)",
    r"\binvalid response\b[^.]{0,40}\b(?:upstream|backend|origin)\b",
)
_A_DAY_CODES: Final = _any(r"per(day|month|week)|daily|monthly|weekly")
_A_MINUTE_CODES: Final = _any(r"per(minute|second|hour)")
_A_DAY: Final = _any(
    r"\bper[ -]?(?:day|week|month)\b|/ ?\d* ?(?:d|day|week|month)\b",
    r"\b(?:daily|monthly|weekly|today|tomorrow|midnight)\b",
    r"\b[rti]pd\b|\b(?:a|this|each|every) (?:day|week|month|year)\b|\byearly\b|\b24[ -]?h(?:ours?)?\b",
    r"\b\d+ (?:days?|weeks?|months?)\b|\bbilling (?:cycle|period)\b|\bresets? on \d{4}-\d\d-\d\d",
)
_A_MINUTE: Final = _any(
    r"\bper[ -]?(?:s|sec|second|m|min|minute|hour)\b|/ ?\d* ?(?:s|sec|seconds?|m|min|minutes?|h|hour)\b",
    r"\b[rti]pm\b|\b[rq]ps\b",
    r"\b(?:a|an|each|every|this|one) (?:second|minute|hour)\b",
    r"\b\d+(?:\.\d+)? ?(?:m?s|seconds?|secs?|minutes?|mins?)\b",
    r"\b\d+h?\d*m\d+s\b|\bconcurren\w+|\bhourly\b",
)


def is_pace(said: Said) -> bool:
    """Whether too much was asked at once, in an answer whose status says something else."""
    return said.has(_PACE_CODES) or _PACE_WORDS.search(said.plain) is not None


def is_load(said: Said) -> bool:
    """Whether the service had no room for the request, and so did not begin with it."""
    return _LOAD_WORDS.search(said.words) is not None


def is_cut_off(said: Said) -> bool:
    """Whether an application stopped waiting for another one behind it, which may go on and charge for its work."""
    return said.has(_CUT_OFF_CODES) or _CUT_OFF_WORDS.search(said.words) is not None


def is_turned_away(said: Said) -> bool:
    """Whether something before the service turned the request away for its number, and so passed nothing on."""
    return _DOOR_WORDS.search(said.words) is not None


def kind_of_limit(said: Said) -> ErrorKind:
    """What a limit that was reached is: of a pace, which passes by itself, of a day or a month, or of money."""
    if said.has(_A_DAY_CODES):
        return ErrorKind.QUOTA
    if is_empty(said):
        return ErrorKind.NO_CREDITS
    day, minute = _A_DAY.search(said.words), _A_MINUTE.search(said.words)
    if day and (minute is None or day.start() <= minute.start()):
        return ErrorKind.QUOTA
    if minute or said.has(_A_MINUTE_CODES):
        return ErrorKind.RATE_LIMITED
    return ErrorKind.NO_CREDITS if is_about_money(said) else ErrorKind.RATE_LIMITED
