"""What a provider says about money: balance and prices before a run, the log of calls after it."""
