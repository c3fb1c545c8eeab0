"""One request becomes one answer: the only room that speaks with services.

`base` has the Protocols, `registry` finds a service by its name, `http` sends for all of them, `answers` reads JSON
that several write alike, and each service has a folder of its own. Nothing here repeats a request that may cost money:
that is the caller's decision.
"""
