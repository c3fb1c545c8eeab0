"""When may the next request leave: rates, pause, adaptive limit, budget."""

from batchgen.pacing.budget import BudgetReached, CostUnknown
from batchgen.pacing.rate_limiter import Closed, Governor, NeverFits, Permit, Snapshot

__all__ = ["BudgetReached", "Closed", "CostUnknown", "Governor", "NeverFits", "Permit", "Snapshot"]
