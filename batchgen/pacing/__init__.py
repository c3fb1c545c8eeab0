"""When may the next request leave: rates, pause, adaptive limit, budget."""

from batchgen.pacing.budget import BudgetReached, CostUnknown, NoPermit
from batchgen.pacing.rate_limiter import Closed, LimiterSnapshot, NeverFits, Permit, RateLimiter

__all__ = [
    "BudgetReached",
    "Closed",
    "CostUnknown",
    "LimiterSnapshot",
    "NeverFits",
    "NoPermit",
    "Permit",
    "RateLimiter",
]
