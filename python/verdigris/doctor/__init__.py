"""`verdigris doctor`: the app is loaded as for serving, watched meanwhile, and never served.

`examination.py` is the order of it and makes the report; each of the others knows one thing that can be wrong.
Nothing here is imported by a server: it would stay in the memory of every worker.
"""
