"""The program that runs a version's code: a process of its own, in the version's own environment.

It stands apart: Python 3.8 and later, the standard library and pyarrow, nothing of Muster. In a version's environment this
folder is loaded as the package `muster_worker`, where `muster` may not exist or be another release, so its modules
import each other relatively. `wire` is also used by the other end of the socket.
"""
