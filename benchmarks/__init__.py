"""How fast batchgen is, how much memory it takes, and how both grow: `make bench` and `make soak`.

Every figure is a ratio against a baseline that ran in the same minute on the same machine, with the
processor seconds (user and system) and the peak memory of the client process beside it.
"""
