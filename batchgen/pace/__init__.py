"""When may the next request leave: rates, pause, adaptive limit, budget."""

from batchgen.pace.budget import BudgetReached, CostUnknown
from batchgen.pace.governor import Closed, Governor, NeverFits, Permit, Snapshot

__all__ = ["BudgetReached", "Closed", "CostUnknown", "Governor", "NeverFits", "Permit", "Snapshot"]
