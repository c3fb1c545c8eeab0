"""What is true of a service, whichever account asks it: data that its provider states and the engine goes by."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

from batchgen.config.settings import ProviderSettings
from batchgen.core.outcomes import ErrorKind


@dataclass(frozen=True, slots=True)
class JobTraits:
    """How a service that accepts jobs keeps them, and how often it may be asked.

    Attributes:
        kept_s: seconds for which a result, and the links in it, can be collected after the job is done.
        longest_s: seconds after which a run waits no longer for a job, and leaves it to the next run.
        at_once: jobs of an account that may be out; None where the service names no number.
        poll_s: least seconds between two questions about one job.
        polls_per_second: most questions a second about all jobs.
        listed_s: seconds for which the service lists a job, with what it was asked for; None where it lists none.
        has_own_ids: whether a job's id is ours. One that the service does not know was then never taken, or costs
            nothing: it is sent again, and nothing is ever in doubt.
    """

    kept_s: float
    longest_s: float
    at_once: int | None = None
    poll_s: float = 0.5
    polls_per_second: float = 10.0
    listed_s: float | None = None
    has_own_ids: bool = False

    @property
    def most_out(self) -> int:
        """How many jobs may be out so that each is asked about twice in the time that its result is kept."""
        most = max(1, int(self.polls_per_second * self.kept_s / 2))
        return most if self.at_once is None else min(most, self.at_once)


@dataclass(frozen=True, slots=True)
class Traits:
    """What is true of a service, whichever account asks it.

    Attributes:
        service: the name that its users know it by.
        base_url: its public address.
        key_variables: environment variables that hold a key; the first that is set counts.
        has_keyless_servers: whether other servers speak as it does, of which some ask for no key.
        needs_key: whether the service at its own address asks for a key.
        remedies: what a user can do about a failure that stops an account or a model, one sentence by kind.
        hosts: other hosts of the service to which the key may go, where the service itself names an address there;
            ".bfl.ai" stands for all below bfl.ai.
        jobs: how it keeps jobs; None where it answers at once.
    """

    service: str
    base_url: str
    key_variables: tuple[str, ...]
    remedies: Mapping[ErrorKind, str]
    has_keyless_servers: bool = False
    needs_key: bool = True
    hosts: tuple[str, ...] = ()
    jobs: JobTraits | None = None

    def own_hosts(self, settings: ProviderSettings) -> tuple[str, ...]:
        """Return `hosts` for an account at the service itself, in a region of it, too; none for one anywhere else."""
        address = urlsplit(settings.base_url or self.base_url)
        is_own = address.scheme == "https" and is_among(address.hostname or "", self.hosts)
        return self.hosts if is_own or settings.base_url in (None, self.base_url) else ()


def remedies(check_key: str, add_money: str, look: str) -> Mapping[ErrorKind, str]:
    """Return what a user can do about the failures that stop an account or a model.

    Each argument is the beginning of a sentence in the service's own words: where the key is checked, where money is
    added, and where the service says more of the account.
    """
    again = "then type the same command again."
    return MappingProxyType(
        {
            ErrorKind.BAD_KEY: f"{check_key}, {again}",
            ErrorKind.NO_CREDITS: f"{add_money}, {again}",
            ErrorKind.ACCOUNT: f"{look}, {again}",
            ErrorKind.QUOTA: "When the quota is renewed or raised, type the same command again.",
            ErrorKind.UNEXPLAINED: f"Check the key and what it may do, the model and the base URL, {again}",
            ErrorKind.NOT_FOUND: f"Check the model's name, whether it is retired, and the base URL, {again}",
        }
    )


def is_among(host: str, hosts: Collection[str]) -> bool:
    """Whether a host is one of some, as `Traits.hosts` has them."""
    return any(host == own or (own.startswith(".") and host.endswith(own)) for own in hosts)
