"""What a file says beside its pixels: EXIF, XMP, IPTC, texts, thumbnails, provenance. Knows no pixels, no container."""
