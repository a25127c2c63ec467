"""Modules that the scripts of this folder import, in the flow's own interpreter.

Standard library and Metaflow only, Python 3.8 syntax. The name is one that no flow has a module of,
and the modules import one another by it.
"""
