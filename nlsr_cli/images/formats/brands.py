"""The brands of an ISO base media file, by which its format is known (ISO/IEC 14496-12, 4.3; ISO/IEC 23008-12)."""

from __future__ import annotations

CODINGS = {
    "AVIF": (b"avif", b"avis"),
    "HEIC": (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"),
}
OF_ANY_CODING = (b"mif1", b"mif2", b"miaf", b"msf1")


def coding_of(head: bytes) -> str | None:
    """Return the format of a file that begins with `head`: its own brand counts first, then compatible ones."""
    if head[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]
    for group in (brands[:1], brands):
        for coding, names in CODINGS.items():
            if any(brand in names for brand in group):
                return coding
    return "HEIC" if any(brand in OF_ANY_CODING for brand in brands) else None
