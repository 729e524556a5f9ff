"""Pages taken out of a TIFF: each is a file that says what the whole says of it, whatever is wrong with either."""

from __future__ import annotations

import random
import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.images import read_picture
from nlsr_cli.images.containers import tiff, tiff_pages
from nlsr_cli.images.containers.tiff_file import PAGE, SLACK_NAME, find_pages
from nlsr_cli.images.containers.tiff_pages import Excerpt, leaves
from nlsr_cli.images.parts import GAP, TRAILER
from nlsr_cli.storing import collected
from tests.images.containers.test_tiff_file import below, chained, grey
from tests.images.deep_files import deep_tiff, samples
from tests.images.files import camera_exif, losses, saved

REDUCED = {254: (4, 1, struct.pack("<I", 1))}


def excerpts(data: bytes) -> list[bytes]:
    found = []
    for leaf in leaves(data):
        page = Excerpt(data, leaf)
        file, notes = collected(page.pieces())
        assert (len(file), notes) == (page.size, ())
        found.append(file)
    return found


def test_each_page_has_its_directories() -> None:
    """Copies that lead belong to the first page, those that follow to the page before them."""
    small = grey(REDUCED, side=4)
    data = chained(small, grey(), small, small, grey(side=16), grey(side=4))
    chain = tiff.chain(data)
    assert [leaf.directories for leaf in leaves(data)] == [chain[:4], chain[4:5], chain[5:]]
    assert [len(tiff.chain(page)) for page in excerpts(data)] == [4, 1, 1]
    assert [find_pages(page).full for page in excerpts(data)] == [1, 1, 1]
    assert leaves(chained(small, small)) == ()


def test_a_page_says_what_the_file_says_of_its_first_one() -> None:
    """Its copies, what is below it and EXIF included: metadata and notes are the same but for the count."""
    small = grey(REDUCED, side=4)
    first = below(grey({270: (2, 6, b"title\0"), 330: (4, 1, bytes(4))}), small)
    for data in (chained(first, small, grey(side=4)), chained(small, grey(), grey(side=4))):
        whole, page = read_picture(data), read_picture(excerpts(data)[0])
        assert np.array_equal(whole.color, page.color)
        assert whole.metadata == page.metadata
        assert set(whole.notes) - set(page.notes) == {note for note in whole.notes if "Only the first of 2" in note}
        assert set(page.notes) <= set(whole.notes)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("layout", [{}, {"tile": 16}, {"planar": True}, {"rows": 1}])
def test_samples_wherever_they_lie(order: str, big: bool, layout: dict[str, object]) -> None:
    """The page stands behind others, whose bytes are not in it."""
    page = deep_tiff(samples(3), 2, order=order, big=big, **layout)
    data, ahead = behind(page, order, big=big), 100_000
    (one, other) = excerpts(data)
    assert len(other) < len(page) + 64 < ahead < len(data)
    assert np.array_equal(read_picture(other).color, samples(3))
    assert np.array_equal(read_picture(one).color, samples(3))


def behind(page: bytes, order: str, *, big: bool) -> bytes:
    """Return a file whose first page is `page`, and whose second one is the same far behind it."""
    layout = tiff.BIG if big else tiff.CLASSIC
    _, _, start = tiff.header(page)
    ahead = 100_000
    moved = bytearray(page)
    for tag, at in tiff.rows(page, start):
        _, kind, count = struct.unpack_from(order + layout.entry, page, at)
        field, beyond = at + struct.calcsize("<" + layout.entry), tiff.SIZES[kind] * count > layout.field_size
        if beyond:
            (place,) = struct.unpack_from(order + layout.offset, page, field)
            struct.pack_into(order + layout.offset, moved, field, place + ahead)
        if tag in (273, 324):
            place = place if beyond else field
            code = f"{order}{count}{tiff.CODES[kind]}"
            values = [value + ahead for value in struct.unpack_from(code, page, place)]
            struct.pack_into(code, moved, place, *values)
    data = bytearray(page)
    pointer = start + struct.calcsize("<" + layout.counter) + len(tiff.rows(page, start)) * layout.row
    struct.pack_into(order + layout.offset, data, pointer, start + ahead)
    return bytes(data + bytes(ahead - len(data)) + moved)


def test_strips_that_share_their_bytes_are_held_once() -> None:
    """Writers store a blank strip once and point to it many times."""
    strip, many = bytes(8), 2000
    places = {
        273: (4, many, struct.pack(f"<{many}I", *[8] * many)),
        279: (4, many, struct.pack(f"<{many}I", *[8] * many)),
    }
    entries = {tag: tiff.Entry(*value) for tag, value in places.items()}
    for tag, value in {256: 8, 257: many, 258: 8, 259: 1, 262: 1, 277: 1, 278: 1}.items():
        entries[tag] = tiff.Entry(tiff.SHORT, 1, struct.pack("<H", value))
    head = b"II*\0" + struct.pack("<I", 16) + strip
    (page,) = excerpts(head + tiff.lay_out(tiff.Directory(entries), "<", 16))
    assert len(page) < len(head) + 9 * many
    assert read_picture(page).color.shape == (many, 8, 1)


@pytest.mark.parametrize("stated", [0, 1, 63])
def test_lengths_that_are_wrong_do_no_harm(stated: int) -> None:
    """Readers heed none where samples are not compressed, and what they read is in the page."""
    data = chained(grey(), grey(side=4))
    at = next(at for tag, at in tiff.rows(data, tiff.chain(data)[0]) if tag == 279)
    data = data[: at + 8] + struct.pack("<I", stated) + data[at + 12 :]
    try:
        whole = read_picture(data)
    except Exception as error:  # noqa: BLE001 - whichever it is, the page has the same one
        with pytest.raises(type(error)):
            read_picture(excerpts(data)[0])
    else:
        assert np.array_equal(read_picture(excerpts(data)[0]).color, whole.color)


def test_a_maker_note_stays_where_it_was() -> None:
    """Many makers count their own offsets from the beginning of the file."""
    held = BytesIO()
    first = Image.open(BytesIO(saved(Image.new("RGB", (32, 32)), "TIFF")))
    first.save(held, "TIFF", exif=camera_exif(), save_all=True, append_images=[Image.new("RGB", (9, 9))])
    data = held.getvalue()
    notes = [
        tiff.parse(each).root.children[tiff.EXIF_IFD].entries[tiff.MAKER_NOTE] for each in (data, excerpts(data)[0])
    ]
    assert notes[0] == notes[1]
    assert 8 <= notes[0].offset <= tiff.PIN_LIMIT


def test_what_belongs_to_no_page_is_found() -> None:
    data = chained(grey(), grey(side=4)) + b"?" * 300 + bytes(9000)
    found = {part.name: part.size for part in tiff_pages.strays(data, leaves(data))}
    assert found.keys() == {TRAILER, SLACK_NAME}
    assert found[TRAILER] == 300
    middle = chained(grey() + bytes(40) + b"!" * 400 + bytes(40), grey(side=4))
    first = next(tiff_pages.strays(middle, leaves(middle)))
    assert (first.name, first.size >= 400) == (GAP, True)


def test_what_points_outside_points_outside() -> None:
    """A page that is cut off, or has a broken entry, is one in the excerpt too, and is told as that."""
    data = chained(grey(side=16), grey({270: (2, 50, b"x" * 50)}, side=15))
    start = tiff.chain(data)[1]
    at = next(at for tag, at in tiff.rows(data, start) if tag == 270)
    broken = data[: at + 8] + struct.pack("<I", len(data) - 10) + data[at + 12 :]
    assert [tiff.parse(page).broken for page in excerpts(broken)] == [0, 1]
    at = next(at for tag, at in tiff.rows(data, start) if tag == 273)
    gone = data[: at + 8] + struct.pack("<I", len(data) + 10) + data[at + 12 :]
    with pytest.raises(Exception, match=r"truncated|damaged"):
        read_picture(excerpts(gone)[1])


def test_hostile_files_end_in_no_surprise() -> None:
    """Changed bytes: pages, or the errors that callers know."""
    chance = random.Random(0)
    base = [
        chained(below(grey({330: (4, 1, bytes(4))}), grey(REDUCED)), grey(side=4)),
        behind(deep_tiff(samples(1), 1, big=True), "<", big=True),
    ]
    for _ in range(400):
        data = bytearray(chance.choice(base))
        for _ in range(chance.randint(1, 5)):
            data[chance.randrange(min(len(data), 600))] = chance.choice([0, 1, 16, 255, chance.randrange(256)])
        given = bytes(data[: chance.choice([len(data), chance.randrange(8, len(data))])])
        try:
            for leaf in leaves(given):
                assert Excerpt(given, leaf).size <= len(given) + 16
                collected(Excerpt(given, leaf).pieces())
            list(tiff_pages.strays(given, leaves(given)))
        except (ValueError, struct.error):
            continue


def test_a_page_is_not_told_as_lost() -> None:
    """The whole names what it leaves out; a page of it has nothing of the kind."""
    data = chained(grey(), grey(side=4))
    assert losses("TIFF", excerpts(data)[0]) == ()
    assert PAGE == "page"
