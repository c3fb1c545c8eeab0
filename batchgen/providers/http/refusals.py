"""What the words of a refusal mean: a safety filter, an account that is not served, a model (a pace: `pace_words`).

Statuses do not tell them apart: a moderated prompt is a 400, 403, 422 or 451, an empty account a 400, 403 or 429.
A gateway passes on the words of the service behind it, so the words of many services are known here. They are verdicts
("was flagged by", "has been suspended"), not topics: a 400 about a parameter called `safety_tolerance` is none. All
functions are pure.
"""

from __future__ import annotations

import re
from typing import Final

from batchgen.core.outcomes import ErrorKind
from batchgen.providers.http.said import Said


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


# --- safety ---

_SAFETY_CODES: Final = _any(
    r"moderationblocked|moderationfailed|content(policy)?violation|contentpolicy(error|blocked)|contentfiltered",
    r"^(finishreason)?contentfilter$|content(moderation|moderated|blocked|flagged)$|responsibleai",
    r"^(request|prompt|input|output|image)(moderated|blocked|flagged|filtered)$|prohibitedcontent|policyviolation$",
    r"^(finishreason|blockreason)?(image)?(safety|recitation|blocklist|spii|jailbreak|modelarmor)$",
    r"safety(violations?|checkfailed|blocked|filtered|reject(ed|ion))$",
    r"sensitivecontent|sensitivewords?$|newsensitive$",
    r"^nsfw(content)?(detected)?$|nsfw(content)?detected$|datainspectionfailed|(inappropriate|unsafe|harmful)content",
)
_TOPIC: Final = (
    r"(?:safety(?! (?:settings?|tolerances?|levels?|thresholds?|parameters?|options?|checker))|moderation"
    r"|content (?:polic(?:y|ies)|filter\w*|check\w*|guidelines?|management|safety)|responsible ai"
    r"|usage (?:polic|guideline)|community (?:guideline|standard)|nsfw|prohibited|sensitive|inappropriate|harmful"
    r"|unsafe|sexual\w*|violen\w+|nudity|hate(?:ful)?|self-harm|guardrails?|risk control)"
)
_ADJECTIVE: Final = (
    r"(?:(?<!case.)sensitive|prohibited|banned|inappropriate|unsafe|harmful|nsfw|adult|explicit|sexual\w*|violent"
    r"|offensive|objectionable|disallowed|forbidden|hateful|self-harm|copyright\w*)"
)
_NOUN: Final = r"(?:words?|content(?![- ]?type)|materials?|imagery|images|concepts?|language|topics?|terms|information)"
_SAFETY_WORDS: Final = _any(
    rf"\b(?:reject|block|refus|declin|deni|flag|filtered|remov|withheld|censor)\w*\b[^.]{{0,80}}\b{_TOPIC}",
    rf"\bnot (?:allowed|permitted|accepted)\b[^.]{{0,40}}\b(?:by|under|due|because)\b[^.]{{0,40}}\b{_TOPIC}",
    rf"\b{_TOPIC}[^.]{{0,80}}\b(?:reject(?:ed|s)|blocked|refused|flagged"
    rf"|violat\w+|denied|detected|triggered|filtered)\b",
    r"\bsafety checker (?:has )?(?:reject|block|flag|detect|refus)\w*",
    rf"\b(?:do(?:es)? not|don't|can(?:no|')t|cannot) (?:allow|permit|accept|generate)\b[^.]{{0,60}}\b{_TOPIC}",
    r"\b(?:considered|deemed|found|classified|judged) (?:to be |as )?(?:unsafe|inappropriate|harmful|offensive)",
    r"\b(?:violat|breach|infring)\w*\b[^.]{0,60}\b(?:polic|guideline|terms|standards|safety|practices|copyright)",
    r"\b(?:copyright|trademark)\w*\b[^.]{0,30}\b(?:infring|character|violat)\w*",
    rf"\b{_ADJECTIVE} {_NOUN}",
    r"\bprompt (?:is|was) (?:prohibited|forbidden|disallowed)\b|\bcontent filtered\b|\brefused by the model\b",
    r"\bguardrail\b[^.]{0,40}\b(?:raised|triggered|intervened)\b",
    r"\b(?:goes|went) against\b[^.]{0,40}\b(?:guidelines|rules|terms|standards)",
    r"\b(?:can(?:no|')t|cannot|unable to|won't) (?:help|assist) with\b",
    r"\b(?:request|prompt|content|image|input|output|generation)s? (?:(?:was|were|has been|have been|is|are) )?"
    r"(?:moderated|flagged|censored|blocked(?! by (?:the |a )?(?:remote|server|host|firewall|robots|cors|network)))",
    r"\b(?:fail\w*|(?:did|does|do|could|was|were)(?: not|n't)(?: able to)? pass|not pass)\b[^.]{0,40}"
    r"\b(?:safety|moderation|risk control|content check)",
    r"\b(?:risk|moderation|safety check) (?:check )?(?:did )?not pass",
    r"\bprompt could not be submitted|unable to show (?:the )?generated images|\bnot safe for work\b",
    r"\b(?:can(?:no|')t|cannot|unable to|won't)\b[^.]{0,60}\b(?:content polic"
    r"|usage polic|safety (?:system|polic|guide))",
    r"\b(?:prompt|request|image|input)\b[^.]{0,40}\b(?:contain|includ|depict|mention)\w*\b[^.]{0,40}"
    r"\b(?:public figures?|real (?:people|persons?)|celebrit\w+|trademark\w*|minors)",
    r"敏感|违规|不安全|审核(?:未|不)通过",
)
# Who asks to change a filter is told about a setting.
_ABOUT_A_SETTING: Final = _any(
    r"\b(?:disabl|enabl|turn|toggl|chang|overrid|configur)\w*\b[^.]{0,30}\b(?:safety|moderation|content filter)"
)

# --- money ---

_GONE_CODES: Final = _any(
    r"billinghardlimit|billinglimit|outofcredits?|insufficient(account)?(credits?|funds?|balance)",
    r"notenough(credits?|balance)",
    r"balance(notenough|insufficient|exhausted)|credits?(exhausted|depleted)",
    r"budgetexceeded|exceededbudget|^arrearage$",
    r"overdue|billing(disabled|notactive|notenabled)|paymentrequired",
)
_GONE_WORDS: Final = _any(
    r"\bbilling (?:hard |soft )?limit\b|\b(?:out of|run out of) (?:credits?|balance|funds)\b",
    r"\b(?:insufficient|not enough|no remaining) (?:account |remaining |prepaid )?(?:credits?|funds|balance)\b",
    r"\b(?:credits?|balance|funds)\b[^.]{0,25}\b(?:too low|insufficient"
    r"|exhausted|depleted|not enough|used up|negative)\b",
    r"\b(?:ha(?:ve|s) no|(?:do(?:es)? not|don't) have (?:enough|sufficient|any)|requires? more) (?:\w+ )?"
    r"(?:credits?|funds|balance)\b|\bno (?:credits?|funds|balance) (?:left|remaining|available)\b",
    r"\bout of tokens\b|\bcan only afford\b|\bcard (?:was |has been )?declined\b",
    r"\bexhausted (?:your |the )?(?:\w+ )?(?:balance|credits?)\b",
    r"\bspend(?:ing)? (?:limit|cap)\b|\bbudget\b[^.]{0,25}\bexceeded\b",
    r"\boverdue (?:payment|balance)|\b(?:payment|balance|invoice)s? (?:is |are )?overdue\b",
    r"\bin arrears\b|\bpast due\b",
    r"\b(?:subscription|trial)\b[^.]{0,20}\b(?:expired|ended|inactive)\b",
    r"\bbilling\b[^.]{0,40}\b(?:enabled|disabled|not active|inactive|closed|not found)\b|\brequires? billing\b",
    r"\b(?:to|enable|set up) billed users\b|\benable billing\b",
    r"\bpayment (?:method )?(?:is )?(?:required|needed|failed)\b",
    r"余额不足|额度不足|欠费",
)
# They speak of money where they do not speak of a rate.
_QUOTA_CODES: Final = _any(r"insufficient(user)?quota|quotaexhausted")
_QUOTA_WORDS: Final = _any(
    r"\bexceeded your current quota\b|\binsufficient quota\b",
    r"\bquota\b[^.]{0,25}\b(?:exhausted|insufficient|used up)\b",
    r"\btop[ -]?up\b|\b(?:add|buy|purchase) (?:more )?(?:credits|funds)\b|\brecharge\b"
    r"|\bcheck your plan and billing\b|\b(?:add|set up) a payment method\b|\b(?:buy|purchase) a plan\b",
)

# --- key and account ---

_KEY_CODES: Final = _any(
    r"(invalid|incorrect|expired|wrong|missing|revoked)apikey",
    r"apikey(invalid|expired|revoked|disabled|notfound|blocked)",
    r"apikeyserviceblocked|^(access)?tokenexpired$|^(expiredtoken|unrecognizedclient)(exception)?$|^unauthori[sz]ed$",
    r"^invalidtoken$",
    r"^unauthenticated$|^authenticationerror$",
)
_KEY: Final = r"(?:(?:api|access|auth\w*|secret|bearer|service|security|session)[ -]?(?:key|token)s?|jwt)"
_KEY_WORDS: Final = _any(
    rf"\b{_KEY}\b[^.]{{0,60}}\b(?:expired|invalid|not valid|incorrect|revoked"
    rf"|disabled|wrong|missing|not found|deactivated"
    r"|leaked|required|unknown|malformed|deleted|blocked|suspended|not have permission)\b",
    rf"\b(?:expired|invalid|incorrect|wrong|missing|revoked|unknown|valid|no)\b[^.]{{0,20}}\b{_KEY}\b",
    r"\b(?:this|your) key\b[^.]{0,20}\b(?:disabled|revoked|expired|deleted)\b|(?:^|\. )invalid token(?:\.|$)",
    r"\b(?:invalid|wrong|incorrect) (?:authentication )?credentials\b|\bauthorization header\b",
    r"\binsufficient (?:permission|scope)s?\b|\bmissing scopes?\b",
    r"\bnot authenticated\b|\bunauthenticated\b|\bauthentication (?:failed|required)\b|\bunauthori[sz]ed\b",
)
_ACCOUNT_CODES: Final = _any(
    r"unsupported(country|region|location)|(country|region|location)not(supported|available)|consumersuspended",
    r"(account|organi[sz]ation|project|user)(is|has|hasbeen)?(deactivated"
    r"|disabled|suspended|locked|banned|restricted)",
    r"^servicedisabled$|verificationrequired|(account|organi[sz]ation)notverified",
)
_PLACE: Final = (
    r"(?:countr(?:y|ies)|territor(?:y|ies)|jurisdiction|(?:your|users?|user's|client|this) (?:region|location|area))"
)
_WHO: Final = r"(?:account|organi[sz]ation|project|user|workspace|team|consumer|resource|customer|tenant)"
_ACCOUNT_WORDS: Final = _any(
    rf"\b{_PLACE}\b[^.]{{0,50}}\b(?:not supported|unsupported|not available"
    rf"|unavailable|not allowed|not permitted|restricted|blocked|not served)|\bsanctioned {_PLACE}",
    rf"\b(?:not (?:yet )?(?:available|supported|allowed|offered|served)"
    rf"|unavailable|unsupported|restricted)\b[^.]{{0,40}}"
    rf"\b{_PLACE}\b",
    rf"\b{_WHO}\b[^.]{{0,40}}\b(?:is|was|has been|have been|are)\b[^.]{{0,30}}\b(?:deactivated|suspended|disabled"
    r"|terminated|banned|blocked|locked|closed|restricted|frozen|on hold",
    r"under review|not active|inactive|unverified)\b",
    rf"(?:^|\. )(?:your |this |the )?{_WHO} (?:deactivated|suspended|disabled|banned|blocked|locked)\b",
    r"\b(?:account|organi[sz]ation)\b[^.]{0,20}\bflagged\b",
    r"\b(?:must|need to|have to|please)\b[^.]{0,20}\b(?:accept|agree)\b[^.]{0,40}\b(?:terms|licen[sc]e|agreement)",
    rf"\b{_WHO}\b[^.]{{0,40}}\b(?:must be|is not|isn't|needs to be|has not been|not)(?: yet| first)? verified\b",
    r"\b(?:must|needs?|please|required? to)\b[^.]{0,30}\bverify\b[^.]{0,40}\b(?:organi"
    r"|account|identity|email|phone|age\b)",
    r"\bverification (?:is )?(?:required|needed)\b|\bapi has not been used in project\b",
    r"\bip(?: address)?\b[^.]{0,40}\b(?:not allowed|blocked|banned|whitelist\w*|allowlist\w*)\b",
)

# --- model, address ---

_MODEL_CODES: Final = _any(
    r"model(not(found|supported|available|exist\w*)|retired|deprecated|doesnotexist)|unknownmodel"
)
_MODEL_GONE: Final = _any(
    r"\bmodel\b.{0,80}\b(?:does not exist|doesn't exist|not found|decommissioned"
    r"|retired|no longer (?:available|supported)"
    r"|has been (?:deprecated|removed|shut down))|\bno such (?:\w+ or )?model\b"
)
_MODEL: Final = _any(r"\bmodels?\b")
_OF_A_ROW: Final = _any(r"\b(?:prompt|content|image|input|reference|lora|file|style)s?\b")
_ADDRESS: Final = _any(
    r"\bcannot (?:post|get|put)\b|\bendpoint\b|\broute\b|\b(?:unknown|invalid) (?:request )?url\b|\bpath\b|\bpage\b"
)


def is_safety(said: Said) -> bool:
    """Whether a safety filter refused what was asked, or what was made."""
    if said.has(_SAFETY_CODES):
        return True
    return _SAFETY_WORDS.search(said.plain) is not None and not _ABOUT_A_SETTING.search(said.plain)


def account_kind(said: Said) -> ErrorKind | None:
    """The kind of a refusal that is about the account, whatever was asked; None if it is not."""
    if is_about_money(said):
        return ErrorKind.NO_CREDITS
    if said.has(_KEY_CODES) or _KEY_WORDS.search(said.plain):
        return ErrorKind.BAD_KEY
    if said.has(_ACCOUNT_CODES) or _ACCOUNT_WORDS.search(said.plain):
        return ErrorKind.ACCOUNT
    return None


def is_about_money(said: Said) -> bool:
    """Whether the account has nothing left to spend."""
    return is_empty(said) or said.has(_QUOTA_CODES) or _QUOTA_WORDS.search(said.plain) is not None


def is_about_the_model(said: Said) -> bool:
    """Whether it is the model that cannot be asked, and not something that it was asked for."""
    if said.has(_MODEL_CODES):
        return True
    is_named = said.names_model or _MODEL.search(said.words) is not None
    return is_named and not _OF_A_ROW.search(said.words)


def is_model_gone(said: Said) -> bool:
    """Whether the model is said not to exist (any more)."""
    return said.has(_MODEL_CODES) or _MODEL_GONE.search(said.words) is not None


def is_about_the_address(said: Said) -> bool:
    """Whether there is nothing at this address."""
    return _ADDRESS.search(said.words) is not None


def is_empty(said: Said) -> bool:
    """Whether the account is said to be empty, in words that are never said of a pace."""
    return said.has(_GONE_CODES) or _GONE_WORDS.search(said.plain) is not None
