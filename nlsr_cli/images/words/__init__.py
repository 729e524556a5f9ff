"""What a file says beside its pixels: EXIF, XMP, IPTC, texts, thumbnails, and how it was made."""
