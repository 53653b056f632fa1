"""The text of a cell as an exact value. Pure functions.

Modules:
"""
