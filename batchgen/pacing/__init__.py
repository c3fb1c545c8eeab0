"""When the next request may leave: exact windows, cooldown, adaptive limit, budget.

Why the windows are ours, and not a library's: a service counts requests in a sliding window of its own, and its hidden
limit changes while requests wait. A leaky bucket such as aiolimiter's lets a burst of a whole window pass at
once, cannot change its rate under waiting callers, and loses the time of late timers (measured: 1,773 permits in 20 s
where 1,972 of 2,000 are possible). What has one fixed, polite rate (log pages, downloads) is paced by aiolimiter.
"""

from batchgen.pacing.account_use import LINGER_S
from batchgen.pacing.budget import Budget, BudgetReached, Cap, CostUnknown, NoPermit
from batchgen.pacing.rate_limiter import Closed, LimiterPermit, NeverFits, RateLimiter
from batchgen.pacing.snapshot import LimiterSnapshot

__all__ = [
    "LINGER_S",
    "Budget",
    "BudgetReached",
    "Cap",
    "Closed",
    "CostUnknown",
    "LimiterPermit",
    "LimiterSnapshot",
    "NeverFits",
    "NoPermit",
    "RateLimiter",
]
