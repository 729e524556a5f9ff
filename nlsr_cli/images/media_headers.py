"""What the headers of AVIF, HEIC and JPEG XL say."""

from __future__ import annotations

from nlsr_cli.images.facts import DEEP_HINT, PNG_HINT, Deep, Facts, Foreign, unsupported
from nlsr_cli.images.heif import still_of
from nlsr_cli.images.jpegxl.files import open_file
from nlsr_cli.images.jpegxl.header import ALPHA, BLACK, read_header

# AVIF (AV1 Image File Format)


def _avif(data: bytes) -> Facts:
    still = still_of(data)
    codes = still.coded("av1C", 3)
    # Third byte of av1C: seq_tier_0, high_bitdepth, twelve_bit, monochrome, ...
    depths = {8 + 2 * (body[2] >> 6 & 1) + 2 * (body[2] >> 5 & 1) for body in codes} or {8}
    bits = max(depths)
    refusal = unsupported("parts of different depths") if len(depths) > 1 else ""
    monochrome = bool(codes) and all(body[2] & 0x10 for body in codes)
    return Facts(
        bits=bits,
        deep=_deep_avif(bits, grey=monochrome, alpha=still.alpha) if bits > 8 else None,
        refusal=refusal,
        hint=DEEP_HINT if refusal else "",
        canvas=None if still.media.brand == "avis" else still.stored,
        monochrome=monochrome,
        colours=still.colours,
        frames=None if still.media.brand == "avis" else still.pictures,
        exif=still.exif,
        still=still,
        orientation=still.orientation,
        xmp=still.xmp,
        notes=still.notes,
    )


def _deep_avif(bits: int, *, grey: bool, alpha: bool) -> Deep:
    letters, name = ("L", "grey") if grey else ("RGB", "colour")
    return Deep(f"{bits}-bit {name}", f"{letters}{'A' * alpha};{bits}", 16, (1 if grey else 3) + alpha, alpha)


# HEIC (HEVC in HEIF: ISO/IEC 23008-12, annex B; its decoder configuration: ISO/IEC 14496-15, 8.3.3)


def _heic(data: bytes) -> Facts:
    still = still_of(data)
    if still.main is None or still.size is None:
        return Facts(
            refusal="holds no still picture, but a film or a sequence", hint="Save one of its frames as PNG first."
        )
    if still.unreadable:
        return Facts(refusal=unsupported(f"samples coded as '{still.unreadable}'"), hint=PNG_HINT)
    if any(item.missing for item in still.kept):
        raise EOFError("the file ends before the samples do")
    codes = still.coded("hvcC", 19)
    bits = max((8 + max(body[17] & 7, body[18] & 7) for body in codes), default=8)
    grey = bool(codes) and all(body[16] & 3 == 0 for body in codes)
    letters = ("L" if grey else "RGB") + "A" * still.alpha
    deep = bits > 8
    mode = f"{letters};{bits}" if deep else letters
    return Facts(
        bits=bits,
        deep=Deep(f"{bits}-bit {'grey' if grey else 'colour'}", mode, 16, len(letters), still.alpha) if deep else None,
        canvas=still.stored,
        colours=still.colours,
        frames=still.pictures,
        exif=still.exif,
        still=still,
        orientation=still.orientation,
        xmp=still.xmp,
        foreign=Foreign(mode, still.size, 16 if deep else 8, still.alpha, still.icc),
        notes=still.notes,
    )


# JPEG XL (ISO/IEC 18181)


def _jxl(data: bytes) -> Facts:
    found = open_file(data)
    header = read_header(found.stream)
    if header.colours is None and header.icc is None:
        return Facts(refusal=unsupported("colours of an unknown space"), hint=PNG_HINT)
    if any(channel.kind == BLACK for channel in header.extra):
        return Facts(refusal=unsupported("CMYK"), hint="Convert it to TIFF first.")
    alpha = any(channel.kind == ALPHA for channel in header.extra)
    depth = 32 if header.floating else 8 if header.bits <= 8 else 16
    mode = ("L" if header.grey else "RGB") + "A" * alpha
    mode += {8: "", 16: f";{header.bits}", 32: f";{header.bits}F"}[depth]
    notes = ("Only the first frame of the animation is read.",) if header.animated else ()
    return Facts(
        bits=header.bits,
        canvas=(header.height, header.width),
        lossless=not (header.xyb or found.was_jpeg),
        colours=header.colours,
        exif=found.exif,
        xmp=found.xmp,
        foreign=Foreign(mode, header.upright, depth, alpha, header.icc),
        orientation=header.orientation,
        notes=notes,
        plays=header.plays if header.animated else None,
    )


READERS = {"AVIF": _avif, "HEIC": _heic, "JXL": _jxl}
