"""Names that lead elsewhere: links at and above an output, `..` in patterns, suffixes and models."""

from __future__ import annotations

from tests.tools.torture.bench import MEANWHILE, Bench
from tests.tools.torture.command import nlsr

SECRET = b"not a picture, and not nlsr's to write"


def link_at_output(bench: Bench) -> str:
    """A link where an output goes is never followed: refused without --overwrite, replaced or refused with it."""
    victim = bench.folder / "victim"
    bench.out.mkdir(parents=True)
    victim.write_bytes(SECRET)
    (bench.out / "b_x2.png").symlink_to(victim)
    (bench.out / "c_x2.png").symlink_to(bench.folder / "nowhere")
    ended = bench.upscale()
    bench.expect_code(ended, 3)
    bench.expect_status(ended, a="done", b="failed", c="failed")
    bench.expect(victim.read_bytes() == SECRET, "the link was followed")
    again = bench.upscale("--overwrite")
    bench.expect_code(again, 0, 3)
    bench.expect(victim.read_bytes() == SECRET, "with --overwrite the link was followed")
    bench.expect(not (bench.folder / "nowhere").exists(), "a dangling link was followed")
    return "never followed"


def link_meanwhile(bench: Bench) -> str:
    """A link that appears between plan and write is not followed either."""
    victim = bench.folder / "victim"
    bench.out.mkdir(parents=True)
    victim.write_bytes(SECRET)
    place = bench.out / "b_x2.png"
    prelude = f"{MEANWHILE}\ndef meanwhile():\n    import os\n    os.symlink({str(victim)!r}, {str(place)!r})"
    ended = bench.upscale(prelude=prelude)
    bench.expect_code(ended, 0, 3)
    bench.expect(victim.read_bytes() == SECRET, "the link was followed")
    return "never followed"


def linked_folder(bench: Bench) -> str:
    """A linked folder in the output tree does not lead outputs out of it."""
    outside = bench.folder / "outside"
    outside.mkdir(parents=True)
    (bench.source / "sub").mkdir()
    (bench.source / "a.png").rename(bench.source / "sub" / "a.png")
    bench.out.mkdir()
    (bench.out / "sub").symlink_to(outside)
    ended = bench.upscale("-r")
    bench.expect_code(ended, 3)
    bench.expect_status(ended, a="failed", b="done", c="done")
    bench.expect(not list(outside.iterdir()), f"written outside: {[path.name for path in outside.iterdir()]}")
    return "the file fails with the reason, nothing is written outside"


def dots_in_pattern(bench: Bench) -> str:
    """A pattern that climbs does not lead outputs out of the folder that was named for them."""
    (bench.source / "sub").mkdir()
    before = {str(path.relative_to(bench.folder)) for path in bench.folder.rglob("*")}
    for pattern in ("sub/../*.png", "*/../*.png", "*/../../in/*.png", "s*/../../*/*.png"):
        bench.upscale("--overwrite", source=f"{bench.source}/{pattern}")
    after = {str(path.relative_to(bench.folder)) for path in bench.folder.rglob("*")} - before
    outside = sorted(name for name in after if not name.startswith("out"))
    bench.expect(not outside, f"written outside of the output folder: {', '.join(outside)}")
    return "nothing is written outside"


def dots_in_suffix(bench: Bench) -> str:
    """A suffix with a path in it is refused as a mistake of the command line."""
    for suffix in ("/../../x", "..\\x", "/x"):
        ended = bench.upscale("--suffix", suffix)
        bench.expect_code(ended, 2)
    plain = bench.upscale("--suffix", "..")
    bench.expect_code(plain, 0)
    bench.expect(
        sorted(path.name for path in bench.out.iterdir() if path.name[0] != ".")[:1] == ["a...png"], "elsewhere"
    )
    return "refused (exit 2)"


def dots_in_model(bench: Bench) -> str:
    """A Hub id or a revision with `..` reaches neither the network nor the cache."""
    home = bench.folder / "cache"
    for model in ("../..", "owner/..", "owner/repo@../../x", "owner/repo@a/../../b", "..", "owner/re..po/../x"):
        ended = bench.seen(nlsr("upscale", bench.source, "-o", bench.out, "-m", model, env={"HF_HOME": str(home)}))
        bench.expect(ended.code in (1, 2), f"{model}: {ended}")
    bench.expect(not home.exists() or not list(home.rglob("models--*")), "the cache was touched")
    bench.expect_nothing()
    return "refused"
