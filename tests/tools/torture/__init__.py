"""Torture: what happens to pictures, models and folders when everything goes wrong, shown from outside.

`make torture` runs all parts at full counts and prints a table; `make torture PART=kills` one of them. The gate runs a
small sample of each (test_parts.py). No part trusts what nlsr says of itself: files are compared by their own bytes.
"""
