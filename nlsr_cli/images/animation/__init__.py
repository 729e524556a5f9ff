"""Animations: GIF, APNG and WebP, from their bytes to whole frames and back."""
