"""Viewing: a picture before and after on one page, and many pictures on one sheet."""
