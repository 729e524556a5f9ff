"""Whatever changes the bytes of an output is in the key of its job; what does not is left out by name."""

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest

from nlsr_cli.batch.fingerprint import CHANGE_NO_BYTES, RESOLVED, Identity
from nlsr_cli.batch.job import Job
from nlsr_cli.batch.sink import FileSink
from nlsr_cli.batch.source import FileSource
from nlsr_cli.images import encode_any, native_formats
from nlsr_cli.images.formats import WRITABLE, writing_of
from nlsr_cli.options import ComputeOptions, EncodeOptions, TileOptions, UpscaleOptions
from nlsr_cli.sizes import SizeOptions
from nlsr_cli.upscaling.route import Aim
from nlsr_cli.zoo import find_models, resolve
from tests.images.files import picture

CONTENT = "0" * 64
# Another value for every option. A new option is in the key by itself; whether it should be is decided by adding it
# here, or to CHANGE_NO_BYTES.
OTHER = {
    UpscaleOptions: {
        "ensemble": True,
        "max_memory": 2**30,
        "alpha": "lanczos",
        "strength": 0.5,
        "deblock": 0.5,
        "denoise": 0.5,
        "wrap": "xy",
        "floor": 0.0,
        "offline": True,
        "max_pixels": 5,
        "page": 2,
    },
    TileOptions: {"size": 64, "overlap": 8},
    EncodeOptions: {
        "quality": 80,
        "lossless": True,
        "pyramid": True,
        "background": "black",
        "strip": True,
        "provenance": False,
    },
}
NESTED = {"tile": TileOptions, "encode": EncodeOptions}


def key(options: UpscaleOptions, content: str = CONTENT, format_: str = "PNG", *, stream: bool = False) -> str:
    models = find_models(options.model)
    sizes = options.sizes if options.sizes.given else SizeOptions(scale=models.default)
    route = None if stream else Aim(sizes, models.scales, bicubic=options.strength == 0).route(20, 30)
    return Identity(options, models).key(Job(FileSource(Path("a")), FileSink(Path("b")), format_, route=route), content)


BASE = UpscaleOptions(compute=ComputeOptions("cpu", "fp32"))


def test_every_option_is_decided_about() -> None:
    """It fails for an option that nobody has thought about."""
    for kind, others in OTHER.items():
        elsewhere = RESOLVED | set(NESTED) if kind is UpscaleOptions else set()
        assert {each.name for each in fields(kind)} - elsewhere == set(others)
    assert {each.name for each in fields(UpscaleOptions)} >= CHANGE_NO_BYTES | RESOLVED | set(NESTED)


@pytest.mark.parametrize("name", OTHER[UpscaleOptions])
def test_an_option_changes_the_key_unless_it_changes_no_bytes(name: str) -> None:
    """Named here once more: what is left out of the key by mistake leaves old outputs standing."""
    other = replace(BASE, **{name: OTHER[UpscaleOptions][name]})
    assert (key(other) == key(BASE)) == (name in ("floor", "offline", "max_pixels"))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("part", "name"), [(part, name) for part, kind in NESTED.items() for name in OTHER[kind]])
def test_so_does_each_option_of_tiles_and_files(part: str, name: str, stream: bool) -> None:
    nested = replace(getattr(BASE, part), **{name: OTHER[NESTED[part]][name]})
    other = replace(BASE, **{part: nested})
    format_ = (
        "" if stream else {"background": "JPEG", "pyramid": "TIFF"}.get(name, "WEBP")
    )  # unknown before a stream is read
    assert key(other, format_=format_, stream=stream) != key(BASE, format_=format_, stream=stream)


@pytest.mark.parametrize("format_", WRITABLE)
@pytest.mark.parametrize("name", ["quality", "lossless", "background"])
def test_what_changes_no_byte_of_a_format_changes_no_key(format_: str, name: str) -> None:
    """And the other way round: the encoders themselves say which of them a format heeds."""
    if writing_of(format_).tiled:
        pytest.skip("a DeepZoom has a test of its own")
    if format_ not in native_formats().writable:
        pytest.skip(f"{format_} is not written without an extra")
    other = EncodeOptions(**{name: OTHER[EncodeOptions][name]})
    made = picture(3, alpha=True)
    same_bytes = len({encode_any(made, format=format_, options=each)[0] for each in (EncodeOptions(), other)}) == 1
    assert (key(replace(BASE, encode=other), format_=format_) == key(BASE, format_=format_)) == same_bytes


def test_what_has_changed_is_named_as_it_is_written() -> None:
    models = find_models("lite")
    job = Job(
        FileSource(Path("a")), FileSink(Path("b")), "WEBP", route=Aim(SizeOptions(scale=4), models.scales).route(20, 30)
    )
    other = replace(BASE, tile=TileOptions(64, 8), encode=EncodeOptions(quality=80, provenance=False), ensemble=True)
    line = json.loads(json.dumps(Identity(BASE, models).line(job, CONTENT)))
    assert Identity(BASE, models).changed(job, line["options"]) == []
    assert Identity(other, models).changed(job, line["options"]) == [
        "--no-provenance", "--quality", "--ensemble", "--overlap", "--tile"
    ]  # fmt: skip
    wider = replace(job, route=Aim(SizeOptions(scale=2), models.scales).route(20, 30))
    assert Identity(BASE, models).changed(wider, line["options"]) == ["the size"]


@pytest.mark.parametrize("stream", [False, True])
def test_content_format_model_and_size_change_the_key(stream: bool) -> None:
    others = [
        key(BASE, stream=stream),
        key(BASE, content="1" * 64, stream=stream),
        key(BASE, format_="JPEG", stream=stream),
        key(replace(BASE, model="nlsn-lite-x2", scale=4), stream=stream),
        key(replace(BASE, scale=2), stream=stream),
        key(replace(BASE, scale=2.5), stream=stream),
        key(replace(BASE, size=SizeOptions(width=75)), stream=stream),
        key(replace(BASE, size=SizeOptions(width=77)), stream=stream),
    ]
    equal = 0 if stream else 1  # 2.5 times is 75 pixels wide, and what is asked otherwise is not asked for more
    assert len(set(others)) == len(others) - equal


def test_what_comes_to_the_same_has_the_same_key() -> None:
    """A scale that is the model's own, and `auto` where it means what was asked for, are no other options."""
    assert key(replace(BASE, scale=4)) == key(BASE)
    assert key(replace(BASE, model="lite")) == key(BASE)
    automatic = Identity(UpscaleOptions(compute=ComputeOptions("cpu")), find_models(None)).settings["precision"]
    assert automatic[1] == "fp32", "deep pictures run in float32"


def test_a_line_tells_what_made_an_output(tmp_path: Path) -> None:
    models = find_models("lite")
    job = Job(FileSource(tmp_path / "in" / "a.png"), FileSink(tmp_path / "out" / "a_x4.png"), "PNG")
    job = replace(job, route=Aim(SizeOptions(scale=4), models.scales).route(20, 30))
    line = Identity(BASE, models).line(job, CONTENT)
    assert line["output"] == "a_x4.png"
    assert line["origin"] == str(Path("..", "in", "a.png"))
    assert line["source"] == str(tmp_path / "in" / "a.png")
    assert [model["name"] for model in line["models"]] == ["nlsn-lite-x4"]
    assert line["models"][0]["sha256"] == resolve("nlsn-lite-x4", None).sha256["model.safetensors"]
    assert (line["options"]["encode"]["quality"], line["options"]["width"]) == (95, 120)


def test_what_other_machines_find_is_in_the_key_as_if_it_were_found_here() -> None:
    there = ComputeOptions("cuda", "auto", ("cuda", "fp16"))
    identity = Identity(replace(BASE, compute=there), find_models(None))
    assert (identity.settings["device"], identity.settings["precision"]) == ("cuda", ["fp16", "fp32"])
    assert key(BASE) == key(replace(BASE, compute=ComputeOptions("cpu", "fp32", ("cpu", "fp32"))))
