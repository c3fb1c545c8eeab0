"""One request to AI/ML API, one answer: the only room that speaks with the service.

`client.ApiClient` sends requests and fetches links; `client.account` asks about balance, prices and
the log of calls. `errors` says what each failure means and is free of any network library, so that
whoever decides about retries can import it alone. Nothing here repeats a request that may cost
money: that is the caller's decision.
"""
