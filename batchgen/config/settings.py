"""Every setting of a run, its default, and the reason for it. Nothing else decides a default.

`RunConfig()` is a complete, valid configuration; `load.py` builds others. What holds for every provider
stands once, in `[api]` and `[limits]`, and a table `[providers.NAME]` overrides it for one provider. The
classes are plain frozen dataclasses so that a run without a configuration file pays for no validation library.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Annotated, Any, Literal

from batchgen.config.bounds import Passing, Within
from batchgen.config.bucket import BucketSettings
from batchgen.config.file_rules import FileRule
from batchgen.config.wire import WireSettings
from batchgen.core.request import DEFAULT_PROVIDER

PositiveInt = Annotated[int, Within(ge=1)]
# More tries than a night has minutes help nobody.
Tries = Annotated[int, Within(ge=1, le=1000)]
# A wait of more than a day is a mistake in the unit.
Seconds = Annotated[float, Within(gt=0, le=86_400)]
# From one in a hundred minutes to more than any service takes: in between, every sum of the rate limiter is finite.
PerMinute = Annotated[float, Within(ge=0.01, le=1_000_000)]
# More than any budget that is meant; infinity is no budget.
Dollars = Annotated[float, Within(ge=0, le=1_000_000_000)]
FieldValue = str | int | float | bool


ImageTransport = Literal["base64", "url"]


def _is_allowance(text: str) -> bool:
    return re.fullmatch(r"\d+|\d+(\.\d+)?%", text, re.ASCII) is not None


def _is_address(url: str) -> bool:
    return re.match(r"https?://[^?#]+$", url, re.IGNORECASE) is not None


def _holds_no_password(url: str) -> bool:
    return "@" not in url


def _is_line(text: str) -> bool:
    return text.isprintable() and 0 < len(text.strip()) <= len(text) <= 200


def _is_text(text: str) -> bool:
    return 0 < len(text.strip()) <= len(text) <= 10_000


def _is_variable(name: str) -> bool:
    return re.fullmatch(r"[A-Z_][A-Z0-9_]*", name, re.ASCII) is not None


Line = Annotated[str, Passing((_is_line, "is empty, of several lines, or more than 200 characters"))]
# One with a user name or password in it is refused: settings are shown and stored.
Address = Annotated[
    str,
    Passing(
        (_holds_no_password, "holds a user name or password, or another @; the key comes from the environment alone"),
        (_is_address, "is neither http nor https, or holds a ? or #; it looks like https://api.aimlapi.com"),
    ),
]
# Capitals, as variables are named everywhere: a key that is pasted here by mistake is refused, and not shown.
Variable = Annotated[
    str,
    Passing(
        (_is_variable, "is not the name of an environment variable, like FAL_KEY; the key itself stands in no file"),
    ),
]


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """How long to wait for a service, and how much to take from it."""

    # A healthy handshake takes well under a second, over a poor line a few.
    connect_timeout_s: Seconds = 15.0
    # The service sends nothing while it draws; the slowest models need two minutes.
    silence_timeout_s: Seconds = 180.0
    # A slow line still gets a 4-image answer (about 8 MB as base64) after the silence.
    total_timeout_s: Seconds = 300.0
    # Four 2K images as base64 are 30 MB; more than this is no answer but an attack or a mistake.
    max_answer_bytes: PositiveInt = 64 * 1024 * 1024
    # One image of the largest model stays below 16 MB.
    max_image_bytes: PositiveInt = 32 * 1024 * 1024
    # A link may be late by minutes; fetching is free, so patience costs nothing.
    download_attempts: Tries = 8
    # One file of a few MB; a CDN that needs longer is stuck.
    download_timeout_s: Seconds = 60.0
    # HTTPS_PROXY and its like count, as they do for other programs: often they name the only way out.
    proxy: bool = True


@dataclass(frozen=True, slots=True)
class ApiSettings(HttpSettings):
    """`[api]`: HTTP for every provider, and the address of the default one."""

    # The public service. A simulator's URL stands here in tests and demos.
    base_url: Address = "https://api.aimlapi.com"


def in_window(per_minute: float, window_s: float) -> int:
    """Return how many may leave in a window: one at least, since a rate that allows less stretches the window."""
    return max(1, int(per_minute * window_s / 60 + 1e-9))  # a product of floats may fall short of a whole number


@dataclass(frozen=True, slots=True)
class RateSettings:
    """What must never be exceeded at one provider: in no `window_s` seconds more than rate x window_s / 60."""

    # Limits of services are stated, and counted, by the minute.
    window_s: Seconds = 60.0
    # Google's quota for Imagen 3 is 20 a minute for a project; AI/ML API states no figure.
    requests_per_minute: PerMinute = 20.0
    # The service counts requests; set this where an account is limited by images.
    images_per_minute: PerMinute | None = None
    # An image takes 5 to 20 s: eight at once fill 20 a minute, and few are in doubt after a crash.
    concurrency: Annotated[int, Within(ge=1, le=1024)] = 8
    # Find the service's own limit after a 429 instead of running into it again and again.
    adaptive: bool = True
    # Half a second after it was written a request has arrived, over any line that works; one that hangs delivers later.
    strict: bool = False


@dataclass(frozen=True, slots=True)
class LimitSettings(RateSettings):
    """`[limits]`: the rates of every provider, and the budgets of one run and of all runs of a dataset."""

    # No budget unless the user names one: any figure of ours would be wrong.
    max_cost_usd: Dollars | None = None
    # No budget unless the user names one; a run that is repeated every night needs one that does not start afresh.
    max_total_usd: Dollars | None = None


@dataclass(frozen=True, slots=True)
class RateOverrides:
    """`[providers.NAME.limits]`: what differs from `[limits]` at one provider; None is what `[limits]` says."""

    window_s: Seconds | None = None
    requests_per_minute: PerMinute | None = None
    images_per_minute: PerMinute | None = None
    concurrency: Annotated[int, Within(ge=1, le=1024)] | None = None
    adaptive: bool | None = None
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class ProviderOverrides:
    """`[providers.NAME]`: what differs at one provider; None is what `[api]`, or the provider itself, says."""

    kind: Line | None = None
    base_url: Address | None = None
    key_variable: Variable | None = None
    image_transport: ImageTransport | None = None
    connect_timeout_s: Seconds | None = None
    silence_timeout_s: Seconds | None = None
    total_timeout_s: Seconds | None = None
    max_answer_bytes: PositiveInt | None = None
    max_image_bytes: PositiveInt | None = None
    download_attempts: Tries | None = None
    download_timeout_s: Seconds | None = None
    proxy: bool | None = None
    limits: RateOverrides = field(default_factory=RateOverrides)
    wire: WireSettings = field(default_factory=WireSettings)


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """What is in force for one provider.

    name: the provider's, as in the catalog. kind: the provider whose wire format it speaks, None for its own.
    base_url: None for the provider's own address. key_variable: the
    environment variable that holds the key, None for the provider's own. image_transport: how images travel.
    http: waits and sizes. limits: the rates of its account. wire: how it is spoken with, for the kind `http`.
    """

    name: str
    kind: str | None
    base_url: str | None
    key_variable: str | None
    image_transport: ImageTransport
    http: HttpSettings
    limits: RateSettings
    wire: WireSettings = field(default_factory=WireSettings)


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """How hard to try for one request, in one run."""

    # Transient errors of hosted models come in bursts; five tries outlast most.
    max_attempts: Tries = 5
    # With waits for a rate limit apart, no request deserves more of the night than this.
    deadline_s: Seconds = 1800.0
    # Full jitter: a wait is drawn from 0 to base * 2^attempt, so that workers do not march in step.
    backoff_base_s: Seconds = 2.0
    # Longer waits find nothing that a minute does not.
    backoff_max_s: Seconds = 60.0
    # Ten failed connections with no answer between them are an outage, not bad luck.
    connection_failures: Tries = 10
    # Where the first ten attempts give nothing for one reason, so will the others, and each may be charged.
    first_failures: Tries = 10
    # A router restarts in minutes; once a run has worked, a blip of a second is no reason to end its night.
    outage_s: Annotated[float, Within(ge=0, le=86_400)] = 900.0
    # A quota of a day is back within a day. Who would rather have the run end by then allows less.
    quota_wait_s: Annotated[float, Within(ge=0, le=2_678_400)] = 86_400.0
    # Some services list a job only when it is done, which takes seconds. 0: no list is looked at.
    find_s: Annotated[float, Within(ge=0, le=3600)] = 30.0


@dataclass(frozen=True, slots=True)
class DatasetSettings:
    """`[dataset]`: what the card and Croissant say of the dataset. None by default: only its owner can say it."""

    # An identifier such as cc-by-4.0, a URL, or a name: the images are the user's, and so are the terms.
    license: Line | None = None
    # 1.0.0, as Croissant wants it; what counts as a new version, the user knows.
    version: Line | None = None
    # BibTeX or any text, of several lines if need be.
    citation: Annotated[str, Passing((_is_text, "is empty, or more than 10,000 characters"))] | None = None


@dataclass(frozen=True, slots=True)
class RunConfig:
    """The configuration of a run, whole and valid.

    columns: for a name that batchgen reads the manifest's own name of the column, as in prompt = "caption".
    defaults: values for model fields where the manifest's cell is empty.
    sheet: the name of the sheet to read, where the manifest is a spreadsheet.
    models: catalog files of the user's own; they add models or override shipped ones. In a configuration file they are
        relative to its folder.
    allow_failures: how many `failed`, `in_doubt` and `invalid` slots still make exit code 0: "12" or "5%".
    allow_blocked: whether any number of `blocked` slots does; else they count as the others.
    """

    # The model this project was made for.
    model: str = "imagen-3.0-generate-002"
    # Base64 needs no second request: what was paid for arrives with the answer.
    image_transport: ImageTransport = "base64"
    # Unattended runs should be loud: any failure is worth exit code 1.
    allow_failures: Annotated[
        str, Passing((_is_allowance, 'write a number of images like "12", or a share like "5%", in quotes'))
    ] = "0"
    # A filter's verdict on a prompt is an answer; where every image must be there, it is a failure.
    allow_blocked: bool = True
    # Two free questions before anything is bought tell of a balance that will not last, and of today's price.
    preflight: bool = True
    # People look at images. A thumbnail of each costs hundredths of a second, once, most of them while the run waits.
    gallery: bool = True
    # Ten seconds make some 700 thumbnails on two processors. Who waits for a run's end waits no longer, and is told.
    gallery_finish_s: Annotated[float, Within(ge=0, le=86_400)] = 10.0
    # The first sheet is the one that people mean, unless they say another.
    sheet: str | None = None
    # The shipped models are enough until a user has one of their own.
    models: tuple[str, ...] = ()
    # Each image under its row's id, as it came, until its owner says how code finds it.
    files: tuple[FileRule, ...] = ()
    # A manifest has the names of batchgen, unless its owner says which of its own stand for them.
    columns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    # Each model has defaults of its own in the catalog; none of ours would fit every manifest.
    defaults: Mapping[str, FieldValue] = field(default_factory=lambda: MappingProxyType({}))
    api: ApiSettings = field(default_factory=ApiSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    retry: RetrySettings = field(default_factory=RetrySettings)
    dataset: DatasetSettings = field(default_factory=DatasetSettings)
    bucket: BucketSettings = field(default_factory=BucketSettings)
    providers: Mapping[str, ProviderOverrides] = field(default_factory=lambda: MappingProxyType({}))

    def provider(self, name: str) -> ProviderSettings:
        """Return what is in force for the provider of this name, whether or not it has a table of its own."""
        own = self.providers.get(name, ProviderOverrides())
        return ProviderSettings(
            name=name,
            kind=own.kind,
            base_url=own.base_url or (self.api.base_url if name == DEFAULT_PROVIDER else None),
            key_variable=own.key_variable,
            image_transport=own.image_transport or self.image_transport,
            http=HttpSettings(**_merged(HttpSettings, self.api, own)),
            limits=RateSettings(**_merged(RateSettings, self.limits, own.limits)),
            wire=own.wire,
        )

    def allowed_failures(self, slots: int) -> int:
        """How many of so many image slots may be `failed` or `invalid`."""
        if self.allow_failures.endswith("%"):
            return int(slots * float(self.allow_failures[:-1]) / 100)
        return int(self.allow_failures)


def _merged(kind: type, common: object, own: object) -> dict[str, Any]:
    """The fields of a settings class: those of one provider where it states them, else the common ones."""
    names = [item.name for item in fields(kind)]
    return {name: getattr(common, name) if (value := getattr(own, name)) is None else value for name in names}
