"""Every byte of an AVIF or HEIC belongs to a part with a fate, and what the boxes say of the picture is followed."""

from __future__ import annotations

import io
import itertools
import struct
import time

import numpy as np
import pi_heif
import pytest
from PIL import Image

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import native_formats, probe, read_picture
from nlsr_cli.images.containers import isobmff
from nlsr_cli.images.heif import NONSENSE_NOTE, still_of
from nlsr_cli.images.parts import Fate
from tests.images import icc
from tests.images.boxes import ASSETS, Entry, auxiliary, box, clap, full, heic, heif, main_entry
from tests.images.files import account_of, camera_exif, gradient, losses, saved

PLAIN = main_entry(heic())
BASE = heif([PLAIN])
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
NEEDS_AVIF = pytest.mark.skipif("AVIF" not in native_formats().writable, reason="this Pillow has no AVIF")


def avif(**options: object) -> bytes:
    return saved(Image.fromarray(gradient(24, 32)), "AVIF", quality=90, **options)


def film() -> bytes:
    frames = [Image.fromarray(np.roll(gradient(24, 32), shift, 0)) for shift in range(3)]
    stream = io.BytesIO()
    frames[0].save(stream, "AVIF", save_all=True, append_images=frames[1:])
    return stream.getvalue()


def everyday_avif() -> list[bytes]:
    exif = camera_exif(6, thumbnail=False)
    transparent = saved(Image.fromarray(np.dstack([gradient(24, 32)] * 2)[..., :4]), "AVIF")
    return [
        avif(),
        avif(exif=exif, xmp=XMP, icc_profile=icc.rgb("Wide", ((0.7, 0.27, 0.0), (0.2, 0.7, 0.1), (0.1, 0.05, 0.7)))),
        transparent,
        film(),
    ]


EVERYDAY = [heic(name) for name in ("plain", "camera", "grey", "alpha", "premultiplied", "deep", "two")]


def files() -> list[bytes]:
    return EVERYDAY + (everyday_avif() if "AVIF" in native_formats().writable else [])


def assert_whole(data: bytes) -> None:
    """Check that the parts cover the file, without a gap and without overlapping."""
    at = 0
    for part in sorted((each.part for each in account_of("HEIC", data)), key=lambda part: part.start):
        assert part.start == at, part
        assert part.size > 0
        at += part.size
    assert at == len(data)


@pytest.mark.parametrize("number", range(len(files())))
def test_every_byte_belongs_to_a_part_and_everyday_files_lose_nothing(number):
    data = files()[number]
    assert_whole(data)
    assert losses("AVIF" if b"avif" in data[:40] else "HEIC", data) == ()


def in_every_place() -> dict[str, bytes]:
    """Return files with something that nobody knows, in each place where a box or byte may stand."""
    made = {}
    for name in (b"abcd", b"ABCD", b"c2pa"):
        for content in (b"", b"something"):
            alone, word = box(name, content), f"{name.decode()} {len(content)}"
            made |= {f"{place} {word}": heif([PLAIN], **{place: alone}) for place in ("before", "between", "behind")}
            made |= {f"{place} {word}": heif([PLAIN], **{place: alone}) for place in ("in_meta", "in_iprp", "in_ipco")}
            made[f"twice {word}"] = heif([PLAIN], before=alone * 2)
            owned = Entry(PLAIN.kind, PLAIN.data, [*PLAIN.properties, (name, content)])
            made[f"a property {word}"] = heif([owned])
            made[f"an item {word}"] = heif([PLAIN, Entry(name, content)])
            made[f"a reference {word}"] = heif([PLAIN, Entry(b"Exif", content)], [(name, 2, [1])])
            made[f"a group {word}"] = heif([PLAIN], in_meta=box(b"grpl", full(name, struct.pack(">III", 9, 1, 1))))
    made["behind the end"] = heif([PLAIN]) + b"SEFHsomethingSEFT"
    made["between items"] = heif([PLAIN], in_mdat=b"forgotten")
    made["in an empty mdat"] = heif([PLAIN], behind=box(b"mdat", b"forgotten"))
    made["a uuid"] = heif([PLAIN], behind=box(b"uuid", bytes(range(20))))
    made["EXIF twice"] = heif(
        [PLAIN, Entry(b"Exif", bytes(4) + camera_exif()), Entry(b"Exif", bytes(4) + camera_exif())]
    )
    made["a text item"] = heif([PLAIN, Entry(b"mime", b"text", content=b"text/plain")])
    return made


@pytest.mark.parametrize("place", in_every_place())
def test_what_nobody_knows_is_never_lost_in_silence(place):
    data = in_every_place()[place]
    assert_whole(data)
    notes = losses("HEIC", data)
    assert len(notes) == 1
    assert notes[0].startswith("Left out: ")
    assert notes[0] in read_picture(data).notes


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (
            heif([PLAIN], behind=box(b"uuid", bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + b"x")),
            "content credentials",
        ),
        (heif([PLAIN], behind=box(b"jumb", b"x")), "content credentials (C2PA)"),
        (heif([PLAIN], behind=box(b"mpvd", b"film")), "the video of a motion photo"),
        (heif([PLAIN], before=box(b"moov", b"film"), in_mdat=b"sample"), "a video or an image sequence"),
        (heif([Entry(PLAIN.kind, PLAIN.data, [*PLAIN.properties, (b"clli", bytes(4))])]), "HDR mastering data"),
    ],
)
def test_what_is_known_and_left_out_is_called_by_its_name(data, what):
    assert_whole(data)
    assert any(what in note for note in losses("HEIC", data))


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (b"urn:mpeg:hevc:2015:auxid:2", "the depth map"),
        (b"urn:mpeg:mpegB:cicp:systems:auxiliary:depth", "the depth map"),
        (b"urn:com:apple:photo:2020:aux:hdrgainmap", "the gain map"),
        (b"urn:com:apple:photo:2018:aux:portraiteffectsmatte", "the portrait matte"),
        (b"urn:com:apple:photo:2019:aux:semanticskinmatte", "segmentation mattes"),
        (b"urn:nobody", "auxiliary pictures of an unknown kind"),
    ],
)
def test_auxiliary_pictures_are_left_out_by_name_and_do_not_become_the_picture(kind, what):
    grey = auxiliary(main_entry(heic("grey")), kind)
    data = heif([PLAIN, grey], [(b"auxl", 2, [1])])
    assert_whole(data)
    picture = read_picture(data)
    assert [note for note in picture.notes if what in note]
    assert len(picture.notes) == 1
    np.testing.assert_array_equal(picture.color, read_picture(BASE).color)
    assert picture.alpha is None


def test_a_gain_map_by_the_iso_standard_is_one_loss():
    """The recipe (tmap), its gain map and what is said of the two together go in one note."""
    grey = main_entry(heic("grey"))
    tmap = Entry(b"tmap", bytes(60), [(b"ispe", bytes(4) + struct.pack(">II", 48, 32))])
    data = heif([PLAIN, grey, tmap], [(b"dimg", 3, [1, 2])], in_meta=box(b"grpl", full(b"altr", bytes(16))))
    assert_whole(data)
    notes = read_picture(data).notes
    assert len(notes) == 1
    assert notes[0].startswith("Left out: the gain map (HDR)")


def test_thumbnails_are_made_anew_without_a_note():
    data = heif([PLAIN, main_entry(heic("grey"))], [(b"thmb", 2, [1])])
    assert read_picture(data).notes == ()


def test_pictures_beside_the_main_one_are_counted():
    other = main_entry(heic("grey"))
    data = heif([PLAIN, other, other])
    assert read_picture(data).notes == ("Only the main one of 3 pictures is read.",)
    assert probe(data, max_pixels=10**6).frames == 3
    hidden = Entry(other.kind, other.data, other.properties, hidden=True)
    notes = losses("HEIC", heif([PLAIN, hidden]))
    assert len(notes) == 1
    assert notes[0].startswith("Left out: hidden pictures")


STEPS = {
    "clap": clap(20, 10, (3, 1), (-2, 1)),
    "odd clap": clap(21, 11, (1, 2), (-3, 2)),
    "irot": (b"irot", b"\1"),
    "half": (b"irot", b"\2"),
    "left": (b"irot", b"\3"),
    "imir 0": (b"imir", b"\0"),
    "imir 1": (b"imir", b"\1"),
}
COMBINATIONS = [
    names
    for count in (1, 2, 3)
    for names in itertools.permutations(STEPS, count)
    if sum("clap" in n for n in names) < 2
]


def by_libheif(data: bytes) -> np.ndarray:
    image = pi_heif.open_heif(io.BytesIO(data))
    return np.array(image)


def turned(names: tuple[str, ...], entry: Entry = PLAIN) -> Entry:
    return Entry(entry.kind, entry.data, [*entry.properties, *(STEPS[name] for name in names)])


@pytest.mark.parametrize("names", COMBINATIONS[:: max(1, len(COMBINATIONS) // 60)])
def test_crops_and_turns_are_those_of_libheif_in_the_order_of_the_file(names):
    """The decoder of HEIC applies them by itself: an oracle for what is applied to an AVIF here."""
    data = heif([turned(names)])
    expected = by_libheif(data)
    shown = still_of(data).upright(by_libheif(BASE))
    np.testing.assert_array_equal(shown, expected)
    picture = read_picture(data)
    assert (picture.height, picture.width) == expected.shape[:2]
    header = probe(data, max_pixels=10**6)
    assert (header.height, header.width) == expected.shape[:2]


@NEEDS_AVIF
@pytest.mark.parametrize("names", COMBINATIONS[:: max(1, len(COMBINATIONS) // 30)])
def test_an_avif_is_cropped_and_turned_likewise(names):
    base = saved(Image.fromarray(gradient(64, 64)), "AVIF", quality=90)
    entry, plain = main_entry(base), read_picture(base)
    data = heif([turned(names, entry)], brand=b"avif")
    like = heif([turned(names)])

    picture = read_picture(data)
    np.testing.assert_array_equal(picture.color, still_of(like).upright(plain.color))
    header = probe(data, max_pixels=10**6)
    assert (header.height, header.width) == picture.color.shape[:2]
    assert picture.notes == ()


@NEEDS_AVIF
def test_the_clean_aperture_of_an_avif_is_followed():
    """96x64 with an aperture of 48x32 in its middle, as libheif and libvips read it."""
    path = ASSETS / "heic" / "clap.avif"
    header = probe(path, max_pixels=10**6)
    assert (header.width, header.height) == (48, 32)
    picture = read_picture(path)
    with Image.open(path) as whole:
        np.testing.assert_array_equal(picture.color, np.asarray(whole)[16:48, 24:72])
    assert picture.notes == ()


@NEEDS_AVIF
@pytest.mark.parametrize("wrong", [clap(900, 10), clap(0, 10), clap(20, 10, (400, 1)), clap(20, 10, (1, 0))])
def test_an_impossible_aperture_is_told(wrong):
    entry = main_entry(avif())
    picture = read_picture(heif([Entry(entry.kind, entry.data, [*entry.properties, wrong])], brand=b"avif"))
    assert picture.notes == (NONSENSE_NOTE,)
    assert picture.color.shape == (24, 32, 3)


@pytest.mark.parametrize(("shape", "told"), [((16, 11), True), ((1, 1), False), ((0, 1), False)])
def test_pixels_that_are_not_square_are_told(shape, told):
    """As in JPEG and PNG."""
    entry = Entry(PLAIN.kind, PLAIN.data, [*PLAIN.properties, (b"pasp", struct.pack(">II", *shape))])
    note = f"The file says that its pixels are not square ({shape[0]} : {shape[1]}); this is left out."
    assert read_picture(heif([entry])).notes == ((note,) if told else ())


@pytest.mark.parametrize(
    "data", [heic("camera"), heif([PLAIN, Entry(b"Exif", bytes(4) + camera_exif())], [(b"cdsc", 2, [1])])]
)
def test_every_truncation_and_many_damages_end_the_walk(data):
    """Nothing in the account can fail, and what it lists covers the file."""
    for end in range(len(data)):
        assert_whole(data[:end])
    random = np.random.default_rng(0)
    for _ in range(300):
        broken = bytearray(data)
        for at in random.integers(0, min(len(data), 700), 3):
            broken[at] = random.integers(0, 256)
        account_of("HEIC", bytes(broken))
        try:
            probe(bytes(broken), max_pixels=10**6)
        except ImageReadError:
            continue


def test_countless_boxes_items_and_links_end_at_once():
    begun = time.process_time()
    free = box(b"free") * (isobmff.MAX_BOXES + 1)
    for data in (heif([PLAIN], before=free), heif([PLAIN], in_meta=free), heif([PLAIN], in_ipco=free)):
        with pytest.raises(ImageReadError):
            probe(data, max_pixels=10**6)
        assert [entry.rule.fate for entry in account_of("HEIC", data)] == [Fate.DROPPED]
    links = struct.pack(">I", 5000) + b"".join(struct.pack(">HB", at, 255) + bytes(255) for at in range(5000))
    with pytest.raises(ImageReadError):
        probe(heif([PLAIN], in_iprp=full(b"ipma", links)), max_pixels=10**6)
    assert time.process_time() - begun < 20


def test_items_that_share_all_bytes_cost_little():
    """Thousands of items that each claim the whole file are sorted once."""
    entries = [Entry(b"abcd", b"") for _ in range(5000)]
    data = heif([PLAIN, *entries])
    begun = time.process_time()
    assert account_of("HEIC", data)
    assert time.process_time() - begun < 5


def test_an_item_may_lie_in_pieces_and_in_idat():
    """Construction method 1 counts from the content of idat, and one item may have several extents."""
    media = isobmff.parse(heic("camera"))
    grid = next(item for item in media.items.values() if item.kind == "grid")
    idat = next(each.part for each in account_of("HEIC", heic("camera")) if each.part.name == "idat header")
    assert grid.extents == ((idat.start + 8, idat.start + 16),)
